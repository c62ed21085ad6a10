// SPDX-License-Identifier: GPL-2.0
/*
 * direct=on: whatever a child asks for, aligned or not, none of the file comes
 * into the page cache, and who changes a part of a block undoes nothing that
 * others write there.
 *
 * links: backend util
 */
#include "disk_fixture.h"

#include <sys/mman.h>

#include "backend/disk/raw_var.h"

#define PAGE 4096u

/* Of the sanitiser that these tests are built with; its header is another package. */
size_t __sanitizer_get_current_allocated_bytes(void);

/* `block`: what the file system wants at least, so that parts of it exist. */
static struct disk *direct_disk(uint32_t block)
{
	struct disk_options opt = { .path = image, .direct = true };
	struct disk *d;

	if (disk_open(&opt, &d, why, sizeof(why))) {
		assert_non_null(strstr(why, "direct"));
		print_message("no direct I/O in %s\n", dir);
		skip();
	}
	if (to_raw(d)->align_offset < block)
		to_raw(d)->align_offset = block;
	if (to_raw(d)->align_mem < 512)
		to_raw(d)->align_mem = 512;
	return d;
}

static unsigned int pages_cached(void)
{
	static unsigned char there[SIZE / PAGE];
	int fd = open(image, O_RDWR | O_CLOEXEC);
	void *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
	unsigned int i, n = 0;

	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mincore(map, SIZE, there), 0);
	for (i = 0; i < SIZE / PAGE; i++)
		n += there[i] & 1;
	munmap(map, SIZE);
	close(fd);
	return n;
}

static unsigned int seed = 7;

static unsigned int any(unsigned int below)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 8) % below;
}

/* Requests at random against a copy in memory. */
static void mixed(struct disk *d)
{
	static char model[SIZE], buf[300 * 512 + 64];
	unsigned int i;

	memset(model, 0, sizeof(model));
	for (i = 0; i < 600; i++) {
		uint64_t at = any(SIZE / 512) * 512ull;
		uint64_t len = (1 + any(any(4) ? 16 : 300)) * 512ull;
		char *p = buf + any(64);

		if (len > SIZE - at)
			len = SIZE - at;
		switch (any(4)) {
		case 0:
			fill(p, len, i);
			memcpy(model + at, p, len);
			assert_int_equal(run(d, DISK_WRITE, at, len, p), 0);
			break;
		case 1:
			memset(p, 0xee, len);
			assert_int_equal(run(d, DISK_READ, at, len, p), 0);
			assert_memory_equal(p, model + at, len);
			break;
		case 2:
			memset(model + at, 0, len);
			assert_int_equal(
				run(d, DISK_WRITE_ZEROES, at, len, NULL), 0);
			break;
		case 3:
			memset(model + at, 0, len);
			assert_int_equal(run(d, DISK_DISCARD, at, len, NULL),
					 0);
			break;
		}
	}
	assert_int_equal(run(d, DISK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(pages_cached(), 0);
	for (i = 0; i < SIZE; i += PAGE) {
		assert_int_equal(run(d, DISK_READ, i, PAGE, buf), 0);
		assert_memory_equal(buf, model + i, PAGE);
	}
}

static void test_no_page_cache(void **state)
{
	struct disk *d;

	(void)state;
	d = direct_disk(0);
	mixed(d);
	disk_close(d);
	d = direct_disk(PAGE);
	assert_int_equal(run(d, DISK_DISCARD, 0, SIZE, NULL), 0);
	mixed(d);
	/* Zeros that are written, as where there are no holes. */
	to_raw(d)->zero_way = ZERO_WRITE;
	assert_int_equal(run(d, DISK_DISCARD, 0, SIZE, NULL), 0);
	mixed(d);
	disk_close(d);
}

/* Neighbouring sectors, all at once and by two workers: each must stay. */
static void test_neighbours(void **state)
{
	enum { N = 512 };
	static char data[N * 512], back[N * 512];
	struct worker *mine = worker, *other;
	static struct iovec iov[N];
	static struct job job[N];
	struct disk *d = direct_disk(PAGE);
	unsigned int i, round;

	(void)state;
	assert_int_equal(worker_create("disk-test-2", 16, &other), 0);
	for (round = 0; round < 8; round++) {
		fill(data, sizeof(data), 100 + round);
		for (i = 0; i < N; i++) {
			unsigned int k = (i * 37 + round) % N;

			worker = i & 1 ? other : mine;
			iov[i] = (struct iovec){ data + k * 512, 512 };
			job[i] = (struct job){ .disk = d,
					       .req = { .op = DISK_WRITE,
							.offset = k * 512,
							.len = 512,
							.iov = &iov[i],
							.niov = 1 } };
			/* Whole blocks among them, and holes. */
			if (k / 8 % 4 == 1 && k % 8 == 0) {
				job[i].req.len = iov[i].iov_len = PAGE;
			} else if (k / 8 % 4 == 1) {
				job[i].req.op = DISK_READ;
				iov[i].iov_base = back + k * 512;
			} else if (k / 8 % 4 == 2 && k % 2) {
				job[i].req.op = DISK_WRITE_ZEROES;
				memset(data + k * 512, 0, 512);
			}
			job_start(&job[i]);
		}
		worker = mine;
		for (i = 0; i < N; i++)
			assert_int_equal(job_wait(&job[i]), 0);
		assert_int_equal(run(d, DISK_READ, 0, sizeof(back), back), 0);
		assert_memory_equal(back, data, sizeof(data));
	}
	assert_int_equal(pages_cached(), 0);
	worker_destroy(other);
	disk_close(d);
}

/* What is copied is told; what is aligned is not copied. */
static void test_copied(void **state)
{
	static char a[2 * PAGE] __attribute__((aligned(4096)));
	struct iovec iov = { a, PAGE };
	struct job job;
	struct disk *d = direct_disk(PAGE);

	(void)state;
	job = (struct job){
		.disk = d,
		.req = { .op = DISK_WRITE, .len = PAGE, .iov = &iov, .niov = 1 }
	};
	job_start(&job);
	assert_int_equal(job_wait(&job), 0);
	assert_int_equal(job.req.copied, 0);
	iov = (struct iovec){ a, 512 };
	job = (struct job){ .disk = d,
			    .req = { .op = DISK_WRITE,
				     .offset = 512,
				     .len = 512,
				     .iov = &iov,
				     .niov = 1 } };
	job_start(&job);
	assert_int_equal(job_wait(&job), 0);
	assert_int_equal(job.req.copied, 512);
	disk_close(d);
}

/* As many as a channel's child may have under way; at once, as one thread has them. */
enum { CROWD = 256, CROWD_EACH = 65536 };

static struct job crowd[CROWD];
static size_t crowd_memory;

static void crowd_submit(void *arg)
{
	size_t before = __sanitizer_get_current_allocated_bytes();
	unsigned int i;

	(void)arg;
	for (i = 0; i < CROWD; i++)
		disk_submit(crowd[i].disk, worker, &crowd[i].req);
	crowd_memory = __sanitizer_get_current_allocated_bytes() - before;
}

/* Of what is copied for many at a time not each has a large buffer. */
static void test_crowd(void **state)
{
	static char back[CROWD_EACH + 512] __attribute__((aligned(4096)));
	static char data[CROWD_EACH];
	static struct iovec iov[CROWD];
	struct disk *d = direct_disk(PAGE);
	unsigned int i;

	(void)state;
	fill(data, sizeof(data), 3);
	assert_int_equal(run(d, DISK_WRITE, PAGE, sizeof(data), data), 0);
	for (i = 0; i < CROWD; i++) {
		iov[i] = (struct iovec){ back + 512, CROWD_EACH };
		crowd[i] = (struct job){ .disk = d,
					 .req = { .op = DISK_READ,
						  .offset = PAGE,
						  .len = CROWD_EACH,
						  .iov = &iov[i],
						  .niov = 1,
						  .done = job_done } };
		sem_init(&crowd[i].done, 0, 0);
	}
	to_raw(d)->align_mem = PAGE;
	assert_int_equal(worker_call(worker, crowd_submit, NULL), 0);
	for (i = 0; i < CROWD; i++)
		assert_int_equal(job_wait(&crowd[i]), 0);
	assert_in_range(crowd_memory, 1u << 20, 8u << 20);
	assert_memory_equal(back + 512, data, sizeof(data));
	disk_close(d);
}

/* A block that the file ends in can't be served. */
static void test_end(void **state)
{
	struct disk *d = direct_disk(PAGE);
	static char a[PAGE];

	(void)state;
	assert_int_equal(truncate(image, SIZE + 512), 0);
	assert_int_equal(disk_refresh(d), -EINVAL);
	assert_int_equal(truncate(image, SIZE + PAGE), 0);
	assert_int_equal(disk_refresh(d), 0);
	assert_int_equal(run(d, DISK_READ, SIZE + 512, 512, a), 0);
	/* Shrunk under us, to the middle of a block. */
	assert_int_equal(truncate(image, SIZE - 1024), 0);
	assert_int_equal(run(d, DISK_WRITE, SIZE - 512, 512, a), -EIO);
	assert_int_equal(run(d, DISK_READ, SIZE - 512, 512, a), -EIO);
	assert_int_equal(run(d, DISK_READ, SIZE + 512, 512, a), -EIO);
	disk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_no_page_cache), CASE(test_neighbours),
		CASE(test_copied),	  CASE(test_crowd),
		CASE(test_end),
	};

	return cmocka_run_group_tests_name("disk_direct", tests, NULL, NULL);
}
