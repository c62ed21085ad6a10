// SPDX-License-Identifier: GPL-2.0
/*
 * hv_netvsc's sending: slots, sections, frames held back, a full ring, a queue
 * that is stopped and woken, completions that are late, doubled or made up. The
 * kernel's sources are compiled as they are, with stand-ins for what they use;
 * input says what stack, root and poll do, step by step.
 *
 * Whatever they do: frames arrive whole, once and in order, none is left behind
 * when the root has done its part, queue limits get back what they were told,
 * and every slot is free in the end.
 *
 * links: util
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hv/nvs_reg.h"
#include "hv/rndis_reg.h"
#include "../../kernel/vmbus/batch.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

#define SECTION			  1024u
#define SECTIONS		  20u

/* ---- the kernel ---- */

#define likely(x)		  (x)
#define unlikely(x)		  (x)
#define READ_ONCE(x)		  (x)
#define WRITE_ONCE(x, v)	  ((x) = (v))
#define smp_mb()		  ((void)0)
#define smp_load_acquire(p)	  (*(p))
#define smp_store_release(p, v)	  (*(p) = (v))
#define min(a, b)		  ((a) < (b) ? (a) : (b))
#define max(a, b)		  ((a) > (b) ? (a) : (b))
#define min_t(t, a, b)		  min((t)(a), (t)(b))
#define max_t(t, a, b)		  max((t)(a), (t)(b))
#define DIV_ROUND_UP(a, b)	  (((a) + (b)-1) / (b))
#define ALIGN(a, b)		  (((a) + (b)-1) / (b) * (b))
#define BIT(n)			  (1u << (n))
#define BIT_ULL(n)		  (1ull << (n))
#define GENMASK(h, l)		  ((1u << ((h) + 1)) - (1u << (l)))
#define U64_MAX			  UINT64_MAX
#define GFP_KERNEL		  0
#define ETH_P_IP		  0x0800
#define ETH_P_IPV6		  0x86DD
#define ETH_P_8021Q		  0x8100
#define VLAN_PRIO_SHIFT		  13
#define VLAN_CFI_MASK		  0x1000
#define VLAN_VID_MASK		  0x0fff
#define CHECKSUM_PARTIAL	  3
#define SKB_GSO_TCPV4		  1
#define SKB_GSO_TCPV6		  2
#define u64_stats_update_begin(s) ((void)(s))
#define u64_stats_update_end(s)	  ((void)(s))
#define kcalloc(n, size, gfp)	  calloc(n, size)
#define kvcalloc(n, size, gfp)	  calloc(n, size)
#define kzalloc(size, gfp)	  calloc(1, size)
#define kfree(p)		  free(p)
#define kvfree(p)		  free(p)

typedef int netdev_tx_t;
enum {
	NETDEV_TX_OK,
	NETDEV_TX_BUSY = 16,
};

struct napi_struct {
	bool scheduled;
};

typedef int skb_frag_t;

struct shared_info {
	u32 gso_segs, gso_size, gso_type, nr_frags;
	skb_frag_t frags[1];
};

struct ethhdr {
	u16 h_proto;
};

struct sk_buff {
	u8 *data;
	u32 len;
	u8 ip_summed;
	u16 protocol, csum_offset;
	struct shared_info info;
};

struct page;

static u32 live; /* frames that the driver owns */

static void dev_consume_skb_any(struct sk_buff *skb)
{
	if (!skb)
		return;
	live--;
	free(skb->data);
	free(skb);
}

#define dev_kfree_skb_any(skb)			dev_consume_skb_any(skb)
#define napi_consume_skb(skb, budget)		((void)(budget), dev_consume_skb_any(skb))
#define skb_shinfo(skb)				(&(skb)->info)
#define skb_headlen(skb)			((skb)->len)
#define skb_is_gso(skb)				((skb)->info.gso_size)
#define skb_gso_validate_mac_len(skb, len)	true
#define skb_is_nonlinear(skb)			false
#define skb_copy_bits(skb, at, to, len)		((void)(to))
#define skb_linearize(skb)			0
#define skb_transport_offset(skb)		34
#define skb_cow_head(skb, n)			0
#define skb_checksum_start_offset(skb)		34
#define skb_checksum_help(skb)			0
#define skb_reset_mac_header(skb)		((void)(skb))
#define skb_tx_timestamp(skb)			((void)(skb))
#define skb_get_hash_raw(skb)			7
#define skb_vlan_tag_present(skb)		false
#define skb_vlan_tag_get(skb)			0
#define vlan_get_protocol(skb)			htons(ETH_P_IP)
#define eth_hdr(skb)				((struct ethhdr *)(skb)->data)
#define __skb_vlan_pop(skb, tci)		(*(tci) = 0)
#define __vlan_hwaccel_put_tag(skb, proto, tci) ((void)(tci))
#define ip_hdr(skb)				((struct iphdr *)(skb)->data)
#define tcp_hdr(skb)				((struct tcphdr *)(skb)->data)
#define csum_tcpudp_magic(a, b, c, d, e)	0
#define tcp_v6_gso_csum_prep(skb)		((void)(skb))
#define skb_frag_page(frag)			((struct page *)(frag))
#define skb_frag_off(frag)			0
#define skb_frag_size(frag)			0
#define page_to_hvpfn(page)			((uintptr_t)(page) >> 12)

static u32 roundup_pow_of_two(u32 n)
{
	u32 p = 1;

	while (p < n)
		p *= 2;
	return p;
}

static uintptr_t get_zeroed_page(int gfp)
{
	void *p = aligned_alloc(4096, 4096);

	(void)gfp;
	memset(p, 0, 4096);
	return (uintptr_t)p;
}

static void free_page(uintptr_t p)
{
	free((void *)p);
}

static u64 cmpxchg64(u64 *p, u64 old, u64 new)
{
	u64 was = *p;

	if (was == old)
		*p = new;
	return was;
}

/* The queue: stopped by the driver, or by its limit of bytes. */
static struct netdev_queue {
	bool stopped;
	u32 queued, completed, limit;
} txq;

static bool xmit_more;

#define netdev_xmit_more()	  xmit_more
#define netif_tx_queue_stopped(q) ((q)->stopped)
#define netif_tx_stop_queue(q)	  ((q)->stopped = true)
#define netif_tx_wake_queue(q)	  ((q)->stopped = false)
#define netdev_tx_reset_queue(q)  ((q)->queued = (q)->completed = 0)
#define smp_processor_id()	  0
#define __netif_tx_lock(q, cpu)	  ((void)(q))
#define __netif_tx_trylock(q)	  ((void)(q), true)
#define __netif_tx_unlock(q)	  ((void)(q))

static bool limited(void)
{
	return txq.queued - txq.completed > txq.limit;
}

static bool __netdev_tx_sent_queue(struct netdev_queue *q, u32 bytes, bool more)
{
	q->queued += bytes;
	return !more || q->stopped || limited();
}

static void netdev_tx_completed_queue(struct netdev_queue *q, u32 n, u32 bytes)
{
	(void)n;
	/* Where the kernel has a BUG(). */
	CHECK(bytes <= q->queued - q->completed);
	q->completed += bytes;
}

static void napi_schedule(struct napi_struct *napi)
{
	napi->scheduled = true;
}

/* ---- the bus, as <linux/hyperv.h> has it ---- */

#define HV_HYP_PAGE_SIZE			    4096u
#define HV_HYP_PAGE_SHIFT			    12
#define HVPFN_UP(x)				    (((x) + HV_HYP_PAGE_SIZE - 1) >> 12)
#define offset_in_hvpage(p)			    ((uintptr_t)(p)&4095)
#define virt_to_hvpfn(p)			    ((uintptr_t)(p) >> 12)
#define VM_PKT_DATA_INBAND			    6
#define VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED 1

struct hv_mpb_array {
	u32 len, offset;
	u64 pfn_array[];
} __attribute__((packed));

struct vmbus_packet_mpb_array {
	u16 type, dataoffset8, length8, flags;
	u64 transactionid;
	u32 reserved, rangecount;
	struct hv_mpb_array range;
} __attribute__((packed));

struct vmbus_channel {
	int unused;
};

#define RING_MAX 64

/* What is in the ring, and what the root is done with. */
static struct message {
	u64 id;
	struct nvs_msg nvs;
	u8 *gpa; /* NULL: in-band */
	u32 gpa_len;
	bool guessed; /* completed before it was taken */
} ring[RING_MAX];
static u32 ring_first, ring_used, ring_room;
static bool rescinded, guessed;
static u64 done[4096];
static u32 ndone;

static int ring_add(const void *buf, u32 len, u64 id, const void *gpa,
		    u32 gpa_len)
{
	struct message *m;

	CHECK(len == sizeof(m->nvs));
	if (rescinded)
		return -ENODEV;
	if (ring_used >= ring_room)
		return -EAGAIN;
	m = &ring[(ring_first + ring_used++) % RING_MAX];
	m->guessed = false;
	m->id = id;
	memcpy(&m->nvs, buf, len);
	m->gpa = NULL;
	if (gpa) {
		m->gpa = malloc(gpa_len);
		memcpy(m->gpa, gpa, gpa_len);
		m->gpa_len = gpa_len;
	}
	return 0;
}

#define vmbus_sendpacket(ch, buf, len, id, type, flags) \
	((void)(ch), ring_add(buf, len, id, NULL, 0))
#define vmbus_sendpacket_mpb_desc(ch, gpa, size, buf, len, id) \
	((void)(ch), ring_add(buf, len, id, gpa, size))

/* ---- what the two sources use of netvsc_var.h, under the same names ---- */

#define NETVSC_VAR_H
#define NETVSC_TX_HDR	     128
#define NETVSC_TX_OFFSET_MAX 1023
#define NETVSC_TX_SLOTS	     32
#define NETVSC_TX_RANGES     32
#define NETVSC_TX_PFNS	     96
#define NETVSC_TX_GPA_BYTES                                             \
	(sizeof(struct vmbus_packet_mpb_array) + NETVSC_TX_RANGES * 8 + \
	 NETVSC_TX_PFNS * 8)
#define NETVSC_ID_SLOT_BITS 16
#define NETVSC_ID_DROPPED   (U64_MAX - 3)
#define NETVSC_HOLD_MAX	    32

enum netvsc_event {
	NETVSC_EV_TX_SCATTERED,
	NETVSC_EV_TX_NO_MEMORY,
	NETVSC_EV_TX_NO_SPACE,
	NETVSC_EV_TX_TOO_BIG,
	NETVSC_EV_TX_BUSY,
	NETVSC_EV_TX_SEND_FULL,
	NETVSC_EV_STOP_QUEUE,
	NETVSC_EV_WAKE_QUEUE,
	NETVSC_EV_VLAN_ERROR,
	NETVSC_EV_RX_BAD_COMPLETION,
	NETVSC_EV_TX_HOST_ERROR,
	NETVSC_EV_TX_OVER_MTU,
	NETVSC_EV_TX_DROPPED,
	EVENTS
};

static u32 events[EVENTS];

#define netvsc_count(nd, ev) events[ev]++
#define netvsc_note(nd, ...) ((void)0)

struct netvsc_tx_stats {
	u64 packets, bytes, messages, batched, held, copied;
	int syncp;
};

struct netvsc_slot {
	u64 id;
	u32 generation, bytes;
	u16 frames, hdr_len;
	u32 section_len;
	struct sk_buff *skb;
};

struct netvsc_freelist {
	u16 *ring;
	u32 mask, head, tail;
};

struct netvsc_tx {
	struct netvsc_slot *slots;
	u32 nr_slots, nr_sections, first_section;
	struct netvsc_freelist sections, plain;
	u8 **hdr_pages;
	s32 open;
	u32 open_last, nr_held;
	u16 held[NETVSC_HOLD_MAX];
	u32 pending, sent;
	bool waiting, blocked, any_dropped;
	void *gpa;
	struct netvsc_tx_stats *stats;
	struct netdev_queue *txq;
	u32 done, done_frames, done_bytes;
};

struct netvsc_caps {
	bool tcp4, udp4, tcp6, udp6;
};

struct netvsc_buf {
	void *base;
	u32 section_size;
};

struct netvsc_coal_config {
	u32 tx_frames;
};

struct netvsc_conn {
	u32 max_packets, align, max_frame, nr_open;
	bool tx_on;
	struct netvsc_caps caps;
	struct netvsc_buf tx;
};

struct netvsc_chan {
	struct napi_struct napi;
	struct netvsc_conn *conn;
	struct netvsc_coal_config *coal_config;
	struct vmbus_channel *ch;
	struct netvsc_tx tx;
};

/* Batches don't nest, and none stays open. */
static u32 batches;

static void batch_begin(struct vmbus_channel *ch)
{
	(void)ch;
	CHECK(!batches);
	batches++;
}

static void batch_end(struct vmbus_channel *ch)
{
	(void)ch;
	CHECK(batches);
	batches--;
}

static const struct vmb_batch_ops batch_ops = { batch_begin, batch_end };
static const struct vmb_batch_ops *netvsc_batch; /* as the input says */

static bool timer; /* netvsc_comp_retry_later() */

#define netvsc_comp_retry_later(nc) ((void)(nc), timer = true)

netdev_tx_t netvsc_tx_skb(struct netvsc_chan *nc, struct sk_buff *skb);
int netvsc_tx_raw(struct netvsc_chan *nc, const void *data, u32 len);
u32 netvsc_tx_describe(struct netvsc_chan *nc, const struct sk_buff *skb,
		       u8 *hdr, u32 hdr_len);
int netvsc_tx_alloc(struct netvsc_chan *nc, u32 first_section, u32 sections);
void netvsc_tx_free(struct netvsc_chan *nc);
s32 netvsc_tx_take_section(struct netvsc_chan *nc);
s32 netvsc_tx_take_plain(struct netvsc_chan *nc);
bool netvsc_tx_awaits_sections(const struct netvsc_chan *nc);
bool netvsc_tx_room(const struct netvsc_chan *nc);
u8 *netvsc_tx_hdr(const struct netvsc_tx *tx, u32 slot);
void netvsc_tx_close(struct netvsc_chan *nc);
void netvsc_tx_stop(struct netvsc_chan *nc);
void netvsc_tx_flush(struct netvsc_chan *nc);
void netvsc_tx_commit(struct netvsc_chan *nc, bool more);
void netvsc_tx_complete(struct netvsc_chan *nc, u64 id, u32 status, int budget);
void netvsc_tx_after_poll(struct netvsc_chan *nc, int budget);
bool netvsc_tx_idle(const struct netvsc_chan *nc);

/* The host here always lets go. */
#define netvsc_chan_leave_skb(conn, skb)      dev_kfree_skb_any(skb)
#define netvsc_chan_leave_page(conn, address) free_page((uintptr_t)(address))

static bool netpoll, oops_in_progress;
#define netpoll_tx_running(net) (netpoll)
#define vmbus_setevent(ch)	((void)(ch))

#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Waddress-of-packed-member"
#pragma GCC diagnostic ignored "-Wunused-value"
#include "../../kernel/netvsc/txq.c"
#include "../../kernel/netvsc/tx.c"

/* ---- the three parties ---- */

static struct input {
	const u8 *at;
	size_t left;
} input;

static u32 next(void)
{
	if (!input.left)
		return 0;
	input.left--;
	return *input.at++;
}

static u32 numbered; /* frames that the driver took */
static u32 arrived;  /* the next one that the root waits for */
static bool owed;    /* the stack has said that more follow */

/* A frame: its number, its length, and bytes that depend on both. */
static void stack_sends(struct netvsc_chan *nc)
{
	u32 i, len = next() & 7 ? 60 + next() : 900 + next() * 16;
	struct sk_buff *skb;
	int verdict;

	if (txq.stopped || limited())
		return;
	/* Netpoll sends frames one by one. */
	xmit_more = (next() & 1) && !netpoll;
	skb = calloc(1, sizeof(*skb));
	skb->data = malloc(len);
	skb->len = len;
	memcpy(skb->data, &numbered, 4);
	memcpy(skb->data + 4, &len, 4);
	for (i = 8; i < len; i++)
		skb->data[i] = numbered + i;
	live++;
	owed = xmit_more;
	verdict = netvsc_tx_skb(nc, skb);
	if (verdict == NETDEV_TX_OK) {
		if (len <= nc->conn->max_frame)
			numbered++;
	} else {
		CHECK(verdict == NETDEV_TX_BUSY && txq.stopped);
		owed = false;
		dev_consume_skb_any(skb);
	}
	/* A queue that is stopped isn't called again: nothing may be owed. */
	if (owed && (txq.stopped || limited())) {
		CHECK((nc->tx.open < 0 && !nc->tx.nr_held) || nc->tx.waiting);
		owed = false;
	}
}

/* Bytes of a message: from the section, or all that the ranges describe. */
static u32 gather(const struct netvsc_chan *nc, const struct message *m, u8 *to)
{
	const struct vmbus_packet_mpb_array *mpb = (const void *)m->gpa;
	const struct nvs_rndis *rndis = &m->nvs.u.rndis;
	const u8 *at;
	u32 i, len = 0;

	if (!m->gpa) {
		CHECK(rndis->section < SECTIONS &&
		      rndis->section_len <= SECTION);
		memcpy(to, (u8 *)nc->conn->tx.base + rndis->section * SECTION,
		       rndis->section_len);
		return rndis->section_len;
	}
	CHECK(rndis->section == NVS_NO_SECTION);
	at = (const u8 *)&mpb->range;
	for (i = 0; i < mpb->rangecount; i++) {
		u32 n, k, offset, pages;
		u64 pfn, first;

		memcpy(&n, at, 4);
		memcpy(&offset, at + 4, 4);
		memcpy(&first, at + 8, 8);
		pages = (offset + n + 4095) / 4096;
		CHECK(at + 8 + 8 * pages <= m->gpa + m->gpa_len);
		for (k = 0; k < pages; k++) {
			memcpy(&pfn, at + 8 + 8 * k, 8);
			CHECK(pfn == first + k);
		}
		memcpy(to + len, (void *)((first << 12) + offset), n);
		len += n;
		at += 8 + 8 * pages;
	}
	CHECK(at == m->gpa + m->gpa_len);
	return len;
}

static void check_frame(const u8 *data, u32 len)
{
	u32 i, number, claimed;

	memcpy(&number, data, 4);
	memcpy(&claimed, data + 4, 4);
	CHECK(claimed == len);
	CHECK(number == arrived ||
	      ((rescinded || guessed) && number > arrived));
	for (i = 8; i < len; i++)
		CHECK(data[i] == (u8)(number + i));
	arrived = number + 1;
}

static void root_takes(struct netvsc_chan *nc, u32 n)
{
	static u8 bytes[8192];
	struct rndis_packet pkt;
	u32 len, at, frames;

	for (; n && ring_used && ndone < 4000; n--) {
		struct message *m = &ring[ring_first];

		/* What was completed before is the child's again. */
		len = m->guessed ? 0 : gather(nc, m, bytes);
		for (at = 0, frames = 0; at < len; at += pkt.len, frames++) {
			memcpy(&pkt, bytes + at, sizeof(pkt));
			CHECK(pkt.type == RNDIS_PACKET && pkt.len <= len - at);
			CHECK(at + pkt.len == len || !(pkt.len & 7));
			CHECK(pkt.data_offset + 8 + pkt.data_len <= pkt.len);
			check_frame(bytes + at + 8 + pkt.data_offset,
				    pkt.data_len);
		}
		CHECK((frames || m->guessed) &&
		      frames <= nc->conn->max_packets);
		free(m->gpa);
		done[ndone++] = m->id;
		ring_first = (ring_first + 1) % RING_MAX;
		ring_used--;
	}
}

static void poll(struct netvsc_chan *nc, u32 n)
{
	u32 i;

	timer = false;
	nc->napi.scheduled = false;
	n = min(n, ndone);
	for (i = 0; i < n; i++)
		netvsc_tx_complete(nc, done[i], NVS_STATUS_OK, 64);
	/* The same once more, now and then: they are nobody's. */
	for (i = 0; i < n && next() == 255; i++)
		netvsc_tx_complete(nc, done[i], NVS_STATUS_OK, 64);
	memmove(done, done + n, (ndone - n) * sizeof(*done));
	ndone -= n;
	netvsc_tx_after_poll(nc, 64);
}

/* The root completes what it may not have taken, or was never sent. */
static void guess(struct netvsc_chan *nc, u64 id)
{
	u32 i;

	for (i = 0; i < ring_used; i++) {
		struct message *m = &ring[(ring_first + i) % RING_MAX];

		if (m->id == id)
			guessed = m->guessed = true;
	}
	netvsc_tx_complete(nc, id, 1, 64);
}

static void step(struct netvsc_chan *nc)
{
	u32 what = next();

	switch (what & 7) {
	case 0:
	case 1:
	case 2:
	case 3:
		stack_sends(nc);
		break;
	case 4:
		root_takes(nc, 1 + next() % 16);
		break;
	case 5:
		poll(nc, 1 + next() % 16);
		break;
	case 6:
		if (what < 32)
			ring_room = 1 + next() % RING_MAX;
		else if (what < 40)
			guess(nc, next() << 16 | next());
		else if (what < 48)
			nc->coal_config->tx_frames = next();
		else if (what < 56)
			netpoll = !netpoll;
		else if (what < 64)
			oops_in_progress = !oops_in_progress;
		break;
	case 7:
		if (nc->napi.scheduled || timer)
			poll(nc, 0);
		break;
	}
}

/* All do their part; nothing may be left. */
static void settle(struct netvsc_chan *nc)
{
	u32 i;

	ring_room = RING_MAX;
	if (owed)
		netvsc_tx_commit(nc, false);
	for (i = 0; i < 1000; i++) {
		if (netvsc_tx_idle(nc) && !ndone && !txq.stopped)
			break;
		/* A poll runs only if there is reason for one. */
		CHECK(ring_used || ndone || nc->napi.scheduled || timer);
		root_takes(nc, RING_MAX);
		poll(nc, 4096);
	}
	/* What was guessed may still be there: nobody waits for it. */
	root_takes(nc, RING_MAX);
	ndone = 0;
	CHECK(netvsc_tx_idle(nc) && !txq.stopped && !nc->tx.waiting);
	CHECK(!batches);
	CHECK(txq.queued == txq.completed && !live);
	CHECK(list_count(&nc->tx.sections) == nc->tx.nr_sections);
	CHECK(list_count(&nc->tx.plain) == NETVSC_TX_SLOTS);
	CHECK(arrived == numbered || rescinded || guessed);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct netvsc_conn conn = { .tx_on = true, .nr_open = 2 };
	struct netvsc_tx_stats stats = { 0 };
	struct netvsc_coal_config coal;
	struct netvsc_chan nc = { .conn = &conn, .coal_config = &coal };
	u32 how;

	input.at = in;
	input.left = len;
	memset(&txq, 0, sizeof(txq));
	numbered = arrived = ring_first = ring_used = ndone = 0;
	owed = rescinded = guessed = timer = false;
	netpoll = oops_in_progress = false;
	how = next();
	ring_room = how & 1 ? RING_MAX : 1 + next() % RING_MAX;
	txq.limit = how & 2 ? 1 << 20 : next() * 64;
	conn.max_packets = how & 4 ? 8 : 1 + next() % 12;
	conn.max_frame = how & 64 ? 9018 : 900 + next() * 8;
	conn.align = how & 8 ? 8 : 64;
	coal.tx_frames = how & 16 ? 64 : next();
	netvsc_batch = how & 128 ? &batch_ops : NULL;
	conn.tx.base = calloc(SECTIONS, SECTION);
	conn.tx.section_size = SECTION;
	nc.tx.open = -1;
	nc.tx.txq = &txq;
	nc.tx.stats = &stats;
	CHECK(!netvsc_tx_alloc(&nc, 0,
			       how & 32 ? SECTIONS : next() % SECTIONS));

	while (input.left) {
		step(&nc);
		if (how & 64 && !rescinded && next() == 254) {
			/* The channel goes: what is in the ring is lost. */
			rescinded = true;
			root_takes(&nc, RING_MAX);
		}
	}
	settle(&nc);
	netvsc_tx_free(&nc);
	free(conn.tx.base);
	return 0;
}
