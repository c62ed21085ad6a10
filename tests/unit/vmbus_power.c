// SPDX-License-Identifier: GPL-2.0
/*
 * hv_vmbus after hibernation: a device is waited for while its root is slow, and has
 * gone only when the root has said what there is. The kernel's source is compiled as it
 * is, with stand-ins for what it uses.
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

/* What power.c uses of the kernel and its own header, under the same names. */
#define VMBUS_VAR_H

typedef uint32_t u32;

#define HZ		      250
#define READ_ONCE(x)	      (x)
#define WRITE_ONCE(x, v)      ((x) = (v))
#define VMB_REPLY_TIMEOUT_S   60
#define VMB_RELID_NONE	      UINT32_MAX
#define DECLARE_COMPLETION(c) struct completion c
#define reinit_completion(c)  ((c)->done = false)
#define complete(c)	      ((c)->done = true)
#define pr_err(...)	      ((void)0)
#define kfree(p)	      ((void)(p))
#define register_syscore(s)   ((void)(s))
#define unregister_syscore(s) ((void)(s))
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))

struct completion {
	bool done;
};

struct syscore_ops {
	int (*suspend)(void *data);
	void (*resume)(void *data);
};

struct syscore {
	const struct syscore_ops *ops;
};

struct list_head {
	struct list_head *next, *prev;
};

#define entry(p, of, member) container_of(p, __typeof__(*(of)), member)
#define list_for_each_entry(pos, head, member)                               \
	for (pos = entry((head)->next, pos, member); &pos->member != (head); \
	     pos = entry(pos->member.next, pos, member))
#define list_first_entry(head, type, member) \
	container_of((head)->next, type, member)
#define list_empty(head) ((head)->next == (head))

enum { CHANNEL_OPEN_STATE };

struct vmbus_channel {
	struct {
		u32 child_relid;
		struct {
			int if_instance;
		} offer;
	} offermsg;
	struct list_head listentry, sc_list;
	int state;
	bool rescind;
};

struct vmb_chan {
	struct vmbus_channel ch;
	bool await_offer;
	void *next;
};

#define vmb_chan(c) container_of(c, struct vmb_chan, ch)

static struct {
	struct list_head channels;
	bool suspended;
} vmb;

static u32 vmbus_proto_version = 0x50003;

#define vmb_lock()	       ((void)0)
#define vmb_unlock()	       ((void)0)
#define vmb_assert_locked()    ((void)0)
#define is_hvsock_channel(ch)  ((void)(ch), false)
#define vmb_chan_get(c)	       (c)
#define vmb_chan_put(c)	       ((void)(c))
#define vmb_chan_claim(c)      ((void)(c))
#define vmb_chan_drop_sub(c)   ((void)(c))
#define vmb_chan_unmap(c)      ((void)(c))
#define vmb_chan_rescind(c)    ((void)((c)->ch.rescind = true))
#define vmb_offers_settle()    ((void)0)
#define vmb_offers_stop()      ((void)0)
#define vmb_offers_start()     ((void)0)
#define vmb_unload(crash)      ((void)(crash))
#define vmb_reconnect(version) ((void)(version), 0)
#define vmbus_request_offers() 0
#define vmb_synic_enable(cpu)  ((void)(cpu))
#define vmb_synic_disable(cpu) ((void)(cpu))

static u32 waited_s, offered_after, all_after; /* seconds; 0: never */

static bool wait_for_completion_timeout(struct completion *c,
					unsigned long limit);

int vmb_suspend(void);
int vmb_resume(void);
void vmb_power_reoffered(void);
void vmb_power_all_offered(void);
void vmb_power_init(void);
void vmb_power_exit(void);

#include "../../kernel/vmbus/power.c"

/* ---- a device, and a root that offers it when it likes ---- */

static struct vmb_chan chan;

static bool wait_for_completion_timeout(struct completion *c,
					unsigned long limit)
{
	unsigned long i;

	for (i = 0; i < limit / HZ && !c->done; i++) {
		waited_s++;
		if (waited_s == offered_after) {
			chan.await_offer = false;
			vmb_power_reoffered();
		}
		if (waited_s == all_after)
			vmb_power_all_offered();
	}
	return c->done;
}

static int set_up(void **state)
{
	(void)state;
	memset(&chan, 0, sizeof(chan));
	chan.ch.sc_list.next = chan.ch.sc_list.prev = &chan.ch.sc_list;
	vmb.channels.next = vmb.channels.prev = &chan.ch.listentry;
	chan.ch.listentry.next = chan.ch.listentry.prev = &vmb.channels;
	waited_s = offered_after = all_after = 0;
	assert_int_equal(vmb_suspend(), 0);
	assert_true(chan.await_offer);
	return 0;
}

static void wakes(bool with_device, u32 within_s)
{
	assert_int_equal(vmb_resume(), 0);
	assert_false(chan.await_offer);
	assert_true(chan.ch.rescind == !with_device);
	assert_in_range(waited_s, 0, within_s);
}

static void test_at_once(void **state)
{
	(void)state;
	offered_after = all_after = 1;
	wakes(true, 1);
}

static void test_slow_root(void **state)
{
	(void)state;
	offered_after = all_after = 50;
	wakes(true, 50);
}

static void test_straggler(void **state)
{
	(void)state;
	all_after = 40;
	offered_after = 48;
	wakes(true, 48);
}

/* Nobody waits for a minute for what there isn't. */
static void test_gone(void **state)
{
	(void)state;
	all_after = 1;
	wakes(false, 11);
}

static void test_silent_root(void **state)
{
	(void)state;
	wakes(false, 60);
}

/* What it said at another time doesn't count. */
static void test_twice(void **state)
{
	(void)state;
	offered_after = all_after = 1;
	wakes(true, 1);
	set_up(state);
	offered_after = all_after = 30;
	wakes(true, 30);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_at_once, set_up),
		cmocka_unit_test_setup(test_slow_root, set_up),
		cmocka_unit_test_setup(test_straggler, set_up),
		cmocka_unit_test_setup(test_gone, set_up),
		cmocka_unit_test_setup(test_silent_root, set_up),
		cmocka_unit_test_setup(test_twice, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
