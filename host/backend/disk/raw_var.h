/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the raw format share: raw.c opens, raw_io.c serves. */
#ifndef BACKEND_RAW_VAR_H
#define BACKEND_RAW_VAR_H

#include "disk_var.h"

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

static inline struct raw *to_raw(struct disk *d)
{
	return (struct raw *)d;
}

/* See disk_ops. */
void raw_submit(struct disk *d, struct worker *w, struct disk_req *req);

#endif
