// SPDX-License-Identifier: GPL-2.0
/*
 * How many sockets a child on the user-mode network has us open: floods of
 * datagrams, connections either way, and want of descriptors.
 *
 * links: backend util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net_user_child.h"
#include "starve.h"

#define SHARE 64

static void open_small(const char *const *hostfwd)
{
	struct net_options opt = { .kind = "user",
				   .sockets = SHARE,
				   .hostfwd = hostfwd };

	card_open(&card, open_net(&opt));
	dhcp();
}

static struct net_queue_stats stats(void)
{
	struct net_queue_stats s;

	net_get_stats(card.net, 0, &s);
	return s;
}

/* Sends from a port of the child's; has it come? */
static bool comes_from(int fd, uint16_t port, uint16_t to)
{
	char buf[8];
	int err;

	memcpy(frame + UDP_HEAD, "ping", 4);
	err = card_send(&card, frame, udp(CHILD, port, HOST, to, 4));
	if (err) {
		assert_int_equal(err, -EMFILE);
		return false;
	}
	assert_int_equal(recv(fd, buf, sizeof(buf), 0), 4);
	return true;
}

#define PORTS 200 /* of which all are tried before one could be silent */

/*
 * From many ports: no more than its half, the first of them still work, and as
 * soon as these may be called silent, there is room again.
 */
static void test_flood(void **state)
{
	unsigned int fds, i, came = 0;
	struct net_queue_stats s;
	uint16_t port;
	int fd;

	(void)state;
	fd = bound(SOCK_DGRAM, &port);
	open_small(NULL);
	fds = open_fds();
	for (i = 0; i < PORTS; i++)
		came += comes_from(fd, 10000 + i, port);
	assert_int_equal(came, SHARE / 2);
	assert_in_range(open_fds(), fds + 1, fds + SHARE / 2);
	s = stats();
	assert_int_equal(s.sockets_refused, PORTS - SHARE / 2);
	assert_int_equal(s.drops_out, PORTS - SHARE / 2);
	assert_int_equal(s.sockets_closed, 0);
	assert_true(comes_from(fd, 10000, port));
	/* The network's own servers take no socket. */
	dhcp();
	usleep(1100000);
	/* Twice: libslirp's clock goes on with the turn after a frame. */
	assert_true(comes_from(fd, 10000, port));
	usleep(50000);
	assert_true(comes_from(fd, 10000, port));
	assert_true(comes_from(fd, 20000, port));
	s = stats();
	assert_int_equal(s.sockets_closed, SHARE / 2 - 1);
	/* The one that was not silent is the one that it was. */
	assert_in_range(open_fds(), fds + 2, fds + 2);
	for (i = 0; i < SHARE / 2 - 2; i++)
		assert_true(comes_from(fd, 30000 + i, port));
	assert_false(comes_from(fd, 40000, port));
	card_close(&card);
	close(fd);
}

/* Pieces of datagrams could be of anybody. */
static void test_flood_of_pieces(void **state)
{
	unsigned int fds, i;
	uint16_t port;
	int fd;

	(void)state;
	fd = bound(SOCK_DGRAM, &port);
	open_small(NULL);
	fds = open_fds();
	for (i = 0; i < 200; i++) {
		size_t len = udp(CHILD, 10000 + i, HOST, port, 16);
		uint8_t *ip = frame + 14, tail[16];

		memcpy(tail, frame + 34 + 8, 16);
		put16(ip + 4, i + 1);
		put16(ip + 6, 0x2000); /* more come */
		put16(ip + 2, 20 + 8);
		put16(ip + 10, 0);
		put16(ip + 10, fold(add(0, ip, 20)));
		card_send(&card, frame, len - 16);
		memcpy(frame + 34, tail, 16);
		put16(ip + 6, 1);
		put16(ip + 2, 20 + 16);
		put16(ip + 10, 0);
		put16(ip + 10, fold(add(0, ip, 20)));
		card_send(&card, frame, 34 + 16);
	}
	assert_in_range(open_fds(), fds + 1, fds + SHARE / 2);
	assert_true(stats().sockets_refused > 0);
	card_close(&card);
	close(fd);
}

/* Over IPv6 it is the same. */
static void test_flood6(void **state)
{
	static const uint8_t head[] = "\x52\x55\x0a\x00\x02\x02"
				      "\x02\x00\x00\x00\x00\x02\x86\xdd"
				      "\x60\x00\x00\x00\x00\x0c\x11\x40";
	uint8_t *udp6 = frame + 54;
	unsigned int fds, i, came = 0;

	(void)state;
	open_small(NULL);
	fds = open_fds();
	for (i = 0; i < PORTS; i++) {
		memcpy(frame, head, 22);
		memset(frame + 22, 0, 32);
		memcpy(frame + 22, "\xfe\xc0", 2);
		memcpy(frame + 38, "\xfe\xc0", 2);
		frame[37] = 15;
		frame[53] = 2;
		put16(udp6, 10000 + i);
		put16(udp6 + 2, 9);
		put16(udp6 + 4, 12);
		put16(udp6 + 6, 0);
		memcpy(udp6 + 8, "ping", 4);
		put16(udp6 + 6,
		      fold(add(17 + 12, frame + 22, 32) + add(0, udp6, 12)));
		came += !card_send(&card, frame, 66);
	}
	assert_int_equal(came, SHARE / 2);
	assert_int_equal(open_fds(), fds + SHARE / 2);
	card_close(&card);
}

/* Acknowledges the connection of a port of the child's; the peer's number. */
static uint32_t established(uint16_t port)
{
	do
		assert_true(fetch(6, ANSWER_MS) > 0);
	while ((got[36] << 8 | got[37]) != port || got[47] != 0x12);
	return get32(got + 38) + 1;
}

static void test_connections(void **state)
{
	int fd, conn[SHARE / 2], udp_fd;
	uint16_t port, udp_port;
	unsigned int i, fds;
	uint32_t peer = 0;
	char c;

	(void)state;
	fd = bound(SOCK_STREAM, &port);
	udp_fd = bound(SOCK_DGRAM, &udp_port);
	open_small(NULL);
	for (i = 0; i < SHARE / 2; i++) {
		send_frame(tcp(7000 + i, HOST, port, 100, 0, 0x02, 0));
		conn[i] = accept(fd, NULL, NULL);
		assert_true(conn[i] >= 0);
		peer = established(7000 + i);
	}
	fds = open_fds();
	assert_int_equal(card_send(&card, frame,
				   tcp(8000, HOST, port, 100, 0, 0x02, 0)),
			 -EMFILE);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(stats().sockets_refused, 1);
	/* Datagrams have their own half; the connections go on. */
	assert_true(comes_from(udp_fd, 5000, udp_port));
	i = SHARE / 2 - 1;
	send_frame(tcp(7000 + i, HOST, port, 101, peer, 0x10, 0));
	frame[54] = 'x';
	send_frame(tcp(7000 + i, HOST, port, 101, peer, 0x18, 1));
	assert_int_equal(recv(conn[i], &c, 1, 0), 1);
	/* One goes: there is room for another. */
	send_frame(tcp(7000 + i, HOST, port, 102, peer, 0x04, 0));
	assert_true(recv(conn[i], &c, 1, 0) <= 0);
	send_frame(tcp(8000, HOST, port, 100, 0, 0x02, 0));
	close(conn[i]);
	conn[i] = accept(fd, NULL, NULL);
	assert_true(conn[i] >= 0);
	established(8000);
	card_close(&card);
	for (i = 0; i < SHARE / 2; i++)
		close(conn[i]);
	close(fd);
	close(udp_fd);
}

/* Where a connection goes to the child's port 22. */
static struct sockaddr_in open_forward(void)
{
	char text[64];
	const char *list[] = { text, NULL };
	uint16_t port = free_port();

	snprintf(text, sizeof(text), "tcp::%u-22", port);
	open_small(list);
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr =
					     htonl(INADDR_LOOPBACK) };
}

/*
 * A connection to a hostfwd= for which there is no descriptor waits, without
 * keeping the worker busy, and is taken when there is one.
 */
static void test_starved(void **state)
{
	struct sockaddr_in addr;
	struct worker_stats before, after;
	rlim_t limit;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	(void)state;
	addr = open_forward();
	worker_get_stats(card.worker, &before);
	limit = starve();
	err = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	usleep(500000);
	worker_get_stats(card.worker, &after);
	feed(limit);
	assert_int_equal(err, 0);
	assert_in_range(after.wakeups - before.wakeups, 1, 30);
	assert_true(fetch(6, ANSWER_MS) >= 54);
	assert_int_equal(got[47] & 0x3f, 0x02);
	card_close(&card);
	close(fd);
}

/* More connections from outside than there may be: the rest wait. */
static void test_full_forward(void **state)
{
	struct sockaddr_in addr;
	int fd[SHARE];
	struct worker_stats before, after;
	unsigned int i, fds;

	(void)state;
	addr = open_forward();
	fds = open_fds();
	for (i = 0; i < SHARE; i++) {
		fd[i] = socket(AF_INET,
			       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fd[i], (struct sockaddr *)&addr, sizeof(addr));
		if (i < SHARE / 2)
			assert_true(fetch(6, ANSWER_MS) >= 54);
	}
	worker_get_stats(card.worker, &before);
	usleep(500000);
	worker_get_stats(card.worker, &after);
	assert_in_range(open_fds() - fds - SHARE, 1, SHARE / 2);
	assert_in_range(after.wakeups - before.wakeups, 0, 40);
	card_close(&card);
	for (i = 0; i < SHARE; i++)
		close(fd[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_flood_of_pieces),
		cmocka_unit_test(test_flood6),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_starved),
		cmocka_unit_test(test_full_forward),
	};

	return cmocka_run_group_tests_name("net-user-share", tests, group_setup,
					   NULL);
}
