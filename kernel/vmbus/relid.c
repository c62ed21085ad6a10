// SPDX-License-Identifier: GPL-2.0
/*
 * Channel objects: birth, lists, the table by relid, and the end.
 *
 * A channel leaves in three steps, each taken once: somebody claims the
 * removal (rescind, driver, module exit); the device goes, with which the
 * driver closes the channel; vmb_chan_gone() unlists it and, if the root has
 * rescinded it, gives the relid back.  The memory goes with the last
 * reference and an RCU grace period, since the interrupt handler finds
 * channels through the table.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/slab.h>
#include <linux/wait.h>

static atomic_t live;	/* channel objects in memory */
static DECLARE_WAIT_QUEUE_HEAD(live_wait);

static void chan_free(struct rcu_head *rcu)
{
	struct vmb_chan *c = container_of(rcu, struct vmb_chan, ch.rcu);

	kfree(c);
	if (atomic_dec_and_test(&live))
		wake_up_all(&live_wait);
}

/*
 * Module exit: the objects end by functions of this module, so they have to
 * end first.  A reference from sysfs may take its time to go.
 */
void vmb_chans_wait(void)
{
	if (!wait_event_timeout(live_wait, !atomic_read(&live),
				VMB_REPLY_TIMEOUT_S * HZ))
		pr_err("%d channels are still in use\n", atomic_read(&live));
	rcu_barrier();	/* chan_free() has returned */
}

static void chan_release(struct kref *ref)
{
	struct vmb_chan *c = container_of(ref, struct vmb_chan, ref);

	tasklet_kill(&c->ch.callback_event);
	if (c->ch.primary_channel)
		vmb_chan_put(vmb_chan(c->ch.primary_channel));
	if (c->before)
		vmb_chan_put(c->before);
	kfree(c->next);
	call_rcu(&c->ch.rcu, chan_free);
}

struct vmb_chan *vmb_chan_get(struct vmb_chan *c)
{
	kref_get(&c->ref);
	return c;
}

/* Process context: the last reference waits for the channel's tasklet. */
void vmb_chan_put(struct vmb_chan *c)
{
	kref_put(&c->ref, chan_release);
}

/*
 * A channel for @offer, with one reference, unlisted.  An offer must not get
 * lost, its device would never appear; the object is small (order 0) and this
 * is a work item of our own, so the allocator may take its time.
 */
struct vmb_chan *vmb_chan_create(const struct vmb_offer *offer)
{
	struct vmb_chan *c = kzalloc(sizeof(*c), GFP_KERNEL | __GFP_NOFAIL);
	struct vmbus_channel *ch = &c->ch;

	atomic_inc(&live);
	kref_init(&c->ref);
	init_completion(&c->added);
	init_completion(&c->rescinded);

	spin_lock_init(&ch->sched_lock);
	init_completion(&ch->rescind_event);
	INIT_LIST_HEAD(&ch->sc_list);
	INIT_LIST_HEAD(&ch->listentry);
	vmb_retry_init(c);
	tasklet_init(&ch->callback_event, vmb_event_tasklet,
		     (unsigned long)ch);
	ch->state = CHANNEL_OPEN_STATE;		/* offered, not opened */
	ch->max_pkt_size = VMBUS_DEFAULT_MAX_PKT_SIZE;
	vmb_ring_prepare(ch);
	vmb_chan_set_offer(c, offer);
	ch->device_id = vmb_device_type(ch);

	return c;
}

/* What follows from the offer; again when a resumed root offers it anew. */
void vmb_chan_set_offer(struct vmb_chan *c, const struct vmb_offer *offer)
{
	struct vmbus_channel *ch = &c->ch;

	BUILD_BUG_ON(sizeof(ch->offermsg) != sizeof(*offer));
	memcpy(&ch->offermsg, offer, sizeof(ch->offermsg));

	/*
	 * Two bytes of the root's where the driver has one bit each; whoever
	 * tests the field must not see a reserved bit.
	 */
	ch->is_dedicated_interrupt = offer->dedicated & 1;
	ch->sig_event = offer->connection;
	ch->monitor_grp = offer->monitor_id / 32;
	ch->monitor_bit = offer->monitor_id % 32;
}

struct vmb_chan *vmb_chan_find_relid(u32 relid)
{
	struct mutex *lock = &vmbus_connection.channel_mutex;
	struct vmbus_channel *ch;

	vmb_assert_locked();
	if (!relid || relid >= VMB_RELIDS)
		return NULL;
	ch = rcu_dereference_protected(vmb.relid[relid], lockdep_is_held(lock));
	return ch ? vmb_chan(ch) : NULL;
}

/* The primary channel of a device, or NULL. */
struct vmb_chan *vmb_chan_find_instance(const guid_t *instance)
{
	struct vmbus_channel *ch;

	vmb_assert_locked();
	list_for_each_entry(ch, &vmb.channels, listentry)
		if (guid_equal(&ch->offermsg.offer.if_instance, instance))
			return vmb_chan(ch);
	return NULL;
}

bool vmb_chan_is_new(const struct vmb_chan *c)
{
	/* Only looks, but takes its lock for that. */
	return !completion_done((struct completion *)&c->added);
}

struct vmb_chan *vmb_sub_find(struct vmbus_channel *primary,
			      bool (*is)(const struct vmb_chan *c))
{
	struct vmb_chan *found = NULL;
	struct vmbus_channel *sub;

	vmb_lock();
	list_for_each_entry(sub, &primary->sc_list, sc_list) {
		if (is(vmb_chan(sub))) {
			found = vmb_chan_get(vmb_chan(sub));
			break;
		}
	}
	vmb_unlock();
	return found;
}

/* Enters the table, after which interrupts can find it. */
void vmb_chan_map(struct vmb_chan *c)
{
	vmb_assert_locked();
	rcu_assign_pointer(vmb.relid[c->ch.offermsg.child_relid], &c->ch);
}

void vmb_chan_unmap(struct vmb_chan *c)
{
	u32 relid = c->ch.offermsg.child_relid;

	vmb_assert_locked();
	if (relid < VMB_RELIDS && rcu_access_pointer(vmb.relid[relid]) == &c->ch)
		RCU_INIT_POINTER(vmb.relid[relid], NULL);
}

/* The list takes over the creator's reference. */
void vmb_chan_list(struct vmb_chan *c, struct vmb_chan *primary)
{
	vmb_assert_locked();
	if (primary) {
		vmb_chan_get(primary);
		c->ch.primary_channel = &primary->ch;
		list_add_tail(&c->ch.sc_list, &primary->ch.sc_list);
	} else {
		list_add_tail(&c->ch.listentry, &vmb.channels);
	}
	c->listed = true;
	vmb_chan_map(c);
}

bool vmb_chan_claim(struct vmb_chan *c)
{
	bool first;

	vmb_lock();
	first = !c->removing;
	c->removing = true;
	vmb_unlock();
	return first;
}

void vmb_chan_set_device(struct vmb_chan *c, struct hv_device *dev)
{
	vmb_lock();
	WRITE_ONCE(c->ch.device_obj, dev);
	vmb_unlock();
}

/*
 * The device of a primary, with a reference; NULL: there is none, or it is on
 * its way out.  Who takes it off the bus claims the channel first, and its
 * driver may do so at any time.
 */
struct hv_device *vmb_chan_get_device(struct vmb_chan *c)
{
	struct hv_device *dev;

	vmb_lock();
	dev = c->removing ? NULL : c->ch.device_obj;
	if (dev)
		get_device(&dev->device);
	vmb_unlock();
	return dev;
}

void vmb_relid_release(u32 relid)
{
	struct vmb_relid_msg msg = {
		.hdr.type = VMB_MSG_RELID_RELEASED,
		.relid = relid,
	};

	/* On failure vmb_post() has said why; the relid stays unusable. */
	vmb_post(&msg, sizeof(msg), true);
}

/*
 * A root rescinds sub-channels before or with their primary.  What one has
 * left over is closed, and unreachable once the primary is gone; its rescind
 * will be that of an unknown relid.
 */
static void orphans_drop(struct vmb_chan *primary)
{
	for (;;) {
		struct vmbus_channel *ch;
		struct vmb_chan *sub = NULL;

		vmb_lock();
		list_for_each_entry(ch, &primary->ch.sc_list, sc_list) {
			if (!vmb_chan(ch)->removing) {
				sub = vmb_chan_get(vmb_chan(ch));
				sub->removing = true;
				break;
			}
		}
		vmb_unlock();

		if (!sub)
			return;
		wait_for_completion(&sub->added);	/* finds no callback */
		vmb_chan_drop_sub(sub);
		vmb_chan_put(sub);
	}
}

void vmb_chan_gone(struct vmb_chan *c)
{
	struct vmb_late_offer *next;
	bool was_listed, release;

	vmb_lock();
	was_listed = c->listed;
	if (was_listed) {
		c->listed = false;
		vmb_chan_unmap(c);
		vmb_target_drop(&c->ch);
		if (c->ch.primary_channel)
			list_del_init(&c->ch.sc_list);
		else
			list_del_init(&c->ch.listentry);
	}
	release = was_listed && c->ch.rescind &&
		  vmb.connected && !vmb.suspended &&
		  c->ch.offermsg.child_relid != VMB_RELID_NONE;
	next = c->next;
	c->next = NULL;
	vmb_unlock();

	if (release)
		vmb_relid_release(c->ch.offermsg.child_relid);
	if (!was_listed)
		return;
	if (!c->ch.primary_channel)
		orphans_drop(c);
	vmb_offer_queue_late(next);
	vmb_chan_put(c);
}

void vmb_sub_try_remove(struct vmb_chan *c)
{
	bool mine;

	vmb_lock();
	mine = c->ch.rescind && !c->removing &&
	       c->ch.state == CHANNEL_OPEN_STATE &&
	       completion_done(&c->added);
	if (mine)
		c->removing = true;
	vmb_unlock();

	if (!mine)
		return;
	vmb_chan_drop_sub(c);
}

/* @c is claimed and closed. */
void vmb_chan_drop_sub(struct vmb_chan *c)
{
	if (c->kobj_live) {
		c->kobj_live = false;
		vmb_sysfs_channel_remove(&c->ch);
	}
	vmb_chan_gone(c);
}
