// SPDX-License-Identifier: GPL-2.0
/*
 * hv_netvsc's way from one connection with the host to another, of which any step may
 * fail: what worked works afterwards, at once or when a work has tried again, and
 * nothing is lost. The kernel's source is compiled as it is, with stand-ins for what
 * it uses.
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

/* What change.c uses of the kernel and its own header, under the same names. */
#define NETVSC_VAR_H

typedef uint32_t u32;

#define HZ			      250
#define GFP_KERNEL		      0
#define __GFP_ZERO		      0
#define __GFP_NOWARN		      0
#define NETVSC_MAX_CHANS	      64
#define NETVSC_SPARES		      4
#define NETREG_REGISTERED	      1
#define NETVSC_EV_RECONNECTS	      0
#define min3(a, b, c)		      min_t(u32, min_t(u32, a, b), c)
#define get_order(n)		      8
#define netvsc_chan_ring_bytes()      (1u << 20)
#define min_t(t, a, b)		      ((t)(a) < (t)(b) ? (t)(a) : (t)(b))
#define rtnl_dereference(p)	      (p)
#define netdev_err(...)		      ((void)0)
#define netdev_info(...)	      ((void)0)
#define netdev_warn(...)	      ((void)0)
#define netvsc_count(nd, ev)	      ((void)(nd))
#define to_delayed_work(w)	      ((struct delayed_work *)(w))
#define ASSERT_RTNL()		      assert_true(rtnl)
#define INIT_DELAYED_WORK(w, fn)      ((w)->run = (fn))
#define cancel_delayed_work_sync(w)   ((w)->due = false)
#define schedule_delayed_work(w, t)   ((void)(t), (w)->due = true)
#define netif_carrier_off(net)	      ((net)->carrier = false)
#define netif_device_attach(net)      ((net)->present = true)
#define netif_device_detach(net)      ((net)->present = false)
#define netif_device_present(net)     ((net)->present)
#define netif_running(net)	      ((net)->running)
#define netvsc_dev_rescinded(nd)      false
#define netvsc_nvs_rx_size(conn, ver) ((conn)->rx.size)
#define container_of(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))

struct work_struct {
	int unused;
};

struct delayed_work {
	struct work_struct work;
	void (*run)(struct work_struct *work);
	bool due;
};

struct vmbus_channel;

struct hv_device {
	struct vmbus_channel *channel;
};

struct net_device {
	int reg_state;
	bool carrier, present, running;
	u32 mtu;
};

struct netvsc_buf {
	void *base;
	u32 size;
};

struct netvsc_config {
	u32 chans, rx_sections, tx_sections, mtu;
};

struct netvsc_conn {
	struct netvsc_config made_with;
	struct netvsc_buf rx, tx;
	u32 version;
	struct {
		u32 rss_queues;
	} caps;
	bool started;
	u32 queues;
	struct page *ring[NETVSC_MAX_CHANS];
};

struct netvsc_rss {
	u32 table[4];
};

struct netvsc_spares {
	bool keep, rings;
	struct page *ring[NETVSC_MAX_CHANS];
	void *base[NETVSC_SPARES];
	u32 size[NETVSC_SPARES];
};

struct netvsc_dev {
	struct net_device *net;
	struct hv_device *hv;
	struct netvsc_conn *conn;
	struct netvsc_config config;
	struct netvsc_spares spares;
	struct delayed_work retry_work;
	unsigned long retry_delay;
	struct netvsc_rss rss;
};

/* ---- steps, one of which fails ---- */

static bool rtnl;
static u32 step, fails_from, fails_to; /* first to last + 1 */
static u32 host_mtu;
static int conns, buffers, rings, blocks;
static bool no_rings; /* of sub-channels, when they are opened */

static bool fails(void)
{
	u32 now = step++;

	return now >= fails_from && now < fails_to;
}

static void *vmalloc_huge(u32 size, int gfp)
{
	(void)gfp;
	if (fails())
		return NULL;
	buffers++;
	return malloc(size);
}

static void vfree(void *base)
{
	buffers -= !!base;
	free(base);
}

static struct page *block(void)
{
	blocks++;
	return malloc(1);
}

static struct page *alloc_pages(int gfp, u32 order)
{
	(void)gfp, (void)order;
	return fails() ? NULL : block();
}

static void __free_pages(struct page *page, u32 order)
{
	(void)order;
	blocks--;
	free(page);
}

static struct page *xchg(struct page **place, struct page *page)
{
	struct page *old = *place;

	*place = page;
	return old;
}

static bool rtnl_trylock(void)
{
	rtnl = true;
	return true;
}

static void rtnl_unlock(void)
{
	rtnl = false;
}

static void vmbus_free_ring(struct vmbus_channel *ch)
{
	(void)ch;
	rings--;
}

static struct netvsc_conn *netvsc_conn_alloc(struct netvsc_dev *nd,
					     const struct netvsc_config *config)
{
	struct netvsc_conn *conn;

	(void)nd;
	if (fails())
		return NULL;
	conn = calloc(1, sizeof(*conn));
	conn->rx.size = config->rx_sections;
	conn->tx.size = config->tx_sections;
	conns++;
	return conn;
}

static void netvsc_conn_free(struct netvsc_conn *conn)
{
	conns -= !!conn;
	free(conn);
}

struct page *netvsc_spare_ring(struct netvsc_dev *nd, u32 index);
void *netvsc_spare_get(struct netvsc_dev *nd, u32 size);
void netvsc_spare_put(struct netvsc_dev *nd, void *base, u32 size);
int netvsc_conn_change(struct netvsc_dev *nd, const struct netvsc_config *want);
int netvsc_conn_resume(struct netvsc_dev *nd);
void netvsc_conn_follow(struct netvsc_dev *nd);
void netvsc_change_init(struct netvsc_dev *nd);
void netvsc_change_exit(struct netvsc_dev *nd);

static void end(struct netvsc_dev *nd, struct netvsc_conn *conn)
{
	u32 i;

	for (i = 1; i < conn->queues; i++)
		__free_pages(conn->ring[i], 0);
	if (conn->rx.base)
		netvsc_spare_put(nd, conn->rx.base, conn->rx.size);
	if (conn->tx.base)
		netvsc_spare_put(nd, conn->tx.base, conn->tx.size);
	netvsc_conn_free(conn);
}

static int netvsc_conn_open_as(struct netvsc_dev *nd, struct netvsc_conn *conn)
{
	assert_true(rtnl);
	assert_null(nd->conn);
	if (!conn)
		return -ENOMEM;
	if (!nd->spares.rings)
		rings++;
	nd->spares.rings = false;
	conn->rx.base = netvsc_spare_get(nd, conn->rx.size);
	if (conn->rx.base)
		conn->tx.base = netvsc_spare_get(nd, conn->tx.size);
	if (!conn->tx.base || fails()) {
		nd->spares.rings = nd->spares.keep;
		rings -= !nd->spares.rings;
		end(nd, conn);
		return -EPROTO;
	}
	if (nd->config.mtu > host_mtu)
		nd->config.mtu = host_mtu;
	conn->made_with = nd->config;
	conn->caps.rss_queues = 8;
	/* The bus opens the others; who finds no memory is left out. */
	for (conn->queues = 1; conn->queues < nd->config.chans;
	     conn->queues++) {
		struct page **ring = &conn->ring[conn->queues];

		*ring = no_rings ? netvsc_spare_ring(nd, conn->queues) :
				   block();
		if (!*ring)
			break;
	}
	nd->conn = conn;
	nd->net->carrier = true;
	return 0;
}

static int netvsc_conn_start(struct netvsc_dev *nd)
{
	assert_non_null(nd->conn);
	if (fails())
		return -ETIMEDOUT;
	nd->conn->started = true;
	return 0;
}

static void netvsc_conn_stop(struct netvsc_dev *nd)
{
	if (nd->conn)
		nd->conn->started = false;
}

static void netvsc_conn_close(struct netvsc_dev *nd)
{
	if (!nd->conn)
		return;
	assert_false(nd->conn->started);
	nd->spares.rings = nd->spares.keep;
	rings -= !nd->spares.rings;
	end(nd, nd->conn);
	nd->conn = NULL;
}

static int dev_set_mtu(struct net_device *dev, u32 mtu);

#include "../../kernel/netvsc/change.c"

/* ---- a card ---- */

static struct hv_device hv;
static struct net_device net;
static struct netvsc_dev card;
static u32 told; /* how often the stack was told of an MTU */

/* As the stack does it, and the card's ndo_change_mtu. */
static int dev_set_mtu(struct net_device *dev, u32 mtu)
{
	struct netvsc_config want = card.config;
	int err = 0;

	assert_true(rtnl);
	if (mtu == dev->mtu)
		return 0;
	if (!dev->present)
		return -ENODEV;
	if (want.mtu != mtu) {
		want.mtu = mtu;
		err = netvsc_conn_change(&card, &want);
	}
	if (err)
		return err;
	dev->mtu = mtu;
	told++;
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&card, 0, sizeof(card));
	net = (struct net_device){ .reg_state = NETREG_REGISTERED,
				   .present = true,
				   .running = true,
				   .mtu = 1500 };
	told = 0;
	card.net = &net;
	card.hv = &hv;
	card.config = (struct netvsc_config){ 2, 5000, 300, 1500 };
	fails_to = step = 0;
	no_rings = false;
	host_mtu = 9000;
	netvsc_change_init(&card);
	rtnl = true;
	assert_int_equal(netvsc_conn_open_as(
				 &card, netvsc_conn_alloc(&card, &card.config)),
			 0);
	assert_int_equal(netvsc_conn_start(&card), 0);
	return 0;
}

/* Nothing but the connection that there is, and it works as @config says. */
static void works(const struct netvsc_config *config)
{
	assert_non_null(card.conn);
	assert_true(card.conn->started == net.running);
	assert_memory_equal(&card.conn->made_with, config, sizeof(*config));
	assert_memory_equal(&card.config, config, sizeof(*config));
	assert_true(net.carrier);
	assert_true(net.present);
	assert_int_equal(conns, 1);
	assert_int_equal(buffers, 2);
	assert_int_equal(rings, 1);
	assert_int_equal(card.conn->queues, config->chans);
	assert_int_equal(blocks, config->chans - 1);
}

static int clean(void **state)
{
	(void)state;
	fails_to = 0;
	netvsc_conn_stop(&card);
	netvsc_conn_close(&card);
	netvsc_change_exit(&card);
	assert_int_equal(conns, 0);
	assert_int_equal(buffers, 0);
	assert_int_equal(rings, 0);
	assert_int_equal(blocks, 0);
	return 0;
}

/* The work has its turn, as often as it asks for it. How often that was. */
static u32 time_passes(void)
{
	u32 n = 0;

	rtnl = false;
	while (card.retry_work.due && n < 10) {
		card.retry_work.due = false;
		card.retry_work.run(&card.retry_work.work);
		n++;
	}
	assert_false(card.retry_work.due);
	rtnl = true;
	return n;
}

static const struct netvsc_config wishes[] = {
	{ 2, 5000, 300, 1400 },
	{ 4, 5000, 300, 1500 },
	{ 2, 6000, 400, 1500 },
};

/* @n: steps that fail, one after the other. Each change is tried until none is left to fail. */
static void change_with(u32 n)
{
	const struct netvsc_config old = card.config;
	u32 first, w;
	int err;

	for (w = 0; w < sizeof(wishes) / sizeof(*wishes); w++) {
		first = 0;
		do {
			step = 0;
			fails_from = first++;
			fails_to = fails_from + n;
			err = netvsc_conn_change(&card, &wishes[w]);
			if (!err)
				break;
			/* It doesn't go on for ever. */
			fails_to = step + 2;
			time_passes();
			works(&old);
		} while (first < 50);
		assert_int_equal(err, 0);
		works(&wishes[w]);
		fails_to = 0;
		assert_int_equal(netvsc_conn_change(&card, &old), 0);
		works(&old);
	}
}

static void test_change(void **state)
{
	u32 n;

	(void)state;
	for (n = 1; n < 6; n++)
		change_with(n);
}

static void test_change_while_down(void **state)
{
	(void)state;
	netvsc_conn_stop(&card);
	net.running = false;
	change_with(1);
	change_with(3);
}

/* The host takes less than it said. */
static void test_mtu_refused(void **state)
{
	const struct netvsc_config old = card.config,
				   want = { 2, 5000, 300, 9000 };

	(void)state;
	host_mtu = 4000;
	assert_int_equal(netvsc_conn_change(&card, &want), -EINVAL);
	works(&old);
}

static void sleep_and_wake(u32 first, u32 n)
{
	net.present = false;
	netvsc_conn_stop(&card);
	netvsc_conn_close(&card);
	step = 0;
	fails_from = first;
	fails_to = first + n;
	if (!netvsc_conn_resume(&card))
		assert_false(card.retry_work.due);
}

/* Another machine, which takes less; its card works with that. */
static void shrunk(u32 times)
{
	assert_int_equal(net.mtu, 1300);
	assert_int_equal(card.config.mtu, 1300);
	assert_int_equal(told, times);
	works(&card.config);
}

static void test_mtu_shrinks_at_resume(void **state)
{
	(void)state;
	host_mtu = 1300;
	sleep_and_wake(0, 0);
	shrunk(1);
	sleep_and_wake(0, 0);
	shrunk(1);
	/* Nor is it taken back when there is more again. */
	host_mtu = 9000;
	sleep_and_wake(0, 0);
	shrunk(1);
}

static void test_mtu_shrinks_at_retry(void **state)
{
	u32 first;

	for (first = 0; first < 6; first++) {
		clean(state);
		set_up(state);
		host_mtu = 1300;
		sleep_and_wake(first, 3);
		time_passes();
		shrunk(1);
	}
}

/* A change of something else works; one to an MTU that is too large doesn't. */
static void test_mtu_shrinks_at_change(void **state)
{
	struct netvsc_config want = card.config;

	(void)state;
	host_mtu = 1300;
	want.chans = 4;
	assert_int_equal(netvsc_conn_change(&card, &want), 0);
	assert_int_equal(card.config.chans, 4);
	shrunk(1);

	clean(state);
	set_up(state);
	host_mtu = 1300;
	assert_int_equal(dev_set_mtu(&net, 4000), -EINVAL);
	shrunk(1);
	assert_int_equal(dev_set_mtu(&net, 1200), 0);
	assert_int_equal(net.mtu, 1200);
	assert_int_equal(card.conn->made_with.mtu, 1200);
}

/* When its turn comes there's no memory for the rings of a sub-channel. */
static void test_no_rings(void **state)
{
	u32 w;

	(void)state;
	for (w = 0; w < sizeof(wishes) / sizeof(*wishes); w++) {
		no_rings = true;
		assert_int_equal(netvsc_conn_change(&card, &wishes[w]), 0);
		works(&wishes[w]);
	}
}

static void test_resume(void **state)
{
	const struct netvsc_config old = card.config;

	(void)state;
	sleep_and_wake(0, 0);
	works(&old);
}

/* Whatever fails in that, and be it several times, the card is back in the end. */
static void test_resume_fails(void **state)
{
	const struct netvsc_config old = card.config;
	u32 first, n;

	(void)state;
	for (first = 0; first < 6; first++) {
		for (n = 1; n < 10; n++) {
			sleep_and_wake(first, n);
			if (step <= first)
				return;
			assert_true(net.present);
			assert_true(time_passes() > 0);
			works(&old);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_change, set_up, clean),
		cmocka_unit_test_setup_teardown(test_change_while_down, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_mtu_refused, set_up,
						clean),
		cmocka_unit_test_setup_teardown(test_mtu_shrinks_at_resume,
						set_up, clean),
		cmocka_unit_test_setup_teardown(test_mtu_shrinks_at_retry,
						set_up, clean),
		cmocka_unit_test_setup_teardown(test_mtu_shrinks_at_change,
						set_up, clean),
		cmocka_unit_test_setup_teardown(test_no_rings, set_up, clean),
		cmocka_unit_test_setup_teardown(test_resume, set_up, clean),
		cmocka_unit_test_setup_teardown(test_resume_fails, set_up,
						clean),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
