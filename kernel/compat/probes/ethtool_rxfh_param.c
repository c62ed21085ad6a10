// SPDX-License-Identifier: GPL-2.0
/* 6.8, fb6e30a72539: RSS settings come in a struct */
#include <linux/ethtool.h>

int probe_get(struct net_device *net, struct ethtool_rxfh_param *rxfh);
int probe_set(struct net_device *net, struct ethtool_rxfh_param *rxfh,
	      struct netlink_ext_ack *extack);

struct ethtool_ops probe_ops = {
	.get_rxfh = probe_get,
	.set_rxfh = probe_set,
};
