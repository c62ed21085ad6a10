// SPDX-License-Identifier: GPL-2.0
/*
 * Ring buffers: receiving packets from the root.  ring.c tells the rules.
 *
 * One reader per channel: the channel's callback, or whoever the driver has
 * put in its place.  priv_read_index is how far it has got; the root learns of
 * it when a batch is done (hv_pkt_iter_close()).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "abi_ring.h"
#include "ring_var.h"
#include "vmbus_var.h"

#define RING_PKT_MIN	(sizeof(struct ring_pkt) + sizeof(struct ring_trailer))

/* Bytes to read; 0 when there are none, or when the index is nonsense. */
static u32 ring_readable(struct vmbus_channel *channel)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;
	u32 write;

	if (unlikely(!ring->ring_buffer))
		return 0;

	/* Packets up to here are visible.  Partner: the root's release. */
	write = virt_load_acquire(&ring->ring_buffer->write_index);
	if (unlikely(!ring_index_valid(ring, write))) {
		pr_err_ratelimited("%s, channel %u: bad write index %u\n",
				   vmb_chan_device_name(channel),
				   channel->offermsg.child_relid, write);
		return 0;
	}
	return ring_used(ring, ring->priv_read_index, write);
}

/*
 * Has the root interrupt for new packets again.  Returns whether one came
 * before it could know.  What can't be read (a write index that is nonsense,
 * less than a packet) is none: who came back for it would do so for ever.
 */
bool vmb_ring_unmask(struct vmbus_channel *channel)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;
	struct hv_ring_buffer *ctl = ring->ring_buffer;
	u32 write;

	if (unlikely(!ctl))
		return false;
	WRITE_ONCE(ctl->interrupt_mask, 0);
	/*
	 * Before the load of the write index.  Partner: the root's fence
	 * between its store of that and its look at the mask.
	 */
	virt_mb();
	write = READ_ONCE(ctl->write_index);
	return ring_index_valid(ring, write) &&
	       ring_used(ring, ring->priv_read_index, write) >= RING_PKT_MIN;
}

static void ring_discard(struct vmbus_channel *channel, u32 bytes)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;

	ring->priv_read_index = ring_advance(ring, ring->priv_read_index,
					     bytes);
	hv_pkt_iter_close(channel);
}

/*
 * Copies the next packet into the channel's private buffer.  @avail: what is
 * in the ring.  Returns NULL after having thrown away what can't be a packet
 * (all of the ring, since nobody knows where the next one starts) or can't be
 * delivered (that packet); *dropped says how much that was.
 */
static struct vmpacket_descriptor *ring_fetch(struct vmbus_channel *channel,
					      u32 avail, u32 *dropped)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;
	const u8 *from = ring->ring_buffer->buffer + ring->priv_read_index;
	struct vmpacket_descriptor hdr;
	u32 len, offset;

	memcpy(&hdr, from, sizeof(hdr));
	/* What was checked is what is used, whatever the root does now. */
	barrier();
	len = hdr.len8 << 3;
	offset = hdr.offset8 << 3;

	if (unlikely(len < sizeof(hdr) ||
		     len + sizeof(struct ring_trailer) > avail)) {
		pr_err_ratelimited("%s, channel %u: packet of %u bytes, %u there\n",
				   vmb_chan_device_name(channel),
				   channel->offermsg.child_relid, len, avail);
		*dropped = avail;
		return NULL;
	}
	if (unlikely(len > ring->pkt_buffer_size || offset < sizeof(hdr) ||
		     offset > len)) {
		pr_err_ratelimited("%s, channel %u: packet of %u bytes (at most %u), payload at %u\n",
				   vmb_chan_device_name(channel),
				   channel->offermsg.child_relid, len,
				   ring->pkt_buffer_size, offset);
		*dropped = len + sizeof(struct ring_trailer);
		return NULL;
	}

	memcpy(ring->pkt_buffer, &hdr, sizeof(hdr));
	memcpy(ring->pkt_buffer + sizeof(hdr), from + sizeof(hdr),
	       len - sizeof(hdr));
	return ring->pkt_buffer;
}

/*
 * The next packet, or NULL.  It is a private copy, checked as far as the
 * descriptor goes, and valid until the next call.
 */
struct vmpacket_descriptor *hv_pkt_iter_first(struct vmbus_channel *channel)
{
	struct vmpacket_descriptor *desc;
	u32 avail = ring_readable(channel);
	u32 dropped;

	/* Ends: each turn takes away from what was there at the start. */
	while (avail >= RING_PKT_MIN) {
		desc = ring_fetch(channel, avail, &dropped);
		if (desc)
			return desc;
		ring_discard(channel, dropped);
		avail -= dropped;
	}
	return NULL;
}
EXPORT_SYMBOL_GPL(hv_pkt_iter_first);

/* Is done with @desc, which came from one of these two functions. */
struct vmpacket_descriptor *
__hv_pkt_iter_next(struct vmbus_channel *channel,
		   const struct vmpacket_descriptor *desc)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;
	u32 len = (desc->len8 << 3) + sizeof(struct ring_trailer);

	ring->priv_read_index = ring_advance(ring, ring->priv_read_index, len);
	return hv_pkt_iter_first(channel);
}
EXPORT_SYMBOL_GPL(__hv_pkt_iter_next);

/*
 * End of a batch: gives the space back to the root, and signals if the root
 * said that it waits for that much.
 */
void hv_pkt_iter_close(struct vmbus_channel *channel)
{
	struct hv_ring_buffer_info *ring = &channel->inbound;
	struct hv_ring_buffer *ctl = ring->ring_buffer;
	u32 before, pending, write, room, taken;

	if (unlikely(!ctl))
		return;
	before = READ_ONCE(ctl->read_index);

	/*
	 * The root may overwrite from here on.  Orders all our loads of packets
	 * before; partner: the root's acquire of the read index.
	 */
	virt_store_release(&ctl->read_index, ring->priv_read_index);

	if (!ctl->feature_bits.feat_pending_send_sz)
		return;

	/*
	 * Our store of the read index before the load of the pending size.
	 * Partner: a blocked root stores the pending size, fences, and looks at
	 * the read index once more before it sleeps.
	 */
	virt_mb();
	pending = READ_ONCE(ctl->pending_send_sz);
	if (!pending)
		return;

	/* The root sets the size after its last write. */
	virt_rmb();
	write = READ_ONCE(ctl->write_index);
	if (!ring_index_valid(ring, write) || !ring_index_valid(ring, before))
		return;

	room = ring->ring_datasize -
	       ring_used(ring, ring->priv_read_index, write);
	taken = ring_used(ring, before, ring->priv_read_index);
	if (room <= pending || room - taken > pending)
		return;		/* not enough yet, or enough before */

	++channel->intr_in_full;
	vmbus_setevent(channel);
}
EXPORT_SYMBOL_GPL(hv_pkt_iter_close);
