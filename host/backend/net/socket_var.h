/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets: socket.c moves frames, socket_open.c makes the connection. */
#ifndef BACKEND_SOCKET_VAR_H
#define BACKEND_SOCKET_VAR_H

#include <sys/types.h>
#include <sys/un.h>

#include "net_var.h"
#include "stream.h"
#include "timer.h"
#include "util/log.h"
#include "util/socket_file.h"

struct sock {
	struct net net;
	int fd;	    /* -1: not connected */
	int listen; /* -1: no server */
	bool dgram;
	struct sockaddr_un peer; /* of datagrams, */
	bool has_peer;		 /* if they go to a path, */
	bool connected;		 /* and somebody was there */
	struct socket_file own;
	struct worker *worker; /* NULL: not started */
	struct worker_poll in, out, accept;
	struct net_timer again; /* accepts again, after want of descriptors */
	struct stream *stream;	/* what came */
	/* The end of a frame which the socket had no room for. */
	uint8_t *rest;
	size_t rest_from, rest_to;
	struct log_limit limit;
};

/* Fills fd, listen, peer and own. */
int sock_connect(struct sock *s, const struct net_options *opt, char *why,
		 size_t why_len);
void sock_disconnect(struct sock *s);

#endif
