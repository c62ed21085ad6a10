// SPDX-License-Identifier: GPL-2.0
/*
 * The fault filter: specifications, when a fault is due, and what the child
 * then finds in its ring, byte by byte.  Its messages: vmbus_fault_bus.c.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include "hv/stor_reg.h"
#include "vmbus_scene.h"

static char why[512];

static void peek(const struct scene *s, uint32_t at, void *buf, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		((uint8_t *)buf)[i] = s->data[(at + i) % SIZE];
}

/* The child takes the next packet, which it can believe.  Its id; ~0: none. */
static uint64_t take(struct scene *s)
{
	uint32_t at = s->in->read_index, used;

	assert_true(s->in->write_index < SIZE && s->in->write_index % 8 == 0);
	used = (s->in->write_index + SIZE - at) % SIZE;
	if (!used)
		return ~0ull;
	peek(s, at, &s->head, sizeof(s->head));
	assert_true(s->head.len8 * 8u + 8 <= used);
	assert_true(s->head.offset8 >= 2 && s->head.offset8 <= s->head.len8);
	s->payload_len = (s->head.len8 - s->head.offset8) * 8u;
	assert_true(s->payload_len <= sizeof(s->payload));
	peek(s, at + s->head.offset8 * 8, s->payload, s->payload_len);
	s->in->read_index = (at + s->head.len8 * 8 + 8) % SIZE;
	return s->head.transaction;
}

/* The answer to a SCSI read of 512 bytes, with this id. */
static void answer(struct scene *s, uint64_t id)
{
	struct stor_pkt pkt = { .op = STOR_OP_COMPLETE_IO };

	pkt.u.srb.length = sizeof(pkt.u.srb);
	pkt.u.srb.srb_status = STOR_SRB_SUCCESS;
	pkt.u.srb.transfer_length = 512;
	assert_int_equal(vmbus_chan_send(s->d.ch, RING_PKT_COMPLETION, 0, id,
					 NULL, 0, &pkt, sizeof(pkt)),
			 0);
	vmbus_chan_flush(s->d.ch);
}

static struct stor_pkt *packet(struct scene *s)
{
	assert_int_equal(s->payload_len, sizeof(struct stor_pkt));
	return (struct stor_pkt *)s->payload;
}

/* ---- specifications ---- */

static void refused(struct fake *f, const char *spec, const char *part)
{
	int err;

	memset(why, 0, sizeof(why));
	err = vmbus_fault_add(f->srv, spec, why, sizeof(why));
	if (err != -EINVAL || !strstr(why, part) || strchr(why, '\n'))
		fail_msg("'%s' gave %d '%s', not '%s'", spec, err, why, part);
}

static void test_refused(void **state)
{
	struct fake *f = fake_new(8, 0, 0);

	(void)state;
	refused(f, "repeat", "begin with a channel");
	refused(f, ":do=repeat", "begin with a channel");
	refused(f, "dev:", "'' is not known");
	refused(f, "dev:after=3", "add do=WHAT");
	refused(f, "dev:do=repaet", "use write-index, ");
	refused(f, "dev:do=repaet", "silence or socket");
	refused(f, "dev:do=offer-again", "do=offer-again is not known");
	refused(f, "bus:do=repeat", "use offer-again, ");
	refused(f, "bus:do=", "do= is not known");
	refused(f, "dev:do", "'do' is not known");
	refused(f, "dev:do=id,when=3", "'when=3' is not known");
	refused(f, "dev:do=id,after=-1", "a number from 0");
	refused(f, "dev:do=id,after=1x", "a number from 0");
	refused(f, "dev:do=id,count=0", "a number from 1");
	refused(f, "dev:do=id,every=0", "a number from 1");
	refused(f, "dev:do=flood,times=65537", "from 1 to 65536");
	refused(f, "dev:do=id,times=2", "takes no times=N");
	refused(f, "bus:do=torndown-lost,ms=2", "takes no ms=N");
	refused(f, "bus:do=torndown-late,ms=0", "from 1 to 604800000");
	refused(f, "bus:do=torndown-late,times=2", "takes no times=N");
	refused(f, "dev:do=torndown-late", "do=torndown-late is not known");
	refused(f, "dev:do=id,after=99999999999999999999", "a number from 0");
	refused(f, "dev:do=id,ms=5", "takes no ms=N");
	refused(f, "dev:do=silence", "how long?");
	refused(f, "dev:do=silence,ms=0", "a number from 1");
	fake_free(f);
}

/* ---- packets ---- */

static void test_others_are_left_alone(void **state)
{
	struct scene *s = scene_new("scsi0:do=repeat "
				    "dev.1:do=repeat "
				    "bus:do=type,after=1000");

	(void)state;
	answer(s, 5);
	assert_int_equal(take(s), 5);
	assert_true(take(s) == ~0ull);
	assert_int_equal(faults(s), 0);
	scene_free(s);
}

static void test_when(void **state)
{
	struct scene *s = scene_new("dev:do=repeat,after=3,every=2,count=2");
	uint64_t id;

	(void)state;
	for (id = 1; id <= 12; id++) {
		answer(s, id);
		assert_int_equal(take(s), id);
		if (id == 4 || id == 6)
			assert_int_equal(take(s), id);
		assert_true(take(s) == ~0ull);
	}
	assert_int_equal(faults(s), 2);
	scene_free(s);
}

static void one_index(const char *fault,
		      struct ring_ctl *(*ring)(struct scene *), bool write,
		      bool unaligned)
{
	struct scene *s = scene_new(fault);
	const __u32 *index = write ? &ring(s)->write_index :
				     &ring(s)->read_index;
	uint64_t buf[64];
	struct vmbus_packet pkt;

	/* A request of 16 bytes comes in, so that both indices move. */
	s->f->ram[9 * 4096 + 0] = RING_PKT_INBAND;
	s->f->ram[9 * 4096 + 2] = 2;
	s->f->ram[9 * 4096 + 4] = 2;
	s->out->write_index = 24;
	assert_int_equal(vmbus_chan_recv(s->d.ch, buf, sizeof(buf), &pkt), 1);
	answer(s, 1);
	if (unaligned)
		assert_true(*index % 8 && *index < SIZE);
	else
		assert_true(*index >= SIZE);
	assert_int_equal(faults(s), 1);

	/* This side knows better, and the next packet mends it. */
	memcpy(s->f->ram + 9 * 4096 + 24, s->f->ram + 9 * 4096, 24);
	s->out->write_index = 48;
	assert_int_equal(vmbus_chan_recv(s->d.ch, buf, sizeof(buf), &pkt), 1);
	answer(s, 2);
	assert_int_equal(s->out->read_index, 48);
	assert_int_equal(take(s), 1);
	assert_int_equal(take(s), 2);
	assert_true(take(s) == ~0ull);
	scene_free(s);
}

static struct ring_ctl *ring_in(struct scene *s)
{
	return s->in;
}

static struct ring_ctl *ring_out(struct scene *s)
{
	return s->out;
}

static void test_indices(void **state)
{
	(void)state;
	one_index("dev:do=write-index,count=1", ring_in, true, false);
	one_index("dev:do=write-unaligned,count=1", ring_in, true, true);
	one_index("dev:do=read-index,count=1", ring_out, false, false);
	one_index("dev:do=read-unaligned,count=1", ring_out, false, true);
}

/* The header lies; what follows is where it belongs. */
static void test_descriptor(void **state)
{
	static const struct {
		const char *fault;
		uint16_t offset8, len8;
	} cases[] = {
		{ "dev:do=length-zero,count=1", 2, 0 },
		{ "dev:do=length-huge,count=1", 2, 0xffff },
		{ "dev:do=offset,count=1", 11, 10 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene *s = scene_new(cases[i].fault);

		answer(s, 1);
		peek(s, 0, &s->head, sizeof(s->head));
		assert_int_equal(s->head.offset8, cases[i].offset8);
		assert_int_equal(s->head.len8, cases[i].len8);
		assert_int_equal(s->in->write_index, 88);
		s->in->read_index = 88;
		answer(s, 2);
		assert_int_equal(take(s), 2);
		assert_int_equal(faults(s), 1);
		scene_free(s);
	}
}

static void test_extra(void **state)
{
	struct scene *s = scene_new("dev:do=type,count=1 "
				    "dev:do=id,after=1,count=1 "
				    "dev:do=short,after=2,count=1 "
				    "dev:do=op,after=3,count=1");

	(void)state;
	answer(s, 1);
	assert_int_equal(take(s), 1);
	assert_int_equal(s->head.type, 0x1234);
	assert_int_equal(take(s), 1);
	assert_int_equal(s->head.type, RING_PKT_COMPLETION);

	answer(s, 2);
	assert_int_not_equal(take(s), 2);
	assert_int_equal(packet(s)->op, STOR_OP_COMPLETE_IO);
	assert_int_equal(take(s), 2);

	answer(s, 3);
	assert_int_equal(take(s), 3);
	assert_int_equal(s->payload_len, 8);
	assert_int_equal(take(s), 3);
	assert_int_equal(packet(s)->op, STOR_OP_COMPLETE_IO);

	answer(s, 4);
	assert_int_equal(take(s), 4);
	assert_int_equal(packet(s)->op, 0x77777777);
	assert_int_equal(take(s), 4);
	assert_int_equal(packet(s)->op, STOR_OP_COMPLETE_IO);
	assert_true(take(s) == ~0ull);
	assert_int_equal(faults(s), 4);
	scene_free(s);
}

/* Answers that are sound, and not what the disk said. */
static void test_answers(void **state)
{
	static const struct {
		const char *fault;
		uint8_t srb_status, scsi_status, asc, ascq;
	} cases[] = {
		{ "dev:do=capacity,count=1",
		  STOR_SRB_ERROR | STOR_SRB_AUTOSENSE, 2, 0x2a, 9 },
		{ "dev:do=parameters,count=1",
		  STOR_SRB_ERROR | STOR_SRB_AUTOSENSE, 2, 0x3f, 2 },
		{ "dev:do=selection,count=1", STOR_SRB_SELECTION_TIMEOUT, 0, 0,
		  0 },
		{ "dev:do=no-lun,count=1", STOR_SRB_INVALID_LUN, 2, 0, 0 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene *s = scene_new(cases[i].fault);
		const struct stor_srb *srb;

		answer(s, 1);
		assert_int_equal(take(s), 1);
		srb = &packet(s)->u.srb;
		assert_int_equal(srb->srb_status, cases[i].srb_status);
		assert_int_equal(srb->scsi_status, cases[i].scsi_status);
		assert_int_equal(srb->transfer_length, 0);
		assert_int_equal(srb->sense_length, cases[i].asc ? 18 : 0);
		if (cases[i].asc) {
			assert_int_equal(srb->u.sense[2], 6);
			assert_int_equal(srb->u.sense[12], cases[i].asc);
			assert_int_equal(srb->u.sense[13], cases[i].ascq);
		}
		answer(s, 2);
		assert_int_equal(take(s), 2);
		assert_int_equal(packet(s)->u.srb.srb_status, STOR_SRB_SUCCESS);
		scene_free(s);
	}
}

/* Signals the server has got since. */
static uint64_t woken(struct scene *s)
{
	uint64_t count = 0;

	return read(vmbus_chan_signal_fd(s->d.ch), &count, sizeof(count)) < 0 ?
		       0 :
		       count;
}

static void test_silence(void **state)
{
	struct scene *s = scene_new("dev:do=silence,after=1,count=1,ms=300");
	uint64_t buf[64];
	struct vmbus_packet pkt;
	unsigned int i;

	(void)state;
	answer(s, 1);
	assert_int_equal(take(s), 1);
	woken(s);
	/* A request is taken up, and nobody can see it. */
	s->f->ram[9 * 4096 + 0] = RING_PKT_INBAND;
	s->f->ram[9 * 4096 + 2] = 2;
	s->f->ram[9 * 4096 + 4] = 2;
	s->out->write_index = 24;
	assert_int_equal(vmbus_chan_recv(s->d.ch, buf, sizeof(buf), &pkt), 1);
	answer(s, 2);
	answer(s, 3);
	assert_false(vmbus_chan_unmask(s->d.ch));
	assert_true(take(s) == ~0ull);
	assert_int_equal(s->out->read_index, 0);

	/* Its end wakes the server, whose flush has all come out. */
	for (i = 0; i < 5000 && !woken(s); i++)
		usleep(1000);
	vmbus_chan_flush(s->d.ch);
	assert_int_equal(take(s), 2);
	assert_int_equal(take(s), 3);
	assert_int_equal(s->out->read_index, 24);
	assert_int_equal(faults(s), 1);
	scene_free(s);
}

/* A channel that goes away while it is silent: nothing is left of it. */
static void test_silence_ends_with_channel(void **state)
{
	struct scene *s = scene_new("dev:do=silence,count=1,ms=600000");

	(void)state;
	answer(s, 1);
	assert_true(take(s) == ~0ull);
	scene_free(s);
}

/* Only answers to SCSI requests can claim such things; others don't count. */
static void test_claims(void **state)
{
	struct scene *s = scene_new("dev:do=transfer,after=1,count=1 "
				    "dev:do=sense,after=2,count=1");
	struct stor_pkt control = { .op = STOR_OP_COMPLETE_IO };

	(void)state;
	assert_int_equal(vmbus_chan_send(s->d.ch, RING_PKT_COMPLETION, 0, 9,
					 NULL, 0, &control, sizeof(control)),
			 0);
	answer(s, 1);
	assert_int_equal(take(s), 9);
	assert_int_equal(take(s), 1);
	assert_int_equal(packet(s)->u.srb.transfer_length, 512);

	answer(s, 2);
	assert_int_equal(take(s), 2);
	assert_true(packet(s)->u.srb.transfer_length > 1u << 30);
	assert_int_equal(packet(s)->u.srb.srb_status, STOR_SRB_SUCCESS);

	answer(s, 3);
	assert_int_equal(take(s), 3);
	assert_int_equal(packet(s)->u.srb.sense_length, 255);
	assert_int_equal(packet(s)->u.srb.scsi_status, 2);
	assert_true(packet(s)->u.srb.srb_status & STOR_SRB_AUTOSENSE);
	assert_int_equal(packet(s)->u.srb.u.sense[0], 0x70);

	answer(s, 4);
	assert_int_equal(take(s), 4);
	assert_int_equal(packet(s)->u.srb.transfer_length, 512);
	scene_free(s);
}

/* More than the ring holds: the rest comes as the child makes room. */
static void test_flood(void **state)
{
	struct scene *s = scene_new("dev:do=flood,times=500,count=1");
	unsigned int n = 0, turn;

	(void)state;
	answer(s, 7);
	assert_int_not_equal(s->in->pending_send, 0);
	for (turn = 0; turn < 100; turn++) {
		while (take(s) == 7)
			n++;
		assert_true(s->head.transaction == 7);
		vmbus_chan_flush(s->d.ch);
	}
	assert_int_equal(n, 501);
	answer(s, 8);
	assert_int_equal(take(s), 8);
	assert_int_equal(s->in->pending_send, 0);
	scene_free(s);
}

static void test_enumerate(void **state)
{
	struct scene *s = scene_new("dev:do=enumerate,times=3,count=1");
	unsigned int i;

	(void)state;
	answer(s, 7);
	assert_int_equal(take(s), 7);
	for (i = 0; i < 3; i++) {
		assert_int_equal(take(s), 0);
		assert_int_equal(s->head.type, RING_PKT_INBAND);
		assert_int_equal(packet(s)->op, STOR_OP_ENUMERATE_BUS);
	}
	assert_true(take(s) == ~0ull);
	scene_free(s);
}

/* What is owed to one opener is not given to the next. */
static void test_flood_ends_with_channel(void **state)
{
	struct scene *s = scene_new("dev:do=flood,times=500,count=1");

	(void)state;
	answer(s, 7);
	fake_relid(s->f, VMB_MSG_CLOSE, 1);
	fake_run(s->f);
	fake_teardown(s->f, 1, 0xE1E11);
	memset(s->in, 0, 4096);
	memset(s->out, 0, 4096);
	fake_open_chan(s->f, 1, 0);
	assert_int_equal(s->d.opens, 2);
	answer(s, 8);
	assert_int_equal(take(s), 8);
	assert_true(take(s) == ~0ull);
	scene_free(s);
}

/* A packet that has to wait for room is not counted, nor hit, twice. */
static void test_full(void **state)
{
	struct scene *s = scene_new("dev:do=repeat,after=46,count=1");
	struct stor_pkt pkt = { 0 };
	unsigned int i;

	(void)state;
	/* 46 packets of 88 bytes fit in 4096 less 8. */
	for (i = 0; i < 46; i++)
		assert_int_equal(vmbus_chan_send(s->d.ch, RING_PKT_COMPLETION,
						 0, i, NULL, 0, &pkt,
						 sizeof(pkt)),
				 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(vmbus_chan_send(s->d.ch, RING_PKT_COMPLETION,
						 0, 46, NULL, 0, &pkt,
						 sizeof(pkt)),
				 -EAGAIN);
	for (i = 0; i < 46; i++)
		assert_int_equal(take(s), i);
	/* The last before the ring was full had no room for two. */
	answer(s, 46);
	assert_int_equal(take(s), 46);
	assert_true(take(s) == ~0ull);
	answer(s, 47);
	assert_int_equal(take(s), 47);
	assert_int_equal(take(s), 47);
	assert_true(take(s) == ~0ull);
	assert_int_equal(faults(s), 1);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_others_are_left_alone),
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_indices),
		cmocka_unit_test(test_descriptor),
		cmocka_unit_test(test_extra),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_silence_ends_with_channel),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_enumerate),
		cmocka_unit_test(test_flood_ends_with_channel),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
