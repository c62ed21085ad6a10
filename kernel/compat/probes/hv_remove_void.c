// SPDX-License-Identifier: GPL-2.0
/* 6.3, 96ec2939620c: hv_driver.remove returns nothing */
#include <linux/hyperv.h>

void probe_remove(struct hv_device *dev);

struct hv_driver probe_driver = { .remove = probe_remove };
