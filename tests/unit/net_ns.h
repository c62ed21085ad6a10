/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network namespace of the test's own with a TAP interface in it, for the unit
 * tests that need one.  Includes cmocka's headers before this one.
 */
#ifndef UNIT_NET_NS_H
#define UNIT_NET_NS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/net/net.h"

static bool ns_allowed;

static inline void ns_ip(const char *line)
{
	char full[200];

	snprintf(full, sizeof(full), "ip %s", line);
	if (system(full))
		fail_msg("%s", full);
}

/* The kernel's own looking around, which is in nobody's test. */
static inline void ns_no_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6",
		      O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		print_message("# IPv6 stays on\n");
	close(fd);
}

/* A group's setup. */
static inline int ns_setup(void **state)
{
	(void)state;
	ns_allowed = !unshare(CLONE_NEWNET) &&
		     !access("/dev/net/tun", R_OK | W_OK);
	if (ns_allowed)
		ns_ip("link set lo up");
	if (!ns_allowed)
		print_message("# no network namespace, or no /dev/net/tun: "
			      "skipped\n");
	else
		ns_no_ipv6();
	return 0;
}

#define NS_NEEDED                \
	do {                     \
		(void)state;     \
		if (!ns_allowed) \
			skip();  \
	} while (0)

static inline struct net *ns_tap(const char *name, unsigned int queues,
				 uint32_t mtu)
{
	struct net_options opt = { .kind = "tap",
				   .ifname = name,
				   .queues = queues,
				   .mtu = mtu };
	struct net *n = NULL;
	char why[300];

	if (net_open(&opt, &n, why, sizeof(why)))
		fail_msg("net_open: %s", why);
	return n;
}

/* Frames with their virtio_net_hdr, as the kernel has them. */
static inline int ns_packet_socket(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = if_nametoindex(name) };
	struct timeval wait = { .tv_sec = 20 };
	int one = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one,
				    sizeof(one)),
			 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static inline void ns_send(int fd, const void *frame, size_t len)
{
	static const struct virtio_net_hdr hdr;
	struct iovec iov[2] = { { (void *)&hdr, sizeof(hdr) },
				{ (void *)frame, len } };

	assert_int_equal(writev(fd, iov, 2), sizeof(hdr) + len);
}

#endif
