// SPDX-License-Identifier: GPL-2.0
/*
 * Frames of the back end to the child.
 *
 * A frame is received where it stays: in a section of the child's receive
 * buffer, with room before it for its RNDIS header.  Small frames follow each
 * other in one section.  When the child takes coalesced frames, the room goes on
 * in further sections (spares), each with room for a header of its own, for the
 * back end does not say how long the next frame will be.
 *
 *	fill:   |frame|frame|head|......................|
 *	spares: |head|..................................|
 *	        |head|..................................|
 *
 * Most frames are small, and each piece that is offered costs the kernel time,
 * used or not. So while no long frame comes, a buffer of our own stands for the
 * spares; the first long one is copied out of it, and those that follow find the
 * spares themselves.
 *
 * Without a free section nothing is received: the frames wait in the back end.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "netvsp_var.h"

#define RX_BUDGET     128u /* frames in one turn */

/* Room for the header of a frame with all the PPIs there are, and of a piece. */
#define HEAD_FIRST    112u
#define HEAD_PIECE    64u
#define FRAME_ALIGN   64u

/* Short frames in a row after which no long one is expected. */
#define DIRECT_FRAMES 64u

struct head {
	struct rndis_packet packet;
	uint8_t ppi[HEAD_FIRST - sizeof(struct rndis_packet)];
};

/* ---- room ---- */

static void spare_add(struct net_queue *q, uint32_t section)
{
	struct net_spare *s = &q->spare[q->nspares++];
	uint32_t size = q->pool->section_size;
	int n = vmbus_buffer_iov(q->pool->vb, section * size + HEAD_PIECE,
				 size - HEAD_PIECE,
				 q->rx_iov + NET_FILL_IOV + q->rx_niov,
				 NET_IOV_MAX - NET_FILL_IOV - q->rx_niov);

	/* Sections are inside, and of 5 pages at most. */
	s->section = section;
	s->niov = n > 0 ? n : 0;
	q->rx_niov += s->niov;
	q->rx_room += size - HEAD_PIECE;
}

/* The first spare is no spare any more. */
static uint32_t spare_take(struct net_queue *q)
{
	struct net_spare first = q->spare[0];
	struct iovec *iov = q->rx_iov + NET_FILL_IOV;

	q->nspares--;
	memmove(q->spare, q->spare + 1, q->nspares * sizeof(first));
	q->rx_niov -= first.niov;
	memmove(iov, iov + first.niov, q->rx_niov * sizeof(*iov));
	q->rx_room -= q->pool->section_size - HEAD_PIECE;
	return first.section;
}

void net_rx_drop(struct net_queue *q)
{
	net_batch_flush(q);
	while (q->nspares)
		net_pool_unref(q->pool, spare_take(q));
	if (q->fill != NET_NO_SECTION)
		net_pool_unref(q->pool, q->fill);
	q->fill = NET_NO_SECTION;
}

static bool coalesced(const struct net_queue *q)
{
	return q->pool->rsc && (q->set.rsc4 || q->set.rsc6);
}

/* A place for the next frame, whatever it is; false: no section is free. */
static bool make_room(struct net_queue *q)
{
	uint32_t size = q->pool->section_size, s;
	uint32_t frame = q->set.frame + NET_VLAN_HEADER;

	if (q->fill != NET_NO_SECTION &&
	    q->fill_at + HEAD_FIRST + frame > size) {
		net_pool_unref(q->pool, q->fill);
		q->fill = NET_NO_SECTION;
	}
	if (q->fill == NET_NO_SECTION) {
		s = q->nspares ? spare_take(q) :
				 net_pool_take(q->pool, q->index);
		if (s == NET_NO_SECTION)
			return false;
		q->fill = s;
		q->fill_at = 0;
	}
	if (!coalesced(q))
		return true;
	while (size - q->fill_at - HEAD_FIRST + q->rx_room < NET_FRAME_MAX &&
	       q->nspares < NET_SPARES) {
		s = net_pool_take(q->pool, q->index);
		if (s == NET_NO_SECTION)
			return false;
		spare_add(q, s);
	}
	return true;
}

/* ---- the header ---- */

static void ppi_add(struct head *h, uint32_t type, uint32_t value)
{
	struct rndis_ppi ppi = {
		.size = sizeof(ppi) + sizeof(value),
		.type = type,
		.offset = sizeof(ppi),
	};
	uint8_t *at = h->ppi + h->packet.ppi_len;

	memcpy(at, &ppi, sizeof(ppi));
	memcpy(at + sizeof(ppi), &value, sizeof(value));
	h->packet.ppi_len += ppi.size;
	h->packet.ppi_offset = RNDIS_PACKET_PPI_OFFSET;
}

static void ppi_piece(struct head *h, uint8_t flags)
{
	struct rndis_packet_id id = { RNDIS_PACKET_ID_VERSION,
				      RNDIS_PACKET_ID_FRAGMENT | flags, 0 };
	uint32_t value;

	memcpy(&value, &id, sizeof(value));
	ppi_add(h, RNDIS_PPI_PACKET_ID, value);
}

static uint32_t csum_found(const struct virtio_net_hdr *vh,
			   const struct net_headers *h)
{
	bool partial = vh->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	/* What is not summed yet has never been on a wire. */
	if (!h->l4 || !(partial || vh->flags & VIRTIO_NET_HDR_F_DATA_VALID))
		return 0;
	if (h->ip_proto == IPPROTO_TCP)
		return RNDIS_CSUM_RX_TCP_OK |
		       (partial ? RNDIS_CSUM_RX_TCP_INVALID : 0);
	if (h->ip_proto == IPPROTO_UDP)
		return RNDIS_CSUM_RX_UDP_OK;
	return 0;
}

/* ---- one frame ---- */

struct arrival {
	struct net_headers h;
	uint8_t start[NET_HEADERS]; /* private copy */
	uint32_t len, hash;
	uint32_t segments; /* of the frame on a wire */
	bool gso, hashed;
	unsigned int channel;
	enum { UNICAST, MULTICAST, BROADCAST } kind;
};

static bool in_list(const struct net_settings *s, const uint8_t *mac)
{
	unsigned int i;

	for (i = 0; i < s->nmulticast; i++)
		if (!memcmp(s->multicast[i], mac, 6))
			return true;
	return false;
}

static bool wanted(const struct net_settings *s, struct arrival *a)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	bool yes;

	if (!(a->start[0] & 1)) {
		a->kind = UNICAST;
		yes = s->filter & RNDIS_FILTER_DIRECTED &&
		      !memcmp(a->start, s->mac, 6);
	} else if (!memcmp(a->start, all, 6)) {
		a->kind = BROADCAST;
		yes = s->filter & RNDIS_FILTER_BROADCAST;
	} else {
		a->kind = MULTICAST;
		yes = s->filter & RNDIS_FILTER_ALL_MULTICAST ||
		      (s->filter & RNDIS_FILTER_MULTICAST &&
		       in_list(s, a->start));
	}
	return yes || s->filter & RNDIS_FILTER_PROMISCUOUS;
}

static void choose_channel(struct net_queue *q, struct arrival *a)
{
	const struct net_settings *s = &q->set;
	unsigned int to;

	a->channel = q->first;
	if (!s->rss || !s->table_len ||
	    !net_flow_hash(&s->toeplitz, s->hash_info, a->start, &a->h,
			   &a->hash))
		return;
	a->hashed = true;
	net_count(q, rx_hashed);
	to = s->table[a->hash % s->table_len];
	if (atomic_load_explicit(&q->n->channels_up, memory_order_relaxed) >>
		    to &
	    1)
		a->channel = to;
}

/* Does the child take it as it is? */
static bool acceptable(struct net_queue *q, const struct virtio_net_hdr *vh,
		       struct arrival *a)
{
	uint8_t gso = vh->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;

	if (gso == VIRTIO_NET_HDR_GSO_NONE) {
		if (a->len <= q->set.frame + (a->h.vlan ? NET_VLAN_HEADER : 0))
			return true;
		net_count(q, rx_drop_length);
		return false;
	}
	a->gso = true;
	if (vh->gso_size)
		a->segments = (a->len + vh->gso_size - 1) / vh->gso_size;
	if (q->pool->rsc && ((gso == VIRTIO_NET_HDR_GSO_TCPV4 && q->set.rsc4) ||
			     (gso == VIRTIO_NET_HDR_GSO_TCPV6 && q->set.rsc6)))
		return true;
	/* Sent before the back end heard that we take them no more. */
	net_count(q, rx_drop_offload);
	return false;
}

static void count_frame(struct net_queue *q, const struct arrival *a)
{
	static const enum net_counter frames[] = {
		[UNICAST] = NET_C_rx_unicast_frames,
		[MULTICAST] = NET_C_rx_multicast_frames,
		[BROADCAST] = NET_C_rx_broadcast_frames,
	};
	static const enum net_counter bytes[] = {
		[UNICAST] = NET_C_rx_unicast_bytes,
		[MULTICAST] = NET_C_rx_multicast_bytes,
		[BROADCAST] = NET_C_rx_broadcast_bytes,
	};

	net_count(q, rx_frames);
	net_add(q, rx_bytes, a->len);
	net_add(q, rx_segments, a->segments);
	q->pace.packets++;
	q->pace.in++;
	net_count_add(q, frames[a->kind], 1);
	net_count_add(q, bytes[a->kind], a->len);
}

/* The first range's header; `room` bytes of the frame are behind it. */
static void write_first(struct net_queue *q, const struct virtio_net_hdr *vh,
			const struct arrival *a, uint32_t offset, uint32_t room)
{
	uint32_t csum = csum_found(vh, &a->h), skip = 0;
	struct head h = { .packet = { .type = RNDIS_PACKET } };

	if (csum) {
		ppi_add(&h, RNDIS_PPI_CHECKSUM, csum);
		net_count(q, rx_csum);
	}
	if (a->h.vlan) {
		/* The tag goes out of the frame: the addresses move over it. */
		skip = NET_VLAN_HEADER;
		net_pool_write(q->pool, offset + HEAD_FIRST + skip, a->start,
			       12);
		ppi_add(&h, RNDIS_PPI_8021Q,
			RNDIS_8021Q(a->h.tci >> 13, a->h.tci >> 12 & 1,
				    a->h.tci & 0xfff));
		net_count(q, rx_vlan);
	}
	if (a->hashed)
		ppi_add(&h, RNDIS_PPI_HASH_VALUE, a->hash);
	if (a->gso) {
		ppi_piece(&h,
			  RNDIS_PACKET_ID_FIRST |
				  (a->len <= room ? RNDIS_PACKET_ID_LAST : 0));
		net_count(q, rx_rsc);
	}
	h.packet.data_offset = HEAD_FIRST + skip - RNDIS_OFFSET_BASE;
	h.packet.data_len = (a->len < room ? a->len : room) - skip;
	h.packet.len = HEAD_FIRST + skip + h.packet.data_len;
	net_pool_write(q->pool, offset, &h,
		       sizeof(h.packet) + h.packet.ppi_len);
}

static void write_piece(struct net_queue *q, uint32_t offset, uint32_t len,
			bool last)
{
	struct head h = { .packet = { .type = RNDIS_PACKET } };

	ppi_piece(&h, last ? RNDIS_PACKET_ID_LAST : 0);
	h.packet.data_offset = HEAD_PIECE - RNDIS_OFFSET_BASE;
	h.packet.data_len = len;
	h.packet.len = HEAD_PIECE + len;
	net_pool_write(q->pool, offset, &h,
		       sizeof(h.packet) + h.packet.ppi_len);
}

static uint32_t align(uint32_t at)
{
	return (at + FRAME_ALIGN - 1) / FRAME_ALIGN * FRAME_ALIGN;
}

/* The frame lies there: tell where, and go on behind it. */
static void place(struct net_queue *q, const struct virtio_net_hdr *vh,
		  const struct arrival *a)
{
	uint32_t size = q->pool->section_size;
	uint32_t room = size - q->fill_at - HEAD_FIRST;
	struct ring_xfer_range range[1 + NET_SPARES];
	uint32_t left = a->len > room ? a->len - room : 0, part;
	unsigned int n = 1, i;

	range[0].offset = q->fill * size + q->fill_at;
	range[0].len = HEAD_FIRST + a->len - left;
	write_first(q, vh, a, range[0].offset, room);
	for (i = 0; left; i++, left -= part) {
		part = left < size - HEAD_PIECE ? left : size - HEAD_PIECE;
		range[n].offset = q->spare[i].section * size;
		range[n].len = HEAD_PIECE + part;
		write_piece(q, range[n].offset, part, left == part);
		n++;
	}
	if (net_batch_add(q, a->channel, range, n)) {
		net_count(q, rx_drop_channel);
		return;
	}
	count_frame(q, a);
	for (i = 1; i < n; i++) {
		net_pool_unref(q->pool, q->fill);
		q->fill = spare_take(q);
		q->fill_at = 0;
	}
	q->fill_at = align(q->fill_at + range[n - 1].len);
}

static void arrived(struct net_queue *q, const struct virtio_net_hdr *vh,
		    const struct iovec *iov, unsigned int niov, uint32_t len)
{
	struct arrival a = { .len = len, .segments = 1 };
	uint32_t looked = len < NET_HEADERS ? len : NET_HEADERS;

	if (len < NET_ETH_HEADER) {
		net_count(q, rx_drop_length);
		return;
	}
	net_iov_copy(iov, niov, 0, a.start, looked);
	net_parse(a.start, looked, &a.h);
	if (!wanted(&q->set, &a)) {
		net_count(q, rx_drop_filter);
		return;
	}
	if (!acceptable(q, vh, &a))
		return;
	choose_channel(q, &a);
	place(q, vh, &a);
}

/* ---- the turn ---- */

/* What did not fit lies in `over`, which stood for the spares. */
static void move_over(struct net_queue *q, uint32_t len)
{
	net_iov_put(q->rx_iov + NET_FILL_IOV, q->rx_niov, q->rx_over, len);
	net_add(q, bytes_copied, len);
}

static bool receive(struct net_queue *q)
{
	uint32_t at = q->fill_at + HEAD_FIRST;
	uint32_t room = q->pool->section_size - at;
	uint32_t most = q->rx_room < NET_FRAME_MAX ? q->rx_room : NET_FRAME_MAX;
	struct iovec first[NET_FILL_IOV + 1], *iov = first;
	bool spares = coalesced(q), direct = spares && q->rx_direct;
	struct virtio_net_hdr vh;
	int n, niov, len;

	n = vmbus_buffer_iov(q->pool->vb, q->fill * q->pool->section_size + at,
			     room, first, NET_FILL_IOV);
	if (n <= 0)
		return false;
	niov = n;
	if (direct) {
		/* Right before those of the spares. */
		iov = q->rx_iov + NET_FILL_IOV - n;
		memcpy(iov, first, n * sizeof(*iov));
		niov += q->rx_niov;
	} else if (spares) {
		first[niov++] = (struct iovec){ q->rx_over, most };
	}
	len = net_recv(q->n->net, q->index, &vh, iov, niov);
	if (len == -EAGAIN) {
		q->readable = false;
		return false;
	}
	if (len < 0)
		return true;
	if ((uint32_t)len > room) {
		if (!direct)
			move_over(q, len - room);
		q->rx_direct = DIRECT_FRAMES;
	} else if (direct) {
		q->rx_direct--;
	}
	arrived(q, &vh, iov, niov, len);
	return true;
}

bool net_rx_turn(struct net_queue *q)
{
	unsigned int i;

	if (!q->running || !q->readable || !q->pool)
		return false;
	for (i = 0; i < RX_BUDGET; i++) {
		/* The child is behind: its completions, or its signal, come. */
		if (q->nwaiting)
			break;
		if (!make_room(q)) {
			net_count(q, rx_no_section);
			break;
		}
		if (!receive(q))
			break;
	}
	net_batch_flush(q);
	return i == RX_BUDGET;
}
