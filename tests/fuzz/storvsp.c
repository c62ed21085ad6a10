// SPDX-License-Identifier: GPL-2.0
/*
 * storvsp, given any packets: a child opens the controller, sets it up or not,
 * sends what the input says on it, and closes it.  No request may be answered
 * twice, and everything must close.
 *
 * links: vsp vmbus backend mem util
 */
#include <stdbool.h>
#include <stdint.h>

#include "../unit/stor_child.h"
#include "util/log.h"
#include "vsp/storvsp.h"

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

#define PACKETS 64

/* How the packets of an input begin: kind and sizes, then bytes of both. */
struct piece {
	uint8_t kind; /* 0..3: well-formed request; else as it comes */
	uint8_t type;
	uint8_t flags;
	uint8_t header8; /* 8-byte units */
	uint8_t data_len;
};

static struct disk *new_disk(bool hang)
{
	struct disk_options opt = { .format = "null", .size = 1 << 20 };
	struct disk *d = NULL, *f = NULL;
	char why[200];

	CHECK(!disk_open(&opt, &d, why, sizeof(why)));
	if (!hang)
		return d;
	CHECK(!disk_fault_wrap(d, "err=hang,every=3", &f, why, sizeof(why)));
	return f;
}

static void send_request(struct child_chan *ch, uint64_t id, const uint8_t *p,
			 size_t len)
{
	struct child_srb s = { 0 };
	uint8_t b[32] = { 0 };

	memcpy(b, p, len < sizeof(b) ? len : sizeof(b));
	memcpy(s.cdb, b, 16);
	s.lun = b[16] & 0x83;
	s.path = b[17] & 1;
	s.target = b[17] >> 1 & 1;
	s.cdb_len = b[18];
	s.data_in = b[19] & 3;
	s.len = b[20] | b[21] << 8 | (b[22] & 31) << 16;
	s.buffer = b[23] & 1 ? s.len : (uint32_t)(b[24] | b[25] << 8);
	s.offset = b[26] << 4;
	s.page = b[27];
	s.scattered = b[28] & 1;
	if (s.buffer > 280 * 4096)
		s.buffer = 280 * 4096;
	child_srb_send(ch, id, &s);
}

static void send_all(struct child_chan *ch, const uint8_t *in, size_t len)
{
	uint64_t id;

	for (id = 1; id <= PACKETS && len >= sizeof(struct piece); id++) {
		struct piece p;
		size_t header, data;

		memcpy(&p, in, sizeof(p));
		in += sizeof(p);
		len -= sizeof(p);
		header = p.header8 * 8u < len ? p.header8 * 8u : len / 8 * 8;
		if (p.kind < 4)
			header = 0;
		data = p.data_len < len - header ? p.data_len : len - header;
		if (p.kind < 4)
			send_request(ch, id, in, data);
		else
			child_send(ch, p.type % 16, p.flags, id, in, header,
				   in + header, data);
		in += header + data;
		len -= header + data;
	}
}

/* Take what is there; each id at most once. */
static void take_all(struct child_chan *ch, uint64_t *seen)
{
	struct child_packet p;

	while (child_take(ch, &p)) {
		if (p.head.type != RING_PKT_COMPLETION)
			continue;
		CHECK(p.head.transaction >= 1 && p.head.transaction <= PACKETS);
		CHECK(!(*seen >> (p.head.transaction - 1) & 1));
		*seen |= 1ull << (p.head.transaction - 1);
	}
}

/* Threads and rings are dear: kept as long as the channel is not rescinded. */
static struct child *child;
static struct storvsp *stor;

static void begin(void)
{
	struct storvsp_config cfg = { .number = 1, .processors = 8 };

	log_set_level(LOG_LEVEL_ERR);
	child = child_new();
	CHECK(!storvsp_create(child->srv, &cfg, &stor));
	CHECK(storvsp_add(stor, -1, new_disk(false)) == 0);
	child_connect(child);
}

static void end(void)
{
	bool gone = false;

	storvsp_destroy(stor, child_flag, &gone);
	CHECK(CHILD_UNTIL(child, gone));
	child_free(child);
	child = NULL;
}

/* Whatever was sent, main was asked for each thing once. */
static void check_main(void)
{
	struct mailbox_stats stats;

	mailbox_get_stats(child->box, &stats);
	CHECK(stats.most_waiting <= 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct child_chan *ch;
	bool removed = false;
	uint64_t seen = 0;
	unsigned int i;

	if (len < 1)
		return 0;
	if (!child)
		begin();
	CHECK(storvsp_add(stor, 1, new_disk(in[0] & 2)) == 1);
	ch = child_find(child, 1, 0);
	CHECK(ch && child_open(ch));
	if (in[0] & 1)
		CHECK(child_init(ch));
	if (in[0] & 4)
		/* All at once. */
		ch->signal_fd = 0;
	send_all(ch, in + 1, len - 1);
	ch->signal_fd = child->fds[ch->offer.relid];
	child_ring_bell(ch);
	for (i = 0; i < 2 && ch->open; i++) {
		take_all(ch, &seen);
		child_poll(child, 1);
	}
	check_main();
	if (in[0] & 8)
		child_poll(child, 5);
	if (ch->open && in[0] & 16)
		CHECK(child_close(ch));
	CHECK(!storvsp_remove(stor, 1, child_flag, &removed));
	CHECK(CHILD_UNTIL(child, removed));
	if (ch->open)
		CHECK(child_close(ch));
	if (child->rescinds || !ch->offer.relid)
		end();
	return 0;
}
