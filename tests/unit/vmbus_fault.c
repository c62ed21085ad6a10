// SPDX-License-Identifier: GPL-2.0
/*
 * The fault filter: specifications, when a fault is due, and what the child
 * then finds in its ring or among its messages, byte by byte.
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
#include "vmbus/fault.h"
#include "vmbus_fake.h"

#define SIZE 4096u /* data bytes of each ring */

static char why[512];

struct scene {
	struct fake *f;
	struct fake_dev d;
	struct ring_ctl *out, *in; /* child to root, root to child */
	uint8_t *data;		   /* of `in` */
	struct ring_pkt head;	   /* of the packet taken last */
	uint8_t payload[512];
	uint32_t payload_len;
};

/* Faults, blanks between, and then a device "dev" which is open as relid 1. */
static struct scene *scene_new(const char *faults)
{
	struct scene *s = calloc(1, sizeof(*s));
	char copy[256], *save, *fault;

	log_set_level(LOG_LEVEL_ERR);
	s->f = fake_new(64, 0, 0);
	snprintf(copy, sizeof(copy), "%s", faults);
	for (fault = strtok_r(copy, " ", &save); fault;
	     fault = strtok_r(NULL, " ", &save))
		if (vmbus_fault_add(s->f->srv, fault, why, sizeof(why)))
			fail_msg("%s", why);
	fake_offer(s->f, &s->d, 1);
	fake_up(s->f);
	fake_open_chan(s->f, 1, 0);
	s->out = (struct ring_ctl *)(s->f->ram + 8 * 4096);
	s->in = (struct ring_ctl *)(s->f->ram + 10 * 4096);
	s->data = s->f->ram + 11 * 4096;
	return s;
}

static void scene_free(struct scene *s)
{
	fake_free(s->f);
	free(s);
}

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

static uint64_t faults(const struct scene *s)
{
	struct vmbus_server_stats stats;

	vmbus_server_get_stats(s->f->srv, &stats);
	return stats.faults;
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

/* ---- messages ---- */

/* The fault comes right behind the answer to a MODIFYCHANNEL. */
static struct fake_post *one_message(struct scene *s, uint32_t type)
{
	struct fake_post *p;

	s->f->taken = s->f->posted;
	fake_modify(s->f, 1, 1);
	assert_non_null(fake_take(s->f, VMB_MSG_MODIFY_CHANNEL_RESP));
	p = fake_take(s->f, type);
	assert_non_null(p);
	assert_int_equal(fake_left(s->f), 0);
	/* Once. */
	fake_modify(s->f, 1, 0);
	assert_non_null(fake_take(s->f, VMB_MSG_MODIFY_CHANNEL_RESP));
	assert_int_equal(fake_left(s->f), 0);
	return p;
}

/* VERSION_RESPONSE, OFFER, ALL_OFFERS, GPADL_CREATED, OPEN_RESULT come first. */
static struct scene *bus_scene(const char *what)
{
	char spec[80];

	snprintf(spec, sizeof(spec), "bus:do=%s,after=%d,count=1", what,
		 /* No offer is known while the version is being told. */
		 strncmp(what, "offer", 5) ? 5 : 4);
	return scene_new(spec);
}

static void test_offers(void **state)
{
	static const struct {
		const char *what;
		uint32_t relid;
		size_t len;
	} cases[] = {
		{ "offer-again", 1, sizeof(struct vmb_offer) },
		{ "offer-zero", 0, sizeof(struct vmb_offer) },
		{ "offer-beyond", VMB_RELIDS, sizeof(struct vmb_offer) },
		{ "offer-short", VMB_RELIDS - 1, sizeof(struct vmb_offer) - 4 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene *s = bus_scene(cases[i].what);
		struct fake_post *p = one_message(s, VMB_MSG_OFFER);

		assert_int_equal(p->offer.relid, cases[i].relid);
		assert_int_equal(p->len, cases[i].len);
		/* The device that is there, or another one. */
		assert_int_equal(p->offer.instance.b[0] == 1, !i);
		scene_free(s);
	}
}

/* The channel's own offer, the first time and not when it is offered anew. */
static void test_socket(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct vmbus_server_stats stats;
	struct fake_post *p = NULL;
	struct fake_dev d;
	unsigned int i, round;

	(void)state;
	log_set_level(LOG_LEVEL_ERR);
	assert_int_equal(vmbus_fault_add(f->srv, "dev:do=socket,count=1", why,
					 sizeof(why)),
			 0);
	fake_offer(f, &d, 1);
	for (round = 0; round < 2; round++) {
		fake_up(f);
		for (i = 0; i < f->posted; i++)
			if (f->post[i].hdr.type == VMB_MSG_OFFER)
				p = &f->post[i];
		assert_non_null(p);
		assert_int_equal(p->offer.flags & VMB_OFFER_TLNPI,
				 round ? 0 : VMB_OFFER_TLNPI);
		assert_int_equal(p->offer.type.b[0] == (5000 & 0xff) &&
					 p->offer.type.b[1] == 5000 >> 8,
				 !round);
		assert_int_equal(p->offer.user[4], !round);
		assert_int_equal(p->offer.instance.b[0], 1);
	}
	vmbus_server_get_stats(f->srv, &stats);
	assert_int_equal(stats.faults, 1);
	fake_free(f);
}

static void test_messages(void **state)
{
	static const struct {
		const char *what;
		uint32_t type;
		size_t len;
	} cases[] = {
		{ "rescind", VMB_MSG_RESCIND, 12 },
		{ "rescind-beyond", VMB_MSG_RESCIND, 12 },
		{ "open-result", VMB_MSG_OPEN_RESULT, 20 },
		{ "gpadl-created", VMB_MSG_GPADL_CREATED, 20 },
		{ "gpadl-torndown", VMB_MSG_GPADL_TORNDOWN, 12 },
		{ "unload-response", VMB_MSG_UNLOAD_RESPONSE, 8 },
		{ "type", 99, 8 },
		{ "short", VMB_MSG_RESCIND, 9 },
		{ "empty", 0, 1 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene *s = bus_scene(cases[i].what);
		struct fake_post *p = one_message(s, cases[i].type);

		assert_int_equal(p->len, cases[i].len);
		if (!strcmp(cases[i].what, "rescind"))
			assert_int_equal(p->relid.relid, VMB_RELIDS - 1);
		if (!strcmp(cases[i].what, "rescind-beyond"))
			assert_int_equal(p->relid.relid, VMB_RELIDS);
		assert_int_equal(faults(s), 1);
		scene_free(s);
	}
}

static void test_many_messages(void **state)
{
	struct scene *s = scene_new("bus:do=type,after=5,count=1,times=300");
	unsigned int n = 0;

	(void)state;
	s->f->taken = s->f->posted;
	fake_modify(s->f, 1, 1);
	assert_non_null(fake_take(s->f, VMB_MSG_MODIFY_CHANNEL_RESP));
	while (fake_take(s->f, 99))
		n++;
	assert_int_equal(n, 300);
	assert_int_equal(fake_left(s->f), 0);
	scene_free(s);
}

/* Device, sub-channel, and neither; each round others. */
static void test_orphans(void **state)
{
	struct scene *s = scene_new("bus:do=orphan,after=4,count=1,times=12");
	struct fake_post *p;
	struct guid_reg type;
	uint32_t relid;
	unsigned int n;

	(void)state;
	s->f->taken = s->f->posted;
	fake_modify(s->f, 1, 1);
	assert_non_null(fake_take(s->f, VMB_MSG_MODIFY_CHANNEL_RESP));
	for (n = 0; n < 3; n++) {
		struct guid_reg instance;

		p = fake_take(s->f, VMB_MSG_OFFER);
		assert_non_null(p);
		relid = p->offer.relid;
		type = p->offer.type;
		instance = p->offer.instance;
		assert_int_equal(relid, VMB_RELIDS - 2 - 2 * n);
		assert_int_equal(instance.b[0], n);
		assert_int_equal(p->offer.sub_index, 0);
		p = fake_take(s->f, VMB_MSG_OFFER);
		assert_non_null(p);
		assert_int_equal(p->offer.relid, relid - 1);
		assert_int_equal(p->offer.sub_index, 1);
		assert_memory_equal(&p->offer.type, &type, sizeof(type));
		assert_memory_equal(&p->offer.instance, &instance,
				    sizeof(instance));
		p = fake_take(s->f, VMB_MSG_RESCIND);
		assert_non_null(p);
		assert_int_equal(p->relid.relid, relid);
		p = fake_take(s->f, VMB_MSG_RESCIND);
		assert_non_null(p);
		assert_int_equal(p->relid.relid, relid - 1);
	}
	assert_int_equal(fake_left(s->f), 0);
	scene_free(s);
}

/* Makes two GPADLs and takes them back; what of both is answered at once. */
static void two_gpadls(struct scene *s, const char *answers)
{
	char got[5] = "";
	size_t n = 0;

	fake_gpadl_at(s->f, 1, 77, 30, 1);
	fake_gpadl_at(s->f, 1, 78, 31, 1);
	fake_teardown(s->f, 1, 77);
	fake_teardown(s->f, 1, 78);
	while (fake_left(s->f)) {
		if (fake_take(s->f, VMB_MSG_GPADL_CREATED))
			got[n++] = 'c';
		else if (fake_take(s->f, VMB_MSG_GPADL_TORNDOWN))
			got[n++] = 't';
		else
			fail();
		assert_true(n < sizeof(got));
	}
	assert_string_equal(got, answers);
}

static void test_lost(void **state)
{
	struct scene *s = scene_new("bus:do=torndown-lost,count=1 "
				    "bus:do=created-lost,after=2,count=1");

	(void)state;
	s->f->taken = s->f->posted;
	/* One for the rings has gone before. */
	two_gpadls(s, "ct");
	assert_int_equal(faults(s), 2);
	assert_int_equal(s->f->nlate, 0);
	scene_free(s);
}

static void test_late(void **state)
{
	struct scene *s = scene_new("bus:do=torndown-late,ms=70,after=1 "
				    "bus:do=created-late,after=2,count=1");
	struct fake_post *p;

	(void)state;
	s->f->taken = s->f->posted;
	two_gpadls(s, "ct");
	assert_int_equal(s->f->nlate, 2);
	assert_int_equal(s->f->late[0].ms, 5000);
	assert_int_equal(s->f->late[1].ms, 70);

	s->f->late[1].fn(s->f->late[1].arg);
	p = fake_take(s->f, VMB_MSG_GPADL_TORNDOWN);
	assert_non_null(p);
	assert_int_equal(p->torndown.gpadl, 78);
	s->f->late[0].fn(s->f->late[0].arg);
	p = fake_take(s->f, VMB_MSG_GPADL_CREATED);
	assert_non_null(p);
	assert_int_equal(p->created.gpadl, 78);
	assert_int_equal(fake_left(s->f), 0);
	scene_free(s);
}

/* What is late when the connection ends doesn't come; nor does it leak. */
static void test_late_ends_with_connection(void **state)
{
	struct scene *s = scene_new("bus:do=torndown-late");

	(void)state;
	s->f->taken = s->f->posted;
	two_gpadls(s, "cc");
	assert_int_equal(s->f->nlate, 2);
	fake_simple(s->f, VMB_MSG_UNLOAD);
	fake_run(s->f);
	assert_non_null(fake_take(s->f, VMB_MSG_UNLOAD_RESPONSE));
	s->f->late[0].fn(s->f->late[0].arg);
	assert_int_equal(fake_left(s->f), 0);
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
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_many_messages),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_late_ends_with_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
