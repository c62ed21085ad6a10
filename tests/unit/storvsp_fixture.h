/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of storvsp start from: a controller, a child, short requests. */
#ifndef TESTS_STORVSP_FIXTURE_H
#define TESTS_STORVSP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "stor_child.h"
#include "vsp/storvsp.h"

#define MIB (1u << 20)

static struct child *child;
static struct storvsp *stor;
static struct child_chan *chan;
static bool gone;

static inline struct disk *null_disk(uint64_t size)
{
	struct disk_options opt = { .format = "null", .size = size };
	struct disk *d = NULL;
	char why[200];

	assert_int_equal(disk_open(&opt, &d, why, sizeof(why)), 0);
	return d;
}

/* A raw disk on a file that is open already. */
static inline struct disk *open_again(int fd)
{
	static char path[40];
	struct disk_options opt = { .path = path };
	struct disk *d = NULL;
	char why[200];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(disk_open(&opt, &d, why, sizeof(why)), 0);
	return d;
}

/* On a file of its own. */
static inline struct disk *file_disk(int *fd, uint64_t size)
{
	*fd = memfd_create("disk", MFD_CLOEXEC);
	assert_int_equal(ftruncate(*fd, size), 0);
	return open_again(*fd);
}

static inline struct disk *faulty(struct disk *lower, const char *spec)
{
	struct disk *d = NULL;
	char why[200];

	assert_int_equal(disk_fault_wrap(lower, spec, &d, why, sizeof(why)), 0);
	return d;
}

static inline void create(unsigned int processors, uint32_t max_transfer)
{
	struct storvsp_config cfg = {
		.number = 1,
		.processors = processors,
		.max_transfer = max_transfer,
		.vm_id = { { 1, 2, 3 } },
	};

	child = child_new();
	gone = false;
	assert_int_equal(storvsp_create(child->srv, &cfg, &stor), 0);
	child_connect(child);
	assert_int_equal(child->offers, 1);
	chan = child_find(child, 1, 0);
	assert_non_null(chan);
}

/* Connected, initialised, with `disk` as LUN 0 if there is one. */
static inline void ready(struct disk *disk)
{
	create(1, 0);
	if (disk)
		assert_int_equal(storvsp_add(stor, -1, disk), 0);
	assert_true(child_open(chan));
	assert_true(child_init(chan));
}

static inline void destroy(void)
{
	storvsp_destroy(stor, child_flag, &gone);
	assert_true(CHILD_UNTIL(child, gone));
	child_free(child);
}

/* ---- requests in short ---- */

static inline struct child_srb rw10(bool write, uint32_t block, uint16_t blocks,
				    unsigned int page)
{
	struct child_srb s = {
		.cdb = { write ? 0x2A : 0x28, 0, 0, 0, block >> 8, block, 0,
			 blocks >> 8, blocks },
		.cdb_len = 10,
		.data_in = write ? STOR_DATA_OUT : STOR_DATA_IN,
		.len = blocks * 512,
		.buffer = blocks * 512,
		.page = page,
	};

	return s;
}

static inline void good(const struct child_srb *s, uint32_t transferred)
{
	struct stor_srb r = child_srb(chan, s);

	assert_int_equal(r.srb_status, STOR_SRB_SUCCESS);
	assert_int_equal(r.scsi_status, 0);
	assert_int_equal(r.transfer_length, transferred);
	assert_int_equal(r.length, sizeof(r));
}

static inline void bad(const struct child_srb *s, uint8_t srb_status,
		       uint8_t key, uint16_t asc)
{
	struct stor_srb r = child_srb(chan, s);

	assert_int_equal(r.srb_status, srb_status | STOR_SRB_AUTOSENSE);
	assert_int_equal(r.scsi_status, 2);
	assert_int_equal(r.transfer_length, 0);
	assert_int_equal(r.sense_length, 18);
	assert_int_equal(r.u.sense[0], 0x70);
	assert_int_equal(r.u.sense[2], key);
	assert_int_equal(r.u.sense[12] << 8 | r.u.sense[13], asc);
}

static inline struct child_srb test_unit_ready(unsigned int lun)
{
	return (struct child_srb){ .lun = lun,
				   .cdb_len = 6,
				   .data_in = STOR_DATA_NONE };
}

static inline void no_lun(unsigned int lun)
{
	struct child_srb tur = test_unit_ready(lun);
	struct stor_srb r = child_srb(chan, &tur);

	assert_int_equal(r.srb_status, STOR_SRB_INVALID_LUN);
	assert_int_equal(r.scsi_status, 2);
	assert_int_equal(r.sense_length, 0);
}

static inline void expect_enumerate(void)
{
	struct child_packet p;

	assert_true(child_recv(chan, &p));
	assert_int_equal(p.head.type, RING_PKT_INBAND);
	assert_int_equal(p.head.transaction, 0);
	assert_int_equal(p.head.flags, 0);
	assert_int_equal(((struct stor_pkt *)p.data)->op,
			 STOR_OP_ENUMERATE_BUS);
	assert_int_equal(p.len, sizeof(struct stor_pkt));
}
#endif
