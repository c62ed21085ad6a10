// SPDX-License-Identifier: GPL-2.0
/*
 * Collecting requests so that several cost the host one signal.
 *
 * The bus signals when it writes into an empty ring. Requests that come one
 * by one, each as an earlier one completes, find the ring empty each time if
 * the host is quick. So accepted requests are held back and then written to
 * the ring in one go:
 *
 * - while the block layer says that more of a burst follow, until it sends
 *   the last or calls commit_rqs;
 * - while the host has HOLD_ABOVE or more requests of the same LUN on the
 *   same channel, until STORVSC_HOLD_MAX are held or the next answers come
 *   in. The host has enough to do meanwhile, and as answers are due on this
 *   very channel, no timer is needed. A LUN that hangs holds up none but its
 *   own requests.
 *
 * A request must not be left behind when the last of those answers came in
 * between the look at their number and the entry in the list; so the number
 * is read again after the entry, and whoever lowers it looks into the list
 * afterwards, each with a full barrier between.
 */
#include <linux/blk-mq.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "storvsc_var.h"

#define HOLD_ABOVE	8

static bool busy(const struct storvsc_chan *chan,
		 const struct storvsc_slot *slot)
{
	u32 index = chan - chan->sh->chans;

	return atomic_read(&slot->lun->load[index].sent) >= HOLD_ABOVE;
}

static u32 queue_of(const struct storvsc_slot *slot)
{
	return blk_mq_unique_tag_to_hwq(blk_mq_unique_tag(scsi_cmd_to_rq(slot->cmd)));
}

/**
 * storvsc_hold_add() - hold a request back, if that is of use
 * @chan: where it would be sent, or the rest of its burst is held
 * @slot: the request, filled in and in nobody else's hands
 * @tag: the slot's number
 * @last: nothing follows at once
 *
 * Called under RCU in state READY.
 *
 * Return: whether it was taken; it may be sent, even finished by then.
 */
bool storvsc_hold_add(struct storvsc_chan *chan, struct storvsc_slot *slot,
		      u32 tag, bool last)
{
	u32 hwq = queue_of(slot);
	bool full, quiet;

	if (last && !busy(chan, slot))
		return false;

	spin_lock_bh(&chan->held_lock);
	if (chan->nr_held == STORVSC_HOLD_MAX) {
		spin_unlock_bh(&chan->held_lock);
		return false;
	}
	chan->held[chan->nr_held] = tag;
	WRITE_ONCE(chan->nr_held, chan->nr_held + 1);
	full = chan->nr_held == STORVSC_HOLD_MAX;
	/* Pairs with the one in storvsc_hold_after_answers(). */
	smp_mb();
	quiet = !busy(chan, slot);
	slot->chan = chan;
	atomic64_set_release(&slot->id,
			     storvsc_io_new_id(slot, tag) | STORVSC_ID_HELD);
	spin_unlock_bh(&chan->held_lock);

	/* After the entry: who finds it must find the request, too. */
	if (!last)
		WRITE_ONCE(chan->sh->burst[hwq], chan);
	if (full || (last && quiet))
		storvsc_hold_flush(chan);
	return true;
}

/*
 * Send what is held. Under RCU, in state READY or in the channel's callback;
 * no lock held.
 */
void storvsc_hold_flush(struct storvsc_chan *chan)
{
	u16 tags[STORVSC_HOLD_MAX];
	u32 i, n;

	spin_lock_bh(&chan->held_lock);
	n = chan->nr_held;
	memcpy(tags, chan->held, n * sizeof(*tags));
	WRITE_ONCE(chan->nr_held, 0);
	spin_unlock_bh(&chan->held_lock);

	for (i = 0; i < n; i++)
		storvsc_io_send_held(chan->sh, tags[i]);
}

/* In the channel's callback, answers taken: it's time to send. */
void storvsc_hold_after_answers(struct storvsc_chan *chan)
{
	/* Pairs with the one in storvsc_hold_add(). */
	smp_mb();
	if (READ_ONCE(chan->nr_held))
		storvsc_hold_flush(chan);
}

/*
 * The host template's commit_rqs, and the end of each burst. Commands of a
 * burst stay with one channel, so there's one to look at.
 */
void storvsc_hold_commit(struct Scsi_Host *shost, u16 hwq)
{
	struct storvsc_host *sh = shost_priv(shost);
	struct storvsc_chan *chan;

	if (!READ_ONCE(sh->burst[hwq]))
		return;
	rcu_read_lock();
	chan = xchg(&sh->burst[hwq], NULL);
	if (chan && READ_ONCE(sh->state) == STORVSC_READY)
		storvsc_hold_flush(chan);
	rcu_read_unlock();
}
