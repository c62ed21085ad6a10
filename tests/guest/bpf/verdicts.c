// SPDX-License-Identifier: GPL-2.0
/*
 * XDP programs of the network tests, one for each verdict. They look at UDP to
 * ports 9 (discard) and 7 (echo) only, so that the rest of a test goes on.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#define SEC(name) __attribute__((section(name), used))
#define swap16(v) __builtin_bswap16(v)

static long (*const redirect_to)(__u32 ifindex, __u64 flags) = (void *)23;
static long (*const adjust_meta)(void *ctx, int delta) = (void *)54;

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed));

static inline struct frame *udp_frame(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;

	if ((void *)(f + 1) > (void *)(long)ctx->data_end ||
	    f->eth.h_proto != swap16(ETH_P_IP) || f->ip.ihl != 5 ||
	    f->ip.protocol != IPPROTO_UDP)
		return (void *)0;
	return f;
}

static inline int is_discard(struct xdp_md *ctx)
{
	struct frame *f = udp_frame(ctx);

	return f && f->udp.dest == swap16(9);
}

SEC("xdp") int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp") int drop(struct xdp_md *ctx)
{
	return is_discard(ctx) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int aborted(struct xdp_md *ctx)
{
	return is_discard(ctx) ? XDP_ABORTED : XDP_PASS;
}

SEC("xdp") int nonsense(struct xdp_md *ctx)
{
	return is_discard(ctx) ? 77 : XDP_PASS;
}

/* An echo server: neither sum changes when sender and receiver do. */
SEC("xdp") int tx(struct xdp_md *ctx)
{
	struct frame *f = udp_frame(ctx);
	__u8 mac[ETH_ALEN];
	__u32 address;

	if (!f || f->udp.dest != swap16(7))
		return XDP_PASS;
	__builtin_memcpy(mac, f->eth.h_source, ETH_ALEN);
	__builtin_memcpy(f->eth.h_source, f->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(f->eth.h_dest, mac, ETH_ALEN);
	address = f->ip.saddr;
	f->ip.saddr = f->ip.daddr;
	f->ip.daddr = address;
	f->udp.dest = f->udp.source;
	f->udp.source = swap16(7);
	return XDP_TX;
}

/* Metadata in front, which must neither be lost nor move the frame. */
SEC("xdp") int meta(struct xdp_md *ctx)
{
	__u32 *m;

	if (adjust_meta(ctx, -(int)sizeof(*m)))
		return XDP_ABORTED;
	m = (void *)(long)ctx->data_meta;
	if ((void *)(m + 1) > (void *)(long)ctx->data)
		return XDP_ABORTED;
	*m = 0x12345678;
	return XDP_PASS;
}

/* Interfaces 2 and 3 become the two ends of a cable. */
SEC("xdp") int redirect(struct xdp_md *ctx)
{
	return redirect_to(5 - ctx->ingress_ifindex, 0);
}

char _license[] SEC("license") = "GPL";
