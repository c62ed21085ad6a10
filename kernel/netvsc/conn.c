// SPDX-License-Identifier: GPL-2.0
/*
 * A connection with the host: made, started, stopped, ended.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "netvsc_var.h"

#define RESCIND_POLL_MS	100
#define PAUSE_MS	5

/**
 * netvsc_conn_wait() - wait for the host
 * @conn: the connection
 * @done: what the answer completes
 * @deadline: jiffies
 *
 * A host that misses its deadline counts as mute: silence.c.
 *
 * Return: 0, -ETIMEDOUT or -ENODEV.
 */
int netvsc_conn_wait(struct netvsc_conn *conn, struct completion *done,
		     unsigned long deadline)
{
	while (!wait_for_completion_timeout(done,
					    msecs_to_jiffies(RESCIND_POLL_MS))) {
		if (netvsc_dev_rescinded(conn->nd))
			return -ENODEV;
		if (time_after(jiffies, deadline)) {
			netvsc_count(conn->nd, NETVSC_EV_CTL_TIMEOUT);
			netvsc_silence_begin(conn);
			return -ETIMEDOUT;
		}
	}
	return 0;
}

/* A moment's pause; false when there's no point in trying again. */
bool netvsc_conn_pause(struct netvsc_conn *conn, unsigned long deadline)
{
	if (READ_ONCE(conn->mute) || netvsc_dev_rescinded(conn->nd))
		return false;
	if (time_after(jiffies, deadline)) {
		netvsc_silence_begin(conn);
		return false;
	}
	msleep(PAUSE_MS);
	return true;
}

/* More channels have more senders: each gets a fair number of sections. */
static u32 tx_sections(const struct netvsc_config *config)
{
	u32 n = config->tx_sections;

	if (!n)
		n = max_t(u32, NETVSC_TX_SECTIONS, 64 * config->chans);
	return min_t(u32, n, NETVSC_TX_BUF_MAX / NETVSC_TX_SECTION);
}

/**
 * netvsc_conn_alloc() - memory for a connection, but for its buffers
 * @nd: the card
 * @config: what it will be made with
 *
 * Return: to be opened by netvsc_conn_open_as(), or freed by netvsc_conn_free();
 * NULL without memory.
 */
struct netvsc_conn *netvsc_conn_alloc(struct netvsc_dev *nd,
				      const struct netvsc_config *config)
{
	struct netvsc_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (!conn)
		return NULL;
	conn->nd = nd;
	conn->max_packets = 1;
	conn->align = 8;
	conn->nr_chans = 1;
	mutex_init(&conn->ctl_lock);
	spin_lock_init(&conn->ctl_wait_lock);
	spin_lock_init(&conn->chan_lock);
	INIT_LIST_HEAD(&conn->requests);
	init_completion(&conn->nvs_done);
	init_waitqueue_head(&conn->opener_wait);
	conn->rx.size = PAGE_ALIGN(config->rx_sections * NETVSC_RX_SECTION);
	conn->tx.size = PAGE_ALIGN(tx_sections(config) * NETVSC_TX_SECTION);
	if (netvsc_chan_alloc(conn, min_t(u32, config->chans,
					  NETVSC_MAX_CHANS))) {
		netvsc_conn_free(conn);
		return NULL;
	}
	return conn;
}

/* One that was not opened, or has ended. NULL is ignored. */
void netvsc_conn_free(struct netvsc_conn *conn)
{
	if (conn && netvsc_chan_free_all(conn))
		kfree(conn);
}

/*
 * What the host won't let go of must stay: it may write there. Our bus has seen to
 * that, for as long as it takes; where it doesn't the memory is lost.
 */
static void buf_free(struct netvsc_conn *conn, struct netvsc_buf *buf)
{
	if (!buf->base)
		return;
	if (!conn->lent && !buf->gpadl.gpadl_handle)
		netvsc_spare_put(conn->nd, buf->base, buf->size);
	else if (netvsc_lent)
		vfree(buf->base);
	else
		netdev_err(conn->nd->net,
			   "host keeps a buffer of %u bytes: it is lost\n",
			   buf->size);
	buf->base = NULL;
}

static void buf_unshare(struct netvsc_conn *conn, struct netvsc_buf *buf)
{
	int err;

	if (!buf->gpadl.gpadl_handle)
		return;
	err = vmbus_teardown_gpadl(conn->nd->hv->channel, &buf->gpadl);
	if (!err)
		buf->gpadl.gpadl_handle = 0;
}

/* Everything that netvsc_conn_open() did, as far as it got. */
static void conn_end(struct netvsc_conn *conn)
{
	bool early = vmbus_proto_version < VERSION_WIN10;

	if (conn->opened) {
		netvsc_nvs_revoke(conn);
		/* Hosts before 4.0 want this before the channel closes. */
		if (early) {
			buf_unshare(conn, &conn->rx);
			buf_unshare(conn, &conn->tx);
		}
		netvsc_chan_close_all(conn);
		if (!early) {
			buf_unshare(conn, &conn->rx);
			buf_unshare(conn, &conn->tx);
		}
	}
	buf_free(conn, &conn->rx);
	buf_free(conn, &conn->tx);
	netvsc_rndis_free(conn);
	netvsc_conn_free(conn);
}

/* Spread the receive table over the channels unless the user has chosen. */
static void spread(struct netvsc_dev *nd, u32 chans)
{
	u32 i;

	if (nd->rss.user_table && nd->rss.table_chans <= chans)
		return;
	for (i = 0; i < NETVSC_RSS_ENTRIES; i++)
		nd->rss.table[i] = ethtool_rxfh_indir_default(i, chans);
	nd->rss.table_chans = chans;
	nd->rss.user_table = false;
}

/* Channels besides the first; a host that has none to give is none the worse. */
static int add_channels(struct netvsc_conn *conn)
{
	struct netvsc_dev *nd = conn->nd;
	u32 i, wanted;
	int err;

	wanted = min3(nd->config.chans, conn->caps.rss_queues,
		      (u32)NETVSC_MAX_CHANS);
	err = netvsc_chan_prepare(conn, wanted);
	if (err)
		return err;
	/* The host may send another table when the channels are open. */
	for (i = 0; i < NVS_SEND_TABLE_COUNT; i++)
		WRITE_ONCE(conn->tx_table[i], i % wanted);
	if (wanted > 1)
		netvsc_chan_open_subs(conn);
	spread(nd, conn->nr_open);
	err = netvsc_oid_set_rss(conn);
	if (err == -ENOMEM)
		return err;
	if (err && err != -EOPNOTSUPP)
		netdev_warn(nd->net, "cannot spread received frames: %d\n",
			    err);
	return netvsc_dev_rescinded(nd) ? -ENODEV : 0;
}

static int establish(struct netvsc_conn *conn)
{
	struct netvsc_dev *nd = conn->nd;
	int err;

	err = netvsc_chan_open_primary(conn);
	if (!err)
		err = netvsc_nvs_connect(conn, nd->config.mtu);
	if (!err)
		err = netvsc_nvs_share_buffers(conn);
	if (!err)
		err = netvsc_rndis_init(conn);
	if (!err)
		err = netvsc_oid_read_caps(conn);
	if (err)
		return err;
	if (conn->caps.mtu && conn->caps.mtu < nd->config.mtu) {
		netdev_warn(nd->net, "host's card takes an MTU of %u\n",
			    conn->caps.mtu);
		nd->config.mtu = max_t(u32, conn->caps.mtu, NETVSC_MIN_MTU);
	}
	conn->max_frame = nd->config.mtu + VLAN_ETH_HLEN;
	err = netvsc_oid_set_offloads(conn, nd->net->features);
	if (err) {
		netdev_err(nd->net, "cannot set offloads: %d\n", err);
		return err;
	}
	/* A new connection may have taken the host's card back to its own. */
	if (nd->mac_set) {
		err = netvsc_oid_set_mac(conn, nd->net->dev_addr);
		if (err == -ENOMEM)
			return err;
		if (err)
			netdev_warn(nd->net,
				    "host's card keeps its own address\n");
	}
	netvsc_oid_read_link(conn);
	return add_channels(conn);
}

/**
 * netvsc_conn_open_as() - connect with the host as nd->config says
 * @nd: the card, not connected
 * @conn: memory for it, from netvsc_conn_alloc(); NULL: there was none
 *
 * RTNL held.
 *
 * Return: 0, and no frame flows yet; or an error, and nothing is left.
 */
int netvsc_conn_open_as(struct netvsc_dev *nd, struct netvsc_conn *conn)
{
	int err;

	if (!conn)
		return -ENOMEM;
	err = establish(conn);
	if (!err)
		err = netif_set_real_num_queues(nd->net, conn->nr_open,
						conn->nr_open);
	if (err) {
		conn_end(conn);
		return err;
	}
	mutex_lock(&nd->conn_lock);
	nd->filter = 0;
	rcu_assign_pointer(nd->conn, conn);
	mutex_unlock(&nd->conn_lock);
	netvsc_link_apply(nd);
	if (nd->net->reg_state == NETREG_REGISTERED)
		netvsc_vf_path_lost(nd);
	return 0;
}

int netvsc_conn_open(struct netvsc_dev *nd)
{
	return netvsc_conn_open_as(nd, netvsc_conn_alloc(nd, &nd->config));
}

/* RTNL held, or the device not registered any more; frames don't flow. */
void netvsc_conn_close(struct netvsc_dev *nd)
{
	struct netvsc_conn *conn = rcu_dereference_protected(nd->conn, true);

	if (!conn)
		return;
	mutex_lock(&nd->conn_lock);
	RCU_INIT_POINTER(nd->conn, NULL);
	mutex_unlock(&nd->conn_lock);
	if (nd->net->reg_state == NETREG_REGISTERED)
		netvsc_vf_path_lost(nd);
	/* Senders and readers of statistics. */
	synchronize_net();
	netvsc_rndis_halt(conn);
	conn_end(conn);
}

static bool all_idle(struct netvsc_conn *conn)
{
	u32 i;

	for (i = 0; i < conn->nr_open; i++)
		if (!netvsc_tx_idle(conn->chan[i]))
			return false;
	return true;
}

/*
 * Send what is held back, and have the host say that it's done with all. One
 * that doesn't answer requests may yet send frames.
 */
static void drain(struct netvsc_conn *conn)
{
	unsigned long deadline = jiffies + (READ_ONCE(conn->mute) ? HZ :
					    netvsc_host_timeout * HZ);
	struct netvsc_chan *nc;
	u32 i;

	do {
		for (i = 0; i < conn->nr_open; i++) {
			nc = conn->chan[i];
			__netif_tx_lock_bh(nc->tx.txq);
			netvsc_tx_flush(nc);
			__netif_tx_unlock_bh(nc->tx.txq);
		}
		if (all_idle(conn) || netvsc_dev_rescinded(conn->nd))
			return;
		msleep(PAUSE_MS);
	} while (time_before(jiffies, deadline));
	netdev_warn(conn->nd->net, "host holds frames back\n");
	netvsc_silence_begin(conn);
}

/* The interface goes up: frames flow both ways. RTNL held. */
int netvsc_conn_start(struct netvsc_dev *nd)
{
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	int err;

	if (!conn)
		return -ENODEV;
	WRITE_ONCE(conn->rx_on, true);
	mutex_lock(&nd->conn_lock);
	err = netvsc_netdev_set_filter(nd, conn);
	mutex_unlock(&nd->conn_lock);
	if (err) {
		WRITE_ONCE(conn->rx_on, false);
		netdev_err(nd->net, "cannot have frames received: %d\n", err);
		return err;
	}
	WRITE_ONCE(conn->tx_on, true);
	netif_tx_start_all_queues(nd->net);
	return 0;
}

/*
 * No frame flows, and none is under way, as far as the host takes part; the
 * connection stays. RTNL held.
 */
void netvsc_conn_stop(struct netvsc_dev *nd)
{
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);

	if (!conn)
		return;
	WRITE_ONCE(conn->tx_on, false);
	netif_tx_disable(nd->net);
	mutex_lock(&nd->conn_lock);
	if (nd->filter)
		netvsc_oid_set_filter(conn, 0);
	nd->filter = 0;
	WRITE_ONCE(conn->rx_on, false);
	mutex_unlock(&nd->conn_lock);
	drain(conn);
}
