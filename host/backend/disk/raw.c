// SPDX-License-Identifier: GPL-2.0
/*
 * A file or a block device as it is, byte for byte.
 *
 * Short transfers are continued, which may happen at any multiple of a byte:
 * the rest goes on from there.  O_DIRECT wants aligned buffers, which a guest
 * need not give; requests that are not aligned go through a second, buffered
 * descriptor of the same file rather than through a bounce buffer (the kernel
 * keeps both views coherent), so no data is copied here in any case.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "disk_var.h"
#include "util/log.h"

#define RAW_IOV_MAX 1024u /* UIO_MAXIOV */
#define RAW_RETRIES 100	  /* -EAGAIN with no progress in between */
#define ZEROS_SIZE  65536u
#define ZEROS_IOVS  16u

/* How zeros are written, best first; a file that refuses one gets the next. */
enum zero_way { ZERO_RANGE, ZERO_PUNCH, ZERO_WRITE };

struct raw {
	struct disk disk;
	int fd;
	int buffered; /* second descriptor, or -1: `fd` is buffered */
	uint32_t align_mem, align_offset;
	bool block_device;
	enum zero_way zero_way; /* any worker, atomic */
};

/* In struct disk_req.private. */
struct raw_state {
	uint64_t pos; /* bytes that are done */
	uint32_t tries;
	uint32_t way;	   /* enum zero_way in use */
	struct iovec tail; /* of written zeros */
};
_Static_assert(sizeof(struct raw_state) <=
		       sizeof(((struct disk_req *)0)->private),
	       "private");

static char zeros[ZEROS_SIZE] __attribute__((aligned(4096)));
static const struct iovec zeros_iov[ZEROS_IOVS] = {
	[0 ... ZEROS_IOVS - 1] = { zeros, ZEROS_SIZE },
};

static struct raw *to_raw(struct disk *d)
{
	return (struct raw *)d;
}

static struct raw_state *to_state(struct disk_req *req)
{
	return (struct raw_state *)req->private;
}

static struct disk_req *to_req(struct worker_io *io)
{
	return (struct disk_req *)((char *)io - offsetof(struct disk_req, io));
}

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
			      req->fua ? RWF_DSYNC : 0);
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

/* Is it worth trying once more after `res`? */
static bool again(struct raw_state *st, int res)
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
			req->done(req, 0);
			return;
		}
		iov_advance(req, res);
	} else if (!again(st, res)) {
		/* 0: the file has shrunk under us. */
		req->done(req, res < 0 ? res : -EIO);
		return;
	}
	transfer(req);
}

/* ---- zeros, discards, flushes ---- */

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
		      req->offset + st->pos, req->fua ? RWF_DSYNC : 0);
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

	if (st->way == ZERO_WRITE && res > 0 &&
	    (uint64_t)res <= req->len - st->pos) {
		st->pos += res;
		st->tries = 0;
		if (st->pos == req->len) {
			req->done(req, 0);
			return;
		}
	} else if (st->way != ZERO_WRITE && res == -EOPNOTSUPP) {
		st->way++;
		__atomic_store_n(&r->zero_way, st->way, __ATOMIC_RELAXED);
	} else if (!again(st, res)) {
		req->done(req, st->way == ZERO_WRITE && !res ? -EIO : res);
		return;
	}
	zero(req);
}

static void simple(struct disk_req *req)
{
	struct raw *r = to_raw(req->disk);

	if (req->op == DISK_FLUSH)
		worker_fsync(req->worker, &req->io, r->fd, 1);
	else
		worker_fallocate(req->worker, &req->io, r->fd,
				 FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 req->offset, req->len);
}

static void simple_done(struct worker_io *io, int res)
{
	struct disk_req *req = to_req(io);

	if (again(to_state(req), res))
		simple(req);
	else
		req->done(req, res);
}

static void raw_submit(struct disk *d, struct worker *w, struct disk_req *req)
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
	case DISK_FLUSH:
	case DISK_DISCARD:
		req->io.done = simple_done;
		simple(req);
		break;
	}
}

/* ---- opening ---- */

static void raw_close(struct disk *d)
{
	struct raw *r = to_raw(d);

	if (r->buffered >= 0)
		close(r->buffered);
	close(r->fd);
	free(r);
}

static int raw_length(const struct raw *r, uint64_t *len)
{
	struct stat st;

	if (r->block_device)
		return ioctl(r->fd, BLKGETSIZE64, len) ? -errno : 0;
	if (fstat(r->fd, &st))
		return -errno;
	*len = st.st_size;
	return 0;
}

static int raw_refresh(struct disk *d)
{
	uint64_t len;
	int err = raw_length(to_raw(d), &len);

	if (err)
		return err;
	if (!len || len % d->info.block_size)
		return -EINVAL;
	__atomic_store_n(&d->info.size, len, __ATOMIC_RELAXED);
	return 0;
}

static const struct disk_ops raw_ops = {
	.name = "raw",
	.submit = raw_submit,
	.close = raw_close,
	.refresh = raw_refresh,
};

/* One number of a block device's queue; a partition's is its disk's. */
static uint64_t queue_number(dev_t dev, const char *name)
{
	static const char *const where[] = { "queue", "../queue" };
	unsigned long long value = 0;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		char path[128];
		FILE *f;

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s",
			 major(dev), minor(dev), where[i], name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%llu", &value) != 1)
			value = 0;
		fclose(f);
		break;
	}
	return value;
}

static int device_info(struct raw *r, dev_t dev, const struct disk_options *opt,
		       char *why, size_t why_len)
{
	struct disk_info *info = &r->disk.info;
	unsigned short rotational = 0;
	unsigned int physical = 0;
	int logical = 0, ro = 0;

	if (ioctl(r->fd, BLKSSZGET, &logical) ||
	    logical < (int)DISK_BLOCK_MIN || logical > (int)DISK_BLOCK_MAX)
		return explain(
			-EINVAL, why, why_len,
			"%s: blocks of %d bytes; only 512 to 4096 are supported",
			opt->path, logical);
	if (opt->block_size && opt->block_size < (unsigned int)logical)
		return explain(-EINVAL, why, why_len,
			       "%s: the device has blocks of %d bytes",
			       opt->path, logical);
	if (!ioctl(r->fd, BLKROGET, &ro) && ro && !opt->readonly)
		return explain(-EROFS, why, why_len,
			       "%s is a read-only device: add readonly=on",
			       opt->path);
	info->block_size = opt->block_size ? opt->block_size :
					     (unsigned int)logical;
	if (ioctl(r->fd, BLKPBSZGET, &physical) || physical < info->block_size)
		physical = info->block_size;
	info->physical_block_size = physical;
	info->rotational = !ioctl(r->fd, BLKROTATIONAL, &rotational) &&
			   rotational;
	info->discard_granularity = queue_number(dev, "discard_granularity");
	/* A hole is punched by "write zeroes": what is discarded reads as zeros. */
	info->can_discard = !opt->readonly &&
			    queue_number(dev, "discard_max_bytes") &&
			    queue_number(dev, "write_zeroes_max_bytes");
	return 0;
}

static void file_info(struct raw *r, const struct stat *st,
		      const struct disk_options *opt)
{
	struct disk_info *info = &r->disk.info;

	info->block_size = opt->block_size ? opt->block_size : DISK_BLOCK_MIN;
	info->physical_block_size = DISK_BLOCK_MAX;
	info->discard_granularity = DISK_BLOCK_MAX;
	/* Behind the end there is nothing to lose. */
	info->can_discard =
		!opt->readonly &&
		!fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			   (st->st_size | 4095) + 1, 4096);
}

static void direct_limits(struct raw *r)
{
	r->align_mem = r->align_offset = 4096;
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (!statx(r->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) &&
	    (stx.stx_mask & STATX_DIOALIGN) && stx.stx_dio_mem_align &&
	    stx.stx_dio_offset_align) {
		r->align_mem = stx.stx_dio_mem_align;
		r->align_offset = stx.stx_dio_offset_align;
	}
#endif
}

static int open_buffered(struct raw *r, const struct disk_options *opt,
			 char *why, size_t why_len)
{
	char self[32];

	/* The very file that `fd` is, whatever the path leads to by now. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", r->fd);
	r->buffered =
		open(self, (opt->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (r->buffered < 0)
		return explain(-errno, why, why_len, "%s: %s", opt->path,
			       strerror(errno));
	direct_limits(r);
	return 0;
}

static int lock_image(struct raw *r, const struct disk_options *opt, char *why,
		      size_t why_len)
{
	struct flock fl = {
		.l_type = opt->readonly ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	/* The lock goes with the open file, so one process can't lock twice. */
	if (!fcntl(r->fd, F_OFD_SETLK, &fl))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		return explain(
			-EBUSY, why, why_len,
			"%s is in use by another disk or process: stop that one%s",
			opt->path,
			opt->readonly ? "" : ", or give both readonly=on");
	/* Some network file systems know no locks. */
	log_warn("disk", "%s: can't be locked (%s): nothing else may write it",
		 opt->path, strerror(errno));
	return 0;
}

static int open_failed(const struct disk_options *opt, int err, char *why,
		       size_t why_len)
{
	const char *hint = "";

	if (err == -ENOENT)
		hint = ": make it with 'truncate -s SIZE', or correct the path";
	else if (err == -EROFS || err == -EACCES || err == -EPERM)
		hint = opt->readonly ?
			       ": check its permissions" :
			       ": check its permissions, or add readonly=on";
	else if (err == -EBUSY)
		hint = ": it is mounted or used otherwise; unmount it, or add readonly=on";
	else if (err == -EINVAL && opt->direct)
		hint = ": its file system has no direct I/O; leave out direct=on";
	return explain(err, why, why_len, "can't open disk %s: %s%s", opt->path,
		       strerror(-err), hint);
}

static int raw_setup(struct raw *r, const struct stat *st,
		     const struct disk_options *opt, char *why, size_t why_len)
{
	struct disk_info *info = &r->disk.info;
	int err;

	err = lock_image(r, opt, why, why_len);
	if (err)
		return err;
	if (r->block_device)
		err = device_info(r, st->st_rdev, opt, why, why_len);
	else
		file_info(r, st, opt);
	if (err)
		return err;
	info->readonly = opt->readonly;
	info->write_cache = true;
	err = raw_length(r, &info->size);
	if (err)
		return explain(err, why, why_len, "%s: %s", opt->path,
			       strerror(-err));
	err = disk_check_size(opt->path, info->size, info->block_size, why,
			      why_len);
	if (err)
		return err;
	return opt->direct ? open_buffered(r, opt, why, why_len) : 0;
}

static int raw_open(const struct disk_options *opt, struct disk **out,
		    char *why, size_t why_len)
{
	int flags = (opt->readonly ? O_RDONLY : O_RDWR) |
		    (opt->direct ? O_DIRECT : 0) | O_CLOEXEC;
	struct stat st;
	struct raw *r;
	int err;

	if (!opt->path || !*opt->path)
		return explain(-EINVAL, why, why_len, "a disk needs file=PATH");
	/* Before open(), which would block on a fifo. */
	if (stat(opt->path, &st))
		return open_failed(opt, -errno, why, why_len);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return explain(-EINVAL, why, why_len,
			       "%s is neither a file nor a block device",
			       opt->path);
	r = calloc(1, sizeof(*r));
	if (!r)
		return explain(-ENOMEM, why, why_len, "out of memory");
	r->disk.ops = &raw_ops;
	r->buffered = -1;
	r->block_device = S_ISBLK(st.st_mode);
	if (r->block_device && !opt->readonly)
		flags |= O_EXCL; /* not while it is mounted */
	r->fd = open(opt->path, flags);
	if (r->fd < 0) {
		err = open_failed(opt, -errno, why, why_len);
		free(r);
		return err;
	}
	if (fstat(r->fd, &st))
		err = explain(-errno, why, why_len, "%s: %s", opt->path,
			      strerror(errno));
	else
		err = raw_setup(r, &st, opt, why, why_len);
	if (err) {
		raw_close(&r->disk);
		return err;
	}
	*out = &r->disk;
	return 0;
}

const struct disk_format disk_raw = { "raw", raw_open };
