// SPDX-License-Identifier: GPL-2.0
/*
 * A network card over time: sub-channels and scaling over two workers, the
 * plug, pause, buffers revoked and channels closed with frames under way,
 * removal.
 *
 * links: vsp vmbus backend mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net_child.h"
#include "util/log.h"
#include "vsp/netvsp_var.h"

static const struct netvsp_config plain;
static uint8_t frame[1514];

static int end(void **state)
{
	(void)state;
	nc_end();
	return 0;
}

static void make_frame(void)
{
	struct netvsp_info info;

	netvsp_get_info(card, &info);
	memset(frame, 3, sizeof(frame));
	memcpy(frame, info.mac, 6);
}

static void single(void)
{
	nc_create(&plain, 1, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	make_frame();
}

static void receive(unsigned int n)
{
	while (n--)
		nc_put(nc_net, 0, NULL, frame, 60);
	nc_event(nc_net, 0, false);
}

/* ---- scaling ---- */

/* [MS-NDIS] verifies with these. */
static void vectors(void **state)
{
	static const uint8_t key[40] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
		0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
		0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
		0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa
	};
	/* 66.9.149.187:2794 to 161.142.100.80:1766 */
	static const uint8_t v4[] = { 66,  9,  149,  187,  161,	 142,
				      100, 80, 0x0a, 0xea, 0x06, 0xe6 };
	/* 3ffe:2501:200:1fff::7, 2794 to 3ffe:2501:200:3::1, 1766 */
	static const uint8_t v6[] = { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00,
				      0x1f, 0xff, 0,	0,    0,    0,
				      0,    0,	  0,	7,    0x3f, 0xfe,
				      0x25, 0x01, 0x02, 0x00, 0,    3,
				      0,    0,	  0,	0,    0,    0,
				      0,    1,	  0x0a, 0xea, 0x06, 0xe6 };
	static struct toeplitz t;
	struct net_headers h;
	uint8_t f[100] = { 0 };
	uint32_t hash;

	(void)state;
	toeplitz_init(&t, key);
	f[12] = 8;
	f[14] = 0x45;
	f[23] = 6;
	memcpy(f + 26, v4, 12);
	net_parse(f, sizeof(f), &h);
	assert_true(net_flow_hash(&t, 0x1701, f, &h, &hash));
	assert_int_equal(hash, 0x51ccc178);
	assert_true(net_flow_hash(&t, NDIS_HASH_IPV4, f, &h, &hash));
	assert_int_equal(hash, 0x323e8fc2);
	assert_false(net_flow_hash(&t, NDIS_HASH_IPV6, f, &h, &hash));
	/* A fragment has no ports. */
	f[20] = 0x20;
	net_parse(f, sizeof(f), &h);
	assert_true(net_flow_hash(&t, 0x1701, f, &h, &hash));
	assert_int_equal(hash, 0x323e8fc2);
	memset(f, 0, sizeof(f));
	f[12] = 0x86;
	f[13] = 0xdd;
	f[14] = 0x60;
	f[20] = 6;
	memcpy(f + 22, v6, 36);
	net_parse(f, sizeof(f), &h);
	assert_true(net_flow_hash(&t, 0x1701, f, &h, &hash));
	assert_int_equal(hash, 0x40207d3d);
	assert_true(net_flow_hash(&t, NDIS_HASH_IPV6, f, &h, &hash));
	assert_int_equal(hash, 0x2cc18cd5);
}

static struct child_chan *sub[8];

/* `n` sub-channels, open, after the answer that grants `granted`. */
static void open_subs(unsigned int n, unsigned int granted)
{
	struct nvs_msg m = { .type = NVS_SUBCHANNEL, .u.subchannel = { 1, n } };
	struct nvs_send_table_msg table;
	struct nc_packet p;
	unsigned int i;

	nc_nvs(&m);
	assert_int_equal(m.u.subchannel_done.status, NVS_STATUS_OK);
	assert_int_equal(m.u.subchannel_done.count, granted);
	for (i = 1; i <= granted; i++) {
		assert_true(
			CHILD_UNTIL(child, (sub[i] = child_find(child, 1, i))));
		assert_true(child_open(sub[i]));
	}
	sub[0] = chan;
	p = nc_recv_packet(chan);
	assert_int_equal(p.head.type, RING_PKT_INBAND);
	assert_int_equal(p.len, sizeof(table));
	memcpy(&table, p.data, sizeof(table));
	assert_int_equal(table.type, NVS_SEND_TABLE);
	assert_int_equal(table.offset, 40);
	for (i = 0; i < 16; i++)
		assert_int_equal(table.table[i], i % (granted + 1));
}

static void set_scaling(unsigned int queues)
{
	struct {
		struct ndis_rss_params p;
		uint32_t table[128];
		uint8_t key[40];
	} r = { .p = { .header = { NDIS_OBJECT_RSS_PARAMS, 2, 40 },
		       .hash_info = 0x1701,
		       .table_size = 512,
		       .table_offset = 40,
		       .key_size = 40,
		       .key_offset = 552 } };
	unsigned int i;

	for (i = 0; i < 128; i++)
		r.table[i] = i % queues;
	for (i = 0; i < 40; i++)
		r.key[i] = i * 37 + 11;
	assert_int_equal(nc_set(RNDIS_OID_RSS_PARAMS, &r, sizeof(r)), 0);
}

static void tcp(uint8_t *f, uint16_t port)
{
	memcpy(f, frame, 60);
	memset(f + 12, 0, 48);
	f[12] = 8;
	f[14] = 0x45;
	f[23] = 6;
	memcpy(f + 26, "\x0a\x4d\0\x01\x0a\x4d\0\x02", 8);
	f[34] = port >> 8;
	f[35] = port;
	f[46] = 0x50;
}

/* Frames of one flow come on one channel, whichever queue they come from. */
static void scaled(void **state)
{
	struct netvsp_config cfg = { .processors = 4 };
	unsigned int flow, i, seen[4] = { 0 }, on[64];
	struct netvsp_info info;
	struct nc_xfer x;
	uint8_t f[60];

	(void)state;
	nc_create(&cfg, 2, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	make_frame();
	open_subs(7, 3);
	netvsp_get_info(card, &info);
	assert_int_equal(info.channels, 4);
	assert_int_equal(info.queues, 2);
	assert_true(CHILD_UNTIL(child, nc_net->worker[1]));
	set_scaling(4);
	for (flow = 0; flow < 64; flow++) {
		tcp(f, 1000 + flow / 2);
		nc_put(nc_net, flow % 2, NULL, f, 60);
		nc_event(nc_net, flow % 2, false);
		x.n = 0;
		assert_true(CHILD_UNTIL(
			child, (i = 0, nc_take_xfer(sub[0], &x)) ||
				       (i = 1, nc_take_xfer(sub[1], &x)) ||
				       (i = 2, nc_take_xfer(sub[2], &x)) ||
				       (i = 3, nc_take_xfer(sub[3], &x))));
		assert_int_equal(x.n, 1);
		on[flow] = i;
		seen[i]++;
		if (flow % 2)
			assert_int_equal(on[flow - 1], i);
		nc_return(sub[i], x.id);
	}
	for (i = 0; i < 4; i++)
		assert_true(seen[i] >= 4);
	assert_true(nc_counter("rx_handed_over") > 10);
	assert_int_equal(nc_counter("rx_hashed"), 64);
	assert_true(CHILD_UNTIL(child, !nc_lent(0) && !nc_lent(1)));
	/* Sub-channels send, too, each on its queue. */
	for (i = 0; i < 4; i++) {
		uint8_t m[200];
		uint32_t len = nc_message(m, NULL, 0, frame, 100);

		nc_section(sub[i], 9, i, m, len, len);
		assert_int_equal(nc_done(sub[i], 9), NVS_STATUS_OK);
		assert_int_equal(nc_net->out[i].queue, i % 2);
	}
	/* But they set nothing up. */
	assert_true(child_send(sub[2], RING_PKT_INBAND, 1, 3, NULL, 0,
			       &(struct nvs_msg){ .type = NVS_INIT }, 40));
	assert_int_equal(nc_recv_packet(sub[2]).len, 0);
	assert_int_equal(nc_counter("bad_nvs_state"), 1);
	/* The primary closes: all of them go. */
	child->rescinds = 0;
	assert_true(child_close(chan));
	assert_int_equal(child->rescinds, 3);
	assert_true(CHILD_UNTIL(child, nc_net->stops == 2));
	/* And again. */
	nc_teardown(chan->offer.relid, NC_GPADL_RECV);
	nc_teardown(chan->offer.relid, NC_GPADL_SEND);
	nc_ready(NVS_VERSION_5, 1514);
	open_subs(1, 1);
}

/* ---- the plug ---- */

static uint32_t indication(void)
{
	struct rndis_indicate m;
	struct nc_xfer x;

	assert_true(CHILD_UNTIL(child, nc_take_xfer(chan, &x)));
	memcpy(&m, nc_recv_at(x.range[0].offset), sizeof(m));
	assert_int_equal(m.type, RNDIS_INDICATE);
	assert_int_equal(m.len, sizeof(m) + m.buffer_len);
	nc_return(chan, x.id);
	return m.status;
}

static void plug(void **state)
{
	struct netvsp_info info;

	(void)state;
	single();
	netvsp_set_link(card, false);
	netvsp_set_link(card, false);
	assert_int_equal(indication(), RNDIS_STATUS_MEDIA_DISCONNECT);
	netvsp_get_info(card, &info);
	assert_false(info.link);
	assert_true(CHILD_UNTIL(child, nc_net->stops == 1));
	netvsp_set_link(card, true);
	assert_int_equal(indication(), RNDIS_STATUS_MEDIA_CONNECT);
	assert_true(CHILD_UNTIL(child, nc_net->starts == 2));
	/* The other end's. */
	__atomic_store_n(&nc_net->net.link_down, true, __ATOMIC_SEQ_CST);
	nc_net->net.events->link(nc_net->net.events_arg, false);
	assert_int_equal(indication(), RNDIS_STATUS_MEDIA_DISCONNECT);
	/* There and back before anybody looks: nothing to tell. */
	__atomic_store_n(&nc_net->net.link_down, false, __ATOMIC_SEQ_CST);
	nc_net->net.events->link(nc_net->net.events_arg, true);
	assert_int_equal(indication(), RNDIS_STATUS_MEDIA_CONNECT);
}

/* The cable is pulled on and on while the child sleeps: it hears how it ended. */
static void plug_asleep(void **state)
{
	unsigned int i, told = 0;
	uint32_t last = 0;
	struct nc_xfer x;

	(void)state;
	single();
	for (i = 0; i < 201; i++) {
		netvsp_set_link(card, i & 1);
		usleep(1000);
	}
	while (last != RNDIS_STATUS_MEDIA_DISCONNECT || told % 2 == 0) {
		last = indication();
		told++;
	}
	usleep(50000);
	while (nc_take_xfer(chan, &x)) {
		nc_return(chan, x.id);
		told++;
	}
	assert_in_range(told, 1, 8);
	assert_int_equal(child->rescinds, 0);
	netvsp_set_link(card, true);
	assert_int_equal(indication(), RNDIS_STATUS_MEDIA_CONNECT);
}

/* ---- pace ---- */

static bool masked(void)
{
	return __atomic_load_n(&chan->out->interrupt_mask, __ATOMIC_SEQ_CST);
}

/*
 * Much at once: served in ticks, with the ring masked, and nothing stays behind.
 * One at a time: at once.
 */
static void pace(void **state)
{
	static uint8_t m[6 * 1024];
	unsigned int sent = 0, done = 0, i;
	struct nc_packet p;
	uint64_t ticks;
	uint32_t len;

	(void)state;
	single();
	len = nc_message(m, NULL, 0, frame, 60);
	for (i = 0; i < 50; i++) {
		nc_section(chan, 1, 0, m, len, len);
		assert_int_equal(nc_done(chan, 1), NVS_STATUS_OK);
		nc_net_clear(nc_net);
		/* The worker goes to sleep in between. */
		assert_true(CHILD_UNTIL(child, !masked()));
	}
	assert_int_equal(nc_counter("ticks"), 0);
	while (done < 2000) {
		for (i = 0; i < 20 && sent < 2000; i++, sent++)
			nc_section(chan, 1, i % 16, m, len, len);
		assert_true(CHILD_UNTIL(child, nc_take(chan, &p)));
		do
			done++;
		while (nc_take(chan, &p));
		while (sent - done > 60 && nc_take(chan, &p))
			done++;
		nc_net_clear(nc_net);
		while (sent - done > 60) {
			assert_true(CHILD_UNTIL(child, nc_take(chan, &p)));
			done++;
		}
	}
	ticks = nc_counter("ticks");
	assert_true(ticks > 0);
	/* It comes to rest, and the next one rings. */
	assert_true(CHILD_UNTIL(child, !masked()));
	nc_section(chan, 2, 0, m, len, len);
	assert_int_equal(nc_done(chan, 2), NVS_STATUS_OK);
}

/* ---- pause ---- */

static void pause_resume(void **state)
{
	uint8_t m[200];
	uint32_t len = nc_message(m, NULL, 0, frame, 100);
	struct nc_packet p;
	bool quiet = false;

	(void)state;
	single();
	netvsp_pause(card, child_flag, &quiet);
	assert_true(CHILD_UNTIL(child, quiet));
	nc_section(chan, 1, 0, m, len, len);
	receive(1);
	child_poll(child, 50);
	assert_false(nc_take(chan, &p));
	assert_int_equal(nc_out(nc_net), 0);
	netvsp_resume(card);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_OK);
	assert_true(CHILD_UNTIL(child, nc_net->taken == 1));
}

/* ---- ends with frames under way ---- */

static void revoked(void **state)
{
	struct nvs_msg m = { .type = NVS_REVOKE_RECV_BUF,
			     .u.revoke.id = NVS_RECV_BUF_ID };
	struct nc_xfer x;

	(void)state;
	single();
	receive(3);
	assert_true(CHILD_UNTIL(child, nc_take_xfer(chan, &x)));
	assert_int_equal(nc_lent(0), 1);
	nc_nvs_send(&m, false);
	assert_true(CHILD_UNTIL(child, !nc_lent(0)));
	/* Given back too late: of no account. */
	nc_return(chan, x.id);
	assert_true(CHILD_UNTIL(child, nc_counter("bad_completion") == 1));
	child->torndown = 0;
	nc_teardown(chan->offer.relid, NC_GPADL_RECV);
	assert_true(CHILD_UNTIL(child, child->torndown == 1));
	/* Frames wait for another buffer. */
	receive(1);
	child_poll(child, 20);
	assert_int_equal(nc_net->taken, 3);
	nc_lend(chan->offer.relid, NC_GPADL_RECV, NC_RECV_PAGE, NC_RECV_PAGES);
	assert_int_equal(nc_recv_buf().u.recv_buf_done.status, NVS_STATUS_OK);
	assert_true(CHILD_UNTIL(child, nc_take_xfer(chan, &x)));
	nc_return(chan, x.id);
}

static void closed(void **state)
{
	struct nc_xfer x;
	unsigned int i;

	(void)state;
	single();
	for (i = 0; i < 5; i++) {
		receive(3);
		assert_true(CHILD_UNTIL(child, nc_take_xfer(chan, &x)));
		nc_teardown(chan->offer.relid, NC_GPADL_RECV);
		nc_teardown(chan->offer.relid, NC_GPADL_SEND);
		child->torndown = 0;
		assert_true(child_close(chan));
		assert_true(CHILD_UNTIL(child, child->torndown == 3));
		assert_int_equal(nc_lent(0), 0);
		nc_net_clear(nc_net);
		nc_net->starts = 0;
		nc_ready(NVS_VERSION_6_1, 1514);
	}
}

static void removed(void **state)
{
	struct nc_xfer x;

	(void)state;
	single();
	receive(3);
	assert_true(CHILD_UNTIL(child, nc_take_xfer(chan, &x)));
	child->rescinds = 0;
	/* The rest is in end(). */
}

/* A ring that is full: what waits is sent when there is room. */
static void ring_full(void **state)
{
	unsigned int n = 0, total = 0;
	struct nc_xfer x;

	(void)state;
	single();
	while (!nc_counter("rx_ring_full") && n < 2000) {
		nc_net_clear(nc_net);
		receive(1);
		assert_true(
			CHILD_UNTIL(child, nc_net->taken == 1 ||
						   nc_counter("rx_ring_full")));
		n++;
	}
	assert_true(nc_counter("rx_ring_full") > 0);
	while (total < n) {
		assert_true(CHILD_UNTIL(child, nc_take_xfer(chan, &x)));
		total += x.n;
		nc_return(chan, x.id);
	}
	assert_true(CHILD_UNTIL(child, !nc_lent(0)));
	assert_int_equal(nc_counter("rx_frames"), total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test_teardown(scaled, end),
		cmocka_unit_test_teardown(plug, end),
		cmocka_unit_test_teardown(plug_asleep, end),
		cmocka_unit_test_teardown(pace, end),
		cmocka_unit_test_teardown(pause_resume, end),
		cmocka_unit_test_teardown(revoked, end),
		cmocka_unit_test_teardown(closed, end),
		cmocka_unit_test_teardown(removed, end),
		cmocka_unit_test_teardown(ring_full, end),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("netvsp_life", tests, NULL, NULL);
}
