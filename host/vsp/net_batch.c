// SPDX-License-Identifier: GPL-2.0
/*
 * Received frames on their way to the child.
 *
 * Frames for one channel are gathered in a batch, which becomes one transfer
 * packet: so many frames cost one packet and one completion.  Each range names
 * one frame, or a piece of a coalesced one, and each batch keeps a reference on
 * the sections where they lie, until the child's completion.
 *
 * A batch for a channel of another worker is put in that worker's inbox.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netvsp_var.h"

#define XFER_NONE     UINT16_MAX
/* Batches kept for later. */
#define SPARE_BATCHES 8u

/* ---- transfers ---- */

/* Index in the low half, count of uses above: an old id matches no more. */
uint64_t net_xfer_id(const struct net_chan *c, unsigned int i)
{
	return (uint64_t)c->xfer[i].count << 16 | i;
}

int net_xfer_init(struct net_chan *c)
{
	unsigned int i;

	c->xfer = calloc(NET_XFERS, sizeof(*c->xfer));
	if (!c->xfer)
		return -ENOMEM;
	for (i = 0; i < NET_XFERS; i++)
		c->xfer[i].next = i + 1 < NET_XFERS ? i + 1 : XFER_NONE;
	c->xfer_free = 0;
	c->in_flight = 0;
	return 0;
}

int net_xfer_take(struct net_chan *c)
{
	unsigned int i = c->xfer_free;

	/* A child counts on no more packets than there are sections. */
	if (i == XFER_NONE || c->in_flight >= c->q->pool->sections)
		return -EAGAIN;
	c->xfer_free = c->xfer[i].next;
	c->xfer[i].used = true;
	c->xfer[i].control = false;
	c->xfer[i].count++;
	c->xfer[i].nsections = 0;
	c->in_flight++;
	return i;
}

void net_xfer_untake(struct net_chan *c, unsigned int i)
{
	c->xfer[i].used = false;
	c->xfer[i].next = c->xfer_free;
	c->xfer_free = i;
	c->in_flight--;
}

void net_xfer_lent(struct net_chan *c, unsigned int i)
{
	atomic_fetch_add_explicit(&c->q->lent, c->xfer[i].nsections,
				  memory_order_relaxed);
}

static void xfer_release(struct net_chan *c, unsigned int i)
{
	struct net_xfer *x = &c->xfer[i];
	unsigned int s;

	for (s = 0; s < x->nsections; s++)
		if (x->control)
			c->n->control_used &= ~(1ull << x->section[s]);
		else
			net_pool_unref(c->q->pool, x->section[s]);
	atomic_fetch_sub_explicit(&c->q->lent, x->nsections,
				  memory_order_relaxed);
	net_xfer_untake(c, i);
}

void net_batch_returned(struct net_chan *c, const struct vmbus_packet *pkt)
{
	unsigned int i = pkt->transaction & 0xffff;
	struct nvs_msg msg = { 0 };

	if (i >= NET_XFERS || !c->xfer[i].used ||
	    net_xfer_id(c, i) != pkt->transaction) {
		net_bad(c, bad_completion, "completion of nothing: %#llx",
			(unsigned long long)pkt->transaction);
		return;
	}
	memcpy(&msg, pkt->data,
	       pkt->data_len < NVS_LEN_RNDIS_DONE ? pkt->data_len :
						    NVS_LEN_RNDIS_DONE);
	if (pkt->data_len < NVS_LEN_RNDIS_DONE || msg.type != NVS_RNDIS_DONE)
		/* What is in it is wrong, but it gives the sections back. */
		net_bad(c, bad_completion, "completion of %u bytes, type %u",
			pkt->data_len, msg.type);
	else if (msg.u.status != NVS_STATUS_OK)
		net_count(c->q, rx_refused);
	xfer_release(c, i);
}

/* ---- batches ---- */

static struct net_batch *batch_new(struct net_queue *q, unsigned int channel)
{
	struct net_batch *b = STAILQ_FIRST(&q->spare_batches);

	if (b) {
		STAILQ_REMOVE_HEAD(&q->spare_batches, link);
		q->nspare_batches--;
	} else {
		b = malloc(sizeof(*b));
	}
	if (!b)
		return NULL;
	b->pool = NULL;
	b->channel = channel;
	b->nranges = b->nsections = 0;
	return b;
}

static void batch_free(struct net_queue *q, struct net_batch *b)
{
	if (q->nspare_batches >= SPARE_BATCHES) {
		free(b);
		return;
	}
	q->nspare_batches++;
	STAILQ_INSERT_HEAD(&q->spare_batches, b, link);
}

void net_batch_free_spare(struct net_queue *q)
{
	struct net_batch *b;

	while ((b = STAILQ_FIRST(&q->spare_batches))) {
		STAILQ_REMOVE_HEAD(&q->spare_batches, link);
		free(b);
	}
	q->nspare_batches = 0;
}

/* Its frames are lost. */
static void batch_drop(struct net_queue *q, struct net_batch *b,
		       struct net_pool *pool)
{
	unsigned int s;

	for (s = 0; s < b->nsections; s++)
		net_pool_unref(pool, b->section[s]);
	net_add(q, rx_drop_channel, b->nranges);
	net_pool_put(b->pool);
	batch_free(q, b);
}

/* 0, -EAGAIN: there is no room now. */
static int batch_send(struct net_chan *c, struct net_batch *b)
{
	struct {
		__u16 set;
		__u8 sender_owns;
		__u8 reserved;
		__u32 count;
		struct ring_xfer_range range[NET_BATCH_RANGES];
	} head = { .set = c->n->buf_set, .count = b->nranges };
	struct nvs_msg msg = { .type = NVS_RNDIS };
	int i = net_xfer_take(c), err;

	if (i < 0)
		return i;
	msg.u.rndis.channel = NVS_CHANNEL_DATA;
	msg.u.rndis.section = NVS_NO_SECTION;
	memcpy(head.range, b->range, b->nranges * sizeof(b->range[0]));
	err = vmbus_chan_send(c->ch, RING_PKT_XFER_PAGES,
			      RING_PKT_FLAG_COMPLETION, net_xfer_id(c, i),
			      &head,
			      offsetof(typeof(head), range) +
				      b->nranges * sizeof(b->range[0]),
			      &msg, net_nvs_len(c->n));
	if (err) {
		net_xfer_untake(c, i);
		if (err == -EAGAIN)
			return err;
		net_chan_fail(c, err == -EMSGSIZE ?
					 "the ring is too small for a frame" :
					 "indices of the ring to the child");
		return -EPROTO;
	}
	c->sent = true;
	c->xfer[i].nsections = b->nsections;
	memcpy(c->xfer[i].section, b->section,
	       b->nsections * sizeof(b->section[0]));
	net_xfer_lent(c, i);
	net_count(c->q, rx_packets);
	net_pool_put(b->pool);
	batch_free(c->q, b);
	return 0;
}

/* On the channel's own worker: send it, now or later, or drop it. */
static void batch_deliver(struct net_queue *q, struct net_batch *b,
			  struct net_pool *pool)
{
	struct net_chan *c = q->chan[b->channel];
	int err;

	/* A batch of an earlier receive buffer is of no use any more. */
	if (!c || c->failed || pool != q->pool) {
		batch_drop(q, b, pool);
		return;
	}
	err = STAILQ_EMPTY(&c->waiting) ? batch_send(c, b) : -EAGAIN;
	if (!err)
		return;
	if (err != -EAGAIN) {
		batch_drop(q, b, pool);
		return;
	}
	net_count(q, rx_ring_full);
	STAILQ_INSERT_TAIL(&c->waiting, b, link);
	q->nwaiting++;
}

void net_batch_pump(struct net_chan *c)
{
	struct net_queue *q = c->q;
	struct net_batch *b;
	int err = 0;

	while (!err && (b = STAILQ_FIRST(&c->waiting))) {
		/* First, as the link is used otherwise once it is sent. */
		STAILQ_REMOVE_HEAD(&c->waiting, link);
		q->nwaiting--;
		err = batch_send(c, b);
		if (err == -EAGAIN) {
			STAILQ_INSERT_HEAD(&c->waiting, b, link);
			q->nwaiting++;
		} else if (err) {
			batch_drop(q, b, q->pool);
		}
	}
}

/* ---- from worker to worker ---- */

static void batch_hand_over(struct net_queue *q, struct net_batch *b)
{
	struct net_queue *to = &q->n->queue[b->channel % q->n->nqueues];

	net_pool_get(q->pool);
	b->pool = q->pool;
	net_count(q, rx_handed_over);
	pthread_mutex_lock(&to->inbox_lock);
	STAILQ_INSERT_TAIL(&to->inbox, b, link);
	atomic_store(&to->inbox_used, true);
	pthread_mutex_unlock(&to->inbox_lock);
	net_queue_kick(to);
}

void net_batch_inbox(struct net_queue *q)
{
	struct net_batches all = STAILQ_HEAD_INITIALIZER(all);
	struct net_batch *b;

	/* A look without the lock: who puts something there kicks us. */
	if (!atomic_load_explicit(&q->inbox_used, memory_order_relaxed))
		return;
	pthread_mutex_lock(&q->inbox_lock);
	atomic_store(&q->inbox_used, false);
	STAILQ_CONCAT(&all, &q->inbox);
	pthread_mutex_unlock(&q->inbox_lock);
	while ((b = STAILQ_FIRST(&all))) {
		STAILQ_REMOVE_HEAD(&all, link);
		batch_deliver(q, b, b->pool);
	}
}

static void batch_go(struct net_queue *q, unsigned int channel)
{
	struct net_batch *b = q->batch[channel];

	q->batch[channel] = NULL;
	q->batches &= ~(1ull << channel);
	if (channel % q->n->nqueues == q->index)
		batch_deliver(q, b, q->pool);
	else
		batch_hand_over(q, b);
}

int net_batch_add(struct net_queue *q, unsigned int channel,
		  const struct ring_xfer_range *range, unsigned int n)
{
	struct net_batch *b = q->batch[channel];
	unsigned int i;

	if (b && b->nranges + n > NET_BATCH_RANGES) {
		batch_go(q, channel);
		b = NULL;
	}
	if (!b) {
		b = batch_new(q, channel);
		if (!b)
			return -ENOMEM;
		q->batch[channel] = b;
		q->batches |= 1ull << channel;
	}
	for (i = 0; i < n; i++) {
		uint32_t s = range[i].offset / q->pool->section_size;

		b->range[b->nranges++] = range[i];
		if (b->nsections && b->section[b->nsections - 1] == s)
			continue;
		net_pool_ref(q->pool, s);
		b->section[b->nsections++] = s;
	}
	return 0;
}

void net_batch_flush(struct net_queue *q)
{
	while (q->batches)
		batch_go(q, __builtin_ctzll(q->batches));
}

/* ---- the end ---- */

void net_batch_forget(struct net_chan *c)
{
	struct net_queue *q = c->q;
	struct net_batch *b;
	unsigned int i;

	while ((b = STAILQ_FIRST(&c->waiting))) {
		STAILQ_REMOVE_HEAD(&c->waiting, link);
		q->nwaiting--;
		batch_drop(q, b, q->pool);
	}
	for (i = 0; c->in_flight && i < NET_XFERS; i++)
		if (c->xfer[i].used)
			xfer_release(c, i);
}
