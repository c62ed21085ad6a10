// SPDX-License-Identifier: GPL-2.0
/*
 * What the stack asks of the card, but for ethtool.
 */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <net/sock.h>

#include "netvsc_var.h"

static netdev_tx_t drop(struct net_device *net, struct sk_buff *skb)
{
	netvsc_count(netdev_priv(net), NETVSC_EV_TX_DROPPED);
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static netdev_tx_t netvsc_start_xmit(struct sk_buff *skb,
				     struct net_device *net)
{
	struct netvsc_dev *nd = netdev_priv(net);
	u16 queue = skb_get_queue_mapping(skb);
	struct netvsc_conn *conn;

	if (netvsc_vf_xmit(nd, skb))
		return NETDEV_TX_OK;
	conn = rcu_dereference_bh(nd->conn);
	if (unlikely(!conn || !READ_ONCE(conn->tx_on) ||
		     queue >= conn->nr_open))
		return drop(net, skb);
	return netvsc_tx_skb(conn->chan[queue], skb);
}

/*
 * A flow goes out where it comes in: one processor and one thread of the host
 * then have all of it to do, and one signal or interrupt tells of data and
 * acknowledgements. Of flows that nothing has come from yet, the host says where it
 * wants what hash to be sent.
 */
static u32 queue_for(const struct netvsc_conn *conn, struct sk_buff *skb)
{
	struct sock *sk = skb->sk;
	int in = sk && sk_fullsock(sk) ? sk_rx_queue_get(sk) : -1;

	if (skb_rx_queue_recorded(skb))
		return skb_get_rx_queue(skb);
	if (in >= 0)
		return in;
	return READ_ONCE(conn->tx_table[skb_get_hash(skb) %
					NVS_SEND_TABLE_COUNT]);
}

/*
 * A socket stays where it is as long as it has frames under way: they'd be
 * reordered.
 */
static u16 own_queue(struct netvsc_dev *nd, struct sk_buff *skb, u32 queues)
{
	struct netvsc_conn *conn;
	struct sock *sk = skb->sk;
	int old, queue;

	if (queues < 2)
		return 0;
	old = sk_tx_queue_get(sk);
	if (old >= 0 && old < queues && !skb->ooo_okay)
		return old;
	conn = rcu_dereference(nd->conn);
	if (!conn)
		return 0;
	queue = queue_for(conn, skb) % queues;
	if (queue >= conn->nr_open || conn->chan[queue]->ch->rescind)
		queue = 0;
	if (queue != old && sk && sk_fullsock(sk) &&
	    rcu_access_pointer(sk->sk_dst_cache))
		sk_tx_queue_set(sk, queue);
	return queue;
}

static u16 netvsc_select_queue(struct net_device *net, struct sk_buff *skb,
			       struct net_device *sb_dev)
{
	struct netvsc_dev *nd = netdev_priv(net);
	u32 queues = net->real_num_tx_queues;
	struct net_device *vf;
	u16 queue;

	/* Packet sockets that pass by the queues ask without it. */
	rcu_read_lock();
	vf = netvsc_vf_path(nd);
	if (vf)
		queue = netvsc_vf_select_queue(vf, skb) % queues;
	else
		queue = own_queue(nd, skb, queues);
	rcu_read_unlock();
	return queue;
}

static int netvsc_open(struct net_device *net)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	int err = 0;

	/* A host that is silent may speak on another connection. */
	if (conn && READ_ONCE(conn->mute)) {
		netvsc_conn_close(nd);
		conn = NULL;
	}
	if (!conn)
		err = netvsc_conn_open(nd);
	if (!err)
		err = netvsc_conn_start(nd);
	if (err)
		return err;
	netvsc_vf_up(nd);
	netvsc_conn_follow(nd);
	return 0;
}

static int netvsc_stop(struct net_device *net)
{
	struct netvsc_dev *nd = netdev_priv(net);

	netvsc_vf_down(nd);
	netvsc_conn_stop(nd);
	return 0;
}

static u32 filter_of(const struct net_device *net)
{
	u32 filter = RNDIS_FILTER_DIRECTED | RNDIS_FILTER_BROADCAST;

	if (net->flags & IFF_PROMISC)
		return RNDIS_FILTER_PROMISCUOUS;
	/* Hosts know no lists of groups. */
	if ((net->flags & IFF_ALLMULTI) || !netdev_mc_empty(net))
		filter |= RNDIS_FILTER_ALL_MULTICAST;
	return filter;
}

/* Has the host send what is wanted. conn_lock held. */
int netvsc_netdev_set_filter(struct netvsc_dev *nd, struct netvsc_conn *conn)
{
	u32 filter = filter_of(nd->net);
	int err;

	lockdep_assert_held(&nd->conn_lock);
	if (filter == nd->filter)
		return 0;
	err = netvsc_oid_set_filter(conn, filter);
	nd->filter = err ? NETVSC_FILTER_UNKNOWN : filter;
	return err;
}

void netvsc_netdev_filter_work(struct work_struct *work)
{
	struct netvsc_dev *nd = container_of(work, struct netvsc_dev,
					     filter_work);
	struct netvsc_conn *conn;

	mutex_lock(&nd->conn_lock);
	conn = rcu_dereference_protected(nd->conn,
					 lockdep_is_held(&nd->conn_lock));
	/* Down meanwhile: the filter is none, and stays so. */
	if (conn && READ_ONCE(conn->rx_on) &&
	    netvsc_netdev_set_filter(nd, conn) == -ENOMEM)
		netvsc_silence_later(nd);
	mutex_unlock(&nd->conn_lock);
}

/* Called with the address lock held; talking to the host takes a while. */
static void netvsc_set_rx_mode(struct net_device *net)
{
	struct netvsc_dev *nd = netdev_priv(net);

	netvsc_vf_set_rx_mode(nd);
	schedule_work(&nd->filter_work);
}

static int netvsc_set_mac(struct net_device *net, void *p)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	struct sockaddr *addr = p, old;
	int err;

	if (!conn)
		return -ENODEV;
	err = eth_prepare_mac_addr_change(net, p);
	if (err)
		return err;
	err = netvsc_vf_set_mac(nd, addr);
	if (err)
		return err;
	err = netvsc_oid_set_mac(conn, addr->sa_data);
	/* It may have it all the same, and is told which one counts. */
	nd->mac_set |= err == -ETIMEDOUT;
	if (err) {
		old.sa_family = net->type;
		memcpy(old.sa_data, net->dev_addr, ETH_ALEN);
		netvsc_vf_set_mac(nd, &old);
		return err;
	}
	eth_commit_mac_addr_change(net, p);
	nd->mac_set = true;
	return 0;
}

static int netvsc_change_mtu(struct net_device *net, int mtu)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_config want = nd->config;
	int err;

	err = netvsc_xdp_allowed(nd, mtu, net->features);
	if (err)
		return err;
	err = netvsc_vf_change_mtu(nd, mtu);
	if (err)
		return err;
	/* Unless the connection has it already, see netvsc_conn_follow(). */
	if (want.mtu != mtu) {
		want.mtu = mtu;
		err = netvsc_conn_change(nd, &want);
	}
	if (err) {
		netvsc_vf_change_mtu(nd, net->mtu);
		return err;
	}
	WRITE_ONCE(net->mtu, mtu);
	return 0;
}

static netdev_features_t netvsc_fix_features(struct net_device *net,
					     netdev_features_t features)
{
	struct netvsc_dev *nd = netdev_priv(net);

	/* The host sums what it coalesces. */
	if (!(features & NETIF_F_RXCSUM) ||
	    netvsc_xdp_allowed(nd, net->mtu, features))
		features &= ~NETIF_F_LRO;
	return features;
}

static int netvsc_set_features(struct net_device *net,
			       netdev_features_t features)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	int err = 0;

	if ((features ^ net->features) & (NETIF_F_LRO | NETIF_F_RXCSUM))
		err = conn ? netvsc_oid_set_offloads(conn, features) : -ENODEV;
	if (!err)
		netvsc_vf_set_features(nd, features);
	return err;
}

/* The place of a transport header is told in 10 bits. */
static netdev_features_t netvsc_features_check(struct sk_buff *skb,
					       struct net_device *net,
					       netdev_features_t features)
{
	features = vlan_features_check(skb, features);
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_checksum_start_offset(skb) > NETVSC_TX_OFFSET_MAX)
		features &= ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	return features;
}

static void netvsc_tx_timeout(struct net_device *net, unsigned int queue)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn;
	struct netvsc_chan *nc;

	netvsc_count(nd, NETVSC_EV_TX_TIMEOUT);
	rcu_read_lock();
	conn = rcu_dereference(nd->conn);
	if (conn && queue < conn->nr_open) {
		nc = conn->chan[queue];
		netdev_warn(net, "queue %u: host hasn't sent %u frames\n",
			    queue,
			    READ_ONCE(nc->tx.sent) - READ_ONCE(nc->tx.done));
		/* A signal or interrupt may have been lost on either side. */
		vmbus_setevent(nc->ch);
		napi_schedule(&nc->napi);
	}
	rcu_read_unlock();
	netif_trans_update(net);
}

const struct net_device_ops netvsc_netdev_ops = {
	.ndo_open = netvsc_open,
	.ndo_stop = netvsc_stop,
	.ndo_start_xmit = netvsc_start_xmit,
	.ndo_select_queue = netvsc_select_queue,
	.ndo_features_check = netvsc_features_check,
	.ndo_fix_features = netvsc_fix_features,
	.ndo_set_features = netvsc_set_features,
	.ndo_change_rx_flags = netvsc_vf_change_rx_flags,
	.ndo_set_rx_mode = netvsc_set_rx_mode,
	.ndo_set_mac_address = netvsc_set_mac,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_change_mtu = netvsc_change_mtu,
	.ndo_get_stats64 = netvsc_stats_get64,
	.ndo_tx_timeout = netvsc_tx_timeout,
	.ndo_bpf = netvsc_xdp_setup,
	.ndo_xdp_xmit = netvsc_xdp_xmit,
};
