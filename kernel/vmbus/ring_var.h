/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arithmetic on ring indices, for the ring_*.c files.  An index that the root
 * may have written goes through ring_index_valid() before any other function.
 */
#ifndef RING_VAR_H
#define RING_VAR_H

#include "hv/ring_reg.h"
#include "vmbus_var.h"

static inline bool ring_index_valid(const struct hv_ring_buffer_info *ring,
				    u32 index)
{
	return index < ring->ring_datasize && IS_ALIGNED(index, 8);
}

/* Bytes from the read to the write index. */
static inline u32 ring_used(const struct hv_ring_buffer_info *ring, u32 read,
			    u32 write)
{
	return write >= read ? write - read :
			       ring->ring_datasize - read + write;
}

/* @bytes: not above the size of the ring, which is below 2 GiB */
static inline u32 ring_advance(const struct hv_ring_buffer_info *ring,
			       u32 index, u32 bytes)
{
	index += bytes;
	return index >= ring->ring_datasize ? index - ring->ring_datasize :
					      index;
}

struct kvec;

/*
 * Copies the pieces (the first starts with the packet's descriptor) and a
 * trailer into the outbound ring, publishes and signals.  *trans_id (or NULL):
 * the transaction id that went out.
 *
 * Returns 0; -EAGAIN: no room, or no request id free; -ENODEV: the channel is
 * rescinded or closed; -EIO: the root broke the ring.  Any context; takes the
 * ring's lock.
 */
int vmb_ring_write(struct vmbus_channel *channel, const struct kvec *kv,
		   unsigned int count, u64 requestid, u64 *trans_id);

#endif
