// SPDX-License-Identifier: GPL-2.0
/*
 * A child that floods the bus: each channel message, many times.  Memory, calls
 * that are deferred, answers, lines in the log and the time that one message takes
 * have a bound, also when there are as many GPADLs as there can be.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "flood.h"
#include "vmbus_fake.h"

#define MANY	    20000u
#define RAM_PAGES   64u
#define MEMORY_MAX  (64u << 10)
#define LINES_MAX   21u
#define ANSWERS_MAX 3u /* to one message */
#define DEFERS_MAX  4u
#define MESSAGE_NS  10000000u
/* Stand for a relid that is open, one that is offered, and a number that changes. */
#define OPEN	    0xf0f0f0f0u
#define OFFERED	    0xf1f1f1f1u
#define NEXT	    0xf2f2f2f2u

struct kind {
	const char *name;
	uint32_t size;
	uint32_t word[10]; /* the rest is zero */
	uint32_t memory;   /* bytes, MEMORY_MAX if 0 */
};

static const struct kind kinds[] = {
	{ "nothing", 0, { 0 }, 0 },
	{ "half a header", 4, { VMB_MSG_UNLOAD }, 0 },
	{ "no such type", 8, { 99 }, 0 },
	{ "offers", 8, { VMB_MSG_REQUEST_OFFERS }, 0 },
	{ "open unknown", 148, { VMB_MSG_OPEN, 0, NEXT }, 0 },
	{ "open twice", 148, { VMB_MSG_OPEN, 0, OPEN }, 0 },
	{ "open no GPADL", 148, { VMB_MSG_OPEN, 0, OFFERED, 7, NEXT }, 0 },
	{ "close unknown", 12, { VMB_MSG_CLOSE, 0, NEXT }, 0 },
	{ "close", 12, { VMB_MSG_CLOSE, 0, OFFERED }, 0 },
	{ "modify", 16, { VMB_MSG_MODIFY_CHANNEL, 0, OPEN, 1 }, 0 },
	{ "modify unknown", 16, { VMB_MSG_MODIFY_CHANNEL, 0, NEXT }, 0 },
	{ "released", 12, { VMB_MSG_RELID_RELEASED, 0, NEXT }, 0 },
	{ "released open", 12, { VMB_MSG_RELID_RELEASED, 0, OPEN }, 0 },
	{ "open reserved", 28, { VMB_MSG_OPEN_RESERVED, 0, NEXT }, 0 },
	{ "close reserved", 20, { VMB_MSG_CLOSE_RESERVED, 0, NEXT }, 0 },
	{ "sockets", 40, { VMB_MSG_TL_CONNECT }, 0 },
	{ "GPADLs of one page",
	  44,
	  { VMB_MSG_GPADL_HEADER, 0, OPEN, NEXT, 16 | 1 << 16, 4096, 0,
	    FAKE_RAM_PFN },
	  8192 * 160 },
	{ "GPADLs unfinished",
	  44,
	  { VMB_MSG_GPADL_HEADER, 0, OPEN, NEXT, 0x8000 | 1 << 16, 4095 * 4096,
	    0, FAKE_RAM_PFN },
	  5 << 20 },
	{ "bodies", 16, { VMB_MSG_GPADL_BODY, 0, 0, NEXT }, 0 },
	{ "teardowns", 16, { VMB_MSG_GPADL_TEARDOWN, 0, OPEN, NEXT }, 0 },
	{ "contacts", 40, { VMB_MSG_INITIATE_CONTACT, 0, VMB_VERSION_4_0 }, 0 },
	{ "contacts refused",
	  40,
	  { VMB_MSG_INITIATE_CONTACT, 0, VMB_VERSION_4_0, 99 },
	  0 },
	{ "contacts too new",
	  40,
	  { VMB_MSG_INITIATE_CONTACT, 0, VMB_VERSION(9, 9) },
	  0 },
	{ "unloads", 8, { VMB_MSG_UNLOAD }, 0 },
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

/* GPADLs of relid 2, with handles `step` apart. */
static void fill(struct fake *f, unsigned int ngpadls, uint32_t step)
{
	uint64_t pfn = FAKE_RAM_PFN;
	unsigned int i;

	for (i = 0; i < ngpadls; i++)
		fake_gpadl(f, 2, 0x40000000 + i * step, &pfn, 1);
}

static void say(struct fake *f, const struct kind *k, unsigned int i,
		struct flood *time)
{
	uint32_t msg[VMB_MSG_MAX / 4] = { 0 }, w;

	memcpy(msg, k->word, sizeof(k->word));
	for (w = 2; w < 5; w++) {
		if (msg[w] == OPEN)
			msg[w] = 1;
		else if (msg[w] == OFFERED)
			msg[w] = 2;
		else if (msg[w] == NEXT)
			msg[w] = 5000 + i;
	}
	flood_turn_begin(time);
	vmbus_server_message(f->srv, VMB_PORT_MESSAGE, msg, k->size);
	flood_turn_end(time);
}

static void run(const struct kind *k, unsigned int ngpadls)
{
	struct fake *f = fake_new(RAM_PAGES, 0, 0);
	struct fake_dev dev[2] = { 0 };
	unsigned int i, posted, defers = 0;
	struct flood time;
	bool ok;

	assert_int_equal(fake_offer(f, &dev[0], 1), 0);
	assert_int_equal(fake_offer(f, &dev[1], 2), 0);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	fill(f, ngpadls, 1);
	posted = f->posted;
	flood_begin(&time);
	for (i = 0; i < MANY; i++) {
		say(f, k, i, &time);
		if (f->deferred - f->ran > defers)
			defers = f->deferred - f->ran;
		/* As main does, between two turns. */
		if (i % 64 == 63)
			fake_run(f);
	}
	fake_run(f);
	flood_end(&time);
	ok = time.memory <= (k->memory ? k->memory : MEMORY_MAX) &&
	     time.lines <= LINES_MAX && defers <= DEFERS_MAX &&
	     f->posted - posted <= ANSWERS_MAX * MANY &&
	     time.longest <= MESSAGE_NS;
	if (!ok)
		print_error("%s: %zu bytes, %u lines, %u deferred, "
			    "%u answers, %llu us for a message\n",
			    k->name, time.memory, time.lines, defers,
			    f->posted - posted,
			    (unsigned long long)time.longest / 1000);
	assert_true(ok);
	fake_free(f);
}

static void messages(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < NKINDS; i++)
		run(&kinds[i], 0);
}

static void with_gpadls(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < NKINDS; i++)
		run(&kinds[i], 8000);
}

/* What 10,000 messages take that name the GPADL which came first. */
static uint64_t with_step(uint32_t step)
{
	struct fake *f = fake_new(RAM_PAGES, 0, 0);
	struct fake_dev dev[2] = { 0 };
	uint64_t start, took;
	unsigned int i;

	assert_int_equal(fake_offer(f, &dev[0], 1), 0);
	assert_int_equal(fake_offer(f, &dev[1], 2), 0);
	fake_up(f);
	fill(f, 8000, step);
	start = flood_now();
	for (i = 0; i < 10000; i++)
		fake_teardown(f, 1, 0x40000000);
	took = flood_now() - start;
	fake_free(f);
	return took;
}

/* Handles made up so that they are alike in all low bits are no worse. */
static void alike(void **state)
{
	uint64_t plain = with_step(1), same = with_step(1 << 16);

	(void)state;
	print_message("%llu ns each, %llu\n", (unsigned long long)plain / 10000,
		      (unsigned long long)same / 10000);
	assert_in_range(same, 0, 10 * plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(with_gpadls),
		cmocka_unit_test(alike),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("vmbus_flood", tests, NULL, NULL);
}
