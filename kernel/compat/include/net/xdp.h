/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.3 nobody asked a device what it does with XDP. */
#ifndef COMPAT_NET_XDP_H
#define COMPAT_NET_XDP_H

#include_next <net/xdp.h>

#ifndef COMPAT_HAVE_XDP_FEATURES
#define NETDEV_XDP_ACT_BASIC	0
#define NETDEV_XDP_ACT_REDIRECT	0
#define NETDEV_XDP_ACT_NDO_XMIT	0

static inline void xdp_set_features_flag(struct net_device *net, u32 features)
{
}
#endif

#endif
