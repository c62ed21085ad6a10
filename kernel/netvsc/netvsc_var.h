/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Synthetic network card, child side: what the files of this driver share.
 *
 * struct netvsc_dev is the card as Linux sees it, and what its user chose. It
 * lives as long as the net_device. struct netvsc_conn is one connection with
 * the host: channels, shared buffers, what was negotiated. A new MTU, number
 * of channels or size of buffers takes a new connection; counters, settings and
 * the interface stay.
 *
 * Who runs where
 *	sending: ndo_start_xmit, ndo_xdp_xmit and whoever sends what is held
 *	back: with the queue's _xmit_lock (the "tx lock"), in an RCU-bh section.
 *	Transmit queue i, receive queue i and channel i are one thing.
 *	receiving: the channel's NAPI poll, answers to what was sent included.
 *	control: process context; RTNL, or conn_lock, holds the connection still.
 *
 * Locks, outermost first: RTNL; conn_lock; ctl_lock; then one of ctl_wait_lock,
 * chan_lock, link_lock, and the tx lock (which a poll takes with none held).
 * binding_lock of chan.c may enclose chan_lock. All waiting for the host has a
 * bound (netvsc_host_timeout), and none of the innermost is held meanwhile.
 *
 * A transmit slot belongs to the sender until its id is set, then to the host;
 * who swaps the id for zero owns it afterwards. So each slot is freed once, and
 * an answer that comes twice, late or with an invented number finds none.
 */
#ifndef NETVSC_VAR_H
#define NETVSC_VAR_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/hrtimer.h>
#include <linux/hyperv.h>
#include <linux/if_vlan.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/netpoll.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/busy_poll.h>
#include <net/gso.h>
#include <net/ip6_checksum.h>
#include <net/xdp.h>

#include "count_var.h"
#include "hv/nvs_reg.h"
#include "hv/rndis_reg.h"
#include "vmbus/batch.h"
#include "vmbus/lent.h"

struct bpf_prog;
struct page_pool;
struct netvsc_conn;
struct netvsc_dev;

#define NETVSC_MAX_CHANS	64
#define NETVSC_DEFAULT_CHANS	16

#define NETVSC_MIN_MTU		ETH_MIN_MTU
#define NETVSC_MAX_MTU		(65535 - ETH_HLEN)

/* Sections as the user counts them; how large they are is for the host to say. */
#define NETVSC_RX_SECTION	1728
#define NETVSC_RX_SECTIONS	9709
#define NETVSC_TX_SECTION	6144
#define NETVSC_TX_SECTIONS	170	/* for few channels; see chan.c */
#define NETVSC_MIN_SECTIONS	10
#define NETVSC_TX_BUF_MAX	(15u << 20)

/* The room for RNDIS header and per-packet information of one frame. */
#define NETVSC_TX_HDR		128

/* The place of a transport header is told in 10 bits. */
#define NETVSC_TX_OFFSET_MAX	1023

/* Frames by page list that a channel may have with the host. */
#define NETVSC_TX_SLOTS		512

/* The largest description of a frame by page list. */
#define NETVSC_TX_RANGES	32
#define NETVSC_TX_PFNS		96
#define NETVSC_TX_GPA_BYTES	(sizeof(struct vmbus_packet_mpb_array) + \
				 NETVSC_TX_RANGES * 8 + NETVSC_TX_PFNS * 8)

#define NETVSC_RSS_ENTRIES	NDIS_RSS_TABLE_MAX

#define NETVSC_FILTER_UNKNOWN	U32_MAX

/* ---- queues ---- */

/* What the user chose for a channel's interrupts; RTNL, READ_ONCE in polls. */
struct netvsc_coal_config {
	bool adaptive_rx;
	u32 rx_usecs;		/* of a wait after frames, at most; 0: none */
	u32 tx_usecs;		/* after nothing but answers */
	u32 rx_frames;		/* that a wait is to gather; 0: no matter */
	u32 tx_frames;		/* held back at most, see txq.c */
};

/* Survives connections. */
struct netvsc_queue {
	struct netvsc_tx_stats tx ____cacheline_aligned_in_smp;
	struct netvsc_rx_stats rx ____cacheline_aligned_in_smp;
	struct netvsc_coal_config coal;
};

/* ---- sending ---- */

/* A slot's id: number, generation, plus one as 0 is reserved. */
#define NETVSC_ID_SLOT_BITS	16
#define NETVSC_ID_RNDIS		BIT_ULL(62)	/* control message's buffer */
#define NETVSC_ID_NVS		BIT_ULL(63)	/* NVSP request */
#define NETVSC_ID_NONE		(U64_MAX - 2)	/* no answer wanted */
#define NETVSC_ID_DROPPED	(U64_MAX - 3)	/* in a slot: for the poll */

/* One message to the host: a section's frames, or one frame by page list. */
struct netvsc_slot {
	u64 id;			/* 0: not with the host; cmpxchg() */
	u32 generation;
	u32 bytes;		/* as queue limits count them */
	u16 frames;
	u16 hdr_len;		/* page list: bytes of the header */
	u32 section_len;	/* section: bytes used */
	struct sk_buff *skb;	/* page list: freed at completion */
};

/* Free slot numbers; one taker (tx lock), one giver (poll): no lock. */
struct netvsc_freelist {
	u16 *ring;		/* mask + 1 places */
	u32 mask;
	u32 head ____cacheline_aligned_in_smp;	/* taken up to here */
	u32 tail ____cacheline_aligned_in_smp;	/* given up to here */
};

#define NETVSC_HOLD_MAX		32	/* messages held back at most */

struct netvsc_tx {
	struct netvsc_slot *slots;	/* first those with a section */
	u32 nr_slots;
	u32 nr_sections;
	u32 first_section;		/* of this channel, in the send buffer */
	struct netvsc_freelist sections;
	struct netvsc_freelist plain;
	u8 **hdr_pages;			/* headers of plain slots */

	/* Under the tx lock from here on; READ_ONCE elsewhere. */
	s32 open;			/* slot being filled, -1 for none */
	u32 open_last;			/* where its last message starts */
	u32 nr_held;
	u16 held[NETVSC_HOLD_MAX];	/* complete, not sent yet; in order */
	u32 pending;			/* frames in these, roughly */
	u32 sent;			/* frames; done follows */
	bool waiting;			/* held until completions come */
	bool blocked;			/* the ring was full */
	bool any_dropped;		/* see NETVSC_ID_DROPPED */
	void *gpa;			/* descriptor under construction */
	struct netvsc_tx_stats *stats;
	struct netdev_queue *txq;

	/* The poll's. */
	u32 done ____cacheline_aligned_in_smp;	/* frames */
	u32 done_frames;		/* in this poll */
	u32 done_bytes;
};

/* ---- receiving ---- */

#define NETVSC_RSC_MAX		RNDIS_RSC_FRAGMENTS_MAX

/* One frame in the receive buffer, its description checked and copied. */
struct netvsc_frame {
	const u8 *data;		/* shared: copy once, then look */
	u32 len;
	bool has_vlan, has_csum, has_hash;
	u8 rsc_flags;		/* RNDIS_PACKET_ID_* */
	u32 vlan;		/* as RNDIS_8021Q() */
	u32 csum;		/* RNDIS_CSUM_RX_* */
	u32 hash;
};

struct netvsc_part {
	const u8 *data;
	u32 len;
};

/* A coalesced frame under construction; the poll's. */
struct netvsc_rsc {
	u32 nr;			/* 0: none begun */
	u32 bytes;
	bool broken;		/* drop the rest up to the end */
	struct netvsc_frame first;
	struct netvsc_part part[NETVSC_RSC_MAX];
};

/*
 * Receive-buffer sections to give back. Transfer-page packets wait here for
 * ring space; there can't be more than the buffer has sections, or the host
 * gave one twice.
 */
struct netvsc_comp {
	u64 id;
	u32 status;
};

struct netvsc_comps {
	struct netvsc_comp *ring;	/* mask + 1 places */
	u32 mask;
	u32 head, tail;
	bool retry;			/* timer runs */
	struct hrtimer timer;
};

/*
 * Interrupt moderation of a channel (coalesce.c); the poll's, but for the timer
 * and what statistics read.
 */
struct netvsc_coal {
	struct hrtimer timer;	/* ends a wait: schedules the poll */
	u32 wait_ns;		/* each wait now; 0: unmask at once */
	bool waiting;		/* the timer runs, or has called the poll */
	u16 age;		/* windows with waits, to a bound */
	u16 rest;		/* windows until the next trial */
	u16 backoff;		/* the rest after a trial in vain */
	u32 free_rate;		/* what came without waits, on average, */
	u32 held_rate;		/* and with them */

	u32 new_frames;		/* since a poll came to its end */
	u32 seen_done;		/* tx.done then */

	/* What happened in this window. */
	u64 start;		/* ns */
	u32 wakes;		/* ends of polls */
	u32 frames;
	u32 tx_done;		/* tx.done at its start */
};

/* Packets that netpoll took out of the ring, for the next poll; see netpoll.c. */
struct netvsc_stash {
	u8 *bytes;
	u32 head, tail;			/* bytes in use, whole packets */
};

/* Of the poll: frames that GRO has nothing to do with; see rx_skb.c. */
struct netvsc_direct {
	struct list_head list;		/* of this poll */
	bool on;
	bool merged;			/* GRO wanted one of this poll's */
	u32 frames;			/* that might go this way, in this poll */
	u32 polls;			/* since it is on */
};

/* Of the poll, but for what comes back; see rx_pool.c. */
struct netvsc_pool {
	struct page_pool *small;	/* NULL: the kernel has none */
	struct page_pool *large;
};

struct netvsc_chan {
	struct napi_struct napi;
	struct netvsc_conn *conn;
	struct netvsc_dev *nd;
	struct vmbus_channel *ch;	/* NULL: not there */
	u32 index;
	bool ready;			/* open; under chan_lock */
	bool polling;			/* NAPI added and enabled */
	struct netvsc_rx_stats *rx_stats;
	struct netvsc_comps comps;
	struct netvsc_stash stash;
	struct netvsc_rsc *rsc;		/* NULL: host has none */
	const struct netvsc_coal_config *coal_config;
	struct netvsc_coal coal;
	struct netvsc_direct direct;
	struct netvsc_pool pool;
	struct xdp_rxq_info xdp_rxq;
	void *xdp_page;			/* the next frame's; NULL: get one */
	bool xdp_flush;			/* redirected in this poll */
	bool xdp_sent;			/* XDP_TX in this poll */

	struct netvsc_tx tx ____cacheline_aligned_in_smp;
};

/* ---- a connection ---- */

struct netvsc_buf {
	void *base;
	u32 size;
	u32 section_size;
	u32 sections;
	struct vmbus_gpadl gpadl;
	bool told;		/* the host knows it: revoke */
};

/* What the host's card can do, from its capabilities. */
struct netvsc_caps {
	netdev_features_t features;	/* that may be switched on */
	u32 tso_max_size;
	u32 mtu;			/* 0: host doesn't say */
	bool tcp4, udp4, tcp6, udp6;	/* checksums */
	u32 rss_queues;			/* 1: no RSS */
	u32 rss_entries;
	u32 rss_flags;			/* NDIS_RSS_CAP_* */
	bool rsc;
	struct ndis_offload_params params;	/* everything on */
};

/* A control message to the host (rndis.c): it lives until both are done. */
struct netvsc_request;

struct netvsc_conn {
	struct netvsc_dev *nd;
	u32 version;			/* NVS_VERSION_* */
	u32 max_packets;		/* frames in one message */
	u32 align;			/* of frames in a message, bytes */
	u32 max_frame;			/* bytes of one, with a tag */
	struct netvsc_caps caps;
	struct netvsc_buf rx;
	struct netvsc_buf tx;
	u32 tx_table[NVS_SEND_TABLE_COUNT];	/* from the host; READ_ONCE */

	bool tx_on;			/* frames may be sent; READ_ONCE */
	bool rx_on;			/* frames are wanted; READ_ONCE */
	bool mute;			/* doesn't answer; READ_ONCE: silence.c */
	bool opened;			/* the primary, by vmbus_open() */
	bool lent;			/* closed, and the host hasn't let go */

	/* One RNDIS or NVSP request at a time; may sleep. */
	struct mutex ctl_lock;
	spinlock_t ctl_wait_lock;	/* the six below; BHs off */
	u32 ctl_seq;
	u64 nvs_id;			/* 0: nobody waits */
	struct nvs_msg nvs_reply;
	u32 nvs_reply_len;
	struct netvsc_request *waiter;	/* for an RNDIS answer */
	struct list_head requests;	/* with the host */
	struct completion nvs_done;

	spinlock_t chan_lock;		/* whose channels are, readiness */
	u32 nr_chans;			/* places in chan[], constant */
	u32 nr_open;			/* in use: chan[0 .. nr_open - 1] */
	u32 openers;			/* this and seen: binding_lock */
	u32 seen;			/* that have come to an end */
	wait_queue_head_t opener_wait;
	struct netvsc_chan *chan[NETVSC_MAX_CHANS];
};

/* ---- the card ---- */

/* Memory between two connections (change.c); RTNL. */
#define NETVSC_SPARES	4

struct netvsc_spares {
	bool keep;		/* don't give back what a connection leaves */
	bool rings;		/* the primary has its rings; it's closed */
	/* A sub-channel's, for want of others; xchg(): openers hold no RTNL. */
	struct page *ring[NETVSC_MAX_CHANS];
	/* Of shared buffers: */
	void *base[NETVSC_SPARES];
	u32 size[NETVSC_SPARES];
};

/* What a connection is made with. */
struct netvsc_config {
	u32 chans;		/* wanted; the host may grant fewer */
	u32 rx_sections;	/* of NETVSC_RX_SECTION */
	u32 tx_sections;	/* of NETVSC_TX_SECTION; 0: by channels */
	u32 mtu;
};

struct netvsc_rss {
	u32 table[NETVSC_RSS_ENTRIES];
	u8 key[NDIS_RSS_KEY_LEN];
	u32 hash_info;		/* NDIS_HASH_*, which fields count */
	bool user_table;	/* chosen: not spread anew */
	u16 table_chans;	/* channels when it was spread */
};

struct netvsc_vf_stats {
	u64 rx_packets;
	u64 rx_bytes;
	u64 tx_packets;
	u64 tx_bytes;
	u64 tx_dropped;
	struct u64_stats_sync syncp;
};

/* The accelerated card behind this one (vf.c). RTNL, unless told otherwise. */
struct netvsc_vf {
	struct net_device __rcu *dev;
	struct netvsc_vf_stats __percpu *stats;
	struct delayed_work work;	/* brings it to where it should be */
	bool stopped;			/* the card goes */
	bool ready;			/* the VF was set up */
	bool path_vf;			/* the host's data path; READ_ONCE */
	bool path_unsure;		/* it didn't answer to that */
	unsigned short headroom;	/* of ours, without VF */
	bool allocated;			/* this and serial: the host's word, */
	u32 serial;			/* from a poll; READ_ONCE */
};

struct netvsc_dev {			/* netdev_priv() */
	struct net_device *net;
	struct hv_device *hv;
	struct netvsc_conn __rcu *conn;	/* changes under RTNL and conn_lock */
	struct netvsc_conn *opener_conn; /* takes sub-channels; binding_lock */
	struct mutex conn_lock;		/* for works, which can't take RTNL */
	struct list_head list;		/* all cards; RTNL (vf.c looks for one) */

	/* What the user chose; RTNL. */
	struct netvsc_config config;
	struct netvsc_spares spares;
	struct delayed_work retry_work;	/* while there's no connection */
	unsigned long retry_delay;
	struct netvsc_rss rss;
	struct bpf_prog __rcu *xdp_prog;
	bool mac_set;			/* by the user: the host is told again */
	u32 msg_enable;
	u32 speed;			/* ethtool: SPEED_* */
	u8 duplex;

	struct netvsc_events __percpu *events;
	struct netvsc_queue *queue;	/* by channel, all of them */

	struct work_struct filter_work;
	u32 filter;			/* what the host has; conn_lock */
	struct delayed_work silence_work;
	bool unsure;			/* what the host has; READ_ONCE */

	spinlock_t link_lock;		/* the four below; BHs off */
	bool link_stopped;
	bool link_up;
	bool link_flap;			/* show down and up */
	u32 link_speed;			/* 100 bit/s; 0: not known */
	unsigned long link_next;	/* jiffies: not shown before */
	struct delayed_work link_work;

	struct netvsc_vf vf;
};

static inline void netvsc_count(struct netvsc_dev *nd, enum netvsc_event ev)
{
	this_cpu_inc(nd->events->n[ev]);
}

#define netvsc_note(nd, fmt, ...)					\
do {									\
	if (net_ratelimit())						\
		netdev_warn((nd)->net, fmt, ##__VA_ARGS__);		\
} while (0)

/* main.c: module, probe, remove, suspend; owns the module's parameters */
extern int netvsc_ring_size;		/* pages */
extern const struct vmb_batch_ops *netvsc_batch;
extern const struct vmb_lent_ops *netvsc_lent;
extern unsigned int netvsc_host_timeout;	/* seconds, each request */
extern const struct net_device_ops netvsc_netdev_ops;	/* netdev.c */
extern const struct ethtool_ops netvsc_ethtool_ops;	/* ethtool.c */

int netvsc_netdev_set_filter(struct netvsc_dev *nd, struct netvsc_conn *conn);
void netvsc_netdev_filter_work(struct work_struct *work);

bool netvsc_dev_rescinded(const struct netvsc_dev *nd);

/*
 * change.c: RTNL held but for init and exit. Before anything is given up there
 * is memory for both.
 *
 * netvsc_conn_change() makes a new connection with @want and, when that fails,
 * one as before; frames stop meanwhile, whatever was sent is sent. Returns 0,
 * or why it stayed. Whoever changes a setting that takes a new connection calls
 * this. netvsc_conn_resume() connects and attaches the device after a sleep; when
 * that fails, and when there is no going back, it is tried again and again.
 * netvsc_conn_follow(): there is a new connection, with which the host may take a
 * smaller MTU than the interface has; for who opens one in another way, the
 * device attached.
 */
void netvsc_change_init(struct netvsc_dev *nd);
void netvsc_change_exit(struct netvsc_dev *nd);
int netvsc_conn_change(struct netvsc_dev *nd,
		       const struct netvsc_config *want);
int netvsc_conn_resume(struct netvsc_dev *nd);
void netvsc_conn_follow(struct netvsc_dev *nd);
void *netvsc_spare_get(struct netvsc_dev *nd, u32 size);
void netvsc_spare_put(struct netvsc_dev *nd, void *base, u32 size);
struct page *netvsc_spare_ring(struct netvsc_dev *nd, u32 index);

/* conn.c: RTNL held in all of them. */
struct netvsc_conn *netvsc_conn_alloc(struct netvsc_dev *nd,
				      const struct netvsc_config *config);
void netvsc_conn_free(struct netvsc_conn *conn);
int netvsc_conn_open_as(struct netvsc_dev *nd, struct netvsc_conn *conn);
int netvsc_conn_open(struct netvsc_dev *nd);
void netvsc_conn_close(struct netvsc_dev *nd);
int netvsc_conn_start(struct netvsc_dev *nd);	/* frames flow */
void netvsc_conn_stop(struct netvsc_dev *nd);

/* Waiting for the host: bounded, and ends with the device's rescind. */
int netvsc_conn_wait(struct netvsc_conn *conn, struct completion *done,
		     unsigned long deadline);
bool netvsc_conn_pause(struct netvsc_conn *conn, unsigned long deadline);

/*
 * silence.c. begin: whoever waited in vain; end: in the poll, at each answer to
 * a request; unsure: the host may have other settings than we; later: it has,
 * as there was no memory to tell it. init: before there is a connection; exit:
 * after the last one.
 */
void netvsc_silence_init(struct netvsc_dev *nd);
void netvsc_silence_exit(struct netvsc_dev *nd);
void netvsc_silence_begin(struct netvsc_conn *conn);
void netvsc_silence_end(struct netvsc_conn *conn);
void netvsc_silence_unsure(struct netvsc_dev *nd);
void netvsc_silence_later(struct netvsc_dev *nd);

/* chan.c; ring_bytes: of both rings of a channel */
u32 netvsc_chan_ring_bytes(void);
int netvsc_chan_open_primary(struct netvsc_conn *conn);
int netvsc_chan_alloc(struct netvsc_conn *conn, u32 n);
int netvsc_chan_prepare(struct netvsc_conn *conn, u32 n);
void netvsc_chan_open_subs(struct netvsc_conn *conn);
void netvsc_chan_close_all(struct netvsc_conn *conn);
void netvsc_chan_leave_page(struct netvsc_conn *conn, void *address);
void netvsc_chan_leave_skb(struct netvsc_conn *conn, struct sk_buff *skb);
bool netvsc_chan_free_all(struct netvsc_conn *conn);
void netvsc_chan_bind(struct hv_device *hv, struct netvsc_dev *nd);

/*
 * nvs.c: sleeps, bounded. netvsc_nvs_switch_path() is for vf.c; 0 once the host
 * has acknowledged.
 */
int netvsc_nvs_connect(struct netvsc_conn *conn, u32 mtu);
u32 netvsc_nvs_rx_size(const struct netvsc_conn *conn, u32 version);
int netvsc_nvs_share_buffers(struct netvsc_conn *conn);
void netvsc_nvs_revoke(struct netvsc_conn *conn);
int netvsc_nvs_subchannels(struct netvsc_conn *conn, u32 *count);
int netvsc_nvs_switch_path(struct netvsc_conn *conn, bool vf);
void netvsc_nvs_complete(struct netvsc_conn *conn, u64 id,
			 const struct nvs_msg *msg, u32 len);
void netvsc_nvs_inband(struct netvsc_conn *conn, const void *msg, u32 len);

/* rndis.c: control messages; sleep, bounded; -ETIMEDOUT, -ENODEV, -EPROTO */
int netvsc_rndis_init(struct netvsc_conn *conn);
void netvsc_rndis_halt(struct netvsc_conn *conn);
int netvsc_rndis_query(struct netvsc_conn *conn, u32 oid, const void *in,
		       u32 in_len, void *out, u32 *out_len);
int netvsc_rndis_set(struct netvsc_conn *conn, u32 oid, const void *in,
		     u32 len);
int netvsc_rndis_probe(struct netvsc_conn *conn, u32 oid);
void netvsc_rndis_receive(struct netvsc_conn *conn, u32 type, const u8 *shared,
			  u32 len);
void netvsc_rndis_sent(struct netvsc_conn *conn, u64 id, u32 status);
void netvsc_rndis_free(struct netvsc_conn *conn);

/*
 * oid.c: what is asked of and set in the host's card. RTNL, or conn_lock.
 * netvsc_oid_set_rss() brings nd->rss to the host.
 */
int netvsc_oid_read_caps(struct netvsc_conn *conn);
int netvsc_oid_set_offloads(struct netvsc_conn *conn,
			    netdev_features_t features);
int netvsc_oid_set_rss(struct netvsc_conn *conn);
int netvsc_oid_set_filter(struct netvsc_conn *conn, u32 filter);
void netvsc_oid_probe(struct netvsc_conn *conn);
int netvsc_oid_set_mac(struct netvsc_conn *conn, const u8 *mac);
int netvsc_oid_read_mac(struct netvsc_conn *conn, u8 *mac);
void netvsc_oid_read_link(struct netvsc_conn *conn);
void netvsc_oid_read_name(struct netvsc_conn *conn);

/* link.c */
void netvsc_link_init(struct netvsc_dev *nd);
void netvsc_link_indicate(struct netvsc_dev *nd, u32 status, u32 speed);
void netvsc_link_apply(struct netvsc_dev *nd);
void netvsc_link_stop(struct netvsc_dev *nd);

/*
 * tx.c. The tx lock held; conn->tx_on seen under it.
 * netvsc_tx_raw() queues a frame without metadata (XDP_TX, ndo_xdp_xmit) by
 * copying it: 0, -ENOSPC, -EMSGSIZE; the caller counts, and calls
 * netvsc_tx_commit(nc, false), or _flush(), after the last of a batch.
 */
netdev_tx_t netvsc_tx_skb(struct netvsc_chan *nc, struct sk_buff *skb);
int netvsc_tx_raw(struct netvsc_chan *nc, const void *data, u32 len);
u32 netvsc_tx_describe(struct netvsc_chan *nc, const struct sk_buff *skb,
		       u8 *hdr, u32 hdr_len);

/* txq.c: slots, sections, holding back (tx lock held); completions (poll) */
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

/* rx.c: the poll, and what is in the receive buffer */
void netvsc_rx_event(void *context);
int netvsc_rx_poll(struct napi_struct *napi, int budget);
u32 netvsc_rx_packet(struct netvsc_chan *nc,
		     const struct vmpacket_descriptor *desc, int budget);

/*
 * netpoll.c. netvsc_netpoll(): a poll with budget 0, interrupts off. drain: in
 * the next poll, what it left; false when there is more than the budget.
 */
int netvsc_netpoll_alloc(struct netvsc_chan *nc);
void netvsc_netpoll_free(struct netvsc_chan *nc);
void netvsc_netpoll(struct netvsc_chan *nc);
bool netvsc_netpoll_drain(struct netvsc_chan *nc, int budget, u32 *frames);

/*
 * rx_skb.c: frames to the stack. In the poll; NVS_STATUS_*. packet_done: at the
 * end of a transfer-page packet; false when a coalesced frame isn't whole.
 * poll_done: before NAPI is completed.
 */
u32 netvsc_rx_frame(struct netvsc_chan *nc, const struct netvsc_frame *frame);
u32 netvsc_rx_fragment(struct netvsc_chan *nc,
		       const struct netvsc_frame *frame);
bool netvsc_rx_packet_done(struct netvsc_chan *nc);
void netvsc_rx_poll_done(struct netvsc_chan *nc);

/*
 * rx_pool.c. create and destroy: NAPI added, and not enabled. The rest in the
 * poll, but for put_page. skb: empty, with room for @len bytes, or NULL. add:
 * appends a piece for the first of @len bytes to such an skb; how many, or 0
 * without memory. The caller fills both. page: a whole one, of no skb.
 */
int netvsc_pool_create(struct netvsc_chan *nc);
void netvsc_pool_destroy(struct netvsc_chan *nc);
struct sk_buff *netvsc_pool_skb(struct netvsc_chan *nc, u32 len);
u32 netvsc_pool_add(struct netvsc_chan *nc, struct sk_buff *skb, u32 len,
		    u8 **data);
void *netvsc_pool_page(struct netvsc_chan *nc);
void netvsc_pool_put_page(struct netvsc_chan *nc, void *page);

/* comp.c: giving sections back; in the poll but for the first two */
int netvsc_comp_alloc(struct netvsc_chan *nc);
void netvsc_comp_free(struct netvsc_chan *nc);
u32 netvsc_comp_room(const struct netvsc_chan *nc);
void netvsc_comp_add(struct netvsc_chan *nc, u64 id, u32 status);
bool netvsc_comp_flush(struct netvsc_chan *nc);
void netvsc_comp_retry_later(struct netvsc_chan *nc);

/*
 * coalesce.c. init and exit: when the channel comes and goes, NAPI not yet or no
 * more enabled. count: each call of the poll, with the frames received. hold:
 * the poll found the ring empty and is about to complete NAPI (not after: the
 * next poll may run then, and napi_disable() doesn't wait for this one); true:
 * leave the host's interrupts masked, a timer will schedule the poll.
 */
void netvsc_coal_init(struct netvsc_chan *nc);
void netvsc_coal_exit(struct netvsc_chan *nc);
bool netvsc_coal_hold(struct netvsc_chan *nc);
void netvsc_coal_defaults(struct netvsc_coal_config *config);

static inline void netvsc_coal_count(struct netvsc_chan *nc, u32 frames)
{
	nc->coal.new_frames += frames;
}

/*
 * xdp.c. init: before the device is registered; free: after. chan_init: with the
 * pools, NAPI not enabled yet; chan_exit: before they go. receive: copies the
 * frame into a page, runs the program (in the poll, RCU held); returns an skb
 * built on that page for XDP_PASS, eth_type_trans() not done, to be counted as
 * others, or NULL when the frame is consumed and counted. poll_done: end of each
 * poll (xdp_do_flush). allowed: whether the program, if there is one, may stay
 * with these settings; for MTU and feature changes.
 */
void netvsc_xdp_init(struct netvsc_dev *nd);
int netvsc_xdp_chan_init(struct netvsc_chan *nc);
void netvsc_xdp_chan_exit(struct netvsc_chan *nc);
struct sk_buff *netvsc_xdp_receive(struct netvsc_chan *nc,
				   struct bpf_prog *prog,
				   const struct netvsc_frame *frame);
void netvsc_xdp_poll_done(struct netvsc_chan *nc);
int netvsc_xdp_setup(struct net_device *net, struct netdev_bpf *bpf);
int netvsc_xdp_set_vf(struct net_device *vf, struct bpf_prog *prog,
		      struct netlink_ext_ack *extack);
int netvsc_xdp_xmit(struct net_device *net, int n, struct xdp_frame **frames,
		    u32 flags);
int netvsc_xdp_allowed(struct netvsc_dev *nd, u32 mtu,
		       netdev_features_t features);
void netvsc_xdp_free(struct netvsc_dev *nd);

#include "vf_var.h"

/* ethtool_rss.c */
u32 netvsc_rss_key_size(struct net_device *net);
u32 netvsc_rss_table_size(struct net_device *net);
int netvsc_rss_get(struct net_device *net, struct ethtool_rxfh_param *rxfh);
int netvsc_rss_set(struct net_device *net, struct ethtool_rxfh_param *rxfh,
		   struct netlink_ext_ack *extack);
int netvsc_rss_get_fields(struct net_device *net,
			  struct ethtool_rxfh_fields *fields);
int netvsc_rss_set_fields(struct net_device *net,
			  const struct ethtool_rxfh_fields *fields,
			  struct netlink_ext_ack *extack);

/* stats.c: ndo_get_stats64, a sum, and what ethtool -S shows; the last under RTNL */
void netvsc_stats_get64(struct net_device *net, struct rtnl_link_stats64 *to);
unsigned long netvsc_stats_event(struct netvsc_dev *nd, enum netvsc_event ev);
int netvsc_stats_count(struct net_device *net, int set);
void netvsc_stats_strings(struct net_device *net, u32 set, u8 *to);
void netvsc_stats_values(struct net_device *net, struct ethtool_stats *stats,
			 u64 *to);

#endif
