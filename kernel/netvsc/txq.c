// SPDX-License-Identifier: GPL-2.0
/*
 * What lies between a frame that is ready and the ring: slots, messages that
 * gather frames, messages held back, and their completions.
 *
 * The bus signals the host when it writes into an empty ring. A host that is
 * quick finds the ring empty again after each frame, so that each costs a signal
 * and an interrupt for its completion. So frames wait, to share a message and
 * to be written in one go, with one signal after the last where the bus can do
 * that (batch.h):
 *
 * - while the stack says that more follow (xmit_more);
 * - while the host has HOLD_ABOVE or more frames of this queue, until
 *   coal.tx_frames wait, NETVSC_HOLD_MAX messages are full, or its completions
 *   leave it with fewer. It has enough to do meanwhile, and as completions are
 *   due on this very channel, no timer is needed.
 *
 * A frame must not be left behind when the last of those completions came in
 * between the look at their number and the entry of the frame; so the number is
 * read again after the entry, and whoever changes it looks for frames
 * afterwards, each with a full barrier between.
 */
#include "netvsc_var.h"

#define HOLD_ABOVE	16
#define SECTIONS_ENOUGH	16

#define HDRS_PER_PAGE	(HV_HYP_PAGE_SIZE / NETVSC_TX_HDR)

/* ---- free slots ---- */

static int list_alloc(struct netvsc_freelist *list, u32 from, u32 n)
{
	u32 size = roundup_pow_of_two(max(n, 1u));
	u32 i;

	list->ring = kvcalloc(size, sizeof(*list->ring), GFP_KERNEL);
	if (!list->ring)
		return -ENOMEM;
	list->mask = size - 1;
	for (i = 0; i < n; i++)
		list->ring[i] = from + i;
	list->head = 0;
	list->tail = n;
	return 0;
}

/* Under the tx lock; -1: none. */
static s32 list_take(struct netvsc_freelist *list)
{
	/* Its place was written before; partner: list_give(). */
	u32 tail = smp_load_acquire(&list->tail);

	if (list->head == tail)
		return -1;
	return list->ring[list->head++ & list->mask];
}

/* In the poll, or where there is none. */
static void list_give(struct netvsc_freelist *list, u16 slot)
{
	list->ring[list->tail & list->mask] = slot;
	/* The slot is done with, too. */
	smp_store_release(&list->tail, list->tail + 1);
}

static u32 list_count(const struct netvsc_freelist *list)
{
	return READ_ONCE(list->tail) - READ_ONCE(list->head);
}

s32 netvsc_tx_take_section(struct netvsc_chan *nc)
{
	return list_take(&nc->tx.sections);
}

s32 netvsc_tx_take_plain(struct netvsc_chan *nc)
{
	return list_take(&nc->tx.plain);
}

/*
 * Whether small frames wait for a section when there's none left. With a page
 * list each they'd cost more, on both sides, than the wait: all sections are full
 * of frames that the host has yet to send. Where a channel's share is a few
 * sections only, that isn't so.
 */
bool netvsc_tx_awaits_sections(const struct netvsc_chan *nc)
{
	return nc->tx.nr_sections >= SECTIONS_ENOUGH;
}

/* Whether the next frame finds a place, whatever it is. */
bool netvsc_tx_room(const struct netvsc_chan *nc)
{
	return list_count(&nc->tx.plain) &&
	       (nc->tx.open >= 0 || list_count(&nc->tx.sections) ||
		!netvsc_tx_awaits_sections(nc));
}

/* ---- set-up ---- */

static int hdrs_alloc(struct netvsc_tx *tx)
{
	u32 i, n = DIV_ROUND_UP(NETVSC_TX_SLOTS, HDRS_PER_PAGE);

	tx->hdr_pages = kcalloc(n, sizeof(*tx->hdr_pages), GFP_KERNEL);
	if (!tx->hdr_pages)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		tx->hdr_pages[i] = (u8 *)get_zeroed_page(GFP_KERNEL);
		if (!tx->hdr_pages[i])
			return -ENOMEM;
	}
	return 0;
}

/* A plain slot's header; never crosses a page, which some hosts can't take. */
u8 *netvsc_tx_hdr(const struct netvsc_tx *tx, u32 slot)
{
	u32 i = slot - tx->nr_sections;

	return tx->hdr_pages[i / HDRS_PER_PAGE] +
	       i % HDRS_PER_PAGE * NETVSC_TX_HDR;
}

/*
 * Slots 0 to @sections - 1 have a section of the send buffer each, from
 * @first_section on; the others send by page list. On failure netvsc_tx_free()
 * is still called.
 */
int netvsc_tx_alloc(struct netvsc_chan *nc, u32 first_section, u32 sections)
{
	struct netvsc_tx *tx = &nc->tx;

	sections = min_t(u32, sections,
			 BIT(NETVSC_ID_SLOT_BITS) - 1 - NETVSC_TX_SLOTS);
	tx->first_section = first_section;
	tx->nr_sections = sections;
	tx->nr_slots = sections + NETVSC_TX_SLOTS;
	tx->slots = kvcalloc(tx->nr_slots, sizeof(*tx->slots), GFP_KERNEL);
	tx->gpa = kzalloc(NETVSC_TX_GPA_BYTES, GFP_KERNEL);
	if (!tx->slots || !tx->gpa || list_alloc(&tx->sections, 0, sections) ||
	    list_alloc(&tx->plain, sections, NETVSC_TX_SLOTS))
		return -ENOMEM;
	return hdrs_alloc(tx);
}

/* The channel is closed; what the host had is dropped. */
void netvsc_tx_free(struct netvsc_chan *nc)
{
	struct netvsc_tx *tx = &nc->tx;
	u32 i;

	for (i = 0; tx->slots && i < tx->nr_slots; i++)
		if (tx->slots[i].skb)
			netvsc_chan_leave_skb(nc->conn, tx->slots[i].skb);
	for (i = 0; tx->hdr_pages &&
	     i < DIV_ROUND_UP(NETVSC_TX_SLOTS, HDRS_PER_PAGE); i++)
		if (tx->hdr_pages[i])
			netvsc_chan_leave_page(nc->conn, tx->hdr_pages[i]);
	kfree(tx->hdr_pages);
	kvfree(tx->slots);
	kfree(tx->gpa);
	kvfree(tx->sections.ring);
	kvfree(tx->plain.ring);
	/* What was never used has no say in another connection's queue. */
	if (tx->slots)
		netdev_tx_reset_queue(tx->txq);
}

/* ---- to the ring ---- */

static u64 slot_id(struct netvsc_slot *slot, u32 number)
{
	slot->generation++;
	return (u64)slot->generation << NETVSC_ID_SLOT_BITS | (number + 1);
}

/* What the host is told of a slot. Returns the bytes of its description. */
static u32 describe_slot(struct netvsc_chan *nc, u32 number,
			 struct nvs_msg *msg)
{
	const struct netvsc_slot *slot = &nc->tx.slots[number];

	memset(msg, 0, sizeof(*msg));
	msg->type = NVS_RNDIS;
	msg->u.rndis.channel = NVS_CHANNEL_DATA;
	if (number < nc->tx.nr_sections) {
		msg->u.rndis.section = nc->tx.first_section + number;
		msg->u.rndis.section_len = slot->section_len;
		return 0;
	}
	msg->u.rndis.section = NVS_NO_SECTION;
	return netvsc_tx_describe(nc, slot->skb, netvsc_tx_hdr(&nc->tx, number),
				  slot->hdr_len);
}

static int post(struct netvsc_chan *nc, struct nvs_msg *msg, u32 size, u64 id)
{
	if (size)
		return vmbus_sendpacket_mpb_desc(nc->ch, nc->tx.gpa, size, msg,
						 NVS_MSG_LEN, id);
	return vmbus_sendpacket(nc->ch, msg, NVS_MSG_LEN, id,
				VM_PKT_DATA_INBAND,
				VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED);
}

/*
 * Returns 0 when the message is the host's, or was completed already: the slot
 * isn't ours any more. -EAGAIN: no room, still ours. Else: the channel is gone,
 * and the frames are dropped.
 */
static int send_slot(struct netvsc_chan *nc, u32 number)
{
	struct netvsc_slot *slot = &nc->tx.slots[number];
	u64 id = slot_id(slot, number);
	u32 frames = slot->frames, size;
	struct nvs_msg msg;
	int err;

	size = describe_slot(nc, number, &msg);
	nc->tx.sent += frames;
	/*
	 * From here on a host that guesses the id, and completes what it hasn't
	 * been sent, has the poll free the frame: the slot isn't looked at any
	 * more. What's in it goes before; partner: netvsc_tx_complete().
	 */
	smp_store_release(&slot->id, id);
	err = post(nc, &msg, size, id);
	if (likely(!err))
		return 0;
	/* A host that completes what it wasn't sent owns it all the same. */
	if (cmpxchg64(&slot->id, id, 0) != id)
		return 0;
	nc->tx.sent -= frames;
	return err;
}

/*
 * A dropped frame's slot goes back through the poll's hands, which alone gives
 * slots back: as if the host had completed it.
 */
static void drop_slot(struct netvsc_chan *nc, u32 number)
{
	struct netvsc_slot *slot = &nc->tx.slots[number];

	netvsc_count(nc->nd, NETVSC_EV_TX_DROPPED);
	/* Its counts first; partner: finish_dropped(). */
	smp_store_release(&slot->id, NETVSC_ID_DROPPED);
	nc->tx.sent += slot->frames;
	WRITE_ONCE(nc->tx.any_dropped, true);
	napi_schedule(&nc->napi);
}

/* The message being filled is complete. The tx lock is held. */
void netvsc_tx_close(struct netvsc_chan *nc)
{
	struct netvsc_tx *tx = &nc->tx;

	if (tx->open < 0)
		return;
	tx->held[tx->nr_held++] = tx->open;
	tx->open = -1;
}

static void count_messages(struct netvsc_chan *nc, u32 sent, u32 held)
{
	struct netvsc_tx_stats *st = nc->tx.stats;

	u64_stats_update_begin(&st->syncp);
	st->messages += sent;
	st->held += held;
	u64_stats_update_end(&st->syncp);
}

/*
 * The stack waits. Completions wake it; if there are none due, which takes a
 * host that doesn't read its ring, the poll is brought back by a timer.
 */
void netvsc_tx_stop(struct netvsc_chan *nc)
{
	if (netif_tx_queue_stopped(nc->tx.txq))
		return;
	netif_tx_stop_queue(nc->tx.txq);
	netvsc_count(nc->nd, NETVSC_EV_STOP_QUEUE);
	/* The stop before the look; partner: netvsc_tx_after_poll(). */
	smp_mb();
	if (READ_ONCE(nc->tx.sent) == READ_ONCE(nc->tx.done))
		napi_schedule(&nc->napi);
}

/* Returns how many of the held messages are done with. */
static u32 send_held(struct netvsc_chan *nc)
{
	struct netvsc_tx *tx = &nc->tx;
	bool batch = tx->nr_held > 1 && netvsc_batch;
	u32 i;
	int err;

	if (batch)
		netvsc_batch->begin(nc->ch);
	for (i = 0; i < tx->nr_held; i++) {
		err = send_slot(nc, tx->held[i]);
		if (unlikely(err == -EAGAIN))
			break;
		if (unlikely(err))
			drop_slot(nc, tx->held[i]);
	}
	if (batch)
		netvsc_batch->end(nc->ch);
	return i;
}

/* Sends all that waits, as far as the ring has room. The tx lock is held. */
void netvsc_tx_flush(struct netvsc_chan *nc)
{
	struct netvsc_tx *tx = &nc->tx;
	u32 done, left;

	netvsc_tx_close(nc);
	done = send_held(nc);
	left = tx->nr_held - done;
	tx->pending = left ? tx->pending : 0;
	if (done)
		count_messages(nc, done, 0);
	tx->nr_held = left;
	WRITE_ONCE(tx->waiting, left);
	WRITE_ONCE(tx->blocked, left);
	if (unlikely(left)) {
		memmove(tx->held, tx->held + done, left * sizeof(*tx->held));
		netvsc_count(nc->nd, NETVSC_EV_TX_NO_SPACE);
		netvsc_tx_stop(nc);
	}
}

/* Whether the host has so much to do that frames may wait. */
static bool busy(const struct netvsc_chan *nc)
{
	return READ_ONCE(nc->tx.sent) - READ_ONCE(nc->tx.done) >= HOLD_ABOVE;
}

/* Whether so much waits that it is sent all the same. The tx lock is held. */
static bool full(const struct netvsc_chan *nc)
{
	return nc->tx.pending >= READ_ONCE(nc->coal_config->tx_frames) ||
	       nc->tx.nr_held >= NETVSC_HOLD_MAX - 1;
}

/**
 * netvsc_tx_commit() - a frame was added: send, or hold back
 * @nc: the channel, tx lock held
 * @more: the stack sends another one at once
 */
void netvsc_tx_commit(struct netvsc_chan *nc, bool more)
{
	struct netvsc_tx *tx = &nc->tx;

	if (tx->open < 0 && !tx->nr_held)
		return;
	if (more && tx->nr_held < NETVSC_HOLD_MAX - 1)
		return;
	if (busy(nc) && !full(nc) && !netpoll_tx_running(nc->nd->net)) {
		WRITE_ONCE(tx->waiting, true);
		/* Pairs with the one in netvsc_tx_after_poll(). */
		smp_mb();
		if (busy(nc)) {
			count_messages(nc, 0, 1);
			return;
		}
	}
	netvsc_tx_flush(nc);
	/*
	 * A panic may have stopped a processor within a batch, for whose end
	 * all signals of the channel wait.
	 */
	if (unlikely(oops_in_progress) && netvsc_batch)
		vmbus_setevent(nc->ch);
}

/* ---- completions, in the poll ---- */

static void finish(struct netvsc_chan *nc, u32 number, int budget)
{
	struct netvsc_tx *tx = &nc->tx;
	struct netvsc_slot *slot = &tx->slots[number];
	struct sk_buff *skb = slot->skb;

	tx->done_frames += slot->frames;
	tx->done_bytes += slot->bytes;
	slot->skb = NULL;
	list_give(number < tx->nr_sections ? &tx->sections : &tx->plain,
		  number);
	if (skb)
		napi_consume_skb(skb, budget);
}

/* The host is done with a message. */
void netvsc_tx_complete(struct netvsc_chan *nc, u64 id, u32 status, int budget)
{
	u32 number = (id & GENMASK(NETVSC_ID_SLOT_BITS - 1, 0)) - 1;

	if (unlikely(number >= nc->tx.nr_slots || id == NETVSC_ID_DROPPED ||
		     cmpxchg64(&nc->tx.slots[number].id, id, 0) != id)) {
		netvsc_count(nc->nd, NETVSC_EV_RX_BAD_COMPLETION);
		netvsc_note(nc->nd, "completion of nothing sent: %#llx\n", id);
		return;
	}
	if (unlikely(status != NVS_STATUS_OK)) {
		netvsc_count(nc->nd, NETVSC_EV_TX_HOST_ERROR);
		netvsc_note(nc->nd, "host could not send: status %u\n", status);
	}
	finish(nc, number, budget);
}

static void finish_dropped(struct netvsc_chan *nc, int budget)
{
	u32 i;

	WRITE_ONCE(nc->tx.any_dropped, false);
	/* The slots marked before it was set are seen, or it is set again. */
	smp_mb();
	for (i = 0; i < nc->tx.nr_slots; i++)
		if (cmpxchg64(&nc->tx.slots[i].id, NETVSC_ID_DROPPED, 0) ==
		    NETVSC_ID_DROPPED)
			finish(nc, i, budget);
}

/* Whether it's worth it to have the stack send again. */
static bool room_to_wake(const struct netvsc_chan *nc)
{
	const struct netvsc_tx *tx = &nc->tx;

	return list_count(&tx->plain) >= NETVSC_TX_SLOTS / 4 &&
	       (!netvsc_tx_awaits_sections(nc) ||
		list_count(&tx->sections) >= tx->nr_sections / 4);
}

/* Netpoll has one frame to send, and little time. */
static void wake(struct netvsc_chan *nc, int budget)
{
	struct netvsc_tx *tx = &nc->tx;

	if (!netif_tx_queue_stopped(tx->txq) || READ_ONCE(tx->blocked) ||
	    !READ_ONCE(nc->conn->tx_on) ||
	    !(budget ? room_to_wake(nc) : netvsc_tx_room(nc)))
		return;
	netif_tx_wake_queue(tx->txq);
	netvsc_count(nc->nd, NETVSC_EV_WAKE_QUEUE);
}

/* A poll with budget 0 may have interrupted who holds the lock. */
static void send_waiting(struct netvsc_chan *nc, int budget)
{
	struct netdev_queue *txq = nc->tx.txq;

	if (budget)
		__netif_tx_lock(txq, smp_processor_id());
	else if (!__netif_tx_trylock(txq))
		return;
	netvsc_tx_flush(nc);
	__netif_tx_unlock(txq);
}

/* The end of a poll: what its completions mean for what waits. */
void netvsc_tx_after_poll(struct netvsc_chan *nc, int budget)
{
	struct netvsc_tx *tx = &nc->tx;

	if (unlikely(READ_ONCE(tx->any_dropped)))
		finish_dropped(nc, budget);
	if (tx->done_frames) {
		netdev_tx_completed_queue(tx->txq, tx->done_frames,
					  tx->done_bytes);
		WRITE_ONCE(tx->done, tx->done + tx->done_frames);
		tx->done_frames = 0;
		tx->done_bytes = 0;
	}
	/* Pairs with those in netvsc_tx_commit() and netvsc_tx_stop(). */
	smp_mb();
	if (READ_ONCE(tx->blocked) || (READ_ONCE(tx->waiting) && !busy(nc)))
		send_waiting(nc, budget);
	if (unlikely(READ_ONCE(tx->blocked)) &&
	    READ_ONCE(tx->sent) == READ_ONCE(tx->done))
		netvsc_comp_retry_later(nc);
	wake(nc, budget);
}

/* Nothing waits, and the host has nothing. */
bool netvsc_tx_idle(const struct netvsc_chan *nc)
{
	return !READ_ONCE(nc->tx.nr_held) && READ_ONCE(nc->tx.open) < 0 &&
	       READ_ONCE(nc->tx.sent) == READ_ONCE(nc->tx.done);
}
