// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "socket_var.h"

static int to_address(const char *path, struct sockaddr_un *addr, char *why,
		      size_t why_len)
{
	size_t len = strlen(path);

	*addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!len || len >= sizeof(addr->sun_path))
		return net_why(-EINVAL, why, why_len,
			       "'%s' is no path of a socket: it has 1 to %zu "
			       "bytes",
			       path, sizeof(addr->sun_path) - 1);
	memcpy(addr->sun_path, path, len);
	return 0;
}

/* A socket that nobody has open was left by a process which was killed. */
static bool is_stale(const struct sockaddr_un *addr, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int bind_path(struct sock *s, int fd, int type, const char *path,
		     char *why, size_t why_len)
{
	struct sockaddr_un addr;
	struct stat st;
	int err = to_address(path, &addr, why, why_len);

	if (err)
		return err;
	/* The file's mode is made from the socket's. */
	if (fchmod(fd, 0600))
		return -errno;
	if (!lstat(path, &st)) {
		if (!S_ISSOCK(st.st_mode))
			return net_why(-EEXIST, why, why_len,
				       "%s exists and is no socket: choose "
				       "another path",
				       path);
		if (!is_stale(&addr, type))
			return net_why(
				-EADDRINUSE, why, why_len,
				"%s belongs to a running program: choose "
				"another path",
				path);
		unlink(path);
	}
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		return net_why(err, why, why_len, "cannot make %s: %s", path,
			       err == -ENOENT ?
				       "its folder does not exist (mkdir it)" :
				       strerror(-err));
	}
	s->own_path = strdup(path);
	if (!s->own_path) {
		unlink(path);
		return net_why(-ENOMEM, why, why_len, "out of memory");
	}
	if (!lstat(path, &st)) {
		s->own_dev = st.st_dev;
		s->own_ino = st.st_ino;
	}
	return 0;
}

static int connect_stream(struct sock *s, const struct net_options *opt,
			  char *why, size_t why_len)
{
	struct sockaddr_un addr;
	int err = to_address(opt->path, &addr, why, why_len);

	if (err)
		return err;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	if (!connect(s->fd, (struct sockaddr *)&addr, sizeof(addr)))
		return 0;
	err = -errno;
	if (err == -ENOENT || err == -ECONNREFUSED)
		return net_why(
			err, why, why_len,
			"nobody listens at %s: start the other end first, "
			"or add server=on here",
			opt->path);
	return net_why(err, why, why_len, "cannot connect to %s: %s", opt->path,
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
	err = bind_path(s, s->listen, SOCK_STREAM, opt->path, why, why_len);
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
		return net_why(-EINVAL, why, why_len,
			       "type=dgram needs local=PATH, where frames for "
			       "this card are sent to");
	s->dgram = true;
	s->has_peer = true;
	err = to_address(opt->path, &s->peer, why, why_len);
	if (err)
		return err;
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	return bind_path(s, s->fd, SOCK_DGRAM, opt->local, why, why_len);
}

int sock_connect(struct sock *s, const struct net_options *opt, char *why,
		 size_t why_len)
{
	int err;

	s->fd = s->listen = -1;
	if (!opt->path)
		return net_why(-EINVAL, why, why_len,
			       "socket= needs a path, as in socket=/run/net0");
	if (opt->queues > 1)
		return net_why(-EINVAL, why, why_len,
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
	struct stat st;

	if (s->own_path && !lstat(s->own_path, &st) &&
	    st.st_dev == s->own_dev && st.st_ino == s->own_ino)
		unlink(s->own_path);
	free(s->own_path);
	s->own_path = NULL;
	if (s->fd >= 0)
		close(s->fd);
	if (s->listen >= 0)
		close(s->listen);
	s->fd = s->listen = -1;
}
