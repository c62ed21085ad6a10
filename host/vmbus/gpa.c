// SPDX-License-Identifier: GPL-2.0
/*
 * The ranges of a GPA-direct packet.  They lie in the caller's private copy of
 * the packet, so what vmbus_gpa_first() has checked stays true.
 */
#include <errno.h>

#include "vmbus_var.h"

/* What the packet's header has before the ranges: reserved, range_count. */
#define GPA_FIXED (sizeof(struct ring_gpa_direct) - sizeof(struct ring_pkt))

static uint64_t range_pages(const struct vmb_gpa_range *range)
{
	return ((uint64_t)range->offset + range->len + MEM_PAGE_SIZE - 1) /
	       MEM_PAGE_SIZE;
}

int vmbus_gpa_first(const struct vmbus_packet *pkt, struct vmbus_gpa_iter *it)
{
	const uint8_t *pos = pkt->header;
	struct vmb_gpa_range range;
	uint32_t count, i;
	size_t left;

	/* PFNs are handed to mem_iov() in place. */
	if (pkt->type != RING_PKT_GPA_DIRECT || pkt->header_len < GPA_FIXED ||
	    (uintptr_t)pos % sizeof(uint64_t))
		return -EPROTO;
	memcpy(&count, pos + 4, sizeof(count));
	pos += GPA_FIXED;
	left = pkt->header_len - GPA_FIXED;
	if (!count || count > left / sizeof(range))
		return -EPROTO;
	*it = (struct vmbus_gpa_iter){ .pos = pos,
				       .end = pos + left,
				       .left = count };
	for (i = 0; i < count; i++) {
		if (left < sizeof(range))
			return -EPROTO;
		memcpy(&range, pos, sizeof(range));
		left -= sizeof(range);
		if (range_pages(&range) > left / sizeof(uint64_t))
			return -EPROTO;
		left -= range_pages(&range) * sizeof(uint64_t);
		pos += sizeof(range) + range_pages(&range) * sizeof(uint64_t);
	}
	return count;
}

int vmbus_gpa_next(const struct mem *m, struct vmbus_gpa_iter *it,
		   struct iovec *iov, unsigned int max_iov, uint32_t *len)
{
	struct vmb_gpa_range range;
	const uint64_t *pfn;
	uint32_t npfn;

	if (!it->left)
		return -ENODATA;
	memcpy(&range, it->pos, sizeof(range));
	npfn = range_pages(&range);
	pfn = (const uint64_t *)(it->pos + sizeof(range));
	it->pos += sizeof(range) + npfn * sizeof(*pfn);
	it->left--;
	*len = range.len;
	return mem_iov(m, pfn, npfn, range.offset, range.len, iov, max_iov);
}
