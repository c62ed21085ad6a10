// SPDX-License-Identifier: GPL-2.0
/*
 * Mailbox: order, one signal per batch, calls from calls, the length of a turn and
 * of the queue, two threads.
 *
 * links: util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/mailbox.h"

#define MANY 20000

static struct mailbox *box;
static unsigned int ran[8], nran;

static void note(void *arg)
{
	ran[nran++ % 8] = (unsigned int)(uintptr_t)arg;
}

static bool signalled(int timeout_ms)
{
	struct pollfd p = { .fd = mailbox_fd(box), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

static void post_more(void *arg)
{
	(void)arg;
	assert_int_equal(mailbox_post(box, note, (void *)9), 0);
}

static int setup(void **state)
{
	(void)state;
	nran = 0;
	return mailbox_create(&box);
}

static int teardown(void **state)
{
	(void)state;
	mailbox_destroy(box);
	return 0;
}

static void test_order(void **state)
{
	uintptr_t i;

	(void)state;
	assert_false(signalled(0));
	for (i = 1; i <= 3; i++)
		assert_int_equal(mailbox_post(box, note, (void *)i), 0);
	assert_true(signalled(0));
	assert_int_equal(nran, 0);
	mailbox_run(box);
	assert_int_equal(nran, 3);
	assert_int_equal(ran[0], 1);
	assert_int_equal(ran[1], 2);
	assert_int_equal(ran[2], 3);
	assert_false(signalled(0));
	mailbox_run(box);
	assert_int_equal(nran, 3);
}

/* An owner that took the signal with a read of its own. */
static void test_signal_taken(void **state)
{
	eventfd_t count;

	(void)state;
	assert_int_equal(mailbox_post(box, note, (void *)1), 0);
	assert_int_equal(mailbox_post(box, note, (void *)2), 0);
	assert_int_equal(eventfd_read(mailbox_fd(box), &count), 0);
	assert_int_equal(count, 1);
	mailbox_run(box);
	assert_int_equal(nran, 2);
}

static void test_nested(void **state)
{
	(void)state;
	assert_int_equal(mailbox_post(box, post_more, NULL), 0);
	mailbox_run(box);
	assert_int_equal(nran, 0);
	assert_true(signalled(0));
	mailbox_run(box);
	assert_int_equal(nran, 1);
	assert_int_equal(ran[0], 9);
}

static void test_dropped(void **state)
{
	(void)state;
	assert_int_equal(mailbox_post(box, note, (void *)1), 0);
	/* Teardown frees it: a leak would show under ASan. */
}

static void slow(void *arg)
{
	usleep(3000);
	note(arg);
}

/* A turn ends after a while; nothing is lost, nothing overtakes. */
static void test_budget(void **state)
{
	struct mailbox_stats stats;
	unsigned int turns = 0;
	uintptr_t i;

	(void)state;
	for (i = 1; i <= 7; i++)
		assert_int_equal(mailbox_post(box, slow, (void *)i), 0);
	mailbox_run(box);
	assert_in_range(nran, 1, 3);
	assert_int_equal(mailbox_post(box, note, (void *)8), 0);
	while (signalled(0) && ++turns < 20)
		mailbox_run(box);
	assert_true(turns >= 2);
	assert_int_equal(nran, 8);
	for (i = 1; i <= 8; i++)
		assert_int_equal(ran[i - 1], i);
	mailbox_get_stats(box, &stats);
	assert_int_equal(stats.calls, 8);
	assert_int_equal(stats.waiting, 0);
	assert_in_range(stats.most_waiting, 5, 8);
}

/* Memory has an end, whoever forgets that a peer asks again and again. */
static void test_bound(void **state)
{
	unsigned int n = 0;
	int err;

	(void)state;
	while (!(err = mailbox_post(box, note, NULL)) && n < 1000000)
		n++;
	assert_int_equal(err, -ENOBUFS);
	assert_in_range(n, 4096, 100000);
	while (signalled(0))
		mailbox_run(box);
	assert_int_equal(nran, n);
	assert_int_equal(mailbox_post(box, note, NULL), 0);
}

static unsigned int total, last[2];
static bool ordered = true;

static void count_call(void *arg)
{
	uintptr_t v = (uintptr_t)arg;
	unsigned int who = v & 1, seq = v >> 1;

	if (seq != last[who] + 1)
		ordered = false;
	last[who] = seq;
	total++;
}

static void *poster(void *arg)
{
	uintptr_t i;

	for (i = 1; i <= MANY; i++)
		if (mailbox_post(box, count_call,
				 (void *)(i << 1 | (uintptr_t)arg)))
			break;
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t a, b;

	(void)state;
	assert_int_equal(pthread_create(&a, NULL, poster, (void *)0), 0);
	assert_int_equal(pthread_create(&b, NULL, poster, (void *)1), 0);
	/* A lost signal shows as a time-out. */
	while (total < 2 * MANY) {
		assert_true(signalled(10000));
		mailbox_run(box);
	}
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	assert_true(ordered);
	assert_int_equal(total, 2 * MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nested, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
