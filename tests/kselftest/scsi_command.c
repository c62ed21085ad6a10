// SPDX-License-Identifier: GPL-2.0
/*
 * SCSI commands by SG_IO: what a disk says of itself, and proper sense data
 * for commands that it can't obey.  The disk is /dev/sda or $SCSI_DISK.
 */

#define _GNU_SOURCE
#include <fcntl.h>
#include <scsi/sg.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#define CHECK_CONDITION		0x02
#define KEY_ILLEGAL_REQUEST	0x05
#define ASC_INVALID_OPCODE	0x20
#define ASC_LBA_OUT_OF_RANGE	0x21
#define ASC_INVALID_FIELD	0x24

FIXTURE(disk) {
	int fd;
	unsigned char sense[96];
	unsigned char data[4096];
	struct sg_io_hdr io;
};

FIXTURE_SETUP(disk)
{
	const char *name = getenv("SCSI_DISK");

	self->fd = open(name ? name : "/dev/sda", O_RDWR | O_NONBLOCK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(disk)
{
	close(self->fd);
}

/* Returns the SCSI status, or -1 if the command did not get that far. */
static int command(FIXTURE_DATA(disk) *self, const unsigned char *cdb,
		   unsigned int cdb_length, unsigned int data_length)
{
	memset(&self->io, 0, sizeof(self->io));
	memset(self->sense, 0, sizeof(self->sense));
	memset(self->data, 0xee, sizeof(self->data));
	self->io.interface_id = 'S';
	self->io.dxfer_direction = data_length ? SG_DXFER_FROM_DEV :
				   SG_DXFER_NONE;
	self->io.cmd_len = cdb_length;
	self->io.cmdp = (unsigned char *)cdb;
	self->io.dxfer_len = data_length;
	self->io.dxferp = self->data;
	self->io.mx_sb_len = sizeof(self->sense);
	self->io.sbp = self->sense;
	self->io.timeout = 20000;
	if (ioctl(self->fd, SG_IO, &self->io) < 0)
		return -1;
	if (self->io.host_status)
		return -1;
	return self->io.status & 0x7e;
}

static int sense_is(FIXTURE_DATA(disk) *self, int key, int asc)
{
	/* Fixed format: current or deferred errors are 0x70 and 0x71. */
	if ((self->sense[0] & 0x7f) == 0x70)
		return (self->sense[2] & 0x0f) == key && self->sense[12] == asc;
	return (self->sense[1] & 0x0f) == key && self->sense[2] == asc;
}

TEST_F(disk, inquiry)
{
	const unsigned char cdb[6] = { 0x12, 0, 0, 0, 96, 0 };

	ASSERT_EQ(0, command(self, cdb, 6, 96));
	EXPECT_EQ(0, self->data[0]);		/* a connected disk */
	EXPECT_LE(5, self->data[2]);		/* SPC-3 or later */
	EXPECT_LE(31, self->data[4]);
	EXPECT_LE(' ', self->data[8]);		/* the vendor is text */
}

/* The list of pages is ascending, and each page in it is there. */
TEST_F(disk, vital_product_data)
{
	unsigned char cdb[6] = { 0x12, 1, 0, 0, 255, 0 };
	unsigned char pages[256];
	int count, i;

	ASSERT_EQ(0, command(self, cdb, 6, 255));
	count = self->data[3];
	ASSERT_LT(0, count);
	memcpy(pages, self->data + 4, count);
	for (i = 0; i < count; i++) {
		if (i) {
			EXPECT_LT(pages[i - 1], pages[i]);
		}
		cdb[2] = pages[i];
		EXPECT_EQ(0, command(self, cdb, 6, 255));
		EXPECT_EQ(pages[i], self->data[1]);
	}
}

/* Page 0x83 has a designator of the logical unit: what a WWN comes from. */
TEST_F(disk, identification)
{
	const unsigned char cdb[6] = { 0x12, 1, 0x83, 0, 255, 0 };
	int length, at, units = 0;

	ASSERT_EQ(0, command(self, cdb, 6, 255));
	length = self->data[2] << 8 | self->data[3];
	for (at = 4; at + 4 <= length + 4; at += 4 + self->data[at + 3])
		units += (self->data[at + 1] & 0x30) == 0;
	EXPECT_LT(0, units);
}

TEST_F(disk, capacities_agree)
{
	const unsigned char cdb10[10] = { 0x25 };
	const unsigned char cdb16[16] = { 0x9e, 0x10, [13] = 32 };
	unsigned long long last10 = 0, last16 = 0;
	int i;

	ASSERT_EQ(0, command(self, cdb10, 10, 8));
	for (i = 0; i < 4; i++)
		last10 = last10 << 8 | self->data[i];
	ASSERT_EQ(0, command(self, cdb16, 16, 32));
	for (i = 0; i < 8; i++)
		last16 = last16 << 8 | self->data[i];
	EXPECT_LT(0, last16);
	if (last16 > 0xffffffffull)
		last16 = 0xffffffffull;
	EXPECT_EQ(last16, last10);
}

TEST_F(disk, report_luns_lists_itself)
{
	const unsigned char cdb[12] = { 0xa0, [8] = 2 };
	unsigned int length;

	ASSERT_EQ(0, command(self, cdb, 12, 512));
	length = self->data[2] << 8 | self->data[3];
	EXPECT_LE(8, length);
	EXPECT_EQ(0, length % 8);
}

TEST_F(disk, unknown_command)
{
	const unsigned char cdb[6] = { 0xe7 };

	ASSERT_EQ(CHECK_CONDITION, command(self, cdb, 6, 0));
	EXPECT_TRUE(sense_is(self, KEY_ILLEGAL_REQUEST, ASC_INVALID_OPCODE));
}

TEST_F(disk, unknown_page)
{
	const unsigned char cdb[6] = { 0x12, 1, 0xfe, 0, 255, 0 };
	int status = command(self, cdb, 6, 255);

	if (!status)
		SKIP(return, "this driver calls each INQUIRY a success");
	ASSERT_EQ(CHECK_CONDITION, status);
	EXPECT_TRUE(sense_is(self, KEY_ILLEGAL_REQUEST, ASC_INVALID_FIELD));
}

TEST_F(disk, read_beyond_the_end)
{
	const unsigned char cdb[16] = { 0x88, 0, 0x7f, [13] = 1 };

	ASSERT_EQ(CHECK_CONDITION, command(self, cdb, 16, 512));
	EXPECT_TRUE(sense_is(self, KEY_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE));
}

/* A short allocation length cuts the answer and nothing else. */
TEST_F(disk, short_answer)
{
	const unsigned char cdb[6] = { 0x12, 0, 0, 0, 5, 0 };

	ASSERT_EQ(0, command(self, cdb, 6, 96));
	EXPECT_EQ(0xee, self->data[5]);
	EXPECT_EQ(91, self->io.resid);
}

TEST_F(disk, test_unit_ready)
{
	const unsigned char cdb[6] = { 0 };

	EXPECT_EQ(0, command(self, cdb, 6, 0));
}

TEST_HARNESS_MAIN
