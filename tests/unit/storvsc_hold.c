// SPDX-License-Identifier: GPL-2.0
/*
 * hv_storvsc's held requests: a burst costs one signal, and when the block layer
 * has ended it, whatever its end was, none of it is held any more. The kernel's
 * source is compiled as it is, with stand-ins for what it uses.
 *
 * links: util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/vmbus/batch.h"

typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define BIT_ULL(n)	      (1ull << (n))
#define GFP_KERNEL	      0
#define READ_ONCE(x)	      (x)
#define WRITE_ONCE(x, v)      ((x) = (v))
#define max(a, b)	      ((a) > (b) ? (a) : (b))
#define kcalloc(n, size, gfp) test_calloc(n, size)
#define smp_processor_id()    0
#define ____cacheline_aligned_in_smp

static u64 now;
static bool preemptible;
static int bh_off, rcu;

static u64 ktime_get_ns(void)
{
	return now;
}

static bool preempt_model_preemptible(void)
{
	return preemptible;
}

typedef struct {
	bool taken;
} spinlock_t;

static void spin_lock_init(spinlock_t *lock)
{
	lock->taken = false;
}

static void spin_lock(spinlock_t *lock)
{
	assert_false(lock->taken);
	lock->taken = true;
}

static void spin_unlock(spinlock_t *lock)
{
	assert_true(lock->taken);
	lock->taken = false;
}

#define local_bh_disable() (bh_off++)
#define local_bh_enable()  (bh_off--)
#define spin_lock_bh(l)	   (bh_off++, spin_lock(l))
#define spin_unlock_bh(l)  (spin_unlock(l), bh_off--)
#define rcu_read_lock()	   (rcu++)
#define rcu_read_unlock()  (rcu--)

typedef struct {
	u64 v;
} atomic64_t;

#define atomic64_set_release(a, x) ((a)->v = (x))

/* What hold.c uses of storvsc_var.h, under the same names. */
#define STORVSC_VAR_H
#define STORVSC_HOLD_MAX 16
#define STORVSC_ID_HELD	 BIT_ULL(62)

struct storvsc_chan {
	struct vmbus_channel *ch;
};

struct storvsc_burst {
	spinlock_t lock;
	u32 nr;
	u16 tags[STORVSC_HOLD_MAX];
	u64 since;
	u64 longest;
};

struct storvsc_slot {
	atomic64_t id;
	struct storvsc_chan *chan;
};

struct storvsc_host {
	struct Scsi_Host *shost;
	struct storvsc_chan *cpu_chan[1];
	struct storvsc_burst *bursts;
};

struct Scsi_Host {
	u32 nr_hw_queues;
	struct storvsc_host sh;
};

static const struct vmb_batch_ops *storvsc_batch;

static struct storvsc_host *shost_priv(struct Scsi_Host *shost)
{
	return &shost->sh;
}

static u64 storvsc_io_new_id(struct storvsc_slot *slot, u32 tag)
{
	(void)slot;
	return tag + 1;
}

static void storvsc_io_send_held(struct storvsc_host *sh, u32 tag);

#include "../../kernel/storvsc/hold.c"

/* ---- an adapter, and what becomes of its requests ---- */

#define QUEUES	3
#define TAGS	64
#define STEP_NS 3000

static struct storvsc_slot slots[TAGS];
static struct Scsi_Host host;
static struct storvsc_chan chan = { .ch = (struct vmbus_channel *)&chan };
static u32 sent, signals, batches, in_batch;

static bool held(u32 tag)
{
	return slots[tag].id.v & STORVSC_ID_HELD;
}

/* In a batch, its end signals; else each packet does. */
static void packet(void)
{
	sent++;
	if (batches)
		in_batch++;
	else
		signals++;
}

static void storvsc_io_send_held(struct storvsc_host *sh, u32 tag)
{
	assert_ptr_equal(sh, &host.sh);
	assert_int_equal(rcu, 1);
	assert_true(bh_off);
	/* Somebody may have finished it meanwhile. */
	if (!held(tag))
		return;
	slots[tag].id.v = 0;
	packet();
}

static void begin(struct vmbus_channel *ch)
{
	assert_ptr_equal(ch, chan.ch);
	assert_true(bh_off);
	batches++;
}

static void end(struct vmbus_channel *ch)
{
	assert_ptr_equal(ch, chan.ch);
	assert_int_equal(batches--, 1);
	signals += in_batch > 0;
	in_batch = 0;
}

static const struct vmb_batch_ops ops = { .begin = begin, .end = end };

/* As queuecommand does it. */
static void queue(u32 hwq, u32 tag, bool last)
{
	now += STEP_NS;
	assert_false(held(tag));
	rcu_read_lock();
	if (!storvsc_hold_add(&host.sh, hwq, &slots[tag], tag, last))
		packet();
	rcu_read_unlock();
	if (last)
		storvsc_hold_commit(&host, hwq);
	assert_int_equal(rcu, 0);
	assert_int_equal(bh_off, 0);
}

static u32 count_held(void)
{
	u32 n = 0;

	for (u32 i = 0; i < TAGS; i++)
		n += held(i);
	return n;
}

static int set_up(void **state)
{
	(void)state;
	memset(slots, 0, sizeof(slots));
	host.nr_hw_queues = QUEUES;
	host.sh.shost = &host;
	host.sh.cpu_chan[0] = &chan;
	storvsc_batch = &ops;
	preemptible = false;
	sent = signals = 0;
	return storvsc_hold_alloc(&host.sh);
}

static int tear_down(void **state)
{
	(void)state;
	test_free(host.sh.bursts);
	return 0;
}

static void burst_costs_one_signal(void **state)
{
	(void)state;
	for (u32 n = 1; n <= TAGS; n++) {
		sent = signals = 0;
		for (u32 i = 0; i < n; i++)
			queue(n % QUEUES, i, i == n - 1);
		assert_int_equal(sent, n);
		assert_int_equal(count_held(), 0);
		assert_int_equal(signals,
				 (n + STORVSC_HOLD_MAX - 1) / STORVSC_HOLD_MAX);
	}
}

/* What comes alone is sent at once, however often it does. */
static void single_is_not_held(void **state)
{
	(void)state;
	for (u32 i = 0; i < 10000; i++) {
		queue(0, i % TAGS, true);
		assert_int_equal(sent, i + 1);
	}
	assert_int_equal(storvsc_hold_longest(&host.sh, false), 0);
}

/* No room for the rest: the block layer says that it has ended. */
static void broken_burst_is_sent(void **state)
{
	(void)state;
	for (u32 i = 0; i < 5; i++)
		queue(0, i, false);
	assert_int_equal(sent, 0);
	storvsc_hold_commit(&host, 0);
	assert_int_equal(sent, 5);
	assert_int_equal(signals, 1);
	storvsc_hold_commit(&host, 0);
	assert_int_equal(sent, 5);
}

/* A channel that is closed, or a bus without batches, leaves nothing behind. */
static void any_state_is_sent(void **state)
{
	(void)state;
	for (u32 i = 0; i < 5; i++)
		queue(0, i, false);
	host.sh.cpu_chan[0] = NULL;
	storvsc_hold_commit(&host, 0);
	assert_int_equal(sent, 5);

	host.sh.cpu_chan[0] = &chan;
	storvsc_batch = NULL;
	for (u32 i = 0; i < 5; i++)
		queue(0, i, i == 4);
	assert_int_equal(sent, 10);
	assert_int_equal(count_held(), 0);
}

/* The submitter might not come back to end it. */
static void preempted_holds_nothing(void **state)
{
	(void)state;
	preemptible = true;
	for (u32 i = 0; i < 20; i++) {
		queue(0, i, i == 19);
		assert_int_equal(sent, i + 1);
	}
	/* Even if it has become so in the middle of a burst. */
	preemptible = false;
	queue(0, 0, false);
	preemptible = true;
	queue(0, 1, false);
	queue(0, 2, true);
	assert_int_equal(sent, 23);
	assert_int_equal(count_held(), 0);
}

static void queues_do_not_wait_for_each_other(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++)
		queue(0, i, false);
	for (u32 i = 4; i < 8; i++)
		queue(1, i, i == 7);
	assert_int_equal(sent, 4);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(held(i), i < 4);
	queue(0, 8, true);
	assert_int_equal(sent, 9);
	assert_int_equal(signals, 2);
}

/* Processors that share a queue may mix their bursts, but none waits. */
static void mixed_bursts_end(void **state)
{
	u32 tag = 0, left[2], ended[2] = { 0, 0 };

	(void)state;
	srand(1);
	for (u32 round = 0; round < 10000; round++) {
		left[0] = 1 + rand() % 20;
		left[1] = 1 + rand() % 20;
		while (left[0] || left[1]) {
			u32 who = left[0] && (!left[1] || rand() % 2) ? 0 : 1;

			left[who]--;
			if (rand() % 8 || left[who]) {
				queue(0, tag, !left[who]);
			} else {
				queue(0, tag, false);
				storvsc_hold_commit(&host, 0);
			}
			tag = (tag + 1) % TAGS;
			ended[who] += !left[who];
			if (!left[who])
				assert_int_equal(count_held(), 0);
		}
	}
	assert_int_equal(ended[0] + ended[1], 20000);
}

static void finished_meanwhile_is_not_sent(void **state)
{
	(void)state;
	for (u32 i = 0; i < 3; i++)
		queue(0, i, false);
	slots[1].id.v = 0;
	queue(0, 3, true);
	assert_int_equal(sent, 3);
}

static void longest_is_told(void **state)
{
	(void)state;
	for (u32 i = 0; i < 20; i++)
		queue(1, i, i == 19);
	assert_int_equal(storvsc_hold_longest(&host.sh, false),
			 (STORVSC_HOLD_MAX - 1) * STEP_NS);
	assert_int_equal(storvsc_hold_longest(&host.sh, true),
			 (STORVSC_HOLD_MAX - 1) * STEP_NS);
	assert_int_equal(storvsc_hold_longest(&host.sh, false), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(burst_costs_one_signal),
		TEST(single_is_not_held),
		TEST(broken_burst_is_sent),
		TEST(any_state_is_sent),
		TEST(preempted_holds_nothing),
		TEST(queues_do_not_wait_for_each_other),
		TEST(mixed_bursts_end),
		TEST(finished_meanwhile_is_not_sent),
		TEST(longest_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
