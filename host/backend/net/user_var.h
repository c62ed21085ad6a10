/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user-mode network: user.c moves frames and waits, user_poll.c watches the
 * sockets, user_share.c bounds them, user_pieces.c puts datagrams together,
 * user_holes.c bounds what TCP keeps, user_open.c sets it up and loads libslirp.
 */
#ifndef BACKEND_USER_VAR_H
#define BACKEND_USER_VAR_H

#include <slirp/libslirp.h>
#include <sys/queue.h>

#include "net_var.h"
#include "timer.h"
#include "util/log.h"

/* The network's addresses; those of IPv6 end with the same number. */
#define USER_HOST  0x0a000202u /* 10.0.2.2: this machine */
#define USER_DNS   0x0a000203u
#define USER_CHILD 0x0a00020fu /* what DHCP gives */

/* Of the child's frames: types, and bytes of headers without options. */
#define ETH_IPV4   0x0800u
#define ETH_IPV6   0x86ddu
#define ETH_HEAD   14u
#define IPV4_HEAD  20u
#define IPV6_HEAD  40u

/* What of the library is used; it is loaded when the first such card is made. */
struct slirp_api {
	Slirp *(*make)(const SlirpConfig *cfg, const SlirpCb *cb, void *opaque);
	void (*cleanup)(Slirp *slirp);
	void (*fill)(Slirp *slirp, uint32_t *timeout, SlirpAddPollCb add,
		     void *opaque);
	void (*poll)(Slirp *slirp, int error, SlirpGetREventsCb get,
		     void *opaque);
	void (*input)(Slirp *slirp, const uint8_t *frame, int len);
	void (*handle_timer)(Slirp *slirp, SlirpTimerId id, void *arg);
	int (*add_hostfwd)(Slirp *slirp, int udp, struct in_addr host,
			   int host_port, struct in_addr child, int child_port);
};

struct user;

/* A socket of libslirp's that it waits for. */
struct user_poll {
	struct worker_poll poll;
	struct user *user;
	LIST_ENTRY(user_poll) link;
	int fd;
	unsigned int index;  /* in user.index, if it is there */
	unsigned int events; /* POLL*, as watched */
	unsigned int ready;  /* told by the worker, not yet to libslirp */
	bool listens;	     /* for connections to a hostfwd= */
	bool wanted, armed, waits;
};

/* What a frame has libslirp open, if that is not open yet. */
enum user_kind { USER_NOTHING, USER_CONNECTION, USER_DATAGRAM, USER_OTHER };

/* Compared as bytes: made of zeros. */
struct user_flow {
	uint8_t from[16]; /* of a datagram, as its port */
	uint16_t port;
	uint16_t kind; /* enum user_kind */
};

struct user_socket {
	int fd;
	uint64_t since;
	struct user_flow flow;
};

struct user_timer {
	struct user_timer *next;
	SlirpTimerId id;
	void *arg;
	uint64_t due; /* ns; 0: not set */
};

struct user_frame {
	struct user_frame *next;
	size_t len;
	uint8_t data[];
};

/* A call of the worker's which outlives the queue if it is stopped. */
struct user_turn {
	struct worker_io io;
	struct user *user; /* NULL: stopped */
	bool queued;
};

struct user {
	struct net net;
	const struct slirp_api *api;
	Slirp *slirp;
	struct worker *worker; /* NULL: not started */
	struct user_turn *turn;
	struct net_timer timer;
	struct user_timer *timers;
	LIST_HEAD(, user_poll) polls;
	struct user_poll **by_fd;
	unsigned int nfds;
	struct user_poll **index; /* by what libslirp was given */
	unsigned int nindex, index_size;
	struct user_frame *first, **last; /* for the child */
	size_t held;			  /* bytes of them */
	bool waiting;			  /* recv() said -EAGAIN */
	uint8_t *flat;			  /* the child's frame */
	struct user_datagram *datagrams;  /* that come in pieces */

	/* TCP: segments of the child with a hole before them, by connection. */
	struct user_connection *connections;
	unsigned int connections_used; /* elements from the first, at most */
	unsigned int last_connection;
	unsigned int early; /* such segments, of all */
	uint64_t frames;

	/* Sockets: how many there may be, and those that libslirp told of. */
	unsigned int share;
	unsigned int nsockets, nconnections; /* those among them */
	struct user_socket *sockets;
	struct user_flow flow; /* of the frame that it has; or zeros */
	uint64_t next_cull;    /* not before then */
	uint64_t ahead;	       /* its clock is, in ns */
	struct log_limit limit;

	/* hostfwd=, which are open for good and don't count. */
	struct user_flow *forwards; /* of datagrams */
	int *listeners;
	unsigned int nforwards, nlisteners;
	unsigned int ntried, naccepted; /* connections in this turn */
	bool listening;
};

extern const SlirpCb user_callbacks;
extern const struct net_ops user_ops;
void user_free(struct user *u);

/* Something changed: look at everything at the end of the turn. */
void user_kick(struct user *u);

/* user_poll.c: the calls of libslirp's, and what is to be done in a turn. */
int user_add_poll(int fd, int events, void *opaque);
int user_get_revents(int index, void *opaque);
void user_forget_fd(int fd, void *opaque);
void user_polls_begin(struct user *u);
void user_polls_end(struct user *u);
void user_polls_stop(struct user *u);

/* user_share.c: 0 or -ENOMEM; from then on forwards and listeners may be added. */
int user_share_create(struct user *u, const struct net_options *opt);
void user_share_destroy(struct user *u);
/* May a frame go to libslirp?  0, or -EMFILE: it would open one too many. */
int user_admit(struct user *u, const uint8_t *frame, size_t len);
/* Is there room for a connection to each hostfwd=? */
bool user_accepts(const struct user *u);
bool user_listens(const struct user *u, int fd);
/*
 * user_pieces.c: the frame, if it is no piece of a datagram; the whole one, if it
 * was the last piece that was missing, until the next call; or NULL.
 */
const uint8_t *user_whole(struct user *u, const uint8_t *frame, size_t *len);
int user_pieces_create(struct user *u); /* 0 or -ENOMEM */
void user_pieces_destroy(struct user *u);
/*
 * user_holes.c: a frame of libslirp's.  Then: may one of the child's go to it?  0,
 * or -ENOBUFS: there are too many like that already.
 */
void user_holes_told(struct user *u, const uint8_t *frame, size_t len);
int user_holes_admit(struct user *u, const uint8_t *frame, size_t len);
int user_holes_create(struct user *u); /* 0 or -ENOMEM */
void user_holes_destroy(struct user *u);
/* libslirp tells. */
void user_opened_fd(int fd, void *opaque);
void user_closed_fd(struct user *u, int fd);

#endif
