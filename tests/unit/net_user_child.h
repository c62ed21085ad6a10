/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A child on the user-mode network, whose frames are made by hand, and what it
 * talks to, for the unit tests of that network.
 */
#ifndef UNIT_NET_USER_CHILD_H
#define UNIT_NET_USER_CHILD_H

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_card.h"

#define CHILD	  0x0a00020fu
#define HOST	  0x0a000202u
#define DNS	  0x0a000203u
#define UDP_HEAD  (14 + 20 + 8)
#define NEVER_MS  200
#define ANSWER_MS 20000

static char why[300];
static uint8_t frame[2000], got[NET_FRAME_MAX];
static struct card card;

/* No interface but the loopback: nothing can leave by mistake. */
static int group_setup(void **state)
{
	struct ifreq ifr = { .ifr_name = "lo" };
	bool alone;
	int fd;

	(void)state;
	alone = !unshare(CLONE_NEWNET) ||
		!unshare(CLONE_NEWUSER | CLONE_NEWNET);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (alone && !ioctl(fd, SIOCGIFFLAGS, &ifr)) {
		ifr.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &ifr);
	}
	close(fd);
	if (!alone)
		print_message("a network namespace is needed\n");
	return alone ? 0 : -1;
}

static struct net *open_net(const struct net_options *opt)
{
	struct net *n = NULL;

	if (net_open(opt, &n, why, sizeof(why)))
		fail_msg("net_open: %s", why);
	return n;
}

/* ---- frames by hand ---- */

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		sum += i % 2 ? p[i] : p[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* Ethernet and IPv4 in front of what is at frame + 34; the whole length. */
static size_t ip(uint8_t protocol, uint32_t from, uint32_t to, size_t len)
{
	uint8_t *h = frame + 14;

	memcpy(frame,
	       "\x52\x55\x0a\x00\x02\x02\x02\x00\x00\x00\x00\x02\x08\x00", 14);
	if (to == ~0u)
		memset(frame, 0xff, 6);
	memset(h, 0, 20);
	h[0] = 0x45;
	put16(h + 2, 20 + len);
	h[8] = 64;
	h[9] = protocol;
	put32(h + 12, from);
	put32(h + 16, to);
	put16(h + 10, fold(add(0, h, 20)));
	return 34 + len;
}

static uint16_t sum_of(uint8_t protocol, size_t len)
{
	return fold(add(protocol + len, frame + 26, 8) +
		    add(0, frame + 34, len));
}

static size_t udp(uint32_t from, uint16_t sport, uint32_t to, uint16_t dport,
		  size_t len)
{
	uint8_t *h = frame + 34;
	size_t all;

	put16(h, sport);
	put16(h + 2, dport);
	put16(h + 4, 8 + len);
	put16(h + 6, 0);
	all = ip(17, from, to, 8 + len);
	put16(h + 6, sum_of(17, 8 + len));
	return all;
}

static inline size_t tcp(uint16_t sport, uint32_t to, uint16_t dport,
			 uint32_t seq, uint32_t ack, uint8_t flags, size_t len)
{
	uint8_t *h = frame + 34;
	size_t all;

	memset(h, 0, 20);
	put16(h, sport);
	put16(h + 2, dport);
	put32(h + 4, seq);
	put32(h + 8, ack);
	h[12] = 0x50;
	h[13] = flags;
	put16(h + 14, 30000);
	all = ip(6, CHILD, to, 20 + len);
	put16(h + 16, sum_of(6, 20 + len));
	return all;
}

static void send_frame(size_t len)
{
	assert_int_equal(card_send(&card, frame, len), 0);
}

static bool is_arp_for(const uint8_t *p, uint32_t address)
{
	return p[12] == 8 && p[13] == 6 && p[21] == 1 &&
	       get32(p + 38) == address;
}

/* The child is where it says. */
static void answer_arp(void)
{
	memcpy(frame, got + 6, 6);
	memcpy(frame + 6, "\x02\x00\x00\x00\x00\x02\x08\x06", 8);
	memcpy(frame + 14, "\x00\x01\x08\x00\x06\x04\x00\x02", 8);
	memcpy(frame + 22, "\x02\x00\x00\x00\x00\x02", 6);
	put32(frame + 28, CHILD);
	memcpy(frame + 32, got + 22, 10);
	send_frame(42);
}

/* The next frame of an IPv4 protocol; its length, or -ETIMEDOUT. */
static int fetch(uint8_t protocol, unsigned int ms)
{
	int len;

	for (;;) {
		len = card_fetch(&card, got, sizeof(got), ms);
		if (len < 0)
			return len;
		if (is_arp_for(got, CHILD))
			answer_arp();
		else if (got[12] == 8 && !got[13] && got[23] == protocol)
			return len;
	}
}

/* ---- what every child begins with ---- */

static void dhcp(void)
{
	uint8_t *b = frame + UDP_HEAD;

	memset(b, 0, 300);
	memcpy(b, "\x01\x01\x06\x00\x12\x34\x56\x78", 8);
	memcpy(b + 28, "\x02\x00\x00\x00\x00\x02", 6);
	memcpy(b + 236, "\x63\x82\x53\x63\x35\x01\x01\xff", 8);
	send_frame(udp(0, 68, ~0u, 67, 300));
	assert_true(fetch(17, ANSWER_MS) >= UDP_HEAD + 240);
	b = got + UDP_HEAD;
	assert_memory_equal(b, "\x02\x01\x06\x00\x12\x34\x56\x78", 8);
	assert_int_equal(get32(b + 16), CHILD);
	/* An offer. */
	assert_memory_equal(b + 236, "\x63\x82\x53\x63\x35\x01\x02", 7);
}

/* ---- this machine ---- */

static int bound(int type, uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval wait = { .tv_sec = 20 };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	*port = ntohs(addr.sin_port);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* A child that is up, and what it talks to here: that's descriptor. */
static inline int child_begin(int type, uint16_t *port)
{
	struct net_options opt = { .kind = "user", .sockets = 64 };
	int fd = bound(type, port);

	card_open(&card, open_net(&opt));
	dhcp();
	return fd;
}

static inline void child_end(int fd)
{
	card_close(&card);
	close(fd);
}

static inline uint16_t free_port(void)
{
	uint16_t port;

	close(bound(SOCK_STREAM, &port));
	return port;
}

#endif
