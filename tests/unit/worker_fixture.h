/* SPDX-License-Identifier: GPL-2.0 */
/* A worker for the unit tests of it. */
#ifndef UNIT_WORKER_FIXTURE_H
#define UNIT_WORKER_FIXTURE_H

#include <semaphore.h>
#include <time.h>

#include "util/worker.h"

#define DEPTH 8

static struct worker *worker;

static void wait_sem(sem_t *sem)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 20;
	assert_int_equal(sem_timedwait(sem, &ts), 0);
}

static int setup_worker(void **state)
{
	(void)state;
	return worker_create("test", DEPTH, &worker);
}

static int teardown_worker(void **state)
{
	(void)state;
	worker_destroy(worker);
	worker = NULL;
	return 0;
}

#endif
