// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "stream.h"

void stream_reset(struct stream *s)
{
	s->from = s->to = 0;
}

void *stream_room(struct stream *s, size_t *len)
{
	if (s->from == s->to) {
		stream_reset(s);
	} else if (s->from > STREAM_BUFFER / 2) {
		/* A frame that has begun gets room for its end: it is half at most. */
		memmove(s->buf, s->buf + s->from, s->to - s->from);
		s->to -= s->from;
		s->from = 0;
	}
	*len = STREAM_BUFFER - s->to;
	return s->buf + s->to;
}

void stream_add(struct stream *s, size_t len)
{
	s->to += len;
}

int stream_next(struct stream *s, const void **frame, size_t *len)
{
	uint32_t head;

	if (s->to - s->from < STREAM_HEAD)
		return 0;
	memcpy(&head, s->buf + s->from, sizeof(head));
	head = ntohl(head);
	if (head < NET_FRAME_MIN || head > NET_FRAME_MAX)
		return -EPROTO;
	if (s->to - s->from - STREAM_HEAD < head)
		return 0;
	*frame = s->buf + s->from + STREAM_HEAD;
	*len = head;
	s->from += STREAM_HEAD + head;
	return 1;
}
