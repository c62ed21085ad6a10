/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of host/vmbus share among themselves.  Everything here
 * belongs to the server thread unless a comment says otherwise.
 *
 * Which file knows what:
 *   server.c   the connection: versions, reset, unload, shutdown
 *   message.c  the table of channel messages: sizes, versions, states
 *   relid.c    relids and offers: allocation, quarantine, rescind
 *   chan.c     one channel: open, close, retarget, fail, release
 *   gpadl.c    GPADLs
 *   buffer.c   GPADLs that a VSP holds
 *   ring.c     the two rings; runs on the serving thread
 *   gpa.c      ranges of GPA-direct packets; no state
 *   fault*.c   what --fault does to packets and messages on their way out
 */
#ifndef VMBUS_VMBUS_VAR_H
#define VMBUS_VMBUS_VAR_H

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/queue.h>

#include "mem/mem.h"
#include "server.h"
#include "util/log.h"

/* The child's signals for a channel come on this connection id. */
#define VMBUS_EVENT_CONNECTION(relid) (0x2000u + (relid))

/*
 * Bounds on what a child can make the root allocate.  A header may announce
 * 64 KiB of ranges, of which 4 MiB may be unfinished at once; a channel needs
 * one to four GPADLs.
 */
#define GPADL_LIMIT_DEFAULT	      (1280ull << 20)
#define GPADL_MAX		      8192u
#define GPADL_UNFINISHED_MAX	      (4u << 20)
#define GPADL_BUCKETS		      256u

/* ---- rings ---- */

/* One direction of a channel.  Serving thread only while the channel is open. */
struct ring {
	struct ring_ctl *ctl; /* the child's memory */
	uint8_t **page;	      /* its data pages */
	uint32_t size;	      /* bytes of data */
	uint32_t index;	      /* ours: next byte to be read or written */
	uint32_t published;   /* ours, as the child sees it */
	uint32_t peer;	      /* the child's, as last read and checked */
	uint32_t lie;	      /* bits that a fault adds to what is published */
};

/* A packet on its way into a ring. */
struct ring_out {
	struct ring_pkt desc; /* a fault may have it lie */
	uint32_t len;	      /* bytes that it takes, trailer included */
	const void *header;
	uint32_t header_len;
	const void *data;
	uint32_t data_len;
};

/*
 * Start on a ring of `npages` pages, of which page[0] is the control page.
 * Takes both indices from it.  0, or -EPROTO when they are wild.
 */
int ring_attach(struct ring *r, uint8_t **page, uint32_t npages, bool writer);
/* Fills in desc and len from the rest.  0, -EMSGSIZE: no packet can be so long. */
int ring_frame(struct ring_out *out);
/* Into the ring to the child, as vmbus_chan_send(), past the fault filter. */
int ring_send(struct vmbus_chan *ch, const struct ring_out *out);
/* 0: `len` bytes fit in the ring to the child; -EAGAIN, -EPROTO. */
int ring_room(struct vmbus_chan *ch, uint32_t len);

/* ---- GPADLs ---- */

enum gpadl_state {
	GPADL_UNFINISHED, /* the header came, bodies are still to come */
	GPADL_LIVE,
	GPADL_TEARING, /* the child wants it back; the root is not through yet */
};

struct gpadl;

/* A VSP's hold on a GPADL. */
struct gpadl_hold {
	struct vmbus_buffer buffer; /* what the VSP sees of it */
	LIST_ENTRY(gpadl_hold) link;
	struct vmbus_server *srv;
	struct gpadl *g; /* NULL: the GPADL is gone, with its connection */
};

struct gpadl {
	LIST_ENTRY(gpadl) link;	   /* of its bucket */
	LIST_ENTRY(gpadl) of_slot; /* of its relid */
	uint32_t handle;
	uint32_t relid;
	enum gpadl_state state;
	bool ring; /* holds the rings of the open channel `relid` */
	uint16_t range_count;
	uint32_t ranges_len; /* bytes that the header announced */
	uint32_t ranges_got;
	uint64_t bytes; /* whole pages; counted when live */
	uint8_t *ranges;
	LIST_HEAD(, gpadl_hold) holds;
};
LIST_HEAD(gpadl_list, gpadl);

struct gpadl *gpadl_find(struct vmbus_server *srv, uint32_t handle);
/*
 * The pages of a live one that can hold rings: one range of whole pages.
 * Allocates *page (the caller frees it).  0 or -errno.
 */
int gpadl_pages(struct vmbus_server *srv, const struct gpadl *g,
		uint8_t ***page, uint32_t *npages);
/* A hold ended: answer the teardown that waited for that, if one did. */
void gpadl_released(struct vmbus_server *srv, struct gpadl *g);
/* Channel `relid` is closed: answer the teardowns that waited for that. */
void gpadl_chan_closed(struct vmbus_server *srv, uint32_t relid);
/* Channel `relid` is being rescinded: who waits for CREATED shall not. */
void gpadl_chan_rescinded(struct vmbus_server *srv, uint32_t relid);
/* Forget those of one relid, or (0) all, without a word to the child. */
void gpadl_drop(struct vmbus_server *srv, uint32_t relid);

void gpadl_on_header(struct vmbus_server *srv, const void *msg, size_t len);
void gpadl_on_body(struct vmbus_server *srv, const void *msg, size_t len);
void gpadl_on_teardown(struct vmbus_server *srv, const void *msg, size_t len);

/* ---- channels ---- */

enum chan_state {
	CHAN_UNOFFERED, /* the child does not know it (now) */
	CHAN_OFFERED,	/* the child may open it */
	CHAN_OPENING,	/* within ops->open() */
	CHAN_OPEN,
	CHAN_CLOSING, /* until vmbus_chan_closed() and all sub-channels closed */
};

/* Bits of vmbus_chan.work: what other threads want the server thread to do. */
#define CHAN_WORK_CLOSED  1u /* the VSP called vmbus_chan_closed() */
#define CHAN_WORK_FAIL	  2u /* ... vmbus_chan_fail() */
#define CHAN_WORK_RELEASE 4u /* nothing holds it any more */

struct chan_counters {
	/* The serving thread's, so that adding needs no locked instruction. */
	_Atomic uint64_t packets_in, packets_out, bytes_in, bytes_out;
	_Atomic uint64_t signals_in, interrupts, ring_full;
	/* The server thread's. */
	_Atomic uint64_t opens, closes;
	/* Any thread's. */
	_Atomic uint64_t errors;
};

struct vmbus_chan {
	TAILQ_ENTRY(vmbus_chan)
	link; /* of vmbus_server.chans, in order of offering */
	struct vmbus_server *srv;
	struct vmbus_chan *parent; /* of a sub-channel */
	const struct vmbus_chan_ops *ops;
	void *priv;
	struct vmbus_offer offer;
	char name[32];
	int signal_fd;
	struct log_limit limit; /* a primary's; see chan_limit() */

	enum chan_state state;
	uint32_t relid;	     /* 0 while unoffered */
	bool revoked;	     /* RESCIND is due for this relid: when closed */
	bool dying;	     /* ends with released() */
	bool withdrawn;	     /* not to be offered again on this connection */
	bool child_released; /* RELID_RELEASED came before it was closed */
	bool vsp_closed;     /* while CLOSING: the VSP is through */
	bool reopen;	     /* an OPEN came while CLOSING */
	struct vmb_open open_msg;

	/* Set before ops->open(), freed when closed. */
	uint8_t **pages;
	uint32_t ring_gpadl;
	struct ring from_child, to_child;
	bool pending_send; /* to_child's field is not 0; serving thread */
	struct chan_fault *fault; /* NULL: none; constant */

	/*
	 * signal_lock is held while an event flag is being set, so that who
	 * changes target_vp under it knows: none comes for the old VP any more
	 * (MODIFYCHANNEL's answer promises that, and UNLOAD's).
	 */
	pthread_mutex_t signal_lock;
	uint32_t target_vp;

	atomic_uint work;
	const char *_Atomic fail_why;
	struct chan_counters count;
};

/* Start to close an open channel and its sub-channels; no-op for others. */
void chan_close(struct vmbus_chan *ch);
/* Close it and its sub-channels; each is RESCINDed when closed. */
void chan_rescind(struct vmbus_chan *ch);
/* Is the VSP (or may it be) at work on it? */
bool chan_busy(const struct vmbus_chan *ch);
/* Ask for released(), which comes from the server thread's queue. */
void chan_queue_release(struct vmbus_chan *ch);

void chan_on_open(struct vmbus_server *srv, const void *msg, size_t len);
void chan_on_close(struct vmbus_server *srv, const void *msg, size_t len);
void chan_on_modify(struct vmbus_server *srv, const void *msg, size_t len);

/* ---- faults on purpose ---- */

#define FAULT_DATA_MAX \
	256u /* payload of a packet that is changed or repeated */

#define FAULT_HEADER_MAX 4096u /* of it, behind the descriptor */

struct vmbus_faults;

/* 0 or -ENOMEM; ch->fault stays NULL when no fault names this channel. */
int fault_chan_create(struct vmbus_chan *ch);
void fault_chan_free(struct vmbus_chan *ch);
/* Is nothing to be published now? */
bool fault_silent(const struct vmbus_chan *ch);
/* The server thread, before open(): nothing is owed to an earlier opener. */
void fault_chan_open(struct vmbus_chan *ch);
/* The serving thread: send a packet, or what is made of it. */
int fault_send(struct vmbus_chan *ch, struct ring_out *out);
/* The serving thread, before a flush: as much as fits of what is owed. */
void fault_pump(struct vmbus_chan *ch);
/* The server thread: this message isn't to be posted now, or never. */
bool fault_withholds(struct vmbus_server *srv, uint32_t vp, uint8_t sint,
		     const void *msg, size_t len);
/* The server thread: a message has been posted. */
void fault_posted(struct vmbus_server *srv, uint32_t vp, uint8_t sint,
		  const void *msg);
/* The offer of a channel with ch->fault, before it is posted. */
void fault_offer(struct vmbus_chan *ch, struct vmb_offer *offer);
/* The connection has ended: what is withheld is nothing to the next one. */
void fault_drop_held(struct vmbus_server *srv);
void faults_free(struct vmbus_server *srv);

/* ---- relids ---- */

/*
 * A relid is not reused before the child said RELID_RELEASED, even when the
 * channel object is gone by then; nor may its instance be offered anew.
 */
enum relid_state { RELID_FREE, RELID_USED, RELID_QUARANTINE };

struct relid_slot {
	enum relid_state state;
	struct vmbus_chan *ch; /* while USED */
	struct guid_reg instance;
	struct gpadl_list gpadls;
};

struct vmbus_chan *relid_chan(struct vmbus_server *srv, uint32_t relid);
bool relid_quarantined(const struct vmbus_server *srv, uint32_t relid);
/* A rescinded channel is closed: its relid goes to quarantine or is free. */
void relid_retire(struct vmbus_chan *ch);
/* The connection ended: all are free. */
void relid_reset(struct vmbus_server *srv);
/*
 * Tell the child about every channel which it should know and does not.  Those
 * whose instance is in quarantine, or for which no relid is free, wait.
 */
void relid_offer_waiting(struct vmbus_server *srv);

void relid_on_request_offers(struct vmbus_server *srv, const void *msg,
			     size_t len);
void relid_on_released(struct vmbus_server *srv, const void *msg, size_t len);

/* ---- the connection ---- */

enum conn_state {
	CONN_NONE,
	CONN_UP,
	CONN_ENDING, /* VSPs are closing; then `next` */
};

/* What to do when the connection has ended; the child's last word counts. */
enum conn_next { NEXT_NOTHING, NEXT_CONTACT, NEXT_UNLOADED };

struct contact {
	uint32_t version;
	uint32_t vp;
	uint8_t sint;
	uint8_t vtl;
	uint64_t monitor[2];
};

struct vmbus_server {
	const struct mem *mem;
	struct vmbus_host_ops ops;
	void *host;
	uint32_t max_version; /* constant: read by any thread */
	uint64_t gpadl_limit;
	struct log_limit limit;
	struct log_limit contact_limit; /* the connection comes and goes */

	enum conn_state state;
	enum conn_next next;
	struct contact contact; /* for NEXT_CONTACT */
	_Atomic uint32_t version;
	uint32_t message_vp; /* that messages to the child go to */
	bool offers_sent;

	bool shutting_down;
	void (*reset_done)(void *arg);
	void *reset_arg;
	void (*shutdown_done)(void *arg);
	void *shutdown_arg;

	TAILQ_HEAD(vmbus_chans, vmbus_chan) chans;
	unsigned int nchans;
	struct relid_slot slot[VMB_RELIDS];

	struct gpadl_list gpadls[GPADL_BUCKETS];
	uint32_t gpadl_key;	   /* odd */
	unsigned int ngpadls;	   /* live and unfinished */
	uint32_t gpadl_unfinished; /* bytes of ranges */

	struct vmbus_faults *faults; /* NULL: none */
	_Atomic uint64_t fault_count;

	struct vmbus_server_stats stats;
};

/* To the message VP of the connection. */
void server_post(struct vmbus_server *srv, const void *msg, size_t len);
/* Connection ending: go on if the last channel has been closed. */
void server_check_ended(struct vmbus_server *srv);
/* Shutdown: tell if the last channel has been released. */
void server_check_shutdown(struct vmbus_server *srv);
void server_on_contact(struct vmbus_server *srv, uint32_t connection,
		       const void *msg);
void server_on_unload(struct vmbus_server *srv, const void *msg, size_t len);
/* Something the child did wrong: one rate-limited line, counted. */
#define server_bad(srv, ...)                                    \
	do {                                                    \
		(srv)->stats.messages_bad++;                    \
		log_guest(&(srv)->limit, "vmbus", __VA_ARGS__); \
	} while (0)

static inline bool guid_equal(const struct guid_reg *a,
			      const struct guid_reg *b)
{
	return !memcmp(a, b, sizeof(*a));
}

#endif
