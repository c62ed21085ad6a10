// SPDX-License-Identifier: GPL-2.0
/*
 * NVSP: how a child sets the card up, on its primary channel:
 *
 *	INIT until a version is accepted, NDIS_CONFIG, NDIS_VERSION, RECV_BUF,
 *	SEND_BUF, then RNDIS, then SUBCHANNEL
 *
 * The buffers are lent by GPADL.  GPADLs belong to the server thread, so RECV_BUF
 * and SEND_BUF are answered when it has looked; one of each may be under way.
 * What comes out of order is refused and changes nothing.
 */
#include <errno.h>
#include <string.h>

#include "netvsp_var.h"

#define MDL_CHAIN_MAX 34u

uint32_t net_nvs_len(const struct netvsp *n)
{
	return atomic_load_explicit(&n->version, memory_order_relaxed) >=
			       NVS_VERSION_6_1 ?
		       NVS_MSG_LEN :
		       32;
}

void net_nvs_reset(struct netvsp *n)
{
	atomic_store(&n->version, 0);
	n->ndis_told = false;
	n->caps = 0;
	n->frame = NET_ETH_DEFAULT;
	n->buf_asked = n->send_asked = n->subs_asked = false;
	n->buf_busy = n->send_busy = false;
	n->table_owed = false;
	n->subs = 0;
	net_offload_reset(n);
}

static void answer(struct net_chan *c, uint64_t id, const struct nvs_msg *msg)
{
	/* Always whole: some children want more than the fields. */
	net_chan_complete(c, id, msg, NVS_MSG_LEN);
}

/* ---- version ---- */

static bool version_known(uint32_t v)
{
	return v == NVS_VERSION_1 || v == NVS_VERSION_2 || v == NVS_VERSION_4 ||
	       v == NVS_VERSION_5 || v == NVS_VERSION_6 || v == NVS_VERSION_6_1;
}

static void handle_init(struct net_chan *c, uint64_t id,
			const struct nvs_msg *in)
{
	struct netvsp *n = c->n;
	struct nvs_msg out = { .type = NVS_INIT_DONE };
	uint32_t v = in->u.init.max_version;

	out.u.init_done.max_mdl_chain = MDL_CHAIN_MAX;
	out.u.init_done.version = UINT32_MAX;
	if (atomic_load(&n->version)) {
		net_bad(c, bad_nvs_state, "INIT: done already");
		out.u.init_done.status = NVS_STATUS_FAIL;
	} else if (v > n->cfg.max_version) {
		out.u.init_done.status = NVS_STATUS_TOO_NEW;
	} else if (!version_known(v) || in->u.init.min_version > v) {
		out.u.init_done.status = NVS_STATUS_UNSUPPORTED;
	} else {
		out.u.init_done.status = NVS_STATUS_OK;
		if (v == NVS_VERSION_1)
			out.u.init_done.version = NVS_VERSION_1;
		atomic_store(&n->version, v);
		log_debug(c->name, "NVSP version %#x", v);
	}
	answer(c, id, &out);
}

static void handle_ndis_config(struct net_chan *c, const struct nvs_msg *in)
{
	struct netvsp *n = c->n;
	uint32_t frame = in->u.ndis_config.mtu;
	uint32_t most = n->net->info.max_mtu + NET_ETH_HEADER;

	if (n->initialized || n->buf_busy || c->q->pool) {
		net_bad(c, bad_nvs_state, "NDIS_CONFIG: too late");
		return;
	}
	if (!n->net->info.max_mtu || most > NET_ETH_MAX)
		most = NET_ETH_MAX;
	if (frame < NET_ETH_MIN)
		frame = NET_ETH_DEFAULT;
	n->frame = frame < most ? frame : most;
	n->caps = in->u.ndis_config.caps;
	netvsp_settings(n)->frame = n->frame;
	netvsp_settings_end(n);
}

/* ---- buffers: the server thread's part ---- */

static void recv_buf_ready(void *arg)
{
	struct net_chan *c = arg;
	struct netvsp *n = c->n;
	struct nvs_msg out = { .type = NVS_RECV_BUF_DONE };
	struct nvs_section *s = &out.u.recv_buf_done.section;
	struct net_pool *p = c->give_pool;

	c->give_pool = NULL;
	n->buf_busy = false;
	if (!c->serving) {
		net_pool_put(p);
		return;
	}
	if (!atomic_exchange(&n->buf_asked, false)) {
		/* Revoked meanwhile: the child waits for an answer all the same. */
		net_pool_put(p);
		out.u.recv_buf_done.status = NVS_STATUS_FAIL;
	} else if (p) {
		out.u.recv_buf_done.status = NVS_STATUS_OK;
		out.u.recv_buf_done.sections = 1;
		s->size = p->section_size;
		s->count = p->sections;
		s->end = s->size * s->count;
		net_queue_give(c->q, p, NULL);
	} else {
		out.u.recv_buf_done.status = NVS_STATUS_FAIL;
		net_bad(c, bad_buffer, "receive buffer: %s",
			strerror(-c->give_error));
	}
	answer(c, n->buf_id, &out);
}

static void send_buf_ready(void *arg)
{
	struct net_chan *c = arg;
	struct netvsp *n = c->n;
	struct nvs_msg out = { .type = NVS_SEND_BUF_DONE };
	struct net_send_buf *b = c->give_send;

	c->give_send = NULL;
	n->send_busy = false;
	if (!c->serving) {
		net_send_buf_put(b);
		return;
	}
	if (!atomic_exchange(&n->send_asked, false)) {
		net_send_buf_put(b);
		out.u.send_buf_done.status = NVS_STATUS_FAIL;
	} else if (b) {
		out.u.send_buf_done.status = NVS_STATUS_OK;
		out.u.send_buf_done.section_size = NET_SEND_SECTION;
		net_queue_give(c->q, NULL, b);
	} else {
		out.u.send_buf_done.status = NVS_STATUS_FAIL;
		net_bad(c, bad_buffer, "send buffer: %s",
			strerror(-c->give_error));
	}
	answer(c, n->send_id, &out);
}

/* The channel may have been closed since it was asked. */
static bool primary_serves(const struct netvsp *n, unsigned int generation)
{
	return n->primary && n->generation == generation &&
	       n->primary->generation == generation;
}

void net_nvs_get_recv(struct netvsp *n)
{
	struct net_chan *c = n->primary;
	struct vmbus_buffer *vb;
	int err = -EBUSY;

	if (!primary_serves(n, n->asked_generation))
		return;
	c->give_pool = NULL;
	if (!atomic_load(&n->buf_asked))
		err = -ECANCELED;
	else if (!n->pool)
		err = vmbus_buffer_get(c->ch, n->buf_gpadl, &vb);
	if (!err) {
		err = net_pool_create(n, vb, n->frame, &n->pool);
		if (err)
			vmbus_buffer_put(vb);
	}
	if (!err) {
		net_pool_get(n->pool);
		c->give_pool = n->pool;
	}
	c->give_error = err;
	net_queue_call(c->q, recv_buf_ready, c);
}

void net_nvs_get_send(struct netvsp *n)
{
	struct net_chan *c = n->primary;
	struct vmbus_buffer *vb;
	int err = -EBUSY;

	if (!primary_serves(n, n->asked_generation))
		return;
	c->give_send = NULL;
	if (!atomic_load(&n->send_asked))
		err = -ECANCELED;
	else if (!n->send)
		err = vmbus_buffer_get(c->ch, n->send_gpadl, &vb);
	if (!err) {
		err = net_send_buf_create(n, vb, &n->send);
		if (err)
			vmbus_buffer_put(vb);
	}
	if (!err) {
		net_send_buf_get(n->send);
		c->give_send = n->send;
	}
	c->give_error = err;
	net_queue_call(c->q, send_buf_ready, c);
}

void net_nvs_revoke_recv(struct netvsp *n)
{
	if (!n->pool)
		return;
	atomic_store(&n->pool->revoked, true);
	net_pool_put(n->pool);
	n->pool = NULL;
	netvsp_kick(n);
}

void net_nvs_revoke_send(struct netvsp *n)
{
	if (!n->send)
		return;
	atomic_store(&n->send->revoked, true);
	net_send_buf_put(n->send);
	n->send = NULL;
	netvsp_kick(n);
}

/* ---- buffers: the worker's part ---- */

static void handle_buf(struct net_chan *c, uint64_t id,
		       const struct nvs_msg *in)
{
	struct netvsp *n = c->n;
	bool recv = in->type == NVS_RECV_BUF;
	struct nvs_msg out = { .type = recv ? NVS_RECV_BUF_DONE :
					      NVS_SEND_BUF_DONE };

	/* Sub-channels are given the buffers that there are when they open. */
	if (!atomic_load(&n->version) || n->subs ||
	    (recv ? n->buf_busy : n->send_busy) ||
	    (recv ? (void *)c->q->pool : (void *)c->q->send)) {
		net_bad(c, bad_nvs_state, "%s buffer: not now",
			recv ? "receive" : "send");
		/* The status is the first field of both. */
		out.u.recv_buf_done.status = NVS_STATUS_FAIL;
		answer(c, id, &out);
		return;
	}
	n->asked_generation = c->generation;
	if (recv) {
		n->buf_asked = n->buf_busy = true;
		n->buf_gpadl = in->u.buf.gpadl;
		n->buf_set = in->u.buf.id;
		n->buf_id = id;
		netvsp_ask(n, NET_JOB_RECV_BUF);
	} else {
		n->send_asked = n->send_busy = true;
		n->send_gpadl = in->u.buf.gpadl;
		n->send_id = id;
		netvsp_ask(n, NET_JOB_SEND_BUF);
	}
}

static void handle_revoke(struct net_chan *c, bool recv)
{
	struct netvsp *n = c->n;

	/*
	 * The server thread does this before what was asked, and that no more
	 * once it is taken back; if it has done that already, it undoes it.
	 */
	if (recv && (n->buf_busy || c->q->pool)) {
		atomic_store(&n->buf_asked, false);
		net_queue_drop_pool(c->q);
		n->control_used = 0;
		netvsp_ask(n, NET_JOB_REVOKE_RECV);
	} else if (!recv && (n->send_busy || c->q->send)) {
		atomic_store(&n->send_asked, false);
		net_queue_drop_send(c->q);
		netvsp_ask(n, NET_JOB_REVOKE_SEND);
	}
}

/* ---- sub-channels ---- */

static void handle_subchannel(struct net_chan *c, uint64_t id,
			      const struct nvs_msg *in)
{
	struct netvsp *n = c->n;
	struct nvs_msg out = { .type = NVS_SUBCHANNEL };
	uint32_t count = in->u.subchannel.count;

	out.u.subchannel_done.status = NVS_STATUS_FAIL;
	if (in->u.subchannel.op != NVS_SUBCHANNEL_ALLOCATE || n->subs_asked ||
	    !n->initialized || atomic_load(&n->version) < NVS_VERSION_5) {
		net_bad(c, bad_nvs_state, "SUBCHANNEL: op %u, %u channels",
			in->u.subchannel.op, count);
		answer(c, id, &out);
		return;
	}
	if (count > n->max_channels - 1)
		count = n->max_channels - 1;
	out.u.subchannel_done.status = NVS_STATUS_OK;
	out.u.subchannel_done.count = count;
	n->subs_asked = true;
	n->subs = count;
	n->table_owed = count > 0;
	answer(c, id, &out);
	/* The answer first, then the offers. */
	vmbus_chan_flush(c->ch);
	if (count)
		netvsp_want_subs(n, c->generation, count);
}

/* When all sub-channels are open: which hash goes out on which. */
void net_nvs_pump(struct net_chan *c)
{
	struct netvsp *n = c->n;
	uint64_t all = n->subs >= 63 ? UINT64_MAX : (2ull << n->subs) - 1;
	struct nvs_send_table_msg msg = {
		.type = NVS_SEND_TABLE,
		.count = NVS_SEND_TABLE_COUNT,
		.offset = NVS_SEND_TABLE_OFFSET,
	};
	unsigned int i;

	if (!n->table_owed || (atomic_load(&n->channels_up) & all) != all)
		return;
	for (i = 0; i < NVS_SEND_TABLE_COUNT; i++)
		msg.table[i] = i % (n->subs + 1);
	if (vmbus_chan_send(c->ch, RING_PKT_INBAND, 0, 0, NULL, 0, &msg,
			    sizeof(msg)))
		return;
	c->sent = true;
	n->table_owed = false;
}

/* ---- messages ---- */

static uint32_t least(uint32_t type)
{
	switch (type) {
	case NVS_INIT:
		return NVS_LEN_INIT;
	case NVS_NDIS_VERSION:
		return NVS_LEN_NDIS_VERSION;
	case NVS_NDIS_CONFIG:
		return NVS_LEN_NDIS_CONFIG;
	case NVS_RECV_BUF:
	case NVS_SEND_BUF:
		return NVS_LEN_BUF;
	case NVS_REVOKE_RECV_BUF:
	case NVS_REVOKE_SEND_BUF:
		return NVS_LEN_REVOKE;
	case NVS_SWITCH_DATA_PATH:
		return NVS_LEN_SWITCH_DATA_PATH;
	case NVS_OID_QUERY_EX:
		return NVS_LEN_OID_QUERY_EX;
	case NVS_SUBCHANNEL:
		return NVS_LEN_SUBCHANNEL;
	}
	return 0;
}

/* True when it has been answered, or will be. */
static bool handle(struct net_chan *c, uint64_t id, const struct nvs_msg *in)
{
	struct nvs_msg out = { .type = NVS_OID_QUERY_EX_DONE };

	switch (in->type) {
	case NVS_INIT:
		handle_init(c, id, in);
		return true;
	case NVS_RECV_BUF:
	case NVS_SEND_BUF:
		handle_buf(c, id, in);
		return true;
	case NVS_SUBCHANNEL:
		handle_subchannel(c, id, in);
		return true;
	case NVS_OID_QUERY_EX:
		out.u.oid_query_ex_done.status = RNDIS_STATUS_NOT_SUPPORTED;
		answer(c, id, &out);
		return true;
	case NVS_NDIS_VERSION:
		c->n->ndis_told = true;
		return false;
	case NVS_NDIS_CONFIG:
		handle_ndis_config(c, in);
		return false;
	case NVS_REVOKE_RECV_BUF:
	case NVS_REVOKE_SEND_BUF:
		handle_revoke(c, in->type == NVS_REVOKE_RECV_BUF);
		return false;
	case NVS_SWITCH_DATA_PATH:
		/* There is one path only; the child waits for an empty answer. */
		return false;
	}
	net_bad(c, bad_nvs_type, "message %u unknown", in->type);
	return false;
}

void net_nvs_handle(struct net_chan *c, const struct vmbus_packet *pkt,
		    const struct nvs_msg *msg, uint32_t len)
{
	bool answered = false;

	if (c->index)
		net_bad(c, bad_nvs_state, "message %u on a sub-channel",
			msg->type);
	else if (len < least(msg->type))
		net_bad(c, bad_nvs_length, "message %u: %u bytes", msg->type,
			len);
	else
		answered = handle(c, pkt->transaction, msg);
	if (!answered && pkt->flags & RING_PKT_FLAG_COMPLETION)
		net_chan_complete(c, pkt->transaction, NULL, 0);
}
