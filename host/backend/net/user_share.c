// SPDX-License-Identifier: GPL-2.0
/*
 * How many sockets the child may have libslirp open: half of its share for
 * connections, half for datagrams and pings.
 *
 * libslirp opens one for each connection, for each address and port that the
 * child sends datagrams from, and for each ping, and it tells of each.  A frame
 * that would need one more than there may be does not reach it.  Where none is
 * left for a datagram, those that have been silent for longest are closed first.
 * A connection is never closed for another.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "user_var.h"
#include "util/be.h"
#include "util/now.h"

#define NS_PER_MS    1000000ull
/* libslirp closes what was silent for so long. */
#define SILENCE_MS   240000u
/* To libslirp's TCP each step of a round is half a second, so not too often. */
#define CULL_EVERY   (4000 * NS_PER_MS)

#define SHARE_MIN    32u
#define SHARE_MAX    2048u

#define DHCP_SERVER  67u
#define DHCP6_SERVER 547u

/* For how long those were silent that are closed, step by step. */
static const unsigned int silent_ms[] = { 60000, 15000, 4000, 1000 };
#define NSTEPS (sizeof(silent_ms) / sizeof(silent_ms[0]))

/* ---- what a frame would have libslirp open ---- */

static void datagram(const uint8_t *udp, size_t len, const uint8_t *from,
		     size_t from_len, struct user_flow *f)
{
	if (len < 8)
		return;
	f->kind = USER_DATAGRAM;
	memcpy(f->from, from, from_len);
	f->port = get_be16(udp);
}

/* All other segments without a connection are answered by a reset. */
static void segment(const uint8_t *tcp, size_t len, struct user_flow *f)
{
	const uint8_t flags = TH_FIN | TH_SYN | TH_RST | TH_ACK | TH_URG;

	if (len >= 20 && (tcp[13] & flags) == TH_SYN)
		f->kind = USER_CONNECTION;
}

static void ipv4(const uint8_t *ip, size_t len, struct user_flow *f)
{
	size_t head = len >= IPV4_HEAD ? (ip[0] & 15u) * 4 : 0;
	const uint8_t *next = ip + head;
	uint32_t to;

	if (head < IPV4_HEAD || head > len)
		return;
	len -= head;
	to = get_be32(ip + 16);
	if (ip[9] == IPPROTO_TCP)
		segment(next, len, f);
	else if (ip[9] == IPPROTO_ICMP && len && next[0] == ICMP_ECHO &&
		 to != USER_HOST && to != USER_DNS)
		f->kind = USER_OTHER;
	else if (ip[9] == IPPROTO_UDP &&
		 !(len >= 8 && get_be16(next + 2) == DHCP_SERVER &&
		   (to == INADDR_BROADCAST || to == USER_HOST)))
		datagram(next, len, ip + 12, 4, f);
}

static void ipv6(const uint8_t *ip, size_t len, struct user_flow *f)
{
	static const uint8_t dhcp_servers[16] = { 0xff, 2, [13] = 1, [15] = 2 };
	const uint8_t *next = ip + IPV6_HEAD;

	if (len <= IPV6_HEAD)
		return;
	len -= IPV6_HEAD;
	if (ip[6] == IPPROTO_TCP)
		segment(next, len, f);
	else if (ip[6] == IPPROTO_ICMPV6)
		f->kind = next[0] == ICMP6_ECHO_REQUEST ? USER_OTHER :
							  USER_NOTHING;
	else if (ip[6] == IPPROTO_UDP &&
		 !(len >= 8 && get_be16(next + 2) == DHCP6_SERVER &&
		   !memcmp(ip + 24, dhcp_servers, 16)))
		datagram(next, len, ip + 8, 16, f);
	else if (ip[6] != IPPROTO_UDP)
		f->kind = USER_OTHER;
}

static struct user_flow flow_of(const uint8_t *frame, size_t len)
{
	struct user_flow f = { .kind = USER_NOTHING };
	unsigned int type = get_be16(frame + 12);

	if (type == ETH_IPV4)
		ipv4(frame + ETH_HEAD, len - ETH_HEAD, &f);
	else if (type == ETH_IPV6)
		ipv6(frame + ETH_HEAD, len - ETH_HEAD, &f);
	return f;
}

/* ---- those that are open ---- */

static bool is_connection(const struct user_flow *f)
{
	/* One that comes to a hostfwd= is of no frame. */
	return f->kind == USER_CONNECTION || f->kind == USER_NOTHING;
}

static bool has_room(const struct user *u, const struct user_flow *f)
{
	unsigned int connections = u->nconnections;

	return (is_connection(f) ? connections : u->nsockets - connections) <
	       u->share / 2;
}

static bool is_open(const struct user *u, const struct user_flow *f)
{
	unsigned int i;

	if (f->kind != USER_DATAGRAM)
		return false;
	for (i = 0; i < u->nsockets; i++)
		if (!memcmp(&u->sockets[i].flow, f, sizeof(*f)))
			return true;
	for (i = 0; i < u->nforwards; i++)
		if (!memcmp(&u->forwards[i], f, sizeof(*f)))
			return true;
	return false;
}

void user_opened_fd(int fd, void *opaque)
{
	struct user *u = opaque;

	/* There is one frame at a time, and it opens one. */
	if (fd < 0 || u->nsockets == u->share)
		return;
	u->sockets[u->nsockets++] =
		(struct user_socket){ fd, now_ns(), u->flow };
	if (is_connection(&u->flow))
		u->nconnections++;
	if (u->flow.kind == USER_NOTHING)
		u->naccepted++;
}

void user_closed_fd(struct user *u, int fd)
{
	unsigned int i;

	for (i = 0; i < u->nsockets; i++)
		if (u->sockets[i].fd == fd)
			break;
	if (i == u->nsockets)
		return;
	if (is_connection(&u->sockets[i].flow))
		u->nconnections--;
	u->sockets[i] = u->sockets[--u->nsockets];
}

/* Each takes one at most in a turn. */
bool user_accepts(const struct user *u)
{
	return u->nconnections + u->nlisteners <= u->share / 2;
}

bool user_listens(const struct user *u, int fd)
{
	unsigned int i;

	for (i = 0; i < u->nlisteners; i++)
		if (u->listeners[i] == fd)
			return true;
	return false;
}

/* ---- room for more ---- */

static int look_at_none(int fd, int events, void *opaque)
{
	(void)fd, (void)events, (void)opaque;
	return -1;
}

/* Is one of them so old that it may have been silent for a while? */
static bool may_be_silent(const struct user *u, uint64_t now)
{
	unsigned int i;

	for (i = 0; i < u->nsockets; i++)
		if (!is_connection(&u->sockets[i].flow) &&
		    now - u->sockets[i].since >=
			    silent_ms[NSTEPS - 1] * NS_PER_MS)
			return true;
	return false;
}

/*
 * libslirp has no call to close one.  But it asks for the time, and with a clock
 * that is ahead it closes what has been silent for less than it would wait.  Which
 * sockets it waits for it tells anew in the next turn.
 */
static void cull(struct user *u)
{
	unsigned int before = u->nsockets - u->nconnections, i;
	uint64_t now = now_ns();
	uint32_t ms = SILENCE_MS;

	if (now < u->next_cull || !may_be_silent(u, now))
		return;
	u->next_cull = now + CULL_EVERY;
	for (i = 0;
	     i < NSTEPS && u->nsockets - u->nconnections > u->share / 8 * 3;
	     i++) {
		u->ahead = (SILENCE_MS - silent_ms[i]) * NS_PER_MS;
		u->api->poll(u->slirp, 1, user_get_revents, u);
		u->api->fill(u->slirp, &ms, look_at_none, u);
	}
	u->ahead = 0;
	u->api->poll(u->slirp, 1, user_get_revents, u);
	net_count(&u->net.stats[0].sockets_closed,
		  before - (u->nsockets - u->nconnections));
	user_kick(u);
}

int user_admit(struct user *u, const uint8_t *frame, size_t len)
{
	struct user_flow f = flow_of(frame, len);

	if (f.kind != USER_NOTHING && !has_room(u, &f) && !is_open(u, &f)) {
		if (!is_connection(&f))
			cull(u);
		if (!has_room(u, &f)) {
			net_count(&u->net.stats[0].sockets_refused, 1);
			log_guest(&u->limit, u->net.name,
				  "%u sockets are open: no more %s for now",
				  u->nsockets,
				  is_connection(&f) ? "connections" :
						      "ports for datagrams");
			return -EMFILE;
		}
	}
	u->flow = f;
	return 0;
}

/* ---- life ---- */

int user_share_create(struct user *u, const struct net_options *opt)
{
	unsigned int n = 0;

	while (opt->hostfwd && opt->hostfwd[n])
		n++;
	u->share = opt->sockets && opt->sockets < SHARE_MAX ? opt->sockets :
							      SHARE_MAX;
	if (u->share < SHARE_MIN)
		u->share = SHARE_MIN;
	u->sockets = calloc(u->share, sizeof(*u->sockets));
	u->forwards = calloc(n + 1, sizeof(*u->forwards));
	u->listeners = calloc(n + 1, sizeof(*u->listeners));
	return u->sockets && u->forwards && u->listeners ? 0 : -ENOMEM;
}

void user_share_destroy(struct user *u)
{
	free(u->sockets);
	free(u->forwards);
	free(u->listeners);
}
