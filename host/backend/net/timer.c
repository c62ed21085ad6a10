// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "timer.h"
#include "util/now.h"

#define NS_PER_S 1000000000u

static void expired(struct worker_watch *watch, uint64_t count)
{
	struct net_timer *t = (struct net_timer *)watch;

	(void)count;
	/* Set anew or taken back while the expiry was on its way. */
	if (!t->due || now_ns() < t->due)
		return;
	t->due = 0;
	t->fn(t);
}

int net_timer_create(struct net_timer *t, void (*fn)(struct net_timer *t))
{
	t->fn = fn;
	t->due = 0;
	t->watch.op = NULL;
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	return t->fd < 0 ? -errno : 0;
}

void net_timer_destroy(struct net_timer *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

int net_timer_start(struct net_timer *t, struct worker *w)
{
	return worker_watch(w, &t->watch, t->fd, expired);
}

void net_timer_stop(struct net_timer *t)
{
	worker_unwatch(&t->watch);
	net_timer_set(t, 0);
}

void net_timer_set(struct net_timer *t, uint64_t due)
{
	struct itimerspec when = { 0 };

	if (due == t->due)
		return;
	t->due = due;
	when.it_value.tv_sec = due / NS_PER_S;
	when.it_value.tv_nsec = due % NS_PER_S;
	timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &when, NULL);
}
