/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Toeplitz hash, by which flows are spread over queues (Microsoft's
 * "RSS hashing functions"; also [MS-NDIS]).  Half a byte of the input at a time,
 * from a table that is made of the key: also a BPF program can do that.
 *
 * <linux/types.h> only: tap_steer.bpf.c includes this.
 */
#ifndef UTIL_TOEPLITZ_H
#define UTIL_TOEPLITZ_H

#include <linux/types.h>

#define TOEPLITZ_KEY   40 /* bytes */
#define TOEPLITZ_INPUT 36 /* at most: two IPv6 addresses and two ports */

/* For each half byte of the input: what it adds to the hash. */
struct toeplitz {
	__u32 part[TOEPLITZ_INPUT * 2][16];
};

/* What `len` bytes of the input add, from its byte `at` on. */
static inline __attribute__((always_inline)) __u32 toeplitz_part(
	const struct toeplitz *t, const __u8 *in, unsigned int at,
	unsigned int len)
{
	__u32 hash = 0;
	unsigned int i;

	for (i = 0; i < len; i++)
		hash ^= t->part[2 * (at + i)][in[i] >> 4] ^
			t->part[2 * (at + i) + 1][in[i] & 15];
	return hash;
}

void toeplitz_init(struct toeplitz *t, const __u8 key[TOEPLITZ_KEY]);
/* Of `len` bytes, TOEPLITZ_INPUT at most, as they are in the frame. */
__u32 toeplitz_hash(const struct toeplitz *t, const __u8 *in, unsigned int len);

#endif
