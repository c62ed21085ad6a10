// SPDX-License-Identifier: GPL-2.0
/*
 * Disks: the table of formats, and the checks that no format has to repeat.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_var.h"
#include "util/utf8.h"

static const struct disk_format *const formats[] = { &disk_raw, &disk_null };
#define NFORMATS (sizeof(formats) / sizeof(formats[0]))

int disk_check_size(const char *path, uint64_t len, uint32_t block_size,
		    char *why, size_t why_len)
{
	uint64_t up = len / block_size * block_size + block_size;

	if (!len)
		return explain(
			-EINVAL, why, why_len,
			"%s is empty: give it a size, as in 'truncate -s 1G %s'",
			path, path);
	if (len % block_size)
		return explain(-EINVAL, why, why_len,
			       "%s: its size, %" PRIu64
			       " bytes, is no multiple of the block size %u: "
			       "'truncate -s %" PRIu64 " %s' would mend it",
			       path, len, block_size, up, path);
	if (len > INT64_MAX)
		return explain(-EFBIG, why, why_len, "%s: too large", path);
	return 0;
}

static const struct disk_format *format_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < NFORMATS; i++)
		if (!strcmp(formats[i]->name, name ? name : "raw"))
			return formats[i];
	return NULL;
}

int disk_open(const struct disk_options *opt, struct disk **out, char *why,
	      size_t why_len)
{
	const struct disk_format *format = format_find(opt->format);
	struct disk *d;
	int err;

	if (!format)
		return explain(-EINVAL, why, why_len,
			       "unknown disk format '%s': use raw or null",
			       opt->format);
	if (opt->block_size && opt->block_size != DISK_BLOCK_MIN &&
	    opt->block_size != DISK_BLOCK_MAX)
		return explain(-EINVAL, why, why_len,
			       "block size %u: use %u or %u", opt->block_size,
			       DISK_BLOCK_MIN, DISK_BLOCK_MAX);
	err = format->open(opt, &d, why, why_len);
	if (err)
		return err;
	d->format = format->name;
	d->path = strdup(opt->path ? opt->path : "");
	if (!d->path) {
		d->ops->close(d);
		return explain(-ENOMEM, why, why_len, "out of memory");
	}
	/* From here on it is for people. */
	utf8_mend(d->path);
	if (opt->serial)
		snprintf(d->serial, sizeof(d->serial), "%s", opt->serial);
	*out = d;
	return 0;
}

void disk_close(struct disk *d)
{
	char *path;

	if (!d)
		return;
	path = d->path;
	d->ops->close(d);
	free(path);
}

static void finish(struct worker_io *io, int res)
{
	struct disk_req *req =
		(struct disk_req *)((char *)io - offsetof(struct disk_req, io));

	req->done(req, res);
}

void disk_finish(struct disk_req *req, int err)
{
	req->io.done = finish;
	worker_complete(req->worker, &req->io, err);
}

static int check(const struct disk *d, const struct disk_req *req)
{
	uint64_t size = disk_size(d);

	if (req->op == DISK_FLUSH)
		return 0;
	if (req->op != DISK_READ && d->info.readonly)
		return -EROFS;
	if ((req->offset | req->len) & (d->info.block_size - 1))
		return -EINVAL;
	if (req->offset > size || req->len > size - req->offset)
		return -EINVAL;
	return 0;
}

void disk_submit(struct disk *d, struct worker *w, struct disk_req *req)
{
	int err = check(d, req);

	req->disk = d;
	req->worker = w;
	req->copied = 0;
	if (err || (!req->len && req->op != DISK_FLUSH))
		disk_finish(req, err);
	else
		d->ops->submit(d, w, req);
}

void disk_cancel(struct disk *d, struct worker *w)
{
	if (d->ops->cancel)
		d->ops->cancel(d, w);
}

int disk_lost(const struct disk *d)
{
	return d->ops->lost ? d->ops->lost(d) : 0;
}

int disk_refresh(struct disk *d)
{
	return d->ops->refresh(d);
}
