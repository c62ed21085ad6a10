// SPDX-License-Identifier: GPL-2.0
/*
 * A TAP interface gives a flow to the queue that the VSP's hash chooses for it:
 * the BPF program against the VSP's own code, on frames of all kinds.
 *
 * links: vsp vmbus backend mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net_card.h"
#include "net_ns.h"
#include "vsp/netvsp_var.h"

#define NAME   "ts0"
#define QUEUES 4
#define FLOWS  40
#define ALL                                                         \
	(NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4 | NDIS_HASH_UDP_IPV4 | \
	 NDIS_HASH_IPV6 | NDIS_HASH_TCP_IPV6 | NDIS_HASH_UDP_IPV6)
#define ALL_TYPES                                                        \
	(NET_HASH_IPV4 | NET_HASH_TCP4 | NET_HASH_UDP4 | NET_HASH_IPV6 | \
	 NET_HASH_TCP6 | NET_HASH_UDP6)

static uint8_t frame[100], got[200];
static struct net_steering steering;
static uint32_t seed;
static int fd;

static uint32_t next(void)
{
	seed = seed * 1664525 + 1013904223;
	return seed >> 8;
}

static void noise(uint8_t *p, size_t len)
{
	while (len--)
		*p++ = next();
}

/* ---- frames ---- */

struct kind {
	const char *name;
	uint8_t proto, options, v6, vlan, fragment;
};

/* With addresses and ports that were never there before. */
static void make_frame(const struct kind *k)
{
	uint8_t *ip = frame + 14 + (k->vlan ? 4 : 0);

	memset(frame, 0, sizeof(frame));
	memset(frame, 2, 12);
	if (k->vlan)
		memcpy(frame + 12, "\x81\x00\x00\x05", 4);
	memcpy(ip - 2, k->v6 ? "\x86\xdd" : "\x08\x00", 2);
	if (k->v6) {
		ip[0] = 0x60;
		ip[6] = k->proto;
		noise(ip + 8, 32 + 4);
		return;
	}
	ip[0] = 0x45 + k->options;
	ip[6] = k->fragment ? 0x20 : 0x40; /* more follow; or not to be cut */
	ip[9] = k->proto;
	noise(ip + 12, 8 + k->options * 4 + 4);
}

static void new_key(void)
{
	uint8_t key[TOEPLITZ_KEY];
	unsigned int i;

	noise(key, sizeof(key));
	toeplitz_init(&steering.toeplitz, key);
	for (i = 0; i < NET_HASH_TABLE; i++)
		steering.queue[i] = next() % QUEUES;
}

static int wanted_queue(uint32_t info)
{
	struct net_headers h;
	uint32_t hash;

	net_parse(frame, sizeof(frame), &h);
	if (!net_flow_hash(&steering.toeplitz, info, frame, &h, &hash))
		return -1;
	return steering.queue[hash % steering.entries];
}

/* ---- where they arrive ---- */

/* Those that only the kernel is interested in are passed over. */
static int arrived_at(struct card *c)
{
	unsigned int try, q;
	int len;

	for (try = 0; try < CARD_SECONDS * 1000; try++) {
		for (q = 0; q < QUEUES; q++) {
			c->queue = q;
			while ((len = card_recv(c, got, sizeof(got))) >= 0)
				if (!memcmp(got, frame, sizeof(frame)))
					return q;
		}
		usleep(1000);
	}
	fail_msg("a frame is lost");
	return -1;
}

static unsigned int nhashed; /* of those sent, that belong to a queue */

static void send_and_find(struct card *c, const struct kind *k, uint32_t info)
{
	int want, is;

	make_frame(k);
	want = wanted_queue(info);
	nhashed += want >= 0;
	ns_send(fd, frame, sizeof(frame));
	is = arrived_at(c);
	if (want >= 0 && is != want)
		fail_msg("%s: on queue %d, not on %d", k->name, is, want);
}

static void open_steered(struct card *c)
{
	card_open(c, ns_tap(NAME, QUEUES, 0));
	fd = ns_packet_socket(NAME);
	steering.entries = NET_HASH_TABLE;
	steering.types = ALL_TYPES;
	new_key();
	assert_false(net_steered(c->net));
	net_set_steering(c->net, &steering);
	if (net_steered(c->net))
		return;
	print_message("# BPF programs may not be loaded: skipped\n");
	close(fd);
	card_close(c);
	skip();
}

static void end(struct card *c)
{
	close(fd);
	card_close(c);
}

/* ---- the tests ---- */

static const struct kind kinds[] = {
	{ "TCP", 6, 0, 0, 0, 0 },
	{ "UDP", 17, 0, 0, 0, 0 },
	{ "TCP behind options", 6, 5, 0, 0, 0 },
	{ "UDP, in fragments", 17, 0, 0, 0, 1 },
	{ "ICMP", 1, 0, 0, 0, 0 },
	{ "TCP with a VLAN tag", 6, 0, 0, 1, 0 },
	{ "TCP over IPv6", 6, 0, 1, 0, 0 },
	{ "UDP over IPv6", 17, 0, 1, 0, 0 },
	{ "UDP over IPv6 with a VLAN tag", 17, 0, 1, 1, 0 },
	{ "ICMPv6", 58, 0, 1, 0, 0 },
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static void test_all_kinds(void **state)
{
	unsigned int k, i;
	struct card c;

	NS_NEEDED;
	open_steered(&c);
	for (k = 0; k < NKINDS; k++)
		for (i = 0; i < FLOWS; i++)
			send_and_find(&c, &kinds[k], ALL);
	assert_true(nhashed > NKINDS * FLOWS / 2);
	nhashed = 0;
	/* Another key and table, of another length; not all of it hashed. */
	steering.entries = 96;
	steering.types = NET_HASH_IPV4 | NET_HASH_TCP4 | NET_HASH_TCP6;
	new_key();
	net_set_steering(c.net, &steering);
	for (k = 0; k < NKINDS; k++)
		for (i = 0; i < FLOWS; i++)
			send_and_find(&c, &kinds[k],
				      NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4 |
					      NDIS_HASH_TCP_IPV6);
	assert_true(nhashed > NKINDS * FLOWS / 4);
	end(&c);
}

/* What is not IP, or has an end too early, arrives somewhere. */
static void test_others(void **state)
{
	struct card c;

	NS_NEEDED;
	open_steered(&c);
	card_frame(frame, sizeof(frame), 1);
	ns_send(fd, frame, sizeof(frame));
	arrived_at(&c);
	make_frame(&kinds[0]);
	ns_send(fd, frame, 20);
	while (c.queue = 0, card_recv(&c, got, sizeof(got)) != 20)
		usleep(1000);
	end(&c);
}

static void test_queues_come_and_go(void **state)
{
	static const uint8_t stops[] = { 0, 2, 1 };
	unsigned int s, i;
	struct card c;

	NS_NEEDED;
	open_steered(&c);
	for (s = 0; s < sizeof(stops); s++) {
		c.queue = stops[s];
		card_call(&c, card_stop_fn);
		for (i = 0; i < FLOWS; i++) {
			do
				make_frame(&kinds[1]);
			while (wanted_queue(ALL) == stops[s]);
			ns_send(fd, frame, sizeof(frame));
			assert_int_equal(arrived_at(&c), wanted_queue(ALL));
		}
		/* Its own go to one of the others. */
		do
			make_frame(&kinds[1]);
		while (wanted_queue(ALL) != stops[s]);
		ns_send(fd, frame, sizeof(frame));
		assert_int_not_equal(arrived_at(&c), stops[s]);
		c.queue = stops[s];
		assert_int_equal(card_call(&c, card_start_fn), 0);
		for (i = 0; i < FLOWS; i++)
			send_and_find(&c, &kinds[0], ALL);
	}
	end(&c);
}

/* Nobody is steered by what an earlier user wanted. */
static void test_end(void **state)
{
	struct net_steering none = { 0 };
	unsigned int i, others = 0;
	struct card c;

	NS_NEEDED;
	ns_ip("tuntap add " NAME " mode tap multi_queue");
	ns_ip("link set " NAME " up");
	open_steered(&c);
	memset(steering.queue, 3, sizeof(steering.queue));
	net_set_steering(c.net, &steering);
	for (i = 0; i < FLOWS; i++)
		send_and_find(&c, &kinds[0], ALL);
	net_set_steering(c.net, &none);
	assert_false(net_steered(c.net));
	for (i = 0; i < FLOWS; i++) {
		make_frame(&kinds[0]);
		ns_send(fd, frame, sizeof(frame));
		others += arrived_at(&c) != 3;
	}
	assert_true(others > FLOWS / 4);
	net_set_steering(c.net, &steering);
	assert_true(net_steered(c.net));
	end(&c);
	card_open(&c, ns_tap(NAME, QUEUES, 0));
	fd = ns_packet_socket(NAME);
	for (i = others = 0; i < FLOWS; i++) {
		make_frame(&kinds[0]);
		ns_send(fd, frame, sizeof(frame));
		others += arrived_at(&c) != 3;
	}
	assert_true(others > FLOWS / 4);
	end(&c);
	ns_ip("link del " NAME);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_kinds),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_queues_come_and_go),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, ns_setup, NULL);
}
