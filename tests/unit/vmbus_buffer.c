// SPDX-License-Identifier: GPL-2.0
/*
 * GPADLs that a VSP holds: what may be held, its pieces, and that the child
 * gets it back when the VSP is through, not before.
 *
 * links: vmbus mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmbus_fake.h"

#define HANDLE 0x77

static struct fake *f;
static struct fake_dev dev[2];

static int setup(void **state)
{
	(void)state;
	memset(dev, 0, sizeof(dev));
	f = fake_new(512, 0, 0);
	fake_offer(f, &dev[0], 1);
	fake_offer(f, &dev[1], 2);
	fake_up(f);
	fake_open_chan(f, 1, 0);
	f->taken = f->posted;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_free(f);
	return 0;
}

static struct vmbus_buffer *hold(void)
{
	struct vmbus_buffer *b = NULL;

	assert_int_equal(vmbus_buffer_get(dev[0].ch, HANDLE, &b), 0);
	assert_non_null(b);
	return b;
}

static void lend(unsigned int first, unsigned int n)
{
	fake_gpadl_at(f, 1, HANDLE, first, n);
	assert_non_null(fake_take(f, VMB_MSG_GPADL_CREATED));
}

static void expect_torndown(void)
{
	struct fake_post *p = fake_take(f, VMB_MSG_GPADL_TORNDOWN);

	assert_non_null(p);
	assert_int_equal(p->torndown.gpadl, HANDLE);
	assert_int_equal(fake_left(f), 0);
}

static void refused(void **state)
{
	struct vmbus_buffer *b;

	(void)state;
	assert_int_equal(vmbus_buffer_get(dev[0].ch, HANDLE, &b), -ENOENT);
	/* The rings' own. */
	assert_int_equal(vmbus_buffer_get(dev[0].ch, 0xE1E11, &b), -EBUSY);
	lend(100, 3);
	assert_int_equal(vmbus_buffer_get(dev[1].ch, HANDLE, &b), -ENOENT);
}

static void pieces(void **state)
{
	const uint64_t pfn[] = { FAKE_RAM_PFN + 100, FAKE_RAM_PFN + 101,
				 FAKE_RAM_PFN + 200 };
	struct vmbus_buffer *b;
	struct iovec iov[3];
	uint8_t *first, *last;

	(void)state;
	fake_gpadl(f, 1, HANDLE, pfn, 3);
	assert_non_null(fake_take(f, VMB_MSG_GPADL_CREATED));
	b = hold();
	assert_int_equal(b->npages, 3);
	first = b->page[0];
	last = b->page[2];
	assert_int_equal(vmbus_buffer_iov(b, 0, 3 * 4096, iov, 3), 2);
	assert_ptr_equal(iov[0].iov_base, first);
	assert_int_equal(iov[0].iov_len, 8192);
	assert_ptr_equal(iov[1].iov_base, last);
	assert_int_equal(iov[1].iov_len, 4096);
	assert_int_equal(vmbus_buffer_iov(b, 8190, 5, iov, 3), 2);
	assert_ptr_equal(iov[0].iov_base, first + 8190);
	assert_int_equal(iov[0].iov_len, 2);
	assert_ptr_equal(iov[1].iov_base, last);
	assert_int_equal(iov[1].iov_len, 3);
	assert_int_equal(vmbus_buffer_iov(b, 8190, 5, iov, 1), -E2BIG);
	assert_int_equal(vmbus_buffer_iov(b, 3 * 4096 - 1, 2, iov, 3), -EINVAL);
	assert_int_equal(vmbus_buffer_iov(b, UINT32_MAX, 2, iov, 3), -EINVAL);
	assert_int_equal(vmbus_buffer_iov(b, 3 * 4096, 0, iov, 3), 0);
	vmbus_buffer_put(b);
}

/* While the channel is open; two holds. */
static void held(void **state)
{
	struct vmbus_buffer *b, *c;

	(void)state;
	lend(100, 3);
	b = hold();
	c = hold();
	fake_teardown(f, 1, HANDLE);
	assert_int_equal(fake_left(f), 0);
	/* Asked twice: still one answer. */
	fake_teardown(f, 1, HANDLE);
	vmbus_buffer_put(b);
	assert_int_equal(fake_left(f), 0);
	vmbus_buffer_put(c);
	expect_torndown();
	/* A put before it is asked for leaves it with the child. */
	lend(100, 3);
	vmbus_buffer_put(hold());
	assert_int_equal(fake_left(f), 0);
	fake_teardown(f, 1, HANDLE);
	expect_torndown();
}

/* The channel closes first: both must be over. */
static void closing(void **state)
{
	struct vmbus_buffer *b;

	(void)state;
	lend(100, 3);
	b = hold();
	dev[0].slow = true;
	fake_relid(f, VMB_MSG_CLOSE, 1);
	fake_teardown(f, 1, HANDLE);
	assert_int_equal(fake_left(f), 0);
	vmbus_buffer_put(b);
	assert_int_equal(fake_left(f), 0);
	vmbus_chan_closed(dev[0].ch);
	fake_run(f);
	expect_torndown();
}

/* The connection ends beneath a hold. */
static void unloaded(void **state)
{
	struct vmbus_buffer *b;

	(void)state;
	lend(100, 3);
	b = hold();
	fake_simple(f, VMB_MSG_UNLOAD);
	fake_run(f);
	assert_non_null(fake_take(f, VMB_MSG_UNLOAD_RESPONSE));
	assert_int_equal(b->npages, 3);
	assert_non_null(b->page[2]);
	vmbus_buffer_put(b);
	assert_int_equal(fake_left(f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refused, setup, teardown),
		cmocka_unit_test_setup_teardown(pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(held, setup, teardown),
		cmocka_unit_test_setup_teardown(closing, setup, teardown),
		cmocka_unit_test_setup_teardown(unloaded, setup, teardown),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("vmbus_buffer", tests, NULL, NULL);
}
