// SPDX-License-Identifier: GPL-2.0
#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>

/* Neither half of a pair, nor what is no character by definition. */
static bool is_character(uint32_t c)
{
	return c <= 0x10ffff && (c & 0xfffff800) != 0xd800 &&
	       (c & 0xfffe) != 0xfffe && (c < 0xfdd0 || c > 0xfdef);
}

/* Bytes of the character at p, or 0: that byte begins none. */
static unsigned int length(const unsigned char *p)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int len = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	uint32_t c = *p & (0xff >> (len + 1));
	unsigned int i;

	if (len == 1)
		return 1;
	if (*p < 0xc0 || *p >= 0xf8)
		return 0;
	/* The end of the text is none of these. */
	for (i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c >= least[len] && is_character(c) ? len : 0;
}

void utf8_mend(char *text)
{
	unsigned char *p = (unsigned char *)text;

	while (*p) {
		unsigned int len = length(p);

		if (!len)
			*p = '?';
		p += len ? len : 1;
	}
}
