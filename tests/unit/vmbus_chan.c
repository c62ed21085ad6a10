// SPDX-License-Identifier: GPL-2.0
/*
 * One channel's life under the VMBus server: open and close, retarget, rescind
 * at any moment, fail, sub-channels.
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

/* ---- open and close ---- */

static void open_close(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { 0 };
	struct vmbus_chan_stats st;
	struct fake_post *p;
	unsigned int i;

	fake_offer(f, &d, 1);
	fake_up(f);
	for (i = 0; i < 3; i++) {
		fake_open_chan(f, 1, 2);
		p = TAKE(f, VMB_MSG_GPADL_CREATED);
		assert_int_equal(p->created.status, 0);
		assert_int_equal(p->created.relid, 1);
		assert_int_equal(p->created.gpadl, 0xE1E11);
		p = TAKE(f, VMB_MSG_OPEN_RESULT);
		assert_int_equal(p->open.status, 0);
		assert_int_equal(p->open.relid, 1);
		assert_int_equal(p->open.open_id, 1001);
		assert_int_equal(d.opens, i + 1);
		assert_string_equal(vmbus_chan_state(d.ch), "open");
		assert_int_equal(f->connected_fds, 1);
		assert_int_equal(f->connection, 0x2001);
		/* Twice: no answer that could be mistaken. */
		fake_open(f, 1, 0xE1E11, 2, 2);
		NOTHING(f);
		assert_int_equal(d.opens, i + 1);

		fake_relid(f, VMB_MSG_CLOSE, 1);
		assert_string_equal(vmbus_chan_state(d.ch), "closing");
		assert_int_equal(f->connected_fds, 0);
		fake_teardown(f, 1, 0xE1E11);
		NOTHING(f);
		fake_run(f);
		assert_int_equal(
			TAKE(f, VMB_MSG_GPADL_TORNDOWN)->torndown.gpadl,
			0xE1E11);
		assert_int_equal(d.closes, i + 1);
		assert_string_equal(vmbus_chan_state(d.ch), "offered");
		fake_relid(f, VMB_MSG_CLOSE, 1);
		NOTHING(f);
		assert_int_equal(d.closes, i + 1);
	}
	vmbus_chan_get_stats(d.ch, &st);
	assert_int_equal(st.opens, 3);
	assert_int_equal(st.closes, 3);
	assert_int_equal(st.errors, 6);
	assert_int_equal(d.released, 0);
	fake_free(f);
	assert_int_equal(d.released, 1);
}

static void expect_open_failed(struct fake *f, uint32_t relid)
{
	struct fake_post *p = TAKE(f, VMB_MSG_OPEN_RESULT);

	assert_int_not_equal(p->open.status, 0);
	assert_int_equal(p->open.relid, relid);
	assert_int_equal(p->open.open_id, relid + 1000);
	NOTHING(f);
	assert_int_equal(f->connected_fds, 0);
}

static void open_refused(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { 0 }, e = { 0 };
	struct ring_ctl *ctl;

	fake_offer(f, &d, 1);
	fake_offer(f, &e, 2);
	fake_up(f);
	fake_gpadl_at(f, 1, 50, 8, 4);
	fake_gpadl_at(f, 2, 51, 16, 4);
	fake_gpadl_at(f, 1, 52, 24, 3);
	fake_gpadl_at(f, 1, 53, 24, 1);
	f->taken = f->posted;

	fake_open(f, 9, 50, 0, 2); /* relid */
	expect_open_failed(f, 9);
	fake_open(f, 0xffffffff, 50, 0, 2);
	expect_open_failed(f, 0xffffffff);
	fake_open(f, 0, 50, 0, 2);
	expect_open_failed(f, 0);
	fake_open(f, 1, 99, 0, 2); /* handle */
	expect_open_failed(f, 1);
	fake_open(f, 1, 51, 0, 2); /* another channel's */
	expect_open_failed(f, 1);
	fake_open(f, 1, 52, 0, 2); /* too small for two rings */
	expect_open_failed(f, 1);
	fake_open(f, 1, 53, 0, 0xffffffff);
	expect_open_failed(f, 1);
	fake_open(f, 1, 50, FAKE_VPS, 2); /* VP */
	expect_open_failed(f, 1);
	fake_open(f, 1, 50, 0, 0); /* page */
	expect_open_failed(f, 1);
	fake_open(f, 1, 50, 0, 1);
	expect_open_failed(f, 1);
	fake_open(f, 1, 50, 0, 3);
	expect_open_failed(f, 1);
	fake_open(f, 1, 50, 0, 4);
	expect_open_failed(f, 1);
	ctl = (struct ring_ctl *)(f->ram + 8 * 4096); /* indices */
	ctl->read_index = 4096;
	fake_open(f, 1, 50, 0, 2);
	expect_open_failed(f, 1);
	ctl->read_index = 0;
	ctl->write_index = 4;
	fake_open(f, 1, 50, 0, 2);
	expect_open_failed(f, 1);
	ctl->write_index = 0;
	f->connect_fails = true;
	fake_open(f, 1, 50, 0, 2);
	expect_open_failed(f, 1);
	f->connect_fails = false;
	assert_int_equal(d.opens, 0);
	d.open_result = -ENOMEM; /* the device */
	fake_open(f, 1, 50, 0, 2);
	expect_open_failed(f, 1);
	assert_int_equal(d.opens, 1);
	assert_int_equal(d.closes, 0);
	/* After a failed open the ring is given back at once. */
	fake_teardown(f, 1, 50);
	TAKE(f, VMB_MSG_GPADL_TORNDOWN);
	fake_gpadl_at(f, 1, 50, 8, 4);
	TAKE(f, VMB_MSG_GPADL_CREATED);
	d.open_result = 0;
	fake_open(f, 1, 50, VMB_VP_NONE, 2);
	assert_int_equal(TAKE(f, VMB_MSG_OPEN_RESULT)->open.status, 0);
	fake_free(f);
	assert_int_equal(d.closes, 1);
}

/* OPEN while the device is still closing is done when it has closed. */
static void reopen(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true };

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	fake_relid(f, VMB_MSG_CLOSE, 1);
	/* What the device still answers reaches the ring, but no VP. */
	vmbus_chan_send(d.ch, RING_PKT_INBAND, 0, 1, NULL, 0, "x", 1);
	vmbus_chan_flush(d.ch);
	assert_int_equal(f->signals, 0);
	fake_teardown(f, 1, 0xE1E11);
	fake_gpadl_at(f, 1, 7, 40, 6);
	TAKE(f, VMB_MSG_GPADL_CREATED);
	fake_open(f, 1, 7, 1, 3);
	fake_run(f);
	NOTHING(f);
	assert_int_equal(d.opens, 1);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	TAKE(f, VMB_MSG_GPADL_TORNDOWN);
	assert_int_equal(TAKE(f, VMB_MSG_OPEN_RESULT)->open.status, 0);
	assert_int_equal(d.opens, 2);
	/* And closed again before that could be done. */
	fake_relid(f, VMB_MSG_CLOSE, 1);
	fake_open(f, 1, 7, 1, 3);
	fake_open(f, 1, 7, 1, 3);
	NOTHING(f);
	fake_relid(f, VMB_MSG_CLOSE, 1);
	assert_int_not_equal(TAKE(f, VMB_MSG_OPEN_RESULT)->open.status, 0);
	vmbus_chan_closed(d.ch);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	NOTHING(f);
	assert_int_equal(d.opens, 2);
	d.slow = false;
	fake_free(f);
}

static void retarget(void **state)
{
	unsigned int v;

	for (v = 0; v < NVERSIONS; v++) {
		struct fake *f = fake_new(64, 0, 0);
		struct fake_dev d = { 0 };
		bool known = versions[v] >= VMB_VERSION_4_1;
		bool answered = versions[v] >= VMB_VERSION_5_3;

		fake_offer(f, &d, 1);
		fake_contact(f, versions[v]);
		fake_simple(f, VMB_MSG_REQUEST_OFFERS);
		f->taken = f->posted;
		fake_modify(f, 1, 3); /* not open */
		if (answered)
			assert_int_not_equal(TAKE(f,
						  VMB_MSG_MODIFY_CHANNEL_RESP)
						     ->modify.status,
					     0);
		NOTHING(f);
		fake_open_chan(f, 1, 2);
		f->taken = f->posted;
		vmbus_chan_send(d.ch, RING_PKT_INBAND, 0, 1, NULL, 0, "x", 1);
		vmbus_chan_flush(d.ch);
		assert_int_equal(f->signals, 1);
		assert_int_equal(f->signal_vp, 2);
		assert_int_equal(f->signal_flag, 1);
		fake_modify(f, 1, 5);
		if (answered)
			assert_int_equal(TAKE(f, VMB_MSG_MODIFY_CHANNEL_RESP)
						 ->modify.status,
					 0);
		/* The child reads all; then the ring goes from empty to not. */
		((struct ring_ctl *)(f->ram + 10 * 4096))->read_index = 32;
		vmbus_chan_send(d.ch, RING_PKT_INBAND, 0, 1, NULL, 0, "x", 1);
		vmbus_chan_flush(d.ch);
		assert_int_equal(f->signal_vp, known ? 5 : 2);
		fake_modify(f, 1, FAKE_VPS);
		fake_modify(f, 77, 1);
		if (answered) {
			assert_int_not_equal(TAKE(f,
						  VMB_MSG_MODIFY_CHANNEL_RESP)
						     ->modify.status,
					     0);
			assert_int_not_equal(TAKE(f,
						  VMB_MSG_MODIFY_CHANNEL_RESP)
						     ->modify.status,
					     0);
		}
		NOTHING(f);
		fake_modify(f, 1, VMB_VP_NONE);
		((struct ring_ctl *)(f->ram + 10 * 4096))->read_index = 64;
		vmbus_chan_send(d.ch, RING_PKT_INBAND, 0, 1, NULL, 0, "x", 1);
		vmbus_chan_flush(d.ch);
		assert_int_equal(f->signals, known ? 2 : 3);
		fake_free(f);
	}
}

/* ---- rescind ---- */

static void rescind_offered(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { 0 }, again = { 0 };

	/* Never told: nothing to take back. */
	fake_offer(f, &d, 1);
	vmbus_revoke(d.ch);
	assert_int_equal(d.released, 0);
	fake_run(f);
	assert_int_equal(d.released, 1);
	NOTHING(f);

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_gpadl_at(f, 1, 5, 8, 4);
	TAKE(f, VMB_MSG_GPADL_CREATED);
	vmbus_revoke(d.ch);
	vmbus_revoke(d.ch);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 1);
	fake_run(f);
	assert_int_equal(d.released, 2);
	/* What crossed the RESCIND: no answer to OPEN and CLOSE, one to these. */
	fake_open(f, 1, 5, 0, 2);
	fake_relid(f, VMB_MSG_CLOSE, 1);
	NOTHING(f);
	fake_gpadl_at(f, 1, 6, 8, 2);
	assert_int_equal(TAKE(f, VMB_MSG_GPADL_CREATED)->created.status, 0);
	fake_teardown(f, 1, 6);
	assert_int_equal(TAKE(f, VMB_MSG_GPADL_TORNDOWN)->torndown.gpadl, 6);
	fake_teardown(f, 1, 5);
	assert_int_equal(TAKE(f, VMB_MSG_GPADL_TORNDOWN)->torndown.gpadl, 5);
	fake_modify(f, 1, 0);
	assert_int_not_equal(
		TAKE(f, VMB_MSG_MODIFY_CHANNEL_RESP)->modify.status, 0);
	/* The same instance waits for the quarantine, another does not. */
	fake_offer(f, &d, 1);
	NOTHING(f);
	fake_offer(f, &again, 2);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.relid, 2);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.relid, 1);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 9);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 0);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 0xffffffff);
	NOTHING(f);
	fake_free(f);
}

static void rescind_opening(void **state)
{
	int result;

	for (result = 0; result >= -EIO; result -= EIO) {
		struct fake *f = fake_new(64, 0, 0);
		struct fake_dev d = { .revoke_in_open = true,
				      .open_result = result };

		fake_offer(f, &d, 1);
		fake_up(f);
		fake_open_chan(f, 1, 0);
		TAKE(f, VMB_MSG_GPADL_CREATED);
		assert_int_equal(d.closes, !result);
		fake_run(f);
		TAKE(f, VMB_MSG_RESCIND);
		assert_int_equal(d.released, 1);
		assert_int_equal(f->connected_fds, 0);
		NOTHING(f);
		fake_free(f);
	}
}

static void rescind_open(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true };

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	/* Somebody waits for this GPADL to be created. */
	fake_header(f, 1, 70, (uint64_t[40]){ FAKE_RAM_PFN }, 40);
	vmbus_revoke(d.ch);
	assert_int_not_equal(TAKE(f, VMB_MSG_GPADL_CREATED)->created.status, 0);
	assert_int_equal(d.closes, 1);
	assert_string_equal(vmbus_chan_state(d.ch), "revoked");
	fake_relid(f, VMB_MSG_CLOSE, 1);
	/* All is given back only when the device has let go. */
	fake_teardown(f, 1, 0xE1E11);
	fake_run(f);
	NOTHING(f);
	assert_int_equal(d.released, 0);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	TAKE(f, VMB_MSG_GPADL_TORNDOWN);
	TAKE(f, VMB_MSG_RESCIND);
	assert_int_equal(d.released, 1);
	d.slow = false;
	fake_offer(f, &d, 1);
	NOTHING(f);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.relid, 1);
	fake_free(f);
}

static void rescind_closing(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true };

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	fake_relid(f, VMB_MSG_CLOSE, 1);
	fake_teardown(f, 1, 0xE1E11);
	fake_open(f, 1, 0xE1E11, 0, 2); /* remembered, then moot */
	vmbus_revoke(d.ch);
	NOTHING(f);
	assert_int_equal(d.closes, 1);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	TAKE(f, VMB_MSG_GPADL_TORNDOWN);
	TAKE(f, VMB_MSG_RESCIND);
	NOTHING(f);
	assert_int_equal(d.opens, 1);
	assert_int_equal(d.released, 1);
	fake_free(f);
}

/* The child has given the relid back before it was asked to: no RESCIND. */
static void rescind_released(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true };

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	vmbus_revoke(d.ch);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	NOTHING(f);
	assert_int_equal(d.released, 1);
	/* No quarantine either. */
	fake_offer(f, &d, 1);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.relid, 1);
	fake_free(f);
}

static void chan_fails(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { 0 };

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	vmbus_chan_fail(d.ch, "test");
	vmbus_chan_fail(d.ch, "test again");
	NOTHING(f);
	fake_run(f);
	TAKE(f, VMB_MSG_RESCIND);
	NOTHING(f);
	assert_int_equal(d.closes, 1);
	assert_int_equal(d.released, 0);
	assert_string_equal(vmbus_chan_state(d.ch), "unoffered");
	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	NOTHING(f);
	/* Back with the next kernel; what the old one did is forgotten. */
	fake_up(f);
	assert_string_equal(vmbus_chan_state(d.ch), "offered");
	fake_open_chan(f, 1, 0);
	vmbus_chan_fail(d.ch, "test");
	fake_contact(f, VMB_VERSION_5_3);
	fake_run(f);
	fake_simple(f, VMB_MSG_REQUEST_OFFERS);
	assert_string_equal(vmbus_chan_state(d.ch), "offered");
	vmbus_revoke(d.ch);
	fake_run(f);
	assert_int_equal(d.released, 1);
	fake_free(f);
}

/* RELID_RELEASED without a RESCIND: the child wants it no more. */
static void released_early(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true };

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	assert_string_equal(vmbus_chan_state(d.ch), "open");
	fake_relid(f, VMB_MSG_CLOSE, 1);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	fake_open(f, 1, 0xE1E11, 0, 2);
	assert_string_equal(vmbus_chan_state(d.ch), "closing");
	vmbus_chan_closed(d.ch);
	fake_run(f);
	assert_string_equal(vmbus_chan_state(d.ch), "unoffered");
	NOTHING(f);
	assert_int_equal(d.opens, 1);
	fake_up(f);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	assert_string_equal(vmbus_chan_state(d.ch), "unoffered");
	assert_int_equal(d.released, 0);
	fake_free(f);
}

/* ---- sub-channels ---- */

static void sub_channels(void **state)
{
	struct fake *f = fake_new(64, 0, 0);
	struct fake_dev d = { .slow = true },
			s[2] = { { .slow = true }, { 0 } }, x = { 0 };
	struct fake_post *p;

	assert_int_equal(fake_offer_sub(f, &x, 1, 1), -ENOTCONN);
	fake_offer(f, &d, 1);
	fake_up(f);
	assert_int_equal(fake_offer_sub(f, &x, 1, 1), -ENOTCONN);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	assert_int_equal(fake_offer_sub(f, &s[0], 1, 1), 0);
	assert_int_equal(fake_offer_sub(f, &s[1], 1, 2), 0);
	assert_int_equal(fake_offer_sub(f, &x, 1, 2), -EEXIST);
	p = TAKE(f, VMB_MSG_OFFER);
	assert_int_equal(p->offer.sub_index, 1);
	assert_int_equal(p->offer.relid, 2);
	TAKE(f, VMB_MSG_OFFER);
	fake_open_chan(f, 2, 1);
	f->taken = f->posted;

	/* Closing the primary rescinds them, before its ring is given back. */
	fake_relid(f, VMB_MSG_CLOSE, 1);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 3);
	fake_teardown(f, 1, 0xE1E11);
	assert_int_equal(s[0].closes, 1);
	assert_int_equal(d.closes, 1);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	assert_int_equal(s[1].released, 1);
	/* A request of the sub-channel may still use memory of the primary. */
	assert_string_equal(vmbus_chan_state(d.ch), "closing");
	NOTHING(f);
	vmbus_chan_closed(s[0].ch);
	fake_run(f);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 2);
	TAKE(f, VMB_MSG_GPADL_TORNDOWN);
	assert_string_equal(vmbus_chan_state(d.ch), "offered");
	assert_int_equal(s[0].released, 1);

	/* New ones may come at once, with other relids. */
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	s[0].slow = false;
	assert_int_equal(fake_offer_sub(f, &s[0], 1, 1), 0);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.relid, 4);
	fake_open_chan(f, 4, 0);
	f->taken = f->posted;
	/* A sub-channel alone fails, and is gone. */
	vmbus_chan_fail(s[0].ch, "test");
	fake_run(f);
	TAKE(f, VMB_MSG_RESCIND);
	assert_int_equal(s[0].released, 2);
	assert_string_equal(vmbus_chan_state(d.ch), "open");
	/* Revoking the primary takes all. */
	fake_offer_sub(f, &s[0], 1, 1);
	TAKE(f, VMB_MSG_OFFER);
	d.slow = false;
	vmbus_revoke(d.ch);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 5);
	fake_run(f);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 1);
	assert_int_equal(s[0].released, 3);
	assert_int_equal(d.released, 1);
	fake_free(f);
}

static void count_chan(struct vmbus_chan *ch, void *arg)
{
	uint32_t *last = arg;

	assert_true(vmbus_chan_relid(ch) >= last[0]);
	last[0] = vmbus_chan_relid(ch);
	last[1]++;
}

static void each(void **state)
{
	struct fake *f = fake_new(8, 0, 0);
	struct fake_dev d[3] = { { 0 } };
	uint32_t seen[2] = { 0 };

	fake_offer(f, &d[0], 1);
	fake_offer(f, &d[1], 2);
	fake_up(f);
	vmbus_chan_fail(d[0].ch, "test");
	fake_run(f);
	fake_offer(f, &d[2], 3);
	vmbus_server_each(f->srv, count_chan, seen);
	assert_int_equal(seen[0], 3);
	assert_int_equal(seen[1], 3);
	assert_ptr_equal(vmbus_chan_server(d[2].ch), f->srv);
	assert_ptr_equal(vmbus_chan_mem(d[2].ch), &f->mem);
	assert_string_equal(vmbus_chan_name(d[2].ch), "dev");
	assert_int_equal(vmbus_chan_sub_index(d[2].ch), 0);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_close),
		cmocka_unit_test(open_refused),
		cmocka_unit_test(reopen),
		cmocka_unit_test(retarget),
		cmocka_unit_test(rescind_offered),
		cmocka_unit_test(rescind_opening),
		cmocka_unit_test(rescind_open),
		cmocka_unit_test(rescind_closing),
		cmocka_unit_test(rescind_released),
		cmocka_unit_test(chan_fails),
		cmocka_unit_test(released_early),
		cmocka_unit_test(sub_channels),
		cmocka_unit_test(each),
	};

	return cmocka_run_group_tests_name("vmbus_chan", tests, NULL, NULL);
}
