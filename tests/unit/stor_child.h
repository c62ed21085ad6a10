/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A child partition for the tests of storvsp: it connects to the real VMBus
 * server, lends rings and exchanges packets over them, with ring code of its
 * own.  The thread that calls this is the server thread; workers signal from
 * theirs.
 */
#ifndef TESTS_STOR_CHILD_H
#define TESTS_STOR_CHILD_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "hv/stor_reg.h"
#include "mem/mem.h"
#include "util/mailbox.h"
#include "vmbus/server.h"

#define CHILD_GPA	0x100000ull
#define CHILD_PFN	(CHILD_GPA >> 12)
#define CHILD_PAGES	2048u
#define CHILD_CHANS	20u
#define RING_DATA_PAGES 4u
#define RING_PAGES	(1 + RING_DATA_PAGES)
#define RING_BYTES	(RING_DATA_PAGES * 4096u)
/* Each channel's rings, then from here on what tests use as buffers. */
#define CHILD_DATA_PAGE (CHILD_CHANS * 2 * RING_PAGES)
#define CHILD_SECONDS	20

struct child_chan {
	struct child *child;
	struct vmb_offer offer;
	bool open;
	int signal_fd;
	struct ring_ctl *out, *in; /* to the root, from it */
};

struct child {
	struct mem mem;
	uint8_t *ram;
	struct vmbus_server *srv;
	struct mailbox *box; /* the server thread's queue */
	int interrupt;	     /* eventfd: signals of the root */
	_Atomic unsigned int interrupts;
	struct child_chan chan[CHILD_CHANS]; /* by relid */
	unsigned int offers, rescinds, opened, torndown;
	int fds[CHILD_CHANS]; /* by relid; 0: not connected */
	bool ended;
};

/* ---- the host under the server ---- */

static inline void child_post(void *host, uint32_t vp, uint8_t sint,
			      const void *msg, size_t len)
{
	struct child *c = host;
	const struct vmb_hdr *hdr = msg;
	const struct vmb_relid_msg *relid = msg;
	const struct vmb_offer *offer = msg;

	(void)vp;
	(void)sint;
	(void)len;
	switch (hdr->type) {
	case VMB_MSG_OFFER:
		if (offer->relid >= CHILD_CHANS)
			abort();
		c->chan[offer->relid].offer = *offer;
		c->chan[offer->relid].child = c;
		c->offers++;
		break;
	case VMB_MSG_RESCIND:
		c->chan[relid->relid].offer.relid = 0;
		c->chan[relid->relid].open = false;
		c->rescinds++;
		break;
	case VMB_MSG_OPEN_RESULT:
		if (!((const struct vmb_open_result *)msg)->status)
			c->opened++;
		break;
	case VMB_MSG_GPADL_TORNDOWN:
		c->torndown++;
		break;
	}
}

static inline void child_drop_posts(void *host)
{
	(void)host;
}

static inline bool child_signal(void *host, uint32_t vp, uint8_t sint,
				uint16_t flag)
{
	struct child *c = host;

	(void)vp;
	(void)sint;
	(void)flag;
	c->interrupts++;
	return !eventfd_write(c->interrupt, 1);
}

static inline int child_connect_event(void *host, uint32_t connection, int fd)
{
	((struct child *)host)->fds[connection - 0x2000] = fd;
	return 0;
}

static inline void child_disconnect_event(void *host, uint32_t connection,
					  int fd)
{
	(void)fd;
	((struct child *)host)->fds[connection - 0x2000] = 0;
}

static inline void child_defer(void *host, void (*fn)(void *arg), void *arg)
{
	if (mailbox_post(((struct child *)host)->box, fn, arg))
		abort();
}

static inline void child_connected(void *host, uint32_t version)
{
	(void)host;
	(void)version;
}

static inline bool child_vp_valid(void *host, uint32_t vp)
{
	(void)host;
	return vp < 64;
}

static const struct vmbus_host_ops child_ops = {
	.post = child_post,
	.drop_posts = child_drop_posts,
	.signal = child_signal,
	.connect_event = child_connect_event,
	.disconnect_event = child_disconnect_event,
	.defer = child_defer,
	.connected = child_connected,
	.vp_valid = child_vp_valid,
};

/* ---- time ---- */

static inline uint64_t child_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

/* Run what the server thread has to do; wait up to `ms` for something. */
static inline void child_poll(struct child *c, int ms)
{
	struct pollfd p[2] = { { mailbox_fd(c->box), POLLIN, 0 },
			       { c->interrupt, POLLIN, 0 } };
	eventfd_t count;

	poll(p, 2, ms);
	if (p[1].revents)
		eventfd_read(c->interrupt, &count);
	mailbox_run(c->box);
}

/* Until `cond` holds; false when it takes too long. */
#define CHILD_UNTIL(c, cond)                                        \
	({                                                          \
		uint64_t end_ = child_now() + CHILD_SECONDS * 1000; \
		bool met_;                                          \
		while (!(met_ = (cond)) && child_now() < end_)      \
			child_poll(c, 50);                          \
		met_;                                               \
	})

/* ---- messages ---- */

static inline void child_message(struct child *c, const void *msg, size_t len)
{
	vmbus_server_message(c->srv, VMB_PORT_MULTI, msg, len);
}

static inline void child_simple(struct child *c, uint32_t type)
{
	struct vmb_hdr m = { type, 0 };

	child_message(c, &m, sizeof(m));
}

static inline void child_relid(struct child *c, uint32_t type, uint32_t relid)
{
	struct vmb_relid_msg m = { { type, 0 }, relid };

	child_message(c, &m, sizeof(m));
}

static inline void child_connect(struct child *c)
{
	struct vmb_initiate_contact m = {
		.hdr.type = VMB_MSG_INITIATE_CONTACT,
		.version = VMB_VERSION_5_3,
		.sint = VMB_SINT,
		.monitor_to_child = CHILD_GPA,
		.monitor_to_root = CHILD_GPA + 4096,
	};

	child_message(c, &m, sizeof(m));
	child_simple(c, VMB_MSG_REQUEST_OFFERS);
}

static inline struct child *child_new(void)
{
	struct child *c = calloc(1, sizeof(*c));
	struct vmbus_server_config cfg = { .mem = &c->mem };

	c->ram = aligned_alloc(4096, CHILD_PAGES * 4096);
	memset(c->ram, 0, CHILD_PAGES * 4096);
	mem_init(&c->mem);
	c->interrupt = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mem_add(&c->mem, CHILD_GPA, CHILD_PAGES * 4096, c->ram) ||
	    mailbox_create(&c->box) ||
	    vmbus_server_create(&cfg, &child_ops, c, &c->srv))
		abort();
	return c;
}

static inline void child_flag(void *arg)
{
	*(bool *)arg = true;
}

static inline void child_free(struct child *c)
{
	vmbus_server_shutdown(c->srv, child_flag, &c->ended);
	if (!CHILD_UNTIL(c, c->ended))
		abort();
	vmbus_server_destroy(c->srv);
	mailbox_destroy(c->box);
	close(c->interrupt);
	free(c->ram);
	free(c);
}

/* The offer with this instance's last byte and sub-channel index, or NULL. */
static inline struct child_chan *child_find(struct child *c, uint8_t number,
					    uint16_t index)
{
	unsigned int i;

	for (i = 1; i < CHILD_CHANS; i++)
		if (c->chan[i].offer.relid &&
		    c->chan[i].offer.instance.b[15] == number &&
		    c->chan[i].offer.sub_index == index)
			return &c->chan[i];
	return NULL;
}

/* ---- open and close ---- */

static inline void child_lend(struct child *c, uint32_t relid,
			      unsigned int first, unsigned int n)
{
	struct {
		struct vmb_gpadl_header m;
		struct vmb_gpa_range range;
		uint64_t pfn[VMB_GPADL_HEADER_PFNS];
	} __attribute__((packed)) b = {
		.m = { { VMB_MSG_GPADL_HEADER, 0 },
		       relid,
		       0xE1E10 + relid,
		       8 + 8 * n,
		       1 },
		.range = { n * 4096, 0 },
	};
	unsigned int i;

	for (i = 0; i < n; i++)
		b.pfn[i] = CHILD_PFN + first + i;
	child_message(c, &b, sizeof(b.m) + sizeof(b.range) + 8 * n);
}

static inline bool child_open(struct child_chan *ch)
{
	struct child *c = ch->child;
	uint32_t relid = ch->offer.relid;
	unsigned int first = relid * 2 * RING_PAGES, opened = c->opened;
	struct vmb_open m = {
		.hdr.type = VMB_MSG_OPEN,
		.relid = relid,
		.open_id = relid,
		.gpadl = 0xE1E10 + relid,
		.to_child_page = RING_PAGES,
	};

	ch->out = (struct ring_ctl *)(c->ram + first * 4096);
	ch->in = (struct ring_ctl *)(c->ram + (first + RING_PAGES) * 4096);
	memset(ch->out, 0, 4096);
	memset(ch->in, 0, 4096);
	ch->out->features = ch->in->features = RING_FEATURE_PENDING_SEND;
	child_lend(c, relid, first, 2 * RING_PAGES);
	child_message(c, &m, sizeof(m));
	ch->open = CHILD_UNTIL(c, c->opened > opened);
	ch->signal_fd = c->fds[relid];
	return ch->open;
}

/* Closes and takes the rings back; true when the root has let go of them. */
static inline bool child_close(struct child_chan *ch)
{
	struct child *c = ch->child;
	uint32_t relid = ch->offer.relid;
	struct vmb_gpadl_teardown m = { { VMB_MSG_GPADL_TEARDOWN, 0 },
					relid,
					0xE1E10 + relid };
	unsigned int torndown = c->torndown;

	ch->open = false;
	child_relid(c, VMB_MSG_CLOSE, relid);
	child_message(c, &m, sizeof(m));
	return CHILD_UNTIL(c, c->torndown > torndown);
}

/* ---- rings ---- */

static inline uint32_t ring_copy(struct ring_ctl *ring, uint32_t at, void *buf,
				 size_t len, bool in)
{
	uint8_t *data = (uint8_t *)ring + 4096, *p = buf;

	while (len--) {
		if (in)
			data[at] = *p++;
		else
			*p++ = data[at];
		at = (at + 1) % RING_BYTES;
	}
	return at;
}

static inline void child_ring_bell(struct child_chan *ch)
{
	if (ch->signal_fd)
		eventfd_write(ch->signal_fd, 1);
}

/* Returns false when the ring is full. */
static inline bool child_send(struct child_chan *ch, uint16_t type,
			      uint16_t flags, uint64_t id, const void *header,
			      uint32_t header_len, const void *data,
			      uint32_t data_len)
{
	struct ring_ctl *r = ch->out;
	uint32_t w = r->write_index, before = w;
	uint32_t read = __atomic_load_n(&r->read_index, __ATOMIC_ACQUIRE);
	uint32_t total = 16 + header_len + ((data_len + 7) & ~7u) + 8;
	struct ring_pkt pkt = { type, (16 + header_len) / 8, (total - 8) / 8,
				flags, id };
	struct ring_trailer trailer = { 0, before };
	uint64_t zero = 0;

	if ((read + RING_BYTES - w - 1) % RING_BYTES < total)
		return false;
	w = ring_copy(r, w, &pkt, 16, true);
	w = ring_copy(r, w, (void *)header, header_len, true);
	w = ring_copy(r, w, (void *)data, data_len, true);
	w = ring_copy(r, w, &zero, -data_len & 7, true);
	w = ring_copy(r, w, &trailer, 8, true);
	__atomic_store_n(&r->write_index, w, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&r->interrupt_mask, __ATOMIC_SEQ_CST) &&
	    __atomic_load_n(&r->read_index, __ATOMIC_SEQ_CST) == before)
		child_ring_bell(ch);
	return true;
}

struct child_packet {
	struct ring_pkt head;
	uint8_t data[256];
	uint32_t len;
};

/* Takes a packet that is there; wakes the root if it waits for room. */
static inline bool child_take(struct child_chan *ch, struct child_packet *p)
{
	struct ring_ctl *r = ch->in;
	uint32_t w = __atomic_load_n(&r->write_index, __ATOMIC_ACQUIRE),
		 at = r->read_index;

	if (w == at)
		return false;
	at = ring_copy(r, at, &p->head, 16, false);
	p->len = p->head.len8 * 8 - p->head.offset8 * 8;
	if (p->head.offset8 != 2 || p->len > sizeof(p->data))
		abort();
	at = ring_copy(r, at, p->data, p->len, false);
	at = (at + 8) % RING_BYTES;
	__atomic_store_n(&r->read_index, at, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&r->pending_send, __ATOMIC_SEQ_CST))
		child_ring_bell(ch);
	return true;
}

static inline bool child_recv(struct child_chan *ch, struct child_packet *p)
{
	return CHILD_UNTIL(ch->child, child_take(ch, p));
}

/* ---- storage ---- */

static inline uint8_t *child_page(struct child *c, unsigned int page)
{
	return c->ram + (CHILD_DATA_PAGE + page) * 4096;
}

/* A control operation and its answer; the NTSTATUS. */
static inline uint32_t child_control(struct child_chan *ch, uint32_t op,
				     struct stor_pkt *pkt)
{
	struct child_packet p;

	pkt->op = op;
	pkt->flags = STOR_FLAG_COMPLETION;
	pkt->status = 0;
	if (!child_send(ch, RING_PKT_INBAND, RING_PKT_FLAG_COMPLETION,
			0xfffffffffffffffdull, NULL, 0, pkt, sizeof(*pkt)) ||
	    !child_recv(ch, &p) || p.head.type != RING_PKT_COMPLETION ||
	    p.head.transaction != 0xfffffffffffffffdull ||
	    p.len != sizeof(*pkt))
		abort();
	memcpy(pkt, p.data, sizeof(*pkt));
	if (pkt->op != STOR_OP_COMPLETE_IO || pkt->flags)
		abort();
	return pkt->status;
}

static inline bool child_init(struct child_chan *ch)
{
	struct stor_pkt pkt = { 0 };

	if (child_control(ch, STOR_OP_BEGIN_INIT, &pkt))
		return false;
	pkt.u.version.major_minor = STOR_VERSION_6_2;
	return !child_control(ch, STOR_OP_QUERY_VERSION, &pkt) &&
	       !child_control(ch, STOR_OP_QUERY_PROPERTIES, &pkt) &&
	       !child_control(ch, STOR_OP_END_INIT, &pkt);
}

struct child_srb {
	uint8_t lun, target, path;
	uint8_t cdb[16];
	uint8_t cdb_len;
	uint8_t data_in;   /* STOR_DATA_* */
	uint32_t len;	   /* that the request tells */
	uint32_t buffer;   /* bytes of the range; 0: no buffer at all */
	uint32_t offset;   /* in the first page */
	unsigned int page; /* of the data area */
	bool scattered;	   /* every other page */
};

static inline bool child_srb_send(struct child_chan *ch, uint64_t id,
				  const struct child_srb *s)
{
	unsigned int n = (s->offset + s->buffer + 4095) / 4096, i;
	struct {
		uint32_t reserved, count;
		struct vmb_gpa_range range;
		uint64_t pfn[300];
	} g = { 0, 1, { s->buffer, s->offset }, { 0 } };
	struct stor_pkt pkt = { .op = STOR_OP_EXECUTE_SRB,
				.flags = STOR_FLAG_COMPLETION };

	pkt.u.srb.length = sizeof(pkt.u.srb);
	pkt.u.srb.lun = s->lun;
	pkt.u.srb.target = s->target;
	pkt.u.srb.path = s->path;
	pkt.u.srb.cdb_length = s->cdb_len ? s->cdb_len : 16;
	pkt.u.srb.sense_length = STOR_SENSE_MAX;
	pkt.u.srb.data_in = s->data_in;
	pkt.u.srb.transfer_length = s->len;
	memcpy(pkt.u.srb.u.cdb, s->cdb, 16);
	if (!s->buffer)
		return child_send(ch, RING_PKT_INBAND, RING_PKT_FLAG_COMPLETION,
				  id, NULL, 0, &pkt, sizeof(pkt));
	for (i = 0; i < n; i++)
		g.pfn[i] = CHILD_PFN + CHILD_DATA_PAGE + s->page +
			   (s->scattered ? 2 * i : i);
	return child_send(ch, RING_PKT_GPA_DIRECT, RING_PKT_FLAG_COMPLETION, id,
			  &g, 16 + 8 * n, &pkt, sizeof(pkt));
}

/* One request and its completion. */
static inline struct stor_srb child_srb(struct child_chan *ch,
					const struct child_srb *s)
{
	static uint64_t id = 100;
	struct child_packet p;
	struct stor_pkt pkt;

	id++;
	if (!child_srb_send(ch, id, s) || !child_recv(ch, &p) ||
	    p.head.type != RING_PKT_COMPLETION || p.head.transaction != id ||
	    p.len != sizeof(pkt))
		abort();
	memcpy(&pkt, p.data, sizeof(pkt));
	if (pkt.op != STOR_OP_COMPLETE_IO)
		abort();
	return pkt.u.srb;
}

#endif
