// SPDX-License-Identifier: GPL-2.0
/*
 * One queue of the back end and the channels that its worker serves.
 *
 * All work is done in queue_turn(), which the worker calls once it has handed
 * out what had happened: what others received for our channels, the child's
 * packets, the back end's frames, then one flush of each ring.  A ring is
 * masked while there may be more in it, and unmasked just before the worker
 * sleeps; so a burst costs one doorbell and one interrupt.
 *
 * The back end's queue is started while the child's card is up: channels are
 * open, the packet filter is not empty, the user's plug is in.  What comes at
 * other times is not wanted.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netvsp_var.h"
#include "vmbus/fault.h"

#define QUEUE_DEPTH  16u  /* operations of the worker in the kernel */
#define FRAME_BUDGET 256u /* of the child's, in one turn, of all channels */

static void queue_turn(void *arg);

/* ---- calls from other threads ---- */

void net_queue_call(struct net_queue *q, worker_fn fn, void *arg)
{
	/* Out of memory: what is asked for here must not get lost. */
	while (worker_post(q->worker, fn, arg))
		sched_yield();
}

static void kicked(void *arg)
{
	struct net_queue *q = arg;

	/* From here on what others leave for us needs another kick. */
	atomic_store(&q->kicked, false);
	/* queue_turn() follows. */
}

void net_queue_kick(struct net_queue *q)
{
	if (atomic_load(&q->worker) && !atomic_exchange(&q->kicked, true))
		net_queue_call(q, kicked, q);
}

static void again_done(struct worker_io *io, int res)
{
	struct net_queue *q =
		(struct net_queue *)((char *)io -
				     offsetof(struct net_queue, again));

	(void)res;
	q->again_queued = false;
}

void net_queue_again(struct net_queue *q)
{
	if (q->again_queued)
		return;
	q->again_queued = true;
	q->again.done = again_done;
	worker_complete(q->worker, &q->again, 0);
}

/* ---- what others changed ---- */

/* A revoked buffer goes back before another one can come. */
static void look_at_buffers(struct net_queue *q)
{
	if (q->pool && atomic_load(&q->pool->revoked))
		net_queue_drop_pool(q);
	if (q->send && atomic_load(&q->send->revoked))
		net_queue_drop_send(q);
}

static void look_at_link(struct net_queue *q)
{
	struct netvsp *n = q->n;

	if (!q->index && atomic_load(&n->link_changed) &&
	    atomic_exchange(&n->link_changed, false) && q->chan[0] &&
	    !q->chan[0]->failed)
		net_rndis_link(q->chan[0]);
}

static void look_at_settings(struct net_queue *q)
{
	unsigned int version = atomic_load(&q->n->set_version);

	if (version == q->set_seen)
		return;
	pthread_mutex_lock(&q->n->set_lock);
	q->set = q->n->set;
	q->set_seen = atomic_load(&q->n->set_version);
	pthread_mutex_unlock(&q->n->set_lock);
	/* Room is laid out for the longest frame there may be. */
	net_rx_drop(q);
}

/* ---- start and stop ---- */

static void start_or_stop(struct net_queue *q)
{
	bool want = q->nserving && q->set.filter && q->set.user_link;
	int err;

	if (want == q->running)
		return;
	if (!want) {
		net_queue_stop(q->n->net, q->index);
		q->running = false;
		net_rx_drop(q);
		return;
	}
	if (!q->rx_over)
		q->rx_over = malloc(NET_FRAME_MAX);
	err = q->rx_over ? net_queue_start(q->n->net, q->index, q->worker) :
			   -ENOMEM;
	if (err) {
		log_guest(&q->limit, q->n->name,
			  "queue %u of %s cannot be started: %s", q->index,
			  q->n->net->name, strerror(-err));
		return;
	}
	q->running = true;
	q->readable = q->writable = true;
}

/* ---- the turn ---- */

static void quiet_if_owed(struct net_queue *q)
{
	if (atomic_load_explicit(&q->pause_owed, memory_order_relaxed) &&
	    atomic_exchange(&q->pause_owed, false))
		netvsp_quiet(q->n);
}

/* Has it packets, or is something owed to it? */
static bool busy(const struct net_chan *c)
{
	const struct netvsp *n = c->n;

	return c->active || c->held || c->nowed || !STAILQ_EMPTY(&c->waiting) ||
	       (!c->index && (n->table_owed || !STAILQ_EMPTY(&n->answers)));
}

static unsigned int channel_after(const struct net_queue *q, unsigned int i)
{
	i += q->n->nqueues;
	return i < NETVSP_CHANNELS ? i : q->index;
}

/* Every channel that has something; true: there may be more. */
static bool serve_channels(struct net_queue *q)
{
	unsigned int i, left = q->nserving;
	bool more = false;

	q->frames = FRAME_BUDGET;
	for (i = q->next; left; i = channel_after(q, i)) {
		struct net_chan *c = q->chan[i];

		if (!c)
			continue;
		left--;
		if (busy(c))
			more |= net_chan_turn(c);
		if (!q->frames) {
			q->next = channel_after(q, i);
			return true;
		}
	}
	q->next = q->first;
	return more;
}

/*
 * Let the child see what was done.  With nothing left to do the rings are
 * unmasked; true if one of them got something just then.
 */
static bool flush_channels(struct net_queue *q, bool unmask)
{
	unsigned int i, left = q->nserving;
	bool more = false;

	for (i = q->first; left; i += q->n->nqueues) {
		struct net_chan *c = q->chan[i];

		if (!c)
			continue;
		left--;
		if (c->failed)
			continue;
		if (c->active && unmask && !c->held && !c->nowed) {
			c->active = vmbus_chan_unmask(c->ch);
			more |= c->active;
		} else if (c->active || c->sent) {
			vmbus_chan_flush(c->ch);
		}
		c->sent = false;
	}
	return more;
}

/* Serve the child and the back end, then let the child see it. */
static void serve(struct net_queue *q)
{
	bool more;

	more = serve_channels(q);
	/* Completions do not wait for what is to be received. */
	if (q->readable)
		flush_channels(q, false);
	more |= net_rx_turn(q);
	/* Set within this very turn, by the child. */
	if (q->set_seen != atomic_load(&q->n->set_version))
		more = true;
	if (more || net_pace_linger(q))
		flush_channels(q, false);
	else
		more = flush_channels(q, true);
	if (more)
		net_queue_again(q);
}

static void queue_turn(void *arg)
{
	struct net_queue *q = arg;

	look_at_buffers(q);
	look_at_settings(q);
	start_or_stop(q);
	net_batch_inbox(q);
	quiet_if_owed(q);
	if (!q->nserving)
		return;
	if (atomic_load(&q->n->paused)) {
		flush_channels(q, false);
		return;
	}
	look_at_link(q);
	if (!net_pace_wait(q))
		serve(q);
}

/* ---- buffers ---- */

/* --fault may spoil what transfer packets refer to. */
static void tell_faults(struct net_queue *q)
{
	unsigned int i;

	for (i = 0; i < NETVSP_CHANNELS; i++)
		if (q->chan[i])
			vmbus_fault_buffer(q->chan[i]->ch,
					   q->pool ? q->pool->vb : NULL);
}

void net_queue_drop_pool(struct net_queue *q)
{
	unsigned int i;

	net_rx_drop(q);
	for (i = 0; i < NETVSP_CHANNELS; i++)
		if (q->chan[i])
			net_batch_forget(q->chan[i]);
	net_pool_put(q->pool);
	q->pool = NULL;
	tell_faults(q);
}

void net_queue_drop_send(struct net_queue *q)
{
	net_send_buf_put(q->send);
	q->send = NULL;
}

void net_queue_give(struct net_queue *q, struct net_pool *pool,
		    struct net_send_buf *send)
{
	look_at_buffers(q);
	/* One of ours already has them, or has newer ones. */
	if (pool && !q->pool)
		q->pool = pool;
	else
		net_pool_put(pool);
	if (send && !q->send)
		q->send = send;
	else
		net_send_buf_put(send);
	tell_faults(q);
}

/* ---- channels ---- */

void net_queue_attach(struct net_queue *q, struct net_chan *c)
{
	worker_set_idle(q->worker, queue_turn, q);
	q->chan[c->index] = c;
	if (!q->nserving++ || c->index < q->first)
		q->first = c->index;
	q->set_seen = atomic_load(&q->n->set_version) - 1;
	atomic_fetch_or(&q->n->channels_up, 1ull << c->index);
	net_queue_give(q, c->give_pool, c->give_send);
	c->give_pool = NULL;
	c->give_send = NULL;
}

void net_queue_detach(struct net_queue *q, struct net_chan *c)
{
	unsigned int i;

	atomic_fetch_and(&q->n->channels_up, ~(1ull << c->index));
	if (q->batches >> c->index & 1)
		net_rx_drop(q);
	net_batch_forget(c);
	vmbus_fault_buffer(c->ch, NULL);
	q->chan[c->index] = NULL;
	q->nserving--;
	for (i = 0; i < NETVSP_CHANNELS && !q->chan[i]; i++)
		;
	q->first = i;
	if (q->nserving)
		return;
	net_pace_reset(q);
	start_or_stop(q);
	net_queue_drop_pool(q);
	net_queue_drop_send(q);
	net_batch_free_spare(q);
}

/* ---- creation and the end ---- */

void net_queue_init(struct net_queue *q, struct netvsp *n, unsigned int index)
{
	q->n = n;
	q->index = q->next = index;
	q->fill = NET_NO_SECTION;
	snprintf(q->name, sizeof(q->name), "%.8s-q%u", n->name, index & 0xff);
	STAILQ_INIT(&q->inbox);
	STAILQ_INIT(&q->spare_batches);
	pthread_mutex_init(&q->inbox_lock, NULL);
}

int net_queue_worker(struct net_queue *q)
{
	struct worker *w;
	int err;

	if (atomic_load(&q->worker))
		return 0;
	err = worker_create(q->name, QUEUE_DEPTH, &w);
	if (!err)
		atomic_store(&q->worker, w);
	return err;
}

void net_queue_end(struct net_queue *q)
{
	worker_destroy(q->worker);
	/* What was handed over and found no channel any more. */
	net_batch_inbox(q);
	net_batch_free_spare(q);
	free(q->rx_over);
	pthread_mutex_destroy(&q->inbox_lock);
}
