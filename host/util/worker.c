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
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mailbox.h"
#include "worker.h"

#define WORKER_DEPTH_MAX 1024
#define WORKER_REAP	 32 /* completions copied out at once */
#define WORKER_ROUNDS	 16 /* turns without a look at the kernel */
#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#define WORKER_STACK (1024 * 1024) /* room for a sanitizer's redzones */
#else
#define WORKER_STACK (128 * 1024)
#endif

/* Low bits of a completion's user data, which else is a struct worker_io. */
#define TAG_IGNORE   1ul /* the poll before a watch's read; a cancellation */
#define TAG_WATCH    2ul
#define TAGS	     3ul

/* Entries of the submission queue for what is no operation of the caller's. */
#define WORKER_SPARE 8

struct io_list {
	struct worker_io *first, **last;
};

struct worker {
	struct io_uring ring;
	struct mailbox *mailbox;
	struct worker_watch mailbox_watch;
	worker_fn idle;
	void *idle_arg;
	struct io_list queued;	 /* wait for submission */
	struct io_list watching; /* likewise, the reads of watches */
	struct io_list finished; /* wait to be handed out */
	struct worker_watch_op *watches;
	unsigned int limit;	/* operations in the kernel at once */
	unsigned int in_kernel; /* of them, watches not counted */
	bool stopping;
	int error; /* of set-up */
	char name[16];
	pthread_t thread;
	sem_t ready;
	/* Written by the worker, read by anyone. */
	uint64_t system_calls, wakeups, ios;
};

/* Outlives its watch until the kernel has let go of `count`. */
struct worker_watch_op {
	struct worker_io io;
	struct worker_watch *watch; /* NULL: unwatched */
	struct worker *worker;
	struct worker_watch_op *next, **link;
	uint64_t count;
	bool poll; /* the fd is non-blocking */
	bool in_kernel;
	bool cancel; /* a cancellation is to be submitted */
};

enum { OP_READV, OP_WRITEV, OP_FSYNC, OP_FALLOCATE, OP_TIMEOUT };

static void list_init(struct io_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static void list_add(struct io_list *list, struct worker_io *io)
{
	io->next = NULL;
	*list->last = io;
	list->last = &io->next;
}

static struct worker_io *list_take(struct io_list *list)
{
	struct worker_io *io = list->first;

	if (io) {
		list->first = io->next;
		if (!list->first)
			list->last = &list->first;
	}
	return io;
}

/* The only writer is the worker itself: no locked operation is needed. */
static void count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

/* ---- watches ---- */

static void watch_free(struct worker_watch_op *op)
{
	*op->link = op->next;
	if (op->next)
		op->next->link = op->link;
	free(op);
}

static void watch_done(struct worker_io *io, int res)
{
	struct worker_watch_op *op = (struct worker_watch_op *)io;
	struct worker *w = op->worker;

	op->in_kernel = false;
	if (!op->watch) {
		/* A cancellation on its way refers to us by address only. */
		watch_free(op);
		return;
	}
	if (res == sizeof(op->count)) {
		op->watch->fn(op->watch, op->count);
		/* fn may have unwatched: op was idle then, and is freed here. */
		if (!op->watch) {
			watch_free(op);
			return;
		}
	} else if (res != -EINTR && res != -EAGAIN && res != -ECANCELED) {
		log_err(w->name, "eventfd %d: %s: no longer watched", io->fd,
			res < 0 ? strerror(-res) : "short read");
		op->watch->op = NULL;
		watch_free(op);
		return;
	}
	list_add(&w->watching, io);
}

int worker_watch(struct worker *w, struct worker_watch *watch, int fd,
		 void (*fn)(struct worker_watch *watch, uint64_t count))
{
	struct worker_watch_op *op = calloc(1, sizeof(*op));
	int flags = fcntl(fd, F_GETFL);

	if (!op)
		return -ENOMEM;
	op->io.done = watch_done;
	op->io.fd = fd;
	op->watch = watch;
	op->worker = w;
	op->poll = flags >= 0 && (flags & O_NONBLOCK);
	op->next = w->watches;
	op->link = &w->watches;
	if (op->next)
		op->next->link = &op->next;
	w->watches = op;
	watch->worker = w;
	watch->fd = fd;
	watch->fn = fn;
	watch->op = op;
	list_add(&w->watching, &op->io);
	return 0;
}

void worker_unwatch(struct worker_watch *watch)
{
	struct worker_watch_op *op = watch->op;

	if (!op)
		return;
	watch->op = NULL;
	op->watch = NULL;
	op->cancel = true;
}

/* ---- submission ---- */

static bool prepare_watch(struct worker *w, struct worker_watch_op *op)
{
	struct io_uring_sqe *sqe;

	if (op->poll) {
		if (io_uring_sq_space_left(&w->ring) < 2)
			return false;
		sqe = io_uring_get_sqe(&w->ring);
		io_uring_prep_poll_add(sqe, op->io.fd, POLLIN);
		sqe->flags |= IOSQE_IO_LINK;
		io_uring_sqe_set_data64(sqe, (uintptr_t)op | TAG_IGNORE);
	}
	sqe = io_uring_get_sqe(&w->ring);
	if (!sqe)
		return false;
	io_uring_prep_read(sqe, op->io.fd, &op->count, sizeof(op->count), 0);
	io_uring_sqe_set_data64(sqe, (uintptr_t)op | TAG_WATCH);
	op->in_kernel = true;
	return true;
}

static bool prepare_io(struct worker *w, struct worker_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);

	if (!sqe)
		return false;
	switch (io->op) {
	case OP_READV:
		io_uring_prep_readv(sqe, io->fd, io->iov, io->niov, io->offset);
		break;
	case OP_WRITEV:
		io_uring_prep_writev2(sqe, io->fd, io->iov, io->niov,
				      io->offset, io->flags);
		break;
	case OP_FSYNC:
		io_uring_prep_fsync(sqe, io->fd, io->flags);
		break;
	case OP_FALLOCATE:
		io_uring_prep_fallocate(sqe, io->fd, io->flags, io->offset,
					io->len);
		break;
	case OP_TIMEOUT:
		/* offset, len: seconds, nanoseconds, as a __kernel_timespec. */
		io_uring_prep_timeout(
			sqe, (struct __kernel_timespec *)&io->offset, 0, 0);
		break;
	}
	io_uring_sqe_set_data(sqe, io);
	w->in_kernel++;
	count(&w->ios);
	return true;
}

static void prepare_cancels(struct worker *w)
{
	struct worker_watch_op *op;

	for (op = w->watches; op; op = op->next) {
		struct io_uring_sqe *sqe;

		if (!op->cancel || !op->in_kernel)
			continue;
		sqe = io_uring_get_sqe(&w->ring);
		if (!sqe)
			return;
		op->cancel = false;
		io_uring_prep_cancel64(
			sqe,
			(uintptr_t)op | (op->poll ? TAG_IGNORE : TAG_WATCH), 0);
		io_uring_sqe_set_data64(sqe, TAG_IGNORE);
	}
}

/* Move what was queued to the submission queue; true if something is left. */
static bool pump(struct worker *w)
{
	struct worker_io *io;

	prepare_cancels(w);
	while ((io = list_take(&w->watching))) {
		struct worker_watch_op *op = (struct worker_watch_op *)io;

		if (!op->watch) {
			watch_free(op);
		} else if (!prepare_watch(w, op)) {
			list_add(&w->watching, io);
			return true;
		}
	}
	while (w->queued.first && w->in_kernel < w->limit) {
		if (!prepare_io(w, w->queued.first))
			return true;
		list_take(&w->queued);
	}
	return false;
}

/* ---- the loop ---- */

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
	list_init(&w->finished);
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
		count(&w->system_calls);
		ret = io_uring_submit_and_wait(&w->ring, 1);
		count(&w->wakeups);
	} else {
		count(&w->system_calls);
		ret = io_uring_submit_and_get_events(&w->ring);
	}
	if (ret < 0 && ret != -EINTR && ret != -EBUSY && ret != -EAGAIN &&
	    ret != -ETIME)
		log_err(w->name, "io_uring_enter: %s", strerror(-ret));
}

static void stop_watches(struct worker *w)
{
	struct worker_watch_op *op;

	for (op = w->watches; op; op = op->next)
		if (op->watch)
			worker_unwatch(op->watch);
}

static bool finished(struct worker *w)
{
	if (!w->stopping || w->queued.first || w->finished.first)
		return false;
	return !w->watches && !w->in_kernel;
}

static void loop(struct worker *w)
{
	unsigned int rounds = 0;

	while (!finished(w)) {
		reap(w);
		hand_out(w);
		if (w->idle)
			w->idle(w->idle_arg);
		if (w->stopping)
			stop_watches(w);
		/* Busy with what needs no kernel: look at it now and then. */
		if (w->finished.first && ++rounds < WORKER_ROUNDS &&
		    !w->queued.first)
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
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK);
	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&w->thread, &attr, thread_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err)
		return -err;
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
	list_init(&w->queued);
	list_init(&w->watching);
	list_init(&w->finished);
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
	list_add(&w->finished, io);
}

/* ---- operations ---- */

void worker_readv(struct worker *w, struct worker_io *io, int fd,
		  const struct iovec *iov, unsigned int niov, uint64_t offset)
{
	io->op = OP_READV;
	io->fd = fd;
	io->iov = iov;
	io->niov = niov;
	io->offset = offset;
	list_add(&w->queued, io);
}

void worker_writev(struct worker *w, struct worker_io *io, int fd,
		   const struct iovec *iov, unsigned int niov, uint64_t offset,
		   int rw_flags)
{
	io->op = OP_WRITEV;
	io->fd = fd;
	io->iov = iov;
	io->niov = niov;
	io->offset = offset;
	io->flags = rw_flags;
	list_add(&w->queued, io);
}

void worker_fsync(struct worker *w, struct worker_io *io, int fd, int data_only)
{
	io->op = OP_FSYNC;
	io->fd = fd;
	io->flags = data_only ? IORING_FSYNC_DATASYNC : 0;
	list_add(&w->queued, io);
}

void worker_fallocate(struct worker *w, struct worker_io *io, int fd, int mode,
		      uint64_t offset, uint64_t len)
{
	io->op = OP_FALLOCATE;
	io->fd = fd;
	io->flags = mode;
	io->offset = offset;
	io->len = len;
	list_add(&w->queued, io);
}

void worker_timeout(struct worker *w, struct worker_io *io, uint64_t ns)
{
	_Static_assert(sizeof(struct __kernel_timespec) ==
				       2 * sizeof(uint64_t) &&
			       offsetof(struct worker_io, len) ==
				       offsetof(struct worker_io, offset) +
					       sizeof(uint64_t),
		       "offset and len serve as a timespec");
	io->op = OP_TIMEOUT;
	io->offset = ns / 1000000000u;
	io->len = ns % 1000000000u;
	list_add(&w->queued, io);
}
