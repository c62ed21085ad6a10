// SPDX-License-Identifier: GPL-2.0
/*
 * Netpoll: frames sent with interrupts off, maybe by a kernel that panics. It
 * sends while the queue isn't stopped, and polls with a budget of 0 while it is,
 * for a tick at most; a frame that didn't go by then is left to a work item, and
 * each one after it, too. In a panic no work runs any more.
 *
 * So such frames are never held back, and don't count for the queue's limit
 * (BQL), whose end the next frame would have to wait for. Their completions are
 * taken out of the ring here. Nobody may be called for what lies between these:
 * received frames, answers to requests, which need the stack, or locks that
 * somebody whom this interrupts may hold. They go into a stash, in order, and
 * the next poll takes them from there, before it looks at the ring. When the
 * stash is full, frames are dropped, as a ring that nobody reads would do to
 * them; the completions behind them still come.
 */
#include "netvsc_var.h"

#define STASH_BYTES	SZ_32K
#define STASH_FRAMES	SZ_16K	/* up to where frames may fill it */

#define PACKETS_MAX	4096	/* of one look at the ring */

/* In a panic, for a host that is slower than a tick. */
#define WAIT_TRIES	200
#define WAIT_US		50

int netvsc_netpoll_alloc(struct netvsc_chan *nc)
{
	nc->stash.bytes = kvmalloc(STASH_BYTES, GFP_KERNEL);
	return nc->stash.bytes ? 0 : -ENOMEM;
}

void netvsc_netpoll_free(struct netvsc_chan *nc)
{
	kvfree(nc->stash.bytes);
}

static bool is_frames(const struct vmpacket_descriptor *desc)
{
	return desc->type == VM_PKT_DATA_USING_XFER_PAGES;
}

static bool keep(struct netvsc_chan *nc, const struct vmpacket_descriptor *desc)
{
	struct netvsc_stash *stash = &nc->stash;
	u32 len = desc->len8 << 3;

	if (stash->tail + len > (is_frames(desc) ? STASH_FRAMES : STASH_BYTES))
		return false;
	memcpy(stash->bytes + stash->tail, desc, len);
	stash->tail += len;
	return true;
}

static bool drop(struct netvsc_chan *nc, const struct vmpacket_descriptor *desc)
{
	if (!is_frames(desc) ||
	    (!netvsc_comp_room(nc) && !netvsc_comp_flush(nc)))
		return false;
	netvsc_count(nc->nd, NETVSC_EV_RX_NO_MEMORY);
	netvsc_comp_add(nc, desc->trans_id, NVS_STATUS_FAIL);
	return true;
}

/* False: it stays where it is. */
static bool take(struct netvsc_chan *nc, const struct vmpacket_descriptor *desc)
{
	if (desc->type == VM_PKT_COMP &&
	    !(desc->trans_id & (NETVSC_ID_NVS | NETVSC_ID_RNDIS))) {
		netvsc_rx_packet(nc, desc, 0);
		return true;
	}
	return keep(nc, desc) || drop(nc, desc);
}

static void look(struct netvsc_chan *nc)
{
	struct vmpacket_descriptor *desc = hv_pkt_iter_first(nc->ch);
	u32 packets = 0;

	while (desc && packets < PACKETS_MAX && take(nc, desc)) {
		packets++;
		desc = __hv_pkt_iter_next(nc->ch, desc);
	}
	if (packets)
		hv_pkt_iter_close(nc->ch);
	netvsc_comp_flush(nc);
	netvsc_tx_after_poll(nc, 0);
}

void netvsc_netpoll(struct netvsc_chan *nc)
{
	u32 tries = oops_in_progress ? WAIT_TRIES : 1;

	look(nc);
	while (--tries && netif_xmit_stopped(nc->tx.txq)) {
		udelay(WAIT_US);
		look(nc);
	}
	if (nc->stash.tail)
		napi_schedule(&nc->napi);
}

bool netvsc_netpoll_drain(struct netvsc_chan *nc, int budget, u32 *frames)
{
	struct netvsc_stash *stash = &nc->stash;
	const struct vmpacket_descriptor *desc;

	while (stash->head < stash->tail) {
		if (*frames >= budget || !netvsc_comp_room(nc))
			return false;
		desc = (const void *)(stash->bytes + stash->head);
		stash->head += desc->len8 << 3;
		*frames += netvsc_rx_packet(nc, desc, budget);
	}
	stash->head = 0;
	stash->tail = 0;
	return true;
}
