// SPDX-License-Identifier: GPL-2.0
/*
 * The VMBus server's connection: versions, offers, unload, reset, and messages
 * where they do not belong.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmbus_fake.h"

#define TAKE(f, kind)                    \
	({                               \
		struct fake_post *p_;    \
		p_ = fake_take(f, kind); \
		assert_non_null(p_);     \
		p_;                      \
	})
#define NOTHING(f) assert_int_equal(fake_left(f), 0)

static const uint32_t versions[] = {
	VMB_VERSION_2_4, VMB_VERSION_3_0, VMB_VERSION_4_0, VMB_VERSION_4_1,
	VMB_VERSION_5_0, VMB_VERSION_5_1, VMB_VERSION_5_2, VMB_VERSION_5_3,
};
#define NVERSIONS (sizeof(versions) / sizeof(versions[0]))

/* ---- connection ---- */

static void vectors(void **state)
{
	static const uint8_t contact[] = {
		0x0e, 0, 0, 0, 0, 0,	0, 0, 3, 0, 5, 0, 0, 0,
		0,    0, 2, 0, 0, 0,	0, 0, 0, 0, 0, 0, 0, 1,
		0,    0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0,
	};
	static const uint8_t answer[] = { 0x0f, 0, 0, 0, 0, 0, 0, 0,
					  1,	0, 0, 0, 1, 0, 0, 0 };
	static const uint8_t offers[] = { 3, 0, 0, 0, 0, 0, 0, 0 };
	struct fake *f = fake_new(64, 0, 0);
	uint8_t *ram = aligned_alloc(4096, 2 * 4096);
	struct fake_post *p;

	assert_int_equal(mem_add(&f->mem, 0x1000000, 2 * 4096, ram), 0);
	vmbus_server_message(f->srv, VMB_PORT_MULTI, contact, sizeof(contact));
	p = TAKE(f, VMB_MSG_VERSION_RESPONSE);
	assert_int_equal(p->len, sizeof(answer));
	assert_memory_equal(p->byte, answer, sizeof(answer));
	fake_send(f, offers, sizeof(offers));
	p = TAKE(f, VMB_MSG_ALL_OFFERS);
	assert_int_equal(p->len, 8);
	NOTHING(f);
	fake_free(f);
	free(ram);
}

/* What each cap makes of each question. */
static void version_cap(void **state)
{
	unsigned int cap, v;

	for (cap = 0; cap < NVERSIONS; cap++) {
		for (v = 0; v < NVERSIONS; v++) {
			struct fake *f = fake_new(8, versions[cap], 0);
			struct fake_post *p;
			uint32_t ver = versions[v];

			assert_int_equal(
				vmbus_server_port_valid(f->srv, VMB_PORT_MULTI),
				versions[cap] >= VMB_VERSION_5_0);
			assert_true(vmbus_server_port_valid(f->srv,
							    VMB_PORT_MESSAGE));
			assert_false(vmbus_server_port_valid(f->srv, 2));
			/* Port 1 takes them all, whatever the cap. */
			fake_contact_at(f, VMB_PORT_MESSAGE, ver, 3);
			p = TAKE(f, VMB_MSG_VERSION_RESPONSE);
			assert_int_equal(p->len, 16);
			assert_int_equal(p->version.supported, v <= cap);
			assert_int_equal(p->version.state, 0);
			assert_int_equal(p->vp, ver >= VMB_VERSION_3_0 ? 3 : 0);
			assert_int_equal(vmbus_server_version(f->srv),
					 v <= cap ? ver : 0);
			assert_int_equal(f->ups, v <= cap);
			if (v > cap)
				assert_int_equal(p->version.connection, 0);
			else
				assert_int_equal(p->version.connection,
						 ver >= VMB_VERSION_5_0 ? 1 :
									  ver);
			fake_free(f);
		}
	}
}

static void version_unknown(void **state)
{
	static const uint32_t odd[] = { 0,	 13,	     0x10001,
					0x20003, 0x40002,    0x50004,
					0x60000, 0x7fffffff, 0xffffffff };
	struct fake *f = fake_new(8, 0, 0);
	struct vmbus_server_config cfg = { VMB_VERSION(6, 0), 0, &f->mem };
	struct vmbus_server *srv;
	unsigned int i;

	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		fake_contact_at(f, VMB_PORT_MULTI, odd[i], 0);
		assert_int_equal(
			TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			0);
		assert_int_equal(vmbus_server_version(f->srv), 0);
	}
	assert_int_equal(vmbus_server_create(&cfg, &fake_ops, f, &srv),
			 -EINVAL);
	fake_free(f);
}

static void contact_fields(void **state)
{
	struct fake *f = fake_new(8, 0, 0);
	const struct vmb_initiate_contact good = {
		.hdr.type = VMB_MSG_INITIATE_CONTACT,
		.version = VMB_VERSION_5_3,
		.target_vp = 1,
		.sint = VMB_SINT,
	};
	struct vmb_initiate_contact m;
	struct fake_post *p;
	uint8_t big[VMB_MSG_MAX] = { 0 };

	/* Some children post all 240 bytes; no monitor pages is fine. */
	memcpy(big, &good, sizeof(good));
	vmbus_server_message(f->srv, VMB_PORT_MULTI, big, sizeof(big));
	p = TAKE(f, VMB_MSG_VERSION_RESPONSE);
	assert_int_equal(p->version.supported, 1);
	assert_int_equal(p->vp, 1);
	assert_int_equal(p->sint, VMB_SINT);

	m = good;
	m.sint = 7;
	vmbus_server_message(f->srv, VMB_PORT_MULTI, &m, sizeof(m));
	p = TAKE(f, VMB_MSG_VERSION_RESPONSE);
	assert_int_equal(p->version.supported, 0);
	assert_int_equal(p->sint, 7);
	assert_int_equal(vmbus_server_version(f->srv), 0);
	m.sint = 200;
	vmbus_server_message(f->srv, VMB_PORT_MULTI, &m, sizeof(m));
	p = TAKE(f, VMB_MSG_VERSION_RESPONSE);
	assert_int_equal(p->sint, VMB_SINT);
	/* On the old port these bytes are part of an address. */
	vmbus_server_message(f->srv, VMB_PORT_MESSAGE, &m, sizeof(m));
	assert_int_equal(TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			 1);

	m = good;
	m.vtl = 2;
	vmbus_server_message(f->srv, VMB_PORT_MULTI, &m, sizeof(m));
	assert_int_equal(TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			 0);
	m.version = VMB_VERSION_5_0; /* has no VTL yet */
	vmbus_server_message(f->srv, VMB_PORT_MULTI, &m, sizeof(m));
	assert_int_equal(TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			 1);

	m = good;
	m.target_vp = FAKE_VPS;
	vmbus_server_message(f->srv, VMB_PORT_MULTI, &m, sizeof(m));
	p = TAKE(f, VMB_MSG_VERSION_RESPONSE);
	assert_int_equal(p->version.supported, 0);
	assert_int_equal(p->vp, 0);
	m.version = VMB_VERSION_2_4; /* has no VP yet */
	vmbus_server_message(f->srv, VMB_PORT_MESSAGE, &m, sizeof(m));
	assert_int_equal(TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			 1);

	m = good;
	m.monitor_to_child = FAKE_RAM_GPA;
	vmbus_server_message(f->srv, VMB_PORT_MULTI, &m, sizeof(m));
	assert_int_equal(TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			 0);
	m.monitor_to_root = FAKE_RAM_GPA + 8;
	vmbus_server_message(f->srv, VMB_PORT_MULTI, &m, sizeof(m));
	assert_int_equal(TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			 0);
	m.monitor_to_root = FAKE_RAM_GPA + 8 * 4096;
	vmbus_server_message(f->srv, VMB_PORT_MULTI, &m, sizeof(m));
	assert_int_equal(TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			 0);
	NOTHING(f);
	fake_free(f);
}

static void offers_order(void **state)
{
	struct fake *f = fake_new(8, 0, 0);
	struct fake_dev d[3] = { { 0 } }, twin = { 0 };
	struct guid_reg type = VMB_GUID_SCSI;
	struct vmbus_server_stats st;
	unsigned int i, round;

	for (i = 0; i < 3; i++)
		assert_int_equal(fake_offer(f, &d[i], 10 + i), 0);
	assert_int_equal(fake_offer(f, &twin, 11), -EEXIST);
	assert_string_equal(vmbus_chan_state(d[0].ch), "unoffered");
	/* The same relids at each connection. */
	for (round = 0; round < 3; round++) {
		fake_contact(f, VMB_VERSION_5_3);
		TAKE(f, VMB_MSG_VERSION_RESPONSE);
		NOTHING(f);
		fake_simple(f, VMB_MSG_REQUEST_OFFERS);
		for (i = 0; i < 3; i++) {
			struct vmb_offer *o = &TAKE(f, VMB_MSG_OFFER)->offer;

			assert_memory_equal(&o->type, &type, sizeof(type));
			assert_int_equal(o->instance.b[0], 10 + i);
			assert_int_equal(o->relid, i + 1);
			assert_int_equal(o->connection, 0x2000 + i + 1);
			assert_int_equal(o->dedicated, 1);
			assert_int_equal(o->monitor_allocated, 0);
			assert_int_equal(o->monitor_id, 0xff);
			assert_int_equal(o->sub_index, 0);
			assert_int_equal(o->flags, VMB_OFFER_ENUMERATE);
			assert_int_equal(o->user[0], 0xa5);
			assert_int_equal(o->user[119], 0x5a);
			assert_int_equal(vmbus_chan_relid(d[i].ch), i + 1);
			assert_string_equal(vmbus_chan_state(d[i].ch),
					    "offered");
		}
		TAKE(f, VMB_MSG_ALL_OFFERS);
		fake_simple(f, VMB_MSG_REQUEST_OFFERS);
		NOTHING(f);
	}
	/* Hot add. */
	assert_int_equal(fake_offer(f, &twin, 20), 0);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.relid, 4);
	vmbus_server_get_stats(f->srv, &st);
	assert_int_equal(st.connects, 3);
	assert_int_equal(st.messages_bad, 3);
	fake_free(f);
	for (i = 0; i < 3; i++)
		assert_int_equal(d[i].released, 1);
	assert_int_equal(twin.released, 1);
}

static void offers_many(void **state)
{
	struct fake *f = fake_new(8, 0, 0);
	struct fake_dev *d = calloc(VMB_RELIDS, sizeof(*d));
	struct vmbus_offer o = {
		.name = "a name that is longer than the log wants it to be"
	};
	unsigned int i;

	for (i = 0; i < VMB_RELIDS - 1; i++) {
		memcpy(o.instance.b, &i, sizeof(i));
		o.instance.b[15] = 1;
		assert_int_equal(vmbus_offer(f->srv, &o, &fake_dev_ops, &d[i],
					     &d[i].ch),
				 0);
	}
	assert_int_equal(vmbus_offer(f->srv, &o, &fake_dev_ops, &d[i],
				     &d[i].ch),
			 -ENOSPC);
	fake_contact(f, VMB_VERSION_5_3);
	fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	assert_int_equal(fake_left(f), 1 + VMB_RELIDS - 1 + 1);
	assert_int_equal(vmbus_chan_relid(d[VMB_RELIDS - 2].ch),
			 VMB_RELIDS - 1);
	/* One goes: its relid is in quarantine, so there is none for another. */
	vmbus_revoke(d[100].ch);
	fake_run(f);
	assert_int_equal(d[100].released, 1);
	f->taken = f->posted;
	o.instance.b[15] = 2;
	assert_int_equal(
		vmbus_offer(f->srv, &o, &fake_dev_ops, &d[i], &d[i].ch), 0);
	NOTHING(f);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 101);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.relid, 101);
	fake_free(f);
	free(d);
}

/* ---- ends ---- */

/* What is taken even where there is no room for answers. */
static void ends(void **state)
{
	uint32_t msg[2] = { 0 };

	(void)state;
	for (msg[0] = 0; msg[0] < 200; msg[0]++)
		assert_int_equal(vmbus_message_ends(msg, sizeof(msg)),
				 msg[0] == VMB_MSG_INITIATE_CONTACT ||
					 msg[0] == VMB_MSG_UNLOAD);
	msg[0] = VMB_MSG_UNLOAD;
	assert_false(vmbus_message_ends(msg, 3));
}

static void unload(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d[2] = { { .slow = true }, { .slow = true } },
			sub = { .slow = true };
	struct fake_post *p;

	/* Nothing open, not even connected: there is an answer. */
	fake_simple(f, VMB_MSG_UNLOAD);
	TAKE(f, VMB_MSG_UNLOAD_RESPONSE);
	fake_offer(f, &d[0], 1);
	fake_offer(f, &d[1], 2);
	fake_contact_at(f, VMB_PORT_MULTI, VMB_VERSION_5_3, 4);
	fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	fake_open_chan(f, 1, 0);
	fake_open_chan(f, 2, 0);
	fake_offer_sub(f, &sub, 1, 1);
	fake_open_chan(f, 3, 0);
	f->taken = f->posted;

	fake_simple(f, VMB_MSG_UNLOAD);
	assert_int_equal(f->connected_fds, 0);
	fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	fake_teardown(f, 1, 0xE1E11);
	fake_run(f);
	assert_int_equal(d[0].closes + d[1].closes + sub.closes, 3);
	vmbus_chan_closed(d[0].ch);
	fake_run(f);
	vmbus_chan_closed(sub.ch);
	fake_run(f);
	f->dropped = 0;
	assert_int_equal(f->downs, 0);
	vmbus_chan_closed(d[1].ch);
	assert_int_equal(f->dropped, 0);
	fake_run(f);
	assert_int_equal(f->dropped, 1);
	assert_int_equal(f->downs, 1);
	p = TAKE(f, VMB_MSG_UNLOAD_RESPONSE);
	assert_int_equal(p->vp, 4);
	assert_int_equal(p->len, 8);
	NOTHING(f);
	assert_int_equal(sub.released, 1);
	assert_int_equal(vmbus_server_version(f->srv), 0);
	/* Primaries are offered anew. */
	fake_contact(f, VMB_VERSION_4_0);
	fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	TAKE(f, VMB_MSG_VERSION_RESPONSE);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.instance.b[0], 1);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.instance.b[0], 2);
	TAKE(f, VMB_MSG_ALL_OFFERS);
	d[0].slow = d[1].slow = false;
	fake_free(f);
}

static void contact_while_open(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true };
	struct vmbus_server_stats st;
	struct fake_post *p;

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	fake_contact_at(f, VMB_PORT_MULTI, VMB_VERSION_5_2, 1);
	/* The crash kernel gave up on that and asks again, from elsewhere. */
	fake_contact_at(f, VMB_PORT_MULTI, VMB_VERSION_5_1, 2);
	fake_run(f);
	NOTHING(f);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	p = TAKE(f, VMB_MSG_VERSION_RESPONSE);
	assert_int_equal(p->version.supported, 1);
	assert_int_equal(p->vp, 2);
	NOTHING(f);
	assert_int_equal(vmbus_server_version(f->srv), VMB_VERSION_5_1);
	vmbus_server_get_stats(f->srv, &st);
	assert_int_equal(st.gpadls, 0);
	assert_int_equal(st.gpadl_bytes, 0);

	/* UNLOAD replaces a question not answered yet, and the other way round. */
	fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	fake_contact_at(f, VMB_PORT_MULTI, VMB_VERSION_5_3, 3);
	fake_simple(f, VMB_MSG_UNLOAD);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	assert_int_equal(TAKE(f, VMB_MSG_UNLOAD_RESPONSE)->vp, 3);
	NOTHING(f);
	assert_int_equal(vmbus_server_version(f->srv), 0);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	fake_simple(f, VMB_MSG_UNLOAD);
	fake_contact(f, VMB_VERSION_5_3);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	TAKE(f, VMB_MSG_VERSION_RESPONSE);
	NOTHING(f);
	/* A refused version ends the connection all the same. */
	fake_contact(f, VMB_VERSION(6, 0));
	assert_int_equal(TAKE(f, VMB_MSG_VERSION_RESPONSE)->version.supported,
			 0);
	fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	NOTHING(f);
	fake_free(f);
}

static void reset(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true };

	fake_offer(f, &d, 1);
	vmbus_server_reset(f->srv, fake_done, f);
	assert_int_equal(f->done, 0);
	fake_run(f);
	assert_int_equal(f->done, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	fake_simple(f, VMB_MSG_UNLOAD);
	vmbus_server_reset(f->srv, fake_done, f);
	fake_run(f);
	assert_int_equal(f->done, 1);
	/* Revoked while the reset is under way. */
	vmbus_revoke(d.ch);
	assert_int_equal(d.released, 0);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	assert_int_equal(f->done, 2);
	assert_int_equal(d.released, 1);
	NOTHING(f);
	fake_free(f);
}

static void shutdown_while_open(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true }, sub = { .slow = true };

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	fake_offer_sub(f, &sub, 1, 1);
	fake_open_chan(f, 2, 0);
	f->taken = f->posted;
	vmbus_server_shutdown(f->srv, fake_done, f);
	fake_contact(f, VMB_VERSION_5_3);
	assert_int_equal(fake_offer(f, &d, 5), -ESHUTDOWN);
	vmbus_revoke(d.ch);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	assert_int_equal(f->done, 0);
	assert_int_equal(d.released, 0);
	vmbus_chan_closed(sub.ch);
	fake_run(f);
	assert_int_equal(f->done, 1);
	assert_int_equal(d.released, 1);
	assert_int_equal(sub.released, 1);
	NOTHING(f);
	fake_free(f);
}

/* ---- messages where they do not belong ---- */

enum where { NONE, UP, OFFERS_SENT, ENDING, NWHERE };

/* What is posted for a well-formed message of each type, in each state. */
static const struct {
	uint32_t type;
	size_t size;
	uint32_t since;
	uint32_t answer[NWHERE];
} table[] = {
	{ VMB_MSG_INVALID, 8, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_OFFER, 196, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_RESCIND, 12, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_REQUEST_OFFERS, 8, 0, { 0, VMB_MSG_OFFER, 0, 0 } },
	{ VMB_MSG_ALL_OFFERS, 8, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_OPEN,
	  148,
	  0,
	  { 0, VMB_MSG_OPEN_RESULT, VMB_MSG_OPEN_RESULT, 0 } },
	{ VMB_MSG_OPEN_RESULT, 20, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_CLOSE, 12, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_GPADL_HEADER,
	  20,
	  0,
	  { 0, VMB_MSG_GPADL_CREATED, VMB_MSG_GPADL_CREATED, 0 } },
	{ VMB_MSG_GPADL_BODY, 16, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_GPADL_CREATED, 20, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_GPADL_TEARDOWN,
	  16,
	  0,
	  { 0, VMB_MSG_GPADL_TORNDOWN, VMB_MSG_GPADL_TORNDOWN, 0 } },
	{ VMB_MSG_GPADL_TORNDOWN, 12, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_RELID_RELEASED, 12, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_INITIATE_CONTACT,
	  40,
	  0,
	  { VMB_MSG_VERSION_RESPONSE, VMB_MSG_VERSION_RESPONSE,
	    VMB_MSG_VERSION_RESPONSE, 0 } },
	{ VMB_MSG_VERSION_RESPONSE, 16, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_UNLOAD,
	  8,
	  0,
	  { VMB_MSG_UNLOAD_RESPONSE, VMB_MSG_UNLOAD_RESPONSE,
	    VMB_MSG_UNLOAD_RESPONSE, 0 } },
	{ VMB_MSG_UNLOAD_RESPONSE, 8, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_OPEN_RESERVED, 28, VMB_VERSION_4_0, { 0, 0, 0, 0 } },
	{ VMB_MSG_CLOSE_RESERVED,
	  20,
	  VMB_VERSION_4_0,
	  { 0, VMB_MSG_CLOSE_RESERVED_RESP, VMB_MSG_CLOSE_RESERVED_RESP, 0 } },
	{ VMB_MSG_CLOSE_RESERVED_RESP, 12, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_TL_CONNECT,
	  40,
	  VMB_VERSION_4_1,
	  { 0, VMB_MSG_TL_CONNECT_RESULT, VMB_MSG_TL_CONNECT_RESULT, 0 } },
	{ VMB_MSG_MODIFY_CHANNEL,
	  16,
	  VMB_VERSION_5_3,
	  { 0, VMB_MSG_MODIFY_CHANNEL_RESP, VMB_MSG_MODIFY_CHANNEL_RESP, 0 } },
	{ VMB_MSG_TL_CONNECT_RESULT, 44, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_MODIFY_CHANNEL_RESP, 16, 0, { 0, 0, 0, 0 } },
	{ VMB_MSG_COUNT, 16, 0, { 0, 0, 0, 0 } },
	{ 0x10000 + VMB_MSG_OPEN, 148, 0, { 0, 0, 0, 0 } },
	{ 0xffffffff, 240, 0, { 0, 0, 0, 0 } },
};

static void try_message(unsigned int row, enum where where, uint32_t version,
			size_t size)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true };
	union {
		uint8_t byte[VMB_MSG_MAX];
		struct vmb_initiate_contact contact;
	} m = { { 0 } };
	uint32_t answer = table[row].answer[where];

	fake_offer(f, &d, 1);
	if (where != NONE)
		fake_contact(f, version);
	if (where > UP)
		fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	if (where == ENDING) {
		fake_open_chan(f, 1, 0);
		fake_simple(f, VMB_MSG_UNLOAD);
		assert_string_equal(vmbus_chan_state(d.ch), "closing");
	}
	f->taken = f->posted;
	memcpy(m.byte, &table[row].type, sizeof(uint32_t));
	m.byte[8] = 200; /* a relid nobody has */
	if (table[row].type == VMB_MSG_INITIATE_CONTACT) {
		m.contact.version = version;
		m.contact.sint = VMB_SINT;
	}
	fake_send(f, m.byte, size);
	if (size < table[row].size ||
	    (where != NONE && version < table[row].since))
		answer = 0;
	if (answer)
		TAKE(f, answer);
	else
		NOTHING(f);
	d.slow = false;
	if (where == ENDING)
		vmbus_chan_closed(d.ch);
	fake_run(f);
	fake_free(f);
}

static void messages(void **state)
{
	unsigned int row, where, v;

	log_set_level(LOG_LEVEL_ERR);
	for (row = 0; row < sizeof(table) / sizeof(table[0]); row++) {
		for (where = 0; where < NWHERE; where++) {
			for (v = 0; v < NVERSIONS; v++) {
				try_message(row, where, versions[v],
					    table[row].size);
				try_message(row, where, versions[v],
					    VMB_MSG_MAX);
				try_message(row, where, versions[v],
					    table[row].size - 1);
			}
			try_message(row, where, VMB_VERSION_5_3, 8);
			try_message(row, where, VMB_VERSION_5_3, 4);
			try_message(row, where, VMB_VERSION_5_3, 0);
		}
	}
}

static void sizes_and_ports(void **state)
{
	struct fake *f = fake_new(8, VMB_VERSION_4_1, 0);
	struct vmbus_server_stats st;
	uint8_t big[VMB_MSG_MAX + 1] = { VMB_MSG_UNLOAD };

	fake_send(f, big, sizeof(big));
	NOTHING(f);
	vmbus_server_message(f->srv, VMB_PORT_MULTI, big, 8);
	vmbus_server_message(f->srv, 0x2001, big, 8);
	NOTHING(f);
	fake_send(f, big, VMB_MSG_MAX);
	TAKE(f, VMB_MSG_UNLOAD_RESPONSE);
	vmbus_server_get_stats(f->srv, &st);
	assert_int_equal(st.messages_in, 4);
	assert_int_equal(st.messages_bad, 3);
	assert_int_equal(st.messages_out, 1);
	assert_int_equal(st.unloads, 1);
	fake_free(f);
}

static void tl_connect(void **state)
{
	struct fake *f = fake_new(8, 0, 0);
	struct vmb_tl_connect m = { .hdr.type = VMB_MSG_TL_CONNECT };
	struct fake_post *p;

	m.endpoint.b[3] = 7;
	m.service.b[5] = 9;
	fake_up(f);
	fake_send(f, &m, sizeof(m));
	p = TAKE(f, VMB_MSG_TL_CONNECT_RESULT);
	assert_int_equal(p->len, 44);
	assert_int_equal(p->tl.endpoint.b[3], 7);
	assert_int_equal(p->tl.service.b[5], 9);
	assert_int_not_equal(p->tl.status, 0);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(version_cap),
		cmocka_unit_test(version_unknown),
		cmocka_unit_test(contact_fields),
		cmocka_unit_test(offers_order),
		cmocka_unit_test(offers_many),
		cmocka_unit_test(ends),
		cmocka_unit_test(unload),
		cmocka_unit_test(contact_while_open),
		cmocka_unit_test(reset),
		cmocka_unit_test(shutdown_while_open),
		cmocka_unit_test(messages),
		cmocka_unit_test(sizes_and_ports),
		cmocka_unit_test(tl_connect),
	};

	return cmocka_run_group_tests_name("vmbus_server", tests, NULL, NULL);
}
