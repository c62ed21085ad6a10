// SPDX-License-Identifier: GPL-2.0
/* The main thread's loop: calls from other threads, signals, descriptors. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/now.h"
#include "vmwp.h"

struct watch {
	void (*fn)(void *arg);
	void *arg;
};

static int on_watch(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct watch *watch = arg;

	(void)s, (void)fd, (void)revents;
	watch->fn(watch->arg);
	return 0;
}

int loop_watch(struct vmwp *w, int fd, void (*fn)(void *arg), void *arg,
	       sd_event_source **out)
{
	struct watch *watch = malloc(sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	*watch = (struct watch){ fn, arg };
	err = sd_event_add_io(w->event, out, fd, EPOLLIN, on_watch, watch);
	if (err < 0) {
		free(watch);
		return err;
	}
	sd_event_source_set_destroy_callback(*out, free);
	return 0;
}

/* ---- how long others have to wait ---- */

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

struct began {
	uint64_t wall, cpu;
};

static struct began begin(void)
{
	return (struct began){ now_ns(), cpu_ns() };
}

static void note(struct loop_time *t, const struct began *b)
{
	uint64_t wall = now_ns() - b->wall, cpu = cpu_ns() - b->cpu;

	if (wall > t->longest_ns)
		t->longest_ns = wall;
	if (cpu > t->longest_cpu_ns)
		t->longest_cpu_ns = cpu;
}

int loop_turn(struct vmwp *w, uint64_t timeout_us)
{
	struct began b;
	int err = sd_event_prepare(w->event);

	if (!err)
		err = sd_event_wait(w->event, timeout_us);
	if (err <= 0)
		return err;
	b = begin();
	err = sd_event_dispatch(w->event);
	w->loop.turns++;
	note(&w->loop.turn, &b);
	return err;
}

void loop_get_stats(const struct vmwp *w, struct loop_stats *out)
{
	struct mailbox_stats s;

	mailbox_get_stats(w->mailbox, &s);
	*out = w->loop;
	out->calls = s.calls;
	out->most_waiting = s.most_waiting;
}

/* ---- calls, signals ---- */

static void on_mail(void *arg)
{
	struct vmwp *w = arg;
	struct began b = begin();

	mailbox_run(w->mailbox);
	note(&w->loop.call, &b);
}

static int on_signal(sd_event_source *s, const struct signalfd_siginfo *si,
		     void *arg)
{
	(void)s;
	log_info("vmwp", "signal %u: ending", si->ssi_signo);
	life_finish(arg, VMWP_EXIT_POWER_OFF);
	return 0;
}

int loop_create(struct vmwp *w, char *why, size_t why_len)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	sd_event_source *source;
	sigset_t set;
	size_t i;
	int err;

	w->start_ns = now_ns();
	signal(SIGPIPE, SIG_IGN);
	/* Blocked before the first thread starts, so that all of them inherit it. */
	sigemptyset(&set);
	for (i = 0; i < 3; i++)
		sigaddset(&set, ends[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	err = sd_event_new(&w->event);
	for (i = 0; i < 3 && err >= 0; i++)
		err = sd_event_add_signal(w->event, NULL, ends[i], on_signal,
					  w);
	if (err >= 0)
		err = mailbox_create(&w->mailbox);
	if (err >= 0)
		err = loop_watch(w, mailbox_fd(w->mailbox), on_mail, w,
				 &source);
	if (err >= 0) {
		/* Lives as long as the loop. */
		sd_event_source_set_floating(source, 1);
		sd_event_source_unref(source);
		return 0;
	}
	snprintf(why, why_len, "cannot set up the main loop: %s",
		 strerror(-err));
	loop_destroy(w);
	return err;
}

void loop_destroy(struct vmwp *w)
{
	w->event = sd_event_unref(w->event);
	if (w->mailbox)
		mailbox_destroy(w->mailbox);
	w->mailbox = NULL;
}

static int on_time(sd_event_source *s, uint64_t usec, void *arg)
{
	struct watch *watch = arg;

	(void)s, (void)usec;
	watch->fn(watch->arg);
	return 0;
}

int loop_post_ms(struct vmwp *w, uint32_t ms, void (*fn)(void *arg), void *arg)
{
	struct watch *watch = malloc(sizeof(*watch));
	sd_event_source *source;
	int err;

	if (!watch)
		return -ENOMEM;
	*watch = (struct watch){ fn, arg };
	err = sd_event_add_time_relative(w->event, &source, CLOCK_MONOTONIC,
					 ms * 1000ull, 0, on_time, watch);
	if (err < 0) {
		free(watch);
		return err;
	}
	sd_event_source_set_destroy_callback(source, free);
	sd_event_source_set_floating(source, 1);
	sd_event_source_unref(source);
	return 0;
}

void loop_post(struct vmwp *w, mailbox_fn fn, void *arg)
{
	int err = mailbox_post(w->mailbox, fn, arg);

	if (!err)
		return;
	/* A lost call is a lost completion: the VM could never end in order. */
	log_err("vmwp", "calls of the main thread: %s", strerror(-err));
	_Exit(VMWP_EXIT_INTERNAL);
}

void loop_done(void *flag)
{
	*(bool *)flag = true;
}

int loop_wait(struct vmwp *w, const bool *flag, bool value,
	      unsigned int seconds)
{
	uint64_t end = now_ns() + seconds * 1000000000ull;

	while (*flag != value) {
		uint64_t now = now_ns();
		int err;

		if (now >= end)
			return -ETIMEDOUT;
		err = loop_turn(w, (end - now) / 1000 + 1);
		if (err < 0 && err != -EINTR)
			return err;
	}
	return 0;
}
