// SPDX-License-Identifier: GPL-2.0
/*
 * The accelerated way: a virtual function of the host's card, passed through to
 * this machine as a PCI device with a driver and a network interface (the VF) of
 * its own. The host pairs it with a synthetic card by a serial number, which is
 * the name of its PCI slot, and by the MAC address. The VF becomes the synthetic
 * interface's slave, with neither address nor configuration of its own; frames
 * take it while it is up, and the synthetic way when it is gone, as it is during
 * a live migration.
 *
 * Everything here runs under RTNL, but for the data path (RCU) and the host's
 * word that a VF is coming or going (in a poll), which only schedules the work.
 * Whatever the interface's notifications bring about is left to the work, too,
 * so that no configuration call waits for the host; except on a VF's way down,
 * where frames must be turned away from it before it is gone. That waits for one
 * answer, bounded as all are.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/rtnetlink.h>
#include <net/sch_generic.h>

#include "netvsc_var.h"

/* Time for user space to rename a new interface, which it can't once it's up. */
#define SETTLE_TIME	(HZ / 10)

static LIST_HEAD(cards);	/* netvsc_dev.list; RTNL */

static bool is_card(const struct net_device *net)
{
	return net->netdev_ops == &netvsc_netdev_ops;
}

/* One that is due already stays as it is. */
static void arrange(struct netvsc_dev *nd, unsigned long delay)
{
	if (!READ_ONCE(nd->vf.stopped))
		schedule_delayed_work(&nd->vf.work, delay);
}

/* ---- data path ---- */

struct net_device *netvsc_vf_path(const struct netvsc_dev *nd)
{
	struct net_device *vf = rcu_dereference_check(nd->vf.dev,
						      rcu_read_lock_bh_held());

	if (!vf || !READ_ONCE(nd->vf.path_vf) || !netif_running(vf) ||
	    !netif_carrier_ok(vf) || netpoll_tx_running(nd->net))
		return NULL;
	return vf;
}

/*
 * By the VF's own means, which may be its driver's, or XPS. The choice is kept
 * beside the frame, as the VF may have more queues than we.
 */
u16 netvsc_vf_select_queue(struct net_device *vf, struct sk_buff *skb)
{
	u16 queue;

	if (vf->netdev_ops->ndo_select_queue)
		queue = vf->netdev_ops->ndo_select_queue(vf, skb, NULL);
	else
		queue = netdev_pick_tx(vf, skb, NULL);
	qdisc_skb_cb(skb)->slave_dev_queue_mapping = queue;
	return queue;
}

/*
 * Has the VF take the queue that it chose. Of a frame whose queue was chosen
 * before the path was the VF's it chooses now, and if there was no choice, too.
 */
static void keep_queue(const struct net_device *net, struct sk_buff *skb)
{
	u32 queues = READ_ONCE(net->real_num_tx_queues);
	u16 queue = qdisc_skb_cb(skb)->slave_dev_queue_mapping;

	if (queues > 1 && queue % queues == skb_get_queue_mapping(skb))
		skb_record_rx_queue(skb, queue);
}

bool netvsc_vf_xmit(struct netvsc_dev *nd, struct sk_buff *skb)
{
	struct net_device *vf = netvsc_vf_path(nd);
	struct netvsc_vf_stats *stats;
	u32 len = skb->len;
	int err;

	if (likely(!vf))
		return false;
	keep_queue(nd->net, skb);
	skb->dev = vf;
	err = dev_queue_xmit(skb);
	stats = this_cpu_ptr(nd->vf.stats);
	u64_stats_update_begin(&stats->syncp);
	if (err == NET_XMIT_SUCCESS || err == NET_XMIT_CN) {
		stats->tx_packets++;
		stats->tx_bytes += len;
	} else {
		stats->tx_dropped++;
	}
	u64_stats_update_end(&stats->syncp);
	return true;
}

/* What the VF receives is the synthetic interface's. */
static rx_handler_result_t receive(struct sk_buff **pskb)
{
	struct sk_buff *skb = skb_share_check(*pskb, GFP_ATOMIC);
	struct net_device *net;
	struct netvsc_vf_stats *stats;

	*pskb = skb;
	if (!skb)
		return RX_HANDLER_CONSUMED;
	net = rcu_dereference(skb->dev->rx_handler_data);
	stats = this_cpu_ptr(((struct netvsc_dev *)netdev_priv(net))->vf.stats);
	skb->dev = net;
	u64_stats_update_begin(&stats->syncp);
	stats->rx_packets++;
	stats->rx_bytes += skb->len;
	u64_stats_update_end(&stats->syncp);
	return RX_HANDLER_ANOTHER;
}

/*
 * Frames leave the VF before the host hears of it, and take it only when the
 * host has agreed.
 */
static void switch_path(struct netvsc_dev *nd, bool to_vf)
{
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	const char *way = to_vf ? "to" : "from";
	int err;

	if (nd->vf.path_vf == to_vf && !nd->vf.path_unsure)
		return;
	if (!to_vf)
		WRITE_ONCE(nd->vf.path_vf, false);
	if (!conn)
		return;
	err = netvsc_nvs_switch_path(conn, to_vf);
	if (!err)
		WRITE_ONCE(nd->vf.path_vf, to_vf);
	nd->vf.path_unsure = err == -ETIMEDOUT;
	if (nd->vf.path_unsure)
		netvsc_silence_unsure(nd);
	/* The host may have this happen as often as it likes. */
	if (!net_ratelimit())
		return;
	if (err)
		netdev_err(nd->net, "Data path failed to switch %s VF: %d\n",
			   way, err);
	else
		netdev_info(nd->net, "Data path switched %s VF\n", way);
}

/* The host is where it starts: the connection is another one. */
void netvsc_vf_path_lost(struct netvsc_dev *nd)
{
	WRITE_ONCE(nd->vf.path_vf, false);
	nd->vf.path_unsure = false;
	arrange(nd, 0);
}

/* Whatever wasn't known of the host's path is settled. */
void netvsc_vf_look_again(struct netvsc_dev *nd)
{
	arrange(nd, 0);
}

/* ---- which VF belongs to which card ---- */

static bool may_be_vf(const struct net_device *net)
{
	return !is_card(net) && net->type == ARPHRD_ETHER &&
	       net->addr_len == ETH_ALEN && !is_vlan_dev(net) &&
	       !netif_is_bond_master(net) && net->dev.parent &&
	       dev_is_pci(net->dev.parent);
}

static bool slot_serial(const struct net_device *vf, u32 *serial)
{
	const struct pci_dev *pdev = to_pci_dev(vf->dev.parent);

	return pdev->slot &&
	       !kstrtou32(pci_slot_name(pdev->slot), 10, serial);
}

/* Before it is registered a device has no permanent address yet. */
static bool same_mac(const struct netvsc_dev *nd, const struct net_device *vf)
{
	return ether_addr_equal(vf->perm_addr, nd->net->perm_addr) ||
	       ether_addr_equal(vf->dev_addr, nd->net->perm_addr);
}

/*
 * The serial number decides, where the host has told it already; else the MAC
 * address, which the host gives to no other VF.
 */
static struct netvsc_dev *find_card(const struct net_device *vf)
{
	struct netvsc_dev *nd;
	u32 serial;

	if (!slot_serial(vf, &serial))
		return NULL;
	list_for_each_entry(nd, &cards, list) {
		if (READ_ONCE(nd->vf.allocated) &&
		    READ_ONCE(nd->vf.serial) == serial && same_mac(nd, vf))
			return nd;
	}
	list_for_each_entry(nd, &cards, list) {
		if (same_mac(nd, vf))
			return nd;
	}
	return NULL;
}

/* The card whose VF this is already. */
static struct netvsc_dev *card_of(struct net_device *vf)
{
	struct net_device *net = netdev_master_upper_dev_get(vf);

	return net && is_card(net) ? netdev_priv(net) : NULL;
}

/* ---- joining and leaving ---- */

/* Nobody is to give it an address of its own. */
static void mark(struct net_device *vf)
{
	vf->flags |= IFF_SLAVE;
	vf->priv_flags |= IFF_NO_ADDRCONF;
}

static void same_namespace(struct netvsc_dev *nd, struct net_device *vf)
{
	int err;

	if (net_eq(dev_net(nd->net), dev_net(vf)))
		return;
	err = dev_change_net_namespace(vf, dev_net(nd->net), "eth%d");
	if (err)
		netdev_err(vf, "cannot follow %s to its namespace: %d\n",
			   nd->net->name, err);
}

static int enslave(struct netvsc_dev *nd, struct net_device *vf)
{
	int err;

	err = netdev_rx_handler_register(vf, receive, nd->net);
	if (err) {
		netdev_err(vf, "cannot receive for %s: %d\n", nd->net->name,
			   err);
		return err;
	}
	err = netdev_master_upper_dev_link(vf, nd->net, NULL, NULL, NULL);
	if (err) {
		netdev_err(vf, "cannot be a slave of %s: %d\n", nd->net->name,
			   err);
		netdev_rx_handler_unregister(vf);
		return err;
	}
	dev_hold(vf);
	rcu_assign_pointer(nd->vf.dev, vf);
	return 0;
}

static void join(struct netvsc_dev *nd, struct net_device *vf)
{
	struct bpf_prog *prog = rtnl_dereference(nd->xdp_prog);

	if (nd->vf.stopped || rtnl_dereference(nd->vf.dev))
		return;
	if (!net_eq(dev_net(nd->net), dev_net(vf))) {
		/* It joins when it is registered over there. */
		same_namespace(nd, vf);
		return;
	}
	if (enslave(nd, vf))
		return;
	mark(vf);
	nd->vf.ready = false;
	nd->vf.headroom = nd->net->needed_headroom;
	nd->net->needed_headroom = max(nd->net->needed_headroom,
				       vf->needed_headroom);
	netvsc_vf_set_features(nd, nd->net->features);
	if (prog && netvsc_xdp_set_vf(vf, prog, NULL))
		netdev_warn(vf, "no XDP for what comes this way\n");
	call_netdevice_notifiers(NETDEV_JOIN, vf);
	netdev_info(nd->net, "VF registering: %s\n", vf->name);
	arrange(nd, SETTLE_TIME);
}

static void leave(struct netvsc_dev *nd, struct net_device *vf)
{
	switch_path(nd, false);
	netdev_info(nd->net, "VF unregistering: %s\n", vf->name);
	netvsc_xdp_set_vf(vf, NULL, NULL);
	netdev_rx_handler_unregister(vf);
	netdev_upper_dev_unlink(vf, nd->net);
	vf->flags &= ~IFF_SLAVE;
	vf->priv_flags &= ~IFF_NO_ADDRCONF;
	RCU_INIT_POINTER(nd->vf.dev, NULL);
	dev_put(vf);
	nd->net->needed_headroom = nd->vf.headroom;
}

/* The VF was there before the card, or before the host's word. */
static void look_for_vf(struct netvsc_dev *nd)
{
	struct net_device *vf;

	for_each_netdev(dev_net(nd->net), vf) {
		if (may_be_vf(vf) && !netdev_master_upper_dev_get(vf) &&
		    vf->reg_state == NETREG_REGISTERED && find_card(vf) == nd) {
			join(nd, vf);
			return;
		}
	}
}

/* The VF gets what the synthetic interface has. */
static void make_ready(struct netvsc_dev *nd, struct net_device *vf)
{
	nd->vf.ready = true;
	if (dev_set_mtu(vf, nd->net->mtu))
		netdev_warn(vf, "cannot have an MTU of %u\n", nd->net->mtu);
	dev_change_flags(vf, (nd->net->flags & ~IFF_UP) |
			     (vf->flags & IFF_UP) | IFF_SLAVE, NULL);
	netif_addr_lock_bh(nd->net);
	dev_uc_sync(vf, nd->net);
	dev_mc_sync(vf, nd->net);
	netif_addr_unlock_bh(nd->net);
	if (netif_running(nd->net))
		netvsc_vf_up(nd);
}

static void work(struct work_struct *work)
{
	struct netvsc_dev *nd = container_of(to_delayed_work(work),
					     struct netvsc_dev, vf.work);
	struct net_device *vf;

	/* Whoever cancels this work may hold it. */
	if (!rtnl_trylock()) {
		arrange(nd, 1);
		return;
	}
	vf = rtnl_dereference(nd->vf.dev);
	if (nd->vf.stopped)
		goto out;
	if (!vf) {
		look_for_vf(nd);
		goto out;
	}
	same_namespace(nd, vf);
	/* That makes it leave and join again. */
	if (rtnl_dereference(nd->vf.dev) != vf || !net_eq(dev_net(vf),
							  dev_net(nd->net)))
		goto out;
	if (!nd->vf.ready)
		make_ready(nd, vf);
	switch_path(nd, READ_ONCE(nd->vf.allocated) && netif_running(vf));
out:
	rtnl_unlock();
}

/* The host has added or taken away a VF for this card. In a poll. */
void netvsc_vf_associate(struct netvsc_dev *nd, bool allocated, u32 serial)
{
	WRITE_ONCE(nd->vf.serial, serial);
	WRITE_ONCE(nd->vf.allocated, allocated);
	if (net_ratelimit())
		netdev_info(nd->net, "VF slot %u %s\n", serial,
			    allocated ? "added" : "removed");
	arrange(nd, 0);
}

/* ---- notifications ---- */

static void card_event(struct netvsc_dev *nd, unsigned long event)
{
	switch (event) {
	case NETDEV_REGISTER:
		if (list_empty(&nd->list))
			list_add_tail(&nd->list, &cards);
		arrange(nd, 0);
		break;
	case NETDEV_UNREGISTER:
		list_del_init(&nd->list);
		break;
	}
}

static void vf_event(struct net_device *vf, unsigned long event)
{
	struct netvsc_dev *nd;

	if (event == NETDEV_POST_INIT || event == NETDEV_REGISTER) {
		nd = find_card(vf);
		if (nd && event == NETDEV_POST_INIT)
			mark(vf);
		else if (nd)
			join(nd, vf);
		return;
	}

	nd = card_of(vf);
	if (!nd)
		return;
	switch (event) {
	case NETDEV_UNREGISTER:
		leave(nd, vf);
		break;
	case NETDEV_GOING_DOWN:
		switch_path(nd, false);
		break;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		arrange(nd, 0);
		break;
	}
}

static int on_event(struct notifier_block *block, unsigned long event,
		    void *info)
{
	struct net_device *net = netdev_notifier_info_to_dev(info);

	if (is_card(net))
		card_event(netdev_priv(net), event);
	else if (may_be_vf(net))
		vf_event(net, event);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = on_event,
};

int netvsc_vf_register(void)
{
	return register_netdevice_notifier(&notifier);
}

void netvsc_vf_unregister(void)
{
	unregister_netdevice_notifier(&notifier);
}

/* ---- the card's life ---- */

int netvsc_vf_init(struct netvsc_dev *nd)
{
	INIT_LIST_HEAD(&nd->list);
	INIT_DELAYED_WORK(&nd->vf.work, work);
	/* Ours are held while the VF's, of the same kind, are taken. */
	netdev_lockdep_set_classes(nd->net);
	nd->vf.stats = netdev_alloc_pcpu_stats(struct netvsc_vf_stats);
	return nd->vf.stats ? 0 : -ENOMEM;
}

void netvsc_vf_exit(struct netvsc_dev *nd)
{
	struct net_device *vf = rtnl_dereference(nd->vf.dev);

	WRITE_ONCE(nd->vf.stopped, true);
	cancel_delayed_work_sync(&nd->vf.work);
	list_del_init(&nd->list);
	if (vf)
		leave(nd, vf);
}

/* After the last poll and the last reader of statistics. */
void netvsc_vf_free(struct netvsc_dev *nd)
{
	if (!nd->vf.stats)
		return;
	cancel_delayed_work_sync(&nd->vf.work);
	free_percpu(nd->vf.stats);
	nd->vf.stats = NULL;
}

/* ---- what the synthetic interface's settings mean for the VF ---- */

void netvsc_vf_up(struct netvsc_dev *nd)
{
	struct net_device *vf = rtnl_dereference(nd->vf.dev);
	int err;

	if (!vf || !nd->vf.ready)
		return;
	err = dev_open(vf, NULL);
	if (err)
		netdev_warn(vf, "cannot be opened: %d\n", err);
}

void netvsc_vf_down(struct netvsc_dev *nd)
{
	struct net_device *vf = rtnl_dereference(nd->vf.dev);

	if (vf)
		dev_close(vf);
}

int netvsc_vf_change_mtu(struct netvsc_dev *nd, u32 mtu)
{
	struct net_device *vf = rtnl_dereference(nd->vf.dev);

	return vf ? dev_set_mtu(vf, mtu) : 0;
}

int netvsc_vf_set_mac(struct netvsc_dev *nd, struct sockaddr *addr)
{
	struct net_device *vf = rtnl_dereference(nd->vf.dev);

	return vf ? dev_set_mac_address(vf, addr, NULL) : 0;
}

void netvsc_vf_set_features(struct netvsc_dev *nd, netdev_features_t features)
{
	struct net_device *vf = rtnl_dereference(nd->vf.dev);

	if (!vf)
		return;
	vf->wanted_features = features;
	netdev_update_features(vf);
}

/* net_device_ops.ndo_change_rx_flags */
void netvsc_vf_change_rx_flags(struct net_device *net, int change)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct net_device *vf = rtnl_dereference(nd->vf.dev);

	if (!vf)
		return;
	if (change & IFF_PROMISC)
		dev_set_promiscuity(vf, net->flags & IFF_PROMISC ? 1 : -1);
	if (change & IFF_ALLMULTI)
		dev_set_allmulti(vf, net->flags & IFF_ALLMULTI ? 1 : -1);
}

/* The addresses' lock held, as in ndo_set_rx_mode. */
void netvsc_vf_set_rx_mode(struct netvsc_dev *nd)
{
	struct net_device *vf;

	rcu_read_lock();
	vf = rcu_dereference(nd->vf.dev);
	if (vf) {
		dev_uc_sync(vf, nd->net);
		dev_mc_sync(vf, nd->net);
	}
	rcu_read_unlock();
}
