/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Synthetic storage, child side: what the files of this driver share.
 *
 * A request's life: io.c puts it into the slot of its tag and into a ring;
 * whoever swaps the slot's id from the request's number to zero (completion
 * callback, reset, rescind, failed send) owns the command from then on and
 * finishes it. So each command is finished once, and an answer that comes
 * twice, late or with an invented number finds no slot.
 *
 * Locks, outermost first: lock, ctrl_lock, then one of ctrl_wait_lock,
 * chan_lock (which binding_lock of main.c may enclose), scan_lock and a
 * burst's lock. The lock of storvsc_ask is inside of none and encloses none.
 * The way of a request takes but the last two: it reads state, cpu_chan[] and
 * chans[] under RCU, and closing waits for such readers.
 */
#ifndef STORVSC_VAR_H
#define STORVSC_VAR_H

#include <linux/atomic.h>
#include <linux/blk-mq.h>
#include <linux/cache.h>
#include <linux/completion.h>
#include <linux/hyperv.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <scsi/scsi.h>
#include <scsi/scsi_cmnd.h>
#include <scsi/scsi_device.h>
#include <scsi/scsi_host.h>

#include "hv/stor_reg.h"
#include "vmbus/batch.h"
#include "vmbus/lent.h"

struct fc_rport;

enum storvsc_kind {
	STORVSC_SCSI,
	STORVSC_IDE,
	STORVSC_FC,
};

enum storvsc_state {
	STORVSC_CLOSED,		/* requests wait in the block layer */
	STORVSC_READY,
	STORVSC_DEAD,		/* requests fail until a host reset succeeds */
	STORVSC_GONE,		/* rescinded or removed: final */
};

enum storvsc_log_level {
	STORVSC_LOG_NONE,
	STORVSC_LOG_ERROR,
	STORVSC_LOG_WARN,
};

struct storvsc_chan {
	struct storvsc_host *sh;
	struct vmbus_channel *ch;	/* NULL: this place is free */
	bool ready;			/* open; under chan_lock */
	bool lost;			/* a sub-channel taken back alone */
	unsigned long heard;		/* the last answer to data; jiffies */
};

/* How many accepted requests may wait to be sent together. */
#define STORVSC_HOLD_MAX	16

/* What of a burst has come so far, by hardware queue; see hold.c. */
struct storvsc_burst {
	spinlock_t lock;		/* the rest; BHs off */
	u32 nr;
	u16 tags[STORVSC_HOLD_MAX];
	u64 since;			/* when the first came, ns */
	u64 longest;			/* that one has waited, ns */
} ____cacheline_aligned_in_smp;

struct storvsc_slot {
	atomic64_t id;			/* 0: neither held nor with the host */
	u32 generation;			/* only the tag's owner touches it */
	u32 nents;			/* what scsi_dma_map() returned */
	struct scsi_cmnd *cmd;
	struct scsi_device *sdev;	/* for comparing only */
	struct storvsc_lun *lun;
	struct storvsc_chan *chan;	/* NULL while held */
	unsigned long sent_at;		/* jiffies */
	u64 given_up;			/* the id that error handling gets */
};

/* A request id: 16 bits of tag, 32 of generation, plus one as 0 is reserved. */
#define STORVSC_ID_TAG_BITS	16
#define STORVSC_ID_CONTROL	BIT_ULL(63)	/* not a request's */
#define STORVSC_ID_HELD		BIT_ULL(62)	/* in a slot only: not sent */
#define STORVSC_ID_PROBE	BIT_ULL(61)	/* of control: see silence.c */
#define STORVSC_ID_READ		BIT_ULL(60)	/* of a probe: it reads a block */

/* What a host needs for one request at most, by its own clock; seconds. */
#define STORVSC_SRB_TIMEOUT	60

enum storvsc_lun_flag {		/* bit numbers */
	STORVSC_LUN_RESCAN,
	STORVSC_LUN_ABSENT,
};

struct storvsc_load {
	atomic_t sent;			/* requests that the host has */
} ____cacheline_aligned_in_smp;

/* One address; exists until the adapter goes, whatever devices come and go. */
struct storvsc_lun {
	unsigned long flags;
	struct storvsc_load load[];	/* by channel */
};

enum storvsc_ask_stage {
	STORVSC_ASK_NOTHING,
	STORVSC_ASK_WAIT,	/* for any answer */
	STORVSC_ASK_GRACE,	/* the host works; the overdue have a little more */
};

/* Whether the host works; see silence.c. Times are jiffies. */
struct storvsc_ask {
	spinlock_t lock;		/* all but work and the last three; BHs off */
	struct delayed_work work;
	enum storvsc_ask_stage stage;
	u32 waiters;			/* error handlers */
	bool answered;			/* a probe of this time */
	unsigned long alive;		/* the last answer that was no data's */
	bool told;			/* in the log, that it is silent */
	bool was_silent;		/* until `ended` */
	unsigned long ended;
	unsigned long timeout;		/* of the request that is overdue */
	unsigned long since;
	unsigned long quiet;		/* nothing was heard from then on */
	unsigned long probed;
	unsigned long said;
	unsigned long grace_end;

	u32 seq;
	u32 probes;			/* not answered yet */
	u8 path, target, lun;		/* of the next one */
	u32 blocks, block_size;		/* 0: don't read */
	void *page;			/* where they read to */
	dma_addr_t dma;
	bool kept;			/* the host may write there after us */
};

struct storvsc_host {
	struct Scsi_Host *shost;
	struct hv_device *hv;
	enum storvsc_kind kind;

	/* Written under chan_lock, read with READ_ONCE under RCU. */
	enum storvsc_state state;
	struct storvsc_chan **cpu_chan;	/* by processor; NULL: none open */

	struct storvsc_burst *bursts;	/* by hardware queue */
	struct storvsc_slot *slots;	/* by tag */
	u32 nr_slots;
	void __percpu *scratch;		/* GPA-direct descriptors, BHs off */
	u32 max_pages;			/* of one request */

	spinlock_t chan_lock;		/* chans[], nr_open, openers, state */
	struct storvsc_chan *chans;	/* [0] is the primary */
	u32 nr_chans;			/* places in chans[] */
	u32 nr_open;
	u32 openers;			/* sub-channels being opened now */
	bool late_open;			/* one finished after the closing */
	wait_queue_head_t opener_wait;

	/*
	 * Serialises opening, closing and negotiation. Taken in error
	 * handling, probe, remove and suspend; never under another lock.
	 */
	struct mutex lock;
	bool opened;			/* the primary, by vmbus_open() */
	u16 version;
	struct stor_properties properties;
	struct stor_wwn wwn;

	struct mutex ctrl_lock;		/* one control request at a time */
	spinlock_t ctrl_wait_lock;	/* the four below */
	u64 ctrl_id;			/* 0: nobody waits */
	u32 ctrl_seq;
	struct stor_pkt ctrl_reply;
	struct completion ctrl_done;

	struct workqueue_struct *wq;	/* ordered: scan_work, lun_work */
	struct work_struct scan_work;
	struct work_struct lun_work;
	struct work_struct lost_work;
	struct work_struct reopen_work;
	struct delayed_work watch_work;
	spinlock_t scan_lock;		/* scanning */
	bool scanning;			/* scan_work and lun_work may be queued */

	struct storvsc_ask ask;

	struct xarray luns;		/* filled under the scan's mutex */

	struct fc_rport *rport;

	atomic_t bad_completions;
	atomic_t timeouts;
	atomic_t silences;
	atomic_t resets;
	atomic_t reconnects;
};

/* main.c */
extern int storvsc_logging_level;
extern unsigned int storvsc_timeout;
extern unsigned int storvsc_timeout_retries;
extern unsigned int storvsc_reset_timeout;
extern unsigned int storvsc_silence_limit;
extern int storvsc_ring_lowater;
extern int storvsc_cpus_per_sub;
extern const struct vmb_batch_ops *storvsc_batch;
extern const struct vmb_lent_ops *storvsc_lent;

struct storvsc_host *storvsc_host_get_opener(struct hv_device *hv);
void storvsc_host_put_opener(struct storvsc_host *sh);
bool storvsc_host_rescinded(struct storvsc_host *sh);

#define storvsc_note(sh, level, fmt, ...)				\
do {									\
	if (storvsc_logging_level >= (level))				\
		dev_warn_ratelimited(&(sh)->hv->device, fmt,		\
				     ##__VA_ARGS__);			\
} while (0)

/* A read or write was answered: only a host whose storage works does that. */
static inline void storvsc_heard(struct storvsc_chan *chan)
{
	unsigned long now = jiffies;

	if (READ_ONCE(chan->heard) != now)
		WRITE_ONCE(chan->heard, now);
}

/* attr.c */
extern const struct attribute_group *storvsc_attr_groups[];

/* chan.c */
u32 storvsc_chan_ring_bytes(void);
int storvsc_chan_open_primary(struct storvsc_host *sh);
void storvsc_chan_close_all(struct storvsc_host *sh);
void storvsc_chan_offer_subs(struct storvsc_host *sh, bool accept);
void storvsc_chan_lose(struct storvsc_chan *chan);
bool storvsc_chan_check_lost(struct storvsc_host *sh);
void storvsc_chan_fail_lost(struct storvsc_host *sh);
void storvsc_chan_kick(struct storvsc_host *sh);
bool storvsc_chan_set_state(struct storvsc_host *sh, enum storvsc_state state);

/* proto.c */
int storvsc_proto_control(struct storvsc_host *sh, struct stor_pkt *pkt,
			  unsigned long timeout);
void storvsc_proto_reply(struct storvsc_host *sh, u64 id,
			 const struct stor_pkt *pkt);
int storvsc_proto_connect(struct storvsc_host *sh, unsigned long timeout);
void storvsc_proto_subchannels(struct storvsc_host *sh, unsigned long timeout);
u32 storvsc_proto_max_transfer(const struct storvsc_host *sh);

/* io.c */
int storvsc_io_alloc(struct storvsc_host *sh);
void storvsc_io_free(struct storvsc_host *sh);
int storvsc_io_queue(struct Scsi_Host *shost, struct scsi_cmnd *cmd);
void storvsc_io_complete(struct storvsc_chan *chan, u64 id,
			 const struct stor_pkt *pkt);
void storvsc_io_send_held(struct storvsc_host *sh, u32 tag);
u64 storvsc_io_new_id(struct storvsc_slot *slot, u32 tag);
bool storvsc_io_outstanding(struct storvsc_host *sh,
			    const struct scsi_device *sdev);
bool storvsc_io_any_data(struct storvsc_host *sh);
void storvsc_io_fail(struct storvsc_host *sh, const struct storvsc_chan *chan,
		     int host_byte);

/* hold.c */
int storvsc_hold_alloc(struct storvsc_host *sh);
bool storvsc_hold_add(struct storvsc_host *sh, u32 hwq,
		      struct storvsc_slot *slot, u32 tag, bool last);
void storvsc_hold_commit(struct Scsi_Host *shost, u16 hwq);
u64 storvsc_hold_longest(struct storvsc_host *sh, bool forget);

/* The hardware queue that a request comes from. */
static inline u32 storvsc_hold_queue(struct scsi_cmnd *cmd)
{
	return blk_mq_unique_tag_to_hwq(blk_mq_unique_tag(scsi_cmd_to_rq(cmd)));
}

/* err.c */
void storvsc_err_map(struct storvsc_host *sh, struct scsi_cmnd *cmd,
		     const struct stor_srb *srb);
enum scsi_timeout_action storvsc_err_timed_out(struct scsi_cmnd *cmd);
int storvsc_err_abort(struct scsi_cmnd *cmd);
int storvsc_err_reset_lun(struct scsi_cmnd *cmd);
int storvsc_err_reset_host(struct scsi_cmnd *cmd);
bool storvsc_err_drain(struct storvsc_host *sh, const struct scsi_device *sdev,
		       unsigned long timeout);
void storvsc_err_gone(struct storvsc_host *sh);
bool storvsc_err_may_pass(int err);
int storvsc_err_reopen(struct storvsc_host *sh);

/* silence.c */
void storvsc_silence_init(struct storvsc_host *sh);
int storvsc_silence_alloc(struct storvsc_host *sh);
void storvsc_silence_free(struct storvsc_host *sh);
void storvsc_silence_ask(struct storvsc_host *sh, struct scsi_cmnd *cmd);
bool storvsc_silence_given_up(const struct storvsc_slot *slot);
bool storvsc_silence_overdue(const struct storvsc_host *sh,
			     const struct storvsc_slot *slot);
bool storvsc_silence_wait(struct storvsc_host *sh, unsigned long since);
bool storvsc_silence_past_limit(struct storvsc_host *sh);
unsigned long storvsc_silence_share(unsigned long timeout, unsigned long most);
void storvsc_silence_renew(struct storvsc_host *sh);
void storvsc_silence_forgive(struct storvsc_host *sh, struct scsi_cmnd *cmd);
void storvsc_silence_reply(struct storvsc_chan *chan, u64 id);
void storvsc_silence_closed(struct storvsc_host *sh, bool released);

/* scan.c */
int storvsc_scan_init(struct storvsc_host *sh);
void storvsc_scan_start(struct storvsc_host *sh);
void storvsc_scan_stop(struct storvsc_host *sh);
void storvsc_scan_event(struct storvsc_host *sh);
void storvsc_scan_lun_event(struct storvsc_host *sh, struct scsi_device *sdev,
			    enum storvsc_lun_flag flag);
int storvsc_scan_lun_alloc(struct scsi_device *sdev);
void storvsc_scan_free(struct storvsc_host *sh);
int storvsc_scan_lun_configure(struct scsi_device *sdev);
u32 storvsc_scan_ide_target(const struct hv_device *hv);

/* fc.c */
#if IS_ENABLED(CONFIG_SCSI_FC_ATTRS)
int storvsc_fc_init(void);
void storvsc_fc_exit(void);
void storvsc_fc_host_init(struct storvsc_host *sh);
int storvsc_fc_host_add(struct storvsc_host *sh);
void storvsc_fc_host_remove(struct storvsc_host *sh);
#else
static inline int storvsc_fc_init(void)
{
	return 0;
}

static inline void storvsc_fc_exit(void)
{
}

static inline void storvsc_fc_host_init(struct storvsc_host *sh)
{
}

static inline int storvsc_fc_host_add(struct storvsc_host *sh)
{
	return 0;
}

static inline void storvsc_fc_host_remove(struct storvsc_host *sh)
{
}
#endif

#endif
