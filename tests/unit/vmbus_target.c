// SPDX-License-Identifier: GPL-2.0
/*
 * hv_vmbus moves a channel to another CPU, and the root's answer comes late: it is not
 * taken for that to a later move, and no CPU goes that the root may interrupt. The
 * kernel's sources are compiled as they are, with stand-ins for what they use.
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

#include "hv/vmbus_reg.h"

/* What target.c uses of the kernel and its own header, under the same names. */
#define VMBUS_VAR_H
#define __LINUX_UIO_H

typedef uint16_t u16;
typedef uint32_t u32;

#define READ_ONCE(x)		      (x)
#define WRITE_ONCE(x, v)	      ((x) = (v))
#define EXPORT_SYMBOL_GPL(x)	      struct unused_export_##x
#define DEFINE_MUTEX(m)		      int m
#define mutex_lock(m)		      ((void)(m))
#define mutex_unlock(m)		      ((void)(m))
#define rcu_read_lock()		      ((void)0)
#define rcu_read_unlock()	      ((void)0)
#define rcu_dereference(p)	      (p)
#define cpus_read_lock()	      ((void)0)
#define cpus_read_unlock()	      ((void)0)
#define pr_info(...)		      ((void)0)
#define nr_cpu_ids		      4u
#define cpu_online(cpu)		      true
#define housekeeping_cpumask(type)    0
#define cpumask_test_cpu(cpu, mask)   true
#define per_cpu_ptr(p, cpu)	      (&(p)[cpu])
#define hv_cpu_number_to_vp_number(n) (n)
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))

struct list_head {
	struct list_head *next, *prev;
};

#define entry(p, of, member) container_of(p, __typeof__(*(of)), member)
#define list_for_each_entry(pos, head, member)                               \
	for (pos = entry((head)->next, pos, member); &pos->member != (head); \
	     pos = entry(pos->member.next, pos, member))

enum { CHANNEL_OPEN_STATE, CHANNEL_OPENING_STATE, CHANNEL_OPENED_STATE };
#define VMB_CONNECT_CPU 0

struct vmbus_channel {
	struct {
		u32 child_relid;
	} offermsg;
	struct list_head listentry, sc_list;
	u32 target_cpu, device_id;
	int state;
	bool rescind;
	void (*change_target_cpu_callback)(struct vmbus_channel *ch, u32 old,
					   u32 new);
};

struct vmb_chan {
	struct vmbus_channel ch;
	bool listed, strayed, move_owed;
	u32 stray_cpu;
};

#define vmb_chan(c) container_of(c, struct vmb_chan, ch)

struct vmb_cpu {
	u32 channels, spread;
};

static struct vmb_cpu cpus[4];
static struct {
	struct list_head channels;
	struct vmbus_channel *relid[VMB_RELIDS];
	struct vmb_cpu *cpu;
} vmb = { .cpu = cpus };

static const struct {
	bool perf_device;
} vmbus_devs[1] = { { true } };
static u32 vmbus_proto_version = VMB_VERSION_5_3;

struct vmb_request {
	union {
		struct vmb_modify_channel_resp modify;
	} reply;
};

#define vmb_lock()		    ((void)0)
#define vmb_unlock()		    ((void)0)
#define vmb_assert_locked()	    ((void)0)
#define vmb_chan_get(c)		    ((void)(c))
#define vmb_chan_put(c)		    ((void)(c))
#define vmb_place(ch, mask, except) ((except) == 1 ? 2u : 1u)
#define vmb_post(msg, len, sleep)   (posted++, (void)(msg), 0)
#define vmb_request_init(req, ...)  memset(req, 0, sizeof(*(req)))

static u32 posted, told_vp;
static int result;

static int vmb_request_run(struct vmb_request *req, const void *msg, size_t len)
{
	(void)req, (void)len;
	posted++;
	told_vp = ((const struct vmb_modify_channel *)msg)->target_vp;
	return result;
}

int vmbus_send_modifychannel(struct vmbus_channel *channel, u32 target_vp);
void vmb_target_choose(struct vmbus_channel *ch);
void vmb_target_drop(struct vmbus_channel *ch);
void vmb_target_settle(void);
int vmb_target_set(struct vmbus_channel *ch, u32 cpu);
int vmb_target_evict(unsigned int cpu);
void vmb_modify_answered(u32 relid);
void vmb_target_opened(struct vmb_chan *c);

/* The kernel is built without these warnings. */
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "../../kernel/vmbus/target.c"
#undef pr_fmt
#include "../../kernel/vmbus/modify.c"

/* ---- an open channel ---- */

#define RELID 7

static struct vmb_chan chan;
static u32 moved;

static void changed(struct vmbus_channel *ch, u32 old, u32 new)
{
	(void)ch, (void)old, (void)new;
	moved++;
}

static int set_up(void **state)
{
	(void)state;
	memset(cpus, 0, sizeof(cpus));
	chan = (struct vmb_chan){ .listed = true };
	chan.ch.offermsg.child_relid = RELID;
	chan.ch.state = CHANNEL_OPENED_STATE;
	chan.ch.change_target_cpu_callback = changed;
	chan.ch.sc_list.next = chan.ch.sc_list.prev = &chan.ch.sc_list;
	vmb.channels.next = vmb.channels.prev = &chan.ch.listentry;
	chan.ch.listentry.next = chan.ch.listentry.prev = &vmb.channels;
	vmb.relid[RELID] = &chan.ch;
	cpus[0].channels = cpus[0].spread = 1;
	posted = told_vp = moved = 0;
	result = 0;
	return 0;
}

static void test_move(void **state)
{
	(void)state;
	assert_int_equal(vmb_target_set(&chan.ch, 3), 0);
	assert_int_equal(chan.ch.target_cpu, 3);
	assert_int_equal(told_vp, 3);
	assert_int_equal(vmb_target_set(&chan.ch, 3), 0);
	assert_int_equal(posted, 1);
	assert_int_equal(moved, 1);
	assert_int_equal(cpus[0].channels, 0);
	assert_int_equal(cpus[3].channels, 1);
}

/* Its answer would be taken for that to the next, which hasn't been done then. */
static void test_late_answer(void **state)
{
	(void)state;
	result = -ETIMEDOUT;
	assert_int_equal(vmb_target_set(&chan.ch, 1), -ETIMEDOUT);
	assert_int_equal(chan.ch.target_cpu, 0);
	result = 0;
	assert_int_equal(vmb_target_set(&chan.ch, 3), -EBUSY);
	assert_int_equal(posted, 1);
	assert_int_equal(moved, 0);
	vmb_modify_answered(RELID + 1);
	vmb_modify_answered(VMB_RELIDS);
	assert_int_equal(vmb_target_set(&chan.ch, 3), -EBUSY);
	vmb_modify_answered(RELID);
	assert_int_equal(vmb_target_set(&chan.ch, 3), 0);
	assert_int_equal(chan.ch.target_cpu, 3);
	assert_int_equal(posted, 2);
	assert_int_equal(moved, 1);
}

/* The root may interrupt either: neither goes offline before that is settled. */
static void test_no_cpu_goes(void **state)
{
	(void)state;
	result = -ETIMEDOUT;
	assert_int_equal(vmb_target_set(&chan.ch, 1), -ETIMEDOUT);
	result = 0;
	assert_int_equal(vmb_target_evict(1), -EBUSY);
	assert_int_equal(vmb_target_evict(0), -EBUSY);
	assert_int_equal(vmb_target_evict(2), 0);
	vmb_modify_answered(RELID);
	assert_int_equal(vmb_target_evict(1), 0);
	assert_int_equal(told_vp, 2);
	assert_int_equal(chan.ch.target_cpu, 2);
	assert_int_equal(vmb_target_evict(1), 0);
	assert_int_equal(posted, 2);
}

/* Where it is by our books it may have to be told, too. */
static void test_told_again(void **state)
{
	(void)state;
	result = -ETIMEDOUT;
	assert_int_equal(vmb_target_set(&chan.ch, 1), -ETIMEDOUT);
	vmb_modify_answered(RELID);
	result = 0;
	assert_int_equal(vmb_target_set(&chan.ch, 0), 0);
	assert_int_equal(posted, 2);
	assert_int_equal(told_vp, 0);
	assert_int_equal(cpus[0].channels, 1);
	assert_int_equal(vmb_target_evict(1), 0);
	assert_int_equal(posted, 2);
}

/* Opening tells the root where to interrupt, after all that it was told before. */
static void test_opened_again(void **state)
{
	(void)state;
	result = -ETIMEDOUT;
	assert_int_equal(vmb_target_set(&chan.ch, 1), -ETIMEDOUT);
	vmb_target_opened(&chan);
	result = 0;
	assert_int_equal(vmb_target_evict(1), 0);
	assert_int_equal(posted, 1);
	assert_int_equal(vmb_target_set(&chan.ch, 3), 0);
}

/* What was not sent is not answered. */
static void test_not_sent(void **state)
{
	(void)state;
	result = -EIO;
	assert_int_equal(vmb_target_set(&chan.ch, 1), -EIO);
	result = 0;
	assert_int_equal(vmb_target_set(&chan.ch, 1), 0);
	assert_int_equal(posted, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_move, set_up),
		cmocka_unit_test_setup(test_late_answer, set_up),
		cmocka_unit_test_setup(test_no_cpu_goes, set_up),
		cmocka_unit_test_setup(test_told_again, set_up),
		cmocka_unit_test_setup(test_opened_again, set_up),
		cmocka_unit_test_setup(test_not_sent, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
