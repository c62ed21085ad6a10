// SPDX-License-Identifier: GPL-2.0
/*
 * RNDIS control messages ([MS-RNDIS] 2.2), on the primary.  Answers go to the
 * child in sections of their own, one each; while the child holds all of these,
 * further answers wait here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netvsp_var.h"

#define MAX_TRANSFER 0x40000u
/* A child asks one thing at a time, or nearly so. */
#define ANSWERS_MAX  64u

void net_rndis_reset(struct netvsp *n)
{
	struct net_answer *a;

	while ((a = STAILQ_FIRST(&n->answers))) {
		STAILQ_REMOVE_HEAD(&n->answers, link);
		free(a);
	}
	n->nanswers = 0;
	n->control_used = 0;
	n->initialized = false;
	n->told_link = n->link_owed = false;
	n->speed_told = 0;
}

/* ---- to the child ---- */

/* 0, -EAGAIN: no section, transfer or room in the ring is free. */
static int send_now(struct net_chan *c, const void *msg, uint32_t len)
{
	struct netvsp *n = c->n;
	struct net_pool *p = c->q->pool;
	struct {
		__u16 set;
		__u8 sender_owns;
		__u8 reserved;
		__u32 count;
		struct ring_xfer_range range;
	} head = { .set = n->buf_set, .count = 1 };
	struct nvs_msg nvs = { .type = NVS_RNDIS };
	uint32_t s;
	int i, err;

	for (s = 0; s < p->control && n->control_used >> s & 1; s++)
		;
	if (s == p->control)
		return -EAGAIN;
	i = net_xfer_take(c);
	if (i < 0)
		return i;
	nvs.u.rndis.channel = NVS_CHANNEL_CONTROL;
	nvs.u.rndis.section = NVS_NO_SECTION;
	head.range.offset = s * p->section_size;
	head.range.len = len;
	net_pool_write(p, head.range.offset, msg, len);
	err = vmbus_chan_send(c->ch, RING_PKT_XFER_PAGES,
			      RING_PKT_FLAG_COMPLETION, net_xfer_id(c, i),
			      &head, sizeof(head), &nvs, net_nvs_len(n));
	if (err) {
		net_xfer_untake(c, i);
		return err;
	}
	c->sent = true;
	c->xfer[i].control = true;
	c->xfer[i].nsections = 1;
	c->xfer[i].section[0] = s;
	net_xfer_lent(c, i);
	n->control_used |= 1ull << s;
	return 0;
}

void net_rndis_pump(struct net_chan *c)
{
	struct netvsp *n = c->n;
	struct net_answer *a;

	while (c->q->pool && (a = STAILQ_FIRST(&n->answers)) &&
	       !send_now(c, a->data, a->len)) {
		STAILQ_REMOVE_HEAD(&n->answers, link);
		n->nanswers--;
		free(a);
	}
	if (n->link_owed)
		net_rndis_link(c);
}

static void send_message(struct net_chan *c, const void *msg, uint32_t len)
{
	struct netvsp *n = c->n;
	struct net_answer *a;
	int err = -EAGAIN;

	/* Without a receive buffer there is nowhere to put it. */
	if (!c->q->pool)
		return;
	if (STAILQ_EMPTY(&n->answers))
		err = send_now(c, msg, len);
	if (!err)
		return;
	if (err != -EAGAIN || n->nanswers >= ANSWERS_MAX) {
		net_chan_fail(c, "control messages are not taken");
		return;
	}
	a = malloc(sizeof(*a) + len);
	if (!a) {
		net_chan_fail(c, "out of memory");
		return;
	}
	a->len = len;
	memcpy(a->data, msg, len);
	STAILQ_INSERT_TAIL(&n->answers, a, link);
	n->nanswers++;
}

/* ---- indications ---- */

void net_rndis_indicate(struct net_chan *c, uint32_t status, const void *data,
			uint32_t len)
{
	struct {
		struct rndis_indicate m;
		uint8_t data[sizeof(struct ndis_offload)];
	} b = { .m = { .type = RNDIS_INDICATE,
		       .len = sizeof(b.m) + len,
		       .status = status,
		       .buffer_len = len,
		       .buffer_offset = len ? RNDIS_INDICATE_BUFFER_OFFSET :
					      0 } };

	if (len)
		memcpy(b.data, data, len);
	net_count(c->q, indications);
	send_message(c, &b, b.m.len);
}

void net_rndis_link(struct net_chan *c)
{
	struct netvsp *n = c->n;
	bool up = netvsp_link(n);
	uint64_t speed = n->net->info.speed ? n->net->info.speed :
					      NET_SPEED_DEFAULT;
	uint32_t units = speed / 100 > UINT32_MAX ? UINT32_MAX : speed / 100;

	n->link_owed = false;
	if (!c->serving || !n->initialized)
		return;
	/* Not for each change, however many there are until the child reads. */
	n->link_owed = !STAILQ_EMPTY(&n->answers);
	if (n->link_owed)
		return;
	if (up != n->told_link)
		net_rndis_indicate(c,
				   up ? RNDIS_STATUS_MEDIA_CONNECT :
					RNDIS_STATUS_MEDIA_DISCONNECT,
				   NULL, 0);
	n->told_link = up;
	if (up && units != n->speed_told && n->caps & NVS_CAP_TEAMING) {
		net_rndis_indicate(c, RNDIS_STATUS_LINK_SPEED, &units,
				   sizeof(units));
		n->speed_told = units;
	}
}

/* ---- requests ---- */

static void on_initialize(struct net_chan *c, const uint8_t *msg)
{
	struct netvsp *n = c->n;
	uint64_t speed = n->net->info.speed ? n->net->info.speed :
					      NET_SPEED_DEFAULT;
	struct rndis_initialize in;
	struct rndis_initialize_c out = {
		.type = RNDIS_INITIALIZE_C,
		.len = sizeof(out),
		.major = RNDIS_MAJOR,
		.minor = RNDIS_MINOR,
		.device_flags = RNDIS_DEVICE_CONNECTIONLESS,
		.medium = RNDIS_MEDIUM_8023,
		.max_packets = NET_MAX_PACKETS,
		.max_transfer = MAX_TRANSFER,
		.alignment_shift = NET_ALIGN_SHIFT,
	};

	memcpy(&in, msg, sizeof(in));
	out.request = in.request;
	if (in.major != RNDIS_MAJOR) {
		out.status = RNDIS_STATUS_BAD_VERSION;
	} else {
		n->initialized = true;
		n->told_link = netvsp_link(n);
		n->speed_told = speed / 100 > UINT32_MAX ? UINT32_MAX :
							   speed / 100;
	}
	send_message(c, &out, sizeof(out));
}

/* The card is as it was before INITIALIZE; no frames. */
static void on_halt(struct net_chan *c)
{
	struct netvsp *n = c->n;
	struct net_settings *s;

	n->initialized = false;
	net_offload_reset(n);
	s = netvsp_settings(n);
	s->filter = 0;
	s->rss = false;
	s->rsc4 = s->rsc6 = false;
	s->nmulticast = 0;
	netvsp_settings_end(n);
}

/* Information of a QUERY or SET, in place; NULL when it lies. */
static const uint8_t *information(const uint8_t *msg, uint32_t len,
				  const struct rndis_query *in)
{
	if (!in->info_len)
		return msg + sizeof(*in);
	if (in->info_offset < RNDIS_QUERY_INFO_OFFSET ||
	    (uint64_t)in->info_offset + RNDIS_OFFSET_BASE + in->info_len > len)
		return NULL;
	return msg + RNDIS_OFFSET_BASE + in->info_offset;
}

static void on_query(struct net_chan *c, const uint8_t *msg, uint32_t len)
{
	struct {
		struct rndis_query_c m;
		uint8_t data[NET_ANSWER_MAX];
	} out = { .m = { .type = RNDIS_QUERY_C } };
	struct rndis_query in;
	const uint8_t *info;
	uint32_t n = 0;

	memcpy(&in, msg, sizeof(in));
	info = information(msg, len, &in);
	out.m.request = in.request;
	if (info) {
		out.m.status = net_oid_query(c->n, in.oid, info, in.info_len,
					     out.data, &n);
	} else {
		net_bad(c, bad_oid, "query %#x: %u bytes at %u", in.oid,
			in.info_len, in.info_offset);
		out.m.status = RNDIS_STATUS_INVALID_DATA;
	}
	if (out.m.status)
		n = 0;
	/* Children look at the offset, and not at the status. */
	out.m.info_len = n;
	out.m.info_offset = n ? RNDIS_QUERY_C_INFO_OFFSET : 0;
	out.m.len = sizeof(out.m) + n;
	send_message(c, &out, out.m.len);
}

static void on_set(struct net_chan *c, const uint8_t *msg, uint32_t len)
{
	struct rndis_set_c out = { .type = RNDIS_SET_C, .len = sizeof(out) };
	struct rndis_query in;
	const uint8_t *info;

	memcpy(&in, msg, sizeof(in));
	info = information(msg, len, &in);
	out.request = in.request;
	if (info) {
		out.status = net_oid_set(c, in.oid, info, in.info_len);
	} else {
		net_bad(c, bad_oid, "set %#x: %u bytes at %u", in.oid,
			in.info_len, in.info_offset);
		out.status = RNDIS_STATUS_INVALID_DATA;
	}
	send_message(c, &out, sizeof(out));
	if (in.oid == RNDIS_OID_OFFLOAD_PARAMS && !out.status) {
		struct ndis_offload now;
		uint32_t size = sizeof(now);

		/* What came of it. */
		if (!net_offload_caps(c->n, NULL, 0, true, (uint8_t *)&now,
				      &size))
			net_rndis_indicate(c, RNDIS_STATUS_OFFLOAD_CONFIG, &now,
					   size);
	}
}

static void on_keepalive(struct net_chan *c, const uint8_t *msg)
{
	struct rndis_set_c out = { .type = RNDIS_KEEPALIVE_C,
				   .len = sizeof(out) };
	struct rndis_keepalive in;

	memcpy(&in, msg, sizeof(in));
	out.request = in.request;
	send_message(c, &out, sizeof(out));
}

static void on_reset(struct net_chan *c)
{
	struct rndis_reset_c out = {
		.type = RNDIS_RESET_C,
		.len = sizeof(out),
		/* The child is to set filter and list anew. */
		.addressing_reset = 1,
	};
	struct net_settings *s = netvsp_settings(c->n);

	s->filter = 0;
	s->nmulticast = 0;
	netvsp_settings_end(c->n);
	send_message(c, &out, sizeof(out));
}

static uint32_t least(uint32_t type)
{
	switch (type) {
	case RNDIS_INITIALIZE:
		return sizeof(struct rndis_initialize);
	case RNDIS_HALT:
		return sizeof(struct rndis_halt);
	case RNDIS_QUERY:
	case RNDIS_SET:
		return sizeof(struct rndis_query);
	case RNDIS_RESET:
		return sizeof(struct rndis_reset);
	case RNDIS_KEEPALIVE:
		return sizeof(struct rndis_keepalive);
	}
	return 0;
}

uint32_t net_rndis_control(struct net_chan *c, const uint8_t *msg, uint32_t len)
{
	struct rndis_header h = { 0 };

	if (len >= sizeof(h))
		memcpy(&h, msg, sizeof(h));
	if (h.len < sizeof(h) || h.len > len || !least(h.type) ||
	    h.len < least(h.type)) {
		net_bad(c, bad_control, "control message %#x: %u of %u bytes",
			h.type, h.len, len);
		return NVS_STATUS_BAD_RNDIS;
	}
	if (!c->n->initialized && h.type != RNDIS_INITIALIZE &&
	    h.type != RNDIS_HALT) {
		net_bad(c, bad_control, "control message %#x before INITIALIZE",
			h.type);
		return NVS_STATUS_BAD_RNDIS;
	}
	switch (h.type) {
	case RNDIS_INITIALIZE:
		on_initialize(c, msg);
		break;
	case RNDIS_HALT:
		on_halt(c);
		break;
	case RNDIS_QUERY:
		on_query(c, msg, h.len);
		break;
	case RNDIS_SET:
		on_set(c, msg, h.len);
		break;
	case RNDIS_KEEPALIVE:
		on_keepalive(c, msg);
		break;
	case RNDIS_RESET:
		on_reset(c);
		break;
	}
	return NVS_STATUS_OK;
}
