// SPDX-License-Identifier: GPL-2.0
/*
 * A burst of the block layer costs the host one signal.
 *
 * The bus signals when it writes into an empty ring, and a quick host has
 * emptied it again when the next request comes. So the requests that the block
 * layer brings in one go, all of which but the last say that more follow, are
 * collected and then written to the ring together, with one signal after the
 * last where the bus can do that (batch.h).
 *
 * They wait for nothing but the preparation of at most STORVSC_HOLD_MAX - 1
 * others, some microseconds each: the block layer brings a burst in one RCU
 * section, without sleep, and ends it with its last request or with commit_rqs.
 * What interrupts the processor in between, softirqs that go on for a millisecond
 * too, delays them as it delays whoever submits and the rest of his burst; to have
 * them sent earlier would take the timer that the signals are cheaper than.
 * Where kernel code is preempted, the submitter may be put aside between two
 * requests for as long as others like to run; so nothing is held there. Each
 * hardware queue collects for itself, and no processor waits for another.
 *
 * A request without such a promise is sent at once, even if the program that
 * submits it has always brought more. Whether it goes on this time, only time
 * could tell, and setting a timer and taking its interrupt costs more exits
 * than the signals that are saved.
 */
#include "storvsc_var.h"

int storvsc_hold_alloc(struct storvsc_host *sh)
{
	u32 i;

	sh->bursts = kcalloc(sh->shost->nr_hw_queues, sizeof(*sh->bursts),
			     GFP_KERNEL);
	if (!sh->bursts)
		return -ENOMEM;
	for (i = 0; i < sh->shost->nr_hw_queues; i++)
		spin_lock_init(&sh->bursts[i].lock);
	return 0;
}

/* Under RCU, no lock held; in any state, see storvsc_io_send_held(). */
static void flush(struct storvsc_host *sh, struct storvsc_burst *burst)
{
	u16 tags[STORVSC_HOLD_MAX];
	struct storvsc_chan *own;
	bool batch;
	u32 i, n;

	/* All go by one processor's channel, and a batch isn't preempted. */
	local_bh_disable();
	spin_lock(&burst->lock);
	n = burst->nr;
	memcpy(tags, burst->tags, n * sizeof(*tags));
	WRITE_ONCE(burst->nr, 0);
	if (n)
		burst->longest = max(burst->longest,
				     ktime_get_ns() - burst->since);
	spin_unlock(&burst->lock);

	/* What finds that ring full and goes elsewhere has signals as ever. */
	own = READ_ONCE(sh->cpu_chan[smp_processor_id()]);
	batch = own && n > 1 && storvsc_batch;
	if (batch)
		storvsc_batch->begin(own->ch);
	for (i = 0; i < n; i++)
		storvsc_io_send_held(sh, tags[i]);
	if (batch)
		storvsc_batch->end(own->ch);
	local_bh_enable();
}

/**
 * storvsc_hold_add() - hold a request back if it is part of a burst
 * @sh: the adapter
 * @hwq: the hardware queue that the request comes from
 * @slot: the request, filled in and in nobody else's hands
 * @tag: the slot's number
 * @last: nothing follows at once
 *
 * Called under RCU in state READY. After the last of a burst, whatever became
 * of it, storvsc_hold_commit() is to be called.
 *
 * Return: whether it was taken; it may be sent, even finished by then.
 */
bool storvsc_hold_add(struct storvsc_host *sh, u32 hwq,
		      struct storvsc_slot *slot, u32 tag, bool last)
{
	struct storvsc_burst *burst = &sh->bursts[hwq];
	bool held = false, full = false;

	if (last ? !READ_ONCE(burst->nr) : preempt_model_preemptible())
		return false;

	spin_lock_bh(&burst->lock);
	if (!last || burst->nr) {
		if (!burst->nr)
			burst->since = ktime_get_ns();
		burst->tags[burst->nr] = tag;
		WRITE_ONCE(burst->nr, burst->nr + 1);
		slot->chan = NULL;
		atomic64_set_release(&slot->id, storvsc_io_new_id(slot, tag) |
				     STORVSC_ID_HELD);
		held = true;
		full = burst->nr == STORVSC_HOLD_MAX;
	}
	spin_unlock_bh(&burst->lock);

	if (full)
		flush(sh, burst);
	return held;
}

/* The host template's commit_rqs, and the end of each burst. */
void storvsc_hold_commit(struct Scsi_Host *shost, u16 hwq)
{
	struct storvsc_host *sh = shost_priv(shost);
	struct storvsc_burst *burst = &sh->bursts[hwq];

	if (!READ_ONCE(burst->nr))
		return;
	rcu_read_lock();
	flush(sh, burst);
	rcu_read_unlock();
}

/* How long the first request of a burst waited at most; nanoseconds. */
u64 storvsc_hold_longest(struct storvsc_host *sh, bool forget)
{
	u64 longest = 0;
	u32 i;

	for (i = 0; i < sh->shost->nr_hw_queues; i++) {
		spin_lock_bh(&sh->bursts[i].lock);
		longest = max(longest, sh->bursts[i].longest);
		if (forget)
			sh->bursts[i].longest = 0;
		spin_unlock_bh(&sh->bursts[i].lock);
	}
	return longest;
}
