// SPDX-License-Identifier: GPL-2.0
/*
 * The poll of a channel: what the host has put into the ring, and, for transfer
 * pages, the RNDIS messages in the receive buffer that it points to.
 *
 * Packets in the ring are private copies that the bus made. The receive buffer
 * isn't: the host may write there at any time. Headers are copied out once, each
 * field of theirs, and the copy is checked and used; frames are copied into the
 * sk_buff before anybody looks at them.
 */
#include "netvsc_var.h"

/* Packets of any kind that one poll handles, by its budget of frames. */
#define PACKETS_PER_FRAME	4

/* Per-packet information that a frame may have; hosts have 100 bytes or so. */
#define PPI_MAX		512

/* A transfer-page packet's fixed part. */
#define XFER_HDR	offsetof(struct vmtransfer_page_packet_header, ranges)

/* In the interrupt, on the channel's processor. */
void netvsc_rx_event(void *context)
{
	struct netvsc_chan *nc = context;

	/* No further ones until the poll has found the ring empty. */
	hv_begin_read(&nc->ch->inbound);
	napi_schedule_irqoff(&nc->napi);
}

/* ---- per-packet information ---- */

static bool ppi_value(const u8 *shared, const struct rndis_ppi *head, void *to,
		      u32 len)
{
	if (head->offset > head->size || head->size - head->offset < len)
		return false;
	memcpy(to, shared + head->offset, len);
	barrier();
	return true;
}

static bool take_ppi(struct netvsc_frame *frame, const u8 *shared,
		     const struct rndis_ppi *head)
{
	struct rndis_packet_id id;

	switch (head->type) {
	case RNDIS_PPI_CHECKSUM:
		frame->has_csum = true;
		return ppi_value(shared, head, &frame->csum, sizeof(u32));
	case RNDIS_PPI_8021Q:
		frame->has_vlan = true;
		return ppi_value(shared, head, &frame->vlan, sizeof(u32));
	case RNDIS_PPI_HASH_VALUE:
		frame->has_hash = true;
		return ppi_value(shared, head, &frame->hash, sizeof(u32));
	case RNDIS_PPI_PACKET_ID:
		if (!ppi_value(shared, head, &id, sizeof(id)))
			return false;
		if (id.version == RNDIS_PACKET_ID_VERSION)
			frame->rsc_flags = id.flags;
		return true;
	default:
		return true;
	}
}

/* The chain has @len bytes. Ends: each step takes at least a header. */
static bool take_ppis(struct netvsc_frame *frame, const u8 *shared, u32 len)
{
	struct rndis_ppi head;

	while (len) {
		if (len < sizeof(head))
			return false;
		memcpy(&head, shared, sizeof(head));
		barrier();
		if (head.size < sizeof(head) || head.size > len ||
		    head.offset < sizeof(head) || !take_ppi(frame, shared, &head))
			return false;
		shared += head.size;
		len -= head.size;
	}
	return true;
}

/* ---- messages ---- */

/* A frame of a message of @len bytes; checks and copies what describes it. */
static bool parse_packet(struct netvsc_chan *nc, const u8 *shared, u32 len,
			 struct netvsc_frame *frame)
{
	struct rndis_packet pkt;
	u32 room, at;

	if (len < sizeof(pkt))
		goto bad;
	memcpy(&pkt, shared, sizeof(pkt));
	barrier();		/* the copy is what is looked at */
	if (pkt.len < sizeof(pkt) || pkt.len > len)
		goto bad;
	room = pkt.len - RNDIS_OFFSET_BASE;
	if (pkt.data_offset < RNDIS_PACKET_PPI_OFFSET ||
	    pkt.data_offset > room || pkt.data_len > room - pkt.data_offset ||
	    !pkt.data_len)
		goto bad;
	memset(frame, 0, sizeof(*frame));
	frame->data = shared + RNDIS_OFFSET_BASE + pkt.data_offset;
	frame->len = pkt.data_len;

	if (!pkt.ppi_offset || !pkt.ppi_len)
		return true;
	at = pkt.ppi_offset;
	if (at < RNDIS_PACKET_PPI_OFFSET || at > room ||
	    pkt.ppi_len > room - at || pkt.ppi_len > PPI_MAX)
		goto bad_ppi;
	if (take_ppis(frame, shared + RNDIS_OFFSET_BASE + at, pkt.ppi_len))
		return true;
bad_ppi:
	netvsc_count(nc->nd, NETVSC_EV_RX_BAD_PPI);
	netvsc_note(nc->nd, "frame with bad per-packet information: %u bytes at %u\n",
		    pkt.ppi_len, pkt.ppi_offset);
	return false;
bad:
	netvsc_count(nc->nd, NETVSC_EV_RX_BAD_RNDIS);
	netvsc_note(nc->nd, "bad RNDIS frame in a message of %u bytes\n", len);
	return false;
}

/* One message in the receive buffer. Returns its fate: NVS_STATUS_*. */
static u32 receive_message(struct netvsc_chan *nc, const u8 *shared, u32 len,
			   u32 *frames)
{
	struct netvsc_frame frame;
	u32 type;

	if (unlikely(len < sizeof(struct rndis_header))) {
		netvsc_count(nc->nd, NETVSC_EV_RX_BAD_RNDIS);
		return NVS_STATUS_FAIL;
	}
	memcpy(&type, shared, sizeof(type));
	barrier();
	if (unlikely(type != RNDIS_PACKET)) {
		netvsc_rndis_receive(nc->conn, type, shared, len);
		return NVS_STATUS_OK;
	}
	if (unlikely(!parse_packet(nc, shared, len, &frame)))
		return NVS_STATUS_FAIL;
	++*frames;
	if (unlikely(!READ_ONCE(nc->conn->rx_on))) {
		netvsc_count(nc->nd, NETVSC_EV_RX_DOWN);
		return NVS_STATUS_OK;
	}
	if (frame.rsc_flags & RNDIS_PACKET_ID_FRAGMENT)
		return netvsc_rx_fragment(nc, &frame);
	return netvsc_rx_frame(nc, &frame);
}

/* ---- packets in the ring ---- */

static void bad_packet(struct netvsc_chan *nc, enum netvsc_event ev,
		       const struct vmpacket_descriptor *desc)
{
	netvsc_count(nc->nd, ev);
	netvsc_note(nc->nd, "bad packet from the host: type %u, %u bytes\n",
		    desc->type, desc->len8 << 3);
}

/*
 * A packet that makes no sense is completed as failed, too: we hold none of its
 * sections, whichever the host thinks they are, and it mustn't lose them.
 */
static u32 bad_pages(struct netvsc_chan *nc, enum netvsc_event ev,
		     const struct vmpacket_descriptor *desc)
{
	bad_packet(nc, ev, desc);
	if (desc->flags & VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED)
		netvsc_comp_add(nc, desc->trans_id, NVS_STATUS_FAIL);
	return 0;
}

/* The header in front of the ranges; @n: how many of these there are. */
static bool pages_readable(const struct vmpacket_descriptor *desc, u32 *n)
{
	const struct vmtransfer_page_packet_header *xfer = (const void *)desc;
	u32 hdr_len = desc->offset8 << 3, type;

	if (hdr_len < XFER_HDR || hv_pkt_datalen(desc) < NVS_LEN_RNDIS)
		return false;
	memcpy(&type, hv_pkt_data(desc), sizeof(type));
	*n = xfer->range_cnt;
	return type == NVS_RNDIS &&
	       *n <= (hdr_len - XFER_HDR) /
		     sizeof(struct vmtransfer_page_range);
}

static u32 receive_pages(struct netvsc_chan *nc,
			 const struct vmpacket_descriptor *desc)
{
	const struct vmtransfer_page_packet_header *xfer = (const void *)desc;
	const struct netvsc_buf *buf = &nc->conn->rx;
	const struct vmtransfer_page_range *ranges;
	u32 i, n, frames = 0, status = NVS_STATUS_OK;
	struct vmtransfer_page_range range;

	if (!pages_readable(desc, &n))
		return bad_pages(nc, NETVSC_EV_RX_BAD_PACKET, desc);
	if (xfer->xfer_pageset_id != NVS_RECV_BUF_ID || !buf->sections)
		return bad_pages(nc, NETVSC_EV_RX_BAD_PAGESET, desc);
	ranges = (const void *)((const u8 *)desc + XFER_HDR);
	for (i = 0; i < n; i++) {
		range = ranges[i];
		if (range.byte_offset > buf->size ||
		    range.byte_count > buf->size - range.byte_offset ||
		    range.byte_count > buf->section_size) {
			bad_packet(nc, NETVSC_EV_RX_BAD_RANGE, desc);
			status = NVS_STATUS_FAIL;
			continue;
		}
		if (receive_message(nc, (u8 *)buf->base + range.byte_offset,
				    range.byte_count, &frames) != NVS_STATUS_OK)
			status = NVS_STATUS_FAIL;
	}
	if (nc->rsc && !netvsc_rx_packet_done(nc))
		status = NVS_STATUS_FAIL;
	netvsc_comp_add(nc, desc->trans_id, status);
	return frames;
}

static void receive_completion(struct netvsc_chan *nc,
			       const struct vmpacket_descriptor *desc,
			       int budget)
{
	u32 len = hv_pkt_datalen(desc);
	u64 id = desc->trans_id;
	struct nvs_msg msg;

	if (likely(!(id & (NETVSC_ID_NVS | NETVSC_ID_RNDIS)))) {
		memcpy(&msg, hv_pkt_data(desc),
		       min_t(u32, len, NVS_LEN_RNDIS_DONE));
		if (likely(len >= NVS_LEN_RNDIS_DONE &&
			   msg.type == NVS_RNDIS_DONE)) {
			netvsc_tx_complete(nc, id, msg.u.status, budget);
			return;
		}
		bad_packet(nc, NETVSC_EV_RX_BAD_PACKET, desc);
		/* It is the end of what was sent, whatever it says. */
		netvsc_tx_complete(nc, id, NVS_STATUS_FAIL, budget);
		return;
	}
	memset(&msg, 0, sizeof(msg));
	memcpy(&msg, hv_pkt_data(desc), min_t(u32, len, sizeof(msg)));
	if (nc->index)
		bad_packet(nc, NETVSC_EV_RX_BAD_COMPLETION, desc);
	else if (id & NETVSC_ID_NVS)
		netvsc_nvs_complete(nc->conn, id, &msg, len);
	else
		netvsc_rndis_sent(nc->conn, id, msg.u.status);
}

/* Returns the number of frames. */
u32 netvsc_rx_packet(struct netvsc_chan *nc,
		     const struct vmpacket_descriptor *desc, int budget)
{
	switch (desc->type) {
	case VM_PKT_DATA_USING_XFER_PAGES:
		return receive_pages(nc, desc);
	case VM_PKT_COMP:
		receive_completion(nc, desc, budget);
		return 0;
	case VM_PKT_DATA_INBAND:
		if (!nc->index && hv_pkt_datalen(desc) >= sizeof(u32)) {
			netvsc_nvs_inband(nc->conn, hv_pkt_data(desc),
					  hv_pkt_datalen(desc));
			return 0;
		}
		break;
	}
	bad_packet(nc, NETVSC_EV_RX_BAD_PACKET, desc);
	return 0;
}

/* How a poll ended. */
enum outcome {
	EMPTY,		/* as far as we know */
	MORE,
	THROTTLED,	/* no place for completions: a timer calls again */
};

static enum outcome drain_ring(struct netvsc_chan *nc, int budget, u32 *frames)
{
	u32 packets = 0, limit = budget * PACKETS_PER_FRAME;
	struct vmpacket_descriptor *desc;

	if (!netvsc_comp_room(nc) && !netvsc_comp_flush(nc))
		return THROTTLED;
	if (unlikely(!netvsc_netpoll_drain(nc, budget, frames)))
		return MORE;
	desc = hv_pkt_iter_first(nc->ch);
	while (desc) {
		*frames += netvsc_rx_packet(nc, desc, budget);
		packets++;
		desc = __hv_pkt_iter_next(nc->ch, desc);
		if (*frames >= budget || packets >= limit ||
		    !netvsc_comp_room(nc))
			break;
	}
	if (packets)
		hv_pkt_iter_close(nc->ch);
	return desc || *frames >= budget ? MORE : EMPTY;
}

static void sleep_until_event(struct netvsc_chan *nc, enum outcome outcome,
			      int frames)
{
	/* Before NAPI is completed: afterwards another poll may run. */
	bool hold = outcome == THROTTLED || netvsc_coal_hold(nc);

	if (!napi_complete_done(&nc->napi, frames) || hold)
		return;
	if (hv_end_read(&nc->ch->inbound) && napi_schedule_prep(&nc->napi)) {
		hv_begin_read(&nc->ch->inbound);
		__napi_schedule(&nc->napi);
	}
}

int netvsc_rx_poll(struct napi_struct *napi, int budget)
{
	struct netvsc_chan *nc = container_of(napi, struct netvsc_chan, napi);
	struct netvsc_rx_stats *st = nc->rx_stats;
	enum outcome outcome;
	u32 frames = 0;

	if (unlikely(!budget)) {
		netvsc_netpoll(nc);
		return 0;
	}
	outcome = drain_ring(nc, budget, &frames);
	netvsc_rx_poll_done(nc);
	netvsc_coal_count(nc, frames);
	netvsc_xdp_poll_done(nc);
	netvsc_comp_flush(nc);
	netvsc_tx_after_poll(nc, budget);
	u64_stats_update_begin(&st->syncp);
	st->polls++;
	u64_stats_update_end(&st->syncp);

	if (outcome == MORE)
		return budget;
	sleep_until_event(nc, outcome, frames);
	return frames;
}
