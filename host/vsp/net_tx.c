// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of the child to the back end.
 *
 * A packet is a stream of bytes: those of a section of the send buffer, then its
 * GPA ranges, in order.  It holds one RNDIS message after the other.  Messages'
 * headers are copied and checked; frames are not: the back end takes them from
 * where they lie in the child's memory.
 *
 * Headers of a frame are rebuilt, in a copy, where a child leaves that to the
 * card: lengths and sums of a large send, the IPv4 header's sum.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "netvsp_var.h"
#include "util/be.h"

#define PPI_MAX	    512u /* bytes of per-packet information */
#define MSS_MIN	    8u	 /* Linux goes down to that */
#define CONTROL_MAX 4096u
#define TCP_SUM	    16u /* offset of the checksum field */
#define UDP_SUM	    6u

/* One frame, as its message describes it. */
struct departure {
	uint32_t at, len; /* in the packet's stream */
	uint32_t csum, lso, vlan;
	bool has_csum, has_lso, has_vlan;
	struct net_headers h;
	uint32_t looked;
	uint8_t start[NET_HEADERS]; /* private copy */
	bool rebuilt; /* `start` goes out, not the child's bytes */
	bool alone;   /* in its packet */
	uint8_t tag[NET_VLAN_HEADER];
};

/* ---- streams ---- */

uint32_t net_iov_copy(const struct iovec *iov, unsigned int niov,
		      uint32_t offset, void *buf, uint32_t len)
{
	uint8_t *dst = buf;
	uint32_t done = 0;
	unsigned int i;

	for (i = 0; i < niov && done < len; i++) {
		size_t have = iov[i].iov_len, take;

		if (offset >= have) {
			offset -= have;
			continue;
		}
		take = have - offset < len - done ? have - offset : len - done;
		memcpy(dst + done, (uint8_t *)iov[i].iov_base + offset, take);
		done += take;
		offset = 0;
	}
	return done;
}

int net_iov_slice(const struct iovec *iov, unsigned int niov, uint32_t offset,
		  uint32_t len, struct iovec *out, unsigned int max)
{
	unsigned int i, n = 0;

	for (i = 0; i < niov && len; i++) {
		size_t have = iov[i].iov_len, take;

		if (offset >= have) {
			offset -= have;
			continue;
		}
		if (n == max)
			return -E2BIG;
		take = have - offset < len ? have - offset : len;
		out[n++] = (struct iovec){ (uint8_t *)iov[i].iov_base + offset,
					   take };
		len -= take;
		offset = 0;
	}
	return len ? -EINVAL : (int)n;
}

/* ---- the packet ---- */

/* Pieces of the send section, 0 if there is none, or -EINVAL. */
static int section_pieces(struct net_chan *c, const struct nvs_rndis *m)
{
	struct net_queue *q = c->q;
	int n;

	if (m->section == NVS_NO_SECTION)
		return 0;
	if (!q->send || m->section >= q->send->sections) {
		net_bad(c, bad_section_index, "send section %u", m->section);
		return -EINVAL;
	}
	if (m->section_len > NET_SEND_SECTION) {
		net_bad(c, bad_section_length, "%u bytes in a send section",
			m->section_len);
		return -EINVAL;
	}
	n = vmbus_buffer_iov(q->send->vb, m->section * NET_SEND_SECTION,
			     m->section_len, q->tx_iov, NET_TX_IOV);
	return n;
}

/* The packet's stream in q->tx_iov: number of pieces and *bytes, or -EINVAL. */
static int packet_pieces(struct net_chan *c, const struct nvs_rndis *m,
			 uint32_t *bytes)
{
	struct net_queue *q = c->q;
	struct vmbus_gpa_iter it;
	uint64_t sum = 0;
	int n = section_pieces(c, m), more, i;
	uint32_t len;

	if (n < 0)
		return n;
	if (c->pkt.type == RING_PKT_GPA_DIRECT) {
		if (vmbus_gpa_first(&c->pkt, &it) < 0)
			goto bad;
		while ((more = vmbus_gpa_next(vmbus_chan_mem(c->ch), &it,
					      q->tx_iov + n, NET_TX_IOV - n,
					      &len)) != -ENODATA) {
			if (more < 0)
				goto bad;
			n += more;
		}
	}
	for (i = 0; i < n; i++)
		sum += q->tx_iov[i].iov_len;
	if (sum > UINT32_MAX / 2)
		goto bad;
	*bytes = sum;
	return n;
bad:
	net_bad(c, bad_ranges, "ranges of a packet");
	return -EINVAL;
}

/* ---- per-packet information ---- */

static bool ppi_value(const uint8_t *ppi, const struct rndis_ppi *h,
		      uint32_t *value)
{
	if (h->size - h->offset < sizeof(*value))
		return false;
	memcpy(value, ppi + h->offset, sizeof(*value));
	return true;
}

/* Each step goes on by at least a header: a chain can't loop. */
static bool parse_ppis(const uint8_t *p, uint32_t len, struct departure *d)
{
	struct rndis_ppi h;

	for (; len; p += h.size, len -= h.size) {
		if (len < sizeof(h))
			return false;
		memcpy(&h, p, sizeof(h));
		if (h.size < sizeof(h) || h.size > len || h.size % 4 ||
		    h.offset < sizeof(h) || h.offset > h.size)
			return false;
		switch (h.type) {
		case RNDIS_PPI_CHECKSUM:
			if (!ppi_value(p, &h, &d->csum))
				return false;
			d->has_csum = true;
			break;
		case RNDIS_PPI_LSO:
			if (!ppi_value(p, &h, &d->lso))
				return false;
			d->has_lso = true;
			break;
		case RNDIS_PPI_8021Q:
			if (!ppi_value(p, &h, &d->vlan))
				return false;
			d->has_vlan = true;
			break;
		}
	}
	return true;
}

/* ---- what is to be done to the frame ---- */

static bool prepare_csum(struct departure *d, struct virtio_net_hdr *vh)
{
	uint32_t at = RNDIS_CSUM_TX_OFFSET(d->csum);
	bool tcp = d->csum & RNDIS_CSUM_TX_TCP;

	if (d->csum & RNDIS_CSUM_TX_IP_HEADER) {
		uint8_t *ip = d->start + d->h.l3;
		uint32_t len = (ip[0] & 15) * 4u;
		uint16_t sum;

		if (!d->h.v4)
			return false;
		ip[10] = ip[11] = 0;
		sum = net_ip_sum(ip, len);
		ip[10] = sum >> 8;
		ip[11] = sum;
		d->rebuilt = true;
	}
	if (!(d->csum & (RNDIS_CSUM_TX_TCP | RNDIS_CSUM_TX_UDP)))
		return true;
	/* Not everybody tells where. */
	if (at < NET_ETH_HEADER)
		at = d->h.l4;
	if (!at)
		return false;
	vh->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vh->csum_start = at;
	vh->csum_offset = tcp ? TCP_SUM : UDP_SUM;
	return at + vh->csum_offset + 2 <= d->len;
}

/* Lengths and sums, which the child has left out for there are many of them. */
static void rebuild(struct departure *d)
{
	uint8_t *ip = d->start + d->h.l3;
	uint32_t l4_len = d->len - d->h.l4;

	if (d->h.v4) {
		put_be16(ip + 2, d->len - d->h.l3);
		put_be16(ip + 10, 0);
		put_be16(ip + 10, net_ip_sum(ip, (ip[0] & 15) * 4u));
	} else {
		put_be16(ip + 4, d->len - d->h.l3 - 40);
	}
	put_be16(d->start + d->h.l4 + TCP_SUM,
		 net_pseudo_sum(d->start, &d->h, l4_len));
	d->rebuilt = true;
}

static bool prepare_lso(struct departure *d, struct virtio_net_hdr *vh)
{
	bool v6 = d->lso & RNDIS_LSO_V2 && d->lso & RNDIS_LSO_V2_IPV6;
	uint32_t mss = RNDIS_LSO_MSS(d->lso), header;

	if (!d->h.l4 || d->h.ip_proto != IPPROTO_TCP ||
	    (v6 ? !d->h.v6 : !d->h.v4) || d->looked < d->h.l4 + 20)
		return false;
	header = d->h.l4 + (d->start[d->h.l4 + 12] >> 4) * 4u;
	if (header < d->h.l4 + 20 || header > d->len || mss < MSS_MIN ||
	    mss > UINT16_MAX || d->len - d->h.l3 > UINT16_MAX)
		return false;
	rebuild(d);
	vh->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	vh->csum_start = d->h.l4;
	vh->csum_offset = TCP_SUM;
	if (d->len - header > mss) {
		vh->gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
				    VIRTIO_NET_HDR_GSO_TCPV4;
		vh->gso_size = mss;
		vh->hdr_len = header;
	}
	return true;
}

static bool can_send(const struct netvsp *n, const struct virtio_net_hdr *vh)
{
	unsigned int need = 0;

	if (vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		need |= NET_CAN_CSUM;
	if (vh->gso_type == VIRTIO_NET_HDR_GSO_TCPV4)
		need |= NET_CAN_TSO4;
	if (vh->gso_type == VIRTIO_NET_HDR_GSO_TCPV6)
		need |= NET_CAN_TSO6;
	return !(need & ~n->net->info.can);
}

/* ---- one frame ---- */

static void count_frame(struct net_queue *q, const struct departure *d,
			const struct virtio_net_hdr *vh)
{
	net_count(q, tx_frames);
	net_add(q, tx_bytes, d->len);
	net_add(q, tx_segments,
		vh->gso_size ? (d->len - vh->hdr_len + vh->gso_size - 1) /
				       vh->gso_size :
			       1);
	q->pace.out++;
	if (!(d->start[0] & 1)) {
		net_count(q, tx_unicast_frames);
		net_add(q, tx_unicast_bytes, d->len);
	} else if ((d->start[0] & d->start[1] & d->start[2] & d->start[3] &
		    d->start[4] & d->start[5]) == 255) {
		net_count(q, tx_broadcast_frames);
		net_add(q, tx_broadcast_bytes, d->len);
	} else {
		net_count(q, tx_multicast_frames);
		net_add(q, tx_multicast_bytes, d->len);
	}
	if (vh->gso_type)
		net_count(q, tx_tso);
	else if (vh->flags)
		net_count(q, tx_csum);
	if (d->has_vlan)
		net_count(q, tx_vlan);
	if (d->rebuilt)
		net_count(q, tx_headers_rebuilt);
}

/*
 * The frame's pieces in q->frame_iov: their number or -errno.  The first *ours of
 * them are our own memory, which is used again for the next frame.
 */
static int frame_pieces(struct net_queue *q, unsigned int npieces,
			struct departure *d, struct virtio_net_hdr *vh,
			unsigned int *ours)
{
	struct iovec *out = q->frame_iov;
	uint32_t from = d->rebuilt ? d->looked : 0;
	int n = 0, more;

	if (d->has_vlan) {
		uint16_t tci = RNDIS_8021Q_PRIORITY(d->vlan) << 13 |
			       RNDIS_8021Q_CFI(d->vlan) << 12 |
			       RNDIS_8021Q_VLAN(d->vlan);

		put_be16(d->tag, ETH_P_8021Q);
		put_be16(d->tag + 2, tci);
		/* The addresses, from the copy that was looked at. */
		out[n++] = (struct iovec){ d->start, 12 };
		out[n++] = (struct iovec){ d->tag, sizeof(d->tag) };
		if (d->rebuilt)
			out[n++] =
				(struct iovec){ d->start + 12, d->looked - 12 };
		else
			from = 12;
		if (vh->csum_start)
			vh->csum_start += NET_VLAN_HEADER;
		if (vh->hdr_len)
			vh->hdr_len += NET_VLAN_HEADER;
	} else if (d->rebuilt) {
		out[n++] = (struct iovec){ d->start, d->looked };
	}
	*ours = n;
	more = net_iov_slice(q->tx_iov, npieces, d->at + from, d->len - from,
			     out + n, NET_IOV_MAX - n);
	return more < 0 ? more : n + more;
}

static bool prepare(struct net_chan *c, struct departure *d,
		    struct virtio_net_hdr *vh)
{
	if (d->has_lso) {
		if (prepare_lso(d, vh))
			return true;
		net_bad(c, bad_lso, "large send: %u bytes, %#x", d->len,
			d->lso);
		return false;
	}
	if (!d->has_csum || prepare_csum(d, vh))
		return true;
	net_bad(c, bad_csum, "checksum: %u bytes, %#x", d->len, d->csum);
	return false;
}

/* 0: on its way, or lost.  -EAGAIN; -EINVAL: the child's mistake. */
static int send_frame(struct net_chan *c, unsigned int npieces,
		      struct departure *d)
{
	struct net_queue *q = c->q;
	struct virtio_net_hdr vh = { 0 };
	unsigned int ours;
	int n, err;

	d->looked = d->len < NET_HEADERS ? d->len : NET_HEADERS;
	if (!d->has_lso && !d->has_csum)
		d->looked = NET_ETH_HEADER;
	net_iov_copy(q->tx_iov, npieces, d->at, d->start, d->looked);
	if (d->has_lso || d->has_csum)
		net_parse(d->start, d->looked, &d->h);
	if (!prepare(c, d, &vh))
		return -EINVAL;
	if (!q->running) {
		net_count(q, tx_drop_down);
		return 0;
	}
	if (!can_send(c->n, &vh)) {
		net_count(q, tx_drop_offload);
		return 0;
	}
	n = frame_pieces(q, npieces, d, &vh, &ours);
	if (n < 0) {
		net_bad(c, bad_ranges, "frame in too many pieces");
		return -EINVAL;
	}
	/* The rest is the child's, and stays until the packet is completed. */
	if (d->alone)
		err = net_send(q->n->net, q->index, &vh, q->frame_iov, n);
	else
		err = net_send_more(q->n->net, q->index, &vh, q->frame_iov, n,
				    ours);
	if (err == -EAGAIN) {
		q->writable = false;
		net_count(q, tx_stalled);
		return err;
	}
	if (err)
		net_count(q, tx_drop_backend);
	else
		count_frame(q, d, &vh);
	/* An answer may be there by now: look before sleeping, not after. */
	q->readable = true;
	return 0;
}

/* ---- one message ---- */

static bool inside(uint32_t offset, uint32_t len, uint32_t message)
{
	return (uint64_t)offset + RNDIS_OFFSET_BASE + len <= message;
}

/* A packet message of `len` bytes at `at` of the stream. */
static int handle_packet(struct net_chan *c, unsigned int npieces, uint32_t at,
			 uint32_t len, bool alone)
{
	struct net_queue *q = c->q;
	struct rndis_packet p;
	struct departure d = { .alone = alone };
	uint8_t ppi[PPI_MAX];
	uint32_t most = q->set.frame + NET_VLAN_HEADER;

	if (len < sizeof(p)) {
		net_bad(c, bad_rndis_length, "RNDIS packet of %u bytes", len);
		return -EINVAL;
	}
	net_iov_copy(q->tx_iov, npieces, at, &p, sizeof(p));
	if (!inside(p.data_offset, p.data_len, len)) {
		net_bad(c, bad_data_place, "frame at %u, %u bytes, of %u",
			p.data_offset, p.data_len, len);
		return -EINVAL;
	}
	if (p.ppi_len && (p.ppi_offset < RNDIS_PACKET_PPI_OFFSET ||
			  p.ppi_len > sizeof(ppi) ||
			  !inside(p.ppi_offset, p.ppi_len, len))) {
		net_bad(c, bad_ppi, "per-packet information at %u, %u bytes",
			p.ppi_offset, p.ppi_len);
		return -EINVAL;
	}
	net_iov_copy(q->tx_iov, npieces, at + RNDIS_OFFSET_BASE + p.ppi_offset,
		     ppi, p.ppi_len);
	if (!parse_ppis(ppi, p.ppi_len, &d)) {
		net_bad(c, bad_ppi, "chain of per-packet information");
		return -EINVAL;
	}
	d.at = at + RNDIS_OFFSET_BASE + p.data_offset;
	d.len = p.data_len;
	if (d.has_lso)
		most = NET_FRAME_MAX;
	if (d.len < NET_ETH_HEADER || d.len > most) {
		net_bad(c, bad_frame_length, "frame of %u bytes", d.len);
		return -EINVAL;
	}
	return send_frame(c, npieces, &d);
}

static int handle_control(struct net_chan *c, unsigned int npieces,
			  uint32_t bytes)
{
	uint8_t msg[CONTROL_MAX];

	if (c->index || bytes > sizeof(msg)) {
		net_bad(c, bad_control, "control message: %u bytes%s", bytes,
			c->index ? ", on a sub-channel" : "");
		return NVS_STATUS_BAD_RNDIS;
	}
	net_count(c->q, control_messages);
	net_iov_copy(c->q->tx_iov, npieces, 0, msg, bytes);
	return net_rndis_control(c, msg, bytes);
}

static int handle_messages(struct net_chan *c, const struct nvs_rndis *m)
{
	struct rndis_header h;
	uint32_t bytes;
	int n = packet_pieces(c, m, &bytes), err;

	if (n < 0)
		return NVS_STATUS_BAD_RNDIS;
	if (m->channel != NVS_CHANNEL_DATA)
		return handle_control(c, n, bytes);
	if (!c->held_at) {
		net_count(c->q, tx_packets);
		c->held_bad = false;
	}
	/* A message that lies about its length takes the rest with it. */
	do {
		/* There is room for tens of thousands of them. */
		if (!c->q->frames)
			return -EAGAIN;
		if (bytes - c->held_at < sizeof(h)) {
			net_bad(c, bad_rndis_length, "RNDIS: %u bytes",
				bytes - c->held_at);
			return NVS_STATUS_BAD_RNDIS;
		}
		net_iov_copy(c->q->tx_iov, n, c->held_at, &h, sizeof(h));
		if (h.len < sizeof(h) || h.len > bytes - c->held_at) {
			net_bad(c, bad_rndis_length, "RNDIS: %u of %u bytes",
				h.len, bytes - c->held_at);
			return NVS_STATUS_BAD_RNDIS;
		}
		if (h.type != RNDIS_PACKET) {
			net_bad(c, bad_rndis_type, "message %#x among data",
				h.type);
			return NVS_STATUS_BAD_RNDIS;
		}
		err = handle_packet(c, n, c->held_at, h.len, h.len == bytes);
		if (err == -EAGAIN)
			return err;
		c->q->frames--;
		if (err)
			c->held_bad = true;
		if (c->held_at)
			net_count(c->q, tx_batched);
		c->held_at += h.len;
	} while (c->held_at < bytes);
	return c->held_bad ? NVS_STATUS_BAD_RNDIS : NVS_STATUS_OK;
}

/* The frames of a packet leave together, before it is completed. */
int net_tx_packet(struct net_chan *c, const struct nvs_rndis *m)
{
	int status = handle_messages(c, m);

	net_flush(c->q->n->net, c->q->index);
	return status;
}
