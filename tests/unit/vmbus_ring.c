// SPDX-License-Identifier: GPL-2.0
/*
 * The rings of an open channel, against a child's half written here from the
 * specification: byte by byte, with its own arithmetic.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "vmbus_fake.h"

#define HANDLE 77

/* The child's view of one ring: pages that need not be next to each other. */
struct gring {
	uint8_t *page[16];
	uint32_t size;
};

struct scene {
	struct fake *f;
	struct fake_dev d;
	struct gring out, in; /* child to root, root to child */
	uint64_t buf[8192];
	struct vmbus_packet pkt;
};

static struct ring_ctl *ctl(const struct gring *r)
{
	return (struct ring_ctl *)r->page[0];
}

static uint8_t *at(const struct gring *r, uint32_t i)
{
	i %= r->size;
	return &r->page[1 + i / 4096][i % 4096];
}

static void poke(const struct gring *r, uint32_t i, const void *p, uint32_t n)
{
	uint32_t k;

	for (k = 0; k < n; k++)
		*at(r, i + k) = ((const uint8_t *)p)[k];
}

static void peek(const struct gring *r, uint32_t i, void *p, uint32_t n)
{
	uint32_t k;

	for (k = 0; k < n; k++)
		((uint8_t *)p)[k] = *at(r, i + k);
}

/* Open channel 1 with `out` and `in` data pages, scattered over memory. */
static struct scene *scene_new(unsigned int out, unsigned int in,
			       uint32_t start)
{
	struct scene *s = calloc(1, sizeof(*s));
	unsigned int n = out + in + 2, i;
	uint64_t pfn[32];

	s->f = fake_new(64, 0, 0);
	fake_offer(s->f, &s->d, 1);
	fake_up(s->f);
	for (i = 0; i < n; i++) {
		uint32_t page = 3 + (i * 7) % 60;

		pfn[i] = FAKE_RAM_PFN + page;
		if (i <= out)
			s->out.page[i] = s->f->ram + page * 4096;
		else
			s->in.page[i - out - 1] = s->f->ram + page * 4096;
	}
	s->out.size = out * 4096;
	s->in.size = in * 4096;
	ctl(&s->out)->read_index = ctl(&s->out)->write_index =
		start % s->out.size;
	ctl(&s->in)->read_index = ctl(&s->in)->write_index = start % s->in.size;
	fake_gpadl(s->f, 1, HANDLE, pfn, n);
	fake_open(s->f, 1, HANDLE, 3, out + 1);
	assert_non_null(fake_take(s->f, VMB_MSG_GPADL_CREATED));
	assert_int_equal(fake_take(s->f, VMB_MSG_OPEN_RESULT)->open.status, 0);
	return s;
}

static void scene_free(struct scene *s)
{
	fake_free(s->f);
	free(s);
}

/* The child writes a packet as told, lies included; publishes; no checks. */
static void child_put(struct scene *s, uint16_t type, uint16_t off8,
		      uint16_t len8, uint64_t id, const void *body, uint32_t n)
{
	uint32_t w = ctl(&s->out)->write_index;
	uint64_t trailer = (uint64_t)w << 32;
	uint16_t head[4] = { type, off8, len8, 1 };

	poke(&s->out, w, head, 8);
	poke(&s->out, w + 8, &id, 8);
	poke(&s->out, w + 16, body, n);
	poke(&s->out, w + len8 * 8, &trailer, 8);
	ctl(&s->out)->write_index = (w + len8 * 8 + 8) % s->out.size;
}

/* In-band with n bytes (of 8) of payload that tell its id. */
static void child_send(struct scene *s, uint64_t id, uint32_t n)
{
	uint8_t body[8192];

	memset(body, (int)id, n);
	child_put(s, RING_PKT_INBAND, 2, 2 + n / 8, id, body, n);
}

/* The child takes one packet; its payload's length in 8-byte units, or -1. */
static int child_get(struct scene *s, uint64_t *id, void *payload)
{
	uint32_t r = ctl(&s->in)->read_index, w = ctl(&s->in)->write_index;
	uint16_t head[4];
	uint64_t trailer;

	if (r == w)
		return -1;
	peek(&s->in, r, head, 8);
	peek(&s->in, r + 8, id, 8);
	peek(&s->in, r + head[1] * 8, payload, (head[2] - head[1]) * 8);
	peek(&s->in, r + head[2] * 8, &trailer, 8);
	assert_true(trailer == (uint64_t)r << 32);
	ctl(&s->in)->read_index = (r + head[2] * 8 + 8) % s->in.size;
	return head[2] - head[1];
}

static int recv_one(struct scene *s)
{
	return vmbus_chan_recv(s->d.ch, s->buf, sizeof(s->buf), &s->pkt);
}

static void attach(void **state)
{
	struct scene *s = scene_new(1, 2, 0);

	assert_int_equal(ctl(&s->in)->features, 1);
	assert_int_equal(ctl(&s->in)->pending_send, 0);
	assert_int_equal(ctl(&s->out)->interrupt_mask, 0);
	assert_false(vmbus_chan_readable(s->d.ch));
	assert_int_equal(recv_one(s), 0);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 0);
	scene_free(s);
}

static void vector(void **state)
{
	static const uint8_t bytes[] = {
		6,   0,	  2,   0,   3,	 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0,
		'h', 'e', 'l', 'l', 'o', 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
	};
	struct scene *s = scene_new(1, 1, 0x100);
	uint8_t out[32];

	assert_int_equal(vmbus_chan_send(s->d.ch, RING_PKT_INBAND, 1, 7, NULL,
					 0, "hello", 5),
			 0);
	assert_int_equal(ctl(&s->in)->write_index, 0x100);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(ctl(&s->in)->write_index, 0x120);
	peek(&s->in, 0x100, out, sizeof(out));
	assert_memory_equal(out, bytes, sizeof(out));
	poke(&s->out, 0x100, bytes, sizeof(bytes));
	ctl(&s->out)->write_index = 0x120;
	assert_true(vmbus_chan_readable(s->d.ch));
	assert_int_equal(recv_one(s), 1);
	assert_int_equal(s->pkt.type, RING_PKT_INBAND);
	assert_int_equal(s->pkt.flags, 1);
	assert_true(s->pkt.transaction == 7);
	assert_int_equal(s->pkt.header_len, 0);
	assert_int_equal(s->pkt.data_len, 8);
	assert_memory_equal(s->pkt.data, "hello\0\0\0", 8);
	assert_int_equal(recv_one(s), 0);
	scene_free(s);
}

/* Both directions, from every 8-byte offset, with packets that wrap. */
static void wrap(void **state)
{
	unsigned int pages, i;

	log_set_level(LOG_LEVEL_ERR);
	for (pages = 1; pages <= 3; pages += 2) {
		uint32_t start;

		for (start = 0; start < pages * 4096; start += 8) {
			struct scene *s = scene_new(pages, pages, start);
			uint8_t head[24], data[61], got[512];
			uint64_t id;

			for (i = 0; i < 24; i++)
				head[i] = i;
			for (i = 0; i < 61; i++)
				data[i] = 100 + i;
			child_put(s, RING_PKT_INBAND, 5, 13, start + 1, head,
				  24);
			poke(&s->out, start + 40, data, 61);
			assert_int_equal(recv_one(s), 1);
			assert_true(s->pkt.transaction == start + 1);
			assert_int_equal(s->pkt.header_len, 24);
			assert_memory_equal(s->pkt.header, head, 24);
			assert_int_equal(s->pkt.data_len, 64);
			assert_memory_equal(s->pkt.data, data, 61);

			assert_int_equal(
				vmbus_chan_send(s->d.ch, RING_PKT_COMPLETION, 0,
						start, head, 23, data, 61),
				0);
			vmbus_chan_flush(s->d.ch);
			assert_int_equal(child_get(s, &id, got), 8);
			assert_true(id == start);
			assert_memory_equal(got, data, 61);
			assert_memory_equal(got + 61, "\0\0\0", 3);
			assert_int_equal(ctl(&s->in)->read_index,
					 (start + 112) % s->in.size);
			assert_int_equal(ctl(&s->out)->read_index,
					 (start + 112) % s->out.size);
			scene_free(s);
		}
	}
}

/* Streams both ways; what comes out is what went in, in order. */
static void stream(void **state)
{
	struct scene *s = scene_new(2, 2, 0);
	uint64_t sent = 0, got = 0, back = 0, read = 0, id;
	uint8_t payload[4096];
	unsigned int seed = 1, turn;
	int n;

	for (turn = 0; turn < 20000; turn++) {
		uint32_t len = rand_r(&seed) % 70 * 8, w, r;

		w = ctl(&s->out)->write_index;
		r = ctl(&s->out)->read_index;
		if ((r + s->out.size - w - 1) % s->out.size > len + 24 + 8)
			child_send(s, sent++, len);
		if (rand_r(&seed) % 3)
			continue;
		while ((n = recv_one(s)) == 1) {
			assert_true(s->pkt.transaction == got);
			if (s->pkt.data_len)
				assert_int_equal(*(uint8_t *)s->pkt.data,
						 (uint8_t)got);
			got++;
			while (vmbus_chan_send(s->d.ch, RING_PKT_COMPLETION, 0,
					       back, NULL, 0, payload,
					       len) == -EAGAIN) {
				assert_int_equal(ctl(&s->in)->pending_send,
						 16 + 8 + ((len + 7) & ~7u));
				while (child_get(s, &id, payload) >= 0)
					assert_true(id == read++);
			}
			back++;
		}
		assert_int_equal(n, 0);
		vmbus_chan_flush(s->d.ch);
	}
	vmbus_chan_flush(s->d.ch);
	while (child_get(s, &id, payload) >= 0)
		assert_true(id == read++);
	assert_true(got > 1000 && read == got && back == got);
	scene_free(s);
}

/* ---- who signals when ---- */

static void send_signals(void **state)
{
	struct scene *s = scene_new(1, 1, 0);
	struct vmbus_chan_stats st;
	uint8_t b[64];
	uint64_t id;
	int i;

	/* A batch into an empty ring: one, at the flush. */
	for (i = 0; i < 3; i++)
		vmbus_chan_send(s->d.ch, RING_PKT_INBAND, 0, i, NULL, 0, b, 8);
	assert_int_equal(child_get(s, &id, b), -1);
	assert_int_equal(s->f->signals, 0);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 1);
	assert_int_equal(s->f->signal_vp, 3);
	assert_int_equal(s->f->signal_flag, 1);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 1);
	/* Not empty before: none. */
	child_get(s, &id, b);
	vmbus_chan_send(s->d.ch, RING_PKT_INBAND, 0, 3, NULL, 0, b, 8);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 1);
	while (child_get(s, &id, b) >= 0)
		;
	/* Masked: none. */
	ctl(&s->in)->interrupt_mask = 1;
	vmbus_chan_send(s->d.ch, RING_PKT_INBAND, 0, 4, NULL, 0, b, 8);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 1);
	child_get(s, &id, b);
	ctl(&s->in)->interrupt_mask = 0;
	/* The flag is still set: signalled, but no interrupt to count. */
	s->f->flag_set = true;
	vmbus_chan_send(s->d.ch, RING_PKT_INBAND, 0, 5, NULL, 0, b, 8);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 2);
	vmbus_chan_get_stats(s->d.ch, &st);
	assert_int_equal(st.interrupts, 1);
	assert_int_equal(st.packets_out, 6);
	assert_int_equal(st.bytes_out, 6 * 32);
	scene_free(s);
}

static void ring_full(void **state)
{
	struct scene *s = scene_new(1, 1, 8);
	struct vmbus_chan_stats st;
	static uint8_t big[65536 * 8];
	uint8_t b[4096];
	uint64_t id;
	unsigned int n = 0;

	/* The largest that fits leaves 8 bytes free. */
	assert_int_equal(vmbus_chan_send(s->d.ch, 6, 0, 1, NULL, 0, big,
					 4096 - 24),
			 -EMSGSIZE);
	assert_int_equal(vmbus_chan_send(s->d.ch, 6, 0, 1, NULL, 0, big,
					 4096 - 31),
			 -EMSGSIZE);
	assert_int_equal(vmbus_chan_send(s->d.ch, 6, 0, 1, NULL, 0, big,
					 sizeof(big)),
			 -EMSGSIZE);
	assert_int_equal(vmbus_chan_send(s->d.ch, 6, 0, 1, big, 0xffffffff, big,
					 0xffffffff),
			 -EMSGSIZE);
	assert_int_equal(ctl(&s->in)->pending_send, 0);
	assert_int_equal(
		vmbus_chan_send(s->d.ch, 6, 0, 1, NULL, 0, big, 4096 - 32), 0);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(ctl(&s->in)->write_index, 0);
	assert_int_equal(child_get(s, &id, b), 4096 / 8 - 4);

	while (vmbus_chan_send(s->d.ch, 6, 0, n, NULL, 0, big, 8) == 0)
		n++;
	assert_int_equal(n, 127); /* 32 bytes each, 128 would be empty */
	/* What was in it is out, and the child was told. */
	assert_int_equal(ctl(&s->in)->write_index, 127 * 32);
	assert_int_equal(s->f->signals, 2);
	assert_int_equal(ctl(&s->in)->pending_send, 32);
	vmbus_chan_get_stats(s->d.ch, &st);
	assert_int_equal(st.ring_full, 1);
	/* 32 bytes are free; a packet that leaves nothing does not go. */
	child_get(s, &id, b);
	assert_int_equal(vmbus_chan_send(s->d.ch, 6, 0, n, NULL, 0, big, 48),
			 -EAGAIN);
	assert_int_equal(ctl(&s->in)->pending_send, 72);
	assert_int_equal(vmbus_chan_send(s->d.ch, 6, 0, n, NULL, 0, big, 8), 0);
	assert_int_equal(ctl(&s->in)->pending_send, 0);
	scene_free(s);
}

static void recv_signals(void **state)
{
	struct scene *s = scene_new(1, 1, 0);
	unsigned int i;

	/* Full: 127 packets of 32 bytes. */
	for (i = 0; i < 127; i++)
		child_send(s, i, 8);
	assert_int_equal(recv_one(s), 1);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(ctl(&s->out)->read_index, 32);
	assert_int_equal(s->f->signals, 0);
	/* It waits for 96 bytes: told when more than that became free. */
	ctl(&s->out)->features = 1;
	ctl(&s->out)->pending_send = 96;
	assert_int_equal(recv_one(s), 1);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 0); /* 64 + 32 = 96: not more */
	assert_int_equal(recv_one(s), 1);
	assert_int_equal(s->f->signals, 0);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 1);
	recv_one(s);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 1); /* there was enough before */
	/* Its interrupt mask says nothing about this; the feature bit does. */
	ctl(&s->in)->interrupt_mask = 1;
	ctl(&s->out)->pending_send = 192;
	recv_one(s);
	recv_one(s);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 2);
	ctl(&s->out)->features = 0;
	ctl(&s->out)->pending_send = 256;
	recv_one(s);
	recv_one(s);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(s->f->signals, 2);
	scene_free(s);
}

static void masking(void **state)
{
	struct scene *s = scene_new(1, 1, 0);

	vmbus_chan_mask(s->d.ch);
	assert_int_equal(ctl(&s->out)->interrupt_mask, 1);
	child_send(s, 1, 8);
	assert_int_equal(recv_one(s), 1);
	assert_int_equal(ctl(&s->out)->read_index, 0);
	/* The read index is out before the mask is gone. */
	assert_false(vmbus_chan_unmask(s->d.ch));
	assert_int_equal(ctl(&s->out)->read_index, 32);
	assert_int_equal(ctl(&s->out)->interrupt_mask, 0);
	vmbus_chan_mask(s->d.ch);
	child_send(s, 2, 8);
	assert_true(vmbus_chan_unmask(s->d.ch));
	assert_int_equal(ctl(&s->out)->interrupt_mask, 1);
	assert_int_equal(recv_one(s), 1);
	assert_false(vmbus_chan_unmask(s->d.ch));
	/* Wild: there is something to see. */
	ctl(&s->out)->write_index = 3;
	assert_true(vmbus_chan_unmask(s->d.ch));
	scene_free(s);
}

/* ---- a child that lies ---- */

static void wild_packets(void **state)
{
	static const struct {
		uint16_t type, off8, len8;
		uint32_t used; /* bytes that write_index moves by */
		int result;
	} bad[] = {
		{ 6, 2, 3, 8, -EPROTO },
		{ 6, 2, 3, 16, -EPROTO },
		{ 6, 2, 3, 24, -EPROTO },
		{ 6, 2, 3, 32, 1 },
		{ 6, 0, 3, 32, -EPROTO },
		{ 6, 1, 3, 32, -EPROTO },
		{ 6, 4, 3, 32, -EPROTO },
		{ 6, 0xffff, 3, 32, -EPROTO },
		{ 6, 2, 0, 32, -EPROTO },
		{ 6, 2, 1, 32, -EPROTO },
		{ 6, 2, 4, 32, -EPROTO },
		{ 6, 2, 0xffff, 32, -EPROTO },
		{ 6, 0xffff, 0xffff, 4088, -EPROTO },
		{ 0, 2, 3, 32, -EPROTO },
		{ 8, 2, 3, 32, -EPROTO },
		{ 0xffff, 2, 3, 32, -EPROTO },
		{ 6, 2, 2, 24, 1 },
		{ 9, 3, 3, 32, 1 },
		{ 11, 2, 3, 4088, 1 },
		{ 6, 2, 510, 4088, 1 },
		{ 6, 2, 511, 4088, -EPROTO },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct scene *s = scene_new(1, 1, 64);
		uint16_t head[4] = { bad[i].type, bad[i].off8, bad[i].len8,
				     0xffff };

		poke(&s->out, 64, head, 8);
		ctl(&s->out)->write_index = (64 + bad[i].used) % 4096;
		assert_int_equal(recv_one(s), bad[i].result);
		if (bad[i].result < 0) {
			/* Stays so, and nothing is consumed. */
			assert_int_equal(recv_one(s), bad[i].result);
			vmbus_chan_flush(s->d.ch);
			assert_int_equal(ctl(&s->out)->read_index, 64);
		}
		scene_free(s);
	}
}

static void wild_indices(void **state)
{
	static const uint32_t wild[] = { 1,	     4,		 7,
					 4095,	     4096,	 4104,
					 0x7fffffff, 0xffffffff, 0xfffffff8,
					 0x80000000 };
	unsigned int i;

	for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		struct scene *s = scene_new(1, 1, 0);

		ctl(&s->out)->write_index = wild[i];
		assert_int_equal(recv_one(s), -EPROTO);
		assert_true(vmbus_chan_readable(s->d.ch));
		ctl(&s->out)->write_index = 0;
		/* What it does to our indices we never see. */
		ctl(&s->out)->read_index = wild[i];
		ctl(&s->in)->write_index = wild[i];
		child_send(s, 1, 8);
		assert_int_equal(recv_one(s), 1);
		assert_int_equal(
			vmbus_chan_send(s->d.ch, 6, 0, 1, NULL, 0, "x", 1), 0);
		vmbus_chan_flush(s->d.ch);
		assert_int_equal(ctl(&s->out)->read_index, 32);
		assert_int_equal(ctl(&s->in)->write_index, 32);
		/* Its read index matters when the ring seems full. */
		ctl(&s->in)->read_index = wild[i];
		while (!vmbus_chan_send(s->d.ch, 6, 0, 1, NULL, 0, "x", 1))
			;
		assert_int_equal(vmbus_chan_send(s->d.ch, 6, 0, 1, NULL, 0, "x",
						 1),
				 -EPROTO);
		/* A wild write index when space is given back: no harm. */
		ctl(&s->out)->features = 1;
		ctl(&s->out)->pending_send = wild[i];
		child_send(s, 1, 8);
		recv_one(s);
		ctl(&s->out)->write_index = wild[i];
		vmbus_chan_flush(s->d.ch);
		scene_free(s);
	}
}

static void small_buffer(void **state)
{
	struct scene *s = scene_new(1, 1, 0);

	child_send(s, 1, 64);
	assert_int_equal(vmbus_chan_recv(s->d.ch, s->buf, 72, &s->pkt),
			 -EMSGSIZE);
	assert_int_equal(vmbus_chan_recv(s->d.ch, s->buf, 16, &s->pkt),
			 -EMSGSIZE);
	assert_int_equal(vmbus_chan_recv(s->d.ch, s->buf, 0, &s->pkt),
			 -EMSGSIZE);
	assert_int_equal(vmbus_chan_recv(s->d.ch, s->buf, 80, &s->pkt), 1);
	assert_int_equal(s->pkt.data_len, 64);
	scene_free(s);
}

/* ---- the signal from the child ---- */

static void signal_fd(void **state)
{
	struct scene *s = scene_new(1, 1, 0);
	struct vmbus_chan_stats st;
	uint64_t one = 1, got;
	int fd = vmbus_chan_signal_fd(s->d.ch);

	assert_int_equal(read(fd, &got, sizeof(got)), -1);
	assert_int_equal(write(fd, &one, sizeof(one)), 8);
	assert_int_equal(write(fd, &one, sizeof(one)), 8);
	assert_int_equal(read(fd, &got, sizeof(got)), 8);
	vmbus_chan_count_signals(s->d.ch, got);
	vmbus_chan_get_stats(s->d.ch, &st);
	assert_int_equal(st.signals_in, 2);
	/* What is left from before does not reach the next open. */
	assert_int_equal(write(fd, &one, sizeof(one)), 8);
	fake_relid(s->f, VMB_MSG_CLOSE, 1);
	fake_run(s->f);
	fake_open(s->f, 1, HANDLE, 3, 2);
	assert_int_equal(read(fd, &got, sizeof(got)), -1);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attach),	cmocka_unit_test(vector),
		cmocka_unit_test(wrap),		cmocka_unit_test(stream),
		cmocka_unit_test(send_signals), cmocka_unit_test(ring_full),
		cmocka_unit_test(recv_signals), cmocka_unit_test(masking),
		cmocka_unit_test(wild_packets), cmocka_unit_test(wild_indices),
		cmocka_unit_test(small_buffer), cmocka_unit_test(signal_fd),
	};

	return cmocka_run_group_tests_name("vmbus_ring", tests, NULL, NULL);
}
