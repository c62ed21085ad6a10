// SPDX-License-Identifier: GPL-2.0
/*
 * One connection exchanged for another: for a new MTU, number of channels, size
 * of buffers.
 *
 * The host serves one at a time, so the old one ends before the new one is sure.
 * What can be sure before is the memory: for the new one, and for going back
 * if the host refuses. Neither the buffers nor the primary's rings are given back
 * to the kernel between the two; for the rings of the others, which the bus
 * gives back, there is a spare each.
 *
 * If there is no going back, the interface has no carrier, and a work tries to
 * connect as it was, for as long as it takes.
 */
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "netvsc_var.h"

#define RETRY_FIRST	HZ
#define RETRY_MAX	(60 * HZ)

/* ---- memory between two connections; RTNL held ---- */

/*
 * In pieces as large as there are: the root sends from and receives into the
 * pages, and neighbours in one piece are one piece for it, too.
 */
static void *buffer_alloc(u32 size)
{
	return vmalloc_huge(size, GFP_KERNEL | __GFP_ZERO);
}

/* Memory for a shared buffer, maybe one that was in use before. */
void *netvsc_spare_get(struct netvsc_dev *nd, u32 size)
{
	struct netvsc_spares *spares = &nd->spares;
	void *base;
	u32 i;

	for (i = 0; i < NETVSC_SPARES; i++) {
		base = spares->base[i];
		if (base && spares->size[i] == size) {
			spares->base[i] = NULL;
			return base;
		}
	}
	return buffer_alloc(size);
}

void netvsc_spare_put(struct netvsc_dev *nd, void *base, u32 size)
{
	struct netvsc_spares *spares = &nd->spares;
	u32 i;

	for (i = 0; spares->keep && i < NETVSC_SPARES; i++) {
		if (!spares->base[i]) {
			spares->base[i] = base;
			spares->size[i] = size;
			return;
		}
	}
	vfree(base);
}

static u32 ring_order(void)
{
	return get_order(netvsc_chan_ring_bytes());
}

/* Both rings of a sub-channel, zeroed; NULL: there are none, or no more. */
struct page *netvsc_spare_ring(struct netvsc_dev *nd, u32 index)
{
	return xchg(&nd->spares.ring[index], NULL);
}

/*
 * Sub-channels are opened by the bus's works, and the interface has fewer queues
 * when that fails: for a change that would be no failure, but a loss.
 */
static int spare_rings(struct netvsc_dev *nd, u32 chans)
{
	struct page *page;
	u32 i;

	for (i = 1; i < chans; i++) {
		page = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN,
				   ring_order());
		if (!page)
			return -ENOMEM;
		xchg(&nd->spares.ring[i], page);
	}
	return 0;
}

static void spares_free(struct netvsc_dev *nd)
{
	struct netvsc_spares *spares = &nd->spares;
	struct page *page;
	u32 i;

	spares->keep = false;
	if (spares->rings)
		vmbus_free_ring(nd->hv->channel);
	spares->rings = false;
	for (i = 0; i < NETVSC_SPARES; i++) {
		vfree(spares->base[i]);
		spares->base[i] = NULL;
	}
	for (i = 1; i < NETVSC_MAX_CHANS; i++) {
		page = netvsc_spare_ring(nd, i);
		if (page)
			__free_pages(page, ring_order());
	}
}

/* Of @size, unless the one in use has it. */
static int spare_add(struct netvsc_dev *nd, u32 size,
		     const struct netvsc_buf *in_use)
{
	void *base;

	if (size == in_use->size)
		return 0;
	base = buffer_alloc(size);
	if (!base)
		return -ENOMEM;
	netvsc_spare_put(nd, base, size);
	return 0;
}

/* ---- without a connection ---- */

static int reopen(struct netvsc_dev *nd, struct netvsc_conn *conn)
{
	int err = netvsc_conn_open_as(nd, conn);

	if (err || !netif_running(nd->net))
		return err;
	err = netvsc_conn_start(nd);
	if (err)
		netvsc_conn_close(nd);
	return err;
}

/* See netvsc_var.h. */
void netvsc_conn_follow(struct netvsc_dev *nd)
{
	struct net_device *net = nd->net;
	u32 mtu = nd->config.mtu;
	int err;

	ASSERT_RTNL();
	if (!rtnl_dereference(nd->conn) || net->mtu <= mtu)
		return;
	netdev_warn(net, "host takes less than before: MTU reduced from %u to %u\n",
		    net->mtu, mtu);
	/* This is how all others learn of it: the VF, tunnels, routes. */
	err = dev_set_mtu(net, mtu);
	if (err)
		netdev_err(net, "MTU stays %u (%d): longer frames are dropped\n",
			   net->mtu, err);
}

static void retry(struct work_struct *work)
{
	struct netvsc_dev *nd = container_of(to_delayed_work(work),
					     struct netvsc_dev, retry_work);

	/* Whoever cancels this work may hold it. */
	if (!rtnl_trylock()) {
		schedule_delayed_work(&nd->retry_work, 1);
		return;
	}
	/* Unless the device goes, sleeps, or was brought up meanwhile. */
	if (nd->net->reg_state != NETREG_REGISTERED ||
	    !netif_device_present(nd->net) || rtnl_dereference(nd->conn) ||
	    netvsc_dev_rescinded(nd))
		goto out;
	if (!reopen(nd, netvsc_conn_alloc(nd, &nd->config))) {
		netdev_info(nd->net, "connected with the host again\n");
		netvsc_conn_follow(nd);
		goto out;
	}
	nd->retry_delay = min_t(unsigned long, 2 * nd->retry_delay, RETRY_MAX);
	schedule_delayed_work(&nd->retry_work, nd->retry_delay);
out:
	rtnl_unlock();
}

void netvsc_change_init(struct netvsc_dev *nd)
{
	INIT_DELAYED_WORK(&nd->retry_work, retry);
}

/* The device isn't registered any more. */
void netvsc_change_exit(struct netvsc_dev *nd)
{
	cancel_delayed_work_sync(&nd->retry_work);
}

/* There is no connection, though there should be: one is tried again and again. */
static void conn_lost(struct netvsc_dev *nd, int err)
{
	netdev_err(nd->net, "connection with the host is lost: %d\n", err);
	netif_carrier_off(nd->net);
	netif_device_attach(nd->net);
	nd->retry_delay = RETRY_FIRST;
	schedule_delayed_work(&nd->retry_work, nd->retry_delay);
}

/* See netvsc_var.h. */
int netvsc_conn_resume(struct netvsc_dev *nd)
{
	int err;

	ASSERT_RTNL();
	err = reopen(nd, netvsc_conn_alloc(nd, &nd->config));
	if (err) {
		conn_lost(nd, err);
		return err;
	}
	netif_device_attach(nd->net);
	netvsc_conn_follow(nd);
	return 0;
}

/* ---- the change ---- */

struct change {
	struct netvsc_conn *to, *back;
};

/* All the memory that can be had before anything is given up. */
static int prepare(struct netvsc_dev *nd, const struct netvsc_config *want,
		   struct change *ch)
{
	const struct netvsc_conn *old = rtnl_dereference(nd->conn);
	int err;

	nd->spares.keep = true;
	ch->back = netvsc_conn_alloc(nd, &nd->config);
	ch->to = netvsc_conn_alloc(nd, want);
	if (!ch->back || !ch->to)
		return -ENOMEM;
	err = spare_add(nd, netvsc_nvs_rx_size(ch->to, old->version), &old->rx);
	if (!err)
		err = spare_add(nd, ch->to->tx.size, &old->tx);
	if (!err)
		err = spare_rings(nd, min3(want->chans, old->caps.rss_queues,
					   (u32)NETVSC_MAX_CHANS));
	return err;
}

/* Consumes @ch's connections; the device is detached. */
static int exchange(struct netvsc_dev *nd, const struct netvsc_config *want,
		    struct change *ch)
{
	struct netvsc_config old = nd->config;
	struct netvsc_rss rss = nd->rss;
	bool running = netif_running(nd->net);
	int err, again;

	if (running)
		netvsc_conn_stop(nd);
	netvsc_conn_close(nd);
	netvsc_count(nd, NETVSC_EV_RECONNECTS);

	nd->config = *want;
	err = reopen(nd, ch->to);
	ch->to = NULL;
	/* Not what it was done for: it is followed. */
	if (!err && nd->config.mtu < want->mtu && want->mtu != old.mtu) {
		if (running)
			netvsc_conn_stop(nd);
		netvsc_conn_close(nd);
		err = -EINVAL;
	}
	if (!err)
		return 0;
	nd->config = old;
	nd->rss = rss;
	again = reopen(nd, ch->back);
	ch->back = NULL;
	if (again)
		conn_lost(nd, again);
	return err;
}

/* See netvsc_var.h. */
int netvsc_conn_change(struct netvsc_dev *nd, const struct netvsc_config *want)
{
	struct change ch = {};
	int err;

	ASSERT_RTNL();
	if (!rtnl_dereference(nd->conn))
		return -ENODEV;
	err = prepare(nd, want, &ch);
	if (!err) {
		/* The stack calls neither for sending nor for filters. */
		netif_device_detach(nd->net);
		err = exchange(nd, want, &ch);
		netif_device_attach(nd->net);
		/* A new MTU is for the caller to set. */
		if (err || want->mtu == nd->net->mtu)
			netvsc_conn_follow(nd);
	}
	netvsc_conn_free(ch.to);
	netvsc_conn_free(ch.back);
	spares_free(nd);
	return err;
}
