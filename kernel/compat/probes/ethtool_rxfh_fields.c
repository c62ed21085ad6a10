// SPDX-License-Identifier: GPL-2.0
/* 6.16 and stable kernels: what is hashed has operations of its own */
#include <linux/ethtool.h>

int probe_get(struct net_device *net, struct ethtool_rxfh_fields *fields);
int probe_set(struct net_device *net, const struct ethtool_rxfh_fields *fields,
	      struct netlink_ext_ack *extack);

struct ethtool_ops probe_ops = {
	.get_rxfh_fields = probe_get,
	.set_rxfh_fields = probe_set,
};
