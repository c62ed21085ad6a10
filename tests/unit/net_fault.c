// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of networks: each kind in each direction, which frames are hit, what
 * the link says, filters on filters, queues that stop, and the specifications.
 *
 * links: backend util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_card.h"

#define LEN	  600
#define NEVER_MS  50
#define ANSWER_MS 20000

static char why[400];
static uint8_t frame[NET_FRAME_MAX], got[NET_FRAME_MAX];
static struct card card, peer; /* behind the faults, and the other end */

static struct net *wrap(struct net *n, const char *spec)
{
	struct net *out = NULL;

	if (net_fault_wrap(n, spec, &out, why, sizeof(why)))
		fail_msg("net_fault_wrap: %s", why);
	return out;
}

static void open_both(const char *spec, const char *spec2)
{
	struct net *n[2];
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				    0, fd),
			 0);
	assert_int_equal(net_open_socket(fd[0], NET_SOCKET_DGRAM, &n[0]), 0);
	assert_int_equal(net_open_socket(fd[1], NET_SOCKET_DGRAM, &n[1]), 0);
	n[0] = wrap(n[0], spec);
	if (spec2)
		n[0] = wrap(n[0], spec2);
	card_open(&card, n[0]);
	card_open(&peer, n[1]);
}

static void close_both(void)
{
	card_close(&card);
	card_close(&peer);
}

static void send_number(struct card *from, unsigned int number)
{
	card_frame(frame, LEN, number);
	assert_int_equal(card_send(from, frame, LEN), 0);
}

/* Is it frame `number`, all of it? */
static void fetch_number(struct card *to, unsigned int number)
{
	assert_int_equal(card_fetch(to, got, sizeof(got), ANSWER_MS), LEN);
	card_frame(frame, LEN, number);
	assert_memory_equal(frame, got, LEN);
}

static void fetch_nothing(struct card *to)
{
	assert_int_equal(card_fetch(to, got, sizeof(got), NEVER_MS),
			 -ETIMEDOUT);
}

static uint64_t faults(void)
{
	struct net_queue_stats s;

	net_get_stats(card.net, 0, &s);
	return s.faults;
}

/* ---- which frames ---- */

static void test_which(void **state)
{
	unsigned int i;

	(void)state;
	/* 0 1 2 pass, then 3, 5 and 7 are hit, no more. */
	open_both("net:op=loss,dir=out,after=3,every=2,count=3", NULL);
	for (i = 0; i < 12; i++) {
		send_number(&card, i);
		if (i != 3 && i != 5 && i != 7)
			fetch_number(&peer, i);
	}
	assert_int_equal(faults(), 3);
	/* The other direction is not meant. */
	for (i = 0; i < 12; i++) {
		send_number(&peer, i);
		fetch_number(&card, i);
	}
	fetch_nothing(&peer);
	close_both();
}

static void test_loss_in(void **state)
{
	unsigned int i;

	(void)state;
	open_both("op=loss,dir=in,every=3", NULL);
	for (i = 0; i < 9; i++) {
		send_number(&peer, i);
		if (i % 3)
			fetch_number(&card, i);
	}
	fetch_nothing(&card);
	assert_int_equal(faults(), 3);
	close_both();
	/* All of them, and many: nothing comes, and nobody is kept for ever. */
	open_both("op=loss", NULL);
	for (i = 0; i < 5; i++)
		send_number(&peer, i);
	fetch_nothing(&card);
	send_number(&card, 1);
	fetch_nothing(&peer);
	assert_int_equal(faults(), 6);
	close_both();
}

static void test_loss_without_end(void **state)
{
	struct net_options opt = { .kind = "null", .rx = 60 };
	struct net *n;

	(void)state;
	assert_int_equal(net_open(&opt, &n, why, sizeof(why)), 0);
	card_open(&card, wrap(n, "op=loss"));
	assert_int_equal(card_recv(&card, got, sizeof(got)), -EMSGSIZE);
	assert_int_equal(card_recv(&card, got, sizeof(got)), -EMSGSIZE);
	card_close(&card);
}

/* ---- what happens to them ---- */

static unsigned int differences(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < LEN; i++)
		n += frame[i] != got[i];
	return n;
}

static void test_garble(void **state)
{
	struct net_options opt = { .kind = "null" };
	unsigned int i;
	struct net *n;

	(void)state;
	open_both("op=garble,every=2", NULL);
	for (i = 0; i < 40; i++) {
		bool out = i < 20;

		card_frame(frame, LEN, i);
		assert_int_equal(card_send(out ? &card : &peer, frame, LEN), 0);
		/* Not the sender's own memory. */
		card_frame(got, LEN, i);
		assert_memory_equal(frame, got, LEN);
		assert_int_equal(card_fetch(out ? &peer : &card, got,
					    sizeof(got), ANSWER_MS),
				 LEN);
		assert_int_equal(differences(), !(i % 2));
		assert_memory_equal(frame, got, NET_FRAME_MIN);
	}
	assert_int_equal(faults(), 20);
	close_both();
	/* Sums are the child's then, or they would be made of garbage. */
	assert_int_equal(net_open(&opt, &n, why, sizeof(why)), 0);
	assert_true(n->info.can & NET_CAN_CSUM);
	n = wrap(n, "op=garble");
	assert_int_equal(n->info.can, 0);
	net_close(n);
}

static void test_duplicate(void **state)
{
	struct net_queue_stats s;
	unsigned int i;

	(void)state;
	open_both("op=duplicate,every=2", NULL);
	for (i = 0; i < 6; i++) {
		send_number(&card, i);
		fetch_number(&peer, i);
		if (!(i % 2))
			fetch_number(&peer, i);
	}
	/* Twice the same: the child's memory is looked at once. */
	net_get_stats(card.net, 0, &s);
	assert_int_equal(s.bytes_copied, 3 * LEN);
	for (i = 0; i < 6; i++) {
		send_number(&peer, i);
		fetch_number(&card, i);
		if (!(i % 2))
			fetch_number(&card, i);
	}
	fetch_nothing(&peer);
	fetch_nothing(&card);
	close_both();
}

static void reorder(struct card *from, struct card *to)
{
	/* 0 is overtaken by 1; 2 has nobody behind it and comes in the end. */
	send_number(from, 0);
	send_number(from, 1);
	fetch_number(to, 1);
	fetch_number(to, 0);
	send_number(from, 2);
	fetch_number(to, 2);
	send_number(from, 3);
	send_number(from, 4);
	fetch_number(to, 3);
	fetch_number(to, 4);
}

static void test_reorder(void **state)
{
	(void)state;
	open_both("op=reorder,dir=out,every=2,count=2,ms=1500", NULL);
	reorder(&card, &peer);
	close_both();
	open_both("op=reorder,dir=in,every=2,count=2,ms=1500", NULL);
	reorder(&peer, &card);
	close_both();
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static void test_delay(void **state)
{
	uint64_t start;
	unsigned int i;

	(void)state;
	open_both("op=delay,ms=60", NULL);
	start = now_ms();
	for (i = 0; i < 5; i++)
		send_number(&card, i);
	for (i = 0; i < 5; i++)
		fetch_number(&peer, i);
	assert_in_range(now_ms() - start, 60, 10000);
	start = now_ms();
	for (i = 0; i < 5; i++)
		send_number(&peer, i);
	for (i = 0; i < 5; i++)
		fetch_number(&card, i);
	assert_in_range(now_ms() - start, 60, 10000);
	close_both();
	/* Some wait when the queue stops: they are lost, and nothing else. */
	open_both("op=delay,count=2,ms=5000", NULL);
	send_number(&card, 7);
	send_number(&peer, 8);
	assert_int_equal(card_recv(&card, got, sizeof(got)), -EAGAIN);
	card_call(&card, card_stop_fn);
	assert_int_equal(card_call(&card, card_start_fn), 0);
	fetch_nothing(&peer);
	send_number(&card, 9);
	fetch_number(&peer, 9);
	close_both();
}

static void test_cut(void **state)
{
	(void)state;
	open_both("op=cut,dir=out,after=1,count=2,ms=1500", NULL);
	assert_true(net_link(card.net));
	send_number(&card, 0);
	fetch_number(&peer, 0);
	send_number(&card, 1);
	assert_false(net_link(card.net));
	assert_true(card_wait(&card.link, ANSWER_MS));
	/* Both directions, while it lasts. */
	send_number(&card, 2);
	send_number(&peer, 3);
	assert_int_equal(card_recv(&card, got, sizeof(got)), -EAGAIN);
	assert_true(card_wait(&card.link, ANSWER_MS));
	assert_true(net_link(card.net));
	fetch_nothing(&peer);
	/* Whose queue stops is mended, or it would be so for ever. */
	send_number(&card, 4);
	assert_false(net_link(card.net));
	card_call(&card, card_stop_fn);
	assert_true(net_link(card.net));
	assert_int_equal(card_call(&card, card_start_fn), 0);
	send_number(&card, 5);
	fetch_number(&peer, 5);
	assert_int_equal(card.nlink, 4);
	close_both();
	/* For ever. */
	open_both("op=cut,dir=in,ms=0,after=1", NULL);
	send_number(&peer, 0);
	fetch_number(&card, 0);
	send_number(&peer, 1);
	fetch_nothing(&card);
	fetch_nothing(&card);
	assert_false(net_link(card.net));
	close_both();
}

static void test_two(void **state)
{
	unsigned int i;

	(void)state;
	/* The upper one is first: of what it leaves, each second is doubled. */
	open_both("op=duplicate,dir=out,every=2", "op=loss,dir=out,every=3");
	for (i = 0; i < 6; i++)
		send_number(&card, i);
	fetch_number(&peer, 1);
	fetch_number(&peer, 1);
	fetch_number(&peer, 2);
	fetch_number(&peer, 4);
	fetch_number(&peer, 4);
	fetch_number(&peer, 5);
	fetch_nothing(&peer);
	assert_int_equal(faults(), 4);
	close_both();
}

/* A frame for which there was no room is counted when it goes. */
static void test_no_room(void **state)
{
	unsigned int sent = 0, i, came = 0;
	int ret;

	(void)state;
	open_both("op=loss,dir=out,after=1000000", "op=loss,dir=out,every=10");
	card_frame(frame, LEN, 0);
	do {
		for (i = 0; i < 5; i++) {
			ret = card_send(&card, frame, LEN);
			sent += !ret;
		}
	} while (ret != -EAGAIN);
	assert_int_equal(faults(), (sent + 9) / 10);
	while (card_recv(&peer, got, sizeof(got)) == LEN)
		came++;
	assert_int_equal(came, sent - faults());
	assert_true(card_wait(&card.writable, ANSWER_MS));
	close_both();
}

/* ---- specifications ---- */

static void refused(const char *spec, const char *text)
{
	struct net_options opt = { .kind = "null" };
	struct net *n, *out;
	int card_number;

	assert_int_equal(net_open(&opt, &n, why, sizeof(why)), 0);
	why[0] = '\0';
	assert_int_equal(net_fault_wrap(n, spec, &out, why, sizeof(why)),
			 -EINVAL);
	if (!strstr(why, text))
		fail_msg("'%s' does not say '%s'", why, text);
	assert_null(strchr(why, '\n'));
	assert_int_equal(net_fault_card(spec, &card_number, why, sizeof(why)),
			 -EINVAL);
	net_close(n);
}

static void test_refused(void **state)
{
	int number = 5;

	(void)state;
	refused("", "use op=loss|");
	refused("dir=in", "says not what should happen");
	refused("op=los", "did you mean 'loss'?");
	refused("op=", "use op=loss|");
	refused("op=loss,evry=2", "did you mean 'every'?");
	refused("op=loss,every=0", "'every=0' is not known");
	refused("op=loss,count=0", "'count=0' is not known");
	refused("op=loss,after=-1", "'after=-1' is not known");
	refused("op=loss,dir=up", "'dir=up' is not known");
	refused("op=loss,card=64", "'card=64' is not known");
	refused("op=loss,ms=5", "ms= is for op=delay, reorder or cut");
	refused("op=delay,ms=3600001", "'ms=3600001' is not known");
	refused("op=loss,", "'' is not known");
	refused("net:net:op=loss", "is not known");
	assert_int_equal(
		net_fault_card("net:op=loss", &number, why, sizeof(why)), 0);
	assert_int_equal(number, -1);
	assert_int_equal(
		net_fault_card("op=cut,card=63", &number, why, sizeof(why)), 0);
	assert_int_equal(number, 63);
}

static void test_again(void **state)
{
	static const char *const specs[] = { "op=delay,ms=5", "op=reorder",
					     "op=duplicate", "op=cut,ms=5",
					     "op=garble" };
	unsigned int i, fds = open_fds();

	(void)state;
	for (i = 0; i < 50; i++) {
		open_both(specs[i % 5], NULL);
		send_number(&card, i);
		send_number(&peer, i);
		card_recv(&card, got, sizeof(got));
		if (i % 2)
			usleep(6000);
		close_both();
	}
	assert_int_equal(open_fds(), fds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which),
		cmocka_unit_test(test_loss_in),
		cmocka_unit_test(test_loss_without_end),
		cmocka_unit_test(test_garble),
		cmocka_unit_test(test_duplicate),
		cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests_name("net-fault", tests, NULL, NULL);
}
