// SPDX-License-Identifier: GPL-2.0
/*
 * TCP on the user-mode network of a child that leaves holes: what is kept for it
 * has a bound, and holes that are filled are no harm.
 *
 * links: backend util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flood.h"
#include "net_user_child.h"

#define MANY   4000u
#define MEMORY (2u << 20) /* 512 segments of 1.5 KiB, and some */
#define FIRST  7000u	  /* port of the child's */
#define ACK    0x10
#define FIN    0x11

static uint16_t port;
static int fd;

struct conn {
	int fd;
	uint16_t from;
	uint32_t peer; /* the other's next number */
};

/* What comes is taken, so that nothing of it is counted as memory. */
static void take_all(void)
{
	while (card_fetch(&card, got, sizeof(got), 0) > 0)
		if (is_arp_for(got, CHILD))
			answer_arp();
}

static struct conn open_conn(uint16_t from)
{
	struct conn c = { .from = from };

	send_frame(tcp(from, HOST, port, 99, 0, 0x02, 0));
	c.fd = accept(fd, NULL, NULL);
	assert_true(c.fd >= 0);
	do
		assert_true(fetch(6, ANSWER_MS) > 0);
	while ((got[36] << 8 | got[37]) != from || got[47] != 0x12);
	c.peer = get32(got + 38) + 1;
	send_frame(tcp(from, HOST, port, 100, c.peer, ACK, 0));
	take_all();
	return c;
}

/* Bytes that tell where they belong. */
static int send_bytes(const struct conn *c, uint32_t seq, uint32_t len,
		      uint8_t flags)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		frame[54 + i] = (seq + i) * 7;
	return card_send(&card, frame,
			 tcp(c->from, HOST, port, seq, c->peer, flags, len));
}

static void expect_bytes(const struct conn *c, uint32_t seq, uint32_t len)
{
	static uint8_t buf[65536];
	uint32_t i;

	assert_int_equal(recv(c->fd, buf, len, MSG_WAITALL), len);
	for (i = 0; i < len; i++)
		assert_int_equal(buf[i], (uint8_t)((seq + i) * 7));
}

static int setup(void **state)
{
	(void)state;
	fd = child_begin(SOCK_STREAM, &port);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	child_end(fd);
	return 0;
}

static void flood_of(const struct conn *c, uint32_t len, uint8_t flags)
{
	unsigned int i, refused = 0;
	struct flood f;

	flood_begin(&f);
	for (i = 0; i < MANY; i++) {
		refused += send_bytes(c, 102 + 2 * i, len, flags) != 0;
		if (i % 16 == 0)
			take_all();
	}
	take_all();
	flood_end(&f);
	assert_in_range(f.memory, 0, MEMORY);
	assert_in_range(refused, MANY - 512, MANY - 1);
}

static void test_holes(void **state)
{
	struct conn c = open_conn(FIRST), other = open_conn(FIRST + 1);

	(void)state;
	flood_of(&c, 1, ACK);
	/* It goes on with what it has, and so do others. */
	assert_int_equal(send_bytes(&c, 100, 100, ACK), 0);
	expect_bytes(&c, 100, 100);
	assert_int_equal(send_bytes(&other, 100, 100, ACK), 0);
	expect_bytes(&other, 100, 100);
	close(c.fd);
	close(other.fd);
}

static void test_fins(void **state)
{
	struct conn c = open_conn(FIRST);

	(void)state;
	flood_of(&c, 0, FIN);
	close(c.fd);
}

/* Many connections together. */
static void test_many(void **state)
{
	struct conn c[30];
	unsigned int i, k, went = 0;
	struct flood f;

	(void)state;
	for (i = 0; i < 30; i++)
		c[i] = open_conn(FIRST + i);
	flood_begin(&f);
	for (k = 0; k < 400; k++)
		for (i = 0; i < 30; i++) {
			went += !send_bytes(&c[i], 102 + 2 * k, 1, ACK);
			if (i % 16 == 0)
				take_all();
		}
	take_all();
	flood_end(&f);
	assert_in_range(went, 30, 8192);
	for (i = 0; i < 30; i++)
		close(c[i].fd);
}

/* Holes that are filled, over and over, and what has none: nothing is refused. */
static void test_filled(void **state)
{
	struct conn c = open_conn(FIRST);
	uint32_t at = 100, i;

	(void)state;
	for (i = 0; i < 700; i++, at += 30) {
		assert_int_equal(send_bytes(&c, at + 20, 10, ACK), 0);
		assert_int_equal(send_bytes(&c, at + 10, 10, ACK), 0);
		assert_int_equal(send_bytes(&c, at, 10, ACK), 0);
		expect_bytes(&c, at, 30);
		take_all();
	}
	for (i = 0; i < 2000; i++, at += 1000) {
		assert_int_equal(send_bytes(&c, at, 1000, ACK), 0);
		expect_bytes(&c, at, 1000);
		take_all();
	}
	/* And when there is always one more. */
	assert_int_equal(send_bytes(&c, at + 10, 10, ACK), 0);
	for (i = 0; i < 700; i++, at += 10) {
		assert_int_equal(send_bytes(&c, at, 10, ACK), 0);
		assert_int_equal(send_bytes(&c, at + 30, 10, ACK), 0);
		expect_bytes(&c, at, 10);
		at += 10;
		assert_int_equal(send_bytes(&c, at + 10, 10, ACK), 0);
		expect_bytes(&c, at, 10);
		take_all();
	}
	close(c.fd);
}

#define HOLES_CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOLES_CASE(test_holes),
		HOLES_CASE(test_fins),
		HOLES_CASE(test_many),
		HOLES_CASE(test_filled),
	};

	return cmocka_run_group_tests_name("net-user-holes", tests, group_setup,
					   NULL);
}
