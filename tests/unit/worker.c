// SPDX-License-Identifier: GPL-2.0
/*
 * Worker: operations, watches of both kinds of eventfd, readiness of other
 * files, calls from other threads, more operations than the kernel is given, one system call per turn,
 * shutdown with operations and watches under way.
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
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "open_fds.h"
#include "util/worker.h"

#define DEPTH 8

static struct worker *worker;
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

static void wait_sem(sem_t *sem)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 20;
	assert_int_equal(sem_timedwait(sem, &ts), 0);
}

static int setup(void **state)
{
	(void)state;
	file = memfd_create("worker-test", MFD_CLOEXEC);
	assert_true(file >= 0);
	atomic_store(&finished, 0);
	return worker_create("test", DEPTH, &worker);
}

static int teardown(void **state)
{
	(void)state;
	worker_destroy(worker);
	worker = NULL;
	close(file);
	return 0;
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

/* ---- readiness ---- */

struct polled {
	struct worker_poll poll;
	int fd;
	int err;
	unsigned int events; /* asked for */
	unsigned int got;    /* all that was told */
	unsigned int calls, bytes;
	bool drain, again, stop;
	sem_t *sem;
};

static void poll_fn(struct worker_poll *poll, unsigned int events)
{
	struct polled *pd = (struct polled *)poll;
	char buf[16];
	ssize_t n;

	pd->calls++;
	pd->got |= events;
	while (pd->drain && (n = read(pd->fd, buf, sizeof(buf))) > 0)
		pd->bytes += n;
	if (pd->stop)
		worker_unpoll(poll);
	else if (pd->again)
		worker_poll_arm(poll);
	sem_post(pd->sem);
}

static void start_poll(void *arg)
{
	struct polled *pd = arg;

	pd->err = worker_poll(worker, &pd->poll, pd->fd, pd->events, poll_fn);
}

static void arm_poll(void *arg)
{
	struct polled *pd = arg;

	/* Twice is as good as once. */
	worker_poll_arm(&pd->poll);
	worker_poll_arm(&pd->poll);
}

static void stop_poll(void *arg)
{
	worker_unpoll(&((struct polled *)arg)->poll);
}

static void arm_all(void *arg)
{
	struct polled *pd = arg;
	unsigned int i;

	for (i = 0; i < 200; i++)
		worker_poll_arm(&pd[i].poll);
}

static void nothing(void *arg)
{
	(void)arg;
}

/* Time for a call that must not come, and two turns of the loop. */
static void turns(void)
{
	struct timespec ts = { .tv_nsec = 20 * 1000 * 1000 };

	nanosleep(&ts, NULL);
	assert_int_equal(worker_call(worker, nothing, NULL), 0);
	assert_int_equal(worker_call(worker, nothing, NULL), 0);
}

static void test_poll_level(void **state)
{
	struct polled pd = { .events = POLLIN };
	int fd[2];
	sem_t sem;

	(void)state;
	sem_init(&sem, 0, 0);
	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	pd.fd = fd[0];
	pd.sem = &sem;
	assert_int_equal(worker_call(worker, start_poll, &pd), 0);
	assert_int_equal(pd.err, 0);
	/* Not armed: nothing happens, and it is not forgotten either. */
	assert_int_equal(write(fd[1], "x", 1), 1);
	turns();
	assert_int_equal(pd.calls, 0);
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	wait_sem(&sem);
	turns();
	assert_int_equal(pd.calls, 1);
	assert_int_equal(pd.got, POLLIN);
	/* Still ready, as nobody has read: level-triggered. */
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	wait_sem(&sem);
	turns();
	assert_int_equal(pd.calls, 2);
	/* The other end goes. */
	pd.drain = true;
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	wait_sem(&sem);
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	turns();
	assert_int_equal(pd.calls, 3);
	close(fd[1]);
	wait_sem(&sem);
	assert_true(pd.got & POLLHUP);
	assert_int_equal(worker_call(worker, stop_poll, &pd), 0);
	close(fd[0]);
	sem_destroy(&sem);
}

#define POLL_BYTES 20000

static void *write_bytes(void *arg)
{
	unsigned int i;

	for (i = 0; i < POLL_BYTES; i++)
		while (write(*(int *)arg, "x", 1) != 1)
			sched_yield();
	return NULL;
}

/* "Read until -EAGAIN, then arm", against a writer that never waits. */
static void test_poll_no_wakeup_lost(void **state)
{
	struct polled pd = { .events = POLLIN, .drain = true, .again = true };
	pthread_t thread;
	int fd[2];
	sem_t sem;

	(void)state;
	sem_init(&sem, 0, 0);
	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	pd.fd = fd[0];
	pd.sem = &sem;
	assert_int_equal(worker_call(worker, start_poll, &pd), 0);
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	assert_int_equal(pthread_create(&thread, NULL, write_bytes, &fd[1]), 0);
	while (__atomic_load_n(&pd.bytes, __ATOMIC_RELAXED) < POLL_BYTES)
		wait_sem(&sem);
	pthread_join(thread, NULL);
	assert_int_equal(pd.bytes, POLL_BYTES);
	assert_int_equal(worker_call(worker, stop_poll, &pd), 0);
	close(fd[0]);
	close(fd[1]);
	sem_destroy(&sem);
}

/* Room to write, in one watch, and something to read, in another. */
static void test_poll_out(void **state)
{
	struct polled out = { .events = POLLOUT }, in = { .events = POLLIN };
	char buf[4096];
	int fd[2];
	sem_t sem;

	(void)state;
	sem_init(&sem, 0, 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	memset(buf, 0, sizeof(buf));
	while (write(fd[0], buf, sizeof(buf)) > 0)
		;
	out.fd = in.fd = fd[0];
	out.sem = in.sem = &sem;
	assert_int_equal(worker_call(worker, start_poll, &out), 0);
	assert_int_equal(worker_call(worker, start_poll, &in), 0);
	assert_int_equal(worker_call(worker, arm_poll, &out), 0);
	assert_int_equal(worker_call(worker, arm_poll, &in), 0);
	turns();
	assert_int_equal(out.calls + in.calls, 0);
	assert_int_equal(write(fd[1], "x", 1), 1);
	wait_sem(&sem);
	assert_int_equal(in.calls, 1);
	assert_int_equal(out.calls, 0);
	while (read(fd[1], buf, sizeof(buf)) > 0)
		;
	wait_sem(&sem);
	assert_int_equal(out.calls, 1);
	assert_int_equal(out.got, POLLOUT);
	assert_int_equal(worker_call(worker, stop_poll, &out), 0);
	assert_int_equal(worker_call(worker, stop_poll, &in), 0);
	close(fd[0]);
	close(fd[1]);
	sem_destroy(&sem);
}

static void start_arm_stop(void *arg)
{
	start_poll(arg);
	arm_poll(arg);
	stop_poll(arg);
	arm_poll(arg);
}

/* Idle, queued, in the kernel, ready but not handed out, and from within. */
static void test_unpoll(void **state)
{
	struct polled pd = { .events = POLLIN };
	int fd[2];
	sem_t sem;

	(void)state;
	sem_init(&sem, 0, 0);
	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	pd.fd = fd[0];
	pd.sem = &sem;
	assert_int_equal(worker_call(worker, start_poll, &pd), 0);
	assert_int_equal(worker_call(worker, stop_poll, &pd), 0);
	assert_int_equal(worker_call(worker, start_arm_stop, &pd), 0);
	assert_int_equal(worker_call(worker, start_poll, &pd), 0);
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	assert_int_equal(worker_call(worker, stop_poll, &pd), 0);
	assert_int_equal(worker_call(worker, stop_poll, &pd), 0);
	assert_int_equal(write(fd[1], "x", 1), 1);
	assert_int_equal(worker_call(worker, start_arm_stop, &pd), 0);
	turns();
	assert_int_equal(pd.calls, 0);
	pd.stop = true;
	assert_int_equal(worker_call(worker, start_poll, &pd), 0);
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	wait_sem(&sem);
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	turns();
	assert_int_equal(pd.calls, 1);
	/* The kernel has let go of the file: the writer gets its signal. */
	close(fd[0]);
	turns();
	assert_int_equal(write(fd[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(fd[1]);
	sem_destroy(&sem);
}

static void test_poll_bad_fd(void **state)
{
	struct polled pd = { .events = POLLIN, .fd = -1 };
	sem_t sem;

	(void)state;
	sem_init(&sem, 0, 0);
	pd.sem = &sem;
	assert_int_equal(worker_call(worker, start_poll, &pd), 0);
	assert_int_equal(worker_call(worker, arm_poll, &pd), 0);
	wait_sem(&sem);
	assert_int_equal(pd.got, POLLNVAL);
	assert_int_equal(worker_call(worker, stop_poll, &pd), 0);
	sem_destroy(&sem);
}

/* More polls than the submission queue has room for. */
static void test_poll_many(void **state)
{
	static struct polled pd[200];
	unsigned int i;
	int fd[2];
	sem_t sem;

	(void)state;
	sem_init(&sem, 0, 0);
	assert_int_equal(pipe2(fd, O_CLOEXEC | O_NONBLOCK), 0);
	memset(pd, 0, sizeof(pd));
	for (i = 0; i < 200; i++) {
		pd[i] = (struct polled){ .events = POLLIN,
					 .fd = fd[0],
					 .sem = &sem };
		assert_int_equal(worker_call(worker, start_poll, &pd[i]), 0);
	}
	worker_call(worker, arm_all, pd);
	assert_int_equal(write(fd[1], "x", 1), 1);
	for (i = 0; i < 200; i++)
		wait_sem(&sem);
	worker_call(worker, arm_all, pd);
	/* The other half is left to worker_destroy(). */
	for (i = 0; i < 200; i += 2)
		worker_call(worker, stop_poll, &pd[i]);
	worker_destroy(worker);
	worker = NULL;
	for (i = 0; i < 200; i++)
		assert_in_range(pd[i].calls, 1, 2);
	worker_unpoll(&pd[1].poll);
	close(fd[0]);
	close(fd[1]);
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
	struct timespec ts;
	uint64_t end = 0, now;

	do {
		clock_gettime(CLOCK_MONOTONIC, &ts);
		now = ts.tv_sec * 1000000000ull + ts.tv_nsec;
		if (!end)
			end = now + 2000000;
	} while (now < end);
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
		cmocka_unit_test_setup_teardown(test_poll_level, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_poll_no_wakeup_lost, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_poll_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unpoll, setup, teardown),
		cmocka_unit_test_setup_teardown(test_poll_bad_fd, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_poll_many, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destroy, setup, teardown),
		cmocka_unit_test(test_depth),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
