// SPDX-License-Identifier: GPL-2.0
/*
 * An XDP program for tests: with -DACTION=drop (or abort_, pass, tx, redirect)
 * that is what it does with UDP to port 7; all else passes.  Built for the bpf
 * target, without any header of the C library.
 */
#include <linux/bpf.h>

#define ETH_P_IP_BE 0x0008
#define PORT_BE	    0x0700
#define IP_UDP	    17

struct headers {
	unsigned char dst[6], src[6];
	unsigned short proto;
	unsigned char ihl, tos;
	unsigned short len, id, frag;
	unsigned char ttl, ip_proto;
	unsigned short csum;
	unsigned int saddr, daddr;
	unsigned short sport, dport, ulen, ucsum;
} __attribute__((packed));

static __attribute__((always_inline)) struct headers *ours(struct xdp_md *ctx)
{
	struct headers *h = (void *)(long)ctx->data;

	if ((void *)(h + 1) > (void *)(long)ctx->data_end)
		return 0;
	if (h->proto != ETH_P_IP_BE || h->ihl != 0x45 ||
	    h->ip_proto != IP_UDP || h->dport != PORT_BE)
		return 0;
	return h;
}

static __attribute__((always_inline, unused)) int drop(struct xdp_md *ctx)
{
	return ours(ctx) ? XDP_DROP : XDP_PASS;
}

static __attribute__((always_inline, unused)) int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

static __attribute__((always_inline, unused)) int abort_(struct xdp_md *ctx)
{
	return ours(ctx) ? XDP_ABORTED : XDP_PASS;
}

/* Back to whom it came from. */
static __attribute__((always_inline, unused)) int tx(struct xdp_md *ctx)
{
	struct headers *h = ours(ctx);
	unsigned char mac;
	unsigned short port;
	unsigned int addr;
	int i;

	if (!h)
		return XDP_PASS;
	for (i = 0; i < 6; i++) {
		mac = h->dst[i];
		h->dst[i] = h->src[i];
		h->src[i] = mac;
	}
	addr = h->saddr;
	h->saddr = h->daddr;
	h->daddr = addr;
	port = h->sport;
	h->sport = h->dport;
	h->dport = port;
	return XDP_TX;
}

/* Out of the interface of this number, which the test makes the first card. */
static long (*const redirect_to)(unsigned int ifindex, unsigned long flags) =
	(void *)BPF_FUNC_redirect;

static __attribute__((always_inline, unused)) int redirect(struct xdp_md *ctx)
{
	return ours(ctx) ? redirect_to(2, 0) : XDP_PASS;
}

__attribute__((section("xdp"), used)) int program(struct xdp_md *ctx)
{
	return ACTION(ctx);
}

__attribute__((section("license"), used)) char licence[] = "GPL";
