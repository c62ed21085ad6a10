/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the raw format share:
 *
 *   raw.c       opens and describes
 *   raw_io.c    serves requests
 *   raw_sync.c  makes durable, and remembers what could not be made so
 *
 * and with direct=on:
 *
 *   raw_bounce.c  what is not aligned, by way of memory that is
 *   raw_range.c   keeps others from blocks that are changed in part
 */
#ifndef BACKEND_RAW_VAR_H
#define BACKEND_RAW_VAR_H

#include <pthread.h>
#include <sys/queue.h>

#include "disk_var.h"

/* How zeros are written, best first; a file that refuses one gets the next. */
enum zero_way { ZERO_RANGE, ZERO_PUNCH, ZERO_WRITE };

/* Who waits for the next fdatasync; see raw_sync.c. */
struct raw_sync {
	pthread_mutex_t lock; /* first, last, busy */
	struct disk_req *first, **last;
	bool busy;	       /* one is under way, or about to be */
	int lost;	       /* atomic: see disk_lost() */
	unsigned int failures; /* atomic: how often a sync told of one */
};

/* Bytes that a request changes; see raw_range.c. */
struct raw_range {
	TAILQ_ENTRY(raw_range) link;
	uint64_t from, to; /* whole blocks of direct I/O */
	bool alone, held;
	worker_fn go; /* of one that waits */
};

struct raw_ranges {
	pthread_mutex_t lock; /* all here, and the ranges in the lists */
	TAILQ_HEAD(raw_range_list, raw_range) held, waiting;
	unsigned int alone; /* of `held` */
};

struct raw {
	struct disk disk;
	int fd;
	bool direct;
	/* Of direct I/O, in bytes, powers of 2; a hole's edges for files. */
	uint32_t align_mem, align_offset, align_hole;
	bool block_device;
	enum zero_way zero_way; /* any worker, atomic */
	uint64_t bouncing;	/* likewise: bytes of raw_bounce.c's buffers */
	struct raw_sync sync;
	struct raw_ranges ranges;
};

struct raw_bounce;

/* In struct disk_req.private. */
struct raw_state {
	uint64_t pos; /* bytes that are done */
	uint32_t tries;
	uint32_t way;	   /* enum zero_way in use */
	struct iovec tail; /* of written zeros */
	/* raw_sync.c */
	struct disk_req *next; /* that waits, or is of the same fdatasync */
	uint64_t from, to;     /* to be made durable; 0 to 0: all */
	int synced;	       /* what came of it */
	unsigned int failures; /* of raw_sync, when the request began */
	struct raw_range range;
	struct raw_bounce *bounce; /* raw_bounce.c */
	void (*bounced)(struct disk_req *req, int err);
};
_Static_assert(sizeof(struct raw_state) <=
		       sizeof(((struct disk_req *)0)->private),
	       "private");

static inline struct raw *to_raw(struct disk *d)
{
	return (struct raw *)d;
}

static inline struct raw_state *to_state(struct disk_req *req)
{
	return (struct raw_state *)req->private;
}

static inline struct disk_req *to_req(struct worker_io *io)
{
	return (struct disk_req *)((char *)io - offsetof(struct disk_req, io));
}

/* fn(req) on the request's worker; `here` is that of the caller. */
void raw_run_on(struct disk_req *req, const struct worker *here, worker_fn fn);

/* Is it worth trying once more after `res`? */
bool raw_again(struct raw_state *st, int res);

void raw_sync_init(struct raw *r);
void raw_sync_destroy(struct raw *r);
/* Before the request changes anything. */
void raw_sync_begin(struct disk_req *req);
/*
 * The request's worker: have all that was written before (a flush), or what
 * the request has changed, made durable; then the request is done.
 */
void raw_sync(struct disk_req *req);

void raw_ranges_init(struct raw *r);
void raw_ranges_destroy(struct raw *r);
/*
 * The request's worker: keep the blocks of [offset, offset + len) from those who
 * want them alone, or from everybody else.  False: that must wait, and go(req)
 * is called by the same worker when it need not any more.
 */
bool raw_range_take(struct disk_req *req, bool alone, worker_fn go);
/* If there is one. */
void raw_range_drop(struct disk_req *req);

/*
 * Read, write or zero from st->pos on by way of a buffer: as much as that takes,
 * and not beyond byte `limit` of the request.  `next` is called when st->pos and
 * the request's iovecs have moved on, or with -errno.
 */
void raw_bounce(struct disk_req *req, uint64_t limit,
		void (*next)(struct disk_req *req, int err));
/* Let go of the first n bytes of the request's iovecs. */
void raw_iov_advance(struct disk_req *req, size_t n);

/* See disk_ops. */
int raw_lost(const struct disk *d);
void raw_submit(struct disk *d, struct worker *w, struct disk_req *req);

#endif
