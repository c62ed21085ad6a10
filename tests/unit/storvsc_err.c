// SPDX-License-Identifier: GPL-2.0
/*
 * hv_storvsc's last means against lost requests, a new channel: neither silence nor a
 * lack of memory ends in disks that go offline, and what is tried again afterwards has
 * its time again. And the page that silence is probed with, and a request that is held
 * for ever. The kernel's sources are compiled as they are, with stand-ins for
 * what they use.
 *
 * links: util
 * kernel headers: empty
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hv/stor_reg.h"

/* What the two use of the kernel and their own header, under the same names. */
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
#define GFP_NOIO		 0
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
	int result, retries, allowed, submitter;
	u32 resid;
	unsigned long jiffies_at_alloc;
};

struct scsi_sense_hdr {
	u8 response_code, sense_key, asc, ascq;
};

#define scsi_cmd_to_rq(cmd)		  (&(cmd)->rq)
#define blk_rq_is_passthrough(rq)	  ((void)(rq), false)
#define blk_noretry_request(rq)		  ((void)(rq), false)
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
#define storvsc_chan_close_all(sh)	     ((sh)->state = STORVSC_CLOSED, true)
#define storvsc_proto_subchannels(sh, t)     ((void)(t))
#define free_page(p)			     ((void)(p))
#define virt_to_page(p)			     (p)
#define dma_map_single(d, p, n, way)	     ((void)(d), (uintptr_t)(p))
#define dma_mapping_error(d, a)		     false
#define dma_unmap_single(d, a, n, way)	     ((void)(d))
#define vmbus_sendpacket(ch, p, n, id, t, f) 0

/* The page of probes: one after the other, of which the bus may take some. */
static _Alignas(4096) char page[2][4096];
static u32 pages;
static u64 probed; /* the page that the host was told last */
static void (*preempted)(void);

static uintptr_t get_zeroed_page(int gfp)
{
	(void)gfp;
	return (uintptr_t)page[pages++ % 2];
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
	(void)ch, (void)pkt, (void)len, (void)id;
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

	(void)sdev;
	for (i = 0; i < sh->nr_slots; i++)
		if (sh->slots[i].id.v)
			return true;
	return false;
}

static void storvsc_io_fail(struct storvsc_host *sh, void *chan, int code,
			    bool keep)
{
	(void)chan, (void)code, (void)keep;
	sh->slots[0].id.v = 0;
}

static void msleep(unsigned int ms)
{
	jiffies += ms * HZ / 1000;
}

/* ---- the host ---- */

static bool noio;
static int answers[64]; /* to each opening; 0 in the end */
static u32 opened, seconds_each, gone_after;

static unsigned int memalloc_noio_save(void)
{
	bool was = noio;

	noio = true;
	return was;
}

static void memalloc_noio_restore(unsigned int was)
{
	noio = was;
}

/* Resets are lost: it comes to the channel. */
static int storvsc_proto_control(struct storvsc_host *sh, struct stor_pkt *pkt,
				 unsigned long timeout)
{
	(void)pkt;
	jiffies += timeout;
	/* Others are answered meanwhile. */
	sh->chans[0].heard = jiffies;
	return -ETIMEDOUT;
}

static int storvsc_proto_connect(struct storvsc_host *sh, unsigned long timeout)
{
	int err = answers[opened++];

	(void)timeout;
	assert_true(noio);
	assert_int_equal(sh->state, STORVSC_CLOSED);
	jiffies += seconds_each * HZ;
	if (opened == gone_after)
		sh->state = STORVSC_GONE;
	if (!err)
		sh->state = STORVSC_READY;
	return err;
}

void storvsc_err_map(struct storvsc_host *sh, struct scsi_cmnd *cmd,
		     const struct stor_srb *srb);
void storvsc_err_gone(struct storvsc_host *sh);
enum scsi_timeout_action storvsc_err_timed_out(struct scsi_cmnd *cmd);
bool storvsc_err_drain(struct storvsc_host *sh, const struct scsi_device *sdev,
		       unsigned long timeout);
bool storvsc_err_may_pass(int err);
int storvsc_err_reopen(struct storvsc_host *sh);
int storvsc_err_reset_lun(struct scsi_cmnd *cmd);
int storvsc_err_reset_host(struct scsi_cmnd *cmd);
void storvsc_silence_init(struct storvsc_host *sh);
void storvsc_silence_alloc(struct storvsc_host *sh);
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
void storvsc_silence_reply(struct storvsc_chan *chan);
void storvsc_silence_closed(struct storvsc_host *sh, bool released);

/* The kernel is built without this warning. */
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "../../kernel/storvsc/err.c"
#undef POLL_MS
#include "../../kernel/storvsc/silence.c"

/* ---- an adapter with a disk ---- */

static struct Scsi_Host shost;
static struct hv_ring_buffer ring;
static struct vmbus_channel channel = {
	.inbound = { &ring, 4096 },
	.outbound = { &ring, 4096 },
};
static struct hv_device hv = { .channel = &channel };
static struct storvsc_chan chan = { .sh = &host,
				    .ch = &channel,
				    .ready = true };
static struct storvsc_slot slot;
static struct gendisk disk = { .capacity = 2048 };
static struct request_queue queue = { .rq_timeout = 180 * HZ, .disk = &disk };
static struct scsi_device sdev = {
	.host = &shost,
	.request_queue = &queue,
	.sector_size = 512,
	.sdev_state = SDEV_RUNNING,
};
static struct scsi_cmnd cmd;

static int set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	memset(answers, 0, sizeof(answers));
	jiffies = 1000000;
	opened = seconds_each = gone_after = 0;
	storvsc_silence_limit = 0;
	noio = false;
	host.shost = &shost;
	host.hv = &hv;
	host.state = STORVSC_READY;
	host.slots = &slot;
	host.nr_slots = 1;
	host.chans = &chan;
	host.nr_chans = 1;
	chan.heard = jiffies;
	cmd = (struct scsi_cmnd){
		.rq = { .timeout = 180 * HZ, .q = &queue },
		.device = &sdev,
		.cmnd = { READ_10 },
		.allowed = 5,
		.jiffies_at_alloc = jiffies,
	};
	slot = (struct storvsc_slot){ { 1 }, &cmd, &sdev, jiffies, 0 };
	storvsc_silence_init(&host);
	return 0;
}

/* As the SCSI layer asks before it tries again. */
static bool too_old(void)
{
	return time_before(cmd.jiffies_at_alloc +
				   (cmd.allowed + 1) * cmd.rq.timeout,
			   jiffies);
}

static void reopens_after(u32 times, int err, u32 seconds)
{
	u32 i;

	for (i = 0; i < times; i++)
		answers[i] = err;
	seconds_each = seconds;
	assert_int_equal(storvsc_err_reset_host(&cmd), SUCCESS);
	assert_int_equal(host.state, STORVSC_READY);
	assert_int_equal(opened, times + 1);
	assert_false(noio);
}

static void test_reopen(void **state)
{
	(void)state;
	reopens_after(0, 0, 0);
}

static void test_reopen_silent(void **state)
{
	(void)state;
	reopens_after(20, -ETIMEDOUT, 60);
}

/* Its messages stay where they are: it's as silent. */
static void test_reopen_full(void **state)
{
	(void)state;
	reopens_after(20, -EBUSY, 60);
}

/* The disk isn't the worse for it when there is memory again. */
static void test_reopen_no_memory(void **state)
{
	unsigned long begin = jiffies;

	(void)state;
	reopens_after(5, -ENOMEM, 0);
	assert_true(jiffies - begin < 60 * HZ);
	set_up(NULL);
	reopens_after(30, -ENOMEM, 0);
}

static void test_reopen_refused(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		answers[i] = -EPROTO;
	assert_int_equal(storvsc_err_reset_host(&cmd), FAILED);
	assert_int_equal(host.state, STORVSC_DEAD);
	assert_int_equal(opened, 3);
}

static void test_reopen_limit(void **state)
{
	static const int errs[] = { -ETIMEDOUT, -EBUSY, -ENOMEM };
	u32 i, k;

	for (k = 0; k < 3; k++) {
		set_up(state);
		for (i = 0; i < 50; i++)
			answers[i] = errs[k];
		seconds_each = 30;
		storvsc_silence_limit = 100;
		assert_int_equal(storvsc_err_reset_host(&cmd), FAILED);
		assert_in_range(opened, 3, 8);
	}
}

/* After a sleep there is no error handler, and nothing to get back. */
static void test_reopen_awake(void **state)
{
	u32 i;

	(void)state;
	host.state = STORVSC_CLOSED;
	seconds_each = 60;
	for (i = 0; i < 20; i++)
		answers[i] = -ETIMEDOUT;
	assert_int_equal(storvsc_err_reopen(&host), SUCCESS);
	assert_int_equal(host.state, STORVSC_READY);
	assert_int_equal(host.reconnects.v, 0);
}

/* The driver goes meanwhile. */
static void test_reopen_gone(void **state)
{
	(void)state;
	host.state = STORVSC_CLOSED;
	answers[0] = answers[1] = -ETIMEDOUT;
	gone_after = 2;
	assert_int_equal(storvsc_err_reopen(&host), FAILED);
	assert_int_equal(host.state, STORVSC_GONE);
	assert_int_equal(opened, 2);
}

/* What was lost is sent again then, and may be told to come again. */
static void test_time_after_reopening(void **state)
{
	(void)state;
	reopens_after(40, -ETIMEDOUT, 60);
	assert_true(too_old());
	storvsc_silence_forgive(&host, &cmd);
	assert_false(too_old());
}

static void run_work(void)
{
	host.ask.work.due = false;
	host.ask.work.run(&host.ask.work.work);
}

/* Its time is over again and again, until the host answers @after seconds. */
static void silent_for(u32 after)
{
	unsigned long end = jiffies + after * HZ;

	while (time_before(jiffies, end)) {
		jiffies += HZ;
		if ((jiffies - slot.sent_at) % cmd.rq.timeout < HZ)
			assert_int_equal(storvsc_err_timed_out(&cmd),
					 SCSI_EH_RESET_TIMER);
		if (host.ask.work.due)
			run_work();
	}
	assert_true(host.ask.told);
}

/* "Come again", as hosts say it after a fail-over. */
static const struct stor_srb again[] = {
	{ .srb_status = STOR_SRB_SELECTION_TIMEOUT },
	{ .srb_status = STOR_SRB_BUS_RESET },
	{ .srb_status = 5, .scsi_status = SAM_STAT_BUSY },
	{
		.srb_status = 4 | STOR_SRB_AUTOSENSE,
		.scsi_status = SAM_STAT_CHECK_CONDITION,
		.sense_length = 18,
		.u.sense = { 0x70, 0, UNIT_ATTENTION, [7] = 10, [12] = 0x2a,
			     9 },
	},
};

static void test_again_after_silence(void **state)
{
	u32 i;

	for (i = 0; i < sizeof(again) / sizeof(*again); i++) {
		set_up(state);
		silent_for(1200);
		assert_true(too_old());
		/* The work has yet to see that the silence is over. */
		storvsc_err_map(&host, &cmd, &again[i]);
		assert_int_not_equal(cmd.result, SAM_STAT_GOOD);
		assert_false(too_old());

		/* And of one that comes when it has. */
		cmd.jiffies_at_alloc = slot.sent_at;
		jiffies += 2;
		storvsc_heard(&chan);
		run_work();
		assert_false(host.ask.stage);
		jiffies += 10 * HZ;
		storvsc_err_map(&host, &cmd, &again[i]);
		assert_false(too_old());
	}
}

/* Without silence the SCSI layer's limit stays as it is. */
static void test_again_and_again(void **state)
{
	(void)state;
	jiffies += 1200 * HZ;
	storvsc_err_map(&host, &cmd, &again[2]);
	assert_true(too_old());
}

/* The channel is closed and opened anew, and the host keeps what it has of the old one. */
static void reopened(void)
{
	u32 had = pages;

	host.ask.probes++; /* an earlier one, of which it has the page */
	storvsc_silence_closed(&host, false);
	assert_int_equal(pages, had + 1);
}

static void test_probe_page(void **state)
{
	(void)state;
	storvsc_silence_alloc(&host);
	silent_for(200);
	assert_true(probed == (uintptr_t)page[(pages - 1) % 2]);
	probed = 0;
	preempted = reopened;
	silent_for(200);
	assert_null(preempted);
	/* Never the one that the bus has; none will do as well. */
	assert_false(probed == (uintptr_t)page[pages % 2]);
	storvsc_silence_free(&host);
}

/* Its burst has no end: nobody else would send it. */
static void test_held(void **state)
{
	(void)state;
	slot.id.v |= STORVSC_ID_HELD;
	committed = 0;
	assert_int_equal(storvsc_err_timed_out(&cmd), SCSI_EH_RESET_TIMER);
	assert_int_equal(committed, 1);
	assert_false(host.ask.stage);
	slot.id.v &= ~STORVSC_ID_HELD;
	assert_int_equal(storvsc_err_timed_out(&cmd), SCSI_EH_RESET_TIMER);
	assert_int_equal(committed, 1);
	assert_true(host.ask.stage);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reopen, set_up),
		cmocka_unit_test_setup(test_reopen_silent, set_up),
		cmocka_unit_test_setup(test_reopen_full, set_up),
		cmocka_unit_test_setup(test_reopen_no_memory, set_up),
		cmocka_unit_test_setup(test_reopen_refused, set_up),
		cmocka_unit_test_setup(test_reopen_limit, set_up),
		cmocka_unit_test_setup(test_reopen_awake, set_up),
		cmocka_unit_test_setup(test_reopen_gone, set_up),
		cmocka_unit_test_setup(test_time_after_reopening, set_up),
		cmocka_unit_test_setup(test_again_after_silence, set_up),
		cmocka_unit_test_setup(test_again_and_again, set_up),
		cmocka_unit_test_setup(test_probe_page, set_up),
		cmocka_unit_test_setup(test_held, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
