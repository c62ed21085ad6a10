// SPDX-License-Identifier: GPL-2.0
/*
 * netvsp, given any packets: a child sets its card up, or half of it, sends what
 * the input says, in packets that are well-formed or not, while frames come in
 * the other way, and closes.  No packet may be answered twice, no section of the
 * receive buffer may be lost, and everything must close.
 *
 * links: vsp vmbus backend mem util
 */
#include <stdbool.h>
#include <stdint.h>

#include "../unit/net_child.h"
#include "util/log.h"

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

#define PACKETS 48

/* How the packets of an input begin, then `len` bytes of it. */
struct piece {
	uint8_t kind;
	uint8_t type;
	uint8_t flags;
	uint8_t arg;
	uint16_t len;
};

enum { RAW, NVS, CONTROL, SECTION, DATA, FRAME, RETURN, KINDS };

/* Threads and rings are dear: kept as long as the channel is not rescinded. */
static bool made;

static void begin(void)
{
	static const struct netvsp_config cfg = { .processors = 2 };

	log_set_level(LOG_LEVEL_ERR);
	nc_create(&cfg, 1, 1500);
	made = true;
}

static void frame_in(const uint8_t *p, size_t len, uint8_t arg)
{
	struct virtio_net_hdr vh = { 0 };
	uint8_t f[2048];
	struct netvsp_info info;
	size_t n = len < sizeof(f) - 14 ? len : sizeof(f) - 14;

	netvsp_get_info(card, &info);
	memset(f, 0, 14);
	if (arg & 1)
		memcpy(f, info.mac, 6);
	else
		memset(f, 255, 6);
	f[12] = arg & 2 ? 0x86 : arg & 4 ? 0x81 : 8;
	f[13] = arg & 2 ? 0xdd : 0;
	memcpy(f + 14, p, n);
	if (arg & 8)
		vh.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (arg & 16)
		vh.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	nc_put(nc_net, 0, &vh, f, n + 14);
	nc_event(nc_net, 0, false);
}

static bool room(void)
{
	struct ring_ctl *r = chan->out;
	uint32_t read = __atomic_load_n(&r->read_index, __ATOMIC_ACQUIRE);

	return (read + RING_BYTES - r->write_index - 1) % RING_BYTES > 3000;
}

static void send_piece(const struct piece *p, uint64_t id, const uint8_t *in,
		       size_t len)
{
	struct nvs_msg m = { 0 };
	size_t header = p->arg / 16 * 8u;

	switch (p->kind % KINDS) {
	case RAW:
		if (header > len / 8 * 8)
			header = len / 8 * 8;
		/* Anything but transfer pages, which end it at once. */
		child_send(chan,
			   p->type & 1 ? RING_PKT_GPA_DIRECT : RING_PKT_INBAND,
			   p->flags, id, in, header, in + header, len - header);
		break;
	case NVS:
		memcpy(&m, in, len < sizeof(m) ? len : sizeof(m));
		m.type = p->type < 8 ? p->type : 100 + p->type % 40;
		if (p->arg & 1)
			m.u.buf.gpadl = NC_GPADL_RECV +
					(p->arg >> 1 & 1) *
						(NC_GPADL_SEND - NC_GPADL_RECV);
		child_send(chan, RING_PKT_INBAND, 1, id, NULL, 0, &m,
			   NVS_MSG_LEN);
		break;
	case CONTROL:
	case DATA:
		nc_gpa(chan, id, p->kind % KINDS == CONTROL, in, len,
		       p->arg * 8);
		break;
	case SECTION:
		nc_section(chan, id, p->arg % 17, p->arg % 17 < 16 ? in : NULL,
			   len, p->flags & 1 ? len + p->flags : len);
		break;
	case FRAME:
		frame_in(in, len, p->arg);
		break;
	case RETURN:
		nc_return(chan, p->arg | p->flags << 16);
		break;
	}
}

/* Take what is there; each id at most once; give back what was lent, mostly. */
static void take_all(uint64_t *seen, bool keep)
{
	struct nc_packet p;
	struct nc_xfer x;

	while (nc_take(chan, &p)) {
		if (p.head.type == RING_PKT_COMPLETION) {
			uint64_t id = p.head.transaction - 1;

			/* Those of the set-up are taken there. */
			if (id >= PACKETS)
				continue;
			CHECK(!(*seen >> id & 1));
			*seen |= 1ull << id;
		} else if (p.head.type == RING_PKT_XFER_PAGES && !keep &&
			   room()) {
			uint32_t count;

			memcpy(&count, p.header + 4, 4);
			CHECK(count >= 1 && count <= 64);
			x.id = p.head.transaction;
			nc_return(chan, x.id);
		}
	}
}

/* Not at all, as far as the buffers, or all of it. */
static void set_up(uint8_t how)
{
	nc_net->starts = 0;
	if (how == 1)
		CHECK(child_open(chan));
	else if (how == 2)
		nc_buffers(NVS_VERSION_6_1, 1514);
	else
		nc_ready(NVS_VERSION_6_1, 1514);
}

static void close_all(void)
{
	uint32_t relid = chan->offer.relid;
	unsigned int i;

	nc_teardown(relid, NC_GPADL_RECV);
	nc_teardown(relid, NC_GPADL_SEND);
	CHECK(child_close(chan));
	CHECK(nc_lent(0) == 0);
	/* Relids of sub-channels that were taken back are free again. */
	for (i = 1; i < CHILD_CHANS; i++)
		if (child->chan[i].child && !child->chan[i].offer.relid) {
			child->chan[i].child = NULL;
			child_relid(child, VMB_MSG_RELID_RELEASED, i);
		}
}

/* Whatever was sent, main was asked for each thing once. */
static void check_main(void)
{
	struct mailbox_stats stats;

	mailbox_get_stats(child->box, &stats);
	CHECK(stats.most_waiting <= 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	uint64_t seen = 0, id;
	uint8_t how = size ? in[0] : 0;

	if (!size)
		return 0;
	in++;
	size--;
	if (!made)
		begin();
	set_up(how & 3);
	for (id = 1; id <= PACKETS && size >= sizeof(struct piece); id++) {
		struct piece p;
		size_t len;

		memcpy(&p, in, sizeof(p));
		in += sizeof(p);
		size -= sizeof(p);
		len = p.len % 1500;
		if (len > size)
			len = size;
		if (!CHILD_UNTIL(child, room() || !chan->open))
			abort();
		if (!chan->open)
			break;
		send_piece(&p, id, in, len);
		in += len;
		size -= len;
		take_all(&seen, how & 4);
		child_poll(child, 0);
	}
	/* A last word, after which the rest has been looked at. */
	if (chan->open)
		CHILD_UNTIL(child,
			    (take_all(&seen, how & 4), !chan->open) ||
				    __atomic_load_n(&chan->out->read_index,
						    __ATOMIC_ACQUIRE) ==
					    chan->out->write_index);
	check_main();
	nc_net_clear(nc_net);
	if (chan->open) {
		close_all();
		return 0;
	}
	/* It went too far, and lost its card. */
	nc_end();
	made = false;
	return 0;
}
