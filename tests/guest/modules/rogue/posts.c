// SPDX-License-Identifier: GPL-2.0
/*
 * Channel messages past the bus driver, which never says such things: so what
 * the root answers is news to it, and dropped. And hypercalls with wild input.
 */
#include <asm/mshyperv.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/string.h>

#include "hv/tlfs_reg.h"
#include "rogue.h"

/* Half a minute: the root takes more once 256 answers have been read. */
#define POST_TRIES	20000
#define FLOOD		5000

#define HANDLE		ROGUE_HANDLE

static struct tlfs_post_message *input;

int rogue_posts_init(void)
{
	input = (struct tlfs_post_message *)get_zeroed_page(GFP_KERNEL);
	return input ? 0 : -ENOMEM;
}

void rogue_posts_exit(void)
{
	free_page((unsigned long)input);
}

static u16 call(u64 control, void *in)
{
	return hv_do_hypercall(control, in, NULL) & HV_HYPERCALL_RESULT_MASK;
}

/* The hypercall's status. A full queue is no refusal. */
static u16 post(u32 connection, u32 type, const void *msg, u32 size)
{
	unsigned int tries;
	u16 status;

	for (tries = 0; tries < POST_TRIES; tries++) {
		memset(input, 0, sizeof(*input));
		input->connection = connection;
		input->type = type;
		input->size = size;
		memcpy(input->payload, msg, min_t(u32, size, TLFS_PAYLOAD_MAX));
		status = call(TLFS_CALL_POST_MESSAGE, input);
		if (status != TLFS_STATUS_NO_BUFFERS)
			return status;
		usleep_range(1000, 2000);
	}
	return status;
}

/* As a message of @size bytes on the port that the connection uses. */
int rogue_posts_say(const void *msg, u32 size)
{
	u16 status = post(VMB_PORT_MESSAGE, VMB_SYNIC_TYPE, msg, size);

	return status == TLFS_STATUS_SUCCESS ? 0 : -EIO;
}

/* ---- bad ones ---- */

/* Stand for a relid that is known only when they are sent. */
#define OWN	0xf0f0f0f0u
#define BUSY	0xf1f1f1f1u

struct bad {
	u32 size;
	u32 word[10];	/* the rest is zero */
};

static const struct bad bad[] = {
	/* No header; half of one */
	{ 0, { 0 } }, { 4, { VMB_MSG_UNLOAD } },
	/* Types that are none, or are for the child */
	{ 8, { 0 } }, { 8, { VMB_MSG_COUNT } }, { 8, { 99 } },
	{ 8, { U32_MAX } },
	{ 196, { VMB_MSG_OFFER } }, { 12, { VMB_MSG_RESCIND } },
	{ 8, { VMB_MSG_ALL_OFFERS } }, { 20, { VMB_MSG_OPEN_RESULT } },
	{ 20, { VMB_MSG_GPADL_CREATED } }, { 12, { VMB_MSG_GPADL_TORNDOWN } },
	{ 16, { VMB_MSG_VERSION_RESPONSE } }, { 8, { VMB_MSG_UNLOAD_RESPONSE } },
	{ 44, { VMB_MSG_TL_CONNECT_RESULT } },
	{ 16, { VMB_MSG_MODIFY_CHANNEL_RESP } },
	/* A byte too short */
	{ 147, { VMB_MSG_OPEN, 0, OWN } }, { 11, { VMB_MSG_CLOSE } },
	{ 19, { VMB_MSG_GPADL_HEADER, 0, OWN } }, { 15, { VMB_MSG_GPADL_BODY } },
	{ 15, { VMB_MSG_GPADL_TEARDOWN } }, { 11, { VMB_MSG_RELID_RELEASED } },
	{ 39, { VMB_MSG_INITIATE_CONTACT, 0, VMB_VERSION_5_3 } },
	{ 15, { VMB_MSG_MODIFY_CHANNEL } }, { 39, { VMB_MSG_TL_CONNECT } },
	/* Out of order, or about what there isn't */
	{ 8, { VMB_MSG_REQUEST_OFFERS } },
	{ 148, { VMB_MSG_OPEN, 0, 0 } }, { 148, { VMB_MSG_OPEN, 0, 2047 } },
	{ 148, { VMB_MSG_OPEN, 0, VMB_RELIDS } },
	{ 148, { VMB_MSG_OPEN, 0, U32_MAX } },
	{ 148, { VMB_MSG_OPEN, 0, OWN, 0, 0 } },
	{ 148, { VMB_MSG_OPEN, 0, OWN, 0, HANDLE } },
	{ 148, { VMB_MSG_OPEN, 0, BUSY } },
	{ 12, { VMB_MSG_CLOSE, 0, OWN } }, { 12, { VMB_MSG_CLOSE, 0, 2047 } },
	{ 12, { VMB_MSG_CLOSE, 0, U32_MAX } },
	{ 16, { VMB_MSG_MODIFY_CHANNEL, 0, OWN, 0 } },
	{ 16, { VMB_MSG_MODIFY_CHANNEL, 0, BUSY, 4096 } },
	{ 16, { VMB_MSG_MODIFY_CHANNEL, 0, VMB_RELIDS, 0 } },
	{ 12, { VMB_MSG_RELID_RELEASED, 0, 0 } },
	{ 12, { VMB_MSG_RELID_RELEASED, 0, 2047 } },
	{ 12, { VMB_MSG_RELID_RELEASED, 0, U32_MAX } },
	{ 12, { VMB_MSG_RELID_RELEASED, 0, BUSY } },
	{ 28, { VMB_MSG_OPEN_RESERVED, 0, OWN } },
	{ 20, { VMB_MSG_CLOSE_RESERVED, 0, OWN } },
	{ 16, { VMB_MSG_GPADL_BODY, 0, 0, HANDLE } },
	{ 16, { VMB_MSG_GPADL_TEARDOWN, 0, 2047, HANDLE } },
	/* GPADLs: ranges_len in the low half, range_count in the high one */
	{ 44, { VMB_MSG_GPADL_HEADER, 0, 2047, HANDLE, 16 | 1 << 16 } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 16 } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 12 | 1 << 16 } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 8 | 1 << 16 } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 0xfff8 | 0xffffu << 16 } },
	/* ... an empty range; one longer than its pages; than everything */
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 16 | 1 << 16, 0, 0, 1 } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 16 | 1 << 16, 8192, 0,
		1 } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 16 | 1 << 16, U32_MAX,
		U32_MAX, 1 } },
	/* ... more bytes than ranges; pages outside memory */
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 24 | 1 << 16, 4096, 0,
		1 } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 16 | 1 << 16, 4096, 0,
		0x7fffffff } },
	{ 44, { VMB_MSG_GPADL_HEADER, 0, OWN, HANDLE, 16 | 1 << 16, 4096, 0,
		U32_MAX, U32_MAX } },
};

static int say_bad(const struct bad *b, u32 own, u32 busy)
{
	u32 msg[VMB_MSG_MAX / 4] = { };

	memcpy(msg, b->word, sizeof(b->word));
	if (msg[2] == OWN)
		msg[2] = own;
	else if (msg[2] == BUSY)
		msg[2] = busy;
	return rogue_posts_say(msg, b->size);
}

/* One page, twice, under two handles: the root may not mind, or may refuse. */
static int overlapping(u32 own, u64 pfn, int *nbad)
{
	u32 header[] = { VMB_MSG_GPADL_HEADER, 0, own, HANDLE, 24 | 1 << 16,
			 8192, 0, pfn, pfn >> 32, pfn, pfn >> 32 };
	u32 body[] = { VMB_MSG_GPADL_BODY, 0, 1, HANDLE, 0, 0 };
	u32 teardown[] = { VMB_MSG_GPADL_TEARDOWN, 0, own, HANDLE };
	int err;

	err = rogue_posts_say(header, sizeof(header));
	if (!err)	/* the handle is in use */
		err = rogue_posts_say(header, sizeof(header));
	if (!err)	/* and waits for no more */
		err = rogue_posts_say(body, sizeof(body));
	teardown[2] = 2047;
	if (!err)	/* of another channel */
		err = rogue_posts_say(teardown, sizeof(teardown));
	*nbad += 3;
	header[3] = HANDLE + 1;
	if (!err)
		err = rogue_posts_say(header, sizeof(header));
	teardown[2] = own;
	if (!err)
		err = rogue_posts_say(teardown, sizeof(teardown));
	teardown[3] = HANDLE + 1;
	if (!err)
		err = rogue_posts_say(teardown, sizeof(teardown));
	return err;
}

/* Begun, and given up: no message of these is bad by itself. */
static int unfinished(u32 own, u64 pfn)
{
	u32 header[] = { VMB_MSG_GPADL_HEADER, 0, own, HANDLE, 0x8000 | 1 << 16,
			 4095 * 4096, 0, pfn, pfn >> 32 };
	u32 body[] = { VMB_MSG_GPADL_BODY, 0, 0x12345, HANDLE, pfn, pfn >> 32 };
	u32 teardown[] = { VMB_MSG_GPADL_TEARDOWN, 0, own, HANDLE };
	int err;

	err = rogue_posts_say(header, sizeof(header));
	if (!err)
		err = rogue_posts_say(body, sizeof(body));
	if (!err)
		err = rogue_posts_say(teardown, sizeof(teardown));
	return err;
}

/* Returns how many bad ones the root must have counted. */
int rogue_posts_messages(struct rogue *r, u32 busy_relid)
{
	u32 own = r->ch->offermsg.child_relid;
	u64 pfn = virt_to_phys(r->data) >> HV_HYP_PAGE_SHIFT;
	int err = 0, nbad = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad) && !err; i++) {
		err = say_bad(&bad[i], own, busy_relid);
		nbad++;
	}
	if (!err)
		err = overlapping(own, pfn, &nbad);
	if (!err)
		err = unfinished(own, pfn);
	return err ? err : nbad;
}

/*
 * A channel whose two rings are one page, four times over: whatever is written
 * there is index, packet and answer at once. The root may open that; it must not
 * take it for packets.
 */
int rogue_posts_one_ring(struct rogue *r)
{
	u32 own = r->ch->offermsg.child_relid;
	u64 pfn = virt_to_phys(r->data) >> HV_HYP_PAGE_SHIFT;
	u32 lo = pfn, hi = pfn >> 32;
	u32 header[] = { VMB_MSG_GPADL_HEADER, 0, own, HANDLE, 40 | 1 << 16,
			 4 * 4096, 0, lo, hi, lo, hi, lo, hi, lo, hi };
	struct vmb_open open = {
		.hdr.type = VMB_MSG_OPEN,
		.relid = own,
		.open_id = own,
		.gpadl = HANDLE,
		.target_vp = VMB_VP_NONE,
		.to_child_page = 2,
	};
	struct ring_ctl *ctl = (struct ring_ctl *)r->data;
	int err;

	memset(r->data, 0, PAGE_SIZE);
	err = rogue_posts_say(header, sizeof(header));
	if (!err)
		err = rogue_posts_say(&open, sizeof(open));
	if (err)
		return err;
	/* The answer goes to the bus driver, which has not asked. */
	msleep(500);
	WRITE_ONCE(ctl->write_index, 64);
	/* Before the signal, which is to have the root look. */
	virt_mb();
	vmbus_setevent(r->ch);
	return rogue_chan_gone(r);
}

int rogue_posts_flood(void)
{
	static const u32 msg[2] = { 99, 0 };
	unsigned int i;
	int err = 0;

	for (i = 0; i < FLOOD && !err; i++)
		err = rogue_posts_say(msg, sizeof(msg));
	return err ? err : FLOOD;
}

/* ---- hypercalls: each must be refused ---- */

int rogue_posts_hypercalls(void)
{
	static const u32 msg[2] = { 99, 0 };
	static const u32 ports[] = { 0, 2, 7, 0xffffff, 0x1000001, U32_MAX };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ports); i++)
		if (!post(ports[i], VMB_SYNIC_TYPE, msg, sizeof(msg)))
			return -EPROTO;
	if (!post(VMB_PORT_MESSAGE, 0, msg, sizeof(msg)) ||
	    !post(VMB_PORT_MESSAGE, 2, msg, sizeof(msg)) ||
	    !post(VMB_PORT_MESSAGE, BIT(31), msg, sizeof(msg)) ||
	    !post(VMB_PORT_MESSAGE, VMB_SYNIC_TYPE, msg, 241) ||
	    !post(VMB_PORT_MESSAGE, VMB_SYNIC_TYPE, msg, U32_MAX))
		return -EPROTO;
	/* Input that is not 8-byte aligned, crosses a page, isn't there. */
	if (!call(TLFS_CALL_POST_MESSAGE, (u8 *)input + 4) ||
	    !call(TLFS_CALL_POST_MESSAGE, (u8 *)input + PAGE_SIZE - 8) ||
	    !call(TLFS_CALL_POST_MESSAGE, __va(1ull << 45)) ||
	    !call(TLFS_CALL_POST_MESSAGE | TLFS_CALL_FAST, input))
		return -EPROTO;
	memset(input, 0xff, sizeof(*input));
	if (!call(TLFS_CALL_SIGNAL_EVENT, input) ||
	    !call(0x7fff, input) || !call(0, input))
		return -EPROTO;
	return 0;
}

/* ---- the connection, last of all ---- */

static int contact(u32 version, u32 vp, u32 word4, u64 to_child, u64 to_root)
{
	struct vmb_initiate_contact m = {
		.hdr.type = VMB_MSG_INITIATE_CONTACT,
		.version = version,
		.target_vp = vp,
		.sint = word4,
		.vtl = word4 >> 8,
		.monitor_to_child = to_child,
		.monitor_to_root = to_root,
	};
	u16 status = post(VMB_PORT_MULTI, VMB_SYNIC_TYPE, &m, sizeof(m));

	return status == TLFS_STATUS_SUCCESS ? 0 : -EIO;
}

/*
 * From here on the bus driver's connection is gone: the root has to take an
 * INITIATE_CONTACT for that of a new kernel. Then a new one, in the wrong
 * order, and an end, twice.
 */
int rogue_posts_contact(void)
{
	static const u32 offers[2] = { VMB_MSG_REQUEST_OFFERS, 0 };
	static const u32 unload[2] = { VMB_MSG_UNLOAD, 0 };
	u64 page = virt_to_phys(input);
	int err;

	err = contact(VMB_VERSION(9, 9), 0, VMB_SINT, 0, 0);
	if (!err)
		err = contact(VMB_VERSION_5_3, 4096, VMB_SINT, 0, 0);
	if (!err)
		err = contact(VMB_VERSION_5_3, 0, 255, 0, 0);
	if (!err)
		err = contact(VMB_VERSION_5_3, 0, VMB_SINT | 1 << 8, 0, 0);
	if (!err)
		err = contact(VMB_VERSION_5_3, 0, VMB_SINT, page, 0);
	if (!err)
		err = contact(VMB_VERSION_5_3, 0, VMB_SINT, 1ull << 45,
			      1ull << 45);
	if (!err)	/* on no connection */
		err = rogue_posts_say(offers, sizeof(offers));
	if (!err)
		err = rogue_posts_say(unload, sizeof(unload));
	if (!err)
		err = rogue_posts_say(unload, sizeof(unload));
	return err;
}
