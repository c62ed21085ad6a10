// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory: bounds, holes, wrap-around, scatter lists.
 *
 * links: mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem/mem.h"

#define MIB  (1ull << 20)
#define PAGE MEM_PAGE_SIZE

static void test_create(void **state)
{
	struct mem m;

	(void)state;
	assert_int_equal(mem_create(&m, 0, MIB, 2 * MIB), -EINVAL);
	assert_int_equal(mem_create(&m, MIB + 1, MIB, 2 * MIB), -EINVAL);
	assert_int_equal(mem_create(&m, MIB, 2 * MIB, MIB), -EINVAL);
	assert_int_equal(m.nregions, 0);

	assert_int_equal(mem_create(&m, 4 * MIB, 8 * MIB, 16 * MIB), 0);
	assert_int_equal(m.nregions, 1);
	mem_destroy(&m);
	assert_int_equal(m.nregions, 0);
	assert_int_equal(m.fd, -1);

	assert_int_equal(mem_create(&m, 4 * MIB, 3 * MIB, 16 * MIB), 0);
	assert_int_equal(m.nregions, 2);
	assert_int_equal(m.size, 4 * MIB);
	assert_int_equal(m.region[1].gpa, 16 * MIB);
	assert_int_equal(m.region[1].size, MIB);
	assert_non_null(mem_ptr(&m, 3 * MIB - 1, 1));
	assert_null(mem_ptr(&m, 3 * MIB, 1));
	assert_null(mem_ptr(&m, 3 * MIB - 1, 2));
	assert_null(mem_ptr(&m, 16 * MIB - 1, 1));
	assert_non_null(mem_ptr(&m, 16 * MIB, MIB));
	assert_null(mem_ptr(&m, 16 * MIB, MIB + 1));
	assert_null(mem_ptr(&m, 17 * MIB, 1));
	assert_null(mem_ptr(&m, UINT64_MAX, 1));
	assert_null(mem_ptr(&m, 0, UINT64_MAX));
	assert_null(mem_ptr(&m, 16 * MIB, UINT64_MAX - 8));
	mem_destroy(&m);
}

static void test_add(void **state)
{
	static char a[2 * PAGE];
	struct mem m;
	unsigned int i;

	(void)state;
	mem_init(&m);
	assert_int_equal(mem_add(&m, 0, 0, a), -EINVAL);
	assert_int_equal(mem_add(&m, 1, PAGE, a), -EINVAL);
	assert_int_equal(mem_add(&m, 0, PAGE, NULL), -EINVAL);
	assert_int_equal(mem_add(&m, ~(uint64_t)PAGE + 1, 2 * PAGE, a),
			 -EINVAL);
	assert_int_equal(mem_add(&m, PAGE, PAGE, a), 0);
	assert_int_equal(mem_add(&m, 0, 2 * PAGE, a), -EEXIST);
	assert_int_equal(mem_add(&m, PAGE, PAGE, a), -EEXIST);
	for (i = 1; i < MEM_REGIONS; i++)
		assert_int_equal(mem_add(&m, (1 + i) * PAGE, PAGE, a), 0);
	assert_int_equal(mem_add(&m, 64 * PAGE, PAGE, a), -ENOSPC);
	assert_int_equal(m.size, MEM_REGIONS * PAGE);
}

/* Two regions next to each other in GPA space but not in host memory. */
static void test_copy(void **state)
{
	static unsigned char low[PAGE], high[PAGE];
	unsigned char buf[64], out[64];
	struct mem m;
	unsigned int i;

	(void)state;
	mem_init(&m);
	assert_int_equal(mem_add(&m, 0, PAGE, high), 0);
	assert_int_equal(mem_add(&m, PAGE, PAGE, low), 0);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i + 1;
	assert_int_equal(mem_write(&m, PAGE - 16, buf, sizeof(buf)), 0);
	assert_int_equal(high[PAGE - 1], 16);
	assert_int_equal(low[0], 17);
	assert_int_equal(mem_read(&m, PAGE - 16, out, sizeof(out)), 0);
	assert_memory_equal(buf, out, sizeof(buf));

	/* All or nothing. */
	memset(low, 0, PAGE);
	assert_int_equal(mem_write(&m, 2 * PAGE - 16, buf, sizeof(buf)),
			 -EFAULT);
	assert_int_equal(low[PAGE - 16], 0);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(mem_read(&m, 2 * PAGE - 16, out, sizeof(out)),
			 -EFAULT);
	assert_int_equal(out[0], 0xee);
	assert_int_equal(mem_read(&m, UINT64_MAX - 7, out, 16), -EFAULT);
	assert_int_equal(mem_read(&m, 1 << 20, out, 0), 0);
}

static void test_iov(void **state)
{
	static char ram[8 * PAGE];
	const uint64_t run[] = { 2, 3, 4 };
	const uint64_t mixed[] = { 2, 3, 6, 1 };
	const uint64_t outside[] = { 2, 8 };
	const uint64_t wild[] = { 2, UINT64_MAX, (UINT64_MAX / PAGE) + 3 };
	struct iovec iov[4];
	struct mem m;

	(void)state;
	mem_init(&m);
	assert_int_equal(mem_add(&m, 0, sizeof(ram), ram), 0);

	assert_int_equal(mem_iov(&m, run, 3, 0, 3 * PAGE, iov, 1), 1);
	assert_ptr_equal(iov[0].iov_base, ram + 2 * PAGE);
	assert_int_equal(iov[0].iov_len, 3 * PAGE);
	/* An offset beyond the first page skips whole pages. */
	assert_int_equal(mem_iov(&m, run, 3, PAGE + 8, 2 * PAGE - 8, iov, 4),
			 1);
	assert_ptr_equal(iov[0].iov_base, ram + 3 * PAGE + 8);
	assert_int_equal(iov[0].iov_len, 2 * PAGE - 8);

	assert_int_equal(mem_iov(&m, mixed, 4, 100, 3 * PAGE, iov, 4), 3);
	assert_ptr_equal(iov[0].iov_base, ram + 2 * PAGE + 100);
	assert_int_equal(iov[0].iov_len, 2 * PAGE - 100);
	assert_ptr_equal(iov[1].iov_base, ram + 6 * PAGE);
	assert_int_equal(iov[1].iov_len, PAGE);
	assert_ptr_equal(iov[2].iov_base, ram + PAGE);
	assert_int_equal(iov[2].iov_len, 100);
	assert_int_equal(mem_iov(&m, mixed, 4, 100, 3 * PAGE, iov, 2), -E2BIG);

	assert_int_equal(mem_iov(&m, run, 3, 0, 0, iov, 0), 0);
	assert_int_equal(mem_iov(&m, run, 3, 1, 3 * PAGE, iov, 4), -EINVAL);
	assert_int_equal(mem_iov(&m, run, 3, UINT32_MAX, UINT32_MAX, iov, 4),
			 -EINVAL);
	assert_int_equal(mem_iov(&m, run, 0, 0, 1, iov, 4), -EINVAL);
	assert_int_equal(mem_iov(&m, outside, 2, 0, 2 * PAGE, iov, 4), -EFAULT);
	assert_int_equal(mem_iov(&m, outside, 2, 0, PAGE, iov, 4), 1);
	assert_int_equal(mem_iov(&m, wild, 3, PAGE, 8, iov, 4), -EFAULT);
	assert_int_equal(mem_iov(&m, wild, 3, 2 * PAGE, 8, iov, 4), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_iov),
	};

	return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
