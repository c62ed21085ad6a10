// SPDX-License-Identifier: GPL-2.0
/*
 * No kick is lost, however they and the thread that sleeps cross: what was stored before
 * a kick is found soon. The thread sleeps as a VP does in KVM_RUN, in ppoll() with the
 * signal unblocked.
 *
 * links: vm mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

#include "vm/kick.h"

#define SENDERS	 3
#define SECONDS	 2.0
#define PATIENCE 1.0 /* a lost kick leaves the thread asleep for that long */

static struct kick kick;
static _Atomic unsigned long sent[SENDERS], seen[SENDERS];
static atomic_bool stop;
static _Atomic unsigned long slept, woken;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void woke(int number)
{
	(void)number;
}

/* As vp_thread(): take, look, sleep. */
static void *sleeper(void *arg)
{
	sigset_t open;
	unsigned int i;

	pthread_sigmask(SIG_BLOCK, NULL, &open);
	sigdelset(&open, kick_signal());
	kick_begin(&kick);
	while (!atomic_load(&stop)) {
		const struct timespec long_time = { 10, 0 };

		kick_take(&kick);
		for (i = 0; i < SENDERS; i++)
			atomic_store(&seen[i], atomic_load(&sent[i]));
		if (atomic_load(&stop))
			break;
		slept++;
		if (ppoll(NULL, 0, &long_time, &open) < 0)
			woken++;
	}
	kick_end(&kick);
	return arg;
}

/* Kicks, and waits until that was seen; the longest wait in *arg. */
static void *sender(void *arg)
{
	double *longest = arg, from, end = now() + SECONDS;
	unsigned int i = longest[1], n;

	for (n = 1; now() < end && *longest < PATIENCE; n++) {
		from = now();
		atomic_store(&sent[i], n);
		kick_send(&kick, false);
		/* Further kicks cross the thread on its way; a lost one they can't mend. */
		while (atomic_load(&seen[i]) != n && now() - from < PATIENCE)
			kick_send(&kick, false);
		if (now() - from > *longest)
			*longest = now() - from;
	}
	return NULL;
}

static void none_is_lost(void **state)
{
	struct sigaction act = { .sa_handler = woke };
	double wait[SENDERS][2] = { 0 };
	pthread_t thread, senders[SENDERS];
	sigset_t set;
	unsigned int i;

	(void)state;
	sigaction(kick_signal(), &act, NULL);
	sigemptyset(&set);
	sigaddset(&set, kick_signal());
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	assert_int_equal(pthread_create(&thread, NULL, sleeper, NULL), 0);
	for (i = 0; i < SENDERS; i++) {
		wait[i][1] = i;
		assert_int_equal(
			pthread_create(&senders[i], NULL, sender, wait[i]), 0);
	}
	for (i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	atomic_store(&stop, true);
	/* Also where a kick was lost: none counts any more. */
	atomic_store(&kick.asked, false);
	kick_send(&kick, false);
	pthread_join(thread, NULL);
	assert_true(woken > 0 && slept > 100);
	for (i = 0; i < SENDERS; i++)
		if (wait[i][0] >= PATIENCE)
			fail_msg("sender %u waited for %.1f s", i, wait[i][0]);
}

/* A thread that hasn't begun finds what it was kicked for; itself needs no signal. */
static void before_and_within(void **state)
{
	struct kick k = { 0 };
	sigset_t set;

	(void)state;
	kick_send(&k, false);
	assert_true(k.asked);
	kick_begin(&k);
	kick_take(&k);
	assert_false(k.asked);
	kick_send(&k, true);
	assert_true(k.asked);
	sigpending(&set);
	assert_int_equal(sigismember(&set, kick_signal()), 0);
	kick_take(&k);
	kick_send(&k, false);
	sigpending(&set);
	assert_int_equal(sigismember(&set, kick_signal()), 1);
	kick_take(&k);
	sigpending(&set);
	assert_int_equal(sigismember(&set, kick_signal()), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_lost),
		cmocka_unit_test(before_and_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
