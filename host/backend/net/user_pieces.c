// SPDX-License-Identifier: GPL-2.0
/*
 * IPv4 datagrams that come in pieces.  libslirp would keep every piece for half a
 * minute, however many there are, and look through all of them for each new one.
 * So they are put together here, a few at a time, and it gets the whole: when one
 * comes for which there is no place, the oldest has to go.  Pieces that overlap
 * are nobody's who means well: the datagram is dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user_var.h"
#include "util/be.h"
#include "util/inet_sum.h"
#include "util/now.h"

#define DATAGRAMS   32u
#define KEEP_NS	    30000000000ull
#define UNIT	    8u /* what offsets count in */
#define LONGEST	    65535u
#define IPV4_MORE   0x2000u
#define IPV4_OFFSET 0x1fffu
#define HEADS	    (ETH_HEAD + 60u)

struct user_datagram {
	uint64_t since;	 /* ns; 0: nobody's */
	uint8_t key[11]; /* id, protocol, from, to */
	uint32_t head;	 /* bytes in `heads`; 0: the first piece is to come */
	uint32_t end;	 /* bytes of data; 0: the last piece is to come */
	uint32_t got, most; /* bytes of it; where the farthest ends */
	uint8_t heads[HEADS];
	uint8_t units[LONGEST / UNIT / 8 + 1]; /* bits: which there are */
	uint8_t *buf; /* room for the heads, then the data */
};

struct piece {
	uint8_t key[11];
	const uint8_t *frame, *data;
	uint32_t head, offset, len; /* of the heads; of the data */
	bool last;
};

/* False: it is no piece of a datagram, or none that is right. */
static bool parse(const uint8_t *frame, size_t len, struct piece *p)
{
	const uint8_t *ip = frame + ETH_HEAD;
	uint32_t head = (ip[0] & 15u) * 4, all = get_be16(ip + 2);
	uint16_t where = get_be16(ip + 6);

	if (ip[0] >> 4 != 4 || head < IPV4_HEAD || all <= head ||
	    all > len - ETH_HEAD ||
	    inet_sum_fold(inet_sum_add(0, ip, head)) != 0xffff)
		return false;
	*p = (struct piece){
		.frame = frame,
		.data = ip + head,
		.head = ETH_HEAD + head,
		.offset = (where & IPV4_OFFSET) * UNIT,
		.len = all - head,
		.last = !(where & IPV4_MORE),
	};
	memcpy(p->key, ip + 4, 2);
	p->key[2] = ip[9];
	memcpy(p->key + 3, ip + 12, 8);
	return head + p->offset + p->len <= LONGEST &&
	       (p->last || p->len % UNIT == 0);
}

/* That of the piece; or one that it may have, emptied.  NULL: no memory. */
static struct user_datagram *find(struct user *u, const struct piece *p)
{
	struct user_datagram *d = u->datagrams, *oldest = d, *end;
	uint64_t now = now_ns();

	for (end = d + DATAGRAMS; d < end; d++) {
		if (d->since && !memcmp(d->key, p->key, sizeof(d->key)) &&
		    now - d->since < KEEP_NS)
			return d;
		if (d->since < oldest->since)
			oldest = d;
	}
	d = oldest;
	if (!d->buf)
		d->buf = malloc(HEADS + LONGEST);
	if (!d->buf)
		return NULL;
	*d = (struct user_datagram){ .since = now, .buf = d->buf };
	memcpy(d->key, p->key, sizeof(d->key));
	return d;
}

/* False: it can't be part of that. */
static bool put(struct user_datagram *d, const struct piece *p)
{
	uint32_t unit = p->offset / UNIT, end = p->offset + p->len, i;

	if ((d->end && (p->last || end > d->end)) || (p->last && d->most > end))
		return false;
	for (i = unit; i * UNIT < end; i++) {
		if (d->units[i / 8] >> i % 8 & 1)
			return false;
		d->units[i / 8] |= 1u << i % 8;
	}
	memcpy(d->buf + HEADS + p->offset, p->data, p->len);
	d->got += p->len;
	if (end > d->most)
		d->most = end;
	if (p->last)
		d->end = end;
	if (!p->offset) {
		memcpy(d->heads, p->frame, p->head);
		d->head = p->head;
	}
	return true;
}

/* All pieces are there: the frame as it would have been. */
static const uint8_t *whole(struct user_datagram *d, size_t *len)
{
	uint8_t *frame = d->buf + HEADS - d->head, *ip = frame + ETH_HEAD;
	uint32_t head = d->head - ETH_HEAD;

	/* Another header than that of the piece which was looked at. */
	if (head + d->end > LONGEST)
		return NULL;
	memcpy(frame, d->heads, d->head);
	put_be16(ip + 2, head + d->end);
	put_be16(ip + 6, 0);
	put_be16(ip + 10, 0);
	put_be16(ip + 10, ~inet_sum_fold(inet_sum_add(0, ip, head)));
	*len = d->head + d->end;
	return frame;
}

const uint8_t *user_whole(struct user *u, const uint8_t *frame, size_t *len)
{
	struct user_datagram *d;
	struct piece p;

	if (*len < ETH_HEAD + IPV4_HEAD || get_be16(frame + 12) != ETH_IPV4 ||
	    !(get_be16(frame + ETH_HEAD + 6) & (IPV4_MORE | IPV4_OFFSET)))
		return frame;
	d = parse(frame, *len, &p) ? find(u, &p) : NULL;
	if (!d)
		return NULL;
	if (!put(d, &p)) {
		d->since = 0;
		return NULL;
	}
	if (!d->head || !d->end || d->got < d->end)
		return NULL;
	d->since = 0;
	return whole(d, len);
}

int user_pieces_create(struct user *u)
{
	u->datagrams = calloc(DATAGRAMS, sizeof(*u->datagrams));
	return u->datagrams ? 0 : -ENOMEM;
}

void user_pieces_destroy(struct user *u)
{
	unsigned int i;

	for (i = 0; u->datagrams && i < DATAGRAMS; i++)
		free(u->datagrams[i].buf);
	free(u->datagrams);
}
