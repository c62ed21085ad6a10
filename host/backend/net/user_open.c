// SPDX-License-Identifier: GPL-2.0
/*
 * The child's view: 10.0.2.0/24 and fec0::/64, where 10.0.2.2 is this machine
 * (its loopback too), 10.0.2.3 its name server, and 10.0.2.15 what DHCP gives to
 * the child.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user_var.h"
#include "util/be.h"
#include "util/size.h"

/* Loaded once, for good: only a machine with such a card pays for it. */
static const struct slirp_api *load(char *why, size_t why_len)
{
	static struct slirp_api api;
	static bool loaded;
	const struct {
		const char *name;
		void *to;
	} functions[] = {
		{ "slirp_new", &api.make },
		{ "slirp_cleanup", &api.cleanup },
		{ "slirp_pollfds_fill", &api.fill },
		{ "slirp_pollfds_poll", &api.poll },
		{ "slirp_input", &api.input },
		{ "slirp_handle_timer", &api.handle_timer },
		{ "slirp_add_hostfwd", &api.add_hostfwd },
	};
	void *lib = loaded ? NULL : dlopen("libslirp.so.0", RTLD_NOW), *fn;
	size_t i;

	if (loaded)
		return &api;
	if (!lib) {
		explain(-ENOENT, why, why_len,
			"there is no libslirp.so.0: install the package "
			"libslirp0");
		return NULL;
	}
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		fn = dlsym(lib, functions[i].name);
		if (!fn) {
			explain(-ENOSYS, why, why_len,
				"libslirp.so.0 has no %s: it has to be version "
				"4.7 or newer",
				functions[i].name);
			dlclose(lib);
			return NULL;
		}
		memcpy(functions[i].to, &fn, sizeof(fn));
	}
	loaded = true;
	return &api;
}

static struct in_addr v4(uint32_t address)
{
	return (struct in_addr){ htonl(address) };
}

static struct in6_addr v6(uint8_t last)
{
	struct in6_addr a = { .s6_addr = { 0xfe, 0xc0 } };

	a.s6_addr[15] = last;
	return a;
}

static void create(struct user *u, const struct net_options *opt)
{
	SlirpConfig cfg = {
		.version = 4,
		.restricted = opt->restricted,
		.in_enabled = true,
		.vnetwork = v4(0x0a000200),
		.vnetmask = v4(0xffffff00),
		.vhost = v4(USER_HOST),
		.in6_enabled = true,
		.vprefix_addr6 = v6(0),
		.vprefix_len = 64,
		.vhost6 = v6(2),
		.vhostname = "enlight",
		.vdhcp_start = v4(USER_CHILD),
		.vnameserver = v4(USER_DNS),
		.vnameserver6 = v6(3),
		.if_mtu = u->net.info.max_mtu,
		.if_mru = u->net.info.max_mtu,
		.disable_dns = opt->restricted,
	};

	u->slirp = u->api->make(&cfg, &user_callbacks, u);
}

/* ---- proto:ADDR:PORT-PORT ---- */

struct forward {
	bool udp;
	struct in_addr host;
	uint64_t host_port, child_port;
};

static bool parse_forward(const char *text, struct forward *f)
{
	const char *address = strchr(text, ':'), *port, *dash;
	char host[32] = "127.0.0.1", number[8];

	port = address ? strchr(address + 1, ':') : NULL;
	dash = port ? strchr(port, '-') : NULL;
	if (!dash)
		return false;
	f->udp = !strncmp(text, "udp:", 4);
	if (!f->udp && strncmp(text, "tcp:", 4))
		return false;
	/* Nothing there: no other machine is let in by mistake. */
	if (port - address > (int)sizeof(host) ||
	    dash - port > (int)sizeof(number))
		return false;
	if (port > address + 1)
		snprintf(host, sizeof(host), "%.*s", (int)(port - address - 1),
			 address + 1);
	snprintf(number, sizeof(number), "%.*s", (int)(dash - port - 1),
		 port + 1);
	return inet_aton(host, &f->host) &&
	       !number_parse(number, 1, 65535, &f->host_port) &&
	       !number_parse(dash + 1, 1, 65535, &f->child_port);
}

/* What the child sends from there needs no other socket. */
static void note_forward(struct user *u, uint16_t port)
{
	struct user_flow *f = &u->forwards[u->nforwards++];

	put_be32(f->from, USER_CHILD);
	f->port = port;
	f->kind = USER_DATAGRAM;
}

/* libslirp does not tell of them, but waits for them. */
static int note_listener(int fd, int events, void *opaque)
{
	struct user *u = opaque;
	int type = 0;
	socklen_t len = sizeof(type);

	(void)events;
	if (!getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) &&
	    type == SOCK_STREAM)
		u->listeners[u->nlisteners++] = fd;
	return -1;
}

static int add_forward(struct user *u, const char *text, char *why,
		       size_t why_len)
{
	struct forward f;

	if (!parse_forward(text, &f))
		return explain(-EINVAL, why, why_len,
			       "hostfwd=%s: use tcp:ADDR:PORT-PORT or udp:..., "
			       "as in hostfwd=tcp:127.0.0.1:2222-22",
			       text);
	if (!u->api->add_hostfwd(u->slirp, f.udp, f.host, f.host_port,
				 v4(USER_CHILD), f.child_port)) {
		if (f.udp)
			note_forward(u, f.child_port);
		return 0;
	}
	return explain(errno ? -errno : -EIO, why, why_len,
		       "hostfwd=%s: port %u cannot be opened (%s): choose "
		       "another",
		       text, (unsigned int)f.host_port,
		       errno ? strerror(errno) : "refused");
}

static int set_up(struct user *u, const struct net_options *opt, char *why,
		  size_t why_len)
{
	const char *const *fwd = opt->hostfwd;
	uint32_t ms = 0;
	int err = 0;

	u->flat = malloc(NET_FRAME_MAX);
	if (!u->flat || user_share_create(u, opt) || user_pieces_create(u) ||
	    user_holes_create(u))
		return explain(-ENOMEM, why, why_len, "out of memory");
	create(u, opt);
	if (!u->slirp)
		return explain(-EINVAL, why, why_len,
			       "libslirp cannot make a network: version 4.7 or "
			       "newer is needed");
	while (!err && fwd && *fwd)
		err = add_forward(u, *fwd++, why, why_len);
	/* There are no other sockets yet. */
	if (!err)
		u->api->fill(u->slirp, &ms, note_listener, u);
	return err;
}

static int user_open(const struct net_options *opt, struct net **out, char *why,
		     size_t why_len)
{
	struct user *u;
	int err;

	if (opt->queues > 1)
		return explain(-EINVAL, why, why_len,
			       "queues=%u: the user network has one",
			       opt->queues);
	u = calloc(1, sizeof(*u));
	if (!u)
		return explain(-ENOMEM, why, why_len, "out of memory");
	u->last = &u->first;
	u->timer.fd = -1;
	u->net.ops = &user_ops;
	u->net.info.queues = 1;
	u->net.info.max_mtu = opt->mtu ? opt->mtu : NET_MTU_DEFAULT;
	u->api = load(why, why_len);
	err = u->api ? set_up(u, opt, why, why_len) : -ENOENT;
	if (err) {
		user_free(u);
		return err;
	}
	*out = &u->net;
	return 0;
}

const struct net_kind net_user = { "user", user_open };
