// SPDX-License-Identifier: GPL-2.0
/*
 * Disks: raw files (buffered and direct), locks, sizes, a full file system,
 * null disks, faults and hangs, and the lines that tell what is wrong.
 *
 * links: backend util
 */
#include "disk_fixture.h"

#include <sys/mount.h>

/* ---- raw ---- */

static void test_read_write(void **state)
{
	static char a[65536], b[65536];
	struct disk *d = open_disk(false, false);
	struct job job;
	struct iovec iov[3];

	(void)state;
	assert_int_equal(d->info.size, SIZE);
	assert_int_equal(d->info.block_size, 512);
	assert_false(d->info.readonly);
	assert_string_equal(d->format, "raw");
	fill(a, sizeof(a), 1);
	assert_int_equal(run(d, DISK_WRITE, 512, sizeof(a), a), 0);
	from_file(b, sizeof(b), 512);
	assert_memory_equal(a, b, sizeof(a));

	/* Gathered from pieces, with FUA. */
	iov[0] = (struct iovec){ b + 1000, 24 };
	iov[1] = (struct iovec){ a, 512 };
	iov[2] = (struct iovec){ b, 488 };
	job = (struct job){ .disk = d,
			    .req = { .op = DISK_WRITE,
				     .fua = true,
				     .offset = SIZE - 1024,
				     .len = 1024,
				     .iov = iov,
				     .niov = 3 } };
	job_start(&job);
	assert_int_equal(job_wait(&job), 0);
	assert_int_equal(run(d, DISK_FLUSH, 0, 0, NULL), 0);
	memset(b, 0, sizeof(b));
	assert_int_equal(run(d, DISK_READ, SIZE - 1024, 1024, b), 0);
	assert_memory_equal(b + 24, a, 512);
	disk_close(d);
}

static void test_discard(void **state)
{
	static char a[65536], b[65536];
	struct disk *d = open_disk(false, false);
	struct stat st;

	(void)state;
	fill(a, sizeof(a), 2);
	assert_int_equal(run(d, DISK_WRITE, 0, sizeof(a), a), 0);
	assert_true(d->info.can_discard);
	assert_int_equal(run(d, DISK_DISCARD, 0, 32768, NULL), 0);
	assert_int_equal(run(d, DISK_WRITE_ZEROES, 32768, 4096 + 512, NULL), 0);
	from_file(b, sizeof(b), 0);
	check_zero(b, 32768 + 4096 + 512);
	assert_memory_equal(b + 37376, a + 37376, sizeof(a) - 37376);
	assert_int_equal(stat(image, &st), 0);
	assert_int_equal(st.st_size, SIZE);
	assert_true(st.st_blocks * 512 <= 32768);
	disk_close(d);
}

static void test_bounds(void **state)
{
	static char a[4096];
	struct disk *d = open_disk(false, false);

	(void)state;
	assert_int_equal(run(d, DISK_READ, SIZE, 512, a), -EINVAL);
	assert_int_equal(run(d, DISK_READ, SIZE - 512, 1024, a), -EINVAL);
	assert_int_equal(run(d, DISK_WRITE, 100, 512, a), -EINVAL);
	assert_int_equal(run(d, DISK_WRITE, 512, 100, a), -EINVAL);
	assert_int_equal(run(d, DISK_DISCARD, UINT64_MAX - 511, 1024, NULL),
			 -EINVAL);
	assert_int_equal(run(d, DISK_READ, SIZE, 0, a), 0);
	assert_int_equal(run(d, DISK_READ, SIZE - 512, 512, a), 0);
	disk_close(d);
}

static void test_shrunk(void **state)
{
	static char a[8192];
	struct disk *d = open_disk(false, false);

	(void)state;
	assert_int_equal(truncate(image, SIZE / 2), 0);
	assert_int_equal(run(d, DISK_READ, SIZE / 2 - 4096, 8192, a), -EIO);
	assert_int_equal(disk_refresh(d), 0);
	assert_int_equal(d->info.size, SIZE / 2);
	assert_int_equal(run(d, DISK_READ, SIZE / 2 - 4096, 8192, a), -EINVAL);
	assert_int_equal(truncate(image, 1000), 0);
	assert_int_equal(disk_refresh(d), -EINVAL);
	assert_int_equal(d->info.size, SIZE / 2);
	disk_close(d);
}

static void test_readonly(void **state)
{
	static char a[512];
	struct disk *d = open_disk(true, false);

	(void)state;
	assert_true(d->info.readonly);
	assert_int_equal(run(d, DISK_READ, 0, 512, a), 0);
	assert_int_equal(run(d, DISK_WRITE, 0, 512, a), -EROFS);
	assert_int_equal(run(d, DISK_DISCARD, 0, 512, NULL), -EROFS);
	assert_int_equal(run(d, DISK_FLUSH, 0, 0, NULL), 0);
	disk_close(d);
}

/* Pieces that O_DIRECT would refuse, and others, in the same file. */
static void test_direct(void **state)
{
	struct disk_options opt = { .path = image, .direct = true };
	static char a[16384 + 4096], b[16384 + 4096];
	char *pa = a + 4096 - (uintptr_t)a % 4096,
	     *pb = b + 4096 - (uintptr_t)b % 4096;
	struct disk *d;

	(void)state;
	if (disk_open(&opt, &d, why, sizeof(why))) {
		assert_non_null(strstr(why, "direct"));
		print_message("no direct I/O in %s\n", dir);
		skip();
	}
	fill(pa, 16384, 3);
	assert_int_equal(run(d, DISK_WRITE, 0, 8192, pa), 0);
	assert_int_equal(run(d, DISK_WRITE, 8192, 4096, pa + 8192), 0);
	assert_int_equal(run(d, DISK_WRITE, 12288, 512, pa + 12288), 0);
	memcpy(b + 3, pa + 12800, 3584);
	assert_int_equal(run(d, DISK_WRITE, 12800, 3584, b + 3), 0);
	memset(b, 0, sizeof(b));
	assert_int_equal(run(d, DISK_READ, 0, 16384, pb), 0);
	assert_memory_equal(pa, pb, 16384);
	memset(b, 0, sizeof(b));
	assert_int_equal(run(d, DISK_READ, 512, 1024, b + 1), 0);
	assert_memory_equal(pa + 512, b + 1, 1024);
	disk_close(d);
}

/* More pieces than one system call takes. */
static void test_many_pieces(void **state)
{
	enum { N = 3000 };
	static struct iovec iov[N], iov2[N];
	static char a[N * 512], b[N * 512];
	struct disk *d = open_disk(false, false);
	struct job w = { .disk = d,
			 .req = { .op = DISK_WRITE,
				  .len = sizeof(a),
				  .iov = iov,
				  .niov = N } };
	struct job r = { .disk = d,
			 .req = { .op = DISK_READ,
				  .len = sizeof(a),
				  .iov = iov2,
				  .niov = N } };
	unsigned int i;

	(void)state;
	fill(a, sizeof(a), 4);
	for (i = 0; i < N; i++) {
		iov[i] = (struct iovec){ a + i * 512, 512 };
		iov2[N - 1 - i] = (struct iovec){ b + i * 512, 512 };
	}
	job_start(&w);
	assert_int_equal(job_wait(&w), 0);
	job_start(&r);
	assert_int_equal(job_wait(&r), 0);
	for (i = 0; i < N; i++)
		assert_memory_equal(a + i * 512, b + (N - 1 - i) * 512, 512);
	disk_close(d);
}

static void test_full(void **state)
{
	static char a[2 << 20];
	struct disk *d;

	(void)state;
	if (mount("none", dir, "tmpfs", 0, "size=1m")) {
		print_message("needs to mount a tmpfs\n");
		skip();
	}
	close(open(image, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	assert_int_equal(truncate(image, SIZE), 0);
	d = open_disk(false, false);
	fill(a, sizeof(a), 5);
	assert_int_equal(run(d, DISK_WRITE, 0, sizeof(a), a), -ENOSPC);
	/* tmpfs has no FALLOC_FL_ZERO_RANGE. */
	assert_int_equal(run(d, DISK_WRITE_ZEROES, 4096, 8192, NULL), 0);
	assert_int_equal(run(d, DISK_READ, 0, 16384, a), 0);
	check_zero(a + 4096, 8192);
	disk_close(d);
	assert_int_equal(umount(dir), 0);
}

/* ---- opening ---- */

static void refuse(const struct disk_options *opt, int err, const char *text)
{
	struct disk *d;

	assert_int_equal(disk_open(opt, &d, why, sizeof(why)), err);
	assert_non_null(strstr(why, text));
	assert_null(strchr(why, '\n'));
}

static void test_refused(void **state)
{
	char missing[100];

	(void)state;
	snprintf(missing, sizeof(missing), "%s/none", dir);
	refuse(&(struct disk_options){ .path = missing }, -ENOENT, missing);
	refuse(&(struct disk_options){ .path = dir }, -EINVAL, "neither");
	refuse(&(struct disk_options){ .path = "/dev/null" }, -EINVAL,
	       "neither");
	refuse(&(struct disk_options){ .path = NULL }, -EINVAL, "file=");
	refuse(&(struct disk_options){ .path = image, .format = "qcow9" },
	       -EINVAL, "qcow9");
	refuse(&(struct disk_options){ .path = image, .block_size = 1024 },
	       -EINVAL, "1024");
	assert_int_equal(truncate(image, 0), 0);
	refuse(&(struct disk_options){ .path = image }, -EINVAL, "empty");
	assert_int_equal(truncate(image, 12800), 0);
	refuse(&(struct disk_options){ .path = image, .block_size = 4096 },
	       -EINVAL, "16384");
	refuse(&(struct disk_options){ .format = "null" }, -EINVAL, "size=");
	refuse(&(struct disk_options){ .format = "null", .size = 1000 },
	       -EINVAL, "size=");
}

static void test_locks(void **state)
{
	struct disk_options rw = { .path = image },
			    ro = { .path = image, .readonly = true };
	struct disk *a, *b;

	(void)state;
	a = open_disk(false, false);
	refuse(&rw, -EBUSY, "in use");
	refuse(&ro, -EBUSY, "in use");
	disk_close(a);
	a = open_disk(true, false);
	refuse(&rw, -EBUSY, "readonly=on");
	b = open_disk(true, false);
	disk_close(a);
	disk_close(b);
	disk_close(open_disk(false, false));
	disk_close(NULL);
}

static void test_block_size(void **state)
{
	struct disk_options opt = { .path = image, .block_size = 4096 };
	static char a[4096];
	struct disk *d;

	(void)state;
	assert_int_equal(disk_open(&opt, &d, why, sizeof(why)), 0);
	assert_int_equal(d->info.block_size, 4096);
	assert_int_equal(run(d, DISK_READ, 512, 4096, a), -EINVAL);
	assert_int_equal(run(d, DISK_READ, 4096, 4096, a), 0);
	disk_close(d);
}

/* ---- identity ---- */

static void identity(const char *path, char *out)
{
	struct disk_options opt = { .path = path, .readonly = true };
	struct disk *d, *f;

	assert_int_equal(disk_open(&opt, &d, why, sizeof(why)), 0);
	assert_true(strlen(d->identity) > 5);
	assert_int_equal(disk_fault_wrap(d, "err=EIO", &f, why, sizeof(why)),
			 0);
	strcpy(out, f->identity);
	disk_close(f);
}

static void copy_image(const char *to)
{
	char command[300];

	snprintf(command, sizeof(command), "cp %s %s", image, to);
	assert_int_equal(system(command), 0);
}

static void test_identity(void **state)
{
	char a[256], b[256], other[100];

	(void)state;
	snprintf(other, sizeof(other), "%s/other", dir);
	identity(image, a);
	identity(image, b);
	assert_string_equal(a, b);
	/* The file with another name; another file with the same name. */
	assert_int_equal(rename(image, other), 0);
	identity(other, b);
	assert_string_equal(a, b);
	assert_int_equal(rename(other, image), 0);
	copy_image(other);
	identity(other, b);
	assert_string_not_equal(a, b);
	assert_int_equal(rename(other, image), 0);
	identity(image, b);
	assert_string_not_equal(a, b);
	/* Made anew: on ext4 it has the number of the one that is gone. */
	strcpy(a, b);
	assert_int_equal(unlink(image), 0);
	close(open(image, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	assert_int_equal(truncate(image, SIZE), 0);
	identity(image, b);
	assert_string_not_equal(a, b);
}

/* Any bytes may name a file; who is told of them takes UTF-8. */
static void test_odd_name(void **state)
{
	struct disk_options opt = { .path = image };
	char usual[sizeof(image)], told[sizeof(image) + 8];
	struct disk *d = NULL;

	(void)state;
	strcpy(usual, image);
	snprintf(image, sizeof(image), "%s/caf\xe9", dir);
	assert_int_equal(rename(usual, image), 0);
	if (disk_open(&opt, &d, why, sizeof(why)))
		fail_msg("disk_open: %s", why);
	snprintf(told, sizeof(told), "%s/caf?", dir);
	assert_string_equal(d->path, told);
	disk_close(d);
}

/* ---- null ---- */

static void test_null(void **state)
{
	struct disk_options opt = { .format = "null", .size = 1ull << 40 };
	struct worker_stats before, after;
	static char a[8192];
	struct disk *d;

	(void)state;
	assert_int_equal(disk_open(&opt, &d, why, sizeof(why)), 0);
	assert_string_equal(d->format, "null");
	memset(a, 1, sizeof(a));
	worker_get_stats(worker, &before);
	assert_int_equal(run(d, DISK_WRITE, 4096, 8192, a), 0);
	assert_int_equal(run(d, DISK_READ, 4096, 4096, a), 0);
	check_zero(a, 4096);
	assert_int_equal(a[4096], 1);
	assert_int_equal(run(d, DISK_FLUSH, 0, 0, NULL), 0);
	assert_int_equal(run(d, DISK_DISCARD, 0, 1ull << 40, NULL), 0);
	assert_int_equal(run(d, DISK_READ, 1ull << 40, 512, a), -EINVAL);
	assert_int_equal(disk_refresh(d), 0);
	worker_get_stats(worker, &after);
	assert_int_equal(after.ios, before.ios);
	disk_close(d);
}

/* ---- faults ---- */

static struct disk *faulty(const char *spec)
{
	struct disk *d = open_disk(false, false), *f = NULL;

	if (disk_fault_wrap(d, spec, &f, why, sizeof(why)))
		fail_msg("%s", why);
	return f;
}

static void test_fault(void **state)
{
	static char a[4096];
	struct disk *d;

	(void)state;
	d = faulty("disk:op=write,err=ENOSPC,after=1,count=2");
	assert_string_equal(d->format, "raw");
	assert_string_equal(d->path, image);
	assert_int_equal(run(d, DISK_WRITE, 0, 512, a), 0);
	assert_int_equal(run(d, DISK_READ, 0, 512, a), 0);
	assert_int_equal(run(d, DISK_WRITE, 0, 512, a), -ENOSPC);
	assert_int_equal(run(d, DISK_WRITE_ZEROES, 0, 512, NULL), -ENOSPC);
	assert_int_equal(run(d, DISK_WRITE, 0, 512, a), 0);
	disk_close(d);

	d = faulty("op=read,err=EIO,from=8,to=15,every=2");
	assert_int_equal(run(d, DISK_READ, 0, 4096, a), 0);
	assert_int_equal(run(d, DISK_READ, 8192, 4096, a), 0);
	assert_int_equal(run(d, DISK_READ, 7680, 1024, a), -EIO);
	assert_int_equal(run(d, DISK_READ, 7680, 1024, a), 0);
	assert_int_equal(run(d, DISK_READ, 4096, 512, a), -EIO);
	assert_int_equal(truncate(image, SIZE * 2), 0);
	assert_int_equal(disk_refresh(d), 0);
	assert_int_equal(d->info.size, SIZE * 2);
	disk_close(d);

	d = faulty("err=EIO");
	assert_int_equal(run(d, DISK_FLUSH, 0, 0, NULL), -EIO);
	assert_int_equal(run(d, DISK_DISCARD, 0, 512, NULL), -EIO);
	disk_close(d);
}

static void cancel(void *arg)
{
	disk_cancel(arg, worker);
}

static void test_hang(void **state)
{
	static char a[1024];
	struct iovec iov[2] = { { a, 512 }, { a + 512, 512 } };
	struct disk *d = faulty("op=read,err=hang,count=2");
	struct job job[2];
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		job[i] = (struct job){ .disk = d,
				       .req = { .op = DISK_READ,
						.len = 512,
						.iov = &iov[i],
						.niov = 1 } };
		job_start(&job[i]);
	}
	assert_int_equal(run(d, DISK_READ, 0, 512, a), 0);
	usleep(50 * 1000);
	assert_int_equal(job[0].calls + job[1].calls, 0);
	assert_int_equal(worker_call(worker, cancel, d), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(job_wait(&job[i]), -ECANCELED);
	disk_close(d);
}

static void test_fault_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"disk:",
		"op=read",
		"op=jump,err=EIO",
		"err=EWHAT",
		"err=EIO,every=0",
		"err=EIO,count=0",
		"err=EIO,after=x",
		"err=EIO,after=",
		"err",
		"err=EIO,from=5,to=4",
		"err=EIO,to=99999999999999999999",
		"err=EIO,from=-1",
		"err=EIO,colour=red",
	};
	struct disk *d = open_disk(false, false), *f;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(disk_fault_wrap(d, bad[i], &f, why,
						 sizeof(why)),
				 -EINVAL);
		assert_non_null(strstr(why, "fault '"));
	}
	disk_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_read_write),	  CASE(test_discard),
		CASE(test_bounds),	  CASE(test_shrunk),
		CASE(test_readonly),	  CASE(test_direct),
		CASE(test_many_pieces),	  CASE(test_full),
		CASE(test_refused),	  CASE(test_locks),
		CASE(test_block_size),	  CASE(test_identity),
		CASE(test_odd_name),	  CASE(test_null),
		CASE(test_fault),	  CASE(test_hang),
		CASE(test_fault_refused),
	};

	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
