// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: hv_vmbus/<instance>, the state of all channels of a device and of
 * their rings at this moment, one line per ring; hv_vmbus/lent, what the root
 * hasn't given back of channels that are closed.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "vmbus_var.h"

static struct dentry *root;

static void ring_print(struct seq_file *m, const char *name,
		       struct hv_ring_buffer_info *ring)
{
	struct hv_ring_buffer_debug_info info;

	if (hv_ringbuffer_get_debuginfo(ring, &info)) {
		seq_printf(m, "  %-3s not open\n", name);
		return;
	}
	seq_printf(m, "  %-3s size %u read %u write %u used %u mask %u\n", name,
		   ring->ring_datasize, info.current_read_index,
		   info.current_write_index, info.bytes_avail_toread,
		   info.current_interrupt_mask);
}

static void channel_print(struct seq_file *m, struct vmbus_channel *channel)
{
	seq_printf(m, "channel %u index %u cpu %u state %d%s signals %llu interrupts %llu full %llu\n",
		   channel->offermsg.child_relid,
		   channel->offermsg.offer.sub_channel_index,
		   channel->target_cpu, channel->state,
		   channel->rescind ? " rescinded" : "",
		   channel->sig_events, channel->interrupts,
		   channel->out_full_total);
	ring_print(m, "out", &channel->outbound);
	ring_print(m, "in", &channel->inbound);
}

static int device_show(struct seq_file *m, void *unused)
{
	struct hv_device *dev = m->private;
	struct vmbus_channel *sub;

	vmb_lock();
	channel_print(m, dev->channel);
	list_for_each_entry(sub, &dev->channel->sc_list, sc_list)
		channel_print(m, sub);
	vmb_unlock();
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(device);

void vmb_debugfs_add(struct hv_device *dev)
{
	dev->debug_dir = debugfs_create_file(dev_name(&dev->device), 0400, root,
					     dev, &device_fops);
}

/* No reader is inside when this returns. */
void vmb_debugfs_remove(struct hv_device *dev)
{
	debugfs_remove(dev->debug_dir);
	dev->debug_dir = NULL;
}

static int lent_show(struct seq_file *m, void *unused)
{
	vmb_lent_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(lent);

void vmb_debugfs_init(void)
{
	root = debugfs_create_dir("hv_vmbus", NULL);
	debugfs_create_file("lent", 0400, root, NULL, &lent_fops);
}

void vmb_debugfs_exit(void)
{
	debugfs_remove(root);
	root = NULL;
}
