// SPDX-License-Identifier: GPL-2.0
/*
 * A silent host is not a lost request.
 *
 * Hosts stop answering for minutes when their storage fails over or they move
 * the guest elsewhere, and answer all that was sent afterwards. Resets and new
 * channels mend nothing then; they end in errors for file systems. What a host
 * that works has lost, on the other hand, only error handling gets back.
 *
 * So when a request's time is over the host is asked for something else: one
 * block of the same disk, from a place that no cache is likely to hold, as
 * INQUIRY and the like are answered without the storage. A read or write of
 * somebody else that is answered meanwhile tells as much.
 *
 * If an answer comes soon, the host works. Requests that are overdue have an
 * eighth of their time-out more, as the host may be catching up after a silence
 * that nobody has seen; then they are given up, which is to say that error
 * handling gets them (err.c).
 *
 * If none comes, the host is silent and everything waits: without a bound
 * unless storvsc_silence_limit sets one, since whatever else could be done
 * would lose data. A line a minute tells. When the host is heard again all
 * time-outs begin anew.
 */
#include <linux/blkdev.h>
#include <linux/blk-mq.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "storvsc_var.h"

#define PROBE_PERIOD		(15 * HZ)
#define SAY_PERIOD		(60 * HZ)
#define POLL_MS			100

/* Each of the steps that follow a time-out: two time-outs must do for all. */
unsigned long storvsc_silence_share(unsigned long timeout, unsigned long most)
{
	return clamp_t(unsigned long, timeout / 8, HZ / 4, most);
}

/* Whether reads or writes were answered later than that. */
static bool data_since(struct storvsc_host *sh, unsigned long since)
{
	u32 i;

	for (i = 0; i < sh->nr_chans; i++)
		if (time_after(READ_ONCE(sh->chans[i].heard), since))
			return true;
	return false;
}

/* Whether anything was that only a host which works answers. */
static bool heard_since(struct storvsc_host *sh, unsigned long since)
{
	return time_after(READ_ONCE(sh->ask.alive), since) ||
	       data_since(sh, since);
}

static unsigned long last_heard(struct storvsc_host *sh)
{
	unsigned long last = READ_ONCE(sh->ask.alive), heard;
	u32 i;

	for (i = 0; i < sh->nr_chans; i++) {
		heard = READ_ONCE(sh->chans[i].heard);
		if (time_after(heard, last))
			last = heard;
	}
	return last;
}

static bool past_limit(unsigned long quiet)
{
	unsigned long limit = READ_ONCE(storvsc_silence_limit) * HZ;

	return limit && time_after_eq(jiffies, quiet + limit);
}

/* Whether the host has been silent for longer than it may. */
bool storvsc_silence_past_limit(struct storvsc_host *sh)
{
	return past_limit(last_heard(sh));
}

static bool index_broken(const struct hv_ring_buffer_info *ring, u32 index)
{
	return index >= ring->ring_datasize || index % sizeof(u64);
}

/* What the host wrote there keeps us from asking, or from reading answers. */
static bool ring_broken(struct storvsc_host *sh)
{
	const struct hv_ring_buffer_info *in, *out;
	bool broken = false;
	u32 i;

	spin_lock_bh(&sh->chan_lock);
	for (i = 0; i < sh->nr_chans; i++) {
		if (!sh->chans[i].ready || sh->chans[i].lost)
			continue;
		in = &sh->chans[i].ch->inbound;
		out = &sh->chans[i].ch->outbound;
		broken |= index_broken(in, READ_ONCE(in->ring_buffer->write_index)) ||
			  index_broken(out, READ_ONCE(out->ring_buffer->read_index));
	}
	spin_unlock_bh(&sh->chan_lock);
	return broken;
}

/* ---- asking ---- */

static void set_target(struct storvsc_host *sh, struct scsi_cmnd *cmd)
{
	struct request *rq = scsi_cmd_to_rq(cmd);
	struct scsi_device *sdev = cmd->device;
	struct storvsc_ask *ask = &sh->ask;
	u64 blocks;

	lockdep_assert_held(&ask->lock);
	ask->path = sdev->channel;
	ask->target = sdev->id;
	ask->lun = sdev->lun;
	ask->blocks = 0;
	/* Only who uses the disk keeps it from going. */
	if (blk_rq_is_passthrough(rq) || !rq->q->disk ||
	    sdev->sector_size < SECTOR_SIZE ||
	    sdev->sector_size > HV_HYP_PAGE_SIZE)
		return;
	ask->block_size = sdev->sector_size;
	blocks = get_capacity(rq->q->disk) >>
		 (ilog2(sdev->sector_size) - SECTOR_SHIFT);
	/* One that has none by now says so: that's an answer, too. */
	ask->blocks = clamp_t(u64, blocks, 1, U32_MAX);
}

/* A read of a block; of what is no disk an INQUIRY that wants no data. */
static void build_probe(struct storvsc_ask *ask, struct stor_pkt *pkt)
{
	struct stor_srb *srb = &pkt->u.srb;
	__be32 block;

	memset(pkt, 0, sizeof(*pkt));
	pkt->op = STOR_OP_EXECUTE_SRB;
	pkt->flags = STOR_FLAG_COMPLETION;
	srb->length = sizeof(*srb);
	srb->path = ask->path;
	srb->target = ask->target;
	srb->lun = ask->lun;
	srb->sense_length = STOR_SENSE_MAX;
	srb->timeout = STORVSC_SRB_TIMEOUT;
	srb->flags = STOR_SRB_FLAG_NO_SYNC_TRANSFER;
	if (!ask->blocks) {
		srb->data_in = STOR_DATA_NONE;
		srb->cdb_length = 6;
		srb->u.cdb[0] = INQUIRY;
		return;
	}
	srb->data_in = STOR_DATA_IN;
	srb->flags |= STOR_SRB_FLAG_DATA_IN;
	srb->transfer_length = ask->block_size;
	srb->cdb_length = 10;
	srb->u.cdb[0] = READ_10;
	block = cpu_to_be32(mul_u64_u32_shr(get_random_u32(), ask->blocks, 32));
	memcpy(&srb->u.cdb[2], &block, sizeof(block));
	srb->u.cdb[8] = 1;
}

/* Its place in the page goes along. Under RCU in state READY. */
static int post_probe(struct storvsc_host *sh, struct stor_pkt *pkt, u64 id)
{
	struct {
		struct vmbus_packet_mpb_array head;
		u64 pfn;
	} __packed desc;

	if (pkt->u.srb.data_in == STOR_DATA_NONE)
		return vmbus_sendpacket(sh->hv->channel, pkt, sizeof(*pkt), id,
					VM_PKT_DATA_INBAND,
					VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED);
	memset(&desc, 0, sizeof(desc));
	desc.head.rangecount = 1;
	desc.head.range.len = pkt->u.srb.transfer_length;
	desc.pfn = HVPFN_DOWN(sh->ask.dma);
	return vmbus_sendpacket_mpb_desc(sh->hv->channel, &desc.head,
					 sizeof(desc), pkt, sizeof(*pkt), id);
}

/*
 * A full ring is no reason to do anything: the host reads nothing, either. All of
 * this is one RCU section, which closing waits for before it counts the probes.
 */
static void send_probe(struct storvsc_host *sh)
{
	struct storvsc_ask *ask = &sh->ask;
	struct stor_pkt pkt;
	u64 id;

	rcu_read_lock();
	if (READ_ONCE(sh->state) != STORVSC_READY)
		goto out;
	spin_lock_bh(&ask->lock);
	build_probe(ask, &pkt);
	id = STORVSC_ID_CONTROL | STORVSC_ID_PROBE | ++ask->seq;
	if (ask->blocks)
		id |= STORVSC_ID_READ;
	ask->probes++;
	ask->probed = jiffies;
	spin_unlock_bh(&ask->lock);

	if (!post_probe(sh, &pkt, id))
		goto out;
	spin_lock_bh(&ask->lock);
	if (ask->probes)
		ask->probes--;
	spin_unlock_bh(&ask->lock);
out:
	rcu_read_unlock();
}

/* An answer to a probe, whatever it says; from the channel's callback. */
void storvsc_silence_reply(struct storvsc_chan *chan, u64 id)
{
	struct storvsc_host *sh = chan->sh;
	struct storvsc_ask *ask = &sh->ask;
	bool wanted;

	spin_lock_bh(&ask->lock);
	wanted = ask->probes;
	if (wanted) {
		ask->probes--;
		WRITE_ONCE(ask->alive, jiffies);
		if (id & STORVSC_ID_READ)
			storvsc_heard(chan);
		if (ask->stage == STORVSC_ASK_WAIT &&
		    (id & STORVSC_ID_READ || !ask->blocks)) {
			ask->answered = true;
			mod_delayed_work(system_unbound_wq, &ask->work, 0);
		}
	}
	spin_unlock_bh(&ask->lock);

	if (!wanted) {
		atomic_inc(&sh->bad_completions);
		storvsc_note(sh, STORVSC_LOG_ERROR, "answer to no probe\n");
	}
}

/* @from: nothing was heard since then, for all the caller knows. */
static void begin(struct storvsc_host *sh, unsigned long timeout,
		  unsigned long from)
{
	struct storvsc_ask *ask = &sh->ask;
	unsigned long last = last_heard(sh);

	lockdep_assert_held(&ask->lock);
	ask->stage = STORVSC_ASK_WAIT;
	ask->answered = false;
	ask->told = false;
	ask->timeout = timeout;
	ask->since = jiffies;
	ask->quiet = time_after(last, from) ? last : from;
	ask->probed = ask->since - PROBE_PERIOD;
	mod_delayed_work(system_unbound_wq, &ask->work, 0);
}

/* Whether it'd have to wait for longer than its own time allows. */
static bool is_urgent(const struct storvsc_ask *ask, struct request *rq)
{
	return rq->timeout < ask->timeout ||
	       (!ask->blocks && !blk_rq_is_passthrough(rq));
}

/**
 * storvsc_silence_ask() - a request is overdue: find out about the host
 * @sh: the adapter
 * @cmd: the request
 *
 * Returns at once; what comes of it is storvsc_silence_given_up(). Any number
 * of requests may call this. While one is being asked for nothing happens, unless
 * that one has more time, or wants no read: then it is asked anew for both.
 */
void storvsc_silence_ask(struct storvsc_host *sh, struct scsi_cmnd *cmd)
{
	struct request *rq = scsi_cmd_to_rq(cmd);
	unsigned long from = READ_ONCE(sh->slots[rq->tag].sent_at);
	struct storvsc_ask *ask = &sh->ask;

	spin_lock_bh(&ask->lock);
	/* After a silence each has its whole time again. */
	if (ask->was_silent && time_before(jiffies, ask->ended + rq->timeout))
		goto out;
	if (ask->stage == STORVSC_ASK_NOTHING) {
		set_target(sh, cmd);
		begin(sh, rq->timeout, from);
	} else if (!ask->told && is_urgent(ask, rq)) {
		if (!ask->blocks)
			set_target(sh, cmd);
		begin(sh, min_t(unsigned long, rq->timeout, ask->timeout), from);
	}
out:
	spin_unlock_bh(&ask->lock);
}

/* ---- giving up ---- */

bool storvsc_silence_given_up(const struct storvsc_slot *slot)
{
	u64 id = atomic64_read(&slot->id);

	return id && READ_ONCE(slot->given_up) == id;
}

/*
 * Whether a request has had its time, which begins anew when a silence ends. Of
 * its timer, which is set again and again, that can't be told.
 */
bool storvsc_silence_overdue(const struct storvsc_host *sh,
			     const struct storvsc_slot *slot)
{
	struct request *rq = scsi_cmd_to_rq(READ_ONCE(slot->cmd));
	unsigned long from = READ_ONCE(slot->sent_at);

	if (READ_ONCE(sh->ask.was_silent) && time_after(sh->ask.ended, from))
		from = sh->ask.ended;
	return time_after_eq(jiffies, from + rq->timeout);
}

/*
 * Which requests are lost. @data: the host answers reads and writes; a read or
 * write is lost only then.
 */
static bool is_lost(const struct storvsc_host *sh,
		    const struct storvsc_slot *slot, bool data)
{
	return storvsc_silence_overdue(sh, slot) &&
	       (data || blk_rq_is_passthrough(scsi_cmd_to_rq(READ_ONCE(slot->cmd))));
}

static bool with_host(const struct storvsc_slot *slot, u64 *id)
{
	*id = atomic64_read_acquire(&slot->id);
	return *id && !(*id & STORVSC_ID_HELD);
}

/* End the time of those of @sdev; when they have been seen to is waited for. */
static void expire(struct storvsc_host *sh, struct scsi_device *sdev)
{
	struct storvsc_slot *slot;
	bool any = false;
	u32 i;

	for (i = 0; i < sh->nr_slots; i++) {
		slot = &sh->slots[i];
		if (!storvsc_silence_given_up(slot) ||
		    READ_ONCE(slot->sdev) != sdev)
			continue;
		blk_abort_request(scsi_cmd_to_rq(READ_ONCE(slot->cmd)));
		any = true;
	}
	/* It may have been answered by now: nothing else keeps the queue. */
	if (any)
		flush_work(&sdev->request_queue->timeout_work);
}

static void give_up(struct storvsc_host *sh, bool data)
{
	struct scsi_device *sdev;
	bool any = false;
	u32 i;
	u64 id;

	for (i = 0; i < sh->nr_slots; i++) {
		if (!with_host(&sh->slots[i], &id) ||
		    !is_lost(sh, &sh->slots[i], data))
			continue;
		WRITE_ONCE(sh->slots[i].given_up, id);
		any = true;
	}
	if (!any)
		return;
	shost_for_each_device(sdev, sh->shost)
		expire(sh, sdev);
}

/* ---- waiting ---- */

static void say(struct storvsc_host *sh)
{
	struct storvsc_ask *ask = &sh->ask;

	lockdep_assert_held(&ask->lock);
	if (ask->told && time_before(jiffies, ask->said + SAY_PERIOD))
		return;
	if (!ask->told)
		atomic_inc(&sh->silences);
	ask->told = true;
	ask->said = jiffies;
	dev_warn(&sh->hv->device, "no answer from the host for %lu s, waiting\n",
		 (jiffies - ask->quiet) / HZ);
}

/* All time-outs begin anew. */
static void renew(struct storvsc_ask *ask)
{
	lockdep_assert_held(&ask->lock);
	ask->was_silent = true;
	WRITE_ONCE(ask->ended, jiffies);
}

/* Heard again. */
static enum storvsc_ask_stage heard(struct storvsc_host *sh)
{
	struct storvsc_ask *ask = &sh->ask;

	lockdep_assert_held(&ask->lock);
	if (!ask->told) {
		ask->grace_end = jiffies + storvsc_silence_share(ask->timeout,
								 MAX_JIFFY_OFFSET);
		return STORVSC_ASK_GRACE;
	}
	dev_notice(&sh->hv->device, "the host answers again, after %lu s\n",
		   (jiffies - ask->quiet) / HZ);
	renew(ask);
	return STORVSC_ASK_NOTHING;
}

/* One look while no answer has come yet. */
static enum storvsc_ask_stage wait_step(struct storvsc_host *sh, bool *lost)
{
	struct storvsc_ask *ask = &sh->ask;
	bool outstanding, broken, soon;

	/* An answer may be there, with its interrupt lost. */
	storvsc_chan_kick(sh);
	if (time_after_eq(jiffies, ask->probed + PROBE_PERIOD))
		send_probe(sh);
	outstanding = storvsc_io_outstanding(sh, NULL);
	broken = ring_broken(sh);

	spin_lock_bh(&ask->lock);
	soon = time_before(jiffies, ask->since +
			   clamp_t(unsigned long, ask->timeout / 8, HZ, 10 * HZ));
	if (ask->answered || data_since(sh, ask->since)) {
		ask->stage = heard(sh);
	} else if (!outstanding && !ask->waiters) {
		ask->stage = STORVSC_ASK_NOTHING;
	} else if (!soon && (broken || past_limit(ask->quiet))) {
		dev_err(&sh->hv->device,
			broken ? "a ring is broken: its requests are lost\n" :
				 "no answer within storvsc_silence_limit: requests are taken for lost\n");
		ask->stage = STORVSC_ASK_NOTHING;
		*lost = true;
	} else if (!soon) {
		say(sh);
	}
	spin_unlock_bh(&ask->lock);
	return ask->stage;
}

static void ask_work(struct work_struct *work)
{
	struct storvsc_ask *ask = container_of(to_delayed_work(work),
					       struct storvsc_ask, work);
	struct storvsc_host *sh = container_of(ask, struct storvsc_host, ask);
	unsigned long tick = clamp_t(unsigned long, ask->timeout / 16, HZ / 20,
				     HZ);
	enum storvsc_ask_stage stage = READ_ONCE(ask->stage);
	bool lost = false, data = true;

	if (storvsc_host_rescinded(sh)) {
		storvsc_err_gone(sh);
		return;
	}
	if (stage == STORVSC_ASK_WAIT) {
		stage = wait_step(sh, &lost);
	} else if (time_after_eq(jiffies, ask->grace_end)) {
		lost = true;
		/* In the same jiffy is late enough. */
		data = data_since(sh, ask->since - 1);
		stage = STORVSC_ASK_NOTHING;
		spin_lock_bh(&ask->lock);
		ask->stage = stage;
		spin_unlock_bh(&ask->lock);
	}
	if (lost)
		give_up(sh, data);
	if (stage != STORVSC_ASK_NOTHING)
		queue_delayed_work(system_unbound_wq, &ask->work, tick);
}

/**
 * storvsc_silence_wait() - a reset wasn't answered: wait for a silent host
 * @sh: the adapter, its channel open
 * @since: when it was asked for, jiffies
 *
 * For error handlers; may sleep, for as long as the host is silent and
 * storvsc_silence_limit allows.
 *
 * Return: true when the host was silent and isn't any more. False when it has
 * answered something since, is gone, or silent for too long.
 */
bool storvsc_silence_wait(struct storvsc_host *sh, unsigned long since)
{
	struct storvsc_ask *ask = &sh->ask;
	bool back = false;

	if (heard_since(sh, since))
		return false;
	spin_lock_bh(&ask->lock);
	ask->waiters++;
	if (ask->stage == STORVSC_ASK_NOTHING)
		begin(sh, ask->timeout, since);
	spin_unlock_bh(&ask->lock);

	while (!back && !storvsc_host_rescinded(sh) &&
	       !storvsc_silence_past_limit(sh) && !ring_broken(sh)) {
		msleep(POLL_MS);
		back = heard_since(sh, since);
	}
	spin_lock_bh(&ask->lock);
	ask->waiters--;
	spin_unlock_bh(&ask->lock);
	return back;
}

/* There is another channel, on which what was lost is sent again. */
void storvsc_silence_renew(struct storvsc_host *sh)
{
	spin_lock_bh(&sh->ask.lock);
	renew(&sh->ask);
	spin_unlock_bh(&sh->ask.lock);
}

/**
 * storvsc_silence_forgive() - a request is about to end, maybe to be tried again
 * @sh: the adapter
 * @cmd: the request
 *
 * The SCSI layer doesn't try again what is older than all its tries' time-outs
 * together, but fails it. The time that a silent host took doesn't count.
 */
void storvsc_silence_forgive(struct storvsc_host *sh, struct scsi_cmnd *cmd)
{
	const struct storvsc_ask *ask = &sh->ask;

	/* What ends the silence comes before the work has seen that. */
	if (READ_ONCE(ask->stage) == STORVSC_ASK_WAIT && READ_ONCE(ask->told))
		cmd->jiffies_at_alloc = jiffies;
	else if (READ_ONCE(ask->was_silent) &&
		 time_after(READ_ONCE(ask->ended), cmd->jiffies_at_alloc))
		cmd->jiffies_at_alloc = READ_ONCE(ask->ended);
}

/* ---- life ---- */

void storvsc_silence_init(struct storvsc_host *sh)
{
	spin_lock_init(&sh->ask.lock);
	INIT_DELAYED_WORK(&sh->ask.work, ask_work);
	sh->ask.timeout = storvsc_timeout * HZ;
	sh->ask.alive = jiffies;
}

int storvsc_silence_alloc(struct storvsc_host *sh)
{
	struct storvsc_ask *ask = &sh->ask;

	ask->page = (void *)get_zeroed_page(GFP_KERNEL);
	if (!ask->page)
		return -ENOMEM;
	ask->dma = dma_map_single(&sh->hv->device, ask->page, HV_HYP_PAGE_SIZE,
				  DMA_FROM_DEVICE);
	if (!dma_mapping_error(&sh->hv->device, ask->dma))
		return 0;
	free_page((unsigned long)ask->page);
	ask->page = NULL;
	return -ENOMEM;
}

/*
 * The channels are closed. Nobody answers probes any more; but if the host
 * hasn't @released them, it may still write to the page of those it has. We may go
 * on with it, since nobody reads what is there; but it outlives us: the bus has a
 * reference, too, until the host has let go, or for ever where it keeps nothing.
 */
void storvsc_silence_closed(struct storvsc_host *sh, bool released)
{
	struct storvsc_ask *ask = &sh->ask;
	u32 probes;

	spin_lock_bh(&ask->lock);
	probes = ask->probes;
	ask->probes = 0;
	spin_unlock_bh(&ask->lock);
	if (released)
		ask->kept = false;
	if (released || !probes)
		return;
	ask->kept = true;
	get_page(virt_to_page(ask->page));
	if (storvsc_lent)
		storvsc_lent->keep_page(sh->hv->channel,
					virt_to_page(ask->page));
}

/* There are no requests any more. */
void storvsc_silence_free(struct storvsc_host *sh)
{
	struct storvsc_ask *ask = &sh->ask;

	cancel_delayed_work_sync(&ask->work);
	if (!ask->page)
		return;
	if (!ask->kept)
		dma_unmap_single(&sh->hv->device, ask->dma, HV_HYP_PAGE_SIZE,
				 DMA_FROM_DEVICE);
	free_page((unsigned long)ask->page);
}
