// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that O_DIRECT does not take as they are, piece by piece by way of a
 * buffer that it takes.  A block that changes in part is read first; its range
 * is held alone until it is written back (raw_range.c).  The pieces are small where
 * there are many requests of a disk at a time, as a child may have thousands.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "raw_var.h"

/* One piece, at most; larger blocks count as well. */
#define BOUNCE_SIZE  65536u
#define BOUNCE_SMALL 16384u
#define BOUNCE_ALL   (4u << 20) /* of one disk, beyond which they are small */
#define BOUNCE_ALIGN 4096u

struct raw_bounce {
	char *buf;
	uint64_t at; /* in the file; a whole number of blocks, as is `len` */
	uint32_t len;
	uint32_t skip; /* before what is the request's, */
	uint32_t take; /* of which there is so much */
	uint32_t moved;
	bool writing;
	struct iovec iov;
};

static void end(struct disk_req *req, int err)
{
	struct raw_bounce *b = to_state(req)->bounce;

	__atomic_fetch_sub(&to_raw(req->disk)->bouncing, b->len,
			   __ATOMIC_RELAXED);
	free(b->buf);
	free(b);
	to_state(req)->bounced(req, err);
}

/* Between the buffer and the child's memory. */
static void copy(struct disk_req *req, struct raw_bounce *b)
{
	char *at = b->buf + b->skip;
	uint32_t left = b->take;
	unsigned int i;

	if (req->op != DISK_READ && req->op != DISK_WRITE) {
		memset(at, 0, left);
		return;
	}
	for (i = 0; left; i++) {
		const struct iovec *v = &req->iov[i];
		uint32_t n = v->iov_len < left ? v->iov_len : left;

		if (req->op == DISK_READ)
			memcpy(v->iov_base, at, n);
		else
			memcpy(at, v->iov_base, n);
		at += n;
		left -= n;
	}
	req->copied += b->take;
}

static void go(struct disk_req *req)
{
	struct raw_bounce *b = to_state(req)->bounce;
	int fd = to_raw(req->disk)->fd;

	b->iov = (struct iovec){ b->buf + b->moved, b->len - b->moved };
	if (b->writing)
		worker_writev(req->worker, &req->io, fd, &b->iov, 1,
			      b->at + b->moved, 0);
	else
		worker_readv(req->worker, &req->io, fd, &b->iov, 1,
			     b->at + b->moved);
}

static void moved(struct disk_req *req)
{
	struct raw_state *st = to_state(req);
	struct raw_bounce *b = st->bounce;

	if (req->op != DISK_READ && !b->writing) {
		copy(req, b);
		b->writing = true;
		b->moved = 0;
		go(req);
		return;
	}
	if (req->op == DISK_READ)
		copy(req, b);
	if (req->op == DISK_READ || req->op == DISK_WRITE)
		raw_iov_advance(req, b->take);
	st->pos += b->take;
	end(req, 0);
}

static void piece_done(struct worker_io *io, int res)
{
	struct disk_req *req = to_req(io);
	struct raw_state *st = to_state(req);
	struct raw_bounce *b = st->bounce;
	uint32_t before = b->moved;

	if (res > 0 && (uint32_t)res <= b->len - b->moved) {
		b->moved += res;
		st->tries = 0;
		if (b->moved == b->len) {
			moved(req);
			return;
		}
		/* Goes on at the beginning of a block. */
		b->moved &= ~(to_raw(req->disk)->align_offset - 1);
		res = b->moved > before ? 0 : -EIO;
	} else if (!res) {
		res = -EIO; /* the file has shrunk under us */
	} else if (raw_again(st, res)) {
		res = 0;
	}
	if (res)
		end(req, res);
	else
		go(req);
}

static void no_memory(struct worker_io *io, int res)
{
	struct disk_req *req = to_req(io);

	to_state(req)->bounced(req, res);
}

static struct raw_bounce *bounce_new(struct raw *r, uint32_t len)
{
	size_t align = r->align_mem > BOUNCE_ALIGN ? r->align_mem :
						     BOUNCE_ALIGN;
	struct raw_bounce *b = calloc(1, sizeof(*b));
	void *buf;

	if (!b)
		return NULL;
	if (posix_memalign(&buf, align, len)) {
		free(b);
		return NULL;
	}
	b->buf = buf;
	b->len = len;
	__atomic_fetch_add(&r->bouncing, len, __ATOMIC_RELAXED);
	return b;
}

static uint32_t piece_most(const struct raw *r)
{
	bool many = __atomic_load_n(&r->bouncing, __ATOMIC_RELAXED) >=
		    BOUNCE_ALL;
	uint32_t most = many ? BOUNCE_SMALL : BOUNCE_SIZE;

	return most > r->align_offset ? most : r->align_offset;
}

void raw_bounce(struct disk_req *req, uint64_t limit,
		void (*next)(struct disk_req *req, int err))
{
	struct raw *r = to_raw(req->disk);
	struct raw_state *st = to_state(req);
	uint64_t block = r->align_offset, from = req->offset + st->pos;
	uint64_t to = req->offset + limit, at = from & ~(block - 1);
	uint64_t len = ((to + block - 1) & ~(block - 1)) - at;
	uint64_t most = piece_most(r);
	struct raw_bounce *b = bounce_new(r, len < most ? len : most);

	st->bounce = b;
	st->bounced = next;
	if (!b) {
		req->io.done = no_memory;
		worker_complete(req->worker, &req->io, -ENOMEM);
		return;
	}
	b->at = at;
	b->skip = from - at;
	b->take = b->len - b->skip;
	if (b->take > to - from)
		b->take = to - from;
	if (req->op != DISK_READ && !b->skip && b->take == b->len) {
		copy(req, b);
		b->writing = true;
	}
	req->io.done = piece_done;
	go(req);
}
