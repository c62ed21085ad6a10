// SPDX-License-Identifier: GPL-2.0
/*
 * NVSP: requests on the primary channel that the host answers with the VMBus
 * completion of the very packet, and what it tells unasked.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "netvsc_var.h"

/* What a section must hold at least: RNDIS header and a little of a frame. */
#define SECTION_MIN	68

static const u32 versions[] = {
	NVS_VERSION_6_1, NVS_VERSION_6, NVS_VERSION_5,
	NVS_VERSION_4, NVS_VERSION_2, NVS_VERSION_1,
};

static int send(struct netvsc_conn *conn, struct nvs_msg *msg, u64 id)
{
	return vmbus_sendpacket(conn->nd->hv->channel, msg, NVS_MSG_LEN, id,
				VM_PKT_DATA_INBAND,
				id == NETVSC_ID_NONE ? 0 :
				VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED);
}

/* A message that the host doesn't answer; a full ring is waited for. */
static int tell(struct netvsc_conn *conn, struct nvs_msg *msg)
{
	unsigned long deadline = jiffies + netvsc_host_timeout * HZ;
	int err;

	do {
		err = send(conn, msg, NETVSC_ID_NONE);
	} while (err == -EAGAIN && netvsc_conn_pause(conn, deadline));
	return err;
}

/*
 * Sends @msg and waits for its completion, which replaces it. Returns the
 * answer's length or -ETIMEDOUT, -ENODEV.
 */
static int ask(struct netvsc_conn *conn, struct nvs_msg *msg)
{
	unsigned long deadline;
	int err;
	u64 id;

	if (READ_ONCE(conn->mute))
		return -ETIMEDOUT;
	mutex_lock(&conn->ctl_lock);
	/* What others took before isn't the host's time for this one. */
	deadline = jiffies + netvsc_host_timeout * HZ;
	spin_lock_bh(&conn->ctl_wait_lock);
	id = NETVSC_ID_NVS | ++conn->ctl_seq;
	conn->nvs_id = id;
	reinit_completion(&conn->nvs_done);
	spin_unlock_bh(&conn->ctl_wait_lock);

	do {
		err = READ_ONCE(conn->mute) ? -ETIMEDOUT : send(conn, msg, id);
	} while (err == -EAGAIN && netvsc_conn_pause(conn, deadline));
	if (!err)
		err = netvsc_conn_wait(conn, &conn->nvs_done, deadline);

	spin_lock_bh(&conn->ctl_wait_lock);
	if (!conn->nvs_id) {
		*msg = conn->nvs_reply;
		err = conn->nvs_reply_len;
	}
	conn->nvs_id = 0;
	spin_unlock_bh(&conn->ctl_wait_lock);
	mutex_unlock(&conn->ctl_lock);
	return err;
}

/* ask() where the answer must be of @type and at least @min bytes. */
static int ask_for(struct netvsc_conn *conn, struct nvs_msg *msg, u32 type,
		   u32 min, const char *what)
{
	int len = ask(conn, msg);

	if (len < 0) {
		netdev_err(conn->nd->net, "%s: %s: %d\n", what,
			   len == -ETIMEDOUT ? "no answer from the host" :
			   "cannot ask the host", len);
		return len;
	}
	if (len < min || msg->type != type) {
		netvsc_count(conn->nd, NETVSC_EV_CTL_BAD);
		netdev_err(conn->nd->net,
			   "%s: host answered with message %u of %d bytes\n",
			   what, msg->type, len);
		return -EPROTO;
	}
	return 0;
}

/*
 * In the poll: the completion of a request. @msg is a private copy, zero beyond
 * @len bytes.
 */
void netvsc_nvs_complete(struct netvsc_conn *conn, u64 id,
			 const struct nvs_msg *msg, u32 len)
{
	bool wanted;

	spin_lock(&conn->ctl_wait_lock);
	wanted = conn->nvs_id == id;
	if (wanted) {
		conn->nvs_reply = *msg;
		conn->nvs_reply_len = len;
		conn->nvs_id = 0;
		complete(&conn->nvs_done);
	}
	spin_unlock(&conn->ctl_wait_lock);
	netvsc_silence_end(conn);
	if (!wanted)
		netvsc_count(conn->nd, NETVSC_EV_CTL_STRAY);
}

static int negotiate(struct netvsc_conn *conn)
{
	struct nvs_msg msg;
	int err, i;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		memset(&msg, 0, sizeof(msg));
		msg.type = NVS_INIT;
		msg.u.init.min_version = versions[i];
		msg.u.init.max_version = versions[i];
		err = ask_for(conn, &msg, NVS_INIT_DONE, NVS_LEN_INIT_DONE,
			      "protocol version");
		if (err)
			return err;
		if (msg.u.init_done.status == NVS_STATUS_OK) {
			conn->version = versions[i];
			return 0;
		}
	}
	netdev_err(conn->nd->net, "host speaks no protocol from 1 to 6.1\n");
	return -EPROTO;
}

static int configure(struct netvsc_conn *conn, u32 mtu)
{
	struct nvs_msg msg;

	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_NDIS_CONFIG;
	msg.u.ndis_config.mtu = mtu + ETH_HLEN;
	msg.u.ndis_config.caps = NVS_CAP_8021Q;
	if (conn->version >= NVS_VERSION_5)
		msg.u.ndis_config.caps |= NVS_CAP_SRIOV | NVS_CAP_TEAMING;
	if (conn->version >= NVS_VERSION_6_1)
		msg.u.ndis_config.caps |= NVS_CAP_RSC;
	return tell(conn, &msg);
}

/* Version, MTU, abilities: the first things said on a new connection. */
int netvsc_nvs_connect(struct netvsc_conn *conn, u32 mtu)
{
	struct nvs_msg msg;
	int err;

	err = negotiate(conn);
	if (!err && conn->version >= NVS_VERSION_2)
		err = configure(conn, mtu);
	if (err)
		return err;

	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_NDIS_VERSION;
	msg.u.ndis_version.major = 6;
	msg.u.ndis_version.minor = conn->version >= NVS_VERSION_5 ? 30 : 1;
	return tell(conn, &msg);
}

static int share_buf(struct netvsc_conn *conn, struct netvsc_buf *buf,
		     struct nvs_msg *msg, u32 type, u16 id, u32 done,
		     u32 done_len, const char *what)
{
	int err;

	buf->base = netvsc_spare_get(conn->nd, buf->size);
	if (!buf->base)
		return -ENOMEM;
	err = vmbus_establish_gpadl(conn->nd->hv->channel, buf->base, buf->size,
				    &buf->gpadl);
	if (err) {
		netdev_err(conn->nd->net, "%s: cannot share it: %d\n", what,
			   err);
		return err;
	}
	memset(msg, 0, sizeof(*msg));
	msg->type = type;
	msg->u.buf.gpadl = buf->gpadl.gpadl_handle;
	msg->u.buf.id = id;
	buf->told = true;
	return ask_for(conn, msg, done, done_len, what);
}

static int share_rx(struct netvsc_conn *conn)
{
	struct netvsc_buf *buf = &conn->rx;
	const struct nvs_section *section;
	struct nvs_msg msg;
	int err;

	err = share_buf(conn, buf, &msg, NVS_RECV_BUF, NVS_RECV_BUF_ID,
			NVS_RECV_BUF_DONE, NVS_LEN_RECV_BUF_DONE,
			"receive buffer");
	if (err)
		return err;
	section = &msg.u.recv_buf_done.section;
	if (msg.u.recv_buf_done.status != NVS_STATUS_OK ||
	    msg.u.recv_buf_done.sections != 1 || section->offset ||
	    section->size < SECTION_MIN || !section->count ||
	    (u64)section->size * section->count > buf->size) {
		netdev_err(conn->nd->net,
			   "receive buffer: host wants %u parts, %u of %u bytes at %u, status %u\n",
			   msg.u.recv_buf_done.sections, section->count,
			   section->size, section->offset,
			   msg.u.recv_buf_done.status);
		return -EPROTO;
	}
	buf->section_size = section->size;
	buf->sections = section->count;
	return 0;
}

static int share_tx(struct netvsc_conn *conn)
{
	struct netvsc_buf *buf = &conn->tx;
	struct nvs_msg msg;
	u32 size;
	int err;

	err = share_buf(conn, buf, &msg, NVS_SEND_BUF, NVS_SEND_BUF_ID,
			NVS_SEND_BUF_DONE, NVS_LEN_SEND_BUF_DONE,
			"send buffer");
	if (err)
		return err;
	size = msg.u.send_buf_done.section_size;
	if (msg.u.send_buf_done.status != NVS_STATUS_OK || size < SECTION_MIN ||
	    size > buf->size) {
		netdev_err(conn->nd->net,
			   "send buffer: host wants sections of %u bytes, status %u\n",
			   size, msg.u.send_buf_done.status);
		return -EPROTO;
	}
	buf->section_size = size;
	buf->sections = buf->size / size;
	return 0;
}

/* Bytes of the receive buffer, as far as a host of that version takes them. */
u32 netvsc_nvs_rx_size(const struct netvsc_conn *conn, u32 version)
{
	return min_t(u32, conn->rx.size, version <= NVS_VERSION_2 ?
		     NVS_RECV_BUF_MAX_V2 : NVS_RECV_BUF_MAX);
}

/* The sizes of the buffers are set; how they're divided is the host's word. */
int netvsc_nvs_share_buffers(struct netvsc_conn *conn)
{
	int err;

	conn->rx.size = netvsc_nvs_rx_size(conn, conn->version);
	err = share_rx(conn);
	return err ? err : share_tx(conn);
}

static void revoke(struct netvsc_conn *conn, struct netvsc_buf *buf, u32 type,
		   u16 id)
{
	struct nvs_msg msg;

	if (!buf->told)
		return;
	buf->told = false;
	memset(&msg, 0, sizeof(msg));
	msg.type = type;
	msg.u.revoke.id = id;
	tell(conn, &msg);
}

void netvsc_nvs_revoke(struct netvsc_conn *conn)
{
	revoke(conn, &conn->rx, NVS_REVOKE_RECV_BUF, NVS_RECV_BUF_ID);
	revoke(conn, &conn->tx, NVS_REVOKE_SEND_BUF, NVS_SEND_BUF_ID);
}

/* Asks for *count sub-channels; *count is then what the host grants. */
int netvsc_nvs_subchannels(struct netvsc_conn *conn, u32 *count)
{
	u32 wanted = *count;
	struct nvs_msg msg;
	int err;

	*count = 0;
	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_SUBCHANNEL;
	msg.u.subchannel.op = NVS_SUBCHANNEL_ALLOCATE;
	msg.u.subchannel.count = wanted;
	err = ask_for(conn, &msg, NVS_SUBCHANNEL, NVS_LEN_SUBCHANNEL,
		      "sub-channels");
	if (err)
		return err;
	if (msg.u.subchannel_done.status != NVS_STATUS_OK) {
		netdev_warn(conn->nd->net, "no sub-channels: status %u\n",
			    msg.u.subchannel_done.status);
		return -EPROTO;
	}
	/* A host may grant more than was asked for; that many aren't used. */
	*count = min(msg.u.subchannel_done.count, wanted);
	return 0;
}

/**
 * netvsc_nvs_switch_path() - have the host send frames another way
 * @conn: the connection
 * @vf: through the accelerated card, or through this one
 *
 * Return: 0 when the host has acknowledged, which it does with an empty
 * completion.
 */
int netvsc_nvs_switch_path(struct netvsc_conn *conn, bool vf)
{
	struct nvs_msg msg;
	int len;

	if (conn->version < NVS_VERSION_4)
		return -EOPNOTSUPP;
	memset(&msg, 0, sizeof(msg));
	msg.type = NVS_SWITCH_DATA_PATH;
	msg.u.path = vf ? NVS_PATH_VF : NVS_PATH_SYNTHETIC;
	len = ask(conn, &msg);
	return min(len, 0);
}

/*
 * The table: for versions up to 6 a host may compute its offset from the 28
 * bytes that messages had before, and yet place it behind 40.
 */
static void take_send_table(struct netvsc_conn *conn, const u8 *data, u32 len)
{
	u32 offset, entry, i;
	struct nvs_msg msg;

	memset(&msg, 0, sizeof(msg));
	memcpy(&msg, data, min_t(u32, len, sizeof(msg)));
	offset = msg.u.send_table.offset;
	if (conn->version <= NVS_VERSION_6 &&
	    len >= sizeof(struct nvs_send_table_msg))
		offset = NVS_SEND_TABLE_OFFSET;
	if (msg.u.send_table.count != NVS_SEND_TABLE_COUNT || offset > len ||
	    len - offset < sizeof(conn->tx_table)) {
		netvsc_count(conn->nd, NETVSC_EV_RX_BAD_PACKET);
		netvsc_note(conn->nd,
			    "send table of %u entries at %u of %u bytes\n",
			    msg.u.send_table.count, offset, len);
		return;
	}
	for (i = 0; i < NVS_SEND_TABLE_COUNT; i++) {
		memcpy(&entry, data + offset + i * sizeof(entry),
		       sizeof(entry));
		WRITE_ONCE(conn->tx_table[i], entry % NETVSC_MAX_CHANS);
	}
}

/* In the primary's poll: @data is private and has at least 4 bytes. */
void netvsc_nvs_inband(struct netvsc_conn *conn, const void *data, u32 len)
{
	struct nvs_msg msg;

	memset(&msg, 0, sizeof(msg));
	memcpy(&msg, data, min_t(u32, len, sizeof(msg)));
	switch (msg.type) {
	case NVS_SEND_TABLE:
		take_send_table(conn, data, len);
		break;
	case NVS_VF_ASSOCIATION:
		if (len < NVS_LEN_VF_ASSOCIATION)
			goto bad;
		netvsc_vf_associate(conn->nd, msg.u.vf_association.allocated,
				    msg.u.vf_association.serial);
		break;
	case NVS_SWITCH_DATA_PATH:
		break;		/* an echo of our own request */
	default:
		goto bad;
	}
	return;
bad:
	netvsc_count(conn->nd, NETVSC_EV_RX_BAD_PACKET);
	netvsc_note(conn->nd, "message %u of %u bytes from the host\n",
		    msg.type, len);
}
