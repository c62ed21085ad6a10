// SPDX-License-Identifier: GPL-2.0
/*
 * A turn of the loop:
 *
 *	hand out what has finished	(completion queue, worker_complete())
 *	idle callback			(the owner flushes its rings)
 *	submit what was queued, sleep	(one io_uring_enter)
 *
 * Operations are queued in a list of their own and move to the submission
 * queue only at the end of the turn, as many as the completion queue can hold
 * at once.  So there is one system call per turn however much was queued, the
 * completion queue can't overflow, and queueing can't fail.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mailbox.h"
#include "now.h"
#include "thread.h"
#include "worker_var.h"

#define WORKER_DEPTH_MAX 1024
#define WORKER_REAP	 32 /* completions copied out at once */
#define WORKER_ROUNDS	 16 /* turns without a look at the kernel */
#define WORKER_ROUNDS_NS 1000000u
/* Entries of the submission queue for what is no operation of the caller's. */
#define WORKER_SPARE	 8

/* Move what was queued to the submission queue; true if something is left. */
static bool pump(struct worker *w)
{
	if (!worker_prepare_watches(w))
		return true;
	while (w->queued.first && w->in_kernel < w->limit) {
		if (!worker_prepare_io(w, w->queued.first))
			return true;
		io_list_take(&w->queued);
	}
	return false;
}

static void reap(struct worker *w)
{
	struct io_uring_cqe *cqe[WORKER_REAP];
	struct worker_io *io[WORKER_REAP];
	int res[WORKER_REAP];
	unsigned int i, n, m;

	while ((n = io_uring_peek_batch_cqe(&w->ring, cqe, WORKER_REAP))) {
		for (i = m = 0; i < n; i++) {
			uint64_t tag = io_uring_cqe_get_data64(cqe[i]);

			if (tag & TAG_IGNORE)
				continue;
			if (!(tag & TAG_WATCH))
				w->in_kernel--;
			io[m] = (struct worker_io *)(uintptr_t)(tag & ~TAGS);
			res[m++] = cqe[i]->res;
		}
		/* Before the calls: they may take long, or submit. */
		io_uring_cq_advance(&w->ring, n);
		for (i = 0; i < m; i++)
			io[i]->done(io[i], res[i]);
		if (n < WORKER_REAP)
			break;
	}
}

static void hand_out(struct worker *w)
{
	struct io_list now = w->finished;
	struct worker_io *io;

	if (!now.first)
		return;
	io_list_init(&w->finished);
	for (io = now.first; io;) {
		struct worker_io *next = io->next;

		io->done(io, io->res);
		io = next;
	}
}

/*
 * Give the kernel what is ready and, unless there is work left, sleep until
 * something finishes.  -EBUSY and -EAGAIN mean that the kernel wants
 * completions taken first, or has no memory now: the next turn tries again.
 */
static void enter(struct worker *w, bool sleep)
{
	bool more = pump(w);
	int ret;

	/* Nothing in the kernel: the last watch was dropped, at the end. */
	if (sleep && !more && (w->in_kernel || w->watches) &&
	    !io_uring_cq_ready(&w->ring)) {
		worker_count(&w->system_calls);
		ret = io_uring_submit_and_wait(&w->ring, 1);
		worker_count(&w->wakeups);
	} else {
		worker_count(&w->system_calls);
		ret = io_uring_submit_and_get_events(&w->ring);
	}
	if (ret < 0 && ret != -EINTR && ret != -EBUSY && ret != -EAGAIN &&
	    ret != -ETIME)
		log_limited(LOG_LEVEL_ERR, &w->errors, w->name,
			    "io_uring_enter: %s", strerror(-ret));
}

static bool finished(struct worker *w)
{
	if (!w->stopping || w->queued.first || w->finished.first)
		return false;
	return !w->watches && !w->in_kernel;
}

/* Busy with what needs no kernel: it is looked at now and then. */
static bool another_round(struct worker *w, unsigned int *rounds, uint64_t *end)
{
	if (!w->finished.first || w->queued.first)
		return false;
	if (!(*rounds)++) {
		*end = now_ns() + WORKER_ROUNDS_NS;
		return true;
	}
	return *rounds < WORKER_ROUNDS && now_ns() < *end;
}

static void loop(struct worker *w)
{
	unsigned int rounds = 0;
	uint64_t end = 0;

	while (!finished(w)) {
		reap(w);
		hand_out(w);
		if (w->idle)
			w->idle(w->idle_arg);
		if (w->stopping)
			worker_stop_watches(w);
		if (another_round(w, &rounds, &end))
			continue;
		rounds = 0;
		if (!finished(w))
			enter(w, !w->finished.first);
	}
}

static void mailbox_ready(struct worker_watch *watch, uint64_t count)
{
	(void)count;
	mailbox_run(watch->worker->mailbox);
}

static int ring_create(struct worker *w, unsigned int depth)
{
	static const unsigned int choice[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	unsigned int i;
	int err = -EINVAL;

	/* Kernels refuse flags they don't know, or can't have in this set. */
	for (i = 0; i < sizeof(choice) / sizeof(choice[0]) && err == -EINVAL;
	     i++) {
		struct io_uring_params p = { .flags = choice[i] |
						      IORING_SETUP_CLAMP };

		err = io_uring_queue_init_params(depth + WORKER_SPARE, &w->ring,
						 &p);
	}
	return err;
}

static void *thread_main(void *arg)
{
	struct worker *w = arg;

	pthread_setname_np(pthread_self(), w->name);
	/* Here, as the ring belongs to the thread that submits. */
	w->error = ring_create(w, w->limit);
	if (!w->error) {
		w->error = worker_watch(w, &w->mailbox_watch,
					mailbox_fd(w->mailbox), mailbox_ready);
		if (w->error)
			io_uring_queue_exit(&w->ring);
	}
	sem_post(&w->ready);
	if (w->error)
		return NULL;
	loop(w);
	io_uring_queue_exit(&w->ring);
	return NULL;
}

static int thread_start(struct worker *w)
{
	int err = thread_create(&w->thread, thread_main, w);

	if (err)
		return err;
	while (sem_wait(&w->ready) && errno == EINTR)
		;
	if (w->error)
		pthread_join(w->thread, NULL);
	return w->error;
}

int worker_create(const char *name, unsigned int depth, struct worker **out)
{
	struct worker *w;
	int err;

	if (!depth || depth > WORKER_DEPTH_MAX)
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	snprintf(w->name, sizeof(w->name), "%s", name);
	io_list_init(&w->queued);
	io_list_init(&w->watching);
	io_list_init(&w->finished);
	w->limit = depth;
	sem_init(&w->ready, 0, 0);
	err = mailbox_create(&w->mailbox);
	if (!err)
		err = thread_start(w);
	if (!err) {
		*out = w;
		return 0;
	}
	mailbox_destroy(w->mailbox);
	sem_destroy(&w->ready);
	free(w);
	return err;
}

static void stop(void *arg)
{
	struct worker *w = arg;

	w->stopping = true;
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	/* Out of memory: memory comes back, a thread left behind does not. */
	while (worker_post(w, stop, w))
		sched_yield();
	pthread_join(w->thread, NULL);
	mailbox_destroy(w->mailbox);
	sem_destroy(&w->ready);
	free(w);
}

int worker_post(struct worker *w, worker_fn fn, void *arg)
{
	return mailbox_post(w->mailbox, fn, arg);
}

struct sync_call {
	worker_fn fn;
	void *arg;
	sem_t done;
};

static void call_run(void *arg)
{
	struct sync_call *c = arg;

	c->fn(c->arg);
	sem_post(&c->done);
}

int worker_call(struct worker *w, worker_fn fn, void *arg)
{
	struct sync_call c = { .fn = fn, .arg = arg };
	int err;

	sem_init(&c.done, 0, 0);
	err = worker_post(w, call_run, &c);
	/* Bounded by fn, which runs on a thread that never blocks. */
	while (!err && sem_wait(&c.done) && errno == EINTR)
		;
	sem_destroy(&c.done);
	return err;
}

void worker_get_stats(struct worker *w, struct worker_stats *out)
{
	out->system_calls = __atomic_load_n(&w->system_calls, __ATOMIC_RELAXED);
	out->wakeups = __atomic_load_n(&w->wakeups, __ATOMIC_RELAXED);
	out->ios = __atomic_load_n(&w->ios, __ATOMIC_RELAXED);
}

void worker_set_idle(struct worker *w, worker_fn fn, void *arg)
{
	w->idle = fn;
	w->idle_arg = arg;
}

bool worker_pending(const struct worker *w)
{
	return w->finished.first;
}

void worker_complete(struct worker *w, struct worker_io *io, int res)
{
	io->res = res;
	io_list_add(&w->finished, io);
}
