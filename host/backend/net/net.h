/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is behind a network card: frames out, frames in, each with a
 * virtio_net_hdr that says what is still to be done to it (checksum,
 * segmentation), so that nothing is split or summed on the way.
 *
 * A backend has queues.  Each queue is served by one worker, on whose thread
 * all its calls and events run; net_open/close/get_info/set_offloads run on the
 * server thread.  Frames are passed synchronously: no buffer is kept after a
 * call has returned, so guest memory may be handed in and out directly.
 */
#ifndef BACKEND_NET_H
#define BACKEND_NET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util/worker.h"

#define NET_QUEUES_MAX 64
/* A frame's bytes without the virtio_net_hdr, TSO and RSC included. */
#define NET_FRAME_MAX  65562

/* What a side takes without having it summed or split before. */
#define NET_CAN_CSUM   1u /* TCP and UDP, over IPv4 and IPv6 */
#define NET_CAN_TSO4   2u
#define NET_CAN_TSO6   4u
#define NET_CAN_USO    8u /* UDP segmentation, both families */

struct net;

struct net_info {
	uint8_t mac[6]; /* for the child's card, if the backend has a wish */
	bool has_mac;
	bool link;	     /* up */
	unsigned int queues; /* that may be started, >= 1 */
	unsigned int can;    /* NET_CAN_*: what net_send() takes */
	uint32_t max_mtu;
	uint64_t speed; /* bit/s, 0 unknown */
};

/* All but link() on the queue's worker. */
struct net_events {
	/* net_recv() said -EAGAIN before; there is something now. */
	void (*readable)(void *arg, unsigned int queue);
	/* net_send() said -EAGAIN before; there is room now. */
	void (*writable)(void *arg, unsigned int queue);
	/* Any thread: the other end came or went. */
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
	/* May be NULL: what the child takes on receive makes no difference. */
	int (*set_offloads)(struct net *n, unsigned int can);
	void (*close)(struct net *n);
};

struct net_queue_stats {
	uint64_t frames_out, bytes_out, frames_in, bytes_in;
	uint64_t drops_out, drops_in; /* errors of the backend, cut frames */
	uint64_t system_calls;
	uint64_t bytes_copied; /* by us, beyond what a system call copies */
};

struct net {
	const struct net_ops *ops;
	struct net_info info;
	char *name; /* for people: "tap0", "user", ... */
	const struct net_events *events;
	void *events_arg;
	struct net_queue_stats stats[NET_QUEUES_MAX]; /* relaxed atomics */
};

/* Split by the caller from --net (see vmwp(1)). */
struct net_options {
	const char *kind;	    /* "tap", "user", "socket", "null" */
	const char *ifname;	    /* tap */
	const char *path;	    /* socket: address; user: none */
	unsigned int queues;	    /* 0: one */
	uint32_t mtu;		    /* 0: 1500; an upper bound for the child */
	const char *const *hostfwd; /* user: NULL-terminated, may be NULL */
};
/*
 * 0 or -errno; then `why` holds one line that says what is wrong and how to
 * mend it.
 */
int net_open(const struct net_options *opt, struct net **out, char *why,
	     size_t why_len);
void net_close(struct net *n); /* no queue may be started */

/* Before the first net_queue_start(); `ev` and `arg` stay until net_close(). */
void net_set_events(struct net *n, const struct net_events *ev, void *arg);
/* Server thread: what the child's card takes on receive (NET_CAN_*). */
int net_set_offloads(struct net *n, unsigned int can);

/*
 * The worker's thread.  After net_queue_stop() no event of the queue is
 * called.  A queue that is not started receives nothing: a multi-queue backend
 * spreads what comes over the started ones.
 */
int net_queue_start(struct net *n, unsigned int queue, struct worker *w);
void net_queue_stop(struct net *n, unsigned int queue);
/*
 * One whole Ethernet frame without FCS.  0; -EAGAIN: no room, writable() will
 * be called; another -errno: this frame is lost (and counted), go on.
 */
int net_send(struct net *n, unsigned int queue,
	     const struct virtio_net_hdr *hdr, const struct iovec *iov,
	     unsigned int niov);
/*
 * One frame into `iov`.  Its length; -EAGAIN: nothing there, readable() will be
 * called; -EMSGSIZE: a frame that did not fit was dropped and counted, go on.
 */
int net_recv(struct net *n, unsigned int queue, struct virtio_net_hdr *hdr,
	     const struct iovec *iov, unsigned int niov);

/*
 * Filters, each on top of any backend; closing a filter closes what it is on.
 * Faults (--fault "net:..."): loss, garbling, duplication, reorder, delay, cut.
 * Capture (--capture FILE): pcapng of both directions as the child sees them.
 */
int net_fault_wrap(struct net *lower, const char *spec, struct net **out,
		   char *why, size_t why_len);
int net_capture_wrap(struct net *lower, const char *path, const char *card,
		     struct net **out, char *why, size_t why_len);

#endif
