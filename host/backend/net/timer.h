/* SPDX-License-Identifier: GPL-2.0 */
/* A timer on a worker which, unlike worker_timeout(), can be taken back. */
#ifndef BACKEND_TIMER_H
#define BACKEND_TIMER_H

#include "util/worker.h"

struct net_timer {
	struct worker_watch watch;
	int fd;	      /* a timerfd, or -1 */
	uint64_t due; /* as now_ns() tells */
	void (*fn)(struct net_timer *t);
};

/* Any thread; 0 or -errno.  fn runs on the worker that it is started on. */
int net_timer_create(struct net_timer *t, void (*fn)(struct net_timer *t));
void net_timer_destroy(struct net_timer *t); /* also of zeros with fd -1 */
/* The worker's thread; 0 or -ENOMEM.  After stop, fn is not called. */
int net_timer_start(struct net_timer *t, struct worker *w);
void net_timer_stop(struct net_timer *t);
/* fn once when now_ns() is `due`, or as soon as may be if that is over; 0: not at all. */
void net_timer_set(struct net_timer *t, uint64_t due);

#endif
