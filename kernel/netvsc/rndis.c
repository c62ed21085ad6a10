// SPDX-License-Identifier: GPL-2.0
/*
 * RNDIS control messages: requests by page list on the primary channel, and
 * their answers, which come through the receive buffer.
 *
 * The host may read a request's page until it has completed the packet, which
 * may be later than its answer, or than the end of our patience. So a request
 * has two owners, the waiter and the list of what the host holds; the last one
 * frees it. What the host never completes goes when the channel has closed.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "netvsc_var.h"

#define MESSAGE_MAX	HV_HYP_PAGE_SIZE
#define REPLY_MAX	(sizeof(struct rndis_initialize_c) + 4096)
#define MAX_TRANSFER	0x4000
#define MAX_PACKETS	256u	/* frames of a message */

struct netvsc_request {
	struct list_head node;	/* in conn->requests: the host holds it */
	u64 id;			/* of the packet */
	u32 request;		/* of the message */
	bool probe;		/* of a mute host */
	int owners;		/* this and the following under ctl_wait_lock */
	bool answered;
	u32 reply_len;
	struct completion done;
	void *message;		/* one page */
	u8 reply[REPLY_MAX] __aligned(8);
};

static void request_free(struct netvsc_request *req)
{
	free_page((unsigned long)req->message);
	kfree(req);
}

static struct netvsc_request *request_alloc(void)
{
	struct netvsc_request *req = kzalloc(sizeof(*req), GFP_KERNEL);

	if (!req)
		return NULL;
	req->message = (void *)get_zeroed_page(GFP_KERNEL);
	if (!req->message) {
		kfree(req);
		return NULL;
	}
	INIT_LIST_HEAD(&req->node);
	init_completion(&req->done);
	req->owners = 1;
	return req;
}

/* One owner gives up; ctl_wait_lock not held. */
static void request_put(struct netvsc_conn *conn, struct netvsc_request *req)
{
	bool last;

	spin_lock_bh(&conn->ctl_wait_lock);
	last = !--req->owners;
	spin_unlock_bh(&conn->ctl_wait_lock);
	if (last)
		request_free(req);
}

static int post(struct netvsc_conn *conn, struct netvsc_request *req, u32 len)
{
	struct {
		struct vmbus_packet_mpb_array mpb;
		u64 pfn;
	} __packed desc;
	struct nvs_msg msg;

	memset(&desc, 0, sizeof(desc));
	desc.mpb.rangecount = 1;
	desc.mpb.range.len = len;
	desc.pfn = virt_to_hvpfn(req->message);
	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_RNDIS;
	msg.u.rndis.channel = NVS_CHANNEL_CONTROL;
	msg.u.rndis.section = NVS_NO_SECTION;
	return vmbus_sendpacket_mpb_desc(conn->nd->hv->channel, &desc.mpb,
					 sizeof(desc), &msg, NVS_MSG_LEN,
					 req->id);
}

/* Hands the message to the host. The list owns it, too, if that went well. */
static int request_send(struct netvsc_conn *conn, struct netvsc_request *req,
			unsigned long deadline)
{
	struct rndis_query *head = req->message;
	int err;

	spin_lock_bh(&conn->ctl_wait_lock);
	req->request = ++conn->ctl_seq;
	req->id = NETVSC_ID_RNDIS | req->request;
	req->owners++;
	list_add_tail(&req->node, &conn->requests);
	spin_unlock_bh(&conn->ctl_wait_lock);
	head->request = req->request;

	do {
		err = READ_ONCE(conn->mute) && !req->probe ?
		      -ETIMEDOUT : post(conn, req, head->len);
	} while (err == -EAGAIN && netvsc_conn_pause(conn, deadline));
	if (!err)
		return 0;

	spin_lock_bh(&conn->ctl_wait_lock);
	if (!list_empty(&req->node)) {
		list_del_init(&req->node);
		req->owners--;
	}
	spin_unlock_bh(&conn->ctl_wait_lock);
	return err;
}

/* Sends and waits; the answer, of @type and @min bytes, is in req->reply. */
static int transact(struct netvsc_conn *conn, struct netvsc_request *req,
		    u32 type, u32 min)
{
	const struct rndis_header *reply = (void *)req->reply;
	unsigned long deadline;
	int err;

	/* The probe of a mute host may have the lock for long. */
	if (READ_ONCE(conn->mute) && !req->probe)
		return -ETIMEDOUT;
	mutex_lock(&conn->ctl_lock);
	/* What others took before isn't the host's time for this one. */
	deadline = jiffies + netvsc_host_timeout * HZ;
	spin_lock_bh(&conn->ctl_wait_lock);
	conn->waiter = req;
	spin_unlock_bh(&conn->ctl_wait_lock);

	err = request_send(conn, req, deadline);
	if (!err)
		err = netvsc_conn_wait(conn, &req->done, deadline);

	spin_lock_bh(&conn->ctl_wait_lock);
	conn->waiter = NULL;
	if (req->answered)
		err = 0;
	spin_unlock_bh(&conn->ctl_wait_lock);
	mutex_unlock(&conn->ctl_lock);
	if (err)
		return err;
	if (reply->type == type && req->reply_len >= min)
		return 0;
	netvsc_count(conn->nd, NETVSC_EV_CTL_BAD);
	return -EPROTO;
}

/* The host says it has taken the message of packet @id; in the poll. */
void netvsc_rndis_sent(struct netvsc_conn *conn, u64 id, u32 status)
{
	struct netvsc_request *req, *found = NULL;
	bool last = false;

	spin_lock(&conn->ctl_wait_lock);
	list_for_each_entry(req, &conn->requests, node) {
		if (req->id == id) {
			found = req;
			break;
		}
	}
	if (found) {
		list_del_init(&found->node);
		last = !--found->owners;
	}
	spin_unlock(&conn->ctl_wait_lock);

	if (!found)
		netvsc_count(conn->nd, NETVSC_EV_RX_BAD_COMPLETION);
	else if (status != NVS_STATUS_OK)
		netvsc_note(conn->nd, "control message refused: status %u\n",
			    status);
	if (last)
		request_free(found);
}

static void answer(struct netvsc_conn *conn, const u8 *shared, u32 len)
{
	struct netvsc_request *req;
	struct rndis_set_c head;
	bool wanted;

	if (len < sizeof(head)) {
		netvsc_count(conn->nd, NETVSC_EV_CTL_BAD);
		return;
	}
	memcpy(&head, shared, sizeof(head));
	barrier();		/* the copy is what is looked at */

	spin_lock(&conn->ctl_wait_lock);
	req = conn->waiter;
	wanted = req && !req->answered && req->request == head.request;
	if (wanted) {
		len = min3(len, head.len, (u32)REPLY_MAX);
		len = max_t(u32, len, sizeof(head));
		memcpy(req->reply, shared, len);
		memcpy(req->reply, &head, sizeof(head));
		req->reply_len = len;
		req->answered = true;
		complete(&req->done);
	}
	spin_unlock(&conn->ctl_wait_lock);
	netvsc_silence_end(conn);
	if (!wanted)
		netvsc_count(conn->nd, NETVSC_EV_CTL_STRAY);
}

/*
 * Some hosts don't count the speed in the message's length, but it's in the
 * range; so it is looked for as far as that goes.
 */
static void indicate(struct netvsc_conn *conn, const u8 *shared, u32 len)
{
	struct rndis_indicate head;
	u32 at, speed = 0;

	if (len < sizeof(head)) {
		netvsc_count(conn->nd, NETVSC_EV_CTL_BAD);
		return;
	}
	memcpy(&head, shared, sizeof(head));
	barrier();
	at = head.buffer_offset;
	if (at <= len && len - at >= RNDIS_OFFSET_BASE + sizeof(speed) &&
	    head.buffer_len >= sizeof(speed))
		memcpy(&speed, shared + RNDIS_OFFSET_BASE + at, sizeof(speed));
	netvsc_link_indicate(conn->nd, head.status, speed);
}

/* In the poll: a message in the receive buffer that isn't a frame. */
void netvsc_rndis_receive(struct netvsc_conn *conn, u32 type, const u8 *shared,
			  u32 len)
{
	switch (type) {
	case RNDIS_INITIALIZE_C:
	case RNDIS_QUERY_C:
	case RNDIS_SET_C:
		answer(conn, shared, len);
		break;
	case RNDIS_INDICATE:
		indicate(conn, shared, len);
		break;
	default:
		netvsc_count(conn->nd, NETVSC_EV_CTL_BAD);
		netvsc_note(conn->nd, "RNDIS message %#x from the host\n",
			    type);
	}
}

/* What frames may look like in a message, as far as it makes sense. */
static void take_limits(struct netvsc_conn *conn,
			const struct rndis_initialize_c *init)
{
	conn->max_packets = clamp(init->max_packets, 1u, MAX_PACKETS);
	/* A multiple of it will do as well. */
	conn->align = 1u << clamp(init->alignment_shift, 3u, 6u);
}

int netvsc_rndis_init(struct netvsc_conn *conn)
{
	struct netvsc_request *req = request_alloc();
	struct rndis_initialize_c *reply;
	struct rndis_initialize *msg;
	int err;

	if (!req)
		return -ENOMEM;
	msg = req->message;
	msg->type = RNDIS_INITIALIZE;
	msg->len = sizeof(*msg);
	msg->major = RNDIS_MAJOR;
	msg->minor = RNDIS_MINOR;
	msg->max_transfer = MAX_TRANSFER;

	/* Without the list of address families, which older hosts leave out. */
	err = transact(conn, req, RNDIS_INITIALIZE_C,
		       offsetof(struct rndis_initialize_c, af_offset));
	reply = (void *)req->reply;
	if (!err && reply->status != RNDIS_STATUS_SUCCESS)
		err = -EIO;
	if (!err)
		take_limits(conn, reply);
	request_put(conn, req);
	if (err)
		netdev_err(conn->nd->net, "RNDIS: cannot start: %d\n", err);
	return err;
}

/* Nothing answers this; the host completes the packet. */
void netvsc_rndis_halt(struct netvsc_conn *conn)
{
	struct netvsc_request *req = request_alloc();
	struct rndis_halt *msg;

	if (!req)
		return;
	msg = req->message;
	msg->type = RNDIS_HALT;
	msg->len = sizeof(*msg);
	mutex_lock(&conn->ctl_lock);
	request_send(conn, req, jiffies + netvsc_host_timeout * HZ);
	mutex_unlock(&conn->ctl_lock);
	request_put(conn, req);
}

static struct netvsc_request *request_info(u32 type, u32 oid, const void *in,
					   u32 len)
{
	struct netvsc_request *req;
	struct rndis_query *msg;

	if (len > MESSAGE_MAX - sizeof(*msg))
		return NULL;
	req = request_alloc();
	if (!req)
		return NULL;
	msg = req->message;
	msg->type = type;
	msg->len = sizeof(*msg) + len;
	msg->oid = oid;
	msg->info_len = len;
	/* Some hosts refuse 0, also where there's nothing. */
	msg->info_offset = RNDIS_QUERY_INFO_OFFSET;
	if (len)
		memcpy(msg + 1, in, len);
	return req;
}

/**
 * netvsc_rndis_query() - ask the host's card for something
 * @conn: the connection
 * @oid: RNDIS_OID_*
 * @in: goes along
 * @in_len: bytes of @in, at most a page
 * @out: the answer
 * @out_len: room there; then bytes of the answer, the rest of which is dropped
 *
 * Return: 0; -EIO when the host refuses, -EPROTO, -ETIMEDOUT, -ENODEV, -ENOMEM.
 */
int netvsc_rndis_query(struct netvsc_conn *conn, u32 oid, const void *in,
		       u32 in_len, void *out, u32 *out_len)
{
	struct netvsc_request *req = request_info(RNDIS_QUERY, oid, in, in_len);
	const struct rndis_query_c *reply;
	u32 at, len;
	int err;

	if (!req)
		return -ENOMEM;
	err = transact(conn, req, RNDIS_QUERY_C, sizeof(*reply));
	if (err)
		goto out;
	reply = (void *)req->reply;
	at = reply->info_offset;
	len = reply->info_len;
	if (reply->status != RNDIS_STATUS_SUCCESS) {
		err = -EIO;
	} else if (at < RNDIS_QUERY_C_INFO_OFFSET ||
		   at > req->reply_len - RNDIS_OFFSET_BASE ||
		   len > req->reply_len - RNDIS_OFFSET_BASE - at) {
		netvsc_count(conn->nd, NETVSC_EV_CTL_BAD);
		err = -EPROTO;
	} else {
		*out_len = min(*out_len, len);
		memcpy(out, req->reply + RNDIS_OFFSET_BASE + at, *out_len);
	}
out:
	request_put(conn, req);
	return err;
}

/* Return: as netvsc_rndis_query(). */
int netvsc_rndis_set(struct netvsc_conn *conn, u32 oid, const void *in, u32 len)
{
	struct netvsc_request *req = request_info(RNDIS_SET, oid, in, len);
	const struct rndis_set_c *reply;
	int err;

	if (!req)
		return -ENOMEM;
	err = transact(conn, req, RNDIS_SET_C, sizeof(*reply));
	reply = (void *)req->reply;
	if (!err && reply->status != RNDIS_STATUS_SUCCESS)
		err = -EIO;
	request_put(conn, req);
	if (err == -ETIMEDOUT)
		netvsc_silence_unsure(conn->nd);
	return err;
}

/* Whether a mute host answers; what it says doesn't matter. */
int netvsc_rndis_probe(struct netvsc_conn *conn, u32 oid)
{
	struct netvsc_request *req = request_info(RNDIS_QUERY, oid, NULL, 0);
	int err;

	if (!req)
		return -ENOMEM;
	req->probe = true;
	err = transact(conn, req, RNDIS_QUERY_C, 0);
	request_put(conn, req);
	return err;
}

/* The channel has closed; what the host still held comes back. */
void netvsc_rndis_free(struct netvsc_conn *conn)
{
	struct netvsc_request *req, *next;

	list_for_each_entry_safe(req, next, &conn->requests, node) {
		list_del_init(&req->node);
		netvsc_chan_leave_page(conn, req->message);
		req->message = NULL;
		request_put(conn, req);
	}
}
