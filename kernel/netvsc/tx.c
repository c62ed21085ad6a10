// SPDX-License-Identifier: GPL-2.0
/*
 * From a frame of the stack to an RNDIS message: what it asks of the host's card
 * goes in front of it, and both into a section of the send buffer, together with
 * others, or, where they are too large for that, into a page list.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "netvsc_var.h"

struct header {
	union {
		struct rndis_packet pkt;
		u8 bytes[NETVSC_TX_HDR];
	};
};

/* hash, VLAN, checksum or segmentation: 44 + 3 * 16 */
_Static_assert(sizeof(struct rndis_packet) +
	       3 * (sizeof(struct rndis_ppi) + sizeof(u32)) <= NETVSC_TX_HDR,
	       "a header with all that it may carry");

struct ppi_u32 {
	struct rndis_ppi head;
	u32 value;
};

static void add_ppi(struct header *hdr, u32 type, u32 value)
{
	struct ppi_u32 *ppi = (void *)(hdr->bytes + sizeof(hdr->pkt) +
				       hdr->pkt.ppi_len);

	ppi->head.size = sizeof(*ppi);
	ppi->head.type = type;
	ppi->head.offset = sizeof(ppi->head);
	ppi->value = value;
	hdr->pkt.ppi_len += sizeof(*ppi);
}

static void begin_header(struct header *hdr)
{
	memset(&hdr->pkt, 0, sizeof(hdr->pkt));
	hdr->pkt.type = RNDIS_PACKET;
}

/* Returns the length of header and per-packet information. */
static u32 end_header(struct header *hdr, u32 data_len)
{
	u32 len = sizeof(hdr->pkt) + hdr->pkt.ppi_len;

	hdr->pkt.len = len + data_len;
	hdr->pkt.data_offset = len - RNDIS_OFFSET_BASE;
	hdr->pkt.data_len = data_len;
	if (hdr->pkt.ppi_len)
		hdr->pkt.ppi_offset = RNDIS_PACKET_PPI_OFFSET;
	return len;
}

/*
 * The host cuts a large frame up and writes lengths and sums of the pieces. It
 * wants neither there, but the sum of TCP's pseudo-header without length.
 */
static int add_lso(struct header *hdr, struct sk_buff *skb)
{
	u32 value = RNDIS_LSO_V2 |
		    (skb_shinfo(skb)->gso_size & RNDIS_LSO_MSS_MASK) |
		    (u32)skb_transport_offset(skb) <<
		    RNDIS_LSO_TCP_OFFSET_SHIFT;
	struct iphdr *ip;

	if (skb_transport_offset(skb) > NETVSC_TX_OFFSET_MAX)
		return -EINVAL;
	if (skb_cow_head(skb, 0))
		return -ENOMEM;
	if (skb_shinfo(skb)->gso_type & SKB_GSO_TCPV4) {
		ip = ip_hdr(skb);
		ip->tot_len = 0;
		ip->check = 0;
		tcp_hdr(skb)->check = ~csum_tcpudp_magic(ip->saddr, ip->daddr,
							 0, IPPROTO_TCP, 0);
	} else if (skb_shinfo(skb)->gso_type & SKB_GSO_TCPV6) {
		value |= RNDIS_LSO_V2_IPV6;
		tcp_v6_gso_csum_prep(skb);
	} else {
		return -EINVAL;		/* none of our features */
	}
	add_ppi(hdr, RNDIS_PPI_LSO, value);
	return 0;
}

/* What the host's card sums; 0 when it doesn't do this one. */
static u32 csum_request(const struct netvsc_caps *caps, struct sk_buff *skb)
{
	bool tcp = skb->csum_offset == offsetof(struct tcphdr, check);
	bool udp = skb->csum_offset == offsetof(struct udphdr, check);
	__be16 proto = vlan_get_protocol(skb);
	u32 start = skb_checksum_start_offset(skb);
	u32 offset = start << RNDIS_CSUM_TX_OFFSET_SHIFT;

	if (start > NETVSC_TX_OFFSET_MAX)
		return 0;
	if (proto == htons(ETH_P_IP)) {
		if (tcp && caps->tcp4)
			return offset | RNDIS_CSUM_TX_IPV4 | RNDIS_CSUM_TX_TCP;
		if (udp && caps->udp4)
			return offset | RNDIS_CSUM_TX_IPV4 | RNDIS_CSUM_TX_UDP;
	} else if (proto == htons(ETH_P_IPV6)) {
		if (tcp && caps->tcp6)
			return offset | RNDIS_CSUM_TX_IPV6 | RNDIS_CSUM_TX_TCP;
		if (udp && caps->udp6)
			return offset | RNDIS_CSUM_TX_IPV6 | RNDIS_CSUM_TX_UDP;
	}
	return 0;
}

static int add_checksum(const struct netvsc_chan *nc, struct header *hdr,
			struct sk_buff *skb)
{
	u32 request;

	if (skb_is_gso(skb))
		return add_lso(hdr, skb);
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return 0;
	request = csum_request(&nc->conn->caps, skb);
	if (!request)
		return skb_checksum_help(skb);
	add_ppi(hdr, RNDIS_PPI_CHECKSUM, request);
	return 0;
}

/* Hosts take a tag beside the frame only. */
static int lift_tag(struct netvsc_chan *nc, struct sk_buff *skb)
{
	u16 tci;

	skb_reset_mac_header(skb);
	if (eth_hdr(skb)->h_proto != htons(ETH_P_8021Q))
		return 0;
	if (__skb_vlan_pop(skb, &tci)) {
		netvsc_count(nc->nd, NETVSC_EV_VLAN_ERROR);
		return -EPROTO;
	}
	__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), tci);
	return 0;
}

/* Returns the header's length, or an error: the frame can't be sent. */
static int make_header(struct netvsc_chan *nc, struct header *hdr,
		       struct sk_buff *skb)
{
	u32 hash = skb_get_hash_raw(skb);
	u16 tci;
	int err;

	if (skb->protocol == htons(ETH_P_8021Q) && !skb_vlan_tag_present(skb)) {
		err = lift_tag(nc, skb);
		if (err)
			return err;
	}
	begin_header(hdr);
	if (hash && nc->conn->nr_open > 1)
		add_ppi(hdr, RNDIS_PPI_HASH_VALUE, hash);
	if (skb_vlan_tag_present(skb)) {
		tci = skb_vlan_tag_get(skb);
		add_ppi(hdr, RNDIS_PPI_8021Q,
			RNDIS_8021Q(tci >> VLAN_PRIO_SHIFT,
				    !!(tci & VLAN_CFI_MASK),
				    tci & VLAN_VID_MASK));
	}
	err = add_checksum(nc, hdr, skb);
	return err ? err : end_header(hdr, skb->len);
}

/* ---- into a section ---- */

/*
 * Where in the send buffer @len bytes of message go; NULL: there's no section
 * left. May close the message that was being filled.
 */
static u8 *reserve_section(struct netvsc_chan *nc, u32 len)
{
	const struct netvsc_conn *conn = nc->conn;
	struct netvsc_tx *tx = &nc->tx;
	struct netvsc_slot *slot;
	u32 at = 0, pad;
	u8 *base;
	s32 n;

	if (tx->open >= 0) {
		slot = &tx->slots[tx->open];
		at = ALIGN(slot->section_len, conn->align);
		if (at + len > conn->tx.section_size ||
		    slot->frames >= conn->max_packets)
			netvsc_tx_close(nc);
	}
	if (tx->open < 0) {
		n = netvsc_tx_take_section(nc);
		if (n < 0)
			return NULL;
		tx->open = n;
		tx->open_last = 0;
		slot = &tx->slots[n];
		slot->section_len = 0;
		slot->frames = 0;
		slot->bytes = 0;
		at = 0;
	}
	base = (u8 *)conn->tx.base +
	       (size_t)(tx->first_section + tx->open) * conn->tx.section_size;
	slot = &tx->slots[tx->open];
	pad = at - slot->section_len;
	if (pad) {
		/* Padding belongs to the message before. */
		memset(base + slot->section_len, 0, pad);
		((struct rndis_header *)(base + tx->open_last))->len =
			at - tx->open_last;
	}
	tx->open_last = at;
	slot->section_len = at + len;
	return base + at;
}

static void count_copied(struct netvsc_chan *nc)
{
	struct netvsc_tx_stats *st = nc->tx.stats;
	struct netvsc_slot *slot = &nc->tx.slots[nc->tx.open];

	slot->frames++;
	nc->tx.pending++;
	u64_stats_update_begin(&st->syncp);
	st->copied++;
	st->batched += slot->frames > 1;
	u64_stats_update_end(&st->syncp);
}

/* Consumes @skb, or -EBUSY: no section. @billed: bytes for the queue's limit. */
static int add_copied(struct netvsc_chan *nc, const struct header *hdr,
		      u32 hdr_len, struct sk_buff *skb, u32 billed)
{
	u8 *to = reserve_section(nc, hdr_len + skb->len);

	if (unlikely(!to)) {
		netvsc_count(nc->nd, NETVSC_EV_TX_SEND_FULL);
		return -EBUSY;
	}
	memcpy(to, hdr->bytes, hdr_len);
	if (skb_is_nonlinear(skb))
		skb_copy_bits(skb, 0, to + hdr_len, skb->len);
	else
		memcpy(to + hdr_len, skb->data, skb->len);
	nc->tx.slots[nc->tx.open].bytes += billed;
	count_copied(nc);
	skb_tx_timestamp(skb);
	dev_consume_skb_any(skb);
	return 0;
}

int netvsc_tx_raw(struct netvsc_chan *nc, const void *data, u32 len)
{
	struct header hdr;
	u32 hdr_len;
	u8 *to;

	if (nc->tx.blocked)
		return -ENOSPC;
	begin_header(&hdr);
	hdr_len = end_header(&hdr, len);
	if (len > nc->conn->max_frame ||
	    hdr_len + len > nc->conn->tx.section_size)
		return -EMSGSIZE;
	/* Makes room where a message is complete: there's one place to spare. */
	netvsc_tx_commit(nc, true);
	to = reserve_section(nc, hdr_len + len);
	if (!to)
		return -ENOSPC;
	memcpy(to, hdr.bytes, hdr_len);
	memcpy(to + hdr_len, data, len);
	count_copied(nc);
	return 0;
}

/* ---- by page list ---- */

/* At worst each of header, head and fragments begins and ends within pages. */
static bool describable(const struct sk_buff *skb)
{
	u32 parts = skb_shinfo(skb)->nr_frags + 2;

	return parts <= NETVSC_TX_RANGES &&
	       skb->len / HV_HYP_PAGE_SIZE + 2 * parts <= NETVSC_TX_PFNS;
}

static struct hv_mpb_array *put_range(struct hv_mpb_array *range, u64 pfn,
				      u32 offset, u32 len)
{
	u32 i, pfns;

	pfn += offset >> HV_HYP_PAGE_SHIFT;
	offset = offset_in_hvpage(offset);
	pfns = HVPFN_UP(offset + len);
	range->offset = offset;
	range->len = len;
	for (i = 0; i < pfns; i++)
		range->pfn_array[i] = pfn + i;
	return (void *)&range->pfn_array[pfns];
}

/**
 * netvsc_tx_describe() - make the description of a frame by page list
 * @nc: the channel, tx lock held; the description goes to nc->tx.gpa
 * @skb: found fit for it when it was taken
 * @hdr: header, within a page
 * @hdr_len: bytes of it
 *
 * Return: bytes of the description.
 */
u32 netvsc_tx_describe(struct netvsc_chan *nc, const struct sk_buff *skb,
		       u8 *hdr, u32 hdr_len)
{
	struct vmbus_packet_mpb_array *mpb = nc->tx.gpa;
	struct hv_mpb_array *range = &mpb->range;
	const skb_frag_t *frag;
	u32 i;

	mpb->rangecount = 1;
	range = put_range(range, virt_to_hvpfn(hdr), offset_in_hvpage(hdr),
			  hdr_len);
	if (skb_headlen(skb)) {
		range = put_range(range, virt_to_hvpfn(skb->data),
				  offset_in_hvpage(skb->data),
				  skb_headlen(skb));
		mpb->rangecount++;
	}
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		frag = &skb_shinfo(skb)->frags[i];
		range = put_range(range, page_to_hvpfn(skb_frag_page(frag)),
				  skb_frag_off(frag), skb_frag_size(frag));
		mpb->rangecount++;
	}
	return (u8 *)range - (u8 *)mpb;
}

/* -EBUSY: no slot; -EMSGSIZE: no way to describe it. */
static int add_plain(struct netvsc_chan *nc, const struct header *hdr,
		     u32 hdr_len, struct sk_buff *skb, u32 billed)
{
	struct netvsc_tx *tx = &nc->tx;
	struct netvsc_slot *slot;
	s32 n;

	if (unlikely(!describable(skb)) &&
	    (skb_linearize(skb) || !describable(skb))) {
		netvsc_count(nc->nd, NETVSC_EV_TX_TOO_BIG);
		return -EMSGSIZE;
	}
	n = netvsc_tx_take_plain(nc);
	if (unlikely(n < 0))
		return -EBUSY;
	netvsc_tx_close(nc);
	slot = &tx->slots[n];
	slot->skb = skb;
	slot->hdr_len = hdr_len;
	slot->frames = 1;
	slot->bytes = billed;
	memcpy(netvsc_tx_hdr(tx, n), hdr->bytes, hdr_len);
	tx->held[tx->nr_held++] = n;
	tx->pending++;
	netvsc_count(nc->nd, NETVSC_EV_TX_SCATTERED);
	skb_tx_timestamp(skb);
	return 0;
}

static void count_frame(struct netvsc_chan *nc, u32 packets, u32 bytes)
{
	struct netvsc_tx_stats *st = nc->tx.stats;

	u64_stats_update_begin(&st->syncp);
	st->packets += packets;
	st->bytes += bytes;
	u64_stats_update_end(&st->syncp);
}

static netdev_tx_t drop(struct netvsc_chan *nc, struct sk_buff *skb)
{
	dev_kfree_skb_any(skb);
	/* This may have been the last one of a batch. */
	netvsc_tx_commit(nc, false);
	return NETDEV_TX_OK;
}

/* The stack shouldn't have called; it has been told, or is now. */
static netdev_tx_t refuse(struct netvsc_chan *nc)
{
	netvsc_count(nc->nd, NETVSC_EV_TX_BUSY);
	netvsc_tx_commit(nc, false);
	netvsc_tx_stop(nc);
	return NETDEV_TX_BUSY;
}

/*
 * The stack checks lengths when it makes frames: those that wait in its queues
 * while the MTU becomes smaller come here as they are.
 */
static bool fits(const struct netvsc_conn *conn, const struct sk_buff *skb)
{
	return skb->len <= conn->max_frame ||
	       (skb_is_gso(skb) &&
		skb_gso_validate_mac_len(skb, conn->max_frame));
}

netdev_tx_t netvsc_tx_skb(struct netvsc_chan *nc, struct sk_buff *skb)
{
	u32 bytes, billed, packets = max_t(u32, skb_shinfo(skb)->gso_segs, 1);
	bool more = netdev_xmit_more();
	struct header hdr;
	int err, hdr_len;

	if (unlikely(nc->tx.blocked))
		return refuse(nc);
	if (unlikely(!fits(nc->conn, skb))) {
		netvsc_count(nc->nd, NETVSC_EV_TX_OVER_MTU);
		return drop(nc, skb);
	}
	hdr_len = make_header(nc, &hdr, skb);
	if (unlikely(hdr_len < 0)) {
		netvsc_count(nc->nd, hdr_len == -ENOMEM ?
			     NETVSC_EV_TX_NO_MEMORY : NETVSC_EV_TX_DROPPED);
		return drop(nc, skb);
	}
	bytes = skb->len;
	/* Netpoll has no queue behind it that a limit would leave frames in. */
	billed = netpoll_tx_running(nc->nd->net) ? 0 : bytes;
	if (hdr_len + bytes <= nc->conn->tx.section_size) {
		err = add_copied(nc, &hdr, hdr_len, skb, billed);
		if (err && !netvsc_tx_awaits_sections(nc))
			err = add_plain(nc, &hdr, hdr_len, skb, billed);
	} else {
		err = add_plain(nc, &hdr, hdr_len, skb, billed);
	}
	if (unlikely(err == -EBUSY))
		return refuse(nc);
	if (unlikely(err))
		return drop(nc, skb);
	if (unlikely(!netvsc_tx_room(nc)))
		netvsc_tx_stop(nc);
	count_frame(nc, packets, bytes);
	if (likely(billed))
		more = !__netdev_tx_sent_queue(nc->tx.txq, billed, more);
	netvsc_tx_commit(nc, more);
	return NETDEV_TX_OK;
}
