// SPDX-License-Identifier: GPL-2.0
/* 6.3, 2a81ada32f0e: bus_type.uevent takes a const device */
#include <linux/device.h>

int probe_uevent(const struct device *dev, struct kobj_uevent_env *env);

struct bus_type probe_bus = { .uevent = probe_uevent };
