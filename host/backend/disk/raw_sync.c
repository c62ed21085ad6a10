// SPDX-License-Identifier: GPL-2.0
/*
 * Flushes, and the second half of forced writes.
 *
 * Linux tells an error of write-back once for each open file description, to
 * whoever syncs it first, and takes the pages for clean from then on.  So
 * nobody else may sync this description (no RWF_DSYNC either), no two may do
 * so at a time, and what was told once is remembered here: data that a write
 * was told are on the disk may be lost, and no later flush brings them back.
 *
 * One fdatasync is under way at a time, on behalf of all that waited when it
 * began.  The first of them is its leader, and lends it its worker and its
 * worker_io; the others, which may be other workers', hear of it by
 * worker_post().
 */
#include <errno.h>
#include <string.h>

#include "raw_var.h"
#include "util/log.h"

void raw_sync_init(struct raw *r)
{
	pthread_mutex_init(&r->sync.lock, NULL);
	r->sync.last = &r->sync.first;
}

void raw_sync_destroy(struct raw *r)
{
	pthread_mutex_destroy(&r->sync.lock);
}

int raw_lost(const struct disk *d)
{
	return __atomic_load_n(&((const struct raw *)d)->sync.lost,
			       __ATOMIC_RELAXED);
}

/* Told once for each disk: what the child does can't bring more of this. */
static void lose(struct raw *r, int err)
{
	int none = 0;

	__atomic_add_fetch(&r->sync.failures, 1, __ATOMIC_RELAXED);
	if (__atomic_compare_exchange_n(&r->sync.lost, &none, err, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		log_err("disk",
			"%s: write-back failed: %s: data that the child wrote "
			"may be lost; its flushes fail until the disk is "
			"removed and added again",
			r->disk.path, strerror(-err));
}

/*
 * What a child is told, and what is remembered.  Whatever the error is: a device may
 * have called the write-back itself invalid, or not supported.
 */
static int outcome(struct raw *r, int res)
{
	if (!res)
		return 0;
	/* Whatever else it is, trying again would not help. */
	if (res != -ENOSPC && res != -EDQUOT)
		res = -EIO;
	lose(r, res);
	return res;
}

static unsigned int failures(const struct raw *r)
{
	return __atomic_load_n(&r->sync.failures, __ATOMIC_RELAXED);
}

void raw_sync_begin(struct disk_req *req)
{
	to_state(req)->failures = failures(to_raw(req->disk));
}

/*
 * What a forced write has changed may have been written back, in vain, before its
 * own sync: then that of somebody else was told, and to its own all is clean.
 */
static void finish(void *arg)
{
	struct disk_req *req = arg;
	const struct raw_state *st = to_state(req);
	int err = st->synced;

	if (!err && (req->op == DISK_FLUSH ||
		     st->failures != failures(to_raw(req->disk))))
		err = raw_lost(req->disk);
	req->done(req, err);
}

static void sync_start(struct disk_req *leader)
{
	struct raw *r = to_raw(leader->disk);
	uint64_t from = UINT64_MAX, to = 0;
	struct disk_req *req;

	for (req = leader; req; req = to_state(req)->next) {
		const struct raw_state *st = to_state(req);

		if (!st->to) {
			from = to = 0;
			break;
		}
		from = st->from < from ? st->from : from;
		to = st->to > to ? st->to : to;
	}
	/* The length of a range has 32 bits. */
	if (to - from > UINT32_MAX)
		from = to = 0;
	worker_fdatasync(leader->worker, &leader->io, r->fd, from, to - from);
}

/* The leader's worker: all that wait by now are its group. */
static void lead(void *arg)
{
	struct disk_req *leader = arg;
	struct raw_sync *s = &to_raw(leader->disk)->sync;

	pthread_mutex_lock(&s->lock);
	s->first = NULL;
	s->last = &s->first;
	pthread_mutex_unlock(&s->lock);
	sync_start(leader);
}

static void sync_done(struct worker_io *io, int res)
{
	struct disk_req *leader = to_req(io), *next, *req;
	struct raw *r = to_raw(leader->disk);
	struct worker *here = leader->worker;

	if (raw_again(to_state(leader), res)) {
		sync_start(leader);
		return;
	}
	res = outcome(r, res);
	pthread_mutex_lock(&r->sync.lock);
	next = r->sync.first;
	r->sync.busy = next;
	pthread_mutex_unlock(&r->sync.lock);
	/* Before the disk can be closed, which waits for its requests. */
	if (next)
		raw_run_on(next, here, lead);
	for (req = leader; req; req = next) {
		next = to_state(req)->next;
		to_state(req)->synced = res;
		raw_run_on(req, here, finish);
	}
}

void raw_sync(struct disk_req *req)
{
	struct raw_sync *s = &to_raw(req->disk)->sync;
	struct raw_state *st = to_state(req);
	bool busy;

	if (req->op != DISK_FLUSH) {
		st->from = req->offset;
		st->to = req->offset + req->len;
	}
	st->tries = 0;
	st->next = NULL;
	req->io.done = sync_done;
	pthread_mutex_lock(&s->lock);
	*s->last = req;
	s->last = &st->next;
	busy = s->busy;
	s->busy = true;
	pthread_mutex_unlock(&s->lock);
	if (!busy)
		lead(req);
}
