// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for a virtual function: a network interface that belongs to a PCI
 * device in slot "1", and has several queues. The device has a bus of its own,
 * of which nothing but this module knows. What is sent is counted and dropped.
 *
 * With race=1 the interface is registered while hv_netvsc is in the middle of a
 * card's probe, which is held up for a second.
 */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#define QUEUES	4
#define CLASS	0x02000000u	/* Ethernet */
#define ID	0x5a5a1414u

static char *mac = "";
module_param(mac, charp, 0444);
MODULE_PARM_DESC(mac, "address of the card that it belongs to");

static bool race;
module_param(race, bool, 0444);
MODULE_PARM_DESC(race, "register within the probe of a card");

static unsigned int sent[QUEUES];
module_param_array(sent, uint, NULL, 0444);
MODULE_PARM_DESC(sent, "frames by queue");

/* ---- the PCI device ---- */

static int config_read(struct pci_bus *bus, unsigned int devfn, int where,
		       int size, u32 *value)
{
	u32 word = 0;

	if (devfn)
		word = U32_MAX;
	else if ((where & ~3) == PCI_VENDOR_ID)
		word = ID;
	else if ((where & ~3) == PCI_CLASS_REVISION)
		word = CLASS;
	*value = (word >> (8 * (where & 3))) & GENMASK(8 * size - 1, 0);
	return PCIBIOS_SUCCESSFUL;
}

static int config_write(struct pci_bus *bus, unsigned int devfn, int where,
			int size, u32 value)
{
	return PCIBIOS_SUCCESSFUL;
}

static struct pci_ops config_ops = {
	.read = config_read,
	.write = config_write,
};

static struct pci_sysdata sysdata = {
	.domain = 0x5a5a,
	.node = NUMA_NO_NODE,
};

static struct pci_bus *bus;
static struct pci_slot *slot;

static void remove_device(void)
{
	if (slot)
		pci_destroy_slot(slot);
	pci_lock_rescan_remove();
	pci_stop_root_bus(bus);
	pci_remove_root_bus(bus);
	pci_unlock_rescan_remove();
}

static struct pci_dev *create_device(void)
{
	struct pci_dev *pdev;
	LIST_HEAD(resources);

	pci_lock_rescan_remove();
	bus = pci_scan_root_bus(NULL, 0, &config_ops, &sysdata, &resources);
	pci_unlock_rescan_remove();
	if (!bus)
		return NULL;
	slot = pci_create_slot(bus, 0, "1", NULL);
	if (IS_ERR(slot))
		slot = NULL;
	pdev = slot ? pci_get_slot(bus, 0) : NULL;
	if (!pdev)
		remove_device();
	return pdev;
}

/* ---- the interface ---- */

static netdev_tx_t start_xmit(struct sk_buff *skb, struct net_device *net)
{
	/* Each queue has a lock of its own. */
	sent[skb_get_queue_mapping(skb)]++;
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static int start(struct net_device *net)
{
	netif_tx_start_all_queues(net);
	return 0;
}

static int stop(struct net_device *net)
{
	netif_tx_disable(net);
	return 0;
}

static const struct net_device_ops ops = {
	.ndo_open = start,
	.ndo_stop = stop,
	.ndo_start_xmit = start_xmit,
	.ndo_set_mac_address = eth_mac_addr,
};

static struct net_device *net;
static struct pci_dev *pdev;
static bool registered;

static void enter(struct work_struct *work)
{
	registered = !register_netdev(net);
}

static DECLARE_WORK(enter_work, enter);

/* ---- the race ---- */

static int within_probe(struct kprobe *p, struct pt_regs *regs)
{
	static atomic_t once;

	if (atomic_xchg(&once, 1))
		return 0;
	queue_work(system_unbound_wq, &enter_work);
	mdelay(1000);
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "netif_set_real_num_tx_queues",
	.pre_handler = within_probe,
};

static int __init standin_init(void)
{
	u8 address[ETH_ALEN];
	int err;

	if (!mac_pton(mac, address))
		return -EINVAL;
	pdev = create_device();
	if (!pdev)
		return -ENODEV;
	net = alloc_etherdev_mqs(0, QUEUES, 1);
	if (!net) {
		err = -ENOMEM;
		goto no_net;
	}
	net->netdev_ops = &ops;
	SET_NETDEV_DEV(net, &pdev->dev);
	eth_hw_addr_set(net, address);
	if (race) {
		err = register_kprobe(&probe);
		if (!err)
			return 0;
	} else {
		enter(NULL);
		if (registered)
			return 0;
		err = -ENODEV;
	}
	free_netdev(net);
no_net:
	pci_dev_put(pdev);
	remove_device();
	return err;
}

static void __exit standin_exit(void)
{
	if (race)
		unregister_kprobe(&probe);
	flush_work(&enter_work);
	if (registered)
		unregister_netdev(net);
	free_netdev(net);
	pci_dev_put(pdev);
	remove_device();
}

module_init(standin_init);
module_exit(standin_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Stands in for a virtual function of a network card");
