// SPDX-License-Identifier: GPL-2.0
/*
 * With direct=on a block that is changed in part is read, changed and written
 * back.  Whatever somebody else wrote there in between would be undone, so who
 * does that has its blocks alone.
 *
 * All others only say what they write: they wait for nobody but those who are
 * alone, as a child that writes the same blocks twice at a time expects no
 * order.  Who waits does so in order of arrival.
 */
#include "raw_var.h"

void raw_ranges_init(struct raw *r)
{
	pthread_mutex_init(&r->ranges.lock, NULL);
	TAILQ_INIT(&r->ranges.held);
	TAILQ_INIT(&r->ranges.waiting);
}

void raw_ranges_destroy(struct raw *r)
{
	pthread_mutex_destroy(&r->ranges.lock);
}

static struct disk_req *range_req(struct raw_range *g)
{
	return (struct disk_req *)((char *)g -
				   offsetof(struct raw_state, range) -
				   offsetof(struct disk_req, private));
}

static bool overlap(const struct raw_range *a, const struct raw_range *b)
{
	return a->from < b->to && b->from < a->to;
}

static bool conflict(const struct raw_range *a, const struct raw_range *b)
{
	return (a->alone || b->alone) && overlap(a, b);
}

/* The lock is held.  `g` may be waiting itself. */
static bool must_wait(const struct raw_ranges *s, const struct raw_range *g)
{
	const struct raw_range *other;

	/* Mostly so: no look at each of them. */
	if (!g->alone && !s->alone && TAILQ_EMPTY(&s->waiting))
		return false;
	TAILQ_FOREACH(other, &s->held, link)
		if (conflict(g, other))
			return true;
	TAILQ_FOREACH(other, &s->waiting, link) {
		if (other == g)
			break;
		if (conflict(g, other))
			return true;
	}
	return false;
}

static void hold(struct raw_ranges *s, struct raw_range *g)
{
	/* Those that others wait for are found first. */
	if (g->alone)
		TAILQ_INSERT_HEAD(&s->held, g, link);
	else
		TAILQ_INSERT_TAIL(&s->held, g, link);
	g->held = true;
	s->alone += g->alone;
}

bool raw_range_take(struct disk_req *req, bool alone, worker_fn go)
{
	struct raw *r = to_raw(req->disk);
	struct raw_range *g = &to_state(req)->range;
	uint64_t mask = r->align_offset - 1;
	bool now;

	g->from = req->offset & ~mask;
	g->to = (req->offset + req->len + mask) & ~mask;
	g->alone = alone;
	g->go = go;
	pthread_mutex_lock(&r->ranges.lock);
	now = !must_wait(&r->ranges, g);
	if (now)
		hold(&r->ranges, g);
	else
		TAILQ_INSERT_TAIL(&r->ranges.waiting, g, link);
	pthread_mutex_unlock(&r->ranges.lock);
	return now;
}

void raw_range_drop(struct disk_req *req)
{
	struct raw_ranges *s = &to_raw(req->disk)->ranges;
	struct raw_range *mine = &to_state(req)->range, *g, *next;
	struct disk_req *ready = NULL, **last = &ready, *other;
	struct worker *here = req->worker;

	if (!mine->held)
		return;
	pthread_mutex_lock(&s->lock);
	TAILQ_REMOVE(&s->held, mine, link);
	mine->held = false;
	s->alone -= mine->alone;
	for (g = TAILQ_FIRST(&s->waiting); g; g = next) {
		next = TAILQ_NEXT(g, link);
		/* Nobody else can have waited for this one. */
		if (!overlap(g, mine) || must_wait(s, g))
			continue;
		TAILQ_REMOVE(&s->waiting, g, link);
		hold(s, g);
		*last = range_req(g);
		last = &to_state(*last)->next;
		*last = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	for (; ready; ready = other) {
		other = to_state(ready)->next;
		raw_run_on(ready, here, to_state(ready)->range.go);
	}
}
