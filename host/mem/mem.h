/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest physical memory, as the root sees it: a few regions of host memory at
 * guest physical addresses (GPAs).  Regions are added before the guest runs
 * and stay until mem_destroy(), so a pointer once checked stays valid; what it
 * points to is the guest's to change at any moment: copy once, check, use.
 * Thread-safe after set-up.
 */
#ifndef MEM_MEM_H
#define MEM_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define MEM_PAGE_SIZE 4096u
#define MEM_REGIONS   8

struct mem_region {
	uint64_t gpa;
	uint64_t size;
	void *host;
};

struct mem {
	unsigned int nregions;
	struct mem_region region[MEM_REGIONS];
	int fd;	       /* memfd behind all regions, or -1 */
	uint64_t size; /* of all regions together */
};

/* An empty set; regions by mem_add().  For tests, host memory may be malloc'd. */
void mem_init(struct mem *m);
int mem_add(struct mem *m, uint64_t gpa, uint64_t size, void *host);
/*
 * `size` bytes of RAM (a multiple of 1 MiB) from one memfd: from GPA 0 up to
 * `hole_start`, the rest from `hole_end` on.  0 or -errno.
 */
int mem_create(struct mem *m, uint64_t size, uint64_t hole_start,
	       uint64_t hole_end);
void mem_destroy(struct mem *m);

/* Host address of [gpa, gpa+len), or NULL where that is not wholly in one region. */
void *mem_ptr(const struct mem *m, uint64_t gpa, uint64_t len);
/* Checked copies; -EFAULT when any byte is outside, and then nothing is copied. */
int mem_read(const struct mem *m, uint64_t gpa, void *buf, size_t len);
int mem_write(const struct mem *m, uint64_t gpa, const void *buf, size_t len);

/*
 * iovecs for `len` bytes that start `offset` bytes into the list of pages
 * `pfn[npfn]`; adjacent host pages are merged.  Returns the number of iovecs,
 * -EFAULT (a page is outside), -EINVAL (the list is too short) or -E2BIG.
 */
int mem_iov(const struct mem *m, const uint64_t *pfn, unsigned int npfn,
	    uint32_t offset, uint32_t len, struct iovec *iov,
	    unsigned int max_iov);

#endif
