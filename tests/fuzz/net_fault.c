// SPDX-License-Identifier: GPL-2.0
/*
 * Specifications of network faults, any text: taken, or
 * refused with a reason that fits its buffer.
 *
 * links: backend util
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/net/net.h"

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	char *text = malloc(size + 1), why[64];
	struct net_options opt = { .kind = "null", .rx = 60, .rx_count = 1 };
	struct net *n, *out;
	int card = -2, err;

	CHECK(text);
	memcpy(text, in, size);
	text[size] = '\0';
	memset(why, 0x55, sizeof(why));
	err = net_fault_card(text, &card, why, sizeof(why));
	CHECK(err == 0 || err == -EINVAL);
	if (err)
		CHECK(why[0] && memchr(why, 0, sizeof(why)));
	else
		CHECK(card >= -1 && card <= 63);
	/* Wrapping agrees with it. */
	CHECK(!net_open(&opt, &n, why, sizeof(why)));
	CHECK(net_fault_wrap(n, text, &out, why, sizeof(why)) == err);
	net_close(err ? n : out);
	free(text);
	return 0;
}
