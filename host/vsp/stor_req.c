// SPDX-License-Identifier: GPL-2.0
/*
 * One SCSI request, from its packet to its completion.
 *
 * The data stays where it is: the ranges of the packet become iovecs of guest
 * memory, which the disk reads or writes itself.  Everything else of the
 * request is in a private copy.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "storvsp_var.h"

/* Pieces of one repeated write at a time. */
#define REPEAT_IOV 256u

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ---- memory ---- */

static struct stor_req *req_get(struct stor_chan *c)
{
	struct stor_req *req = SLIST_FIRST(&c->spare);

	if (req)
		SLIST_REMOVE_HEAD(&c->spare, spare);
	else
		req = malloc(sizeof(*req));
	if (!req)
		return NULL;
	req->chan = c;
	req->slot = NULL;
	req->iov = req->iov_inline;
	req->work = NULL;
	req->verify = NULL;
	req->cmd.steps = req->cmd.own;
	return req;
}

void stor_req_release(struct stor_req *req)
{
	if (req->slot)
		stor_slot_put(req->slot);
	if (req->iov != req->iov_inline)
		free(req->iov);
	free(req->work);
	stor_verify_free(req);
	scsi_cmd_free(&req->cmd);
	SLIST_INSERT_HEAD(&req->chan->spare, req, spare);
}

void stor_req_free_spare(struct stor_chan *c)
{
	struct stor_req *req;

	while ((req = SLIST_FIRST(&c->spare))) {
		SLIST_REMOVE_HEAD(&c->spare, spare);
		free(req);
	}
}

/* ---- answers ---- */

static void req_answer(struct stor_req *req, uint32_t nt_status,
		       uint8_t srb_status)
{
	struct stor_pkt *pkt = &req->pkt;
	struct stor_srb *srb = &pkt->u.srb;
	struct scsi_cmd *cmd = &req->cmd;
	uint8_t room = srb->sense_length;

	pkt->op = STOR_OP_COMPLETE_IO;
	pkt->flags = 0;
	pkt->status = nt_status;
	srb->length = sizeof(*srb);
	srb->srb_status = srb_status;
	srb->scsi_status = cmd->status;
	srb->transfer_length = cmd->transferred;
	srb->sense_length = 0;
	memset(&srb->u, 0, sizeof(srb->u));
	if (cmd->key && cmd->status == SCSI_CHECK_CONDITION && room) {
		uint8_t len = scsi_sense_build(cmd->key, cmd->asc, cmd->ascq,
					       srb->u.sense);

		srb->sense_length = len < room ? len : room;
		srb->srb_status |= STOR_SRB_AUTOSENSE;
	}
	/* The answer may have to wait for room in the ring. */
	stor_verify_free(req);
	stor_chan_answer(req->chan, req);
}

static void req_complete(struct stor_req *req)
{
	struct scsi_cmd *cmd = &req->cmd;

	if (cmd->status == SCSI_GOOD)
		req_answer(req, STOR_NT_SUCCESS, STOR_SRB_SUCCESS);
	else if (cmd->status == SCSI_BUSY)
		req_answer(req, STOR_NT_DEVICE_BUSY, STOR_SRB_BUSY);
	else if (cmd->bad_buffer)
		req_answer(req, STOR_NT_INVALID_DEVICE_REQUEST,
			   STOR_SRB_INVALID_REQUEST);
	else
		req_answer(req, STOR_NT_IO_DEVICE_ERROR, STOR_SRB_ERROR);
}

/* The request itself makes no sense, whatever its CDB says. */
static void req_refuse(struct stor_req *req, const char *why)
{
	struct stor_chan *c = req->chan;

	log_guest(&c->s->limit, c->name, "request refused: %s", why);
	req->cmd.status = SCSI_CHECK_CONDITION;
	req->cmd.key = 5; /* ILLEGAL REQUEST, INVALID FIELD IN CDB */
	req->cmd.asc = 0x24;
	req->cmd.ascq = 0;
	req->cmd.transferred = 0;
	req_answer(req, STOR_NT_INVALID_DEVICE_REQUEST,
		   STOR_SRB_INVALID_REQUEST);
}

/* No sense: this status has the child drop the LUN. */
static void req_no_lun(struct stor_req *req)
{
	req->cmd.status = SCSI_CHECK_CONDITION;
	req->cmd.key = 0;
	req->cmd.transferred = 0;
	req_answer(req, STOR_NT_NO_SUCH_DEVICE, STOR_SRB_INVALID_LUN);
}

/* ---- the disk ---- */

static void req_step(struct stor_req *req);

static void step_failed(struct stor_req *req, const struct scsi_step *step,
			int err)
{
	static const char *const names[] = {
		[DISK_READ] = "read",	      [DISK_WRITE] = "write",
		[DISK_FLUSH] = "flush",	      [DISK_DISCARD] = "discard",
		[DISK_WRITE_ZEROES] = "zero",
	};
	struct stor_chan *c = req->chan;

	count(&req->slot->errors, 1);
	if (err != -ECANCELED)
		log_guest(&c->s->limit, c->name,
			  "lun %u: %s: %s of %" PRIu64 " bytes at %" PRIu64
			  ": %s",
			  req->slot->number, req->slot->disk->path,
			  names[step->op], step->len, step->offset,
			  strerror(-err));
	scsi_disk_done(&req->cmd, step, err);
}

static void step_count(struct stor_slot *slot, const struct scsi_step *step)
{
	switch (step->op) {
	case DISK_READ:
		count(&slot->reads, 1);
		count(&slot->bytes_read, step->len);
		break;
	case DISK_WRITE:
	case DISK_WRITE_ZEROES:
		count(&slot->writes, 1);
		count(&slot->bytes_written, step->len);
		break;
	case DISK_FLUSH:
		count(&slot->flushes, 1);
		break;
	case DISK_DISCARD:
		count(&slot->discards, 1);
		break;
	}
}

static void step_done(struct disk_req *disk, int err)
{
	struct stor_req *req =
		(struct stor_req *)((char *)disk -
				    offsetof(struct stor_req, disk));
	const struct scsi_step *step = &req->cmd.steps[req->step];

	if (disk->copied)
		count(&req->slot->bytes_copied, disk->copied);
	if (err) {
		step_failed(req, step, err);
		req_complete(req);
		return;
	}
	if (step->compare) {
		count(&req->slot->bytes_copied, disk->len);
		if (!stor_verify_same(req)) {
			scsi_miscompare(&req->cmd);
			req_complete(req);
			return;
		}
	}
	req->step_done += disk->len;
	if ((step->repeat || step->verify) && req->step_done < step->len) {
		req_step(req);
		return;
	}
	step_count(req->slot, step);
	req->step_done = 0;
	if (++req->step < req->cmd.nsteps)
		req_step(req);
	else
		req_complete(req);
}

/*
 * The same block again and again, from where it lies in guest memory: as many
 * times as REPEAT_IOV pieces hold.  Returns the bytes, or 0 without memory.
 */
static uint64_t repeat_iov(struct stor_req *req, const struct scsi_step *step)
{
	uint32_t bs = req->slot->disk->info.block_size;
	unsigned int n = req->cmd.niov, times, i, k, used = 0;
	struct iovec block[STOR_INLINE_IOV];
	uint64_t left = (step->len - req->step_done) / bs;
	uint32_t bytes = 0;

	/* One block of at most a page touches two pages, if not odd ones. */
	for (i = 0; i < n && bytes < bs && used < STOR_INLINE_IOV; i++) {
		block[used] = req->iov[i];
		if (block[used].iov_len > bs - bytes)
			block[used].iov_len = bs - bytes;
		bytes += block[used++].iov_len;
	}
	if (!req->work)
		req->work = malloc(REPEAT_IOV * sizeof(*req->work));
	if (!req->work || bytes < bs)
		return 0;
	times = REPEAT_IOV / used < left ? REPEAT_IOV / used : left;
	for (i = 0; i < times; i++)
		for (k = 0; k < used; k++)
			req->work[i * used + k] = block[k];
	req->disk.iov = req->work;
	req->disk.niov = times * used;
	return (uint64_t)times * bs;
}

/* A buffer may be larger than the transfer: the rest is none of ours. */
static unsigned int iov_cut(struct iovec *iov, unsigned int n, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < n && len; i++) {
		if (iov[i].iov_len > len)
			iov[i].iov_len = len;
		len -= iov[i].iov_len;
	}
	return i;
}

static void req_step(struct stor_req *req)
{
	const struct scsi_step *step = &req->cmd.steps[req->step];
	struct disk_req *disk = &req->disk;

	*disk = (struct disk_req){
		.op = step->op,
		.fua = step->fua,
		.offset = step->offset + req->step_done,
		.len = step->len,
		.iov = req->iov,
		.niov = req->cmd.niov,
		.done = step_done,
	};
	if (step->verify)
		disk->len = stor_verify_piece(req, step);
	else if (step->repeat)
		disk->len = repeat_iov(req, step);
	else
		disk->niov = iov_cut(req->iov, req->cmd.niov, step->len);
	if ((step->verify || step->repeat) && !disk->len) {
		scsi_disk_done(&req->cmd, step, -ENOMEM);
		req_complete(req);
		return;
	}
	disk_submit(req->slot->disk, req->chan->worker, disk);
}

/* ---- taking on ---- */

static int req_buffer_keep(struct stor_req *req, unsigned int n)
{
	if (n > STOR_INLINE_IOV) {
		req->iov = malloc(n * sizeof(*req->iov));
		if (!req->iov) {
			req->iov = req->iov_inline;
			return -ENOMEM;
		}
	}
	memcpy(req->iov, req->chan->scratch, n * sizeof(*req->iov));
	req->cmd.iov = req->iov;
	req->cmd.niov = n;
	return 0;
}

/* NULL, or why the request is refused.  *fatal: the packet itself is broken. */
static const char *req_buffer(struct stor_req *req,
			      const struct vmbus_packet *pkt, int *fatal)
{
	struct stor_chan *c = req->chan;
	uint32_t want = req->pkt.u.srb.transfer_length, len = 0;
	struct vmbus_gpa_iter it;
	int n;

	req->cmd.iov = req->iov;
	req->cmd.niov = 0;
	req->cmd.len = 0;
	if (pkt->type != RING_PKT_GPA_DIRECT)
		return want && req->pkt.u.srb.data_in != STOR_DATA_NONE ?
			       "no buffer" :
			       NULL;
	n = vmbus_gpa_first(pkt, &it);
	if (n < 0) {
		*fatal = n;
		return NULL;
	}
	if (n != 1)
		return "more than one range";
	n = vmbus_gpa_next(vmbus_chan_mem(c->ch), &it, c->scratch,
			   c->scratch_len, &len);
	if (n == -EFAULT)
		return "buffer outside of memory";
	if (n < 0)
		return "buffer too large";
	if (want > len)
		return "transfer longer than the buffer";
	req->cmd.len = want;
	return req_buffer_keep(req, iov_cut(c->scratch, n, want)) ?
		       "out of memory" :
		       NULL;
}

static const char *srb_check(const struct stor_srb *srb)
{
	if (!srb->cdb_length || srb->cdb_length > STOR_CDB_MAX)
		return "CDB length";
	if (srb->data_in > STOR_DATA_NONE)
		return "data direction";
	return NULL;
}

static void req_run(struct stor_req *req)
{
	static const enum scsi_direction directions[] = {
		[STOR_DATA_OUT] = SCSI_DATA_OUT,
		[STOR_DATA_IN] = SCSI_DATA_IN,
		[STOR_DATA_NONE] = SCSI_DATA_NONE,
	};
	struct storvsp *s = req->chan->s;
	const struct stor_srb *srb = &req->pkt.u.srb;
	bool ours = !srb->path && !srb->target;
	struct stor_slot *slot;
	enum scsi_result result;

	if (ours && srb->lun < STORVSP_LUNS) {
		slot = &s->slot[srb->lun];
		if (stor_look_use(slot, srb->u.cdb))
			req->slot = slot;
	}
	if (ours && srb->u.cdb[0] == SCSI_REPORT_LUNS)
		stor_look_list(s);
	req->cmd.cdb = srb->u.cdb;
	req->cmd.cdb_len = srb->cdb_length;
	req->cmd.direction = directions[srb->data_in];
	req->step = 0;
	req->step_done = 0;
	result = scsi_execute(req->slot ? &req->slot->scsi : NULL,
			      ours ? stor_luns(s) : 0, &req->cmd);
	if (req->slot && req->cmd.copied)
		count(&req->slot->bytes_copied, req->cmd.copied);
	if (result == SCSI_DISK)
		req_step(req);
	else if (result == SCSI_NO_LUN)
		req_no_lun(req);
	else
		req_complete(req);
}

/* Takes a request up; it counts as under way until it is answered. */
static struct stor_req *req_take(struct stor_chan *c,
				 const struct vmbus_packet *pkt)
{
	struct stor_req *req = req_get(c);

	if (!req)
		return NULL;
	req->transaction = pkt->transaction;
	req->answer = pkt->flags & RING_PKT_FLAG_COMPLETION;
	c->in_flight++;
	return req;
}

struct stor_req *stor_req_control(struct stor_chan *c,
				  const struct vmbus_packet *pkt,
				  const struct stor_pkt *answer)
{
	struct stor_req *req = req_take(c, pkt);

	if (req)
		req->pkt = *answer;
	return req;
}

int stor_req_start(struct stor_chan *c, const struct vmbus_packet *pkt)
{
	struct stor_req *req = req_take(c, pkt);
	const char *why;
	int fatal = 0;

	if (!req)
		return -ENOMEM;
	memcpy(&req->pkt, pkt->data, sizeof(req->pkt));
	why = srb_check(&req->pkt.u.srb);
	if (!why)
		why = req_buffer(req, pkt, &fatal);
	if (fatal) {
		c->in_flight--;
		stor_req_release(req);
	} else if (why) {
		req_refuse(req, why);
	} else {
		req_run(req);
	}
	return fatal;
}
