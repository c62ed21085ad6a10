/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the command set start from: a LUN, a CDB, a buffer. */
#ifndef TESTS_SCSI_FIXTURE_H
#define TESTS_SCSI_FIXTURE_H

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

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
	(void)state;
	scsi_cmd_free(&cmd);
	return 0;
}

static inline unsigned int cdb_size(uint8_t op)
{
	static const unsigned int sizes[8] = { 6, 10, 10, 16, 16, 12, 16, 16 };

	return sizes[op >> 5];
}

/* In two pieces, of which the first is odd. */
static inline enum scsi_result run_on(struct scsi_lun *l,
				      enum scsi_direction dir, uint32_t len)
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
		.steps = cmd.own,
	};
	return scsi_execute(l, LUNS, &cmd);
}

static inline enum scsi_result run(enum scsi_direction dir, uint32_t len)
{
	return run_on(&lun, dir, len);
}

static inline void set_cdb(const char *hex)
{
	unsigned int n = 0;

	memset(cdb, 0, sizeof(cdb));
	while (*hex) {
		cdb[n++] = strtoul(hex, (char **)&hex, 16);
		while (*hex == ' ')
			hex++;
	}
}

static inline void expect_good(uint32_t transferred)
{
	assert_int_equal(cmd.status, SCSI_GOOD);
	assert_int_equal(cmd.transferred, transferred);
}

static inline void expect_sense(uint8_t key, uint16_t asc)
{
	assert_int_equal(cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(cmd.key, key);
	assert_int_equal(cmd.asc << 8 | cmd.ascq, asc);
	assert_int_equal(cmd.transferred, 0);
	assert_int_equal(cmd.nsteps, 0);
}

/* A command with no data, or data to the guest, that must fail. */
static inline void refused(const char *hex, enum scsi_direction dir,
			   uint32_t len, uint8_t key, uint16_t asc)
{
	set_cdb(hex);
	assert_int_equal(run(dir, len), SCSI_DONE);
	expect_sense(key, asc);
}

static inline void expect_step(unsigned int i, enum disk_op op, uint64_t block,
			       uint64_t blocks)
{
	assert_true(i < cmd.nsteps);
	assert_int_equal(cmd.steps[i].op, op);
	assert_int_equal(cmd.steps[i].offset, block * info.block_size);
	assert_int_equal(cmd.steps[i].len, blocks * info.block_size);
}
static inline void transfer(const char *hex, enum scsi_direction dir,
			    enum disk_op op, uint64_t block, uint64_t blocks,
			    bool fua)
{
	set_cdb(hex);
	assert_int_equal(run(dir, blocks * 512), SCSI_DISK);
	assert_int_equal(cmd.nsteps, 1);
	expect_step(0, op, block, blocks);
	assert_int_equal(cmd.steps[0].fua, fua);
	assert_false(cmd.steps[0].repeat);
	expect_good(blocks * 512);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
