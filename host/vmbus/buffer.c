// SPDX-License-Identifier: GPL-2.0
/*
 * GPADLs that a VSP holds beyond one packet.  The list of pages is the hold's
 * own, so that a GPADL which goes away with its connection leaves a hold that
 * is useless but harmless.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmbus_var.h"

int vmbus_buffer_get(struct vmbus_chan *ch, uint32_t handle,
		     struct vmbus_buffer **out)
{
	struct gpadl *g = gpadl_find(ch->srv, handle);
	struct gpadl_hold *hold;
	int err;

	if (!g || g->relid != ch->relid || g->state != GPADL_LIVE)
		return -ENOENT;
	if (g->ring)
		return -EBUSY;
	hold = calloc(1, sizeof(*hold));
	if (!hold)
		return -ENOMEM;
	err = gpadl_pages(ch->srv, g, &hold->buffer.page, &hold->buffer.npages);
	if (err) {
		free(hold);
		return err;
	}
	hold->srv = ch->srv;
	hold->g = g;
	LIST_INSERT_HEAD(&g->holds, hold, link);
	*out = &hold->buffer;
	return 0;
}

void vmbus_buffer_put(struct vmbus_buffer *b)
{
	struct gpadl_hold *hold = (struct gpadl_hold *)b;

	if (hold->g) {
		LIST_REMOVE(hold, link);
		gpadl_released(hold->srv, hold->g);
	}
	free(b->page);
	free(hold);
}

int vmbus_buffer_iov(const struct vmbus_buffer *b, uint32_t offset,
		     uint32_t len, struct iovec *iov, unsigned int max_iov)
{
	unsigned int n = 0;

	if ((uint64_t)offset + len > (uint64_t)b->npages * MEM_PAGE_SIZE)
		return -EINVAL;
	while (len) {
		uint8_t *at = b->page[offset / MEM_PAGE_SIZE] +
			      offset % MEM_PAGE_SIZE;
		uint32_t chunk = MEM_PAGE_SIZE - offset % MEM_PAGE_SIZE;

		if (chunk > len)
			chunk = len;
		if (n &&
		    (uint8_t *)iov[n - 1].iov_base + iov[n - 1].iov_len == at) {
			iov[n - 1].iov_len += chunk;
		} else if (n == max_iov) {
			return -E2BIG;
		} else {
			iov[n++] = (struct iovec){ at, chunk };
		}
		offset += chunk;
		len -= chunk;
	}
	return n;
}
