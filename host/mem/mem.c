// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory.  Host addresses of all regions of mem_create() form one
 * mapping of one memfd, in GPA order and without the hole, so that a later
 * vhost-user or migration peer needs a single descriptor.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mem.h"

#define MEM_GRANULE (1u << 20)

void mem_init(struct mem *m)
{
	memset(m, 0, sizeof(*m));
	m->fd = -1;
}

int mem_add(struct mem *m, uint64_t gpa, uint64_t size, void *host)
{
	unsigned int i;

	if (!size || !host || gpa + size < gpa ||
	    ((gpa | size) & (MEM_PAGE_SIZE - 1)))
		return -EINVAL;
	if (m->nregions == MEM_REGIONS)
		return -ENOSPC;
	for (i = 0; i < m->nregions; i++) {
		const struct mem_region *r = &m->region[i];

		if (gpa < r->gpa + r->size && r->gpa < gpa + size)
			return -EEXIST;
	}
	m->region[m->nregions++] = (struct mem_region){ gpa, size, host };
	m->size += size;
	return 0;
}

int mem_create(struct mem *m, uint64_t size, uint64_t hole_start,
	       uint64_t hole_end)
{
	uint64_t low = size < hole_start ? size : hole_start;
	void *host;
	int err;

	mem_init(m);
	if (!size || size % MEM_GRANULE || !low || low % MEM_PAGE_SIZE ||
	    hole_end < hole_start)
		return -EINVAL;
	m->fd = memfd_create("guest-memory", MFD_CLOEXEC);
	if (m->fd < 0)
		return -errno;
	if (ftruncate(m->fd, size)) {
		err = -errno;
		goto close;
	}
	host = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, m->fd, 0);
	if (host == MAP_FAILED) {
		err = -errno;
		goto close;
	}
	/* Advice only: a kernel without huge shmem pages or dumps says no. */
	madvise(host, size, MADV_HUGEPAGE);
	madvise(host, size, MADV_DONTDUMP);
	err = mem_add(m, 0, low, host);
	if (!err && size > low)
		err = mem_add(m, hole_end, size - low, (char *)host + low);
	if (!err)
		return 0;
	munmap(host, size);
close:
	close(m->fd);
	mem_init(m);
	return err;
}

void mem_destroy(struct mem *m)
{
	if (m->fd >= 0) {
		munmap(m->region[0].host, m->size);
		close(m->fd);
	}
	mem_init(m);
}

static const struct mem_region *mem_find(const struct mem *m, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < m->nregions; i++) {
		const struct mem_region *r = &m->region[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->size)
			return r;
	}
	return NULL;
}

void *mem_ptr(const struct mem *m, uint64_t gpa, uint64_t len)
{
	const struct mem_region *r = mem_find(m, gpa);

	if (!r || len > r->size - (gpa - r->gpa))
		return NULL;
	return (char *)r->host + (gpa - r->gpa);
}

/* The part of [gpa, gpa+len) that lies in the region of gpa. */
static size_t mem_chunk(const struct mem_region *r, uint64_t gpa, size_t len)
{
	uint64_t room = r->size - (gpa - r->gpa);

	return len < room ? len : room;
}

static bool mem_covered(const struct mem *m, uint64_t gpa, size_t len)
{
	if (gpa + len < gpa)
		return false;
	while (len) {
		const struct mem_region *r = mem_find(m, gpa);
		size_t n;

		if (!r)
			return false;
		n = mem_chunk(r, gpa, len);
		gpa += n;
		len -= n;
	}
	return true;
}

int mem_read(const struct mem *m, uint64_t gpa, void *buf, size_t len)
{
	char *to = buf;

	if (!mem_covered(m, gpa, len))
		return -EFAULT;
	while (len) {
		const struct mem_region *r = mem_find(m, gpa);
		size_t n = mem_chunk(r, gpa, len);

		memcpy(to, (const char *)r->host + (gpa - r->gpa), n);
		to += n;
		gpa += n;
		len -= n;
	}
	return 0;
}

int mem_write(const struct mem *m, uint64_t gpa, const void *buf, size_t len)
{
	const char *from = buf;

	if (!mem_covered(m, gpa, len))
		return -EFAULT;
	while (len) {
		const struct mem_region *r = mem_find(m, gpa);
		size_t n = mem_chunk(r, gpa, len);

		memcpy((char *)r->host + (gpa - r->gpa), from, n);
		from += n;
		gpa += n;
		len -= n;
	}
	return 0;
}

int mem_iov(const struct mem *m, const uint64_t *pfn, unsigned int npfn,
	    uint32_t offset, uint32_t len, struct iovec *iov,
	    unsigned int max_iov)
{
	unsigned int page = offset / MEM_PAGE_SIZE;
	uint32_t skip = offset % MEM_PAGE_SIZE;
	unsigned int n = 0;

	if ((uint64_t)offset + len > (uint64_t)npfn * MEM_PAGE_SIZE)
		return -EINVAL;
	while (len) {
		uint32_t chunk = MEM_PAGE_SIZE - skip;
		char *host;

		if (pfn[page] > UINT64_MAX / MEM_PAGE_SIZE)
			return -EFAULT;
		host = mem_ptr(m, pfn[page] * MEM_PAGE_SIZE, MEM_PAGE_SIZE);
		if (!host)
			return -EFAULT;
		host += skip;
		if (chunk > len)
			chunk = len;
		if (n &&
		    (char *)iov[n - 1].iov_base + iov[n - 1].iov_len == host) {
			iov[n - 1].iov_len += chunk;
		} else {
			if (n == max_iov)
				return -E2BIG;
			iov[n++] = (struct iovec){ host, chunk };
		}
		len -= chunk;
		skip = 0;
		page++;
	}
	return n;
}
