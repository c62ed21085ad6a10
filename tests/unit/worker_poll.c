// SPDX-License-Identifier: GPL-2.0
/*
 * Worker: readiness of files.
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
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "worker_fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_poll_level, setup_worker,
						teardown_worker),
		cmocka_unit_test_setup_teardown(test_poll_no_wakeup_lost,
						setup_worker, teardown_worker),
		cmocka_unit_test_setup_teardown(test_poll_out, setup_worker,
						teardown_worker),
		cmocka_unit_test_setup_teardown(test_unpoll, setup_worker,
						teardown_worker),
		cmocka_unit_test_setup_teardown(test_poll_bad_fd, setup_worker,
						teardown_worker),
		cmocka_unit_test_setup_teardown(test_poll_many, setup_worker,
						teardown_worker),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("worker_poll", tests, NULL, NULL);
}
