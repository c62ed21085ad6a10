// SPDX-License-Identifier: GPL-2.0
/*
 * Request tables: a driver's request goes out with a small number instead of
 * an address, and what comes back is looked up, so the root can't make a
 * driver follow a pointer of the root's choosing, nor complete a thing twice.
 *
 * A number on the wire is the slot plus 1: the root may use 0 for packets that
 * answer nothing.  A free slot holds the number of the next free one.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "abi_chan.h"
#include "vmbus_var.h"

int vmb_requestor_alloc(struct vmbus_requestor *rqstor, u32 size)
{
	u32 i;

	spin_lock_init(&rqstor->req_lock);
	rqstor->req_arr = NULL;
	rqstor->req_bitmap = NULL;
	rqstor->size = 0;
	rqstor->next_request_id = 0;
	if (!size)
		return 0;

	rqstor->req_arr = kvmalloc_array(size, sizeof(*rqstor->req_arr),
					 GFP_KERNEL);
	rqstor->req_bitmap = bitmap_zalloc(size, GFP_KERNEL);
	if (!rqstor->req_arr || !rqstor->req_bitmap) {
		vmb_requestor_free(rqstor);
		return -ENOMEM;
	}
	for (i = 0; i < size; i++)
		rqstor->req_arr[i] = i + 1;
	rqstor->size = size;
	return 0;
}

void vmb_requestor_free(struct vmbus_requestor *rqstor)
{
	rqstor->size = 0;
	kvfree(rqstor->req_arr);
	rqstor->req_arr = NULL;
	bitmap_free(rqstor->req_bitmap);
	rqstor->req_bitmap = NULL;
}

/*
 * A number for @rqst_addr; VMBUS_NO_RQSTOR: the channel has no table;
 * VMBUS_RQST_ERROR: all numbers are taken.  Any context.
 */
u64 vmbus_next_request_id(struct vmbus_channel *channel, u64 rqst_addr)
{
	struct vmbus_requestor *table = &channel->requestor;
	unsigned long flags;
	u64 slot;

	if (!channel->rqstor_size)
		return VMBUS_NO_RQSTOR;

	lock_requestor(channel, flags);
	slot = table->next_request_id;
	if (slot >= table->size) {
		unlock_requestor(channel, flags);
		return VMBUS_RQST_ERROR;
	}
	table->next_request_id = table->req_arr[slot];
	table->req_arr[slot] = rqst_addr;
	__set_bit(slot, table->req_bitmap);
	unlock_requestor(channel, flags);
	return slot + 1;
}
EXPORT_SYMBOL_GPL(vmbus_next_request_id);

/*
 * The address that @trans_id stands for; VMBUS_RQST_ERROR if for none.  The
 * number becomes free if the address is @rqst_addr, or that is
 * VMBUS_RQST_ADDR_ANY.  Caller holds lock_requestor().
 */
u64 __vmbus_request_addr_match(struct vmbus_channel *channel, u64 trans_id,
			       u64 rqst_addr)
{
	struct vmbus_requestor *table = &channel->requestor;
	u64 slot = trans_id - 1;
	u64 addr;

	if (!channel->rqstor_size)
		return VMBUS_NO_RQSTOR;

	/* 0 wraps to a number above any size. */
	if (slot >= table->size || !test_bit(slot, table->req_bitmap))
		return VMBUS_RQST_ERROR;

	addr = table->req_arr[slot];
	if (rqst_addr == VMBUS_RQST_ADDR_ANY || rqst_addr == addr) {
		__clear_bit(slot, table->req_bitmap);
		table->req_arr[slot] = table->next_request_id;
		table->next_request_id = slot;
	}
	return addr;
}
EXPORT_SYMBOL_GPL(__vmbus_request_addr_match);

u64 vmbus_request_addr_match(struct vmbus_channel *channel, u64 trans_id,
			     u64 rqst_addr)
{
	unsigned long flags;
	u64 addr;

	lock_requestor(channel, flags);
	addr = __vmbus_request_addr_match(channel, trans_id, rqst_addr);
	unlock_requestor(channel, flags);
	return addr;
}
EXPORT_SYMBOL_GPL(vmbus_request_addr_match);

/* Takes the address that @trans_id stands for. */
u64 vmbus_request_addr(struct vmbus_channel *channel, u64 trans_id)
{
	return vmbus_request_addr_match(channel, trans_id,
					VMBUS_RQST_ADDR_ANY);
}
EXPORT_SYMBOL_GPL(vmbus_request_addr);
