/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A child partition and a host without a VM, for the tests of host/vmbus: what
 * the server posts, signals and defers is recorded here; messages are built by
 * hand from the layouts.
 */
#ifndef TESTS_VMBUS_FAKE_H
#define TESTS_VMBUS_FAKE_H

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/mem.h"
#include "util/log.h"
#include "vmbus/server.h"

#ifndef FAKE_POSTS /* that are remembered */
#define FAKE_POSTS 8192
#endif
#define FAKE_DEFERS  4096
#define FAKE_VPS     8
#define FAKE_RAM_GPA 0x100000ull
#define FAKE_RAM_PFN (FAKE_RAM_GPA >> 12)

struct fake_post {
	uint32_t vp;
	uint8_t sint;
	size_t len;
	union {
		uint8_t byte[VMB_MSG_MAX];
		struct vmb_hdr hdr;
		struct vmb_version_response version;
		struct vmb_offer offer;
		struct vmb_relid_msg relid;
		struct vmb_open_result open;
		struct vmb_gpadl_created created;
		struct vmb_gpadl_torndown torndown;
		struct vmb_modify_channel_resp modify;
		struct vmb_tl_connect_result tl;
	};
};

struct fake {
	struct mem mem;
	uint8_t *ram;
	size_t npages;
	struct vmbus_server *srv;

	struct fake_post post[FAKE_POSTS];
	unsigned int posted, taken, dropped;
	struct {
		void (*fn)(void *arg);
		void *arg;
	} defer[FAKE_DEFERS];
	unsigned int deferred, ran;
	struct {
		void (*fn)(void *arg);
		void *arg;
		uint32_t ms;
	} late[8];
	unsigned int nlate;

	unsigned int signals;
	uint32_t signal_vp;
	uint16_t signal_flag;
	bool flag_set; /* signal() says: was set before */
	bool connect_fails;
	uint32_t connection; /* last connected */
	int connected_fds;   /* connected less disconnected */
	unsigned int ups, downs;
	unsigned int done;
};

static inline void fake_post_fn(void *host, uint32_t vp, uint8_t sint,
				const void *msg, size_t len)
{
	struct fake *f = host;
	struct fake_post *p = &f->post[f->posted++ % FAKE_POSTS];

	assert(len <= VMB_MSG_MAX);
	memset(p, 0, sizeof(*p));
	p->vp = vp;
	p->sint = sint;
	p->len = len;
	memcpy(p->byte, msg, len);
}

static inline void fake_drop_fn(void *host)
{
	struct fake *f = host;

	f->dropped++;
	f->taken = f->posted;
}

static inline bool fake_signal_fn(void *host, uint32_t vp, uint8_t sint,
				  uint16_t flag)
{
	struct fake *f = host;

	assert(sint == VMB_SINT);
	f->signals++;
	f->signal_vp = vp;
	f->signal_flag = flag;
	return !f->flag_set;
}

static inline int fake_connect_fn(void *host, uint32_t connection, int fd)
{
	struct fake *f = host;

	(void)fd;
	if (f->connect_fails)
		return -EEXIST;
	f->connection = connection;
	f->connected_fds++;
	return 0;
}

static inline void fake_disconnect_fn(void *host, uint32_t connection, int fd)
{
	struct fake *f = host;

	(void)connection;
	(void)fd;
	f->connected_fds--;
}

static inline void fake_defer_fn(void *host, void (*fn)(void *arg), void *arg)
{
	struct fake *f = host;

	assert(f->deferred - f->ran < FAKE_DEFERS);
	f->defer[f->deferred % FAKE_DEFERS].fn = fn;
	f->defer[f->deferred++ % FAKE_DEFERS].arg = arg;
}

static inline void fake_defer_ms_fn(void *host, uint32_t ms,
				    void (*fn)(void *arg), void *arg)
{
	struct fake *f = host;

	assert(f->nlate < sizeof(f->late) / sizeof(f->late[0]));
	f->late[f->nlate].fn = fn;
	f->late[f->nlate].arg = arg;
	f->late[f->nlate++].ms = ms;
}

static inline void fake_connected_fn(void *host, uint32_t version)
{
	struct fake *f = host;

	if (version)
		f->ups++;
	else
		f->downs++;
}

static inline bool fake_vp_fn(void *host, uint32_t vp)
{
	(void)host;
	return vp < FAKE_VPS;
}

static const struct vmbus_host_ops fake_ops = {
	.post = fake_post_fn,
	.drop_posts = fake_drop_fn,
	.signal = fake_signal_fn,
	.connect_event = fake_connect_fn,
	.disconnect_event = fake_disconnect_fn,
	.defer = fake_defer_fn,
	.defer_ms = fake_defer_ms_fn,
	.connected = fake_connected_fn,
	.vp_valid = fake_vp_fn,
};

static inline void fake_run(struct fake *f)
{
	while (f->ran != f->deferred) {
		unsigned int i = f->ran++ % FAKE_DEFERS;

		f->defer[i].fn(f->defer[i].arg);
	}
}

static inline void fake_done(void *arg)
{
	((struct fake *)arg)->done++;
}

static inline struct fake *fake_new(size_t npages, uint32_t max_version,
				    uint64_t gpadl_limit)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct vmbus_server_config cfg = { max_version, gpadl_limit, NULL };

	assert(f);
	f->npages = npages;
	f->ram = aligned_alloc(MEM_PAGE_SIZE, npages * MEM_PAGE_SIZE);
	assert(f->ram);
	memset(f->ram, 0, npages * MEM_PAGE_SIZE);
	mem_init(&f->mem);
	if (mem_add(&f->mem, FAKE_RAM_GPA, npages * MEM_PAGE_SIZE, f->ram))
		abort();
	cfg.mem = &f->mem;
	if (vmbus_server_create(&cfg, &fake_ops, f, &f->srv))
		abort();
	return f;
}

/* Every test ends so: whatever happened, all can be closed and freed. */
static inline void fake_free(struct fake *f)
{
	unsigned int done = f->done;

	vmbus_server_shutdown(f->srv, fake_done, f);
	fake_run(f);
	if (f->done != done + 1 || f->connected_fds)
		abort();
	vmbus_server_destroy(f->srv);
	free(f->ram);
	free(f);
}

/* ---- what came out ---- */

static inline unsigned int fake_left(const struct fake *f)
{
	return f->posted - f->taken;
}

/* The next message, which must be there and of this type; NULL if not. */
static inline struct fake_post *fake_take(struct fake *f, uint32_t type)
{
	struct fake_post *p;

	if (!fake_left(f))
		return NULL;
	p = &f->post[f->taken % FAKE_POSTS];
	if (p->hdr.type != type)
		return NULL;
	f->taken++;
	return p;
}

/* ---- what goes in ---- */

static inline void fake_send(struct fake *f, const void *msg, size_t len)
{
	vmbus_server_message(f->srv, VMB_PORT_MESSAGE, msg, len);
}

static inline void fake_contact_at(struct fake *f, uint32_t port,
				   uint32_t version, uint32_t vp)
{
	struct vmb_initiate_contact m = {
		.hdr.type = VMB_MSG_INITIATE_CONTACT,
		.version = version,
		.target_vp = vp,
		.sint = VMB_SINT,
		.monitor_to_child = FAKE_RAM_GPA,
		.monitor_to_root = FAKE_RAM_GPA + MEM_PAGE_SIZE,
	};

	vmbus_server_message(f->srv, port, &m, sizeof(m));
}

static inline void fake_contact(struct fake *f, uint32_t version)
{
	fake_contact_at(f,
			version >= VMB_VERSION_5_0 ? VMB_PORT_MULTI :
						     VMB_PORT_MESSAGE,
			version, 0);
}

static inline void fake_simple(struct fake *f, uint32_t type)
{
	struct vmb_hdr m = { type, 0 };

	fake_send(f, &m, sizeof(m));
}

static inline void fake_relid(struct fake *f, uint32_t type, uint32_t relid)
{
	struct vmb_relid_msg m = { { type, 0 }, relid };

	fake_send(f, &m, sizeof(m));
}

/* Connect with the newest version and take all offers; messages are consumed. */
static inline void fake_up(struct fake *f)
{
	fake_contact(f, VMB_VERSION_5_3);
	fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	f->taken = f->posted;
}

static inline void fake_body(struct fake *f, uint32_t handle,
			     const uint64_t *pfn, unsigned int n)
{
	struct {
		struct vmb_gpadl_body m;
		uint64_t pfn[VMB_GPADL_BODY_PFNS];
	} b = { .m = { { VMB_MSG_GPADL_BODY, 0 }, 0, handle } };

	memcpy(b.pfn, pfn, n * sizeof(*pfn));
	fake_send(f, &b, sizeof(b.m) + n * sizeof(*pfn));
}

/* A header with one range and as many PFNs as fit; how many that were. */
static inline unsigned int fake_header(struct fake *f, uint32_t relid,
				       uint32_t handle, const uint64_t *pfn,
				       unsigned int npfn)
{
	uint8_t b[VMB_MSG_MAX];
	struct vmb_gpadl_header m = {
		{ VMB_MSG_GPADL_HEADER, 0 }, relid, handle, 8 + 8 * npfn, 1,
	};
	struct vmb_gpa_range range = { npfn * MEM_PAGE_SIZE, 0 };
	unsigned int n = npfn < VMB_GPADL_HEADER_PFNS ? npfn :
							VMB_GPADL_HEADER_PFNS;

	memcpy(b, &m, sizeof(m));
	memcpy(b + sizeof(m), &range, sizeof(range));
	memcpy(b + sizeof(m) + sizeof(range), pfn, n * sizeof(*pfn));
	fake_send(f, b, sizeof(m) + sizeof(range) + n * sizeof(*pfn));
	return n;
}

static inline void fake_gpadl(struct fake *f, uint32_t relid, uint32_t handle,
			      const uint64_t *pfn, unsigned int npfn)
{
	unsigned int done = fake_header(f, relid, handle, pfn, npfn), n;

	for (; done < npfn; done += n) {
		n = npfn - done < VMB_GPADL_BODY_PFNS ? npfn - done :
							VMB_GPADL_BODY_PFNS;
		fake_body(f, handle, pfn + done, n);
	}
}

/* Pages first .. first + n of RAM, in order. */
static inline void fake_gpadl_at(struct fake *f, uint32_t relid,
				 uint32_t handle, unsigned int first,
				 unsigned int n)
{
	uint64_t *pfn = calloc(n, sizeof(*pfn));
	unsigned int i;

	for (i = 0; i < n; i++)
		pfn[i] = FAKE_RAM_PFN + first + i;
	fake_gpadl(f, relid, handle, pfn, n);
	free(pfn);
}

static inline void fake_teardown(struct fake *f, uint32_t relid,
				 uint32_t handle)
{
	struct vmb_gpadl_teardown m = { { VMB_MSG_GPADL_TEARDOWN, 0 },
					relid,
					handle };

	fake_send(f, &m, sizeof(m));
}

static inline void fake_open(struct fake *f, uint32_t relid, uint32_t handle,
			     uint32_t vp, uint32_t page)
{
	struct vmb_open m = {
		.hdr.type = VMB_MSG_OPEN,
		.relid = relid,
		.open_id = relid + 1000,
		.gpadl = handle,
		.target_vp = vp,
		.to_child_page = page,
	};

	fake_send(f, &m, sizeof(m));
}

static inline void fake_modify(struct fake *f, uint32_t relid, uint32_t vp)
{
	struct vmb_modify_channel m = { { VMB_MSG_MODIFY_CHANNEL, 0 },
					relid,
					vp };

	fake_send(f, &m, sizeof(m));
}

/* ---- a device ---- */

struct fake_dev {
	struct vmbus_chan *ch;
	int open_result;
	bool slow; /* close() is not answered at once */
	bool revoke_in_open;
	unsigned int opens, closes, released;
};

static inline int fake_dev_open(struct vmbus_chan *ch, void *priv)
{
	struct fake_dev *d = priv;

	d->opens++;
	if (d->revoke_in_open)
		vmbus_revoke(ch);
	return d->open_result;
}

static inline void fake_dev_close(struct vmbus_chan *ch, void *priv)
{
	struct fake_dev *d = priv;

	d->closes++;
	if (!d->slow)
		vmbus_chan_closed(ch);
}

static inline void fake_dev_released(struct vmbus_chan *ch, void *priv)
{
	struct fake_dev *d = priv;

	(void)ch;
	d->released++;
	d->ch = NULL;
}

static const struct vmbus_chan_ops fake_dev_ops = {
	.open = fake_dev_open,
	.close = fake_dev_close,
	.released = fake_dev_released,
};

static inline int fake_offer_sub(struct fake *f, struct fake_dev *d,
				 uint8_t instance, uint16_t sub_index)
{
	struct vmbus_offer o = {
		.type = VMB_GUID_SCSI,
		.instance = { { instance } },
		.flags = VMB_OFFER_ENUMERATE,
		.sub_index = sub_index,
		.name = "dev",
	};

	o.user[0] = 0xa5;
	o.user[119] = 0x5a;
	return vmbus_offer(f->srv, &o, &fake_dev_ops, d, &d->ch);
}

static inline int fake_offer(struct fake *f, struct fake_dev *d,
			     uint8_t instance)
{
	return fake_offer_sub(f, d, instance, 0);
}

/*
 * Lend 4 pages per relid and open it on `vp`; both answers are left to take.
 * Pages: 8 * relid on.
 */
static inline void fake_open_chan(struct fake *f, uint32_t relid, uint32_t vp)
{
	fake_gpadl_at(f, relid, 0xE1E10 + relid, 8 * relid, 4);
	fake_open(f, relid, 0xE1E10 + relid, vp, 2);
}

#endif
