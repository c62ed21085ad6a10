// SPDX-License-Identifier: GPL-2.0
/*
 * The cable: what the host tells of it, and what Linux is shown.
 *
 * The host's word is noted in the poll and applied in a work. Changes are shown
 * LINK_PAUSE apart, so that those who watch (DHCP clients, say) see each; what
 * comes meanwhile is summed up.
 */
#include <linux/ethtool.h>

#include "netvsc_var.h"

#define LINK_PAUSE	(2 * HZ)

/* Units of 100 bit/s are what the host counts in. */
static void set_speed(struct netvsc_dev *nd, u32 speed)
{
	WRITE_ONCE(nd->speed, speed ? speed / 10000 : SPEED_UNKNOWN);
}

/**
 * netvsc_link_apply() - show the cable's state at once
 * @nd: the card, just connected with the host
 *
 * RTNL held, or the device not registered yet.
 */
void netvsc_link_apply(struct netvsc_dev *nd)
{
	bool up;

	spin_lock_bh(&nd->link_lock);
	up = nd->link_up;
	nd->link_flap = false;
	set_speed(nd, nd->link_speed);
	spin_unlock_bh(&nd->link_lock);
	if (up)
		netif_carrier_on(nd->net);
	else
		netif_carrier_off(nd->net);
}

static void link_work(struct work_struct *work)
{
	struct netvsc_dev *nd = container_of(to_delayed_work(work),
					     struct netvsc_dev, link_work);
	bool up, flap, was = netif_carrier_ok(nd->net);

	spin_lock_bh(&nd->link_lock);
	up = nd->link_up;
	flap = nd->link_flap && up && was;
	nd->link_flap = false;
	set_speed(nd, nd->link_speed);
	spin_unlock_bh(&nd->link_lock);

	/* A new connection asks for the state itself. */
	if (!netif_device_present(nd->net) || !rcu_access_pointer(nd->conn))
		return;
	if (up == was && !flap)
		return;
	netvsc_count(nd, NETVSC_EV_LINK_CHANGES);
	WRITE_ONCE(nd->link_next, jiffies + LINK_PAUSE);
	if (flap) {
		/* Another network behind the cable: out, and in again later. */
		netif_carrier_off(nd->net);
		schedule_delayed_work(&nd->link_work, LINK_PAUSE);
	} else if (up) {
		netif_carrier_on(nd->net);
		if (nd->net->reg_state == NETREG_REGISTERED)
			netdev_notify_peers(nd->net);
	} else {
		netif_carrier_off(nd->net);
	}
}

/* In a poll. @speed: with RNDIS_STATUS_LINK_SPEED; 0 if the host left it out. */
void netvsc_link_indicate(struct netvsc_dev *nd, u32 status, u32 speed)
{
	unsigned long next = READ_ONCE(nd->link_next);
	bool changed = true;

	spin_lock(&nd->link_lock);
	switch (status) {
	case RNDIS_STATUS_MEDIA_CONNECT:
		nd->link_up = true;
		break;
	case RNDIS_STATUS_MEDIA_DISCONNECT:
		nd->link_up = false;
		break;
	case RNDIS_STATUS_NETWORK_CHANGE:
		nd->link_flap = true;
		break;
	case RNDIS_STATUS_LINK_SPEED:
		nd->link_speed = speed;
		break;
	default:
		changed = false;	/* nothing we need to know */
	}
	/* Under the lock, so that none comes after netvsc_link_stop(). */
	if (changed && !nd->link_stopped)
		schedule_delayed_work(&nd->link_work,
				      time_before(jiffies, next) ?
				      next - jiffies : 0);
	spin_unlock(&nd->link_lock);
}

void netvsc_link_init(struct netvsc_dev *nd)
{
	spin_lock_init(&nd->link_lock);
	INIT_DELAYED_WORK(&nd->link_work, link_work);
	nd->speed = SPEED_UNKNOWN;
	nd->duplex = DUPLEX_FULL;
	nd->link_next = jiffies;
}

/* For good. RTNL not held: the work may be waiting for it. */
void netvsc_link_stop(struct netvsc_dev *nd)
{
	spin_lock_bh(&nd->link_lock);
	nd->link_stopped = true;
	spin_unlock_bh(&nd->link_lock);
	cancel_delayed_work_sync(&nd->link_work);
}
