// SPDX-License-Identifier: GPL-2.0
/*
 * From an offer to a channel, and from that to a device or to the driver that
 * has asked for sub-channels.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/cpu.h>
#include <linux/slab.h>

/*
 * How long the probe of one device may keep those offered after it waiting.
 * In-tree drivers wait for their device without a limit, and one that stays
 * mute must not keep out the rest.
 */
#define TURN_S		10

static struct vmb_chan *last;	/* primary offered last; intake work only */

static bool offer_valid(const struct vmb_offer *o)
{
	const char *why = NULL;

	if (!o->relid || o->relid >= VMB_RELIDS)
		why = "relid out of range";
	else if (o->connection > 0xffffff)
		why = "connection id out of range";
	else if ((o->monitor_allocated & 1) && o->monitor_id >= 128)
		why = "monitor id out of range";
	if (why)
		pr_warn_ratelimited("offer of relid %u dropped: %s\n",
				    o->relid, why);
	return !why;
}

static void primary_add(struct work_struct *work)
{
	struct vmb_chan *c = container_of(work, struct vmb_chan,
					  ch.add_channel_work);
	struct vmbus_channel *ch = &c->ch;
	struct hv_device *dev = NULL;
	int ret = -ENODEV;

	/* Device names follow the order of the offers, within reason. */
	if (c->before) {
		wait_for_completion_timeout(&c->before->added, TURN_S * HZ);
		vmb_chan_put(c->before);
		c->before = NULL;
	}

	if (!READ_ONCE(ch->rescind)) {
		dev = vmb_device_create(&ch->offermsg.offer.if_type,
					&ch->offermsg.offer.if_instance, ch);
		ret = dev ? 0 : -ENOMEM;
	}
	if (!ret) {
		vmb_chan_set_device(c, dev);
		ret = vmb_device_register(dev);
		if (ret) {
			vmb_chan_set_device(c, NULL);
			put_device(&dev->device);
		}
	}
	/* The channel stays listed without a device, until its rescind. */
	if (ret && !READ_ONCE(ch->rescind))
		pr_err("relid %u: no device, error %d\n",
		       ch->offermsg.child_relid, ret);

	WRITE_ONCE(ch->probe_done, true);
	complete_all(&c->added);
	vmb_chan_put(c);
}

static void sub_add(struct work_struct *work)
{
	struct vmb_chan *c = container_of(work, struct vmb_chan,
					  ch.add_channel_work);
	struct vmbus_channel *ch = &c->ch;
	struct vmbus_channel *primary = ch->primary_channel;
	struct hv_device *dev = vmb_chan_get_device(vmb_chan(primary));
	void (*create)(struct vmbus_channel *new_sc);
	int ret;

	/*
	 * The device of the primary can't be waited for: its probe may be
	 * what waits for this sub-channel.  It does exist by then; of a root
	 * that offers unasked, or rescinds the primary at once, the
	 * sub-channel stays unused.
	 */
	if (dev && !READ_ONCE(ch->rescind)) {
		ret = vmb_device_add_channel(dev, ch);
		c->kobj_live = !ret;
		if (ret && ret != -ENODEV)
			pr_err_ratelimited("relid %u: no sysfs entry, error %d\n",
					   ch->offermsg.child_relid, ret);
		create = READ_ONCE(primary->sc_creation_callback);
		if (create)
			create(ch);
	}
	if (dev)
		put_device(&dev->device);

	WRITE_ONCE(ch->probe_done, true);
	complete_all(&c->added);
	vmb_chan_put(c);
}

/*
 * After a resume the root offers every device again, under its old instance
 * but perhaps with another relid and connection.
 */
static bool reoffer(struct vmb_chan *known, const struct vmb_offer *offer)
{
	vmb_assert_locked();
	if (!known->await_offer)
		return false;

	known->await_offer = false;
	vmb_chan_set_offer(known, offer);
	vmb_chan_map(known);
	/* Its CPU may not have come back, and who left wasn't moved by then. */
	if (!cpu_online(known->ch.target_cpu)) {
		vmb_target_drop(&known->ch);
		vmb_target_choose(&known->ch);
	}
	vmb_power_reoffered();
	return true;
}

/*
 * The device of that instance was rescinded and is still being taken away,
 * which takes until after a resume, if there was one: its turn comes then.
 */
static bool offer_late(struct vmb_chan *known, const struct vmb_offer *offer)
{
	vmb_assert_locked();
	if (!known->ch.rescind || known->next)
		return false;

	known->next = kmalloc(sizeof(*known->next), GFP_KERNEL | __GFP_NOFAIL);
	known->next->offer = *offer;
	return true;
}

/*
 * 0; 1: nothing more to enter, and if it was the offer of a channel known from
 * before a resume, that one with a reference in @again; -errno with @why.  Under
 * the lock.
 */
static int offer_enter(struct vmb_chan *c, const struct vmb_offer *offer,
		       struct vmb_chan **again, const char **why)
{
	const guid_t *instance = &c->ch.offermsg.offer.if_instance;
	struct vmb_chan *known = vmb_chan_find_instance(instance);

	if (vmb_chan_find_relid(offer->relid)) {
		*why = "relid in use";
		return -EEXIST;
	}
	if (!offer->sub_index) {
		if (known && reoffer(known, offer)) {
			*again = vmb_chan_get(known);
			return 1;
		}
		if (known && offer_late(known, offer))
			return 1;
		if (known) {
			*why = "its instance is there already";
			return -EEXIST;
		}
	} else {
		if (!known || known->ch.rescind || known->removing) {
			*why = "sub-channel of no primary";
			return -ENODEV;
		}
		if (!guid_equal(&known->ch.offermsg.offer.if_type,
				&c->ch.offermsg.offer.if_type)) {
			*why = "sub-channel of another type than its primary";
			return -EINVAL;
		}
	}

	vmb_chan_list(c, offer->sub_index ? known : NULL);
	vmb_target_choose(&c->ch);
	return 0;
}

/* Before the next offer, which may be of a sub-channel with the old number. */
static void renumber(struct vmb_chan *c)
{
	struct hv_device *dev = vmb_chan_get_device(c);

	if (dev) {
		vmb_device_renumber(dev);
		put_device(&dev->device);
	}
	vmb_chan_put(c);
}

/* Process context, one at a time. */
void vmb_offer_process(const struct vmb_offer *offer)
{
	struct vmb_chan *c, *again = NULL;
	const char *why = NULL;
	int ret;

	if (!offer_valid(offer))
		return;

	c = vmb_chan_create(offer);
	cpus_read_lock();	/* the chosen CPU stays until it is noted */
	vmb_lock();
	ret = offer_enter(c, offer, &again, &why);
	if (!ret)
		vmb_chan_get(c);	/* for the work */
	vmb_unlock();
	cpus_read_unlock();

	if (again)
		renumber(again);
	if (ret) {
		if (ret < 0)
			pr_warn_ratelimited("offer of relid %u dropped: %s\n",
					    offer->relid, why);
		vmb_chan_put(c);
		return;
	}

	if (offer->sub_index) {
		INIT_WORK(&c->ch.add_channel_work, sub_add);
		queue_work(vmb.sub_wq, &c->ch.add_channel_work);
	} else {
		c->before = last;	/* with its reference */
		last = vmb_chan_get(c);
		INIT_WORK(&c->ch.add_channel_work, primary_add);
		queue_work(vmb.add_wq, &c->ch.add_channel_work);
	}
}

/* The intake has ended. */
void vmb_offer_forget_last(void)
{
	if (last)
		vmb_chan_put(last);
	last = NULL;
}
