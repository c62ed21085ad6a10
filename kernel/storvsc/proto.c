// SPDX-License-Identifier: GPL-2.0
/*
 * Control requests and the negotiation that each opening of the primary
 * channel starts with: BEGIN_INIT, QUERY_VERSION, QUERY_PROPERTIES,
 * (FCHBA_DATA), END_INIT, and CREATE_SUBCHANNELS when the host has some.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/string.h>

#include "storvsc_var.h"

/* How often a waiter looks whether the host has taken the device back. */
#define RESCIND_POLL_MS		200

/* A descriptor counts its length in 8-byte units of 16 bits: stay far below. */
#define MAX_TRANSFER		SZ_8M
#define FC_MAX_TRANSFER		SZ_512K

static const u16 versions[] = {
	STOR_VERSION_6_2,
	STOR_VERSION_6_0,
	STOR_VERSION_5_1,
};

static int control_send(struct storvsc_host *sh, struct stor_pkt *pkt, u64 id,
			unsigned long deadline)
{
	int err;

	for (;;) {
		err = vmbus_sendpacket(sh->hv->channel, pkt, sizeof(*pkt), id,
				       VM_PKT_DATA_INBAND,
				       VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED);
		if (err != -EAGAIN || time_after(jiffies, deadline))
			return err;
		msleep(20);
	}
}

static int control_wait(struct storvsc_host *sh, unsigned long deadline)
{
	while (!wait_for_completion_timeout(&sh->ctrl_done,
					    msecs_to_jiffies(RESCIND_POLL_MS))) {
		if (storvsc_host_rescinded(sh))
			return -ENODEV;
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
	}
	return 0;
}

/**
 * storvsc_proto_control() - send a control request and wait for its answer
 * @sh: the adapter, its primary channel open
 * @pkt: the request; overwritten by the answer on success
 * @timeout: jiffies
 *
 * Each request has its own number, so that the late answer to one which was
 * given up isn't taken for the next one's. May sleep.
 *
 * Return: 0 when the host answered at all (its verdict is in pkt->status),
 * -ETIMEDOUT, -ENODEV when the device was rescinded, -EPROTO on an answer
 * that isn't one.
 */
int storvsc_proto_control(struct storvsc_host *sh, struct stor_pkt *pkt,
			  unsigned long timeout)
{
	unsigned long deadline = jiffies + timeout;
	u64 id;
	int err;

	mutex_lock(&sh->ctrl_lock);
	pkt->flags = STOR_FLAG_COMPLETION;
	pkt->status = 0;

	spin_lock_bh(&sh->ctrl_wait_lock);
	id = STORVSC_ID_CONTROL | ++sh->ctrl_seq;
	sh->ctrl_id = id;
	reinit_completion(&sh->ctrl_done);
	spin_unlock_bh(&sh->ctrl_wait_lock);

	err = control_send(sh, pkt, id, deadline);
	if (!err)
		err = control_wait(sh, deadline);

	spin_lock_bh(&sh->ctrl_wait_lock);
	if (!sh->ctrl_id)
		err = 0;
	sh->ctrl_id = 0;
	if (!err)
		*pkt = sh->ctrl_reply;
	spin_unlock_bh(&sh->ctrl_wait_lock);
	mutex_unlock(&sh->ctrl_lock);

	if (!err && pkt->op != STOR_OP_COMPLETE_IO)
		err = -EPROTO;
	return err;
}

/* The answer to a control request; called from the channel's callback. */
void storvsc_proto_reply(struct storvsc_host *sh, u64 id,
			 const struct stor_pkt *pkt)
{
	bool wanted;

	spin_lock_bh(&sh->ctrl_wait_lock);
	wanted = sh->ctrl_id == id;
	if (wanted) {
		WRITE_ONCE(sh->ask.alive, jiffies);
		sh->ctrl_reply = *pkt;
		sh->ctrl_id = 0;
		complete(&sh->ctrl_done);
	}
	spin_unlock_bh(&sh->ctrl_wait_lock);

	if (!wanted) {
		atomic_inc(&sh->bad_completions);
		storvsc_note(sh, STORVSC_LOG_ERROR,
			     "answer to no control request (id %#llx)\n", id);
	}
}

/* A step that must succeed; the host's refusal is -EPROTO. */
static int step(struct storvsc_host *sh, struct stor_pkt *pkt, const char *what,
		unsigned long timeout)
{
	int err;

	err = storvsc_proto_control(sh, pkt, timeout);
	if (!err && pkt->status)
		err = -EPROTO;
	if (err)
		dev_err(&sh->hv->device, "%s failed: %d, host status %#x\n",
			what, err, err == -EPROTO ? pkt->status : 0);
	return err;
}

static int negotiate_version(struct storvsc_host *sh, unsigned long timeout)
{
	struct stor_pkt pkt;
	int err, i;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		memset(&pkt, 0, sizeof(pkt));
		pkt.op = STOR_OP_QUERY_VERSION;
		pkt.u.version.major_minor = versions[i];
		err = storvsc_proto_control(sh, &pkt, timeout);
		if (err) {
			dev_err(&sh->hv->device,
				"no answer on protocol version: %d\n", err);
			return err;
		}
		if (!pkt.status) {
			sh->version = versions[i];
			return 0;
		}
	}
	dev_err(&sh->hv->device, "host speaks no protocol from 5.1 to 6.2\n");
	return -EPROTO;
}

/* Bytes of data one request may carry, a multiple of 4 KiB. */
u32 storvsc_proto_max_transfer(const struct storvsc_host *sh)
{
	u32 limit = sh->kind == STORVSC_FC ? FC_MAX_TRANSFER : MAX_TRANSFER;

	return round_down(min(sh->properties.max_transfer, limit),
			  HV_HYP_PAGE_SIZE);
}

static int query_properties(struct storvsc_host *sh, unsigned long timeout)
{
	struct stor_pkt pkt = { .op = STOR_OP_QUERY_PROPERTIES };
	int err;

	err = step(sh, &pkt, "property query", timeout);
	if (err)
		return err;
	sh->properties = pkt.u.properties;
	if (!storvsc_proto_max_transfer(sh)) {
		dev_err(&sh->hv->device, "host allows %u bytes a request\n",
			sh->properties.max_transfer);
		return -EPROTO;
	}
	/* The limits of the queues are fixed once they exist. */
	if (sh->max_pages && storvsc_proto_max_transfer(sh) >> HV_HYP_PAGE_SHIFT <
			     sh->max_pages - 1) {
		dev_err(&sh->hv->device,
			"host's request limit shrank to %u bytes\n",
			sh->properties.max_transfer);
		return -EPROTO;
	}
	return 0;
}

static int negotiate(struct storvsc_host *sh, unsigned long timeout)
{
	struct stor_pkt pkt = { .op = STOR_OP_BEGIN_INIT };
	int err;

	err = step(sh, &pkt, "initialisation", timeout);
	if (err)
		return err;
	err = negotiate_version(sh, timeout);
	if (err)
		return err;
	err = query_properties(sh, timeout);
	if (err)
		return err;
	if (sh->kind == STORVSC_FC) {
		memset(&pkt, 0, sizeof(pkt));
		pkt.op = STOR_OP_FCHBA_DATA;
		err = step(sh, &pkt, "query of world wide names", timeout);
		if (err)
			return err;
		sh->wwn = pkt.u.wwn;
	}
	memset(&pkt, 0, sizeof(pkt));
	pkt.op = STOR_OP_END_INIT;
	return step(sh, &pkt, "end of initialisation", timeout);
}

/**
 * storvsc_proto_connect() - open the primary channel and negotiate
 * @sh: the adapter; sh->lock held, state CLOSED
 * @timeout: jiffies for each step
 *
 * Return: 0 and state READY, or a negative errno with the channel closed.
 */
int storvsc_proto_connect(struct storvsc_host *sh, unsigned long timeout)
{
	int err;

	lockdep_assert_held(&sh->lock);
	err = storvsc_chan_open_primary(sh);
	if (err) {
		dev_err(&sh->hv->device, "cannot open channel: %d\n", err);
		return err;
	}
	err = negotiate(sh, timeout);
	if (!err && !storvsc_chan_set_state(sh, STORVSC_READY))
		err = -ENODEV;
	if (err)
		storvsc_chan_close_all(sh);
	return err;
}

/*
 * Ask for sub-channels. They are offered, and opened, later; the adapter
 * works without them, so a refusal is only noted.
 */
void storvsc_proto_subchannels(struct storvsc_host *sh, unsigned long timeout)
{
	struct stor_pkt pkt = { .op = STOR_OP_CREATE_SUBCHANNELS };
	u32 want = sh->nr_chans - 1;
	int err;

	lockdep_assert_held(&sh->lock);
	if (!(sh->properties.flags & STOR_PROP_MULTI_CHANNEL))
		return;
	want = min_t(u32, want, sh->properties.max_sub_channels);
	if (!want)
		return;

	storvsc_chan_offer_subs(sh, true);
	pkt.u.sub_channels = want;
	err = storvsc_proto_control(sh, &pkt, timeout);
	if (err || pkt.status) {
		storvsc_chan_offer_subs(sh, false);
		dev_warn(&sh->hv->device,
			 "no sub-channels: %d, host status %#x\n", err,
			 err ? 0 : pkt.status);
	}
}
