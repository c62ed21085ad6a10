/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is behind a network card: frames out, frames in, each with a
 * virtio_net_hdr that says what is still to be done to it (checksum,
 * segmentation), so that nothing is split or summed on the way.  "Out" and "in"
 * are the child's: out leaves it.
 *
 * A backend has queues.  Each queue is served by one worker, on whose thread
 * all its calls and events run; net_open/close/set_* run on the server
 * thread.  Frames are passed synchronously: no buffer is kept after a
 * call has returned, so guest memory may be handed in and out directly.
 *
 * Filters (faults, capture) are backends on top of another one; closing a
 * filter closes what it is on.
 */
#ifndef BACKEND_NET_H
#define BACKEND_NET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "net_hash.h"
#include "util/worker.h"

/* UDP segmentation; headers may be older than the kernel. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define NET_QUEUES_MAX 64
/* A frame's bytes without the virtio_net_hdr, TSO and RSC included. */
#define NET_FRAME_MAX  65562
#define NET_FRAME_MIN  14 /* an Ethernet header */
#define NET_IOV_MAX    128
#define NET_COPY_MAX   256 /* see net_send_more() */

/* What a side takes without having it summed or split before. */
#define NET_CAN_CSUM   1u /* TCP and UDP, over IPv4 and IPv6 */
#define NET_CAN_TSO4   2u
#define NET_CAN_TSO6   4u
#define NET_CAN_USO    8u /* UDP segmentation, both families */

struct net;

struct net_info {
	uint8_t mac[6]; /* for the child's card, if the backend has a wish */
	bool has_mac;
	unsigned int queues; /* that may be started, >= 1 */
	unsigned int can;    /* NET_CAN_*: what net_send() takes */
	uint32_t max_mtu;    /* of the child's card */
	uint64_t speed;	     /* bit/s, 0 unknown */
};

/* All but link() on the queue's worker, never from within net_*(). */
struct net_events {
	/* net_recv() said -EAGAIN before; there is something now. */
	void (*readable)(void *arg, unsigned int queue);
	/* net_send() said -EAGAIN before; there is room now. */
	void (*writable)(void *arg, unsigned int queue);
	/* Any thread: the other end came or went; see also net_link(). */
	void (*link)(void *arg, bool up);
};

struct net_ops {
	const char *name;
	int (*start)(struct net *n, unsigned int queue, struct worker *w);
	void (*stop)(struct net *n, unsigned int queue);
	int (*send)(struct net *n, unsigned int queue,
		    const struct virtio_net_hdr *hdr, const struct iovec *iov,
		    unsigned int niov);
	int (*recv)(struct net *n, unsigned int queue,
		    struct virtio_net_hdr *hdr, const struct iovec *iov,
		    unsigned int niov);
	/* Both NULL: each frame goes by itself. */
	int (*send_more)(struct net *n, unsigned int queue,
			 const struct virtio_net_hdr *hdr,
			 const struct iovec *iov, unsigned int niov,
			 unsigned int ncopied);
	void (*flush)(struct net *n, unsigned int queue);
	/* May be NULL: what the child takes on receive makes no difference. */
	int (*set_offloads)(struct net *n, unsigned int can);
	/* May be NULL: it spreads what comes as it likes. */
	void (*set_steering)(struct net *n, const struct net_steering *s);
	void (*close)(struct net *n);
};

struct net_queue_stats {
	uint64_t frames_out, bytes_out, frames_in, bytes_in;
	uint64_t drops_out, drops_in; /* errors of the backend, cut frames */
	uint64_t faults;	      /* frames that a fault filter hit */
	uint64_t system_calls;	      /* ours, for frames */
	uint64_t bytes_copied; /* by us, beyond what a system call copies */
	/* user: not opened, as there were too many; closed to make room */
	uint64_t sockets_refused, sockets_closed;
};

struct net {
	const struct net_ops *ops;
	struct net *lower; /* of a filter */
	struct net_info info;
	char *name;	/* for people: "tap0", "user", ... */
	bool link_down; /* atomic */
	bool steered;	/* atomic; see net_steered() */
	const struct net_events *events;
	void *events_arg;
	/* Each written by its queue's worker alone: relaxed atomics. */
	struct net_queue_stats stats[NET_QUEUES_MAX];
};

enum net_socket_type { NET_SOCKET_STREAM, NET_SOCKET_DGRAM };

/* Split by the caller from --net (see vmwp(1)); zero is the default of all. */
struct net_options {
	const char *kind;   /* "tap", "user", "socket", "null" */
	const char *ifname; /* tap */
	const char *path;   /* socket: the other end's, or ours if `server` */
	const char *local;  /* datagram socket: ours */
	enum net_socket_type type;
	bool server;		  /* stream socket: waits for the other end */
	unsigned int queues;	  /* 0: as it is best, at most: */
	unsigned int queues_auto; /* 0: one */
	uint32_t mtu;		  /* 0: the backend's own; an upper bound */
	/* user: proto:ADDR:PORT-PORT; NULL-terminated, may be NULL */
	const char *const *hostfwd;
	bool restricted; /* user: the child reaches nothing but this backend */
	unsigned int sockets; /* user: that it may have open, 0: 2048 */
	uint32_t rx;	   /* null: length of the frames that come, 0: none */
	uint64_t rx_count; /* null: how many, 0: for ever */
	uint32_t rx_to;	   /* null: UDP to this IPv4 address, in wire order */
};
/*
 * 0 or -errno; then `why` holds one line that says what is wrong and how to
 * mend it.
 */
int net_open(const struct net_options *opt, struct net **out, char *why,
	     size_t why_len);
/*
 * Over a connected socket, which is taken over in any case: a stream with
 * 32-bit big-endian lengths before the frames, or datagrams.  No `why`: the only
 * error is -ENOMEM.
 */
int net_open_socket(int fd, enum net_socket_type type, struct net **out);
void net_close(struct net *n); /* no queue may be started */

/* Before the first net_queue_start(); `ev` and `arg` stay until net_close(). */
void net_set_events(struct net *n, const struct net_events *ev, void *arg);
/*
 * Server thread, at any time: what the child's card takes on receive
 * (NET_CAN_*).  Nothing, until it is called.
 */
int net_set_offloads(struct net *n, unsigned int can);
/*
 * Server thread, at any time: on which queue the frames of which flow are
 * wanted.  A hint, which costs nothing if it is not followed but the way of a
 * frame from one queue's worker to another's.
 */
void net_set_steering(struct net *n, const struct net_steering *s);
/* Any thread: is the hint followed? */
bool net_steered(struct net *n);
/* Any thread: is there another end? */
bool net_link(const struct net *n);
/* Any thread; a filter's has what is below it as well. */
void net_get_stats(const struct net *n, unsigned int queue,
		   struct net_queue_stats *out);

/*
 * The worker's thread.  After net_queue_stop() no event of the queue is
 * called.  A queue that is not started receives nothing: a multi-queue backend
 * spreads what comes over the started ones.
 */
int net_queue_start(struct net *n, unsigned int queue, struct worker *w);
void net_queue_stop(struct net *n, unsigned int queue);
/*
 * One whole Ethernet frame without FCS, in at most NET_IOV_MAX pieces.  0;
 * -EAGAIN: no room, writable() will be called; another -errno: this frame is
 * lost (and counted), go on.
 */
int net_send(struct net *n, unsigned int queue,
	     const struct virtio_net_hdr *hdr, const struct iovec *iov,
	     unsigned int niov);
/*
 * As net_send(), but the frame need not go before net_flush() or net_send().
 * Until then its bytes must stay as they are, save those of the first `ncopied`
 * pieces, NET_COPY_MAX of them at most; `hdr` and the array itself need not stay.
 * A frame that the kernel refuses in the end is counted as lost, no more.
 */
int net_send_more(struct net *n, unsigned int queue,
		  const struct virtio_net_hdr *hdr, const struct iovec *iov,
		  unsigned int niov, unsigned int ncopied);
void net_flush(struct net *n, unsigned int queue);
/*
 * One frame into `iov` (at most NET_IOV_MAX pieces).  Its length; -EAGAIN:
 * nothing there, readable() will be called; -EMSGSIZE: a frame that did not fit
 * was dropped and counted, go on.  There are no other errors: a backend whose
 * other end is gone says -EAGAIN, and link().
 *
 * Call it until -EAGAIN: readable() comes only after that.
 */
int net_recv(struct net *n, unsigned int queue, struct virtio_net_hdr *hdr,
	     const struct iovec *iov, unsigned int niov);
/* Copies into pieces; the bytes copied, which room may limit.  Any thread. */
size_t net_iov_put(const struct iovec *iov, unsigned int niov, const void *buf,
		   size_t len);

/*
 * Faults: --fault "net:op=loss|garble|duplicate|reorder|delay|cut[,dir=in|out|
 * both][,after=N][,count=N][,every=N][,ms=N][,card=N]", "net:" being optional.
 * See vmwp(1).  net_fault_card(): the card that the specification names, -1 for
 * all of them, or -EINVAL with the reason told.
 */
int net_fault_wrap(struct net *lower, const char *spec, struct net **out,
		   char *why, size_t why_len);
int net_fault_card(const char *spec, int *card, char *why, size_t why_len);

/*
 * Capture (--capture FILE): pcapng of both directions as the child sees them,
 * any number of cards in one file.  Frames are kept in a buffer; flush writes it
 * out.  The file must stay until all its filters are closed; closing it flushes.
 * open, wrap and close: server thread; flush: any.
 */
struct net_capture;
int net_capture_open(const char *path, struct net_capture **out, char *why,
		     size_t why_len);
int net_capture_wrap(struct net_capture *c, struct net *lower, const char *card,
		     const uint8_t mac[6], struct net **out);
int net_capture_flush(struct net_capture *c);
int net_capture_close(struct net_capture *c); /* 0 or the first error */
/* Instead, when nothing came of it: a file that was not there before goes. */
void net_capture_discard(struct net_capture *c);

#endif
