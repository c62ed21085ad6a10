// SPDX-License-Identifier: GPL-2.0
/*
 * hv_netvsc's requests to a host that is slow, while others ask, too: each has
 * host_timeout for its answer, and only who misses that is mute. The kernel's sources
 * are compiled as they are, with stand-ins for what they use.
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
#include <stdlib.h>
#include <string.h>

#include "hv/nvs_reg.h"
#include "hv/rndis_reg.h"

/* What the two use of the kernel and their own header, under the same names. */
#define NETVSC_VAR_H

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define HZ		   250
#define GFP_KERNEL	   0
#define HV_HYP_PAGE_SIZE   4096
#define ETH_HLEN	   14
#define BIT_ULL(n)	   (1ull << (n))
#define U64_MAX		   UINT64_MAX
#define ARRAY_SIZE(a)	   (sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x)	   (x)
#define WRITE_ONCE(x, v)   ((x) = (v))
#define min(a, b)	   ((a) < (b) ? (a) : (b))
#define min3(a, b, c)	   min(min(a, b), c)
#define min_t(t, a, b)	   min((t)(a), (t)(b))
#define max_t(t, a, b)	   ((t)(a) > (t)(b) ? (t)(a) : (t)(b))
#define clamp(v, lo, hi)   ((v) < (lo) ? (lo) : (v) > (hi) ? (hi) : (v))
#define barrier()	   ((void)0)
#define virt_to_hvpfn(p)   ((uintptr_t)(p) >> 12)
#define kzalloc(n, gfp)	   calloc(1, n)
#define kfree(p)	   free(p)
#define spin_lock(l)	   ((void)(l))
#define spin_unlock(l)	   ((void)(l))
#define spin_lock_bh(l)	   ((void)(l))
#define spin_unlock_bh(l)  ((void)(l))
#define mutex_unlock(l)	   ((void)(l))
#define netdev_err(...)	   ((void)0)
#define netdev_warn(...)   ((void)0)
#define netvsc_note(...)   ((void)0)
#define netvsc_count(n, e) ((void)(n))
#ifndef __packed
#define __packed __attribute__((packed))
#endif
#ifndef __aligned
#define __aligned(n) __attribute__((aligned(n)))
#endif

#define NETVSC_ID_RNDIS	 BIT_ULL(62)
#define NETVSC_ID_NVS	 BIT_ULL(63)
#define NETVSC_ID_NONE	 (U64_MAX - 2)
#define NETVSC_MAX_CHANS 64

enum { VM_PKT_DATA_INBAND = 6 };
#define VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED 1

struct list_head {
	struct list_head *next, *prev;
};

struct completion {
	bool done;
};

struct vmbus_gpadl {
	u32 gpadl_handle;
};

struct hv_mpb_array {
	u32 len, offset;
	u64 pfn_array[];
};

struct vmbus_packet_mpb_array {
	u32 rangecount;
	struct hv_mpb_array range;
};

struct vmbus_channel {
	int unused;
};

struct hv_device {
	struct vmbus_channel *channel;
};

struct netvsc_dev {
	struct hv_device *hv;
	int net;
};

struct netvsc_buf {
	void *base;
	u32 size, section_size, sections;
	struct vmbus_gpadl gpadl;
	bool told;
};

struct netvsc_request;

struct netvsc_conn {
	struct netvsc_dev *nd;
	u32 version, max_packets, align;
	struct netvsc_buf rx, tx;
	u32 tx_table[NVS_SEND_TABLE_COUNT];
	bool mute;
	int ctl_lock, ctl_wait_lock;
	u32 ctl_seq;
	u64 nvs_id;
	struct nvs_msg nvs_reply;
	u32 nvs_reply_len;
	struct netvsc_request *waiter;
	struct list_head requests;
	struct completion nvs_done;
};

static unsigned long jiffies;
static const unsigned int netvsc_host_timeout = 10;

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

static void list_del_init(struct list_head *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	INIT_LIST_HEAD(item);
}

static bool list_empty(const struct list_head *list)
{
	return list->next == list;
}

/* All lists here are of requests. */
#define of_node(p)                                                             \
	((struct netvsc_request *)((char *)(p)-offsetof(struct netvsc_request, \
							node)))
#define list_for_each_entry(pos, head, member)                    \
	for (pos = of_node((head)->next); &pos->member != (head); \
	     pos = of_node(pos->member.next))
#define list_for_each_entry_safe(pos, n, head, member)                   \
	for (pos = of_node((head)->next), n = of_node(pos->member.next); \
	     &pos->member != (head); pos = n, n = of_node(pos->member.next))

static uintptr_t get_zeroed_page(int gfp)
{
	void *page = aligned_alloc(HV_HYP_PAGE_SIZE, HV_HYP_PAGE_SIZE);

	(void)gfp;
	memset(page, 0, HV_HYP_PAGE_SIZE);
	return (uintptr_t)page;
}

static void free_page(uintptr_t page)
{
	free((void *)page);
}

#define init_completion(c)   ((c)->done = false)
#define reinit_completion(c) ((c)->done = false)
#define complete(c)	     ((c)->done = true)

/* ---- who else asks, and the host ---- */

static unsigned long before_us; /* others have the lock so long */
static unsigned long answers_in;
static bool mute_meanwhile; /* they got no answer */
static u32 asked, began;
static u64 asked_id;
static const struct rndis_query *asked_message;

static struct netvsc_conn conn;

static void mutex_lock(int *lock)
{
	assert_ptr_equal(lock, &conn.ctl_lock);
	jiffies += before_us;
	conn.mute |= mute_meanwhile;
}

static int vmbus_sendpacket(struct vmbus_channel *ch, void *msg, u32 len,
			    u64 id, int type, u32 flags)
{
	(void)ch, (void)msg, (void)len, (void)type, (void)flags;
	asked++;
	asked_id = id;
	return 0;
}

static int vmbus_sendpacket_mpb_desc(struct vmbus_channel *ch, void *desc,
				     u32 desc_len, void *msg, u32 len, u64 id)
{
	const u64 *pfn = (void *)((char *)desc + desc_len - sizeof(*pfn));

	asked_message = (void *)(uintptr_t)(*pfn << 12);
	return vmbus_sendpacket(ch, msg, len, id, 0, 0);
}

static void netvsc_silence_begin(struct netvsc_conn *c)
{
	began++;
	c->mute = true;
}

static void netvsc_silence_end(struct netvsc_conn *c)
{
	c->mute = false;
}

static void netvsc_silence_unsure(struct netvsc_dev *nd)
{
	(void)nd;
}

static bool netvsc_conn_pause(struct netvsc_conn *c, unsigned long deadline)
{
	(void)c, (void)deadline;
	return false;
}

static void host_answers(void);

static int netvsc_conn_wait(struct netvsc_conn *c, struct completion *done,
			    unsigned long deadline)
{
	if (jiffies + answers_in > deadline) {
		jiffies = deadline;
		netvsc_silence_begin(c);
		return -ETIMEDOUT;
	}
	jiffies += answers_in;
	host_answers();
	assert_true(done->done);
	return 0;
}

static void *netvsc_spare_get(struct netvsc_dev *nd, u32 size)
{
	(void)nd, (void)size;
	return NULL;
}

static int vmbus_establish_gpadl(struct vmbus_channel *ch, void *base, u32 size,
				 struct vmbus_gpadl *gpadl)
{
	(void)ch, (void)base, (void)size, (void)gpadl;
	return -ENOMEM;
}

static void netvsc_vf_associate(struct netvsc_dev *nd, bool allocated,
				u32 serial)
{
	(void)nd, (void)allocated, (void)serial;
}

static void netvsc_link_indicate(struct netvsc_dev *nd, u32 status, u32 speed)
{
	(void)nd, (void)status, (void)speed;
}

static void netvsc_chan_leave_page(struct netvsc_conn *c, void *page)
{
	(void)c;
	free_page((uintptr_t)page);
}

/* The kernel is built without this warning. */
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "../../kernel/netvsc/nvs.c"
#include "../../kernel/netvsc/rndis.c"

static void host_answers(void)
{
	struct {
		struct rndis_query_c head;
		u32 value;
	} reply = {
		.head = {
			.type = RNDIS_QUERY_C,
			.len = sizeof(reply),
			.info_offset = RNDIS_QUERY_C_INFO_OFFSET,
			.info_len = sizeof(reply.value),
		},
		.value = 5,
	};
	struct nvs_msg empty = { 0 };

	if (asked_id & NETVSC_ID_NVS) {
		netvsc_nvs_complete(&conn, asked_id, &empty, 0);
		return;
	}
	reply.head.request = asked_message->request;
	netvsc_rndis_sent(&conn, asked_id, NVS_STATUS_OK);
	netvsc_rndis_receive(&conn, RNDIS_QUERY_C, (void *)&reply,
			     sizeof(reply));
}

static struct vmbus_channel channel;
static struct hv_device hv = { .channel = &channel };
static struct netvsc_dev card = { .hv = &hv };

static int set_up(void **state)
{
	(void)state;
	memset(&conn, 0, sizeof(conn));
	conn.nd = &card;
	conn.version = NVS_VERSION_6_1;
	INIT_LIST_HEAD(&conn.requests);
	asked = began = 0;
	before_us = 0;
	mute_meanwhile = false;
	answers_in = 6 * HZ;
	return 0;
}

static int clean(void **state)
{
	(void)state;
	netvsc_rndis_free(&conn);
	return 0;
}

static int nvs(void)
{
	return netvsc_nvs_switch_path(&conn, true);
}

static int rndis(void)
{
	u32 value = 0, len = sizeof(value);
	int err = netvsc_rndis_query(&conn, RNDIS_OID_MEDIA_CONNECT, NULL, 0,
				     &value, &len);

	if (!err)
		assert_int_equal(value, 5);
	return err;
}

static int (*const requests[])(void) = { nvs, rndis };

static void test_slow(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		assert_int_equal(requests[i](), 0);
	assert_int_equal(asked, 2);
	assert_int_equal(began, 0);
}

/* Somebody else was before, whose answer took as long: the host is slow, not mute. */
static void test_behind_another(void **state)
{
	size_t i;

	(void)state;
	before_us = 6 * HZ;
	for (i = 0; i < ARRAY_SIZE(requests); i++)
		assert_int_equal(requests[i](), 0);
	assert_int_equal(asked, 2);
	assert_int_equal(began, 0);
	assert_false(conn.mute);
}

/* No answer in time; and each is waited for once only. */
static void test_mute(void **state)
{
	size_t i;

	(void)state;
	answers_in = 11 * HZ;
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		unsigned long begin = jiffies;

		conn.mute = false;
		assert_int_equal(requests[i](), -ETIMEDOUT);
		assert_in_range(jiffies - begin, 10 * HZ, 10 * HZ + 1);
		assert_true(conn.mute);
	}
	assert_int_equal(began, 2);
}

/* Who was before got no answer: nobody else waits as well. */
static void test_behind_a_mute(void **state)
{
	size_t i;

	(void)state;
	before_us = 10 * HZ;
	mute_meanwhile = true;
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		unsigned long begin = jiffies;

		conn.mute = false;
		assert_int_equal(requests[i](), -ETIMEDOUT);
		assert_int_equal(jiffies - begin, 10 * HZ);
	}
	assert_int_equal(asked, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slow, set_up, clean),
		cmocka_unit_test_setup_teardown(test_behind_another, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_mute, set_up, clean),
		cmocka_unit_test_setup_teardown(test_behind_a_mute, set_up,
						clean),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
