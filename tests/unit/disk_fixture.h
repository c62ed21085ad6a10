/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of disks start from: a worker, an image, single requests. */
#ifndef TESTS_DISK_FIXTURE_H
#define TESTS_DISK_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backend/disk/disk.h"

#define SIZE (4u << 20)

static struct worker *worker;
static char dir[64], image[80], why[300];

static inline int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%.40s/disk-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(image, sizeof(image), "%s/image", dir);
	close(open(image, O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	if (truncate(image, SIZE))
		return -1;
	why[0] = '\0';
	return worker_create("disk-test", 16, &worker);
}

static inline int teardown(void **state)
{
	(void)state;
	worker_destroy(worker);
	unlink(image);
	return rmdir(dir);
}

static inline struct disk *open_disk(bool readonly, bool direct)
{
	struct disk_options opt = { .path = image,
				    .readonly = readonly,
				    .direct = direct };
	struct disk *d = NULL;

	if (disk_open(&opt, &d, why, sizeof(why)))
		fail_msg("disk_open: %s", why);
	return d;
}

/* ---- one request at a time ---- */

struct job {
	struct disk_req req;
	struct disk *disk;
	int err;
	unsigned int calls;
	sem_t done;
};

static inline void job_done(struct disk_req *req, int err)
{
	struct job *job = (struct job *)req;

	job->err = err;
	job->calls++;
	sem_post(&job->done);
}

static inline void job_submit(void *arg)
{
	struct job *job = arg;

	disk_submit(job->disk, worker, &job->req);
	/* Never from within. */
	assert_int_equal(job->calls, 0);
}

static inline void job_start(struct job *job)
{
	job->req.done = job_done;
	job->calls = 0;
	job->err = 1;
	sem_init(&job->done, 0, 0);
	assert_int_equal(worker_call(worker, job_submit, job), 0);
}

static inline int job_wait(struct job *job)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 20;
	assert_int_equal(sem_timedwait(&job->done, &ts), 0);
	sem_destroy(&job->done);
	assert_int_equal(job->calls, 1);
	return job->err;
}

static inline int run(struct disk *d, enum disk_op op, uint64_t offset,
		      uint64_t len, void *buf)
{
	struct iovec iov = { buf, len };
	struct job job = {
		.disk = d,
		.req = { .op = op,
			 .offset = offset,
			 .len = len,
			 .iov = &iov,
			 .niov = 1 },
	};

	job_start(&job);
	return job_wait(&job);
}

static inline void fill(char *buf, size_t len, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = (char)(seed = seed * 1103515245 + 12345);
}

static inline void from_file(char *buf, size_t len, off_t offset)
{
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	assert_int_equal(pread(fd, buf, len, offset), len);
	close(fd);
}

static inline void check_zero(const char *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		assert_int_equal(buf[i], 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
