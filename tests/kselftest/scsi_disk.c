// SPDX-License-Identifier: GPL-2.0
/*
 * A disk behind the bus as programs use it: direct reads and writes at odd
 * places and sizes, vectors, concurrent writers, flush, discard.  The disk is
 * /dev/sda or $SCSI_DISK; its contents are lost.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#define SECTOR	512
#define SPAN	(4 << 20)	/* what a test uses of the disk */

FIXTURE(disk) {
	int fd;
	char *out;
	char *in;
};

FIXTURE_SETUP(disk)
{
	const char *name = getenv("SCSI_DISK");
	unsigned long long size = 0;
	size_t i;

	self->fd = open(name ? name : "/dev/sda", O_RDWR | O_DIRECT);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ioctl(self->fd, BLKGETSIZE64, &size));
	ASSERT_LE(SPAN, size);
	self->out = aligned_alloc(4096, SPAN);
	self->in = aligned_alloc(4096, SPAN);
	ASSERT_NE(NULL, self->out);
	ASSERT_NE(NULL, self->in);
	for (i = 0; i < SPAN; i += sizeof(unsigned int))
		*(unsigned int *)(self->out + i) = i * 2654435761u + getpid();
}

FIXTURE_TEARDOWN(disk)
{
	free(self->out);
	free(self->in);
	close(self->fd);
}

/* Every size from one sector up, each at a place of its own. */
TEST_F(disk, sizes)
{
	size_t length;
	off_t at = 0;

	for (length = SECTOR; length <= 64 * SECTOR; length += SECTOR) {
		ASSERT_EQ((ssize_t)length,
			  pwrite(self->fd, self->out, length, at));
		ASSERT_EQ((ssize_t)length,
			  pread(self->fd, self->in, length, at));
		ASSERT_EQ(0, memcmp(self->out, self->in, length));
		at += SECTOR;
	}
}

TEST_F(disk, large)
{
	ASSERT_EQ(SPAN, pwrite(self->fd, self->out, SPAN, 0));
	ASSERT_EQ(SPAN, pread(self->fd, self->in, SPAN, 0));
	EXPECT_EQ(0, memcmp(self->out, self->in, SPAN));
}

/* Many pieces that start and end inside pages: what a bounce may get wrong. */
TEST_F(disk, scattered)
{
	struct iovec iov[32];
	size_t total = 0;
	int i;

	for (i = 0; i < 32; i++) {
		iov[i].iov_base = self->out + i * 8192 + (i % 8) * SECTOR;
		iov[i].iov_len = (i % 5 + 1) * SECTOR;
		total += iov[i].iov_len;
	}
	ASSERT_EQ((ssize_t)total, pwritev(self->fd, iov, 32, 0));
	ASSERT_EQ((ssize_t)total, pread(self->fd, self->in, total, 0));
	for (i = 0, total = 0; i < 32; i++) {
		EXPECT_EQ(0, memcmp(iov[i].iov_base, self->in + total,
				    iov[i].iov_len));
		total += iov[i].iov_len;
	}
}

static int write_region(int fd, const char *data, int who)
{
	size_t length = SPAN / 8;
	size_t done;

	for (done = 0; done < length; done += 4096)
		if (pwrite(fd, data + who * length + done, 4096,
			   who * length + done) != 4096)
			return 1;
	return 0;
}

TEST_F(disk, eight_writers)
{
	pid_t pids[8];
	int i, status;

	for (i = 0; i < 8; i++) {
		pids[i] = fork();
		ASSERT_LE(0, pids[i]);
		if (!pids[i])
			_exit(write_region(self->fd, self->out, i));
	}
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	ASSERT_EQ(SPAN, pread(self->fd, self->in, SPAN, 0));
	EXPECT_EQ(0, memcmp(self->out, self->in, SPAN));
}

TEST_F(disk, flush)
{
	ASSERT_EQ(4096, pwrite(self->fd, self->out, 4096, 0));
	EXPECT_EQ(0, fsync(self->fd));
}

TEST_F(disk, fua)
{
	struct iovec iov = { self->out, 4096 };

	EXPECT_EQ(4096, pwritev2(self->fd, &iov, 1, 0, RWF_DSYNC));
}

TEST_F(disk, zero_out)
{
	unsigned long long range[2] = { 0, 1 << 20 };
	size_t i, left = 0;

	ASSERT_EQ(1 << 20, pwrite(self->fd, self->out, 1 << 20, 0));
	ASSERT_EQ(0, ioctl(self->fd, BLKZEROOUT, range));
	ASSERT_EQ(1 << 20, pread(self->fd, self->in, 1 << 20, 0));
	for (i = 0; i < 1 << 20; i++)
		left += self->in[i] != 0;
	EXPECT_EQ(0, left);
}

TEST_F(disk, discard)
{
	unsigned long long range[2] = { 0, 1 << 20 };
	int ret = ioctl(self->fd, BLKDISCARD, range);

	if (ret < 0 && errno == EOPNOTSUPP)
		SKIP(return, "this disk has no TRIM");
	ASSERT_EQ(0, ret);
	/* The rest of the disk is not touched. */
	ASSERT_EQ(4096, pwrite(self->fd, self->out, 4096, 1 << 20));
	ASSERT_EQ(0, ioctl(self->fd, BLKDISCARD, range));
	ASSERT_EQ(4096, pread(self->fd, self->in, 4096, 1 << 20));
	EXPECT_EQ(0, memcmp(self->out, self->in, 4096));
}

/* Past the end: an error or a short count, never data. */
TEST_F(disk, beyond_the_end)
{
	unsigned long long size = 0;

	ASSERT_EQ(0, ioctl(self->fd, BLKGETSIZE64, &size));
	EXPECT_EQ(0, pread(self->fd, self->in, 4096, size));
	EXPECT_EQ(-1, pwrite(self->fd, self->out, 4096, size));
	EXPECT_EQ(ENOSPC, errno);
}

TEST_HARNESS_MAIN
