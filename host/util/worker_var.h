/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the worker share: worker.c has the thread and its loop,
 * worker_io.c the operations, worker_watch.c eventfds and readiness.
 */
#ifndef UTIL_WORKER_VAR_H
#define UTIL_WORKER_VAR_H

#include <liburing.h>
#include <pthread.h>
#include <semaphore.h>

#include "log.h"
#include "worker.h"

/* Low bits of a completion's user data, which else is a struct worker_io. */
#define TAG_IGNORE 1ul /* the poll before a watch's read; a cancellation */
#define TAG_WATCH  2ul
#define TAGS	   3ul

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
	struct io_list watching; /* likewise, reads and polls of watches */
	struct io_list finished; /* wait to be handed out */
	struct worker_watch_op *watches;
	unsigned int limit;	/* operations in the kernel at once */
	unsigned int in_kernel; /* of them, watches not counted */
	bool stopping;
	int error; /* of set-up */
	char name[16];
	struct log_limit errors;
	pthread_t thread;
	sem_t ready;
	/* Written by the worker, read by anyone. */
	uint64_t system_calls, wakeups, ios;
};

/* Called with in-kernel bounds observed; false: the submission queue is full. */
bool worker_prepare_io(struct worker *w, struct worker_io *io);
/* What watches wait for, and cancellations; false as above. */
bool worker_prepare_watches(struct worker *w);
void worker_stop_watches(struct worker *w);

static inline void io_list_init(struct io_list *list)
{
	list->first = NULL;
	list->last = &list->first;
}

static inline void io_list_add(struct io_list *list, struct worker_io *io)
{
	io->next = NULL;
	*list->last = io;
	list->last = &io->next;
}

static inline struct worker_io *io_list_take(struct io_list *list)
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
static inline void worker_count(uint64_t *counter)
{
	__atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

#endif
