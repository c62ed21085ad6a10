// SPDX-License-Identifier: GPL-2.0
/*
 * Frames in a byte stream, whatever the bytes and however they are cut: what
 * comes out is what a reader of the whole input finds.
 *
 * links: backend util
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/net/stream.h"

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

/* What comes next at `in`: a frame's length, 0 for not all there, or -1. */
static long expect(const uint8_t *in, size_t size)
{
	size_t len;

	if (size < STREAM_HEAD)
		return 0;
	len = (size_t)in[0] << 24 | in[1] << 16 | in[2] << 8 | in[3];
	if (len < NET_FRAME_MIN || len > NET_FRAME_MAX)
		return -1;
	return size - STREAM_HEAD < len ? 0 : (long)len;
}

/* Everything that can be had after `fed` bytes; false: it is broken. */
static bool drain(struct stream *s, const uint8_t *in, size_t *at, size_t fed)
{
	const void *frame;
	size_t len;

	for (;;) {
		long want = expect(in + *at, fed - *at);
		int ret = stream_next(s, &frame, &len);

		CHECK(ret == (want > 0 ? 1 : want ? -EPROTO : 0));
		if (ret <= 0)
			return !ret;
		CHECK(len == (size_t)want);
		CHECK(!memcmp(frame, in + *at + STREAM_HEAD, len));
		*at += STREAM_HEAD + len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t size)
{
	struct stream *s;
	size_t fed = 0, at = 0, room, part;
	void *to;

	if (size < 2)
		return 0;
	/* The first two bytes: how much is read at once. */
	part = (in[0] << 8 | in[1]) + 1;
	in += 2;
	size -= 2;
	s = malloc(sizeof(*s));
	CHECK(s);
	stream_reset(s);
	while (fed < size) {
		to = stream_room(s, &room);
		CHECK(room >= 1);
		if (room > part)
			room = part;
		if (room > size - fed)
			room = size - fed;
		memcpy(to, in + fed, room);
		stream_add(s, room);
		fed += room;
		if (!drain(s, in, &at, fed))
			break;
	}
	free(s);
	return 0;
}
