// SPDX-License-Identifier: GPL-2.0
/*
 * Watches.  Of an eventfd: a read which is queued anew each time it has ended.
 * Of any fd's readiness: a poll which is queued when its owner arms it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "worker_var.h"

enum watch_place {
	PLACE_IDLE,   /* a poll that is not armed */
	PLACE_QUEUED, /* in worker.watching */
	PLACE_KERNEL,
};

/*
 * Outlives its watch or poll until the kernel has let go of it; without both it
 * is dropped, and freed as soon as it comes back.
 */
struct worker_watch_op {
	struct worker_io io;
	struct worker_watch *watch;
	struct worker_poll *poll;
	struct worker *worker;
	struct worker_watch_op *next, **link;
	uint64_t count;
	unsigned int events;
	enum watch_place place;
	bool wait_first; /* an eventfd that is non-blocking */
	bool cancel;	 /* a cancellation is to be submitted */
};

static struct worker_watch_op *op_create(struct worker *w, int fd)
{
	struct worker_watch_op *op = calloc(1, sizeof(*op));

	if (!op)
		return NULL;
	op->io.fd = fd;
	op->worker = w;
	op->next = w->watches;
	op->link = &w->watches;
	if (op->next)
		op->next->link = &op->next;
	w->watches = op;
	return op;
}

static void op_free(struct worker_watch_op *op)
{
	*op->link = op->next;
	if (op->next)
		op->next->link = op->link;
	free(op);
}

static void op_queue(struct worker_watch_op *op)
{
	op->place = PLACE_QUEUED;
	io_list_add(&op->worker->watching, &op->io);
}

static bool op_dropped(const struct worker_watch_op *op)
{
	return !op->watch && !op->poll;
}

static void op_drop(struct worker_watch_op *op)
{
	op->watch = NULL;
	op->poll = NULL;
	op->cancel = true;
	if (op->place == PLACE_IDLE)
		op_free(op);
}

/* A cancellation that is on its way refers to op by its address only. */
static bool op_came_back(struct worker_watch_op *op)
{
	op->place = PLACE_IDLE;
	if (!op_dropped(op))
		return true;
	op_free(op);
	return false;
}

/* ---- eventfds ---- */

static void watch_done(struct worker_io *io, int res)
{
	struct worker_watch_op *op = (struct worker_watch_op *)io;

	if (!op_came_back(op))
		return;
	if (res == sizeof(op->count)) {
		/* Queued first: a drop from within finds it there. */
		op_queue(op);
		op->watch->fn(op->watch, op->count);
		return;
	}
	if (res != -EINTR && res != -EAGAIN && res != -ECANCELED) {
		log_err(op->worker->name, "eventfd %d: %s: no longer watched",
			io->fd, res < 0 ? strerror(-res) : "short read");
		op->watch->op = NULL;
		op_free(op);
		return;
	}
	op_queue(op);
}

int worker_watch(struct worker *w, struct worker_watch *watch, int fd,
		 void (*fn)(struct worker_watch *watch, uint64_t count))
{
	struct worker_watch_op *op = op_create(w, fd);
	int flags = fcntl(fd, F_GETFL);

	if (!op)
		return -ENOMEM;
	op->io.done = watch_done;
	op->watch = watch;
	op->wait_first = flags >= 0 && (flags & O_NONBLOCK);
	watch->worker = w;
	watch->fd = fd;
	watch->fn = fn;
	watch->op = op;
	op_queue(op);
	return 0;
}

void worker_unwatch(struct worker_watch *watch)
{
	struct worker_watch_op *op = watch->op;

	if (!op)
		return;
	watch->op = NULL;
	op_drop(op);
}

/* ---- readiness ---- */

static void poll_done(struct worker_io *io, int res)
{
	struct worker_watch_op *op = (struct worker_watch_op *)io;

	if (!op_came_back(op))
		return;
	if (res == -EINTR || res == -EAGAIN || res == -ECANCELED)
		op_queue(op);
	else if (res >= 0)
		op->poll->fn(op->poll, res);
	else
		op->poll->fn(op->poll, res == -EBADF ? POLLNVAL : POLLERR);
}

int worker_poll(struct worker *w, struct worker_poll *poll, int fd,
		unsigned int events,
		void (*fn)(struct worker_poll *poll, unsigned int events))
{
	struct worker_watch_op *op = op_create(w, fd);

	if (!op)
		return -ENOMEM;
	op->io.done = poll_done;
	op->poll = poll;
	op->events = events;
	poll->worker = w;
	poll->fd = fd;
	poll->fn = fn;
	poll->op = op;
	return 0;
}

void worker_poll_arm(struct worker_poll *poll)
{
	if (poll->op && poll->op->place == PLACE_IDLE)
		op_queue(poll->op);
}

void worker_unpoll(struct worker_poll *poll)
{
	struct worker_watch_op *op = poll->op;

	if (!op)
		return;
	poll->op = NULL;
	op_drop(op);
}

/* ---- to the kernel ---- */

static bool prepare_poll(struct worker *w, struct worker_watch_op *op)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);

	if (!sqe)
		return false;
	io_uring_prep_poll_add(sqe, op->io.fd, op->events);
	io_uring_sqe_set_data64(sqe, (uintptr_t)op | TAG_WATCH);
	return true;
}

static bool prepare_read(struct worker *w, struct worker_watch_op *op)
{
	struct io_uring_sqe *sqe;

	if (op->wait_first) {
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
	return true;
}

static bool prepare_cancels(struct worker *w)
{
	struct worker_watch_op *op;

	for (op = w->watches; op; op = op->next) {
		struct io_uring_sqe *sqe;

		if (!op->cancel || op->place != PLACE_KERNEL)
			continue;
		sqe = io_uring_get_sqe(&w->ring);
		if (!sqe)
			return false;
		op->cancel = false;
		io_uring_prep_cancel64(sqe,
				       (uintptr_t)op |
					       (op->wait_first ? TAG_IGNORE :
								 TAG_WATCH),
				       0);
		io_uring_sqe_set_data64(sqe, TAG_IGNORE);
	}
	return true;
}

bool worker_prepare_watches(struct worker *w)
{
	struct worker_io *io;

	if (!prepare_cancels(w))
		return false;
	while ((io = io_list_take(&w->watching))) {
		struct worker_watch_op *op = (struct worker_watch_op *)io;

		if (op_dropped(op)) {
			op_free(op);
		} else if (op->events ? prepare_poll(w, op) :
					prepare_read(w, op)) {
			op->place = PLACE_KERNEL;
		} else {
			io_list_add(&w->watching, io);
			return false;
		}
	}
	return true;
}

void worker_stop_watches(struct worker *w)
{
	struct worker_watch_op *op, *next;

	for (op = w->watches; op; op = next) {
		next = op->next;
		if (op->watch)
			worker_unwatch(op->watch);
		else if (op->poll)
			worker_unpoll(op->poll);
	}
}
