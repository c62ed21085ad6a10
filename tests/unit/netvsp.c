// SPDX-License-Identifier: GPL-2.0
/*
 * How a child sets a network card up: versions, buffers, what it asks and sets.
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

static int end(void **state)
{
	(void)state;
	nc_end();
	return 0;
}

static void versions(void **state)
{
	static const uint32_t all[] = { NVS_VERSION_1, NVS_VERSION_2,
					NVS_VERSION_4, NVS_VERSION_5,
					NVS_VERSION_6, NVS_VERSION_6_1 };
	struct netvsp_config cfg = { .max_version = NVS_VERSION_5 };
	struct netvsp_info info;
	unsigned int i;

	(void)state;
	nc_create(&cfg, 1, 1500);
	for (i = 0; i < 6; i++) {
		assert_true(child_open(chan));
		/* Refused ones change nothing. */
		assert_int_equal(nc_init(0x30000), NVS_STATUS_UNSUPPORTED);
		assert_int_equal(nc_init(NVS_VERSION_6_1), NVS_STATUS_TOO_NEW);
		if (all[i] > NVS_VERSION_5) {
			assert_int_equal(nc_init(all[i]), NVS_STATUS_TOO_NEW);
		} else {
			assert_int_equal(nc_init(all[i]), NVS_STATUS_OK);
			netvsp_get_info(card, &info);
			assert_int_equal(info.version, all[i]);
			/* Once only. */
			assert_int_equal(nc_init(all[i]), NVS_STATUS_FAIL);
		}
		assert_true(child_close(chan));
	}
	netvsp_get_info(card, &info);
	assert_int_equal(info.version, 0);
}

static void out_of_order(void **state)
{
	struct nvs_msg m = { .type = NVS_SUBCHANNEL, .u.subchannel = { 1, 1 } };
	struct rndis_halt keep = { RNDIS_KEEPALIVE, sizeof(keep), 1 };
	uint8_t out[64];

	(void)state;
	nc_create(&plain, 1, 1500);
	assert_true(child_open(chan));
	assert_int_equal(nc_recv_buf().u.recv_buf_done.status, NVS_STATUS_FAIL);
	assert_int_equal(nc_init(NVS_VERSION_6_1), NVS_STATUS_OK);
	/* No such GPADL. */
	assert_int_equal(nc_recv_buf().u.recv_buf_done.status, NVS_STATUS_FAIL);
	assert_int_equal(nc_send_buf().u.send_buf_done.status, NVS_STATUS_FAIL);
	assert_int_equal(nc_counter("bad_buffer"), 2);
	nc_nvs(&m);
	assert_int_equal(m.type, NVS_SUBCHANNEL);
	assert_int_equal(m.u.subchannel_done.status, NVS_STATUS_FAIL);
	assert_int_equal(nc_control(&keep, sizeof(keep), out, sizeof(out)), 0);
	/* A message nobody knows: an empty answer. */
	m = (struct nvs_msg){ .type = 77 };
	assert_int_equal(nc_nvs(&m), 0);
	assert_int_equal(nc_counter("bad_nvs_type"), 1);
	/* The path of a VF: always this one, and an empty answer. */
	m = (struct nvs_msg){ .type = NVS_SWITCH_DATA_PATH };
	assert_int_equal(nc_nvs(&m), 0);
}

static void buffers(void **state)
{
	struct nvs_msg m;

	(void)state;
	nc_create(&plain, 1, 1500);
	assert_true(child_open(chan));
	assert_int_equal(nc_init(NVS_VERSION_6_1), NVS_STATUS_OK);
	nc_lend(chan->offer.relid, NC_GPADL_RECV, NC_RECV_PAGE, NC_RECV_PAGES);
	/* Too small for a section. */
	nc_lend(chan->offer.relid, NC_GPADL_SEND, NC_SEND_PAGE, 1);
	assert_int_equal(nc_send_buf().u.send_buf_done.status, NVS_STATUS_FAIL);
	m = nc_recv_buf();
	assert_int_equal(m.type, NVS_RECV_BUF_DONE);
	assert_int_equal(m.u.recv_buf_done.status, NVS_STATUS_OK);
	assert_int_equal(m.u.recv_buf_done.sections, 1);
	assert_int_equal(m.u.recv_buf_done.section.offset, 0);
	assert_int_equal(m.u.recv_buf_done.section.size, 16384);
	assert_int_equal(m.u.recv_buf_done.section.count, 64);
	assert_int_equal(m.u.recv_buf_done.section.end, 1 << 20);
	/* It has one. */
	assert_int_equal(nc_recv_buf().u.recv_buf_done.status, NVS_STATUS_FAIL);
	/* The child has it back when it is revoked, not before. */
	child->torndown = 0;
	nc_teardown(chan->offer.relid, NC_GPADL_RECV);
	child_poll(child, 20);
	assert_int_equal(child->torndown, 0);
	m = (struct nvs_msg){ .type = NVS_REVOKE_RECV_BUF,
			      .u.revoke.id = NVS_RECV_BUF_ID };
	nc_nvs_send(&m, false);
	assert_true(CHILD_UNTIL(child, child->torndown == 1));
}

/* A small buffer has small sections, and nothing is coalesced. */
static void small_buffer(void **state)
{
	struct nvs_msg m;

	(void)state;
	nc_create(&plain, 1, 1500);
	assert_true(child_open(chan));
	assert_int_equal(nc_init(NVS_VERSION_6_1), NVS_STATUS_OK);
	nc_lend(chan->offer.relid, NC_GPADL_RECV, NC_RECV_PAGE, 5);
	m = nc_recv_buf();
	assert_int_equal(m.u.recv_buf_done.status, NVS_STATUS_OK);
	assert_in_range(m.u.recv_buf_done.section.size, 1646, 2048);
	assert_int_equal(m.u.recv_buf_done.section.count,
			 5 * 4096 / m.u.recv_buf_done.section.size);
}

static uint32_t query_u32(uint32_t oid)
{
	uint32_t v = 0xdeadbeef, len = sizeof(v);

	assert_int_equal(nc_query(oid, NULL, 0, &v, &len), 0);
	assert_int_equal(len, sizeof(v));
	return v;
}

static void queries(void **state)
{
	static const uint8_t mac[6] = { 0x00, 0x15, 0x5d };
	struct ndis_header ask = { NDIS_OBJECT_OFFLOAD, 3, 156 };
	struct ndis_offload o = { 0 };
	struct ndis_rss_caps rss;
	struct ndis_statistics stats;
	uint8_t b[1024];
	uint32_t len;

	(void)state;
	nc_create(&plain, 1, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	assert_int_equal(query_u32(RNDIS_OID_MAX_FRAME_SIZE), 1500);
	assert_int_equal(query_u32(RNDIS_OID_MAX_TOTAL_SIZE), 1514);
	assert_int_equal(query_u32(RNDIS_OID_MEDIA_CONNECT), 0);
	assert_int_equal(query_u32(RNDIS_OID_LINK_SPEED), 100000000);
	assert_int_equal(query_u32(RNDIS_OID_PACKET_FILTER), 0xD);
	len = sizeof(b);
	assert_int_equal(nc_query(RNDIS_OID_MAC_PERMANENT, NULL, 0, b, &len),
			 0);
	assert_int_equal(len, 6);
	assert_memory_equal(b, mac, 3);
	assert_int_equal(b[5], 1);
	len = sizeof(b);
	assert_int_equal(nc_query(RNDIS_OID_FRIENDLY_NAME, NULL, 0, b, &len),
			 0);
	assert_int_equal(len, 32);
	len = sizeof(o);
	assert_int_equal(nc_query(RNDIS_OID_OFFLOAD_CAPS, &ask, sizeof(ask), &o,
				  &len),
			 0);
	assert_int_equal(len, 156);
	assert_int_equal(o.header.type, NDIS_OBJECT_OFFLOAD);
	assert_int_equal(o.header.size, 156);
	assert_int_equal(o.ipv4.tx & 0x54, 0x54);
	assert_int_equal(o.ipv6.tx & 0x55, 0x55);
	assert_int_equal(o.lso2_ipv4.encap, 2);
	assert_int_equal(o.lso2_ipv6.options & 5, 5);
	assert_int_equal(o.rsc_ipv4, 1);
	assert_int_equal(o.rsc_ipv6, 1);
	/* An older child's object is shorter. */
	ask = (struct ndis_header){ NDIS_OBJECT_OFFLOAD, 1, 112 };
	len = sizeof(o);
	assert_int_equal(nc_query(RNDIS_OID_OFFLOAD_CAPS, &ask, sizeof(ask), &o,
				  &len),
			 0);
	assert_int_equal(len, 112);
	len = sizeof(rss);
	assert_int_equal(nc_query(RNDIS_OID_RSS_CAPS, NULL, 0, &rss, &len), 0);
	assert_int_equal(len, 18);
	assert_int_equal(rss.queues, 1);
	assert_int_equal(rss.table_entries, 128);
	len = sizeof(stats);
	assert_int_equal(nc_query(RNDIS_OID_STATISTICS, NULL, 0, &stats, &len),
			 0);
	assert_int_equal(len, sizeof(stats));
	assert_int_equal(stats.in_octets, 0);
	len = sizeof(b);
	assert_int_equal(nc_query(RNDIS_OID_SUPPORTED_LIST, NULL, 0, b, &len),
			 0);
	assert_true(len > 100 && len % 4 == 0);
	/* Not known: a failure, and no information at offset 0. */
	len = sizeof(b);
	assert_int_equal(nc_query(0x00010199, NULL, 0, b, &len),
			 RNDIS_STATUS_NOT_SUPPORTED);
	assert_int_equal(len, 0);
}

/* RSC is for NVSP 6.1 alone, jumbo frames for whom asks. */
static void by_version(void **state)
{
	struct ndis_offload o = { 0 };
	uint32_t len = sizeof(o);

	(void)state;
	nc_create(&plain, 1, 9000);
	nc_ready(NVS_VERSION_5, 9014);
	assert_int_equal(nc_query(RNDIS_OID_OFFLOAD_CAPS, NULL, 0, &o, &len),
			 0);
	assert_int_equal(len, 156);
	assert_int_equal(o.rsc_ipv4, 0);
	assert_int_equal(query_u32(RNDIS_OID_MAX_FRAME_SIZE), 9000);
}

static void every_request(void **state)
{
	struct rndis_keepalive keep = { RNDIS_KEEPALIVE, sizeof(keep), 42 };
	struct rndis_reset reset = { RNDIS_RESET, sizeof(reset), 0 };
	struct rndis_halt halt = { RNDIS_HALT, sizeof(halt), 43 };
	struct rndis_set_c c;
	struct rndis_reset_c r;
	struct netvsp_info info;

	(void)state;
	nc_create(&plain, 1, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	assert_int_equal(nc_control(&keep, sizeof(keep), &c, sizeof(c)), 16);
	assert_int_equal(c.type, RNDIS_KEEPALIVE_C);
	assert_int_equal(c.request, 42);
	assert_int_equal(c.status, 0);
	assert_int_equal(nc_control(&reset, sizeof(reset), &r, sizeof(r)), 16);
	assert_int_equal(r.type, RNDIS_RESET_C);
	assert_int_equal(r.addressing_reset, 1);
	netvsp_get_info(card, &info);
	assert_int_equal(info.filter, 0);
	assert_int_equal(nc_filter(0xD), 0);
	/* HALT has no answer but its completion. */
	nc_gpa(chan, 5, NVS_CHANNEL_CONTROL, &halt, sizeof(halt), 0);
	assert_int_equal(nc_done(chan, 5), NVS_STATUS_OK);
	netvsp_get_info(card, &info);
	assert_int_equal(info.filter, 0);
	assert_int_equal(nc_control(&keep, sizeof(keep), &c, sizeof(c)), 0);
	assert_int_equal(nc_initialize(), 0);
	assert_true(CHILD_UNTIL(child, nc_net->stops >= 2));
}

static void mac_address(void **state)
{
	static const char name[] = "NetworkAddress", value[] = "02AbcdEF0123";
	static const uint8_t mac[6] = { 0x02, 0xab, 0xcd, 0xef, 0x01, 0x23 };
	struct {
		struct ndis_config_param p;
		uint8_t name[28], value[24];
	} s = { .p = { 20, 28, NDIS_CONFIG_STRING, 48, 24 } };
	struct netvsp_info info;
	unsigned int i;

	(void)state;
	for (i = 0; i < 14; i++)
		s.name[2 * i] = name[i];
	for (i = 0; i < 12; i++)
		s.value[2 * i] = value[i];
	nc_create(&plain, 1, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	assert_int_equal(nc_set(RNDIS_OID_CONFIG_PARAMETER, &s, sizeof(s)), 0);
	netvsp_get_info(card, &info);
	assert_memory_equal(info.mac, mac, 6);
	assert_memory_not_equal(info.permanent_mac, mac, 6);
	/* A group's address is nobody's. */
	s.value[2] = '1';
	assert_int_not_equal(nc_set(RNDIS_OID_CONFIG_PARAMETER, &s, sizeof(s)),
			     0);
	s.p.value_offset = 60;
	assert_int_not_equal(nc_set(RNDIS_OID_CONFIG_PARAMETER, &s, sizeof(s)),
			     0);
	assert_int_equal(nc_counter("bad_oid"), 2);
}

static void offloads(void **state)
{
	struct ndis_offload_params p = {
		.header = { NDIS_OBJECT_DEFAULT, 3, sizeof(p) },
		.tcp4_csum = 4,
		.udp4_csum = 4,
		.tcp6_csum = 4,
		.udp6_csum = 4,
		.rsc_ipv4 = 2,
		.rsc_ipv6 = 2,
	};
	struct netvsp_info info;

	(void)state;
	nc_create(&plain, 1, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	assert_int_equal(nc_net->can, 0);
	assert_int_equal(nc_set(RNDIS_OID_OFFLOAD_PARAMS, &p, sizeof(p)), 0);
	assert_true(
		CHILD_UNTIL(child, nc_net->can == (NET_CAN_CSUM | NET_CAN_TSO4 |
						   NET_CAN_TSO6)));
	netvsp_get_info(card, &info);
	assert_true(info.rsc);
	/* As Linux switches RSC off: the rest is not mentioned. */
	p = (struct ndis_offload_params){
		.header = { NDIS_OBJECT_DEFAULT, 3, sizeof(p) },
		.rsc_ipv4 = 1,
		.rsc_ipv6 = 1,
	};
	assert_int_equal(nc_set(RNDIS_OID_OFFLOAD_PARAMS, &p, sizeof(p)), 0);
	assert_true(CHILD_UNTIL(child, nc_net->can == NET_CAN_CSUM));
	assert_true(child_close(chan));
	assert_true(CHILD_UNTIL(child, !nc_net->can));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(versions, end),
		cmocka_unit_test_teardown(out_of_order, end),
		cmocka_unit_test_teardown(buffers, end),
		cmocka_unit_test_teardown(small_buffer, end),
		cmocka_unit_test_teardown(queries, end),
		cmocka_unit_test_teardown(by_version, end),
		cmocka_unit_test_teardown(every_request, end),
		cmocka_unit_test_teardown(mac_address, end),
		cmocka_unit_test_teardown(offloads, end),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("netvsp", tests, NULL, NULL);
}
