// SPDX-License-Identifier: GPL-2.0
/*
 * Worker: operations, watches of both kinds of eventfd, calls from other threads,
 * more operations than the kernel is given, one system call per turn, shutdown with
 * operations and watches under way.
 *
 * links: util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "open_fds.h"
#include "util/now.h"
#include "worker_fixture.h"

static int file;

struct op {
	struct worker_io io;
	struct iovec iov;
	int res;
	sem_t *done;
	unsigned int order;
};

static atomic_uint finished;

static void op_done(struct worker_io *io, int res)
{
	struct op *op = (struct op *)io;

	op->res = res;
	op->order = atomic_fetch_add(&finished, 1);
	if (op->done)
		sem_post(op->done);
}

static int setup(void **state)
{
	file = memfd_create("worker-test", MFD_CLOEXEC);
	assert_true(file >= 0);
	atomic_store(&finished, 0);
	return setup_worker(state);
}

static int teardown(void **state)
{
	int err = teardown_worker(state);

	close(file);
	return err;
}

/* ---- operations ---- */

struct rw {
	struct op op;
	char buf[64];
};

static void start_write(void *arg)
{
	struct rw *rw = arg;

	worker_writev(worker, &rw->op.io, file, &rw->op.iov, 1, 4096,
		      RWF_DSYNC);
}

static void start_read(void *arg)
{
	struct rw *rw = arg;

	worker_readv(worker, &rw->op.io, file, &rw->op.iov, 1, 4096);
}

static void start_fsync(void *arg)
{
	worker_fdatasync(worker, &((struct rw *)arg)->op.io, file, 0, 0);
}

static void start_punch(void *arg)
{
	worker_fallocate(worker, &((struct rw *)arg)->op.io, file,
			 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096,
			 4096);
}

static void start_timeout(void *arg)
{
	worker_timeout(worker, &((struct rw *)arg)->op.io, 20 * 1000 * 1000);
}

static int run(worker_fn fn, struct rw *rw)
{
	sem_t sem;

	sem_init(&sem, 0, 0);
	rw->op.io.done = op_done;
	rw->op.iov = (struct iovec){ rw->buf, sizeof(rw->buf) };
	rw->op.done = &sem;
	assert_int_equal(worker_post(worker, fn, rw), 0);
	wait_sem(&sem);
	sem_destroy(&sem);
	return rw->op.res;
}

static void test_operations(void **state)
{
	struct rw w = { .buf = "what is written" }, r = { 0 };

	(void)state;
	assert_int_equal(run(start_write, &w), sizeof(w.buf));
	assert_int_equal(run(start_read, &r), sizeof(r.buf));
	assert_string_equal(r.buf, "what is written");
	assert_int_equal(run(start_fsync, &r), 0);
	assert_int_equal(run(start_punch, &r), 0);
	assert_int_equal(run(start_timeout, &r), -ETIME);
}

static void start_bad(void *arg)
{
	struct rw *rw = arg;

	worker_readv(worker, &rw->op.io, -1, &rw->op.iov, 1, 0);
}

static void test_error(void **state)
{
	struct rw r = { 0 };

	(void)state;
	assert_int_equal(run(start_bad, &r), -EBADF);
}

/* ---- many at once ---- */

#define MANY 500

static struct op *many;

static void start_many(void *arg)
{
	static char byte;
	unsigned int i;

	(void)arg;
	for (i = 0; i < MANY; i++) {
		many[i].iov = (struct iovec){ &byte, 1 };
		many[i].io.done = op_done;
		worker_readv(worker, &many[i].io, file, &many[i].iov, 1, i);
	}
}

static void test_more_than_depth(void **state)
{
	struct worker_stats before, after;
	sem_t sem;
	unsigned int i;

	(void)state;
	sem_init(&sem, 0, 0);
	many = calloc(MANY, sizeof(*many));
	assert_non_null(many);
	for (i = 0; i < MANY; i++)
		many[i].done = &sem;
	assert_int_equal(ftruncate(file, MANY), 0);
	worker_get_stats(worker, &before);
	assert_int_equal(worker_post(worker, start_many, NULL), 0);
	for (i = 0; i < MANY; i++)
		wait_sem(&sem);
	worker_get_stats(worker, &after);
	for (i = 0; i < MANY; i++)
		assert_int_equal(many[i].res, 1);
	assert_int_equal(after.ios - before.ios, MANY);
	/* Several at once: not one system call each. */
	assert_in_range(after.system_calls - before.system_calls, 1, MANY / 2);
	free(many);
	sem_destroy(&sem);
}

/* ---- worker_complete and the idle callback ---- */

static unsigned int depth_now, depth_max, chained, idles, idles_pending;
static struct op chain_op;
static sem_t chain_sem;

static void chain_done(struct worker_io *io, int res)
{
	assert_int_equal(res, -ENOSPC);
	depth_now++;
	if (depth_now > depth_max)
		depth_max = depth_now;
	if (++chained < 100)
		worker_complete(worker, io, res);
	else
		sem_post(&chain_sem);
	depth_now--;
}

static void chain_idle(void *arg)
{
	assert_ptr_equal(arg, &chain_op);
	idles++;
	if (worker_pending(worker))
		idles_pending++;
}

static void start_chain(void *arg)
{
	(void)arg;
	worker_set_idle(worker, chain_idle, &chain_op);
	chain_op.io.done = chain_done;
	worker_complete(worker, &chain_op.io, -ENOSPC);
	assert_int_equal(chained, 0);
}

static void test_complete(void **state)
{
	struct worker_stats before, after;

	(void)state;
	sem_init(&chain_sem, 0, 0);
	worker_get_stats(worker, &before);
	assert_int_equal(worker_post(worker, start_chain, NULL), 0);
	wait_sem(&chain_sem);
	worker_destroy(worker);
	assert_int_equal(worker_create("test", DEPTH, &worker), 0);
	worker_get_stats(worker, &after);
	assert_int_equal(depth_max, 1);
	assert_int_equal(chained, 100);
	assert_int_equal(idles_pending, 99);
	assert_true(idles > idles_pending);
	sem_destroy(&chain_sem);
}

/* ---- watches ---- */

struct watched {
	struct worker_watch watch;
	int fd;
	int err;
	uint64_t sum;
	unsigned int calls;
	unsigned int stop_after;
	sem_t *sem;
};

static void watch_fn(struct worker_watch *watch, uint64_t count)
{
	struct watched *wd = (struct watched *)watch;

	wd->sum += count;
	wd->calls++;
	if (wd->calls == wd->stop_after)
		worker_unwatch(watch);
	sem_post(wd->sem);
}

static void start_watch(void *arg)
{
	struct watched *wd = arg;

	wd->err = worker_watch(worker, &wd->watch, wd->fd, watch_fn);
}

static void stop_watch(void *arg)
{
	worker_unwatch(&((struct watched *)arg)->watch);
}

static void watch_kind(int flags)
{
	struct watched wd = { 0 };
	unsigned int i;
	sem_t sem;

	sem_init(&sem, 0, 0);
	wd.fd = eventfd(0, EFD_CLOEXEC | flags);
	wd.sem = &sem;
	assert_int_equal(worker_call(worker, start_watch, &wd), 0);
	assert_int_equal(wd.err, 0);
	for (i = 1; i <= 100; i++) {
		assert_int_equal(eventfd_write(wd.fd, i), 0);
		wait_sem(&sem);
	}
	assert_int_equal(wd.sum, 5050);
	assert_int_equal(worker_call(worker, stop_watch, &wd), 0);
	assert_int_equal(eventfd_write(wd.fd, 1), 0);
	assert_int_equal(worker_call(worker, stop_watch, &wd), 0);
	assert_int_equal(wd.calls, 100);
	close(wd.fd);
	sem_destroy(&sem);
}

static void test_watch(void **state)
{
	(void)state;
	watch_kind(0);
	watch_kind(EFD_NONBLOCK);
}

/* From within its own call, and before it has reached the kernel at all. */
static void start_and_stop(void *arg)
{
	start_watch(arg);
	stop_watch(arg);
}

static void test_unwatch(void **state)
{
	struct watched wd = { .stop_after = 2 };
	sem_t sem;

	(void)state;
	sem_init(&sem, 0, 0);
	wd.fd = eventfd(0, EFD_CLOEXEC);
	wd.sem = &sem;
	assert_int_equal(worker_call(worker, start_watch, &wd), 0);
	eventfd_write(wd.fd, 1);
	wait_sem(&sem);
	eventfd_write(wd.fd, 1);
	wait_sem(&sem);
	eventfd_write(wd.fd, 1);
	assert_int_equal(worker_call(worker, start_and_stop, &wd), 0);
	assert_int_equal(worker_call(worker, stop_watch, &wd), 0);
	assert_int_equal(wd.calls, 2);
	close(wd.fd);
	sem_destroy(&sem);
}

/* ---- threads, life and death ---- */

static unsigned int calls;

static void call(void *arg)
{
	calls += (unsigned int)(uintptr_t)arg;
}

static void test_call(void **state)
{
	unsigned int i;

	(void)state;
	calls = 0;
	for (i = 0; i < 1000; i++)
		assert_int_equal(worker_call(worker, call, (void *)1), 0);
	assert_int_equal(calls, 1000);
}

static void start_slow(void *arg)
{
	worker_timeout(worker, &((struct op *)arg)->io, 50 * 1000 * 1000);
}

static void test_destroy(void **state)
{
	struct watched wd = { 0 };
	struct op slow = { .io.done = op_done };
	unsigned int i, fds;
	sem_t sem;

	(void)state;
	sem_init(&sem, 0, 0);
	wd.fd = eventfd(0, EFD_CLOEXEC);
	wd.sem = &sem;
	fds = open_fds();
	for (i = 0; i < 20; i++) {
		slow.res = 0;
		assert_int_equal(worker_call(worker, start_watch, &wd), 0);
		assert_int_equal(worker_call(worker, start_slow, &slow), 0);
		worker_destroy(worker);
		/* It has been waited for. */
		assert_int_equal(slow.res, -ETIME);
		assert_int_equal(worker_create("again", 1, &worker), 0);
	}
	assert_int_equal(open_fds(), fds);
	assert_int_equal(wd.calls, 0);
	close(wd.fd);
	sem_destroy(&sem);
}

/* ---- work that needs no kernel, and is long ---- */

#define LONG_ROUNDS 64u

struct long_work {
	struct worker_io io;
	unsigned int rounds, called; /* at which round the call came */
	sem_t done;
};

static void long_call(void *arg)
{
	struct long_work *l = arg;

	l->called = l->rounds;
}

static void long_round(struct worker_io *io, int res)
{
	struct long_work *l = (struct long_work *)io;
	uint64_t end = now_ns() + 2000000;

	while (now_ns() < end)
		;
	if (++l->rounds == 1)
		assert_int_equal(worker_post(worker, long_call, l), 0);
	if (l->rounds < LONG_ROUNDS)
		worker_complete(worker, io, res);
	else
		sem_post(&l->done);
}

static void long_start(void *arg)
{
	struct long_work *l = arg;

	l->io.done = long_round;
	worker_complete(worker, &l->io, 0);
}

/* A call waits for a round of it, not for many. */
static void test_long_rounds(void **state)
{
	struct long_work l = { .rounds = 0 };

	(void)state;
	sem_init(&l.done, 0, 0);
	assert_int_equal(worker_call(worker, long_start, &l), 0);
	wait_sem(&l.done);
	assert_in_range(l.called, 1, 3);
	sem_destroy(&l.done);
}

static void test_depth(void **state)
{
	struct worker *w;

	(void)state;
	assert_int_equal(worker_create("none", 0, &w), -EINVAL);
	assert_int_equal(worker_create("huge", 1025, &w), -EINVAL);
	worker_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_operations, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_than_depth, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_complete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_rounds, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unwatch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destroy, setup, teardown),
		cmocka_unit_test(test_depth),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
