// SPDX-License-Identifier: GPL-2.0
/*
 * The two rings of a channel, as the root uses them.
 *
 * A ring is a control page and D bytes of data.  Its writer owns write_index,
 * pending_send and features, its reader read_index and interrupt_mask.  Indices
 * are multiples of 8 below D; equal indices mean empty, so a writer always leaves
 * at least 8 bytes free.  The root reads `from_child` and writes `to_child`; the
 * partner of each ordering below is the child's half in kernel/vmbus/ring.c.
 *
 * Our own index of each ring is private: what the child may have scribbled over
 * the published copy is never read back.  The child's index is loaded, checked
 * and kept.  Packets are copied out once, and only the copy is parsed.
 *
 * Batches: vmbus_chan_recv() and _send() move the private indices only;
 * vmbus_chan_flush() publishes both and decides on one interrupt for both.
 *
 * Who signals when.  A writer signals when it made an empty ring non-empty and the
 * reader has not masked interrupts.  A reader signals when it made room for a
 * writer that waits for it (pending_send) and had none before.  Each side first
 * stores its own index (or mask, or pending_send), then a full fence, then loads
 * the other's: so of two sides going at it at once, at least one sees the other.
 */
#include <errno.h>

#include "vmbus_var.h"

#define PKT_HEADER  sizeof(struct ring_pkt)
#define PKT_TRAILER sizeof(struct ring_trailer)

static void counter_add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_store_explicit(c,
			      atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* ---- indices ---- */

static bool index_valid(const struct ring *r, uint32_t index)
{
	return index < r->size && index % 8 == 0;
}

static uint32_t index_advance(const struct ring *r, uint32_t index, uint32_t n)
{
	index += n;
	return index >= r->size ? index - r->size : index;
}

static uint32_t index_distance(const struct ring *r, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + r->size - from;
}

/*
 * Load the index that is the child's: the write index of `from_child` (acquire:
 * the packets before it are read after it; pairs with the release store of the
 * writer in kernel/vmbus/ring.c) or the read index of `to_child` (acquire: our
 * stores over consumed packets come after the child's loads of them; pairs with
 * its release store in the reader).
 */
static int peer_load(struct ring *r, const __u32 *shared)
{
	uint32_t index = __atomic_load_n(shared, __ATOMIC_ACQUIRE);

	if (!index_valid(r, index))
		return -EPROTO;
	r->peer = index;
	return 0;
}

int ring_attach(struct ring *r, uint8_t **page, uint32_t npages, bool writer)
{
	struct ring_ctl *ctl = (struct ring_ctl *)page[0];
	uint32_t own =
		__atomic_load_n(writer ? &ctl->write_index : &ctl->read_index,
				__ATOMIC_RELAXED);
	int err;

	*r = (struct ring){
		.ctl = ctl,
		.page = page + 1,
		.size = (npages - 1) * MEM_PAGE_SIZE,
		.index = own,
		.published = own,
	};
	if (!index_valid(r, own))
		return -EPROTO;
	err = peer_load(r, writer ? &ctl->read_index : &ctl->write_index);
	if (err)
		return err;
	if (writer) {
		__atomic_store_n(&ctl->pending_send, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&ctl->features, RING_FEATURE_PENDING_SEND,
				 __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(&ctl->interrupt_mask, 0, __ATOMIC_RELAXED);
	}
	return 0;
}

/* ---- copies, split at page ends and at the end of the data ---- */

static uint32_t chunk_at(uint32_t index, uint32_t len)
{
	uint32_t chunk = MEM_PAGE_SIZE - index % MEM_PAGE_SIZE;

	return chunk < len ? chunk : len;
}

static uint8_t *ring_byte(const struct ring *r, uint32_t index)
{
	return r->page[index / MEM_PAGE_SIZE] + index % MEM_PAGE_SIZE;
}

static void ring_copy_out(const struct ring *r, uint32_t index, void *buf,
			  uint32_t len)
{
	uint8_t *dst = buf;
	uint32_t chunk;

	for (; len; len -= chunk, dst += chunk) {
		chunk = chunk_at(index, len);
		memcpy(dst, ring_byte(r, index), chunk);
		index = index_advance(r, index, chunk);
	}
}

static uint32_t ring_copy_in(const struct ring *r, uint32_t index,
			     const void *buf, uint32_t len)
{
	const uint8_t *src = buf;
	uint32_t chunk;

	for (; len; len -= chunk, src += chunk) {
		chunk = chunk_at(index, len);
		memcpy(ring_byte(r, index), src, chunk);
		index = index_advance(r, index, chunk);
	}
	return index;
}

/* ---- from the child ---- */

static bool type_known(uint16_t type)
{
	return type == RING_PKT_INBAND || type == RING_PKT_GPA_DIRECT ||
	       type == RING_PKT_COMPLETION || type == RING_PKT_XFER_PAGES;
}

int vmbus_chan_recv(struct vmbus_chan *ch, void *buf, size_t size,
		    struct vmbus_packet *pkt)
{
	struct ring *r = &ch->from_child;
	struct ring_pkt desc;
	uint32_t used, len, offset;

	if (r->index == r->peer && peer_load(r, &r->ctl->write_index))
		return -EPROTO;
	used = index_distance(r, r->index, r->peer);
	if (!used)
		return 0;
	if (used < PKT_HEADER + PKT_TRAILER)
		return -EPROTO;
	ring_copy_out(r, r->index, &desc, sizeof(desc));
	len = desc.len8 * 8u;
	offset = desc.offset8 * 8u;
	if (!type_known(desc.type) || offset < PKT_HEADER || len < offset ||
	    len + PKT_TRAILER > used)
		return -EPROTO;
	if (len > size)
		return -EMSGSIZE;
	/* The descriptor that was checked, not what the ring says by now. */
	memcpy(buf, &desc, sizeof(desc));
	ring_copy_out(r, index_advance(r, r->index, PKT_HEADER),
		      (uint8_t *)buf + PKT_HEADER, len - PKT_HEADER);
	r->index = index_advance(r, r->index, len + PKT_TRAILER);
	*pkt = (struct vmbus_packet){
		.type = desc.type,
		.flags = desc.flags,
		.transaction = desc.transaction,
		.header = (uint8_t *)buf + PKT_HEADER,
		.header_len = offset - PKT_HEADER,
		.data = (uint8_t *)buf + offset,
		.data_len = len - offset,
	};
	counter_add(&ch->count.packets_in, 1);
	counter_add(&ch->count.bytes_in, len + PKT_TRAILER);
	return 1;
}

bool vmbus_chan_readable(struct vmbus_chan *ch)
{
	struct ring *r = &ch->from_child;

	return r->index != r->peer || peer_load(r, &r->ctl->write_index) ||
	       r->index != r->peer;
}

/*
 * Give consumed space back.  True when the child must be told.
 *
 * The release store keeps our loads of the packets before it (pairs with the
 * acquire load of read_index by the writer in kernel/vmbus/ring.c).  The fence
 * orders it before the load of pending_send; the writer stores pending_send,
 * fences, and loads read_index again.
 */
static bool recv_publish(struct ring *r)
{
	uint32_t wanted, before, after, write;

	if (r->index == r->published)
		return false;
	__atomic_store_n(&r->ctl->read_index, r->index | r->lie,
			 __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	before = r->published;
	r->published = r->index;
	if (!(__atomic_load_n(&r->ctl->features, __ATOMIC_RELAXED) &
	      RING_FEATURE_PENDING_SEND))
		return false;
	wanted = __atomic_load_n(&r->ctl->pending_send, __ATOMIC_ACQUIRE);
	if (!wanted)
		return false;
	write = __atomic_load_n(&r->ctl->write_index, __ATOMIC_ACQUIRE);
	/* Wild ones are noticed, and told, at the next recv. */
	if (!index_valid(r, write))
		return false;
	after = r->size - index_distance(r, r->index, write);
	before = r->size - index_distance(r, before, write);
	return before <= wanted && after > wanted;
}

void vmbus_chan_mask(struct vmbus_chan *ch)
{
	__atomic_store_n(&ch->from_child.ctl->interrupt_mask, 1,
			 __ATOMIC_RELAXED);
	/* Before the next look at write_index; costs nothing where it is late. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * The read index must be out before the mask is gone: the writer signals only
 * when it sees the ring empty.  Mask, fence, write_index here; write_index,
 * fence, mask there: one of the two sees the other's store.
 */
bool vmbus_chan_unmask(struct vmbus_chan *ch)
{
	vmbus_chan_flush(ch);
	__atomic_store_n(&ch->from_child.ctl->interrupt_mask, 0,
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vmbus_chan_readable(ch))
		return false;
	vmbus_chan_mask(ch);
	return true;
}

/* ---- to the child ---- */

/* 0: `need` bytes fit, with 8 left over.  -EAGAIN, -EPROTO. */
static int send_room(struct ring *r, uint32_t need)
{
	if (r->size - index_distance(r, r->peer, r->index) > need)
		return 0;
	if (peer_load(r, &r->ctl->read_index))
		return -EPROTO;
	return r->size - index_distance(r, r->peer, r->index) > need ? 0 :
								       -EAGAIN;
}

/*
 * The ring is full.  Publish what is in it, so that the child can make room at
 * all; say how much is wanted; and look again, for the child may have made room
 * just before it could see that (pairs with the fence between read_index and
 * pending_send of the reader in kernel/vmbus/ring.c).
 */
static int send_wait(struct vmbus_chan *ch, uint32_t need)
{
	struct ring *r = &ch->to_child;

	vmbus_chan_flush(ch);
	ch->pending_send = true;
	__atomic_store_n(&r->ctl->pending_send, need, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return send_room(r, need);
}

int ring_room(struct vmbus_chan *ch, uint32_t len)
{
	return send_room(&ch->to_child, len);
}

int ring_frame(struct ring_out *out)
{
	uint64_t offset = PKT_HEADER + ((out->header_len + 7ull) & ~7ull);
	uint64_t len = offset + ((out->data_len + 7ull) & ~7ull);

	if (len / 8 > UINT16_MAX)
		return -EMSGSIZE;
	out->desc.offset8 = offset / 8;
	out->desc.len8 = len / 8;
	out->len = len + PKT_TRAILER;
	return 0;
}

int ring_send(struct vmbus_chan *ch, const struct ring_out *out)
{
	static const uint8_t zeroes[8];
	struct ring *r = &ch->to_child;
	struct ring_trailer trailer = { .start = r->index };
	uint32_t index;
	int err;

	if (out->len > r->size - 8)
		return -EMSGSIZE;
	err = send_room(r, out->len);
	if (err == -EAGAIN) {
		counter_add(&ch->count.ring_full, 1);
		err = send_wait(ch, out->len);
	}
	if (err)
		return err;
	if (ch->pending_send) {
		ch->pending_send = false;
		__atomic_store_n(&r->ctl->pending_send, 0, __ATOMIC_RELAXED);
	}
	index = ring_copy_in(r, r->index, &out->desc, sizeof(out->desc));
	index = ring_copy_in(r, index, out->header, out->header_len);
	index = ring_copy_in(r, index, zeroes, -out->header_len & 7);
	index = ring_copy_in(r, index, out->data, out->data_len);
	index = ring_copy_in(r, index, zeroes, -out->data_len & 7);
	r->index = ring_copy_in(r, index, &trailer, sizeof(trailer));
	counter_add(&ch->count.packets_out, 1);
	counter_add(&ch->count.bytes_out, out->len);
	return 0;
}

int vmbus_chan_send(struct vmbus_chan *ch, uint16_t type, uint16_t flags,
		    uint64_t transaction, const void *header,
		    uint32_t header_len, const void *data, uint32_t data_len)
{
	struct ring_out out = {
		.desc = { .type = type,
			  .flags = flags,
			  .transaction = transaction },
		.header = header,
		.header_len = header_len,
		.data = data,
		.data_len = data_len,
	};
	int err = ring_frame(&out);

	if (err)
		return err;
	return ch->fault ? fault_send(ch, &out) : ring_send(ch, &out);
}

/*
 * Let the child see what was sent.  True when it must be told.
 *
 * The release store keeps the packets before it (pairs with the acquire load of
 * write_index by the reader in kernel/vmbus/ring.c).  The fence orders it before
 * the loads of mask and read_index; the reader unmasks, fences, and loads
 * write_index again.  The acquire load of the mask keeps the read index after it.
 */
static bool send_publish(struct ring *r)
{
	uint32_t before = r->published;

	if (r->index == before)
		return false;
	__atomic_store_n(&r->ctl->write_index, r->index | r->lie,
			 __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->published = r->index;
	if (__atomic_load_n(&r->ctl->interrupt_mask, __ATOMIC_ACQUIRE))
		return false;
	return __atomic_load_n(&r->ctl->read_index, __ATOMIC_RELAXED) == before;
}

static void chan_interrupt(struct vmbus_chan *ch)
{
	struct vmbus_server *srv = ch->srv;
	bool set = false;

	pthread_mutex_lock(&ch->signal_lock);
	if (ch->target_vp != VMB_VP_NONE)
		set = srv->ops.signal(srv->host, ch->target_vp, VMB_SINT,
				      ch->relid);
	pthread_mutex_unlock(&ch->signal_lock);
	if (set)
		counter_add(&ch->count.interrupts, 1);
}

void vmbus_chan_flush(struct vmbus_chan *ch)
{
	bool sent, freed;

	if (fault_silent(ch))
		return;
	if (ch->fault)
		fault_pump(ch);
	sent = send_publish(&ch->to_child);
	freed = recv_publish(&ch->from_child);
	if (sent || freed)
		chan_interrupt(ch);
}

void vmbus_chan_count_signals(struct vmbus_chan *ch, uint64_t count)
{
	counter_add(&ch->count.signals_in, count);
}
