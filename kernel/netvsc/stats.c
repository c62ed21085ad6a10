// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: the sums for `ip -s link`, and what `ethtool -S` lists. Names and
 * order of the first part are those of the in-tree driver, since scripts read
 * them; what is ours alone follows. docs/netvsc.md tells what each means.
 */
#include <linux/cpumask.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <linux/u64_stats_sync.h>

#include "netvsc_var.h"

static const char * const event_names[NETVSC_EV_COUNT] = {
	[NETVSC_EV_TX_SCATTERED]	= "tx_scattered",
	[NETVSC_EV_TX_NO_MEMORY]	= "tx_no_memory",
	[NETVSC_EV_TX_NO_SPACE]		= "tx_no_space",
	[NETVSC_EV_TX_TOO_BIG]		= "tx_too_big",
	[NETVSC_EV_TX_BUSY]		= "tx_busy",
	[NETVSC_EV_TX_SEND_FULL]	= "tx_send_full",
	[NETVSC_EV_RX_COMP_BUSY]	= "rx_comp_busy",
	[NETVSC_EV_RX_NO_MEMORY]	= "rx_no_memory",
	[NETVSC_EV_STOP_QUEUE]		= "stop_queue",
	[NETVSC_EV_WAKE_QUEUE]		= "wake_queue",
	[NETVSC_EV_VLAN_ERROR]		= "vlan_error",

	[NETVSC_EV_RX_BAD_PACKET]	= "rx_bad_packet",
	[NETVSC_EV_RX_BAD_PAGESET]	= "rx_bad_pageset",
	[NETVSC_EV_RX_BAD_RANGE]	= "rx_bad_range",
	[NETVSC_EV_RX_BAD_RNDIS]	= "rx_bad_rndis",
	[NETVSC_EV_RX_BAD_PPI]		= "rx_bad_ppi",
	[NETVSC_EV_RX_BAD_RSC]		= "rx_bad_rsc",
	[NETVSC_EV_RX_BAD_COMPLETION]	= "rx_bad_completion",
	[NETVSC_EV_TX_HOST_ERROR]	= "tx_host_error",
	[NETVSC_EV_TX_OVER_MTU]		= "tx_over_mtu",
	[NETVSC_EV_TX_DROPPED]		= "tx_gone",
	[NETVSC_EV_CTL_BAD]		= "ctl_bad",
	[NETVSC_EV_CTL_STRAY]		= "ctl_stray",
	[NETVSC_EV_CTL_TIMEOUT]		= "ctl_timeout",

	[NETVSC_EV_RX_DOWN]		= "rx_down",
	[NETVSC_EV_RX_XDP_TOO_BIG]	= "rx_xdp_too_big",
	[NETVSC_EV_TX_TIMEOUT]		= "tx_timeout",
	[NETVSC_EV_RECONNECTS]		= "reconnects",
	[NETVSC_EV_LINK_CHANGES]	= "link_changes",
};

#define IN_TREE_EVENTS	(NETVSC_EV_VLAN_ERROR + 1)

static const char * const vf_names[] = {
	"vf_rx_packets", "vf_rx_bytes", "vf_tx_packets", "vf_tx_bytes",
	"vf_tx_dropped",
};

static const char * const queue_names[] = {
	"tx_queue_%u_packets", "tx_queue_%u_bytes", "tx_queue_%u_xdp_xmit",
	"rx_queue_%u_packets", "rx_queue_%u_bytes", "rx_queue_%u_xdp_drop",
	"rx_queue_%u_xdp_redirect", "rx_queue_%u_xdp_tx",
};

static const char * const cpu_names[] = {
	"cpu%u_rx_packets", "cpu%u_rx_bytes",
	"cpu%u_tx_packets", "cpu%u_tx_bytes",
	"cpu%u_vf_rx_packets", "cpu%u_vf_rx_bytes",
	"cpu%u_vf_tx_packets", "cpu%u_vf_tx_bytes",
};

static const char * const own_queue_names[] = {
	"tx_queue_%u_messages", "tx_queue_%u_batched", "tx_queue_%u_held",
	"tx_queue_%u_copied",
	"rx_queue_%u_polls", "rx_queue_%u_rsc", "rx_queue_%u_rsc_fragments",
	"rx_queue_%u_xdp_aborted",
	"rx_queue_%u_coal_waits", "rx_queue_%u_coal_idle",
	"rx_queue_%u_coal_vain", "rx_queue_%u_coal_nsecs",
};

unsigned long netvsc_stats_event(struct netvsc_dev *nd, enum netvsc_event ev)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(nd->events, cpu)->n[ev];
	return sum;
}

static void read_tx(const struct netvsc_dev *nd, u32 queue,
		    struct netvsc_tx_stats *to)
{
	const struct netvsc_tx_stats *from = &nd->queue[queue].tx;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&from->syncp);
		*to = *from;
	} while (u64_stats_fetch_retry(&from->syncp, start));
}

static void read_rx(const struct netvsc_dev *nd, u32 queue,
		    struct netvsc_rx_stats *to)
{
	const struct netvsc_rx_stats *from = &nd->queue[queue].rx;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&from->syncp);
		*to = *from;
	} while (u64_stats_fetch_retry(&from->syncp, start));
}

static void read_vf(const struct netvsc_dev *nd, int cpu,
		    struct netvsc_vf_stats *to)
{
	const struct netvsc_vf_stats *from = per_cpu_ptr(nd->vf.stats, cpu);
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&from->syncp);
		*to = *from;
	} while (u64_stats_fetch_retry(&from->syncp, start));
}

static void sum_vf(const struct netvsc_dev *nd, struct netvsc_vf_stats *sum)
{
	struct netvsc_vf_stats one;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		read_vf(nd, cpu, &one);
		sum->rx_packets += one.rx_packets;
		sum->rx_bytes += one.rx_bytes;
		sum->tx_packets += one.tx_packets;
		sum->tx_bytes += one.tx_bytes;
		sum->tx_dropped += one.tx_dropped;
	}
}

/* net_device_ops.ndo_get_stats64; under RCU alone. */
void netvsc_stats_get64(struct net_device *net, struct rtnl_link_stats64 *to)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_vf_stats vf;
	struct netvsc_tx_stats tx;
	struct netvsc_rx_stats rx;
	u32 i;

	for (i = 0; i < NETVSC_MAX_CHANS; i++) {
		read_tx(nd, i, &tx);
		to->tx_packets += tx.packets;
		to->tx_bytes += tx.bytes;
		read_rx(nd, i, &rx);
		to->rx_packets += rx.packets;
		to->rx_bytes += rx.bytes;
		to->multicast += rx.multicast;
	}

	sum_vf(nd, &vf);
	to->rx_packets += vf.rx_packets;
	to->rx_bytes += vf.rx_bytes;
	to->tx_packets += vf.tx_packets;
	to->tx_bytes += vf.tx_bytes;

	to->tx_dropped = vf.tx_dropped +
			 netvsc_stats_event(nd, NETVSC_EV_TX_NO_MEMORY) +
			 netvsc_stats_event(nd, NETVSC_EV_TX_TOO_BIG) +
			 netvsc_stats_event(nd, NETVSC_EV_TX_OVER_MTU) +
			 netvsc_stats_event(nd, NETVSC_EV_TX_DROPPED) +
			 netvsc_stats_event(nd, NETVSC_EV_VLAN_ERROR);
	to->tx_errors = netvsc_stats_event(nd, NETVSC_EV_TX_HOST_ERROR);
	to->rx_dropped = netvsc_stats_event(nd, NETVSC_EV_RX_NO_MEMORY) +
			 netvsc_stats_event(nd, NETVSC_EV_RX_DOWN) +
			 netvsc_stats_event(nd, NETVSC_EV_RX_XDP_TOO_BIG);
	to->rx_length_errors = netvsc_stats_event(nd, NETVSC_EV_RX_BAD_RANGE);
	to->rx_frame_errors = netvsc_stats_event(nd, NETVSC_EV_RX_BAD_RNDIS) +
			      netvsc_stats_event(nd, NETVSC_EV_RX_BAD_PPI) +
			      netvsc_stats_event(nd, NETVSC_EV_RX_BAD_RSC);
	to->rx_errors = to->rx_length_errors + to->rx_frame_errors;
}

/*
 * How many queues are listed. It changes under RTNL only, so that the count
 * asked for first holds for strings and values.
 */
static u32 nr_queues(const struct net_device *net)
{
	return net->real_num_tx_queues;
}

int netvsc_stats_count(struct net_device *net, int set)
{
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return NETVSC_EV_COUNT + ARRAY_SIZE(vf_names) +
	       (ARRAY_SIZE(queue_names) + ARRAY_SIZE(own_queue_names)) *
	       nr_queues(net) + ARRAY_SIZE(cpu_names) * num_present_cpus();
}

static void number_strings(u8 **to, const char * const names[], u32 count,
			   u32 number)
{
	u32 i;

	for (i = 0; i < count; i++)
		ethtool_sprintf(to, names[i], number);
}

void netvsc_stats_strings(struct net_device *net, u32 set, u8 *to)
{
	u32 i;
	int cpu;

	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < IN_TREE_EVENTS; i++)
		ethtool_puts(&to, event_names[i]);
	for (i = 0; i < ARRAY_SIZE(vf_names); i++)
		ethtool_puts(&to, vf_names[i]);
	for (i = 0; i < nr_queues(net); i++)
		number_strings(&to, queue_names, ARRAY_SIZE(queue_names), i);
	for_each_present_cpu(cpu)
		number_strings(&to, cpu_names, ARRAY_SIZE(cpu_names), cpu);

	for (i = IN_TREE_EVENTS; i < NETVSC_EV_COUNT; i++)
		ethtool_puts(&to, event_names[i]);
	for (i = 0; i < nr_queues(net); i++)
		number_strings(&to, own_queue_names,
			       ARRAY_SIZE(own_queue_names), i);
}

/* The processor that serves a queue, or -1. */
static int queue_cpu(struct netvsc_conn *conn, u32 queue)
{
	struct netvsc_chan *nc;
	int cpu = -1;

	if (!conn || queue >= conn->nr_chans)
		return -1;
	spin_lock_bh(&conn->chan_lock);
	nc = conn->chan[queue];
	if (nc && nc->ch)
		cpu = nc->ch->target_cpu;
	spin_unlock_bh(&conn->chan_lock);
	return cpu;
}

static u64 *cpu_values(struct netvsc_dev *nd, int cpu, u64 *to)
{
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	struct netvsc_vf_stats vf;
	struct netvsc_rx_stats rx;
	struct netvsc_tx_stats tx;
	u32 i;

	read_vf(nd, cpu, &vf);
	to[0] = vf.rx_packets;
	to[1] = vf.rx_bytes;
	to[2] = vf.tx_packets;
	to[3] = vf.tx_bytes;
	memcpy(to + 4, to, 4 * sizeof(*to));
	for (i = 0; i < nr_queues(nd->net); i++) {
		if (queue_cpu(conn, i) != cpu)
			continue;
		read_rx(nd, i, &rx);
		to[0] += rx.packets;
		to[1] += rx.bytes;
		read_tx(nd, i, &tx);
		to[2] += tx.packets;
		to[3] += tx.bytes;
	}
	return to + ARRAY_SIZE(cpu_names);
}

static u64 *queue_values(struct netvsc_dev *nd, u32 queue, u64 *to)
{
	struct netvsc_tx_stats tx;
	struct netvsc_rx_stats rx;

	read_tx(nd, queue, &tx);
	*to++ = tx.packets;
	*to++ = tx.bytes;
	*to++ = tx.xdp_xmit;
	read_rx(nd, queue, &rx);
	*to++ = rx.packets;
	*to++ = rx.bytes;
	*to++ = rx.xdp_drop;
	*to++ = rx.xdp_redirect;
	*to++ = rx.xdp_tx;
	return to;
}

static u64 *own_queue_values(struct netvsc_dev *nd, u32 queue, u64 *to)
{
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	struct netvsc_tx_stats tx;
	struct netvsc_rx_stats rx;

	read_tx(nd, queue, &tx);
	*to++ = tx.messages;
	*to++ = tx.batched;
	*to++ = tx.held;
	*to++ = tx.copied;
	read_rx(nd, queue, &rx);
	*to++ = rx.polls;
	*to++ = rx.rsc;
	*to++ = rx.rsc_fragments;
	*to++ = rx.xdp_aborted;
	*to++ = rx.coal_waits;
	*to++ = rx.coal_idle;
	*to++ = rx.coal_vain;
	if (conn && queue < conn->nr_chans && conn->chan[queue])
		*to = READ_ONCE(conn->chan[queue]->coal.wait_ns);
	else
		*to = 0;
	return to + 1;
}

void netvsc_stats_values(struct net_device *net, struct ethtool_stats *stats,
			 u64 *to)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_vf_stats vf;
	u32 i;
	int cpu;

	for (i = 0; i < IN_TREE_EVENTS; i++)
		*to++ = netvsc_stats_event(nd, i);
	sum_vf(nd, &vf);
	*to++ = vf.rx_packets;
	*to++ = vf.rx_bytes;
	*to++ = vf.tx_packets;
	*to++ = vf.tx_bytes;
	*to++ = vf.tx_dropped;
	for (i = 0; i < nr_queues(net); i++)
		to = queue_values(nd, i, to);
	for_each_present_cpu(cpu)
		to = cpu_values(nd, cpu, to);

	for (i = IN_TREE_EVENTS; i < NETVSC_EV_COUNT; i++)
		*to++ = netvsc_stats_event(nd, i);
	for (i = 0; i < nr_queues(net); i++)
		to = own_queue_values(nd, i, to);
}
