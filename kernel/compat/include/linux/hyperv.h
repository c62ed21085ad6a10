/* SPDX-License-Identifier: GPL-2.0 */
/*
 * driver_override: where the driver core doesn't keep it, struct hv_device
 * does, and the bus shows it in sysfs (kernel/vmbus/sysfs.c).
 */
#ifndef COMPAT_LINUX_HYPERV_H
#define COMPAT_LINUX_HYPERV_H

#include_next <linux/hyperv.h>
#include <linux/slab.h>

#ifdef COMPAT_HAVE_BUS_DRIVER_OVERRIDE
#define BUS_DRIVER_OVERRIDE .driver_override = true,

static inline void hv_device_override_free(struct hv_device *dev)
{
}
#else
#define BUS_DRIVER_OVERRIDE

/* 1: @drv is chosen, 0: another one is, -1: none.  Any context. */
int device_match_driver_override(struct device *dev,
				 const struct device_driver *drv);

/* When @dev is released. */
static inline void hv_device_override_free(struct hv_device *dev)
{
	kfree(dev->driver_override);
}
#endif

/* For hv_driver.remove; the bus ignores what older kernels return. */
#ifdef COMPAT_HAVE_HV_REMOVE_VOID
#define HV_REMOVE_RETURN void
#define HV_REMOVE_DONE
#else
#define HV_REMOVE_RETURN int
#define HV_REMOVE_DONE 0
#endif

#endif
