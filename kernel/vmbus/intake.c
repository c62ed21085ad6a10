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
#include <linux/slab.h>

#define QUEUE_LEN	64	/* power of two */

static struct {
	spinlock_t lock;	/* softirq-safe; guards all but the work */
	bool accept;
	bool stalled;		/* a message waits in its slot for room */
	u32 head, tail;		/* free-running; tail: next to read */
	struct vmb_offer offers[QUEUE_LEN];
	struct list_head late;	/* struct vmb_late_offer, owned */
	DECLARE_BITMAP(rescinds, VMB_RELIDS);
	struct work_struct work;
	struct workqueue_struct *wq;
} intake = {
	.lock = __SPIN_LOCK_UNLOCKED(intake.lock),
	.late = LIST_HEAD_INIT(intake.late),
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

void vmb_offer_queue_late(struct vmb_late_offer *late)
{
	if (!late)
		return;
	spin_lock_bh(&intake.lock);
	if (intake.accept) {
		list_add_tail(&late->node, &intake.late);
		queue_work(intake.wq, &intake.work);
		late = NULL;
	}
	spin_unlock_bh(&intake.lock);
	kfree(late);
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

/* Next offer into @offer; true if there was one. */
static bool offer_take(struct vmb_offer *offer)
{
	struct vmb_late_offer *late;
	bool stalled = false, any;

	spin_lock_bh(&intake.lock);
	late = list_first_entry_or_null(&intake.late, struct vmb_late_offer,
					node);
	any = late || intake.tail != intake.head;
	if (late) {
		list_del(&late->node);
		*offer = late->offer;
	} else if (any) {
		*offer = intake.offers[intake.tail++ % QUEUE_LEN];
	} else {
		stalled = intake.stalled;
		intake.stalled = false;
	}
	spin_unlock_bh(&intake.lock);

	kfree(late);
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
		vmb_offer_process(&offer);
	for_each_set_bit(relid, rescinds, VMB_RELIDS)
		vmb_rescind_process(relid);
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

void vmb_offers_settle(void)
{
	flush_workqueue(intake.wq);
	flush_workqueue(vmb.sub_wq);
	flush_workqueue(vmb.sub_remove_wq);
}

void vmb_offers_flush(void)
{
	/* In this order: each queues on the next. */
	flush_workqueue(intake.wq);
	flush_workqueue(vmb.add_wq);
	flush_workqueue(vmb.sub_wq);
	flush_workqueue(vmb.remove_wq);
	flush_workqueue(vmb.sub_remove_wq);
}

int vmb_offers_init(void)
{
	INIT_WORK(&intake.work, intake_run);
	intake.wq = alloc_ordered_workqueue("hv_vmbus_intake", 0);
	/*
	 * No device comes or goes beside its own suspend and resume: that waits
	 * until the machine runs again.  Sub-channels don't wait: resume needs
	 * them, and drivers that close their channels want to see them go.
	 */
	vmb.add_wq = alloc_workqueue("hv_vmbus_add",
				     WQ_UNBOUND | WQ_FREEZABLE, 0);
	vmb.sub_wq = alloc_ordered_workqueue("hv_vmbus_sub", 0);
	vmb.remove_wq = alloc_workqueue("hv_vmbus_remove",
					WQ_UNBOUND | WQ_FREEZABLE, 0);
	vmb.sub_remove_wq = alloc_workqueue("hv_vmbus_sub_remove", WQ_UNBOUND,
					    0);
	if (!intake.wq || !vmb.add_wq || !vmb.sub_wq || !vmb.remove_wq ||
	    !vmb.sub_remove_wq) {
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
	wq_destroy(&vmb.sub_remove_wq);
	intake.head = 0;
	intake.tail = 0;
	intake.stalled = false;
	bitmap_zero(intake.rescinds, VMB_RELIDS);
}
