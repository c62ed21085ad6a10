/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-ins for what kernel/storvsc/err.c and silence.c use of the kernel and of their
 * own header, under the same names; for storvsc_err.c, which includes them.
 */
#ifndef TESTS_STORVSC_STAND_INS_H
#define TESTS_STORVSC_STAND_INS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "hv/stor_reg.h"

#define STORVSC_VAR_H

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u32 __be32;
typedef u64 dma_addr_t;

#define HZ			 250
#define MSEC_PER_SEC		 1000
#define U32_MAX			 UINT32_MAX
#define MAX_JIFFY_OFFSET	 (LONG_MAX / 2)
#define GFP_KERNEL		 0
#define DMA_FROM_DEVICE		 0
#define HV_HYP_PAGE_SIZE	 4096
#define SECTOR_SIZE		 512
#define SECTOR_SHIFT		 9
#define BIT_ULL(n)		 (1ull << (n))
#define READ_ONCE(x)		 (x)
#define WRITE_ONCE(x, v)	 ((x) = (v))
#define min(a, b)		 ((a) < (b) ? (a) : (b))
#define min_t(t, a, b)		 min((t)(a), (t)(b))
#define clamp_t(t, v, l, h)	 ((t)(v) < (t)(l) ? (t)(l) : min_t(t, v, h))
#define ilog2(n)		 (31 - __builtin_clz(n))
#define cpu_to_be32(n)		 __builtin_bswap32(n)
#define mul_u64_u32_shr(a, b, n) ((u64)(a) * (b) >> (n))
#define get_random_u32()	 4u
#define time_after(a, b)	 ((long)((b) - (a)) < 0)
#define time_after_eq(a, b)	 ((long)((a) - (b)) >= 0)
#define time_before(a, b)	 time_after(b, a)
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))
#define lockdep_assert_held(l) ((void)(l))
#define spin_lock_init(l)      ((void)(l))
#define spin_lock_bh(l)	       ((void)(l))
#define spin_unlock_bh(l)      ((void)(l))
#define mutex_lock(l)	       ((void)(l))
#define mutex_unlock(l)	       ((void)(l))
#define rcu_read_lock()	       enter_rcu()
#define rcu_read_unlock()      ((void)0)
#define synchronize_rcu()      ((void)0)
#define dev_warn(...)	       ((void)0)
#define dev_notice(...)	       ((void)0)
#define dev_err(...)	       ((void)0)
#define sdev_printk(...)       ((void)0)
#define shost_printk(...)      ((void)0)
#ifndef __packed
#define __packed __attribute__((packed))
#endif

typedef struct {
	int v;
} atomic_t;

typedef struct {
	u64 v;
} atomic64_t;

#define atomic_inc(a)		 ((a)->v++)
#define atomic64_read(a)	 ((a)->v)
#define atomic64_read_acquire(a) ((a)->v)

struct work_struct {
	int unused;
};

struct delayed_work {
	struct work_struct work;
	void (*run)(struct work_struct *work);
	bool due;
};

#define INIT_DELAYED_WORK(w, fn)    ((w)->run = (fn))
#define mod_delayed_work(q, w, t)   ((w)->due = true)
#define queue_delayed_work(q, w, t) ((void)(t), (w)->due = true)
#define cancel_delayed_work_sync(w) ((w)->due = false)
#define flush_work(w)		    ((void)(w))
#define to_delayed_work(w)	    ((struct delayed_work *)(w))

/* SCSI and blocks. */
enum {
	INQUIRY = 0x12,
	MODE_SENSE = 0x1a,
	READ_10 = 0x28,
	LOG_SENSE = 0x4d,
	MODE_SENSE_10 = 0x5a,
	ATA_16 = 0x85,
	ATA_12 = 0xa1,
	MAINTENANCE_IN = 0xa3,
	TEST_UNIT_READY = 0,
};
enum { ILLEGAL_REQUEST = 5, UNIT_ATTENTION = 6 };
enum {
	SAM_STAT_GOOD = 0,
	SAM_STAT_CHECK_CONDITION = 2,
	SAM_STAT_CONDITION_MET = 4,
	SAM_STAT_BUSY = 8,
	SAM_STAT_RESERVATION_CONFLICT = 0x18,
	SAM_STAT_TASK_SET_FULL = 0x28,
	SAM_STAT_ACA_ACTIVE = 0x30,
	SAM_STAT_TASK_ABORTED = 0x40,
};
enum {
	DID_NO_CONNECT = 1,
	DID_BAD_TARGET = 4,
	DID_ERROR = 7,
	DID_RESET = 8,
	DID_REQUEUE = 0xd,
	DID_TRANSPORT_DISRUPTED = 0xe,
};
enum { SUCCESS = 0x2002, FAILED = 0x2003, FAST_IO_FAIL = 0x2008 };
enum scsi_timeout_action { SCSI_EH_NOT_HANDLED, SCSI_EH_RESET_TIMER };
enum { SUBMITTED_BY_BLOCK_LAYER, SUBMITTED_BY_SCSI_ERROR_HANDLER };
enum { SDEV_CREATED = 1, SDEV_RUNNING };
enum { REQ_OP_READ, REQ_OP_WRITE };
#define BLIST_SPARSELUN 1

struct gendisk {
	u64 capacity;
};

struct request_queue {
	unsigned int rq_timeout;
	struct gendisk *disk;
	struct work_struct timeout_work;
};

struct request {
	unsigned int timeout;
	int tag;
	struct request_queue *q;
	bool passthrough;
};

struct Scsi_Host;

struct scsi_device {
	struct Scsi_Host *host;
	struct request_queue *request_queue;
	u32 channel, id, lun, sector_size, sdev_state, sdev_bflags;
};

struct scsi_cmnd {
	struct request rq;
	struct scsi_device *device;
	u8 cmnd[16], sense_buffer[96];
	int result, retries, allowed, submitter, eh_eflags;
	u32 resid;
	unsigned long jiffies_at_alloc;
};

struct scsi_sense_hdr {
	u8 response_code, sense_key, asc, ascq;
};

#define scsi_cmd_to_rq(cmd)		  (&(cmd)->rq)
#define blk_rq_is_passthrough(rq)	  ((rq)->passthrough)
#define blk_abort_request(rq)		  ((void)(rq))
#define req_op(rq)			  REQ_OP_READ
#define get_capacity(disk)		  ((disk)->capacity)
#define scsi_bufflen(cmd)		  4096u
#define scsi_set_resid(cmd, n)		  ((cmd)->resid = (n))
#define scsi_sg_copy_from_buffer(c, b, n) (n)
#define scsi_build_sense(cmd, d, key, asc, ascq) \
	((cmd)->result = SAM_STAT_CHECK_CONDITION)

static bool scsi_normalize_sense(const u8 *sense, int len,
				 struct scsi_sense_hdr *hdr)
{
	*hdr = (struct scsi_sense_hdr){ sense[0] & 0x7f, sense[2] & 0xf,
					sense[12], sense[13] };
	return len > 13;
}

/* The bus. */
enum { VM_PKT_DATA_INBAND = 6 };
#define VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED 1
#define HVPFN_DOWN(n)				    ((n) >> 12)

struct hv_ring_buffer {
	u32 read_index, write_index;
};

struct hv_ring_buffer_info {
	struct hv_ring_buffer *ring_buffer;
	u32 ring_datasize;
};

struct vmbus_channel {
	struct hv_ring_buffer_info inbound, outbound;
};

struct hv_device {
	struct vmbus_channel *channel;
	int device;
};

struct vmbus_packet_mpb_array {
	u32 rangecount;
	struct {
		u32 len, offset;
	} range;
};

struct vmb_lent_ops {
	void (*keep_page)(struct vmbus_channel *channel, void *page);
};

/* The driver. */
enum storvsc_kind { STORVSC_SCSI };
enum storvsc_state {
	STORVSC_CLOSED,
	STORVSC_READY,
	STORVSC_DEAD,
	STORVSC_GONE
};
enum storvsc_log_level {
	STORVSC_LOG_NONE,
	STORVSC_LOG_ERROR,
	STORVSC_LOG_WARN
};
enum storvsc_lun_flag { STORVSC_LUN_RESCAN, STORVSC_LUN_ABSENT };
enum storvsc_ask_stage {
	STORVSC_ASK_NOTHING,
	STORVSC_ASK_WAIT,
	STORVSC_ASK_GRACE
};
#define STORVSC_ID_CONTROL  BIT_ULL(63)
#define STORVSC_ID_HELD	    BIT_ULL(62)
#define STORVSC_ID_PROBE    BIT_ULL(61)
#define STORVSC_ID_READ	    BIT_ULL(60)
#define STORVSC_SRB_TIMEOUT 60

struct storvsc_host;

struct storvsc_chan {
	struct storvsc_host *sh;
	struct vmbus_channel *ch;
	bool ready, lost;
	unsigned long heard;
};

struct storvsc_slot {
	atomic64_t id;
	struct scsi_cmnd *cmd;
	struct scsi_device *sdev;
	unsigned long sent_at;
	u64 given_up;
};

struct storvsc_ask {
	int lock;
	struct delayed_work work;
	enum storvsc_ask_stage stage;
	u32 waiters;
	bool answered, told, was_silent;
	unsigned long alive, ended, timeout, since, quiet, probed, said,
		grace_end;
	u32 seq, probes;
	u8 path, target, lun;
	u32 blocks, block_size;
	void *page;
	dma_addr_t dma;
	bool kept;
};

struct Scsi_Host {
	int unused;
};

struct storvsc_host {
	struct Scsi_Host *shost;
	struct hv_device *hv;
	enum storvsc_kind kind;
	enum storvsc_state state;
	struct storvsc_slot *slots;
	u32 nr_slots;
	int lock, chan_lock;
	struct storvsc_chan *chans;
	u32 nr_chans;
	struct storvsc_ask ask;
	atomic_t bad_completions, timeouts, silences, resets, reconnects;
};

static unsigned long jiffies;
static unsigned int storvsc_timeout = 180, storvsc_timeout_retries = 1;
static unsigned int storvsc_reset_timeout = 10, storvsc_silence_limit;
static const struct vmb_lent_ops *storvsc_lent;
static struct storvsc_host host;

#define storvsc_note(sh, level, ...)	     ((void)(level))
#define shost_priv(shost)		     ((void)(shost), &host)
#define shost_for_each_device(sdev, shost)   for ((sdev) = NULL; (sdev);)
#define storvsc_host_rescinded(sh)	     false
#define storvsc_chan_check_lost(sh)	     false
#define storvsc_chan_kick(sh)		     ((void)(sh))
#define storvsc_scan_lun_event(sh, sdev, f)  ((void)(f))
#define storvsc_chan_close_all(sh)	     ((void)((sh)->state = STORVSC_CLOSED))
#define storvsc_proto_subchannels(sh, t)     ((void)(t))
#define free_page(p)			     ((void)(p), references--)
#define virt_to_page(p)			     (p)
#define dma_map_single(d, p, n, way)	     ((void)(d), (uintptr_t)(p))
#define dma_mapping_error(d, a)		     false
#define dma_unmap_single(d, a, n, way)	     ((void)(d), unmapped++)
#define vmbus_sendpacket(ch, p, n, id, t, f) (inquiry = (id), 0)
#define get_page(p)			     ((void)(p), references++)

/* The page of probes, to which the bus may have references, too. */
static _Alignas(4096) char page[4096];
static int references;
static u32 unmapped;
static bool no_memory;
static u64 probed;		/* the page that the host was told last */
static u64 inquiry, read_probe; /* ids of the last ones */
static void (*preempted)(void);

static uintptr_t get_zeroed_page(int gfp)
{
	(void)gfp;
	references += !no_memory;
	return no_memory ? 0 : (uintptr_t)page;
}

static void enter_rcu(void)
{
	void (*meanwhile)(void) = preempted;

	preempted = NULL;
	if (meanwhile)
		meanwhile();
}

static int vmbus_sendpacket_mpb_desc(struct vmbus_channel *ch, const void *desc,
				     u32 desc_len, const void *pkt, u32 len,
				     u64 id)
{
	(void)ch, (void)pkt, (void)len;
	read_probe = id;
	memcpy(&probed, (const char *)desc + desc_len - sizeof(probed),
	       sizeof(probed));
	probed <<= 12;
	return 0;
}

static u32 committed; /* bursts */

static void storvsc_hold_commit(struct Scsi_Host *shost, u16 hwq)
{
	(void)shost;
	assert_int_equal(hwq, 3);
	committed++;
}

#define storvsc_hold_queue(cmd) ((void)(cmd), 3u)

static void storvsc_heard(struct storvsc_chan *chan)
{
	chan->heard = jiffies;
}

static void storvsc_chan_set_state(struct storvsc_host *sh,
				   enum storvsc_state state)
{
	if (sh->state != STORVSC_GONE)
		sh->state = state;
}

static bool storvsc_io_outstanding(struct storvsc_host *sh,
				   const struct scsi_device *sdev)
{
	u32 i;

	for (i = 0; i < sh->nr_slots; i++)
		if (sh->slots[i].id.v && (!sdev || sh->slots[i].sdev == sdev))
			return true;
	return false;
}

static void storvsc_io_fail(struct storvsc_host *sh, void *chan, int code)
{
	u32 i;

	(void)chan, (void)code;
	for (i = 0; i < sh->nr_slots; i++)
		sh->slots[i].id.v = 0;
}

static void msleep(unsigned int ms)
{
	jiffies += ms * HZ / 1000;
}

#endif
