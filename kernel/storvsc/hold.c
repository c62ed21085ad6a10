// SPDX-License-Identifier: GPL-2.0
/*
 * Collecting requests so that several cost the host one signal.
 *
 * The bus signals when it writes into an empty ring. Requests that come one
 * by one, each as an earlier one completes, find the ring empty each time if
 * the host is quick. So accepted requests are held back, and then written to
 * the ring in one go, while more of them are to be expected:
 *
 * - the block layer says that a burst goes on, until it sends the last or
 *   calls commit_rqs;
 * - the host has BUSY or more requests of the same LUN on the same channel,
 *   and thus enough to do meanwhile;
 * - more answers have been handed out lately than requests came in. Programs
 *   that keep a queue filled are about to put new requests into it: what is
 *   owed. Only worth it for a few at least, so that a program which waits for
 *   each answer never meets with this.
 *
 * All three are guesses about programs that are running. So no more are held
 * than half of what the programs keep under way, which leaves the host and
 * them the other half to work on; and all are sent as soon as this processor
 * has nothing else to do (idle.c), which also ends the expectation.
 */
#include <linux/blk-mq.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "storvsc_var.h"

#define BUSY		8
#define OWED_MIN	4	/* for holding the first one back */
#define OWED_MAX	64
#define OWED_STALE	(HZ / 20)	/* without answer or request */

static u32 sent(const struct storvsc_chan *chan,
		const struct storvsc_slot *slot)
{
	u32 index = chan - chan->sh->chans;

	return atomic_read(&slot->lun->load[index].sent);
}

static u32 queue_of(const struct storvsc_slot *slot)
{
	return blk_mq_unique_tag_to_hwq(blk_mq_unique_tag(scsi_cmd_to_rq(slot->cmd)));
}

/* A request comes, perhaps one that is owed; whether another is to follow. */
static bool more_owed(struct storvsc_chan *chan)
{
	u32 worth = chan->nr_held ? 1 : OWED_MIN;

	lockdep_assert_held(&chan->held_lock);
	if (time_after(jiffies, chan->owed_since + OWED_STALE))
		chan->owed = 0;
	chan->owed_since = jiffies;
	return chan->owed && chan->owed-- > worth;
}

/* Whether running programs should bring more for this one to go with. */
static bool expected(struct storvsc_chan *chan, const struct storvsc_slot *slot)
{
	u32 busy = sent(chan, slot);
	u32 most = (busy + chan->nr_held + chan->owed) / 2;
	bool more = more_owed(chan) || busy >= BUSY;

	return more && chan->nr_held + 1 < most;
}

static void enter(struct storvsc_chan *chan, struct storvsc_slot *slot, u32 tag)
{
	lockdep_assert_held(&chan->held_lock);
	chan->held[chan->nr_held++] = tag;
	slot->chan = chan;
	atomic64_set_release(&slot->id,
			     storvsc_io_new_id(slot, tag) | STORVSC_ID_HELD);
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
	bool more, send = false;

	spin_lock_bh(&chan->held_lock);
	more = expected(chan, slot) || !last;
	if ((!more && !chan->nr_held) || chan->nr_held == STORVSC_HOLD_MAX) {
		spin_unlock_bh(&chan->held_lock);
		return false;
	}
	enter(chan, slot, tag);
	if (!more || chan->nr_held == STORVSC_HOLD_MAX)
		send = true;
	else
		storvsc_idle_add(chan);
	spin_unlock_bh(&chan->held_lock);

	/* After the entry: who finds it must find the request, too. */
	if (!last)
		WRITE_ONCE(chan->sh->burst[hwq], chan);
	if (send)
		storvsc_hold_flush(chan);
	return true;
}

/*
 * Send what is held. Under RCU; no lock held.
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

/* The channel's callback has handed @answers out: so many requests are owed. */
void storvsc_hold_owe(struct storvsc_chan *chan, u32 answers)
{
	spin_lock_bh(&chan->held_lock);
	chan->owed = min_t(u32, chan->owed + answers, OWED_MAX);
	chan->owed_since = jiffies;
	spin_unlock_bh(&chan->held_lock);
}

/*
 * This processor has nothing else to do: nobody is bringing more. Under RCU, in
 * any state: what was held when a suspend began is waited for. Without an open
 * channel it goes back to the block layer.
 */
void storvsc_hold_idle(struct storvsc_chan *chan)
{
	spin_lock_bh(&chan->held_lock);
	chan->idle_on = NULL;
	chan->owed = 0;
	spin_unlock_bh(&chan->held_lock);
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
