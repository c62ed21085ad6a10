// SPDX-License-Identifier: GPL-2.0
/*
 * Headers of frames, the sums in them, and what of them is hashed ([MS-NDIS] RSS).
 * All of it works on private copies and has no state.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "netvsp_var.h"
#include "util/be.h"
#include "util/inet_sum.h"

#define IPV4_MIN	20u
#define IPV6_LEN	40u
/* More extension headers than anyone uses. */
#define IPV6_EXTENSIONS 8

/* ---- parsing ---- */

static void parse_ipv4(const uint8_t *f, uint32_t len, struct net_headers *h)
{
	uint32_t header;

	if (len < h->l3 + IPV4_MIN || f[h->l3] >> 4 != 4)
		return;
	header = (f[h->l3] & 15) * 4u;
	if (header < IPV4_MIN || len < h->l3 + header)
		return;
	h->v4 = true;
	h->ip_proto = f[h->l3 + 9];
	h->fragment = get_be16(f + h->l3 + 6) & 0x3fff;
	if (!h->fragment)
		h->l4 = h->l3 + header;
}

static void parse_ipv6(const uint8_t *f, uint32_t len, struct net_headers *h)
{
	uint32_t at = h->l3 + IPV6_LEN;
	unsigned int i;
	uint8_t next;

	if (len < at || f[h->l3] >> 4 != 6)
		return;
	h->v6 = true;
	next = f[h->l3 + 6];
	for (i = 0; i < IPV6_EXTENSIONS; i++) {
		h->ip_proto = next;
		if (next == IPPROTO_FRAGMENT) {
			h->fragment = true;
			return;
		}
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    next != IPPROTO_DSTOPTS) {
			h->l4 = at;
			return;
		}
		if (len < at + 8)
			return;
		next = f[at];
		at += (f[at + 1] + 1) * 8u;
	}
}

void net_parse(const uint8_t *frame, uint32_t len, struct net_headers *h)
{
	*h = (struct net_headers){ .l3 = NET_ETH_HEADER };
	if (len < NET_ETH_HEADER)
		return;
	h->proto = get_be16(frame + 12);
	if (h->proto == ETH_P_8021Q && len >= h->l3 + NET_VLAN_HEADER) {
		h->vlan = true;
		h->tci = get_be16(frame + 14);
		h->proto = get_be16(frame + 16);
		h->l3 += NET_VLAN_HEADER;
	}
	if (h->proto == ETH_P_IP)
		parse_ipv4(frame, len, h);
	else if (h->proto == ETH_P_IPV6)
		parse_ipv6(frame, len, h);
	/* Both ports, for who wants them. */
	if (h->l4 && len < h->l4 + 4)
		h->l4 = 0;
}

/* ---- sums ---- */

uint16_t net_pseudo_sum(const uint8_t *frame, const struct net_headers *h,
			uint32_t l4_len)
{
	uint32_t sum = h->ip_proto + (l4_len & 0xffff) + (l4_len >> 16);

	sum = h->v4 ? inet_sum_add(sum, frame + h->l3 + 12, 8) :
		      inet_sum_add(sum, frame + h->l3 + 8, 32);
	return inet_sum_fold(sum);
}

uint16_t net_ip_sum(const uint8_t *p, uint32_t len)
{
	return ~inet_sum_fold(inet_sum_add(0, p, len));
}

/* ---- flows ---- */

static bool ports_hashed(uint32_t info, const struct net_headers *h)
{
	if (!h->l4)
		return false;
	if (h->ip_proto == IPPROTO_TCP)
		return info &
		       (h->v4 ? NDIS_HASH_TCP_IPV4 :
				NDIS_HASH_TCP_IPV6 | NDIS_HASH_TCP_IPV6_EXT);
	if (h->ip_proto == IPPROTO_UDP)
		return info &
		       (h->v4 ? NDIS_HASH_UDP_IPV4 :
				NDIS_HASH_UDP_IPV6 | NDIS_HASH_UDP_IPV6_EXT);
	return false;
}

bool net_flow_hash(const struct toeplitz *t, uint32_t info,
		   const uint8_t *frame, const struct net_headers *h,
		   uint32_t *hash)
{
	unsigned int len = h->v4 ? 8 : 32;
	uint8_t in[TOEPLITZ_INPUT];

	if (!h->v4 && !h->v6)
		return false;
	memcpy(in, frame + h->l3 + (h->v4 ? 12 : 8), len);
	if (ports_hashed(info, h)) {
		memcpy(in + len, frame + h->l4, 4);
		len += 4;
	} else if (!(info & (h->v4 ? NDIS_HASH_IPV4 :
				     NDIS_HASH_IPV6 | NDIS_HASH_IPV6_EXT))) {
		return false;
	}
	*hash = toeplitz_hash(t, in, len);
	return true;
}
