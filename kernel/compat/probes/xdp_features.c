// SPDX-License-Identifier: GPL-2.0
/* 6.3, f85949f98206: a device says what it does with XDP */
#include <net/xdp.h>

void probe(struct net_device *net);
void probe(struct net_device *net)
{
	xdp_set_features_flag(net, NETDEV_XDP_ACT_BASIC);
}
