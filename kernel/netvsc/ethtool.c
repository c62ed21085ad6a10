// SPDX-License-Identifier: GPL-2.0
/*
 * What ethtool shows and sets, but for RSS (ethtool_rss.c) and statistics
 * (stats.c). All operations are called with RTNL held. Numbers of channels and
 * sizes of buffers take a new connection with the host, which netvsc_conn_change()
 * makes, or else leaves things as they were.
 */
#include <linux/cpumask.h>
#include <linux/ethtool.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "netvsc_var.h"

#define REGS_VERSION	1

#define MAX_USECS	10000
#define MAX_FRAMES	65535

static void get_drvinfo(struct net_device *net, struct ethtool_drvinfo *info)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);

	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	if (conn && conn->version >= NVS_VERSION_2)
		snprintf(info->fw_version, sizeof(info->fw_version),
			 "NVSP %u.%u", conn->version >> 16,
			 conn->version & 0xffff);
	else
		strscpy(info->fw_version, conn ? "NVSP 1" : "N/A",
			sizeof(info->fw_version));
}

/* The send table, as scripts know it from the in-tree driver. */
static int get_regs_len(struct net_device *net)
{
	return NVS_SEND_TABLE_COUNT * sizeof(u32);
}

static void get_regs(struct net_device *net, struct ethtool_regs *regs,
		     void *to)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	u32 *table = to;
	u32 i;

	regs->version = REGS_VERSION;
	for (i = 0; i < NVS_SEND_TABLE_COUNT; i++)
		table[i] = conn ? READ_ONCE(conn->tx_table[i]) : 0;
}

static u32 get_msglevel(struct net_device *net)
{
	struct netvsc_dev *nd = netdev_priv(net);

	return nd->msg_enable;
}

static void set_msglevel(struct net_device *net, u32 level)
{
	struct netvsc_dev *nd = netdev_priv(net);

	nd->msg_enable = level;
}

static u32 max_channels(const struct netvsc_conn *conn)
{
	if (conn->version < NVS_VERSION_5)
		return 1;
	return clamp_t(u32, min(conn->caps.rss_queues, num_online_cpus()), 1,
		       NETVSC_MAX_CHANS);
}

static void get_channels(struct net_device *net,
			 struct ethtool_channels *channels)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);

	if (!conn)
		return;
	channels->combined_count = net->real_num_tx_queues;
	channels->max_combined = max(max_channels(conn),
				     channels->combined_count);
}

/* The core has checked the maxima, and that the RSS table still fits. */
static int set_channels(struct net_device *net,
			struct ethtool_channels *channels)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	struct netvsc_config want = nd->config;

	if (!conn)
		return -ENODEV;
	if (conn->version < NVS_VERSION_5 || !channels->combined_count)
		return -EINVAL;
	if (channels->combined_count == net->real_num_tx_queues &&
	    channels->combined_count == want.chans)
		return 0;
	want.chans = channels->combined_count;
	return netvsc_conn_change(nd, &want);
}

static u32 tx_sections(const struct netvsc_dev *nd,
		       const struct netvsc_conn *conn)
{
	return nd->config.tx_sections ?: conn->tx.size / NETVSC_TX_SECTION;
}

static void get_ringparam(struct net_device *net,
			  struct ethtool_ringparam *ring,
			  struct kernel_ethtool_ringparam *kernel_ring,
			  struct netlink_ext_ack *extack)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	u32 rx_max = NVS_RECV_BUF_MAX;

	if (!conn)
		return;
	if (conn->version <= NVS_VERSION_2)
		rx_max = NVS_RECV_BUF_MAX_V2;
	ring->rx_max_pending = rx_max / NETVSC_RX_SECTION;
	ring->tx_max_pending = NETVSC_TX_BUF_MAX / NETVSC_TX_SECTION;
	ring->rx_pending = min(nd->config.rx_sections, ring->rx_max_pending);
	ring->tx_pending = tx_sections(nd, conn);
}

static int set_ringparam(struct net_device *net,
			 struct ethtool_ringparam *ring,
			 struct kernel_ethtool_ringparam *kernel_ring,
			 struct netlink_ext_ack *extack)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	struct netvsc_config want = nd->config;
	u32 rx = max_t(u32, ring->rx_pending, NETVSC_MIN_SECTIONS);
	u32 tx = max_t(u32, ring->tx_pending, NETVSC_MIN_SECTIONS);

	if (!conn)
		return -ENODEV;
	/* What follows the number of channels goes on doing so. */
	if (tx != tx_sections(nd, conn))
		want.tx_sections = tx;
	want.rx_sections = rx;
	if (want.tx_sections == nd->config.tx_sections &&
	    want.rx_sections == nd->config.rx_sections)
		return 0;
	return netvsc_conn_change(nd, &want);
}

static int get_link_ksettings(struct net_device *net,
			      struct ethtool_link_ksettings *to)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct net_device *vf = rtnl_dereference(nd->vf.dev);

	if (vf)
		return __ethtool_get_link_ksettings(vf, to);
	to->base.speed = nd->speed;
	to->base.duplex = nd->duplex;
	to->base.port = PORT_OTHER;
	return 0;
}

static int set_link_ksettings(struct net_device *net,
			      const struct ethtool_link_ksettings *from)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct net_device *vf = rtnl_dereference(nd->vf.dev);

	if (vf) {
		if (!vf->ethtool_ops->set_link_ksettings)
			return -EOPNOTSUPP;
		return vf->ethtool_ops->set_link_ksettings(vf, from);
	}
	return ethtool_virtdev_set_link_ksettings(net, from, &nd->speed,
						  &nd->duplex);
}

static void show_coalesce(const struct netvsc_coal_config *config,
			  struct ethtool_coalesce *to)
{
	to->use_adaptive_rx_coalesce = config->adaptive_rx;
	to->rx_coalesce_usecs = config->rx_usecs;
	to->rx_max_coalesced_frames = config->rx_frames;
	to->tx_coalesce_usecs = config->tx_usecs;
	to->tx_max_coalesced_frames = config->tx_frames;
}

/* Polls take them as they find them, one by one. */
static void take_coalesce(struct netvsc_coal_config *config,
			  const struct ethtool_coalesce *from)
{
	WRITE_ONCE(config->adaptive_rx, !!from->use_adaptive_rx_coalesce);
	WRITE_ONCE(config->rx_usecs, from->rx_coalesce_usecs);
	WRITE_ONCE(config->rx_frames, from->rx_max_coalesced_frames);
	WRITE_ONCE(config->tx_usecs, from->tx_coalesce_usecs);
	WRITE_ONCE(config->tx_frames, from->tx_max_coalesced_frames);
}

static int check_coalesce(const struct ethtool_coalesce *from,
			  struct netlink_ext_ack *extack)
{
	if (from->rx_coalesce_usecs > MAX_USECS ||
	    from->tx_coalesce_usecs > MAX_USECS) {
		NL_SET_ERR_MSG_MOD(extack, "usecs must be 0 to 10000");
		return -EINVAL;
	}
	if (from->rx_max_coalesced_frames > MAX_FRAMES ||
	    from->tx_max_coalesced_frames > MAX_FRAMES) {
		NL_SET_ERR_MSG_MOD(extack, "frames must be 0 to 65535");
		return -EINVAL;
	}
	return 0;
}

/* Where channels differ, the first one's are shown. */
static int get_coalesce(struct net_device *net, struct ethtool_coalesce *to,
			struct kernel_ethtool_coalesce *kernel_to,
			struct netlink_ext_ack *extack)
{
	struct netvsc_dev *nd = netdev_priv(net);

	show_coalesce(&nd->queue[0].coal, to);
	return 0;
}

/* For channels that are not there yet, too. */
static int set_coalesce(struct net_device *net, struct ethtool_coalesce *from,
			struct kernel_ethtool_coalesce *kernel_from,
			struct netlink_ext_ack *extack)
{
	struct netvsc_dev *nd = netdev_priv(net);
	int err = check_coalesce(from, extack);
	u32 i;

	for (i = 0; !err && i < NETVSC_MAX_CHANS; i++)
		take_coalesce(&nd->queue[i].coal, from);
	return err;
}

static int get_queue_coalesce(struct net_device *net, u32 queue,
			      struct ethtool_coalesce *to)
{
	struct netvsc_dev *nd = netdev_priv(net);

	if (queue >= net->real_num_rx_queues)
		return -EINVAL;
	show_coalesce(&nd->queue[queue].coal, to);
	return 0;
}

static int set_queue_coalesce(struct net_device *net, u32 queue,
			      struct ethtool_coalesce *from)
{
	struct netvsc_dev *nd = netdev_priv(net);
	int err;

	if (queue >= net->real_num_rx_queues)
		return -EINVAL;
	err = check_coalesce(from, NULL);
	if (!err)
		take_coalesce(&nd->queue[queue].coal, from);
	return err;
}

static u32 get_rx_rings(struct net_device *net)
{
	return net->real_num_rx_queues;
}

DEFINE_ETHTOOL_RXFH(netvsc_rss_get, netvsc_rss_set)
DEFINE_ETHTOOL_RXFH_FIELDS(netvsc_rss_get_fields, netvsc_rss_set_fields,
			   get_rx_rings)

const struct ethtool_ops netvsc_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_USECS |
				     ETHTOOL_COALESCE_MAX_FRAMES |
				     ETHTOOL_COALESCE_USE_ADAPTIVE_RX,
	.get_drvinfo = get_drvinfo,
	.get_regs_len = get_regs_len,
	.get_regs = get_regs,
	.get_msglevel = get_msglevel,
	.set_msglevel = set_msglevel,
	.get_link = ethtool_op_get_link,
	.get_coalesce = get_coalesce,
	.set_coalesce = set_coalesce,
	.get_per_queue_coalesce = get_queue_coalesce,
	.set_per_queue_coalesce = set_queue_coalesce,
	.get_ethtool_stats = netvsc_stats_values,
	.get_sset_count = netvsc_stats_count,
	.get_strings = netvsc_stats_strings,
	.get_channels = get_channels,
	.set_channels = set_channels,
	.get_ts_info = ethtool_op_get_ts_info,
	ETHTOOL_RXFH_FIELDS_OPS(netvsc_rss_get_fields, netvsc_rss_set_fields)
	.get_rxfh_key_size = netvsc_rss_key_size,
	.get_rxfh_indir_size = netvsc_rss_table_size,
	ETHTOOL_RXFH_OPS(netvsc_rss_get, netvsc_rss_set)
	.get_link_ksettings = get_link_ksettings,
	.set_link_ksettings = set_link_ksettings,
	.get_ringparam = get_ringparam,
	.set_ringparam = set_ringparam,
};
