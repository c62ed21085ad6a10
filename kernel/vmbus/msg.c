// SPDX-License-Identifier: GPL-2.0
/*
 * Channel messages: posting, matching replies to requests, dispatch.
 *
 * A request lives on its waiter's stack.  It is linked before the message is
 * posted, and whoever unlinks it (reply, rescind, time-out; all under
 * vmb.req_lock) decides its outcome; so a reply that comes too late, twice or
 * unasked finds no request and is dropped.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "param.h"
#include "vmbus_var.h"

#include <linux/delay.h>
#include <linux/jiffies.h>
#include <asm/mshyperv.h>

/* A root without buffers for us for this long is as good as gone. */
#define POST_LIMIT_MS		60000
#define POST_LIMIT_CRASH_MS	2000
#define POST_DELAY_MAX_US	100000

static uint reply_timeout = VMB_REPLY_TIMEOUT_S;
vmb_param(reply_timeout, reply_timeout, uint, 1, 3600, 0644);
MODULE_PARM_DESC(reply_timeout,
		 "Seconds to wait for the root's answer to a request (default 60)");

static u64 post_once(const void *msg, size_t len)
{
	struct tlfs_post_message *in;
	unsigned long flags;
	u64 status;

	/* The page belongs to whoever runs with interrupts off on this CPU. */
	local_irq_save(flags);
	in = *this_cpu_ptr(hyperv_pcpu_input_arg);
	if (!in) {
		local_irq_restore(flags);
		return HV_STATUS_INVALID_HYPERCALL_INPUT;
	}
	in->connection = vmb.msg_connection;
	in->zero = 0;
	in->type = VMB_SYNIC_TYPE;
	in->size = len;
	memcpy(in->payload, msg, len);
	status = hv_do_hypercall(HVCALL_POST_MESSAGE, in, NULL);
	local_irq_restore(flags);

	return hv_result(status);
}

/*
 * Which failures of HvPostMessage pass: lack of buffers does; an unknown
 * connection does too, save for the first message, where it says that the
 * root doesn't know this generation of the protocol (no port 4).
 */
static bool post_is_transient(u64 status, u32 type)
{
	switch (status) {
	case HV_STATUS_INVALID_CONNECTION_ID:
		return type != VMB_MSG_INITIATE_CONTACT;
	case HV_STATUS_INSUFFICIENT_MEMORY:
	case HV_STATUS_INSUFFICIENT_BUFFERS:
		return true;
	default:
		return false;
	}
}

/**
 * vmb_post() - send one channel message to the root
 * @msg: starts with struct vmb_hdr
 * @len: bytes, at most VMB_MSG_MAX
 * @can_sleep: process context; otherwise (panic) delays are busy
 *
 * Return: 0; -ENXIO, the root has no such port; -EIO, it refused the message;
 * -EBUSY, it had no room for it within the time limit.
 */
int vmb_post(const void *msg, size_t len, bool can_sleep)
{
	u32 type = ((const struct vmb_hdr *)msg)->type;
	u64 limit_us = (can_sleep ? POST_LIMIT_MS : POST_LIMIT_CRASH_MS) * 1000ull;
	u64 waited_us = 0;
	u32 delay_us = 1;
	u64 status;

	if (WARN_ON_ONCE(len < sizeof(struct vmb_hdr) || len > VMB_MSG_MAX))
		return -EMSGSIZE;

	for (;;) {
		status = post_once(msg, len);
		if (status == HV_STATUS_SUCCESS)
			return 0;
		if (!post_is_transient(status, type))
			break;
		if (waited_us >= limit_us) {
			pr_err_ratelimited("message %u: the root has had no room for %llu s\n",
					   type, waited_us / 1000000);
			return -EBUSY;
		}
		if (can_sleep && delay_us >= 16)
			usleep_range(delay_us, delay_us + delay_us / 4);
		else
			udelay(min(delay_us, 1000u));
		waited_us += delay_us;
		delay_us = min_t(u32, delay_us * 2,
				 can_sleep ? POST_DELAY_MAX_US : 1000);
	}

	if (status == HV_STATUS_INVALID_CONNECTION_ID)
		return -ENXIO;
	pr_err_ratelimited("message %u refused, hypercall status 0x%llx\n",
			   type, status);
	return -EIO;
}

void vmb_request_init(struct vmb_request *req, struct vmbus_channel *channel,
		      u32 reply_type, u32 key0, u32 key1)
{
	memset(req, 0, sizeof(*req));
	INIT_LIST_HEAD(&req->node);
	init_completion(&req->done);
	req->channel = channel;
	req->reply_type = reply_type;
	req->patience_s = READ_ONCE(reply_timeout);
	req->key[0] = key0;
	req->key[1] = key1;
}

int vmb_request_begin(struct vmb_request *req)
{
	int ret = 0;

	spin_lock_bh(&vmb.req_lock);
	if (req->channel && req->channel->rescind)
		ret = -ENODEV;
	else
		list_add_tail(&req->node, &vmb.requests);
	spin_unlock_bh(&vmb.req_lock);

	return ret;
}

void vmb_request_cancel(struct vmb_request *req)
{
	spin_lock_bh(&vmb.req_lock);
	list_del_init(&req->node);
	spin_unlock_bh(&vmb.req_lock);
}

int vmb_request_wait(struct vmb_request *req)
{
	if (wait_for_completion_timeout(&req->done, req->patience_s * HZ))
		return req->error;

	spin_lock_bh(&vmb.req_lock);
	if (list_empty(&req->node)) {
		/* The reply won the race against the time limit. */
		spin_unlock_bh(&vmb.req_lock);
		wait_for_completion(&req->done);	/* already on its way */
		return req->error;
	}
	list_del_init(&req->node);
	spin_unlock_bh(&vmb.req_lock);

	pr_err("no reply of type %u for relid %d within %u s\n",
	       req->reply_type,
	       req->channel ? (int)req->channel->offermsg.child_relid : -1,
	       req->patience_s);
	return -ETIMEDOUT;
}

int vmb_request_run(struct vmb_request *req, const void *msg, size_t len)
{
	int ret;

	ret = vmb_request_begin(req);
	if (ret)
		return ret;

	ret = vmb_post(msg, len, true);
	if (ret) {
		vmb_request_cancel(req);
		return ret;
	}

	return vmb_request_wait(req);
}

void vmb_requests_abort(struct vmbus_channel *channel)
{
	struct vmb_request *req, *next;

	spin_lock_bh(&vmb.req_lock);
	list_for_each_entry_safe(req, next, &vmb.requests, node) {
		if (req->channel != channel)
			continue;
		list_del_init(&req->node);
		req->error = -ENODEV;
		complete(&req->done);
	}
	spin_unlock_bh(&vmb.req_lock);
}

/* Whether somebody waited for it. */
static bool match(u32 reply_type, u32 key0, u32 key1,
		  const void *reply, size_t len)
{
	struct vmb_request *req;

	spin_lock_bh(&vmb.req_lock);
	list_for_each_entry(req, &vmb.requests, node) {
		if (req->reply_type != reply_type ||
		    req->key[0] != key0 || req->key[1] != key1)
			continue;
		list_del_init(&req->node);
		memcpy(&req->reply, reply, min(len, sizeof(req->reply)));
		complete(&req->done);
		spin_unlock_bh(&vmb.req_lock);
		return true;
	}
	spin_unlock_bh(&vmb.req_lock);
	return false;
}

static void answer(u32 reply_type, u32 key0, u32 key1, const void *reply,
		   size_t len)
{
	/* Also one that a rescind, or the time limit, came before. */
	if (!match(reply_type, key0, key1, reply, len))
		pr_info_ratelimited("reply %u (%u, %u) to no request\n",
				    reply_type, key0, key1);
}

static bool on_offer(const void *msg)
{
	return vmb_offer_queue(msg);
}

static bool on_rescind(const void *msg)
{
	const struct vmb_relid_msg *m = msg;

	vmb_rescind_queue(m->relid);
	return true;
}

static bool on_open_result(const void *msg)
{
	const struct vmb_open_result *m = msg;

	answer(VMB_MSG_OPEN_RESULT, m->relid, m->open_id, m, sizeof(*m));
	return true;
}

static bool on_gpadl_created(const void *msg)
{
	const struct vmb_gpadl_created *m = msg;

	answer(VMB_MSG_GPADL_CREATED, m->relid, m->gpadl, m, sizeof(*m));
	return true;
}

static bool on_gpadl_torndown(const void *msg)
{
	const struct vmb_gpadl_torndown *m = msg;

	bool late = vmb_lent_torndown(m->gpadl);

	if (!match(VMB_MSG_GPADL_TORNDOWN, m->gpadl, 0, m, sizeof(*m)) && !late)
		pr_info_ratelimited("reply %u (%u) to no request\n",
				    VMB_MSG_GPADL_TORNDOWN, m->gpadl);
	return true;
}

static bool on_version_response(const void *msg)
{
	answer(VMB_MSG_VERSION_RESPONSE, 0, 0, msg,
	       sizeof(struct vmb_version_response));
	return true;
}

static bool on_unload_response(const void *msg)
{
	if (READ_ONCE(vmb.connected))
		pr_info_ratelimited("reply %u to no request\n",
				    VMB_MSG_UNLOAD_RESPONSE);
	else
		complete(&vmb.unloaded);
	return true;
}

static bool on_modify_resp(const void *msg)
{
	const struct vmb_modify_channel_resp *m = msg;

	vmb_modify_answered(m->relid);
	answer(VMB_MSG_MODIFY_CHANNEL_RESP, m->relid, 0, m, sizeof(*m));
	return true;
}

/* No boot step waits for the last offer. */
static bool on_all_offers(const void *msg)
{
	vmb_power_all_offered();
	return true;
}

static bool on_ignored(const void *msg)
{
	return true;
}

static const struct {
	size_t size;			/* least payload */
	bool (*handle)(const void *msg);
} handlers[VMB_MSG_COUNT] = {
	[VMB_MSG_OFFER] = { sizeof(struct vmb_offer), on_offer },
	[VMB_MSG_RESCIND] = { sizeof(struct vmb_relid_msg), on_rescind },
	[VMB_MSG_ALL_OFFERS] = { sizeof(struct vmb_hdr), on_all_offers },
	[VMB_MSG_OPEN_RESULT] = {
		sizeof(struct vmb_open_result), on_open_result },
	[VMB_MSG_GPADL_CREATED] = {
		sizeof(struct vmb_gpadl_created), on_gpadl_created },
	[VMB_MSG_GPADL_TORNDOWN] = {
		sizeof(struct vmb_gpadl_torndown), on_gpadl_torndown },
	[VMB_MSG_VERSION_RESPONSE] = {
		sizeof(struct vmb_version_response), on_version_response },
	[VMB_MSG_UNLOAD_RESPONSE] = {
		sizeof(struct vmb_hdr), on_unload_response },
	/* A guest's connect that failed: its socket's own time limit ends it. */
	[VMB_MSG_TL_CONNECT_RESULT] = {
		sizeof(struct vmb_tl_connect_result), on_ignored },
	[VMB_MSG_MODIFY_CHANNEL_RESP] = {
		sizeof(struct vmb_modify_channel_resp), on_modify_resp },
};

/* @payload: VMB_MSG_MAX bytes, of which the root has filled @len */
bool vmb_msg_dispatch(const void *payload, size_t len)
{
	u32 type = ((const struct vmb_hdr *)payload)->type;

	if (len < sizeof(struct vmb_hdr) || len > VMB_MSG_MAX) {
		pr_warn_ratelimited("message of %zu bytes dropped\n", len);
		return true;
	}
	if (type >= ARRAY_SIZE(handlers) || !handlers[type].handle) {
		pr_warn_ratelimited("message of unknown type %u dropped\n",
				    type);
		return true;
	}
	if (len < handlers[type].size) {
		pr_warn_ratelimited("message %u of %zu bytes dropped, %zu needed\n",
				    type, len, handlers[type].size);
		return true;
	}

	return handlers[type].handle(payload);
}
