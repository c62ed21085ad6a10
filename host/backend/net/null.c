// SPDX-License-Identifier: GPL-2.0
/*
 * A card with nobody at the other end, for measuring what everything else
 * costs: frames out are forgotten, and frames come in as fast as they are taken,
 * if any were ordered, all with no system call.
 *
 * What comes is broadcast, of an EtherType for local experiments: a child takes
 * it through its driver and drops it where protocols begin. Or it is UDP, a flow
 * in each queue, which a child takes as far as a socket of port 9 (discard).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net_var.h"
#include "util/be.h"
#include "util/inet_sum.h"

#define NULL_MTU 9000u

struct null {
	struct net net;
	uint32_t len;
	uint8_t flags;	/* VIRTIO_NET_HDR_F_* */
	uint8_t *frame; /* len bytes for each queue; NULL: none comes */
	uint64_t left[NET_QUEUES_MAX]; /* each its queue's worker's */
};

#define ETH_HEAD 14u
#define IP_HEAD	 20u
#define UDP_HEAD 8u

static const uint8_t eth_head[ETH_HEAD] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* to everybody */
	0x02, 0x00, 0x00, 0x00, 0x00, 0x01, /* from a local address */
	0x88, 0xb5,
};

/* From a neighbour of the address; without a sum, which UDP may. */
static void make_datagram(uint8_t *frame, uint32_t len, uint32_t to,
			  unsigned int queue)
{
	static const uint8_t ip_head[IP_HEAD] = {
		0x45, [6] = 0x40, [8] = 64, [9] = 17
	};
	uint8_t *ip = frame + ETH_HEAD, *udp = ip + IP_HEAD;

	put_be16(frame + 12, 0x0800);
	memcpy(ip, ip_head, IP_HEAD);
	put_be16(ip + 2, len - ETH_HEAD);
	memcpy(ip + 12, &to, 4);
	ip[15] ^= 1;
	memcpy(ip + 16, &to, 4);
	put_be16(ip + 10, ~inet_sum_fold(inet_sum_add(0, ip, IP_HEAD)));
	put_be16(udp, 49152 + queue);
	put_be16(udp + 2, 9);
	put_be16(udp + 4, len - ETH_HEAD - IP_HEAD);
}

static int make_frames(struct null *nl, const struct net_options *opt)
{
	unsigned int i;

	nl->len = opt->rx;
	nl->frame = calloc(nl->net.info.queues, nl->len);
	if (!nl->frame)
		return -ENOMEM;
	if (opt->rx_to)
		nl->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	for (i = 0; i < nl->net.info.queues; i++) {
		nl->left[i] = opt->rx_count ? opt->rx_count : UINT64_MAX;
		memcpy(nl->frame + i * nl->len, eth_head, ETH_HEAD);
		if (opt->rx_to)
			make_datagram(nl->frame + i * nl->len, nl->len,
				      opt->rx_to, i);
	}
	return 0;
}

static int null_start(struct net *n, unsigned int queue, struct worker *w)
{
	(void)n, (void)queue, (void)w;
	return 0;
}

static void null_stop(struct net *n, unsigned int queue)
{
	(void)n, (void)queue;
}

static int null_send(struct net *n, unsigned int queue,
		     const struct virtio_net_hdr *hdr, const struct iovec *iov,
		     unsigned int niov)
{
	(void)n, (void)queue, (void)hdr, (void)iov, (void)niov;
	return 0;
}

static int null_recv(struct net *n, unsigned int queue,
		     struct virtio_net_hdr *hdr, const struct iovec *iov,
		     unsigned int niov)
{
	struct null *nl = (struct null *)n;

	if (!nl->left[queue])
		return -EAGAIN;
	if (nl->left[queue] != UINT64_MAX)
		nl->left[queue]--;
	if (net_iov_len(iov, niov) < nl->len)
		return -EMSGSIZE;
	*hdr = (struct virtio_net_hdr){ .flags = nl->flags };
	net_iov_put(iov, niov, nl->frame + queue * nl->len, nl->len);
	return nl->len;
}

static void null_close(struct net *n)
{
	struct null *nl = (struct null *)n;

	free(nl->frame);
	free(nl);
}

static const struct net_ops null_ops = {
	.name = "null",
	.start = null_start,
	.stop = null_stop,
	.send = null_send,
	.recv = null_recv,
	.close = null_close,
};

static int null_open(const struct net_options *opt, struct net **out, char *why,
		     size_t why_len)
{
	uint32_t least = ETH_HEAD + IP_HEAD + UDP_HEAD;
	struct null *nl;

	if (opt->rx && (opt->rx < NET_FRAME_MIN || opt->rx > NET_FRAME_MAX))
		return explain(-EINVAL, why, why_len,
			       "rx=%u: a frame has %d to %d bytes", opt->rx,
			       NET_FRAME_MIN, NET_FRAME_MAX);
	if (opt->rx_to && (opt->rx < least || opt->rx - ETH_HEAD > UINT16_MAX))
		return explain(-EINVAL, why, why_len,
			       "rx=%u: a frame with a datagram has %u to %u "
			       "bytes",
			       opt->rx, least, ETH_HEAD + UINT16_MAX);
	nl = calloc(1, sizeof(*nl));
	if (!nl)
		return explain(-ENOMEM, why, why_len, "out of memory");
	nl->net.ops = &null_ops;
	nl->net.info = (struct net_info){
		.queues = net_queues(opt),
		.can = NET_CAN_CSUM | NET_CAN_TSO4 | NET_CAN_TSO6 | NET_CAN_USO,
		.max_mtu = opt->mtu ? opt->mtu : NULL_MTU,
	};
	if (opt->rx && make_frames(nl, opt)) {
		free(nl);
		return explain(-ENOMEM, why, why_len, "out of memory");
	}
	*out = &nl->net;
	return 0;
}

const struct net_kind net_null = { "null", null_open };
