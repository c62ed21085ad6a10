// SPDX-License-Identifier: GPL-2.0
/*
 * hv_netvsc: the child partition's driver for synthetic network cards.
 *
 * Each card is a VMBus device with a primary channel and, where the host has
 * some to give, sub-channels; channel i is transmit queue i and receive queue i
 * of an Ethernet interface. netvsc_var.h tells how the driver is built.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <asm/mshyperv.h>

#include "netvsc_var.h"
#include "vmbus/param.h"

#define RING_PAGES_MIN	64
#define RING_PAGES_MAX	512	/* as much as one allocation can have */

#define DEFAULT_MESSAGES (NETIF_MSG_DRV | NETIF_MSG_PROBE | NETIF_MSG_LINK | \
			  NETIF_MSG_IFUP | NETIF_MSG_IFDOWN | \
			  NETIF_MSG_RX_ERR | NETIF_MSG_TX_ERR)

int netvsc_ring_size = 128;
vmb_param(ring_size, netvsc_ring_size, int, RING_PAGES_MIN, RING_PAGES_MAX, 0444);
MODULE_PARM_DESC(ring_size,
		 "Pages of 4 KiB of each ring of each channel (default 128)");

static int debug = -1;
vmb_param(debug, debug, int, -1, 16, 0444);
MODULE_PARM_DESC(debug, "Message level: 0 none to 16 all (default -1)");

unsigned int netvsc_host_timeout = 10;
vmb_param(host_timeout, netvsc_host_timeout, uint, 1, 3600, 0644);
MODULE_PARM_DESC(host_timeout,
		 "Seconds that the host has for an answer (default 10)");

/* NULL where the bus has no such thing. */
const struct vmb_batch_ops *netvsc_batch;
const struct vmb_lent_ops *netvsc_lent;

bool netvsc_dev_rescinded(const struct netvsc_dev *nd)
{
	return READ_ONCE(nd->hv->channel->rescind);
}

static u32 default_chans(void)
{
	return min_t(u32, num_online_cpus(), NETVSC_DEFAULT_CHANS);
}

static int init_dev(struct netvsc_dev *nd)
{
	int i;

	mutex_init(&nd->conn_lock);
	INIT_LIST_HEAD(&nd->list);
	INIT_WORK(&nd->filter_work, netvsc_netdev_filter_work);
	netvsc_silence_init(nd);
	netvsc_link_init(nd);
	netvsc_change_init(nd);
	nd->msg_enable = netif_msg_init(debug, DEFAULT_MESSAGES);
	nd->config.chans = default_chans();
	nd->config.rx_sections = NETVSC_RX_SECTIONS;
	nd->config.mtu = ETH_DATA_LEN;
	nd->rss.hash_info = NDIS_HASH_TOEPLITZ | NDIS_HASH_IPV4 |
			    NDIS_HASH_TCP_IPV4 | NDIS_HASH_IPV6 |
			    NDIS_HASH_TCP_IPV6;
	netdev_rss_key_fill(nd->rss.key, sizeof(nd->rss.key));

	nd->events = alloc_percpu(struct netvsc_events);
	nd->queue = kvcalloc(NETVSC_MAX_CHANS, sizeof(*nd->queue), GFP_KERNEL);
	if (!nd->events || !nd->queue)
		return -ENOMEM;
	for (i = 0; i < NETVSC_MAX_CHANS; i++) {
		u64_stats_init(&nd->queue[i].tx.syncp);
		u64_stats_init(&nd->queue[i].rx.syncp);
		netvsc_coal_defaults(&nd->queue[i].coal);
	}
	return netvsc_vf_init(nd);
}

static void free_dev(struct netvsc_dev *nd)
{
	netvsc_silence_exit(nd);
	netvsc_vf_free(nd);
	netvsc_xdp_free(nd);
	kvfree(nd->queue);
	free_percpu(nd->events);
	free_netdev(nd->net);
}

static void set_features(struct net_device *net, const struct netvsc_conn *conn)
{
	net->hw_features = NETIF_F_SG | NETIF_F_RXHASH | conn->caps.features;
	net->features = net->hw_features | NETIF_F_HIGHDMA |
			NETIF_F_HW_VLAN_CTAG_TX | NETIF_F_HW_VLAN_CTAG_RX;
	net->vlan_features = net->features;
	netif_set_tso_max_size(net, conn->caps.tso_max_size);
	net->min_mtu = NETVSC_MIN_MTU;
	net->max_mtu = conn->version >= NVS_VERSION_2 ? NETVSC_MAX_MTU :
		       ETH_DATA_LEN;
}

/* The card's address, name and abilities, from a connection just made. */
static int describe(struct netvsc_dev *nd)
{
	struct netvsc_conn *conn = rcu_dereference_protected(nd->conn, true);
	u8 mac[ETH_ALEN];
	int err;

	err = netvsc_oid_read_mac(conn, mac);
	if (err) {
		netdev_err(nd->net, "cannot read the address: %d\n", err);
		return err;
	}
	if (!is_valid_ether_addr(mac)) {
		netdev_warn(nd->net, "host's address %pM is none\n", mac);
		eth_hw_addr_random(nd->net);
	} else {
		eth_hw_addr_set(nd->net, mac);
		ether_addr_copy(nd->net->perm_addr, mac);
	}
	netvsc_oid_read_name(conn);
	set_features(nd->net, conn);
	nd->net->mtu = nd->config.mtu;
	/* What concerns received frames was off: nobody had said what's wanted. */
	return netvsc_oid_set_offloads(conn, nd->net->features);
}

static int attach(struct netvsc_dev *nd)
{
	int err;

	/*
	 * With the first words said the host may send the VF here, whose driver
	 * is not to take the card's name.
	 */
	rtnl_lock();
	err = netvsc_conn_open(nd);
	if (err)
		goto unlock;
	err = describe(nd);
	if (!err)
		err = register_netdevice(nd->net);
	if (err)
		netvsc_conn_close(nd);
unlock:
	rtnl_unlock();
	return err;
}

static int netvsc_probe(struct hv_device *hv,
			const struct hv_vmbus_device_id *id)
{
	struct net_device *net;
	struct netvsc_dev *nd;
	int err;

	/* Page lists would name memory that the host can't read. */
	if (hv_is_isolation_supported()) {
		dev_err(&hv->device, "confidential guests are not supported\n");
		return -ENODEV;
	}
	net = alloc_etherdev_mq(sizeof(*nd), NETVSC_MAX_CHANS);
	if (!net)
		return -ENOMEM;
	nd = netdev_priv(net);
	nd->net = net;
	nd->hv = hv;
	SET_NETDEV_DEV(net, &hv->device);
	net->netdev_ops = &netvsc_netdev_ops;
	net->ethtool_ops = &netvsc_ethtool_ops;
	netvsc_xdp_init(nd);
	netif_carrier_off(net);
	err = init_dev(nd);
	if (err)
		goto free;
	netvsc_chan_bind(hv, nd);
	err = attach(nd);
	if (!err)
		return 0;

	netvsc_link_stop(nd);
	netvsc_chan_bind(hv, NULL);
free:
	free_dev(nd);
	return err;
}

static HV_REMOVE_RETURN netvsc_remove(struct hv_device *hv)
{
	struct netvsc_dev *nd = hv_get_drvdata(hv);

	netvsc_link_stop(nd);
	rtnl_lock();
	netvsc_vf_exit(nd);
	unregister_netdevice(nd->net);
	rtnl_unlock();
	cancel_work_sync(&nd->filter_work);
	netvsc_change_exit(nd);

	netvsc_conn_close(nd);
	netvsc_chan_bind(hv, NULL);
	free_dev(nd);
	return HV_REMOVE_DONE;
}

/* Hibernation: the channel is opened anew afterwards. */
static int netvsc_suspend(struct hv_device *hv)
{
	struct netvsc_dev *nd = hv_get_drvdata(hv);

	rtnl_lock();
	netif_device_detach(nd->net);
	if (netif_running(nd->net))
		netvsc_conn_stop(nd);
	netvsc_conn_close(nd);
	rtnl_unlock();
	return 0;
}

static int netvsc_resume(struct hv_device *hv)
{
	struct netvsc_dev *nd = hv_get_drvdata(hv);
	int err;

	rtnl_lock();
	err = netvsc_conn_resume(nd);
	rtnl_unlock();
	return err;
}

static const struct hv_vmbus_device_id id_table[] = {
	{ HV_NIC_GUID },
	{ },
};
MODULE_DEVICE_TABLE(vmbus, id_table);

static struct hv_driver netvsc_driver = {
	.name = KBUILD_MODNAME,
	.id_table = id_table,
	.probe = netvsc_probe,
	.remove = netvsc_remove,
	.suspend = netvsc_suspend,
	.resume = netvsc_resume,
	.driver = {
		/* eth0 is the card that was offered first. */
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
	},
};

static void put_symbols(void)
{
	if (netvsc_batch)
		symbol_put(vmb_batch);
	if (netvsc_lent)
		symbol_put(vmb_lent);
}

static int __init netvsc_init(void)
{
	int err;

	netvsc_batch = symbol_get(vmb_batch);
	netvsc_lent = symbol_get(vmb_lent);
	err = netvsc_vf_register();
	if (err)
		goto put_symbols;
	err = vmbus_driver_register(&netvsc_driver);
	if (!err)
		return 0;

	netvsc_vf_unregister();
put_symbols:
	put_symbols();
	return err;
}

static void __exit netvsc_exit(void)
{
	vmbus_driver_unregister(&netvsc_driver);
	netvsc_vf_unregister();
	put_symbols();
}

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Hyper-V virtual network driver");
module_init(netvsc_init);
module_exit(netvsc_exit);
