// SPDX-License-Identifier: GPL-2.0
/*
 * Errors: what an answer's status means to the SCSI layer, and what happens
 * when there is no answer.
 *
 * The host owns a request's memory until it answers, and the protocol has no
 * abort. So a request that is lost (a host that answers nothing at all is
 * waited for: silence.c) goes through ever stronger means, each bounded: look
 * into the rings again (a lost interrupt), RESET_LUN, RESET_BUS, and at last
 * closing the channel: once the host has agreed to that, it has let go of
 * everything. Then the channel is opened anew. Only when the host refuses
 * that, the SCSI layer takes the devices offline; a later host reset (sg_reset)
 * tries again.
 *
 * The SCSI layer's error handler doesn't begin before no request is left with the
 * host, and what somebody else has sent may take an hour (FORMAT UNIT). So all
 * these means but the opening are taken earlier, when the SCSI layer wants the
 * request aborted; closing ends all others, too, so that the error handler begins.
 */
#include <linux/blk-mq.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <scsi/scsi_devinfo.h>
#include <scsi/scsi_eh.h>

#include "storvsc_var.h"

#define POLL_MS			10
#define KICK_TIMEOUT		((unsigned long)HZ)
#define RECONNECT_TIMEOUT	(60 * HZ)	/* each step */
#define RECONNECT_TRIES		3
#define RECONNECT_PAUSE_MS	1000u
#define RECONNECT_PAUSE_MAX_MS	60000u

#define ASC_INVALID_OPCODE	0x20
#define ASC_INVALID_FIELD	0x24

/* Codes of stor_srb.srb_status that only this file knows. */
#define SRB_BUSY		0x05
#define SRB_INVALID_PATH	0x07
#define SRB_NO_DEVICE		0x08
#define SRB_NO_HBA		0x11
#define SRB_FLUSHED		0x16
#define SRB_INVALID_TARGET	0x21
#define SRB_BAD_FUNCTION	0x22

/*
 * Capacity or parameters changed: read them anew. The command itself wasn't
 * done and is sent again, so nobody sees or logs what is no error. Not so for
 * the error handler, which takes anything but sense for a failed device.
 */
static bool change_noted(struct storvsc_host *sh, struct scsi_cmnd *cmd,
			 const struct scsi_sense_hdr *sense)
{
	if (sense->sense_key != UNIT_ATTENTION)
		return false;
	/* 3F/03 and 3F/0E are reported to user space by the SCSI layer. */
	if ((sense->asc != 0x2a || sense->ascq != 0x09) &&
	    (sense->asc != 0x3f || sense->ascq == 0x03 || sense->ascq == 0x0e))
		return false;
	storvsc_scan_lun_event(sh, cmd->device, STORVSC_LUN_RESCAN);
	return cmd->submitter != SUBMITTED_BY_SCSI_ERROR_HANDLER;
}

/*
 * A LUN 0 that isn't there would end the scan of its target, and with it the
 * search for the LUNs behind it. So say what SCSI has for this: the target
 * answers, and has no such LUN. Where even REPORT LUNS is refused, each number
 * is tried, but only where hosts have disks: elsewhere that takes too long.
 */
static void answer_absent_lun0(struct storvsc_host *sh, struct scsi_cmnd *cmd)
{
	static const u8 inquiry[36] = {
		0x7f, 0, 5, 2, sizeof(inquiry) - 5, 0, 0, 0,
		'M', 's', 'f', 't', ' ', ' ', ' ', ' ',
		'V', 'i', 'r', 't', 'u', 'a', 'l', ' ',
		'D', 'i', 's', 'k', ' ', ' ', ' ', ' ',
	};
	struct scsi_device *sdev = cmd->device;
	u32 len = scsi_sg_copy_from_buffer(cmd, inquiry, sizeof(inquiry));

	scsi_set_resid(cmd, scsi_bufflen(cmd) - len);
	cmd->result = SAM_STAT_GOOD;
	if (sh->kind == STORVSC_SCSI && !sdev->channel && !sdev->id)
		sdev->sdev_bflags |= BLIST_SPARSELUN;
}

static bool probes_lun0(const struct scsi_cmnd *cmd)
{
	return cmd->cmnd[0] == INQUIRY && !(cmd->cmnd[1] & 1) &&
	       !cmd->device->lun && cmd->device->sdev_state == SDEV_CREATED;
}

/*
 * Refused without sense. Hosts refuse some inquiries, pages and commands that
 * they don't know in this way; say for them what they mean, so that it is taken
 * for "not supported" and neither retried nor logged as a broken disk.
 */
static void map_refusal(struct scsi_cmnd *cmd, u8 code)
{
	switch (cmd->cmnd[0]) {
	case INQUIRY:
		if (cmd->cmnd[1] & 1) {
			scsi_build_sense(cmd, 0, ILLEGAL_REQUEST,
					 ASC_INVALID_FIELD, 0);
			return;
		}
		cmd->result = DID_BAD_TARGET << 16;
		return;
	case MODE_SENSE:
	case MODE_SENSE_10:
		scsi_build_sense(cmd, 0, ILLEGAL_REQUEST, ASC_INVALID_FIELD, 0);
		return;
	case MAINTENANCE_IN:
	case LOG_SENSE:
	case ATA_12:
	case ATA_16:
		break;
	default:
		if (code == STOR_SRB_INVALID_REQUEST ||
		    code == SRB_BAD_FUNCTION)
			break;
		cmd->result = DID_ERROR << 16;
		return;
	}
	scsi_build_sense(cmd, 0, ILLEGAL_REQUEST, ASC_INVALID_OPCODE, 0);
}

/* An error without sense. What the way to the device says comes first. */
static void map_bare_error(struct scsi_cmnd *cmd, u8 code)
{
	switch (code) {
	case STOR_SRB_BUS_RESET:
	case SRB_FLUSHED:
		cmd->result = DID_RESET << 16;
		return;
	case STOR_SRB_SELECTION_TIMEOUT:
		/* A path that is being changed: try again, as often as allowed. */
		cmd->result = DID_TRANSPORT_DISRUPTED << 16;
		return;
	case SRB_NO_DEVICE:
	case SRB_NO_HBA:
	case SRB_INVALID_PATH:
	case SRB_INVALID_TARGET:
		cmd->result = DID_NO_CONNECT << 16;
		return;
	case SRB_BUSY:
		cmd->result = SAM_STAT_BUSY;
		return;
	default:
		map_refusal(cmd, code);
	}
}

static void map_error(struct storvsc_host *sh, struct scsi_cmnd *cmd,
		      const struct stor_srb *srb,
		      const struct scsi_sense_hdr *sense)
{
	u8 code = srb->srb_status & STOR_SRB_STATUS_MASK;

	if (code == STOR_SRB_INVALID_LUN && probes_lun0(cmd)) {
		answer_absent_lun0(sh, cmd);
		return;
	}
	if (code == STOR_SRB_INVALID_LUN) {
		cmd->result = DID_NO_CONNECT << 16;
		storvsc_scan_lun_event(sh, cmd->device, STORVSC_LUN_ABSENT);
		return;
	}
	if (sense->response_code) {
		if (change_noted(sh, cmd, sense)) {
			cmd->result = DID_REQUEUE << 16;
			return;
		}
		memcpy(cmd->sense_buffer, srb->u.sense,
		       min_t(u8, srb->sense_length, STOR_SENSE_MAX));
		cmd->result = SAM_STAT_CHECK_CONDITION;
		return;
	}

	switch (srb->scsi_status) {
	case SAM_STAT_CONDITION_MET:
	case SAM_STAT_BUSY:
	case SAM_STAT_RESERVATION_CONFLICT:
	case SAM_STAT_TASK_SET_FULL:
	case SAM_STAT_ACA_ACTIVE:
	case SAM_STAT_TASK_ABORTED:
		cmd->result = srb->scsi_status;
		return;
	}
	map_bare_error(cmd, code);
}

/* The sense that came along, or one whose response_code is 0. */
static void get_sense(const struct stor_srb *srb, struct scsi_sense_hdr *sense)
{
	u8 len = min_t(u8, srb->sense_length, STOR_SENSE_MAX);

	memset(sense, 0, sizeof(*sense));
	if (srb->scsi_status == SAM_STAT_CHECK_CONDITION &&
	    srb->srb_status & STOR_SRB_AUTOSENSE && len &&
	    !scsi_normalize_sense(srb->u.sense, len, sense))
		sense->response_code = 0;
}

/*
 * Everyday news: what isn't the block layer's, since whoever sent it (a scan,
 * smartd, udisks, the error handler) sees the answer and knows whether the host
 * may refuse that; what the disk driver only tries, to see whether the host
 * knows it; and changes.
 */
static enum storvsc_log_level log_level(struct scsi_cmnd *cmd,
					const struct scsi_sense_hdr *sense)
{
	struct request *rq = scsi_cmd_to_rq(cmd);
	bool data = req_op(rq) == REQ_OP_READ || req_op(rq) == REQ_OP_WRITE;

	if (blk_rq_is_passthrough(rq) || cmd->cmnd[0] == TEST_UNIT_READY ||
	    sense->sense_key == UNIT_ATTENTION ||
	    (sense->sense_key == ILLEGAL_REQUEST && !data))
		return STORVSC_LOG_WARN;
	return STORVSC_LOG_ERROR;
}

/*
 * Fill in a finished command: result, sense and residual. @srb is a private
 * copy of the answer.
 */
void storvsc_err_map(struct storvsc_host *sh, struct scsi_cmnd *cmd,
		     const struct stor_srb *srb)
{
	u8 code = srb->srb_status & STOR_SRB_STATUS_MASK;
	u32 room = scsi_bufflen(cmd), done = 0;
	struct scsi_sense_hdr sense;

	/* An overrun is what hosts call data shorter than the buffer, too. */
	if (code == STOR_SRB_SUCCESS || code == STOR_SRB_DATA_OVERRUN) {
		done = srb->transfer_length;
		if (done > room) {
			atomic_inc(&sh->bad_completions);
			storvsc_note(sh, STORVSC_LOG_ERROR,
				     "host claims %u bytes into a buffer of %u\n",
				     done, room);
			done = room;
		}
	}
	scsi_set_resid(cmd, room - done);

	if (!srb->scsi_status && (code == STOR_SRB_SUCCESS ||
				  code == STOR_SRB_DATA_OVERRUN)) {
		cmd->result = SAM_STAT_GOOD;
		return;
	}
	get_sense(srb, &sense);
	storvsc_note(sh, log_level(cmd, &sense),
		     "tag %d command %#x: scsi status %#x, srb status %#x\n",
		     scsi_cmd_to_rq(cmd)->tag, cmd->cmnd[0], srb->scsi_status,
		     srb->srb_status);
	map_error(sh, cmd, srb, &sense);
	storvsc_silence_forgive(sh, cmd);
}

/*
 * The device was rescinded: the host gets and gives nothing any more. Callable
 * in atomic context, and more than once.
 */
void storvsc_err_gone(struct storvsc_host *sh)
{
	storvsc_chan_set_state(sh, STORVSC_GONE);
	storvsc_io_fail(sh, NULL, DID_NO_CONNECT);
}

/* The host template's eh_timed_out. */
enum scsi_timeout_action storvsc_err_timed_out(struct scsi_cmnd *cmd)
{
	struct storvsc_host *sh = shost_priv(cmd->device->host);
	u32 tag = scsi_cmd_to_rq(cmd)->tag;
	int tries;

	if (storvsc_host_rescinded(sh)) {
		storvsc_err_gone(sh);
		return SCSI_EH_NOT_HANDLED;
	}
	/* It was on a sub-channel that was taken back: it's sent again. */
	if (storvsc_chan_check_lost(sh))
		return SCSI_EH_RESET_TIMER;

	if (tag >= sh->nr_slots)
		return SCSI_EH_NOT_HANDLED;
	/*
	 * Held, since its burst was never ended: of a queue that is quiesced in
	 * the midst of one (a Fibre Channel port goes) the block layer forgets to.
	 */
	if (atomic64_read(&sh->slots[tag].id) & STORVSC_ID_HELD) {
		storvsc_hold_commit(sh->shost, storvsc_hold_queue(cmd));
		return SCSI_EH_RESET_TIMER;
	}
	if (!storvsc_silence_given_up(&sh->slots[tag])) {
		storvsc_silence_ask(sh, cmd);
		return SCSI_EH_RESET_TIMER;
	}
	/* Else the SCSI layer has it aborted only when it's lost for the first time. */
	cmd->eh_eflags = 0;
	/* It isn't its time that is over, its ring was broken. */
	if (!storvsc_silence_overdue(sh, &sh->slots[tag]))
		return SCSI_EH_NOT_HANDLED;

	atomic_inc(&sh->timeouts);
	tries = cmd->retries + storvsc_timeout_retries;
	if (cmd->allowed < 0 || cmd->allowed > tries)	/* -1: no limit */
		cmd->allowed = tries;
	return SCSI_EH_NOT_HANDLED;
}

/* @cmd: this one, or for NULL any of @sdev's, or for NULL any. */
static bool drain(struct storvsc_host *sh, const struct scsi_device *sdev,
		  struct scsi_cmnd *cmd, unsigned long timeout)
{
	unsigned long deadline = jiffies + timeout;

	while (cmd ? atomic64_read(&sh->slots[scsi_cmd_to_rq(cmd)->tag].id) :
		     storvsc_io_outstanding(sh, sdev)) {
		if (storvsc_host_rescinded(sh))
			storvsc_err_gone(sh);
		else if (time_after(jiffies, deadline))
			return false;
		msleep(POLL_MS);
	}
	/* Callbacks are RCU readers from taking a slot to scsi_done(). */
	synchronize_rcu();
	return true;
}

/**
 * storvsc_err_drain() - wait until the host has answered
 * @sh: the adapter
 * @sdev: the device whose requests count, or NULL for all
 * @timeout: jiffies
 *
 * Return: whether no request is with the host and no callback still works on
 * one that was.
 */
bool storvsc_err_drain(struct storvsc_host *sh, const struct scsi_device *sdev,
		       unsigned long timeout)
{
	return drain(sh, sdev, NULL, timeout);
}

/* What each step may take. A reset that user space asks for has no request. */
static unsigned long patience(struct scsi_cmnd *cmd)
{
	unsigned long timeout = scsi_cmd_to_rq(cmd)->timeout;

	if (!timeout)
		timeout = cmd->device->request_queue->rq_timeout;
	return storvsc_silence_share(timeout, storvsc_reset_timeout * HZ);
}

static int send_reset(struct storvsc_host *sh, enum stor_op op,
		      struct scsi_cmnd *cmd)
{
	const struct scsi_device *sdev = cmd->device;
	struct stor_pkt pkt = { .op = op };
	unsigned long since;
	int err;

	atomic_inc(&sh->resets);
	pkt.u.srb.length = sizeof(pkt.u.srb);
	pkt.u.srb.path = sdev->channel;
	if (op == STOR_OP_RESET_LUN) {
		pkt.u.srb.target = sdev->id;
		pkt.u.srb.lun = sdev->lun;
	}
	do {
		since = jiffies;
		err = storvsc_proto_control(sh, &pkt, patience(cmd));
	} while ((err == -ETIMEDOUT || err == -EAGAIN) &&
		 storvsc_silence_wait(sh, since));
	if (!err && pkt.status)
		err = -EIO;
	sdev_printk(KERN_WARNING, sdev, "%s: %s (%d)\n",
		    op == STOR_OP_RESET_LUN ? "LUN reset" : "bus reset",
		    err ? "failed" : "done", err);
	return err;
}

/*
 * The means before another channel: what to wait for is @one, or as in drain().
 * Others' requests go on, and new ones come.
 */
static bool look_helps(struct storvsc_host *sh, struct scsi_cmnd *cmd,
		       struct scsi_cmnd *one)
{
	storvsc_chan_kick(sh);
	return drain(sh, cmd->device, one, min(KICK_TIMEOUT, patience(cmd)));
}

static bool reset_helps(struct storvsc_host *sh, enum stor_op op,
			struct scsi_cmnd *cmd, const struct scsi_device *sdev,
			struct scsi_cmnd *one)
{
	return !send_reset(sh, op, cmd) && drain(sh, sdev, one, patience(cmd));
}

static int fail_fast(struct storvsc_host *sh)
{
	storvsc_err_gone(sh);
	synchronize_rcu();
	return FAST_IO_FAIL;
}

/* The host template's eh_device_reset_handler. */
int storvsc_err_reset_lun(struct scsi_cmnd *cmd)
{
	struct storvsc_host *sh = shost_priv(cmd->device->host);
	struct scsi_device *sdev = cmd->device;
	int ret = FAILED;

	if (storvsc_host_rescinded(sh))
		return fail_fast(sh);

	mutex_lock(&sh->lock);
	if (READ_ONCE(sh->state) == STORVSC_READY &&
	    ((storvsc_io_outstanding(sh, sdev) && look_helps(sh, cmd, NULL)) ||
	     reset_helps(sh, STOR_OP_RESET_LUN, cmd, sdev, NULL)))
		ret = SUCCESS;
	mutex_unlock(&sh->lock);
	return storvsc_host_rescinded(sh) ? fail_fast(sh) : ret;
}

/* The host doesn't answer, or takes no message; or there is no memory for rings. */
bool storvsc_err_may_pass(int err)
{
	return err == -ETIMEDOUT || err == -EBUSY || err == -ENOMEM;
}

/* Again and again while that may help; a refusal is taken for an answer. */
static int reopen(struct storvsc_host *sh)
{
	unsigned int limit = READ_ONCE(storvsc_silence_limit);
	unsigned int pause = RECONNECT_PAUSE_MS;
	unsigned long timeout = RECONNECT_TIMEOUT;
	int err, tries = 0;

	if (limit)
		timeout = min_t(unsigned long, timeout, limit * HZ);
	for (;;) {
		err = storvsc_proto_connect(sh, timeout);
		if (!err || storvsc_host_rescinded(sh) ||
		    READ_ONCE(sh->state) == STORVSC_GONE)
			return err;
		if (!storvsc_err_may_pass(err) || storvsc_silence_past_limit(sh))
			tries++;
		if (tries == RECONNECT_TRIES)
			return err;
		msleep(pause);
		/* The others have taken their time. */
		if (err == -ENOMEM)
			pause = min(2 * pause, RECONNECT_PAUSE_MAX_MS);
	}
}

/**
 * storvsc_err_reopen() - open the channel anew, however long that takes
 * @sh: the adapter; sh->lock held, state CLOSED
 *
 * Ends when the host has agreed, has refused several times, is silent beyond
 * storvsc_silence_limit, or gone. May sleep, and allocates.
 *
 * Return: SUCCESS, or FAILED and state DEAD.
 */
int storvsc_err_reopen(struct storvsc_host *sh)
{
	unsigned int noio;
	int err;

	lockdep_assert_held(&sh->lock);
	/* Memory may be what this disk is to free: it can't, until we are done. */
	noio = memalloc_noio_save();
	err = reopen(sh);
	memalloc_noio_restore(noio);
	if (err) {
		storvsc_chan_set_state(sh, STORVSC_DEAD);
		shost_printk(KERN_ERR, sh->shost,
			     "channel can't be reopened (%d): devices go offline\n",
			     err);
		return FAILED;
	}
	storvsc_silence_renew(sh);
	storvsc_proto_subchannels(sh, RECONNECT_TIMEOUT);
	shost_printk(KERN_NOTICE, sh->shost, "channel reopened\n");
	return SUCCESS;
}

/* All requests end; the error handler, which begins then, opens it anew. */
static void close_lost(struct storvsc_host *sh)
{
	atomic_inc(&sh->reconnects);
	shost_printk(KERN_WARNING, sh->shost,
		     "requests are lost, reopening the channel\n");
	storvsc_chan_close_all(sh);
	storvsc_io_fail(sh, NULL, DID_RESET);
}

/*
 * The host template's eh_abort_handler: of one that was given up, in a work of the
 * SCSI layer's, for one after the other.
 */
int storvsc_err_abort(struct scsi_cmnd *cmd)
{
	struct storvsc_host *sh = shost_priv(cmd->device->host);
	int ret = FAILED;

	/* The error handler's own: it takes all means one by one. */
	if (cmd->submitter == SUBMITTED_BY_SCSI_ERROR_HANDLER ||
	    scsi_cmd_to_rq(cmd)->tag >= sh->nr_slots)
		return FAILED;
	if (storvsc_host_rescinded(sh))
		return fail_fast(sh);

	mutex_lock(&sh->lock);
	if (READ_ONCE(sh->state) == STORVSC_READY) {
		if (look_helps(sh, cmd, cmd) ||
		    reset_helps(sh, STOR_OP_RESET_LUN, cmd, NULL, cmd) ||
		    reset_helps(sh, STOR_OP_RESET_BUS, cmd, NULL, cmd))
			ret = SUCCESS;
		else
			close_lost(sh);
	}
	mutex_unlock(&sh->lock);
	return storvsc_host_rescinded(sh) ? fail_fast(sh) : ret;
}

/* The host template's eh_host_reset_handler. */
int storvsc_err_reset_host(struct scsi_cmnd *cmd)
{
	struct storvsc_host *sh = shost_priv(cmd->device->host);
	int ret;

	if (storvsc_host_rescinded(sh))
		return fail_fast(sh);

	mutex_lock(&sh->lock);
	if (READ_ONCE(sh->state) == STORVSC_GONE) {
		ret = FAST_IO_FAIL;
	} else if (READ_ONCE(sh->state) == STORVSC_READY &&
		   reset_helps(sh, STOR_OP_RESET_BUS, cmd, NULL, NULL)) {
		ret = SUCCESS;
	} else {
		/* Unless that was done when a request was to be aborted. */
		if (READ_ONCE(sh->state) != STORVSC_CLOSED)
			close_lost(sh);
		ret = storvsc_err_reopen(sh);
	}
	mutex_unlock(&sh->lock);
	return storvsc_host_rescinded(sh) ? fail_fast(sh) : ret;
}
