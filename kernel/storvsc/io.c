// SPDX-License-Identifier: GPL-2.0
/*
 * Requests: from the block layer into a ring, and the answers back.
 *
 * The ring copies the packet, so the page list lives only as long as the
 * call: it is built in a buffer of the processor, and nothing is allocated
 * on this path.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/bottom_half.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "storvsc_var.h"

#define QUEUE_TAG_NONE		0xFF
#define QUEUE_ACTION_SIMPLE	0x20

int storvsc_io_alloc(struct storvsc_host *sh)
{
	u32 bytes;
	int err;

	sh->max_pages = (storvsc_proto_max_transfer(sh) >> HV_HYP_PAGE_SHIFT) +
			1;
	bytes = struct_size_t(struct vmbus_packet_mpb_array, range.pfn_array,
			      sh->max_pages);
	sh->scratch = __alloc_percpu(bytes, sizeof(u64));
	sh->slots = kvcalloc(sh->shost->can_queue, sizeof(*sh->slots),
			     GFP_KERNEL);
	if (!sh->scratch || !sh->slots)
		return -ENOMEM;
	sh->nr_slots = sh->shost->can_queue;
	err = storvsc_silence_alloc(sh);
	return err ?: storvsc_hold_alloc(sh);
}

void storvsc_io_free(struct storvsc_host *sh)
{
	kfree(sh->bursts);
	kvfree(sh->slots);
	free_percpu(sh->scratch);
}

/*
 * Describe the data as the one range the host wants: an offset into the
 * first page, and the numbers of all pages. The queue's virt_boundary keeps
 * holes out of the middle; one there is a mistake of ours.
 */
static int describe(struct storvsc_host *sh, struct scsi_cmnd *cmd, int nents,
		    struct vmbus_packet_mpb_array *desc)
{
	struct hv_mpb_array *range = &desc->range;
	u32 len = scsi_bufflen(cmd), n = 0, pages;
	struct scatterlist *sg;
	u64 addr, pfn, end;
	int i;

	addr = sg_dma_address(scsi_sglist(cmd));
	range->len = len;
	range->offset = offset_in_hvpage(addr);
	pages = HVPFN_UP(range->offset + len);
	if (pages > sh->max_pages)
		return -EINVAL;

	for_each_sg(scsi_sglist(cmd), sg, nents, i) {
		addr = sg_dma_address(sg);
		end = addr + sg_dma_len(sg);
		if ((i && offset_in_hvpage(addr)) ||
		    (i < nents - 1 && offset_in_hvpage(end)))
			return -EINVAL;
		for (pfn = HVPFN_DOWN(addr); pfn < HVPFN_UP(end); pfn++) {
			if (n == pages)
				return -EINVAL;
			range->pfn_array[n++] = pfn;
		}
	}
	if (n != pages)
		return -EINVAL;
	desc->rangecount = 1;
	return sizeof(*desc) + n * sizeof(u64);
}

static int build_srb(struct storvsc_host *sh, struct scsi_cmnd *cmd,
		     struct stor_pkt *pkt)
{
	struct scsi_device *sdev = cmd->device;
	struct stor_srb *srb = &pkt->u.srb;

	memset(pkt, 0, sizeof(*pkt));
	pkt->op = STOR_OP_EXECUTE_SRB;
	pkt->flags = STOR_FLAG_COMPLETION;
	srb->length = sizeof(*srb);
	srb->port = sh->shost->host_no;
	srb->path = sdev->channel;
	srb->target = sdev->id;
	srb->lun = sdev->lun;
	srb->cdb_length = cmd->cmd_len;
	srb->sense_length = STOR_SENSE_MAX;
	srb->transfer_length = scsi_bufflen(cmd);
	srb->timeout = STORVSC_SRB_TIMEOUT;
	srb->flags = STOR_SRB_FLAG_NO_SYNC_TRANSFER;
	if (sdev->tagged_supported) {
		srb->queue_tag = QUEUE_TAG_NONE;
		srb->queue_action = QUEUE_ACTION_SIMPLE;
		srb->flags |= STOR_SRB_FLAG_QUEUE_ACTION |
			      STOR_SRB_FLAG_NO_QUEUE_FREEZE;
	}
	switch (cmd->sc_data_direction) {
	case DMA_TO_DEVICE:
		srb->data_in = STOR_DATA_OUT;
		srb->flags |= STOR_SRB_FLAG_DATA_OUT;
		break;
	case DMA_FROM_DEVICE:
		srb->data_in = STOR_DATA_IN;
		srb->flags |= STOR_SRB_FLAG_DATA_IN;
		break;
	case DMA_NONE:
		srb->data_in = STOR_DATA_NONE;
		break;
	default:
		return -EINVAL;
	}
	if (cmd->cmd_len > sizeof(srb->u.cdb))
		return -EINVAL;
	memcpy(srb->u.cdb, cmd->cmnd, cmd->cmd_len);
	return 0;
}

/* For the slot's next request, or the next try to send it. */
u64 storvsc_io_new_id(struct storvsc_slot *slot, u32 tag)
{
	slot->generation++;
	return ((u64)slot->generation << STORVSC_ID_TAG_BITS | tag) + 1;
}

/*
 * Take the request @id out of its slot. The one who succeeds owns the command
 * and whatever else the slot says about it.
 */
static bool claim(struct storvsc_slot *slot, u64 id)
{
	struct storvsc_chan *chan = slot->chan;
	struct storvsc_lun *lun = slot->lun;

	if (atomic64_cmpxchg(&slot->id, id, 0) != id)
		return false;
	if (!(id & STORVSC_ID_HELD))
		atomic_dec(&lun->load[chan - chan->sh->chans].sent);
	return true;
}

/*
 * Publish the slot, then write the packet. When the write fails the request
 * is ours again, unless somebody (a rescind, or a host that answers what it
 * was never sent) has finished it meanwhile: then it counts as sent.
 *
 * -EIO is a ring that the host has broken, which only a new one can mend. So
 * the request counts as sent there, too, and as timed out at once: the error
 * handler, finding no other way, opens the channel anew.
 */
static int post(struct storvsc_chan *chan, struct storvsc_slot *slot, u32 tag,
		struct stor_pkt *pkt, struct vmbus_packet_mpb_array *desc,
		u32 desc_len)
{
	u64 id = storvsc_io_new_id(slot, tag);
	int err;

	slot->chan = chan;
	WRITE_ONCE(slot->sent_at, jiffies);
	atomic_inc(&slot->lun->load[chan - chan->sh->chans].sent);
	atomic64_set_release(&slot->id, id);
	if (desc_len)
		err = vmbus_sendpacket_mpb_desc(chan->ch, desc, desc_len, pkt,
						sizeof(*pkt), id);
	else
		err = vmbus_sendpacket(chan->ch, pkt, sizeof(*pkt), id,
				       VM_PKT_DATA_INBAND,
				       VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED);
	if (err == -EIO) {
		WRITE_ONCE(slot->given_up, id);
		blk_abort_request(scsi_cmd_to_rq(slot->cmd));
		return 0;
	}
	if (err && !claim(slot, id))
		err = 0;
	if (err == -ENODEV && chan != chan->sh->chans)
		storvsc_chan_lose(chan);
	return err;
}

static bool roomy(const struct storvsc_chan *chan)
{
	return hv_get_avail_to_write_percent(&chan->ch->outbound) >
	       storvsc_ring_lowater;
}

/* Try this processor's channel, unless it is nearly full and others aren't. */
static int post_any(struct storvsc_host *sh, struct storvsc_slot *slot, u32 tag,
		    struct stor_pkt *pkt, struct vmbus_packet_mpb_array *desc,
		    u32 desc_len)
{
	struct storvsc_chan *own, *chan;
	u32 i;
	int err;

	own = READ_ONCE(sh->cpu_chan[raw_smp_processor_id()]);
	if (!own)
		return -EAGAIN;
	if (READ_ONCE(sh->nr_open) == 1 || roomy(own)) {
		err = post(own, slot, tag, pkt, desc, desc_len);
		if (err != -EAGAIN)
			return err;
	}
	for (i = 0; i < sh->nr_chans; i++) {
		chan = &sh->chans[i];
		if (chan == own || !READ_ONCE(chan->ready) ||
		    READ_ONCE(chan->lost) || !roomy(chan))
			continue;
		err = post(chan, slot, tag, pkt, desc, desc_len);
		if (err != -EAGAIN)
			return err;
	}
	return post(own, slot, tag, pkt, desc, desc_len);
}

static int finish(struct scsi_cmnd *cmd, int host_byte)
{
	cmd->result = host_byte << 16;
	scsi_done(cmd);
	return 0;
}

/* 0, or -errno and the request is still the caller's. */
static int send(struct storvsc_host *sh, struct storvsc_slot *slot, u32 tag)
{
	struct vmbus_packet_mpb_array *desc;
	struct stor_pkt pkt;
	int err, desc_len = 0;

	err = build_srb(sh, slot->cmd, &pkt);
	if (err)
		return err;

	/* The buffer is shared with whatever this processor interrupts. */
	local_bh_disable();
	desc = this_cpu_ptr(sh->scratch);
	if (slot->nents)
		desc_len = describe(sh, slot->cmd, slot->nents, desc);
	if (desc_len < 0)
		err = desc_len;
	else
		err = post_any(sh, slot, tag, &pkt, desc, desc_len);
	local_bh_enable();
	return err;
}

static int submit(struct storvsc_host *sh, struct scsi_cmnd *cmd, u32 hwq)
{
	u32 tag = scsi_cmd_to_rq(cmd)->tag;
	bool last = cmd->flags & SCMD_LAST;
	struct storvsc_slot *slot;
	int nents, err;

	if (tag >= sh->nr_slots || atomic64_read(&sh->slots[tag].id))
		return finish(cmd, DID_ERROR);
	slot = &sh->slots[tag];

	nents = scsi_dma_map(cmd);
	if (nents < 0)
		return SCSI_MLQUEUE_DEVICE_BUSY;
	slot->cmd = cmd;
	slot->sdev = cmd->device;
	slot->lun = cmd->device->hostdata;
	slot->nents = nents;

	if (storvsc_hold_add(sh, hwq, slot, tag, last))
		return 0;
	err = send(sh, slot, tag);
	if (!err)
		return 0;

	if (nents)
		scsi_dma_unmap(cmd);
	if (err == -EAGAIN || (err == -ENODEV && !storvsc_host_rescinded(sh)))
		return SCSI_MLQUEUE_HOST_BUSY;
	return finish(cmd, err == -ENODEV ? DID_NO_CONNECT : DID_ERROR);
}

/*
 * Send a request that was held, unless a rescind or reset has finished it.
 * What can't be sent now goes back to the block layer.
 */
void storvsc_io_send_held(struct storvsc_host *sh, u32 tag)
{
	struct storvsc_slot *slot = &sh->slots[tag];
	u64 id = atomic64_read_acquire(&slot->id);
	struct scsi_cmnd *cmd;
	int err, code;

	if (!(id & STORVSC_ID_HELD) || !claim(slot, id))
		return;
	cmd = slot->cmd;
	err = send(sh, slot, tag);
	if (!err)
		return;

	if (slot->nents)
		scsi_dma_unmap(cmd);
	if (err == -EAGAIN || (err == -ENODEV && !storvsc_host_rescinded(sh)))
		code = DID_REQUEUE;
	else
		code = err == -ENODEV ? DID_NO_CONNECT : DID_ERROR;
	storvsc_silence_forgive(sh, cmd);
	finish(cmd, code);
}

/* The host template's queuecommand. */
int storvsc_io_queue(struct Scsi_Host *shost, struct scsi_cmnd *cmd)
{
	struct storvsc_host *sh = shost_priv(shost);
	bool last = cmd->flags & SCMD_LAST;
	u32 hwq = storvsc_hold_queue(cmd);
	int ret;

	/* smartd sends SET WINDOW; hosts of that age answer neither. */
	if (sh->version <= STOR_VERSION_5_1 &&
	    (cmd->cmnd[0] == WRITE_SAME || cmd->cmnd[0] == SET_WINDOW)) {
		scsi_build_sense(cmd, 0, ILLEGAL_REQUEST, 0x20, 0);
		scsi_done(cmd);
		ret = 0;
		goto out;
	}

	rcu_read_lock();
	switch (READ_ONCE(sh->state)) {
	case STORVSC_READY:
		ret = submit(sh, cmd, hwq);
		break;
	case STORVSC_CLOSED:
		ret = SCSI_MLQUEUE_HOST_BUSY;
		break;
	default:
		ret = finish(cmd, DID_NO_CONNECT);
		break;
	}
	rcu_read_unlock();
out:
	/* The command may be gone; the burst it ended isn't. */
	if (last)
		storvsc_hold_commit(shost, hwq);
	return ret;
}

/*
 * An answer to a request, from the channel's callback. @pkt is a private
 * copy.
 */
void storvsc_io_complete(struct storvsc_chan *chan, u64 id,
			 const struct stor_pkt *pkt)
{
	struct storvsc_host *sh = chan->sh;
	u32 tag = (id - 1) & (BIT(STORVSC_ID_TAG_BITS) - 1);
	struct storvsc_slot *slot;
	struct scsi_cmnd *cmd;

	if (pkt->op != STOR_OP_COMPLETE_IO || tag >= sh->nr_slots)
		goto bad;
	slot = &sh->slots[tag];
	if (id & STORVSC_ID_HELD || atomic64_read_acquire(&slot->id) != id ||
	    slot->chan != chan || !claim(slot, id))
		goto bad;

	cmd = slot->cmd;
	/* Other commands, hosts answer without their storage. */
	if (!blk_rq_is_passthrough(scsi_cmd_to_rq(cmd)))
		storvsc_heard(chan);
	if (slot->nents)
		scsi_dma_unmap(cmd);
	storvsc_err_map(sh, cmd, &pkt->u.srb);
	scsi_done(cmd);
	return;
bad:
	atomic_inc(&sh->bad_completions);
	storvsc_note(sh, STORVSC_LOG_ERROR,
		     "answer to no request: op %u, id %#llx\n", pkt->op, id);
}

/* Whether a request of @sdev, or of any device for NULL, is with the host. */
bool storvsc_io_outstanding(struct storvsc_host *sh,
			    const struct scsi_device *sdev)
{
	u32 i;

	for (i = 0; i < sh->nr_slots; i++)
		if (atomic64_read(&sh->slots[i].id) &&
		    (!sdev || sh->slots[i].sdev == sdev))
			return true;
	return false;
}

/* Whether a request with data is with the host. The channels are closed. */
bool storvsc_io_any_data(struct storvsc_host *sh)
{
	struct storvsc_slot *slot;
	u32 i;
	u64 id;

	for (i = 0; i < sh->nr_slots; i++) {
		slot = &sh->slots[i];
		id = atomic64_read_acquire(&slot->id);
		if (id && !(id & STORVSC_ID_HELD) && slot->nents)
			return true;
	}
	return false;
}

/**
 * storvsc_io_fail() - finish requests that will get no answer
 * @sh: the adapter
 * @chan: those of this channel only, or NULL for all
 * @host_byte: the DID_ code they end with
 *
 * The host must have let go of their memory. A command which the error handler
 * has already taken keeps its result.
 */
void storvsc_io_fail(struct storvsc_host *sh, const struct storvsc_chan *chan,
		     int host_byte)
{
	struct storvsc_slot *slot;
	struct scsi_cmnd *cmd;
	u32 i;
	u64 id;

	for (i = 0; i < sh->nr_slots; i++) {
		slot = &sh->slots[i];
		id = atomic64_read_acquire(&slot->id);
		if (!id || (chan && slot->chan != chan) || !claim(slot, id))
			continue;
		cmd = slot->cmd;
		if (slot->nents)
			scsi_dma_unmap(cmd);
		if (!test_bit(SCMD_STATE_COMPLETE, &cmd->state))
			cmd->result = host_byte << 16;
		storvsc_silence_forgive(sh, cmd);
		scsi_done(cmd);
	}
}
