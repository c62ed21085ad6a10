/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the raw format share:
 *
 *   raw.c       opens and describes
 *   raw_io.c    serves requests
 *   raw_sync.c  makes durable, and remembers what could not be made so
 */
#ifndef BACKEND_RAW_VAR_H
#define BACKEND_RAW_VAR_H

#include <pthread.h>

#include "disk_var.h"

/* How zeros are written, best first; a file that refuses one gets the next. */
enum zero_way { ZERO_RANGE, ZERO_PUNCH, ZERO_WRITE };

/* Who waits for the next fdatasync; see raw_sync.c. */
struct raw_sync {
	pthread_mutex_t lock; /* first, last, busy */
	struct disk_req *first, **last;
	bool busy; /* one is under way, or about to be */
	int lost;  /* atomic: see disk_lost() */
};

struct raw {
	struct disk disk;
	int fd;
	int buffered; /* second descriptor, or -1: `fd` is buffered */
	uint32_t align_mem, align_offset;
	bool block_device;
	enum zero_way zero_way; /* any worker, atomic */
	struct raw_sync sync;
};

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

/* Is it worth trying once more after `res`? */
bool raw_again(struct raw_state *st, int res);

void raw_sync_init(struct raw *r);
void raw_sync_destroy(struct raw *r);
/*
 * The request's worker: have all that was written before (a flush), or what
 * the request has changed, made durable; then the request is done.
 */
void raw_sync(struct disk_req *req);

/* See disk_ops. */
int raw_lost(const struct disk *d);
void raw_submit(struct disk *d, struct worker *w, struct disk_req *req);

#endif
