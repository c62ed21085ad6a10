/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP: tap.c moves frames, tap_batch.c many at once, tap_open.c gets hold of the
 * interface.
 */
#ifndef BACKEND_TAP_VAR_H
#define BACKEND_TAP_VAR_H

#include "net_var.h"

struct tap_queue {
	struct tap *tap;
	int fd;
	struct worker_poll in, out;
	struct tap_batch *batch; /* from the first frame of one on */
	bool no_batch;		 /* it cannot be had */
	bool started;
	bool gone; /* the interface was removed */
};

struct tap {
	struct net net;
	char ifname[16];
	int ifindex;
	int control;	  /* any socket, for ioctls */
	int changes;	  /* netlink: something happened to some interface */
	bool multi_queue; /* queues can be detached */
	bool can_uso;
	struct worker_poll change; /* on queue 0's worker */
	unsigned int nqueues;
	struct tap_queue queue[NET_QUEUES_MAX];
};

/* Fills all but net, and the polls.  On error everything is closed again. */
int tap_attach(struct tap *t, const struct net_options *opt, char *why,
	       size_t why_len);
void tap_detach(struct tap *t);
/* Is the interface there, and up? */
bool tap_is_up(const struct tap *t);
/* What it may give to us without summing or splitting; 0 or -errno. */
int tap_set_offloads(struct tap *t, unsigned int can);

/* The queue's worker. */
int tap_send_more(struct net *n, unsigned int queue,
		  const struct virtio_net_hdr *hdr, const struct iovec *iov,
		  unsigned int niov, unsigned int ncopied);
void tap_flush(struct net *n, unsigned int queue);
void tap_batch_flush(struct tap_queue *q);
void tap_batch_end(struct tap_queue *q);

#endif
