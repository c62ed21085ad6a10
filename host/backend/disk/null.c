// SPDX-License-Identifier: GPL-2.0
/*
 * A disk without a medium, for measuring what everything else costs: reads
 * give zeros, writes are forgotten, all at once and with no system call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "disk_var.h"

static void null_submit(struct disk *d, struct worker *w, struct disk_req *req)
{
	unsigned int i;

	(void)d;
	(void)w;
	if (req->op == DISK_READ)
		for (i = 0; i < req->niov; i++)
			memset(req->iov[i].iov_base, 0, req->iov[i].iov_len);
	disk_finish(req, 0);
}

static void null_close(struct disk *d)
{
	free(d);
}

static int null_refresh(struct disk *d)
{
	(void)d;
	return 0;
}

static const struct disk_ops null_ops = {
	.name = "null",
	.submit = null_submit,
	.close = null_close,
	.refresh = null_refresh,
};

static int null_open(const struct disk_options *opt, struct disk **out,
		     char *why, size_t why_len)
{
	uint32_t block_size = opt->block_size ? opt->block_size :
						DISK_BLOCK_MIN;
	struct disk *d;

	if (!opt->size || opt->size % block_size || opt->size > INT64_MAX)
		return explain(
			-EINVAL, why, why_len,
			"format=null needs size=SIZE, a multiple of %u bytes, as in "
			"'format=null,size=1G'",
			block_size);
	d = calloc(1, sizeof(*d));
	if (!d)
		return explain(-ENOMEM, why, why_len, "out of memory");
	d->ops = &null_ops;
	d->info = (struct disk_info){
		.size = opt->size,
		.block_size = block_size,
		.physical_block_size = DISK_BLOCK_MAX,
		.readonly = opt->readonly,
		.can_discard = !opt->readonly,
		.write_cache = true,
		.discard_granularity = DISK_BLOCK_MAX,
	};
	*out = d;
	return 0;
}

const struct disk_format disk_null = { "null", null_open };
