// SPDX-License-Identifier: GPL-2.0
/*
 * How the host spreads received frames over the channels, as ethtool shows and
 * sets it: key, table, and which fields it hashes.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "netvsc_var.h"

#define L3_FIELDS (RXH_IP_SRC | RXH_IP_DST)
#define L4_FIELDS (L3_FIELDS | RXH_L4_B_0_1 | RXH_L4_B_2_3)

u32 netvsc_rss_key_size(struct net_device *net)
{
	return NDIS_RSS_KEY_LEN;
}

u32 netvsc_rss_table_size(struct net_device *net)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);

	return conn ? conn->caps.rss_entries : 0;
}

int netvsc_rss_get(struct net_device *net, struct ethtool_rxfh_param *rxfh)
{
	struct netvsc_dev *nd = netdev_priv(net);

	rxfh->hfunc = ETH_RSS_HASH_TOP;
	if (rxfh->indir)
		memcpy(rxfh->indir, nd->rss.table,
		       netvsc_rss_table_size(net) * sizeof(u32));
	if (rxfh->key)
		memcpy(rxfh->key, nd->rss.key, NDIS_RSS_KEY_LEN);
	return 0;
}

/*
 * Let the host have what was chosen, or choose again what it had. With one
 * channel it's for later.
 */
static int apply(struct netvsc_dev *nd, struct netvsc_conn *conn,
		 const struct netvsc_rss *old)
{
	int err = netvsc_oid_set_rss(conn);

	if (err == -EOPNOTSUPP)
		err = 0;
	if (err) {
		nd->rss = *old;
		/* The host has switched it off, and not on again. */
		netvsc_silence_unsure(nd);
	}
	return err;
}

static int set_table(struct netvsc_dev *nd, const u32 *table, u32 entries)
{
	u32 chans = nd->net->real_num_rx_queues;
	bool spread = true;
	u32 i;

	for (i = 0; i < entries; i++) {
		if (table[i] >= chans)
			return -EINVAL;
		spread &= table[i] == ethtool_rxfh_indir_default(i, chans);
	}
	memcpy(nd->rss.table, table, entries * sizeof(*table));
	nd->rss.user_table = !spread;
	nd->rss.table_chans = chans;
	return 0;
}

int netvsc_rss_set(struct net_device *net, struct ethtool_rxfh_param *rxfh,
		   struct netlink_ext_ack *extack)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	struct netvsc_rss old = nd->rss;
	int err;

	if (!conn)
		return -ENODEV;
	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE &&
	    rxfh->hfunc != ETH_RSS_HASH_TOP) {
		NL_SET_ERR_MSG_MOD(extack, "the hash function is Toeplitz");
		return -EOPNOTSUPP;
	}
	if (!conn->caps.rss_entries) {
		NL_SET_ERR_MSG_MOD(extack, "the host has no RSS");
		return -EOPNOTSUPP;
	}

	if (rxfh->indir) {
		err = set_table(nd, rxfh->indir, conn->caps.rss_entries);
		if (err)
			return err;
	}
	if (rxfh->key)
		memcpy(nd->rss.key, rxfh->key, NDIS_RSS_KEY_LEN);
	if (!rxfh->indir && !rxfh->key)
		return 0;
	return apply(nd, conn, &old);
}

struct flow {
	u32 type;
	u32 hash;		/* hash type with ports */
	u32 cap;		/* the host's capability for it */
};

static const struct flow flows[] = {
	{ TCP_V4_FLOW, NDIS_HASH_TCP_IPV4, NDIS_RSS_CAP_TCP4 },
	{ TCP_V6_FLOW, NDIS_HASH_TCP_IPV6, NDIS_RSS_CAP_TCP6 },
	{ UDP_V4_FLOW, NDIS_HASH_UDP_IPV4, NDIS_RSS_CAP_UDP4 },
	{ UDP_V6_FLOW, NDIS_HASH_UDP_IPV6, NDIS_RSS_CAP_UDP6 },
};

static const struct flow *find_flow(u32 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flows); i++) {
		if (flows[i].type == type)
			return &flows[i];
	}
	return NULL;
}

int netvsc_rss_get_fields(struct net_device *net,
			  struct ethtool_rxfh_fields *fields)
{
	struct netvsc_dev *nd = netdev_priv(net);
	const struct flow *flow = find_flow(fields->flow_type);

	if (flow && (nd->rss.hash_info & flow->hash))
		fields->data = L4_FIELDS;
	else if (flow || fields->flow_type == IPV4_FLOW ||
		 fields->flow_type == IPV6_FLOW)
		fields->data = L3_FIELDS;
	else
		fields->data = 0;
	return 0;
}

int netvsc_rss_set_fields(struct net_device *net,
			  const struct ethtool_rxfh_fields *fields,
			  struct netlink_ext_ack *extack)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	const struct flow *flow = find_flow(fields->flow_type);
	struct netvsc_rss old = nd->rss;

	if (!conn)
		return -ENODEV;
	if (!flow || !conn->caps.rss_entries)
		return -EOPNOTSUPP;

	if (fields->data == L3_FIELDS) {
		nd->rss.hash_info &= ~flow->hash;
	} else if (fields->data == L4_FIELDS) {
		if (!(conn->caps.rss_flags & flow->cap)) {
			NL_SET_ERR_MSG_MOD(extack,
					   "the host can't hash these ports");
			return -EOPNOTSUPP;
		}
		nd->rss.hash_info |= flow->hash;
	} else {
		return -EOPNOTSUPP;
	}
	if (nd->rss.hash_info == old.hash_info)
		return 0;
	return apply(nd, conn, &old);
}
