// SPDX-License-Identifier: GPL-2.0
/*
 * hv_netvsc tells a host that was silent all settings once more: until it has them,
 * be it that memory is short or that it falls silent again, and no longer. The
 * kernel's source is compiled as it is, with stand-ins for what it uses.
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

/* What silence.c uses of the kernel and its own header, under the same names. */
#define NETVSC_VAR_H

typedef uint8_t u8;
typedef uint32_t u32;

#define HZ				250
#define NETVSC_FILTER_UNKNOWN		UINT32_MAX
#define READ_ONCE(x)			(x)
#define WRITE_ONCE(x, v)		((x) = (v))
#define likely(x)			(x)
#define rtnl_dereference(p)		(p)
#define rcu_dereference_protected(p, c) (p)
#define mutex_lock(l)			((void)(l))
#define mutex_unlock(l)			((void)(l))
#define rtnl_trylock()			true
#define rtnl_unlock()			((void)0)
#define netvsc_note(...)		((void)0)
#define to_delayed_work(w)		((struct delayed_work *)(w))
#define INIT_DELAYED_WORK(w, fn)	((w)->run = (fn))
#define cancel_delayed_work_sync(w)	((w)->due = false)
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))

struct work_struct {
	int unused;
};

struct delayed_work {
	struct work_struct work;
	void (*run)(struct work_struct *work);
	bool due;
	unsigned long delay;
};

#define mod_delayed_work(wq, w, t) ((w)->due = true, (w)->delay = (t))

struct net_device {
	u8 dev_addr[6];
	u32 features;
};

struct netvsc_conn {
	struct netvsc_dev *nd;
	bool mute, rx_on;
};

struct netvsc_dev {
	struct net_device *net;
	struct netvsc_conn *conn;
	struct delayed_work silence_work;
	bool unsure, mac_set;
	u32 filter;
	int conn_lock;
};

static const unsigned int netvsc_host_timeout = 10;

void netvsc_silence_init(struct netvsc_dev *nd);
void netvsc_silence_exit(struct netvsc_dev *nd);
void netvsc_silence_begin(struct netvsc_conn *conn);
void netvsc_silence_end(struct netvsc_conn *conn);
void netvsc_silence_unsure(struct netvsc_dev *nd);
void netvsc_silence_later(struct netvsc_dev *nd);

/* ---- the host ---- */

enum { MAC, OFFLOADS, RSS, FILTER, SETTINGS };

static struct net_device net;
static struct netvsc_dev card = { .net = &net };
static struct netvsc_conn conn = { .nd = &card };
static bool has[SETTINGS];
static int error;	    /* of the next settings */
static u32 errors, setting; /* so many, from that one on */
static u32 told;

static int set(u32 which)
{
	told++;
	has[which] = !errors || which != setting;
	if (has[which])
		return 0;
	errors--;
	if (error == -ETIMEDOUT) {
		netvsc_silence_begin(&conn);
		netvsc_silence_unsure(&card);
	}
	return error;
}

#define netvsc_oid_set_mac(c, mac)	((void)(mac), set(MAC))
#define netvsc_oid_set_offloads(c, f)	((void)(f), set(OFFLOADS))
#define netvsc_oid_set_rss(c)		set(RSS)
#define netvsc_oid_set_filter(c, f)	set(FILTER)
#define netvsc_netdev_set_filter(nd, c) set(FILTER)
#define netvsc_vf_look_again(nd)	((void)(nd))
#define netvsc_oid_probe(c)		netvsc_silence_end(c)

#include "../../kernel/netvsc/silence.c"

static int set_up(void **state)
{
	(void)state;
	memset(has, 0, sizeof(has));
	told = errors = 0;
	conn.mute = false;
	conn.rx_on = true;
	card.conn = &conn;
	card.mac_set = true;
	card.unsure = false;
	netvsc_silence_init(&card);
	return 0;
}

/* How often the work had its turn until it had enough. */
static u32 time_passes(void)
{
	u32 n = 0;

	while (card.silence_work.due && n < 20) {
		card.silence_work.due = false;
		card.silence_work.run(&card.silence_work.work);
		n++;
	}
	assert_false(card.silence_work.due);
	return n;
}

static void test_told_all(void **state)
{
	u32 i;

	(void)state;
	netvsc_silence_begin(&conn);
	netvsc_silence_unsure(&card);
	netvsc_silence_end(&conn);
	assert_int_equal(time_passes(), 1);
	assert_int_equal(told, SETTINGS);
	for (i = 0; i < SETTINGS; i++)
		assert_true(has[i]);
}

/* Of each setting in turn. */
static void fails(int err, u32 times, bool has_it)
{
	u32 i;

	for (setting = 0; setting < SETTINGS; setting++) {
		set_up(NULL);
		error = err;
		errors = times;
		netvsc_silence_unsure(&card);
		assert_true(time_passes() > 0);
		for (i = 0; i < SETTINGS; i++)
			assert_true(has[i] == (i != setting || has_it));
		assert_false(card.unsure);
	}
}

static void test_no_memory(void **state)
{
	(void)state;
	fails(-ENOMEM, 1, true);
	fails(-ENOMEM, 3, true);
}

/* A processor isn't kept busy with that. */
static void test_no_memory_later(void **state)
{
	(void)state;
	error = -ENOMEM;
	errors = 1;
	setting = RSS;
	netvsc_silence_unsure(&card);
	assert_int_equal(card.silence_work.delay, 0);
	card.silence_work.due = false;
	card.silence_work.run(&card.silence_work.work);
	assert_true(card.silence_work.due);
	assert_true(card.silence_work.delay >= HZ);
	assert_int_equal(time_passes(), 1);
}

static void test_silent_again(void **state)
{
	(void)state;
	fails(-ETIMEDOUT, 2, true);
}

/* That is final. */
static void test_refused(void **state)
{
	(void)state;
	fails(-EIO, 1, false);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_told_all, set_up),
		cmocka_unit_test_setup(test_no_memory, set_up),
		cmocka_unit_test_setup(test_no_memory_later, set_up),
		cmocka_unit_test_setup(test_silent_again, set_up),
		cmocka_unit_test_setup(test_refused, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
