/* SPDX-License-Identifier: GPL-2.0 */
/* For callbacks of a bus: const where this kernel's prototype has it. */
#ifndef COMPAT_LINUX_DEVICE_BUS_H
#define COMPAT_LINUX_DEVICE_BUS_H

#include_next <linux/device/bus.h>

#ifdef COMPAT_HAVE_BUS_MATCH_CONST
#define BUS_MATCH_CONST const
#else
#define BUS_MATCH_CONST
#endif

#ifdef COMPAT_HAVE_BUS_UEVENT_CONST
#define BUS_UEVENT_CONST const
#else
#define BUS_UEVENT_CONST
#endif

#ifndef COMPAT_HAVE_BUS_ATTR_CONST
/* Takes a show function whose bus is const, as newer kernels want it. */
#undef BUS_ATTR_RO
#define BUS_ATTR_RO(_name) \
	struct bus_attribute bus_attr_##_name = {			\
		.attr = { .name = __stringify(_name), .mode = 0444 },	\
		.show = (ssize_t (*)(struct bus_type *, char *))	\
			_name##_show,					\
	}
#endif

#endif
