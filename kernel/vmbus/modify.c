// SPDX-License-Identifier: GPL-2.0
/*
 * MODIFYCHANNEL: telling the root which VP a channel interrupts.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uio.h>		/* for the exports' CRCs */
#include <asm/mshyperv.h>

/**
 * vmbus_send_modifychannel() - have an open channel interrupt another VP
 * @channel: open
 * @target_vp: VP index, not a CPU number
 *
 * From 5.3 on, no interrupt comes on the old VP once this returns 0. Its answer
 * doesn't say which request it is for. So while one that hasn't come in time is
 * owed, no other request is made: it would be taken for that one's.
 *
 * Process context.  Return: 0 or -errno; -ETIMEDOUT: it may yet be done; -EBUSY:
 * the last one may, until it is answered, or the channel opened again.
 */
int vmbus_send_modifychannel(struct vmbus_channel *channel, u32 target_vp)
{
	struct vmb_modify_channel msg = {
		.hdr.type = VMB_MSG_MODIFY_CHANNEL,
		.relid = channel->offermsg.child_relid,
		.target_vp = target_vp,
	};
	struct vmb_chan *c = vmb_chan(channel);
	struct vmb_request req;
	int ret;

	if (vmbus_proto_version < VMB_VERSION_5_3)
		return vmb_post(&msg, sizeof(msg), true);

	if (READ_ONCE(c->move_owed))
		return -EBUSY;
	WRITE_ONCE(c->move_owed, true);
	vmb_request_init(&req, channel, VMB_MSG_MODIFY_CHANNEL_RESP,
			 msg.relid, 0);
	ret = vmb_request_run(&req, &msg, sizeof(msg));
	/* It has come, or it wasn't asked for. */
	if (ret != -ETIMEDOUT)
		WRITE_ONCE(c->move_owed, false);
	if (!ret && req.reply.modify.status)
		ret = -EAGAIN;
	return ret;
}
EXPORT_SYMBOL_GPL(vmbus_send_modifychannel);

/* Softirq.  An answer has come, maybe late. */
void vmb_modify_answered(u32 relid)
{
	struct vmbus_channel *ch;

	rcu_read_lock();
	ch = relid < VMB_RELIDS ? rcu_dereference(vmb.relid[relid]) : NULL;
	if (ch)
		WRITE_ONCE(vmb_chan(ch)->move_owed, false);
	rcu_read_unlock();
}
