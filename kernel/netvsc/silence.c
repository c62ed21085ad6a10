// SPDX-License-Identifier: GPL-2.0
/*
 * A host that doesn't answer. Each request has host_timeout seconds, and whoever
 * asks may hold RTNL as long. So when one got no answer, the host counts as mute:
 * others fail at once, that a silent host may cost the patience of one request
 * and not that times their number.
 *
 * It isn't mute any more when it answers something, however late, and were it the
 * query that a work asks again and again meanwhile, holding no RTNL. What the
 * host did of what it hasn't confirmed nobody knows, and some was never asked. So
 * then it is told anew all that was chosen (nd->unsure).
 */
#include <linux/jiffies.h>
#include <linux/workqueue.h>

#include "netvsc_var.h"

static void arrange(struct netvsc_dev *nd, unsigned long delay)
{
	mod_delayed_work(system_long_wq, &nd->silence_work, delay);
}

/* The host has missed a deadline. */
void netvsc_silence_begin(struct netvsc_conn *conn)
{
	if (READ_ONCE(conn->mute))
		return;
	WRITE_ONCE(conn->mute, true);
	netvsc_note(conn->nd, "host does not answer\n");
	arrange(conn->nd, 0);
}

/* In the poll: it has answered, whatever. */
void netvsc_silence_end(struct netvsc_conn *conn)
{
	if (likely(!READ_ONCE(conn->mute)))
		return;
	WRITE_ONCE(conn->mute, false);
	netvsc_note(conn->nd, "host answers again\n");
	arrange(conn->nd, 0);
}

/* What the host has of our choices isn't known. */
void netvsc_silence_unsure(struct netvsc_dev *nd)
{
	WRITE_ONCE(nd->unsure, true);
	arrange(nd, 0);
}

/* It couldn't be told: there may be memory in a while. */
void netvsc_silence_later(struct netvsc_dev *nd)
{
	WRITE_ONCE(nd->unsure, true);
	arrange(nd, HZ);
}

static int tell_filter(struct netvsc_dev *nd, struct netvsc_conn *conn)
{
	int err;

	mutex_lock(&nd->conn_lock);
	nd->filter = NETVSC_FILTER_UNKNOWN;
	if (READ_ONCE(conn->rx_on)) {
		err = netvsc_netdev_set_filter(nd, conn);
	} else {
		err = netvsc_oid_set_filter(conn, 0);
		nd->filter = 0;
	}
	mutex_unlock(&nd->conn_lock);
	return err;
}

/* Whether the host has what it was told, or needs no telling. */
static bool taken(struct netvsc_dev *nd, int err)
{
	if (err == -ENOMEM)
		netvsc_silence_later(nd);
	return !err || err == -EOPNOTSUPP;
}

/* RTNL held. What times out here, or has no memory, makes it unsure again. */
static void tell_all(struct netvsc_dev *nd)
{
	struct netvsc_conn *conn = rtnl_dereference(nd->conn);
	bool all = true;

	WRITE_ONCE(nd->unsure, false);
	if (!conn)
		return;
	if (nd->mac_set)
		all &= taken(nd, netvsc_oid_set_mac(conn, nd->net->dev_addr));
	all &= taken(nd, netvsc_oid_set_offloads(conn, nd->net->features));
	all &= taken(nd, netvsc_oid_set_rss(conn));
	all &= taken(nd, tell_filter(nd, conn));
	if (!all)
		netvsc_note(nd, "host may not have all settings\n");
	netvsc_vf_look_again(nd);
}

/* Whether there's a connection with a host that answers. */
static bool answers(struct netvsc_dev *nd)
{
	struct netvsc_conn *conn;
	bool mute = true;

	mutex_lock(&nd->conn_lock);
	conn = rcu_dereference_protected(nd->conn,
					 lockdep_is_held(&nd->conn_lock));
	if (conn && READ_ONCE(conn->mute)) {
		netvsc_oid_probe(conn);
		if (READ_ONCE(conn->mute))
			arrange(nd, netvsc_host_timeout * HZ);
	}
	if (conn)
		mute = READ_ONCE(conn->mute);
	mutex_unlock(&nd->conn_lock);
	return !mute;
}

static void work(struct work_struct *work)
{
	struct netvsc_dev *nd = container_of(to_delayed_work(work),
					     struct netvsc_dev, silence_work);

	if (!answers(nd) || !READ_ONCE(nd->unsure))
		return;
	/* Whoever holds it may be waiting for conn_lock, or for this work. */
	if (!rtnl_trylock()) {
		arrange(nd, 1);
		return;
	}
	tell_all(nd);
	rtnl_unlock();
}

void netvsc_silence_init(struct netvsc_dev *nd)
{
	INIT_DELAYED_WORK(&nd->silence_work, work);
}

/* There is no connection any more. */
void netvsc_silence_exit(struct netvsc_dev *nd)
{
	cancel_delayed_work_sync(&nd->silence_work);
}
