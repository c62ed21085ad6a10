// SPDX-License-Identifier: GPL-2.0
/*
 * Getting hold of a TAP interface, which exists or is made, with as many queues
 * as are wanted.  Facts about the kernel's side: tun(4) of Linux, and its
 * Documentation/networking/tuntap.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tap_var.h"

/* From Linux 6.2 on; headers may be older than the kernel. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define TAP_FLAGS     (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
/* A card that was just taken away lets go of its interface a moment later. */
#define BUSY_TRIES    20
#define BUSY_PAUSE_NS (10 * 1000 * 1000)

static void set_name(const struct tap *t, struct ifreq *ifr)
{
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, t->ifname, sizeof(ifr->ifr_name));
}

static bool exists(const struct tap *t)
{
	struct ifreq ifr;

	set_name(t, &ifr);
	return !ioctl(t->control, SIOCGIFINDEX, &ifr);
}

static bool ask(const struct tap *t, void *question)
{
	struct ifreq ifr;

	set_name(t, &ifr);
	ifr.ifr_data = question;
	return !ioctl(t->control, SIOCETHTOOL, &ifr);
}

/* A TAP interface has carrier while somebody holds it open. */
static bool has_user(const struct tap *t)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };

	return ask(t, &driver) && !strcmp(driver.driver, "tun") &&
	       ask(t, &link) && link.data;
}

bool tap_is_up(const struct tap *t)
{
	struct ifreq ifr = { .ifr_ifindex = t->ifindex };

	/* By number: it may have got another name. */
	if (ioctl(t->control, SIOCGIFNAME, &ifr) ||
	    ioctl(t->control, SIOCGIFFLAGS, &ifr))
		return false;
	return ifr.ifr_flags & IFF_UP;
}

int tap_set_offloads(struct tap *t, unsigned int can)
{
	unsigned int tun = 0;

	if (can & NET_CAN_CSUM) {
		tun |= TUN_F_CSUM;
		if (can & NET_CAN_TSO4)
			tun |= TUN_F_TSO4;
		if (can & NET_CAN_TSO6)
			tun |= TUN_F_TSO6;
		if ((can & NET_CAN_USO) && t->can_uso)
			tun |= TUN_F_USO4 | TUN_F_USO6;
	}
	return ioctl(t->queue[0].fd, TUNSETOFFLOAD, tun) ? -errno : 0;
}

/* ---- what went wrong, and how to mend it ---- */

static int why_no_tun(int err, char *why, size_t why_len)
{
	if (err == -ENOENT || err == -ENXIO || err == -ENODEV)
		return explain(err, why, why_len,
			       "there is no /dev/net/tun: load the module "
			       "('modprobe tun')");
	return explain(err, why, why_len,
		       "/dev/net/tun may not be opened (%s): ask for access to "
		       "it",
		       strerror(-err));
}

static int why_no_queue(const struct tap *t, int err, bool was_there,
			unsigned int queues, char *why, size_t why_len)
{
	const char *name = t->ifname;

	if (err == -EPERM && !was_there)
		return explain(err, why, why_len,
			       "there is no interface %s, and making it needs "
			       "root: 'ip tuntap add %s mode tap user NAME "
			       "multi_queue'",
			       name, name);
	if (err == -EPERM)
		return explain(err, why, why_len,
			       "%s may not be opened: it belongs to another "
			       "user; run as root, or make it with 'ip tuntap "
			       "add %s mode tap user NAME multi_queue'",
			       name, name);
	if (err == -EBUSY)
		return explain(
			err, why, why_len,
			"%s is in use by another program: choose another "
			"interface",
			name);
	if (err == -EINVAL)
		return explain(
			err, why, why_len,
			"%s is no TAP interface: choose another name, or "
			"join them with a bridge",
			name);
	if (err == -E2BIG)
		return explain(err, why, why_len,
			       "%s has no %u queues left: ask for fewer", name,
			       queues);
	return explain(err, why, why_len, "%s cannot be opened: %s", name,
		       strerror(-err));
}

static int check_name(const char *name, char *why, size_t why_len)
{
	if (!name || !*name)
		return explain(-EINVAL, why, why_len,
			       "tap= needs an interface, as in tap=tap0");
	if (strlen(name) >= IFNAMSIZ || strpbrk(name, "/:% \t\n") ||
	    !strcmp(name, ".") || !strcmp(name, ".."))
		return explain(
			-EINVAL, why, why_len,
			"'%s' is no name of an interface: it has 1 to %d "
			"characters, without '/', ':', '%%' and blanks",
			name, IFNAMSIZ - 1);
	return 0;
}

/* ---- queues ---- */

static int open_queue(const struct tap *t, unsigned int flags)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int err, size = sizeof(struct virtio_net_hdr);
	struct ifreq ifr;

	if (fd < 0)
		return -errno;
	set_name(t, &ifr);
	ifr.ifr_flags = flags;
	if (!ioctl(fd, TUNSETIFF, &ifr) && !ioctl(fd, TUNSETVNETHDRSZ, &size))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* Multi-queue if it can be, as only such a queue can be detached. */
static int open_first(struct tap *t)
{
	unsigned int try;
	int fd = -EBUSY;

	t->multi_queue = true;
	for (try = 0; try < BUSY_TRIES && fd == -EBUSY; try++) {
		if (try)
			nanosleep(&(struct timespec){ .tv_nsec =
							      BUSY_PAUSE_NS },
				  NULL);
		if (has_user(t))
			continue;
		fd = open_queue(t, TAP_FLAGS | IFF_MULTI_QUEUE);
		if (fd == -EINVAL) {
			t->multi_queue = false;
			fd = open_queue(t, TAP_FLAGS);
		}
	}
	return fd;
}

static int open_queues(struct tap *t, const struct net_options *opt,
		       bool was_there, char *why, size_t why_len)
{
	unsigned int queues = net_queues(opt);
	int fd = open_first(t);

	if (!opt->queues && !t->multi_queue)
		queues = 1;
	if (fd < 0)
		return why_no_queue(t, fd, was_there, queues, why, why_len);
	t->queue[t->nqueues++].fd = fd;
	if (queues > 1 && !t->multi_queue)
		return explain(-EINVAL, why, why_len,
			       "%s has one queue only: make it with 'ip tuntap "
			       "add %s mode tap multi_queue', or say queues=1",
			       t->ifname, t->ifname);
	while (t->nqueues < queues) {
		fd = open_queue(t, TAP_FLAGS | IFF_MULTI_QUEUE);
		if (fd < 0)
			return why_no_queue(t, fd, true, queues, why, why_len);
		t->queue[t->nqueues++].fd = fd;
	}
	return 0;
}

static int set_mtu(struct tap *t, const struct net_options *opt, bool made,
		   char *why, size_t why_len)
{
	struct ifreq ifr;
	uint32_t mtu;

	set_name(t, &ifr);
	if (ioctl(t->control, SIOCGIFMTU, &ifr))
		return -errno;
	mtu = ifr.ifr_mtu;
	t->net.info.max_mtu = opt->mtu ? opt->mtu : mtu;
	if (t->net.info.max_mtu <= mtu)
		return 0;
	ifr.ifr_mtu = opt->mtu;
	if (made && !ioctl(t->control, SIOCSIFMTU, &ifr))
		return 0;
	return explain(-EINVAL, why, why_len,
		       "%s has an MTU of %u: 'ip link set %s mtu %u', or leave "
		       "mtu= out",
		       t->ifname, mtu, t->ifname, opt->mtu);
}

/* One that we made is of no use to anybody until it is up. */
static int set_up(struct tap *t)
{
	struct ifreq ifr;

	set_name(t, &ifr);
	if (ioctl(t->control, SIOCGIFFLAGS, &ifr))
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(t->control, SIOCSIFFLAGS, &ifr) ? -errno : 0;
}

static int watch_changes(struct tap *t)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK,
				    .nl_groups = RTMGRP_LINK };

	t->changes = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			    NETLINK_ROUTE);
	if (t->changes < 0 ||
	    bind(t->changes, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return 0;
}

static int configure(struct tap *t, const struct net_options *opt, bool made,
		     char *why, size_t why_len)
{
	struct ifreq ifr;
	int err = set_mtu(t, opt, made, why, why_len);

	if (err)
		return err;
	set_name(t, &ifr);
	if (ioctl(t->control, SIOCGIFINDEX, &ifr))
		return -errno;
	t->ifindex = ifr.ifr_ifindex;
	/* The kernel refuses what it does not know. */
	t->can_uso = !ioctl(t->queue[0].fd, TUNSETOFFLOAD,
			    TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 |
				    TUN_F_USO6);
	err = tap_set_offloads(t, 0);
	if (!err && made)
		err = set_up(t);
	/* Before the first look, so that no change comes in between. */
	if (!err)
		err = watch_changes(t);
	if (!err)
		t->net.link_down = !tap_is_up(t);
	return err;
}

static int detach_all(struct tap *t)
{
	unsigned int i;
	int err = 0;

	/* Whoever had it before us may have left a program; old kernels none. */
	tap_set_program(t, -1);
	for (i = 0; i < t->nqueues && t->multi_queue && !err; i++)
		err = tap_set_queue(&t->queue[i], IFF_DETACH_QUEUE);
	return err;
}

int tap_attach(struct tap *t, const struct net_options *opt, char *why,
	       size_t why_len)
{
	int err = check_name(opt->ifname, why, why_len);
	bool was_there;

	t->control = t->changes = -1;
	if (err)
		return err;
	memcpy(t->ifname, opt->ifname, strlen(opt->ifname));
	if (access("/dev/net/tun", R_OK | W_OK))
		return why_no_tun(-errno, why, why_len);
	snprintf(why, why_len, "%s cannot be set up", t->ifname);
	t->control = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (t->control < 0)
		return -errno;
	was_there = exists(t);
	err = open_queues(t, opt, was_there, why, why_len);
	if (!err)
		err = configure(t, opt, !was_there, why, why_len);
	if (!err)
		err = detach_all(t);
	if (err)
		tap_detach(t);
	return err;
}

void tap_detach(struct tap *t)
{
	unsigned int i;

	/* Whoever opens it next expects frames without an open end. */
	if (t->nqueues)
		tap_set_offloads(t, 0);
	for (i = 0; i < t->nqueues; i++)
		close(t->queue[i].fd);
	t->nqueues = 0;
	if (t->changes >= 0)
		close(t->changes);
	if (t->control >= 0)
		close(t->control);
}
