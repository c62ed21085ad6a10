// SPDX-License-Identifier: GPL-2.0
/*
 * The pace of a flooded queue.
 *
 * A doorbell of the child and an interrupt to it each cost an exit from the
 * guest, and a wakeup of a thread.  Under a flood of frames that go one way the
 * worker therefore does not unmask its rings when they are empty, nor serve what
 * comes at once: it looks again a moment later (a tick), and finds several
 * frames.  When some ticks in a row have found nothing, the rings are unmasked.
 *
 * Only then: where one side waits for the other, as a request for its answer or
 * TCP for its acknowledgements and completions, a moment's delay is a loss of
 * throughput, and batches form by themselves.
 */
#include "netvsp_var.h"
#include "util/now.h"

#define PACE_TICK_MIN	(50u * 1000) /* ns */
#define PACE_TICK_MAX	(250u * 1000)
#define PACE_FEW	48u /* packets in a tick: wait longer */
#define PACE_MANY	96u /* wait less long */
#define PACE_EMPTY	4u  /* ticks that found nothing */
/* Frames of one way: so many, in so short a time, few of the other. */
#define PACE_FLOOD	32u
#define PACE_FLOOD_TIME (20u * 1000 * 1000) /* ns */
#define PACE_FLOOD_WAY	8u

static void tick(struct worker_io *io, int res)
{
	struct net_queue *q =
		(struct net_queue *)((char *)io -
				     offsetof(struct net_queue, pace.timer));

	(void)res;
	q->pace.armed = false;
	/* The turn follows. */
}

static void judge(struct net_pace *p)
{
	uint32_t more = p->out > p->in ? p->out : p->in;
	uint32_t less = p->out > p->in ? p->in : p->out;
	uint64_t now;

	if (more + less < PACE_FLOOD)
		return;
	now = now_ns();
	p->flood = now - p->since < PACE_FLOOD_TIME &&
		   more > PACE_FLOOD_WAY * less;
	p->since = now;
	p->out = p->in = 0;
}

static void fit(struct net_pace *p)
{
	if (p->packets >= PACE_MANY)
		p->delay -= p->delay / 4;
	else if (p->packets <= PACE_FEW)
		p->delay += p->delay / 4;
	if (p->delay < PACE_TICK_MIN)
		p->delay = PACE_TICK_MIN;
	if (p->delay > PACE_TICK_MAX)
		p->delay = PACE_TICK_MAX;
}

bool net_pace_wait(const struct net_queue *q)
{
	return q->pace.armed;
}

bool net_pace_linger(struct net_queue *q)
{
	struct net_pace *p = &q->pace;

	if (p->packets) {
		judge(p);
		fit(p);
		p->empty = 0;
	} else if (++p->empty >= PACE_EMPTY) {
		p->flood = false;
	}
	p->packets = 0;
	if (!p->flood)
		return false;
	p->armed = true;
	p->timer.done = tick;
	net_count(q, ticks);
	worker_timeout(q->worker, &p->timer, p->delay);
	return true;
}

void net_pace_reset(struct net_queue *q)
{
	q->pace.flood = false;
	q->pace.packets = 0;
}
