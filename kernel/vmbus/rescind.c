// SPDX-License-Identifier: GPL-2.0
/*
 * How channels end: by rescind, by their driver, or with the module.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/slab.h>

static void sub_remove(struct vmb_chan *c)
{
	/*
	 * If it is open, its driver is going to close it together with the
	 * primary, and that removes it.
	 */
	complete_all(&c->ch.rescind_event);
	vmb_sub_try_remove(c);
}

static bool driver_tell(struct vmb_chan *c)
{
	void (*rescinded)(struct vmbus_channel *channel) =
		READ_ONCE(c->ch.chn_rescind_callback);

	if (rescinded)
		rescinded(&c->ch);
	return rescinded;
}

static void primary_remove(struct vmb_chan *c)
{
	struct hv_device *dev = vmb_chan_get_device(c);
	bool told = false;

	/*
	 * A socket's driver may take the device away from within, which needs
	 * the device's lock.  All others have it held, so that they don't
	 * unload meanwhile.
	 */
	if (dev && is_hvsock_channel(&c->ch)) {
		told = driver_tell(c);
	} else if (dev) {
		device_lock(&dev->device);
		driver_tell(c);
		device_unlock(&dev->device);
	}
	if (dev)
		put_device(&dev->device);
	/*
	 * The socket's driver still has data to hand on, and ends with
	 * vmbus_hvsock_device_unregister() itself.
	 */
	if (!told)
		vmb_primary_remove(c);
}

/* Claims, and takes device and channel away.  No-op if claimed already. */
void vmb_primary_remove(struct vmb_chan *c)
{
	struct hv_device *dev = vmb_chan_get_device(c);

	if (dev) {
		vmbus_device_unregister(dev);
		put_device(&dev->device);
	} else if (vmb_chan_claim(c)) {
		vmb_chan_gone(c);
	}
}

static void chan_remove(struct work_struct *work)
{
	struct vmb_chan *c = container_of(work, struct vmb_chan, remove_work);

	/*
	 * Ends when the driver's probe returns; whatever that waits for on
	 * this channel has been woken by the rescind.
	 */
	wait_for_completion(&c->added);

	if (c->ch.primary_channel)
		sub_remove(c);
	else
		primary_remove(c);
	vmb_chan_put(c);
}

/* Marks the channel and wakes who waits on it; the rest runs in parallel. */
void vmb_chan_rescind(struct vmb_chan *c)
{
	struct vmbus_channel *ch = &c->ch;

	vmb_assert_locked();
	if (ch->rescind_ref)
		return;
	ch->rescind_ref = true;

	/* Once rescind is seen the callback may not run, and all has been given back. */
	vmb_event_stop(ch);
	vmb_lent_rescinded(ch->offermsg.child_relid);
	WRITE_ONCE(ch->rescind, true);
	vmb_requests_abort(ch);
	complete_all(&c->rescinded);

	INIT_WORK(&c->remove_work, chan_remove);
	vmb_chan_get(c);
	queue_work(ch->primary_channel ? vmb.sub_remove_wq : vmb.remove_wq,
		   &c->remove_work);
}

/* The root takes back what nobody has looked at yet. */
static void late_drop(u32 relid)
{
	struct vmbus_channel *ch;

	vmb_assert_locked();
	list_for_each_entry(ch, &vmb.channels, listentry) {
		struct vmb_chan *c = vmb_chan(ch);

		if (c->next && c->next->offer.relid == relid) {
			kfree(c->next);
			c->next = NULL;
		}
	}
}

/* Process context, after the offers that came before it. */
void vmb_rescind_process(u32 relid)
{
	struct vmb_chan *c;

	vmb_lock();
	c = vmb_chan_find_relid(relid);
	if (c)
		vmb_chan_rescind(c);
	else
		late_drop(relid);
	vmb_unlock();
	/*
	 * Of an offer that was dropped, or of a socket that was closed and
	 * didn't wait for this any more: the root waits to hear that nobody
	 * uses the relid.
	 */
	if (!c) {
		pr_info_ratelimited("rescind of relid %u, which has no channel\n",
				    relid);
		vmb_lent_rescinded(relid);
		vmb_relid_release(relid);
	}
}

/* A channel of those left, with a reference; NULL: there's none. */
static struct vmb_chan *any_channel(void)
{
	struct vmb_chan *c = NULL;
	struct vmbus_channel *ch;

	vmb_lock();
	ch = list_first_entry_or_null(&vmb.channels, struct vmbus_channel,
				      listentry);
	if (ch) {
		struct vmbus_channel *sub;

		sub = list_first_entry_or_null(&ch->sc_list,
					       struct vmbus_channel, sc_list);
		c = vmb_chan_get(vmb_chan(sub ?: ch));
	}
	vmb_unlock();
	return c;
}

void vmb_channels_remove_all(void)
{
	struct vmb_chan *c;

	vmb_offers_stop();
	vmb_offers_flush();
	vmb_offer_forget_last();

	/*
	 * The drivers are gone, they hold this module; so every channel is
	 * closed, and nobody else removes one any more.
	 */
	while ((c = any_channel())) {
		if (c->ch.primary_channel) {
			vmb_chan_claim(c);
			vmb_chan_drop_sub(c);
		} else {
			vmb_primary_remove(c);
			/* claimed by somebody who never came back */
			vmb_chan_gone(c);
		}
		vmb_chan_put(c);
	}
	vmb_chans_wait();
}
