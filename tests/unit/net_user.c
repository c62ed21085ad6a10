// SPDX-License-Identifier: GPL-2.0
/*
 * The user-mode network, in a network namespace without any way out: DHCP, ARP,
 * datagrams and connections to this machine, connections from it, and what a
 * restricted network does not do.
 *
 * links: backend util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>

#include "backend/net/user_var.h"
#include "net_user_child.h"

static void open_card(bool restricted)
{
	struct net_options opt = { .kind = "user", .restricted = restricted };

	card_open(&card, open_net(&opt));
}

static void send_arp_request(uint32_t address)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, "\x02\x00\x00\x00\x00\x02\x08\x06", 8);
	memcpy(frame + 14, "\x00\x01\x08\x00\x06\x04\x00\x01", 8);
	memcpy(frame + 22, "\x02\x00\x00\x00\x00\x02", 6);
	put32(frame + 28, CHILD);
	memset(frame + 32, 0, 6);
	put32(frame + 38, address);
	send_frame(42);
}

static void test_dhcp(void **state)
{
	struct net_queue_stats s;

	(void)state;
	open_card(false);
	assert_int_equal(card.net->info.queues, 1);
	assert_int_equal(card.net->info.can, 0);
	assert_int_equal(card.net->info.max_mtu, 1500);
	assert_true(net_link(card.net));
	dhcp();
	send_arp_request(HOST);
	do
		assert_true(card_fetch(&card, got, sizeof(got), ANSWER_MS) > 0);
	while (got[12] != 8 || got[13] != 6 || got[21] != 2);
	assert_int_equal(get32(got + 28), HOST);
	net_get_stats(card.net, 0, &s);
	assert_int_equal(s.drops_in + s.drops_out, 0);
	/* Libraries have no business with what is still to be summed. */
	card.hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	assert_int_equal(card_send(&card, frame, 60), -EOPNOTSUPP);
	card.hdr.flags = 0;
	card_frame(frame, sizeof(frame), 1);
	assert_int_equal(card_send(&card, frame, 1800), -EMSGSIZE);
	card_close(&card);
}

/* ---- towards this machine ---- */

static void test_udp(void **state)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	uint16_t port;
	char buf[100];
	int fd, i;

	(void)state;
	fd = bound(SOCK_DGRAM, &port);
	open_card(false);
	dhcp();
	for (i = 0; i < 5; i++) {
		memcpy(frame + UDP_HEAD, "ping", 4);
		send_frame(udp(CHILD, 5000, HOST, port, 4));
		assert_int_equal(recvfrom(fd, buf, sizeof(buf), 0,
					  (struct sockaddr *)&from, &len),
				 4);
		assert_memory_equal(buf, "ping", 4);
		assert_int_equal(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK);
		assert_int_equal(sendto(fd, "pong!", 5, 0,
					(struct sockaddr *)&from, len),
				 5);
		assert_true(fetch(17, ANSWER_MS) >= UDP_HEAD + 5);
		assert_int_equal(get32(got + 26), HOST);
		assert_memory_equal(got + UDP_HEAD, "pong!", 5);
	}
	card_close(&card);
	close(fd);
}

/* A connection from the child, some data each way, and its end. */
static void test_tcp(void **state)
{
	static char bulk[20000];
	uint32_t peer, total = 0;
	struct sockaddr_in addr;
	socklen_t alen = sizeof(addr);
	uint16_t port;
	char buf[100];
	int fd, conn, len;

	(void)state;
	fd = bound(SOCK_STREAM, &port);
	open_card(false);
	dhcp();
	send_frame(tcp(6000, HOST, port, 100, 0, 0x02, 0));
	conn = accept(fd, (struct sockaddr *)&addr, &alen);
	assert_true(conn >= 0);
	assert_true(fetch(6, ANSWER_MS) > 0);
	assert_int_equal(got[47] & 0x3f, 0x12);
	assert_int_equal(get32(got + 42), 101);
	peer = get32(got + 38) + 1;
	send_frame(tcp(6000, HOST, port, 101, peer, 0x10, 0));
	memcpy(frame + 54, "hello", 5);
	send_frame(tcp(6000, HOST, port, 101, peer, 0x18, 5));
	assert_int_equal(recv(conn, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "hello", 5);
	memset(bulk, 'b', sizeof(bulk));
	assert_int_equal(send(conn, bulk, sizeof(bulk), 0), sizeof(bulk));
	while (total < sizeof(bulk)) {
		len = fetch(6, ANSWER_MS);
		assert_true(len >= 54);
		len = (got[16] << 8 | got[17]) - 40;
		if (len <= 0 || get32(got + 38) != peer)
			continue;
		/* Nothing is urgent. */
		assert_int_equal(got[47] & 0x20, 0);
		assert_memory_equal(got + 54, bulk, len);
		total += len;
		peer += len;
		send_frame(tcp(6000, HOST, port, 106, peer, 0x10, 0));
	}
	/* Both ways still, after a wakeup that looked like urgent data. */
	memcpy(frame + 54, "again", 5);
	send_frame(tcp(6000, HOST, port, 106, peer, 0x18, 5));
	assert_int_equal(recv(conn, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "again", 5);
	close(conn);
	do
		assert_true(fetch(6, ANSWER_MS) > 0);
	while (!(got[47] & 0x01));
	card_close(&card);
	close(fd);
}

#define MANY 100

/* Many connections at once, and each carries its own data. */
static void test_many(void **state)
{
	uint32_t peer[MANY] = { 0 };
	unsigned int i, known = 0;
	char buf[16], text[16];
	int fd, conn[MANY];
	uint16_t port;

	(void)state;
	fd = bound(SOCK_STREAM, &port);
	open_card(false);
	dhcp();
	for (i = 0; i < MANY; i++) {
		send_frame(tcp(7000 + i, HOST, port, 100, 0, 0x02, 0));
		conn[i] = accept(fd, NULL, NULL);
		assert_true(conn[i] >= 0);
		while (!peer[i]) {
			unsigned int which;

			assert_true(fetch(6, ANSWER_MS) > 0);
			which = (got[36] << 8 | got[37]) - 7000;
			if (which < MANY && got[47] == 0x12 && !peer[which]) {
				peer[which] = get32(got + 38) + 1;
				known++;
			}
		}
	}
	assert_int_equal(known, MANY);
	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "number %u", i);
		send_frame(tcp(7000 + i, HOST, port, 101, peer[i], 0x10, 0));
		memcpy(frame + 54, text, strlen(text));
		send_frame(tcp(7000 + i, HOST, port, 101, peer[i], 0x18,
			       strlen(text)));
	}
	for (i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "number %u", i);
		memset(buf, 0, sizeof(buf));
		assert_int_equal(recv(conn[i], buf, sizeof(buf), 0),
				 strlen(text));
		assert_string_equal(buf, text);
		close(conn[i]);
	}
	card_close(&card);
	close(fd);
}

/* ---- from this machine ---- */

static void connect_child(uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	assert_true(fetch(6, ANSWER_MS) >= 54);
	assert_int_equal(got[47] & 0x3f, 0x02);
	assert_int_equal(get32(got + 30), CHILD);
	assert_int_equal(got[36] << 8 | got[37], 22);
	close(fd);
}

static void hostfwd(bool restricted)
{
	char text[64];
	const char *list[] = { text, NULL };
	struct net_options opt = { .kind = "user",
				   .restricted = restricted,
				   .hostfwd = list };
	uint16_t port = free_port();
	struct net *n;

	snprintf(text, sizeof(text), "tcp:127.0.0.1:%u-22", port);
	card_open(&card, open_net(&opt));
	dhcp();
	/* The same port once more. */
	assert_true(net_open(&opt, &n, why, sizeof(why)) < 0);
	assert_non_null(strstr(why, "cannot be opened"));
	connect_child(port);
	card_close(&card);
	/* It is free again. */
	snprintf(text, sizeof(text), "tcp::%u-22", port);
	net_close(open_net(&opt));
}

static void test_hostfwd(void **state)
{
	(void)state;
	hostfwd(false);
	hostfwd(true);
}

static void test_bad_hostfwd(void **state)
{
	static const char *const bad[] = {
		"",
		"tcp",
		"tcp:1-2",
		"sctp:127.0.0.1:1-2",
		"tcp:127.0.0.1:0-2",
		"tcp:127.0.0.1:1-65536",
		"tcp:127.0.0.1:1",
		"tcp:127.0.0.256:1-2",
		"tcp:a-name-that-is-longer-than-any-address:1-2",
		"tcp:127.0.0.1:123456789012345-2",
		"tcp:127.0.0.1:1-",
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *list[] = { bad[i], NULL };
		struct net_options opt = { .kind = "user", .hostfwd = list };
		struct net *n;

		assert_int_equal(net_open(&opt, &n, why, sizeof(why)), -EINVAL);
		assert_non_null(strstr(why, "hostfwd=tcp:127.0.0.1:2222-22"));
	}
}

/* ---- a restricted network ---- */

static void test_restricted(void **state)
{
	uint16_t udp_port, tcp_port;
	struct pollfd fds[2] = {
		{ .fd = bound(SOCK_DGRAM, &udp_port), .events = POLLIN },
		{ .fd = bound(SOCK_STREAM, &tcp_port), .events = POLLIN },
	};

	(void)state;
	open_card(true);
	dhcp();
	memcpy(frame + UDP_HEAD, "ping", 4);
	send_frame(udp(CHILD, 5000, HOST, udp_port, 4));
	send_frame(tcp(6000, HOST, tcp_port, 100, 0, 0x02, 0));
	/* A question for the address of "a." */
	memcpy(frame + UDP_HEAD,
	       "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
	       "\x01\x61\x00\x00\x01\x00\x01",
	       19);
	send_frame(udp(CHILD, 5001, DNS, 53, 19));
	assert_int_equal(fetch(17, NEVER_MS), -ETIMEDOUT);
	/* Neither has come to anybody. */
	assert_int_equal(poll(fds, 2, 0), 0);
	card_close(&card);
	close(fds[0].fd);
	close(fds[1].fd);
}

/* ---- what the child could change meanwhile ---- */

static const uint8_t *handed;

static void note_input(Slirp *slirp, const uint8_t *input, int len)
{
	(void)slirp, (void)len;
	handed = input;
}

/* In one piece or in three: libslirp never looks into the child's memory. */
static void test_copy(void **state)
{
	struct slirp_api spy;
	struct iovec whole = { frame, 60 };
	struct user *u;

	(void)state;
	open_card(false);
	u = (struct user *)card.net;
	spy = *u->api;
	spy.input = note_input;
	u->api = &spy;
	card_frame(frame, 60, 1);
	card.iov = &whole;
	card.niov = 1;
	assert_int_equal(card_call(&card, card_send_fn), 0);
	assert_false(handed >= frame && handed < frame + sizeof(frame));
	assert_memory_equal(handed, frame, 60);
	card_frame(frame, 60, 2);
	send_frame(60);
	assert_false(handed >= frame && handed < frame + sizeof(frame));
	assert_memory_equal(handed, frame, 60);
	card_close(&card);
}

/* ---- life ---- */

/* With sockets open, timers running and frames under way. */
static void test_again(void **state)
{
	unsigned int i, fds = open_fds();
	uint16_t port;
	int fd;

	(void)state;
	for (i = 0; i < 20; i++) {
		fd = bound(SOCK_STREAM, &port);
		open_card(false);
		dhcp();
		send_frame(tcp(6000, HOST, port, 100, 0, 0x02, 0));
		if (i % 2)
			assert_true(fetch(6, ANSWER_MS) > 0);
		if (i % 3) {
			card_call(&card, card_stop_fn);
			assert_int_equal(card_call(&card, card_start_fn), 0);
			dhcp();
		}
		card_close(&card);
		close(fd);
	}
	assert_int_equal(open_fds(), fds);
}

static void test_refused(void **state)
{
	struct net_options opt = { .kind = "user", .queues = 2 };
	struct net *n;

	(void)state;
	assert_int_equal(net_open(&opt, &n, why, sizeof(why)), -EINVAL);
	assert_non_null(strstr(why, "has one"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dhcp),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_hostfwd),
		cmocka_unit_test(test_bad_hostfwd),
		cmocka_unit_test(test_restricted),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("net-user", tests, group_setup,
					   NULL);
}
