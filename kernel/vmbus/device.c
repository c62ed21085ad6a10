// SPDX-License-Identifier: GPL-2.0
/*
 * Devices on the bus: one for each primary channel.
 *
 * The folder channels/ and the primary channel's entry must be there when the
 * driver's probe runs (drivers for user-space I/O add files to it), and go
 * only after its remove.  The driver core has no such callbacks, but it
 * notifies at exactly these moments.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/pci_ids.h>
#include <linux/slab.h>

#include "abi_bus.h"
#include "vmbus_var.h"

/*
 * Of every device: entries are made and renamed in its folder of channels while
 * it may be on its way out.
 */
static DEFINE_MUTEX(folder_mutex);

static void device_release(struct device *device)
{
	struct hv_device *dev = device_to_hv_device(device);

	vmb_chan_put(vmb_chan(dev->channel));
	hv_device_override_free(dev);
	kfree(dev);
}

struct hv_device *vmb_device_create(const guid_t *type, const guid_t *instance,
				    struct vmbus_channel *channel)
{
	struct hv_device *dev;

	dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	if (!dev)
		return NULL;

	dev->dev_type = *type;
	dev->dev_instance = *instance;
	dev->vendor_id = PCI_VENDOR_ID_MICROSOFT;
	dev->device_id = channel->device_id;
	vmb_chan_get(vmb_chan(channel));
	dev->channel = channel;

	device_initialize(&dev->device);
	dev->device.bus = &vmb_bus;
	dev->device.parent = vmb.root_dev;
	dev->device.release = device_release;
	dev->device.dma_parms = &dev->dma_parms;
	dev->device.dma_mask = &dev->dma_mask;
	dev->dma_mask = DMA_BIT_MASK(64);
	dev->device.coherent_dma_mask = DMA_BIT_MASK(64);
	return dev;
}

int vmb_device_register(struct hv_device *dev)
{
	int ret;

	ret = dev_set_name(&dev->device, "%pUl", &dev->dev_instance);
	return ret ? ret : device_add(&dev->device);
}

int vmb_device_add_channel(struct hv_device *dev, struct vmbus_channel *channel)
{
	int ret = -ENODEV;

	mutex_lock(&folder_mutex);
	if (dev->channels_kset)
		ret = vmb_sysfs_channel_add(dev, channel);
	mutex_unlock(&folder_mutex);
	return ret;
}

void vmb_device_renumber(struct hv_device *dev)
{
	int ret = 0;

	mutex_lock(&folder_mutex);
	if (vmb_chan(dev->channel)->kobj_live)
		ret = vmb_sysfs_channel_rename(dev->channel);
	mutex_unlock(&folder_mutex);
	if (ret)
		dev_err(&dev->device, "its channel keeps an old number in sysfs, error %d\n",
			ret);
}

/*
 * Takes a device off the bus: its driver's remove runs, the channel is
 * unlisted and, if rescinded, its relid given back.  The first of several
 * callers does it.  Process context.
 */
void vmbus_device_unregister(struct hv_device *device_obj)
{
	struct vmb_chan *c = vmb_chan(device_obj->channel);

	if (!vmb_chan_claim(c))
		return;
	vmb_chan_get(c);
	device_unregister(&device_obj->device);
	vmb_retry_end(c);	/* no probe that might begin it again */
	vmb_chan_gone(c);
	vmb_chan_put(c);
}
EXPORT_SYMBOL_GPL(vmbus_device_unregister);

static void device_added(struct hv_device *dev)
{
	struct vmb_chan *c = vmb_chan(dev->channel);

	mutex_lock(&folder_mutex);
	dev->channels_kset = kset_create_and_add("channels", NULL,
						 &dev->device.kobj);
	mutex_unlock(&folder_mutex);
	if (!dev->channels_kset) {
		dev_err(&dev->device, "no memory for its channels in sysfs\n");
		return;
	}
	c->kobj_live = !vmb_sysfs_channel_add(dev, dev->channel);
	if (!c->kobj_live)
		dev_err(&dev->device, "no memory for its channel in sysfs\n");
	vmb_debugfs_add(dev);
}

static void device_removed(struct hv_device *dev)
{
	struct vmb_chan *c = vmb_chan(dev->channel);
	struct kset *folder;

	vmb_debugfs_remove(dev);
	mutex_lock(&folder_mutex);
	if (c->kobj_live) {
		c->kobj_live = false;
		vmb_sysfs_channel_remove(dev->channel);
	}
	folder = dev->channels_kset;
	dev->channels_kset = NULL;
	mutex_unlock(&folder_mutex);
	/* Entries of sub-channels left behind hold it until they go. */
	if (folder)
		kset_unregister(folder);
}

/*
 * Drivers leave callbacks behind (uio_hv_generic does), and may be unloaded after
 * this, so nobody calls them any more.  The device's lock is held, which keeps
 * the rescind's caller out; a sub-channel's is waited for.
 */
static void device_unbound(struct hv_device *dev)
{
	struct vmbus_channel *ch = dev->channel;
	struct vmb_chan *sub;

	vmb_lock();
	WRITE_ONCE(ch->sc_creation_callback, NULL);
	WRITE_ONCE(ch->chn_rescind_callback, NULL);
	ch->change_target_cpu_callback = NULL;
	vmb_unlock();

	while ((sub = vmb_sub_find(ch, vmb_chan_is_new))) {
		wait_for_completion(&sub->added);
		vmb_chan_put(sub);
	}
}

static int device_notify(struct notifier_block *nb, unsigned long event,
			 void *data)
{
	struct hv_device *dev = device_to_hv_device((struct device *)data);

	switch (event) {
	case BUS_NOTIFY_ADD_DEVICE:
		device_added(dev);
		break;
	case BUS_NOTIFY_REMOVED_DEVICE:
		device_removed(dev);
		break;
	case BUS_NOTIFY_UNBOUND_DRIVER:
	case BUS_NOTIFY_DRIVER_NOT_BOUND:
		device_unbound(dev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block device_nb = {
	.notifier_call = device_notify,
};

int vmb_devices_init(void)
{
	int ret;

	ret = bus_register(&vmb_bus);
	if (ret)
		return ret;
	ret = bus_register_notifier(&vmb_bus, &device_nb);
	if (ret) {
		bus_unregister(&vmb_bus);
		return ret;
	}
	vmb_debugfs_init();
	return 0;
}

void vmb_devices_exit(void)
{
	vmb_debugfs_exit();
	bus_unregister_notifier(&vmb_bus, &device_nb);
	bus_unregister(&vmb_bus);
}
