// SPDX-License-Identifier: GPL-2.0
/*
 * A file or a block device as it is, byte for byte: opening it.
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

#include "raw_var.h"
#include "util/log.h"

#define HOLE_EDGE_MAX 65536u

static void raw_close(struct disk *d)
{
	struct raw *r = to_raw(d);

	close(r->fd);
	raw_sync_destroy(r);
	raw_ranges_destroy(r);
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
	const struct raw *r = to_raw(d);
	uint64_t len;
	int err = raw_length(r, &len);

	if (err)
		return err;
	if (!len || len % d->info.block_size ||
	    (r->direct && len % r->align_offset))
		return -EINVAL;
	__atomic_store_n(&d->info.size, len, __ATOMIC_RELAXED);
	return 0;
}

static const struct disk_ops raw_ops = {
	.name = "raw",
	.submit = raw_submit,
	.close = raw_close,
	.refresh = raw_refresh,
	.lost = raw_lost,
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
	r->align_mem = r->align_offset = DISK_BLOCK_MAX;
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

/* A block that the file ends in could not be written without the page cache. */
static int direct_setup(struct raw *r, const struct stat *st,
			const struct disk_options *opt, char *why,
			size_t why_len)
{
	uint64_t size = r->disk.info.size, unit;

	direct_limits(r);
	unit = r->align_offset;
	r->align_hole = unit;
	if (!r->block_device) {
		unsigned int block = st->st_blksize;

		/* Some call a size there that is good for transfers. */
		if (block < DISK_BLOCK_MAX || block > HOLE_EDGE_MAX ||
		    block & (block - 1))
			block = DISK_BLOCK_MAX;
		if (block > unit)
			r->align_hole = block;
	}
	if (size % unit)
		return explain(
			-EINVAL, why, why_len,
			"%s: its size, %" PRIu64
			" bytes, is no multiple of the %" PRIu64
			" bytes of direct I/O there: 'truncate -s %" PRIu64
			" %s' would mend it, or leave out direct=on",
			opt->path, size, unit, size / unit * unit + unit,
			opt->path);
	if (r->disk.info.physical_block_size < unit)
		r->disk.info.physical_block_size = unit;
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
	disk_identify(&r->disk, r->fd, st, opt->path);
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
	return opt->direct ? direct_setup(r, st, opt, why, why_len) : 0;
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
	r->direct = opt->direct;
	raw_sync_init(r);
	raw_ranges_init(r);
	r->block_device = S_ISBLK(st.st_mode);
	if (r->block_device && !opt->readonly)
		flags |= O_EXCL; /* not while it is mounted */
	r->fd = open(opt->path, flags);
	if (r->fd < 0) {
		err = open_failed(opt, -errno, why, why_len);
		raw_sync_destroy(r);
		raw_ranges_destroy(r);
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
