// SPDX-License-Identifier: GPL-2.0
/*
 * What changes under a running storvsp: LUNs come, go and grow, requests hang,
 * channels come and go, all is paused.
 *
 * links: vsp vmbus backend mem util
 */

#include "open_fds.h"
#include "storvsp_fixture.h"

/* ---- hot add, remove, resize ---- */

static void test_hotplug(void **state)
{
	struct child_srb tur = test_unit_ready(0), tur3 = test_unit_ready(3);
	struct storvsp_lun_info info;
	struct disk *d = null_disk(MIB);
	bool removed = false;

	(void)state;
	ready(null_disk(MIB));
	good(&tur, 0);
	assert_int_equal(storvsp_add(stor, 3, d), 3);
	expect_enumerate();
	/* The other LUN hears of it, once. */
	bad(&tur, STOR_SRB_ERROR, 6, 0x3F0E);
	good(&tur, 0);
	good(&tur3, 0);
	assert_int_equal(storvsp_add(stor, 3, d), -EBUSY);
	assert_int_equal(storvsp_add(stor, 64, d), -EINVAL);
	assert_int_equal(storvsp_add(stor, -2, d), -EINVAL);

	assert_int_equal(storvsp_remove(stor, 3, child_flag, &removed), 0);
	assert_int_equal(storvsp_remove(stor, 3, child_flag, &removed),
			 -ENOENT);
	assert_int_equal(storvsp_remove(stor, 64, NULL, NULL), -ENOENT);
	assert_int_equal(storvsp_lun_info(stor, 3, &info), -ENOENT);
	assert_int_equal(storvsp_lun_info(stor, 64, &info), -ENOENT);
	expect_enumerate();
	no_lun(3);
	assert_true(CHILD_UNTIL(child, removed));
	/* It has used that one, if it did not ask who it was. */
	assert_int_equal(storvsp_add(stor, 3, null_disk(MIB)), 3);
	expect_enumerate();
	no_lun(3);
	destroy();
}

/* A child that has asked for nothing yet isn't told of changes: it will look. */
static void test_early_change(void **state)
{
	struct child_srb tur = test_unit_ready(0), tur3 = test_unit_ready(3);

	(void)state;
	ready(null_disk(MIB));
	assert_int_equal(storvsp_add(stor, 3, null_disk(MIB)), 3);
	assert_int_equal(storvsp_add(stor, 4, null_disk(MIB)), 4);
	assert_int_equal(storvsp_remove(stor, 4, NULL, NULL), 0);
	good(&tur3, 0);
	good(&tur, 0);
	assert_int_equal(storvsp_remove(stor, 3, NULL, NULL), 0);
	expect_enumerate();
	destroy();
}

static void test_resize(void **state)
{
	struct child_srb tur = test_unit_ready(0), s = rw10(false, 2048, 1, 0);
	struct storvsp_lun_info info;
	int fd;

	(void)state;
	ready(file_disk(&fd, MIB));
	bad(&s, STOR_SRB_ERROR, 5, 0x2100);
	assert_int_equal(storvsp_resize(stor, 0), 0);
	good(&tur, 0);
	assert_int_equal(ftruncate(fd, 2 * MIB), 0);
	assert_int_equal(storvsp_resize(stor, 0), 0);
	expect_enumerate();
	bad(&tur, STOR_SRB_ERROR, 6, 0x2A09);
	good(&tur, 0);
	good(&s, 512);
	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_int_equal(info.disk.size, 2 * MIB);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(storvsp_resize(stor, 0), -EINVAL);
	assert_int_equal(storvsp_resize(stor, 1), -ENOENT);
	destroy();
	close(fd);
}

/* Many changes while the child can take nothing: told once. */
static void test_coalesced(void **state)
{
	struct child_srb s = test_unit_ready(0);
	struct child_packet p;
	unsigned int i, sent, told = 0;

	(void)state;
	ready(null_disk(MIB));
	for (sent = 0; sent < 256; sent++)
		assert_true(
			CHILD_UNTIL(child, child_srb_send(chan, 1 + sent, &s)));
	/* The ring to the child is full now: 88 bytes each. */
	assert_true(CHILD_UNTIL(child, __atomic_load_n(&chan->in->pending_send,
						       __ATOMIC_SEQ_CST)));
	for (i = 0; i < 20; i++)
		assert_int_equal(storvsp_add(stor, 1 + i, null_disk(MIB)),
				 1 + i);
	while (sent) {
		assert_true(child_recv(chan, &p));
		if (p.head.type == RING_PKT_INBAND)
			told++;
		else
			sent--;
	}
	s = test_unit_ready(20);
	assert_true(child_srb_send(chan, 9999, &s));
	do {
		assert_true(child_recv(chan, &p));
		told += p.head.type == RING_PKT_INBAND;
	} while (p.head.transaction != 9999);
	assert_int_equal(told, 1);
	destroy();
}

/* ---- another disk at the same place ---- */

/* INQUIRY: is there a disk with that number? */
static bool inquired(unsigned int lun)
{
	struct child_srb s = { .lun = lun,
			       .data_in = STOR_DATA_IN,
			       .cdb = { 0x12, 0, 0, 0, 36 },
			       .cdb_len = 6,
			       .len = 36,
			       .buffer = 36 };

	good(&s, 36);
	return !child_page(child, 0)[0];
}

/* REPORT LUNS: how many there are; only 0 is used here. */
static unsigned int listed(void)
{
	struct child_srb s = { .data_in = STOR_DATA_IN,
			       .cdb = { 0xa0, 0, 0, 0, 0, 0, 0, 0, 0x10 },
			       .cdb_len = 12,
			       .len = 4096,
			       .buffer = 4096 };
	struct stor_srb r = child_srb(chan, &s);

	assert_int_equal(r.srb_status, STOR_SRB_SUCCESS);
	return child_page(child, 0)[3] / 8;
}

static void remove_lun0(void)
{
	bool removed = false;

	assert_int_equal(storvsp_remove(stor, 0, child_flag, &removed), 0);
	assert_true(CHILD_UNTIL(child, removed));
}

static void expect_state(const char *text)
{
	struct storvsp_lun_info info;

	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_string_equal(info.state, text);
}

/* While the child is paused and has a write in its ring. */
static void swap_paused(int *fd)
{
	struct child_srb s = rw10(true, 0, 8, 0);
	bool quiet = false;
	struct child_packet p;

	storvsp_pause(stor, child_flag, &quiet);
	assert_true(CHILD_UNTIL(child, quiet));
	assert_true(child_srb_send(chan, 5, &s));
	remove_lun0();
	expect_enumerate();
	assert_int_equal(storvsp_add(stor, 0, file_disk(fd, MIB)), 0);
	expect_enumerate();
	expect_state("hidden");
	storvsp_resume(stor);
	assert_true(child_recv(chan, &p));
	assert_int_equal(p.head.transaction, 5);
	assert_int_equal(((struct stor_pkt *)p.data)->u.srb.srb_status,
			 STOR_SRB_INVALID_LUN);
}

static void expect_untouched(int fd)
{
	static const char zeros[4096];
	char back[4096];

	assert_int_equal(pread(fd, back, sizeof(back), 0), sizeof(back));
	assert_memory_equal(back, zeros, sizeof(back));
}

/* What Linux does when it is told of a change, and what it has in flight. */
static void test_swap(void **state)
{
	struct child_srb s = rw10(true, 0, 8, 0);
	int old, new;

	(void)state;
	ready(file_disk(&old, MIB));
	assert_true(inquired(0));
	memset(child_page(child, 0), 0x55, 4096);
	good(&s, 4096);
	swap_paused(&new);
	/* It tries what it knows, lists, and only then drops the disk. */
	no_lun(0);
	assert_int_equal(listed(), 0);
	expect_enumerate();
	no_lun(0);
	assert_int_equal(listed(), 0);
	expect_enumerate();
	assert_false(inquired(0));
	/* A second list, and nothing came for the old disk: the new one is shown. */
	assert_int_equal(listed(), 1);
	expect_enumerate();
	/* Somebody who still has the old one. */
	memset(child_page(child, 0), 0x55, 4096);
	no_lun(0);
	expect_enumerate();
	assert_int_equal(child_srb(chan, &s).srb_status, STOR_SRB_INVALID_LUN);
	assert_false(inquired(0));
	expect_untouched(new);
	expect_state("hidden");
	assert_int_equal(listed(), 0);
	expect_enumerate();
	assert_int_equal(listed(), 1);
	expect_enumerate();
	assert_true(inquired(0));
	expect_state("ok");
	memset(child_page(child, 0), 0x55, 4096);
	good(&s, 4096);
	destroy();
	close(old);
	close(new);
}

/* A child that had let go of the old disk is not made to do so again. */
static void test_swap_seen(void **state)
{
	struct child_srb tur = test_unit_ready(0);
	int fd;

	(void)state;
	ready(file_disk(&fd, MIB));
	assert_true(inquired(0));
	remove_lun0();
	expect_enumerate();
	close(fd);
	no_lun(0);
	assert_int_equal(listed(), 0);
	assert_int_equal(storvsp_add(stor, 0, file_disk(&fd, MIB)), 0);
	expect_enumerate();
	assert_int_equal(listed(), 1);
	expect_enumerate();
	assert_true(inquired(0));
	good(&tur, 0);
	/* One that begins anew asks first. */
	remove_lun0();
	close(fd);
	assert_int_equal(storvsp_add(stor, 0, file_disk(&fd, MIB)), 0);
	expect_state("hidden");
	assert_true(child_close(chan));
	assert_true(child_open(chan));
	assert_true(child_init(chan));
	assert_int_equal(listed(), 1);
	assert_true(inquired(0));
	expect_state("ok");
	good(&tur, 0);
	destroy();
	close(fd);
}

static void begin_anew(void)
{
	assert_true(child_open(chan));
	assert_true(child_init(chan));
}

/*
 * A child that sleeps while a disk is put at another's place sets the controller
 * up anew, and goes on with the disk that it knows.
 */
static void test_swap_asleep(void **state)
{
	struct child_srb s = rw10(true, 0, 8, 0), tur = test_unit_ready(0);
	int old, new;

	(void)state;
	ready(file_disk(&old, MIB));
	assert_true(inquired(0));
	/* The same disk as before works at once. */
	assert_true(child_close(chan));
	begin_anew();
	memset(child_page(child, 0), 0x55, 4096);
	good(&s, 4096);
	assert_true(child_close(chan));
	remove_lun0();
	assert_int_equal(storvsp_add(stor, 0, file_disk(&new, MIB)), 0);
	begin_anew();
	memset(child_page(child, 0), 0x55, 4096);
	assert_int_equal(child_srb(chan, &s).srb_status, STOR_SRB_INVALID_LUN);
	expect_enumerate();
	expect_untouched(new);
	expect_state("hidden");
	no_lun(0);
	assert_int_equal(listed(), 0);
	expect_enumerate();
	assert_int_equal(listed(), 1);
	expect_enumerate();
	assert_true(inquired(0));
	good(&tur, 0);
	/* So it is when it had awoken, and not used the first yet. */
	assert_true(child_close(chan));
	close(old);
	begin_anew();
	remove_lun0();
	assert_int_equal(storvsp_add(stor, 0, file_disk(&old, MIB)), 0);
	assert_int_equal(child_srb(chan, &s).srb_status, STOR_SRB_INVALID_LUN);
	expect_untouched(old);
	destroy();
	close(old);
	close(new);
}

/* With a sub-channel. */
static struct child_chan *ready_with_sub(struct disk *disk)
{
	struct stor_pkt pkt = { 0 };
	struct child_chan *sub;

	create(16, 0);
	assert_int_equal(storvsp_add(stor, 0, disk), 0);
	assert_true(child_open(chan));
	assert_int_equal(child_control(chan, STOR_OP_BEGIN_INIT, &pkt), 0);
	pkt.u.version.major_minor = STOR_VERSION_6_0;
	assert_int_equal(child_control(chan, STOR_OP_QUERY_VERSION, &pkt), 0);
	assert_int_equal(child_control(chan, STOR_OP_QUERY_PROPERTIES, &pkt),
			 0);
	pkt.u.sub_channels = 1;
	assert_int_equal(child_control(chan, STOR_OP_CREATE_SUBCHANNELS, &pkt),
			 0);
	assert_int_equal(child_control(chan, STOR_OP_END_INIT, &pkt), 0);
	assert_true(CHILD_UNTIL(child, (sub = child_find(child, 1, 1))));
	assert_true(child_open(sub));
	return sub;
}

/* What comes of a request, whatever else comes before its answer. */
static struct stor_srb among(const struct child_srb *s)
{
	struct child_packet p;

	assert_true(child_srb_send(chan, 77, s));
	do
		assert_true(child_recv(chan, &p));
	while (p.head.type != RING_PKT_COMPLETION || p.head.transaction != 77);
	return ((struct stor_pkt *)p.data)->u.srb;
}

/* The child looks at all LUNs, after a while: is there a LUN 0? */
static bool looked_again(void)
{
	struct child_srb list = { .data_in = STOR_DATA_IN,
				  .cdb = { 0xa0, [8] = 0x10 },
				  .cdb_len = 12,
				  .len = 4096,
				  .buffer = 4096 },
			 inquiry = { .data_in = STOR_DATA_IN,
				     .cdb = { 0x12, 0, 0, 0, 36 },
				     .cdb_len = 6,
				     .len = 36,
				     .buffer = 36 };
	uint64_t until = child_now() + 30;

	while (child_now() < until)
		child_poll(child, 10);
	assert_int_equal(among(&list).srb_status, STOR_SRB_SUCCESS);
	while (child_now() < until + 30)
		child_poll(child, 10);
	assert_int_equal(among(&inquiry).srb_status, STOR_SRB_SUCCESS);
	return !child_page(child, 0)[0];
}

/*
 * A write for the old disk lies unread in the ring of a sub-channel that has all
 * hands full, while the child lets go of that disk by way of the primary.
 */
static void test_swap_behind(void **state)
{
	struct child_srb s = rw10(true, 0, 8, 1), r = rw10(false, 0, 1, 2);
	struct child_packet p;
	struct child_chan *sub;
	unsigned int i, n;
	int old, new;

	(void)state;
	sub = ready_with_sub(file_disk(&old, MIB));
	assert_true(inquired(0));
	assert_int_equal(
		storvsp_add(stor, 1, faulty(null_disk(MIB), "err=hang")), 1);
	r.lun = 1;
	for (n = 0; n < 260; n++)
		assert_true(
			CHILD_UNTIL(child, child_srb_send(sub, 100 + n, &r)));
	memset(child_page(child, 1), 0x55, 4096);
	assert_true(child_srb_send(sub, 1, &s));
	remove_lun0();
	assert_int_equal(storvsp_add(stor, 0, file_disk(&new, MIB)), 0);
	for (i = 0; i < 4; i++)
		assert_false(looked_again());
	/* Its hands are free again. */
	assert_int_equal(storvsp_remove(stor, 1, NULL, NULL), 0);
	for (i = 0; i <= n; i++) {
		assert_true(child_recv(sub, &p));
		if (p.head.transaction == 1)
			assert_int_equal(
				((struct stor_pkt *)p.data)->u.srb.srb_status,
				STOR_SRB_INVALID_LUN);
	}
	expect_untouched(new);
	/* As nothing else comes for the old one, the new one is shown. */
	for (i = 0; i < 6 && !looked_again(); i++)
		;
	assert_in_range(i, 1, 5);
	destroy();
	close(old);
	close(new);
}

/* ---- write-back ---- */

static int lost(const struct disk *d)
{
	(void)d;
	return -EIO;
}

static void test_lost(void **state)
{
	struct disk *d = null_disk(MIB);
	struct storvsp_lun_info info;
	struct disk_ops ops = *d->ops;

	(void)state;
	ready(d);
	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_string_equal(info.state, "ok");
	ops.lost = lost;
	d->ops = &ops;
	assert_int_equal(storvsp_lun_info(stor, 0, &info), 0);
	assert_string_equal(info.state, "write-back failed");
	destroy();
}

/* ---- what does not end by itself ---- */

static void test_hung(void **state)
{
	struct child_srb s = rw10(false, 0, 1, 0), tur = test_unit_ready(1);
	struct child_packet p;
	bool removed = false;
	struct stor_srb *srb;

	(void)state;
	ready(faulty(null_disk(MIB), "op=read,err=hang"));
	assert_int_equal(
		storvsp_add(stor, 1, faulty(null_disk(MIB), "err=hang")), 1);
	s.lun = 1;
	assert_true(child_srb_send(chan, 7, &s));
	good(&tur, 0);
	/* Removal ends it. */
	assert_int_equal(storvsp_remove(stor, 1, child_flag, &removed), 0);
	do {
		assert_true(child_recv(chan, &p));
	} while (p.head.transaction != 7);
	srb = &((struct stor_pkt *)p.data)->u.srb;
	assert_int_equal(srb->srb_status, STOR_SRB_ERROR | STOR_SRB_AUTOSENSE);
	assert_int_equal(srb->u.sense[2], 0xB);
	assert_true(CHILD_UNTIL(child, removed));
	/* So does closing, and the end of everything. */
	s.lun = 0;
	assert_true(child_srb_send(chan, 8, &s));
	assert_true(child_close(chan));
	assert_true(child_open(chan));
	assert_true(child_init(chan));
	assert_true(child_srb_send(chan, 9, &s));
	child_poll(child, 50);
	destroy();
}

static void test_pause(void **state)
{
	struct child_srb s = rw10(false, 0, 1, 0);
	bool quiet = false, again = false;
	struct child_packet p;
	uint64_t until;

	(void)state;
	create(1, 0);
	/* Before anything is open. */
	storvsp_pause(stor, child_flag, &quiet);
	assert_true(CHILD_UNTIL(child, quiet));
	storvsp_resume(stor);
	assert_int_equal(storvsp_add(stor, -1, null_disk(MIB)), 0);
	assert_true(child_open(chan));
	assert_true(child_init(chan));
	good(&s, 512);
	quiet = false;
	storvsp_pause(stor, child_flag, &quiet);
	assert_true(CHILD_UNTIL(child, quiet));
	assert_true(child_srb_send(chan, 5, &s));
	child_ring_bell(chan);
	for (until = child_now() + 100; child_now() < until;)
		child_poll(child, 10);
	assert_false(child_take(chan, &p));
	storvsp_pause(stor, child_flag, &again);
	assert_true(CHILD_UNTIL(child, again));
	storvsp_resume(stor);
	assert_true(child_recv(chan, &p));
	assert_int_equal(p.head.transaction, 5);
	/* Closing while paused. */
	quiet = false;
	storvsp_pause(stor, child_flag, &quiet);
	assert_true(child_close(chan));
	assert_true(CHILD_UNTIL(child, quiet));
	destroy();
}

/* ---- sub-channels ---- */

static void test_sub_channels(void **state)
{
	struct child_srb s = rw10(false, 0, 1, 0);
	struct stor_pkt pkt = { 0 };
	struct child_chan *primary, *sub;
	unsigned int i, round;

	(void)state;
	create(16, 0);
	assert_int_equal(storvsp_add(stor, -1, null_disk(MIB)), 0);
	primary = chan;
	for (round = 0; round < 3; round++) {
		assert_true(child_open(primary));
		assert_int_equal(
			child_control(primary, STOR_OP_BEGIN_INIT, &pkt), 0);
		pkt.u.version.major_minor = STOR_VERSION_6_0;
		assert_int_equal(
			child_control(primary, STOR_OP_QUERY_VERSION, &pkt), 0);
		assert_int_equal(child_control(primary,
					       STOR_OP_QUERY_PROPERTIES, &pkt),
				 0);
		assert_int_equal(pkt.u.properties.max_sub_channels, 3);
		assert_int_equal(pkt.u.properties.flags,
				 STOR_PROP_MULTI_CHANNEL);
		/* Before END_INIT, as Windows does, or after it. */
		if (round & 1)
			assert_int_equal(child_control(primary,
						       STOR_OP_END_INIT, &pkt),
					 0);
		pkt.u.sub_channels = 4;
		assert_int_equal(child_control(primary,
					       STOR_OP_CREATE_SUBCHANNELS,
					       &pkt),
				 STOR_NT_INVALID_PARAMETER);
		pkt.u.sub_channels = 3;
		assert_int_equal(child_control(primary,
					       STOR_OP_CREATE_SUBCHANNELS,
					       &pkt),
				 0);
		assert_int_equal(child_control(primary,
					       STOR_OP_CREATE_SUBCHANNELS,
					       &pkt),
				 STOR_NT_INVALID_DEVICE_STATE);
		if (!(round & 1))
			assert_int_equal(child_control(primary,
						       STOR_OP_END_INIT, &pkt),
					 0);
		assert_true(CHILD_UNTIL(child, child_find(child, 1, 3)));
		for (i = 1; i <= 3; i++) {
			sub = child_find(child, 1, i);
			assert_non_null(sub);
			assert_true(child_open(sub));
			chan = sub;
			good(&s, 512);
			assert_int_equal(child_control(sub,
						       STOR_OP_QUERY_PROPERTIES,
						       &pkt),
					 STOR_NT_INVALID_DEVICE_STATE);
		}
		chan = primary;
		good(&s, 512);
		/* One is closed by the child, the others with the primary. */
		sub = child_find(child, 1, 2);
		assert_true(child_close(sub));
		assert_true(child_close(primary));
		assert_true(
			CHILD_UNTIL(child, child->rescinds == 3 * (round + 1)));
		for (i = 1; i < CHILD_CHANS; i++)
			if (child->chan[i].child && !child->chan[i].offer.relid)
				child_relid(child, VMB_MSG_RELID_RELEASED, i);
	}
	destroy();
}

static void test_cycles(void **state)
{
	struct child_srb s = rw10(false, 0, 8, 0);
	unsigned int i, fds = 0;

	(void)state;
	create(1, 0);
	assert_int_equal(storvsp_add(stor, -1, null_disk(MIB)), 0);
	for (i = 0; i < 101; i++) {
		assert_true(child_open(chan));
		assert_true(child_init(chan));
		good(&s, 4096);
		assert_true(child_close(chan));
		if (!i)
			fds = open_fds();
	}
	assert_int_equal(open_fds(), fds);
	destroy();
}

/* The server ends first, as when a VM is powered off. */
static void test_shutdown_order(void **state)
{
	struct child_srb s = rw10(false, 0, 8, 0);

	(void)state;
	ready(null_disk(MIB));
	good(&s, 4096);
	vmbus_server_shutdown(child->srv, child_flag, &child->ended);
	assert_true(CHILD_UNTIL(child, child->ended));
	child->ended = false;
	destroy();
}

/* ---- identity ---- */

static void identity(unsigned int number, uint8_t vm, int lun,
		     struct storvsp_lun_info *out)
{
	struct storvsp_config cfg = { .number = number, .vm_id = { { vm } } };

	child = child_new();
	gone = false;
	assert_int_equal(storvsp_create(child->srv, &cfg, &stor), 0);
	assert_int_equal(storvsp_add(stor, lun, null_disk(MIB)), lun);
	assert_int_equal(storvsp_lun_info(stor, lun, out), 0);
	assert_int_equal(strlen(out->serial), 32);
	assert_int_equal(strlen(out->wwn), 32);
	destroy();
}

static void test_identity(void **state)
{
	struct storvsp_lun_info a, b;

	(void)state;
	identity(0, 1, 0, &a);
	identity(0, 1, 0, &b);
	assert_string_equal(a.serial, b.serial);
	assert_string_equal(a.wwn, b.wwn);
	identity(1, 1, 0, &b);
	assert_string_not_equal(a.serial, b.serial);
	identity(0, 2, 0, &b);
	assert_string_not_equal(a.serial, b.serial);
	identity(0, 1, 63, &b);
	assert_string_not_equal(a.serial, b.serial);
	assert_string_not_equal(a.wwn, b.wwn);
}

/* Two files at one place, one after the other; their names do not matter. */
static void test_identity_of_file(void **state)
{
	struct storvsp_lun_info a, b;
	struct disk *d;
	int fd, other;

	(void)state;
	create(1, 0);
	assert_int_equal(storvsp_add(stor, 0, file_disk(&fd, MIB)), 0);
	assert_int_equal(storvsp_lun_info(stor, 0, &a), 0);
	remove_lun0();
	d = file_disk(&other, MIB);
	strcpy(d->path, "x");
	assert_int_equal(storvsp_add(stor, 0, d), 0);
	assert_int_equal(storvsp_lun_info(stor, 0, &b), 0);
	assert_string_not_equal(a.serial, b.serial);
	assert_string_not_equal(a.wwn, b.wwn);
	remove_lun0();
	close(other);
	d = open_again(fd);
	strcpy(d->path, "y");
	assert_int_equal(storvsp_add(stor, 0, d), 0);
	assert_int_equal(storvsp_lun_info(stor, 0, &b), 0);
	assert_string_equal(a.serial, b.serial);
	assert_string_equal(a.wwn, b.wwn);
	/* One that was given. */
	remove_lun0();
	d = open_again(fd);
	strcpy(d->serial, "00112233445566778899aabbccddeeff");
	assert_int_equal(storvsp_add(stor, 0, d), 0);
	assert_int_equal(storvsp_lun_info(stor, 0, &b), 0);
	assert_string_equal(b.serial, "00112233445566778899aabbccddeeff");
	assert_string_equal(b.wwn, "60022480001122334455aabbccddeeff");
	destroy();
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hotplug),
		cmocka_unit_test(test_early_change),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_coalesced),
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_swap_seen),
		cmocka_unit_test(test_swap_asleep),
		cmocka_unit_test(test_swap_behind),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_sub_channels),
		cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_shutdown_order),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_identity_of_file),
	};

	return cmocka_run_group_tests_name("storvsp_life", tests, NULL, NULL);
}
