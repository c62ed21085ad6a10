// SPDX-License-Identifier: GPL-2.0
/*
 * From the event flags of the SynIC to a driver's callback.
 *
 * The callback pointer is read by the interrupt under sched_lock and by the
 * tasklet without it; vmb_event_stop() clears it and then waits for both, so
 * that a driver's memory can go afterwards.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <asm/sync_bitops.h>

static void event_deliver(struct vmbus_channel *ch)
{
	void (*callback)(void *context);

	spin_lock(&ch->sched_lock);
	callback = ch->onchannel_callback;
	if (!callback || ch->rescind)
		goto out;

	ch->interrupts++;
	switch (ch->callback_mode) {
	case HV_CALL_ISR:
		callback(ch->channel_callback_context);
		break;
	case HV_CALL_BATCHED:
		/* No further interrupts until the tasklet finds it empty. */
		hv_begin_read(&ch->inbound);
		fallthrough;
	case HV_CALL_DIRECT:
		tasklet_schedule(&ch->callback_event);
		break;
	}
out:
	spin_unlock(&ch->sched_lock);
}

/* Calls the driver of every channel whose flag is set, and clears the flag. */
void vmb_event_scan(struct tlfs_flags_page *page)
{
	unsigned long *flags = (unsigned long *)page->sint[VMB_SINT];
	struct vmbus_channel *ch;
	unsigned long relid;

	rcu_read_lock();
	for_each_set_bit(relid, flags, TLFS_FLAGS_PER_SINT) {
		/* The hypervisor sets bits meanwhile, on UP kernels too. */
		if (!sync_test_and_clear_bit(relid, flags))
			continue;
		ch = rcu_dereference(vmb.relid[relid]);
		if (ch)
			event_deliver(ch);
	}
	rcu_read_unlock();
}

void vmb_event_tasklet(unsigned long data)
{
	struct vmbus_channel *ch = (struct vmbus_channel *)data;
	void (*callback)(void *context) = READ_ONCE(ch->onchannel_callback);

	if (!callback)
		return;
	callback(ch->channel_callback_context);

	if (ch->callback_mode != HV_CALL_BATCHED)
		return;
	/* What came between the callback's last look and the unmasking. */
	if (vmb_ring_unmask(ch)) {
		hv_begin_read(&ch->inbound);
		tasklet_schedule(&ch->callback_event);
	}
}

void vmb_event_start(struct vmbus_channel *ch, void (*callback)(void *context),
		     void *context)
{
	unsigned long flags;

	spin_lock_irqsave(&ch->sched_lock, flags);
	ch->channel_callback_context = context;
	WRITE_ONCE(ch->onchannel_callback, callback);
	spin_unlock_irqrestore(&ch->sched_lock, flags);
}

/* Process context.  On return the callback doesn't run and won't again. */
void vmb_event_stop(struct vmbus_channel *ch)
{
	unsigned long flags;

	tasklet_disable(&ch->callback_event);	/* waits for a running one */
	spin_lock_irqsave(&ch->sched_lock, flags);
	WRITE_ONCE(ch->onchannel_callback, NULL);
	spin_unlock_irqrestore(&ch->sched_lock, flags);
	tasklet_enable(&ch->callback_event);
}
