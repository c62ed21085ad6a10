// SPDX-License-Identifier: GPL-2.0
/*
 * The fault filter: what the child finds among its messages, too many, wrong,
 * late or missing.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmbus_scene.h"

/* The fault comes right behind the answer to a MODIFYCHANNEL. */
static struct fake_post *one_message(struct scene *s, uint32_t type)
{
	struct fake_post *p;

	s->f->taken = s->f->posted;
	fake_modify(s->f, 1, 1);
	assert_non_null(fake_take(s->f, VMB_MSG_MODIFY_CHANNEL_RESP));
	p = fake_take(s->f, type);
	assert_non_null(p);
	assert_int_equal(fake_left(s->f), 0);
	/* Once. */
	fake_modify(s->f, 1, 0);
	assert_non_null(fake_take(s->f, VMB_MSG_MODIFY_CHANNEL_RESP));
	assert_int_equal(fake_left(s->f), 0);
	return p;
}

/* VERSION_RESPONSE, OFFER, ALL_OFFERS, GPADL_CREATED, OPEN_RESULT come first. */
static struct scene *bus_scene(const char *what)
{
	char spec[80];

	snprintf(spec, sizeof(spec), "bus:do=%s,after=%d,count=1", what,
		 /* No offer is known while the version is being told. */
		 strncmp(what, "offer", 5) ? 5 : 4);
	return scene_new(spec);
}

static void test_offers(void **state)
{
	static const struct {
		const char *what;
		uint32_t relid;
		size_t len;
	} cases[] = {
		{ "offer-again", 1, sizeof(struct vmb_offer) },
		{ "offer-zero", 0, sizeof(struct vmb_offer) },
		{ "offer-beyond", VMB_RELIDS, sizeof(struct vmb_offer) },
		{ "offer-short", VMB_RELIDS - 1, sizeof(struct vmb_offer) - 4 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene *s = bus_scene(cases[i].what);
		struct fake_post *p = one_message(s, VMB_MSG_OFFER);

		assert_int_equal(p->offer.relid, cases[i].relid);
		assert_int_equal(p->len, cases[i].len);
		/* The device that is there, or another one. */
		assert_int_equal(p->offer.instance.b[0] == 1, !i);
		scene_free(s);
	}
}

/* The channel's own offer, the first time and not when it is offered anew. */
static void test_socket(void **state)
{
	char why[512];
	struct fake *f = fake_new(64, 0, 0);
	struct vmbus_server_stats stats;
	struct fake_post *p = NULL;
	struct fake_dev d;
	unsigned int i, round;

	(void)state;
	log_set_level(LOG_LEVEL_ERR);
	assert_int_equal(vmbus_fault_add(f->srv, "dev:do=socket,count=1", why,
					 sizeof(why)),
			 0);
	fake_offer(f, &d, 1);
	for (round = 0; round < 2; round++) {
		fake_up(f);
		for (i = 0; i < f->posted; i++)
			if (f->post[i].hdr.type == VMB_MSG_OFFER)
				p = &f->post[i];
		assert_non_null(p);
		assert_int_equal(p->offer.flags & VMB_OFFER_TLNPI,
				 round ? 0 : VMB_OFFER_TLNPI);
		assert_int_equal(p->offer.type.b[0] == (5000 & 0xff) &&
					 p->offer.type.b[1] == 5000 >> 8,
				 !round);
		assert_int_equal(p->offer.user[4], !round);
		assert_int_equal(p->offer.instance.b[0], 1);
	}
	vmbus_server_get_stats(f->srv, &stats);
	assert_int_equal(stats.faults, 1);
	fake_free(f);
}

static void test_messages(void **state)
{
	static const struct {
		const char *what;
		uint32_t type;
		size_t len;
	} cases[] = {
		{ "rescind", VMB_MSG_RESCIND, 12 },
		{ "rescind-beyond", VMB_MSG_RESCIND, 12 },
		{ "open-result", VMB_MSG_OPEN_RESULT, 20 },
		{ "gpadl-created", VMB_MSG_GPADL_CREATED, 20 },
		{ "gpadl-torndown", VMB_MSG_GPADL_TORNDOWN, 12 },
		{ "unload-response", VMB_MSG_UNLOAD_RESPONSE, 8 },
		{ "type", 99, 8 },
		{ "short", VMB_MSG_RESCIND, 9 },
		{ "empty", 0, 1 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene *s = bus_scene(cases[i].what);
		struct fake_post *p = one_message(s, cases[i].type);

		assert_int_equal(p->len, cases[i].len);
		if (!strcmp(cases[i].what, "rescind"))
			assert_int_equal(p->relid.relid, VMB_RELIDS - 1);
		if (!strcmp(cases[i].what, "rescind-beyond"))
			assert_int_equal(p->relid.relid, VMB_RELIDS);
		assert_int_equal(faults(s), 1);
		scene_free(s);
	}
}

static void test_many_messages(void **state)
{
	struct scene *s = scene_new("bus:do=type,after=5,count=1,times=300");
	unsigned int n = 0;

	(void)state;
	s->f->taken = s->f->posted;
	fake_modify(s->f, 1, 1);
	assert_non_null(fake_take(s->f, VMB_MSG_MODIFY_CHANNEL_RESP));
	while (fake_take(s->f, 99))
		n++;
	assert_int_equal(n, 300);
	assert_int_equal(fake_left(s->f), 0);
	scene_free(s);
}

/* Device, sub-channel, and neither; each round others. */
static void test_orphans(void **state)
{
	struct scene *s = scene_new("bus:do=orphan,after=4,count=1,times=12");
	struct fake_post *p;
	struct guid_reg type;
	uint32_t relid;
	unsigned int n;

	(void)state;
	s->f->taken = s->f->posted;
	fake_modify(s->f, 1, 1);
	assert_non_null(fake_take(s->f, VMB_MSG_MODIFY_CHANNEL_RESP));
	for (n = 0; n < 3; n++) {
		struct guid_reg instance;

		p = fake_take(s->f, VMB_MSG_OFFER);
		assert_non_null(p);
		relid = p->offer.relid;
		type = p->offer.type;
		instance = p->offer.instance;
		assert_int_equal(relid, VMB_RELIDS - 2 - 2 * n);
		assert_int_equal(instance.b[0], n);
		assert_int_equal(p->offer.sub_index, 0);
		p = fake_take(s->f, VMB_MSG_OFFER);
		assert_non_null(p);
		assert_int_equal(p->offer.relid, relid - 1);
		assert_int_equal(p->offer.sub_index, 1);
		assert_memory_equal(&p->offer.type, &type, sizeof(type));
		assert_memory_equal(&p->offer.instance, &instance,
				    sizeof(instance));
		p = fake_take(s->f, VMB_MSG_RESCIND);
		assert_non_null(p);
		assert_int_equal(p->relid.relid, relid);
		p = fake_take(s->f, VMB_MSG_RESCIND);
		assert_non_null(p);
		assert_int_equal(p->relid.relid, relid - 1);
	}
	assert_int_equal(fake_left(s->f), 0);
	scene_free(s);
}

/* Makes two GPADLs and takes them back; what of both is answered at once. */
static void two_gpadls(struct scene *s, const char *answers)
{
	char got[5] = "";
	size_t n = 0;

	fake_gpadl_at(s->f, 1, 77, 30, 1);
	fake_gpadl_at(s->f, 1, 78, 31, 1);
	fake_teardown(s->f, 1, 77);
	fake_teardown(s->f, 1, 78);
	while (fake_left(s->f)) {
		if (fake_take(s->f, VMB_MSG_GPADL_CREATED))
			got[n++] = 'c';
		else if (fake_take(s->f, VMB_MSG_GPADL_TORNDOWN))
			got[n++] = 't';
		else
			fail();
		assert_true(n < sizeof(got));
	}
	assert_string_equal(got, answers);
}

static void test_lost(void **state)
{
	struct scene *s = scene_new("bus:do=torndown-lost,count=1 "
				    "bus:do=created-lost,after=2,count=1");

	(void)state;
	s->f->taken = s->f->posted;
	/* One for the rings has gone before. */
	two_gpadls(s, "ct");
	assert_int_equal(faults(s), 2);
	assert_int_equal(s->f->nlate, 0);
	scene_free(s);
}

static void test_late(void **state)
{
	struct scene *s = scene_new("bus:do=torndown-late,ms=70,after=1 "
				    "bus:do=created-late,after=2,count=1");
	struct fake_post *p;

	(void)state;
	s->f->taken = s->f->posted;
	two_gpadls(s, "ct");
	assert_int_equal(s->f->nlate, 2);
	assert_int_equal(s->f->late[0].ms, 5000);
	assert_int_equal(s->f->late[1].ms, 70);

	s->f->late[1].fn(s->f->late[1].arg);
	p = fake_take(s->f, VMB_MSG_GPADL_TORNDOWN);
	assert_non_null(p);
	assert_int_equal(p->torndown.gpadl, 78);
	s->f->late[0].fn(s->f->late[0].arg);
	p = fake_take(s->f, VMB_MSG_GPADL_CREATED);
	assert_non_null(p);
	assert_int_equal(p->created.gpadl, 78);
	assert_int_equal(fake_left(s->f), 0);
	scene_free(s);
}

/* What is late when the connection ends doesn't come; nor does it leak. */
static void test_late_ends_with_connection(void **state)
{
	struct scene *s = scene_new("bus:do=torndown-late");

	(void)state;
	s->f->taken = s->f->posted;
	two_gpadls(s, "cc");
	assert_int_equal(s->f->nlate, 2);
	fake_simple(s->f, VMB_MSG_UNLOAD);
	fake_run(s->f);
	assert_non_null(fake_take(s->f, VMB_MSG_UNLOAD_RESPONSE));
	s->f->late[0].fn(s->f->late[0].arg);
	assert_int_equal(fake_left(s->f), 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_many_messages),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_late_ends_with_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
