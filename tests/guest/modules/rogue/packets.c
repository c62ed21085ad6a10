// SPDX-License-Identifier: GPL-2.0
/*
 * Acts upon an open channel. Some the root answers with an error; after others
 * nobody could know where the next packet starts, and the channel must go.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/string.h>

#include "rogue.h"

#define READ_10		0x28
#define BLOCK		512
#define MANY		1000

/* ---- answered with an error ---- */

static int refused(struct rogue *r, int err)
{
	if (err)
		return err;
	return r->answer.status ? 0 : -EIO;
}

static int wild_operations(struct rogue *r)
{
	static const u32 ops[] = { 0, STOR_OP_COMPLETE_IO, 99, U32_MAX };
	struct stor_pkt pkt = { };
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		pkt.op = ops[i];
		err = refused(r, rogue_chan_ask(r, RING_PKT_INBAND, NULL, 0,
						&pkt));
		if (err)
			return err;
	}
	return 0;
}

/* Steps of the set-up before its first one. */
static int out_of_order(struct rogue *r)
{
	struct stor_pkt pkt = { .op = STOR_OP_END_INIT };
	int err;

	err = refused(r, rogue_chan_ask(r, RING_PKT_INBAND, NULL, 0, &pkt));
	if (err)
		return err;
	pkt.op = STOR_OP_EXECUTE_SRB;
	err = refused(r, rogue_chan_ask(r, RING_PKT_INBAND, NULL, 0, &pkt));
	if (err)
		return err;
	pkt.op = STOR_OP_CREATE_SUBCHANNELS;
	pkt.u.sub_channels = U16_MAX;
	return refused(r, rogue_chan_ask(r, RING_PKT_INBAND, NULL, 0, &pkt));
}

static int too_many_sub_channels(struct rogue *r)
{
	struct stor_pkt pkt = { .op = STOR_OP_CREATE_SUBCHANNELS };
	int err;

	err = rogue_chan_init(r);
	if (err)
		return err;
	pkt.u.sub_channels = U16_MAX;
	return refused(r, rogue_chan_ask(r, RING_PKT_INBAND, NULL, 0, &pkt));
}

struct gpa_head {
	__u32 reserved;
	__u32 range_count;
	struct vmb_gpa_range range;
	__u64 pfn[2];
};

/* A read of @blocks blocks; its buffer has @room bytes, and claims @claim. */
static int read_into(struct rogue *r, u16 blocks, u32 room, u32 claim)
{
	struct gpa_head head = { .range_count = 1, .range.len = room };
	u64 pfn = virt_to_phys(r->data) >> HV_HYP_PAGE_SHIFT;
	u32 len = room > PAGE_SIZE ? sizeof(head) :
				     offsetof(struct gpa_head, pfn[1]);
	struct stor_pkt pkt = { .op = STOR_OP_EXECUTE_SRB };
	struct stor_srb *srb = &pkt.u.srb;

	head.pfn[0] = pfn;
	head.pfn[1] = pfn + 1;
	srb->length = sizeof(*srb);
	srb->cdb_length = 10;
	srb->sense_length = STOR_SENSE_MAX;
	srb->data_in = STOR_DATA_IN;
	srb->transfer_length = claim;
	srb->u.cdb[0] = READ_10;
	srb->u.cdb[7] = blocks >> 8;
	srb->u.cdb[8] = blocks;
	return rogue_chan_ask(r, RING_PKT_GPA_DIRECT, &head, len, &pkt);
}

/* What lies behind a buffer is as it was. */
static int untouched(const struct rogue *r, u32 from)
{
	return memchr_inv(r->data + from, ROGUE_FILL,
			  ROGUE_PAGES * PAGE_SIZE - from) ? -EFAULT : 0;
}

static int transfer_lies(struct rogue *r)
{
	int err;

	err = rogue_chan_init(r);
	if (!err)	/* a transfer longer than the buffer */
		err = refused(r, read_into(r, 8, BLOCK, 8 * BLOCK));
	if (!err)
		err = untouched(r, 0);
	if (!err)	/* 4 GiB */
		err = refused(r, read_into(r, 8, 2 * PAGE_SIZE, U32_MAX));
	if (!err)
		err = untouched(r, 0);
	if (!err)	/* a command that wants more than either */
		err = read_into(r, 64, BLOCK, BLOCK);
	if (!err)
		err = untouched(r, BLOCK);
	if (!err)	/* the truth, for comparison */
		err = read_into(r, 8, 8 * BLOCK, 8 * BLOCK);
	if (!err && (r->answer.status || !untouched(r, BLOCK)))
		err = -EIO;
	return err ? err : untouched(r, 8 * BLOCK);
}

/* Lengths and addresses of an SRB; each is answered, none does anything. */
static int srb_lies(struct rogue *r)
{
	struct stor_pkt pkt = { .op = STOR_OP_EXECUTE_SRB };
	struct stor_srb *srb = &pkt.u.srb;
	unsigned int i;
	int err;

	err = rogue_chan_init(r);
	for (i = 0; i < 6 && !err; i++) {
		memset(srb, 0, sizeof(*srb));
		srb->data_in = STOR_DATA_NONE;
		srb->cdb_length = 6;
		switch (i) {
		case 0:
			srb->cdb_length = 0;
			break;
		case 1:
			srb->cdb_length = 255;
			break;
		case 2:
			srb->data_in = 255;
			break;
		case 3:
			srb->lun = 255;
			break;
		case 4:
			srb->target = 255;
			srb->path = 255;
			break;
		case 5:		/* no such command, much room for sense */
			srb->u.cdb[0] = 0xff;
			srb->sense_length = 255;
			break;
		}
		err = refused(r, rogue_chan_ask(r, RING_PKT_INBAND, NULL, 0,
						&pkt));
		if (!err && r->answer.u.srb.sense_length > STOR_SENSE_MAX)
			err = -EOVERFLOW;
	}
	return err;
}

/* ---- the channel must go ---- */

static void publish(struct rogue *r, u32 index)
{
	WRITE_ONCE(r->ch->outbound.ring_buffer->write_index, index);
	/* Before the signal, which is to have the root look. */
	virt_mb();
	vmbus_setevent(r->ch);
}

static int write_index(struct rogue *r)
{
	publish(r, r->ch->outbound.ring_datasize + 64);
	return 0;
}

static int write_unaligned(struct rogue *r)
{
	publish(r, 13);
	return 0;
}

/*
 * The root looks there when it needs room for an answer: after so many that the
 * ring has been filled once.
 */
static int read_index(struct rogue *r)
{
	struct {
		struct ring_pkt desc;
		struct stor_pkt pkt;
		struct ring_trailer trailer;
	} packet = { };
	unsigned int i, wait;

	r->deaf = true;
	WRITE_ONCE(r->ch->inbound.ring_buffer->read_index,
		   r->ch->inbound.ring_datasize + 64);
	packet.desc.type = RING_PKT_INBAND;
	packet.desc.offset8 = sizeof(packet.desc) / 8;
	packet.desc.len8 = (sizeof(packet) - sizeof(packet.trailer)) / 8;
	packet.desc.flags = RING_PKT_FLAG_COMPLETION;
	packet.desc.transaction = 1;
	packet.pkt.op = STOR_OP_BEGIN_INIT;
	for (i = 0; i < MANY && !r->ch->rescind; i++) {
		rogue_chan_put(r, &packet, sizeof(packet));
		for (wait = 0; wait < MANY && !r->ch->rescind; wait++) {
			if (rogue_chan_taken(r))
				break;
			usleep_range(500, 1000);
		}
		if (wait == MANY)
			return -ETIMEDOUT;
	}
	return 0;
}

/* A packet of 96 bytes in the ring, whatever it says itself. */
static int claim(struct rogue *r, u16 type, u16 offset8, u16 len8)
{
	u8 bytes[96] = { };
	struct ring_pkt *desc = (struct ring_pkt *)bytes;

	desc->type = type;
	desc->offset8 = offset8;
	desc->len8 = len8;
	desc->flags = RING_PKT_FLAG_COMPLETION;
	desc->transaction = 1;
	rogue_chan_put(r, bytes, sizeof(bytes));
	return 0;
}

static int length_zero(struct rogue *r)
{
	return claim(r, RING_PKT_INBAND, 2, 0);
}

static int length_huge(struct rogue *r)
{
	return claim(r, RING_PKT_INBAND, 2, U16_MAX);
}

static int offset_beyond(struct rogue *r)
{
	return claim(r, RING_PKT_INBAND, 12, 11);
}

static int too_short(struct rogue *r)
{
	return claim(r, RING_PKT_INBAND, 10, 11);
}

static int wild_type(struct rogue *r)
{
	return claim(r, 0x55, 2, 11);
}

/* One of the root's own. */
static int wrong_type(struct rogue *r)
{
	return claim(r, RING_PKT_XFER_PAGES, 2, 11);
}

/* Ranges whose packet doesn't hold them. */
static int ranges(struct rogue *r, u32 count, u32 len)
{
	struct {
		struct ring_gpa_direct head;
		struct vmb_gpa_range range;
		__u64 pfn;
		struct stor_pkt pkt;
		struct ring_trailer trailer;
	} packet = { };
	int err;

	err = rogue_chan_init(r);
	if (err)
		return err;
	packet.head.pkt.type = RING_PKT_GPA_DIRECT;
	packet.head.pkt.offset8 = offsetof(typeof(packet), pkt) / 8;
	packet.head.pkt.len8 = offsetof(typeof(packet), trailer) / 8;
	packet.head.pkt.flags = RING_PKT_FLAG_COMPLETION;
	packet.head.pkt.transaction = ++r->id;
	packet.head.range_count = count;
	packet.range.len = len;
	packet.pfn = virt_to_phys(r->data) >> HV_HYP_PAGE_SHIFT;
	packet.pkt.op = STOR_OP_EXECUTE_SRB;
	packet.pkt.u.srb.cdb_length = 6;
	rogue_chan_put(r, &packet, sizeof(packet));
	return 0;
}

static int ranges_many(struct rogue *r)
{
	return ranges(r, U32_MAX, PAGE_SIZE);
}

static int ranges_long(struct rogue *r)
{
	return ranges(r, 1, U32_MAX);
}

static const struct act {
	const char *name;
	int (*fn)(struct rogue *r);
	bool gone;	/* the channel is, afterwards */
} acts[] = {
	{ "operations", wild_operations, false },
	{ "order", out_of_order, false },
	{ "sub-channels", too_many_sub_channels, false },
	{ "transfer", transfer_lies, false },
	{ "srb", srb_lies, false },
	{ "write-index", write_index, true },
	{ "write-unaligned", write_unaligned, true },
	{ "read-index", read_index, true },
	{ "length-zero", length_zero, true },
	{ "length-huge", length_huge, true },
	{ "offset", offset_beyond, true },
	{ "short", too_short, true },
	{ "type-wild", wild_type, true },
	{ "type-wrong", wrong_type, true },
	{ "ranges-many", ranges_many, true },
	{ "ranges-long", ranges_long, true },
};

int rogue_packets_act(struct rogue *r, const char *name)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(acts); i++) {
		if (strcmp(acts[i].name, name))
			continue;
		err = acts[i].fn(r);
		if (!err && acts[i].gone)
			err = rogue_chan_gone(r);
		return err;
	}
	return -EINVAL;
}
