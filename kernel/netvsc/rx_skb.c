// SPDX-License-Identifier: GPL-2.0
/*
 * Received frames on their way to the stack: copied out of the receive buffer,
 * once, into what GRO can merge without copying; and frames that the host has
 * coalesced (RSC), which come in fragments, put together.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include "netvsc_var.h"

/* Frames up to here are copied into one piece. */
#define LINEAR_MAX	3500
/* Of larger ones, the headers; the rest goes into large pieces, if it can. */
#define HEAD_LEN	256
/* Polls without GRO until it is asked again. */
#define DIRECT_POLLS	16
#define FRAME_MAX	(ETH_HLEN + 65535)

static void count_frame(struct netvsc_chan *nc, u32 len, bool multicast)
{
	struct netvsc_rx_stats *st = nc->rx_stats;

	u64_stats_update_begin(&st->syncp);
	st->packets++;
	st->bytes += len;
	st->multicast += multicast;
	u64_stats_update_end(&st->syncp);
}

static u32 no_memory(struct netvsc_chan *nc)
{
	netvsc_count(nc->nd, NETVSC_EV_RX_NO_MEMORY);
	/* The host has done its part. */
	return NVS_STATUS_OK;
}

/*
 * Takes bytes from the parts of a frame, one after the other, as if they were
 * one piece.
 */
struct source {
	const struct netvsc_part *part;
	u32 at;			/* in *part */
};

static void take(struct source *src, u8 *to, u32 len)
{
	u32 n;

	while (len) {
		n = min(len, src->part->len - src->at);
		memcpy(to, src->part->data + src->at, n);
		to += n;
		len -= n;
		src->at += n;
		if (src->at == src->part->len) {
			src->part++;
			src->at = 0;
		}
	}
}

static struct sk_buff *copy_large(struct netvsc_chan *nc, struct source *src,
				  u32 len)
{
	struct sk_buff *skb = netvsc_pool_skb(nc, HEAD_LEN);
	u8 *piece;
	u32 n;

	if (!skb)
		return NULL;
	take(src, skb_put(skb, HEAD_LEN), HEAD_LEN);
	for (len -= HEAD_LEN; len; len -= n) {
		n = 0;
		if (skb_shinfo(skb)->nr_frags < MAX_SKB_FRAGS)
			n = netvsc_pool_add(nc, skb, len, &piece);
		if (!n) {
			kfree_skb(skb);
			return NULL;
		}
		take(src, piece, n);
	}
	return skb;
}

static struct sk_buff *copy_frame(struct netvsc_chan *nc, struct source *src,
				  u32 len)
{
	struct sk_buff *skb;

	if (len > LINEAR_MAX)
		return copy_large(nc, src, len);
	skb = netvsc_pool_skb(nc, len);
	if (likely(skb))
		take(src, skb_put(skb, len), len);
	return skb;
}

/* Some hosts leave the sum of a coalesced frame's IPv4 header to us. */
static void sum_ip_header(struct sk_buff *skb)
{
	struct iphdr *ip = (struct iphdr *)skb->data;

	if (skb->protocol != htons(ETH_P_IP) ||
	    skb_headlen(skb) < sizeof(*ip) || ip->ihl < 5 ||
	    skb_headlen(skb) < ip->ihl * 4)
		return;
	ip->check = 0;
	ip->check = ip_fast_csum(ip, ip->ihl);
}

static void set_checksum(struct netvsc_chan *nc, struct sk_buff *skb, u32 csum)
{
	u32 invalid = RNDIS_CSUM_RX_IP_INVALID | RNDIS_CSUM_RX_IP_OK;

	if ((csum & invalid) == invalid)
		sum_ip_header(skb);
	/* What it found wrong, the stack is to find itself. */
	if ((nc->nd->net->features & NETIF_F_RXCSUM) &&
	    (csum & (RNDIS_CSUM_RX_TCP_OK | RNDIS_CSUM_RX_UDP_OK)))
		skb->ip_summed = CHECKSUM_UNNECESSARY;
}

/*
 * Datagrams mostly are nothing that GRO could merge, and it takes them eight at
 * a time to the stack. So as long as it wants none of them, all of a poll's go
 * there together, without it. Now and then it is asked again: for a whole poll,
 * so that none overtakes another.
 */
static void give_datagram(struct netvsc_chan *nc, struct sk_buff *skb)
{
	struct netvsc_direct *direct = &nc->direct;

	direct->frames++;
	if (!direct->on) {
		if (napi_gro_receive(&nc->napi, skb) != GRO_NORMAL)
			direct->merged = true;
		return;
	}
	skb_mark_napi_id(skb, &nc->napi);
	list_add_tail(&skb->list, &direct->list);
}

void netvsc_rx_poll_done(struct netvsc_chan *nc)
{
	struct netvsc_direct *direct = &nc->direct;

	if (!direct->frames)
		return;
	if (direct->on) {
		netif_receive_skb_list(&direct->list);
		INIT_LIST_HEAD(&direct->list);
		direct->on = ++direct->polls < DIRECT_POLLS;
	} else {
		direct->on = !direct->merged;
		direct->polls = 0;
	}
	direct->merged = false;
	direct->frames = 0;
}

/* To the stack, with what the host says of the frame. */
static void deliver(struct netvsc_chan *nc, struct sk_buff *skb,
		    const struct netvsc_frame *frame)
{
	struct net_device *net = nc->nd->net;
	u16 tci;

	skb->protocol = eth_type_trans(skb, net);
	skb_checksum_none_assert(skb);
	if (frame->has_csum)
		set_checksum(nc, skb, frame->csum);
	if (frame->has_hash && (net->features & NETIF_F_RXHASH))
		skb_set_hash(skb, frame->hash, PKT_HASH_TYPE_L4);
	if (frame->has_vlan) {
		tci = RNDIS_8021Q_VLAN(frame->vlan) |
		      RNDIS_8021Q_PRIORITY(frame->vlan) << VLAN_PRIO_SHIFT;
		if (RNDIS_8021Q_CFI(frame->vlan))
			tci |= VLAN_CFI_MASK;
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), tci);
	}
	skb_record_rx_queue(skb, nc->index);
	if (frame->has_csum && frame->csum & RNDIS_CSUM_RX_UDP_OK)
		give_datagram(nc, skb);
	else
		napi_gro_receive(&nc->napi, skb);
}

static u32 bad_frame(struct netvsc_chan *nc, enum netvsc_event ev, u32 len)
{
	netvsc_count(nc->nd, ev);
	netvsc_note(nc->nd, "bad frame of %u bytes from the host\n", len);
	return NVS_STATUS_FAIL;
}

u32 netvsc_rx_frame(struct netvsc_chan *nc, const struct netvsc_frame *frame)
{
	struct netvsc_part part = { frame->data, frame->len };
	struct source src = { &part, 0 };
	struct bpf_prog *prog;
	struct sk_buff *skb;

	if (unlikely(frame->len < ETH_HLEN || frame->len > FRAME_MAX))
		return bad_frame(nc, NETVSC_EV_RX_BAD_RNDIS, frame->len);

	prog = rcu_dereference_bh(nc->nd->xdp_prog);
	if (prog) {
		skb = netvsc_xdp_receive(nc, prog, frame);
		if (!skb)
			return NVS_STATUS_OK;
	} else {
		skb = copy_frame(nc, &src, frame->len);
		if (unlikely(!skb))
			return no_memory(nc);
	}
	count_frame(nc, skb->len,
		    is_multicast_ether_addr(skb->data) &&
		    !is_broadcast_ether_addr(skb->data));
	deliver(nc, skb, frame);
	return NVS_STATUS_OK;
}

/* ---- coalesced frames ---- */

static u32 bad_rsc(struct netvsc_chan *nc, u32 len)
{
	nc->rsc->nr = 0;
	nc->rsc->broken = true;
	return bad_frame(nc, NETVSC_EV_RX_BAD_RSC, len);
}

/*
 * The stack wants to know what the segments were like, which the host doesn't
 * say: they were full ones. Without a type of segmentation, the frame is known
 * as coalesced by hardware, which mustn't be forwarded.
 */
static void set_segments(struct netvsc_chan *nc, struct sk_buff *skb)
{
	u32 headers, size, mtu = READ_ONCE(nc->nd->net->mtu);
	const struct ipv6hdr *ip6 = (void *)(skb->data + ETH_HLEN);
	const struct ethhdr *eth = (void *)skb->data;
	const struct iphdr *ip = (void *)ip6;
	const struct tcphdr *tcp;

	if (skb_headlen(skb) < ETH_HLEN + sizeof(*ip6))
		return;
	if (eth->h_proto == htons(ETH_P_IP) && ip->protocol == IPPROTO_TCP)
		headers = ip->ihl * 4;
	else if (eth->h_proto == htons(ETH_P_IPV6) &&
		 ip6->nexthdr == IPPROTO_TCP)
		headers = sizeof(*ip6);
	else
		return;
	if (headers < sizeof(*ip) ||
	    skb_headlen(skb) < ETH_HLEN + headers + sizeof(*tcp))
		return;
	tcp = (void *)(skb->data + ETH_HLEN + headers);
	headers += tcp->doff * 4;
	if (mtu <= headers || skb->len <= ETH_HLEN + mtu)
		return;
	size = mtu - headers;
	skb_shinfo(skb)->gso_size = size;
	skb_shinfo(skb)->gso_segs =
		DIV_ROUND_UP(skb->len - ETH_HLEN - headers, size);
}

static u32 finish_rsc(struct netvsc_chan *nc)
{
	struct netvsc_rsc *rsc = nc->rsc;
	struct source src = { rsc->part, 0 };
	struct netvsc_rx_stats *st = nc->rx_stats;
	struct sk_buff *skb;
	u32 nr = rsc->nr;

	rsc->nr = 0;
	/* Sent before the host knew that a program wants to see all frames. */
	if (unlikely(rcu_access_pointer(nc->nd->xdp_prog))) {
		netvsc_count(nc->nd, NETVSC_EV_RX_XDP_TOO_BIG);
		return NVS_STATUS_OK;
	}
	skb = copy_frame(nc, &src, rsc->bytes);
	if (unlikely(!skb))
		return no_memory(nc);
	u64_stats_update_begin(&st->syncp);
	st->rsc++;
	st->rsc_fragments += nr;
	u64_stats_update_end(&st->syncp);
	count_frame(nc, skb->len, false);
	set_segments(nc, skb);
	deliver(nc, skb, &rsc->first);
	return NVS_STATUS_OK;
}

/*
 * What the host says of the frame counts from the first fragment; the others
 * have payload only. All of them are in one transfer-page packet, so that they
 * stay where they are until the frame is whole.
 */
u32 netvsc_rx_fragment(struct netvsc_chan *nc, const struct netvsc_frame *frame)
{
	struct netvsc_rsc *rsc = nc->rsc;

	if (!rsc)
		return bad_frame(nc, NETVSC_EV_RX_BAD_RSC, frame->len);
	if (frame->rsc_flags & RNDIS_PACKET_ID_FIRST) {
		if (rsc->nr || frame->len < ETH_HLEN)
			return bad_rsc(nc, frame->len);
		rsc->first = *frame;
		rsc->bytes = 0;
		rsc->broken = false;
	} else if (rsc->broken) {
		return NVS_STATUS_FAIL;
	} else if (!rsc->nr) {
		return bad_rsc(nc, frame->len);
	}
	if (rsc->nr == NETVSC_RSC_MAX || frame->len > FRAME_MAX ||
	    rsc->bytes + frame->len > FRAME_MAX)
		return bad_rsc(nc, frame->len);
	rsc->part[rsc->nr].data = frame->data;
	rsc->part[rsc->nr].len = frame->len;
	rsc->nr++;
	rsc->bytes += frame->len;
	if (frame->rsc_flags & RNDIS_PACKET_ID_LAST)
		return finish_rsc(nc);
	return NVS_STATUS_OK;
}

bool netvsc_rx_packet_done(struct netvsc_chan *nc)
{
	struct netvsc_rsc *rsc = nc->rsc;

	rsc->broken = false;
	if (!rsc->nr)
		return true;
	bad_rsc(nc, rsc->bytes);
	rsc->broken = false;
	return false;
}
