// SPDX-License-Identifier: GPL-2.0
/*
 * A channel for packets made by hand. The root reads what is in the ring before
 * there is more, so that nothing is overwritten.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/string.h>

#include "rogue.h"

#define RING_BYTES	VMBUS_RING_SIZE(16 * 1024)
#define WAIT_SECONDS	10

static void heard(void *context)
{
	struct rogue *r = context;
	u8 buf[256];
	u32 len;
	u64 id;

	if (r->deaf)
		return;
	while (!vmbus_recvpacket(r->ch, buf, sizeof(buf), &len, &id) && len) {
		if (id == r->id && len >= sizeof(r->answer)) {
			memcpy(&r->answer, buf, sizeof(r->answer));
			complete(&r->answered);
		}
		/* The read index is out before the ring is looked at again:
		 * the root signals only when it saw the ring empty.
		 */
		virt_mb();
	}
}

int rogue_chan_open(struct rogue *r)
{
	memset(r->data, ROGUE_FILL, ROGUE_PAGES * PAGE_SIZE);
	r->id = 0;
	r->deaf = false;
	reinit_completion(&r->answered);
	/* The callback is called once for a signal, whatever it leaves. */
	set_channel_read_mode(r->ch, HV_CALL_DIRECT);
	return vmbus_open(r->ch, RING_BYTES, RING_BYTES, NULL, 0, heard, r);
}

void rogue_chan_close(struct rogue *r)
{
	vmbus_close(r->ch);
}

/* The root has had enough of the channel. */
int rogue_chan_gone(struct rogue *r)
{
	unsigned long deadline = jiffies + WAIT_SECONDS * HZ;

	while (!READ_ONCE(r->ch->rescind)) {
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
		msleep(20);
	}
	return 0;
}

/* Whether the root has read all that was put there. */
bool rogue_chan_taken(struct rogue *r)
{
	struct hv_ring_buffer *ring = r->ch->outbound.ring_buffer;

	return READ_ONCE(ring->read_index) == READ_ONCE(ring->write_index);
}

void rogue_chan_put(struct rogue *r, const void *bytes, u32 len)
{
	struct hv_ring_buffer *ring = r->ch->outbound.ring_buffer;
	u32 size = r->ch->outbound.ring_datasize;
	u32 at = READ_ONCE(ring->write_index);
	u32 first = min(len, size - at);

	memcpy(ring->buffer + at, bytes, first);
	memcpy(ring->buffer, bytes + first, len - first);
	/* The packet is there before the root can see its end. */
	virt_wmb();
	WRITE_ONCE(ring->write_index, (at + len) % size);
	/* And its end before the signal. */
	virt_mb();
	vmbus_setevent(r->ch);
}

/* Waits for the answer. @head stands between descriptor and payload. */
int rogue_chan_ask(struct rogue *r, u16 type, const void *head, u32 head_len,
		   const struct stor_pkt *pkt)
{
	struct {
		struct ring_pkt desc;
		u8 rest[256];
	} packet = { };
	u32 len = sizeof(packet.desc) + head_len + sizeof(*pkt);

	packet.desc.type = type;
	packet.desc.offset8 = (sizeof(packet.desc) + head_len) / 8;
	packet.desc.len8 = len / 8;
	packet.desc.flags = RING_PKT_FLAG_COMPLETION;
	packet.desc.transaction = ++r->id;
	memcpy(packet.rest, head, head_len);
	memcpy(packet.rest + head_len, pkt, sizeof(*pkt));
	reinit_completion(&r->answered);
	rogue_chan_put(r, &packet, len + sizeof(struct ring_trailer));
	if (!wait_for_completion_timeout(&r->answered, WAIT_SECONDS * HZ))
		return -ETIMEDOUT;
	return r->answer.op == STOR_OP_COMPLETE_IO ? 0 : -EPROTO;
}

/* As a driver does it, so that requests are taken. */
int rogue_chan_init(struct rogue *r)
{
	static const u8 steps[] = { STOR_OP_BEGIN_INIT, STOR_OP_QUERY_VERSION,
				    STOR_OP_QUERY_PROPERTIES,
				    STOR_OP_END_INIT };
	struct stor_pkt pkt;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		memset(&pkt, 0, sizeof(pkt));
		pkt.op = steps[i];
		pkt.flags = STOR_FLAG_COMPLETION;
		if (pkt.op == STOR_OP_QUERY_VERSION)
			pkt.u.version.major_minor = STOR_VERSION_6_2;
		err = rogue_chan_ask(r, RING_PKT_INBAND, NULL, 0, &pkt);
		if (err)
			return err;
		if (r->answer.status)
			return -EIO;
	}
	return 0;
}
