// SPDX-License-Identifier: GPL-2.0
/*
 * A card with nobody at the other end, for measuring what everything else
 * costs: frames out are forgotten, and frames come in as fast as they are taken,
 * if any were ordered, all with no system call.
 *
 * What comes is broadcast, of an EtherType for local experiments: a child takes
 * it through its driver and drops it where protocols begin.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net_var.h"

#define NULL_MTU 9000u

struct null {
	struct net net;
	uint32_t len;
	uint64_t left[NET_QUEUES_MAX]; /* each its queue's worker's */
};

static const uint8_t frame_head[NET_FRAME_MIN] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* to everybody */
	0x02, 0x00, 0x00, 0x00, 0x00, 0x01, /* from a local address */
	0x88, 0xb5,
};

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
	size_t left = nl->len;
	unsigned int i;

	if (!nl->left[queue])
		return -EAGAIN;
	if (nl->left[queue] != UINT64_MAX)
		nl->left[queue]--;
	if (net_iov_len(iov, niov) < nl->len)
		return -EMSGSIZE;
	memset(hdr, 0, sizeof(*hdr));
	for (i = 0; i < niov && left; i++) {
		size_t part = iov[i].iov_len < left ? iov[i].iov_len : left;

		memset(iov[i].iov_base, 0, part);
		left -= part;
	}
	net_iov_put(iov, niov, frame_head, sizeof(frame_head));
	return nl->len;
}

static void null_close(struct net *n)
{
	free(n);
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
	struct null *nl;
	unsigned int i;

	if (opt->rx && (opt->rx < NET_FRAME_MIN || opt->rx > NET_FRAME_MAX))
		return explain(-EINVAL, why, why_len,
			       "rx=%u: a frame has %d to %d bytes", opt->rx,
			       NET_FRAME_MIN, NET_FRAME_MAX);
	nl = calloc(1, sizeof(*nl));
	if (!nl)
		return explain(-ENOMEM, why, why_len, "out of memory");
	nl->len = opt->rx;
	for (i = 0; i < NET_QUEUES_MAX && opt->rx; i++)
		nl->left[i] = opt->rx_count ? opt->rx_count : UINT64_MAX;
	nl->net.ops = &null_ops;
	nl->net.info = (struct net_info){
		.queues = net_queues(opt),
		.can = NET_CAN_CSUM | NET_CAN_TSO4 | NET_CAN_TSO6 | NET_CAN_USO,
		.max_mtu = opt->mtu ? opt->mtu : NULL_MTU,
	};
	*out = &nl->net;
	return 0;
}

const struct net_kind net_null = { "null", null_open };
