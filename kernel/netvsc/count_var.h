/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is counted, and where; netvsc_var.h includes this. stats.c shows it.
 */
#ifndef NETVSC_COUNT_VAR_H
#define NETVSC_COUNT_VAR_H

#include <linux/types.h>
#include <linux/u64_stats_sync.h>

/*
 * Rare things, counted per processor: netvsc_count(). The order is that of the
 * names in stats.c; those up to VLAN_ERROR are the in-tree driver's.
 */
enum netvsc_event {
	NETVSC_EV_TX_SCATTERED,		/* frames sent by page list */
	NETVSC_EV_TX_NO_MEMORY,
	NETVSC_EV_TX_NO_SPACE,		/* neither slot nor ring space left */
	NETVSC_EV_TX_TOO_BIG,		/* too many pages, even linearised */
	NETVSC_EV_TX_BUSY,		/* handed back to the stack */
	NETVSC_EV_TX_SEND_FULL,		/* no free section: waits or page list */
	NETVSC_EV_RX_COMP_BUSY,		/* no ring space to give sections back */
	NETVSC_EV_RX_NO_MEMORY,
	NETVSC_EV_STOP_QUEUE,
	NETVSC_EV_WAKE_QUEUE,
	NETVSC_EV_VLAN_ERROR,

	/* what hosts do that they shouldn't */
	NETVSC_EV_RX_BAD_PACKET,	/* VMBus packet: type, length, NVSP type */
	NETVSC_EV_RX_BAD_PAGESET,	/* not our receive buffer */
	NETVSC_EV_RX_BAD_RANGE,		/* outside buffer or section */
	NETVSC_EV_RX_BAD_RNDIS,		/* RNDIS header: lengths, offsets, type */
	NETVSC_EV_RX_BAD_PPI,		/* chain of per-packet information */
	NETVSC_EV_RX_BAD_RSC,		/* coalesced frame without start or end */
	NETVSC_EV_RX_BAD_COMPLETION,	/* id of nothing that was sent */
	NETVSC_EV_TX_HOST_ERROR,	/* host says it couldn't send */
	NETVSC_EV_TX_OVER_MTU,		/* longer than the host takes */
	NETVSC_EV_TX_DROPPED,		/* channel or interface is gone, or bad frame */
	NETVSC_EV_CTL_BAD,		/* control answer that makes no sense */
	NETVSC_EV_CTL_STRAY,		/* answer nobody waits for (any more) */
	NETVSC_EV_CTL_TIMEOUT,		/* no answer in time */

	NETVSC_EV_RX_DOWN,		/* frames dropped: interface is down */
	NETVSC_EV_RX_XDP_TOO_BIG,	/* frames longer than XDP's page */
	NETVSC_EV_TX_TIMEOUT,		/* watchdog found a stuck queue */
	NETVSC_EV_RECONNECTS,
	NETVSC_EV_LINK_CHANGES,
	NETVSC_EV_COUNT
};

struct netvsc_events {
	unsigned long n[NETVSC_EV_COUNT];
};

/* Written under the tx lock. */
struct netvsc_tx_stats {
	u64 packets;
	u64 bytes;
	u64 xdp_xmit;
	u64 messages;		/* VMBus packets that carried them */
	u64 batched;		/* frames that shared a message */
	u64 held;		/* messages held back */
	u64 copied;		/* frames through the send buffer */
	struct u64_stats_sync syncp;
};

/* Written by the poll. */
struct netvsc_rx_stats {
	u64 packets;
	u64 bytes;
	u64 multicast;
	u64 xdp_drop;
	u64 xdp_redirect;
	u64 xdp_tx;
	u64 xdp_aborted;
	u64 polls;
	u64 rsc;		/* coalesced frames */
	u64 rsc_fragments;
	u64 coal_waits;		/* times interrupts stayed masked */
	u64 coal_idle;		/* that brought nothing */
	u64 coal_vain;		/* trials that brought too little */
	struct u64_stats_sync syncp;
};

#endif
