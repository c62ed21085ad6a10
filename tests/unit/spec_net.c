// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptions of network cards: what is taken, what is refused and in which
 * words.
 *
 * links: vmwp util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hv/nvs_reg.h"
#include "vmwp/options.h"

static struct net_spec spec;
static char why[512];

static void taken(const char *text)
{
	why[0] = '\0';
	if (net_spec_parse(text, &spec, why, sizeof(why)))
		fail_msg("'%s': %s", text, why);
}

static void refused(const char *text, const char *part)
{
	int err;

	why[0] = '\0';
	err = net_spec_parse(text, &spec, why, sizeof(why));
	if (!err || !strstr(why, part) || strchr(why, '\n'))
		fail_msg("'%s' gave %d '%s', not '%s'", text, err, why, part);
	net_spec_free(&spec);
}

static void test_defaults(void **state)
{
	(void)state;
	taken("user");
	assert_string_equal(spec.kind, "user");
	assert_null(spec.target);
	assert_null(spec.local);
	assert_null(spec.hostfwd[0]);
	assert_int_equal(spec.card, -1);
	assert_int_equal(spec.queues + spec.mtu + spec.version + spec.rx, 0);
	assert_false(spec.has_mac || spec.link_down || spec.restricted ||
		     spec.dgram || spec.server);
	net_spec_free(&spec);
}

static void test_values(void **state)
{
	static const uint8_t mac[6] = { 0x00, 0x15, 0x5d, 0xAB, 0xcd, 0xef };

	(void)state;
	taken("tap=tap0,mac=00:15:5d:AB:cd:ef,queues=64,mtu=9000,link=off,"
	      "version=6.1,card=7");
	assert_string_equal(spec.kind, "tap");
	assert_string_equal(spec.target, "tap0");
	assert_true(spec.has_mac);
	assert_memory_equal(spec.mac, mac, 6);
	assert_int_equal(spec.queues, 64);
	assert_int_equal(spec.mtu, 9000);
	assert_true(spec.link_down);
	assert_int_equal(spec.version, NVS_VERSION_6_1);
	assert_int_equal(spec.card, 7);
	net_spec_free(&spec);

	taken("user,hostfwd=tcp:127.0.0.1:2222-22,restrict=on,hostfwd=udp::5-5");
	assert_true(spec.restricted);
	assert_string_equal(spec.hostfwd[0], "tcp:127.0.0.1:2222-22");
	assert_string_equal(spec.hostfwd[1], "udp::5-5");
	assert_null(spec.hostfwd[2]);
	net_spec_free(&spec);

	taken("socket=/run/a,,b,type=dgram,local=/run/,,c");
	assert_string_equal(spec.target, "/run/a,b");
	assert_string_equal(spec.local, "/run/,c");
	assert_true(spec.dgram);
	net_spec_free(&spec);

	taken("socket=s,server=on,type=stream");
	assert_true(spec.server && !spec.dgram);
	net_spec_free(&spec);

	taken("null,rx=64,rx-to=10.1.2.3");
	assert_memory_equal(&spec.rx_to, "\x0a\x01\x02\x03", 4);
	net_spec_free(&spec);

	taken("null,rx=64,rx-count=1000,queues=2,version=1");
	assert_int_equal(spec.rx, 64);
	assert_int_equal(spec.rx_count, 1000);
	assert_int_equal(spec.version, NVS_VERSION_1);
	net_spec_free(&spec);
}

static void test_refused(void **state)
{
	char many[2000] = "user";
	unsigned int i;

	(void)state;
	refused("", "unknown network ''");
	refused("usr", "did you mean 'user'?");
	refused("bridge=br0", "begin with user, tap=IFNAME");
	refused("tap", "tap= needs an interface");
	refused("tap=", "tap= needs an interface");
	refused("socket=", "socket= needs a path");
	refused("user=x", "'user' stands alone");
	refused("user,", "is not KEY=VALUE");
	refused("user,mac", "is not KEY=VALUE");
	refused("user,macc=1", "did you mean 'mac='?");
	refused("user,colour=red",
		"use mac=, mtu=, link=, version=, card=, hostfwd=, restrict=");
	refused("user,queues=2", "'queues' is no setting of user");
	refused("tap=tap0,hostfwd=tcp::1-2", "'hostfwd' is no setting of tap");
	refused("null,server=on", "'server' is no setting of null");
	refused("user,mac=00:15:5d:00:00", "mac=00:15:5d:00:00: give");
	refused("user,mac=00:15:5d:00:00:0g", "give the address of one card");
	refused("user,mac=01:15:5d:00:00:00", "give the address of one card");
	refused("user,mac=00:00:00:00:00:00", "give the address of one card");
	refused("user,mac=00-15-5d-00-00-01", "give the address of one card");
	refused("user,mac=0:15:5d:00:00:011", "give the address of one card");
	refused("tap=t,queues=0", "from 1 to 64");
	refused("tap=t,queues=65", "from 1 to 64");
	refused("tap=t,mtu=575", "from 576 to 65521");
	refused("tap=t,mtu=9k", "from 576 to 65521");
	refused("tap=t,link=maybe", "use link=on or link=off");
	refused("tap=t,version=3", "use 1, 2, 4, 5, 6 or 6.1");
	refused("tap=t,card=8", "from 0 to 7");
	refused("null,rx=13", "from 14 to 65562");
	refused("null,rx-count=5", "rx-count= needs rx=SIZE");
	refused("null,rx-to=10.0.0.2", "rx-to= needs rx=SIZE");
	refused("null,rx=60,rx-to=10.0.0", "give an IPv4 address");
	refused("null,rx=60,rx-to=fd77::1", "give an IPv4 address");
	refused("tap=t,rx-to=10.0.0.2", "'rx-to' is no setting of tap");
	refused("socket=s,type=packet", "use type=stream or type=dgram");
	refused("socket=s,type=dgram", "needs local=PATH");
	refused("socket=s,local=x", "local= is for type=dgram");
	refused("socket=s,local=", "local= needs a path");
	refused("socket=s,type=dgram,local=x,server=on",
		"server=on is for type=stream");
	refused("user,restrict=1", "use restrict=on or restrict=off");
	for (i = 0; i < OPTIONS_FORWARDS + 1; i++)
		strcat(many, ",hostfwd=tcp::1-2");
	refused(many, "more than 32 hostfwd=");
}

static void test_names(void **state)
{
	unsigned int card;

	(void)state;
	assert_int_equal(net_card_parse("net3", &card), 0);
	assert_int_equal(card, 3);
	assert_int_equal(net_card_parse("0", &card), 0);
	assert_int_equal(card, 0);
	assert_int_not_equal(net_card_parse("net8", &card), 0);
	assert_int_not_equal(net_card_parse("net", &card), 0);
	assert_int_not_equal(net_card_parse("eth0", &card), 0);
	assert_int_not_equal(net_card_parse("", &card), 0);
	assert_string_equal(net_version_name(NVS_VERSION_2), "2");
	assert_string_equal(net_version_name(NVS_VERSION_6_1), "6.1");
	assert_string_equal(net_version_name(0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("spec-net", tests, NULL, NULL);
}
