// SPDX-License-Identifier: GPL-2.0
/*
 * A file or a block device as it is: requests.
 *
 * Short transfers are continued, which may happen at any multiple of a byte:
 * the rest goes on from there.
 *
 * With direct=on nothing of this touches the page cache: when one page is used
 * both ways at a time, the kernel may fail either with EIO, or keep stale data.
 * O_DIRECT wants buffers and offsets aligned, which a guest need not give; such
 * requests are copied (raw_bounce.c).  A hole whose edge lies within a block of
 * the file system would be zeroed there in the page cache, so edges are written.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sched.h>
#include <string.h>

#include "raw_var.h"

#define RAW_IOV_MAX 1024u /* UIO_MAXIOV */
#define RAW_RETRIES 100	  /* -EAGAIN with no progress in between */
#define ZEROS_SIZE  65536u
#define ZEROS_IOVS  16u

static char zeros[ZEROS_SIZE] __attribute__((aligned(4096)));
static const struct iovec zeros_iov[ZEROS_IOVS] = {
	[0 ... ZEROS_IOVS - 1] = { zeros, ZEROS_SIZE },
};

void raw_run_on(struct disk_req *req, const struct worker *here, worker_fn fn)
{
	if (req->worker == here) {
		fn(req);
		return;
	}
	/* Out of memory: what is to be done there must not get lost. */
	while (worker_post(req->worker, fn, req))
		sched_yield();
}

bool raw_again(struct raw_state *st, int res)
{
	return (res == -EINTR || res == -EAGAIN) && ++st->tries <= RAW_RETRIES;
}

static void finish(struct disk_req *req, int err)
{
	raw_range_drop(req);
	if (!err && req->fua && req->op != DISK_READ)
		raw_sync(req);
	else
		req->done(req, err);
}

/* A piece is done, or it failed: the next one, if there is one. */
static void bounced(struct disk_req *req, int err);

/* ---- reads and writes ---- */

/* Always so without direct=on. */
static bool aligned(const struct raw *r, struct disk_req *req)
{
	uint64_t pos = to_state(req)->pos, bits = 0;
	unsigned int i;

	if (!r->direct)
		return true;
	for (i = 0; i < req->niov; i++)
		bits |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
	return !(bits & (r->align_mem - 1)) &&
	       !(((req->offset + pos) | (req->len - pos)) &
		 (r->align_offset - 1));
}

static void transfer_done(struct worker_io *io, int res);

static void transfer(struct disk_req *req)
{
	struct raw *r = to_raw(req->disk);
	uint64_t offset = req->offset + to_state(req)->pos;
	unsigned int niov = req->niov < RAW_IOV_MAX ? req->niov : RAW_IOV_MAX;

	if (!aligned(r, req)) {
		raw_bounce(req, req->len, bounced);
		return;
	}
	req->io.done = transfer_done;
	if (req->op == DISK_READ)
		worker_readv(req->worker, &req->io, r->fd, req->iov, niov,
			     offset);
	else
		worker_writev(req->worker, &req->io, r->fd, req->iov, niov,
			      offset, 0);
}

void raw_iov_advance(struct disk_req *req, size_t n)
{
	while (req->niov && n >= req->iov->iov_len) {
		n -= req->iov->iov_len;
		req->iov++;
		req->niov--;
	}
	if (req->niov && n) {
		req->iov->iov_base = (char *)req->iov->iov_base + n;
		req->iov->iov_len -= n;
	}
}

static void transfer_done(struct worker_io *io, int res)
{
	struct disk_req *req = to_req(io);
	struct raw_state *st = to_state(req);

	if (res > 0 && (uint64_t)res <= req->len - st->pos) {
		st->pos += res;
		st->tries = 0;
		if (st->pos == req->len) {
			finish(req, 0);
			return;
		}
		raw_iov_advance(req, res);
	} else if (!raw_again(st, res)) {
		/* 0: the file has shrunk under us. */
		finish(req, res < 0 ? res : -EIO);
		return;
	}
	transfer(req);
}

/* ---- zeros, discards ---- */

/* The length of part of what is left, by pwritev of the one buffer of zeros. */
static void write_zeros(struct disk_req *req, uint64_t left)
{
	struct raw *r = to_raw(req->disk);
	struct raw_state *st = to_state(req);
	unsigned int niov = left / ZEROS_SIZE < ZEROS_IOVS ? left / ZEROS_SIZE :
							     ZEROS_IOVS;
	const struct iovec *iov = zeros_iov;

	if (!niov) {
		st->tail = (struct iovec){ zeros, left };
		iov = &st->tail;
		niov = 1;
	}
	worker_writev(req->worker, &req->io, r->fd, iov, niov,
		      req->offset + st->pos, 0);
}

/* Zeros begin and end there without the page cache: the file system's blocks. */
static uint32_t zero_unit(const struct raw *r, unsigned int way)
{
	if (!r->direct)
		return 1;
	return way == ZERO_WRITE ? r->align_offset : r->align_hole;
}

static void zero_done(struct worker_io *io, int res);

static void zero(struct disk_req *req)
{
	struct raw *r = to_raw(req->disk);
	struct raw_state *st = to_state(req);
	uint64_t at = req->offset + st->pos, left = req->len - st->pos;
	uint32_t unit = zero_unit(r, st->way), into = at & (unit - 1);
	int mode = FALLOC_FL_KEEP_SIZE;

	if (into || left < unit) {
		raw_bounce(req,
			   st->pos + (left < unit - into ? left : unit - into),
			   bounced);
		return;
	}
	left &= ~(uint64_t)(unit - 1);
	req->io.done = zero_done;
	if (st->way == ZERO_WRITE) {
		write_zeros(req, left);
		return;
	}
	mode |= st->way == ZERO_RANGE ? FALLOC_FL_ZERO_RANGE :
					FALLOC_FL_PUNCH_HOLE;
	worker_fallocate(req->worker, &req->io, r->fd, mode, at, left);
}

static void zero_done(struct worker_io *io, int res)
{
	struct disk_req *req = to_req(io);
	struct raw *r = to_raw(req->disk);
	struct raw_state *st = to_state(req);
	/* All or nothing, unless they are written. */
	int n = st->way == ZERO_WRITE ? res : 0;

	if (st->way != ZERO_WRITE && !res) {
		st->pos += io->len;
	} else if (n > 0 && (uint64_t)n <= req->len - st->pos) {
		st->pos += n;
		st->tries = 0;
	} else if (st->way != ZERO_WRITE && res == -EOPNOTSUPP &&
		   req->op == DISK_WRITE_ZEROES) {
		st->way++;
		__atomic_store_n(&r->zero_way, st->way, __ATOMIC_RELAXED);
	} else if (!raw_again(st, res)) {
		finish(req, res ? res : -EIO);
		return;
	}
	bounced(req, 0);
}

/* ---- beginning, going on ---- */

static void proceed(void *arg)
{
	struct disk_req *req = arg;

	if (req->op == DISK_READ || req->op == DISK_WRITE)
		transfer(req);
	else
		zero(req);
}

static void bounced(struct disk_req *req, int err)
{
	if (err || to_state(req)->pos == req->len)
		finish(req, err);
	else
		proceed(req);
}

/* Does it change a part of a block, so that it must read it first? */
static bool partial(const struct raw *r, struct disk_req *req)
{
	uint32_t unit = zero_unit(r, to_state(req)->way);

	if (req->op == DISK_WRITE)
		return !aligned(r, req);
	return (req->offset | req->len) & (unit - 1);
}

void raw_submit(struct disk *d, struct worker *w, struct disk_req *req)
{
	struct raw *r = to_raw(d);
	struct raw_state *st = to_state(req);

	(void)w;
	memset(st, 0, sizeof(*st));
	if (req->op == DISK_FLUSH) {
		raw_sync(req);
		return;
	}
	raw_sync_begin(req);
	/* How a discard is done; zeros have more ways. */
	st->way = ZERO_PUNCH;
	if (req->op == DISK_WRITE_ZEROES)
		st->way = __atomic_load_n(&r->zero_way, __ATOMIC_RELAXED);
	if (!r->direct || req->op == DISK_READ ||
	    raw_range_take(req, partial(r, req), proceed))
		proceed(req);
}
