// SPDX-License-Identifier: GPL-2.0
/*
 * The SCSI command set, what is about the medium: which steps a command asks of
 * the disk, and how it refuses what makes no sense.
 *
 * links: vsp vmbus backend mem util
 */
#include "scsi_fixture.h"

/* ---- reads and writes ---- */

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
	/* Nothing to do. */
	set_cdb("28 0 0 0 8 0 0 0 0");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DONE);
	expect_good(0);

	/* A buffer that is larger than the transfer. */
	set_cdb("28 0 0 0 0 0 0 0 1");
	assert_int_equal(run(SCSI_DATA_IN, 4096), SCSI_DISK);
	expect_good(512);
}

/* One range of an UNMAP, and its CDB. */
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

static void test_write_through(void **state)
{
	(void)state;
	lun.write_back = false;
	transfer("a 0 0 2 1", SCSI_DATA_OUT, DISK_WRITE, 2, 1, true);
	transfer("2a 0 0 0 1 2 0 0 3", SCSI_DATA_OUT, DISK_WRITE, 0x102, 3,
		 true);
	transfer("28 0 0 0 1 2 0 0 3", SCSI_DATA_IN, DISK_READ, 0x102, 3,
		 false);
	/* Nothing stays in a cache, what is discarded included. */
	memset(buf, 0, sizeof(buf));
	descriptor(0, 8, 16);
	descriptor(1, 100, 8);
	assert_int_equal(run(SCSI_DATA_OUT, 40), SCSI_DISK);
	assert_int_equal(cmd.nsteps, 2);
	assert_true(cmd.steps[0].fua && cmd.steps[1].fua);
	memset(buf, 0, sizeof(buf));
	set_cdb("41 8 0 0 0 10 0 0 20");
	assert_int_equal(run(SCSI_DATA_OUT, 512), SCSI_DISK);
	expect_step(0, DISK_DISCARD, 16, 32);
	assert_true(cmd.steps[0].fua);
	set_cdb("41 0 0 0 0 10 0 0 20");
	assert_int_equal(run(SCSI_DATA_OUT, 512), SCSI_DISK);
	expect_step(0, DISK_WRITE_ZEROES, 16, 32);
	assert_true(cmd.steps[0].fua);
}

static void expect_verify(unsigned int i, uint64_t block, uint64_t blocks,
			  bool compare)
{
	expect_step(i, DISK_READ, block, blocks);
	assert_true(cmd.steps[i].verify);
	assert_int_equal(cmd.steps[i].compare, compare);
	assert_int_equal(cmd.nsteps, i + 1);
}

static void write_verify(const char *hex, uint64_t block, uint64_t blocks)
{
	set_cdb(hex);
	assert_int_equal(run(SCSI_DATA_OUT, blocks * 512), SCSI_DISK);
	expect_step(0, DISK_WRITE, block, blocks);
	assert_true(cmd.steps[0].fua);
	expect_verify(1, block, blocks, false);
	expect_good(blocks * 512);
}

static void test_write_verify(void **state)
{
	(void)state;
	write_verify("2e 0 0 0 1 2 0 0 3", 0x102, 3);
	write_verify("8e 0 0 0 0 0 0 0 7 ff 0 0 0 1", 2047, 1);
	write_verify("ae 0 0 0 1 2 0 0 0 3", 0x102, 3);
	set_cdb("2e 0 0 0 1 2 0 0 0");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DONE);
	expect_good(0);
}

/* What is read by force is on the medium before. */
static void test_forced_read(void **state)
{
	static const char *const cdbs[] = { "28 8 0 0 1 2 0 0 3",
					    "a8 8 0 0 1 2 0 0 0 3",
					    "88 8 0 0 0 0 0 0 1 2 0 0 0 3" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		lun.write_back = true;
		set_cdb(cdbs[i]);
		assert_int_equal(run(SCSI_DATA_IN, 3 * 512), SCSI_DISK);
		assert_int_equal(cmd.nsteps, 2);
		assert_int_equal(cmd.steps[0].op, DISK_FLUSH);
		expect_step(1, DISK_READ, 0x102, 3);
		assert_false(cmd.steps[1].verify);
		expect_good(3 * 512);
		lun.write_back = false;
		transfer(cdbs[i], SCSI_DATA_IN, DISK_READ, 0x102, 3, false);
	}
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
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DISK);
	assert_int_equal(cmd.steps[0].op, DISK_FLUSH);
	expect_verify(1, 0, 2048, false);
	expect_good(0);
	set_cdb("2f 2 0 0 0 5 0 0 3");
	assert_int_equal(run(SCSI_DATA_OUT, 3 * 512), SCSI_DISK);
	expect_verify(1, 5, 3, true);
	expect_good(3 * 512);
	lun.write_back = false;
	set_cdb("af 2 0 0 0 5 0 0 0 3");
	assert_int_equal(run(SCSI_DATA_OUT, 3 * 512), SCSI_DISK);
	expect_verify(0, 5, 3, true);
	lun.write_back = true;
	set_cdb("8f 0 0 0 0 0 0 0 8 0 0 0 0 0");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DONE);
	expect_good(0);
	refused("2f 0 0 0 0 1 0 8 0", SCSI_DATA_NONE, 0, 5, 0x2100);
	refused("8f 0 0 0 0 0 0 0 8 0 0 0 0 1", SCSI_DATA_NONE, 0, 5, 0x2100);
	/* One block against all; what is reserved; a buffer that is too small. */
	refused("2f 6 0 0 0 0 0 0 1", SCSI_DATA_OUT, 512, 5, 0x2400);
	refused("2f 4 0 0 0 0 0 0 1", SCSI_DATA_OUT, 512, 5, 0x2400);
	refused("2f 2 0 0 0 0 0 0 2", SCSI_DATA_OUT, 512, 5, 0x2400);
	assert_true(cmd.bad_buffer);
	refused("2f 2 0 0 0 0 0 0 81", SCSI_DATA_OUT, 129 * 512, 5, 0x2400);
	info.size = 1ull << 40;
	set_cdb("8f 0 0 0 0 0 0 0 0 0 0 8 0 0");
	assert_int_equal(run(SCSI_DATA_NONE, 0), SCSI_DISK);
	expect_verify(1, 0, 0x80000, false);
	refused("8f 0 0 0 0 0 0 0 0 0 0 8 0 1", SCSI_DATA_NONE, 0, 5, 0x2400);
	info.size = BLOCKS * 512;

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
	/* Nothing is ejected, loaded, or put to sleep. */
	refused("1b 0 0 0 2", SCSI_DATA_NONE, 0, 5, 0x2400);
	refused("1b 0 0 0 3", SCSI_DATA_NONE, 0, 5, 0x2400);
	refused("1b 0 0 0 30", SCSI_DATA_NONE, 0, 5, 0x2400);
}

/* ---- unmap, write same ---- */

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
	/* The LBA in each block. */
	refused("41 2 0 0 0 10 0 0 20", SCSI_DATA_OUT, 512, 5, 0x2400);
	refused("41 4 0 0 0 10 0 0 20", SCSI_DATA_OUT, 512, 5, 0x2400);
	refused("93 10 0 0 0 0 0 0 0 0 0 0 0 2", SCSI_DATA_OUT, 512, 5, 0x2400);
	refused("93 0 0 0 0 0 0 0 0 0 0 0 0 2", SCSI_DATA_OUT, 511, 5, 0x2400);
	info.size = 1ull << 50;
	refused("93 0 0 0 0 0 0 0 0 0 0 1 0 1", SCSI_DATA_OUT, 512, 5, 0x2400);
	info.can_discard = false;
	refused("93 8 0 0 0 0 0 0 0 0 0 0 0 2", SCSI_DATA_OUT, 512, 5, 0x2400);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_read_write),	 CASE(test_write_through),
		CASE(test_write_verify), CASE(test_forced_read),
		CASE(test_range),	 CASE(test_readonly),
		CASE(test_verify_flush), CASE(test_unmap),
		CASE(test_write_same),
	};

	return cmocka_run_group_tests_name("scsi_rw", tests, NULL, NULL);
}
