// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket_var.h"

static int connect_stream(struct sock *s, const struct net_options *opt,
			  char *why, size_t why_len)
{
	struct sockaddr_un addr;
	int err = socket_file_address(opt->path, &addr, why, why_len);

	if (err)
		return err;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	if (!connect(s->fd, (struct sockaddr *)&addr, sizeof(addr)))
		return 0;
	err = -errno;
	if (err == -ENOENT || err == -ECONNREFUSED)
		return explain(
			err, why, why_len,
			"nobody listens at %s: start the other end first, "
			"or add server=on here",
			opt->path);
	return explain(err, why, why_len, "cannot connect to %s: %s", opt->path,
		       strerror(-err));
}

static int listen_stream(struct sock *s, const struct net_options *opt,
			 char *why, size_t why_len)
{
	int err;

	s->listen =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listen < 0)
		return -errno;
	err = socket_file_bind(&s->own, s->listen, opt->path, why, why_len);
	if (!err && listen(s->listen, 1))
		err = -errno;
	return err;
}

/* The other end need not be there yet, nor stay. */
static int bind_datagram(struct sock *s, const struct net_options *opt,
			 char *why, size_t why_len)
{
	int err;

	if (!opt->local)
		return explain(-EINVAL, why, why_len,
			       "type=dgram needs local=PATH, where frames for "
			       "this card are sent to");
	s->dgram = true;
	s->has_peer = true;
	err = socket_file_address(opt->path, &s->peer, why, why_len);
	if (err)
		return err;
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	return socket_file_bind(&s->own, s->fd, opt->local, why, why_len);
}

int sock_connect(struct sock *s, const struct net_options *opt, char *why,
		 size_t why_len)
{
	int err;

	s->fd = s->listen = -1;
	if (!opt->path)
		return explain(-EINVAL, why, why_len,
			       "socket= needs a path, as in socket=/run/net0");
	if (opt->queues > 1)
		return explain(-EINVAL, why, why_len,
			       "queues=%u: a socket has one", opt->queues);
	snprintf(why, why_len, "cannot make a socket");
	if (opt->type == NET_SOCKET_DGRAM)
		err = bind_datagram(s, opt, why, why_len);
	else if (opt->server)
		err = listen_stream(s, opt, why, why_len);
	else
		err = connect_stream(s, opt, why, why_len);
	if (err)
		sock_disconnect(s);
	return err;
}

void sock_disconnect(struct sock *s)
{
	socket_file_remove(&s->own);
	if (s->fd >= 0)
		close(s->fd);
	if (s->listen >= 0)
		close(s->listen);
	s->fd = s->listen = -1;
}
