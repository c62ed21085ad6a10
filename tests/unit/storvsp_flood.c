// SPDX-License-Identifier: GPL-2.0
/*
 * A child that floods its disk controller: each operation and kinds of requests, as
 * fast as the ring takes them, with a child that takes the answers and one that
 * does not.  Requests under way, memory, lines in the log, calls to main and how
 * much a worker does at once have a bound.
 *
 * links: vsp vmbus backend mem util
 */
#include "storvsp_fixture.h"

#include <sched.h>

#include "flood.h"
#include "vsp/storvsp_var.h"

#define MANY	   2000u
#define MEMORY_MAX (512u << 10) /* 256 requests are kept for later */
#define LINES_MAX  25u
#define TURN_MAX   64u /* packets */

struct kind {
	const char *name;
	uint32_t op;
	bool ready; /* the set-up is over */
	struct child_srb srb;
};

static bool send_one(const struct kind *k, unsigned int i)
{
	struct stor_pkt pkt = { .op = k->op, .flags = STOR_FLAG_COMPLETION };

	if (k->op == STOR_OP_EXECUTE_SRB)
		return child_srb_send(chan, i + 1, &k->srb);
	/* A version, or a number of sub-channels: as may be. */
	pkt.u.version.major_minor = i & 1 ? STOR_VERSION_6_2 : 1;
	return child_send(chan, RING_PKT_INBAND, RING_PKT_FLAG_COMPLETION,
			  i + 1, NULL, 0, &pkt, sizeof(pkt));
}

static uint64_t packets(void)
{
	struct vmbus_chan_stats s;

	vmbus_chan_get_stats(stor->primary->ch, &s);
	return s.packets_in;
}

static unsigned int calls_for_main(void)
{
	struct mailbox_stats s;

	mailbox_get_stats(child->box, &s);
	return s.waiting;
}

/* Takes answers while there are some. */
static unsigned int hear(void)
{
	struct child_packet p;
	unsigned int n = 0;

	while (child_take(chan, &p))
		n += p.head.type == RING_PKT_COMPLETION;
	return n;
}

static bool send_all(const struct kind *k)
{
	uint64_t until = child_now() + CHILD_SECONDS * 1000;
	unsigned int i = 0, got = 0;

	while (got < MANY) {
		while (i < MANY && send_one(k, i))
			i++;
		got += hear();
		sched_yield();
		if (child_now() >= until || child->rescinds)
			return false;
	}
	return true;
}

/* Nobody takes the answers: some are kept, and then no packet is taken. */
static bool send_deaf(const struct kind *k)
{
	unsigned int i = 0, idle = 0, sent;

	for (sent = 0; idle < 2000 && sent < MANY; i++) {
		if (send_one(k, i)) {
			sent++;
			idle = 0;
		} else {
			idle++;
			usleep(20);
		}
		if (stor->primary->in_flight > STOR_IN_FLIGHT)
			return false;
	}
	/* Two rings and what is kept. */
	if (sent >= MANY)
		return false;
	for (i = 0; i < sent;) {
		i += hear();
		sched_yield();
	}
	return true;
}

static void run(const struct kind *k, bool (*send)(const struct kind *k))
{
	struct flood_worker turns = { .count = packets };
	unsigned int waiting;
	struct flood f;
	bool sent, ok;

	create(1, 0);
	assert_int_equal(storvsp_add(stor, -1, null_disk(MIB)), 0);
	assert_true(child_open(chan));
	if (k->ready)
		assert_true(child_init(chan));
	turns.w = stor->primary->worker;
	worker_call(turns.w, flood_worker_begin, &turns);
	flood_begin(&f);
	sent = send(k);
	waiting = calls_for_main();
	worker_call(turns.w, flood_worker_end, &turns);
	flood_end(&f);
	ok = sent && waiting <= 1 && f.memory <= MEMORY_MAX &&
	     f.lines <= LINES_MAX && turns.most <= TURN_MAX;
	if (!ok)
		print_error("%s %u%s: %u calls waiting, %zu bytes, %u lines, "
			    "%llu packets in a turn\n",
			    k->name, k->op, sent ? "" : ", stuck", waiting,
			    f.memory, f.lines, (unsigned long long)turns.most);
	assert_true(ok);
	assert_int_equal(child->rescinds, 0);
	destroy();
}

static void operations(void **state)
{
	struct kind k = { .name = "operation" };
	unsigned int i;

	(void)state;
	for (i = 0; i <= STOR_OP_FCHBA_DATA + 2u; i++) {
		if (i == STOR_OP_EXECUTE_SRB)
			continue;
		k.op = i;
		for (k.ready = false;; k.ready = true) {
			run(&k, send_all);
			if (k.ready)
				break;
		}
	}
	k.op = UINT32_MAX;
	run(&k, send_deaf);
}

static void requests(void **state)
{
	static const struct kind kinds[] = {
		{ "not ready", STOR_OP_EXECUTE_SRB, false, { .cdb_len = 6 } },
		{ "test unit ready",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .cdb_len = 6, .data_in = STOR_DATA_NONE } },
		{ "no LUN",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .lun = 63, .cdb_len = 6, .data_in = STOR_DATA_NONE } },
		{ "no command",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .cdb = { 0xff }, .data_in = STOR_DATA_NONE } },
		{ "no buffer",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .cdb = { 0x28, [8] = 1 },
		    .cdb_len = 10,
		    .data_in = STOR_DATA_IN,
		    .len = 512 } },
		{ "inquiry",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .cdb = { 0x12, 0, 0, 0, 255 },
		    .cdb_len = 6,
		    .data_in = STOR_DATA_IN,
		    .len = 255,
		    .buffer = 255 } },
		{ "report LUNs",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .cdb = { 0xa0, [8] = 2 },
		    .cdb_len = 12,
		    .data_in = STOR_DATA_IN,
		    .len = 512,
		    .buffer = 512 } },
		{ "read",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .cdb = { 0x28, [8] = 8 },
		    .cdb_len = 10,
		    .data_in = STOR_DATA_IN,
		    .len = 4096,
		    .buffer = 4096 } },
		{ "read beyond",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .cdb = { 0x28, [2] = 1, [8] = 8 },
		    .cdb_len = 10,
		    .data_in = STOR_DATA_IN,
		    .len = 4096,
		    .buffer = 4096 } },
		{ "flush",
		  STOR_OP_EXECUTE_SRB,
		  true,
		  { .cdb = { 0x35 },
		    .cdb_len = 10,
		    .data_in = STOR_DATA_NONE } },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		run(&kinds[i], send_all);
		run(&kinds[i], send_deaf);
	}
}

/* ---- what one command needs, for as many as there can be ---- */

#define UNDER_WAY_MAX (8u << 20) /* bytes, of one channel */

static const struct child_srb verify = {
	.cdb = { 0x2f, [7] = 0x08 }, /* a MiB */
	.cdb_len = 10,
	.data_in = STOR_DATA_NONE,
};

/* Requests until so many have got to `where`; the child takes no answer. */
static void fill(const unsigned int *where)
{
	uint64_t until = child_now() + CHILD_SECONDS * 1000;
	unsigned int sent = 0;

	while (*where < STOR_IN_FLIGHT && child_now() < until)
		if (child_srb_send(chan, sent + 1, &verify))
			sent++;
		else
			sched_yield();
	assert_int_equal(*where, STOR_IN_FLIGHT);
}

static void verifies(void **state)
{
	size_t before, now;

	(void)state;
	/* All under way: the disk doesn't answer. */
	ready(faulty(null_disk(64 * MIB), "op=read,err=hang"));
	before = __sanitizer_get_current_allocated_bytes();
	fill(&stor->primary->in_flight);
	now = __sanitizer_get_current_allocated_bytes();
	assert_in_range(now - before, 0, UNDER_WAY_MAX);
	destroy();

	/* All done, and their answers wait for room in the ring. */
	ready(null_disk(64 * MIB));
	before = __sanitizer_get_current_allocated_bytes();
	fill(&stor->primary->waiting);
	now = __sanitizer_get_current_allocated_bytes();
	assert_in_range(now - before, 0, MEMORY_MAX);
	destroy();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations),
		cmocka_unit_test(requests),
		cmocka_unit_test(verifies),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("storvsp_flood", tests, NULL, NULL);
}
