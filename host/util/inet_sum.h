/* SPDX-License-Identifier: GPL-2.0 */
/* The Internet checksum (RFC 1071), in host byte order; any thread. */
#ifndef INET_SUM_H
#define INET_SUM_H

#include <stdint.h>

#include "util/be.h"

/* `len`: even, or the last piece's last byte is left out; 128 KiB at most. */
static inline uint32_t inet_sum_add(uint32_t sum, const uint8_t *p,
				    uint32_t len)
{
	for (; len >= 2; len -= 2, p += 2)
		sum += get_be16(p);
	return sum;
}

static inline uint16_t inet_sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

#endif
