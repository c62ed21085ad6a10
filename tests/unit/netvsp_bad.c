// SPDX-License-Identifier: GPL-2.0
/*
 * A child that lies to its network card: each lie is counted by its kind,
 * answered where there is an answer, and harms nothing.
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
static uint8_t frame[1600], msg[4096];
static uint32_t len; /* of a good message of 100 bytes, in msg */
static struct rndis_packet *const packet = (struct rndis_packet *)msg;

static void good_message(const void *ppi, uint32_t ppi_len)
{
	len = nc_message(msg, ppi, ppi_len, frame, 100);
}

static int begin(void **state)
{
	(void)state;
	nc_create(&plain, 1, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	memset(frame, 2, sizeof(frame));
	good_message(NULL, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	nc_end();
	return 0;
}

/* Send what is in msg; it is refused, and counted as `counter`. */
static void refused(const char *counter)
{
	uint64_t before = nc_counter(counter);

	nc_section(chan, 77, 3, msg, len, len);
	assert_int_equal(nc_done(chan, 77), NVS_STATUS_BAD_RNDIS);
	assert_int_equal(nc_counter(counter), before + 1);
	assert_int_equal(nc_out(nc_net), 0);
	good_message(NULL, 0);
}

/* The card works as before. */
static void still_works(void)
{
	unsigned int n = nc_out(nc_net);

	good_message(NULL, 0);
	nc_section(chan, 78, 4, msg, len, len);
	assert_int_equal(nc_done(chan, 78), NVS_STATUS_OK);
	assert_int_equal(nc_out(nc_net), n + 1);
}

static void lengths(void **state)
{
	(void)state;
	packet->len = 0;
	refused("bad_rndis_length");
	packet->len = 7;
	refused("bad_rndis_length");
	packet->len = len = 43;
	refused("bad_rndis_length");
	packet->len = len + 1;
	refused("bad_rndis_length");
	packet->len = UINT32_MAX;
	refused("bad_rndis_length");
	/* Behind the first message there are 4 bytes, which are none. */
	len += 4;
	packet->len = len - 4;
	nc_section(chan, 77, 3, msg, len, len);
	assert_int_equal(nc_done(chan, 77), NVS_STATUS_BAD_RNDIS);
	assert_int_equal(nc_out(nc_net), 1);
	packet->type = RNDIS_SET;
	packet->len = len;
	nc_net_clear(nc_net);
	refused("bad_rndis_type");
	still_works();
}

static void places(void **state)
{
	static const uint32_t wild[][2] = {
		{ 36, 101 },	       { 137, 100 },
		{ UINT32_MAX, 100 },   { 36, UINT32_MAX },
		{ UINT32_MAX - 7, 8 }, { 0x80000000, 100 },
		{ UINT32_MAX, 0x100 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		packet->data_offset = wild[i][0];
		packet->data_len = wild[i][1];
		refused("bad_data_place");
	}
	packet->data_len = 13;
	refused("bad_frame_length");
	packet->data_len = 0;
	refused("bad_frame_length");
	len = nc_message(msg, NULL, 0, frame, 1519);
	refused("bad_frame_length");
	still_works();
}

static void ppis(void **state)
{
	struct nc_ppi ppi[3] = {
		NC_PPI(RNDIS_PPI_HASH_VALUE, 1),
		NC_PPI(RNDIS_PPI_8021Q, 1),
		NC_PPI(RNDIS_PPI_CHECKSUM, 0),
	};
	static const uint32_t sizes[] = { 0,  4,  11,	      15,
					  33, 64, UINT32_MAX, 0x80000010 };
	static const uint32_t offsets[] = { 0, 8, 13, 17, UINT32_MAX };
	unsigned int i;

	(void)state;
	/* The chain that goes on for ever, and others. */
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ppi[1].h.size = sizes[i];
		good_message(ppi, sizeof(ppi));
		refused("bad_ppi");
	}
	ppi[1].h.size = 16;
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		ppi[1].h.offset = offsets[i];
		good_message(ppi, sizeof(ppi));
		refused("bad_ppi");
	}
	ppi[1].h.offset = 12;
	good_message(ppi, sizeof(ppi));
	packet->ppi_len = 44;
	refused("bad_ppi");
	good_message(ppi, sizeof(ppi));
	packet->ppi_len = 5000;
	refused("bad_ppi");
	good_message(ppi, sizeof(ppi));
	packet->ppi_offset = 0;
	refused("bad_ppi");
	good_message(ppi, sizeof(ppi));
	packet->ppi_offset = UINT32_MAX - 8;
	refused("bad_ppi");
	still_works();
}

static void offloads(void **state)
{
	struct nc_ppi csum = NC_PPI(RNDIS_PPI_CHECKSUM, RNDIS_CSUM_TX_TCP);
	struct nc_ppi lso = NC_PPI(RNDIS_PPI_LSO, 1448 | RNDIS_LSO_V2);

	(void)state;
	/* No place given, and no TCP to be found. */
	good_message(&csum, sizeof(csum));
	refused("bad_csum");
	csum.value = RNDIS_CSUM_TX_UDP | 99 << 16;
	good_message(&csum, sizeof(csum));
	refused("bad_csum");
	csum.value = RNDIS_CSUM_TX_IP_HEADER;
	good_message(&csum, sizeof(csum));
	refused("bad_csum");
	good_message(&lso, sizeof(lso));
	refused("bad_lso");
	/* TCP/IPv4 it is, but a segment of nothing. */
	frame[12] = 8;
	frame[13] = 0;
	memset(frame + 14, 0, 40);
	frame[14] = 0x45;
	frame[23] = 6;
	frame[46] = 0x50;
	lso.value = RNDIS_LSO_V2;
	good_message(&lso, sizeof(lso));
	refused("bad_lso");
	lso.value = 0xFFFFF | RNDIS_LSO_V2;
	good_message(&lso, sizeof(lso));
	refused("bad_lso");
	/* Its header is longer than the frame. */
	lso.value = 50 | RNDIS_LSO_V2;
	frame[46] = 0xF0;
	len = nc_message(msg, &lso, sizeof(lso), frame, 90);
	refused("bad_lso");
	/* It is no IPv6. */
	frame[46] = 0x50;
	lso.value |= RNDIS_LSO_V2_IPV6;
	good_message(&lso, sizeof(lso));
	refused("bad_lso");
	/* An IP header longer than the frame's beginning. */
	frame[14] = 0x4F;
	csum.value = RNDIS_CSUM_TX_IP_HEADER;
	len = nc_message(msg, &csum, sizeof(csum), frame, 60);
	refused("bad_csum");
	memset(frame, 2, 100);
	still_works();
}

static void sections(void **state)
{
	(void)state;
	nc_section(chan, 1, 16, NULL, 0, len);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	nc_section(chan, 1, 0x80000000, NULL, 0, len);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	assert_int_equal(nc_counter("bad_section_index"), 2);
	nc_section(chan, 1, 0, msg, len, NC_SECTION + 1);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	nc_section(chan, 1, 15, msg, len, UINT32_MAX);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	assert_int_equal(nc_counter("bad_section_length"), 2);
	/* Nothing at all. */
	nc_section(chan, 1, NVS_NO_SECTION, NULL, 0, 0);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	assert_int_equal(nc_counter("bad_rndis_length"), 1);
	still_works();
}

static void ranges(void **state)
{
	struct {
		uint32_t reserved, count;
		struct vmb_gpa_range range;
		uint64_t pfn[2];
	} g = { 0, 1, { 100, 0 }, { 0 } };
	struct nvs_msg m = { .type = NVS_RNDIS,
			     .u.rndis = { 0, NVS_NO_SECTION, 0 } };
	static const struct {
		uint32_t count, bytes, offset;
		uint64_t pfn;
	} wild[] = {
		{ 1, 100, 0, 1ull << 40 },
		{ 1, 100, 0, UINT64_MAX },
		{ 1, 0x10000, 0, CHILD_PFN },
		{ 1, 100, 0xFFFFFFF0, CHILD_PFN },
		{ 3, 100, 0, CHILD_PFN },
		{ 0, 100, 0, CHILD_PFN },
		{ UINT32_MAX, 100, 0, CHILD_PFN },
		{ 1, UINT32_MAX, 0, CHILD_PFN },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		g.count = wild[i].count;
		g.range.len = wild[i].bytes;
		g.range.offset = wild[i].offset;
		g.pfn[0] = wild[i].pfn;
		assert_true(child_send(chan, RING_PKT_GPA_DIRECT, 1, 1, &g,
				       sizeof(g), &m, NVS_MSG_LEN));
		assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
		assert_int_equal(nc_counter("bad_ranges"), i + 1);
	}
	still_works();
}

static void control_messages(void **state)
{
	struct {
		struct rndis_query m;
		uint8_t data[8];
	} q = { .m = { RNDIS_QUERY, sizeof(q), 1, RNDIS_OID_LINK_SPEED, 0, 0,
		       0 } };
	static const uint32_t wild[][2] = {
		{ 9, 20 },	    { 1, 28 },		{ 4, 19 },
		{ UINT32_MAX, 20 }, { 20, UINT32_MAX },
	};
	struct rndis_query_c c;
	uint8_t big[5000] = { RNDIS_QUERY };
	uint32_t size = sizeof(big);
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		q.m.info_len = wild[i][0];
		q.m.info_offset = wild[i][1];
		assert_int_equal(nc_control(&q, sizeof(q), &c, sizeof(c)), 24);
		assert_int_equal(c.status, RNDIS_STATUS_INVALID_DATA);
		assert_int_equal(c.info_offset, 0);
		assert_int_equal(nc_counter("bad_oid"), i + 1);
	}
	/* Refused before it is looked at: no answer but the completion. */
	memcpy(big + 4, &size, 4);
	nc_gpa(chan, 1, NVS_CHANNEL_CONTROL, big, sizeof(big), 0);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	q.m.len = sizeof(q) + 1;
	nc_gpa(chan, 1, NVS_CHANNEL_CONTROL, &q, sizeof(q), 0);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	q.m.len = 20;
	nc_gpa(chan, 1, NVS_CHANNEL_CONTROL, &q, sizeof(q), 0);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	q.m.type = RNDIS_PACKET;
	q.m.len = sizeof(q);
	nc_gpa(chan, 1, NVS_CHANNEL_CONTROL, &q, sizeof(q), 0);
	assert_int_equal(nc_done(chan, 1), NVS_STATUS_BAD_RNDIS);
	assert_int_equal(nc_counter("bad_control"), 4);
	still_works();
}

static void scaling(void **state)
{
	struct {
		struct ndis_rss_params p;
		uint32_t table[4];
		uint8_t key[40];
	} r = { .p = { .header = { NDIS_OBJECT_RSS_PARAMS, 2, 40 },
		       .hash_info = 0x1701,
		       .table_size = 16,
		       .table_offset = 40,
		       .key_size = 40,
		       .key_offset = 56 } };
	unsigned int i;

	(void)state;
	assert_int_equal(nc_set(RNDIS_OID_RSS_PARAMS, &r, sizeof(r)), 0);
	for (i = 0; i < 7; i++) {
		struct {
			struct ndis_rss_params p;
			uint32_t table[4];
			uint8_t key[40];
		} bad;

		memcpy(&bad, &r, sizeof(r));
		switch (i) {
		case 0:
			bad.table[2] = 1;
			break;
		case 1:
			bad.p.table_offset = UINT32_MAX;
			break;
		case 2:
			bad.p.table_size = 15;
			break;
		case 3:
			bad.p.key_offset = 57;
			break;
		case 4:
			bad.p.key_size = 39;
			break;
		case 5:
			bad.p.hash_info = 0x1702;
			break;
		case 6:
			bad.p.table_size = 0;
			break;
		}
		assert_int_not_equal(
			nc_set(RNDIS_OID_RSS_PARAMS, &bad, sizeof(bad)), 0);
		assert_int_equal(nc_counter("bad_rss"), i + 1);
	}
	assert_int_not_equal(nc_set(RNDIS_OID_RSS_PARAMS, &r, 39), 0);
	still_works();
}

static void completions(void **state)
{
	struct nc_xfer x;
	uint32_t odd = 7;

	(void)state;
	nc_return(chan, 0x12345678);
	nc_return(chan, UINT64_MAX);
	assert_true(CHILD_UNTIL(child, nc_counter("bad_completion") == 2));
	nc_put(nc_net, 0, NULL, frame, 60);
	assert_int_equal(nc_filter(RNDIS_FILTER_PROMISCUOUS), 0);
	nc_event(nc_net, 0, false);
	assert_true(CHILD_UNTIL(child, nc_take_xfer(chan, &x)));
	/* One with nonsense in it gives the section back; the second does not. */
	assert_true(child_send(chan, RING_PKT_COMPLETION, 0, x.id, NULL, 0,
			       &odd, 4));
	assert_true(CHILD_UNTIL(child, !nc_lent(0)));
	nc_return(chan, x.id);
	assert_true(CHILD_UNTIL(child, nc_counter("bad_completion") == 4));
	assert_int_equal(nc_lent(0), 0);
	still_works();
}

static void messages(void **state)
{
	struct nvs_msg m = { .type = NVS_RNDIS };
	struct nc_packet p;

	(void)state;
	/* Too short for what they are. */
	assert_true(child_send(chan, RING_PKT_INBAND, 1, 5, NULL, 0, &m, 8));
	p = nc_recv_packet(chan);
	assert_int_equal(p.head.type, RING_PKT_COMPLETION);
	assert_true(child_send(chan, RING_PKT_INBAND, 1, 5, NULL, 0, &m, 0));
	p = nc_recv_packet(chan);
	assert_int_equal(p.len, 0);
	m.type = NVS_SUBCHANNEL;
	assert_true(child_send(chan, RING_PKT_INBAND, 1, 5, NULL, 0, &m, 8));
	p = nc_recv_packet(chan);
	assert_int_equal(nc_counter("bad_nvs_length"), 3);
	/* The card is set up: too late. */
	m = (struct nvs_msg){ .type = NVS_NDIS_CONFIG };
	nc_nvs(&m);
	assert_int_equal(nc_counter("bad_nvs_state"), 1);
	still_works();
	/* A type that no packet has: the end of the channel. */
	child->rescinds = 0;
	assert_true(
		child_send(chan, RING_PKT_XFER_PAGES, 1, 5, NULL, 0, &m, 40));
	assert_true(CHILD_UNTIL(child, child->rescinds == 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lengths, begin, end),
		cmocka_unit_test_setup_teardown(places, begin, end),
		cmocka_unit_test_setup_teardown(ppis, begin, end),
		cmocka_unit_test_setup_teardown(offloads, begin, end),
		cmocka_unit_test_setup_teardown(sections, begin, end),
		cmocka_unit_test_setup_teardown(ranges, begin, end),
		cmocka_unit_test_setup_teardown(control_messages, begin, end),
		cmocka_unit_test_setup_teardown(scaling, begin, end),
		cmocka_unit_test_setup_teardown(completions, begin, end),
		cmocka_unit_test_setup_teardown(messages, begin, end),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("netvsp_bad", tests, NULL, NULL);
}
