// SPDX-License-Identifier: GPL-2.0
/*
 * What a root may put into the ring and the receive buffer of hv_netvsc.
 * Whatever comes: nothing outside the buffer is read, a frame is as long as its
 * pieces, and each packet of transfer pages is completed at most once, and once
 * if the root asked for it. The kernel's sources are compiled as they are, with
 * stand-ins for what they use.
 *
 * links: util
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hv/nvs_reg.h"
#include "hv/rndis_reg.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

#define SECTION		     512u
#define SECTIONS	     8u

/* ---- the kernel ---- */

#define likely(x)	     (x)
#define unlikely(x)	     (x)
#define READ_ONCE(x)	     (x)
#define min(a, b)	     ((a) < (b) ? (a) : (b))
#define min_t(t, a, b)	     min((t)(a), (t)(b))
#define __aligned(n)	     __attribute__((aligned(n)))
#define DIV_ROUND_UP(a, b)   (((a) + (b)-1) / (b))
#define PAGE_SIZE	     4096u
#define SZ_16K		     16384u
#define SZ_32K		     32768u
#define MAX_SKB_FRAGS	     17u
#define NET_IP_ALIGN	     2
#define ETH_HLEN	     14
#define ETH_P_IP	     0x0800
#define ETH_P_IPV6	     0x86DD
#define ETH_P_8021Q	     0x8100
#define VLAN_PRIO_SHIFT	     13
#define VLAN_CFI_MASK	     0x1000
#define NETIF_F_RXCSUM	     1
#define NETIF_F_RXHASH	     2
#define CHECKSUM_UNNECESSARY 1
#define PKT_HASH_TYPE_L4     0
#define barrier()	     __asm__ __volatile__("" ::: "memory")
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))
#define rcu_dereference_bh(p)	  (p)
#define rcu_access_pointer(p)	  (p)
#define u64_stats_update_begin(s) ((void)(s))
#define u64_stats_update_end(s)	  ((void)(s))

struct ethhdr {
	u8 to[6], from[6];
	u16 h_proto;
} __attribute__((packed));

struct shared_info {
	u32 gso_size, gso_segs, nr_frags;
};

struct list_head {
	struct list_head *next, *prev;
};

struct sk_buff {
	u8 *data, *mem;
	u32 room, len, head;
	struct list_head list;
	u8 ip_summed;
	u16 protocol;
	void *piece[MAX_SKB_FRAGS];
	u32 piece_len[MAX_SKB_FRAGS];
	struct shared_info info;
};

struct page;
struct bpf_prog;
struct napi_struct {
	int unused;
};
struct net_device {
	u32 mtu;
	u64 features;
};

struct netvsc_chan;

static u32 memory_left; /* allocations that succeed */

static bool no_memory_left(void)
{
	return !memory_left || !memory_left--;
}

static struct sk_buff *netvsc_pool_skb(struct netvsc_chan *nc, u32 len)
{
	struct sk_buff *skb;

	(void)nc;
	if (no_memory_left())
		return NULL;
	skb = calloc(1, sizeof(*skb));
	skb->mem = malloc(len + NET_IP_ALIGN);
	skb->data = skb->mem + NET_IP_ALIGN;
	skb->room = len;
	return skb;
}

static u8 *skb_put(struct sk_buff *skb, u32 len)
{
	u8 *at = skb->data + skb->head;

	CHECK(len <= skb->room - skb->head);
	skb->head += len;
	skb->len += len;
	return at;
}

static void kfree_skb(struct sk_buff *skb)
{
	u32 i;

	for (i = 0; i < skb->info.nr_frags; i++)
		free(skb->piece[i]);
	free(skb->mem);
	free(skb);
}

static u32 netvsc_pool_add(struct netvsc_chan *nc, struct sk_buff *skb, u32 len,
			   u8 **data)
{
	u32 i = skb->info.nr_frags, n = min(len, SZ_16K);

	(void)nc;
	CHECK(len && i < MAX_SKB_FRAGS);
	if (no_memory_left())
		return 0;
	/* Memory may be in small pieces. */
	if (memory_left & 1)
		n = min(n, PAGE_SIZE);
	*data = skb->piece[i] = malloc(n);
	skb->piece_len[i] = n;
	skb->info.nr_frags++;
	skb->len += n;
	return n;
}

static struct shared_info *skb_shinfo(struct sk_buff *skb)
{
	return &skb->info;
}

static u32 skb_headlen(const struct sk_buff *skb)
{
	return skb->head;
}

static u16 eth_type_trans(struct sk_buff *skb, struct net_device *net)
{
	u16 proto;

	(void)net;
	CHECK(skb->head >= ETH_HLEN);
	memcpy(&proto, skb->data + 12, sizeof(proto));
	skb->data += ETH_HLEN;
	skb->head -= ETH_HLEN;
	skb->len -= ETH_HLEN;
	return proto;
}

static bool is_multicast_ether_addr(const u8 *mac)
{
	return mac[0] & 1;
}

static bool is_broadcast_ether_addr(const u8 *mac)
{
	return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}

static u16 ip_fast_csum(const void *ip, u32 ihl)
{
	u32 i, sum = 0;

	for (i = 0; i < ihl * 4; i++)
		sum += ((const u8 *)ip)[i];
	return sum;
}

#define skb_checksum_none_assert(skb)		((void)(skb))
#define skb_set_hash(skb, hash, type)		((void)(skb), (void)(hash))
#define __vlan_hwaccel_put_tag(skb, proto, tci) ((void)(skb), (void)(tci))
#define skb_record_rx_queue(skb, queue)		((void)(skb))

static void received(struct sk_buff *skb)
{
	u32 i, sum = skb->head;

	for (i = 0; i < skb->info.nr_frags; i++)
		sum += skb->piece_len[i];
	CHECK(sum == skb->len);
	CHECK(!skb->info.gso_size || skb->info.gso_segs > 1);
	kfree_skb(skb);
}

enum { GRO_HELD, GRO_NORMAL };

static int napi_gro_receive(struct napi_struct *napi, struct sk_buff *skb)
{
	(void)napi;
	received(skb);
	return memory_left & 2 ? GRO_HELD : GRO_NORMAL;
}

#define skb_mark_napi_id(skb, napi) ((void)(skb), (void)(napi))

static void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list->prev = list;
}

static void list_add_tail(struct list_head *item, struct list_head *list)
{
	item->next = list;
	item->prev = list->prev;
	list->prev->next = item;
	list->prev = item;
}

static void netif_receive_skb_list(struct list_head *list)
{
	struct list_head *item, *after;

	for (item = list->next; item != list; item = after) {
		after = item->next;
		received((struct sk_buff *)((char *)item -
					    offsetof(struct sk_buff, list)));
	}
}

static void napi_schedule_irqoff(struct napi_struct *napi)
{
	(void)napi;
}

static bool napi_complete_done(struct napi_struct *napi, int frames)
{
	(void)napi;
	(void)frames;
	return true;
}

static bool napi_schedule_prep(struct napi_struct *napi)
{
	(void)napi;
	return false;
}

#define __napi_schedule(napi)	((void)(napi))
#define napi_schedule(napi)	((void)(napi))
#define netif_xmit_stopped(txq) ((txq) == &stopped_txq)
#define udelay(us)		((void)(us))
#define kvmalloc(len, gfp)	malloc(len)
#define kvfree(p)		free(p)

static const int stopped_txq;
static int oops_in_progress;

/* ---- the bus ---- */

enum {
	VM_PKT_DATA_INBAND = 6,
	VM_PKT_DATA_USING_XFER_PAGES = 7,
	VM_PKT_COMP = 11,
};

#define VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED 1

struct vmpacket_descriptor {
	u16 type, offset8, len8, flags;
	u64 trans_id;
} __attribute__((packed));

struct vmtransfer_page_range {
	u32 byte_count, byte_offset;
} __attribute__((packed));

struct vmtransfer_page_packet_header {
	struct vmpacket_descriptor d;
	u16 xfer_pageset_id;
	u8 sender_owns_set, reserved;
	u32 range_cnt;
	struct vmtransfer_page_range ranges[];
} __attribute__((packed));

struct ring {
	int unused;
};
struct vmbus_channel {
	struct ring inbound;
};

static struct vmpacket_descriptor *packet; /* what is in the ring */
static bool taken;			   /* it was, by a poll that is over */

static void *hv_pkt_data(const struct vmpacket_descriptor *desc)
{
	return (u8 *)desc + (desc->offset8 << 3);
}

static u32 hv_pkt_datalen(const struct vmpacket_descriptor *desc)
{
	return (desc->len8 << 3) - (desc->offset8 << 3);
}

static struct vmpacket_descriptor *hv_pkt_iter_first(struct vmbus_channel *ch)
{
	(void)ch;
	return taken ? NULL : packet;
}

static struct vmpacket_descriptor *__hv_pkt_iter_next(
	struct vmbus_channel *ch, const struct vmpacket_descriptor *p)
{
	(void)ch;
	(void)p;
	taken = true;
	return NULL;
}

#define hv_pkt_iter_close(ch) ((void)(ch))
#define hv_begin_read(ring)   ((void)(ring))
#define hv_end_read(ring)     ((void)(ring), 0)

/* ---- what the two sources use of netvsc_var.h, under the same names ---- */

#define NETVSC_VAR_H
#define NETVSC_RSC_MAX	RNDIS_RSC_FRAGMENTS_MAX
#define NETVSC_ID_RNDIS (1ull << 62)
#define NETVSC_ID_NVS	(1ull << 63)

enum netvsc_event {
	NETVSC_EV_RX_NO_MEMORY,
	NETVSC_EV_RX_BAD_PACKET,
	NETVSC_EV_RX_BAD_PAGESET,
	NETVSC_EV_RX_BAD_RANGE,
	NETVSC_EV_RX_BAD_RNDIS,
	NETVSC_EV_RX_BAD_PPI,
	NETVSC_EV_RX_BAD_RSC,
	NETVSC_EV_RX_BAD_COMPLETION,
	NETVSC_EV_RX_DOWN,
	NETVSC_EV_RX_XDP_TOO_BIG,
};

struct netvsc_rx_stats {
	u64 packets, bytes, multicast, polls, rsc, rsc_fragments;
	int syncp;
};

struct netvsc_frame {
	const u8 *data;
	u32 len;
	bool has_vlan, has_csum, has_hash;
	u8 rsc_flags;
	u32 vlan, csum, hash;
};

struct netvsc_part {
	const u8 *data;
	u32 len;
};

struct netvsc_rsc {
	u32 nr, bytes;
	bool broken;
	struct netvsc_frame first;
	struct netvsc_part part[NETVSC_RSC_MAX];
};

struct netvsc_stash {
	u8 *bytes;
	u32 head, tail;
};

struct netvsc_tx {
	const void *txq;
};

struct netvsc_direct {
	struct list_head list;
	bool on, merged;
	u32 frames, polls;
};

struct netvsc_dev {
	struct net_device *net;
	struct bpf_prog *xdp_prog;
};

struct netvsc_buf {
	void *base;
	u32 size, section_size, sections;
};

struct netvsc_conn {
	struct netvsc_dev *nd;
	struct netvsc_buf rx;
	bool rx_on;
};

struct netvsc_chan {
	struct napi_struct napi;
	struct netvsc_conn *conn;
	struct netvsc_dev *nd;
	struct vmbus_channel *ch;
	u32 index;
	struct netvsc_rx_stats *rx_stats;
	struct netvsc_rsc *rsc;
	struct netvsc_direct direct;
	struct netvsc_stash stash;
	struct netvsc_tx tx;
};

static u32 completions, complaints;

#define netvsc_count(nd, ev)		    ((void)(nd), (void)(ev), complaints++)
#define netvsc_note(nd, ...)		    ((void)(nd))
#define netvsc_coal_hold(nc)		    ((void)(nc), false)
#define netvsc_coal_count(nc, n)	    ((void)(nc), (void)(n))
#define netvsc_xdp_poll_done(nc)	    ((void)(nc))
#define netvsc_comp_room(nc)		    ((void)(nc), 1)
#define netvsc_comp_flush(nc)		    ((void)(nc), true)
#define netvsc_tx_after_poll(nc, budget)    ((void)(nc))
#define netvsc_tx_complete(nc, id, st, b)   ((void)(nc), (void)(st))
#define netvsc_rndis_sent(conn, id, status) ((void)(conn), (void)(status))
#define netvsc_xdp_receive(nc, prog, frame) ((struct sk_buff *)NULL)

static void netvsc_comp_add(struct netvsc_chan *nc, u64 id, u32 status)
{
	(void)nc;
	CHECK(id == packet->trans_id);
	CHECK(status == NVS_STATUS_OK || status == NVS_STATUS_FAIL);
	completions++;
}

/* Reads all of it, for the sanitiser to see. */
static void look(const void *data, u32 len)
{
	static volatile u8 sum;
	u32 i;

	for (i = 0; i < len; i++)
		sum = sum + ((const u8 *)data)[i];
}

static void netvsc_rndis_receive(struct netvsc_conn *conn, u32 type,
				 const u8 *shared, u32 len)
{
	CHECK(type != RNDIS_PACKET && len <= conn->rx.section_size);
	look(shared, len);
}

static void netvsc_nvs_inband(struct netvsc_conn *conn, const void *data,
			      u32 len)
{
	(void)conn;
	look(data, len);
}

static void netvsc_nvs_complete(struct netvsc_conn *conn, u64 id,
				const struct nvs_msg *msg, u32 len)
{
	(void)conn;
	(void)id;
	(void)len;
	look(msg, sizeof(*msg));
}

u32 netvsc_rx_frame(struct netvsc_chan *nc, const struct netvsc_frame *frame);
u32 netvsc_rx_fragment(struct netvsc_chan *nc,
		       const struct netvsc_frame *frame);
bool netvsc_rx_packet_done(struct netvsc_chan *nc);
void netvsc_rx_poll_done(struct netvsc_chan *nc);
void netvsc_rx_event(void *context);
u32 netvsc_rx_packet(struct netvsc_chan *nc,
		     const struct vmpacket_descriptor *desc, int budget);
int netvsc_netpoll_alloc(struct netvsc_chan *nc);
void netvsc_netpoll_free(struct netvsc_chan *nc);
void netvsc_netpoll(struct netvsc_chan *nc);
bool netvsc_netpoll_drain(struct netvsc_chan *nc, int budget, u32 *frames);
int netvsc_rx_poll(struct napi_struct *napi, int budget);

#pragma GCC diagnostic ignored "-Wsign-compare"
#define count_frame rx_count_frame
#include "../../kernel/netvsc/rx_skb.c"
#include "../../kernel/netvsc/rx.c"
#define look netpoll_look
#define take netpoll_take
#include "../../kernel/netvsc/netpoll.c"
#undef look
#undef take

/* ---- one poll ---- */

static struct input {
	const u8 *at;
	size_t left;
} input;

static u32 next(u32 bytes)
{
	u32 value = 0;

	while (bytes-- && input.left) {
		value = value << 8 | *input.at++;
		input.left--;
	}
	return value;
}

/* Any bytes. The bus has seen to the packet's own two lengths. */
static void raw_packet(void)
{
	u32 i, bytes = (sizeof(*packet) + next(1)) & ~7u;
	u8 *p = malloc(bytes);

	for (i = 0; i < bytes; i++)
		p[i] = next(1);
	packet = (void *)p;
	packet->len8 = bytes >> 3;
	if (packet->offset8 < 2 || packet->offset8 > packet->len8)
		packet->offset8 = 2;
}

/* A value as it should be, or now and then another one. */
static u32 or_else(u32 right)
{
	return next(1) < 250 ? right : next(4);
}

static void put_ppis(u8 *at, u32 *len)
{
	u32 n = next(1) % 5, types[] = { 0, 6, 8, RNDIS_PPI_PACKET_ID, 9 };

	for (*len = 0; n--; *len += 16, at += 16) {
		struct rndis_ppi ppi = {
			.size = or_else(16),
			.type = or_else(types[next(1) % 5]),
			.offset = or_else(12),
		};
		u32 value = next(2) << 8 | RNDIS_PACKET_ID_VERSION;

		memcpy(at, &ppi, sizeof(ppi));
		memcpy(at + 12, &value, sizeof(value));
	}
}

/* A message in a section, nearly right. */
static void put_message(u8 *at)
{
	u32 ppis, len = next(2) % (SECTION - 124);
	struct rndis_packet pkt = { .type = or_else(RNDIS_PACKET) };

	put_ppis(at + sizeof(pkt), &ppis);
	pkt.data_len = or_else(len);
	pkt.data_offset = or_else(sizeof(pkt) - RNDIS_OFFSET_BASE + ppis);
	pkt.ppi_len = or_else(ppis);
	pkt.ppi_offset = or_else(ppis ? RNDIS_PACKET_PPI_OFFSET : 0);
	pkt.len = or_else(sizeof(pkt) + ppis + len);
	memcpy(at, &pkt, sizeof(pkt));
	at += sizeof(pkt) + ppis;
	if (next(1) & 1) {
		at[12] = 8;
		at[14] = 0x45;
		at[23] = IPPROTO_TCP;
		at[46] = 0x50;
	}
}

/* A packet of transfer pages, nearly right. */
static void pages_packet(u8 *buffer)
{
	u32 i, n = next(1) % 12;
	u32 head = sizeof(struct vmtransfer_page_packet_header) + 8 * n;
	struct vmtransfer_page_packet_header *xfer = malloc(head + 16);

	packet = &xfer->d;
	xfer->d.type = VM_PKT_DATA_USING_XFER_PAGES;
	xfer->d.offset8 = head >> 3;
	xfer->d.len8 = (head + 16) >> 3;
	xfer->d.flags = next(1);
	xfer->d.trans_id = next(1);
	xfer->xfer_pageset_id = or_else(NVS_RECV_BUF_ID);
	xfer->range_cnt = or_else(n);
	for (i = 0; i < n; i++) {
		u32 section = next(1) % SECTIONS;

		put_message(buffer + section * SECTION);
		xfer->ranges[i].byte_offset = or_else(section * SECTION);
		xfer->ranges[i].byte_count = or_else(SECTION);
	}
	memset((u8 *)xfer + head, 0, 16);
	*(u32 *)((u8 *)xfer + head) = or_else(NVS_RNDIS);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct net_device net = { .mtu = 100, .features = ~0ull };
	struct netvsc_dev nd = { .net = &net };
	struct netvsc_conn conn = { .nd = &nd };
	struct netvsc_rx_stats stats = { 0 };
	struct vmbus_channel ch;
	struct netvsc_chan nc = {
		.conn = &conn,
		.nd = &nd,
		.ch = &ch,
		.rx_stats = &stats,
	};
	u32 i, how, wanted;

	input.at = in;
	input.left = len;
	how = next(1);
	memory_left = how & 1 ? next(1) : ~0u;
	nc.index = how >> 1 & 1;
	nd.xdp_prog = (how & 12) == 12 ? (void *)&nd : NULL;
	conn.rx_on = (how & 48) != 48;
	conn.rx.size = SECTION * SECTIONS;
	conn.rx.section_size = SECTION;
	conn.rx.sections = SECTIONS;
	conn.rx.base = calloc(1, conn.rx.size);
	nc.rsc = calloc(1, sizeof(*nc.rsc));
	nc.direct.on = how & 128;
	INIT_LIST_HEAD(&nc.direct.list);
	if (how & 64) {
		raw_packet();
		for (i = 0; i < conn.rx.size && input.left; i++)
			((u8 *)conn.rx.base)[i] = next(1);
	} else {
		pages_packet(conn.rx.base);
	}

	completions = 0;
	taken = false;
	CHECK(!netvsc_netpoll_alloc(&nc));
	/* Netpoll comes first, now and then: what it can't do is done later. */
	if (next(1) & 1) {
		nc.tx.txq = next(1) & 1 ? &stopped_txq : NULL;
		oops_in_progress = next(1) & 1;
		CHECK(netvsc_rx_poll(&nc.napi, 0) == 0);
	}
	CHECK(netvsc_rx_poll(&nc.napi, 64) <= 64);
	wanted = packet->type == VM_PKT_DATA_USING_XFER_PAGES;
	CHECK(completions <= wanted);
	if (packet->flags & VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED)
		CHECK(completions == wanted);
	CHECK(!nc.rsc->nr && !nc.rsc->broken);
	CHECK(nc.direct.list.next == &nc.direct.list && !nc.direct.frames);

	CHECK(!nc.stash.tail);
	netvsc_netpoll_free(&nc);
	free(nc.rsc);
	free(conn.rx.base);
	free(packet);
	return 0;
}
