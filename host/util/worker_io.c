// SPDX-License-Identifier: GPL-2.0
/*
 * Operations: kept in a list until the end of the turn, see worker.c.
 */
#include <stddef.h>

#include "worker_var.h"

enum { OP_READV, OP_WRITEV, OP_FSYNC, OP_FALLOCATE, OP_TIMEOUT };

bool worker_prepare_io(struct worker *w, struct worker_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);

	if (!sqe)
		return false;
	switch (io->op) {
	case OP_READV:
		io_uring_prep_readv(sqe, io->fd, io->iov, io->niov, io->offset);
		break;
	case OP_WRITEV:
		io_uring_prep_writev2(sqe, io->fd, io->iov, io->niov,
				      io->offset, io->flags);
		break;
	case OP_FSYNC:
		io_uring_prep_fsync(sqe, io->fd, io->flags);
		sqe->off = io->offset;
		sqe->len = io->len;
		break;
	case OP_FALLOCATE:
		io_uring_prep_fallocate(sqe, io->fd, io->flags, io->offset,
					io->len);
		break;
	case OP_TIMEOUT:
		/* offset, len: seconds, nanoseconds, as a __kernel_timespec. */
		io_uring_prep_timeout(
			sqe, (struct __kernel_timespec *)&io->offset, 0, 0);
		break;
	}
	io_uring_sqe_set_data(sqe, io);
	w->in_kernel++;
	worker_count(&w->ios);
	return true;
}

void worker_readv(struct worker *w, struct worker_io *io, int fd,
		  const struct iovec *iov, unsigned int niov, uint64_t offset)
{
	io->op = OP_READV;
	io->fd = fd;
	io->iov = iov;
	io->niov = niov;
	io->offset = offset;
	io_list_add(&w->queued, io);
}

void worker_writev(struct worker *w, struct worker_io *io, int fd,
		   const struct iovec *iov, unsigned int niov, uint64_t offset,
		   int rw_flags)
{
	io->op = OP_WRITEV;
	io->fd = fd;
	io->iov = iov;
	io->niov = niov;
	io->offset = offset;
	io->flags = rw_flags;
	io_list_add(&w->queued, io);
}

void worker_fdatasync(struct worker *w, struct worker_io *io, int fd,
		      uint64_t offset, uint32_t len)
{
	io->op = OP_FSYNC;
	io->fd = fd;
	io->flags = IORING_FSYNC_DATASYNC;
	io->offset = offset;
	io->len = len;
	io_list_add(&w->queued, io);
}

void worker_fallocate(struct worker *w, struct worker_io *io, int fd, int mode,
		      uint64_t offset, uint64_t len)
{
	io->op = OP_FALLOCATE;
	io->fd = fd;
	io->flags = mode;
	io->offset = offset;
	io->len = len;
	io_list_add(&w->queued, io);
}

void worker_timeout(struct worker *w, struct worker_io *io, uint64_t ns)
{
	_Static_assert(sizeof(struct __kernel_timespec) ==
				       2 * sizeof(uint64_t) &&
			       offsetof(struct worker_io, len) ==
				       offsetof(struct worker_io, offset) +
					       sizeof(uint64_t),
		       "offset and len serve as a timespec");
	io->op = OP_TIMEOUT;
	io->offset = ns / 1000000000u;
	io->len = ns % 1000000000u;
	io_list_add(&w->queued, io);
}
