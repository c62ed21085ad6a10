// SPDX-License-Identifier: GPL-2.0
/*
 * The channels of an adapter: opening, closing, choosing, receiving.
 *
 * Closing is how memory is got back from a host that doesn't answer: when it
 * gives back the ring, the host has acknowledged that it stopped serving the
 * channel, and with it every request in flight.
 *
 * Order at closing: leave state READY, wait for an RCU grace period (no
 * submitter is between its look at the state and its write into the ring
 * afterwards), close (no callback runs afterwards), fail what is left.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "storvsc_var.h"

/*
 * The bus copies each packet out of the ring into a buffer of this size and
 * loses its place in the ring on a larger one, so leave room for hosts with
 * longer answers than those we know (80 bytes).
 */
#define MAX_PACKET		256

/* Packets handled before other work of this processor gets a turn. */
#define RECEIVE_BUDGET		256

#define OPENER_WAIT		(10 * HZ)
#define RESCIND_WAIT		(5 * HZ)
#define RESCIND_POLL_MS		10
#define RELEASE_LOG		(60 * HZ)

/* Spread processors without a channel of their own over @node's channels. */
static struct storvsc_chan *spread(struct storvsc_host *sh, int cpu, int node)
{
	struct storvsc_chan *chan, *found = NULL;
	u32 i, usable = 0, turn;

	for (i = 0; i < sh->nr_chans; i++) {
		chan = &sh->chans[i];
		if (chan->ready && !chan->lost &&
		    (node == NUMA_NO_NODE ||
		     cpu_to_node(chan->ch->target_cpu) == node))
			usable++;
	}
	if (!usable)
		return NULL;
	turn = cpu % usable;
	for (i = 0; i < sh->nr_chans && !found; i++) {
		chan = &sh->chans[i];
		if (chan->ready && !chan->lost &&
		    (node == NUMA_NO_NODE ||
		     cpu_to_node(chan->ch->target_cpu) == node) && !turn--)
			found = chan;
	}
	return found;
}

/* Give each processor its channel: its own, a near one, or any. */
static void map_channels(struct storvsc_host *sh)
{
	struct storvsc_chan *chan;
	int cpu;
	u32 i;

	lockdep_assert_held(&sh->chan_lock);
	for_each_possible_cpu(cpu) {
		chan = NULL;
		for (i = 0; i < sh->nr_chans && !chan; i++)
			if (sh->chans[i].ready && !sh->chans[i].lost &&
			    sh->chans[i].ch->target_cpu == cpu)
				chan = &sh->chans[i];
		if (!chan)
			chan = spread(sh, cpu, cpu_to_node(cpu));
		if (!chan)
			chan = spread(sh, cpu, NUMA_NO_NODE);
		WRITE_ONCE(sh->cpu_chan[cpu], chan);
	}
}

/* The administrator moved a channel's interrupt to another processor. */
static void target_cpu_changed(struct vmbus_channel *ch, u32 old, u32 new)
{
	struct storvsc_chan *chan = get_per_channel_state(ch);

	spin_lock_bh(&chan->sh->chan_lock);
	map_channels(chan->sh);
	spin_unlock_bh(&chan->sh->chan_lock);
}

/* Returns false, changing nothing, when the device is gone already. */
bool storvsc_chan_set_state(struct storvsc_host *sh, enum storvsc_state state)
{
	bool alive;

	spin_lock_bh(&sh->chan_lock);
	alive = sh->state != STORVSC_GONE;
	if (alive)
		WRITE_ONCE(sh->state, state);
	spin_unlock_bh(&sh->chan_lock);
	return alive;
}

static void receive(struct storvsc_chan *chan,
		    const struct vmpacket_descriptor *desc)
{
	struct storvsc_host *sh = chan->sh;
	u32 len = hv_pkt_datalen(desc);
	u64 id = desc->trans_id;
	struct stor_pkt pkt;

	memset(&pkt, 0, sizeof(pkt));
	memcpy(&pkt, hv_pkt_data(desc), min_t(u32, len, sizeof(pkt)));

	if (!id && desc->type == VM_PKT_DATA_INBAND && len >= sizeof(pkt.op) &&
	    (pkt.op == STOR_OP_ENUMERATE_BUS ||
	     pkt.op == STOR_OP_REMOVE_DEVICE)) {
		storvsc_scan_event(sh);
	} else if (id && desc->type == VM_PKT_COMP && len >= sizeof(pkt)) {
		if (id & STORVSC_ID_CONTROL && id & STORVSC_ID_PROBE)
			storvsc_silence_reply(chan, id);
		else if (id & STORVSC_ID_CONTROL)
			storvsc_proto_reply(sh, id, &pkt);
		else
			storvsc_io_complete(chan, id, &pkt);
	} else {
		atomic_inc(&sh->bad_completions);
		storvsc_note(sh, STORVSC_LOG_ERROR,
			     "packet dropped: type %u, op %u, id %#llx, %u bytes\n",
			     desc->type, pkt.op, id, len);
	}
}

/*
 * Called by the bus in the channel's tasklet; what the budget leaves in the
 * ring brings the bus back here.
 */
static void on_event(void *context)
{
	struct storvsc_chan *chan = context;
	struct vmpacket_descriptor *desc;
	struct vmbus_channel *ch = chan->ch;
	u32 n;

	rcu_read_lock();
	desc = hv_pkt_iter_first(ch);
	for (n = 0; desc && n < RECEIVE_BUDGET; n++) {
		receive(chan, desc);
		desc = __hv_pkt_iter_next(ch, desc);
	}
	if (n)
		hv_pkt_iter_close(ch);
	rcu_read_unlock();
}

static int chan_open(struct storvsc_chan *chan)
{
	struct vmbus_channel *ch = chan->ch;
	struct stor_properties user_data;
	u32 ring = storvsc_chan_ring_bytes();

	/*
	 * Request numbers are our own. An earlier driver of this channel may
	 * have left its callbacks there, which may be unloaded by now.
	 */
	ch->next_request_id_callback = NULL;
	ch->request_addr_callback = NULL;
	ch->rqstor_size = 0;
	ch->max_pkt_size = MAX_PACKET;
	set_per_channel_state(ch, chan);
	memset(&user_data, 0, sizeof(user_data));
	return vmbus_open(ch, ring, ring, &user_data, sizeof(user_data),
			  on_event, chan);
}

static void chan_enter(struct storvsc_host *sh, struct storvsc_chan *chan)
{
	lockdep_assert_held(&sh->chan_lock);
	chan->ready = true;
	chan->lost = false;
	sh->nr_open++;
	map_channels(sh);
	chan->ch->change_target_cpu_callback = target_cpu_changed;
}

int storvsc_chan_open_primary(struct storvsc_host *sh)
{
	struct storvsc_chan *chan = &sh->chans[0];
	int err;

	lockdep_assert_held(&sh->lock);
	chan->ch = sh->hv->channel;
	err = chan_open(chan);
	sh->opened = !err;
	spin_lock_bh(&sh->chan_lock);
	if (err)
		chan->ch = NULL;
	else
		chan_enter(sh, chan);
	spin_unlock_bh(&sh->chan_lock);
	return err;
}

static struct storvsc_chan *reserve(struct storvsc_host *sh,
				    struct vmbus_channel *ch)
{
	struct storvsc_chan *chan = NULL;
	u32 i;

	spin_lock_bh(&sh->chan_lock);
	for (i = 1; i < sh->nr_chans && sh->state == STORVSC_READY; i++) {
		if (!sh->chans[i].ch) {
			chan = &sh->chans[i];
			chan->ch = ch;
			break;
		}
	}
	spin_unlock_bh(&sh->chan_lock);
	return chan;
}

static void sub_open(struct storvsc_host *sh, struct vmbus_channel *ch)
{
	struct storvsc_chan *chan = reserve(sh, ch);
	int err;

	if (!chan)
		return;
	err = chan_open(chan);

	spin_lock_bh(&sh->chan_lock);
	if (err)
		chan->ch = NULL;
	else if (sh->state == STORVSC_READY)
		chan_enter(sh, chan);
	else
		sh->late_open = true;
	spin_unlock_bh(&sh->chan_lock);
	if (err)
		dev_warn_ratelimited(&sh->hv->device,
				     "cannot open sub-channel: %d\n", err);
}

/* A sub-channel was offered; the bus calls this in a work item. */
static void sub_offered(struct vmbus_channel *ch)
{
	struct storvsc_host *sh;

	sh = storvsc_host_get_opener(ch->primary_channel->device_obj);
	if (!sh)
		return;
	sub_open(sh, ch);
	storvsc_host_put_opener(sh);
}

void storvsc_chan_offer_subs(struct storvsc_host *sh, bool accept)
{
	vmbus_set_sc_create_callback(sh->hv->channel,
				     accept ? sub_offered : NULL);
}

static bool openers_left(struct storvsc_host *sh)
{
	bool left;

	spin_lock_bh(&sh->chan_lock);
	left = sh->openers;
	spin_unlock_bh(&sh->chan_lock);
	return left;
}

/*
 * After the primary's closing the host takes the sub-channels back. Wait for
 * that: vmbus_close() walks the list of them without a lock and can't stand
 * being called again meanwhile. When the primary itself was rescinded it has
 * emptied the list.
 */
static void await_rescinds(struct vmbus_channel *primary)
{
	unsigned long deadline = jiffies + RESCIND_WAIT;

	while (!READ_ONCE(primary->rescind) &&
	       !list_empty_careful(&primary->sc_list) &&
	       time_before(jiffies, deadline))
		msleep(RESCIND_POLL_MS);
}

/* Close the primary, by which the bus closes the sub-channels before it. */
static void close_bus_channels(struct storvsc_host *sh)
{
	bool late;

	wait_event_timeout(sh->opener_wait, !openers_left(sh), OPENER_WAIT);
	vmbus_close(sh->hv->channel);

	/* The host takes back what is half open: its opener returns now. */
	if (!wait_event_timeout(sh->opener_wait, !openers_left(sh),
				OPENER_WAIT))
		dev_warn(&sh->hv->device, "a sub-channel is stuck opening\n");
	spin_lock_bh(&sh->chan_lock);
	late = sh->late_open;
	sh->late_open = false;
	spin_unlock_bh(&sh->chan_lock);
	if (late)
		vmbus_close(sh->hv->channel);
	await_rescinds(sh->hv->channel);
	sh->opened = false;
}

/* Whether the host has let go of the rings, the channels being closed. */
static bool is_released(struct storvsc_host *sh)
{
	if (storvsc_lent)
		return !storvsc_lent->any(sh->hv->channel);
	/* The in-tree bus forgets the ring's pages when it has freed them. */
	return !sh->hv->channel->ringbuffer_page;
}

/*
 * Requests with data are waited for without a bound. They are about to be sent
 * again: what the host still did for the old one would come into the memory or
 * onto the disk after the new one was done, over what is there by then.
 */
static bool await_release(struct storvsc_host *sh)
{
	unsigned long told = jiffies;

	while (!is_released(sh) && !storvsc_host_rescinded(sh)) {
		if (!storvsc_io_any_data(sh))
			return false;
		if (time_after_eq(jiffies, told)) {
			dev_warn(&sh->hv->device,
				 "waiting for the host to let go of requests\n");
			told = jiffies + RELEASE_LOG;
		}
		msleep(RESCIND_POLL_MS);
	}
	return true;
}

/**
 * storvsc_chan_close_all() - close the primary and all sub-channels
 * @sh: the adapter; sh->lock held
 *
 * Leaves state READY. Waits for the host to let go as long as vmbus_close()
 * does, which is the bus driver's decision, and for as long as it takes if there
 * are requests with data. What is left may be ended by storvsc_io_fail().
 */
void storvsc_chan_close_all(struct storvsc_host *sh)
{
	struct vmbus_channel *primary = sh->hv->channel;
	u32 i;

	lockdep_assert_held(&sh->lock);
	storvsc_chan_offer_subs(sh, false);
	primary->change_target_cpu_callback = NULL;
	storvsc_chan_set_state(sh, STORVSC_CLOSED);

	spin_lock_bh(&sh->chan_lock);
	for (i = 0; i < sh->nr_chans; i++)
		sh->chans[i].ready = false;
	sh->nr_open = 0;
	map_channels(sh);
	spin_unlock_bh(&sh->chan_lock);
	synchronize_rcu();

	if (sh->opened)
		close_bus_channels(sh);

	spin_lock_bh(&sh->chan_lock);
	for (i = 0; i < sh->nr_chans && !sh->openers; i++)
		sh->chans[i].ch = NULL;
	spin_unlock_bh(&sh->chan_lock);

	storvsc_silence_closed(sh, await_release(sh));
}

/* A sub-channel's offer was taken back while the primary stays. */
void storvsc_chan_lose(struct storvsc_chan *chan)
{
	struct storvsc_host *sh = chan->sh;

	spin_lock_bh(&sh->chan_lock);
	if (chan->ready && !chan->lost) {
		chan->lost = true;
		sh->nr_open--;
		map_channels(sh);
	}
	spin_unlock_bh(&sh->chan_lock);
	queue_work(system_wq, &sh->lost_work);
}

/* Whether sub-channels have been taken back; what was on them is resent. */
bool storvsc_chan_check_lost(struct storvsc_host *sh)
{
	bool any = false;
	u32 i;

	spin_lock_bh(&sh->chan_lock);
	for (i = 1; i < sh->nr_chans; i++) {
		struct storvsc_chan *chan = &sh->chans[i];

		if (!chan->ready || chan->lost || !chan->ch->rescind)
			continue;
		chan->lost = true;
		sh->nr_open--;
		any = true;
	}
	if (any)
		map_channels(sh);
	spin_unlock_bh(&sh->chan_lock);
	if (any)
		queue_work(system_wq, &sh->lost_work);
	return any;
}

/* End the requests on lost channels; the block layer sends them again. */
void storvsc_chan_fail_lost(struct storvsc_host *sh)
{
	u32 i;

	/* So that no place becomes another channel's meanwhile. */
	mutex_lock(&sh->lock);
	/* Afterwards nobody writes into a lost ring any more. */
	synchronize_rcu();
	for (i = 1; i < sh->nr_chans; i++)
		if (sh->chans[i].ready && sh->chans[i].lost)
			storvsc_io_fail(sh, &sh->chans[i], DID_RESET);
	mutex_unlock(&sh->lock);
}

/*
 * Look into every ring and have the host do so: an interrupt lost on either
 * side must not cost a reset.
 */
void storvsc_chan_kick(struct storvsc_host *sh)
{
	u32 i;

	spin_lock_bh(&sh->chan_lock);
	for (i = 0; i < sh->nr_chans; i++) {
		if (!sh->chans[i].ready || sh->chans[i].lost)
			continue;
		vmbus_setevent(sh->chans[i].ch);
		tasklet_schedule(&sh->chans[i].ch->callback_event);
	}
	spin_unlock_bh(&sh->chan_lock);
}
