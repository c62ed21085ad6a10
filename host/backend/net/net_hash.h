/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which flow belongs to which queue, as receive-side scaling has it.
 * <linux/types.h> only: a BPF program includes this.
 */
#ifndef BACKEND_NET_HASH_H
#define BACKEND_NET_HASH_H

#include "util/toeplitz.h"

#define NET_HASH_TABLE 128 /* entries at most */

/* Of what a hash is taken: the addresses, or these and the ports. */
#define NET_HASH_IPV4  1u
#define NET_HASH_TCP4  2u
#define NET_HASH_UDP4  4u
#define NET_HASH_IPV6  8u
#define NET_HASH_TCP6  16u
#define NET_HASH_UDP6  32u

/* A frame's hash modulo `entries` gives its queue. */
struct net_steering {
	struct toeplitz toeplitz;
	__u32 types;   /* NET_HASH_* */
	__u32 entries; /* 0: no wish */
	__u8 queue[NET_HASH_TABLE];
};

#endif
