// SPDX-License-Identifier: GPL-2.0
/*
 * A file or a block device as it is: requests.
 *
 * Short transfers are continued, which may happen at any multiple of a byte:
 * the rest goes on from there.  O_DIRECT wants aligned buffers, which a guest
 * need not give; requests that are not aligned go through a second, buffered
 * descriptor of the same file rather than through a bounce buffer (the kernel
 * keeps both views coherent), so no data is copied here in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
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

/* ---- reads and writes ---- */

static bool aligned(const struct raw *r, struct disk_req *req, uint64_t offset)
{
	uint64_t bits = 0;
	unsigned int i;

	for (i = 0; i < req->niov; i++)
		bits |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
	return !(bits & (r->align_mem - 1)) &&
	       !((offset | (req->len - to_state(req)->pos)) &
		 (r->align_offset - 1));
}

static void transfer(struct disk_req *req)
{
	struct raw *r = to_raw(req->disk);
	uint64_t offset = req->offset + to_state(req)->pos;
	unsigned int niov = req->niov < RAW_IOV_MAX ? req->niov : RAW_IOV_MAX;
	int fd = r->fd;

	if (r->buffered >= 0 && !aligned(r, req, offset))
		fd = r->buffered;
	if (req->op == DISK_READ)
		worker_readv(req->worker, &req->io, fd, req->iov, niov, offset);
	else
		worker_writev(req->worker, &req->io, fd, req->iov, niov, offset,
			      0);
}

/* All of it is written. */
static void written(struct disk_req *req)
{
	if (req->fua && req->op != DISK_READ)
		raw_sync(req);
	else
		req->done(req, 0);
}

static void iov_advance(struct disk_req *req, size_t n)
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

bool raw_again(struct raw_state *st, int res)
{
	return (res == -EINTR || res == -EAGAIN) && ++st->tries <= RAW_RETRIES;
}

static void transfer_done(struct worker_io *io, int res)
{
	struct disk_req *req = to_req(io);
	struct raw_state *st = to_state(req);

	if (res > 0 && (uint64_t)res <= req->len - st->pos) {
		st->pos += res;
		st->tries = 0;
		if (st->pos == req->len) {
			written(req);
			return;
		}
		iov_advance(req, res);
	} else if (!raw_again(st, res)) {
		/* 0: the file has shrunk under us. */
		req->done(req, res < 0 ? res : -EIO);
		return;
	}
	transfer(req);
}

/* ---- zeros, discards ---- */

/* Part of [pos, len) by pwritev of the one buffer of zeros. */
static void write_zeros(struct disk_req *req)
{
	struct raw *r = to_raw(req->disk);
	struct raw_state *st = to_state(req);
	uint64_t left = req->len - st->pos;
	unsigned int niov = left / ZEROS_SIZE < ZEROS_IOVS ? left / ZEROS_SIZE :
							     ZEROS_IOVS;
	int fd = r->buffered >= 0 ? r->buffered : r->fd;
	const struct iovec *iov = zeros_iov;

	if (!niov) {
		st->tail = (struct iovec){ zeros, left };
		iov = &st->tail;
		niov = 1;
	}
	worker_writev(req->worker, &req->io, fd, iov, niov,
		      req->offset + st->pos, 0);
}

static void zero(struct disk_req *req)
{
	struct raw_state *st = to_state(req);
	int mode = FALLOC_FL_KEEP_SIZE;

	if (st->way == ZERO_WRITE) {
		write_zeros(req);
		return;
	}
	mode |= st->way == ZERO_RANGE ? FALLOC_FL_ZERO_RANGE :
					FALLOC_FL_PUNCH_HOLE;
	worker_fallocate(req->worker, &req->io, to_raw(req->disk)->fd, mode,
			 req->offset, req->len);
}

static void zero_done(struct worker_io *io, int res)
{
	struct disk_req *req = to_req(io);
	struct raw *r = to_raw(req->disk);
	struct raw_state *st = to_state(req);

	if (!res && st->way != ZERO_WRITE) {
		written(req);
		return;
	}
	if (st->way == ZERO_WRITE && res > 0 &&
	    (uint64_t)res <= req->len - st->pos) {
		st->pos += res;
		st->tries = 0;
		if (st->pos == req->len) {
			written(req);
			return;
		}
	} else if (st->way != ZERO_WRITE && res == -EOPNOTSUPP) {
		st->way++;
		__atomic_store_n(&r->zero_way, st->way, __ATOMIC_RELAXED);
	} else if (!raw_again(st, res)) {
		req->done(req, st->way == ZERO_WRITE && !res ? -EIO : res);
		return;
	}
	zero(req);
}

static void discard(struct disk_req *req)
{
	worker_fallocate(req->worker, &req->io, to_raw(req->disk)->fd,
			 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			 req->offset, req->len);
}

static void discard_done(struct worker_io *io, int res)
{
	struct disk_req *req = to_req(io);

	if (!res)
		written(req);
	else if (raw_again(to_state(req), res))
		discard(req);
	else
		req->done(req, res);
}

void raw_submit(struct disk *d, struct worker *w, struct disk_req *req)
{
	struct raw_state *st = to_state(req);

	(void)w;
	memset(st, 0, sizeof(*st));
	switch (req->op) {
	case DISK_READ:
	case DISK_WRITE:
		req->io.done = transfer_done;
		transfer(req);
		break;
	case DISK_WRITE_ZEROES:
		st->way =
			__atomic_load_n(&to_raw(d)->zero_way, __ATOMIC_RELAXED);
		req->io.done = zero_done;
		zero(req);
		break;
	case DISK_DISCARD:
		req->io.done = discard_done;
		discard(req);
		break;
	case DISK_FLUSH:
		raw_sync(req);
		break;
	}
}
