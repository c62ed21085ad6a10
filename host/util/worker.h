/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread which serves one or more channels.  It sleeps in exactly one place,
 * an io_uring: channel signals (eventfds), calls from other threads and
 * finished disk I/O all arrive there, so that a busy channel costs one system
 * call per batch.
 *
 * Everything but worker_create/destroy/post/call/stats runs on the worker's
 * own thread.
 */
#ifndef UTIL_WORKER_H
#define UTIL_WORKER_H

#include <stdint.h>
#include <sys/uio.h>

struct worker;
struct worker_io;

typedef void (*worker_fn)(void *arg);
/* `res` as in a completion queue entry: bytes or -errno. */
typedef void (*worker_io_fn)(struct worker_io *io, int res);

/* One operation under way; embedded in the caller's request, kept until done. */
struct worker_io {
	worker_io_fn done;
};

struct worker_stats {
	uint64_t system_calls;	/* io_uring_enter */
	uint64_t wakeups;	/* of the thread from sleep */
	uint64_t ios;
};

int worker_create(const char *name, unsigned int depth, struct worker **out);
/* Waits until every operation under way is done, then ends the thread. */
void worker_destroy(struct worker *w);

/* Any thread: run fn(arg) on the worker; worker_call() waits for it to return
 * (never call it from the worker itself). */
int worker_post(struct worker *w, worker_fn fn, void *arg);
int worker_call(struct worker *w, worker_fn fn, void *arg);
void worker_get_stats(struct worker *w, struct worker_stats *out);

/*
 * Watch an eventfd: fn is called with the count that was read from it.  The
 * watch re-arms itself until worker_unwatch(), after which fn is not called
 * any more and the fd may be closed.
 */
struct worker_watch {
	struct worker_io io;
	struct worker *worker;
	int fd;
	uint64_t count;
	void (*fn)(struct worker_watch *watch, uint64_t count);
	int armed;
};
int worker_watch(struct worker *w, struct worker_watch *watch, int fd,
		 void (*fn)(struct worker_watch *watch, uint64_t count));
void worker_unwatch(struct worker_watch *watch);

/*
 * Called once per turn of the loop, after all completions of that turn have
 * been handed out and before the thread sleeps: the place to flush a ring.
 */
void worker_set_idle(struct worker *w, worker_fn fn, void *arg);

/*
 * Queue an operation; it is submitted with the next turn of the loop.  The
 * iovec array must stay until `done`.  0 or -errno (then done is not called).
 */
int worker_readv(struct worker *w, struct worker_io *io, int fd,
		 const struct iovec *iov, unsigned int niov, uint64_t offset);
int worker_writev(struct worker *w, struct worker_io *io, int fd,
		  const struct iovec *iov, unsigned int niov, uint64_t offset,
		  int rw_flags);	/* RWF_DSYNC for FUA */
int worker_fsync(struct worker *w, struct worker_io *io, int fd, int data_only);
int worker_fallocate(struct worker *w, struct worker_io *io, int fd, int mode,
		     uint64_t offset, uint64_t len);
int worker_timeout(struct worker *w, struct worker_io *io, uint64_t ns);

#endif
