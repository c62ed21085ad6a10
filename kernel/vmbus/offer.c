// SPDX-License-Identifier: GPL-2.0
/*
 * Offers and rescinds: what the root gives and takes away.
 *
 * The message tasklet only notes them down, in memory that is there from the
 * beginning: offers in a ring of fixed size, rescinds as one bit per relid.
 * When the ring is full the message stays in its slot, which makes the root
 * queue the rest, until the intake work has made room and kicks the tasklet.
 * So neither lack of memory nor a flood loses a message.
 *
 * Order: a relid's rescind comes after its offer, and its next offer after we
 * have released it.  The intake therefore takes a copy of the rescind bits,
 * works off all offers queued by then, and only then the rescinds.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/slab.h>

#define QUEUE_LEN	64	/* power of two */

static struct {
	spinlock_t lock;	/* softirq-safe; guards all but the work */
	bool accept;
	bool stalled;		/* a message waits in its slot for room */
	u32 head, tail;		/* free-running; tail: next to read */
	struct vmb_offer offers[QUEUE_LEN];
	DECLARE_BITMAP(rescinds, VMB_RELIDS);
	struct work_struct work;
	struct workqueue_struct *wq;
} intake = {
	.lock = __SPIN_LOCK_UNLOCKED(intake.lock),
};

bool vmb_offer_queue(const struct vmb_offer *offer)
{
	bool taken = true;

	spin_lock_bh(&intake.lock);
	if (!intake.accept) {
		/* unload or suspend: the root will offer it again */
	} else if (intake.head - intake.tail < QUEUE_LEN) {
		intake.offers[intake.head++ % QUEUE_LEN] = *offer;
	} else {
		intake.stalled = true;
		taken = false;
	}
	if (intake.accept)
		queue_work(intake.wq, &intake.work);
	spin_unlock_bh(&intake.lock);

	return taken;
}

void vmb_rescind_queue(u32 relid)
{
	if (!relid || relid >= VMB_RELIDS) {
		pr_warn_ratelimited("rescind of relid %u, which can't be\n",
				    relid);
		return;
	}

	spin_lock_bh(&intake.lock);
	if (intake.accept) {
		__set_bit(relid, intake.rescinds);
		queue_work(intake.wq, &intake.work);
	}
	spin_unlock_bh(&intake.lock);
}

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

	if (!READ_ONCE(ch->rescind)) {
		dev = vmb_device_create(&ch->offermsg.offer.if_type,
					&ch->offermsg.offer.if_instance, ch);
		ret = dev ? 0 : -ENOMEM;
	}
	if (!ret) {
		WRITE_ONCE(ch->device_obj, dev);
		ret = vmb_device_register(dev);
		if (ret)
			WRITE_ONCE(ch->device_obj, NULL);
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
	struct hv_device *dev = READ_ONCE(primary->device_obj);
	void (*create)(struct vmbus_channel *new_sc);

	/*
	 * The device of the primary can't be waited for: its probe may be
	 * what waits for this sub-channel.  It does exist by then; a root
	 * that offers unasked finds none, and the sub-channel stays unused.
	 */
	if (dev && !READ_ONCE(ch->rescind)) {
		if (!vmb_sysfs_channel_add(dev, ch)) {
			c->kobj_live = true;
		} else {
			pr_err("relid %u: no sysfs entry\n",
			       ch->offermsg.child_relid);
		}
		create = READ_ONCE(primary->sc_creation_callback);
		if (create)
			create(ch);
	}

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
	vmb_power_reoffered();
	return true;
}

/* 0, 1: nothing more to do, -errno with @why; under the lock */
static int offer_enter(struct vmb_chan *c, const struct vmb_offer *offer,
		       const char **why)
{
	const guid_t *instance = &c->ch.offermsg.offer.if_instance;
	struct vmb_chan *known = vmb_chan_find_instance(instance);

	if (vmb_chan_find_relid(offer->relid)) {
		*why = "relid in use";
		return -EEXIST;
	}
	if (!offer->sub_index) {
		if (known && reoffer(known, offer))
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

static void offer_process(const struct vmb_offer *offer)
{
	struct vmb_chan *c;
	const char *why = NULL;
	int ret;

	if (!offer_valid(offer))
		return;

	c = vmb_chan_create(offer);
	cpus_read_lock();	/* the chosen CPU stays until it is noted */
	vmb_lock();
	ret = offer_enter(c, offer, &why);
	if (!ret)
		vmb_chan_get(c);	/* for the work */
	vmb_unlock();
	cpus_read_unlock();

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
		INIT_WORK(&c->ch.add_channel_work, primary_add);
		queue_work(vmb.add_wq, &c->ch.add_channel_work);
	}
}

static void sub_remove(struct vmb_chan *c)
{
	/*
	 * If it is open, its driver is going to close it together with the
	 * primary, and that removes it.
	 */
	complete_all(&c->ch.rescind_event);
	vmb_sub_try_remove(c);
}

static void primary_remove(struct vmb_chan *c)
{
	void (*rescinded)(struct vmbus_channel *channel) =
		READ_ONCE(c->ch.chn_rescind_callback);

	if (c->ch.device_obj && rescinded) {
		rescinded(&c->ch);
		/*
		 * The socket's driver still has data to hand on, and ends with
		 * vmbus_hvsock_device_unregister() itself.
		 */
		if (is_hvsock_channel(&c->ch))
			return;
	}
	vmb_primary_remove(c);
}

/* Claims, and takes device and channel away.  No-op if claimed already. */
void vmb_primary_remove(struct vmb_chan *c)
{
	struct hv_device *dev;

	/*
	 * The device can go at any time before it is claimed, by its driver's
	 * own call of vmbus_device_unregister(), so look under the lock.
	 */
	vmb_lock();
	dev = c->removing ? NULL : c->ch.device_obj;
	if (dev)
		get_device(&dev->device);
	vmb_unlock();

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

	/* The callback may not run once rescind is seen. */
	vmb_event_stop(ch);
	WRITE_ONCE(ch->rescind, true);
	vmb_requests_abort(ch);
	complete_all(&c->rescinded);

	INIT_WORK(&c->remove_work, chan_remove);
	vmb_chan_get(c);
	queue_work(vmb.remove_wq, &c->remove_work);
}

static void rescind_process(u32 relid)
{
	struct vmb_chan *c;

	vmb_lock();
	c = vmb_chan_find_relid(relid);
	if (c)
		vmb_chan_rescind(c);
	vmb_unlock();
	/*
	 * Of an offer that was dropped: the root waits to hear that nobody
	 * uses the relid.
	 */
	if (!c)
		vmb_relid_release(relid);
}

/* Next offer into @offer; true if there was one. */
static bool offer_take(struct vmb_offer *offer)
{
	bool stalled = false, any;

	spin_lock_bh(&intake.lock);
	any = intake.tail != intake.head;
	if (any) {
		*offer = intake.offers[intake.tail++ % QUEUE_LEN];
	} else {
		stalled = intake.stalled;
		intake.stalled = false;
	}
	spin_unlock_bh(&intake.lock);

	if (stalled)
		vmb_synic_kick();
	return any;
}

static void intake_run(struct work_struct *work)
{
	static DECLARE_BITMAP(rescinds, VMB_RELIDS);	/* one runner only */
	struct vmb_offer offer;
	u32 relid;

	spin_lock_bh(&intake.lock);
	bitmap_copy(rescinds, intake.rescinds, VMB_RELIDS);
	bitmap_zero(intake.rescinds, VMB_RELIDS);
	spin_unlock_bh(&intake.lock);

	while (offer_take(&offer))
		offer_process(&offer);
	for_each_set_bit(relid, rescinds, VMB_RELIDS)
		rescind_process(relid);
}

void vmb_offers_start(void)
{
	spin_lock_bh(&intake.lock);
	intake.accept = true;
	spin_unlock_bh(&intake.lock);
}

void vmb_offers_stop(void)
{
	spin_lock_bh(&intake.lock);
	intake.accept = false;
	spin_unlock_bh(&intake.lock);
}

void vmb_offers_flush(void)
{
	/* In this order: each queues on the next. */
	flush_workqueue(intake.wq);
	flush_workqueue(vmb.add_wq);
	flush_workqueue(vmb.sub_wq);
	flush_workqueue(vmb.remove_wq);
}

int vmb_offers_init(void)
{
	INIT_WORK(&intake.work, intake_run);
	/* Ordered: device names follow the order of the offers. */
	intake.wq = alloc_ordered_workqueue("hv_vmbus_intake", 0);
	vmb.add_wq = alloc_ordered_workqueue("hv_vmbus_add", 0);
	vmb.sub_wq = alloc_ordered_workqueue("hv_vmbus_sub", 0);
	vmb.remove_wq = alloc_workqueue("hv_vmbus_remove", WQ_UNBOUND, 0);
	if (!intake.wq || !vmb.add_wq || !vmb.sub_wq || !vmb.remove_wq) {
		vmb_offers_exit();
		return -ENOMEM;
	}
	vmb_offers_start();
	return 0;
}

static void wq_destroy(struct workqueue_struct **wq)
{
	if (*wq)
		destroy_workqueue(*wq);
	*wq = NULL;
}

void vmb_offers_exit(void)
{
	vmb_offers_stop();
	wq_destroy(&intake.wq);
	wq_destroy(&vmb.add_wq);
	wq_destroy(&vmb.sub_wq);
	wq_destroy(&vmb.remove_wq);
	intake.head = 0;
	intake.tail = 0;
	intake.stalled = false;
	bitmap_zero(intake.rescinds, VMB_RELIDS);
}

/* Takes one more channel off the list, with a reference; NULL: none left. */
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
	rcu_barrier();	/* chan_free() is in this module */
}
