/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread which serves one or more channels.  It sleeps in exactly one place,
 * an io_uring: channel signals (eventfds), calls from other threads,
 * ready sockets and finished disk I/O all arrive there, so that a busy channel costs one system
 * call per batch.
 *
 * Everything but worker_create/destroy/post/call/stats runs on the worker's
 * own thread.
 */
#ifndef UTIL_WORKER_H
#define UTIL_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct worker;
struct worker_io;

typedef void (*worker_fn)(void *arg);
/* `res` as in a completion queue entry: bytes or -errno. */
typedef void (*worker_io_fn)(struct worker_io *io, int res);

/*
 * One operation under way; embedded in the caller's request, kept until done.
 * The caller sets `done`; the rest is the worker's.  May be used again from
 * within done().
 */
struct worker_io {
	worker_io_fn done;
	struct worker_io *next;
	const struct iovec *iov;
	uint64_t offset, len;
	int fd, flags, res;
	unsigned int niov;
	uint8_t op;
};

struct worker_stats {
	uint64_t system_calls; /* io_uring_enter */
	uint64_t wakeups;      /* of the thread from sleep */
	uint64_t ios;
};

/*
 * `depth`: operations the kernel is given at once, 1 to 1024; more are kept
 * back until some have finished.  The name (15 bytes count) is the thread's.
 */
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
 * any more, the fd may be closed and *watch freed.  0 or -ENOMEM.
 */
struct worker_watch_op;

struct worker_watch {
	struct worker *worker;
	int fd;
	void (*fn)(struct worker_watch *watch, uint64_t count);
	struct worker_watch_op *op;
};
int worker_watch(struct worker *w, struct worker_watch *watch, int fd,
		 void (*fn)(struct worker_watch *watch, uint64_t count));
void worker_unwatch(struct worker_watch *watch);

/*
 * Wait until an fd of any kind is ready.  `events` are POLLIN, POLLOUT, ...;
 * nothing is asked for until worker_poll_arm(), which arms for one call of fn.
 *
 * Level-triggered: if the fd is ready when it is armed, fn is called in a later
 * turn of the loop.  So "read until -EAGAIN, then arm" loses no wakeup, and an fd
 * that is being read anyway costs nothing.  Arming costs no system call of its
 * own: it goes to the kernel with all else of the turn.  Armed already: nothing
 * changes.
 *
 * fn is told what is ready, or what the wakeup said could be (sockets say POLLPRI
 * together with POLLIN); POLLERR, POLLHUP and POLLNVAL may come unasked.
 * After worker_unpoll() it is not called any more, the fd may be closed and
 * *poll freed; the kernel lets go of the file itself at the end of the turn.
 * An fd that is closed without worker_unpoll() stays watched as the file that
 * it was.  0 or -ENOMEM.
 */
struct worker_poll {
	struct worker *worker;
	int fd;
	void (*fn)(struct worker_poll *poll, unsigned int events);
	struct worker_watch_op *op;
};
int worker_poll(struct worker *w, struct worker_poll *poll, int fd,
		unsigned int events,
		void (*fn)(struct worker_poll *poll, unsigned int events));
void worker_poll_arm(struct worker_poll *poll);
void worker_unpoll(struct worker_poll *poll);

/*
 * Called once per turn of the loop, after all completions of that turn have
 * been handed out and before the thread sleeps: the place to flush a ring.
 */
void worker_set_idle(struct worker *w, worker_fn fn, void *arg);
/*
 * True while operations of worker_complete() wait to be handed out: the idle
 * callback will run again before the thread sleeps.
 */
bool worker_pending(const struct worker *w);

/*
 * Finish `io` with `res` in this same turn of the loop, with no system call,
 * but not before the caller has returned: for what needs no waiting.
 */
void worker_complete(struct worker *w, struct worker_io *io, int res);

/*
 * Queue an operation; it is submitted at the end of the turn, together with all
 * others of the turn.  The iovec array (at most 1024) must stay until `done`,
 * which is called in any case.
 */
void worker_readv(struct worker *w, struct worker_io *io, int fd,
		  const struct iovec *iov, unsigned int niov, uint64_t offset);
void worker_writev(struct worker *w, struct worker_io *io, int fd,
		   const struct iovec *iov, unsigned int niov, uint64_t offset,
		   int rw_flags); /* RWF_DSYNC for FUA */
/* As fdatasync(2), of these bytes only; all of them with offset and len 0. */
void worker_fdatasync(struct worker *w, struct worker_io *io, int fd,
		      uint64_t offset, uint32_t len);
void worker_fallocate(struct worker *w, struct worker_io *io, int fd, int mode,
		      uint64_t offset, uint64_t len);
void worker_timeout(struct worker *w, struct worker_io *io, uint64_t ns);

#endif
