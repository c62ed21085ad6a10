// SPDX-License-Identifier: GPL-2.0
/*
 * TCP segments of the child with a hole before them.  libslirp keeps each, with at
 * least 1.5 KiB, until the hole is filled: a window of 128 KiB of bytes one by one,
 * of which each other is missing, is 100 MiB, for one connection.
 *
 * It acknowledges what it has got, nearly always at once.  So what a segment has
 * before it shows from what it has told the child last, and only so many may be
 * kept.  Nothing gets lost between the child and libslirp: of a child that means
 * well hardly one is.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "user_var.h"
#include "util/be.h"

#define CONNECTIONS \
	2048u	       /* that are known; who was silent longest is forgotten */
#define EARLY_MAX 512u /* of one connection */
#define EARLY_ALL 8192u

struct user_early {
	unsigned int count;
	uint32_t top; /* when that is acknowledged, none of them is kept */
};

/* Zeros: there is none. */
struct user_connection {
	uint8_t ends[36]; /* the child's address and port, the other's */
	uint32_t ack;	  /* what libslirp has, as it told the child last */
	uint64_t used;	  /* counts frames; 0: never */
	/* The second: those that came when `ack` had moved since the first. */
	struct user_early early[2];
	bool moved;
};

struct segment {
	uint8_t ends[36];
	uint32_t seq, ack, len;
	uint8_t flags;
};

/* False: it is none of TCP.  `in`: to the child. */
static bool parse(const uint8_t *frame, size_t len, bool in, struct segment *s)
{
	const uint8_t *ip = frame + ETH_HEAD, *from, *to, *tcp;
	size_t size, head, all;
	unsigned int type;

	if (len < ETH_HEAD + IPV6_HEAD)
		return false;
	type = get_be16(frame + 12);
	if (type == ETH_IPV4 && ip[9] == IPPROTO_TCP) {
		size = 4;
		head = (ip[0] & 15u) * 4;
		all = get_be16(ip + 2);
		from = ip + 12;
	} else if (type == ETH_IPV6 && ip[6] == IPPROTO_TCP) {
		size = 16;
		head = IPV6_HEAD;
		all = head + get_be16(ip + 4);
		from = ip + 8;
	} else {
		return false;
	}
	tcp = ip + head;
	if (all > len - ETH_HEAD || all < head + 20 ||
	    all < head + (tcp[12] >> 4) * 4u)
		return false;
	to = from + size;
	memset(s, 0, sizeof(*s));
	memcpy(s->ends, in ? to : from, size);
	memcpy(s->ends + 16, in ? from : to, size);
	memcpy(s->ends + 32, tcp + (in ? 2 : 0), 2);
	memcpy(s->ends + 34, tcp + (in ? 0 : 2), 2);
	s->seq = get_be32(tcp + 4);
	s->ack = get_be32(tcp + 8);
	s->flags = tcp[13];
	/* A FIN waits as well, and has a number. */
	s->len = all - head - (tcp[12] >> 4) * 4u + !!(s->flags & TH_FIN);
	return true;
}

/* Sequence numbers, which go round. */
static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static struct user_connection *find(struct user *u, const uint8_t *ends)
{
	struct user_connection *c = u->connections + u->last_connection;
	unsigned int i;

	if (c->used && !memcmp(c->ends, ends, sizeof(c->ends)))
		return c;
	for (i = 0; i < u->connections_used; i++) {
		c = u->connections + i;
		if (c->used && !memcmp(c->ends, ends, sizeof(c->ends))) {
			u->last_connection = i;
			return c;
		}
	}
	return NULL;
}

static void forget(struct user *u, struct user_connection *c)
{
	u->early -= c->early[0].count + c->early[1].count;
	memset(c, 0, sizeof(*c));
}

static struct user_connection *new_one(struct user *u, const struct segment *s)
{
	struct user_connection *c = u->connections, *end = c + CONNECTIONS,
			       *old;

	for (old = c; c < end && old->used; c++)
		if (c->used < old->used)
			old = c;
	forget(u, old);
	memcpy(old->ends, s->ends, sizeof(old->ends));
	old->ack = s->ack;
	if (u->connections_used <= (unsigned int)(old - u->connections))
		u->connections_used = old - u->connections + 1;
	return old;
}

void user_holes_told(struct user *u, const uint8_t *frame, size_t len)
{
	struct user_connection *c;
	struct segment s;

	if (!parse(frame, len, true, &s))
		return;
	c = find(u, s.ends);
	if (s.flags & TH_RST) {
		if (c)
			forget(u, c);
		return;
	}
	if (!(s.flags & TH_ACK))
		return;
	/* The same ends, for another connection. */
	if (c && s.flags & TH_SYN) {
		forget(u, c);
		c = NULL;
	}
	if (!c)
		c = new_one(u, &s);
	c->used = ++u->frames;
	if (!after(s.ack, c->ack))
		return;
	c->ack = s.ack;
	c->moved = true;
	while (c->early[0].count && !after(c->early[0].top, s.ack)) {
		u->early -= c->early[0].count;
		c->early[0] = c->early[1];
		c->early[1].count = 0;
		c->moved = false;
	}
}

int user_holes_admit(struct user *u, const uint8_t *frame, size_t len)
{
	struct user_connection *c;
	struct user_early *e;
	struct segment s;

	if (!parse(frame, len, false, &s) || !s.len)
		return 0;
	c = find(u, s.ends);
	if (!c || !after(s.seq, c->ack))
		return 0;
	if (u->early >= EARLY_ALL ||
	    c->early[0].count + c->early[1].count >= EARLY_MAX)
		return -ENOBUFS;
	e = &c->early[c->early[0].count && c->moved];
	if (!e->count || after(s.seq + s.len, e->top))
		e->top = s.seq + s.len;
	if (e == c->early && !e->count)
		c->moved = false;
	e->count++;
	u->early++;
	return 0;
}

int user_holes_create(struct user *u)
{
	u->connections = calloc(CONNECTIONS, sizeof(*u->connections));
	return u->connections ? 0 : -ENOMEM;
}

void user_holes_destroy(struct user *u)
{
	free(u->connections);
}
