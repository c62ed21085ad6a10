// SPDX-License-Identifier: GPL-2.0
/*
 * Watches of eventfds: a read which is queued anew each time it has ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "worker_var.h"

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

static void watch_free(struct worker_watch_op *op)
{
	*op->link = op->next;
	if (op->next)
		op->next->link = op->link;
	free(op);
}

/* A cancellation that is on its way refers to op by its address only. */
static bool watch_dropped(struct worker_watch_op *op)
{
	if (op->watch)
		return false;
	watch_free(op);
	return true;
}

static void watch_done(struct worker_io *io, int res)
{
	struct worker_watch_op *op = (struct worker_watch_op *)io;
	struct worker *w = op->worker;

	op->in_kernel = false;
	if (watch_dropped(op))
		return;
	if (res == sizeof(op->count)) {
		op->watch->fn(op->watch, op->count);
		if (watch_dropped(op))
			return;
	} else if (res != -EINTR && res != -EAGAIN && res != -ECANCELED) {
		log_err(w->name, "eventfd %d: %s: no longer watched", io->fd,
			res < 0 ? strerror(-res) : "short read");
		op->watch->op = NULL;
		watch_free(op);
		return;
	}
	io_list_add(&w->watching, io);
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
	io_list_add(&w->watching, &op->io);
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

bool worker_prepare_watches(struct worker *w)
{
	struct worker_io *io;

	prepare_cancels(w);
	while ((io = io_list_take(&w->watching))) {
		struct worker_watch_op *op = (struct worker_watch_op *)io;

		if (!op->watch) {
			watch_free(op);
		} else if (!prepare_watch(w, op)) {
			io_list_add(&w->watching, io);
			return false;
		}
	}
	return true;
}

void worker_stop_watches(struct worker *w)
{
	struct worker_watch_op *op;

	for (op = w->watches; op; op = op->next)
		if (op->watch)
			worker_unwatch(op->watch);
}
