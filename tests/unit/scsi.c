// SPDX-License-Identifier: GPL-2.0
/*
 * The SCSI command set: what each command answers or asks of the disk, and how
 * it refuses what makes no sense.
 *
 * links: vsp vmbus backend mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vsp/scsi_var.h"

#define BLOCKS 2048u
#define LUNS   0x8000000000000005ull

static struct disk_info info;
static struct scsi_lun lun;
static struct scsi_cmd cmd;
static uint8_t cdb[16], buf[16384];
static struct iovec iov[2];

static int setup(void **state)
{
	unsigned int i;

	(void)state;
	info = (struct disk_info){
		.size = BLOCKS * 512,
		.block_size = 512,
		.physical_block_size = 4096,
		.can_discard = true,
		.write_cache = true,
		.discard_granularity = 4096,
	};
	lun = (struct scsi_lun){ .info = &info,
				 .max_transfer = 65536,
				 .write_back = true };
	for (i = 0; i < 16; i++)
		lun.id[i] = 0xa0 + i;
	memset(&cmd, 0, sizeof(cmd));
	memset(buf, 0xee, sizeof(buf));
	memset(cdb, 0, sizeof(cdb));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scsi_cmd_free(&cmd);
	return 0;
}

static unsigned int cdb_size(uint8_t op)
{
	static const unsigned int sizes[8] = { 6, 10, 10, 16, 16, 12, 16, 16 };

	return sizes[op >> 5];
}

/* In two pieces, of which the first is odd. */
static enum scsi_result run_on(struct scsi_lun *l, enum scsi_direction dir,
			       uint32_t len)
{
	uint32_t first = len < 7 ? len : 7;

	scsi_cmd_free(&cmd);
	iov[0] = (struct iovec){ buf, first };
	iov[1] = (struct iovec){ buf + first, len - first };
	cmd = (struct scsi_cmd){
		.cdb = cdb,
		.cdb_len = cdb_size(cdb[0]),
		.direction = dir,
		.iov = iov,
		.niov = 2,
		.len = len,
		.steps = &cmd.step,
	};
	return scsi_execute(l, LUNS, &cmd);
}

static enum scsi_result run(enum scsi_direction dir, uint32_t len)
{
	return run_on(&lun, dir, len);
}

static void set_cdb(const char *hex)
{
	unsigned int n = 0;

	memset(cdb, 0, sizeof(cdb));
	while (*hex) {
		cdb[n++] = strtoul(hex, (char **)&hex, 16);
		while (*hex == ' ')
			hex++;
	}
}

static void expect_good(uint32_t transferred)
{
	assert_int_equal(cmd.status, SCSI_GOOD);
	assert_int_equal(cmd.transferred, transferred);
}

static void expect_sense(uint8_t key, uint16_t asc)
{
	assert_int_equal(cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(cmd.key, key);
	assert_int_equal(cmd.asc << 8 | cmd.ascq, asc);
	assert_int_equal(cmd.transferred, 0);
	assert_int_equal(cmd.nsteps, 0);
}

/* A command with no data, or data to the guest, that must fail. */
static void refused(const char *hex, enum scsi_direction dir, uint32_t len,
		    uint8_t key, uint16_t asc)
{
	set_cdb(hex);
	assert_int_equal(run(dir, len), SCSI_DONE);
	expect_sense(key, asc);
}

static void expect_step(unsigned int i, enum disk_op op, uint64_t block,
			uint64_t blocks)
{
	assert_true(i < cmd.nsteps);
	assert_int_equal(cmd.steps[i].op, op);
	assert_int_equal(cmd.steps[i].offset, block * info.block_size);
	assert_int_equal(cmd.steps[i].len, blocks * info.block_size);
}

/* ---- inquiry ---- */

static void test_inquiry(void **state)
{
	(void)state;
	set_cdb("12 0 0 0 24");
	assert_int_equal(run(SCSI_DATA_IN, 36), SCSI_DONE);
	expect_good(36);
	assert_int_equal(buf[0], 0);
	assert_int_equal(buf[2], 5);
	assert_int_equal(buf[4], 91);
	assert_int_equal(buf[7], 2);
	assert_memory_equal(buf + 8, "Msft    Virtual Disk    1.0 ", 28);
	assert_int_equal(buf[36], 0xee);
	/* Cut short by the allocation length; longer than the data. */
	set_cdb("12 0 0 0 5");
	run(SCSI_DATA_IN, 36);
	expect_good(5);
	set_cdb("12 0 0 1 0");
	run(SCSI_DATA_IN, 256);
	expect_good(96);
	/* The buffer is shorter than the CDB says. */
	set_cdb("12 0 0 0 ff");
	memset(buf, 0xee, sizeof(buf));
	run(SCSI_DATA_IN, 20);
	expect_good(20);
	assert_int_equal(buf[20], 0xee);

	refused("12 0 80 0 24", SCSI_DATA_IN, 36, 5, 0x2400);
	refused("12 1 77 0 24", SCSI_DATA_IN, 36, 5, 0x2400);
	refused("12 0 0 0 24", SCSI_DATA_OUT, 36, 5, 0x2400);
	assert_true(cmd.bad_buffer);
	refused("12 0 0 0 24", SCSI_DATA_NONE, 0, 5, 0x2400);
}

static void test_no_lun(void **state)
{
	(void)state;
	set_cdb("12 0 0 0 60");
	assert_int_equal(run_on(NULL, SCSI_DATA_IN, 96), SCSI_DONE);
	expect_good(96);
	assert_int_equal(buf[0], 0x7f);
	assert_int_equal(buf[2], 5);
	set_cdb("12 1 0 0 60");
	assert_int_equal(run_on(NULL, SCSI_DATA_IN, 96), SCSI_DONE);
	expect_sense(5, 0x2400);
	set_cdb("0");
	assert_int_equal(run_on(NULL, SCSI_DATA_NONE, 0), SCSI_NO_LUN);
	set_cdb("28 0 0 0 0 0 0 0 1");
	assert_int_equal(run_on(NULL, SCSI_DATA_IN, 512), SCSI_NO_LUN);
	set_cdb("ff");
	assert_int_equal(run_on(NULL, SCSI_DATA_NONE, 0), SCSI_NO_LUN);
}

static unsigned int vpd(uint8_t page)
{
	set_cdb("12 1 0 1 0");
	cdb[2] = page;
	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(run(SCSI_DATA_IN, 256), SCSI_DONE);
	assert_int_equal(cmd.status, SCSI_GOOD);
	assert_int_equal(buf[0], 0);
	assert_int_equal(buf[1], page);
	assert_int_equal(cmd.transferred, get_be16(buf + 2) + 4);
	return get_be16(buf + 2);
}

static void test_vpd(void **state)
{
	static const uint8_t list[] = { 0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB2 };
	char text[33];

	(void)state;
	assert_int_equal(vpd(0), 6);
	assert_memory_equal(buf + 4, list, 6);

	assert_int_equal(vpd(0x80), 32);
	assert_memory_equal(buf + 4, "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf", 32);
	scsi_serial(&lun, text);
	assert_memory_equal(buf + 4, text, 32);

	assert_int_equal(vpd(0x83), 48);
	assert_memory_equal(buf + 4, "\1\1\0\30Msft    \xa0\xa1", 14);
	assert_memory_equal(buf + 32,
			    "\1\3\0\20\x60\x02\x24\x80\xa0\xa1\xa2\xa3\xa4\xa5",
			    14);
	assert_memory_equal(buf + 46, "\xaa\xab\xac\xad\xae\xaf", 6);
	scsi_wwn(&lun, text);
	assert_string_equal(text, "60022480a0a1a2a3a4a5aaabacadaeaf");

	assert_int_equal(vpd(0xB0), 0x3c);
	assert_int_equal(get_be16(buf + 6), 8);
	assert_int_equal(get_be32(buf + 8), 128);
	assert_int_equal(get_be32(buf + 20), SCSI_UNMAP_BLOCKS);
	assert_int_equal(get_be32(buf + 24), SCSI_UNMAP_DESCRIPTORS);
	assert_int_equal(get_be32(buf + 28), 8);
	assert_int_equal(get_be32(buf + 32), 0x80000000);

	assert_int_equal(vpd(0xB1), 0x3c);
	assert_int_equal(get_be16(buf + 4), 1);
	info.rotational = true;
	vpd(0xB1);
	assert_int_equal(get_be16(buf + 4), 0);

	assert_int_equal(vpd(0xB2), 4);
	assert_int_equal(buf[5], 0xe4);
	assert_int_equal(buf[6], 2);

	/* 4 bytes, as Linux asks first. */
	set_cdb("12 1 83 0 4");
	run(SCSI_DATA_IN, 4);
	expect_good(4);
	assert_int_equal(get_be16(buf + 2), 48);

	info.can_discard = false;
	assert_int_equal(vpd(0), 5);
	refused("12 1 B2 0 40", SCSI_DATA_IN, 64, 5, 0x2400);
	vpd(0xB0);
	assert_int_equal(get_be32(buf + 20), 0);
	assert_int_equal(get_be32(buf + 24), 0);
}

/* ---- capacity ---- */

static void test_capacity(void **state)
{
	(void)state;
	set_cdb("25");
	assert_int_equal(run(SCSI_DATA_IN, 8), SCSI_DONE);
	expect_good(8);
	assert_int_equal(get_be32(buf), BLOCKS - 1);
	assert_int_equal(get_be32(buf + 4), 512);

	set_cdb("9e 10 0 0 0 0 0 0 0 0 0 0 0 20");
	assert_int_equal(run(SCSI_DATA_IN, 32), SCSI_DONE);
	expect_good(32);
	assert_int_equal(get_be64(buf), BLOCKS - 1);
	assert_int_equal(get_be32(buf + 8), 512);
	assert_int_equal(buf[13], 3);
	assert_int_equal(buf[14], 0xC0);

	/* Beyond what 10 bytes can tell. */
	info.size = (1ull << 33) * 512;
	set_cdb("25");
	run(SCSI_DATA_IN, 8);
	assert_int_equal(get_be32(buf), 0xffffffff);
	info.size = (1ull << 40) * 4096;
	info.block_size = 4096;
	info.can_discard = false;
	set_cdb("9e 10 0 0 0 0 0 0 0 0 0 0 0 20");
	run(SCSI_DATA_IN, 32);
	assert_int_equal(get_be64(buf), (1ull << 40) - 1);
	assert_int_equal(buf[13], 0);
	assert_int_equal(buf[14], 0);

	refused("9e 1f", SCSI_DATA_IN, 32, 5, 0x2400);
}

static void test_lba_status(void **state)
{
	(void)state;
	set_cdb("9e 12 0 0 0 0 0 0 0 10 0 0 0 40");
	assert_int_equal(run(SCSI_DATA_IN, 64), SCSI_DONE);
	expect_good(24);
	assert_int_equal(get_be32(buf), 20);
	assert_int_equal(get_be64(buf + 8), 16);
	assert_int_equal(get_be32(buf + 16), BLOCKS - 16);
	refused("9e 12 0 0 0 0 0 0 8 0 0 0 0 40", SCSI_DATA_IN, 64, 5, 0x2100);
}

static void test_report_luns(void **state)
{
	(void)state;
	set_cdb("a0 0 0 0 0 0 0 0 10 0");
	assert_int_equal(run(SCSI_DATA_IN, 4096), SCSI_DONE);
	expect_good(32);
	assert_int_equal(get_be32(buf), 24);
	assert_int_equal(buf[9], 0);
	assert_int_equal(buf[17], 2);
	assert_int_equal(buf[25], 63);
	assert_int_equal(run_on(NULL, SCSI_DATA_IN, 4096), SCSI_DONE);
	expect_good(32);
	set_cdb("a0 0 1 0 0 0 0 0 10 0");
	run(SCSI_DATA_IN, 4096);
	expect_good(8);
	assert_int_equal(get_be32(buf), 0);
	refused("a0 0 3 0 0 0 0 0 10 0", SCSI_DATA_IN, 4096, 5, 0x2400);
	refused("a0 0 0 0 0 0 0 0 0 8", SCSI_DATA_IN, 8, 5, 0x2400);
}

/* ---- reads and writes ---- */

static void transfer(const char *hex, enum scsi_direction dir, enum disk_op op,
		     uint64_t block, uint64_t blocks, bool fua)
{
	set_cdb(hex);
	assert_int_equal(run(dir, blocks * 512), SCSI_DISK);
	assert_int_equal(cmd.nsteps, 1);
	expect_step(0, op, block, blocks);
	assert_int_equal(cmd.steps[0].fua, fua);
	assert_false(cmd.steps[0].repeat);
	expect_good(blocks * 512);
}

static void test_read_write(void **state)
{
	(void)state;
	lun.max_transfer = 512 * 256;
	transfer("8 0 1 2 3", SCSI_DATA_IN, DISK_READ, 0x102, 3, false);
	transfer("8 0 1 2 0", SCSI_DATA_IN, DISK_READ, 0x102, 256, false);
	transfer("a 0 0 2 1", SCSI_DATA_OUT, DISK_WRITE, 2, 1, false);
	transfer("28 0 0 0 1 2 0 0 3", SCSI_DATA_IN, DISK_READ, 0x102, 3,
		 false);
	transfer("2a 0 0 0 1 2 0 0 3", SCSI_DATA_OUT, DISK_WRITE, 0x102, 3,
		 false);
	transfer("2a 8 0 0 1 2 0 0 3", SCSI_DATA_OUT, DISK_WRITE, 0x102, 3,
		 true);
	transfer("a8 0 0 0 1 2 0 0 0 3", SCSI_DATA_IN, DISK_READ, 0x102, 3,
		 false);
	transfer("aa 8 0 0 1 2 0 0 0 3", SCSI_DATA_OUT, DISK_WRITE, 0x102, 3,
		 true);
	transfer("88 0 0 0 0 0 0 0 7 ff 0 0 0 1", SCSI_DATA_IN, DISK_READ, 2047,
		 1, false);
	transfer("8a 8 0 0 0 0 0 0 7 ff 0 0 0 1", SCSI_DATA_OUT, DISK_WRITE,
		 2047, 1, true);
	transfer("2e 0 0 0 1 2 0 0 3", SCSI_DATA_OUT, DISK_WRITE, 0x102, 3,
		 true);
	transfer("8e 0 0 0 0 0 0 0 7 ff 0 0 0 1", SCSI_DATA_OUT, DISK_WRITE,
		 2047, 1, true);
	transfer("ae 0 0 0 1 2 0 0 0 3", SCSI_DATA_OUT, DISK_WRITE, 0x102, 3,
		 true);

	/* Nothing to do. */
	set_cdb("28 0 0 0 8 0 0 0 0");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DONE);
	expect_good(0);

	/* A buffer that is larger than the transfer. */
	set_cdb("28 0 0 0 0 0 0 0 1");
	assert_int_equal(run(SCSI_DATA_IN, 4096), SCSI_DISK);
	expect_good(512);
}

static void test_write_through(void **state)
{
	(void)state;
	lun.write_back = false;
	transfer("a 0 0 2 1", SCSI_DATA_OUT, DISK_WRITE, 2, 1, true);
	transfer("2a 0 0 0 1 2 0 0 3", SCSI_DATA_OUT, DISK_WRITE, 0x102, 3,
		 true);
	transfer("28 0 0 0 1 2 0 0 3", SCSI_DATA_IN, DISK_READ, 0x102, 3,
		 false);
}

static void test_range(void **state)
{
	(void)state;
	refused("28 0 0 0 8 0 0 0 1", SCSI_DATA_IN, 512, 5, 0x2100);
	refused("28 0 0 0 7 ff 0 0 2", SCSI_DATA_IN, 1024, 5, 0x2100);
	refused("28 0 ff ff ff ff 0 ff ff", SCSI_DATA_IN, 1024, 5, 0x2100);
	refused("88 0 ff ff ff ff ff ff ff ff ff ff ff ff", SCSI_DATA_IN, 1024,
		5, 0x2100);
	refused("8a 0 ff ff ff ff ff ff ff ff 0 0 0 1", SCSI_DATA_OUT, 512, 5,
		0x2100);
	/* Larger than the maximum, which is 128 blocks. */
	refused("28 0 0 0 0 0 0 0 81", SCSI_DATA_IN, 129 * 512, 5, 0x2400);
	/* Protection information. */
	refused("28 20 0 0 0 0 0 0 1", SCSI_DATA_IN, 512, 5, 0x2400);
	/* The buffer holds less, or is meant for the other direction. */
	refused("28 0 0 0 0 0 0 0 2", SCSI_DATA_IN, 1023, 5, 0x2400);
	assert_true(cmd.bad_buffer);
	refused("28 0 0 0 0 0 0 0 1", SCSI_DATA_OUT, 512, 5, 0x2400);
	assert_true(cmd.bad_buffer);
	refused("2a 0 0 0 0 0 0 0 1", SCSI_DATA_IN, 512, 5, 0x2400);
	refused("2a 0 0 0 0 0 0 0 1", SCSI_DATA_NONE, 0, 5, 0x2400);
	refused("2e 2 0 0 0 0 0 0 1", SCSI_DATA_OUT, 512, 5, 0x2400);
}

static void test_readonly(void **state)
{
	(void)state;
	info.readonly = true;
	refused("2a 0 0 0 0 0 0 0 1", SCSI_DATA_OUT, 512, 7, 0x2700);
	refused("42 0 0 0 0 0 0 0 18", SCSI_DATA_OUT, 24, 7, 0x2700);
	refused("41 0 0 0 0 0 0 0 1", SCSI_DATA_OUT, 512, 7, 0x2700);
	transfer("28 0 0 0 1 2 0 0 3", SCSI_DATA_IN, DISK_READ, 0x102, 3,
		 false);
	set_cdb("1a 8 3f 0 ff");
	run(SCSI_DATA_IN, 255);
	assert_int_equal(buf[2], 0x90);
}

static void test_verify_flush(void **state)
{
	(void)state;
	set_cdb("2f 0 0 0 0 0 0 8 0");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DONE);
	expect_good(0);
	refused("2f 0 0 0 0 1 0 8 0", SCSI_DATA_NONE, 0, 5, 0x2100);
	refused("2f 2 0 0 0 0 0 0 1", SCSI_DATA_OUT, 512, 5, 0x2400);
	refused("8f 0 0 0 0 0 0 0 8 0 0 0 0 1", SCSI_DATA_NONE, 0, 5, 0x2100);

	set_cdb("35");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DISK);
	assert_int_equal(cmd.steps[0].op, DISK_FLUSH);
	set_cdb("91 2");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DISK);
	assert_int_equal(cmd.steps[0].op, DISK_FLUSH);
	refused("35 0 0 0 8 1", SCSI_DATA_NONE, 0, 5, 0x2100);

	/* Stopping writes the cache; starting, and what says not to, does not. */
	set_cdb("1b 0 0 0 0");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DISK);
	assert_int_equal(cmd.steps[0].op, DISK_FLUSH);
	set_cdb("1b 0 0 0 4");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DONE);
	set_cdb("1b 0 0 0 1");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DONE);
	expect_good(0);
}

/* ---- unmap, write same ---- */

static void descriptor(unsigned int i, uint64_t block, uint32_t blocks)
{
	uint8_t *d = buf + 8 + 16 * i;

	memset(d, 0, 16);
	put_be64(d, block);
	put_be32(d + 8, blocks);
	put_be16(buf, 6 + 16 * (i + 1));
	put_be16(buf + 2, 16 * (i + 1));
	memset(cdb, 0, sizeof(cdb));
	cdb[0] = 0x42;
	put_be16(cdb + 7, 8 + 16 * (i + 1));
}

static void test_unmap(void **state)
{
	unsigned int i;

	(void)state;
	memset(buf, 0, sizeof(buf));
	descriptor(0, 8, 16);
	assert_int_equal(run(SCSI_DATA_OUT, 24), SCSI_DISK);
	assert_int_equal(cmd.nsteps, 1);
	expect_step(0, DISK_DISCARD, 8, 16);

	descriptor(1, 100, 0);
	descriptor(2, 2040, 8);
	assert_int_equal(run(SCSI_DATA_OUT, 56), SCSI_DISK);
	assert_int_equal(cmd.nsteps, 2);
	expect_step(0, DISK_DISCARD, 8, 16);
	expect_step(1, DISK_DISCARD, 2040, 8);
	expect_good(56);

	descriptor(2, 2040, 9);
	assert_int_equal(run(SCSI_DATA_OUT, 56), SCSI_DONE);
	expect_sense(5, 0x2100);

	/* Nothing asked for. */
	refused("42 0 0 0 0 0 0 0 4", SCSI_DATA_OUT, 4, 5, 0x1A00);
	set_cdb("42");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DONE);
	expect_good(0);
	descriptor(0, 8, 0);
	assert_int_equal(run(SCSI_DATA_OUT, 24), SCSI_DONE);
	expect_good(24);

	/* The list is longer than the buffer; its own length lies. */
	descriptor(0, 8, 8);
	assert_int_equal(run(SCSI_DATA_OUT, 20), SCSI_DONE);
	expect_sense(5, 0x2400);
	assert_true(cmd.bad_buffer);
	put_be16(buf + 2, 0xfff0);
	assert_int_equal(run(SCSI_DATA_OUT, 24), SCSI_DISK);
	assert_int_equal(cmd.nsteps, 1);

	for (i = 0; i < SCSI_UNMAP_DESCRIPTORS; i++)
		descriptor(i, i, 1);
	assert_int_equal(run(SCSI_DATA_OUT, 8 + 16 * i), SCSI_DISK);
	assert_int_equal(cmd.nsteps, SCSI_UNMAP_DESCRIPTORS);
	descriptor(i, i, 1);
	assert_int_equal(run(SCSI_DATA_OUT, 8 + 16 * (i + 1)), SCSI_DONE);
	expect_sense(5, 0x2600);

	info.size = 1ull << 50;
	descriptor(0, 0, SCSI_UNMAP_BLOCKS);
	assert_int_equal(run(SCSI_DATA_OUT, 24), SCSI_DISK);
	descriptor(0, 0, SCSI_UNMAP_BLOCKS + 1);
	assert_int_equal(run(SCSI_DATA_OUT, 24), SCSI_DONE);
	expect_sense(5, 0x2600);

	info.can_discard = false;
	refused("42 0 0 0 0 0 0 0 18", SCSI_DATA_OUT, 24, 5, 0x2000);
}

static void test_write_same(void **state)
{
	(void)state;
	memset(buf, 0, sizeof(buf));
	set_cdb("41 0 0 0 0 10 0 0 20");
	assert_int_equal(run(SCSI_DATA_OUT, 512), SCSI_DISK);
	expect_step(0, DISK_WRITE_ZEROES, 16, 32);
	assert_int_equal(cmd.copied, 512);
	set_cdb("41 8 0 0 0 10 0 0 20");
	assert_int_equal(run(SCSI_DATA_OUT, 512), SCSI_DISK);
	expect_step(0, DISK_DISCARD, 16, 32);
	set_cdb("93 9 0 0 0 0 0 0 0 10 0 0 0 20");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DISK);
	expect_step(0, DISK_DISCARD, 16, 32);
	expect_good(0);
	set_cdb("93 1 0 0 0 0 0 0 0 10 0 0 0 20");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DISK);
	expect_step(0, DISK_WRITE_ZEROES, 16, 32);

	buf[511] = 1;
	set_cdb("93 8 0 0 0 0 0 0 0 10 0 0 0 20");
	assert_int_equal(run(SCSI_DATA_OUT, 512), SCSI_DISK);
	expect_step(0, DISK_WRITE, 16, 32);
	assert_true(cmd.steps[0].repeat);

	refused("93 8 0 0 0 0 0 0 0 10 0 0 0 0", SCSI_DATA_OUT, 512, 5, 0x2400);
	refused("93 0 0 0 0 0 0 0 7 ff 0 0 0 2", SCSI_DATA_OUT, 512, 5, 0x2100);
	refused("93 10 0 0 0 0 0 0 0 0 0 0 0 2", SCSI_DATA_OUT, 512, 5, 0x2400);
	refused("93 0 0 0 0 0 0 0 0 0 0 0 0 2", SCSI_DATA_OUT, 511, 5, 0x2400);
	info.size = 1ull << 50;
	refused("93 0 0 0 0 0 0 0 0 0 0 1 0 1", SCSI_DATA_OUT, 512, 5, 0x2400);
	info.can_discard = false;
	refused("93 8 0 0 0 0 0 0 0 0 0 0 0 2", SCSI_DATA_OUT, 512, 5, 0x2400);
}

/* ---- mode pages ---- */

static void test_mode_sense(void **state)
{
	(void)state;
	set_cdb("1a 0 8 0 ff");
	assert_int_equal(run(SCSI_DATA_IN, 255), SCSI_DONE);
	expect_good(4 + 8 + 20);
	assert_int_equal(buf[0], 4 + 8 + 20 - 1);
	assert_int_equal(buf[2], 0x10);
	assert_int_equal(buf[3], 8);
	assert_int_equal(get_be32(buf + 4), BLOCKS);
	assert_int_equal(get_be32(buf + 8), 512);
	assert_memory_equal(buf + 12, "\x08\x12\x04", 3);
	/* What can be changed: the cache and nothing else. */
	set_cdb("1a 8 48 0 ff");
	run(SCSI_DATA_IN, 255);
	expect_good(4 + 20);
	assert_memory_equal(buf + 4, "\x08\x12\x04\x00\x00\x00", 6);
	set_cdb("1a 8 3f 0 4");
	run(SCSI_DATA_IN, 4);
	expect_good(4);
	assert_int_equal(buf[0], 3 + 12 + 20 + 12 + 12);
	set_cdb("5a 8 3f ff 0 0 0 1 0");
	run(SCSI_DATA_IN, 256);
	expect_good(8 + 12 + 20 + 12 + 12);
	assert_int_equal(get_be16(buf), 6 + 12 + 20 + 12 + 12);
	assert_int_equal(buf[3], 0x10);
	assert_int_equal(buf[8], 1);
	assert_int_equal(buf[20], 8);
	assert_int_equal(buf[40], 0xa);
	assert_int_equal(buf[52], 0x1c);
	lun.write_back = false;
	set_cdb("1a 8 8 0 ff");
	run(SCSI_DATA_IN, 255);
	assert_memory_equal(buf + 4, "\x08\x12\x00", 3);
	set_cdb("1a 8 88 0 ff"); /* default */
	run(SCSI_DATA_IN, 255);
	assert_memory_equal(buf + 4, "\x08\x12\x04", 3);
	refused("1a 8 c8 0 ff", SCSI_DATA_IN, 255, 5, 0x3900);
	refused("1a 8 2a 0 ff", SCSI_DATA_IN, 255, 5, 0x2400);
	refused("5a 8 a 5 0 0 0 1 0", SCSI_DATA_IN, 255, 5, 0x2400);
}

static void select6(unsigned int len)
{
	set_cdb("15 10 0 0 0");
	cdb[4] = len;
}

static void test_mode_select(void **state)
{
	uint8_t page[20] = { 0x08, 0x12, 0x00 };

	(void)state;
	/* Switching the cache off has it written. */
	memset(buf, 0, 4);
	memcpy(buf + 4, page, 20);
	select6(24);
	assert_int_equal(run(SCSI_DATA_OUT, 24), SCSI_DISK);
	assert_int_equal(cmd.steps[0].op, DISK_FLUSH);
	assert_false(lun.write_back);
	buf[6] = 4;
	select6(24);
	assert_int_equal(run(SCSI_DATA_OUT, 24), SCSI_DONE);
	expect_good(24);
	assert_true(lun.write_back);

	/* Ten bytes, with a block descriptor. */
	memset(buf, 0, 16);
	buf[7] = 8;
	put_be32(buf + 12, 512);
	memcpy(buf + 16, page, 20);
	set_cdb("55 10 0 0 0 0 0 0 24");
	assert_int_equal(run(SCSI_DATA_OUT, 36), SCSI_DISK);
	assert_false(lun.write_back);

	/* What can't be changed, is too short, or unknown. */
	memset(buf, 0, 4);
	memcpy(buf + 4, page, 20);
	buf[10] = 1;
	select6(24);
	run(SCSI_DATA_OUT, 24);
	expect_sense(5, 0x2600);
	buf[10] = 0;
	select6(23);
	run(SCSI_DATA_OUT, 23);
	expect_sense(5, 0x2600);
	select6(5);
	run(SCSI_DATA_OUT, 5);
	expect_sense(5, 0x2600);
	buf[4] = 0x2a;
	select6(24);
	run(SCSI_DATA_OUT, 24);
	expect_sense(5, 0x2600);
	buf[3] = 4;
	run(SCSI_DATA_OUT, 24);
	expect_sense(5, 0x2600);
	select6(3);
	run(SCSI_DATA_OUT, 3);
	expect_sense(5, 0x1A00);
	select6(255);
	run(SCSI_DATA_OUT, 255);
	expect_sense(5, 0x1A00);
	select6(24);
	run(SCSI_DATA_OUT, 12);
	expect_sense(5, 0x2400);
	refused("15 0 0 0 18", SCSI_DATA_OUT, 24, 5, 0x2400);
	refused("15 11 0 0 18", SCSI_DATA_OUT, 24, 5, 0x2400);
	memset(buf, 0, 16);
	buf[3] = 8;
	put_be32(buf + 8, 4096);
	select6(12);
	run(SCSI_DATA_OUT, 12);
	expect_sense(5, 0x2600);
}

/* ---- unit attentions, the rest ---- */

static void test_attention(void **state)
{
	(void)state;
	scsi_attention(&lun, SCSI_UA_CAPACITY | SCSI_UA_LUNS);
	set_cdb("12 0 0 0 24");
	run(SCSI_DATA_IN, 36);
	expect_good(36);
	refused("0", SCSI_DATA_NONE, 0, 6, 0x2A09);
	refused("28 0 0 0 0 0 0 0 1", SCSI_DATA_IN, 512, 6, 0x3F0E);
	set_cdb("0");
	run(SCSI_DATA_NONE, 0);
	expect_good(0);
	/* REPORT LUNS is what 3F/0E asks for. */
	scsi_attention(&lun, SCSI_UA_LUNS);
	set_cdb("a0 0 0 0 0 0 0 0 10 0");
	run(SCSI_DATA_IN, 4096);
	expect_good(32);
	set_cdb("0");
	run(SCSI_DATA_NONE, 0);
	expect_good(0);
	/* REQUEST SENSE tells and clears. */
	scsi_attention(&lun, SCSI_UA_CAPACITY);
	set_cdb("3 0 0 0 12");
	run(SCSI_DATA_IN, 18);
	expect_good(18);
	assert_int_equal(buf[0], 0x70);
	assert_int_equal(buf[2], 6);
	assert_int_equal(buf[12], 0x2A);
	assert_int_equal(buf[13], 0x09);
	run(SCSI_DATA_IN, 18);
	assert_int_equal(buf[2], 0);
	refused("3 1 0 0 12", SCSI_DATA_IN, 18, 5, 0x2400);
}

static void test_other(void **state)
{
	static const char *const unknown[] = { "5e", "5f", "85", "a1",
					       "4d", "ff", "4 0" };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		refused(unknown[i], SCSI_DATA_NONE, 0, 5, 0x2000);
	set_cdb("1e 0 0 0 1");
	run(SCSI_DATA_NONE, 0);
	expect_good(0);
	set_cdb("1d 4");
	run(SCSI_DATA_NONE, 0);
	expect_good(0);
	refused("1d 0", SCSI_DATA_NONE, 0, 5, 0x2400);
	/* NACA; a CDB that is too short for its operation. */
	refused("0 0 0 0 0 4", SCSI_DATA_NONE, 0, 5, 0x2400);
	set_cdb("28 0 0 0 0 0 0 0 1");
	cmd = (struct scsi_cmd){ .cdb = cdb, .cdb_len = 6, .steps = &cmd.step };
	scsi_execute(&lun, LUNS, &cmd);
	expect_sense(5, 0x2400);
}

static void test_opcodes(void **state)
{
	unsigned int i, n;

	(void)state;
	set_cdb("a3 c 0 0 0 0 0 0 4 0");
	run(SCSI_DATA_IN, 1024);
	assert_int_equal(cmd.status, SCSI_GOOD);
	n = get_be32(buf) / 8;
	assert_int_equal(n, scsi_table_len);
	for (i = 1; i < n; i++)
		assert_true(buf[4 + 8 * i] >= buf[4 + 8 * (i - 1)]);
	for (i = 0; i < n; i++)
		assert_int_equal(buf[4 + 8 * i + 7], cdb_size(buf[4 + 8 * i]));

	set_cdb("a3 c 1 2a 0 0 0 0 4 0");
	run(SCSI_DATA_IN, 1024);
	expect_good(14);
	assert_int_equal(buf[1], 3);
	assert_int_equal(get_be16(buf + 2), 10);
	assert_memory_equal(buf + 4, "\x2a\xf8\xff\xff\xff\xff\0\xff\xff\0",
			    10);
	set_cdb("a3 c 1 5e 0 0 0 0 4 0");
	run(SCSI_DATA_IN, 1024);
	expect_good(4);
	assert_int_equal(buf[1], 1);
	set_cdb("a3 c 2 9e 0 10 0 0 4 0");
	run(SCSI_DATA_IN, 1024);
	expect_good(20);
	assert_memory_equal(buf + 4, "\x9e\x10", 2);
	set_cdb("a3 c 3 9e 0 11 0 0 4 0");
	run(SCSI_DATA_IN, 1024);
	expect_good(4);
	assert_int_equal(buf[1], 1);
	refused("a3 c 1 9e 0 10 0 0 4 0", SCSI_DATA_IN, 1024, 5, 0x2400);
	refused("a3 c 2 2a 0 0 0 0 4 0", SCSI_DATA_IN, 1024, 5, 0x2400);
	refused("a3 c 81 2a 0 0 0 0 4 0", SCSI_DATA_IN, 1024, 5, 0x2400);
	refused("a3 d", SCSI_DATA_IN, 1024, 5, 0x2400);
}

static void test_errors(void **state)
{
	static const struct {
		int err;
		enum disk_op op;
		uint8_t key;
		uint16_t asc;
	} map[] = {
		{ -EIO, DISK_READ, 3, 0x1100 },
		{ -EIO, DISK_WRITE, 3, 0x0C00 },
		{ -EIO, DISK_FLUSH, 3, 0x0C00 },
		{ -ENOSPC, DISK_WRITE, 7, 0x2707 },
		{ -EFBIG, DISK_WRITE, 7, 0x2707 },
		{ -EROFS, DISK_WRITE, 7, 0x2700 },
		{ -EINVAL, DISK_READ, 5, 0x2100 },
		{ -EOPNOTSUPP, DISK_DISCARD, 5, 0x2000 },
		{ -ENODEV, DISK_READ, 4, 0x4400 },
		{ -ETIMEDOUT, DISK_READ, 0xB, 0x3E02 },
		{ -ECANCELED, DISK_READ, 0xB, 0 },
		{ -EBADMSG, DISK_READ, 3, 0x1100 },
	};
	uint8_t sense[18];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		struct scsi_step step = { .op = map[i].op };

		transfer("28 0 0 0 1 2 0 0 3", SCSI_DATA_IN, DISK_READ, 0x102,
			 3, false);
		scsi_disk_done(&cmd, &step, map[i].err);
		expect_sense(map[i].key, map[i].asc);
	}
	transfer("28 0 0 0 1 2 0 0 3", SCSI_DATA_IN, DISK_READ, 0x102, 3,
		 false);
	scsi_disk_done(&cmd, &cmd.step, 0);
	expect_good(1536);
	scsi_disk_done(&cmd, &cmd.step, -ENOMEM);
	assert_int_equal(cmd.status, SCSI_BUSY);
	assert_int_equal(cmd.transferred, 0);
	assert_int_equal(scsi_sense_build(5, 0x24, 1, sense), 18);
	assert_memory_equal(sense, "\x70\0\5\0\0\0\0\x0a\0\0\0\0\x24\1\0\0\0\0",
			    18);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_inquiry),	 CASE(test_no_lun),
		CASE(test_vpd),		 CASE(test_capacity),
		CASE(test_lba_status),	 CASE(test_report_luns),
		CASE(test_read_write),	 CASE(test_write_through),
		CASE(test_range),	 CASE(test_readonly),
		CASE(test_verify_flush), CASE(test_unmap),
		CASE(test_write_same),	 CASE(test_mode_sense),
		CASE(test_mode_select),	 CASE(test_attention),
		CASE(test_other),	 CASE(test_opcodes),
		CASE(test_errors),
	};

	return cmocka_run_group_tests_name("scsi", tests, NULL, NULL);
}
