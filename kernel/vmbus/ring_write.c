// SPDX-License-Identifier: GPL-2.0
/*
 * Ring buffers: sending packets to the root.  ring.c tells the rules.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/uio.h>

#include "batch.h"
#include "ring_var.h"
#include "vmbus_var.h"

/* After the write index went from @old on: does the root sleep? */
static bool ring_write_needs_signal(struct vmbus_channel *channel, u32 old)
{
	const struct hv_ring_buffer *ctl = channel->outbound.ring_buffer;

	/*
	 * Orders our store of the write index before the loads below.  Partner:
	 * the root's fence between unmasking and its last look at the write
	 * index (host/vmbus ring reader).
	 */
	virt_mb();
	if (READ_ONCE(ctl->interrupt_mask))
		return false;

	/* The mask must be loaded before the read index: see above. */
	virt_rmb();
	/* If it hadn't caught up, it will look again. */
	return READ_ONCE(ctl->read_index) == old;
}

/*
 * A signal is called for: whether to send it now. Else the batch's end does.
 * Under the ring's lock.
 */
static bool ring_signal_now(struct vmbus_channel *channel)
{
	struct vmb_chan *c = vmb_chan(channel);

	if (c->batches) {
		c->signal_owed = true;
		return false;
	}
	++channel->intr_out_empty;
	return true;
}

static void batch_begin(struct vmbus_channel *channel)
{
	unsigned long flags;

	spin_lock_irqsave(&channel->outbound.ring_lock, flags);
	vmb_chan(channel)->batches++;
	spin_unlock_irqrestore(&channel->outbound.ring_lock, flags);
}

/*
 * A signal is owed when the root was asleep at one of the batch's packets. If it
 * is masked by now it has woken up, by itself or for a signal of another batch,
 * and looks at the write index once more before it sleeps; and if it has read
 * everything there is nothing to tell it.
 */
static bool batch_needs_signal(struct vmbus_channel *channel)
{
	const struct hv_ring_buffer *ctl = channel->outbound.ring_buffer;

	if (!ctl)
		return false;	/* closed meanwhile */
	/* As in ring_write_needs_signal(), with the same partner. */
	virt_mb();
	if (READ_ONCE(ctl->interrupt_mask))
		return false;
	/* The mask first, as there. */
	virt_rmb();
	return READ_ONCE(ctl->read_index) != READ_ONCE(ctl->write_index);
}

static void batch_end(struct vmbus_channel *channel)
{
	struct vmb_chan *c = vmb_chan(channel);
	unsigned long flags;
	bool signal;

	spin_lock_irqsave(&channel->outbound.ring_lock, flags);
	c->batches--;
	signal = c->signal_owed && batch_needs_signal(channel);
	/* The first of several batches to end pays for them all. */
	c->signal_owed = false;
	if (signal)
		++channel->intr_out_empty;
	spin_unlock_irqrestore(&channel->outbound.ring_lock, flags);

	if (signal)
		vmbus_setevent(channel);
}

const struct vmb_batch_ops vmb_batch = {
	.begin = batch_begin,
	.end = batch_end,
};
EXPORT_SYMBOL_GPL(vmb_batch);

static u64 ring_request_id(struct vmbus_channel *channel, u16 flags,
			   u64 requestid)
{
	if (flags != VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED ||
	    !channel->next_request_id_callback)
		return VMBUS_NO_RQSTOR;
	return channel->next_request_id_callback(channel, requestid);
}

int vmb_ring_write(struct vmbus_channel *channel, const struct kvec *kv,
		   unsigned int count, u64 requestid, u64 *trans_id)
{
	struct hv_ring_buffer_info *ring = &channel->outbound;
	const struct vmpacket_descriptor *own = kv[0].iov_base;
	u32 read, old, total = sizeof(struct ring_trailer);
	struct vmpacket_descriptor *desc;
	struct ring_trailer trailer = {};
	struct hv_ring_buffer *ctl;
	unsigned long flags;
	unsigned int i;
	u64 id, wire_id;
	bool signal;
	u8 *to;

	if (channel->rescind)
		return -ENODEV;
	for (i = 0; i < count; i++)
		total += kv[i].iov_len;

	spin_lock_irqsave(&ring->ring_lock, flags);
	ctl = ring->ring_buffer;
	if (unlikely(!ctl)) {
		spin_unlock_irqrestore(&ring->ring_lock, flags);
		return -ENODEV;
	}
	read = READ_ONCE(ctl->read_index);
	old = READ_ONCE(ctl->write_index);
	if (unlikely(!ring_index_valid(ring, read) ||
		     !ring_index_valid(ring, old))) {
		spin_unlock_irqrestore(&ring->ring_lock, flags);
		pr_err_ratelimited("%s, channel %u: bad ring index (%u, %u)\n",
				   vmb_chan_device_name(channel),
				   channel->offermsg.child_relid, read, old);
		return -EIO;
	}

	/* Equal would leave the ring looking empty. */
	if (ring->ring_datasize - ring_used(ring, read, old) <= total) {
		++channel->out_full_total;
		if (!channel->out_full_flag) {
			++channel->out_full_first;
			channel->out_full_flag = true;
		}
		spin_unlock_irqrestore(&ring->ring_lock, flags);
		return -EAGAIN;
	}
	channel->out_full_flag = false;

	/*
	 * The stores below depend on the load of the read index by the test
	 * above: they can't overtake the root's reading of what they overwrite.
	 */
	to = (u8 *)ctl->buffer + old;
	desc = (struct vmpacket_descriptor *)to;
	for (i = 0; i < count; i++) {
		memcpy(to, kv[i].iov_base, kv[i].iov_len);
		to += kv[i].iov_len;
	}
	trailer.start = old;
	memcpy(to, &trailer, sizeof(trailer));

	/*
	 * The id comes into being last: from then on a completion finds the
	 * request, even one that the root makes up, and its owner may free what
	 * was copied above.
	 */
	id = ring_request_id(channel, own->flags, requestid);
	if (unlikely(id == VMBUS_RQST_ERROR)) {
		spin_unlock_irqrestore(&ring->ring_lock, flags);
		return -EAGAIN;
	}
	wire_id = id == VMBUS_NO_RQSTOR ? requestid : id;
	WRITE_ONCE(desc->trans_id, wire_id);

	/* Publishes the packet.  Partner: the root's acquire of the index. */
	virt_store_release(&ctl->write_index, ring_advance(ring, old, total));
	/* Under the lock, which keeps the ring mapped. */
	signal = ring_write_needs_signal(channel, old) &&
		 ring_signal_now(channel);
	spin_unlock_irqrestore(&ring->ring_lock, flags);

	if (signal)
		vmbus_setevent(channel);
	if (trans_id)
		*trans_id = wire_id;

	/*
	 * A rescind between the test above and here: nobody will complete the
	 * request, so take its id back and report the failure.
	 */
	if (unlikely(channel->rescind)) {
		if (id != VMBUS_NO_RQSTOR && channel->request_addr_callback)
			channel->request_addr_callback(channel, id);
		return -ENODEV;
	}
	return 0;
}
