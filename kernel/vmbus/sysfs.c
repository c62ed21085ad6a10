// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of a device, /sys/bus/vmbus/devices/<instance>/.  Names and
 * formats are those that lsvmbus, udev rules and Azure's tools read.
 *
 * The device holds its channel, so that is always there; the rings are there
 * only while the channel is open, and hv_ringbuffer_get_debuginfo() knows.
 */
#include <linux/device.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/topology.h>

#include "vmbus_var.h"

static struct vmbus_channel *dev_channel(struct device *dev)
{
	return device_to_hv_device(dev)->channel;
}

static ssize_t id_show(struct device *dev, struct device_attribute *attr,
		       char *buf)
{
	return sysfs_emit(buf, "%d\n", dev_channel(dev)->offermsg.child_relid);
}
static DEVICE_ATTR_RO(id);

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%d\n", READ_ONCE(dev_channel(dev)->state));
}
static DEVICE_ATTR_RO(state);

static ssize_t class_id_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "{%pUl}\n", &device_to_hv_device(dev)->dev_type);
}
static DEVICE_ATTR_RO(class_id);

static ssize_t device_id_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "{%pUl}\n",
			  &device_to_hv_device(dev)->dev_instance);
}
static DEVICE_ATTR_RO(device_id);

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "vmbus:%16phN\n",
			  &device_to_hv_device(dev)->dev_type);
}
static DEVICE_ATTR_RO(modalias);

#ifdef CONFIG_NUMA
static ssize_t numa_node_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n",
			  cpu_to_node(READ_ONCE(dev_channel(dev)->target_cpu)));
}
static DEVICE_ATTR_RO(numa_node);
#endif

static ssize_t vendor_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "0x%x\n", device_to_hv_device(dev)->vendor_id);
}
static DEVICE_ATTR_RO(vendor);

static ssize_t device_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "0x%x\n", device_to_hv_device(dev)->device_id);
}
static DEVICE_ATTR_RO(device);

/* One line "relid:CPU" for each channel of the device, the primary first. */
static ssize_t channel_vp_mapping_show(struct device *dev,
				       struct device_attribute *attr, char *buf)
{
	struct vmbus_channel *primary = dev_channel(dev), *sub;
	int len;

	vmb_lock();
	len = sysfs_emit(buf, "%u:%u\n", primary->offermsg.child_relid,
			 primary->target_cpu);
	list_for_each_entry(sub, &primary->sc_list, sc_list)
		len += sysfs_emit_at(buf, len, "%u:%u\n",
				     sub->offermsg.child_relid,
				     sub->target_cpu);
	vmb_unlock();
	return len;
}
static DEVICE_ATTR_RO(channel_vp_mapping);

#ifndef COMPAT_HAVE_BUS_DRIVER_OVERRIDE
/*
 * Guards driver_override of every device.  The device's own lock won't do: a
 * match that comes from the driver's side (its registration, new_id, bind) is
 * made without it.
 */
static DEFINE_SPINLOCK(override_lock);

int device_match_driver_override(struct device *dev,
				 const struct device_driver *drv)
{
	const char *name;
	int match;

	spin_lock(&override_lock);
	name = device_to_hv_device(dev)->driver_override;
	match = name ? !strcmp(name, drv->name) : -1;
	spin_unlock(&override_lock);
	return match;
}

static ssize_t driver_override_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	ssize_t len;

	spin_lock(&override_lock);
	len = sysfs_emit(buf, "%s\n", device_to_hv_device(dev)->driver_override);
	spin_unlock(&override_lock);
	return len;
}

static ssize_t driver_override_store(struct device *dev,
				     struct device_attribute *attr,
				     const char *buf, size_t count)
{
	struct hv_device *hv_dev = device_to_hv_device(dev);
	size_t len = strchrnul(buf, '\n') - buf;
	const char *name = NULL;

	/* It must fit with its newline when it is read back. */
	if (count >= PAGE_SIZE - 1)
		return -EINVAL;
	if (len) {
		name = kstrndup(buf, len, GFP_KERNEL);
		if (!name)
			return -ENOMEM;
	}

	spin_lock(&override_lock);
	swap(hv_dev->driver_override, name);
	spin_unlock(&override_lock);
	kfree(name);
	return count;
}
static DEVICE_ATTR_RW(driver_override);
#endif

static struct attribute *common_attrs[] = {
	&dev_attr_id.attr,
	&dev_attr_state.attr,
	&dev_attr_class_id.attr,
	&dev_attr_device_id.attr,
	&dev_attr_modalias.attr,
#ifdef CONFIG_NUMA
	&dev_attr_numa_node.attr,
#endif
	&dev_attr_vendor.attr,
	&dev_attr_device.attr,
	&dev_attr_channel_vp_mapping.attr,
#ifndef COMPAT_HAVE_BUS_DRIVER_OVERRIDE
	&dev_attr_driver_override.attr,
#endif
	NULL
};

static const struct attribute_group common_group = {
	.attrs = common_attrs,
};

/*
 * The rings of the primary channel; -EINVAL while it isn't open.
 */
static ssize_t ring_emit(struct device *dev, char *buf, bool out, size_t field)
{
	struct vmbus_channel *channel = dev_channel(dev);
	struct hv_ring_buffer_debug_info info;
	int ret;

	if (READ_ONCE(channel->state) != CHANNEL_OPENED_STATE)
		return -EINVAL;
	ret = hv_ringbuffer_get_debuginfo(out ? &channel->outbound :
						&channel->inbound, &info);
	if (ret)
		return ret;
	return sysfs_emit(buf, "%u\n", *(u32 *)((u8 *)&info + field));
}

#define RING_ATTR(dir, name, field)					\
static ssize_t dir##_##name##_show(struct device *dev,			\
				   struct device_attribute *attr,	\
				   char *buf)				\
{									\
	return ring_emit(dev, buf, #dir[0] == 'o',			\
			 offsetof(struct hv_ring_buffer_debug_info,	\
				  field));				\
}									\
static DEVICE_ATTR_RO(dir##_##name)

RING_ATTR(out, intr_mask, current_interrupt_mask);
RING_ATTR(out, read_index, current_read_index);
RING_ATTR(out, write_index, current_write_index);
RING_ATTR(out, read_bytes_avail, bytes_avail_toread);
RING_ATTR(out, write_bytes_avail, bytes_avail_towrite);
RING_ATTR(in, intr_mask, current_interrupt_mask);
RING_ATTR(in, read_index, current_read_index);
RING_ATTR(in, write_index, current_write_index);
RING_ATTR(in, read_bytes_avail, bytes_avail_toread);
RING_ATTR(in, write_bytes_avail, bytes_avail_towrite);

static struct attribute *ring_attrs[] = {
	&dev_attr_out_intr_mask.attr,
	&dev_attr_out_read_index.attr,
	&dev_attr_out_write_index.attr,
	&dev_attr_out_read_bytes_avail.attr,
	&dev_attr_out_write_bytes_avail.attr,
	&dev_attr_in_intr_mask.attr,
	&dev_attr_in_read_index.attr,
	&dev_attr_in_write_index.attr,
	&dev_attr_in_read_bytes_avail.attr,
	&dev_attr_in_write_bytes_avail.attr,
	NULL
};

static const struct attribute_group ring_group = {
	.attrs = ring_attrs,
};

/*
 * Monitor pages: "server" is the page by which the root signals, "client" ours.
 */
static ssize_t monitor_id_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%d\n", dev_channel(dev)->offermsg.monitorid);
}
static DEVICE_ATTR_RO(monitor_id);

#define MONITOR_ATTR(side, page, what)					\
static ssize_t side##_monitor_##what##_show(struct device *dev,		\
					    struct device_attribute *attr, \
					    char *buf)			\
{									\
	return sysfs_emit(buf, "%d\n",					\
			  vmb_monitor_##what(dev_channel(dev), page));	\
}									\
static DEVICE_ATTR_RO(side##_monitor_##what)

MONITOR_ATTR(server, 0, pending);
MONITOR_ATTR(client, 1, pending);
MONITOR_ATTR(server, 0, latency);
MONITOR_ATTR(client, 1, latency);
MONITOR_ATTR(server, 0, conn_id);
MONITOR_ATTR(client, 1, conn_id);

static struct attribute *monitor_attrs[] = {
	&dev_attr_monitor_id.attr,
	&dev_attr_server_monitor_pending.attr,
	&dev_attr_client_monitor_pending.attr,
	&dev_attr_server_monitor_latency.attr,
	&dev_attr_client_monitor_latency.attr,
	&dev_attr_server_monitor_conn_id.attr,
	&dev_attr_client_monitor_conn_id.attr,
	NULL
};

static umode_t monitor_visible(struct kobject *kobj, struct attribute *attr,
			       int index)
{
	struct vmbus_channel *channel = dev_channel(kobj_to_dev(kobj));

	return channel->offermsg.monitor_allocated ? attr->mode : 0;
}

static const struct attribute_group monitor_group = {
	.attrs = monitor_attrs,
	.is_visible = monitor_visible,
};

const struct attribute_group *vmb_device_groups[] = {
	&common_group,
	&ring_group,
	&monitor_group,
	NULL
};
