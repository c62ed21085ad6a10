// SPDX-License-Identifier: GPL-2.0
/*
 * storvsp behind the real VMBus server, with a child that is part of this
 * test: initialisation, data, batches, back-pressure, errors and lies.
 *
 * links: vsp vmbus backend mem util
 */
#include "storvsp_fixture.h"

/* ---- initialisation ---- */

static void test_init(void **state)
{
	struct stor_pkt pkt = { 0 };
	unsigned int i;

	(void)state;
	create(1, 0);
	for (i = 0; i < 3; i++) {
		assert_true(child_open(chan));
		assert_int_equal(child_control(chan, STOR_OP_QUERY_VERSION,
					       &pkt),
				 STOR_NT_INVALID_DEVICE_STATE);
		assert_int_equal(child_control(chan, STOR_OP_EXECUTE_SRB, &pkt),
				 STOR_NT_INVALID_PARAMETER);
		assert_int_equal(child_control(chan, STOR_OP_BEGIN_INIT, &pkt),
				 0);
		assert_int_equal(child_control(chan, STOR_OP_BEGIN_INIT, &pkt),
				 STOR_NT_INVALID_DEVICE_STATE);
		pkt.u.version.major_minor = 0x0402;
		assert_int_equal(child_control(chan, STOR_OP_QUERY_VERSION,
					       &pkt),
				 STOR_NT_UNKNOWN_REVISION);
		pkt.u.version.major_minor = 0x0700;
		assert_int_equal(child_control(chan, STOR_OP_QUERY_VERSION,
					       &pkt),
				 STOR_NT_UNKNOWN_REVISION);
		pkt.u.version.major_minor = STOR_VERSION_5_1;
		assert_int_equal(
			child_control(chan, STOR_OP_QUERY_VERSION, &pkt), 0);
		assert_int_equal(child_control(chan, STOR_OP_END_INIT, &pkt),
				 STOR_NT_INVALID_DEVICE_STATE);
		assert_int_equal(
			child_control(chan, STOR_OP_QUERY_PROPERTIES, &pkt), 0);
		assert_int_equal(pkt.u.properties.max_transfer, MIB);
		assert_int_equal(pkt.u.properties.max_sub_channels, 0);
		assert_int_equal(pkt.u.properties.flags, 0);
		pkt.u.sub_channels = 1;
		assert_int_equal(child_control(chan, STOR_OP_CREATE_SUBCHANNELS,
					       &pkt),
				 STOR_NT_INVALID_PARAMETER);
		assert_int_equal(child_control(chan, STOR_OP_RESET_BUS, &pkt),
				 STOR_NT_INVALID_DEVICE_STATE);
		assert_int_equal(child_control(chan, STOR_OP_END_INIT, &pkt),
				 0);
		assert_int_equal(child_control(chan, STOR_OP_RESET_BUS, &pkt),
				 0);
		assert_int_equal(child_control(chan, STOR_OP_RESET_LUN, &pkt),
				 0);
		assert_int_equal(child_control(chan, STOR_OP_FCHBA_DATA, &pkt),
				 STOR_NT_INVALID_DEVICE_REQUEST);
		assert_int_equal(child_control(chan, 99, &pkt),
				 STOR_NT_INVALID_PARAMETER);
		no_lun(0);
		assert_true(child_close(chan));
	}
	destroy();
}

static void test_max_version(void **state)
{
	struct storvsp_config cfg = { .number = 2,
				      .max_version = STOR_VERSION_6_0 };
	struct stor_pkt pkt = { 0 };

	(void)state;
	child = child_new();
	assert_int_equal(storvsp_create(child->srv, &cfg, &stor), 0);
	child_connect(child);
	chan = child_find(child, 2, 0);
	assert_true(child_open(chan));
	assert_int_equal(child_control(chan, STOR_OP_BEGIN_INIT, &pkt), 0);
	pkt.u.version.major_minor = STOR_VERSION_6_2;
	assert_int_equal(child_control(chan, STOR_OP_QUERY_VERSION, &pkt),
			 STOR_NT_UNKNOWN_REVISION);
	pkt.u.version.major_minor = STOR_VERSION_6_0;
	assert_int_equal(child_control(chan, STOR_OP_QUERY_VERSION, &pkt), 0);
	destroy();
	cfg.max_transfer = 5000;
	child = child_new();
	assert_int_equal(storvsp_create(child->srv, &cfg, &stor), -EINVAL);
	child_free(child);
}

/* What Linux sends to find disks, on all paths and targets. */
static void test_scan(void **state)
{
	struct child_srb tur = test_unit_ready(0);
	unsigned int path, target;

	(void)state;
	ready(null_disk(MIB));
	good(&tur, 0);
	assert_int_equal(storvsp_add(stor, 7, null_disk(MIB)), 7);
	expect_enumerate();
	bad(&tur, STOR_SRB_ERROR, 6, 0x3F0E);
	for (path = 0; path < 8; path++)
		for (target = 0; target < 2; target++) {
			struct child_srb s = {
				.path = path,
				.target = target,
				.data_in = STOR_DATA_IN,
				.cdb = { 0x12, 0, 0, 0, 36 },
				.cdb_len = 6,
				.len = 36,
				.buffer = 36,
			};
			bool there = !path && !target;

			good(&s, 36);
			assert_int_equal(child_page(child, 0)[0],
					 there ? 0 : 0x7f);
			s.cdb_len = 12;
			memcpy(s.cdb, "\xa0\0\0\0\0\0\0\0\x10\0\0\0", 12);
			s.len = s.buffer = 4096;
			good(&s, there ? 24 : 8);
			assert_int_equal(child_page(child, 0)[3],
					 there ? 16 : 0);
			if (there)
				assert_int_equal(child_page(child, 0)[17], 7);
		}
	no_lun(1);
	no_lun(200);
	destroy();
}

/* ---- data ---- */

static void test_data(void **state)
{
	struct storvsp_lun_info info;
	struct child_srb s;
	unsigned int i;
	uint8_t back[8192];
	int fd;

	(void)state;
	ready(file_disk(&fd, MIB));
	for (i = 0; i < 4 * 4096; i++)
		child_page(child, 0)[i] = i * 7 + i / 4096;
	/* Scattered over pages 0 and 2, from the middle of one on. */
	s = rw10(true, 8, 8, 0);
	s.scattered = true;
	s.offset = 1024;
	s.cdb[1] = 8;
	good(&s, 4096);
	assert_int_equal(pread(fd, back, 4096, 4096), 4096);
	assert_memory_equal(back, child_page(child, 0) + 1024, 3072);
	assert_memory_equal(back + 3072, child_page(child, 2), 1024);
	s = rw10(false, 8, 8, 10);
	s.scattered = true;
	s.offset = 4096 - 512;
	good(&s, 4096);
	assert_memory_equal(child_page(child, 10) + 3584, back, 512);
	assert_memory_equal(child_page(child, 12), back + 512, 3584);
	/* A buffer that is larger than what is read into it: the rest stays. */
	memset(child_page(child, 20), 0x55, 4096);
	s = rw10(false, 8, 1, 20);
	s.len = s.buffer = 4096;
	good(&s, 512);
	assert_int_equal(child_page(child, 20)[511], back[511]);
	assert_int_equal(child_page(child, 20)[512], 0x55);

	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_int_equal(info.reads, 2);
	assert_int_equal(info.writes, 1);
	assert_int_equal(info.bytes_read, 4608);
	assert_int_equal(info.bytes_written, 4096);
	assert_int_equal(info.bytes_copied, 0);
	assert_int_equal(info.errors, 0);
	assert_int_equal(info.in_flight, 0);
	destroy();
	close(fd);
}

static void test_max_transfer(void **state)
{
	struct child_srb s = { 0 };
	int fd;

	(void)state;
	ready(file_disk(&fd, 4 * MIB));
	s = rw10(true, 0, 2048, 0);
	s.scattered = true;
	s.offset = 512;
	memset(child_page(child, 0), 0x11, 2 * 257 * 4096);
	good(&s, MIB);
	s = rw10(false, 1, 2048, 0);
	good(&s, MIB);
	assert_int_equal(child_page(child, 0)[0], 0x11);
	s = rw10(false, 0, 2049, 0);
	bad(&s, STOR_SRB_ERROR, 5, 0x2400);
	destroy();
	close(fd);
}

static void test_commands(void **state)
{
	struct child_srb s = { .cdb = { 0x35 },
			       .cdb_len = 10,
			       .data_in = STOR_DATA_NONE };
	struct storvsp_lun_info info;
	uint8_t back[8192], *p;
	unsigned int i;
	int fd;

	(void)state;
	ready(file_disk(&fd, MIB));
	good(&s, 0);
	/* UNMAP of two ranges. */
	memset(child_page(child, 0), 0xff, 8192);
	s = rw10(true, 0, 16, 0);
	good(&s, 8192);
	p = child_page(child, 2);
	memcpy(p,
	       "\0\x26\0\x20\0\0\0\0"
	       "\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0\0"
	       "\0\0\0\0\0\0\0\x0f\0\0\0\1\0\0\0",
	       40);
	s = (struct child_srb){ .cdb = { 0x42, 0, 0, 0, 0, 0, 0, 0, 40 },
				.cdb_len = 10,
				.len = 40,
				.buffer = 40,
				.page = 2 };
	good(&s, 40);
	assert_int_equal(pread(fd, back, 8192, 0), 8192);
	assert_int_equal(back[1023], 0);
	assert_int_equal(back[1024], 0xff);
	assert_int_equal(back[15 * 512 - 1], 0xff);
	assert_int_equal(back[15 * 512], 0);
	/* WRITE SAME of a pattern, from a block that crosses a page. */
	for (i = 0; i < 512; i++)
		child_page(child, 0)[4000 + i] = i ^ 0x5a;
	s = (struct child_srb){ .cdb = { 0x93, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0,
					 0, 3, 0xe8 },
				.len = 512,
				.buffer = 512,
				.offset = 4000 };
	good(&s, 512);
	for (i = 0; i < 1000; i++) {
		assert_int_equal(pread(fd, back, 512, (100 + i) * 512), 512);
		assert_memory_equal(back, child_page(child, 0) + 4000, 512);
	}
	assert_int_equal(pread(fd, back, 512, 1100 * 512), 512);
	assert_int_equal(back[0], 0);
	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_int_equal(info.flushes, 1);
	assert_int_equal(info.discards, 2);
	assert_int_equal(info.bytes_written, 8192 + 512000);
	assert_int_equal(info.bytes_copied, 512);
	destroy();
	close(fd);
}

/* VERIFY (10) of `blocks` at `block`, with or without data to compare with. */
static struct child_srb verify10(uint32_t block, uint16_t blocks, bool compare)
{
	struct child_srb s = rw10(true, block, blocks, 0);

	s.cdb[0] = 0x2F;
	s.cdb[1] = compare ? 2 : 0;
	if (!compare) {
		s.data_in = STOR_DATA_NONE;
		s.len = s.buffer = 0;
	}
	return s;
}

static void test_verify(void **state)
{
	struct storvsp_lun_info info;
	struct child_srb s;
	unsigned int i;
	int fd;

	(void)state;
	ready(file_disk(&fd, 4 * MIB));
	for (i = 0; i < MIB; i++)
		child_page(child, 0)[i] = i * 31 + i / 4096;
	/* More than one piece, also of the child's memory. */
	s = rw10(true, 64, 2048, 0);
	good(&s, MIB);
	s = verify10(64, 2048, true);
	good(&s, MIB);
	child_page(child, 0)[MIB - 5] ^= 1;
	bad(&s, STOR_SRB_ERROR, 0xE, 0x1D00);
	child_page(child, 0)[MIB - 5] ^= 1;
	good(&s, MIB);
	child_page(child, 0)[300000] ^= 0x80;
	bad(&s, STOR_SRB_ERROR, 0xE, 0x1D00);
	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_int_equal(info.errors, 0);
	assert_true(info.bytes_copied > 2 * MIB);
	i = info.bytes_read;
	s = verify10(0, 8192, false);
	good(&s, 0);
	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_int_equal(info.bytes_read - i, 4 * MIB);
	destroy();
	close(fd);

	/* One sector in the middle that can't be read. */
	ready(faulty(file_disk(&fd, 4 * MIB),
		     "op=read,err=EIO,from=3000,to=3000"));
	s = verify10(0, 3000, false);
	good(&s, 0);
	s = verify10(0, 3001, false);
	bad(&s, STOR_SRB_ERROR, 3, 0x1100);
	s = rw10(true, 3000, 1, 0);
	good(&s, 512);
	s.cdb[0] = 0x2E;
	bad(&s, STOR_SRB_ERROR, 3, 0x1100);
	destroy();
	close(fd);
}

/* ---- errors, lies ---- */

static void test_errors(void **state)
{
	struct child_srb s = rw10(true, 0, 1, 0);
	struct storvsp_lun_info info;

	(void)state;
	ready(faulty(faulty(null_disk(MIB), "op=write,err=ENOSPC"),
		     "op=read,err=EIO"));
	bad(&s, STOR_SRB_ERROR, 7, 0x2707);
	s = rw10(false, 0, 1, 0);
	bad(&s, STOR_SRB_ERROR, 3, 0x1100);
	s = rw10(false, 2048, 1, 0);
	bad(&s, STOR_SRB_ERROR, 5, 0x2100);
	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_int_equal(info.errors, 2);
	destroy();
}

static void test_lies(void **state)
{
	struct child_srb s;

	(void)state;
	ready(null_disk(MIB));
	s = rw10(false, 0, 8, 0);
	s.len = 8192; /* more than the range */
	bad(&s, STOR_SRB_INVALID_REQUEST, 5, 0x2400);
	s = rw10(false, 0, 8, 0);
	s.len = 4095; /* less than the CDB */
	bad(&s, STOR_SRB_INVALID_REQUEST, 5, 0x2400);
	s = rw10(false, 0, 8, 0);
	s.buffer = 0;
	bad(&s, STOR_SRB_INVALID_REQUEST, 5, 0x2400);
	s = rw10(false, 0, 8, 0);
	s.data_in = 3;
	bad(&s, STOR_SRB_INVALID_REQUEST, 5, 0x2400);
	s = rw10(false, 0, 8, 0);
	s.data_in = STOR_DATA_OUT;
	bad(&s, STOR_SRB_INVALID_REQUEST, 5, 0x2400);
	s = rw10(false, 0, 8, 0);
	s.cdb_len = 17;
	bad(&s, STOR_SRB_INVALID_REQUEST, 5, 0x2400);
	s = rw10(false, 0, 8, CHILD_PAGES); /* outside of memory */
	bad(&s, STOR_SRB_INVALID_REQUEST, 5, 0x2400);
	s = rw10(false, 0, 1, 0);
	s.buffer = MIB + 16384; /* more pieces than a request may have */
	s.scattered = true;
	bad(&s, STOR_SRB_INVALID_REQUEST, 5, 0x2400);
	s = rw10(false, 0, 8, 0);
	good(&s, 4096);
	destroy();
}

/* Two ranges in one packet: that request fails, no other. */
static void test_two_ranges(void **state)
{
	struct {
		uint32_t reserved, count;
		struct {
			struct vmb_gpa_range range;
			uint64_t pfn;
		} r[2];
	} g = { 0,
		2,
		{ { { 512, 0 }, CHILD_PFN + CHILD_DATA_PAGE },
		  { { 512, 0 }, CHILD_PFN + CHILD_DATA_PAGE + 1 } } };
	struct stor_pkt pkt = { .op = STOR_OP_EXECUTE_SRB };
	struct child_srb s = rw10(false, 0, 1, 0);
	struct child_packet p;

	(void)state;
	ready(null_disk(MIB));
	pkt.u.srb.cdb_length = 10;
	pkt.u.srb.data_in = STOR_DATA_IN;
	pkt.u.srb.transfer_length = 512;
	memcpy(pkt.u.srb.u.cdb, s.cdb, 16);
	assert_true(child_send(chan, RING_PKT_GPA_DIRECT, 1, 77, &g, sizeof(g),
			       &pkt, sizeof(pkt)));
	assert_true(child_recv(chan, &p));
	assert_int_equal(p.head.transaction, 77);
	assert_int_equal(((struct stor_pkt *)p.data)->u.srb.srb_status,
			 STOR_SRB_INVALID_REQUEST);
	good(&s, 512);
	destroy();
}

/* What breaks the framing ends the channel: RESCIND, and nothing else breaks. */
static void test_broken(void **state)
{
	struct stor_pkt pkt = { .op = STOR_OP_EXECUTE_SRB,
				.u.srb.cdb_length = 6 };
	uint64_t wild[3] = { 0x0000000500000000ull, 0,
			     0 }; /* 5 ranges, of which 1 is there */
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		ready(null_disk(MIB));
		switch (i) {
		case 0:
			child_send(chan, RING_PKT_GPA_DIRECT, 1, 5, wild,
				   sizeof(wild), &pkt, sizeof(pkt));
			break;
		case 1:
			child_send(chan, RING_PKT_INBAND, 1, 5, NULL, 0, &pkt,
				   8);
			break;
		case 2:
			child_send(chan, RING_PKT_XFER_PAGES, 1, 5, wild, 8,
				   &pkt, sizeof(pkt));
			break;
		case 3:
			chan->out->write_index = 12345678;
			child_ring_bell(chan);
			break;
		case 4:
			child_send(chan, RING_PKT_INBAND, 1, 5,
				   child_page(child, 0), 8000, &pkt,
				   sizeof(pkt));
			break;
		}
		assert_true(CHILD_UNTIL(child, child->rescinds == 1));
		destroy();
	}
}

/* Requests which want no answer, and one with the number of nobody. */
static void test_no_answer(void **state)
{
	struct stor_pkt pkt = { .op = STOR_OP_EXECUTE_SRB };
	struct child_srb s = test_unit_ready(0);
	struct child_packet p;

	(void)state;
	ready(null_disk(MIB));
	pkt.u.srb.cdb_length = 6;
	pkt.u.srb.data_in = STOR_DATA_NONE;
	assert_true(child_send(chan, RING_PKT_INBAND, 0, 5, NULL, 0, &pkt,
			       sizeof(pkt)));
	assert_true(child_send(chan, RING_PKT_INBAND, 1, 0, NULL, 0, &pkt,
			       sizeof(pkt)));
	assert_true(child_send(chan, RING_PKT_COMPLETION, 0, 5, NULL, 0, &pkt,
			       sizeof(pkt)));
	good(&s, 0);
	assert_false(child_take(chan, &p));
	destroy();
}

/* ---- batches ---- */

/* 32 reads of a null disk that come together cost one interrupt. */
static void test_burst(void **state)
{
	struct worker_stats before, after;
	struct child_srb s = rw10(false, 0, 8, 0);
	unsigned int i, round, got, interrupts;
	struct child_packet p;

	(void)state;
	ready(null_disk(MIB));
	interrupts = child->interrupts;
	storvsp_worker_stats(stor, &before);
	for (round = 0; round < 50; round++) {
		int fd = chan->signal_fd;

		/* No signal until all are there. */
		chan->signal_fd = 0;
		for (i = 0; i < 32; i++)
			assert_true(child_srb_send(chan, 1 + i, &s));
		chan->signal_fd = fd;
		child_ring_bell(chan);
		for (got = 0; got < 32; got++) {
			assert_true(child_recv(chan, &p));
			assert_int_equal(p.head.transaction, 1 + got);
		}
	}
	storvsp_worker_stats(stor, &after);
	assert_in_range(child->interrupts - interrupts, 50, 60);
	assert_in_range(after.system_calls - before.system_calls, 1, 120);
	assert_int_equal(after.ios, before.ios);
	destroy();
}

/* The child sends and takes nothing: answers wait, requests stay in its ring. */
static void test_backpressure(void **state)
{
	struct child_srb s = rw10(false, 0, 8, 0);
	unsigned int sent = 0, i;
	struct child_packet p;
	uint64_t idle;

	(void)state;
	ready(null_disk(MIB));
	idle = child_now() + 300;
	while (child_now() < idle)
		if (child_srb_send(chan, 1 + sent, &s)) {
			sent++;
			idle = child_now() + 300;
		}
	/* Both rings and all that may be under way. */
	assert_in_range(sent, 256 + 2 * RING_BYTES / 200,
			256 + 2 * RING_BYTES / 88);
	for (i = 0; i < sent; i++) {
		assert_true(child_recv(chan, &p));
		assert_int_equal(p.head.transaction, 1 + i);
	}
	assert_false(child_take(chan, &p));
	good(&s, 4096);
	/* Once more, and close in the middle of it. */
	for (i = 0; i < 2000; i++)
		child_srb_send(chan, 1 + i, &s);
	assert_true(child_close(chan));
	destroy();
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_max_version),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_max_transfer),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_two_ranges),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_backpressure),
	};

	return cmocka_run_group_tests_name("storvsp", tests, NULL, NULL);
}
