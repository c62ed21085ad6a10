/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP: tap.c moves frames, tap_batch.c many at once, tap_open.c gets hold of the
 * interface, tap_steer.c says which of its queues gets which flow.
 */
#ifndef BACKEND_TAP_VAR_H
#define BACKEND_TAP_VAR_H

#include <pthread.h>

#include "net_var.h"
#include "util/log.h"

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
	struct log_limit limit;

	/* Of those up to the blank line, and of TUNSETQUEUE. */
	pthread_mutex_t order_lock;
	unsigned int nattached;
	uint8_t attached[NET_QUEUES_MAX]; /* queues as the kernel counts them */
	struct net_steering wish;
	struct tap_steer *steer; /* NULL: none to be had, because of */
	int steer_error;
	bool no_steer;

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

/* Both 0 or -errno: TUNSETSTEERINGEBPF, -1 for none; TUNSETQUEUE. */
int tap_set_program(struct tap *t, int fd);
int tap_set_queue(struct tap_queue *q, short flag);
/* The queue's worker: with the order kept.  0 or -errno. */
int tap_queue_attach(struct tap_queue *q);
int tap_queue_detach(struct tap_queue *q);
/* Server thread. */
void tap_set_steering(struct net *n, const struct net_steering *s);
/* Of a card that is made, or closed. */
void tap_steer_begin(struct tap *t);
void tap_steer_end(struct tap *t);

/* The queue's worker. */
int tap_send_more(struct net *n, unsigned int queue,
		  const struct virtio_net_hdr *hdr, const struct iovec *iov,
		  unsigned int niov, unsigned int ncopied);
void tap_flush(struct net *n, unsigned int queue);
void tap_batch_flush(struct tap_queue *q);
void tap_batch_end(struct tap_queue *q);

#endif
