// SPDX-License-Identifier: GPL-2.0
/*
 * In the kernel, for each frame that goes into a TAP interface: which queue it
 * belongs to, by the hash that the VSP will compute of it as well.  Where both
 * disagree, or nothing is said of a frame, a worker hands it to another one:
 * slower, not wrong.
 *
 * The kernel takes the result modulo the number of queues.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "net_hash.h"

#define VLAN_LEN  4
#define FRAGMENTS 0x3fff /* more of them, or an offset */

/* Written by tap_steer.c, while this runs; queues as the kernel counts them. */
struct net_steering steering;

/* `types`: what is hashed of such a frame, at most. */
static __always_inline __u32 choose(struct __sk_buff *skb, __u32 types,
				    const void *addresses, __u32 len, __u32 l4)
{
	__u32 entries = steering.entries, hash;
	__u8 ports[4];

	types &= steering.types;
	if (!types || !entries)
		return skb->hash;
	hash = toeplitz_part(&steering.toeplitz, addresses, 0, len);
	if (types & ~(NET_HASH_IPV4 | NET_HASH_IPV6)) {
		if (bpf_skb_load_bytes(skb, l4, ports, sizeof(ports)))
			return skb->hash;
		hash ^= toeplitz_part(&steering.toeplitz, ports, len,
				      sizeof(ports));
	}
	return steering.queue[hash % entries % NET_HASH_TABLE];
}

static __always_inline __u32 choose_ipv4(struct __sk_buff *skb, __u32 l3)
{
	__u32 types = NET_HASH_IPV4;
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)))
		return 0;
	if (!(ip.frag_off & bpf_htons(FRAGMENTS)))
		types |= ip.protocol == IPPROTO_TCP ? NET_HASH_TCP4 :
			 ip.protocol == IPPROTO_UDP ? NET_HASH_UDP4 :
						      0;
	return choose(skb, types, &ip.saddr, 8, l3 + ip.ihl * 4);
}

/* Extension headers, which nobody uses, are not looked through. */
static __always_inline __u32 choose_ipv6(struct __sk_buff *skb, __u32 l3)
{
	__u32 types = NET_HASH_IPV6;
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, l3, &ip, sizeof(ip)))
		return 0;
	types |= ip.nexthdr == IPPROTO_TCP ? NET_HASH_TCP6 :
		 ip.nexthdr == IPPROTO_UDP ? NET_HASH_UDP6 :
					     0;
	return choose(skb, types, &ip.saddr, 32, l3 + sizeof(ip));
}

SEC("socket")
unsigned int tap_steer(struct __sk_buff *skb)
{
	__u32 l3 = ETH_HLEN;
	__be16 proto;

	if (bpf_skb_load_bytes(skb, ETH_HLEN - 2, &proto, sizeof(proto)))
		return 0;
	if (proto == bpf_htons(ETH_P_8021Q)) {
		if (bpf_skb_load_bytes(skb, l3 + 2, &proto, sizeof(proto)))
			return 0;
		l3 += VLAN_LEN;
	}
	if (proto == bpf_htons(ETH_P_IP))
		return choose_ipv4(skb, l3);
	if (proto == bpf_htons(ETH_P_IPV6))
		return choose_ipv6(skb, l3);
	return skb->hash;
}

char LICENSE[] SEC("license") = "GPL";
