// SPDX-License-Identifier: GPL-2.0
/* 6.4, 75cff725d956: bus attributes take a const bus_type */
#include <linux/device.h>

ssize_t probe_show(const struct bus_type *bus, char *buf);

struct bus_attribute probe_attr = { .show = probe_show };
