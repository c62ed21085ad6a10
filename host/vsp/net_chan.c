// SPDX-License-Identifier: GPL-2.0
/*
 * One channel of a card, on its queue's worker.
 *
 * Back-pressure: a packet for which the back end has no room, or whose frames are
 * more than one turn may send, is held, and a
 * completion for which the ring to the child has none is owed; as long as there
 * is one, the child's further packets stay in its ring.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netvsp_var.h"

#define CHAN_BUDGET 32u /* packets of one channel in one turn */

void net_chan_fail(struct net_chan *c, const char *why)
{
	if (c->failed)
		return;
	c->failed = true;
	vmbus_chan_fail(c->ch, why);
}

/* ---- completions ---- */

/* True when it is in the ring, or nobody waits for it any more. */
static bool send_completion(struct net_chan *c, uint64_t id, const void *data,
			    uint32_t len)
{
	int err;

	if (c->failed)
		return true;
	err = vmbus_chan_send(c->ch, RING_PKT_COMPLETION, 0, id, NULL, 0, data,
			      len);
	if (err == -EAGAIN)
		return false;
	if (err)
		net_chan_fail(c, err == -EMSGSIZE ?
					 "the ring is too small for an answer" :
					 "indices of the ring to the child");
	c->sent = true;
	return true;
}

void net_chan_complete(struct net_chan *c, uint64_t id,
		       const struct nvs_msg *msg, uint32_t len)
{
	struct net_owed *o = &c->owed[c->nowed];

	/* In order: none overtakes those that wait. */
	if (!c->nowed && send_completion(c, id, msg, len))
		return;
	net_count(c->q, rx_ring_full);
	if (c->nowed == NET_OWED) {
		net_chan_fail(c, "completions are not taken");
		return;
	}
	c->nowed++;
	o->id = id;
	o->len = len;
	if (len)
		o->msg = *msg;
}

static void send_owed(struct net_chan *c)
{
	unsigned int n = 0;

	while (n < c->nowed && send_completion(c, c->owed[n].id,
					       &c->owed[n].msg, c->owed[n].len))
		n++;
	c->nowed -= n;
	memmove(c->owed, c->owed + n, c->nowed * sizeof(c->owed[0]));
}

static void complete_rndis(struct net_chan *c, uint32_t status)
{
	struct nvs_msg msg = { .type = NVS_RNDIS_DONE, .u.status = status };

	if (c->pkt.flags & RING_PKT_FLAG_COMPLETION)
		net_chan_complete(c, c->pkt.transaction, &msg,
				  net_nvs_len(c->n));
}

/* ---- packets ---- */

/* The packet in c->pkt, from held_at on; it stays held if there is no room. */
static void handle_rndis(struct net_chan *c)
{
	struct nvs_msg msg;
	int status;

	/* c->buf is private: it says the same every time. */
	memcpy(&msg, c->pkt.data, NVS_LEN_RNDIS);
	status = net_tx_packet(c, &msg.u.rndis);
	c->held = status == -EAGAIN;
	if (!c->held)
		complete_rndis(c, status);
}

static void handle_message(struct net_chan *c)
{
	struct nvs_msg msg = { 0 };
	uint32_t len = c->pkt.data_len;

	if (len < sizeof(msg.type)) {
		net_bad(c, bad_nvs_length, "message of %u bytes", len);
		if (c->pkt.flags & RING_PKT_FLAG_COMPLETION)
			net_chan_complete(c, c->pkt.transaction, NULL, 0);
		return;
	}
	memcpy(&msg, c->pkt.data, len < sizeof(msg) ? len : sizeof(msg));
	if (msg.type != NVS_RNDIS) {
		net_nvs_handle(c, &c->pkt, &msg, len);
	} else if (len < NVS_LEN_RNDIS) {
		net_bad(c, bad_nvs_length, "RNDIS packet: %u bytes", len);
		complete_rndis(c, NVS_STATUS_FAIL);
	} else {
		c->held_at = 0;
		handle_rndis(c);
	}
}

static void handle(struct net_chan *c)
{
	switch (c->pkt.type) {
	case RING_PKT_COMPLETION:
		net_batch_returned(c, &c->pkt);
		break;
	case RING_PKT_INBAND:
	case RING_PKT_GPA_DIRECT:
		handle_message(c);
		break;
	default:
		net_chan_fail(c, "packet type");
		break;
	}
}

/* What waits for room in the ring, or for what the child gives back. */
static void pump(struct net_chan *c)
{
	net_batch_pump(c);
	if (!c->index) {
		net_rndis_pump(c);
		net_nvs_pump(c);
	}
}

/* True: there may be more, and nothing that it must wait for. */
static bool take_packets(struct net_chan *c)
{
	unsigned int i;

	for (i = 0; i < CHAN_BUDGET && !c->failed; i++) {
		int n;

		if (c->held || c->nowed)
			return c->held && !c->nowed && c->q->writable;
		n = vmbus_chan_recv(c->ch, c->buf, NET_PACKET_MAX, &c->pkt);
		if (!n)
			return false;
		c->q->pace.packets++;
		if (n < 0)
			net_chan_fail(c,
				      n == -EMSGSIZE ?
					      "packet too large" :
					      "indices or lengths of the ring");
		else
			handle(c);
	}
	return true;
}

bool net_chan_turn(struct net_chan *c)
{
	bool more;

	if (c->failed)
		return false;
	send_owed(c);
	pump(c);
	if (c->held && !c->nowed && c->q->writable)
		handle_rndis(c);
	more = take_packets(c);
	if (c->failed)
		return false;
	/* Completions among them: nothing else may come that wakes us. */
	pump(c);
	return more;
}

static void signalled(struct worker_watch *watch, uint64_t count)
{
	struct net_chan *c =
		(struct net_chan *)((char *)watch -
				    offsetof(struct net_chan, watch));

	vmbus_chan_count_signals(c->ch, count);
	if (!c->failed && !c->active) {
		vmbus_chan_mask(c->ch);
		c->active = true;
	}
	/* A turn follows. */
}

/* ---- open and close ---- */

static void start(void *arg)
{
	struct net_chan *c = arg;
	struct netvsp *n = c->n;

	c->failed = c->held = c->sent = false;
	c->nowed = 0;
	c->serving = true;
	if (!c->index) {
		net_nvs_reset(n);
		net_rndis_reset(n);
		netvsp_settings_reset(n);
	}
	net_queue_attach(c->q, c);
	if (worker_watch(c->q->worker, &c->watch, vmbus_chan_signal_fd(c->ch),
			 signalled))
		net_chan_fail(c, "out of memory");
	/* It is not masked when it is opened; there may be packets already. */
	vmbus_chan_mask(c->ch);
	c->active = true;
	if (c->index)
		/* The table is sent when the last of them is open. */
		net_queue_kick(&n->queue[0]);
}

/* Server thread, with a reference. */
static void stopped(void *arg)
{
	struct net_chan *c = arg;
	struct netvsp *n = c->n;

	free(c->buf);
	free(c->xfer);
	c->buf = NULL;
	c->xfer = NULL;
	/* From here on the channel may be opened or released. */
	vmbus_chan_closed(c->ch);
	netvsp_put(n);
}

static void stop(void *arg)
{
	struct net_chan *c = arg;
	struct netvsp *n = c->n;

	worker_unwatch(&c->watch);
	c->serving = false;
	net_queue_detach(c->q, c);
	if (!c->index) {
		net_nvs_reset(n);
		net_rndis_reset(n);
		netvsp_settings_reset(n);
	}
	/*
	 * On the server thread, behind the buffers that were given back: they
	 * are the child's again when the channel is closed.
	 */
	netvsp_get(n);
	vmbus_server_defer(n->srv, stopped, c);
}

void net_chan_stop(struct net_chan *c)
{
	net_queue_call(c->q, stop, c);
}

int net_chan_open(struct net_chan *c)
{
	struct netvsp *n = c->n;
	int err = net_queue_worker(c->q);

	if (err)
		return err;
	c->buf = malloc(NET_PACKET_MAX);
	if (!c->buf || net_xfer_init(c)) {
		free(c->buf);
		c->buf = NULL;
		return -ENOMEM;
	}
	if (c->index && n->pool) {
		net_pool_get(n->pool);
		c->give_pool = n->pool;
	}
	if (c->index && n->send) {
		net_send_buf_get(n->send);
		c->give_send = n->send;
	}
	net_queue_call(c->q, start, c);
	return 0;
}
