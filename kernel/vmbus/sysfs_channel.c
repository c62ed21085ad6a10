// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of a channel, /sys/bus/vmbus/devices/<instance>/channels/<relid>/,
 * for the primary channel and for sub-channels.
 */
#include <linux/sysfs.h>

#include "abi_bus.h"
#include "ring_var.h"
#include "vmbus_var.h"

struct chan_attr {
	struct attribute attr;
	ssize_t (*show)(struct vmbus_channel *channel, char *buf);
	ssize_t (*store)(struct vmbus_channel *channel, const char *buf,
			 size_t count);
};

#define CHAN_ATTR_RO(name) \
	static struct chan_attr chan_attr_##name = __ATTR_RO(name)

static struct vmbus_channel *kobj_channel(struct kobject *kobj)
{
	return container_of(kobj, struct vmbus_channel, kobj);
}

static ssize_t chan_attr_show(struct kobject *kobj, struct attribute *attr,
			      char *buf)
{
	const struct chan_attr *a = container_of(attr, struct chan_attr, attr);

	return a->show ? a->show(kobj_channel(kobj), buf) : -EIO;
}

static ssize_t chan_attr_store(struct kobject *kobj, struct attribute *attr,
			       const char *buf, size_t count)
{
	const struct chan_attr *a = container_of(attr, struct chan_attr, attr);

	return a->store ? a->store(kobj_channel(kobj), buf, count) : -EIO;
}

static const struct sysfs_ops chan_sysfs_ops = {
	.show = chan_attr_show,
	.store = chan_attr_store,
};

/*
 * Monitor pages: what the bits of this channel say.  Page 0 is by which the
 * root signals, page 1 by which we do.
 */
static const struct hv_monitor_page *monitor_page(unsigned int page)
{
	return READ_ONCE(vmbus_connection.monitor_pages[page]);
}

u32 vmb_monitor_pending(const struct vmbus_channel *channel, unsigned int page)
{
	const struct hv_monitor_page *m = monitor_page(page);

	return m ? READ_ONCE(m->trigger_group[channel->monitor_grp].pending) :
		   0;
}

u32 vmb_monitor_latency(const struct vmbus_channel *channel, unsigned int page)
{
	const struct hv_monitor_page *m = monitor_page(page);

	return m ? READ_ONCE(m->latency[channel->monitor_grp]
				       [channel->monitor_bit]) : 0;
}

u32 vmb_monitor_conn_id(const struct vmbus_channel *channel, unsigned int page)
{
	const struct hv_monitor_page *m = monitor_page(page);

	return m ? m->parameter[channel->monitor_grp]
			       [channel->monitor_bit].connectionid.u.id : 0;
}

/*
 * Rings; -EINVAL while the channel isn't open.
 */
static ssize_t ring_emit(struct hv_ring_buffer_info *ring, char *buf,
			 size_t field)
{
	struct hv_ring_buffer_debug_info info;
	int ret;

	ret = hv_ringbuffer_get_debuginfo(ring, &info);
	if (ret)
		return ret;
	return sysfs_emit(buf, "%u\n", *(u32 *)((u8 *)&info + field));
}

#define CHAN_ATTR_RING(name, ring, field)				\
static ssize_t name##_show(struct vmbus_channel *channel, char *buf)	\
{									\
	return ring_emit(&(ring), buf,					\
			 offsetof(struct hv_ring_buffer_debug_info,	\
				  field));				\
}									\
CHAN_ATTR_RO(name)

CHAN_ATTR_RING(out_mask, channel->outbound, current_interrupt_mask);
CHAN_ATTR_RING(in_mask, channel->inbound, current_interrupt_mask);
CHAN_ATTR_RING(read_avail, channel->inbound, bytes_avail_toread);
CHAN_ATTR_RING(write_avail, channel->outbound, bytes_avail_towrite);

/*
 * Counters and numbers
 */
#define CHAN_ATTR_VALUE(name, format, value)				\
static ssize_t name##_show(struct vmbus_channel *channel, char *buf)	\
{									\
	return sysfs_emit(buf, format "\n", value);			\
}									\
CHAN_ATTR_RO(name)

CHAN_ATTR_VALUE(interrupts, "%llu", channel->interrupts);
CHAN_ATTR_VALUE(events, "%llu", channel->sig_events);
CHAN_ATTR_VALUE(intr_in_full, "%llu", channel->intr_in_full);
CHAN_ATTR_VALUE(intr_out_empty, "%llu", channel->intr_out_empty);
CHAN_ATTR_VALUE(out_full_first, "%llu", channel->out_full_first);
CHAN_ATTR_VALUE(out_full_total, "%llu", channel->out_full_total);
CHAN_ATTR_VALUE(subchannel_id, "%u",
		channel->offermsg.offer.sub_channel_index);
CHAN_ATTR_VALUE(monitor_id, "%u", channel->offermsg.monitorid);
CHAN_ATTR_VALUE(pending, "%d", vmb_monitor_pending(channel, 1));
CHAN_ATTR_VALUE(latency, "%d", vmb_monitor_latency(channel, 1));

static ssize_t cpu_show(struct vmbus_channel *channel, char *buf)
{
	return sysfs_emit(buf, "%u\n", READ_ONCE(channel->target_cpu));
}

static ssize_t cpu_store(struct vmbus_channel *channel, const char *buf,
			 size_t count)
{
	u32 cpu;
	int ret;

	ret = kstrtou32(buf, 10, &cpu);
	if (!ret)
		ret = vmb_target_set(channel, cpu);
	return ret ? ret : count;
}

static struct chan_attr chan_attr_cpu = __ATTR_RW(cpu);

static struct attribute *chan_attrs[] = {
	&chan_attr_cpu.attr,
	&chan_attr_out_mask.attr,
	&chan_attr_in_mask.attr,
	&chan_attr_read_avail.attr,
	&chan_attr_write_avail.attr,
	&chan_attr_interrupts.attr,
	&chan_attr_events.attr,
	&chan_attr_intr_in_full.attr,
	&chan_attr_intr_out_empty.attr,
	&chan_attr_out_full_first.attr,
	&chan_attr_out_full_total.attr,
	&chan_attr_subchannel_id.attr,
	&chan_attr_monitor_id.attr,
	&chan_attr_pending.attr,
	&chan_attr_latency.attr,
	NULL
};

static umode_t chan_visible(struct kobject *kobj, struct attribute *attr,
			    int index)
{
	bool monitor = attr == &chan_attr_monitor_id.attr ||
		       attr == &chan_attr_pending.attr ||
		       attr == &chan_attr_latency.attr;

	if (monitor && !kobj_channel(kobj)->offermsg.monitor_allocated)
		return 0;
	return attr->mode;
}

#ifdef COMPAT_HAVE_RING_SYSFS
/*
 * "ring": both rings, for a driver in user space to map.  There only while
 * uio_hv_generic asks for it: another driver's ring is nobody's business.
 */
static int ring_mmap(struct file *file, struct kobject *kobj,
		     struct bin_attribute *attr, struct vm_area_struct *vma)
{
	struct vmbus_channel *channel = kobj_channel(kobj);
	int (*mmap)(struct vmbus_channel *channel, struct vm_area_struct *vma) =
		READ_ONCE(channel->mmap_ring_buffer);

	return mmap ? mmap(channel, vma) : -ENODEV;
}

static struct bin_attribute chan_attr_ring = {
	.attr = { .name = "ring", .mode = 0600 },
	.mmap = ring_mmap,
};

static struct bin_attribute *chan_bin_attrs[] = {
	&chan_attr_ring,
	NULL
};

static umode_t chan_bin_visible(struct kobject *kobj,
				struct bin_attribute *attr, int index)
{
	struct vmbus_channel *channel = kobj_channel(kobj);

	if (!channel->ring_sysfs_visible)
		return 0;
	attr->size = (size_t)channel->ringbuffer_pagecount << PAGE_SHIFT;
	return attr->attr.mode;
}
#endif

static const struct attribute_group chan_group = {
	.attrs = chan_attrs,
	.is_visible = chan_visible,
#ifdef COMPAT_HAVE_RING_SYSFS
	.bin_attrs = chan_bin_attrs,
	.is_bin_visible = chan_bin_visible,
#endif
};

#ifdef COMPAT_HAVE_RING_SYSFS
/*
 * Shows the file "ring" of an open channel; @hv_mmap_ring_buffer serves its
 * mmap.  -errno.
 */
int hv_create_ring_sysfs(struct vmbus_channel *channel,
			 int (*hv_mmap_ring_buffer)(struct vmbus_channel *channel,
						    struct vm_area_struct *vma))
{
	WRITE_ONCE(channel->mmap_ring_buffer, hv_mmap_ring_buffer);
	channel->ring_sysfs_visible = true;
	return sysfs_update_group(&channel->kobj, &chan_group);
}
EXPORT_SYMBOL_GPL(hv_create_ring_sysfs);

/* Hides it again; no call of the mmap function is running afterwards. */
int hv_remove_ring_sysfs(struct vmbus_channel *channel)
{
	int ret;

	channel->ring_sysfs_visible = false;
	ret = sysfs_update_group(&channel->kobj, &chan_group);
	WRITE_ONCE(channel->mmap_ring_buffer, NULL);
	return ret;
}
EXPORT_SYMBOL_GPL(hv_remove_ring_sysfs);
#endif

static void chan_kobj_release(struct kobject *kobj)
{
	vmb_chan_put(vmb_chan(kobj_channel(kobj)));
}

static const struct kobj_type chan_ktype = {
	.sysfs_ops = &chan_sysfs_ops,
	.release = chan_kobj_release,
};

int vmb_sysfs_channel_add(struct hv_device *dev, struct vmbus_channel *channel)
{
	struct kobject *kobj = &channel->kobj;
	int ret;

	vmb_chan_get(vmb_chan(channel));
	kobj->kset = dev->channels_kset;
	ret = kobject_init_and_add(kobj, &chan_ktype, NULL, "%u",
				   channel->offermsg.child_relid);
	if (!ret)
		ret = sysfs_create_group(kobj, &chan_group);
	if (ret) {
		kobject_put(kobj);
		return ret;
	}
	kobject_uevent(kobj, KOBJ_ADD);
	return 0;
}

int vmb_sysfs_channel_rename(struct vmbus_channel *channel)
{
	char name[sizeof("4294967295")];

	snprintf(name, sizeof(name), "%u", channel->offermsg.child_relid);
	if (!strcmp(name, kobject_name(&channel->kobj)))
		return 0;
	return kobject_rename(&channel->kobj, name);
}

void vmb_sysfs_channel_remove(struct vmbus_channel *channel)
{
	kobject_del(&channel->kobj);
	kobject_put(&channel->kobj);
}
