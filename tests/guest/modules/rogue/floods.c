// SPDX-License-Identifier: GPL-2.0
/*
 * Floods: each kind of message and of packet, many times, as fast as the root takes
 * them. Nothing of it is malformed as such; what is looked at is what the root
 * makes of the amount.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "rogue.h"

#define MANY		1000
#define OWN		0xf0f0f0f0u	/* stands for our relid */
#define NEXT		0xf2f2f2f2u	/* for another number each time */
#define WAIT_MS		5000

struct flood {
	u32 size;
	u32 word[10];	/* the rest is zero */
};

static const struct flood floods[] = {
	{ 8, { 99 } },
	{ 8, { VMB_MSG_REQUEST_OFFERS } },
	{ 148, { VMB_MSG_OPEN, 0, OWN, 0, ROGUE_HANDLE } },
	{ 148, { VMB_MSG_OPEN, 0, NEXT } },
	{ 12, { VMB_MSG_CLOSE, 0, OWN } },
	{ 12, { VMB_MSG_CLOSE, 0, NEXT } },
	/* Lists of one page and unfinished ones, which then are taken back */
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, NEXT, 16 | 1 << 16, 4096, 0, 1 } },
	{ 16, { VMB_MSG_GPADL_TEARDOWN, 0, OWN, NEXT } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, NEXT, 0x8000 | 1 << 16,
		4095 * 4096, 0, 1 } },
	{ 16, { VMB_MSG_GPADL_BODY, 0, 0, NEXT } },
	{ 16, { VMB_MSG_GPADL_TEARDOWN, 0, OWN, NEXT } },
	{ 16, { VMB_MSG_MODIFY_CHANNEL, 0, OWN, 0 } },
	{ 12, { VMB_MSG_RELID_RELEASED, 0, NEXT } },
	{ 28, { VMB_MSG_OPEN_RESERVED, 0, NEXT } },
	{ 20, { VMB_MSG_CLOSE_RESERVED, 0, NEXT } },
	{ 40, { VMB_MSG_TL_CONNECT } },
};

static int say_flood(const struct flood *f, u32 own)
{
	u32 msg[VMB_MSG_MAX / 4], i, k;
	int err = 0;

	for (i = 0; i < MANY && !err; i++) {
		memset(msg, 0, sizeof(msg));
		memcpy(msg, f->word, sizeof(f->word));
		for (k = 2; k < 4; k++) {
			if (msg[k] == OWN)
				msg[k] = own;
			else if (msg[k] == NEXT)
				msg[k] = ROGUE_HANDLE + i;
		}
		err = rogue_posts_say(msg, f->size);
		cond_resched();
	}
	return err;
}

int rogue_floods_messages(struct rogue *r)
{
	u32 own = r->ch->offermsg.child_relid;
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(floods) && !err; i++)
		err = say_flood(&floods[i], own);
	return err ? err : i * MANY;
}

/* The connection comes and goes; the bus driver's is gone from here on. */
int rogue_floods_contacts(void)
{
	static const u32 unload[2] = { VMB_MSG_UNLOAD, 0 };
	struct vmb_initiate_contact m = {
		.hdr.type = VMB_MSG_INITIATE_CONTACT,
		.version = VMB_VERSION_4_0,
	};
	unsigned int i;
	int err = 0;

	for (i = 0; i < MANY && !err; i++) {
		err = rogue_posts_say(&m, sizeof(m));
		if (!err && i & 1)
			err = rogue_posts_say(unload, sizeof(unload));
		cond_resched();
	}
	return err ? err : i;
}

/* ---- packets ---- */

static int taken(struct rogue *r)
{
	unsigned int ms;

	for (ms = 0; !rogue_chan_taken(r); ms++) {
		if (r->ch->rescind)
			return -ENODEV;
		if (ms == WAIT_MS)
			return -ETIMEDOUT;
		usleep_range(500, 1000);
	}
	return 0;
}

static int packet_flood(struct rogue *r, u32 op)
{
	struct {
		struct ring_pkt desc;
		struct stor_pkt pkt;
		struct ring_trailer trailer;
	} packet = { };
	unsigned int i;
	int err = 0;

	packet.desc.type = RING_PKT_INBAND;
	packet.desc.offset8 = sizeof(packet.desc) / 8;
	packet.desc.len8 = (sizeof(packet) - sizeof(packet.trailer)) / 8;
	packet.desc.flags = RING_PKT_FLAG_COMPLETION;
	packet.pkt.op = op;
	/* An SRB of six zeroes is TEST UNIT READY. */
	packet.pkt.u.srb.length = sizeof(packet.pkt.u.srb);
	packet.pkt.u.srb.cdb_length = 6;
	packet.pkt.u.srb.data_in = STOR_DATA_NONE;
	for (i = 0; i < MANY && !err; i++) {
		packet.desc.transaction = ++r->id;
		rogue_chan_put(r, &packet, sizeof(packet));
		/* The ring has room for more than so many. */
		if (i % 64 == 63)
			err = taken(r);
		cond_resched();
	}
	return err ? err : taken(r);
}

int rogue_floods_packets(struct rogue *r)
{
	u32 op;
	int err = rogue_chan_init(r);

	for (op = 0; op <= STOR_OP_FCHBA_DATA + 1 && !err; op++)
		err = packet_flood(r, op);
	return err;
}
