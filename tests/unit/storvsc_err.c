// SPDX-License-Identifier: GPL-2.0
/*
 * hv_storvsc's last means against lost requests, a new channel: neither silence nor a
 * lack of memory ends in disks that go offline, and what is tried again afterwards has
 * its time again. And the means before that one, beside requests of others; the page that
 * silence is probed with, and for whom; a request that is held for ever. The kernel's
 * sources are compiled as they are, with stand-ins for what they use.
 *
 * links: util
 * kernel headers: empty
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storvsc_stand_ins.h"

/* ---- the host ---- */

static bool noio;
static int answers[64]; /* to each opening; 0 in the end */
static u32 opened, seconds_each, gone_after;
static u32 asked[256];	   /* resets, by operation */
static enum stor_op helps; /* the one that is answered, and brings back: */
static struct storvsc_slot *back;

static unsigned int memalloc_noio_save(void)
{
	bool was = noio;

	noio = true;
	return was;
}

static void memalloc_noio_restore(unsigned int was)
{
	noio = was;
}

/* Resets are lost, unless told otherwise: it comes to the channel. */
static int storvsc_proto_control(struct storvsc_host *sh, struct stor_pkt *pkt,
				 unsigned long timeout)
{
	asked[pkt->op]++;
	if (pkt->op == helps) {
		jiffies += HZ / 10;
		back->id.v = 0;
		return 0;
	}
	jiffies += timeout;
	/* Others are answered meanwhile. */
	sh->chans[0].heard = jiffies;
	return -ETIMEDOUT;
}

static int storvsc_proto_connect(struct storvsc_host *sh, unsigned long timeout)
{
	int err = answers[opened++];

	(void)timeout;
	assert_true(noio);
	assert_int_equal(sh->state, STORVSC_CLOSED);
	jiffies += seconds_each * HZ;
	if (opened == gone_after)
		sh->state = STORVSC_GONE;
	if (!err)
		sh->state = STORVSC_READY;
	return err;
}

void storvsc_err_map(struct storvsc_host *sh, struct scsi_cmnd *cmd,
		     const struct stor_srb *srb);
void storvsc_err_gone(struct storvsc_host *sh);
enum scsi_timeout_action storvsc_err_timed_out(struct scsi_cmnd *cmd);
int storvsc_err_abort(struct scsi_cmnd *cmd);
bool storvsc_err_drain(struct storvsc_host *sh, const struct scsi_device *sdev,
		       unsigned long timeout);
bool storvsc_err_may_pass(int err);
int storvsc_err_reopen(struct storvsc_host *sh);
int storvsc_err_reset_lun(struct scsi_cmnd *cmd);
int storvsc_err_reset_host(struct scsi_cmnd *cmd);
void storvsc_silence_init(struct storvsc_host *sh);
int storvsc_silence_alloc(struct storvsc_host *sh);
void storvsc_silence_free(struct storvsc_host *sh);
void storvsc_silence_ask(struct storvsc_host *sh, struct scsi_cmnd *cmd);
bool storvsc_silence_given_up(const struct storvsc_slot *slot);
bool storvsc_silence_overdue(const struct storvsc_host *sh,
			     const struct storvsc_slot *slot);
bool storvsc_silence_wait(struct storvsc_host *sh, unsigned long since);
bool storvsc_silence_past_limit(struct storvsc_host *sh);
unsigned long storvsc_silence_share(unsigned long timeout, unsigned long most);
void storvsc_silence_renew(struct storvsc_host *sh);
void storvsc_silence_forgive(struct storvsc_host *sh, struct scsi_cmnd *cmd);
void storvsc_silence_reply(struct storvsc_chan *chan, u64 id);
void storvsc_silence_closed(struct storvsc_host *sh, bool released);

/* The kernel is built without this warning. */
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "../../kernel/storvsc/err.c"
#undef POLL_MS
#include "../../kernel/storvsc/silence.c"

/* ---- an adapter with a disk ---- */

static struct Scsi_Host shost;
static struct hv_ring_buffer ring;
static struct vmbus_channel channel = {
	.inbound = { &ring, 4096 },
	.outbound = { &ring, 4096 },
};
static struct hv_device hv = { .channel = &channel };
static struct storvsc_chan chan = { .sh = &host,
				    .ch = &channel,
				    .ready = true };
static struct storvsc_slot slots[3]; /* of cmd, and of others */
#define slot slots[0]
static struct gendisk disk = { .capacity = 2048 };
static struct request_queue queue = { .rq_timeout = 180 * HZ, .disk = &disk };
static struct scsi_device sdev = {
	.host = &shost,
	.request_queue = &queue,
	.sector_size = 512,
	.sdev_state = SDEV_RUNNING,
};
static struct scsi_device other_sdev = { .host = &shost,
					 .request_queue = &queue };
static struct scsi_cmnd cmd, others[2];

static int set_up(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	memset(answers, 0, sizeof(answers));
	jiffies = 1000000;
	opened = seconds_each = gone_after = 0;
	storvsc_silence_limit = 0;
	noio = false;
	host.shost = &shost;
	host.hv = &hv;
	host.state = STORVSC_READY;
	host.slots = slots;
	host.nr_slots = 3;
	host.chans = &chan;
	host.nr_chans = 1;
	chan.heard = jiffies;
	cmd = (struct scsi_cmnd){
		.rq = { .timeout = 180 * HZ, .q = &queue },
		.device = &sdev,
		.cmnd = { READ_10 },
		.allowed = 5,
		.jiffies_at_alloc = jiffies,
	};
	memset(slots, 0, sizeof(slots));
	memset(asked, 0, sizeof(asked));
	slot = (struct storvsc_slot){ { 1 }, &cmd, &sdev, jiffies, 0 };
	helps = 0;
	back = &slot;
	references = 0;
	unmapped = 0;
	inquiry = read_probe = 0;
	no_memory = false;
	storvsc_lent = NULL;
	storvsc_silence_init(&host);
	return 0;
}

/* As the SCSI layer asks before it tries again. */
static bool too_old(void)
{
	return time_before(cmd.jiffies_at_alloc +
				   (cmd.allowed + 1) * cmd.rq.timeout,
			   jiffies);
}

static void reopens_after(u32 times, int err, u32 seconds)
{
	u32 i;

	for (i = 0; i < times; i++)
		answers[i] = err;
	seconds_each = seconds;
	assert_int_equal(storvsc_err_reset_host(&cmd), SUCCESS);
	assert_int_equal(host.state, STORVSC_READY);
	assert_int_equal(opened, times + 1);
	assert_false(noio);
}

static void test_reopen(void **state)
{
	(void)state;
	reopens_after(0, 0, 0);
}

static void test_reopen_silent(void **state)
{
	(void)state;
	reopens_after(20, -ETIMEDOUT, 60);
}

/* Its messages stay where they are: it's as silent. */
static void test_reopen_full(void **state)
{
	(void)state;
	reopens_after(20, -EBUSY, 60);
}

/* The disk isn't the worse for it when there is memory again. */
static void test_reopen_no_memory(void **state)
{
	unsigned long begin = jiffies;

	(void)state;
	reopens_after(5, -ENOMEM, 0);
	assert_true(jiffies - begin < 60 * HZ);
	set_up(NULL);
	reopens_after(30, -ENOMEM, 0);
}

static void test_reopen_refused(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < 5; i++)
		answers[i] = -EPROTO;
	assert_int_equal(storvsc_err_reset_host(&cmd), FAILED);
	assert_int_equal(host.state, STORVSC_DEAD);
	assert_int_equal(opened, 3);
}

static void test_reopen_limit(void **state)
{
	static const int errs[] = { -ETIMEDOUT, -EBUSY, -ENOMEM };
	u32 i, k;

	for (k = 0; k < 3; k++) {
		set_up(state);
		for (i = 0; i < 50; i++)
			answers[i] = errs[k];
		seconds_each = 30;
		storvsc_silence_limit = 100;
		assert_int_equal(storvsc_err_reset_host(&cmd), FAILED);
		assert_in_range(opened, 3, 8);
	}
}

/* After a sleep there is no error handler, and nothing to get back. */
static void test_reopen_awake(void **state)
{
	u32 i;

	(void)state;
	host.state = STORVSC_CLOSED;
	seconds_each = 60;
	for (i = 0; i < 20; i++)
		answers[i] = -ETIMEDOUT;
	assert_int_equal(storvsc_err_reopen(&host), SUCCESS);
	assert_int_equal(host.state, STORVSC_READY);
	assert_int_equal(host.reconnects.v, 0);
}

/* The driver goes meanwhile. */
static void test_reopen_gone(void **state)
{
	(void)state;
	host.state = STORVSC_CLOSED;
	answers[0] = answers[1] = -ETIMEDOUT;
	gone_after = 2;
	assert_int_equal(storvsc_err_reopen(&host), FAILED);
	assert_int_equal(host.state, STORVSC_GONE);
	assert_int_equal(opened, 2);
}

/* What was lost is sent again then, and may be told to come again. */
static void test_time_after_reopening(void **state)
{
	(void)state;
	reopens_after(40, -ETIMEDOUT, 60);
	assert_true(too_old());
	storvsc_silence_forgive(&host, &cmd);
	assert_false(too_old());
}

static void run_work(void)
{
	host.ask.work.due = false;
	host.ask.work.run(&host.ask.work.work);
}

/* Its time is over again and again, until the host answers @after seconds. */
static void silent_for(u32 after)
{
	unsigned long end = jiffies + after * HZ;

	while (time_before(jiffies, end)) {
		jiffies += HZ;
		if ((jiffies - slot.sent_at) % cmd.rq.timeout < HZ)
			assert_int_equal(storvsc_err_timed_out(&cmd),
					 SCSI_EH_RESET_TIMER);
		if (host.ask.work.due)
			run_work();
	}
	assert_true(host.ask.told);
}

/* "Come again", as hosts say it after a fail-over. */
static const struct stor_srb again[] = {
	{ .srb_status = STOR_SRB_SELECTION_TIMEOUT },
	{ .srb_status = STOR_SRB_BUS_RESET },
	{ .srb_status = 5, .scsi_status = SAM_STAT_BUSY },
	{
		.srb_status = 4 | STOR_SRB_AUTOSENSE,
		.scsi_status = SAM_STAT_CHECK_CONDITION,
		.sense_length = 18,
		.u.sense = { 0x70, 0, UNIT_ATTENTION, [7] = 10, [12] = 0x2a,
			     9 },
	},
};

static void test_again_after_silence(void **state)
{
	u32 i;

	for (i = 0; i < sizeof(again) / sizeof(*again); i++) {
		set_up(state);
		silent_for(1200);
		assert_true(too_old());
		/* The work has yet to see that the silence is over. */
		storvsc_err_map(&host, &cmd, &again[i]);
		assert_int_not_equal(cmd.result, SAM_STAT_GOOD);
		assert_false(too_old());

		/* And of one that comes when it has. */
		cmd.jiffies_at_alloc = slot.sent_at;
		jiffies += 2;
		storvsc_heard(&chan);
		run_work();
		assert_false(host.ask.stage);
		jiffies += 10 * HZ;
		storvsc_err_map(&host, &cmd, &again[i]);
		assert_false(too_old());
	}
}

/* Without silence the SCSI layer's limit stays as it is. */
static void test_again_and_again(void **state)
{
	(void)state;
	jiffies += 1200 * HZ;
	storvsc_err_map(&host, &cmd, &again[2]);
	assert_true(too_old());
}

/* The channel is closed and opened anew, and the host keeps what it has of the old one. */
static void reopened(void)
{
	host.ask.probes++; /* an earlier one, of which it has the page */
	storvsc_silence_closed(&host, false);
}

static u32 kept;

static void keep_page(struct vmbus_channel *ch, void *p)
{
	assert_ptr_equal(ch, &channel);
	assert_ptr_equal(p, page);
	kept++;
}

/* No memory is asked for while the host is silent, and none that it has goes back. */
static void test_probe_page(void **state)
{
	static const struct vmb_lent_ops ops = { .keep_page = keep_page };

	(void)state;
	storvsc_lent = &ops;
	kept = 0;
	no_memory = true;
	assert_int_equal(storvsc_silence_alloc(&host), -ENOMEM);
	no_memory = false;
	assert_int_equal(storvsc_silence_alloc(&host), 0);
	no_memory = true;
	silent_for(200);
	assert_true(probed == (uintptr_t)page);
	assert_int_equal(references, 1);
	preempted = reopened;
	silent_for(200);
	assert_null(preempted);
	assert_true(probed == (uintptr_t)page);
	assert_int_equal(kept, 1);
	storvsc_silence_free(&host);
	assert_int_equal(references, 1);
	assert_int_equal(unmapped, 0);

	/* Released later. */
	no_memory = false;
	assert_int_equal(storvsc_silence_alloc(&host), 0);
	storvsc_silence_closed(&host, true);
	storvsc_silence_free(&host);
	assert_int_equal(references, 1);
	assert_int_equal(unmapped, 1);
}

/* ---- beside others ---- */

/* A long one of somebody else, with the host for an hour and longer. */
static void format_unit(u32 i, u32 hours)
{
	others[i - 1] = (struct scsi_cmnd){
		.rq = { .timeout = hours * 3600 * HZ,
			.tag = i,
			.q = &queue,
			.passthrough = true },
		.device = &other_sdev,
	};
	slots[i] = (struct storvsc_slot){ { 1 + i },
					  &others[i - 1],
					  &other_sdev,
					  jiffies,
					  0 };
}

/*
 * The host answers probes within a second, but not what is in the slots. Time-outs
 * come as the block layer has them. Until one was given up, @most seconds.
 */
static struct scsi_cmnd *given_up_within(u32 most, bool reads)
{
	unsigned long end = jiffies + most * HZ, left[3];
	u32 i;

	for (i = 0; i < 3; i++)
		left[i] = slots[i].id.v ?
				  slots[i].sent_at + slots[i].cmd->rq.timeout -
					  jiffies :
				  0;
	while (time_before(jiffies, end)) {
		jiffies += HZ;
		for (i = 0; i < 3; i++) {
			if (!slots[i].id.v)
				continue;
			if (storvsc_silence_given_up(&slots[i]) &&
			    storvsc_err_timed_out(slots[i].cmd) ==
				    SCSI_EH_NOT_HANDLED)
				return slots[i].cmd;
			if (left[i] > HZ) {
				left[i] -= HZ;
				continue;
			}
			left[i] = slots[i].cmd->rq.timeout;
			assert_int_equal(storvsc_err_timed_out(slots[i].cmd),
					 SCSI_EH_RESET_TIMER);
		}
		while (host.ask.probes && (reads || inquiry)) {
			storvsc_silence_reply(&chan, inquiry ?: read_probe);
			inquiry = 0;
		}
		if (host.ask.work.due)
			run_work();
	}
	return NULL;
}

/* By whatever helps, without waiting for the others. */
static void test_abort(void **state)
{
	static const enum stor_op ops[] = { STOR_OP_RESET_LUN,
					    STOR_OP_RESET_BUS };
	unsigned long since;
	u32 i;

	for (i = 0; i < 2; i++) {
		set_up(state);
		format_unit(1, 1);
		assert_int_equal(storvsc_silence_alloc(&host), 0);
		since = jiffies;
		/* It has been aborted before, and may be again. */
		cmd.eh_eflags = 2;
		assert_ptr_equal(given_up_within(210, true), &cmd);
		assert_int_equal(cmd.eh_eflags, 0);
		helps = ops[i];
		assert_int_equal(storvsc_err_abort(&cmd), SUCCESS);
		assert_true(time_before(jiffies, since + 2 * cmd.rq.timeout));
		assert_int_equal(slots[1].id.v, 2);
		assert_int_equal(host.state, STORVSC_READY);
		assert_int_equal(asked[STOR_OP_RESET_LUN], 1);
		assert_int_equal(asked[STOR_OP_RESET_BUS], i);
	}
}

/* Answered by itself, in the last moment. */
static void test_abort_answered(void **state)
{
	(void)state;
	slot.id.v = 0;
	assert_int_equal(storvsc_err_abort(&cmd), SUCCESS);
	assert_int_equal(asked[STOR_OP_RESET_LUN], 0);
}

/* Nothing is left that the error handler would wait for, and it goes on from there. */
static void test_abort_closes(void **state)
{
	unsigned long since = jiffies;

	(void)state;
	format_unit(1, 1);
	format_unit(2, 2);
	assert_int_equal(storvsc_silence_alloc(&host), 0);
	assert_ptr_equal(given_up_within(210, true), &cmd);
	assert_int_equal(storvsc_err_abort(&cmd), FAILED);
	assert_false(storvsc_io_outstanding(&host, NULL));
	assert_int_equal(host.state, STORVSC_CLOSED);
	/* Another one that was given up. */
	assert_int_equal(storvsc_err_abort(&others[0]), FAILED);
	assert_int_equal(opened, 0);
	assert_int_equal(storvsc_err_reset_lun(&cmd), FAILED);
	assert_int_equal(storvsc_err_reset_host(&cmd), SUCCESS);
	assert_true(time_before(jiffies, since + 2 * cmd.rq.timeout));
	assert_int_equal(host.state, STORVSC_READY);
	assert_int_equal(opened, 1);
	assert_int_equal(host.reconnects.v, 1);
	assert_int_equal(asked[STOR_OP_RESET_LUN], 1);
	assert_int_equal(asked[STOR_OP_RESET_BUS], 1);
}

/* The error handler's own command: it takes the next means itself. */
static void test_abort_of_error_handler(void **state)
{
	(void)state;
	cmd.submitter = SUBMITTED_BY_SCSI_ERROR_HANDLER;
	assert_int_equal(storvsc_err_abort(&cmd), FAILED);
	assert_int_equal(asked[STOR_OP_RESET_LUN], 0);
	assert_int_equal(host.state, STORVSC_READY);
}

/* What isn't overdue goes on, however long it is there already. */
static void test_others_are_kept(void **state)
{
	(void)state;
	format_unit(1, 1);
	others[0].rq.passthrough = false;
	assert_int_equal(storvsc_silence_alloc(&host), 0);
	assert_ptr_equal(given_up_within(210, true), &cmd);
	assert_false(storvsc_silence_given_up(&slots[1]));
}

/* The host is asked on a long one's behalf when the short one's time is over. */
static void test_asked_for_another(void **state)
{
	unsigned long since;

	(void)state;
	slot.id.v = 0;
	format_unit(1, 1);
	assert_int_equal(storvsc_silence_alloc(&host), 0);
	assert_null(given_up_within(3500, true));
	slot.id.v = 1;
	slot.sent_at = since = jiffies;
	assert_ptr_equal(given_up_within(360, true), &cmd);
	assert_true(time_before(jiffies, since + 210 * HZ));
}

/* INQUIRY is no read, though it's answered when there is a read to be answered. */
static void test_inquiry_only(void **state)
{
	u64 id;

	(void)state;
	slot.id.v = 0;
	format_unit(1, 1);
	assert_int_equal(storvsc_silence_alloc(&host), 0);
	jiffies += 3600 * HZ;
	storvsc_silence_ask(&host, &others[0]);
	run_work();
	assert_true(inquiry);
	id = inquiry;
	slot.id.v = 1;
	slot.sent_at = jiffies - 180 * HZ;
	storvsc_silence_ask(&host, &cmd);
	run_work();
	assert_true(read_probe);

	jiffies += HZ;
	storvsc_silence_reply(&chan, id);
	assert_false(host.ask.answered);
	assert_int_not_equal(chan.heard, jiffies);
	storvsc_silence_reply(&chan, read_probe);
	assert_true(host.ask.answered);
	assert_int_equal(chan.heard, jiffies);
}

/* A disc that is gone has no block to read. */
static void test_no_blocks(void **state)
{
	(void)state;
	disk.capacity = 0;
	assert_int_equal(storvsc_silence_alloc(&host), 0);
	assert_ptr_equal(given_up_within(210, true), &cmd);
	disk.capacity = 2048;
}

/* Its burst has no end: nobody else would send it. */
static void test_held(void **state)
{
	(void)state;
	slot.id.v |= STORVSC_ID_HELD;
	committed = 0;
	assert_int_equal(storvsc_err_timed_out(&cmd), SCSI_EH_RESET_TIMER);
	assert_int_equal(committed, 1);
	assert_false(host.ask.stage);
	slot.id.v &= ~STORVSC_ID_HELD;
	assert_int_equal(storvsc_err_timed_out(&cmd), SCSI_EH_RESET_TIMER);
	assert_int_equal(committed, 1);
	assert_true(host.ask.stage);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reopen, set_up),
		cmocka_unit_test_setup(test_reopen_silent, set_up),
		cmocka_unit_test_setup(test_reopen_full, set_up),
		cmocka_unit_test_setup(test_reopen_no_memory, set_up),
		cmocka_unit_test_setup(test_reopen_refused, set_up),
		cmocka_unit_test_setup(test_reopen_limit, set_up),
		cmocka_unit_test_setup(test_reopen_awake, set_up),
		cmocka_unit_test_setup(test_reopen_gone, set_up),
		cmocka_unit_test_setup(test_time_after_reopening, set_up),
		cmocka_unit_test_setup(test_again_after_silence, set_up),
		cmocka_unit_test_setup(test_again_and_again, set_up),
		cmocka_unit_test_setup(test_probe_page, set_up),
		cmocka_unit_test_setup(test_held, set_up),
		cmocka_unit_test_setup(test_abort, set_up),
		cmocka_unit_test_setup(test_abort_answered, set_up),
		cmocka_unit_test_setup(test_abort_closes, set_up),
		cmocka_unit_test_setup(test_abort_of_error_handler, set_up),
		cmocka_unit_test_setup(test_others_are_kept, set_up),
		cmocka_unit_test_setup(test_asked_for_another, set_up),
		cmocka_unit_test_setup(test_inquiry_only, set_up),
		cmocka_unit_test_setup(test_no_blocks, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
