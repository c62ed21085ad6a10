// SPDX-License-Identifier: GPL-2.0
/*
 * The channels of a connection: made, opened, closed.
 *
 * Sub-channels are opened in the bus's own works while somebody who may hold
 * RTNL waits for them, so nothing here takes RTNL.
 *
 * Order at closing: no new opener, polls disabled, channels closed (the bus
 * calls nobody back afterwards), what was with the host is ours again.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "netvsc_var.h"

/*
 * The bus copies each packet out of the ring into a buffer of this size and
 * loses its place in the ring on a larger one. A transfer-page packet with the
 * most ranges there may be, 562, has 4624 bytes.
 */
#define MAX_PACKET	8192

#define OPENER_WAIT	(10 * HZ)
#define RESCIND_WAIT	(5 * HZ)
#define RESCIND_POLL_MS	10

/* Guards the way from a bus device to the connection that takes channels. */
static DEFINE_SPINLOCK(binding_lock);

static struct netvsc_chan *chan_alloc(struct netvsc_conn *conn, u32 index)
{
	struct netvsc_dev *nd = conn->nd;
	struct netvsc_chan *nc;

	nc = kzalloc(sizeof(*nc), GFP_KERNEL);
	if (!nc)
		return NULL;
	nc->conn = conn;
	nc->nd = nd;
	nc->index = index;
	nc->rx_stats = &nd->queue[index].rx;
	nc->tx.stats = &nd->queue[index].tx;
	nc->coal_config = &nd->queue[index].coal;
	nc->tx.open = -1;
	nc->tx.txq = netdev_get_tx_queue(nd->net, index);
	if (netvsc_netpoll_alloc(nc) || netvsc_comp_alloc(nc)) {
		netvsc_netpoll_free(nc);
		kfree(nc);
		return NULL;
	}
	netvsc_coal_init(nc);
	INIT_LIST_HEAD(&nc->direct.list);
	conn->chan[index] = nc;
	return nc;
}

/* Makes those of the first @n that aren't there: 0 or -ENOMEM. */
int netvsc_chan_alloc(struct netvsc_conn *conn, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (!conn->chan[i] && !chan_alloc(conn, i))
			return -ENOMEM;
	return 0;
}

static void chan_free(struct netvsc_chan *nc)
{
	netvsc_coal_exit(nc);
	netvsc_tx_free(nc);
	netvsc_comp_free(nc);
	netvsc_netpoll_free(nc);
	kvfree(nc->rsc);
	kfree(nc);
}

static int polls_on(struct netvsc_chan *nc)
{
	int err;

	netif_napi_add(nc->nd->net, &nc->napi, netvsc_rx_poll);
	err = netvsc_pool_create(nc);
	if (!err)
		err = netvsc_xdp_chan_init(nc);
	if (err) {
		netvsc_pool_destroy(nc);
		netif_napi_del(&nc->napi);
		return err;
	}
	nc->polling = true;
	napi_enable(&nc->napi);
	return 0;
}

/*
 * Timers may still fire until chan_free(); they find it disabled. The pools go
 * in between: they use NAPI until then, and those who do wait for the grace
 * period of its removal.
 */
static void polls_off(struct netvsc_chan *nc)
{
	if (!nc->polling)
		return;
	nc->polling = false;
	napi_disable(&nc->napi);
	netvsc_xdp_chan_exit(nc);
	netvsc_pool_destroy(nc);
	netif_napi_del(&nc->napi);
}

u32 netvsc_chan_ring_bytes(void)
{
	return 2 * netvsc_ring_size * HV_HYP_PAGE_SIZE;
}

/* Near the channel's processor, or else those that were set aside before. */
static int rings_alloc(struct netvsc_chan *nc)
{
	u32 size = netvsc_chan_ring_bytes() / 2;
	struct vmbus_channel *ch = nc->ch;
	struct page *spare;
	int err;

	err = vmbus_alloc_ring(ch, size, size);
	if (err != -ENOMEM || !nc->index)
		return err;
	spare = netvsc_spare_ring(nc->nd, nc->index);
	if (!spare)
		return err;
	ch->ringbuffer_page = spare;
	ch->ringbuffer_pagecount = 2 * size >> PAGE_SHIFT;
	ch->ringbuffer_send_offset = size >> PAGE_SHIFT;
	return 0;
}

/* With the rings that the primary has from another connection, or new ones. */
static int rings_open(struct netvsc_chan *nc)
{
	int err = 0;

	if (nc->index || !nc->nd->spares.rings)
		err = rings_alloc(nc);
	if (err)
		return err;
	if (!nc->index)
		nc->nd->spares.rings = false;
	err = vmbus_connect_ring(nc->ch, netvsc_rx_event, nc);
	if (err)
		vmbus_free_ring(nc->ch);
	return err;
}

/* Whoever reads statistics may be looking at it. */
static void set_channel(struct netvsc_chan *nc, struct vmbus_channel *ch)
{
	spin_lock(&nc->conn->chan_lock);
	nc->ch = ch;
	spin_unlock(&nc->conn->chan_lock);
}

static int chan_open(struct netvsc_chan *nc, struct vmbus_channel *ch)
{
	int err;

	set_channel(nc, ch);
	/*
	 * Request numbers are our own. An earlier driver of this channel may
	 * have left its callbacks there, which may be unloaded by now.
	 */
	ch->next_request_id_callback = NULL;
	ch->request_addr_callback = NULL;
	ch->rqstor_size = 0;
	ch->max_pkt_size = MAX_PACKET;
	set_channel_read_mode(ch, HV_CALL_ISR);
	set_per_channel_state(ch, nc);

	err = polls_on(nc);
	if (!err) {
		err = rings_open(nc);
		if (err)
			polls_off(nc);
	}
	if (err)
		set_channel(nc, NULL);
	return err;
}

int netvsc_chan_open_primary(struct netvsc_conn *conn)
{
	struct netvsc_chan *nc;
	int err;

	err = netvsc_chan_alloc(conn, 1);
	if (err)
		return err;
	nc = conn->chan[0];
	err = chan_open(nc, conn->nd->hv->channel);
	if (err) {
		netdev_err(conn->nd->net, "cannot open the channel: %d\n", err);
		return err;
	}
	conn->opened = true;
	nc->ready = true;
	conn->nr_open = 1;
	return 0;
}

/**
 * netvsc_chan_prepare() - make the channels of a connection, unopened
 * @conn: the connection; its buffers are shared
 * @n: how many, with the primary
 */
int netvsc_chan_prepare(struct netvsc_conn *conn, u32 n)
{
	u32 i, share = conn->tx.sections / n;
	struct netvsc_chan *nc;
	int err;

	err = netvsc_chan_alloc(conn, n);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		nc = conn->chan[i];
		if (conn->caps.rsc) {
			nc->rsc = kvzalloc(sizeof(*nc->rsc), GFP_KERNEL);
			if (!nc->rsc)
				return -ENOMEM;
		}
		err = netvsc_tx_alloc(nc, i * share, share);
		if (err)
			return err;
	}
	conn->nr_chans = n;
	return 0;
}

/* Whose bus device this is; NULL: nobody's any more. */
void netvsc_chan_bind(struct hv_device *hv, struct netvsc_dev *nd)
{
	spin_lock(&binding_lock);
	hv_set_drvdata(hv, nd);
	spin_unlock(&binding_lock);
}

/* For the one who is about to open a sub-channel; NULL: none is wanted. */
static struct netvsc_conn *get_opener(struct hv_device *hv)
{
	struct netvsc_conn *conn = NULL;
	struct netvsc_dev *nd;

	spin_lock(&binding_lock);
	nd = hv_get_drvdata(hv);
	if (nd)
		conn = nd->opener_conn;
	if (conn)
		conn->openers++;
	spin_unlock(&binding_lock);
	return conn;
}

static void put_opener(struct netvsc_conn *conn)
{
	spin_lock(&binding_lock);
	conn->openers--;
	conn->seen++;
	/* Under the lock: whoever waits may free the connection afterwards. */
	wake_up(&conn->opener_wait);
	spin_unlock(&binding_lock);
}

static void accept_openers(struct netvsc_conn *conn, bool accept)
{
	spin_lock(&binding_lock);
	conn->nd->opener_conn = accept ? conn : NULL;
	spin_unlock(&binding_lock);
}

/* Its number is the host's word: the place must exist and be free. */
static struct netvsc_chan *reserve(struct netvsc_conn *conn,
				   struct vmbus_channel *ch)
{
	u32 i = ch->offermsg.offer.sub_channel_index;
	struct netvsc_chan *nc = NULL;

	spin_lock(&conn->chan_lock);
	if (i && i < conn->nr_chans && !conn->chan[i]->ch) {
		nc = conn->chan[i];
		nc->ch = ch;
	}
	spin_unlock(&conn->chan_lock);
	return nc;
}

/* A sub-channel was offered; the bus calls this in a work item. */
static void sub_offered(struct vmbus_channel *ch)
{
	struct netvsc_conn *conn;
	struct netvsc_chan *nc;
	int err = -EINVAL;

	conn = get_opener(ch->primary_channel->device_obj);
	if (!conn)
		return;
	nc = reserve(conn, ch);
	if (nc)
		err = chan_open(nc, ch);
	if (err)
		netdev_warn(conn->nd->net, "cannot open sub-channel %u: %d\n",
			    ch->offermsg.offer.sub_channel_index, err);
	spin_lock(&conn->chan_lock);
	if (!err)
		nc->ready = true;
	spin_unlock(&conn->chan_lock);
	put_opener(conn);
}

static u32 seen(struct netvsc_conn *conn)
{
	u32 n;

	spin_lock(&binding_lock);
	n = conn->seen;
	spin_unlock(&binding_lock);
	return n;
}

static bool openers_left(struct netvsc_conn *conn)
{
	bool left;

	spin_lock(&binding_lock);
	left = conn->openers;
	spin_unlock(&binding_lock);
	return left;
}

/*
 * Asks for the sub-channels prepared and waits until they are there. Those that
 * are used are numbered without a gap; with fewer than wanted there are fewer
 * queues.
 */
void netvsc_chan_open_subs(struct netvsc_conn *conn)
{
	unsigned long deadline = jiffies + OPENER_WAIT;
	struct vmbus_channel *primary = conn->nd->hv->channel;
	u32 i, n = conn->nr_chans - 1;

	accept_openers(conn, true);
	vmbus_set_sc_create_callback(primary, sub_offered);
	if (!netvsc_nvs_subchannels(conn, &n)) {
		while (seen(conn) < n && time_before(jiffies, deadline) &&
		       !netvsc_dev_rescinded(conn->nd))
			wait_event_timeout(conn->opener_wait, seen(conn) >= n,
					   HZ / 10);
	}
	vmbus_set_sc_create_callback(primary, NULL);
	accept_openers(conn, false);

	spin_lock(&conn->chan_lock);
	for (i = 1; i < conn->nr_chans && conn->chan[i]->ready; i++)
		conn->nr_open = i + 1;
	spin_unlock(&conn->chan_lock);
	if (conn->nr_open < conn->nr_chans)
		netdev_info(conn->nd->net, "%u of %u channels in use\n",
			    conn->nr_open, conn->nr_chans);
}

/*
 * After the primary's closing the host takes the sub-channels back. Wait for
 * that: the bus walks the list of them without a lock when it closes them, and
 * those of the next connection must not be mistaken for these.
 */
static void await_rescinds(struct vmbus_channel *primary)
{
	unsigned long deadline = jiffies + RESCIND_WAIT;

	while (!READ_ONCE(primary->rescind) &&
	       !list_empty_careful(&primary->sc_list) &&
	       time_before(jiffies, deadline))
		msleep(RESCIND_POLL_MS);
}

/**
 * netvsc_chan_close_all() - close the primary and all sub-channels
 * @conn: the connection, its primary open
 *
 * Waits for the host as long as vmbus_disconnect_ring() does.
 *
 * Whether the host has let go of the rings, and with that of everything that it
 * had been sent, is in conn->lent then.
 */
void netvsc_chan_close_all(struct netvsc_conn *conn)
{
	struct vmbus_channel *primary = conn->nd->hv->channel;
	int err;
	u32 i;

	wait_event_timeout(conn->opener_wait, !openers_left(conn),
			   OPENER_WAIT);
	for (i = 0; i < conn->nr_chans; i++)
		if (conn->chan[i] && conn->chan[i]->ready)
			polls_off(conn->chan[i]);
	err = vmbus_disconnect_ring(primary);

	/* The host takes back what is half open: its opener returns now. */
	if (!wait_event_timeout(conn->opener_wait, !openers_left(conn),
				OPENER_WAIT)) {
		netdev_warn(conn->nd->net, "a sub-channel is stuck opening\n");
	} else {
		for (i = 0; i < conn->nr_chans; i++) {
			if (!conn->chan[i] || !conn->chan[i]->polling)
				continue;
			polls_off(conn->chan[i]);
			vmbus_disconnect_ring(primary);
		}
	}
	await_rescinds(primary);
	conn->opened = false;
	/* The in-tree bus keeps the ring of a channel that the host holds on to. */
	conn->lent = netvsc_lent ? netvsc_lent->any(primary) : err != 0;
	if (!err && conn->nd->spares.keep)
		conn->nd->spares.rings = true;
	else if (!err || netvsc_lent)
		vmbus_free_ring(primary);
}

/*
 * What the host was sent by page list: it may still read it, until it has let go,
 * for ever where the bus doesn't tell.
 */
void netvsc_chan_leave_page(struct netvsc_conn *conn, void *address)
{
	if (!conn->lent)
		free_page((unsigned long)address);
	else if (netvsc_lent)
		netvsc_lent->keep_page(conn->nd->hv->channel,
				       virt_to_page(address));
}

void netvsc_chan_leave_skb(struct netvsc_conn *conn, struct sk_buff *skb)
{
	if (!conn->lent) {
		dev_kfree_skb_any(skb);
		return;
	}
	/*
	 * It may outlive all that isn't its memory. Its socket would not end, nor
	 * send more than so many bytes that are still under way.
	 */
	skb_orphan(skb);
	skb->dev = NULL;
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
	if (netvsc_lent)
		netvsc_lent->keep_skb(conn->nd->hv->channel, skb);
}

/*
 * Returns false, freeing nothing, when the opener of a sub-channel has never
 * returned: it still uses all of it.
 */
bool netvsc_chan_free_all(struct netvsc_conn *conn)
{
	u32 i;

	if (openers_left(conn)) {
		netdev_err(conn->nd->net,
			   "a sub-channel never opened: its memory is lost\n");
		__module_get(THIS_MODULE);
		return false;
	}
	for (i = 0; i < NETVSC_MAX_CHANS; i++)
		if (conn->chan[i])
			chan_free(conn->chan[i]);
	return true;
}
