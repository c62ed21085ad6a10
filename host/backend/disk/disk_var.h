/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of host/backend/disk share among themselves. */
#ifndef BACKEND_DISK_VAR_H
#define BACKEND_DISK_VAR_H

#include <stddef.h>

#include "disk.h"
#include "util/why.h"

#define DISK_BLOCK_MIN 512u
#define DISK_BLOCK_MAX 4096u

struct disk_format {
	const char *name;
	/* Allocates *out; path and ops are filled in already by disk_open(). */
	int (*open)(const struct disk_options *opt, struct disk **out,
		    char *why, size_t why_len);
};

extern const struct disk_format disk_raw, disk_null;

/* The size that a `len` bytes long image gives, or 0 with the reason told. */
int disk_check_size(const char *path, uint64_t len, uint32_t block_size,
		    char *why, size_t why_len);

struct stat;
/* Fill in the identity of what is open as `fd`, found as `path`. */
void disk_identify(struct disk *d, int fd, const struct stat *st,
		   const char *path);

/* On the worker's thread: done() from the loop, not from within submit(). */
void disk_finish(struct disk_req *req, int err);

static inline uint64_t disk_size(const struct disk *d)
{
	/* A resize on the server thread changes it while workers look. */
	return __atomic_load_n(&d->info.size, __ATOMIC_RELAXED);
}

#endif
