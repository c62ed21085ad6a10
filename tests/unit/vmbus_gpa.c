// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of GPA-direct packets: page buffers, one long range, and lies.
 *
 * links: vmbus mem util
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
#include "vmbus/vmbus.h"

#define PAGES		   16u
#define FIRST		   0x400u
#define RANGE(len, offset) ((uint64_t)(offset) << 32 | (uint32_t)(len))

static struct mem mem;
static uint8_t *ram;

static int setup(void **state)
{
	ram = aligned_alloc(4096, PAGES * 4096);
	mem_init(&mem);
	return mem_add(&mem, FIRST * 4096ull, PAGES * 4096, ram);
}

static int teardown(void **state)
{
	free(ram);
	return 0;
}

/* The first word is the reserved field (garbage) and the range count. */
static int first(struct vmbus_gpa_iter *it, uint64_t *words, unsigned int n,
		 uint32_t count)
{
	struct vmbus_packet pkt = {
		.type = RING_PKT_GPA_DIRECT,
		.header = words,
		.header_len = n * 8,
	};

	words[0] = (uint64_t)count << 32 | 0xdeadbeef;
	return vmbus_gpa_first(&pkt, it);
}

static void page_buffers(void **state)
{
	struct vmbus_gpa_iter it;
	struct iovec iov[4];
	uint64_t w[1 + 2 * 32];
	uint32_t len, i;

	for (i = 0; i < 32; i++) {
		w[1 + 2 * i] = RANGE(i + 1, 100);
		w[2 + 2 * i] = FIRST + i % PAGES;
	}
	assert_int_equal(first(&it, w, 65, 32), 32);
	for (i = 0; i < 32; i++) {
		assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), 1);
		assert_int_equal(len, i + 1);
		assert_int_equal(iov[0].iov_len, i + 1);
		assert_ptr_equal(iov[0].iov_base, ram + i % PAGES * 4096 + 100);
	}
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), -ENODATA);
	/* Fewer ranges than there is room for. */
	assert_int_equal(first(&it, w, 65, 2), 2);
	vmbus_gpa_next(&mem, &it, iov, 4, &len);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), 1);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), -ENODATA);
}

static void long_range(void **state)
{
	struct vmbus_gpa_iter it;
	struct iovec iov[4];
	uint32_t len;
	uint64_t w[] = { 0,	    RANGE(3 * 4096, 512),
			 FIRST,	    FIRST + 1,
			 FIRST + 5, FIRST + 4 };
	uint64_t far[] = { 0, RANGE(8, 2 * 4096 + 4), FIRST, FIRST + 1,
			   FIRST + 2 };
	uint64_t nil[] = { 0, RANGE(0, 0), RANGE(8, 8), FIRST };

	assert_int_equal(first(&it, w, 6, 1), 1);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), 3);
	assert_int_equal(len, 3 * 4096);
	assert_ptr_equal(iov[0].iov_base, ram + 512);
	assert_int_equal(iov[0].iov_len, 2 * 4096 - 512);
	assert_ptr_equal(iov[1].iov_base, ram + 5 * 4096);
	assert_int_equal(iov[2].iov_len, 512);
	first(&it, w, 6, 1);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 2, &len), -E2BIG);
	/* The offset may lie beyond the first page. */
	assert_int_equal(first(&it, far, 5, 1), 1);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), 1);
	assert_ptr_equal(iov[0].iov_base, ram + 2 * 4096 + 4);
	/* An empty range has no pages. */
	assert_int_equal(first(&it, nil, 4, 2), 2);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), 1);
}

static void lies(void **state)
{
	struct vmbus_gpa_iter it;
	struct vmbus_packet pkt = { .type = RING_PKT_INBAND, .header_len = 24 };
	struct iovec iov[4];
	uint32_t len;
	uint64_t w[] = { 0, RANGE(4096, 0), FIRST, RANGE(4096, 0), FIRST + 1 };
	uint64_t v[5];

	assert_int_equal(first(&it, w, 5, 2), 2);
	assert_int_equal(first(&it, w, 5, 0), -EPROTO);
	assert_int_equal(first(&it, w, 5, 3), -EPROTO);
	assert_int_equal(first(&it, w, 5, 0xffffffff), -EPROTO);
	assert_int_equal(first(&it, w, 4, 2), -EPROTO);
	assert_int_equal(first(&it, w, 3, 2), -EPROTO);
	assert_int_equal(first(&it, w, 2, 1), -EPROTO);
	assert_int_equal(first(&it, w, 1, 1), -EPROTO);
	assert_int_equal(first(&it, w, 0, 1), -EPROTO);
	pkt.header = w;
	assert_int_equal(vmbus_gpa_first(&pkt, &it), -EPROTO);

	memcpy(v, w, sizeof(v));
	v[1] = RANGE(4096, 1);
	assert_int_equal(first(&it, v, 3, 1), -EPROTO);
	v[1] = RANGE(0xffffffff, 0xffffffff);
	assert_int_equal(first(&it, v, 5, 1), -EPROTO);
	v[1] = RANGE(1, 0xfffff000);
	assert_int_equal(first(&it, v, 5, 1), -EPROTO);
	v[1] = RANGE(0, 4 * 4096);
	assert_int_equal(first(&it, v, 5, 1), -EPROTO);

	/* A page outside is found when it is wanted. */
	v[1] = RANGE(4096, 0);
	v[2] = FIRST + PAGES;
	assert_int_equal(first(&it, v, 5, 2), 2);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), -EFAULT);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), 1);
	v[2] = UINT64_MAX;
	first(&it, v, 5, 2);
	assert_int_equal(vmbus_gpa_next(&mem, &it, iov, 4, &len), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_buffers),
		cmocka_unit_test(long_range),
		cmocka_unit_test(lies),
	};

	return cmocka_run_group_tests_name("vmbus_gpa", tests, setup, teardown);
}
