// SPDX-License-Identifier: GPL-2.0
/*
 * The pages that hv_vmbus shares with the root for as long as they are connected:
 * they are given back to the kernel only when the root cannot use them, whatever it
 * has answered, or hasn't. And a crash, which waits for the answer to UNLOAD, whoever
 * has sent that, and for no other one. The kernel's source is compiled as it is, with
 * stand-ins for what it uses.
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

#include "hv/tlfs_reg.h"
#include "hv/vmbus_reg.h"

/* What connection.c uses of the kernel and its own headers, under the same names. */
#define VMBUS_VAR_H
#define VMBUS_PARAM_H

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned int uint;

#define __u32				u32
#define HZ				250
#define ARRAY_SIZE(a)			(sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x)			(x)
#define WRITE_ONCE(x, v)		((x) = (v))
#define max(a, b)			((a) > (b) ? (a) : (b))
#define vmb_param(n, var, t, lo, hi, p) struct unused_##n
#define MODULE_PARM_DESC(name, text)	struct unused_desc_##name
#define EXPORT_SYMBOL_GPL(x)		struct unused_export_##x
#define __MUTEX_INITIALIZER(x)		0
#define __SPIN_LOCK_UNLOCKED(x)		0
#define LIST_HEAD_INIT(x)		0
#define COMPLETION_INITIALIZER(x) \
	{                         \
		0                 \
	}
#define ATOMIC_INIT(n)			(n)
#define REG_PAGE_SIZE			4096
#define VMB_CONNECT_CPU			0
#define VMB_RELID_NONE			UINT32_MAX
#define HVCALL_SIGNAL_EVENT		0x5d
#define hv_cpu_number_to_vp_number(cpu) (cpu)
#define virt_to_phys(p)			((uintptr_t)(p))
#define hv_is_isolation_supported()	false
#define hv_do_fast_hypercall8(call, in) ((void)(in))
#define set_bit(n, p)			((void)(n), (void)(p))
#define mdelay(ms)			(polled_ms += (ms))
#define pr_info(...)			((void)0)
#define pr_notice(...)			((void)0)
#define pr_err(...)			((void)0)

enum { DISCONNECTED, CONNECTING, CONNECTED };

struct completion {
	unsigned int done;
};

struct vmbus_connection {
	int conn_state, channel_mutex;
	u32 msg_conn_id;
	void *int_page, *recv_int_page, *send_int_page, *monitor_pages[2];
};

struct vmbus_channel {
	struct {
		u32 child_relid;
	} offermsg;
	bool is_dedicated_interrupt;
	u64 sig_events, sig_event;
	u32 monitor_bit, monitor_grp;
};

struct vmb_state {
	int req_lock, requests, channels, next_gpadl;
	struct completion unloaded;
	u32 msg_connection;
	bool connected, unload_owed;
};

extern struct vmb_state vmb;

struct vmb_request {
	union {
		struct vmb_version_response version;
	} reply;
};

/* ---- the root ---- */

static int contact_error, supported, unload_answered;
static u32 connection_id;
static void *live[3];			  /* pages */
static u32 not_freed, let_go;		  /* warnings; all was given back */
static u32 unloads, polled_ms, answer_ms; /* the answer in a crash; 0: none */
static void (*meanwhile)(void);		  /* while it is waited for */

#define pr_warn(...) (not_freed++)

static void *hv_alloc_hyperv_zeroed_page(void)
{
	size_t i = 0;

	while (live[i])
		assert_true(++i < ARRAY_SIZE(live));
	live[i] = calloc(1, REG_PAGE_SIZE);
	return live[i];
}

static void hv_free_hyperv_page(void *page)
{
	size_t i = 0;

	if (!page)
		return;
	while (live[i] != page)
		assert_true(++i < ARRAY_SIZE(live));
	live[i] = NULL;
	free(page);
}

static void pages_are(bool lent)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(live); i++)
		assert_int_equal(!!live[i], lent);
	assert_int_equal(not_freed, lent);
}

static void vmb_request_init(struct vmb_request *req, struct vmbus_channel *ch,
			     u32 type, u32 a, u32 b)
{
	(void)ch, (void)type, (void)a, (void)b;
	memset(req, 0, sizeof(*req));
}

static int vmb_request_run(struct vmb_request *req, const void *msg, size_t len)
{
	const struct vmb_initiate_contact *contact = msg;

	assert_int_equal(len, sizeof(*contact));
	assert_int_equal(contact->hdr.type, VMB_MSG_INITIATE_CONTACT);
	req->reply.version.supported = supported;
	req->reply.version.connection = connection_id;
	return contact_error;
}

static int vmb_post(const void *msg, size_t len, bool can_sleep)
{
	(void)len, (void)can_sleep;
	assert_int_equal(((const struct vmb_hdr *)msg)->type, VMB_MSG_UNLOAD);
	unloads++;
	return 0;
}

static void reinit_completion(struct completion *c)
{
	c->done = 0;
}

static bool wait_for_completion_timeout(struct completion *c,
					unsigned long limit)
{
	assert_true(limit);
	if (meanwhile)
		meanwhile();
	c->done += unload_answered;
	return c->done && c->done--;
}

static void vmb_lent_disconnected(void)
{
	let_go++;
}

#define xchg(p, v)	  (was = *(p), *(p) = (v), was)
#define vmb_synic_clear() ((void)0)

static bool was;

/* In some CPU's slot. */
static u32 vmb_synic_poll_type(void)
{
	if (!answer_ms || polled_ms < answer_ms)
		return 0;
	answer_ms = 0;
	return VMB_MSG_UNLOAD_RESPONSE;
}

#include "../../kernel/vmbus/connection.c"

static int set_up(void **state)
{
	(void)state;
	memset(&vmb, 0, sizeof(vmb));
	contact_error = 0;
	supported = 1;
	unload_answered = 1;
	connection_id = 7;
	not_freed = let_go = 0;
	unloads = polled_ms = answer_ms = 0;
	meanwhile = NULL;
	return 0;
}

static int clean(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(live); i++)
		hv_free_hyperv_page(live[i]);
	return 0;
}

static void test_unload(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	assert_non_null(live[2]);
	vmb_disconnect();
	pages_are(false);
	assert_int_equal(let_go, 1);
}

static void test_refused(void **state)
{
	(void)state;
	supported = 0;
	assert_int_equal(vmb_connect(), -EPROTONOSUPPORT);
	pages_are(false);
}

static void test_no_port(void **state)
{
	(void)state;
	contact_error = -ENXIO;
	assert_int_equal(vmb_connect(), -EPROTONOSUPPORT);
	pages_are(false);
}

static void test_not_sent(void **state)
{
	(void)state;
	contact_error = -EBUSY;
	assert_int_equal(vmb_connect(), -EBUSY);
	pages_are(false);
}

/* It may answer yet. */
static void test_no_answer(void **state)
{
	(void)state;
	contact_error = -ETIMEDOUT;
	assert_int_equal(vmb_connect(), -ETIMEDOUT);
	pages_are(true);
}

/* It agreed, and uses them; only where it wants messages can't be. */
static void test_agreed_to_nonsense(void **state)
{
	(void)state;
	connection_id = 0x1000000;
	assert_int_equal(vmb_connect(), -EPROTO);
	pages_are(true);
}

static void test_unload_unanswered(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	unload_answered = 0;
	vmb_disconnect();
	pages_are(true);
	assert_int_equal(let_go, 0);
}

/* 2.4 has no UNLOAD: such a root never says that it has let go. */
static void test_too_old_to_unload(void **state)
{
	(void)state;
	max_version = VMB_VERSION_2_4;
	assert_int_equal(vmb_connect(), 0);
	max_version = VMB_VERSION_5_3;
	vmb_disconnect();
	pages_are(true);
}

/* @err: of the contact after a sleep; UNLOAD was answered before. */
static void resume(int err)
{
	assert_int_equal(vmb_connect(), 0);
	vmb_unload(false);
	contact_error = err;
	assert_int_equal(vmb_reconnect(VMB_VERSION_5_3), err);
	vmb_disconnect();
}

static void test_resume(void **state)
{
	(void)state;
	resume(0);
	pages_are(false);
}

static void test_resume_unanswered(void **state)
{
	(void)state;
	resume(-ETIMEDOUT);
	pages_are(true);
}

static void test_resume_not_sent(void **state)
{
	(void)state;
	resume(-EBUSY);
	pages_are(false);
}

/* The answer to the new contact is one for what was before the sleep as well. */
static void test_resume_after_silence(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	unload_answered = 0;
	vmb_unload(false);
	assert_int_equal(vmb_reconnect(VMB_VERSION_5_3), 0);
	assert_int_equal(let_go, 1);
	unload_answered = 1;
	vmb_disconnect();
	pages_are(false);
}

/* It has waited that long, and had it sent once, whoever did that. */
static void crashes(u32 ms)
{
	vmb_unload(true);
	assert_int_equal(unloads, 1);
	assert_in_range(polled_ms, ms, ms + 100);
	/* The last word is said over and over. */
	vmb_unload(true);
	assert_in_range(polled_ms, ms, ms + 100);
	assert_int_equal(unloads, 1);
}

static void test_crash(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	answer_ms = 3000;
	crashes(3000);
}

static void test_crash_unanswered(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	crashes(unload_timeout * 1000);
}

static void test_crash_unloaded(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	vmb_unload(false);
	crashes(0);
}

static void crash_in_5s(void)
{
	meanwhile = NULL;
	answer_ms = 5000;
	crashes(5000);
}

/* Of another CPU, while this one waits. */
static void test_crash_while_waiting(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	meanwhile = crash_in_5s;
	vmb_unload(false);
	assert_null(meanwhile);
}

static void test_crash_after_waiting(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	unload_answered = 0;
	vmb_unload(false);
	crash_in_5s();
}

/* The answer to the connection before came when nobody waited for it any more. */
static void test_crash_after_late_answer(void **state)
{
	(void)state;
	assert_int_equal(vmb_connect(), 0);
	unload_answered = 0;
	vmb_unload(false);
	vmb.unloaded.done++;
	assert_int_equal(vmb_reconnect(VMB_VERSION_5_3), 0);
	unloads = 0;
	crash_in_5s();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unload, set_up, clean),
		cmocka_unit_test_setup_teardown(test_refused, set_up, clean),
		cmocka_unit_test_setup_teardown(test_no_port, set_up, clean),
		cmocka_unit_test_setup_teardown(test_not_sent, set_up, clean),
		cmocka_unit_test_setup_teardown(test_no_answer, set_up, clean),
		cmocka_unit_test_setup_teardown(test_agreed_to_nonsense, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_unload_unanswered, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_too_old_to_unload, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_resume, set_up, clean),
		cmocka_unit_test_setup_teardown(test_resume_unanswered, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_resume_not_sent, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_resume_after_silence,
						set_up, clean),
		cmocka_unit_test_setup_teardown(test_crash, set_up, clean),
		cmocka_unit_test_setup_teardown(test_crash_unanswered, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_crash_unloaded, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_crash_while_waiting,
						set_up, clean),
		cmocka_unit_test_setup_teardown(test_crash_after_waiting,
						set_up, clean),
		cmocka_unit_test_setup_teardown(test_crash_after_late_answer,
						set_up, clean),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
