// SPDX-License-Identifier: GPL-2.0
/*
 * Frames through a network card, both ways: whole, coalesced, in batches, with
 * tags and sums, to the right channel, and what happens when there is no room.
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

static const struct netvsp_config plain;
static uint8_t mac[6];

static int begin(void **state)
{
	struct netvsp_info info;

	(void)state;
	nc_create(&plain, 1, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	netvsp_get_info(card, &info);
	memcpy(mac, info.mac, 6);
	return 0;
}

static int end(void **state)
{
	(void)state;
	nc_end();
	return 0;
}

/* A frame to the child's card, or from it: Ethernet, then a pattern. */
static uint32_t frame(uint8_t *f, uint32_t len, uint16_t type)
{
	uint32_t i;

	memcpy(f, mac, 6);
	memcpy(f + 6, "\x02peer", 6);
	f[12] = type >> 8;
	f[13] = type;
	for (i = 14; i < len; i++)
		f[i] = i * 7 + len;
	return len;
}

/* IPv4 and TCP headers, as a child leaves them for a large send. */
static uint32_t tcp_frame(uint8_t *f, uint32_t len)
{
	frame(f, len, 0x0800);
	memset(f + 14, 0, 40);
	f[14] = 0x45;
	f[22] = 64;
	f[23] = 6;
	memcpy(f + 26, "\x0a\x4d\0\x02\x0a\x4d\0\x01", 8);
	f[34] = 0x30;
	f[36] = 0x14;
	f[37] = 0x51;
	f[46] = 0x50;
	return len;
}

static void expect_out(unsigned int i, const void *data, uint32_t len)
{
	assert_true(CHILD_UNTIL(child, nc_out(nc_net) > i));
	assert_int_equal(nc_net->out[i].len, len);
	assert_memory_equal(nc_net->out[i].data, data, len);
}

/* ---- from the child ---- */

static void out_plain(void **state)
{
	uint8_t f[1514], m[2000];
	uint32_t len, n = frame(f, 1514, 0x88b5);

	(void)state;
	len = nc_message(m, NULL, 0, f, n);
	/* The header across a page's end. */
	nc_gpa(chan, 1, NVS_CHANNEL_DATA, m, len, 4096 - 30);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_OK);
	nc_section(chan, 2, 15, m, len, len);
	assert_int_equal(nc_done(chan, 2), NVS_STATUS_OK);
	expect_out(0, f, n);
	expect_out(1, f, n);
	assert_int_equal(nc_net->out[0].hdr.flags, 0);
	assert_int_equal(nc_counter("tx_frames"), 2);
	assert_int_equal(nc_counter("tx_bytes"), 3028);
	assert_int_equal(nc_counter("bytes_copied"), 0);
}

static void out_batch(void **state)
{
	uint8_t f[3][100], m[600] = { 0 };
	struct rndis_packet p;
	uint32_t len = 0, i, n;

	(void)state;
	for (i = 0; i < 3; i++) {
		frame(f[i], 60 + i, 0x88b5);
		n = nc_message(m + len, NULL, 0, f[i], 60 + i);
		if (i < 2) {
			/* Padding counts. */
			n = (n + 7) & ~7u;
			memcpy(&p, m + len, sizeof(p));
			p.len = n;
			memcpy(m + len, &p, sizeof(p));
		}
		len += n;
	}
	nc_section(chan, 1, 0, m, len, len);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_OK);
	for (i = 0; i < 3; i++)
		expect_out(i, f[i], 60 + i);
	assert_int_equal(nc_counter("tx_packets"), 1);
	assert_int_equal(nc_counter("tx_batched"), 2);
}

static void out_vlan_csum(void **state)
{
	struct nc_ppi ppi[2] = {
		NC_PPI(RNDIS_PPI_8021Q, RNDIS_8021Q(5, 0, 0x123)),
		NC_PPI(RNDIS_PPI_CHECKSUM,
		       RNDIS_CSUM_TX_IPV4 | RNDIS_CSUM_TX_TCP | 34 << 16),
	};
	uint8_t f[200], m[400], want[204];

	(void)state;
	tcp_frame(f, 200);
	nc_gpa(chan, 1, NVS_CHANNEL_DATA, m,
	       nc_message(m, ppi, sizeof(ppi), f, 200), 0);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_OK);
	memcpy(want, f, 12);
	memcpy(want + 12, "\x81\x00\xa1\x23", 4);
	memcpy(want + 16, f + 12, 188);
	expect_out(0, want, 204);
	assert_int_equal(nc_net->out[0].hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(nc_net->out[0].hdr.csum_start, 38);
	assert_int_equal(nc_net->out[0].hdr.csum_offset, 16);
	assert_int_equal(nc_net->out[0].hdr.gso_type, 0);
}

static uint32_t sum16(const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	for (; len; p += 2, len -= 2)
		sum += p[0] << 8 | p[1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void out_large(void **state)
{
	struct nc_ppi ppi =
		NC_PPI(RNDIS_PPI_LSO, 1448 | 34 << 20 | RNDIS_LSO_V2);
	static uint8_t f[60000], m[60100];
	const uint8_t *got;
	uint8_t pseudo[12];

	(void)state;
	tcp_frame(f, sizeof(f));
	nc_gpa(chan, 1, NVS_CHANNEL_DATA, m,
	       nc_message(m, &ppi, sizeof(ppi), f, sizeof(f)), 64);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_OK);
	assert_int_equal(nc_out(nc_net), 1);
	assert_int_equal(nc_net->out[0].len, sizeof(f));
	got = nc_net->out[0].data;
	assert_int_equal(nc_net->out[0].hdr.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(nc_net->out[0].hdr.gso_size, 1448);
	assert_int_equal(nc_net->out[0].hdr.hdr_len, 54);
	assert_int_equal(nc_net->out[0].hdr.csum_start, 34);
	assert_int_equal(nc_net->out[0].hdr.csum_offset, 16);
	/* The length, and the header's sum. */
	assert_int_equal(got[16] << 8 | got[17], sizeof(f) - 14);
	assert_int_equal(sum16(got + 14, 20), 0xffff);
	memcpy(pseudo, got + 26, 8);
	memcpy(pseudo + 8,
	       (uint8_t[]){ 0, 6, (sizeof(f) - 34) >> 8,
			    (uint8_t)(sizeof(f) - 34) },
	       4);
	assert_int_equal(got[50] << 8 | got[51], sum16(pseudo, 12));
	assert_memory_equal(got + 54, f + 54, sizeof(f) - 54);
	/* The child's own is left as it was. */
	assert_int_equal(nc_counter("bytes_copied"), 0);
	assert_int_equal(nc_counter("tx_headers_rebuilt"), 1);
	/* One segment is none. */
	nc_gpa(chan, 2, NVS_CHANNEL_DATA, m,
	       nc_message(m, &ppi, sizeof(ppi), f, 500), 0);
	assert_int_equal(nc_done(chan, 2), NVS_STATUS_OK);
	assert_int_equal(nc_net->out[1].hdr.gso_type, 0);
	assert_int_equal(nc_net->out[1].hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
}

/* No room in the back end: the packet waits, and those behind it. */
static void out_full(void **state)
{
	uint8_t f[3][100], m[500];
	uint32_t len = 0, i;
	struct nc_packet p;

	(void)state;
	for (i = 0; i < 2; i++) {
		frame(f[i], 60, 0x88b5 + i);
		len += nc_message(m + len, NULL, 0, f[i], 60);
	}
	nc_net->full = true;
	nc_section(chan, 1, 0, m, len, len);
	nc_section(chan, 2, 1, m, len, len);
	assert_true(CHILD_UNTIL(child, nc_counter("tx_stalled")));
	child_poll(child, 20);
	assert_false(nc_take(chan, &p));
	pthread_mutex_lock(&nc_net->lock);
	nc_net->full = false;
	pthread_mutex_unlock(&nc_net->lock);
	nc_event(nc_net, 0, true);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_OK);
	assert_int_equal(nc_done(chan, 2), NVS_STATUS_OK);
	assert_int_equal(nc_out(nc_net), 4);
	expect_out(0, f[0], 60);
	expect_out(1, f[1], 60);
	expect_out(2, f[0], 60);
	/* An error loses one, and says so to nobody but the counters. */
	nc_net->send_error = -EIO;
	nc_section(chan, 3, 0, m, len, len);
	assert_int_equal(nc_done(chan, 3), NVS_STATUS_OK);
	assert_int_equal(nc_counter("tx_drop_backend"), 2);
}

/* ---- to the child ---- */

static struct nc_xfer take(struct child_chan *ch)
{
	struct nc_xfer x;

	assert_true(CHILD_UNTIL(child, nc_take_xfer(ch, &x)));
	return x;
}

static void give_back(struct child_chan *ch, struct nc_xfer *x)
{
	nc_return(ch, x->id);
}

static void in_plain(void **state)
{
	uint8_t f[3][1514];
	struct nc_xfer x;
	const uint8_t *got;
	uint32_t i, len, v;

	(void)state;
	for (i = 0; i < 3; i++)
		nc_put(nc_net, 0, NULL, f[i],
		       frame(f[i], 60 + 700 * i, 0x88b5));
	nc_event(nc_net, 0, false);
	x = take(chan);
	/* One packet for all of them, and one section. */
	assert_int_equal(x.n, 3);
	for (i = 0; i < 3; i++) {
		got = nc_frame_of(&x.range[i], &len);
		assert_int_equal(len, 60 + 700 * i);
		assert_memory_equal(got, f[i], len);
		assert_int_equal(x.range[i].offset / 16384,
				 x.range[0].offset / 16384);
		assert_false(nc_ppi_of(&x.range[i], RNDIS_PPI_CHECKSUM, &v));
	}
	assert_int_equal(nc_lent(0), 1);
	give_back(chan, &x);
	assert_true(CHILD_UNTIL(child, !nc_lent(0)));
	assert_int_equal(nc_counter("rx_frames"), 3);
	assert_int_equal(nc_counter("rx_packets"), 1);
	assert_int_equal(nc_counter("bytes_copied"), 0);
}

static void in_filter(void **state)
{
	static const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 1 };
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	static const uint32_t filter[] = { 1, 2, 4, 8, 0x20 };
	static const unsigned int pass[] = { 1, 4, 4, 2, 15 };
	uint8_t f[4][60];
	unsigned int i, k, got, n;
	struct nc_xfer x;

	(void)state;
	for (k = 0; k < 4; k++)
		frame(f[k], 60, 0x88b5);
	memcpy(f[1], all, 6);
	memcpy(f[2], group, 6);
	f[3][5] ^= 1; /* somebody else's */
	assert_int_equal(nc_set(RNDIS_OID_MULTICAST_LIST, group, 6), 0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(nc_filter(filter[i]), 0);
		for (k = 0; k < 4; k++)
			nc_put(nc_net, 0, NULL, f[k], 60);
		nc_event(nc_net, 0, false);
		x = take(chan);
		for (got = n = 0; n < x.n; n++) {
			uint32_t len;
			const uint8_t *p = nc_frame_of(&x.range[n], &len);

			for (k = 0; k < 4; k++)
				if (!memcmp(p, f[k], 6))
					got |= 1 << k;
		}
		assert_int_equal(got, pass[i]);
		give_back(chan, &x);
		nc_net_clear(nc_net);
	}
	/* Not in the list. */
	assert_int_equal(nc_set(RNDIS_OID_MULTICAST_LIST, all, 6), 0);
	assert_int_equal(nc_filter(2), 0);
	nc_put(nc_net, 0, NULL, f[2], 60);
	nc_event(nc_net, 0, false);
	assert_true(CHILD_UNTIL(child, nc_counter("rx_drop_filter") == 13));
	/* Down: nothing is asked of the back end. */
	assert_int_equal(nc_filter(0), 0);
	assert_true(CHILD_UNTIL(child, nc_net->stops == 1));
}

static void in_vlan_csum(void **state)
{
	struct virtio_net_hdr vh = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				     .csum_start = 38,
				     .csum_offset = 16 };
	uint8_t f[200], tagged[204];
	const uint8_t *got;
	struct nc_xfer x;
	uint32_t len, v;

	(void)state;
	tcp_frame(f, 200);
	memcpy(tagged, f, 12);
	memcpy(tagged + 12, "\x81\x00\x61\x23", 4);
	memcpy(tagged + 16, f + 12, 188);
	nc_put(nc_net, 0, &vh, tagged, 204);
	nc_event(nc_net, 0, false);
	x = take(chan);
	got = nc_frame_of(&x.range[0], &len);
	assert_int_equal(len, 200);
	assert_memory_equal(got, f, 200);
	assert_true(nc_ppi_of(&x.range[0], RNDIS_PPI_8021Q, &v));
	assert_int_equal(v, RNDIS_8021Q(3, 0, 0x123));
	assert_true(nc_ppi_of(&x.range[0], RNDIS_PPI_CHECKSUM, &v));
	assert_int_equal(v, RNDIS_CSUM_RX_TCP_OK | RNDIS_CSUM_RX_TCP_INVALID);
	give_back(chan, &x);
}

static void switch_rsc(uint8_t to)
{
	struct ndis_offload_params p = {
		.header = { NDIS_OBJECT_DEFAULT, 3, sizeof(p) },
		.tcp4_csum = 4,
		.udp4_csum = 4,
		.tcp6_csum = 4,
		.udp6_csum = 4,
		.rsc_ipv4 = to,
		.rsc_ipv6 = to,
	};

	assert_int_equal(nc_set(RNDIS_OID_OFFLOAD_PARAMS, &p, sizeof(p)), 0);
}

/* Pieces of one frame, of which each has its own range. */
static uint32_t join(const struct nc_xfer *x, unsigned int *at, uint8_t *out)
{
	uint32_t total = 0, len, v;
	struct rndis_packet_id id;
	const uint8_t *p;
	bool first = true;

	do {
		p = nc_frame_of(&x->range[*at], &len);
		assert_true(nc_ppi_of(&x->range[*at], RNDIS_PPI_PACKET_ID, &v));
		memcpy(&id, &v, 4);
		assert_int_equal(id.version, 1);
		assert_int_equal(id.flags & 3, first ? 3 : 1);
		assert_true(x->range[*at].len <= 16384);
		assert_int_equal(
			x->range[*at].offset / 16384,
			(x->range[*at].offset + x->range[*at].len - 1) / 16384);
		memcpy(out + total, p, len);
		total += len;
		first = false;
		++*at;
	} while (!(id.flags & RNDIS_PACKET_ID_LAST));
	return total;
}

static void in_coalesced(void **state)
{
	struct virtio_net_hdr vh = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
				     .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
				     .gso_size = 1448,
				     .hdr_len = 54,
				     .csum_start = 34,
				     .csum_offset = 16 };
	static const uint32_t size[] = { 65549, 3000, 40000, 16384, 16272 };
	static uint8_t f[5][66000], out[66000];
	unsigned int i, round, at;
	uint64_t copied = 0;
	struct nc_xfer x;
	uint32_t len;

	(void)state;
	/* Not asked for: dropped, whole. */
	nc_put(nc_net, 0, &vh, f[0], tcp_frame(f[0], 1600));
	nc_event(nc_net, 0, false);
	assert_true(CHILD_UNTIL(child, nc_counter("rx_drop_offload") ||
					       nc_counter("rx_frames")));
	assert_int_equal(nc_counter("rx_frames"), 0);
	switch_rsc(NDIS_PARAM_ON);
	for (round = 0; round < 12; round++) {
		nc_net_clear(nc_net);
		for (i = 0; i < 5; i++)
			nc_put(nc_net, 0, &vh, f[i], tcp_frame(f[i], size[i]));
		nc_event(nc_net, 0, false);
		x = take(chan);
		for (i = at = 0; i < 5; i++) {
			if (at == x.n) {
				give_back(chan, &x);
				x = take(chan);
				at = 0;
			}
			assert_int_equal(join(&x, &at, out), size[i]);
			assert_memory_equal(out, f[i], size[i]);
		}
		assert_int_equal(at, x.n);
		give_back(chan, &x);
		/* Only the first long one was not expected. */
		if (!round)
			copied = nc_counter("bytes_copied");
		assert_int_equal(nc_counter("bytes_copied"), copied);
	}
	assert_in_range(copied, 1, size[0]);
	assert_int_equal(nc_counter("rx_rsc"), 60);
	/* After many short ones none is expected again. */
	nc_net_clear(nc_net);
	for (i = 0; i < 100; i++)
		nc_put(nc_net, 0, NULL, f[1], frame(f[1], 60, 0x88b5));
	nc_put(nc_net, 0, &vh, f[0], size[0]);
	nc_event(nc_net, 0, false);
	for (i = 0; i <= 100;) {
		x = take(chan);
		for (at = 0; at < x.n && i < 100; i++) {
			nc_frame_of(&x.range[at++], &len);
			assert_int_equal(len, 60);
		}
		if (at < x.n) {
			assert_int_equal(join(&x, &at, out), size[0]);
			i++;
		}
		give_back(chan, &x);
	}
	assert_memory_equal(out, f[0], size[0]);
	assert_in_range(nc_counter("bytes_copied"), copied + 1,
			copied + size[0]);
	assert_true(CHILD_UNTIL(child, !nc_lent(0)));
	switch_rsc(NDIS_PARAM_OFF);
}

/* The child keeps all: the back end is left alone till it gives some back. */
static void in_exhausted(void **state)
{
	static uint8_t f[1514];
	struct nc_xfer x[256];
	unsigned int n = 0, i, got = 0, total = 0;

	(void)state;
	frame(f, 1514, 0x88b5);
	while (total < 2000 && !nc_counter("rx_no_section")) {
		nc_net_clear(nc_net);
		for (i = 0; i < 100; i++)
			nc_put(nc_net, 0, NULL, f, 1514);
		total += 100;
		nc_event(nc_net, 0, false);
		assert_true(CHILD_UNTIL(child,
					nc_net->taken == 100 ||
						nc_counter("rx_no_section")));
		while (n < 256 && nc_take_xfer(chan, &x[n]))
			got += x[n++].n;
	}
	/* 60 sections, of which each has room for 10. */
	assert_true(nc_counter("rx_no_section") > 0);
	child_poll(child, 20);
	while (n < 256 && nc_take_xfer(chan, &x[n]))
		got += x[n++].n;
	assert_in_range(got, 540, 600);
	assert_true(nc_net->taken < 100);
	for (i = 0; i < n; i++)
		give_back(chan, &x[i]);
	assert_true(CHILD_UNTIL(child, nc_net->taken == 100));
	do {
		x[0].n = 0;
		if (nc_take_xfer(chan, &x[0]))
			give_back(chan, &x[0]);
	} while (x[0].n);
	assert_true(CHILD_UNTIL(child,
				!nc_lent(0) || (nc_take_xfer(chan, &x[0]) &&
						(give_back(chan, &x[0]), 0))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(out_plain, begin, end),
		cmocka_unit_test_setup_teardown(out_batch, begin, end),
		cmocka_unit_test_setup_teardown(out_vlan_csum, begin, end),
		cmocka_unit_test_setup_teardown(out_large, begin, end),
		cmocka_unit_test_setup_teardown(out_full, begin, end),
		cmocka_unit_test_setup_teardown(in_plain, begin, end),
		cmocka_unit_test_setup_teardown(in_filter, begin, end),
		cmocka_unit_test_setup_teardown(in_vlan_csum, begin, end),
		cmocka_unit_test_setup_teardown(in_coalesced, begin, end),
		cmocka_unit_test_setup_teardown(in_exhausted, begin, end),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("netvsp_frames", tests, NULL, NULL);
}
