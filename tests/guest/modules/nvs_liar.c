// SPDX-License-Identifier: GPL-2.0
/*
 * A child that breaks every rule of NVSP and RNDIS: it binds to network cards
 * in the place of hv_netvsc and posts what no driver would: of the kinds of lies
 * below the one whose number it is told.  What the root side makes of it is for
 * the test to see; it may take the channel away.
 *
 * Or else (flood=1) nothing is a lie, but each message comes many times.
 *
 * Loading takes as long as that, and fails with -ERANGE when there is no such
 * kind, with -EIO if the channel could not be opened or what was true was
 * refused.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hyperv.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "hv/nvs_reg.h"
#include "hv/rndis_reg.h"

#define RING_BYTES	(64 * PAGE_SIZE)
#define RECV_BYTES	(256 * PAGE_SIZE)
#define SEND_BYTES	(64 * PAGE_SIZE)
#define ANSWER_MAX	512
#define ANSWER_TIMEOUT	msecs_to_jiffies(3000)
#define GRACE_MS	30	/* in which the root looks at what it got */

static unsigned int lie;
module_param(lie, uint, 0444);
MODULE_PARM_DESC(lie, "number of the kind of lies, from 0");

static unsigned int rounds = 200;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "packets of random bytes, of each kind; of floods");

static bool flood;
module_param(flood, bool, 0444);
MODULE_PARM_DESC(flood, "no lies, but each message again and again");

struct liar {
	struct vmbus_channel *ch;
	struct completion answered;
	u32 answer_len;
	u8 answer[ANSWER_MAX];
	void *recv, *send;
	struct vmbus_gpadl recv_gpadl, send_gpadl;
	u32 section_size;
	u64 seq;
};

/* ---- the channel ---- */

/* Takes everything; completions of type 11 are what exchange() waits for. */
static void liar_event(void *context)
{
	struct liar *l = context;
	u32 len;
	u64 id;

	for (;;) {
		static u8 packet[4096];
		struct vmpacket_descriptor *desc = (void *)packet;
		u32 at;

		if (vmbus_recvpacket_raw(l->ch, packet, sizeof(packet), &len,
					 &id) || !len)
			return;
		at = desc->offset8 << 3;
		if (flood && desc->type == VM_PKT_DATA_USING_XFER_PAGES) {
			u32 done[2] = { NVS_RNDIS_DONE, NVS_STATUS_OK };

			/* Without room for it the section is lost to us. */
			vmbus_sendpacket(l->ch, done, sizeof(done), id,
					 VM_PKT_COMP, 0);
		}
		if (desc->type != VM_PKT_COMP || at >= len)
			continue;
		l->answer_len = min_t(u32, len - at, sizeof(l->answer));
		memcpy(l->answer, packet + at, l->answer_len);
		complete(&l->answered);
	}
}

static int open_channel(struct liar *l)
{
	init_completion(&l->answered);
	return vmbus_open(l->ch, RING_BYTES, RING_BYTES, NULL, 0, liar_event,
			  l);
}

static void post(struct liar *l, const void *data, u32 len,
		 enum vmbus_packet_type type, u32 flags)
{
	unsigned int tries = 100;

	while (vmbus_sendpacket(l->ch, (void *)data, len, ++l->seq, type,
				flags) == -EAGAIN && tries--)
		usleep_range(1000, 2000);
}

static void post_msg(struct liar *l, const struct nvs_msg *msg)
{
	post(l, msg, sizeof(*msg), VM_PKT_DATA_INBAND,
	     VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED);
}

/* An honest request: 0 if the answer came. */
static int exchange(struct liar *l, const struct nvs_msg *msg,
		    struct nvs_msg *answer)
{
	reinit_completion(&l->answered);
	post_msg(l, msg);
	if (!wait_for_completion_timeout(&l->answered, ANSWER_TIMEOUT))
		return -ETIMEDOUT;
	memset(answer, 0, sizeof(*answer));
	memcpy(answer, l->answer, min_t(u32, l->answer_len, sizeof(*answer)));
	return 0;
}

static int say_init(struct liar *l)
{
	struct nvs_msg msg = { .type = NVS_INIT }, answer;

	msg.u.init.min_version = NVS_VERSION_6_1;
	msg.u.init.max_version = NVS_VERSION_6_1;
	if (exchange(l, &msg, &answer) || answer.type != NVS_INIT_DONE)
		return -EPROTO;
	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_NDIS_CONFIG;
	msg.u.ndis_config.mtu = 1514;
	post(l, &msg, sizeof(msg), VM_PKT_DATA_INBAND, 0);
	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_NDIS_VERSION;
	msg.u.ndis_version.major = 6;
	msg.u.ndis_version.minor = 30;
	post(l, &msg, sizeof(msg), VM_PKT_DATA_INBAND, 0);
	return 0;
}

static int share(struct liar *l)
{
	struct nvs_msg msg = { .type = NVS_RECV_BUF }, answer;

	msg.u.buf.gpadl = l->recv_gpadl.gpadl_handle;
	msg.u.buf.id = NVS_RECV_BUF_ID;
	if (exchange(l, &msg, &answer) || answer.type != NVS_RECV_BUF_DONE)
		return -EPROTO;
	msg.type = NVS_SEND_BUF;
	msg.u.buf.gpadl = l->send_gpadl.gpadl_handle;
	msg.u.buf.id = NVS_SEND_BUF_ID;
	if (exchange(l, &msg, &answer) || answer.type != NVS_SEND_BUF_DONE)
		return -EPROTO;
	l->section_size = answer.u.send_buf_done.section_size;
	return l->section_size && l->section_size <= SEND_BYTES ? 0 : -EPROTO;
}

/* ---- RNDIS through section 0 ---- */

static void post_section(struct liar *l, u32 channel_type, u32 section, u32 len)
{
	struct nvs_msg msg = { .type = NVS_RNDIS };

	msg.u.rndis.channel = channel_type;
	msg.u.rndis.section = section;
	msg.u.rndis.section_len = len;
	post_msg(l, &msg);
}

/* A frame of 60 bytes to everybody, with one piece of per-packet information. */
static struct rndis_packet *sound_packet(struct liar *l, u32 ppi_type,
					 u32 value)
{
	struct rndis_packet *p = l->send;
	struct rndis_ppi *ppi = (void *)(p + 1);
	u8 *frame = (u8 *)(ppi + 1) + 4;

	memset(p, 0, 256);
	p->type = RNDIS_PACKET;
	p->len = sizeof(*p) + 16 + 60;
	p->data_offset = sizeof(*p) + 16 - RNDIS_OFFSET_BASE;
	p->data_len = 60;
	p->ppi_offset = RNDIS_PACKET_PPI_OFFSET;
	p->ppi_len = 16;
	ppi->size = 16;
	ppi->type = ppi_type;
	ppi->offset = sizeof(*ppi);
	*(u32 *)(ppi + 1) = value;
	memset(frame, 0xff, 6);
	frame[12] = 0x08;
	frame[14] = 0x45;
	return p;
}

static void post_packet(struct liar *l, struct rndis_packet *p, u32 len)
{
	post_section(l, NVS_CHANNEL_DATA, 0, len);
	/* It is read before the next one is written there. */
	msleep(GRACE_MS);
}

static void lie_packet(struct liar *l)
{
	static const struct {
		size_t offset;
		u32 value;
	} lies[] = {
		{ offsetof(struct rndis_packet, len), 0 },
		{ offsetof(struct rndis_packet, len), 8 },
		{ offsetof(struct rndis_packet, len), 43 },
		{ offsetof(struct rndis_packet, len), 0xffffffff },
		{ offsetof(struct rndis_packet, len), 100000 },
		{ offsetof(struct rndis_packet, type), 0 },
		{ offsetof(struct rndis_packet, type), 0x99 },
		{ offsetof(struct rndis_packet, data_offset), 0 },
		{ offsetof(struct rndis_packet, data_offset), 0xffffffff },
		{ offsetof(struct rndis_packet, data_offset), 0xfffffff8 },
		{ offsetof(struct rndis_packet, data_offset), 0x7fffffff },
		{ offsetof(struct rndis_packet, data_len), 0 },
		{ offsetof(struct rndis_packet, data_len), 13 },
		{ offsetof(struct rndis_packet, data_len), 0xffffffff },
		{ offsetof(struct rndis_packet, data_len), 0xffffffb4 },
		{ offsetof(struct rndis_packet, oob_offset), 0xffffffff },
		{ offsetof(struct rndis_packet, ppi_offset), 0xffffffff },
		{ offsetof(struct rndis_packet, ppi_offset), 4 },
		{ offsetof(struct rndis_packet, ppi_len), 0xffffffff },
		{ offsetof(struct rndis_packet, ppi_len), 0 },
		{ offsetof(struct rndis_packet, ppi_len), 11 },
		/* the chain's first link */
		{ sizeof(struct rndis_packet), 0 },
		{ sizeof(struct rndis_packet), 4 },
		{ sizeof(struct rndis_packet), 0xffffffff },
		{ sizeof(struct rndis_packet), 17 },
		{ sizeof(struct rndis_packet) + 8, 0xffffffff },
		{ sizeof(struct rndis_packet) + 8, 0 },
		{ sizeof(struct rndis_packet) + 8, 15 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		struct rndis_packet *p =
			sound_packet(l, RNDIS_PPI_8021Q, 0x50);

		*(u32 *)((u8 *)p + lies[i].offset) = lies[i].value;
		post_packet(l, p, sizeof(*p) + 76);
	}
}

/* Offloads that the frame has no room for, or that make no sense. */
static void lie_offload(struct liar *l)
{
	static const u32 lso[] = {
		0, 0xffffffff, RNDIS_LSO_V2, RNDIS_LSO_V2 | 1,
		RNDIS_LSO_V2 | 1448 | 0x3ffu << RNDIS_LSO_TCP_OFFSET_SHIFT,
		RNDIS_LSO_V2 | 1448 | 50u << RNDIS_LSO_TCP_OFFSET_SHIFT,
		RNDIS_LSO_V2 | RNDIS_LSO_V2_IPV6 | 1448 |
			54u << RNDIS_LSO_TCP_OFFSET_SHIFT,
		1448 | 34u << RNDIS_LSO_TCP_OFFSET_SHIFT,
	};
	static const u32 csum[] = {
		0xffffffff, RNDIS_CSUM_TX_TCP,
		RNDIS_CSUM_TX_IPV4 | RNDIS_CSUM_TX_TCP | 0x3ffu << 16,
		RNDIS_CSUM_TX_IPV4 | RNDIS_CSUM_TX_UDP | 58u << 16,
		RNDIS_CSUM_TX_IPV6 | RNDIS_CSUM_TX_TCP | RNDIS_CSUM_TX_UDP,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lso); i++)
		post_packet(l, sound_packet(l, RNDIS_PPI_LSO, lso[i]),
			    sizeof(struct rndis_packet) + 76);
	for (i = 0; i < ARRAY_SIZE(csum); i++)
		post_packet(l, sound_packet(l, RNDIS_PPI_CHECKSUM, csum[i]),
			    sizeof(struct rndis_packet) + 76);
}

static void lie_section(struct liar *l)
{
	u32 beyond = SEND_BYTES / l->section_size;

	sound_packet(l, RNDIS_PPI_8021Q, 0x50);
	post_section(l, NVS_CHANNEL_DATA, 0, 0);
	post_section(l, NVS_CHANNEL_DATA, 0, 43);
	post_section(l, NVS_CHANNEL_DATA, 0, 0xffffffff);
	post_section(l, NVS_CHANNEL_DATA, 0, l->section_size + 1);
	post_section(l, NVS_CHANNEL_DATA, beyond, 120);
	post_section(l, NVS_CHANNEL_DATA, 0xfffffffe, 120);
	post_section(l, NVS_CHANNEL_DATA, 0x80000000u, 0x80000000u);
	post_section(l, NVS_CHANNEL_DATA, NVS_NO_SECTION, 0);
	post_section(l, NVS_CHANNEL_DATA, NVS_NO_SECTION, 120);
	post_section(l, 7, 0, 120);
	post_section(l, NVS_CHANNEL_CONTROL, 0, 120);
}

static void lie_control(struct liar *l)
{
	static const u32 types[] = {
		0, RNDIS_PACKET, RNDIS_INITIALIZE, RNDIS_HALT, RNDIS_QUERY,
		RNDIS_SET, RNDIS_RESET, RNDIS_INDICATE, RNDIS_KEEPALIVE,
		RNDIS_SET_EX, RNDIS_QUERY_C, RNDIS_INITIALIZE_C, 0xffffffff,
	};
	static const u32 lengths[] = { 0, 8, 12, 27, 28, 200, 0xffffffff };
	static const u32 oids[] = {
		RNDIS_OID_PACKET_FILTER, RNDIS_OID_RSS_PARAMS,
		RNDIS_OID_OFFLOAD_PARAMS, RNDIS_OID_CONFIG_PARAMETER,
		RNDIS_OID_MULTICAST_LIST, RNDIS_OID_OFFLOAD_CAPS, 0x12345678,
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		for (k = 0; k < ARRAY_SIZE(lengths); k++) {
			struct rndis_header *h = l->send;

			get_random_bytes(h, 256);
			h->type = types[i];
			h->len = lengths[k];
			post_section(l, NVS_CHANNEL_CONTROL, 0, 200);
			usleep_range(2000, 3000);
		}
	for (i = 0; i < ARRAY_SIZE(oids); i++)
		for (k = 0; k < 8; k++) {
			u32 *w = l->send;

			/* Random contents, and offsets that may be sound. */
			get_random_bytes(w, 256);
			w[0] = k & 1 ? RNDIS_QUERY : RNDIS_SET;
			w[1] = 200;
			w[3] = oids[i];
			if (k & 2)
				w[4] = 172;
			if (k & 4)
				w[5] = RNDIS_QUERY_INFO_OFFSET;
			post_section(l, NVS_CHANNEL_CONTROL, 0, 200);
			usleep_range(2000, 3000);
		}
}

/* ---- everything else ---- */

static void lie_pages(struct liar *l)
{
	static const struct {
		u32 len, offset;
		u64 pfn;
	} lies[] = {
		{ 60, 0, ~0ull },
		{ 60, 0, 1ull << 40 },
		{ 0xffffffff, 0, 100 },
		{ 60, 0xffffffff, 100 },
		{ 0, 0, 100 },
		{ PAGE_SIZE, 4000, 100 },
	};
	struct {
		struct vmbus_packet_mpb_array head;
		u64 pfn;
	} desc;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		struct nvs_msg msg = { .type = NVS_RNDIS };

		memset(&desc, 0, sizeof(desc));
		desc.head.rangecount = 1;
		desc.head.range.len = lies[i].len;
		desc.head.range.offset = lies[i].offset;
		desc.pfn = lies[i].pfn;
		msg.u.rndis.channel = i & 1;
		msg.u.rndis.section = NVS_NO_SECTION;
		vmbus_sendpacket_mpb_desc(l->ch, &desc.head, sizeof(desc), &msg,
					  sizeof(msg), ++l->seq);
	}
}

/* Messages at the wrong time, of buffers nobody shared, with wild counts. */
static void lie_order(struct liar *l)
{
	struct nvs_msg msg = { .type = NVS_RECV_BUF };
	static const u32 counts[] = { 0, 1, 65, 0xffffffff };
	unsigned int i;

	msg.u.buf.gpadl = 0xdeadbeef;
	msg.u.buf.id = NVS_RECV_BUF_ID;
	post_msg(l, &msg);
	msg.type = NVS_SEND_BUF;
	post_msg(l, &msg);
	msg.type = NVS_REVOKE_RECV_BUF;
	post_msg(l, &msg);
	msg.type = NVS_REVOKE_SEND_BUF;
	post_msg(l, &msg);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		memset(&msg, 0, sizeof(msg));
		msg.type = NVS_SUBCHANNEL;
		msg.u.subchannel.op = i ? NVS_SUBCHANNEL_ALLOCATE : 77;
		msg.u.subchannel.count = counts[i];
		post_msg(l, &msg);
	}
	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_INIT;
	msg.u.init.min_version = 0xffffffff;
	post_msg(l, &msg);
	msg.type = NVS_SWITCH_DATA_PATH;
	msg.u.path = 99;
	post_msg(l, &msg);
}

static void lie_random(struct liar *l)
{
	static const enum vmbus_packet_type types[] = {
		VM_PKT_DATA_INBAND, VM_PKT_DATA_USING_XFER_PAGES,
		VM_PKT_DATA_USING_GPADL, VM_PKT_DATA_USING_GPA_DIRECT,
		VM_PKT_COMP, VM_PKT_CANCEL_REQUEST,
	};
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(types); k++)
		for (i = 0; i < rounds; i++) {
			u32 words[64];
			u32 len = get_random_u32() % sizeof(words);

			get_random_bytes(words, sizeof(words));
			/* Half of them have a type there is. */
			if (i & 1)
				words[0] = NVS_INIT_DONE +
					   get_random_u32() % 36;
			if (i & 2)
				words[0] += 99;
			post(l, words, len, types[k], i & 1);
		}
}

/* ---- floods ---- */

/* Each type of message, with nothing in it: the answers are taken as they come. */
static void flood_messages(struct liar *l)
{
	static const u32 types[] = {
		NVS_NONE, NVS_INIT, NVS_NDIS_VERSION, NVS_RECV_BUF,
		NVS_REVOKE_RECV_BUF, NVS_SEND_BUF, NVS_REVOKE_SEND_BUF,
		NVS_RNDIS_DONE, NVS_NDIS_CONFIG, NVS_SWITCH_DATA_PATH,
		NVS_OID_QUERY_EX, NVS_SUBCHANNEL, NVS_SEND_TABLE, 0xffffffff,
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		for (k = 0; k < rounds; k++) {
			struct nvs_msg msg = { .type = types[i] };

			post_msg(l, &msg);
		}
}

/* Taken back, shared again, taken back ... without a look at the answers. */
static void flood_buffers(struct liar *l)
{
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		struct nvs_msg msg = { .type = NVS_REVOKE_RECV_BUF };

		msg.u.revoke.id = NVS_RECV_BUF_ID;
		post_msg(l, &msg);
		msg.type = NVS_RECV_BUF;
		msg.u.buf.gpadl = l->recv_gpadl.gpadl_handle;
		msg.u.buf.id = NVS_RECV_BUF_ID;
		post_msg(l, &msg);
		memset(&msg.u, 0, sizeof(msg.u));
		msg.type = NVS_REVOKE_SEND_BUF;
		post_msg(l, &msg);
		msg.type = NVS_SEND_BUF;
		msg.u.buf.gpadl = l->send_gpadl.gpadl_handle;
		post_msg(l, &msg);
	}
}

/* One at a time: who takes no answers loses the channel. */
static void ask(struct liar *l, const void *msg, u32 len)
{
	memcpy(l->send, msg, len);
	reinit_completion(&l->answered);
	post_section(l, NVS_CHANNEL_CONTROL, 0, len);
	wait_for_completion_timeout(&l->answered, ANSWER_TIMEOUT);
}

static void ask_set(struct liar *l, u32 oid, const void *info, u32 len)
{
	u8 buf[600] = { };
	struct rndis_query *m = (void *)buf;

	m->type = RNDIS_SET;
	m->len = sizeof(*m) + len;
	m->oid = oid;
	m->info_len = len;
	m->info_offset = RNDIS_QUERY_INFO_OFFSET;
	memcpy(m + 1, info, len);
	ask(l, buf, m->len);
}

static void flood_settings(struct liar *l)
{
	struct {
		struct ndis_rss_params p;
		u32 table[16];
		u8 key[NDIS_RSS_KEY_LEN];
	} rss = { .p = { .header = { NDIS_OBJECT_RSS_PARAMS, 2, 40 } } };
	struct ndis_offload_params off = {
		.header = { NDIS_OBJECT_DEFAULT, 3, sizeof(off) }
	};
	unsigned int i;

	rss.p.hash_info = NDIS_HASH_TOEPLITZ | NDIS_HASH_TCP_IPV4;
	rss.p.table_size = sizeof(rss.table);
	rss.p.table_offset = offsetof(typeof(rss), table);
	rss.p.key_size = sizeof(rss.key);
	rss.p.key_offset = offsetof(typeof(rss), key);
	for (i = 0; i < rounds; i++) {
		u32 filter = i & 1 ? RNDIS_FILTER_DIRECTED : 0;

		rss.p.flags = i & 1 ? NDIS_RSS_DISABLE : 0;
		ask_set(l, RNDIS_OID_RSS_PARAMS, &rss, sizeof(rss));
		memset(&off.ipv4_csum, i & 1 ? NDIS_PARAM_OFF :
					       NDIS_PARAM_TX_RX, 5);
		ask_set(l, RNDIS_OID_OFFLOAD_PARAMS, &off, sizeof(off));
		ask_set(l, RNDIS_OID_PACKET_FILTER, &filter, sizeof(filter));
	}
}

static void flood_requests(struct liar *l)
{
	static const u32 types[] = { RNDIS_KEEPALIVE, RNDIS_RESET,
				     RNDIS_QUERY, RNDIS_SET, RNDIS_INDICATE,
				     RNDIS_HALT, RNDIS_INITIALIZE };
	struct rndis_query m = { .len = sizeof(m) };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		for (k = 0; k < rounds; k++) {
			m.type = types[i];
			/* Of INITIALIZE: the version. */
			m.oid = types[i] == RNDIS_INITIALIZE ? RNDIS_MAJOR :
						RNDIS_OID_SUPPORTED_LIST;
			ask(l, &m, sizeof(m));
		}
}

static void say_initialize(struct liar *l)
{
	struct rndis_initialize m = { .type = RNDIS_INITIALIZE,
				      .len = sizeof(m),
				      .major = RNDIS_MAJOR,
				      .minor = RNDIS_MINOR };

	ask(l, &m, sizeof(m));
}

static void flood_all_requests(struct liar *l)
{
	say_initialize(l);
	flood_settings(l);
	flood_requests(l);
}

static const struct lie {
	const char *name;
	bool init, shared;
	void (*tell)(struct liar *l);
} lies[] = {
	{ "random packets before INIT", false, false, lie_random },
	{ "messages out of order before INIT", false, false, lie_order },
	{ "messages out of order", true, false, lie_order },
	{ "random packets", true, true, lie_random },
	{ "sections", true, true, lie_section },
	{ "frames", true, true, lie_packet },
	{ "offloads", true, true, lie_offload },
	{ "control messages", true, true, lie_control },
	{ "page lists", true, true, lie_pages },
	{ "messages out of order later", true, true, lie_order },
};

/* All of them one after the other. */
static const struct lie floods[] = {
	{ "a flood of messages before INIT", false, false, flood_messages },
	{ "a flood of messages", true, true, flood_messages },
	{ "a flood of buffers", true, true, flood_buffers },
	{ "a flood of requests", true, true, flood_all_requests },
};

static int prepare(struct liar *l, const struct lie *what)
{
	int err = what->init ? say_init(l) : 0;

	if (err || !what->shared)
		return err;
	err = vmbus_establish_gpadl(l->ch, l->recv, RECV_BYTES,
				    &l->recv_gpadl);
	if (!err)
		err = vmbus_establish_gpadl(l->ch, l->send, SEND_BYTES,
					    &l->send_gpadl);
	return err ? err : share(l);
}

/* Opened, told, closed with all that is pending. */
static int tell(struct liar *l, const struct lie *what)
{
	int err = open_channel(l);

	if (err) {
		pr_err("nvs_liar: %s: no channel: %d\n", what->name, err);
		return err;
	}
	err = prepare(l, what);
	if (err)
		pr_err("nvs_liar: %s: what was true was refused: %d\n",
		       what->name, err);
	else
		what->tell(l);
	msleep(GRACE_MS);
	/* By the root, who had enough: what a flood is not to lead to. */
	if (flood && l->ch->rescind)
		err = -ENODEV;
	vmbus_close(l->ch);
	if (l->recv_gpadl.gpadl_handle)
		vmbus_teardown_gpadl(l->ch, &l->recv_gpadl);
	if (l->send_gpadl.gpadl_handle)
		vmbus_teardown_gpadl(l->ch, &l->send_gpadl);
	if (!err)
		pr_info("nvs_liar: told: %s\n", what->name);
	return err;
}

static int tell_floods(struct liar *l)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(floods) && !err; i++) {
		memset(&l->recv_gpadl, 0, sizeof(l->recv_gpadl));
		memset(&l->send_gpadl, 0, sizeof(l->send_gpadl));
		err = tell(l, &floods[i]);
	}
	return err;
}

static int told, failed;

static int liar_probe(struct hv_device *dev,
		      const struct hv_vmbus_device_id *id)
{
	struct liar *l = kzalloc(sizeof(*l), GFP_KERNEL);

	if (!l)
		return -ENOMEM;
	l->ch = dev->channel;
	l->recv = vzalloc(RECV_BYTES);
	l->send = vzalloc(SEND_BYTES);
	if (!l->recv || !l->send ||
	    (flood ? tell_floods(l) : tell(l, &lies[lie])))
		failed++;
	else
		told++;
	vfree(l->send);
	vfree(l->recv);
	kfree(l);
	return -ENODEV;		/* enough of it */
}

static const struct hv_vmbus_device_id ids[] = {
	{ HV_NIC_GUID },
	{ },
};

static struct hv_driver driver = {
	.name = "nvs_liar",
	.id_table = ids,
	.probe = liar_probe,
};

static int __init liar_init(void)
{
	int err;

	if (lie >= ARRAY_SIZE(lies))
		return -ERANGE;
	err = vmbus_driver_register(&driver);
	if (!err && (failed || !told)) {
		vmbus_driver_unregister(&driver);
		err = -EIO;
	}
	return err;
}

static void __exit liar_exit(void)
{
	vmbus_driver_unregister(&driver);
}

module_init(liar_init);
module_exit(liar_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Posts malformed NVSP and RNDIS messages");
