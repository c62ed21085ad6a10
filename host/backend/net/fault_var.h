/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults: fault.c does them to frames, fault_held.c has what waits (frames, the
 * cable), fault_spec.c reads what was ordered.
 */
#ifndef BACKEND_NET_FAULT_VAR_H
#define BACKEND_NET_FAULT_VAR_H

#include <pthread.h>

#include "net_var.h"
#include "timer.h"

#define FAULT_OUT 1u
#define FAULT_IN  2u

enum fault_op {
	FAULT_NONE,
	FAULT_LOSS,
	FAULT_GARBLE,
	FAULT_DUPLICATE,
	FAULT_REORDER,
	FAULT_DELAY,
	FAULT_CUT,
};

struct fault_rule {
	enum fault_op op;
	unsigned int dirs;
	uint64_t after; /* frames that pass first */
	uint64_t count; /* faults at most */
	uint64_t every; /* then each n-th frame */
	uint64_t ns;	/* delay, longest reorder, cut; 0: a cut for ever */
	int card;	/* -1: all */
};

struct held {
	struct held *next;
	uint64_t due;
	struct virtio_net_hdr hdr;
	size_t len;
	uint8_t data[];
};

struct held_list {
	struct held *first, **last;
	unsigned int count;
};

/* All of it its worker's. */
struct fault_queue {
	struct fault *fault;
	struct net_timer timer;
	struct held_list out, in;
	bool waiting; /* whoever is above was told -EAGAIN */
	bool started;
	uint64_t cut_until; /* of a cut that began here */
};

struct fault {
	struct net net;
	struct net *lower;
	struct fault_rule rule;
	/* Guards seen, done, cut, lower_up; held alone. */
	pthread_mutex_t lock;
	uint64_t seen, done;
	bool cut, lower_up;
	uint8_t *copy[NET_QUEUES_MAX]; /* of a frame that is not ours */
	struct fault_queue queue[NET_QUEUES_MAX];
};

bool fault_is_cut(struct fault *f);
/* Tells what the link is, all things considered; NULL: as before. */
void fault_set_cable(struct fault *f, const bool *cut, const bool *lower_up);
void fault_cut(struct fault *f, struct fault_queue *q);
void fault_mend(struct fault *f, struct fault_queue *q);

void fault_list_init(struct held_list *list);
void fault_list_drop(struct held_list *list); /* the first one */
/* Keeps a copy for `ns`, or without memory or room loses the frame. */
void fault_hold(struct fault_queue *q, struct held_list *list,
		const struct virtio_net_hdr *hdr, const struct iovec *iov,
		unsigned int niov, size_t len, uint64_t ns);
/* Another frame has overtaken those that wait for that. */
void fault_release(struct fault_queue *q, struct held_list *list);
void fault_set_timer(struct fault_queue *q);
void fault_on_timer(struct net_timer *t);

/* 0, -EINVAL or -ENOMEM, then with one line in why. */
int fault_parse(const char *spec, struct fault_rule *rule, char *why,
		size_t why_len);

#endif
