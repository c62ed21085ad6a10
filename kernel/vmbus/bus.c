// SPDX-License-Identifier: GPL-2.0
/*
 * The module, and the bus as the driver core sees it: matching, probing,
 * registration of drivers.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/pm.h>
#include <linux/slab.h>
#include <asm/mshyperv.h>

#include "abi_bus.h"
#include "vmbus_var.h"

/* An id written to a driver's new_id. */
struct bus_dynid {
	struct list_head node;		/* hv_driver.dynids.list, its lock */
	struct hv_vmbus_device_id id;
};

static const struct hv_vmbus_device_id *
table_find(const struct hv_vmbus_device_id *table, const guid_t *type)
{
	for (; table && !guid_is_null(&table->guid); table++)
		if (guid_equal(&table->guid, type))
			return table;
	return NULL;
}

/* Copies out, since remove_id may free the entry at once. */
static bool dynid_find(struct hv_driver *drv, const guid_t *type,
		       struct hv_vmbus_device_id *id)
{
	struct bus_dynid *dyn;
	bool found = false;

	spin_lock(&drv->dynids.lock);
	list_for_each_entry(dyn, &drv->dynids.list, node) {
		if (guid_equal(&dyn->id.guid, type)) {
			*id = dyn->id;
			found = true;
			break;
		}
	}
	spin_unlock(&drv->dynids.lock);
	return found;
}

/*
 * Which id of @drv fits @dev; NULL if none.  Looks at dynamic ids first (then
 * the answer is @store), and takes a driver that the administrator has chosen
 * for the device even without an id.
 */
static const struct hv_vmbus_device_id *
bus_id_find(struct hv_driver *drv, struct hv_device *dev,
	    struct hv_vmbus_device_id *store)
{
	int override = device_match_driver_override(&dev->device,
						    &drv->driver);
	const struct hv_vmbus_device_id *id;

	if (!override)
		return NULL;
	if (dynid_find(drv, &dev->dev_type, store))
		return store;
	id = table_find(drv->id_table, &dev->dev_type);
	if (!id && override > 0) {
		memset(store, 0, sizeof(*store));
		id = store;
	}
	return id;
}

static int bus_match(struct device *device,
		     BUS_MATCH_CONST struct device_driver *driver)
{
	struct hv_driver *drv = (struct hv_driver *)drv_to_hv_drv(driver);
	struct hv_device *dev = device_to_hv_device(device);
	struct hv_vmbus_device_id store;

	/* A socket's type is a port number, not a class. */
	if (is_hvsock_channel(dev->channel))
		return drv->hvsock;

	return !!bus_id_find(drv, dev, &store);
}

static int bus_probe(struct device *device)
{
	struct hv_driver *drv = drv_to_hv_drv(device->driver);
	struct hv_device *dev = device_to_hv_device(device);
	const struct hv_vmbus_device_id *id;
	struct hv_vmbus_device_id store;
	int ret;

	/* Sub-channels and the ring file need the folder. */
	if (!dev->channels_kset)
		return -ENOMEM;
	if (!drv->probe)
		return -ENODEV;

	/* What matched may have been written over since; sockets have none. */
	id = bus_id_find(drv, dev, &store);
	if (!id && !is_hvsock_channel(dev->channel))
		return -ENODEV;
	ret = drv->probe(dev, id);
	if (ret && ret != -EPROBE_DEFER)
		dev_err(device, "%s doesn't take the device: %d%s\n",
			drv->driver.name, ret,
			vmb_retry_probe(vmb_chan(dev->channel), ret) ?
			", it is asked again in a minute" : "");
	return ret;
}

static void bus_remove(struct device *device)
{
	struct hv_driver *drv = drv_to_hv_drv(device->driver);

	/* Whoever takes its driver away doesn't want it back. */
	vmb_retry_forget(vmb_chan(device_to_hv_device(device)->channel));
	if (drv->remove)
		drv->remove(device_to_hv_device(device));
}

static void bus_shutdown(struct device *device)
{
	struct hv_driver *drv;

	if (!device->driver)
		return;
	drv = drv_to_hv_drv(device->driver);
	if (drv->shutdown)
		drv->shutdown(device_to_hv_device(device));
}

static int bus_dma_configure(struct device *device)
{
	/* Devices inherit coherence from the bus device; x86 has no choice. */
	hv_setup_dma_ops(device, device_get_dma_attr(vmb.root_dev) ==
				 DEV_DMA_COHERENT);
	return 0;
}

static int bus_uevent(BUS_UEVENT_CONST struct device *device,
		      struct kobj_uevent_env *env)
{
	BUS_UEVENT_CONST struct hv_device *dev = device_to_hv_device(device);

	return add_uevent_var(env, "MODALIAS=vmbus:%16phN", &dev->dev_type);
}

/* A driver that can't suspend stops the hibernation of the machine. */
static int __maybe_unused bus_suspend(struct device *device)
{
	struct hv_driver *drv;

	if (!device->driver)
		return 0;
	drv = drv_to_hv_drv(device->driver);
	return drv->suspend ? drv->suspend(device_to_hv_device(device)) :
			      -EOPNOTSUPP;
}

static int __maybe_unused bus_resume(struct device *device)
{
	struct hv_device *dev = device_to_hv_device(device);
	struct hv_driver *drv;
	int ret;

	if (!device->driver)
		return 0;
	drv = drv_to_hv_drv(device->driver);
	ret = drv->resume ? drv->resume(dev) : -EOPNOTSUPP;
	/* A device that has gone is taken away later (power.c): no failure. */
	return READ_ONCE(dev->channel->rescind) ? 0 : ret;
}

/*
 * Hibernation only, and in the last phase: PCI devices behind a VMBus device
 * use that phase too.  Suspend to idle leaves all as it is, else nothing could
 * wake the guest.
 */
static const struct dev_pm_ops bus_pm = {
#ifdef CONFIG_PM_SLEEP
	.freeze_noirq = bus_suspend,
	.thaw_noirq = bus_resume,
	.poweroff_noirq = bus_suspend,
	.restore_noirq = bus_resume,
#endif
};

static ssize_t new_id_store(struct device_driver *driver, const char *buf,
			    size_t count)
{
	struct hv_driver *drv = drv_to_hv_drv(driver);
	struct hv_vmbus_device_id store;
	struct bus_dynid *dyn;
	guid_t type;
	int ret;

	ret = guid_parse(buf, &type);
	if (ret)
		return ret;
	if (dynid_find(drv, &type, &store))
		return -EEXIST;

	dyn = kzalloc(sizeof(*dyn), GFP_KERNEL);
	if (!dyn)
		return -ENOMEM;
	dyn->id.guid = type;
	spin_lock(&drv->dynids.lock);
	list_add_tail(&dyn->node, &drv->dynids.list);
	spin_unlock(&drv->dynids.lock);

	ret = driver_attach(driver);
	return ret ? ret : count;
}
static DRIVER_ATTR_WO(new_id);

static ssize_t remove_id_store(struct device_driver *driver, const char *buf,
			       size_t count)
{
	struct hv_driver *drv = drv_to_hv_drv(driver);
	struct bus_dynid *dyn, *next;
	ssize_t ret = -ENODEV;
	guid_t type;

	if (guid_parse(buf, &type))
		return -EINVAL;

	spin_lock(&drv->dynids.lock);
	list_for_each_entry_safe(dyn, next, &drv->dynids.list, node) {
		if (guid_equal(&dyn->id.guid, &type)) {
			list_del(&dyn->node);
			kfree(dyn);
			ret = count;
		}
	}
	spin_unlock(&drv->dynids.lock);
	return ret;
}
static DRIVER_ATTR_WO(remove_id);

static struct attribute *bus_driver_attrs[] = {
	&driver_attr_new_id.attr,
	&driver_attr_remove_id.attr,
	NULL
};
ATTRIBUTE_GROUPS(bus_driver);

static ssize_t hibernation_show(const struct bus_type *bus, char *buf)
{
	return sysfs_emit(buf, "%d\n", !!hv_is_hibernation_supported());
}
static BUS_ATTR_RO(hibernation);

static struct attribute *bus_attrs[] = {
	&bus_attr_hibernation.attr,
	NULL
};
ATTRIBUTE_GROUPS(bus);

struct bus_type vmb_bus = {
	.name = "vmbus",
	BUS_DRIVER_OVERRIDE
	.match = bus_match,
	.probe = bus_probe,
	.remove = bus_remove,
	.shutdown = bus_shutdown,
	.uevent = bus_uevent,
	.dma_configure = bus_dma_configure,
	.dev_groups = vmb_device_groups,
	.drv_groups = bus_driver_groups,
	.bus_groups = bus_groups,
	.pm = &bus_pm,
};

/*
 * Drivers call vmbus_driver_register(), a macro around this.  Probes what fits
 * before it returns.  -errno.
 */
int __vmbus_driver_register(struct hv_driver *hv_driver, struct module *owner,
			    const char *mod_name)
{
	hv_driver->driver.name = hv_driver->name;
	hv_driver->driver.owner = owner;
	hv_driver->driver.mod_name = mod_name;
	hv_driver->driver.bus = &vmb_bus;
	spin_lock_init(&hv_driver->dynids.lock);
	INIT_LIST_HEAD(&hv_driver->dynids.list);

	return driver_register(&hv_driver->driver);
}
EXPORT_SYMBOL_GPL(__vmbus_driver_register);

void vmbus_driver_unregister(struct hv_driver *hv_driver)
{
	struct bus_dynid *dyn, *next;

	driver_unregister(&hv_driver->driver);

	/* No attribute of the driver is left to add to the list. */
	list_for_each_entry_safe(dyn, next, &hv_driver->dynids.list, node) {
		list_del(&dyn->node);
		kfree(dyn);
	}
}
EXPORT_SYMBOL_GPL(vmbus_driver_unregister);
