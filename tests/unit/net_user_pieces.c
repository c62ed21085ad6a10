// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams in pieces on the user-mode network: in any order, those that lie, and
 * floods of pieces whose datagrams are never whole.
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

#define LEN	 2400u /* of the datagrams here, UDP header included */
#define MANY	 20000u
#define MEMORY	 (4u << 20)
#define FRAME_NS 200000u /* of processor time, for one */

static uint8_t whole[14 + 20 + LEN];
static uint16_t port;
static int fd;

/* From the child to `fd`; its bytes depend on `seed`. */
static void make_whole(uint8_t seed)
{
	uint8_t *h = whole + 34;
	uint32_t i;

	for (i = 8; i < LEN; i++)
		h[i] = i * 7 + i / 256 + seed;
	put16(h, 5000);
	put16(h + 2, port);
	put16(h + 4, LEN);
	put16(h + 6, 0);
	ip(17, CHILD, HOST, LEN);
	memcpy(whole, frame, 34);
	put16(h + 6, fold(add(17 + LEN, whole + 26, 8) + add(0, h, LEN)));
}

/* Bytes [from, to) of it, to which `more` belong. */
static int send_piece(uint16_t id, uint32_t from, uint32_t to, bool more)
{
	uint8_t *h = frame + 14;

	memcpy(frame, whole, 34);
	put16(h + 2, 20 + to - from);
	put16(h + 4, id);
	put16(h + 6, (more ? 0x2000 : 0) | from / 8);
	put16(h + 10, 0);
	put16(h + 10, fold(add(0, h, 20)));
	memcpy(frame + 34, whole + 34 + from, to - from);
	return card_send(&card, frame, 34 + to - from);
}

static void expect_whole(void)
{
	static uint8_t buf[2 * LEN];

	assert_int_equal(recv(fd, buf, sizeof(buf), 0), LEN - 8);
	assert_memory_equal(buf, whole + 42, LEN - 8);
}

static void expect_nothing(void)
{
	uint8_t buf[8];

	usleep(NEVER_MS * 1000);
	assert_int_equal(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), -1);
}

static int setup(void **state)
{
	(void)state;
	fd = child_begin(SOCK_DGRAM, &port);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	child_end(fd);
	return 0;
}

static void test_orders(void **state)
{
	static const uint32_t at[] = { 0, 800, 1600, LEN };
	static const unsigned int order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 },
						  { 1, 0, 2 }, { 1, 2, 0 },
						  { 2, 0, 1 }, { 2, 1, 0 } };
	unsigned int i, k;

	(void)state;
	for (i = 0; i < 6; i++) {
		make_whole(i);
		for (k = 0; k < 3; k++) {
			unsigned int n = order[i][k];

			assert_int_equal(send_piece(i, at[n], at[n + 1], n < 2),
					 0);
		}
		expect_whole();
	}
	/* Two at a time, of which one is never whole. */
	make_whole(9);
	send_piece(20, 0, 1000, true);
	send_piece(21, 0, 1000, true);
	send_piece(21, 1000, LEN, false);
	expect_whole();
	expect_nothing();
}

static void test_lies(void **state)
{
	(void)state;
	make_whole(1);
	/* The same again, and what overlaps: nothing comes of it. */
	send_piece(1, 0, 1000, true);
	send_piece(1, 0, 1000, true);
	send_piece(1, 1000, LEN, false);
	send_piece(2, 0, 1008, true);
	send_piece(2, 1000, LEN, false);
	/* Beyond the end, before it is known and after. */
	send_piece(3, 1600, LEN, true);
	send_piece(3, 800, 1600, false);
	send_piece(3, 0, 800, true);
	send_piece(4, 800, 1600, false);
	send_piece(4, 1600, LEN, false);
	send_piece(4, 0, 800, true);
	/* Not a multiple of 8, and more to come. */
	send_piece(5, 0, 1004, true);
	/* Longer than the frame. */
	memcpy(frame, whole, 1034);
	put16(frame + 16, 1400);
	put16(frame + 20, 0x2000);
	put16(frame + 24, 0);
	put16(frame + 24, fold(add(0, frame + 14, 20)));
	card_send(&card, frame, 1034);
	/* A header whose sum is wrong. */
	frame[24] ^= 1;
	card_send(&card, frame, 1034);
	expect_nothing();
	/* Where no datagram ends any more. */
	put16(frame + 16, 1020);
	put16(frame + 20, 0x3fff);
	put16(frame + 24, 0);
	put16(frame + 24, fold(add(0, frame + 14, 20)));
	card_send(&card, frame, 1034);
	send_piece(7, 0, 1000, true);
	send_piece(7, 1000, LEN, false);
	expect_whole();
}

/* First pieces, of which each could become a datagram: other traffic goes on. */
static void test_flood(void **state)
{
	struct flood f;
	uint64_t cpu[2];
	struct timespec ts;
	unsigned int i;

	(void)state;
	make_whole(1);
	flood_begin(&f);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	cpu[0] = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	for (i = 0; i < MANY; i++)
		send_piece(i, i % 3 * 8, i % 3 * 8 + 8, true);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	cpu[1] = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	flood_end(&f);
	assert_in_range(f.memory, 0, MEMORY);
	assert_in_range(f.lines, 0, 10);
	assert_in_range((cpu[1] - cpu[0]) / MANY, 0, FRAME_NS);
	send_piece(7, 0, 1000, true);
	send_piece(7, 1000, LEN, false);
	expect_whole();
}

#define PIECES_CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PIECES_CASE(test_orders),
		PIECES_CASE(test_lies),
		PIECES_CASE(test_flood),
	};

	return cmocka_run_group_tests_name("net-user-pieces", tests,
					   group_setup, NULL);
}
