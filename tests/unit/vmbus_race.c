// SPDX-License-Identifier: GPL-2.0
/*
 * Child and device on two threads: no wake-up may get lost, whoever is faster.
 * Each side sleeps on its eventfd only, as in the real thing; the child's half
 * follows the specification's writer and reader algorithms literally.  A side
 * that sleeps for 20 seconds has missed its signal.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmbus_fake.h"

#define ROUNDS 1000000u
#define DATA   4096u /* bytes of each ring: small, so that both get full */

static struct {
	struct fake *f;
	struct fake_dev d;
	int child_fd; /* the child's interrupt */
	uint8_t *out, *in;
	bool mask; /* the device masks while it reads */
	atomic_bool lost;
} sc;

static bool sleep_on(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t count;

	if (poll(&p, 1, 20000) == 1 && read(fd, &count, sizeof(count)) == 8)
		return true;
	atomic_store(&sc.lost, true);
	return false;
}

static void ring_bell(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		atomic_store(&sc.lost, true);
}

static bool interrupt(void *host, uint32_t vp, uint8_t sint, uint16_t flag)
{
	ring_bell(sc.child_fd);
	return true;
}

/* ---- the child ---- */

static uint32_t load(uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static uint32_t free_bytes(uint32_t read, uint32_t write)
{
	return DATA - (write + DATA - read) % DATA;
}

/* 32 bytes: descriptor, id, payload, trailer.  False: no room, will be told. */
static bool child_put(uint64_t id)
{
	struct ring_ctl *c = (struct ring_ctl *)sc.out;
	uint32_t w = c->write_index, i;
	uint64_t words[4] = { 0x0001000300020006, id, ~id, (uint64_t)w << 32 };

	if (free_bytes(load(&c->read_index), w) <= 32) {
		store(&c->pending_send, 32);
		if (free_bytes(load(&c->read_index), w) <= 32)
			return false;
	}
	store(&c->pending_send, 0);
	for (i = 0; i < 32; i++)
		sc.out[4096 + (w + i) % DATA] = ((uint8_t *)words)[i];
	store(&c->write_index, (w + 32) % DATA);
	if (!load(&c->interrupt_mask) && load(&c->read_index) == w)
		ring_bell(vmbus_chan_signal_fd(sc.d.ch));
	return true;
}

/* One completion; its id, or UINT64_MAX when there is none. */
static uint64_t child_get(void)
{
	struct ring_ctl *c = (struct ring_ctl *)sc.in;
	uint32_t r = c->read_index, w = load(&c->write_index), i, p;
	uint32_t next = (r + 32) % DATA;
	uint64_t words[4] = { 0 };

	if (r == w)
		return UINT64_MAX;
	for (i = 0; i < 32; i++)
		((uint8_t *)words)[i] = sc.in[4096 + (r + i) % DATA];
	store(&c->read_index, next);
	p = load(&c->pending_send);
	w = load(&c->write_index);
	if (p && free_bytes(r, w) <= p && free_bytes(next, w) > p)
		ring_bell(vmbus_chan_signal_fd(sc.d.ch));
	return words[1] ^ (words[2] != ~words[1]);
}

static void *child(void *arg)
{
	struct ring_ctl *c = (struct ring_ctl *)sc.in;
	uint64_t put = 0, got = 0, id;
	unsigned int seed = 7;

	while (got < ROUNDS) {
		unsigned int burst = rand_r(&seed) % 200;

		while (put < ROUNDS && burst-- && child_put(put))
			put++;
		store(&c->interrupt_mask, 1);
		while ((id = child_get()) != UINT64_MAX)
			if (id != got++)
				atomic_store(&sc.lost, true);
		store(&c->interrupt_mask, 0);
		if (load(&c->write_index) != c->read_index || got == ROUNDS)
			continue;
		/* Nothing under way: send rather than sleep for ever. */
		if (put == got && put < ROUNDS)
			continue;
		if (!sleep_on(sc.child_fd))
			break;
	}
	return NULL;
}

/* ---- the device ---- */

/* Answer what is there; false when it stopped because the answers' ring is full. */
static bool device_serve(bool *waiting, uint64_t *id)
{
	struct vmbus_packet pkt;
	uint64_t buf[16];

	for (;;) {
		if (!*waiting) {
			if (vmbus_chan_recv(sc.d.ch, buf, sizeof(buf), &pkt) !=
			    1)
				return true;
			*id = pkt.transaction;
		}
		*waiting = true;
		if (vmbus_chan_send(sc.d.ch, RING_PKT_COMPLETION, 0, *id, NULL,
				    0, &(uint64_t){ ~*id }, 8))
			return false;
		*waiting = false;
		if (*id % 3 == 0)
			vmbus_chan_flush(sc.d.ch);
		if (*id == ROUNDS - 1)
			return true;
	}
}

static void *device(void *arg)
{
	bool waiting = false, idle;
	uint64_t id = 0;

	while (id != ROUNDS - 1 || waiting) {
		if (sc.mask)
			vmbus_chan_mask(sc.d.ch);
		idle = device_serve(&waiting, &id);
		vmbus_chan_flush(sc.d.ch);
		if (id == ROUNDS - 1 && !waiting)
			break;
		if (idle && (sc.mask ? vmbus_chan_unmask(sc.d.ch) :
				       vmbus_chan_readable(sc.d.ch)))
			continue;
		if (!sleep_on(vmbus_chan_signal_fd(sc.d.ch)))
			break;
	}
	return NULL;
}

static void race(void **state)
{
	struct vmbus_chan_stats st;
	pthread_t child_thread, device_thread;
	struct vmbus_host_ops ops = fake_ops;
	struct vmbus_server_config cfg;

	for (int mask = 0; mask < 2; mask++) {
		memset(&sc, 0, sizeof(sc));
		sc.mask = mask;
		sc.f = fake_new(64, 0, 0);
		vmbus_server_destroy(sc.f->srv);
		ops.signal = interrupt;
		cfg = (struct vmbus_server_config){ 0, 0, &sc.f->mem };
		assert_int_equal(
			vmbus_server_create(&cfg, &ops, sc.f, &sc.f->srv), 0);
		sc.child_fd = eventfd(0, EFD_CLOEXEC);
		assert_int_equal(fake_offer(sc.f, &sc.d, 1), 0);
		fake_up(sc.f);
		sc.out = sc.f->ram + 8 * 4096;
		sc.in = sc.f->ram + 10 * 4096;
		((struct ring_ctl *)sc.out)->features = 1;
		fake_open_chan(sc.f, 1, 0);
		assert_string_equal(vmbus_chan_state(sc.d.ch), "open");
		pthread_create(&device_thread, NULL, device, NULL);
		pthread_create(&child_thread, NULL, child, NULL);
		pthread_join(child_thread, NULL);
		pthread_join(device_thread, NULL);
		assert_false(atomic_load(&sc.lost));
		vmbus_chan_get_stats(sc.d.ch, &st);
		assert_int_equal(st.packets_in, ROUNDS);
		assert_int_equal(st.packets_out, ROUNDS);
		/* Batches, not a signal for each. */
		assert_true(st.interrupts < ROUNDS);
		close(sc.child_fd);
		fake_free(sc.f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(race),
	};

	return cmocka_run_group_tests_name("vmbus_race", tests, NULL, NULL);
}
