// SPDX-License-Identifier: GPL-2.0
/*
 * A child that floods its network card: each message there is, as fast as its
 * ring takes them.  What piles up for main and for the workers, memory, lines in
 * the log and the time that main is busy at once have a bound, however many came.
 *
 * links: vsp vmbus backend mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>

#include "flood.h"
#include "net_child.h"
#include "vsp/netvsp_var.h"

#define QUEUES	     4u
#define MANY	     2000u /* of what main has to do with */
#define SOME	     300u
#define WAITING_MAX  8u		  /* calls for one thread, at any time */
#define MEMORY_MAX   (256u << 10) /* bytes more than before */
#define LINES_MAX    25u	  /* ten in five seconds, from two sources */
#define TURN_MAX_NS  50000000ull
#define STATISTICS_X 0x1234u

static struct child_chan *sub[QUEUES];
static uint64_t held[NET_XFERS]; /* transfers to be given back */
static unsigned int nheld;

static int end(void **state)
{
	(void)state;
	nc_end();
	return 0;
}

/* ---- the card ---- */

static void all_channels(void)
{
	struct netvsp_config cfg = { .processors = QUEUES };
	struct nvs_msg m = { .type = NVS_SUBCHANNEL,
			     .u.subchannel = { 1, QUEUES - 1 } };
	unsigned int i;

	nc_create(&cfg, QUEUES, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	nc_nvs(&m);
	assert_int_equal(m.u.subchannel_done.count, QUEUES - 1);
	for (i = 1; i < QUEUES; i++) {
		assert_true(
			CHILD_UNTIL(child, (sub[i] = child_find(child, 1, i))));
		assert_true(child_open(sub[i]));
	}
}

/* No sub-channels: buffers may come and go. */
static void primary_only(void)
{
	struct netvsp_config cfg = { .processors = QUEUES };

	nc_create(&cfg, QUEUES, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
}

/* ---- messages ---- */

struct kind {
	const char *name;
	void (*set_up)(void);
	bool (*send)(unsigned int i, uint32_t what);
	uint32_t what;
	unsigned int n;
	bool main_runs; /* else it has no time, until all is over */
};

static bool all_read(void)
{
	return __atomic_load_n(&chan->out->read_index, __ATOMIC_ACQUIRE) ==
	       chan->out->write_index;
}

static bool post(const struct nvs_msg *m, uint64_t id)
{
	return child_send(chan, RING_PKT_INBAND, RING_PKT_FLAG_COMPLETION, id,
			  NULL, 0, m, NVS_MSG_LEN);
}

static bool nvs_zeroes(unsigned int i, uint32_t type)
{
	struct nvs_msg m = { .type = type };

	return post(&m, i);
}

/* What would be right once. */
static bool nvs_right(unsigned int i, uint32_t type)
{
	struct nvs_msg m = { .type = type };

	switch (type) {
	case NVS_INIT:
		m.u.init.min_version = m.u.init.max_version = NVS_VERSION_6_1;
		break;
	case NVS_RECV_BUF:
		m.u.buf.gpadl = NC_GPADL_RECV;
		m.u.buf.id = NVS_RECV_BUF_ID;
		break;
	case NVS_SEND_BUF:
		m.u.buf.gpadl = NC_GPADL_SEND;
		break;
	case NVS_SUBCHANNEL:
		m.u.subchannel.op = NVS_SUBCHANNEL_ALLOCATE;
		m.u.subchannel.count = QUEUES - 1;
		break;
	case NVS_REVOKE_RECV_BUF:
		m.u.revoke.id = NVS_RECV_BUF_ID;
		break;
	}
	return post(&m, i);
}

/* The buffer is shared, taken back, shared ... */
static bool nvs_to_and_fro(unsigned int i, uint32_t type)
{
	uint32_t revoke = type == NVS_RECV_BUF ? NVS_REVOKE_RECV_BUF :
						 NVS_REVOKE_SEND_BUF;

	return nvs_right(i, i & 1 ? type : revoke);
}

/* A control message in the page that all of them are in. */
static bool control(const void *msg, uint32_t len, unsigned int i)
{
	static unsigned int burst;
	struct {
		uint32_t reserved, count;
		struct vmb_gpa_range range;
		uint64_t pfn;
	} g = { 0, 1, { len, 0 }, CHILD_PFN + CHILD_DATA_PAGE + NC_MSG_PAGE };
	struct nvs_msg m = { .type = NVS_RNDIS,
			     .u.rndis = { NVS_CHANNEL_CONTROL, NVS_NO_SECTION,
					  0 } };

	/* One who asks on and on, and takes no answer, loses the channel. */
	if (all_read())
		burst = 0;
	if (*(volatile unsigned int *)&card->nanswers > 30 || burst == 16)
		return false;
	burst++;
	memcpy(child_page(child, NC_MSG_PAGE), msg, len);
	return child_send(chan, RING_PKT_GPA_DIRECT, RING_PKT_FLAG_COMPLETION,
			  i, &g, sizeof(g), &m, NVS_MSG_LEN);
}

static bool rndis(unsigned int i, uint32_t type)
{
	struct {
		uint32_t type, len, request;
		uint32_t word[8];
	} m = { type, sizeof(m), i, { RNDIS_MAJOR, RNDIS_MINOR, 0x4000 } };

	return control(&m, sizeof(m), i);
}

static bool query(unsigned int i, uint32_t oid)
{
	struct rndis_query m = { .type = RNDIS_QUERY,
				 .len = sizeof(m),
				 .request = i,
				 .oid = oid };

	return control(&m, sizeof(m), i);
}

/* Every other one is different, so that there is something to be done. */
static bool set(unsigned int i, uint32_t oid)
{
	struct {
		struct rndis_query m;
		uint32_t word[16];
	} s = { .m = { RNDIS_SET, sizeof(s), i, oid, sizeof(s.word),
		       RNDIS_QUERY_INFO_OFFSET, 0 },
		.word = { i & 1 } };

	return control(&s, sizeof(s), i);
}

static bool set_offloads(unsigned int i, uint32_t what)
{
	struct {
		struct rndis_query m;
		struct ndis_offload_params p;
	} s = { .m = { RNDIS_SET, sizeof(s), i, RNDIS_OID_OFFLOAD_PARAMS,
		       sizeof(s.p), RNDIS_QUERY_INFO_OFFSET, 0 },
		.p.header = { NDIS_OBJECT_DEFAULT, 3, sizeof(s.p) } };

	(void)what;
	memset(&s.p.ipv4_csum, i & 1 ? NDIS_PARAM_TX_RX : NDIS_PARAM_OFF, 5);
	return control(&s, sizeof(s), i);
}

static bool set_scaling(unsigned int i, uint32_t what)
{
	struct {
		struct rndis_query m;
		struct ndis_rss_params p;
		uint32_t table[16];
		uint8_t key[40];
	} s = { .m = { RNDIS_SET, sizeof(s), i, RNDIS_OID_RSS_PARAMS,
		       sizeof(s) - sizeof(s.m), RNDIS_QUERY_INFO_OFFSET, 0 },
		.p = { .header = { NDIS_OBJECT_RSS_PARAMS, 2, 40 },
		       .flags = i & 1 ? NDIS_RSS_DISABLE : 0,
		       .hash_info = 0x1701,
		       .table_size = 64,
		       .table_offset = 40,
		       .key_size = 40,
		       .key_offset = 104 } };

	(void)what;
	s.table[0] = i / 2 % QUEUES;
	return control(&s, sizeof(s), i);
}

static bool completion(unsigned int i, uint32_t what)
{
	uint32_t done[2] = { NVS_RNDIS_DONE, NVS_STATUS_OK };

	(void)what;
	return child_send(chan, RING_PKT_COMPLETION, 0, i * 65536ull, NULL, 0,
			  done, sizeof(done));
}

/* ---- the flood ---- */

/*
 * What the card says is taken, and its sections are given back, when there is room
 * for that: the card reads no more while its own answers find none.
 */
static void hear(void)
{
	static const uint32_t done[2] = { NVS_RNDIS_DONE, NVS_STATUS_OK };
	struct nc_packet p;

	while (nc_take(chan, &p))
		if (p.head.type == RING_PKT_XFER_PAGES)
			held[nheld++] = p.head.transaction;
	while (nheld &&
	       child_send(chan, RING_PKT_COMPLETION, 0, held[nheld - 1], NULL,
			  0, done, sizeof(done)))
		nheld--;
}

static void main_turn(struct flood *f)
{
	flood_turn_begin(f);
	mailbox_run(child->box);
	flood_turn_end(f);
}

static unsigned int waiting(struct mailbox *box)
{
	struct mailbox_stats s;

	mailbox_get_stats(box, &s);
	return s.waiting;
}

static unsigned int worker_most(unsigned int q)
{
	struct worker *w = card->queue[q].worker;
	struct mailbox_stats s = { 0 };

	if (w)
		mailbox_get_stats(w->mailbox, &s);
	return s.most_waiting;
}

/* False: the card is stuck, or has had enough. */
static bool send_all(const struct kind *k, struct flood *f)
{
	uint64_t until = child_now() + CHILD_SECONDS * 1000;
	unsigned int i = 0, n;

	while (i < k->n || !all_read()) {
		for (n = 0; n < 16 && i < k->n && k->send(i, k->what); n++)
			i++;
		hear();
		sched_yield();
		if (k->main_runs)
			main_turn(f);
		if (child_now() >= until || child->rescinds)
			return false;
	}
	hear();
	return true;
}

static void run(const struct kind *k)
{
	unsigned int most = 0, i;
	struct flood f;
	bool sent, ok;

	nheld = 0;
	k->set_up();
	CHILD_UNTIL(child, all_read());
	flood_begin(&f);
	sent = send_all(k, &f);
	most = waiting(child->box);
	while (waiting(child->box))
		main_turn(&f);
	flood_end(&f);
	for (i = 0; i < QUEUES; i++)
		if (worker_most(i) > most)
			most = worker_most(i);
	ok = sent && most <= WAITING_MAX && f.memory <= MEMORY_MAX &&
	     f.lines <= LINES_MAX && f.longest <= TURN_MAX_NS;
	if (!ok)
		print_error("%s %#x%s: %u calls waiting, %zu bytes, %u lines, "
			    "%llu us in one turn\n",
			    k->name, k->what, sent ? "" : ", stuck", most,
			    f.memory, f.lines,
			    (unsigned long long)f.longest / 1000);
	assert_true(ok);
	assert_int_equal(child->rescinds, 0);
	nc_end();
}

static void nvs_messages(void **state)
{
	static const uint32_t types[] = {
		NVS_NONE,
		NVS_INIT,
		NVS_INIT_DONE,
		NVS_NDIS_VERSION,
		NVS_RECV_BUF,
		NVS_RECV_BUF_DONE,
		NVS_REVOKE_RECV_BUF,
		NVS_SEND_BUF,
		NVS_SEND_BUF_DONE,
		NVS_REVOKE_SEND_BUF,
		NVS_RNDIS_DONE,
		NVS_NDIS_CONFIG,
		NVS_VF_ASSOCIATION,
		NVS_SWITCH_DATA_PATH,
		NVS_OID_QUERY_EX,
		NVS_OID_QUERY_EX_DONE,
		NVS_SUBCHANNEL,
		NVS_SEND_TABLE,
		NVS_PD_API,
		NVS_PD_POST_BATCH,
		UINT32_MAX,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		run(&(struct kind){ "zeroes", all_channels, nvs_zeroes,
				    types[i], MANY, false });
		run(&(struct kind){ "right", all_channels, nvs_right, types[i],
				    MANY, false });
	}
}

static void buffers(void **state)
{
	static const struct kind kinds[] = {
		{ "to and fro", primary_only, nvs_to_and_fro, NVS_RECV_BUF,
		  MANY, false },
		{ "to and fro", primary_only, nvs_to_and_fro, NVS_RECV_BUF,
		  MANY, true },
		{ "to and fro", primary_only, nvs_to_and_fro, NVS_SEND_BUF,
		  MANY, false },
		{ "to and fro", primary_only, nvs_to_and_fro, NVS_SEND_BUF,
		  MANY, true },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		run(&kinds[i]);
}

static void rndis_messages(void **state)
{
	static const uint32_t types[] = {
		0,
		RNDIS_PACKET,
		RNDIS_INITIALIZE,
		RNDIS_HALT,
		RNDIS_QUERY,
		RNDIS_SET,
		RNDIS_RESET,
		RNDIS_INDICATE,
		RNDIS_KEEPALIVE,
		RNDIS_SET_EX,
		RNDIS_QUERY_C,
		RNDIS_SET_C,
		RNDIS_INITIALIZE_C,
		UINT32_MAX,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		run(&(struct kind){ "rndis", all_channels, rndis, types[i],
				    MANY, false });
	run(&(struct kind){ "completions", all_channels, completion, 0, MANY,
			    false });
}

/* What main, or other workers, have to do with. */
static void settings(void **state)
{
	static const struct kind kinds[] = {
		{ "offloads", all_channels, set_offloads, 0, MANY, false },
		{ "offloads", all_channels, set_offloads, 1, MANY, true },
		{ "scaling", all_channels, set_scaling, 0, MANY, false },
		{ "scaling", all_channels, set_scaling, 1, MANY, true },
		{ "filter", all_channels, set, RNDIS_OID_PACKET_FILTER, MANY,
		  false },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		run(&kinds[i]);
}

static void oids(void **state)
{
	static const uint32_t settable[] = {
		RNDIS_OID_LOOKAHEAD,	    RNDIS_OID_PROTOCOL_OPTIONS,
		RNDIS_OID_LINK_PARAMETERS,  RNDIS_OID_NETWORK_LAYER_ADDRESSES,
		RNDIS_OID_CONFIG_PARAMETER, RNDIS_OID_MULTICAST_LIST,
		RNDIS_OID_RSS_PARAMS,	    RNDIS_OID_OFFLOAD_PARAMS,
		RNDIS_OID_STATISTICS,	    STATISTICS_X,
	};
	uint32_t list[128], len = sizeof(list), i;

	(void)state;
	primary_only();
	assert_int_equal(nc_query(RNDIS_OID_SUPPORTED_LIST, NULL, 0, list,
				  &len),
			 RNDIS_STATUS_SUCCESS);
	nc_end();
	assert_true(len / 4 > 40);
	for (i = 0; i < len / 4; i++)
		run(&(struct kind){ "query", primary_only, query, list[i], SOME,
				    false });
	for (i = 0; i < sizeof(settable) / sizeof(settable[0]); i++)
		run(&(struct kind){ "set", primary_only, set, settable[i], SOME,
				    false });
}

/* ---- frames ---- */

static uint64_t frames(void)
{
	return nc_counter("tx_frames") + nc_counter("tx_drop_backend");
}

/* A packet of thousands of frames, all of them in one page. */
struct bundle {
	struct {
		uint32_t reserved, count;
		struct {
			struct vmb_gpa_range range;
			uint64_t pfn;
		} at[120];
	} gpa;
	struct nvs_msg msg;
	uint64_t frames;
};

static void bundle_make(struct bundle *b)
{
	uint8_t *page = child_page(child, NC_MSG_PAGE), frame[14] = { 2 };
	uint32_t len = 0, i;

	*b = (struct bundle){ .gpa.count = 120,
			      .msg = { .type = NVS_RNDIS,
				       .u.rndis = { NVS_CHANNEL_DATA,
						    NVS_NO_SECTION, 0 } } };
	while (len + sizeof(struct rndis_packet) + sizeof(frame) <= 4096)
		len += nc_message(page + len, NULL, 0, frame, sizeof(frame));
	b->frames = len / (sizeof(struct rndis_packet) + sizeof(frame)) *
		    b->gpa.count;
	for (i = 0; i < b->gpa.count; i++) {
		b->gpa.at[i].range.len = len;
		b->gpa.at[i].pfn = CHILD_PFN + CHILD_DATA_PAGE + NC_MSG_PAGE;
	}
}

static bool bundle_send(struct child_chan *to, const struct bundle *b,
			uint64_t id)
{
	return child_send(to, RING_PKT_GPA_DIRECT, RING_PKT_FLAG_COMPLETION, id,
			  &b->gpa, sizeof(b->gpa), &b->msg, NVS_MSG_LEN);
}

/* Packets of 8000 frames each: what else the worker has to do waits for some. */
static void many_frames(void **state)
{
	struct flood_worker turns = { .count = frames };
	unsigned int i, sent = 0;
	struct bundle b;

	(void)state;
	primary_only();
	bundle_make(&b);
	turns.w = card->queue[0].worker;
	worker_call(turns.w, flood_worker_begin, &turns);
	while (bundle_send(chan, &b, sent))
		sent++;
	assert_true(sent > 4 && b.frames > 8000);
	for (i = 0; i < sent; i++)
		assert_int_equal(nc_done(chan, i), NVS_STATUS_OK);
	worker_call(turns.w, flood_worker_end, &turns);
	assert_int_equal(frames(), sent * b.frames);
	assert_in_range(turns.most, 1, 512);
}

#define CHANNELS 16u

/* It is the same for a worker that has many channels, and each gets its turn. */
static void many_channels(void **state)
{
	struct netvsp_config cfg = { .processors = CHANNELS };
	struct nvs_msg m = { .type = NVS_SUBCHANNEL,
			     .u.subchannel = { 1, CHANNELS - 1 } };
	struct flood_worker turns = { .count = frames };
	struct child_chan *all[CHANNELS];
	unsigned int i, sent;
	struct bundle b;

	(void)state;
	nc_create(&cfg, 1, 1500);
	nc_ready(NVS_VERSION_6_1, 1514);
	nc_nvs(&m);
	all[0] = chan;
	for (i = 1; i < CHANNELS; i++) {
		assert_true(
			CHILD_UNTIL(child, (all[i] = child_find(child, 1, i))));
		assert_true(child_open(all[i]));
	}
	bundle_make(&b);
	turns.w = card->queue[0].worker;
	worker_call(turns.w, flood_worker_begin, &turns);
	for (sent = 0; sent < 2; sent++)
		for (i = 0; i < CHANNELS; i++)
			assert_true(bundle_send(all[i], &b, sent));
	/* The last has its first done before the first has its second. */
	assert_int_equal(nc_done(all[CHANNELS - 1], 0), NVS_STATUS_OK);
	assert_in_range(frames(), b.frames, CHANNELS * 3 / 2 * b.frames);
	for (i = 0; i < CHANNELS - 1; i++)
		assert_int_equal(nc_done(all[i], 0), NVS_STATUS_OK);
	for (i = 0; i < CHANNELS; i++)
		assert_int_equal(nc_done(all[i], 1), NVS_STATUS_OK);
	worker_call(turns.w, flood_worker_end, &turns);
	assert_int_equal(frames(), 2 * CHANNELS * b.frames);
	assert_in_range(turns.most, 1, 512);
}

/* ---- completions that are owed ---- */

/* The ring is full when the answers to RECV_BUF and SEND_BUF come, too. */
static void none_lost(void **state)
{
	struct nvs_msg version = { .type = NVS_NDIS_VERSION };
	unsigned int sent = 0, got = 0, seen[3] = { 0 };
	struct nc_packet p;

	(void)state;
	nc_create(&(struct netvsp_config){ 0 }, 1, 1500);
	assert_true(child_open(chan));
	assert_int_equal(nc_init(NVS_VERSION_6_1), NVS_STATUS_OK);
	nc_lend(chan->offer.relid, NC_GPADL_RECV, NC_RECV_PAGE, NC_RECV_PAGES);
	nc_lend(chan->offer.relid, NC_GPADL_SEND, NC_SEND_PAGE, NC_SEND_PAGES);
	assert_true(nvs_right(1, NVS_RECV_BUF));
	assert_true(nvs_right(2, NVS_SEND_BUF));
	/* Main does not look yet.  Nothing is read, until nothing more fits. */
	while (!nc_counter("rx_ring_full")) {
		if (post(&version, 100 + sent))
			sent++;
		else
			usleep(20);
		assert_true(sent < 10000);
	}
	while (waiting(child->box))
		mailbox_run(child->box);
	assert_true(CHILD_UNTIL(child, nc_counter("rx_ring_full") == 3));
	while (got < sent + 2) {
		p = nc_recv_packet(chan);
		assert_int_equal(p.head.type, RING_PKT_COMPLETION);
		if (p.head.transaction < 3) {
			assert_int_equal(((uint32_t *)p.data)[1],
					 NVS_STATUS_OK);
			seen[p.head.transaction]++;
		}
		got++;
	}
	assert_int_equal(seen[1], 1);
	assert_int_equal(seen[2], 1);
}

/* Taken back before it was answered: that is an answer, too. */
static void revoked_unanswered(void **state)
{
	struct nc_packet p;
	unsigned int got[3] = { 0 }, i;

	(void)state;
	nc_create(&(struct netvsp_config){ 0 }, 1, 1500);
	assert_true(child_open(chan));
	assert_int_equal(nc_init(NVS_VERSION_6_1), NVS_STATUS_OK);
	nc_lend(chan->offer.relid, NC_GPADL_RECV, NC_RECV_PAGE, NC_RECV_PAGES);
	assert_true(nvs_right(1, NVS_RECV_BUF));
	assert_true(nvs_right(2, NVS_REVOKE_RECV_BUF));
	for (i = 0; i < 2; i++) {
		p = nc_recv_packet(chan);
		assert_in_range(p.head.transaction, 1, 2);
		got[p.head.transaction]++;
		if (p.head.transaction == 1)
			assert_int_equal(((uint32_t *)p.data)[1],
					 NVS_STATUS_FAIL);
	}
	assert_int_equal(got[1], 1);
	/* And it can be shared again. */
	assert_int_equal(nc_recv_buf().u.recv_buf_done.status, NVS_STATUS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nvs_messages),
		cmocka_unit_test(buffers),
		cmocka_unit_test(rndis_messages),
		cmocka_unit_test(settings),
		cmocka_unit_test(oids),
		cmocka_unit_test_teardown(many_frames, end),
		cmocka_unit_test_teardown(many_channels, end),
		cmocka_unit_test_teardown(none_lost, end),
		cmocka_unit_test_teardown(revoked_unanswered, end),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("netvsp_flood", tests, NULL, NULL);
}
