// SPDX-License-Identifier: GPL-2.0
/*
 * Packets: framing of what drivers send, unframing of what they receive.
 */
#include <linux/uio.h>

#include "abi_chan.h"
#include "ring_var.h"
#include "vmbus_var.h"

/* A packet's length field counts 8-byte units in 16 bits. */
#define PACKET_LEN_MAX	((u32)U16_MAX << 3)

/*
 * Sends @bufferlen bytes in-band, with @requestid as transaction id (or an id
 * made for it, if the driver has a request table).  *trans_id is the id that
 * went out.  See vmb_ring_write() for errors; -EMSGSIZE: too long for any packet.
 */
int vmbus_sendpacket_getid(struct vmbus_channel *channel, void *buffer,
			   u32 bufferlen, u64 requestid, u64 *trans_id,
			   enum vmbus_packet_type type, u32 flags)
{
	static const u64 zeros;
	struct vmpacket_descriptor desc;
	struct kvec kv[3];
	u32 len;

	if (bufferlen > PACKET_LEN_MAX - sizeof(desc))
		return -EMSGSIZE;
	len = ALIGN(sizeof(desc) + bufferlen, 8);

	desc.type = type;
	desc.offset8 = sizeof(desc) >> 3;
	desc.len8 = len >> 3;
	desc.flags = flags;
	desc.trans_id = 0;	/* vmb_ring_write() fills it in */

	kv[0].iov_base = &desc;
	kv[0].iov_len = sizeof(desc);
	kv[1].iov_base = buffer;
	kv[1].iov_len = bufferlen;
	kv[2].iov_base = (void *)&zeros;
	kv[2].iov_len = len - sizeof(desc) - bufferlen;
	return vmb_ring_write(channel, kv, bufferlen ? 3 : 1, requestid,
			      trans_id);
}
EXPORT_SYMBOL(vmbus_sendpacket_getid);

int vmbus_sendpacket(struct vmbus_channel *channel, void *buffer,
		     u32 bufferlen, u64 requestid,
		     enum vmbus_packet_type type, u32 flags)
{
	return vmbus_sendpacket_getid(channel, buffer, bufferlen, requestid,
				      NULL, type, flags);
}
EXPORT_SYMBOL(vmbus_sendpacket);

/*
 * Sends a packet that refers to guest memory: @desc (with its one range and
 * the page numbers, @desc_size bytes in all) followed by @buffer.  Fills in
 * the fixed fields of @desc.
 */
int vmbus_sendpacket_mpb_desc(struct vmbus_channel *channel,
			      struct vmbus_packet_mpb_array *desc,
			      u32 desc_size, void *buffer, u32 bufferlen,
			      u64 requestid)
{
	static const u64 zeros;
	struct kvec kv[3];
	u32 len;

	if (desc_size < sizeof(*desc) || !IS_ALIGNED(desc_size, 8) ||
	    desc_size > PACKET_LEN_MAX ||
	    bufferlen > PACKET_LEN_MAX - desc_size)
		return -EMSGSIZE;
	len = ALIGN(desc_size + bufferlen, 8);

	desc->type = VM_PKT_DATA_USING_GPA_DIRECT;
	desc->dataoffset8 = desc_size >> 3;
	desc->length8 = len >> 3;
	desc->flags = VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED;
	desc->transactionid = 0;
	desc->reserved = 0;

	kv[0].iov_base = desc;
	kv[0].iov_len = desc_size;
	kv[1].iov_base = buffer;
	kv[1].iov_len = bufferlen;
	kv[2].iov_base = (void *)&zeros;
	kv[2].iov_len = len - desc_size - bufferlen;
	return vmb_ring_write(channel, kv, 3, requestid, NULL);
}
EXPORT_SYMBOL_GPL(vmbus_sendpacket_mpb_desc);

static int packet_read(struct vmbus_channel *channel, void *buffer, u32 buflen,
		       u32 *actual_len, u64 *requestid, bool raw)
{
	struct vmpacket_descriptor *desc;
	u32 offset, len;

	*actual_len = 0;
	*requestid = 0;
	if (!buflen)
		return -EINVAL;

	desc = hv_pkt_iter_first(channel);
	if (!desc)
		return 0;

	offset = raw ? 0 : desc->offset8 << 3;
	len = (desc->len8 << 3) - offset;
	*actual_len = len;
	*requestid = desc->trans_id;
	if (len > buflen)
		return -ENOBUFS;	/* it stays: try with a larger buffer */

	memcpy(buffer, (u8 *)desc + offset, len);
	__hv_pkt_iter_next(channel, desc);
	hv_pkt_iter_close(channel);
	return 0;
}

/*
 * Takes one packet's payload.  Returns 0 with *actual_len 0 when the ring is
 * empty; -ENOBUFS: *actual_len bytes are needed.
 */
int vmbus_recvpacket(struct vmbus_channel *channel, void *buffer,
		     u32 bufferlen, u32 *buffer_actual_len, u64 *requestid)
{
	return packet_read(channel, buffer, bufferlen, buffer_actual_len,
			   requestid, false);
}
EXPORT_SYMBOL(vmbus_recvpacket);

/* The same with the descriptor before the payload. */
int vmbus_recvpacket_raw(struct vmbus_channel *channel, void *buffer,
			 u32 bufferlen, u32 *buffer_actual_len, u64 *requestid)
{
	return packet_read(channel, buffer, bufferlen, buffer_actual_len,
			   requestid, true);
}
EXPORT_SYMBOL_GPL(vmbus_recvpacket_raw);
