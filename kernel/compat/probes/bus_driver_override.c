// SPDX-License-Identifier: GPL-2.0
/* 7.0 and stable kernels: the driver core keeps the driver_override */
#include <linux/device.h>

struct bus_type probe_bus = { .driver_override = true };

int probe(struct device *dev, const struct device_driver *drv);
int probe(struct device *dev, const struct device_driver *drv)
{
	return device_match_driver_override(dev, drv);
}
