// SPDX-License-Identifier: GPL-2.0
/*
 * What hv_vmbus has lent the root stays allocated until the root has let go of it, in
 * one way or another, and goes then. The kernel's sources are compiled as they are,
 * with stand-ins for what they use.
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

#include "hv/vmbus_reg.h"

/* What they use of the kernel and their own headers, under the same names. */
#define VMBUS_VAR_H
#define __LINUX_UIO_H

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define U16_MAX		     UINT16_MAX
#define PAGE_SIZE	     4096ul
#define GFP_KERNEL	     0
#define GFP_ATOMIC	     0
#define __GFP_NOWARN	     0
#define min(a, b)	     ((a) < (b) ? (a) : (b))
#define PFN_UP(n)	     (((n) + PAGE_SIZE - 1) / PAGE_SIZE)
#define HVPFN_UP(n)	     PFN_UP(n)
#define offset_in_hvpage(p)  ((uintptr_t)(p) % PAGE_SIZE)
#define virt_to_hvpfn(p)     ((uintptr_t)(p) / PAGE_SIZE)
#define READ_ONCE(x)	     (x)
#define WRITE_ONCE(x, v)     ((x) = (v))
#define BUILD_BUG_ON(x)	     _Static_assert(!(x), #x)
#define EXPORT_SYMBOL_GPL(x) struct unused_export_##x
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))
#define lockdep_assert_held(l)	 ((void)(l))
#define pr_err_ratelimited(...)	 (told++)
#define pr_warn(...)		 (told++)
#define pr_info(...)		 ((void)0)
#define pr_info_ratelimited(...) ((void)0)
#ifndef __packed
#define __packed __attribute__((packed))
#endif

typedef struct {
	bool taken;
} spinlock_t;

#define __SPIN_LOCK_UNLOCKED(x) \
	{                       \
		false           \
	}

static void spin_lock_bh(spinlock_t *lock)
{
	assert_false(lock->taken);
	lock->taken = true;
}

static void spin_unlock_bh(spinlock_t *lock)
{
	assert_true(lock->taken);
	lock->taken = false;
}

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD_INIT(l)  \
	{                  \
		&(l), &(l) \
	}
#define LIST_HEAD(l) struct list_head l = LIST_HEAD_INIT(l)

static void list_insert(struct list_head *item, struct list_head *prev,
			struct list_head *next)
{
	item->next = next;
	item->prev = prev;
	prev->next = item;
	next->prev = item;
}

#define list_add(item, head)	  list_insert(item, head, (head)->next)
#define list_add_tail(item, head) list_insert(item, (head)->prev, head)

static void list_del(struct list_head *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
}

static void list_move_tail(struct list_head *item, struct list_head *head)
{
	list_del(item);
	list_add_tail(item, head);
}

static void list_splice_init(struct list_head *from, struct list_head *to)
{
	while (from->next != from)
		list_move_tail(from->next, to);
}

#define entry(p, of, member) container_of(p, __typeof__(*(of)), member)
#define list_for_each_entry(pos, head, member)                               \
	for (pos = entry((head)->next, pos, member); &pos->member != (head); \
	     pos = entry(pos->member.next, pos, member))
#define list_for_each_entry_safe(pos, n, head, member) \
	for (pos = entry((head)->next, pos, member),   \
	    n = entry(pos->member.next, pos, member);  \
	     &pos->member != (head);                   \
	     pos = n, n = entry(pos->member.next, pos, member))
#define list_first_entry_or_null(head, type, member) \
	((head)->next == (head) ? NULL :             \
				  container_of((head)->next, type, member))

struct work_struct {
	void (*run)(struct work_struct *work);
};

static struct work_struct *due;

#define DECLARE_WORK(name, fn) struct work_struct name = { fn }
#define schedule_work(w)       (due = (w))
#define INIT_WORK(w, fn)       ((w)->run = (fn))
#define queue_work(wq, w)      ((void)(w))

static void flush_work(struct work_struct *work)
{
	if (due != work)
		return;
	due = NULL;
	work->run(work);
}

struct completion {
	bool done;
};

#define wait_for_completion(c) ((void)(c))
#define complete_all(c)	       ((c)->done = true)

/* ---- memory ---- */

struct page {
	int refs;
};

struct sk_buff {
	int refs;
};

static struct page pages[64];

#define kzalloc(n, gfp)		     calloc(1, n)
#define kmalloc(n, gfp)		     malloc(n)
#define kfree(p)		     free(p)
#define kvfree(p)		     free(p)
#define kvmalloc_array(n, size, gfp) malloc((n) * (size))
#define __get_free_page(gfp)	     ((uintptr_t)malloc(PAGE_SIZE))
#define free_page(p)		     free((void *)(p))
#define is_vmalloc_addr(p)	     true
#define vmalloc_to_page(p)	     (&pages[(uintptr_t)(p) / PAGE_SIZE])
#define get_page(p)		     ((p)->refs++)
#define put_page(p)		     ((p)->refs--)
#define dev_kfree_skb_any(skb)	     ((skb)->refs--)

static void __free_pages(struct page *page, unsigned int order)
{
	unsigned int i;

	for (i = 0; i < 1u << order; i++)
		page[i].refs--;
}

/* ---- the bus ---- */

struct seq_file;
#define seq_printf(m, ...) ((void)(m))

struct vmbus_gpadl {
	u32 gpadl_handle, size;
	void *buffer;
	bool decrypted;
};

struct device {
	int unused;
};

struct vmbus_channel {
	struct vmbus_channel *primary_channel;
	struct {
		u32 child_relid;
	} offermsg;
	struct list_head listentry, sc_list;
	struct completion rescind_event;
	bool rescind, rescind_ref;
	void (*chn_rescind_callback)(struct vmbus_channel *ch);
};

struct hv_device {
	struct device device;
};

struct vmb_late_offer {
	struct {
		u32 relid;
	} offer;
};

struct vmb_debt;

struct vmb_chan {
	struct vmbus_channel ch;
	struct work_struct remove_work;
	struct completion added, rescinded;
	struct vmb_late_offer *next;
};

#define vmb_chan(c) container_of(c, struct vmb_chan, ch)

static struct {
	struct list_head channels;
	u32 next_gpadl;
	int remove_wq, sub_remove_wq;
} vmb = { .channels = LIST_HEAD_INIT(vmb.channels) };

#define atomic_inc_return(n) (++*(n))

struct vmb_request {
	struct vmbus_channel *channel;
	u32 type, patience_s;
	union {
		struct {
			u32 status;
		} created;
	} reply;
};

static u32 told, released;
static struct vmb_chan *known;	  /* by its relid */
static int teardown_answer;	  /* what the root answers, if it's asked */
static void (*while_asked)(void); /* before that */

#define vmb_lock()		   ((void)0)
#define vmb_unlock()		   ((void)0)
#define vmb_assert_locked()	   ((void)0)
#define vmb_event_stop(ch)	   ((void)(ch))
#define vmb_requests_abort(ch)	   ((void)(ch))
#define vmb_chan_put(c)		   ((void)(c))
#define vmb_chan_get_device(c)	   ((struct hv_device *)NULL)
#define vmb_chan_gone(c)	   ((void)(c))
#define vmb_chan_drop_sub(c)	   ((void)(c))
#define vmb_sub_try_remove(c)	   ((void)(c))
#define vmb_chans_wait()	   ((void)0)
#define vmb_offers_stop()	   ((void)0)
#define vmb_offers_flush()	   ((void)0)
#define vmb_offer_forget_last()	   ((void)0)
#define vmbus_device_unregister(d) ((void)(d))
#define device_lock(d)		   ((void)(d))
#define device_unlock(d)	   ((void)(d))
#define put_device(d)		   ((void)(d))
#define is_hvsock_channel(ch)	   ((void)(ch), false)
#define vmb_relid_release(relid)   (released = (relid))
#define vmb_post(msg, len, sleep)  ((void)(msg), (void)(len), 0)

static struct vmb_chan *vmb_chan_get(struct vmb_chan *c)
{
	return c;
}

static bool vmb_chan_claim(struct vmb_chan *c)
{
	(void)c;
	return true;
}

static struct vmb_chan *vmb_chan_find_relid(u32 relid)
{
	return known && known->ch.offermsg.child_relid == relid ? known : NULL;
}

static void vmb_request_init(struct vmb_request *req, struct vmbus_channel *ch,
			     u32 type, u32 a, u32 b)
{
	(void)a, (void)b;
	*req = (struct vmb_request){ ch, type, 60, { { 0 } } };
}

static int vmb_request_begin(struct vmb_request *req)
{
	return req->channel->rescind ? -ENODEV : 0;
}

#define vmb_request_cancel(req) ((void)(req))

static int vmb_request_wait(struct vmb_request *req)
{
	if (while_asked)
		while_asked();
	if (req->type == VMB_MSG_GPADL_CREATED)
		return 0;
	return req->channel->rescind ? -ENODEV : teardown_answer;
}

static int vmb_request_run(struct vmb_request *req, const void *msg, size_t len)
{
	int ret = vmb_request_begin(req);

	(void)msg, (void)len;
	return ret ? ret : vmb_request_wait(req);
}

int vmb_gpadl_establish(struct vmbus_channel *channel, void *buffer, u32 size,
			struct vmbus_gpadl *gpadl, struct vmb_debt **late);
int vmb_gpadl_teardown(struct vmbus_channel *channel, u32 handle, bool ask,
		       struct vmb_debt **late);
int vmbus_establish_gpadl(struct vmbus_channel *channel, void *kbuffer,
			  u32 size, struct vmbus_gpadl *gpadl);
int vmbus_teardown_gpadl(struct vmbus_channel *channel,
			 struct vmbus_gpadl *gpadl);
struct vmb_debt *vmb_debt_begin(struct vmbus_channel *channel, u32 gpadl,
				u32 bytes);
int vmb_debt_recall(u32 gpadl, bool ask, struct vmb_debt **found);
void vmb_debt_end(struct vmb_debt *d);
bool vmb_debt_late(struct vmb_debt *d);
void vmb_debt_leave_block(struct vmb_debt *d, struct page *page,
			  unsigned int order);
void vmb_debt_leave_vmalloc(struct vmb_debt *d, void *buffer, u32 size);
bool vmb_lent_any(const struct vmbus_channel *channel);
bool vmb_lent_torndown(u32 gpadl);
void vmb_lent_rescinded(u32 relid);
void vmb_lent_disconnected(void);
void vmb_lent_exit(void);
void vmb_lent_show(struct seq_file *m);
void vmb_chan_rescind(struct vmb_chan *c);
void vmb_rescind_process(u32 relid);
void vmb_primary_remove(struct vmb_chan *c);
void vmb_channels_remove_all(void);

/* The kernel is built without these warnings. */
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-function"
#include "../../kernel/vmbus/lent.c"
#undef pr_fmt
#include "../../kernel/vmbus/gpadl.c"
#undef pr_fmt
#include "../../kernel/vmbus/rescind.c"

/* ---- a channel that lends some pages ---- */

#define RELID 5
#define FIRST 8
#define N     4

static struct vmb_chan chan, other;
static struct vmbus_gpadl gpadl;

static int set_up(void **state)
{
	u32 i;

	(void)state;
	memset(&chan, 0, sizeof(chan));
	memset(&other, 0, sizeof(other));
	chan.ch.offermsg.child_relid = RELID;
	other.ch.offermsg.child_relid = RELID + 1;
	known = &chan;
	told = released = 0;
	teardown_answer = -ETIMEDOUT;
	while_asked = NULL;
	for (i = 0; i < N; i++)
		pages[FIRST + i].refs = 1;
	assert_int_equal(vmbus_establish_gpadl(&chan.ch,
					       (void *)(FIRST * PAGE_SIZE),
					       N * PAGE_SIZE, &gpadl),
			 0);
	return 0;
}

/* Its owner is done with the buffer, and frees it. */
static int torn_down(void)
{
	int ret = vmbus_teardown_gpadl(&chan.ch, &gpadl);
	u32 i;

	for (i = 0; i < N; i++)
		put_page(&pages[FIRST + i]);
	return ret;
}

static void stays(bool is)
{
	u32 i;

	flush_work(&free_work);
	for (i = 0; i < N; i++)
		assert_int_equal(pages[FIRST + i].refs, is);
	assert_true(vmb_lent_any(&chan.ch) == is);
	assert_false(vmb_lent_any(&other.ch));
}

static void test_torn_down(void **state)
{
	(void)state;
	teardown_answer = 0;
	assert_int_equal(torn_down(), 0);
	stays(false);
}

static void test_late_answer(void **state)
{
	u32 handle = gpadl.gpadl_handle;

	(void)state;
	/* Of what it wasn't asked for it says nothing that counts. */
	assert_false(vmb_lent_torndown(handle));
	assert_int_equal(torn_down(), -ETIMEDOUT);
	stays(true);
	assert_int_equal(told, 1);
	assert_false(vmb_lent_torndown(handle + 1));
	stays(true);
	assert_true(vmb_lent_torndown(handle));
	stays(false);
}

static void test_rescind_later(void **state)
{
	(void)state;
	assert_int_equal(torn_down(), -ETIMEDOUT);
	vmb_rescind_process(RELID + 1);
	stays(true);
	vmb_rescind_process(RELID);
	stays(false);
	assert_true(chan.ch.rescind);
}

static void test_rescind_before(void **state)
{
	(void)state;
	vmb_rescind_process(RELID);
	assert_int_equal(torn_down(), 0);
	stays(false);
	assert_int_equal(told, 0);
}

static void rescind(void)
{
	vmb_rescind_process(RELID);
}

static void test_rescind_meanwhile(void **state)
{
	(void)state;
	while_asked = rescind;
	assert_int_equal(torn_down(), 0);
	stays(false);
	assert_int_equal(told, 0);
}

/* A socket's device goes without its rescind if that takes too long. */
static void test_rescind_without_channel(void **state)
{
	(void)state;
	assert_int_equal(torn_down(), -ETIMEDOUT);
	known = NULL;
	stays(true);
	vmb_rescind_process(RELID);
	assert_int_equal(released, RELID);
	stays(false);
}

/* As a suspend does with a socket, which its owner closes afterwards. */
static void sleeps(void)
{
	known = NULL;
	chan.ch.offermsg.child_relid = UINT32_MAX;
	vmb_chan_rescind(&chan);
}

static void test_socket_sleeps(void **state)
{
	(void)state;
	sleeps();
	/* The root has answered UNLOAD, or the contact when it was awake again. */
	vmb_lent_disconnected();
	assert_int_equal(torn_down(), 0);
	flush_work(&free_work);
	assert_int_equal(pages[FIRST].refs, 0);
}

/* It has answered neither: it may still have the connection open. */
static void test_socket_sleeps_root_silent(void **state)
{
	(void)state;
	sleeps();
	assert_int_equal(torn_down(), -ENODEV);
	flush_work(&free_work);
	assert_int_equal(pages[FIRST].refs, 1);
	vmb_lent_disconnected();
	flush_work(&free_work);
	assert_int_equal(pages[FIRST].refs, 0);
}

/* What packets referred to comes back with the last of the device's debts. */
static void test_kept(void **state)
{
	struct page page = { 1 };
	struct sk_buff skb = { 1 };

	(void)state;
	vmb_lent.keep_page(&chan.ch, &page);
	assert_int_equal(page.refs, 0);
	page.refs = 1;
	assert_int_equal(torn_down(), -ETIMEDOUT);
	vmb_lent.keep_page(&chan.ch, &page);
	vmb_lent.keep_skb(&chan.ch, &skb);
	assert_int_equal(page.refs + skb.refs, 2);
	vmb_rescind_process(RELID);
	stays(false);
	assert_int_equal(page.refs + skb.refs, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_torn_down, set_up),
		cmocka_unit_test_setup(test_late_answer, set_up),
		cmocka_unit_test_setup(test_rescind_later, set_up),
		cmocka_unit_test_setup(test_rescind_before, set_up),
		cmocka_unit_test_setup(test_rescind_meanwhile, set_up),
		cmocka_unit_test_setup(test_rescind_without_channel, set_up),
		cmocka_unit_test_setup(test_socket_sleeps, set_up),
		cmocka_unit_test_setup(test_socket_sleeps_root_silent, set_up),
		cmocka_unit_test_setup(test_kept, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
