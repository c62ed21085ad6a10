// SPDX-License-Identifier: GPL-2.0
/* 6.11, d69d80484598: bus_type.match takes a const driver */
#include <linux/device.h>

int probe_match(struct device *dev, const struct device_driver *drv);

struct bus_type probe_bus = { .match = probe_match };
