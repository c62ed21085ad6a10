/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of netvsp start from: a card, a child that speaks NVSP and
 * RNDIS over the rings of stor_child.h, and a back end whose frames are the
 * test's.
 */
#ifndef TESTS_NET_CHILD_H
#define TESTS_NET_CHILD_H

#include "hv/nvs_reg.h"
#include "hv/rndis_reg.h"
#include "stor_child.h"
#include "vsp/netvsp.h"

/* Pages of the data area: buffers, then messages. */
#define NC_RECV_PAGES 256u /* enough for coalesced frames */
#define NC_SEND_PAGES 24u  /* 16 sections */
#define NC_RECV_PAGE  0u
#define NC_SEND_PAGE  NC_RECV_PAGES
#define NC_MSG_PAGE   (NC_SEND_PAGE + NC_SEND_PAGES)
#define NC_MSG_PAGES  40u
#define NC_GPADL_RECV 0x4EC0
#define NC_GPADL_SEND 0x5E4D
#define NC_SECTION    6144u
#define NC_FRAMES     256u

/* ---- the back end ---- */

struct nc_frame {
	struct virtio_net_hdr hdr;
	uint32_t len;
	unsigned int queue;
	uint8_t *data;
};

struct nc_net {
	struct net net;
	pthread_mutex_t lock; /* of all below */
	struct worker *worker[NET_QUEUES_MAX];
	struct nc_frame out[NC_FRAMES], in[NC_FRAMES];
	unsigned int nout, nin, taken;
	bool full; /* net_send() says -EAGAIN */
	int send_error;
	unsigned int can, starts, stops, closed;
};

static struct nc_net *nc_net;

static inline int nc_start(struct net *n, unsigned int queue, struct worker *w)
{
	struct nc_net *t = (struct nc_net *)n;

	pthread_mutex_lock(&t->lock);
	t->worker[queue] = w;
	t->starts++;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static inline void nc_stop(struct net *n, unsigned int queue)
{
	struct nc_net *t = (struct nc_net *)n;

	pthread_mutex_lock(&t->lock);
	t->worker[queue] = NULL;
	t->stops++;
	pthread_mutex_unlock(&t->lock);
}

static inline int nc_send(struct net *n, unsigned int queue,
			  const struct virtio_net_hdr *hdr,
			  const struct iovec *iov, unsigned int niov)
{
	struct nc_net *t = (struct nc_net *)n;
	struct nc_frame *f;
	unsigned int i;
	int err = 0;

	pthread_mutex_lock(&t->lock);
	if (t->full) {
		err = -EAGAIN;
	} else if (t->send_error || t->nout == NC_FRAMES) {
		err = t->send_error ? t->send_error : -ENOBUFS;
	} else {
		f = &t->out[t->nout++];
		f->hdr = *hdr;
		f->queue = queue;
		f->len = 0;
		f->data = malloc(NET_FRAME_MAX + 4);
		for (i = 0; i < niov; i++) {
			if (f->len + iov[i].iov_len > NET_FRAME_MAX + 4)
				abort();
			memcpy(f->data + f->len, iov[i].iov_base,
			       iov[i].iov_len);
			f->len += iov[i].iov_len;
		}
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

static inline int nc_recv(struct net *n, unsigned int queue,
			  struct virtio_net_hdr *hdr, const struct iovec *iov,
			  unsigned int niov)
{
	struct nc_net *t = (struct nc_net *)n;
	uint32_t done = 0, take;
	struct nc_frame *f = NULL;
	unsigned int i;

	pthread_mutex_lock(&t->lock);
	for (i = t->taken; i < t->nin && !f; i++)
		if (t->in[i].data && t->in[i].queue == queue)
			f = &t->in[i];
	if (!f) {
		pthread_mutex_unlock(&t->lock);
		return -EAGAIN;
	}
	*hdr = f->hdr;
	for (i = 0; i < niov && done < f->len; i++, done += take) {
		take = f->len - done < iov[i].iov_len ? f->len - done :
							iov[i].iov_len;
		memcpy(iov[i].iov_base, f->data + done, take);
	}
	free(f->data);
	f->data = NULL;
	while (t->taken < t->nin && !t->in[t->taken].data)
		t->taken++;
	pthread_mutex_unlock(&t->lock);
	return done < f->len ? -EMSGSIZE : (int)f->len;
}

static inline int nc_set_offloads(struct net *n, unsigned int can)
{
	((struct nc_net *)n)->can = can;
	return 0;
}

static inline void nc_close(struct net *n)
{
	((struct nc_net *)n)->closed++;
}

static const struct net_ops nc_ops = {
	.name = "test",
	.start = nc_start,
	.stop = nc_stop,
	.send = nc_send,
	.recv = nc_recv,
	.set_offloads = nc_set_offloads,
	.close = nc_close,
};

static inline struct nc_net *nc_net_new(unsigned int queues, uint32_t mtu)
{
	struct nc_net *t = calloc(1, sizeof(*t));

	t->net.ops = &nc_ops;
	t->net.name = strdup("test");
	t->net.info.queues = queues;
	t->net.info.max_mtu = mtu;
	t->net.info.can = NET_CAN_CSUM | NET_CAN_TSO4 | NET_CAN_TSO6;
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

static inline void nc_net_clear(struct nc_net *t)
{
	unsigned int i;

	pthread_mutex_lock(&t->lock);
	for (i = 0; i < t->nout; i++)
		free(t->out[i].data);
	for (i = 0; i < t->nin; i++)
		free(t->in[i].data);
	memset(t->in, 0, sizeof(t->in));
	t->nout = t->nin = t->taken = 0;
	pthread_mutex_unlock(&t->lock);
}

struct nc_event {
	struct nc_net *t;
	unsigned int queue;
	bool writable;
};

static inline void nc_event_run(void *arg)
{
	struct nc_event *e = arg;

	if (e->writable)
		e->t->net.events->writable(e->t->net.events_arg, e->queue);
	else
		e->t->net.events->readable(e->t->net.events_arg, e->queue);
	free(e);
}

/* Tell the worker, as a back end does from its own event. */
static inline void nc_event(struct nc_net *t, unsigned int queue, bool writable)
{
	struct nc_event *e = malloc(sizeof(*e));
	struct worker *w;

	*e = (struct nc_event){ t, queue, writable };
	pthread_mutex_lock(&t->lock);
	w = t->worker[queue];
	if (!w || worker_post(w, nc_event_run, e))
		free(e);
	pthread_mutex_unlock(&t->lock);
}

/* A frame for the child; not told yet. */
static inline void nc_put(struct nc_net *t, unsigned int queue,
			  const struct virtio_net_hdr *hdr, const void *data,
			  uint32_t len)
{
	struct nc_frame *f;

	pthread_mutex_lock(&t->lock);
	if (t->nin == NC_FRAMES)
		abort();
	f = &t->in[t->nin];
	f->data = malloc(len);
	memcpy(f->data, data, len);
	f->len = len;
	f->queue = queue;
	f->hdr = hdr ? *hdr : (struct virtio_net_hdr){ 0 };
	t->nin++;
	pthread_mutex_unlock(&t->lock);
}

static inline unsigned int nc_out(struct nc_net *t)
{
	unsigned int n;

	pthread_mutex_lock(&t->lock);
	n = t->nout;
	pthread_mutex_unlock(&t->lock);
	return n;
}

/* ---- the child ---- */

static struct child *child;
static struct netvsp *card;
static struct child_chan *chan;
static bool gone;

/* A packet with its header, as transfer packets have one. */
struct nc_packet {
	struct ring_pkt head;
	uint8_t header[1024];
	uint32_t header_len;
	uint8_t data[256];
	uint32_t len;
};

static inline bool nc_take(struct child_chan *ch, struct nc_packet *p)
{
	struct ring_ctl *r = ch->in;
	uint32_t w = __atomic_load_n(&r->write_index, __ATOMIC_ACQUIRE),
		 at = r->read_index;

	if (w == at)
		return false;
	at = ring_copy(r, at, &p->head, 16, false);
	p->header_len = p->head.offset8 * 8 - 16;
	p->len = (p->head.len8 - p->head.offset8) * 8;
	if (p->header_len > sizeof(p->header) || p->len > sizeof(p->data))
		abort();
	at = ring_copy(r, at, p->header, p->header_len, false);
	at = ring_copy(r, at, p->data, p->len, false);
	at = (at + 8) % RING_BYTES;
	__atomic_store_n(&r->read_index, at, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&r->pending_send, __ATOMIC_SEQ_CST))
		child_ring_bell(ch);
	return true;
}

static inline struct nc_packet nc_recv_packet(struct child_chan *ch)
{
	struct nc_packet p = { 0 };

	if (!CHILD_UNTIL(child, nc_take(ch, &p)))
		abort();
	return p;
}

/* n pages from `first` of the data area, as GPADL `handle` of the channel. */
static inline void nc_lend(uint32_t relid, uint32_t handle, unsigned int first,
			   unsigned int n)
{
	struct {
		struct vmb_gpadl_header m;
		struct vmb_gpa_range range;
		uint64_t pfn[VMB_GPADL_HEADER_PFNS];
	} __attribute__((packed)) h = {
		.m = { { VMB_MSG_GPADL_HEADER, 0 },
		       relid,
		       handle,
		       8 + 8 * n,
		       1 },
		.range = { n * 4096, 0 },
	};
	struct {
		struct vmb_gpadl_body m;
		uint64_t pfn[VMB_GPADL_BODY_PFNS];
	} __attribute__((packed)) b = {
		.m = { { VMB_MSG_GPADL_BODY, 0 }, 0, handle },
	};
	unsigned int i, done = 0;

	first += CHILD_PFN + CHILD_DATA_PAGE;
	for (; done < n && done < VMB_GPADL_HEADER_PFNS; done++)
		h.pfn[done] = first + done;
	child_message(child, &h, sizeof(h.m) + sizeof(h.range) + 8 * done);
	while (done < n) {
		for (i = 0; done < n && i < VMB_GPADL_BODY_PFNS; i++)
			b.pfn[i] = first + done++;
		child_message(child, &b, sizeof(b.m) + 8 * i);
	}
}

static inline void nc_teardown(uint32_t relid, uint32_t handle)
{
	struct vmb_gpadl_teardown m = { { VMB_MSG_GPADL_TEARDOWN, 0 },
					relid,
					handle };

	child_message(child, &m, sizeof(m));
}

#define NC_ID 0x1000ull

/* An NVSP message; with an answer if one is wanted. */
static inline void nc_nvs_send(struct nvs_msg *m, bool completion)
{
	if (!child_send(chan, RING_PKT_INBAND,
			completion ? RING_PKT_FLAG_COMPLETION : 0, NC_ID, NULL,
			0, m, NVS_MSG_LEN))
		abort();
}

static inline uint32_t nc_nvs(struct nvs_msg *m)
{
	struct nc_packet p;

	nc_nvs_send(m, true);
	do
		p = nc_recv_packet(chan);
	while (p.head.type != RING_PKT_COMPLETION ||
	       p.head.transaction != NC_ID);
	memset(m, 0, sizeof(*m));
	memcpy(m, p.data, p.len < sizeof(*m) ? p.len : sizeof(*m));
	return p.len;
}

static inline uint32_t nc_init(uint32_t version)
{
	struct nvs_msg m = { .type = NVS_INIT, .u.init = { version, version } };

	nc_nvs(&m);
	if (m.type != NVS_INIT_DONE)
		abort();
	return m.u.init_done.status;
}

static inline struct nvs_msg nc_recv_buf(void)
{
	struct nvs_msg m = { .type = NVS_RECV_BUF,
			     .u.buf = { NC_GPADL_RECV, NVS_RECV_BUF_ID, 0 } };

	nc_nvs(&m);
	return m;
}

static inline struct nvs_msg nc_send_buf(void)
{
	struct nvs_msg m = { .type = NVS_SEND_BUF,
			     .u.buf = { NC_GPADL_SEND, NVS_SEND_BUF_ID, 0 } };

	nc_nvs(&m);
	return m;
}

static inline uint8_t *nc_recv_at(uint32_t offset)
{
	return child_page(child, NC_RECV_PAGE) + offset;
}

/* ---- RNDIS ---- */

/* Packet of `len` bytes, written to the message pages, in one range. */
static inline void nc_gpa(struct child_chan *ch, uint64_t id, uint32_t channel,
			  const void *msg, uint32_t len, uint32_t offset)
{
	unsigned int n = (offset + len + 4095) / 4096, i;
	struct {
		uint32_t reserved, count;
		struct vmb_gpa_range range;
		uint64_t pfn[NC_MSG_PAGES];
	} g = { 0, 1, { len, offset }, { 0 } };
	struct nvs_msg m = { .type = NVS_RNDIS,
			     .u.rndis = { channel, NVS_NO_SECTION, 0 } };

	if (n > NC_MSG_PAGES)
		abort();
	memcpy(child_page(child, NC_MSG_PAGE) + offset, msg, len);
	for (i = 0; i < n; i++)
		g.pfn[i] = CHILD_PFN + CHILD_DATA_PAGE + NC_MSG_PAGE + i;
	if (!child_send(ch, RING_PKT_GPA_DIRECT, RING_PKT_FLAG_COMPLETION, id,
			&g, 16 + 8 * n, &m, NVS_MSG_LEN))
		abort();
}

/* The same in a section of the send buffer. */
static inline void nc_section(struct child_chan *ch, uint64_t id,
			      uint32_t section, const void *msg, uint32_t len,
			      uint32_t told)
{
	struct nvs_msg m = { .type = NVS_RNDIS,
			     .u.rndis = { NVS_CHANNEL_DATA, section, told } };

	if (msg)
		memcpy(child_page(child, NC_SEND_PAGE) + section * NC_SECTION,
		       msg, len);
	if (!child_send(ch, RING_PKT_INBAND, RING_PKT_FLAG_COMPLETION, id, NULL,
			0, &m, NVS_MSG_LEN))
		abort();
}

/* The root's next completion: its status; frames that come first are dropped. */
static inline uint32_t nc_done(struct child_chan *ch, uint64_t id)
{
	struct nc_packet p;
	struct nvs_msg m = { 0 };

	do
		p = nc_recv_packet(ch);
	while (p.head.type != RING_PKT_COMPLETION || p.head.transaction != id);
	memcpy(&m, p.data, 8);
	if (m.type != NVS_RNDIS_DONE)
		abort();
	return m.u.status;
}

static inline void nc_return(struct child_chan *ch, uint64_t id)
{
	uint32_t done[2] = { NVS_RNDIS_DONE, NVS_STATUS_OK };

	if (!child_send(ch, RING_PKT_COMPLETION, 0, id, NULL, 0, done, 8))
		abort();
}

struct nc_xfer {
	uint64_t id;
	unsigned int n;
	struct ring_xfer_range range[64];
};

/* A transfer packet: its ranges. */
static inline bool nc_xfer(const struct nc_packet *p, struct nc_xfer *x)
{
	uint32_t count;
	uint16_t set;

	if (p->head.type != RING_PKT_XFER_PAGES)
		return false;
	memcpy(&set, p->header, 2);
	memcpy(&count, p->header + 4, 4);
	if (set != NVS_RECV_BUF_ID || count > 64 ||
	    p->header_len < 8 + 8 * count ||
	    !(p->head.flags & RING_PKT_FLAG_COMPLETION))
		abort();
	x->id = p->head.transaction;
	x->n = count;
	memcpy(x->range, p->header + 8, 8 * count);
	return true;
}

static inline bool nc_take_xfer(struct child_chan *ch, struct nc_xfer *x)
{
	struct nc_packet p;

	while (nc_take(ch, &p))
		if (nc_xfer(&p, x))
			return true;
	return false;
}

/* An RNDIS request and its answer, which is copied to `out`: its length. */
static inline uint32_t nc_control(const void *msg, uint32_t len, void *out,
				  uint32_t max)
{
	bool done = false, answered = false;
	struct nc_xfer x;
	uint32_t got = 0;

	nc_gpa(chan, NC_ID + 1, NVS_CHANNEL_CONTROL, msg, len, 100);
	while (!done || !answered) {
		struct nc_packet p = nc_recv_packet(chan);

		if (p.head.type == RING_PKT_COMPLETION &&
		    p.head.transaction == NC_ID + 1) {
			done = true;
			/* Refused: no answer comes. */
			if (((uint32_t *)p.data)[1] != NVS_STATUS_OK)
				return 0;
		} else if (nc_xfer(&p, &x)) {
			uint32_t head[2];

			memcpy(head, nc_recv_at(x.range[0].offset), 8);
			if (head[0] != RNDIS_INDICATE) {
				got = head[1] < max ? head[1] : max;
				memcpy(out, nc_recv_at(x.range[0].offset), got);
				answered = true;
			}
			nc_return(chan, x.id);
		}
	}
	return got;
}

static inline uint32_t nc_initialize(void)
{
	struct rndis_initialize m = {
		RNDIS_INITIALIZE, sizeof(m), 7, 1, 0, 0x4000
	};
	struct rndis_initialize_c c = { 0 };

	if (nc_control(&m, sizeof(m), &c, sizeof(c)) != sizeof(c) ||
	    c.request != 7)
		abort();
	return c.status;
}

/* Answer's information to `out`; its length in *len; the status. */
static inline uint32_t nc_query(uint32_t oid, const void *in, uint32_t in_len,
				void *out, uint32_t *len)
{
	struct {
		struct rndis_query m;
		uint8_t data[256];
	} q = { .m = { RNDIS_QUERY, sizeof(q.m) + in_len, 9, oid, in_len,
		       RNDIS_QUERY_INFO_OFFSET, 0 } };
	struct {
		struct rndis_query_c m;
		uint8_t data[1024];
	} c = { 0 };

	if (in_len)
		memcpy(q.data, in, in_len);
	nc_control(&q, q.m.len, &c, sizeof(c));
	if (c.m.type != RNDIS_QUERY_C || c.m.request != 9)
		abort();
	if (c.m.info_len && (c.m.info_offset != RNDIS_QUERY_C_INFO_OFFSET ||
			     *len < c.m.info_len))
		abort();
	*len = c.m.info_len;
	memcpy(out, c.data, c.m.info_len);
	return c.m.status;
}

static inline uint32_t nc_set(uint32_t oid, const void *in, uint32_t in_len)
{
	struct {
		struct rndis_query m;
		uint8_t data[1024];
	} s = { .m = { RNDIS_SET, sizeof(s.m) + in_len, 11, oid, in_len,
		       RNDIS_QUERY_INFO_OFFSET, 0 } };
	struct rndis_set_c c = { 0 };

	memcpy(s.data, in, in_len);
	nc_control(&s, s.m.len, &c, sizeof(c));
	if (c.type != RNDIS_SET_C || c.request != 11)
		abort();
	return c.status;
}

static inline uint32_t nc_filter(uint32_t filter)
{
	return nc_set(RNDIS_OID_PACKET_FILTER, &filter, sizeof(filter));
}

/* One packet message: its length.  `ppi` are whole PPIs. */
static inline uint32_t nc_message(uint8_t *out, const void *ppi,
				  uint32_t ppi_len, const void *frame,
				  uint32_t len)
{
	struct rndis_packet p = {
		.type = RNDIS_PACKET,
		.len = sizeof(p) + ppi_len + len,
		.data_offset = sizeof(p) + ppi_len - RNDIS_OFFSET_BASE,
		.data_len = len,
		.ppi_offset = ppi_len ? RNDIS_PACKET_PPI_OFFSET : 0,
		.ppi_len = ppi_len,
	};

	memcpy(out, &p, sizeof(p));
	if (ppi_len)
		memcpy(out + sizeof(p), ppi, ppi_len);
	memcpy(out + sizeof(p) + ppi_len, frame, len);
	return p.len;
}

struct nc_ppi {
	struct rndis_ppi h;
	uint32_t value;
};
#define NC_PPI(type, value)                                \
	{                                                  \
		{ sizeof(struct nc_ppi), type, 12 }, value \
	}

/* A received range as a message: its frame, and a PPI's value. */
static inline const uint8_t *nc_frame_of(const struct ring_xfer_range *r,
					 uint32_t *len)
{
	struct rndis_packet p;

	memcpy(&p, nc_recv_at(r->offset), sizeof(p));
	if (p.type != RNDIS_PACKET || p.len > r->len ||
	    p.data_offset + 8 + p.data_len > p.len)
		abort();
	*len = p.data_len;
	return nc_recv_at(r->offset) + 8 + p.data_offset;
}

static inline bool nc_ppi_of(const struct ring_xfer_range *r, uint32_t type,
			     uint32_t *value)
{
	struct rndis_packet p;
	struct rndis_ppi h;
	const uint8_t *at;
	uint32_t left;

	memcpy(&p, nc_recv_at(r->offset), sizeof(p));
	at = nc_recv_at(r->offset) + 8 + p.ppi_offset;
	for (left = p.ppi_len; left; left -= h.size, at += h.size) {
		memcpy(&h, at, sizeof(h));
		if (h.size < 12 || h.size > left || h.offset >= h.size)
			abort();
		if (h.type == type) {
			memcpy(value, at + h.offset, 4);
			return true;
		}
	}
	return false;
}

/* ---- counters ---- */

struct nc_counter {
	const char *name;
	uint64_t value;
	bool found;
};

static inline void nc_counter_fn(const char *name, uint64_t value, void *arg)
{
	struct nc_counter *c = arg;

	if (!strcmp(name, c->name)) {
		c->value = value;
		c->found = true;
	}
}

static inline uint64_t nc_counter(const char *name)
{
	struct nc_counter c = { .name = name };

	netvsp_counters(card, nc_counter_fn, &c);
	if (!c.found)
		abort();
	return c.value;
}

static inline uint64_t nc_lent(unsigned int queue)
{
	struct nc_counter c = { .name = "sections_lent" };

	netvsp_queue_counters(card, queue, nc_counter_fn, &c);
	return c.value;
}

/* ---- a card ---- */

static inline void nc_create(const struct netvsp_config *over,
			     unsigned int queues, uint32_t mtu)
{
	struct netvsp_config cfg = *over;

	cfg.number = 1;
	if (!cfg.processors)
		cfg.processors = 1;
	cfg.vm_id = (struct guid_reg){ { 1, 2, 3 } };
	child = child_new();
	gone = false;
	nc_net = nc_net_new(queues, mtu);
	if (netvsp_create(child->srv, &cfg, &nc_net->net, &card))
		abort();
	child_connect(child);
	chan = child_find(child, 1, 0);
	if (!chan)
		abort();
}

/* Open, with buffers. */
static inline void nc_buffers(uint32_t version, uint32_t frame)
{
	struct nvs_msg config = { .type = NVS_NDIS_CONFIG };

	if (!child_open(chan) || nc_init(version) != NVS_STATUS_OK)
		abort();
	config.u.ndis_config.mtu = frame;
	config.u.ndis_config.caps =
		NVS_CAP_8021Q | NVS_CAP_TEAMING |
		(version >= NVS_VERSION_6_1 ? NVS_CAP_RSC : 0);
	nc_nvs_send(&config, false);
	nc_lend(chan->offer.relid, NC_GPADL_RECV, NC_RECV_PAGE, NC_RECV_PAGES);
	nc_lend(chan->offer.relid, NC_GPADL_SEND, NC_SEND_PAGE, NC_SEND_PAGES);
	if (nc_recv_buf().u.recv_buf_done.status != NVS_STATUS_OK ||
	    nc_send_buf().u.send_buf_done.status != NVS_STATUS_OK)
		abort();
}

/* All of it, up. */
static inline void nc_ready(uint32_t version, uint32_t frame)
{
	nc_buffers(version, frame);
	if (nc_initialize() ||
	    nc_filter(RNDIS_FILTER_DIRECTED | RNDIS_FILTER_ALL_MULTICAST |
		      RNDIS_FILTER_BROADCAST))
		abort();
	if (!CHILD_UNTIL(child, nc_net->starts))
		abort();
}

static inline void nc_end(void)
{
	netvsp_destroy(card, child_flag, &gone);
	if (!CHILD_UNTIL(child, gone) || nc_net->closed != 1)
		abort();
	child_free(child);
	nc_net_clear(nc_net);
	free(nc_net);
}

#endif
