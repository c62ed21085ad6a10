// SPDX-License-Identifier: GPL-2.0
/*
 * Channels that are revoked while the child has them open: served until it
 * closes them, and not for ever.
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

/* A device that the child has open, revoked: it lingers. */
static struct fake *lingering(struct fake_dev *d)
{
	struct fake *f = fake_new_lingering(64);

	fake_offer(f, d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	vmbus_revoke(d->ch);
	vmbus_revoke(d->ch);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 1);
	NOTHING(f);
	fake_run(f);
	assert_non_null(d->ch);
	assert_string_equal(vmbus_chan_state(d->ch), "revoked");
	assert_int_equal(f->connected_fds, 1);
	assert_int_equal(f->alarms, 1);
	return f;
}

static void child_closes(void **state)
{
	struct fake_dev d = { 0 };
	struct fake *f = lingering(&d);

	/* Where it has its interrupts is still its own affair. */
	fake_modify(f, 1, 2);
	assert_int_equal(TAKE(f, VMB_MSG_MODIFY_CHANNEL_RESP)->modify.status,
			 0);
	fake_relid(f, VMB_MSG_CLOSE, 1);
	assert_int_equal(d.closes, 1);
	assert_int_equal(f->connected_fds, 0);
	fake_teardown(f, 1, 0xE1E11);
	fake_run(f);
	TAKE(f, VMB_MSG_GPADL_TORNDOWN);
	assert_int_equal(d.released, 1);
	/* The same instance comes when the child has let go of the old relid. */
	fake_offer(f, &d, 1);
	NOTHING(f);
	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	TAKE(f, VMB_MSG_OFFER);
	/* Its alarm finds nobody. */
	vmbus_server_alarm(f->srv);
	assert_int_equal(f->alarms, 1);
	fake_free(f);
}

static void child_releases(void **state)
{
	struct fake_dev d = { .slow = true };
	struct fake *f = lingering(&d);
	struct vmbus_server_stats st;

	fake_relid(f, VMB_MSG_RELID_RELEASED, 1);
	assert_int_equal(d.closes, 1);
	vmbus_chan_closed(d.ch);
	fake_run(f);
	assert_int_equal(d.released, 1);
	vmbus_server_get_stats(f->srv, &st);
	assert_int_equal(st.messages_bad, 0);
	/* No quarantine. */
	fake_offer(f, &d, 1);
	assert_int_equal(TAKE(f, VMB_MSG_OFFER)->offer.relid, 1);
	fake_free(f);
}

static void child_is_silent(void **state)
{
	struct fake_dev d = { 0 }, e = { 0 };
	struct fake *f = lingering(&d);

	vmbus_server_alarm(f->srv);
	assert_int_equal(d.closes, 0);
	assert_int_equal(f->alarms, 2);
	/* Another one has its own time. */
	fake_offer(f, &e, 2);
	TAKE(f, VMB_MSG_OFFER);
	fake_open_chan(f, 2, 0);
	f->taken = f->posted;
	vmbus_revoke(e.ch);
	TAKE(f, VMB_MSG_RESCIND);
	vmbus_server_alarm(f->srv);
	assert_int_equal(d.closes, 1);
	assert_int_equal(e.closes, 0);
	fake_run(f);
	assert_int_equal(d.released, 1);
	vmbus_server_alarm(f->srv);
	fake_run(f);
	assert_int_equal(e.released, 1);
	/* It hears nothing of that. */
	NOTHING(f);
	fake_free(f);
}

static void sub_channels_linger(void **state)
{
	struct fake *f = fake_new_lingering(64);
	struct fake_dev d = { 0 }, s[3] = { { 0 } }, x = { 0 };

	fake_offer(f, &d, 1);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	fake_offer_sub(f, &s[0], 1, 1);
	fake_offer_sub(f, &s[1], 1, 2);
	fake_offer_sub(f, &s[2], 1, 3);
	fake_open_chan(f, 2, 1);
	fake_open_chan(f, 3, 1);
	f->taken = f->posted;
	vmbus_revoke(d.ch);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 2);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 3);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 4);
	assert_int_equal(TAKE(f, VMB_MSG_RESCIND)->relid.relid, 1);
	fake_run(f);
	/* The third one wasn't open. */
	assert_int_equal(s[2].released, 1);
	assert_int_equal(s[0].closes + s[1].closes + d.closes, 0);
	assert_int_equal(fake_offer_sub(f, &x, 1, 3), -ENOTCONN);
	fake_relid(f, VMB_MSG_CLOSE, 3);
	fake_run(f);
	assert_int_equal(s[1].released, 1);
	/* The primary takes along what is left. */
	fake_relid(f, VMB_MSG_CLOSE, 1);
	fake_run(f);
	assert_int_equal(s[0].released, 1);
	assert_int_equal(d.released, 1);
	NOTHING(f);
	fake_free(f);
}

static void connection_ends(void **state)
{
	struct fake_dev d = { 0 }, failing = { 0 };
	struct fake *f = lingering(&d);

	fake_simple(f, VMB_MSG_UNLOAD);
	fake_run(f);
	TAKE(f, VMB_MSG_UNLOAD_RESPONSE);
	assert_int_equal(d.closes, 1);
	assert_int_equal(d.released, 1);
	vmbus_server_alarm(f->srv);
	fake_free(f);

	/* What fails meanwhile goes at once. */
	f = lingering(&failing);
	vmbus_chan_fail(failing.ch, "test");
	fake_run(f);
	assert_int_equal(failing.closes, 1);
	assert_int_equal(failing.released, 1);
	NOTHING(f);
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_closes),
		cmocka_unit_test(child_releases),
		cmocka_unit_test(child_is_silent),
		cmocka_unit_test(sub_channels_linger),
		cmocka_unit_test(connection_ends),
	};

	return cmocka_run_group_tests_name("vmbus_rescind", tests, NULL, NULL);
}
