// SPDX-License-Identifier: GPL-2.0
/*
 * hv_storvsc closes a channel whose requests are lost: nothing that the host may still
 * do for them ends before the host has let go, since it'd be sent again. The kernel's
 * sources are compiled as they are, with stand-ins for what they use.
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
#include <stdbool.h>
#include <string.h>

#include "hv/stor_reg.h"

/* ---- what io.c and chan.c use of the kernel, under the same names ---- */

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef u64 dma_addr_t;

#define HZ		 250
#define GFP_KERNEL	 0
#define NUMA_NO_NODE	 (-1)
#define SECTOR_SHIFT	 9
#define BIT(n)		 (1ul << (n))
#define BIT_ULL(n)	 (1ull << (n))
#define READ_ONCE(x)	 (x)
#define WRITE_ONCE(x, v) ((x) = (v))
#define min_t(t, a, b)	 ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define unlikely(x)	 (x)
#define __percpu
#define __packed		    __attribute__((packed))
#define time_before(a, b)	    ((long)((a) - (b)) < 0)
#define time_after_eq(a, b)	    ((long)((a) - (b)) >= 0)
#define lockdep_assert_held(l)	    ((void)(l))
#define spin_lock_bh(l)		    ((void)(l))
#define spin_unlock_bh(l)	    ((void)(l))
#define mutex_lock(l)		    ((void)(l))
#define mutex_unlock(l)		    ((void)(l))
#define rcu_read_lock()		    ((void)0)
#define rcu_read_unlock()	    ((void)0)
#define synchronize_rcu()	    ((void)0)
#define local_bh_disable()	    ((void)0)
#define local_bh_enable()	    ((void)0)
#define raw_smp_processor_id()	    0
#define this_cpu_ptr(p)		    (p)
#define cpu_to_node(cpu)	    ((void)(cpu), 0)
#define for_each_possible_cpu(cpu)  for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define dev_warn(...)		    ((void)0)
#define dev_warn_ratelimited(...)   ((void)0)
#define wait_event_timeout(q, c, t) test_wait(c)
#define list_empty_careful(l)	    ((void)(l), true)
#define queue_work(q, w)	    ((void)(w))
#define tasklet_schedule(t)	    ((void)(t))
#define kvcalloc(n, size, gfp)	    test_calloc(n, size)
#define kvfree(p)		    test_free(p)
#define kfree(p)		    test_free(p)
#define __alloc_percpu(n, align)    test_malloc(n)
#define free_percpu(p)		    test_free(p)
#define struct_size_t(type, m, n)   (sizeof(type) + (n) * sizeof(u64))

typedef struct {
	int v;
} atomic_t;

typedef struct {
	u64 v;
} atomic64_t;

#define atomic_inc(a)		   ((a)->v++)
#define atomic_dec(a)		   ((a)->v--)
#define atomic64_read(a)	   ((a)->v)
#define atomic64_read_acquire(a)   ((a)->v)
#define atomic64_set_release(a, x) ((a)->v = (x))

static u64 atomic64_cmpxchg(atomic64_t *a, u64 old, u64 new)
{
	u64 was = a->v;

	if (was == old)
		a->v = new;
	return was;
}

static bool test_wait(bool done)
{
	assert_true(done);
	return done;
}

/* SCSI. */
enum { WRITE_SAME = 0x41, SET_WINDOW = 0x24, ILLEGAL_REQUEST = 5 };
enum { DID_NO_CONNECT = 1, DID_ERROR = 7, DID_RESET = 8, DID_REQUEUE = 0xd };
enum { SCSI_MLQUEUE_DEVICE_BUSY = 0x1056, SCSI_MLQUEUE_HOST_BUSY = 0x1055 };
enum { DMA_TO_DEVICE = 1, DMA_FROM_DEVICE, DMA_NONE };
enum { SCMD_LAST = 1, SCMD_STATE_COMPLETE = 0 };

struct request {
	u32 tag;
};

struct scatterlist {
	u64 addr;
	u32 len;
};

struct scsi_device {
	void *hostdata;
	u32 channel, id, lun;
	bool tagged_supported;
};

struct scsi_cmnd {
	struct request rq;
	struct scsi_device *device;
	struct scatterlist sg;
	u8 cmnd[16];
	u32 cmd_len, flags;
	unsigned long state;
	int sc_data_direction, result;
	u32 mapped, done;
};

struct Scsi_Host {
	u32 can_queue, host_no;
};

#define scsi_cmd_to_rq(cmd) (&(cmd)->rq)
#define scsi_sglist(cmd)    (&(cmd)->sg)
#define scsi_bufflen(cmd)   ((cmd)->sg.len)
#define sg_dma_address(sg)  ((sg)->addr)
#define sg_dma_len(sg)	    ((sg)->len)
#define for_each_sg(l, sg, n, i) \
	for ((i) = 0, (sg) = (l); (i) < (n); (i)++, (sg)++)
#define blk_rq_is_passthrough(rq) ((void)(rq), false)
#define blk_abort_request(rq)	  ((void)(rq))
#define scsi_build_sense(...)	  ((void)0)
#define test_bit(n, a)		  (*(a) >> (n)&1)

static int scsi_dma_map(struct scsi_cmnd *cmd)
{
	cmd->mapped = cmd->sc_data_direction != DMA_NONE;
	return cmd->mapped;
}

static void scsi_dma_unmap(struct scsi_cmnd *cmd)
{
	assert_int_equal(cmd->mapped--, 1);
}

/* The bus. */
enum { VM_PKT_DATA_INBAND = 6, VM_PKT_COMP = 11 };
#define VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED 1
#define HV_HYP_PAGE_SHIFT			    12
#define HVPFN_DOWN(n)				    ((n) >> 12)
#define HVPFN_UP(n)				    (((n) + 4095) >> 12)
#define offset_in_hvpage(n)			    ((n)&4095)

struct list_head {
	int unused;
};

struct hv_ring {
	int unused;
};

struct vmbus_channel {
	bool rescind;
	u32 target_cpu, rqstor_size, max_pkt_size;
	struct hv_ring outbound;
	struct list_head sc_list;
	struct vmbus_channel *primary_channel;
	struct hv_device *device_obj;
	void *ringbuffer_page, *state;
	void *next_request_id_callback, *request_addr_callback;
	void (*change_target_cpu_callback)(struct vmbus_channel *ch, u32 old,
					   u32 new);
	int callback_event;
};

struct hv_device {
	struct vmbus_channel *channel;
	int device;
};

struct vmpacket_descriptor {
	u16 type;
	u64 trans_id;
	u32 len;
};

struct hv_mpb_array {
	u32 len, offset;
	u64 pfn_array[];
};

struct vmbus_packet_mpb_array {
	u32 rangecount;
	u32 unused;
	struct hv_mpb_array range;
};

#define hv_pkt_datalen(desc)		    ((desc)->len)
#define hv_pkt_data(desc)		    ((const void *)((desc) + 1))
#define hv_pkt_iter_first(ch)		    ((void)(ch), NULL)
#define __hv_pkt_iter_next(ch, d)	    ((void)(d), NULL)
#define hv_pkt_iter_close(ch)		    ((void)(ch))
#define hv_get_avail_to_write_percent(r)    ((void)(r), 100u)
#define get_per_channel_state(ch)	    ((ch)->state)
#define set_per_channel_state(ch, s)	    ((ch)->state = (s))
#define vmbus_setevent(ch)		    ((void)(ch))
#define vmbus_set_sc_create_callback(ch, f) ((void)(ch), (void)(f))

struct vmb_lent_ops {
	bool (*any)(const struct vmbus_channel *primary);
};

/* ---- and of their own header ---- */

#define STORVSC_VAR_H
#define STORVSC_ID_TAG_BITS 16
#define STORVSC_ID_CONTROL  BIT_ULL(63)
#define STORVSC_ID_HELD	    BIT_ULL(62)
#define STORVSC_ID_PROBE    BIT_ULL(61)
#define STORVSC_SRB_TIMEOUT 60
enum { STORVSC_LOG_ERROR };
enum storvsc_state {
	STORVSC_CLOSED,
	STORVSC_READY,
	STORVSC_DEAD,
	STORVSC_GONE
};

struct storvsc_chan {
	struct storvsc_host *sh;
	struct vmbus_channel *ch;
	bool ready, lost;
};

struct storvsc_load {
	atomic_t sent;
};

struct storvsc_lun {
	struct storvsc_load load[1];
};

struct storvsc_slot {
	atomic64_t id;
	u32 generation, nents;
	struct scsi_cmnd *cmd;
	struct scsi_device *sdev;
	struct storvsc_lun *lun;
	struct storvsc_chan *chan;
	unsigned long sent_at;
	u64 given_up;
};

struct storvsc_host {
	struct Scsi_Host *shost;
	struct hv_device *hv;
	enum storvsc_state state;
	struct storvsc_chan *cpu_chan[1], *chans;
	struct storvsc_slot *slots;
	void *scratch, *bursts;
	u32 nr_slots, max_pages, nr_chans, nr_open, openers;
	bool late_open, opened;
	int chan_lock, lock, opener_wait, lost_work;
	u16 version;
	atomic_t bad_completions;
};

static unsigned long jiffies;
static int storvsc_ring_lowater = 10;
static const struct vmb_lent_ops *storvsc_lent;
static struct storvsc_host host;

#define storvsc_note(sh, level, ...)		 ((void)(level))
#define shost_priv(shost)			 ((void)(shost), &host)
#define storvsc_host_rescinded(sh)		 ((sh)->hv->channel->rescind)
#define storvsc_host_get_opener(hv)		 ((void)(hv), (struct storvsc_host *)NULL)
#define storvsc_host_put_opener(sh)		 ((void)(sh))
#define storvsc_chan_ring_bytes()		 (128u * 1024)
#define storvsc_proto_max_transfer(sh)		 ((void)(sh), 65536u)
#define storvsc_proto_reply(sh, id, p)		 ((void)(id))
#define storvsc_scan_event(sh)			 ((void)(sh))
#define storvsc_silence_reply(chan, id)		 ((void)(id))
#define storvsc_silence_forgive(sh, c)		 ((void)(c))
#define storvsc_heard(chan)			 ((void)(chan))
#define storvsc_err_map(sh, cmd, srb)		 ((void)(srb))
#define storvsc_hold_queue(cmd)			 ((void)(cmd), 0u)
#define storvsc_hold_commit(shost, q)		 ((void)(shost))
#define storvsc_hold_alloc(sh)			 ((void)(sh), 0)
#define storvsc_hold_add(sh, q, slot, tag, last) ((void)(last), false)
static bool storvsc_silence_alloced, released_told;

static int storvsc_silence_alloc(struct storvsc_host *sh)
{
	(void)sh;
	storvsc_silence_alloced = true;
	return 0;
}

static void storvsc_silence_closed(struct storvsc_host *sh, bool released)
{
	(void)sh;
	released_told = released;
}

static void scsi_done(struct scsi_cmnd *cmd);
static void msleep(unsigned int ms);

static int vmbus_open(struct vmbus_channel *ch, u32 send, u32 receive,
		      void *user, u32 len, void (*callback)(void *context),
		      void *context)
{
	(void)send, (void)receive, (void)user, (void)len, (void)callback;
	(void)context;
	ch->ringbuffer_page = ch;
	return 0;
}

static void vmbus_close(struct vmbus_channel *ch);

static int vmbus_sendpacket(struct vmbus_channel *ch, void *pkt, u32 len,
			    u64 id, int type, u32 flags)
{
	(void)ch, (void)pkt, (void)len, (void)id, (void)type, (void)flags;
	return 0;
}

static int vmbus_sendpacket_mpb_desc(struct vmbus_channel *ch,
				     struct vmbus_packet_mpb_array *desc,
				     u32 desc_len, void *pkt, u32 len, u64 id)
{
	(void)ch, (void)desc, (void)desc_len, (void)pkt, (void)len, (void)id;
	return 0;
}

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
int storvsc_chan_open_primary(struct storvsc_host *sh);
void storvsc_chan_close_all(struct storvsc_host *sh);
void storvsc_chan_offer_subs(struct storvsc_host *sh, bool accept);
void storvsc_chan_lose(struct storvsc_chan *chan);
bool storvsc_chan_check_lost(struct storvsc_host *sh);
void storvsc_chan_fail_lost(struct storvsc_host *sh);
void storvsc_chan_kick(struct storvsc_host *sh);
bool storvsc_chan_set_state(struct storvsc_host *sh, enum storvsc_state state);

/* The kernel is built without these warnings. */
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "../../kernel/storvsc/io.c"
#include "../../kernel/storvsc/chan.c"

/* ---- an adapter, its requests, and a host that takes its time ---- */

#define TAGS 4

static struct Scsi_Host shost = { .can_queue = TAGS };
static struct vmbus_channel channel;
static struct hv_device hv = { .channel = &channel };
static struct storvsc_chan chan;
static struct storvsc_lun lun;
static struct scsi_device sdev = { .hostdata = &lun };
static struct scsi_cmnd cmds[TAGS];
static bool owed;
static unsigned long lets_go, rescinded; /* when; 0: never */

static bool any(const struct vmbus_channel *primary)
{
	assert_ptr_equal(primary, &channel);
	return owed;
}

static const struct vmb_lent_ops ops = { .any = any };

/* Not confirmed while it's waited for. */
static void vmbus_close(struct vmbus_channel *ch)
{
	owed = lets_go != 0 || rescinded != 0;
	if (!owed)
		ch->ringbuffer_page = NULL;
}

static void msleep(unsigned int ms)
{
	jiffies += ms * HZ / 1000 ?: 1;
	assert_true(!lets_go || time_before(jiffies, lets_go + 10 * HZ));
	if (lets_go && time_after_eq(jiffies, lets_go)) {
		owed = false;
		channel.ringbuffer_page = NULL;
	}
	if (rescinded && time_after_eq(jiffies, rescinded)) {
		owed = false;
		channel.rescind = true;
	}
}

/* Whatever it was, it may be sent again from now on. */
static void scsi_done(struct scsi_cmnd *cmd)
{
	cmd->done++;
	if (cmd->sc_data_direction != DMA_NONE)
		assert_false(owed);
	assert_int_equal(cmd->mapped, 0);
}

static int set_up(void **state)
{
	u32 i;

	(void)state;
	jiffies = 1000000;
	lets_go = rescinded = 0;
	owed = released_told = false;
	storvsc_lent = &ops;
	memset(cmds, 0, sizeof(cmds));
	channel = (struct vmbus_channel){ 0 };
	chan = (struct storvsc_chan){ .sh = &host };
	host = (struct storvsc_host){ .shost = &shost,
				      .hv = &hv,
				      .chans = &chan,
				      .nr_chans = 1 };
	for (i = 0; i < TAGS; i++)
		cmds[i] = (struct scsi_cmnd){ .rq = { i },
					      .device = &sdev,
					      .cmd_len = 10 };
	assert_int_equal(storvsc_io_alloc(&host), 0);
	assert_true(storvsc_silence_alloced);
	assert_int_equal(storvsc_chan_open_primary(&host), 0);
	assert_true(storvsc_chan_set_state(&host, STORVSC_READY));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	storvsc_io_free(&host);
	return 0;
}

static void send_cmd(u32 i, int direction)
{
	struct scsi_cmnd *cmd = &cmds[i];

	cmd->sc_data_direction = direction;
	if (direction != DMA_NONE)
		cmd->sg = (struct scatterlist){ 0x10000 * (i + 1), 4096 };
	assert_int_equal(storvsc_io_queue(&shost, cmd), 0);
	assert_true(storvsc_io_outstanding(&host, &sdev));
}

/* As the error handler does it. How long it took. */
static unsigned long close_channel(void)
{
	unsigned long since = jiffies;

	storvsc_chan_close_all(&host);
	storvsc_io_fail(&host, NULL, DID_RESET);
	assert_false(storvsc_io_outstanding(&host, NULL));
	assert_int_equal(host.state, STORVSC_CLOSED);
	return jiffies - since;
}

static void ended(u32 i)
{
	assert_int_equal(cmds[i].done, 1);
	assert_int_equal(cmds[i].result, DID_RESET << 16);
}

static const int directions[] = { DMA_FROM_DEVICE, DMA_TO_DEVICE };

static void test_data_waits(void **state)
{
	u32 i;

	for (i = 0; i < 2; i++) {
		tear_down(state);
		set_up(state);
		send_cmd(0, DMA_NONE);
		send_cmd(2, directions[i]);
		lets_go = jiffies + 3600 * HZ;
		assert_true(close_channel() >= 3600 * HZ);
		ended(0);
		ended(2);
		assert_true(released_told);
	}
}

/* On a bus that tells by its ring only. */
static void test_data_waits_in_tree(void **state)
{
	(void)state;
	storvsc_lent = NULL;
	send_cmd(1, DMA_FROM_DEVICE);
	lets_go = jiffies + 100 * HZ;
	assert_true(close_channel() >= 100 * HZ);
	ended(1);
}

/* With the device, all that it had been lent comes back. */
static void test_rescind_is_the_end(void **state)
{
	(void)state;
	send_cmd(1, DMA_FROM_DEVICE);
	rescinded = jiffies + 50 * HZ;
	assert_in_range(close_channel(), 50 * HZ, 51 * HZ);
	ended(1);
	assert_true(released_told);
}

/* They may be done twice, and there is nothing to be written to. */
static void test_without_data(void **state)
{
	(void)state;
	send_cmd(3, DMA_NONE);
	lets_go = jiffies + 3600 * HZ;
	assert_int_equal(close_channel(), 0);
	ended(3);
	assert_false(released_told);
}

static void test_confirmed(void **state)
{
	(void)state;
	send_cmd(0, DMA_FROM_DEVICE);
	send_cmd(1, DMA_TO_DEVICE);
	assert_int_equal(close_channel(), 0);
	ended(0);
	ended(1);
	assert_true(released_told);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_data_waits),	       TEST(test_data_waits_in_tree),
		TEST(test_rescind_is_the_end), TEST(test_without_data),
		TEST(test_confirmed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
