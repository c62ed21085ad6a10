// SPDX-License-Identifier: GPL-2.0
/*
 * GPADLs: split lists, several ranges, limits, and lists that lie.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmbus_fake.h"

#define PAGES 8192u

/* A connected child with channels 1 and 2. */
struct scene {
	struct fake *f;
	struct fake_dev d[2];
};

static struct scene *scene_new(uint64_t limit)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->f = fake_new(PAGES, 0, limit);
	fake_offer(s->f, &s->d[0], 1);
	fake_offer(s->f, &s->d[1], 2);
	fake_up(s->f);
	return s;
}

static void scene_free(struct scene *s)
{
	fake_free(s->f);
	free(s);
}

static void expect_live(struct fake *f, uint64_t n, uint64_t bytes)
{
	struct vmbus_server_stats st;

	vmbus_server_get_stats(f->srv, &st);
	assert_int_equal(st.gpadls, n);
	assert_int_equal(st.gpadl_bytes, bytes);
}

static void expect_created(struct fake *f, uint32_t relid, uint32_t handle,
			   bool ok)
{
	struct fake_post *p = fake_take(f, VMB_MSG_GPADL_CREATED);

	assert_non_null(p);
	assert_int_equal(p->len, 20);
	assert_int_equal(p->created.relid, relid);
	assert_int_equal(p->created.gpadl, handle);
	assert_int_equal(p->created.status == 0, ok);
	assert_int_equal(fake_left(f), 0);
}

static void expect_torndown(struct fake *f, uint32_t handle)
{
	struct fake_post *p = fake_take(f, VMB_MSG_GPADL_TORNDOWN);

	assert_non_null(p);
	assert_int_equal(p->torndown.gpadl, handle);
	assert_int_equal(fake_left(f), 0);
}

/* A header built from parts that need not fit each other. */
static void header(struct fake *f, uint32_t handle, uint16_t ranges_len,
		   uint16_t count, const uint64_t *words, unsigned int nwords,
		   unsigned int junk)
{
	uint8_t b[VMB_MSG_MAX];
	struct vmb_gpadl_header m = {
		{ VMB_MSG_GPADL_HEADER, 0 }, 1, handle, ranges_len, count,
	};

	memset(b, 0xee, sizeof(b));
	memcpy(b, &m, sizeof(m));
	memcpy(b + sizeof(m), words, nwords * 8);
	fake_send(f, b, sizeof(m) + nwords * 8 + junk);
}

/* One word: a range's byte count and offset. */
#define RANGE(len, offset) ((uint64_t)(offset) << 32 | (uint32_t)(len))
#define P(n)		   (FAKE_RAM_PFN + (n))

static void vector(void **state)
{
	static const uint8_t msg[] = {
		8, 0,	 0,    0,    0,	   0,	 0,    0,    1,	   0, 0,
		0, 0x10, 0x1e, 0x0e, 0,	   0x18, 0,    1,    0,	   0, 0x20,
		0, 0,	 0,    0,    0,	   0,	 0x45, 0x23, 0x01, 0, 0,
		0, 0,	 0,    0x46, 0x23, 0x01, 0,    0,    0,	   0, 0,
	};
	static const uint8_t open[148] = {
		5, 0, 0,    0,	  0,	0, 0, 0, 1, 0, 0, 0, 1, 0,
		0, 0, 0x10, 0x1e, 0x0e, 0, 3, 0, 0, 0, 1, 0, 0, 0,
	};
	struct scene *s = scene_new(0);
	uint8_t *ram = aligned_alloc(4096, 2 * 4096);
	struct fake_post *p;

	assert_int_equal(mem_add(&s->f->mem, 0x12345000, 2 * 4096, ram), 0);
	assert_int_equal(sizeof(msg), 44);
	fake_send(s->f, msg, sizeof(msg));
	expect_created(s->f, 1, 0xE1E10, true);
	expect_live(s->f, 1, 8192);
	/* Two pages can't be two rings. */
	fake_send(s->f, open, sizeof(open));
	p = fake_take(s->f, VMB_MSG_OPEN_RESULT);
	assert_non_null(p);
	assert_int_equal(p->open.relid, 1);
	assert_int_equal(p->open.open_id, 1);
	assert_int_not_equal(p->open.status, 0);
	scene_free(s);
	free(ram);
}

/* Every size up to the largest that one range can have. */
static void split(void **state)
{
	static const unsigned int sizes[] = { 1,    2,	  25,	26,  27, 53,
					      54,   55,	  56,	81,  82, 83,
					      1000, 8163, 8189, 8190 };
	struct scene *s = scene_new(0);
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fake_gpadl_at(s->f, 1, i, 0, sizes[i]);
		expect_created(s->f, 1, i, true);
		expect_live(s->f, 1, sizes[i] * 4096ull);
		fake_teardown(s->f, 1, i);
		expect_torndown(s->f, i);
		expect_live(s->f, 0, 0);
	}
	scene_free(s);
}

/* One PFN per body, and two lists in turns. */
static void interleaved(void **state)
{
	struct scene *s = scene_new(0);
	uint64_t pfn[40];
	unsigned int i;

	for (i = 0; i < 40; i++)
		pfn[i] = P(i);
	fake_header(s->f, 1, 100, pfn, 40);
	fake_header(s->f, 2, 200, pfn, 40);
	for (i = 26; i < 40; i++) {
		assert_int_equal(fake_left(s->f), 0);
		fake_body(s->f, 100, pfn + i, 1);
		if (i < 39)
			fake_body(s->f, 200, pfn + i, 1);
	}
	expect_created(s->f, 1, 100, true);
	fake_body(s->f, 200, pfn, 1);
	expect_created(s->f, 2, 200, true);
	/* Complete: a further body is nobody's. */
	fake_body(s->f, 200, pfn, 1);
	fake_body(s->f, 300, pfn, 1);
	assert_int_equal(fake_left(s->f), 0);
	expect_live(s->f, 2, 80 * 4096);
	scene_free(s);
}

/* Children that post 240 bytes whatever is in them. */
static void padded(void **state)
{
	struct scene *s = scene_new(0);
	uint64_t w[27] = { RANGE(3 * 4096, 0), P(1), P(2), P(3) };
	uint8_t b[VMB_MSG_MAX] = { 0 };
	struct vmb_gpadl_body body = { { VMB_MSG_GPADL_BODY, 0 }, 0, 2 };
	uint64_t pfn = P(9);
	unsigned int i;

	header(s->f, 1, 32, 1, w, 4, 240 - 20 - 32);
	expect_created(s->f, 1, 1, true);
	/* 27 pages: 26 in the header with 4 bytes of junk, 1 in a full body. */
	w[0] = RANGE(27 * 4096, 0);
	for (i = 1; i < 27; i++)
		w[i] = P(i);
	header(s->f, 2, 8 + 27 * 8, 1, w, 27, 4);
	assert_int_equal(fake_left(s->f), 0);
	memset(b, 0xee, sizeof(b));
	memcpy(b, &body, sizeof(body));
	memcpy(b + sizeof(body), &pfn, sizeof(pfn));
	fake_send(s->f, b, sizeof(b));
	expect_created(s->f, 1, 2, true);
	expect_live(s->f, 2, 30 * 4096);
	scene_free(s);
}

static void ranges(void **state)
{
	struct scene *s = scene_new(0);
	const uint64_t three[] = {
		RANGE(100, 4000), P(1), RANGE(1, 4096), P(2), P(3),
		RANGE(8192, 1),	  P(4), P(5),		P(6),
	};
	const uint64_t whole[] = { RANGE(4096, 0), P(1), RANGE(4096 * 3, 0),
				   P(2),	   P(3), P(4) };
	const uint64_t shifted[] = { RANGE(4 * 4096 - 8, 8), P(8), P(9), P(10),
				     P(11) };
	const uint64_t odd[] = { RANGE(4 * 4096 - 8, 0), P(8), P(9), P(10),
				 P(11) };
	struct fake_post *p;
	unsigned int i;

	/* 4000 + 100 crosses into a second page: one PFN too few. */
	header(s->f, 1, sizeof(three), 3, three, 9, 0);
	expect_created(s->f, 1, 1, false);
	header(s->f, 1, sizeof(whole), 2, whole, 6, 0);
	expect_created(s->f, 1, 1, true);
	expect_live(s->f, 1, 4 * 4096);
	header(s->f, 2, sizeof(shifted), 1, shifted, 5, 0);
	expect_created(s->f, 1, 2, true);
	header(s->f, 3, sizeof(odd), 1, odd, 5, 0);
	expect_created(s->f, 1, 3, true);
	/* Good memory, but none of these can hold rings. */
	for (i = 1; i <= 3; i++) {
		fake_open(s->f, 1, i, 0, 2);
		p = fake_take(s->f, VMB_MSG_OPEN_RESULT);
		assert_non_null(p);
		assert_int_not_equal(p->open.status, 0);
	}
	assert_int_equal(s->d[0].opens, 0);
	scene_free(s);
}

static void lies(void **state)
{
	const uint64_t one[] = { RANGE(4096, 0), P(0), P(1), P(2) };
	const uint64_t two[] = { RANGE(4096, 0), P(0), RANGE(8192, 0), P(1) };
	const uint64_t empty[] = { RANGE(0, 0), P(0) };
	const uint64_t outside[] = { RANGE(4096, 0), P(PAGES) };
	const uint64_t below[] = { RANGE(4096, 0), P(-1) };
	const uint64_t second[] = { RANGE(8192, 0), P(0), P(PAGES) };
	const uint64_t wraps[] = { RANGE(4096, 0), 1ull << 52 | P(0) };
	const uint64_t huge[] = { RANGE(4096, 0), UINT64_MAX };
	const uint64_t longer[] = { RANGE(0xffffffff, 0xffffffff), P(0) };
	const uint64_t longer2[] = { RANGE(4097, 0), P(0) };
	const uint64_t offset[] = { RANGE(1, 4096), P(0) };
	const struct {
		uint16_t len, count;
		const uint64_t *words;
		unsigned int nwords;
	} bad[] = {
		{ 16, 0, one, 2 },    { 0, 1, one, 2 },
		{ 8, 1, one, 2 },     { 12, 1, one, 2 },
		{ 17, 1, one, 3 },    { 20, 1, one, 3 },
		{ 24, 1, one, 3 },    { 16, 2, one, 2 },
		{ 32, 2, two, 4 },    { 65528, 4096, one, 2 },
		{ 65535, 1, one, 2 }, { 16, 65535, one, 2 },
		{ 16, 1, empty, 2 },  { 16, 1, outside, 2 },
		{ 16, 1, below, 2 },  { 24, 1, second, 3 },
		{ 16, 1, wraps, 2 },  { 16, 1, huge, 2 },
		{ 16, 1, longer, 2 }, { 16, 1, longer2, 2 },
		{ 16, 1, offset, 2 },
	};
	struct scene *s = scene_new(0);
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		header(s->f, 1, bad[i].len, bad[i].count, bad[i].words,
		       bad[i].nwords, 0);
		expect_created(s->f, 1, 1, false);
		expect_live(s->f, 0, 0);
	}
	/* A wrong page that only the last body has. */
	fake_header(s->f, 1, 1, (uint64_t[27]){ 0 }, 27);
	fake_body(s->f, 1, one, 1);
	expect_created(s->f, 1, 1, false);
	/* Bodies with nothing in them fill nothing. */
	fake_header(s->f, 1, 1, (uint64_t[27]){ 0 }, 27);
	for (i = 0; i < 10; i++)
		fake_body(s->f, 1, one, 0);
	assert_int_equal(fake_left(s->f), 0);
	/* An unknown channel. */
	fake_gpadl_at(s->f, 3, 9, 0, 1);
	expect_created(s->f, 3, 9, false);
	fake_gpadl_at(s->f, 0, 9, 0, 1);
	expect_created(s->f, 0, 9, false);
	fake_gpadl_at(s->f, 0xffffffff, 9, 0, 1);
	expect_created(s->f, 0xffffffff, 9, false);
	scene_free(s);
}

static void handles(void **state)
{
	struct scene *s = scene_new(0);
	uint64_t pfn[30] = { 0 };
	unsigned int i;

	for (i = 0; i < 30; i++)
		pfn[i] = P(i);
	/* 0 and the largest are handles like any other; same bucket, too. */
	fake_gpadl_at(s->f, 1, 0, 0, 1);
	expect_created(s->f, 1, 0, true);
	fake_gpadl_at(s->f, 1, 256, 0, 1);
	expect_created(s->f, 1, 256, true);
	fake_gpadl_at(s->f, 1, 0xffffffff, 0, 1);
	expect_created(s->f, 1, 0xffffffff, true);
	/* Taken: by a live one of this or another channel, by an unfinished one. */
	fake_gpadl_at(s->f, 1, 0, 4, 1);
	expect_created(s->f, 1, 0, false);
	fake_gpadl_at(s->f, 2, 0, 4, 1);
	expect_created(s->f, 2, 0, false);
	fake_header(s->f, 1, 5, pfn, 30);
	fake_header(s->f, 2, 5, pfn, 30);
	expect_created(s->f, 2, 5, false);
	fake_body(s->f, 5, pfn, 4);
	expect_created(s->f, 1, 5, true);
	expect_live(s->f, 4, 33 * 4096);
	/* Lending the same pages twice is the child's business. */
	fake_gpadl_at(s->f, 2, 6, 0, 1);
	expect_created(s->f, 2, 6, true);
	/* Another channel can't give it back. */
	fake_teardown(s->f, 2, 0);
	assert_int_equal(fake_left(s->f), 0);
	expect_live(s->f, 5, 34 * 4096);
	fake_teardown(s->f, 1, 0);
	expect_torndown(s->f, 0);
	/* Twice, or never made: the child shall not wait for it. */
	fake_teardown(s->f, 1, 0);
	expect_torndown(s->f, 0);
	fake_teardown(s->f, 999, 1234);
	expect_torndown(s->f, 1234);
	/* Unfinished: gone, and its bodies are nobody's. */
	fake_header(s->f, 1, 7, pfn, 30);
	fake_teardown(s->f, 1, 7);
	expect_torndown(s->f, 7);
	fake_body(s->f, 7, pfn, 4);
	assert_int_equal(fake_left(s->f), 0);
	expect_live(s->f, 4, 33 * 4096);
	scene_free(s);
}

static void limits(void **state)
{
	struct scene *s = scene_new(100 * 4096);
	static uint64_t pfn[8190];
	unsigned int i, n;

	log_set_level(LOG_LEVEL_ERR);
	fake_gpadl_at(s->f, 1, 1, 0, 60);
	expect_created(s->f, 1, 1, true);
	fake_gpadl_at(s->f, 1, 2, 0, 41);
	expect_created(s->f, 1, 2, false);
	fake_gpadl_at(s->f, 1, 2, 0, 40);
	expect_created(s->f, 1, 2, true);
	fake_gpadl_at(s->f, 1, 3, 0, 1);
	expect_created(s->f, 1, 3, false);
	fake_teardown(s->f, 1, 1);
	expect_torndown(s->f, 1);
	fake_gpadl_at(s->f, 1, 3, 0, 60);
	expect_created(s->f, 1, 3, true);
	scene_free(s);

	/* Lists that never end: refused at some point, all forgotten with the
	 * connection. */
	s = scene_new(0);
	for (n = 0; n < 1000; n++) {
		fake_header(s->f, 1, n, pfn, 8190);
		if (fake_left(s->f))
			break;
	}
	assert_in_range(n, 16, 200);
	expect_created(s->f, 1, n, false);
	fake_gpadl_at(s->f, 1, 5000, 0, 8190);
	expect_created(s->f, 1, 5000, false);
	fake_up(s->f);
	fake_gpadl_at(s->f, 1, 5000, 0, 8190);
	expect_created(s->f, 1, 5000, true);
	fake_up(s->f);
	expect_live(s->f, 0, 0);
	/* Many small ones. */
	for (i = 0; i < 10000; i++) {
		fake_gpadl_at(s->f, 1, i, 0, 1);
		if (fake_take(s->f, VMB_MSG_GPADL_CREATED)->created.status)
			break;
	}
	assert_int_equal(i, 8192);
	expect_live(s->f, i, i * 4096ull);
	scene_free(s);
}

/* The open channel's ring stays until it is closed; other lists do not. */
static void teardown_while_open(void **state)
{
	struct scene *s = scene_new(0);
	struct fake *f = s->f;
	uint64_t pfn[30] = { 0 };

	s->d[0].slow = true;
	fake_open_chan(f, 1, 0);
	fake_gpadl_at(f, 1, 60, 100, 10);
	f->taken = f->posted;
	fake_teardown(f, 1, 60);
	expect_torndown(f, 60);
	fake_gpadl_at(f, 1, 60, 100, 10);
	expect_created(f, 1, 60, true);
	fake_teardown(f, 1, 0xE1E11);
	fake_teardown(f, 1, 0xE1E11);
	assert_int_equal(fake_left(f), 0);
	/* Not to be opened on while it goes. */
	fake_relid(f, VMB_MSG_CLOSE, 1);
	fake_teardown(f, 1, 60);
	fake_header(f, 1, 61, pfn, 30);
	fake_teardown(f, 1, 61);
	expect_torndown(f, 61);
	fake_open(f, 1, 0xE1E11, 0, 2);
	vmbus_chan_closed(s->d[0].ch);
	fake_run(f);
	assert_non_null(fake_take(f, VMB_MSG_GPADL_TORNDOWN));
	assert_non_null(fake_take(f, VMB_MSG_GPADL_TORNDOWN));
	assert_int_not_equal(fake_take(f, VMB_MSG_OPEN_RESULT)->open.status, 0);
	assert_int_equal(fake_left(f), 0);
	assert_int_equal(s->d[0].opens, 1);
	expect_live(f, 0, 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector),
		cmocka_unit_test(split),
		cmocka_unit_test(interleaved),
		cmocka_unit_test(padded),
		cmocka_unit_test(ranges),
		cmocka_unit_test(lies),
		cmocka_unit_test(handles),
		cmocka_unit_test(limits),
		cmocka_unit_test(teardown_while_open),
	};

	return cmocka_run_group_tests_name("vmbus_gpadl", tests, NULL, NULL);
}
