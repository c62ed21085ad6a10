/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the network VSP share among themselves.
 *
 *   netvsp.c      the card: its channels, creation, plug, pause, the end
 *   net_queue.c   one back end queue and its worker: the turn of its loop
 *   net_pace.c    when a flooded queue is served again
 *   net_chan.c    one channel: ring in, completions, open, close
 *   net_nvs.c     NVSP messages: versions, buffers, sub-channels
 *   net_rndis.c   RNDIS control messages and their answers
 *   net_oid.c     what a child may ask and set
 *   net_offload.c NDIS objects: offloads and receive-side scaling
 *   net_steer.c   which of the back end's queues gets which flow
 *   net_tx.c      frames of the child to the back end
 *   net_rx.c      frames of the back end to the child
 *   net_batch.c   received frames on their way: transfer packets, hand-over
 *   net_pool.c    the receive buffer, cut into sections; the send buffer
 *   net_parse.c   headers of frames, what of them is hashed; no state
 *   net_count.c   counters
 *
 * Threads: the server thread owns the card and its list of channels.  Queue q of
 * the back end is served by a worker of its own, which also serves the channels
 * whose index is q modulo the number of queues; all that the child says to set
 * the card up comes on the primary, thus to queue 0's worker.  What several
 * touch is atomic, or under the lock that is named with it.
 *
 * A frame received by one worker for a channel of another stays where it is, in
 * the receive buffer: only its place is handed over (net_batch.c).
 */
#ifndef VSP_NETVSP_VAR_H
#define VSP_NETVSP_VAR_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "hv/nvs_reg.h"
#include "hv/rndis_reg.h"
#include "mem/mem.h"
#include "netvsp.h"
#include "util/log.h"
#include "util/toeplitz.h"

#define NET_ETH_HEADER	  14u
#define NET_VLAN_HEADER	  4u
/* Frames without FCS; the child's MTU is 14 less. */
#define NET_ETH_DEFAULT	  1514u
#define NET_ETH_MIN	  (68u + NET_ETH_HEADER)
#define NET_ETH_MAX	  9216u
/* As vmswitch has it; a child may put more in one message. */
#define NET_MAX_PACKETS	  8u
#define NET_ALIGN_SHIFT	  3u
#define NET_SEND_SECTION  6144u
#define NET_PACKET_MAX	  8192u		    /* bytes of one VMBus packet */
#define NET_TX_IOV	  (NET_IOV_MAX - 4) /* of what one packet refers to */
#define NET_MULTICAST_MAX 32u
#define NET_LSO_MAX_SIZE  0xF53Cu
#define NET_SPEED_DEFAULT 10000000000ull /* bit/s */

struct net_chan;
struct net_queue;

/* ---- counters: one writer, the queue's worker ---- */

#define NET_COUNTERS(X)        \
	X(tx_frames)           \
	X(tx_bytes)            \
	X(tx_packets)          \
	X(tx_segments)         \
	X(tx_unicast_frames)   \
	X(tx_unicast_bytes)    \
	X(tx_multicast_frames) \
	X(tx_multicast_bytes)  \
	X(tx_broadcast_frames) \
	X(tx_broadcast_bytes)  \
	X(tx_batched)          \
	X(tx_csum)             \
	X(tx_tso)              \
	X(tx_vlan)             \
	X(tx_headers_rebuilt)  \
	X(tx_stalled)          \
	X(tx_drop_down)        \
	X(tx_drop_backend)     \
	X(tx_drop_offload)     \
	X(rx_frames)           \
	X(rx_bytes)            \
	X(rx_packets)          \
	X(rx_segments)         \
	X(rx_unicast_frames)   \
	X(rx_unicast_bytes)    \
	X(rx_multicast_frames) \
	X(rx_multicast_bytes)  \
	X(rx_broadcast_frames) \
	X(rx_broadcast_bytes)  \
	X(rx_csum)             \
	X(rx_rsc)              \
	X(rx_vlan)             \
	X(rx_hashed)           \
	X(rx_handed_over)      \
	X(rx_no_section)       \
	X(rx_ring_full)        \
	X(rx_refused)          \
	X(rx_drop_filter)      \
	X(rx_drop_length)      \
	X(rx_drop_offload)     \
	X(rx_drop_channel)     \
	X(ticks)               \
	X(control_messages)    \
	X(indications)         \
	X(bytes_copied)        \
	X(bad_nvs_length)      \
	X(bad_nvs_type)        \
	X(bad_nvs_state)       \
	X(bad_buffer)          \
	X(bad_section_index)   \
	X(bad_section_length)  \
	X(bad_ranges)          \
	X(bad_rndis_length)    \
	X(bad_rndis_type)      \
	X(bad_data_place)      \
	X(bad_frame_length)    \
	X(bad_ppi)             \
	X(bad_csum)            \
	X(bad_lso)             \
	X(bad_completion)      \
	X(bad_control)         \
	X(bad_oid)             \
	X(bad_rss)

enum net_counter {
#define X(name) NET_C_##name,
	NET_COUNTERS(X)
#undef X
		NET_C_COUNT
};

/* ---- the receive buffer ---- */

#define NET_NO_SECTION UINT32_MAX

/*
 * Sections 0 to control - 1 are for control messages, and are the primary's
 * worker's to give out.  The others: `refs` counts the transfer packets that
 * have a frame there, and the worker that fills it; at 0 it is in `free`.
 */
struct net_pool {
	atomic_uint users;   /* the card, queues, batches handed over */
	atomic_bool revoked; /* queues give it back in their next turn */
	struct netvsp *n;
	struct vmbus_buffer *vb;
	uint32_t section_size, sections, control;
	bool rsc; /* large enough for coalesced frames */
	_Atomic uint32_t *refs;
	pthread_mutex_t lock; /* of those below */
	uint32_t *free, nfree;
	uint64_t starving; /* queues that found none, one bit each */
};

/* Server thread.  0 or -errno; takes `vb` over on success. */
int net_pool_create(struct netvsp *n, struct vmbus_buffer *vb, uint32_t frame,
		    struct net_pool **out);
/* Any thread.  The last put gives the buffer back on the server thread. */
void net_pool_get(struct net_pool *p);
void net_pool_put(struct net_pool *p);
/* A free section with one reference, or NET_NO_SECTION, when `queue` is noted
 * as starving. */
uint32_t net_pool_take(struct net_pool *p, unsigned int queue);
void net_pool_ref(struct net_pool *p, uint32_t section);
void net_pool_unref(struct net_pool *p, uint32_t section);

struct net_send_buf {
	atomic_uint users;
	atomic_bool revoked;
	struct netvsp *n;
	struct vmbus_buffer *vb;
	uint32_t sections;
};

int net_send_buf_create(struct netvsp *n, struct vmbus_buffer *vb,
			struct net_send_buf **out);
void net_send_buf_get(struct net_send_buf *b);
void net_send_buf_put(struct net_send_buf *b);

/* ---- headers ---- */

#define NET_HEADERS 192u /* bytes of a frame that are looked at */

struct net_headers {
	uint32_t l3, l4; /* offsets; l4 is 0 when there is no whole one */
	uint16_t proto;	 /* ethertype behind a VLAN tag */
	uint16_t tci;
	uint8_t ip_proto;
	bool vlan, v4, v6, fragment;
};

/* `len` bytes of a frame's start. */
void net_parse(const uint8_t *frame, uint32_t len, struct net_headers *h);
/* Sum of a pseudo-header, not complemented; `h` has a whole IP header. */
uint16_t net_pseudo_sum(const uint8_t *frame, const struct net_headers *h,
			uint32_t l4_len);
/* Of `len` bytes, complemented: what an IPv4 header wants. */
uint16_t net_ip_sum(const uint8_t *p, uint32_t len);

/* False: nothing in this frame is hashed as `info` (NDIS_HASH_*) says. */
bool net_flow_hash(const struct toeplitz *t, uint32_t info,
		   const uint8_t *frame, const struct net_headers *h,
		   uint32_t *hash);

/* ---- what the child set; the queues' workers have copies ---- */

struct net_settings {
	uint32_t filter; /* RNDIS_FILTER_* */
	uint32_t frame;	 /* longest that is not coalesced, without tag */
	uint8_t mac[6];
	bool user_link;
	bool rsc4, rsc6;
	bool rss;
	uint32_t hash_info;
	uint16_t table_len;
	uint8_t table[NDIS_RSS_TABLE_MAX];
	unsigned int nmulticast;
	uint8_t multicast[NET_MULTICAST_MAX][6];
	struct toeplitz toeplitz;
};

/* ---- received frames on their way to the child ---- */

#define NET_BATCH_RANGES 64u
#define NET_XFERS	 512u

/* Several frames for one channel: becomes one transfer packet. */
struct net_batch {
	STAILQ_ENTRY(net_batch) link;
	struct net_pool *pool; /* holds a user while handed over */
	unsigned int channel;
	unsigned int nranges, nsections;
	struct ring_xfer_range range[NET_BATCH_RANGES];
	uint16_t section[NET_BATCH_RANGES];
};
STAILQ_HEAD(net_batches, net_batch);

/* A transfer packet that the child has. */
struct net_xfer {
	uint16_t next;	/* free ones */
	uint16_t count; /* that it was used; part of the id */
	uint16_t nsections;
	bool used, control;
	uint16_t section[NET_BATCH_RANGES];
};

/* An RNDIS message for the child, waiting for a section. */
struct net_answer {
	STAILQ_ENTRY(net_answer) link;
	uint32_t len;
	uint8_t data[];
};

/* ---- channels ---- */

/*
 * Completions that wait for room in the ring: one of a packet, as no other is
 * taken meanwhile, and those of RECV_BUF and SEND_BUF, which the server thread
 * looks at.
 */
#define NET_OWED 3u

struct net_owed {
	uint64_t id;
	struct nvs_msg msg;
	uint32_t len;
};

struct net_chan {
	LIST_ENTRY(net_chan) link; /* server thread */
	struct netvsp *n;
	struct net_queue *q;
	struct vmbus_chan *ch;
	unsigned int index;	 /* 0: primary */
	unsigned int generation; /* of the open */
	char name[16];

	/* From the server thread, before the worker is told. */
	struct net_pool *give_pool;
	struct net_send_buf *give_send;
	int give_error;

	/* The worker's. */
	struct worker_watch watch;
	bool serving, failed;
	bool active;  /* the ring may hold something: it is masked */
	bool sent;    /* something to be flushed */
	uint8_t *buf; /* one packet */
	struct vmbus_packet pkt;
	/* pkt waits for the back end, or the next turn, from held_at on. */
	bool held, held_bad;
	uint32_t held_at;
	unsigned int frames; /* that may be sent in this turn */
	struct net_owed owed[NET_OWED];
	unsigned int nowed;
	struct net_batches waiting; /* for room, or a free transfer */
	struct net_xfer *xfer;
	unsigned int nxfers, in_flight;
	uint16_t xfer_free;
};

/* ---- queues ---- */

#define NET_SPARES   8u
/* Pieces of the section being filled; NET_IOV_MAX less those for spares. */
#define NET_FILL_IOV 8u

struct net_pace {
	struct worker_io timer;
	bool armed;	    /* nothing is served before it fires */
	uint32_t delay;	    /* ns */
	unsigned int empty; /* ticks in a row */
	uint32_t packets;   /* since the last time it was asked */
	uint32_t out, in;   /* frames since `since` */
	uint64_t since;	    /* ns */
	bool flood;	    /* many, one way */
};

struct net_spare {
	uint32_t section;
	uint16_t niov;
};

struct net_queue {
	struct netvsp *n;
	unsigned int index;
	struct worker *_Atomic worker; /* from the first open on, constant */
	char name[16];
	_Atomic uint64_t count[NET_C_COUNT];
	_Atomic uint64_t lent; /* sections that the child has, now */
	atomic_bool pause_owed;

	/* Any thread: what other queues received for channels of this one. */
	pthread_mutex_t inbox_lock;
	struct net_batches inbox;
	atomic_bool inbox_used;
	atomic_bool kicked; /* a call is on its way */

	/* The worker's. */
	struct worker_io again;
	bool again_queued;
	struct net_pace pace;
	struct net_chan *chan[NETVSP_CHANNELS]; /* served, by index */
	unsigned int nserving;
	unsigned int first;  /* least index of those */
	unsigned int next;   /* whose turn is first: they share `frames` */
	unsigned int frames; /* that may be sent in this turn */
	struct net_pool *pool;
	struct net_send_buf *send;
	struct net_settings set;
	unsigned int set_seen;
	bool running; /* net_queue_start() */
	bool readable, writable;
	unsigned int nwaiting; /* batches of its channels that wait */

	uint32_t fill; /* section being filled, or none */
	uint32_t fill_at;
	struct net_spare spare[NET_SPARES];
	unsigned int nspares;
	struct iovec rx_iov[NET_IOV_MAX]; /* NET_FILL_IOV, then the spares' */
	unsigned int rx_niov;		  /* the spares' */
	uint32_t rx_room;		  /* the spares' bytes */
	uint8_t *rx_over;	/* NET_FRAME_MAX bytes, see net_rx.c */
	unsigned int rx_direct; /* frames until it is used again */
	struct net_batch *batch[NETVSP_CHANNELS]; /* being filled */
	uint64_t batches;			  /* which there are */
	struct net_batches spare_batches;
	unsigned int nspare_batches;

	struct iovec tx_iov[NET_IOV_MAX];    /* of one packet */
	struct iovec frame_iov[NET_IOV_MAX]; /* of one frame */
	struct log_limit limit;
};

static inline void net_count_add(struct net_queue *q, enum net_counter c,
				 uint64_t v)
{
	atomic_store_explicit(
		&q->count[c],
		atomic_load_explicit(&q->count[c], memory_order_relaxed) + v,
		memory_order_relaxed);
}

#define net_count(q, counter)  net_count_add(q, NET_C_##counter, 1)
#define net_add(q, counter, v) net_count_add(q, NET_C_##counter, v)
/* Something that a child should not say: counted, and one line of it. */
#define net_bad(c, counter, ...)                                   \
	do {                                                       \
		net_count((c)->q, counter);                        \
		log_guest(&(c)->n->limit, (c)->name, __VA_ARGS__); \
	} while (0)

/* Sum of one counter over all queues; any thread. */
uint64_t net_counter_sum(const struct netvsp *n, enum net_counter c);

/* ---- the card ---- */

/*
 * What the server thread is asked for.  Each is queued once at most, however
 * often a child asks, and is about what there is when its turn comes.  In this
 * order: a buffer that is given back makes room for the next one.
 */
enum net_job {
	NET_JOB_REVOKE_RECV,
	NET_JOB_REVOKE_SEND,
	NET_JOB_RECV_BUF,
	NET_JOB_SEND_BUF,
	NET_JOB_SUBS,
	NET_JOB_OFFLOADS,
	NET_JOB_STEER,
	NET_JOB_PAUSED,
	NET_JOBS
};

struct netvsp {
	struct netvsp_config cfg;
	struct vmbus_server *srv;
	struct net *net;
	char name[12];
	struct log_limit limit; /* also of its channels */
	atomic_int refs;	/* channels, calls under way, the owner */
	bool destroying;
	void (*gone)(void *arg);
	void *gone_arg;
	atomic_uint jobs; /* bits: enum net_job */
	uint8_t mac[6];	  /* permanent */
	unsigned int max_channels, nqueues;

	/* The server thread's. */
	struct net_chan *primary;
	LIST_HEAD(, net_chan) chans;
	unsigned int generation; /* counts opens of the primary */
	struct net_pool *pool;
	struct net_send_buf *send;
	atomic_bool user_link, link_changed;

	atomic_bool paused;
	atomic_uint pause_left;
	void (*pause_done)(void *arg);
	void *pause_arg;

	/* Of what is set: `set` under the lock, whose count is `set_version`. */
	pthread_mutex_t set_lock;
	struct net_settings set;
	atomic_uint set_version;

	/* Any thread: what is told about the card. */
	_Atomic uint32_t version;     /* NVS_VERSION_*; 0: none yet */
	_Atomic uint64_t channels_up; /* one bit each */
	_Atomic uint64_t subs_wanted; /* generation << 16 | how many */

	/* The primary's worker's. */
	bool ndis_told, initialized;
	bool told_link;
	bool link_owed; /* it is to be told when the answers have gone */
	uint32_t caps;	/* NVS_CAP_* */
	uint32_t frame; /* asked for: MTU and header */
	uint32_t buf_gpadl, send_gpadl; /* of a request under way */
	uint64_t buf_id, send_id;	/* its transaction */
	unsigned int asked_generation;
	uint16_t buf_set; /* the child's id of the receive buffer */
	/* Not taken back since; the server thread looks, too. */
	atomic_bool buf_asked, send_asked;
	bool buf_busy, send_busy; /* the child waits for the answer */
	bool subs_asked;
	bool table_owed; /* the send table is to be sent */
	unsigned int subs;
	uint8_t csum_rx; /* bits: TCP4, UDP4, TCP6, UDP6 */
	uint8_t rss_key[NDIS_RSS_KEY_LEN];
	uint32_t speed_told;
	struct ndis_offload_params offload;
	STAILQ_HEAD(, net_answer) answers;
	unsigned int nanswers;
	uint64_t control_used; /* sections of control messages: bits */
	_Atomic unsigned int can_wanted; /* for net_set_offloads() */

	struct net_queue queue[NET_QUEUES_MAX];
};

/* netvsp.c */
void netvsp_get(struct netvsp *n);
void netvsp_put(struct netvsp *n); /* server thread */
/* Any thread that n can't go away beneath: have the server thread do that. */
void netvsp_ask(struct netvsp *n, enum net_job job);
/* Any thread: a turn of every queue. */
void netvsp_kick(struct netvsp *n);
/* The primary's worker: have the sub-channels offered. */
void netvsp_want_subs(struct netvsp *n, unsigned int generation,
		      unsigned int count);
/* A worker: it is quiet, or needs not be any more. */
void netvsp_quiet(struct netvsp *n);
/* Both plugs; any thread. */
bool netvsp_link(struct netvsp *n);
/* Change what is set: returns it locked; end publishes it to all queues. */
struct net_settings *netvsp_settings(struct netvsp *n);
void netvsp_settings_end(struct netvsp *n);
/* As when no child has said anything; the primary's worker. */
void netvsp_settings_reset(struct netvsp *n);

/* net_queue.c */
void net_queue_init(struct net_queue *q, struct netvsp *n, unsigned int index);
/* Server thread: its worker, if it has none.  0 or -errno. */
int net_queue_worker(struct net_queue *q);
void net_queue_end(struct net_queue *q); /* server thread; nothing is open */
/* Any thread: fn(arg) on the worker; a turn follows. */
void net_queue_call(struct net_queue *q, worker_fn fn, void *arg);
/* Any thread: a turn. */
void net_queue_kick(struct net_queue *q);
/* The worker: another turn without sleeping. */
void net_queue_again(struct net_queue *q);
/* The worker: give back a buffer, and all that is under way in it. */
void net_queue_drop_pool(struct net_queue *q);
void net_queue_drop_send(struct net_queue *q);
/* The worker: a channel comes (buffers are handed to the queue) or goes. */
void net_queue_attach(struct net_queue *q, struct net_chan *c);
void net_queue_detach(struct net_queue *q, struct net_chan *c);
/* The worker: these are the buffers now; takes a user of each over. */
void net_queue_give(struct net_queue *q, struct net_pool *pool,
		    struct net_send_buf *send);

/* net_pace.c; the worker */
/* Not yet: a turn that serves comes when the timer has fired. */
bool net_pace_wait(const struct net_queue *q);
/* Nothing is left to do.  True: rings stay masked, the timer runs. */
bool net_pace_linger(struct net_queue *q);
void net_pace_reset(struct net_queue *q);

/* net_chan.c */
int net_chan_open(struct net_chan *c);	/* server thread */
void net_chan_stop(struct net_chan *c); /* ends with vmbus_chan_closed() */
void net_chan_fail(struct net_chan *c, const char *why);
/* Take packets; true: there may be more. */
bool net_chan_turn(struct net_chan *c);
/* Complete a packet: len 0 is an empty completion. */
void net_chan_complete(struct net_chan *c, uint64_t id,
		       const struct nvs_msg *msg, uint32_t len);

/* net_nvs.c; the primary's worker */
void net_nvs_reset(struct netvsp *n);
void net_nvs_handle(struct net_chan *c, const struct vmbus_packet *pkt,
		    const struct nvs_msg *msg, uint32_t len);
/* Bytes of a message to the child, by version. */
uint32_t net_nvs_len(const struct netvsp *n);
/* What is owed: the send table. */
void net_nvs_pump(struct net_chan *c);
/* Server thread: jobs. */
void net_nvs_get_recv(struct netvsp *n);
void net_nvs_get_send(struct netvsp *n);
void net_nvs_revoke_recv(struct netvsp *n);
void net_nvs_revoke_send(struct netvsp *n);

/* net_rndis.c; the primary's worker */
void net_rndis_reset(struct netvsp *n);
/* One control message, private; status of its NVSP completion. */
uint32_t net_rndis_control(struct net_chan *c, const uint8_t *msg,
			   uint32_t len);
void net_rndis_indicate(struct net_chan *c, uint32_t status, const void *data,
			uint32_t len);
/* Tell of a new link state, if the child knows another. */
void net_rndis_link(struct net_chan *c);
/* Send the answers that wait. */
void net_rndis_pump(struct net_chan *c);

/* net_oid.c */
#define NET_ANSWER_MAX 1024u
/* Fills at most NET_ANSWER_MAX bytes; status; *len. */
uint32_t net_oid_query(struct netvsp *n, uint32_t oid, const uint8_t *in,
		       uint32_t in_len, uint8_t *out, uint32_t *len);
uint32_t net_oid_set(struct net_chan *c, uint32_t oid, const uint8_t *in,
		     uint32_t len);

/* net_offload.c */
uint32_t net_offload_caps(struct netvsp *n, const uint8_t *in, uint32_t in_len,
			  bool current, uint8_t *out, uint32_t *len);
uint32_t net_offload_set(struct net_chan *c, const uint8_t *in, uint32_t len);
uint32_t net_rss_caps(struct netvsp *n, uint8_t *out, uint32_t *len);
uint32_t net_rss_set(struct net_chan *c, const uint8_t *in, uint32_t len);
void net_offload_reset(struct netvsp *n);
void net_offload_tell(struct netvsp *n); /* server thread: a job */

/* net_steer.c; server thread, a job: receive-side scaling was set, or forgotten. */
void net_steer_tell(struct netvsp *n);

/* net_tx.c: the RNDIS messages of c->pkt, from c->held_at on.  -EAGAIN: the
 * back end has no room, or the turn's frames are sent; else NVS_STATUS_*. */
int net_tx_packet(struct net_chan *c, const struct nvs_rndis *m);
/* Copy out of / skip in a list of pieces. */
uint32_t net_iov_copy(const struct iovec *iov, unsigned int niov,
		      uint32_t offset, void *buf, uint32_t len);
int net_iov_slice(const struct iovec *iov, unsigned int niov, uint32_t offset,
		  uint32_t len, struct iovec *out, unsigned int max);

/* net_rx.c: receive what is there; true: there may be more. */
bool net_rx_turn(struct net_queue *q);
void net_rx_drop(struct net_queue *q); /* what is filled */

/* net_batch.c */
/* Add a frame's ranges to what goes to `channel`. 0 or -ENOMEM. */
int net_batch_add(struct net_queue *q, unsigned int channel,
		  const struct ring_xfer_range *range, unsigned int n);
/* Send, or hand over, all that was added. */
void net_batch_flush(struct net_queue *q);
/* Send those that wait for room or came from other queues. */
void net_batch_pump(struct net_chan *c);
void net_batch_inbox(struct net_queue *q);
void net_batch_free_spare(struct net_queue *q);
/* The child has given transfer `id` back. */
void net_batch_returned(struct net_chan *c, const struct vmbus_packet *pkt);
/* The channel is closed, or has no receive buffer any more. */
void net_batch_forget(struct net_chan *c);
int net_xfer_init(struct net_chan *c);
/* A free transfer's index, or -EAGAIN; its id. */
int net_xfer_take(struct net_chan *c);
void net_xfer_untake(struct net_chan *c, unsigned int i);
/* It is sent: its sections are the child's. */
void net_xfer_lent(struct net_chan *c, unsigned int i);
uint64_t net_xfer_id(const struct net_chan *c, unsigned int i);
/* Write to the receive buffer; the place was checked. */
void net_pool_write(const struct net_pool *p, uint32_t offset, const void *data,
		    uint32_t len);

#endif
