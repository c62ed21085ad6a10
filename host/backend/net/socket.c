// SPDX-License-Identifier: GPL-2.0
/*
 * A Unix socket to whoever speaks the same: another vmwp, QEMU's "-netdev
 * stream" or "dgram", passt, a test.  There is no room for a virtio_net_hdr, so
 * the child sums and splits for itself.
 *
 * Out, a frame is one sendmsg() from where it lies.  In, a datagram is one
 * recvmsg() to where it belongs; a stream is read as much as there is, and its
 * frames are copied: that costs less than two system calls for each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "socket_var.h"
#include "util/accept.h"
#include "util/log.h"
#include "util/now.h"

/* The kernel gives less if its own limits are lower. */
#define SOCK_SNDBUF (1 << 20)

static struct sock *to_sock(struct net *n)
{
	return (struct sock *)n;
}

static void on_in(struct worker_poll *poll, unsigned int events)
{
	struct sock *s =
		(struct sock *)((char *)poll - offsetof(struct sock, in));

	(void)events;
	net_emit_readable(&s->net, 0);
}

/* 0, or -EAGAIN.  Through a broken connection it is lost: recv() finds that. */
static int flush_rest(struct sock *s)
{
	while (s->rest_from < s->rest_to) {
		ssize_t n = send(s->fd, s->rest + s->rest_from,
				 s->rest_to - s->rest_from, MSG_NOSIGNAL);

		net_count(&s->net.stats[0].system_calls, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (n < 0)
			break;
		s->rest_from += n;
	}
	s->rest_from = s->rest_to = 0;
	return 0;
}

static void on_out(struct worker_poll *poll, unsigned int events)
{
	struct sock *s =
		(struct sock *)((char *)poll - offsetof(struct sock, out));

	(void)events;
	if (flush_rest(s) == -EAGAIN)
		worker_poll_arm(&s->out);
	else
		net_emit_writable(&s->net, 0);
}

static int watch_peer(struct sock *s)
{
	int size = SOCK_SNDBUF;
	int err = worker_poll(s->worker, &s->in, s->fd, POLLIN, on_in);

	if (!err)
		err = worker_poll(s->worker, &s->out, s->fd, POLLOUT, on_out);
	setsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return err;
}

static void unwatch_peer(struct sock *s)
{
	worker_unpoll(&s->in);
	worker_unpoll(&s->out);
}

static void on_accept(struct worker_poll *poll, unsigned int events)
{
	struct sock *s =
		(struct sock *)((char *)poll - offsetof(struct sock, accept));
	int fd;

	(void)events;
	fd = accept_next(s->listen, s->net.name);
	if (accept_starved(fd)) {
		net_timer_set(&s->again,
			      now_ns() + ACCEPT_PAUSE_MS * 1000000ull);
		return;
	}
	if (fd < 0) {
		worker_poll_arm(&s->accept);
		return;
	}
	s->fd = fd;
	if (watch_peer(s)) {
		unwatch_peer(s);
		close(s->fd);
		s->fd = -1;
		worker_poll_arm(&s->accept);
		return;
	}
	net_set_link(&s->net, true);
	/* Whoever asked before got -EAGAIN: no watch was armed then. */
	net_emit_readable(&s->net, 0);
}

static void on_again(struct net_timer *t)
{
	struct sock *s =
		(struct sock *)((char *)t - offsetof(struct sock, again));

	if (s->fd < 0)
		worker_poll_arm(&s->accept);
}

/* The other end of a stream is gone, or talks nonsense. */
static void hang_up(struct sock *s, int err)
{
	if (err)
		log_guest(&s->limit, s->net.name,
			  "the connection is given up: %s", strerror(-err));
	unwatch_peer(s);
	close(s->fd);
	s->fd = -1;
	s->rest_from = s->rest_to = 0;
	stream_reset(s->stream);
	net_set_link(&s->net, false);
	if (s->listen >= 0)
		worker_poll_arm(&s->accept);
}

static int listen_start(struct sock *s)
{
	int err = worker_poll(s->worker, &s->accept, s->listen, POLLIN,
			      on_accept);

	/* Now, as it is wanted when there is no descriptor left. */
	if (!err)
		err = net_timer_create(&s->again, on_again);
	return err ? err : net_timer_start(&s->again, s->worker);
}

static void listen_stop(struct sock *s)
{
	worker_unpoll(&s->accept);
	net_timer_stop(&s->again);
	net_timer_destroy(&s->again);
}

static int sock_start(struct net *n, unsigned int queue, struct worker *w)
{
	struct sock *s = to_sock(n);
	int err = 0;

	(void)queue;
	s->worker = w;
	if (s->fd >= 0)
		err = watch_peer(s);
	if (!err && s->listen >= 0)
		err = listen_start(s);
	if (err) {
		unwatch_peer(s);
		listen_stop(s);
		s->worker = NULL;
	} else if (s->fd < 0 && s->listen >= 0) {
		worker_poll_arm(&s->accept);
	} else if (s->rest_from < s->rest_to) {
		worker_poll_arm(&s->out);
	}
	return err;
}

static void sock_stop(struct net *n, unsigned int queue)
{
	struct sock *s = to_sock(n);

	(void)queue;
	if (!s->worker)
		return;
	unwatch_peer(s);
	listen_stop(s);
	s->worker = NULL;
}

/* ---- streams ---- */

/* What is left of a frame after `sent` bytes of it, for later. */
static void keep_rest(struct sock *s, const struct iovec *iov,
		      unsigned int niov, size_t sent)
{
	size_t len =
		net_iov_get(iov, niov, s->rest, STREAM_HEAD + NET_FRAME_MAX);

	net_count(&s->net.stats[0].bytes_copied, len - sent);
	s->rest_from = sent;
	s->rest_to = len;
	worker_poll_arm(&s->out);
}

static int stream_send(struct sock *s, const struct iovec *iov,
		       unsigned int niov)
{
	size_t len = net_iov_len(iov, niov);
	struct iovec all[NET_IOV_MAX + 1];
	struct msghdr msg = { .msg_iov = all, .msg_iovlen = niov + 1 };
	uint32_t head = htonl(len);
	ssize_t n;

	if (s->fd < 0)
		return -ENOTCONN;
	if (s->rest_from < s->rest_to) {
		worker_poll_arm(&s->out);
		return -EAGAIN;
	}
	all[0] = (struct iovec){ &head, sizeof(head) };
	memcpy(all + 1, iov, niov * sizeof(*iov));
	do {
		net_count(&s->net.stats[0].system_calls, 1);
		n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		worker_poll_arm(&s->out);
		return -EAGAIN;
	}
	/* The frame is lost; that the other end is gone, recv() will find. */
	if (n < 0)
		return -errno;
	if ((size_t)n < len + sizeof(head))
		keep_rest(s, all, niov + 1, n);
	return 0;
}

/* More bytes: 0, -EAGAIN, or the other end is gone. */
static int stream_fill(struct sock *s)
{
	size_t room;
	void *to = stream_room(s->stream, &room);
	ssize_t n;

	do {
		net_count(&s->net.stats[0].system_calls, 1);
		n = recv(s->fd, to, room, 0);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		stream_add(s->stream, n);
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	return n > 0 ? 0 : n < 0 ? -errno : -ESHUTDOWN;
}

static int stream_recv(struct sock *s, const struct iovec *iov,
		       unsigned int niov)
{
	const void *frame;
	size_t len;
	int ret;

	if (s->fd < 0)
		return -EAGAIN;
	while (!(ret = stream_next(s->stream, &frame, &len))) {
		ret = stream_fill(s);
		if (ret == -EAGAIN) {
			worker_poll_arm(&s->in);
			return ret;
		}
		if (ret)
			break;
	}
	if (ret < 0) {
		hang_up(s, ret == -ESHUTDOWN ? 0 : ret);
		return -EAGAIN;
	}
	if (len > net_iov_len(iov, niov))
		return -EMSGSIZE;
	net_count(&s->net.stats[0].bytes_copied, len);
	return net_iov_put(iov, niov, frame, len);
}

/* ---- datagrams ---- */

/*
 * Only a connected socket says when the other end has room.  One that has gone
 * may have come back in the meantime.
 */
static int dgram_send(struct sock *s, const struct iovec *iov,
		      unsigned int niov)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = niov,
	};
	unsigned int try;
	int err = 0;

	for (try = 0; try < 2; try++) {
		if (!s->connected && connect(s->fd, (struct sockaddr *)&s->peer,
					     sizeof(s->peer)))
			return -errno;
		s->connected = true;
		do {
			net_count(&s->net.stats[0].system_calls, 1);
			err = sendmsg(s->fd, &msg, MSG_NOSIGNAL) < 0 ? -errno :
								       0;
		} while (err == -EINTR);
		if (!s->has_peer || (err != -ECONNREFUSED && err != -ENOTCONN))
			break;
		s->connected = false;
	}
	if (err == -EAGAIN)
		worker_poll_arm(&s->out);
	return err;
}

static int dgram_recv(struct sock *s, const struct iovec *iov,
		      unsigned int niov)
{
	struct msghdr msg = {
		.msg_iov = (struct iovec *)iov,
		.msg_iovlen = niov,
	};
	ssize_t n;

	do {
		net_count(&s->net.stats[0].system_calls, 1);
		n = recvmsg(s->fd, &msg, 0);
		/* An error that a frame sent before met is no frame. */
	} while (n < 0 && (errno == EINTR || errno == ECONNREFUSED ||
			   errno == ECONNRESET));
	if (n < 0) {
		worker_poll_arm(&s->in);
		return -EAGAIN;
	}
	/* One for each call, however many the other end sends. */
	return n < NET_FRAME_MIN || msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

/* ---- both ---- */

static int sock_send(struct net *n, unsigned int queue,
		     const struct virtio_net_hdr *hdr, const struct iovec *iov,
		     unsigned int niov)
{
	struct sock *s = to_sock(n);

	(void)queue;
	/* Neither was offered. */
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE ||
	    (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return -EOPNOTSUPP;
	return s->dgram ? dgram_send(s, iov, niov) : stream_send(s, iov, niov);
}

static int sock_recv(struct net *n, unsigned int queue,
		     struct virtio_net_hdr *hdr, const struct iovec *iov,
		     unsigned int niov)
{
	struct sock *s = to_sock(n);

	(void)queue;
	memset(hdr, 0, sizeof(*hdr));
	return s->dgram ? dgram_recv(s, iov, niov) : stream_recv(s, iov, niov);
}

static void sock_close(struct net *n)
{
	struct sock *s = to_sock(n);

	sock_disconnect(s);
	free(s->stream);
	free(s->rest);
	free(s);
}

static const struct net_ops sock_ops = {
	.name = "socket",
	.start = sock_start,
	.stop = sock_stop,
	.send = sock_send,
	.recv = sock_recv,
	.close = sock_close,
};

static struct sock *sock_create(bool dgram)
{
	struct sock *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->net.ops = &sock_ops;
	s->net.info.queues = 1;
	s->net.info.max_mtu = NET_MTU_MAX;
	s->fd = s->listen = s->again.fd = -1;
	s->dgram = dgram;
	if (dgram)
		return s;
	s->stream = malloc(sizeof(*s->stream));
	s->rest = malloc(STREAM_HEAD + NET_FRAME_MAX);
	if (s->stream && s->rest) {
		stream_reset(s->stream);
		return s;
	}
	sock_close(&s->net);
	return NULL;
}

int net_open_socket(int fd, enum net_socket_type type, struct net **out)
{
	struct sock *s = sock_create(type == NET_SOCKET_DGRAM);

	if (s)
		s->net.name = strdup("socket");
	if (!s || !s->net.name) {
		if (s)
			sock_close(&s->net);
		close(fd);
		return -ENOMEM;
	}
	s->fd = fd;
	s->connected = true;
	*out = &s->net;
	return 0;
}

static int sock_open(const struct net_options *opt, struct net **out, char *why,
		     size_t why_len)
{
	struct sock *s = sock_create(opt->type == NET_SOCKET_DGRAM);
	int err;

	if (!s)
		return explain(-ENOMEM, why, why_len, "out of memory");
	err = sock_connect(s, opt, why, why_len);
	if (err) {
		sock_close(&s->net);
		return err;
	}
	s->net.info.max_mtu = opt->mtu ? opt->mtu : NET_MTU_DEFAULT;
	s->net.link_down = s->fd < 0;
	s->net.name = strdup(opt->path);
	*out = &s->net;
	return 0;
}

const struct net_kind net_socket = { "socket", sock_open };
