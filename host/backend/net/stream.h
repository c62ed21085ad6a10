/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Frames in a byte stream: before each one its length, 32 bits, big-endian, as
 * QEMU's "-netdev stream" and passt have it.  No I/O here; the bytes may come
 * from anybody.
 */
#ifndef BACKEND_STREAM_H
#define BACKEND_STREAM_H

#include "net.h"

#define STREAM_HEAD   4u
#define STREAM_BUFFER (2 * (STREAM_HEAD + NET_FRAME_MAX))

struct stream {
	uint8_t buf[STREAM_BUFFER];
	size_t from, to; /* what was received and not yet taken */
};

void stream_reset(struct stream *s);
/* Room for more bytes, at least one; *len: how many. */
void *stream_room(struct stream *s, size_t *len);
void stream_add(struct stream *s, size_t len);
/*
 * The next whole frame, which stays until stream_room().  1; 0: more bytes are
 * needed; -EPROTO: a length that no frame has: the rest of the stream means
 * nothing.
 */
int stream_next(struct stream *s, const void **frame, size_t *len);

#endif
