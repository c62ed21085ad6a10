// SPDX-License-Identifier: GPL-2.0
/*
 * The SCSI command set, all that is not about the medium: what a disk tells of
 * itself, mode pages, unit attentions, sense.
 *
 * links: vsp vmbus backend mem util
 */
#include "scsi_fixture.h"

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
	static const char *const unknown[] = { "5e", "5f", "85", "a1", "4d",
					       "ff", "4 0",
					       /* Nothing can be kept in. */
					       "1e 0 0 0 1", "1e" };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		refused(unknown[i], SCSI_DATA_NONE, 0, 5, 0x2000);
	set_cdb("1d 4");
	run(SCSI_DATA_NONE, 0);
	expect_good(0);
	refused("1d 0", SCSI_DATA_NONE, 0, 5, 0x2400);
	/* NACA; a CDB that is too short for its operation. */
	refused("0 0 0 0 0 4", SCSI_DATA_NONE, 0, 5, 0x2400);
	set_cdb("28 0 0 0 0 0 0 0 1");
	cmd = (struct scsi_cmd){ .cdb = cdb, .cdb_len = 6, .steps = cmd.own };
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
	/* What this disk can't do is not told as what it does. */
	set_cdb("a3 c 1 42 0 0 0 0 4 0");
	run(SCSI_DATA_IN, 1024);
	expect_good(14);
	info.can_discard = false;
	run(SCSI_DATA_IN, 1024);
	expect_good(4);
	assert_int_equal(buf[1], 1);
	set_cdb("a3 c 0 0 0 0 0 0 4 0");
	run(SCSI_DATA_IN, 1024);
	assert_int_equal(get_be32(buf) / 8, scsi_table_len - 1);
	for (i = 0; i < scsi_table_len - 1; i++)
		assert_int_not_equal(buf[4 + 8 * i], 0x42);
	info.can_discard = true;
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
	scsi_disk_done(&cmd, cmd.own, 0);
	expect_good(1536);
	scsi_disk_done(&cmd, cmd.own, -ENOMEM);
	assert_int_equal(cmd.status, SCSI_BUSY);
	assert_int_equal(cmd.transferred, 0);
	assert_int_equal(scsi_sense_build(5, 0x24, 1, sense), 18);
	assert_memory_equal(sense, "\x70\0\5\0\0\0\0\x0a\0\0\0\0\x24\1\0\0\0\0",
			    18);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_inquiry),    CASE(test_no_lun),
		CASE(test_vpd),	       CASE(test_capacity),
		CASE(test_lba_status), CASE(test_report_luns),
		CASE(test_mode_sense), CASE(test_mode_select),
		CASE(test_attention),  CASE(test_other),
		CASE(test_opcodes),    CASE(test_errors),
	};

	return cmocka_run_group_tests_name("scsi", tests, NULL, NULL);
}
