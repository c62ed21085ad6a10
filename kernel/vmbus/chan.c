// SPDX-License-Identifier: GPL-2.0
/*
 * Opening and closing channels.
 *
 * channel->state, under vmb_lock(): CHANNEL_OPEN_STATE means offered and
 * closed (the interface's word), CHANNEL_OPENED_STATE open; on the way in
 * either direction it is CHANNEL_OPENING_STATE, which makes every second
 * opener or closer fail, so that the root is waited for without a lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uio.h>	/* for the exports' CRCs */
#include <asm/mshyperv.h>

/* Moves on from @from; -errno if the state is another one. */
static int state_begin(struct vmbus_channel *ch, enum vmbus_channel_state from)
{
	int ret = 0;

	vmb_lock();
	if (ch->state != from)
		ret = -EINVAL;
	else
		ch->state = CHANNEL_OPENING_STATE;
	vmb_unlock();
	return ret;
}

static void state_end(struct vmbus_channel *ch, enum vmbus_channel_state to)
{
	vmb_lock();
	ch->state = to;
	vmb_unlock();
}

/**
 * vmbus_alloc_ring() - allocate both rings of a channel
 * @channel: closed
 * @send_size: bytes of the ring to the root, control page included
 * @recv_size: bytes of the ring from the root, control page included
 *
 * Return: 0, -EINVAL (sizes are whole pages, at least 2), -ENOMEM.
 */
int vmbus_alloc_ring(struct vmbus_channel *channel, u32 send_size,
		     u32 recv_size)
{
	u64 total = (u64)send_size + recv_size;
	struct page *page;
	int order;

	if (send_size % PAGE_SIZE || recv_size % PAGE_SIZE ||
	    send_size < 2 * PAGE_SIZE || recv_size < 2 * PAGE_SIZE ||
	    total > INT_MAX)
		return -EINVAL;

	order = get_order(total);
	page = alloc_pages_node(cpu_to_node(channel->target_cpu),
				GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, order);
	if (!page)
		page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
	if (!page)
		return -ENOMEM;

	channel->ringbuffer_page = page;
	channel->ringbuffer_pagecount = total >> PAGE_SHIFT;
	channel->ringbuffer_send_offset = send_size >> PAGE_SHIFT;
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_alloc_ring);

/* Frees the rings of a closed channel, or leaves that to when the root has. */
void vmbus_free_ring(struct vmbus_channel *channel)
{
	u64 bytes = (u64)channel->ringbuffer_pagecount << PAGE_SHIFT;
	struct vmb_chan *c = vmb_chan(channel);

	vmb_ring_free(&channel->outbound);
	vmb_ring_free(&channel->inbound);

	if (!channel->ringbuffer_page)
		return;
	if (c->ring_debt)
		vmb_debt_leave_block(c->ring_debt, channel->ringbuffer_page,
				     get_order(bytes));
	else
		__free_pages(channel->ringbuffer_page, get_order(bytes));
	c->ring_debt = NULL;
	channel->ringbuffer_page = NULL;
}
EXPORT_SYMBOL_GPL(vmbus_free_ring);

static int rings_init(struct vmbus_channel *ch)
{
	struct page *page = ch->ringbuffer_page;
	u32 send_pages = ch->ringbuffer_send_offset;
	int ret;

	/* From an earlier opening on the same memory (uio). */
	vmb_ring_free(&ch->outbound);
	vmb_ring_free(&ch->inbound);

	ret = vmb_ring_init(&ch->outbound, page, send_pages, 0);
	if (ret)
		return ret;
	ret = vmb_ring_init(&ch->inbound, page + send_pages,
			    ch->ringbuffer_pagecount - send_pages,
			    ch->max_pkt_size);
	if (ret)
		vmb_ring_free(&ch->outbound);
	return ret;
}

/* 0: the root uses the rings no more.  Else there is a debt. */
static int rings_revoke(struct vmbus_channel *ch, bool ask)
{
	u32 handle = ch->ringbuffer_gpadlhandle.gpadl_handle;

	ch->ringbuffer_gpadlhandle.gpadl_handle = 0;
	return vmb_gpadl_teardown(ch, handle, ask, &vmb_chan(ch)->ring_debt);
}

/* Whether the rings' memory is ours again after an earlier opening. */
static bool rings_are_back(struct vmb_chan *c)
{
	if (!c->ring_debt)
		return true;
	if (vmb_debt_late(c->ring_debt))
		return false;
	vmb_debt_end(c->ring_debt);
	c->ring_debt = NULL;
	return true;
}

static int close_post(struct vmbus_channel *ch)
{
	struct vmb_relid_msg msg = {
		.hdr.type = VMB_MSG_CLOSE,
		.relid = ch->offermsg.child_relid,
	};

	/* The connection that it was opened on has been unloaded. */
	if (msg.relid == VMB_RELID_NONE)
		return 0;
	return vmb_post(&msg, sizeof(msg), true);
}

static int open_request(struct vmbus_channel *ch, const void *userdata,
			u32 userdatalen)
{
	struct vmb_open msg = {
		.hdr.type = VMB_MSG_OPEN,
		.relid = ch->offermsg.child_relid,
		.open_id = ch->offermsg.child_relid,
		.gpadl = ch->ringbuffer_gpadlhandle.gpadl_handle,
		.target_vp = hv_cpu_number_to_vp_number(ch->target_cpu),
		.to_child_page = ch->ringbuffer_send_offset <<
				 (PAGE_SHIFT - REG_PAGE_SHIFT),
	};
	struct vmb_request req;
	int ret;

	if (userdatalen)
		memcpy(msg.user, userdata, userdatalen);
	vmb_request_init(&req, ch, VMB_MSG_OPEN_RESULT, msg.relid, msg.open_id);
	ret = vmb_request_run(&req, &msg, sizeof(msg));
	if (ret == -ETIMEDOUT)
		close_post(ch);		/* it may yet get to open it */
	if (ret)
		return ret;
	if (req.reply.open.status) {
		pr_err_ratelimited("relid %u: the root failed to open, status 0x%x\n",
				   msg.relid, req.reply.open.status);
		return -EAGAIN;
	}
	return 0;
}

static int open_rings(struct vmbus_channel *ch, const void *userdata,
		      u32 userdatalen, void (*callback)(void *context),
		      void *context)
{
	int ret;

	if (!ch->ringbuffer_page || userdatalen > VMB_OPEN_USER_MAX)
		return -EINVAL;
	ret = state_begin(ch, CHANNEL_OPEN_STATE);
	if (ret)
		return ret;
	if (!rings_are_back(vmb_chan(ch))) {
		ret = -EBUSY;
		goto out_state;
	}

	if (ch->rqstor_size) {
		ret = vmb_requestor_alloc(&ch->requestor, ch->rqstor_size);
		if (ret)
			goto out_state;
	}
	ret = rings_init(ch);
	if (ret)
		goto out_requestor;
	ret = vmb_gpadl_establish(ch, page_address(ch->ringbuffer_page),
				  ch->ringbuffer_pagecount << PAGE_SHIFT,
				  &ch->ringbuffer_gpadlhandle,
				  &vmb_chan(ch)->ring_debt);
	if (ret)
		goto out_rings;
	vmb_event_start(ch, callback, context);
	ret = open_request(ch, userdata, userdatalen);
	if (ret)
		goto out_gpadl;
	vmb_target_opened(vmb_chan(ch));

	state_end(ch, CHANNEL_OPENED_STATE);
	return 0;

out_gpadl:
	vmb_event_stop(ch);
	rings_revoke(ch, true);
out_rings:
	vmb_ring_free(&ch->outbound);
	vmb_ring_free(&ch->inbound);
out_requestor:
	vmb_requestor_free(&ch->requestor);
out_state:
	state_end(ch, CHANNEL_OPEN_STATE);
	return ret;
}

/**
 * vmbus_connect_ring() - open a channel on rings allocated before
 * @channel: closed
 * @onchannel_callback: called for each interrupt, see set_channel_read_mode()
 * @context: for the callback
 *
 * Process context; waits for the root, at most reply_timeout for each of
 * its two answers.  Return: 0 or -errno; -ENODEV when rescinded; -EBUSY: the root
 * hasn't given the rings back since they were open last.
 */
int vmbus_connect_ring(struct vmbus_channel *channel,
		       void (*onchannel_callback)(void *context),
		       void *context)
{
	return open_rings(channel, NULL, 0, onchannel_callback, context);
}
EXPORT_SYMBOL_GPL(vmbus_connect_ring);

/* As above with rings of its own and up to VMB_OPEN_USER_MAX bytes along. */
int vmbus_open(struct vmbus_channel *channel, u32 send_ringbuffersize,
	       u32 recv_ringbuffersize, void *userdata, u32 userdatalen,
	       void (*onchannel_callback)(void *context), void *context)
{
	int ret;

	/* Whoever has it open has its rings there. */
	if (READ_ONCE(channel->state) != CHANNEL_OPEN_STATE)
		return -EINVAL;
	ret = vmbus_alloc_ring(channel, send_ringbuffersize,
			       recv_ringbuffersize);
	if (ret)
		return ret;
	ret = open_rings(channel, userdata, userdatalen, onchannel_callback,
			 context);
	if (ret)
		vmbus_free_ring(channel);
	return ret;
}
EXPORT_SYMBOL_GPL(vmbus_open);

/* -EINVAL: it isn't open.  Else it's closed, and 0: the root has let go. */
static int close_rings(struct vmbus_channel *ch)
{
	int ret;

	ret = state_begin(ch, CHANNEL_OPENED_STATE);
	if (ret)
		return ret;

	vmb_event_stop(ch);
	vmb_target_settle();
	/* While it is open over there, a teardown would be refused. */
	ret = close_post(ch);
	ret = rings_revoke(ch, !ret);
	vmb_requestor_free(&ch->requestor);
	state_end(ch, CHANNEL_OPEN_STATE);
	return ret;
}

/* It is open, or its driver may be opening it. */
static bool is_to_close(const struct vmb_chan *c)
{
	return c->ch.state == CHANNEL_OPENED_STATE || vmb_chan_is_new(c);
}

/**
 * vmbus_disconnect_ring() - close a primary channel and all its sub-channels
 * @channel: the primary
 *
 * The primary's rings stay allocated.  Process context, no lock of the bus
 * held; waits for the root, at most reply_timeout, and a second for each
 * further channel.  Return: 0; -EINVAL: not a primary, or not open; another
 * error: it's closed, but the root hasn't let go of its rings, see lent.c.
 */
int vmbus_disconnect_ring(struct vmbus_channel *channel)
{
	struct vmb_chan *sub;
	int ret;

	if (channel->primary_channel)
		return -EINVAL;

	/* None is handed to the driver from here on. */
	vmb_lock();
	WRITE_ONCE(channel->sc_creation_callback, NULL);
	vmb_unlock();

	while ((sub = vmb_sub_find(channel, is_to_close))) {
		wait_for_completion(&sub->added);	/* ends with the callback */
		ret = close_rings(&sub->ch);
		if (ret != -EINVAL)
			vmbus_free_ring(&sub->ch);
		vmb_sub_try_remove(sub);
		vmb_chan_put(sub);
	}
	return close_rings(channel);
}
EXPORT_SYMBOL_GPL(vmbus_disconnect_ring);

/* Closes and frees; a sub-channel is closed with its primary, not by itself. */
void vmbus_close(struct vmbus_channel *channel)
{
	if (vmbus_disconnect_ring(channel) != -EINVAL)
		vmbus_free_ring(channel);
}
EXPORT_SYMBOL_GPL(vmbus_close);

/* A guest socket asks for a connection; the answer is an offer, or nothing. */
int vmbus_send_tl_connect_request(const guid_t *shv_guest_servie_id,
				  const guid_t *shv_host_servie_id)
{
	struct vmb_tl_connect msg = { .hdr.type = VMB_MSG_TL_CONNECT };

	BUILD_BUG_ON(sizeof(guid_t) != sizeof(struct guid_reg));
	memcpy(&msg.endpoint, shv_guest_servie_id, sizeof(guid_t));
	memcpy(&msg.service, shv_host_servie_id, sizeof(guid_t));
	return vmb_post(&msg, VMB_TL_CONNECT_OLD_SIZE, true);
}
EXPORT_SYMBOL_GPL(vmbus_send_tl_connect_request);

/*
 * Tells the root that there is something new in one of the rings: by the
 * monitor page where the offer allows that, else by hypercall.  Any context.
 */
void vmbus_setevent(struct vmbus_channel *channel)
{
	if (!channel->offermsg.monitor_allocated || channel->low_latency ||
	    !vmb_monitor_signal(channel))
		vmbus_set_event(channel);
}
EXPORT_SYMBOL_GPL(vmbus_setevent);
