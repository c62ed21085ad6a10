// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt moderation, which the host doesn't offer: the driver makes it.
 *
 * A host interrupts when it puts something into an empty ring whose interrupt
 * mask is clear. So when a poll has emptied the ring, there is a choice: clear
 * the mask, and the next frame interrupts; or leave it set and look again after
 * a wait, by a timer. A wait costs setting a timer and the timer's interrupt,
 * so it pays only when several interrupts would have come meanwhile. A wait
 * that brought nothing is followed by clearing the mask: on an idle channel, the
 * first frame always interrupts at once.
 *
 * rx-usecs bounds a wait after a poll that brought frames, tx-usecs one after a
 * poll that brought nothing but the host's answers to frames sent, which come
 * through the same ring. rx-frames shortens either to the time in which that many
 * frames come (or answers, when they are more), at the rate of the last window: a
 * millisecond or more.
 *
 * Not adaptive: each poll that brought something is followed by a wait, unless
 * its bound is 0.
 *
 * Adaptive: a rate at which a wait gathers a few frames is necessary for waits,
 * but it isn't enough: quick exchanges of requests and responses have it, too, and
 * each wait would only delay them. The two are told apart by trying: if a wait
 * gathers hardly more than a frame, or if frames come slower than they did without
 * waits, the peer was waiting for us, and there are no waits for a while: 64
 * windows after the first such trial, twice as many after each further one, up to
 * 1024. So exchanges are disturbed for a few milliseconds in a second, at worst.
 *
 * lib/dim isn't used: its profiles have no step at which nothing waits, its
 * decisions go through a work item, and not every kernel has it.
 */
#include "netvsc_var.h"

#define DEFAULT_USECS	128
#define DEFAULT_FRAMES	32
#define DEFAULT_TX	64

#define WINDOW_NS	NSEC_PER_MSEC
#define STALE_NS	(8 * WINDOW_NS)	/* was idle: says nothing about now */

#define MIN_START	4	/* frames a wait must promise for a trial */
#define MIN_GAIN	3	/* frames it must bring, to go on */
#define BACKOFF_MIN	64	/* windows */
#define BACKOFF_MAX	1024
#define PROVEN		8	/* windows until waits are no trial any more */

#define RATE_UNIT	16ULL	/* a rate of one frame in a window */
#define MANY		(128 * (u32)RATE_UNIT)

void netvsc_coal_defaults(struct netvsc_coal_config *config)
{
	config->adaptive_rx = true;
	config->rx_usecs = DEFAULT_USECS;
	config->tx_usecs = DEFAULT_USECS;
	config->rx_frames = DEFAULT_FRAMES;
	config->tx_frames = DEFAULT_TX;
}

static enum hrtimer_restart wait_over(struct hrtimer *timer)
{
	struct netvsc_coal *co = container_of(timer, struct netvsc_coal, timer);

	napi_schedule(&container_of(co, struct netvsc_chan, coal)->napi);
	return HRTIMER_NORESTART;
}

static void count(struct netvsc_chan *nc, u64 *counter)
{
	u64_stats_update_begin(&nc->rx_stats->syncp);
	(*counter)++;
	u64_stats_update_end(&nc->rx_stats->syncp);
}

static void new_window(struct netvsc_chan *nc, u64 now)
{
	struct netvsc_coal *co = &nc->coal;

	co->start = now;
	co->wakes = 0;
	co->frames = 0;
	co->tx_done = nc->tx.done;
}

void netvsc_coal_init(struct netvsc_chan *nc)
{
	struct netvsc_coal *co = &nc->coal;

	hrtimer_setup(&co->timer, wait_over, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED);
	co->wait_ns = 0;
	co->waiting = false;
	co->rest = 0;
	co->backoff = BACKOFF_MIN;
	co->free_rate = 0;
	co->age = 0;
	co->new_frames = 0;
	co->seen_done = nc->tx.done;
	new_window(nc, ktime_get_ns());
}

void netvsc_coal_exit(struct netvsc_chan *nc)
{
	hrtimer_cancel(&nc->coal.timer);
}

/* How long to wait if frames go on coming as in this window. */
static u32 gather_ns(const struct netvsc_chan *nc, u32 events, u64 elapsed)
{
	const struct netvsc_coal_config *config = nc->coal_config;
	u32 most = max(READ_ONCE(config->rx_usecs),
		       READ_ONCE(config->tx_usecs)) * NSEC_PER_USEC;
	u32 frames = READ_ONCE(config->rx_frames);

	if (!frames || !events)
		return most;
	return min_t(u64, most, div_u64(elapsed * frames, events));
}

static u32 average(u32 old, u32 rate)
{
	return old ? (3 * old + rate) / 4 : rate;
}

/*
 * Whether less comes than without waits, by more than rates vary: the fewer
 * frames a window has, the more they do.
 */
static bool slower(const struct netvsc_coal *co)
{
	u32 margin = co->free_rate / (co->free_rate >= MANY ? 8 : 4);

	return co->held_rate < co->free_rate - margin;
}

/* No waits for a while. */
static void in_vain(struct netvsc_chan *nc)
{
	struct netvsc_coal *co = &nc->coal;

	count(nc, &nc->rx_stats->coal_vain);
	co->rest = co->backoff;
	if (co->age <= PROVEN)
		co->backoff = min(co->backoff * 2, BACKOFF_MAX);
}

/* Waits were in use: do they bring enough, and cost nothing? */
static u32 judge_waits(struct netvsc_chan *nc, u32 events, u32 rate, u32 ns)
{
	struct netvsc_coal *co = &nc->coal;

	co->held_rate = average(co->age ? co->held_rate : 0, rate);
	if (co->age <= PROVEN)
		co->age++;
	if (events >= co->wakes * MIN_GAIN && !slower(co)) {
		if (co->age > PROVEN)
			co->backoff = BACKOFF_MIN;
		return ns;
	}
	if (co->age <= PROVEN || slower(co))
		in_vain(nc);
	co->free_rate = 0;
	return 0;
}

/* No waits were in use: is it worth a trial? */
static u32 judge_rate(struct netvsc_chan *nc, u32 events, u32 rate,
		      u64 elapsed, u32 ns)
{
	u32 frames = READ_ONCE(nc->coal_config->rx_frames);
	struct netvsc_coal *co = &nc->coal;

	co->free_rate = average(co->free_rate, rate);
	if (co->rest) {
		co->rest--;
		return 0;
	}
	/* Enough come together on their own. */
	if (frames && events >= co->wakes * frames)
		return 0;
	if ((u64)events * ns < elapsed * MIN_START)
		return 0;
	co->age = 0;
	return ns;
}

static void end_window(struct netvsc_chan *nc, u64 now)
{
	struct netvsc_coal *co = &nc->coal;
	u32 events = max(co->frames, nc->tx.done - co->tx_done);
	u64 elapsed = now - co->start;
	u32 ns = gather_ns(nc, events, elapsed), rate;

	if (READ_ONCE(nc->coal_config->adaptive_rx)) {
		rate = min_t(u64, U32_MAX / 4,
			     div_u64(events * RATE_UNIT * WINDOW_NS, elapsed));
		if (elapsed >= STALE_NS) {
			co->free_rate = 0;
			ns = 0;
		} else if (co->wait_ns) {
			ns = judge_waits(nc, events, rate, ns);
		} else {
			ns = judge_rate(nc, events, rate, elapsed, ns);
		}
	}
	WRITE_ONCE(co->wait_ns, ns);
	new_window(nc, now);
}

/* The wait that follows a poll which brought these; 0: none. */
static u32 wait_ns(const struct netvsc_chan *nc, u32 frames, u32 done)
{
	const struct netvsc_coal_config *config = nc->coal_config;
	u32 usecs = 0;

	if (frames)
		usecs = READ_ONCE(config->rx_usecs);
	else if (done)
		usecs = READ_ONCE(config->tx_usecs);
	return min_t(u32, nc->coal.wait_ns, usecs * NSEC_PER_USEC);
}

bool netvsc_coal_hold(struct netvsc_chan *nc)
{
	const struct netvsc_coal_config *config = nc->coal_config;
	struct netvsc_coal *co = &nc->coal;
	u32 frames = co->new_frames;
	u32 done = nc->tx.done - co->seen_done;
	bool waited = co->waiting;
	u64 now;
	u32 ns;

	co->frames += frames;
	co->new_frames = 0;
	co->seen_done = nc->tx.done;
	co->waiting = false;
	if (!READ_ONCE(config->rx_usecs) && !READ_ONCE(config->tx_usecs)) {
		WRITE_ONCE(co->wait_ns, 0);
		return false;
	}

	co->wakes++;
	now = ktime_get_ns();
	if (now - co->start >= WINDOW_NS)
		end_window(nc, now);
	if (waited && !frames && !done)
		count(nc, &nc->rx_stats->coal_idle);
	ns = wait_ns(nc, frames, done);
	if (!ns)
		return false;

	count(nc, &nc->rx_stats->coal_waits);
	co->waiting = true;
	hrtimer_start(&co->timer, ns_to_ktime(ns), HRTIMER_MODE_REL_PINNED);
	return true;
}
