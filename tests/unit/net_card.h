/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A card without a VSP: calls of a network back end are made on its worker, and
 * its events are counted, for the unit tests of host/backend/net.
 */
#ifndef UNIT_NET_CARD_H
#define UNIT_NET_CARD_H

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/net/net.h"
#include "open_fds.h"

#define CARD_SECONDS 20

struct card {
	struct net *net;
	struct worker *worker;
	sem_t readable, writable, link;
	unsigned int nreadable, nwritable, nlink;
	/* Of the call that is made. */
	unsigned int queue;
	struct virtio_net_hdr hdr;
	const struct iovec *iov;
	unsigned int niov, ncopied;
	int ret;
};

static void card_readable(void *arg, unsigned int queue)
{
	struct card *c = arg;

	(void)queue;
	c->nreadable++;
	sem_post(&c->readable);
}

static void card_writable(void *arg, unsigned int queue)
{
	struct card *c = arg;

	(void)queue;
	c->nwritable++;
	sem_post(&c->writable);
}

static void card_link(void *arg, bool up)
{
	struct card *c = arg;

	(void)up;
	c->nlink++;
	sem_post(&c->link);
}

static const struct net_events card_events = {
	.readable = card_readable,
	.writable = card_writable,
	.link = card_link,
};

/* False when the time is over. */
static inline bool card_wait(sem_t *sem, unsigned int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	while (sem_timedwait(sem, &ts))
		if (errno != EINTR)
			return false;
	return true;
}

static inline void card_start_fn(void *arg)
{
	struct card *c = arg;

	c->ret = net_queue_start(c->net, c->queue, c->worker);
}

static inline void card_stop_fn(void *arg)
{
	struct card *c = arg;

	net_queue_stop(c->net, c->queue);
}

static inline void card_send_fn(void *arg)
{
	struct card *c = arg;

	c->ret = net_send(c->net, c->queue, &c->hdr, c->iov, c->niov);
}

static inline void card_send_more_fn(void *arg)
{
	struct card *c = arg;

	c->ret = net_send_more(c->net, c->queue, &c->hdr, c->iov, c->niov,
			       c->ncopied);
}

static inline void card_flush_fn(void *arg)
{
	struct card *c = arg;

	net_flush(c->net, c->queue);
}

static inline void card_recv_fn(void *arg)
{
	struct card *c = arg;

	c->ret = net_recv(c->net, c->queue, &c->hdr, c->iov, c->niov);
}

static inline int card_call(struct card *c, worker_fn fn)
{
	c->ret = -ENOTRECOVERABLE;
	if (worker_call(c->worker, fn, c))
		abort();
	return c->ret;
}

/* All queues on one worker. */
static inline void card_open(struct card *c, struct net *net)
{
	memset(c, 0, sizeof(*c));
	c->net = net;
	sem_init(&c->readable, 0, 0);
	sem_init(&c->writable, 0, 0);
	sem_init(&c->link, 0, 0);
	if (worker_create("card", 16, &c->worker))
		abort();
	net_set_events(net, &card_events, c);
	for (c->queue = 0; c->queue < net->info.queues; c->queue++)
		if (card_call(c, card_start_fn))
			abort();
	c->queue = 0;
}

static inline void card_close(struct card *c)
{
	for (c->queue = 0; c->queue < c->net->info.queues; c->queue++)
		card_call(c, card_stop_fn);
	net_close(c->net);
	worker_destroy(c->worker);
	sem_destroy(&c->readable);
	sem_destroy(&c->writable);
	sem_destroy(&c->link);
	c->net = NULL;
}

/* In three pieces. */
static inline int card_send(struct card *c, const void *frame, size_t len)
{
	char *at = (char *)frame;
	struct iovec iov[3] = { { at, len / 3 },
				{ at + len / 3, 1 },
				{ at + len / 3 + 1, len - len / 3 - 1 } };

	c->iov = iov;
	c->niov = 3;
	return card_call(c, card_send_fn);
}

static inline int card_recv(struct card *c, void *buf, size_t size)
{
	struct iovec iov[2] = { { buf, size / 2 },
				{ (char *)buf + size / 2, size - size / 2 } };

	c->iov = iov;
	c->niov = 2;
	return card_call(c, card_recv_fn);
}

/* Waits for one, by the rules: asks, and after -EAGAIN waits to be told. */
static inline int card_fetch(struct card *c, void *buf, size_t size,
			     unsigned int ms)
{
	int ret;

	while ((ret = card_recv(c, buf, size)) == -EAGAIN)
		if (!card_wait(&c->readable, ms))
			return -ETIMEDOUT;
	return ret;
}

/* A frame that can be told from others. */
static inline void card_frame(void *buf, size_t len, unsigned int seed)
{
	uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = seed * 31 + i * 7 + (i >> 8);
	memset(p, 0xff, len < 6 ? len : 6);
	if (len >= NET_FRAME_MIN) {
		memcpy(p + 6, "\x02\x00\x00\x00\x00\x02\x88\xb5", 8);
	}
}

#endif
