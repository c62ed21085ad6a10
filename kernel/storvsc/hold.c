// SPDX-License-Identifier: GPL-2.0
/*
 * Collecting requests so that several cost the host one signal.
 *
 * The bus signals when it writes into an empty ring. Requests that come one
 * by one, each as an earlier one completes, find the ring empty each time if
 * the host is quick. So accepted requests are held back while more of them are
 * to be expected, and then written to the ring in one go, with one signal after
 * the last where the bus can do that (batch.h):
 *
 * - the block layer says that a burst goes on, until it sends the last or
 *   calls commit_rqs;
 * - the programs that run now have been seen to bring that many, the goal of
 *   the channel, before they wait for answers.
 *
 * The goal is found by trying. All that is held is sent as soon as this
 * processor has nothing else to do (idle.c): if that comes well before the goal,
 * it was too high; if the goal was reached again and again, a higher one is
 * tried. A program that waits for each answer has the goal 1: each of its
 * requests is sent at once, but one now and then, the less often the less it
 * helps.
 */
#include <linux/blk-mq.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "storvsc_var.h"

/* How often the goal must be reached before a higher one is tried. */
#define GAP_MIN		4
#define GAP_MAX		256

static u32 queue_of(const struct storvsc_slot *slot)
{
	return blk_mq_unique_tag_to_hwq(blk_mq_unique_tag(scsi_cmd_to_rq(slot->cmd)));
}

/* Before the first request. */
void storvsc_hold_init(struct storvsc_chan *chan)
{
	spin_lock_init(&chan->held_lock);
	chan->goal = 1;
	chan->gap = GAP_MIN;
	chan->to_go = GAP_MIN;
}

/* A request comes: whether it waits for others, who should follow. */
static bool expect_more(struct storvsc_chan *chan)
{
	lockdep_assert_held(&chan->held_lock);
	if (chan->nr_held + 1 < chan->goal)
		return true;
	if (--chan->to_go)
		return false;
	chan->gap = max_t(u32, chan->gap / 2, GAP_MIN);
	chan->to_go = chan->gap;
	chan->goal = min_t(u32, chan->goal * 2, STORVSC_HOLD_MAX);
	return chan->nr_held + 1 < chan->goal;
}

/* The programs wait, and have brought so many. */
static void came_short(struct storvsc_chan *chan, u32 brought)
{
	lockdep_assert_held(&chan->held_lock);
	/* Somewhat short may also be the share of a thread that runs. */
	if (!brought || brought > chan->goal / 2)
		return;
	chan->goal = brought;
	chan->gap = min_t(u32, chan->gap * 4, GAP_MAX);
	chan->to_go = chan->gap;
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
	more = !last || expect_more(chan);
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
	struct storvsc_chan *own;
	bool batch;
	u32 i, n;

	/* A batch isn't to be preempted. */
	local_bh_disable();
	spin_lock(&chan->held_lock);
	n = chan->nr_held;
	memcpy(tags, chan->held, n * sizeof(*tags));
	WRITE_ONCE(chan->nr_held, 0);
	spin_unlock(&chan->held_lock);

	/* Nearly all go by this channel; another has its signals as ever. */
	own = READ_ONCE(chan->sh->cpu_chan[smp_processor_id()]);
	batch = own && n > 1 && storvsc_batch;
	if (batch)
		storvsc_batch->begin(own->ch);
	for (i = 0; i < n; i++)
		storvsc_io_send_held(chan->sh, tags[i]);
	if (batch)
		storvsc_batch->end(own->ch);
	local_bh_enable();
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
	came_short(chan, chan->nr_held);
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
