// SPDX-License-Identifier: GPL-2.0
/*
 * Giving sections of the receive buffer back to the host: each transfer-page
 * packet is completed once, on its channel.
 *
 * Completions are collected during a poll and written in one go, which costs the
 * host one signal. When the ring has no room they stay; a timer brings the poll
 * back, and meanwhile nothing more is taken out of the ring than there is place
 * for here. So none is ever lost, and a host that doesn't read its ring
 * throttles only itself.
 */
#include <linux/slab.h>

#include "netvsc_var.h"

#define COMPS		1024	/* a power of two */
#define RETRY_NS	NSEC_PER_MSEC

static enum hrtimer_restart retry(struct hrtimer *timer)
{
	struct netvsc_chan *nc = container_of(timer, struct netvsc_chan,
					      comps.timer);

	WRITE_ONCE(nc->comps.retry, false);
	napi_schedule(&nc->napi);
	return HRTIMER_NORESTART;
}

int netvsc_comp_alloc(struct netvsc_chan *nc)
{
	struct netvsc_comps *comps = &nc->comps;

	comps->ring = kvcalloc(COMPS, sizeof(*comps->ring), GFP_KERNEL);
	if (!comps->ring)
		return -ENOMEM;
	comps->mask = COMPS - 1;
	hrtimer_setup(&comps->timer, retry, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	return 0;
}

/* The poll is disabled. */
void netvsc_comp_free(struct netvsc_chan *nc)
{
	hrtimer_cancel(&nc->comps.timer);
	kvfree(nc->comps.ring);
}

/* Brings the poll back in a while: the ring is full. In the poll. */
void netvsc_comp_retry_later(struct netvsc_chan *nc)
{
	struct netvsc_comps *comps = &nc->comps;

	if (READ_ONCE(comps->retry))
		return;
	WRITE_ONCE(comps->retry, true);
	hrtimer_start(&comps->timer, ns_to_ktime(RETRY_NS), HRTIMER_MODE_REL);
}

/* How many more may be added. */
u32 netvsc_comp_room(const struct netvsc_chan *nc)
{
	return COMPS - (nc->comps.tail - nc->comps.head);
}

/* There is room: see netvsc_comp_room(). */
void netvsc_comp_add(struct netvsc_chan *nc, u64 id, u32 status)
{
	struct netvsc_comps *comps = &nc->comps;
	struct netvsc_comp *comp = &comps->ring[comps->tail & comps->mask];

	comp->id = id;
	comp->status = status;
	comps->tail++;
}

/* Returns whether all went; else comes back later. */
static bool send_all(struct netvsc_chan *nc)
{
	struct netvsc_comps *comps = &nc->comps;
	const struct netvsc_comp *comp;
	struct {
		u32 type;
		u32 status;
	} msg = { NVS_RNDIS_DONE, 0 };
	int err;

	for (; comps->head != comps->tail; comps->head++) {
		comp = &comps->ring[comps->head & comps->mask];
		msg.status = comp->status;
		err = vmbus_sendpacket(nc->ch, &msg, sizeof(msg), comp->id,
				       VM_PKT_COMP, 0);
		if (err == -EAGAIN) {
			netvsc_count(nc->nd, NETVSC_EV_RX_COMP_BUSY);
			netvsc_comp_retry_later(nc);
			return false;
		}
		/* Anything else: the channel is gone, and with it the debt. */
	}
	return true;
}

/* Writes what waits. Returns whether all of it went; else comes back later. */
bool netvsc_comp_flush(struct netvsc_chan *nc)
{
	struct netvsc_comps *comps = &nc->comps;
	bool batch = comps->tail - comps->head > 1 && netvsc_batch;
	bool all;

	if (batch)
		netvsc_batch->begin(nc->ch);
	all = send_all(nc);
	if (batch)
		netvsc_batch->end(nc->ch);
	return all;
}
