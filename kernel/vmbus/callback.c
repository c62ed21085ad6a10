// SPDX-License-Identifier: GPL-2.0
/* What drivers want to hear of, and sockets' way of hearing it. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/module.h>
#include <linux/sched/isolation.h>
#include <linux/slab.h>
#include <asm/mshyperv.h>

/* Called for each sub-channel offered, in process context; may open it. */
void vmbus_set_sc_create_callback(struct vmbus_channel *primary_channel,
				  void (*sc_cr_cb)(struct vmbus_channel *new_sc))
{
	WRITE_ONCE(primary_channel->sc_creation_callback, sc_cr_cb);
}
EXPORT_SYMBOL_GPL(vmbus_set_sc_create_callback);

/* Called once when the root takes the channel away, in process context. */
void vmbus_set_chn_rescind_callback(struct vmbus_channel *channel,
				    void (*chn_rescind_cb)(struct vmbus_channel *))
{
	WRITE_ONCE(channel->chn_rescind_callback, chn_rescind_cb);
}
EXPORT_SYMBOL_GPL(vmbus_set_chn_rescind_callback);

/**
 * vmbus_hvsock_device_unregister() - the socket's driver is done with it
 * @channel: closed
 *
 * The root rescinds a socket's channel when it has been closed, and only then
 * can the relid be given back; so that is waited for, as long as for a reply.
 */
void vmbus_hvsock_device_unregister(struct vmbus_channel *channel)
{
	struct vmb_chan *c = vmb_chan(channel);

	if (WARN_ON_ONCE(!is_hvsock_channel(channel)))
		return;

	vmb_chan_get(c);
	wait_for_completion(&c->added);		/* ends with the probe */
	if (!wait_for_completion_timeout(&c->rescinded,
					 VMB_REPLY_TIMEOUT_S * HZ))
		pr_err_ratelimited("relid %u: no rescind of a closed socket\n",
				   channel->offermsg.child_relid);
	vmb_primary_remove(c);
	vmb_chan_put(c);
}
EXPORT_SYMBOL_GPL(vmbus_hvsock_device_unregister);
