/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A disk behind a LUN.  Requests are asynchronous on a worker's io_uring and
 * carry iovecs of guest memory: no byte is copied on the way.
 *
 * disk_open/close/resize_check on the server thread; the request calls on any
 * worker, several at once.
 */
#ifndef BACKEND_DISK_H
#define BACKEND_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util/worker.h"

struct disk;

struct disk_info {
	uint64_t size; /* bytes, multiple of block_size; changes by resize */
	uint32_t block_size; /* logical: 512 or 4096 */
	uint32_t physical_block_size;
	bool readonly;
	bool rotational;
	bool can_discard;
	bool write_cache;	      /* flushes mean something */
	uint32_t discard_granularity; /* bytes; 0 unknown */
};

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_FLUSH,
	DISK_DISCARD,
	DISK_WRITE_ZEROES
};

/* Embedded in the VSP's request; the backend uses `io` and `private`. */
struct disk_req {
	struct worker_io io;
	enum disk_op op;
	bool fua; /* what changes the disk: on stable storage when done */
	uint64_t offset, len; /* bytes, multiples of block_size */
	struct iovec *iov; /* READ/WRITE: len bytes in all; may be modified */
	unsigned int niov;
	/* On the submitting worker's thread; 0 or -errno (-ENOSPC, -EIO, ...). */
	void (*done)(struct disk_req *req, int err);
	/* Set by disk_submit(). */
	struct disk *disk;
	struct worker *worker;
	uint64_t copied; /* bytes that went through memory of the root's own */
	uint64_t private[20];
};

struct disk_ops {
	const char *name;
	void (*submit)(struct disk *d, struct worker *w, struct disk_req *req);
	void (*close)(struct disk *d);
	/* Look at the file again; 0 and the new size in info, or -errno. */
	int (*refresh)(struct disk *d);
	/* See disk_cancel(); may be NULL. */
	void (*cancel)(struct disk *d, struct worker *w);
	/* See disk_lost(); may be NULL: never. */
	int (*lost)(const struct disk *d);
};

struct disk {
	const struct disk_ops *ops;
	struct disk_info info;
	char *path;
	const char *format; /* also through a filter */
	/* No other disk's, the same at each start; empty: there is no file. */
	char identity[256];
	char serial[33]; /* if it was given: see disk_options */
};

/*
 * Open by description: "file=PATH[,format=raw|null][,readonly=on|off]
 * [,direct=on|off][,size=SIZE]" is split by the caller into this.
 */
struct disk_options {
	const char *path;
	const char *format; /* NULL: raw */
	bool readonly;
	bool direct;	     /* O_DIRECT */
	uint64_t size;	     /* of format=null */
	uint32_t block_size; /* 0: 512, or the device's own */
	const char *serial;  /* NULL, or 32 hexadecimal digits */
};
/*
 * 0 or -errno; then `why` holds one line that says what is wrong and how to
 * mend it.  An image opened for writing is locked against a second writer or
 * reader in any process, one opened for reading against a writer.
 */
int disk_open(const struct disk_options *opt, struct disk **out, char *why,
	      size_t why_len);
void disk_close(struct disk *d); /* no request may be under way */
/*
 * Bounds (-EINVAL), and writes to a read-only disk (-EROFS), are checked here.
 * done() is called in any case, and never from within this call.
 */
void disk_submit(struct disk *d, struct worker *w, struct disk_req *req);
/*
 * The worker's thread: requests submitted on `w` that would never finish by
 * themselves (a fault filter's "hang") finish now with -ECANCELED.
 */
void disk_cancel(struct disk *d, struct worker *w);
/*
 * Any thread.  0, or the -errno with which write-back has failed: data that a
 * write was told are on the disk may not be there.  From then on every flush
 * fails, until the disk is opened anew.
 */
int disk_lost(const struct disk *d);
/* The file may have a new size.  0 or -errno; info.size is then as before. */
int disk_refresh(struct disk *d);

/* A filter that injects faults between VSP and backend (--fault SPEC):
 * "disk:op=read|write|flush|discard|any,err=EIO|ENOSPC|...|hang,after=N,count=N,
 * every=N,from=SECTOR,to=SECTOR".  Takes `lower` over: closing the filter closes it. */
int disk_fault_wrap(struct disk *lower, const char *spec, struct disk **out,
		    char *why, size_t why_len);

#endif
