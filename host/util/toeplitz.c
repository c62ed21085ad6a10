// SPDX-License-Identifier: GPL-2.0
#include <stdint.h>
#include <string.h>

#include "toeplitz.h"

/* 32 bits of the key from bit `at` on; it goes on with zeroes. */
static uint32_t key_bits(const uint8_t *key, unsigned int at)
{
	uint64_t v = 0;
	unsigned int i;

	for (i = 0; i < 5; i++)
		v = v << 8 | (at / 8 + i < TOEPLITZ_KEY ? key[at / 8 + i] : 0);
	return v >> (8 - at % 8);
}

void toeplitz_init(struct toeplitz *t, const uint8_t key[TOEPLITZ_KEY])
{
	unsigned int i, v, bit;

	memset(t, 0, sizeof(*t));
	for (i = 0; i < TOEPLITZ_INPUT * 2; i++)
		for (v = 0; v < 16; v++)
			for (bit = 0; bit < 4; bit++)
				if (v >> (3 - bit) & 1)
					t->part[i][v] ^=
						key_bits(key, i * 4 + bit);
}

uint32_t toeplitz_hash(const struct toeplitz *t, const uint8_t *in,
		       unsigned int len)
{
	return toeplitz_part(t, in, 0, len);
}
