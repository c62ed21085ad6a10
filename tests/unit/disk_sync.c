// SPDX-License-Identifier: GPL-2.0
/*
 * What a disk says of durability once write-back has failed: a loop device on
 * a file for which its file system has no room takes writes, and can't keep
 * them.
 *
 * links: backend util
 */
#include "disk_fixture.h"

#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

static char loop[32], loop_limit[80];
static int loop_fd = -1;
static unsigned int loop_sectors; /* its limit, as it was */

static void loop_limit_set(unsigned int kib)
{
	FILE *f = fopen(loop_limit, "we");

	assert_non_null(f);
	fprintf(f, "%u", kib);
	assert_int_equal(fclose(f), 0);
}

/* A page at a time: some kernels call a write fine of which only a part had room. */
static void loop_single_pages(int n)
{
	FILE *f;

	snprintf(loop_limit, sizeof(loop_limit),
		 "/sys/block/loop%d/queue/max_sectors_kb", n);
	f = fopen(loop_limit, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%u", &loop_sectors), 1);
	fclose(f);
	loop_limit_set(4);
}

/* `loop` on a file in a file system that is too small.  False: no such here. */
static bool loop_setup(void)
{
	int control, n = -1, fd;

	if (mount("none", dir, "tmpfs", 0, "size=1m"))
		return false;
	fd = open(image, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_int_equal(ftruncate(fd, SIZE), 0);
	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control >= 0)
		n = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	snprintf(loop, sizeof(loop), "/dev/loop%d", n);
	loop_fd = n < 0 ? -1 : open(loop, O_RDWR | O_CLOEXEC);
	if (loop_fd >= 0 && ioctl(loop_fd, LOOP_SET_FD, fd)) {
		close(loop_fd);
		loop_fd = -1;
	}
	close(fd);
	if (loop_fd >= 0)
		loop_single_pages(n);
	return loop_fd >= 0;
}

static void loop_teardown(void)
{
	if (loop_fd >= 0) {
		loop_limit_set(loop_sectors);
		/* Unclean pages would keep it. */
		ioctl(loop_fd, BLKFLSBUF, 0);
		ioctl(loop_fd, LOOP_CLR_FD, 0);
		close(loop_fd);
	}
	loop_fd = -1;
	umount2(dir, MNT_DETACH);
}

static int setup_loop(void **state)
{
	if (setup(state))
		return -1;
	if (!loop_setup())
		print_message("needs a loop device and to mount a tmpfs\n");
	return 0;
}

static int teardown_loop(void **state)
{
	loop_teardown();
	return teardown(state);
}

static struct disk *loop_disk(void)
{
	struct disk_options opt = { .path = loop };
	struct disk *d = NULL;

	if (loop_fd < 0)
		skip();
	if (disk_open(&opt, &d, why, sizeof(why)))
		fail_msg("disk_open: %s", why);
	assert_int_equal(disk_lost(d), 0);
	return d;
}

/* Written to the page cache, of which a part has no place below. */
static void write_too_much(struct disk *d)
{
	static char a[SIZE];

	fill(a, sizeof(a), 1);
	assert_int_equal(run(d, DISK_WRITE, 0, sizeof(a), a), 0);
}

static void test_each_flush_fails(void **state)
{
	struct disk *d = loop_disk(), *f = NULL;
	unsigned int i;

	(void)state;
	write_too_much(d);
	for (i = 0; i < 5; i++)
		assert_int_not_equal(run(d, DISK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(disk_lost(d), -EIO);
	/* Also seen through a filter. */
	assert_int_equal(
		disk_fault_wrap(d, "op=read,err=EIO", &f, why, sizeof(why)), 0);
	assert_int_equal(disk_lost(f), -EIO);
	assert_int_equal(run(f, DISK_FLUSH, 0, 0, NULL), -EIO);
	disk_close(f);
	/* Opened anew: what is lost by now is not this one's. */
	d = loop_disk();
	assert_int_equal(run(d, DISK_FLUSH, 0, 0, NULL), 0);
	disk_close(d);
}

/* A forced write that hears of it must not hide it from the flushes. */
static void test_forced_write(void **state)
{
	struct disk *d = loop_disk();
	static char a[4096];
	struct iovec iov = { a, sizeof(a) };
	struct job job = { .disk = d,
			   .req = { .op = DISK_WRITE,
				    .fua = true,
				    .len = sizeof(a),
				    .iov = &iov,
				    .niov = 1 } };

	(void)state;
	write_too_much(d);
	/* The kernel writes back by itself, as it would after a while. */
	assert_int_equal(sync_file_range(loop_fd, 0, 0,
					 SYNC_FILE_RANGE_WRITE |
						 SYNC_FILE_RANGE_WAIT_AFTER),
			 -1);
	job_start(&job);
	assert_int_equal(job_wait(&job), -EIO);
	assert_int_equal(run(d, DISK_FLUSH, 0, 0, NULL), -EIO);
	assert_int_equal(run(d, DISK_FLUSH, 0, 0, NULL), -EIO);
	disk_close(d);
}

/* All flushes that are under way at once, of two workers. */
static void test_flushes_at_once(void **state)
{
	enum { N = 32 };
	struct worker *mine = worker, *other;
	static struct job job[N];
	unsigned int i, round;
	struct disk *d;

	(void)state;
	assert_int_equal(worker_create("disk-test-2", 16, &other), 0);
	for (round = 0; round < 5; round++) {
		d = loop_disk();
		write_too_much(d);
		for (i = 0; i < N; i++) {
			worker = i & 1 ? other : mine;
			job[i] = (struct job){ .disk = d,
					       .req = { .op = DISK_FLUSH } };
			job_start(&job[i]);
		}
		worker = mine;
		for (i = 0; i < N; i++)
			assert_int_equal(job_wait(&job[i]), -EIO);
		disk_close(d);
	}
	worker_destroy(other);
}

/*
 * Forced writes while others' syncs hear of the failure: what was told to be on the
 * disk is there.
 */
static void test_forced_writes_at_once(void **state)
{
	enum { N = 96, LEN = 16384, ROUNDS = 20 };
	static char a[N][LEN], b[LEN];
	static struct job job[N];
	static struct iovec iov[N];
	unsigned int i, round, good = 0;
	struct disk *d;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		d = loop_disk();
		for (i = 0; i < N; i++) {
			fill(a[i], LEN, round * N + i + 1);
			iov[i] = (struct iovec){ a[i], LEN };
			job[i] = (struct job){
				.disk = d,
				.req = { .op = DISK_WRITE,
					 .fua = true,
					 .offset = (uint64_t)i * LEN,
					 .len = LEN,
					 .iov = &iov[i],
					 .niov = 1 },
			};
			if (i % 4 == 3)
				job[i].req =
					(struct disk_req){ .op = DISK_FLUSH };
			job_start(&job[i]);
		}
		for (i = 0; i < N; i++) {
			if (job_wait(&job[i]) || i % 4 == 3)
				continue;
			good++;
			from_file(b, LEN, i * LEN);
			assert_memory_equal(a[i], b, LEN);
		}
		disk_close(d);
	}
	print_message("%u of %u forced writes were good\n", good,
		      ROUNDS * N * 3 / 4);
}

/* Without an error: every flush ends, whoever asks for it, and few are needed. */
static void test_shared(void **state)
{
	enum { N = 200 };
	struct worker *mine = worker, *other;
	struct worker_stats before[2], after[2];
	static struct job job[N];
	static char a[512];
	struct iovec iov[N];
	struct disk *d = open_disk(false, false);
	unsigned int i, syncs;

	(void)state;
	assert_int_equal(worker_create("disk-test-2", 16, &other), 0);
	worker_get_stats(mine, &before[0]);
	worker_get_stats(other, &before[1]);
	for (i = 0; i < N; i++) {
		worker = i & 1 ? other : mine;
		iov[i] = (struct iovec){ a, sizeof(a) };
		job[i] = (struct job){ .disk = d,
				       .req = { .op = DISK_WRITE,
						.fua = true,
						.offset = 512 * i,
						.len = 512,
						.iov = &iov[i],
						.niov = 1 } };
		if (i % 4 == 3)
			job[i].req = (struct disk_req){ .op = DISK_FLUSH };
		job_start(&job[i]);
	}
	worker = mine;
	for (i = 0; i < N; i++)
		assert_int_equal(job_wait(&job[i]), 0);
	worker_get_stats(mine, &after[0]);
	worker_get_stats(other, &after[1]);
	syncs = after[0].ios - before[0].ios + after[1].ios - before[1].ios -
		N * 3 / 4;
	print_message("%u requests to sync, %u syncs\n", N, syncs);
	assert_in_range(syncs, 1, N);
	worker_destroy(other);
	disk_close(d);
}

static uint64_t ios_of(struct disk *d, enum disk_op op, bool fua)
{
	struct job job = {
		.disk = d,
		.req = { .op = op, .fua = fua, .offset = 4096, .len = 4096 }
	};
	struct worker_stats before, after;

	worker_get_stats(worker, &before);
	job_start(&job);
	assert_int_equal(job_wait(&job), 0);
	worker_get_stats(worker, &after);
	return after.ios - before.ios;
}

/* Zeros and holes are synced as well, when they are forced. */
static void test_forced_holes(void **state)
{
	struct disk *d = open_disk(false, false);

	(void)state;
	/* Finds out how zeros are written here. */
	ios_of(d, DISK_WRITE_ZEROES, false);
	assert_int_equal(ios_of(d, DISK_WRITE_ZEROES, false), 1);
	assert_int_equal(ios_of(d, DISK_WRITE_ZEROES, true), 2);
	assert_int_equal(ios_of(d, DISK_DISCARD, false), 1);
	assert_int_equal(ios_of(d, DISK_DISCARD, true), 2);
	disk_close(d);
}

#define LOOP_CASE(fn) \
	cmocka_unit_test_setup_teardown(fn, setup_loop, teardown_loop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_CASE(test_each_flush_fails),
		LOOP_CASE(test_forced_write),
		LOOP_CASE(test_flushes_at_once),
		LOOP_CASE(test_forced_writes_at_once),
		CASE(test_shared),
		CASE(test_forced_holes),
	};

	return cmocka_run_group_tests_name("disk_sync", tests, NULL, NULL);
}
