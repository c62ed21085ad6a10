// SPDX-License-Identifier: GPL-2.0
/*
 * hv_netvsc's moderation of interrupts, in simulated time: streams are
 * gathered, exchanges of requests and responses are left alone. The kernel's
 * source is compiled as it is, with stand-ins for what it uses.
 *
 * links: util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define U32_MAX		 UINT32_MAX
#define NSEC_PER_MSEC	 1000000ull
#define NSEC_PER_USEC	 1000u

#define READ_ONCE(x)	 (x)
#define WRITE_ONCE(x, v) ((x) = (v))
#define min(a, b)	 ((a) < (b) ? (a) : (b))
#define max(a, b)	 ((a) > (b) ? (a) : (b))
#define min_t(t, a, b)	 min((t)(a), (t)(b))
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))
#define u64_stats_update_begin(s) ((void)(s))
#define u64_stats_update_end(s)	  ((void)(s))

enum hrtimer_restart {
	HRTIMER_NORESTART,
};

struct hrtimer {
	u64 at; /* 0: not running */
	enum hrtimer_restart (*function)(struct hrtimer *timer);
};

struct napi_struct {
	bool scheduled;
};

struct u64_stats_sync {
	int unused;
};

#define CLOCK_MONOTONIC		1
#define HRTIMER_MODE_REL_PINNED 1

static u64 now;

static u64 ktime_get_ns(void)
{
	return now;
}

static u64 ns_to_ktime(u64 ns)
{
	return ns;
}

static u64 div_u64(u64 a, u32 b)
{
	return a / b;
}

static void napi_schedule(struct napi_struct *napi)
{
	napi->scheduled = true;
}

static void hrtimer_setup(struct hrtimer *timer,
			  enum hrtimer_restart (*f)(struct hrtimer *timer),
			  int clock, int mode)
{
	(void)clock;
	(void)mode;
	timer->at = 0;
	timer->function = f;
}

static void hrtimer_start(struct hrtimer *timer, u64 ns, int mode)
{
	(void)mode;
	timer->at = now + ns;
}

static void hrtimer_cancel(struct hrtimer *timer)
{
	timer->at = 0;
}

/* What coalesce.c uses of netvsc_var.h, under the same names. */
#define NETVSC_VAR_H

struct netvsc_rx_stats {
	u64 coal_waits, coal_idle, coal_vain;
	struct u64_stats_sync syncp;
};

struct netvsc_coal {
	struct hrtimer timer;
	u32 wait_ns;
	bool waiting;
	u16 age, rest, backoff;
	u32 free_rate, held_rate;
	u32 new_frames, seen_done;
	u64 start;
	u32 wakes, frames, tx_done;
};

struct netvsc_coal_config {
	bool adaptive_rx;
	u32 rx_usecs, tx_usecs, rx_frames, tx_frames;
};

struct netvsc_chan {
	struct napi_struct napi;
	const struct netvsc_coal_config *coal_config;
	struct netvsc_coal coal;
	struct netvsc_rx_stats *rx_stats;
	struct {
		u32 done;
	} tx;
};

#include "../../kernel/netvsc/coalesce.c"

/* ---- a channel, and what comes through it ---- */

#define POLL_NS	 2000
#define FRAME_NS 300
#define SECOND	 1000000000ull
#define SOURCES	 64

struct sim {
	struct netvsc_coal_config config;
	struct netvsc_rx_stats stats;
	struct netvsc_chan nc;

	u64 gap;      /* ns between frames of a source, on average */
	bool closed;  /* a source's next frame answers our answer */
	bool answers; /* nothing but answers to what was sent */
	u32 sources;
	u64 next[SOURCES];

	u64 frames, interrupts, polls, latency, worst;
};

static void set_up(struct sim *sim, u32 sources, u64 gap)
{
	memset(sim, 0, sizeof(*sim));
	now = SECOND;
	srand(1);
	netvsc_coal_defaults(&sim->config);
	sim->nc.coal_config = &sim->config;
	sim->nc.rx_stats = &sim->stats;
	sim->sources = sources;
	sim->gap = gap;
	netvsc_coal_init(&sim->nc);
	for (u32 i = 0; i < sources; i++)
		sim->next[i] = now + gap * (i + 1) / sources;
}

static u32 first_source(const struct sim *sim)
{
	u32 first = 0;

	for (u32 i = 1; i < sim->sources; i++)
		if (sim->next[i] < sim->next[first])
			first = i;
	return first;
}

/* Takes what has come; frames come on while it does. */
static u32 drain(struct sim *sim)
{
	u32 got = 0;

	for (;;) {
		u32 i = first_source(sim);

		if (sim->next[i] > now)
			return got;
		u64 late = now - sim->next[i];
		sim->latency += late;
		sim->worst = max(sim->worst, late);
		got++;
		now += FRAME_NS;
		if (sim->closed)
			sim->next[i] = now + sim->gap;
		else
			sim->next[i] +=
				sim->gap / 2 + (u64)rand() % (sim->gap + 1);
		if (sim->closed || sim->answers)
			sim->nc.tx.done++;
	}
}

static void run(struct sim *sim, u64 duration)
{
	struct hrtimer *timer = &sim->nc.coal.timer;
	u64 end = now + duration;
	bool held = false;

	while (now < end) {
		u64 at = held ? timer->at : sim->next[first_source(sim)];

		now = max(now, at);
		if (held) {
			timer->at = 0;
			timer->function(timer);
			assert_true(sim->nc.napi.scheduled);
			sim->nc.napi.scheduled = false;
		} else {
			sim->interrupts++;
		}
		sim->polls++;
		now += POLL_NS;
		u32 got = drain(sim);
		sim->frames += got;
		if (!sim->answers)
			sim->nc.coal.new_frames += got;
		held = netvsc_coal_hold(&sim->nc);
		assert_true(held == (timer->at != 0));
	}
}

/* Frames for each time the processor was disturbed. */
static double per_wake(const struct sim *sim)
{
	return (double)sim->frames / (double)sim->polls;
}

/* Streams slower than what fills a wait are left alone. */
static void slow_stream(void **state)
{
	struct sim sim;

	(void)state;
	for (u64 gap = 100000; gap < 20000000; gap *= 3) {
		set_up(&sim, 1, gap);
		run(&sim, 2 * SECOND);
		assert_int_equal(sim.stats.coal_waits, 0);
		assert_true(sim.worst <= POLL_NS + FRAME_NS);
	}
}

static void fast_stream(void **state)
{
	struct sim sim;

	(void)state;
	for (u64 gap = 20000; gap >= 1000; gap /= 2) {
		set_up(&sim, 1, gap);
		run(&sim, 2 * SECOND);
		assert_true(per_wake(&sim) >= 4);
		assert_true(sim.interrupts < sim.frames / 50);
		/* A wait is bounded, and shorter where rx-frames come sooner. */
		assert_true(sim.worst < 128000 + 4 * POLL_NS);
		if (gap == 1250)
			assert_true(per_wake(&sim) < 50);
	}
}

/* Answers to what is sent count as frames do. */
static void sender(void **state)
{
	struct sim sim;

	(void)state;
	set_up(&sim, 1, 5000);
	sim.answers = true;
	run(&sim, SECOND);
	assert_true(per_wake(&sim) >= 10);

	set_up(&sim, 1, 5000);
	sim.answers = true;
	sim.config.tx_usecs = 0;
	run(&sim, SECOND);
	assert_int_equal(sim.stats.coal_waits, 0);
}

/* One exchange or many: as fast as without moderation, but for the trials. */
static void exchanges(void **state)
{
	struct sim sim;
	u64 without;

	(void)state;
	for (u32 n = 1; n <= 32; n *= 2) {
		for (u64 gap = 10000; gap <= 80000; gap *= 2) {
			set_up(&sim, n, gap);
			sim.closed = true;
			sim.config.rx_usecs = sim.config.tx_usecs = 0;
			run(&sim, 2 * SECOND);
			without = sim.frames;
			assert_int_equal(sim.stats.coal_waits, 0);

			set_up(&sim, n, gap);
			sim.closed = true;
			run(&sim, 2 * SECOND);
			assert_true(sim.frames * 100 >= without * 98);
			/* 64, 128, ... 1024 windows apart */
			assert_true(sim.stats.coal_vain <= 7);
		}
	}
}

/* A stream after exchanges, and exchanges after a stream. */
static void change(void **state)
{
	struct sim sim;
	u64 waits, frames;

	(void)state;
	set_up(&sim, 1, 20000);
	sim.closed = true;
	run(&sim, 3 * SECOND);
	sim.closed = false;
	sim.gap = 4000;
	run(&sim, 2 * SECOND); /* a rest has 1024 windows at most */
	waits = sim.stats.coal_waits;
	frames = sim.frames;
	run(&sim, SECOND);
	assert_true(sim.stats.coal_waits > waits);
	assert_true(sim.frames - frames > 4 * (sim.stats.coal_waits - waits));

	sim.closed = true;
	sim.gap = 20000;
	sim.latency = sim.frames = 0;
	run(&sim, SECOND);
	assert_true(sim.latency / sim.frames < 2 * POLL_NS);
}

/* Not adaptive: what comes alone is taken at once, what follows waits. */
static void constant(void **state)
{
	struct sim sim;

	(void)state;
	set_up(&sim, 1, 5000000);
	sim.config.adaptive_rx = false;
	sim.config.rx_usecs = 500;
	run(&sim, 2 * SECOND);
	assert_true(sim.stats.coal_waits > 300);
	assert_true(sim.worst <= POLL_NS + FRAME_NS);
	/* Each of these waits is in vain, but for what came by chance. */
	assert_true(sim.stats.coal_idle + 10 >= sim.stats.coal_waits);

	set_up(&sim, 1, 10000);
	sim.config.adaptive_rx = false;
	sim.config.rx_usecs = 500;
	sim.config.rx_frames = 0;
	run(&sim, SECOND);
	assert_true(per_wake(&sim) > 40);

	/* Switched off while a wait is on: that one ends, and there is no other. */
	sim.config.rx_usecs = sim.config.tx_usecs = 0;
	assert_false(netvsc_coal_hold(&sim.nc));
	assert_int_equal(sim.nc.coal.wait_ns, 0);
	netvsc_coal_exit(&sim.nc);
	assert_int_equal(sim.nc.coal.timer.at, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_stream), cmocka_unit_test(fast_stream),
		cmocka_unit_test(sender),      cmocka_unit_test(exchanges),
		cmocka_unit_test(change),      cmocka_unit_test(constant),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
