/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the storage VSP share among themselves.
 *
 *   storvsp.c    the controller: its channels, creation, pause, the end
 *   stor_lun.c   the 64 places for disks; hot add, remove, resize
 *   stor_look.c  which of them the child may see
 *   stor_proto.c the initialisation protocol; no state but its own
 *   stor_chan.c  one channel on its worker: ring in, ring out
 *   stor_req.c   one SCSI request, from packet to completion
 *   stor_verify.c  what a request reads to nowhere
 *
 * Threads: the server thread owns the controller; each channel is served by a
 * worker of its own.  What both touch is atomic and says so.
 */
#ifndef VSP_STORVSP_VAR_H
#define VSP_STORVSP_VAR_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "hv/stor_reg.h"
#include "mem/mem.h"
#include "scsi.h"
#include "storvsp.h"
#include "util/log.h"

/* Also what in-tree Linux can use at most with 4 KiB pages and no chaining. */
#define STOR_MAX_TRANSFER	(1u << 20)
#define STOR_MAX_TRANSFER_LIMIT (8u << 20)
/* Requests taken from one channel's ring and not answered; the rest waits there. */
#define STOR_IN_FLIGHT		256u
#define STOR_INLINE_IOV		4u
/* A guest of 64 processors; ceil(n / 4) channels. */
#define STOR_SUB_CHANNELS_MAX	15u

struct stor_chan;

/* ---- LUNs ---- */

#define STOR_SLOT_PRESENT 0x80000000u /* bit of stor_slot.state; else a count */

/* May the child see the disk in a place?  See stor_look.c. */
enum stor_look {
	STOR_LOOK_OPEN,
	STOR_LOOK_HIDDEN, /* it may take it for another, which was there */
	STOR_LOOK_SETTLING, /* likewise: requests may lie in sub-channels' rings */
	STOR_LOOK_LISTED, /* it has let go of that, and may begin with this */
};

/* Has the child used a disk in a place? */
enum stor_known {
	STOR_KNOWN_NOT,
	STOR_KNOWN_BEFORE, /* before END_INIT: it may be the one that it was then */
	STOR_KNOWN_NOW,
};

/*
 * A place for a disk.  `state` counts requests that use it; a request comes in
 * only while PRESENT is set.  Who brings it to 0 (not present, none under way)
 * has the disk closed on the server thread.
 */
struct stor_slot {
	_Atomic uint32_t state;
	unsigned int number;
	/* Both are written with look_lock held. */
	_Atomic enum stor_look look;
	_Atomic enum stor_known known;
	unsigned int lists; /* told without it, and no command to it since */
	bool awaited;	    /* SETTLING since the channels were asked */
	struct storvsp *s;
	struct disk *disk; /* server thread, or while holding a count */
	struct scsi_lun scsi;
	void (*removed)(void *arg);
	void *removed_arg;
	_Atomic uint64_t reads, writes, flushes, discards, errors;
	_Atomic uint64_t bytes_read, bytes_written, bytes_copied;
};

/* Any thread: use the disk, if there is one.  Balanced by stor_slot_put(). */
bool stor_slot_get(struct stor_slot *slot);
/* Likewise, also when it is being removed and others still use it. */
bool stor_slot_hold(struct stor_slot *slot);
void stor_slot_put(struct stor_slot *slot);
/* Any thread: bit map of LUNs that are present and not hidden. */
uint64_t stor_luns(const struct storvsp *s);
/* The primary's worker: a child begins, and knows of no change. */
void stor_luns_forget(struct storvsp *s);
/*
 * A worker: as stor_slot_get(), for this command, if it may reach the disk.
 * Then: REPORT LUNS is about to be answered.
 */
bool stor_look_use(struct stor_slot *slot, const uint8_t *cdb);
void stor_look_list(struct storvsp *s);
/* Server thread: before requests come, and after the last may come. */
void stor_look_added(struct stor_slot *slot);
void stor_look_removed(struct stor_slot *slot);
/* The primary's worker: a child begins, perhaps one that slept. */
void stor_look_forget(struct storvsp *s);
/*
 * Server thread.  Are there places for which all channels must have read what is in
 * their rings?  Then: they have; true: there are more such places.
 */
bool stor_look_awaits(struct storvsp *s);
void stor_look_settled(struct storvsp *s);
void stor_look_init(struct storvsp *s);
void stor_look_destroy(struct storvsp *s);
/* Server thread: set up the places; close what is in them, at the end. */
void stor_luns_init(struct storvsp *s);
void stor_luns_close(struct storvsp *s);

/* ---- initialisation ---- */

enum stor_state {
	STOR_NEW,
	STOR_BEGUN,
	STOR_VERSIONED,
	STOR_DESCRIBED,
	STOR_READY,
};

struct stor_proto {
	enum stor_state state;
	uint16_t max_version;
	uint16_t version;
	uint16_t max_sub_channels;
	uint16_t sub_channels; /* asked for, once */
	uint32_t max_transfer;
};

enum stor_action { STOR_NOTHING, STOR_BECAME_READY, STOR_CREATE_SUBS };

void stor_proto_reset(struct stor_proto *p);
/* Answer `in`, which is no EXECUTE_SRB, in *out.  Pure. */
enum stor_action stor_proto_handle(struct stor_proto *p,
				   const struct stor_pkt *in,
				   struct stor_pkt *out);

/* ---- channels ---- */

/* Bits of stor_chan.control. */
#define STOR_CTL_CANCEL	   1u /* hung requests of disks that go away */
#define STOR_CTL_ENUMERATE 2u
#define STOR_CTL_LOOK	   4u /* pause or resume; what is owed */

struct stor_req;

struct stor_chan {
	LIST_ENTRY(stor_chan) link; /* server thread */
	struct storvsp *s;
	struct vmbus_chan *ch;
	struct worker *worker;	 /* from the first open on */
	unsigned int index;	 /* 0: primary */
	unsigned int generation; /* of the open; written before it starts */
	char name[16];
	_Atomic uint32_t control;
	atomic_bool pause_owed; /* a pause waits for this channel */
	atomic_bool read_owed;	/* somebody waits until its ring was empty */

	/* The worker's. */
	struct worker_watch watch;
	struct worker_io again; /* another turn without sleeping */
	bool again_queued;
	bool serving, stopping, failed, enumerate;
	bool empty; /* its ring was, in this turn */
	unsigned int rounds;
	unsigned int in_flight;		 /* taken from the ring, not answered */
	unsigned int waiting;		 /* of them: in `answers` */
	uint32_t verifying;		 /* bytes of stor_verify.c's buffers */
	STAILQ_HEAD(, stor_req) answers; /* wait for room in the ring */
	SLIST_HEAD(, stor_req) spare;
	void *buf; /* one packet */
	size_t buf_len;
	struct iovec *scratch;
	unsigned int scratch_len;
};

/* Server thread. */
int stor_chan_open(struct stor_chan *c);
/* Server thread: ends with vmbus_chan_closed(). */
void stor_chan_stop(struct stor_chan *c);
/* Any thread: have the worker look at these. */
void stor_chan_control(struct stor_chan *c, uint32_t bits);
/* The worker's: the channel is no more to be trusted. */
void stor_chan_fail(struct stor_chan *c, const char *why);

/* ---- requests; the worker's ---- */

struct stor_req {
	union {
		STAILQ_ENTRY(stor_req) link;
		SLIST_ENTRY(stor_req) spare;
	};
	struct stor_chan *chan;
	struct stor_slot *slot; /* NULL: no such LUN */
	struct disk_req disk;
	struct scsi_cmd cmd;
	unsigned int step;
	uint64_t step_done; /* bytes of a step that is done in pieces */
	uint64_t transaction;
	bool answer;		    /* the child wants a completion */
	struct iovec *iov;	    /* the buffer; at iov_inline or malloc'd */
	struct iovec *work;	    /* of a repeated write */
	struct stor_verify *verify; /* NULL: nothing was verified */
	struct iovec iov_inline[STOR_INLINE_IOV];
	struct stor_pkt pkt; /* private copy; becomes the answer */
};

/* Take on an EXECUTE_SRB.  0, or -errno when the channel must fail. */
int stor_req_start(struct stor_chan *c, const struct vmbus_packet *pkt);
/*
 * Have the disk request read the next piece of `step` to nowhere: its length, or
 * 0 without memory.  Then: is it what the child's buffer has there?
 */
uint64_t stor_verify_piece(struct stor_req *req, const struct scsi_step *step);
bool stor_verify_same(const struct stor_req *req);
void stor_verify_free(struct stor_req *req);
/* One that only carries the answer to a control operation; NULL: no memory. */
struct stor_req *stor_req_control(struct stor_chan *c,
				  const struct vmbus_packet *pkt,
				  const struct stor_pkt *answer);
/* Done with: its answer is in the ring, or given up. */
void stor_req_release(struct stor_req *req);
void stor_req_free_spare(struct stor_chan *c);
/* stor_chan.c: the answer in req->pkt is ready. */
void stor_chan_answer(struct stor_chan *c, struct stor_req *req);

/* ---- the controller ---- */

struct storvsp {
	struct storvsp_config cfg;
	struct vmbus_server *srv;
	char name[12];
	struct log_limit limit; /* also of its channels */
	atomic_int refs;	/* channels, calls under way, the owner */
	bool destroying;
	void (*gone)(void *arg);
	void *gone_arg;

	struct stor_chan *primary;
	LIST_HEAD(, stor_chan) chans;
	unsigned int generation;  /* counts opens of the primary */
	struct worker_stats past; /* of workers that are gone */

	atomic_bool paused;
	atomic_uint pause_left;
	void (*pause_done)(void *arg);
	void *pause_arg;

	struct stor_proto proto;      /* the primary's worker */
	atomic_bool ready;	      /* END_INIT was said */
	atomic_bool looked;	      /* and then a request came */
	_Atomic uint64_t subs_wanted; /* generation << 16 | how many */

	pthread_mutex_t look_lock;
	atomic_bool scan_wanted; /* a call to tell the child is queued */
	atomic_uint serving;	 /* channels that are open */
	atomic_uint read_left;	 /* of those whose rings must have been empty */
	bool reading;		 /* somebody waits for that; server thread */
	struct stor_slot slot[STORVSP_LUNS];
};

void storvsp_get(struct storvsp *s);
/* Server thread. */
void storvsp_put(struct storvsp *s);
/* The primary's worker: have the sub-channels offered. */
void storvsp_want_subs(struct storvsp *s, unsigned int generation, uint16_t n);
/* A worker: have the child look for LUNs. */
void storvsp_want_scan(struct storvsp *s);
/* Server thread: the same. */
void stor_luns_tell(struct storvsp *s);
/* A channel's worker: it is quiet, or needs not be any more. */
void storvsp_quiet(struct storvsp *s);
/* Likewise: its ring was empty. */
void storvsp_has_read(struct storvsp *s);

#endif
