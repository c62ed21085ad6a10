// SPDX-License-Identifier: GPL-2.0
/*
 * Ring buffers, the driver's side: mapping, writing, reading, signalling.
 *
 * A channel has two rings.  Of the outbound one we own the write index and the
 * pending-send size, of the inbound one the read index and the interrupt mask;
 * everything else in a control page belongs to the root and may change at any
 * moment to any value.  So a foreign index is loaded once and checked before
 * use, and a packet is copied out of the ring before anybody looks into it.
 *
 * The data pages are mapped twice, back to back: a packet that wraps is one
 * piece of memory, and any range that starts inside the ring and is no longer
 * than it stays inside the mapping.
 *
 * Who signals whom (TLFS doesn't say; see the ring-buffer chapter of the
 * protocol notes): the writer of a ring signals when the ring was empty and
 * the reader hasn't masked interrupts; the reader signals when it made room
 * that the writer declared to be waiting for.  Both decisions are "store mine,
 * full fence, load theirs", and the peer does the same crosswise: at least one
 * of the two sees the other's store, so no wake-up is lost.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "abi_ring.h"
#include "ring_var.h"
#include "vmbus_var.h"

const char *vmb_chan_device_name(const struct vmbus_channel *channel)
{
	const struct vmbus_channel *primary = channel->primary_channel;
	struct hv_device *dev;

	dev = READ_ONCE((primary ?: channel)->device_obj);
	return dev ? dev_name(&dev->device) : "no device";
}

void vmb_ring_prepare(struct vmbus_channel *channel)
{
	mutex_init(&channel->inbound.ring_buffer_mutex);
	mutex_init(&channel->outbound.ring_buffer_mutex);
	spin_lock_init(&channel->inbound.ring_lock);
	spin_lock_init(&channel->outbound.ring_lock);
}

static struct hv_ring_buffer *ring_map(struct page *pages, u32 page_count)
{
	u32 data = page_count - 1;
	struct page **list;
	void *map;
	u32 i;

	list = kvcalloc(1 + 2 * (size_t)data, sizeof(*list), GFP_KERNEL);
	if (!list)
		return NULL;
	list[0] = pages;
	for (i = 0; i < 2 * data; i++)
		list[1 + i] = pages + 1 + i % data;
	map = vmap(list, 1 + 2 * data, VM_MAP, pgprot_decrypted(PAGE_KERNEL));
	kvfree(list);
	return map;
}

int vmb_ring_init(struct hv_ring_buffer_info *ring, struct page *pages,
		  u32 page_count, u32 max_pkt_size)
{
	struct hv_ring_buffer *ctl;
	void *buffer = NULL;

	BUILD_BUG_ON(sizeof(struct hv_ring_buffer) != PAGE_SIZE);

	if (page_count < 2 || page_count > SZ_1G >> PAGE_SHIFT)
		return -EINVAL;

	ctl = ring_map(pages, page_count);
	if (!ctl)
		return -ENOMEM;
	if (max_pkt_size) {
		buffer = kzalloc(max_pkt_size, GFP_KERNEL);
		if (!buffer) {
			vunmap(ctl);
			return -ENOMEM;
		}
	}

	ctl->read_index = 0;
	ctl->write_index = 0;
	ctl->interrupt_mask = 0;
	ctl->pending_send_sz = 0;
	ctl->feature_bits.value = RING_FEATURE_PENDING_SEND;

	mutex_lock(&ring->ring_buffer_mutex);
	ring->ring_buffer = ctl;
	ring->ring_size = page_count << PAGE_SHIFT;
	ring->ring_size_div10_reciprocal =
		reciprocal_value(ring->ring_size / 10);
	ring->ring_datasize = (page_count - 1) << PAGE_SHIFT;
	ring->priv_read_index = 0;
	ring->pkt_buffer = buffer;
	ring->pkt_buffer_size = max_pkt_size;
	mutex_unlock(&ring->ring_buffer_mutex);
	return 0;
}

void vmb_ring_free(struct hv_ring_buffer_info *ring)
{
	struct hv_ring_buffer *ctl;
	unsigned long flags;

	/* The mutex keeps out sysfs, the lock keeps out late senders. */
	mutex_lock(&ring->ring_buffer_mutex);
	spin_lock_irqsave(&ring->ring_lock, flags);
	ctl = ring->ring_buffer;
	ring->ring_buffer = NULL;
	spin_unlock_irqrestore(&ring->ring_lock, flags);

	vunmap(ctl);
	kfree(ring->pkt_buffer);
	ring->pkt_buffer = NULL;
	ring->pkt_buffer_size = 0;
	mutex_unlock(&ring->ring_buffer_mutex);
}

/*
 * What a ring looks like right now, for diagnosis.  -EINVAL: not open.
 * Process context.
 */
int hv_ringbuffer_get_debuginfo(struct hv_ring_buffer_info *ring_info,
				struct hv_ring_buffer_debug_info *debug_info)
{
	const struct hv_ring_buffer *ctl;
	u32 read, write, used;
	int ret = -EINVAL;

	mutex_lock(&ring_info->ring_buffer_mutex);
	ctl = ring_info->ring_buffer;
	if (!ctl)
		goto unlock;

	read = READ_ONCE(ctl->read_index);
	write = READ_ONCE(ctl->write_index);
	used = 0;
	if (ring_index_valid(ring_info, read) &&
	    ring_index_valid(ring_info, write))
		used = ring_used(ring_info, read, write);
	debug_info->current_interrupt_mask = READ_ONCE(ctl->interrupt_mask);
	debug_info->current_read_index = read;
	debug_info->current_write_index = write;
	debug_info->bytes_avail_toread = used;
	debug_info->bytes_avail_towrite = ring_info->ring_datasize - used;
	ret = 0;
unlock:
	mutex_unlock(&ring_info->ring_buffer_mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(hv_ringbuffer_get_debuginfo);

/*
 * Whether somebody, perhaps on a CPU that has stopped, is writing to the
 * channel: a panic handler asks before it sends.
 */
bool hv_ringbuffer_spinlock_busy(struct vmbus_channel *channel)
{
	return spin_is_locked(&channel->outbound.ring_lock);
}
EXPORT_SYMBOL_GPL(hv_ringbuffer_spinlock_busy);
