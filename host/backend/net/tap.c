// SPDX-License-Identifier: GPL-2.0
/*
 * A TAP interface: the frames of a queue go by readv() and writev() from and to
 * the pieces that the VSP has, one system call each, the virtio_net_hdr as one
 * more piece in front.
 *
 * A detached queue gets nothing from the kernel, which spreads the flows over
 * those attached: that is what start and stop do.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tap_var.h"
#include "util/log.h"

/* More than a queue of the kernel's holds; see drain(). */
#define TAP_STALE_MAX 10000

static struct tap *to_tap(struct net *n)
{
	return (struct tap *)n;
}

static void on_in(struct worker_poll *poll, unsigned int events)
{
	struct tap_queue *q =
		(struct tap_queue *)((char *)poll -
				     offsetof(struct tap_queue, in));

	(void)events; /* an error shows when it is read */
	net_emit_readable(&q->tap->net, q - q->tap->queue);
}

static void on_out(struct worker_poll *poll, unsigned int events)
{
	struct tap_queue *q =
		(struct tap_queue *)((char *)poll -
				     offsetof(struct tap_queue, out));

	(void)events;
	net_emit_writable(&q->tap->net, q - q->tap->queue);
}

/* Of any interface; what it was is not read but looked up. */
static void on_change(struct worker_poll *poll, unsigned int events)
{
	struct tap *t =
		(struct tap *)((char *)poll - offsetof(struct tap, change));
	char buf[8192];
	ssize_t len;

	(void)events;
	do
		len = recv(t->changes, buf, sizeof(buf), 0);
	while (len > 0 || (len < 0 && (errno == EINTR || errno == ENOBUFS)));
	worker_poll_arm(&t->change);
	net_set_link(&t->net, tap_is_up(t));
}

/* What has waited in a queue which could not be detached is old. */
static void drain(struct tap_queue *q)
{
	unsigned int i;
	char byte[64];

	for (i = 0; i < TAP_STALE_MAX; i++)
		if (read(q->fd, byte, sizeof(byte)) < 0)
			break;
}

static int watch(struct tap *t, struct tap_queue *q, struct worker *w)
{
	int err = worker_poll(w, &q->in, q->fd, POLLIN, on_in);

	if (!err)
		err = worker_poll(w, &q->out, q->fd, POLLOUT, on_out);
	if (!err && q == t->queue) {
		err = worker_poll(w, &t->change, t->changes, POLLIN, on_change);
		if (!err)
			worker_poll_arm(&t->change);
	}
	return err;
}

static void unwatch(struct tap *t, struct tap_queue *q)
{
	worker_unpoll(&q->in);
	worker_unpoll(&q->out);
	if (q == t->queue)
		worker_unpoll(&t->change);
}

static int tap_start(struct net *n, unsigned int queue, struct worker *w)
{
	struct tap *t = to_tap(n);
	struct tap_queue *q = &t->queue[queue];
	int err = watch(t, q, w);

	if (!err && t->multi_queue)
		err = tap_queue_attach(q);
	if (err == -EBADFD || err == -EINVAL) {
		/* Removed meanwhile: a card whose cable is pulled. */
		q->gone = true;
		net_set_link(n, false);
		err = 0;
	}
	if (err) {
		unwatch(t, q);
		return err;
	}
	if (!t->multi_queue)
		drain(q);
	q->started = true;
	/* It may have changed while nobody looked. */
	if (q == t->queue)
		net_set_link(n, tap_is_up(t));
	return 0;
}

static void tap_stop(struct net *n, unsigned int queue)
{
	struct tap *t = to_tap(n);
	struct tap_queue *q = &t->queue[queue];
	int err = 0;

	if (!q->started)
		return;
	q->started = false;
	tap_batch_flush(q);
	tap_batch_end(q);
	unwatch(t, q);
	if (t->multi_queue && !q->gone)
		err = tap_queue_detach(q);
	if (err && err != -EBADFD && err != -EINVAL)
		log_guest(&t->limit, t->ifname,
			  "queue %u cannot be detached: %s", queue,
			  strerror(-err));
}

static int tap_send(struct net *n, unsigned int queue,
		    const struct virtio_net_hdr *hdr, const struct iovec *iov,
		    unsigned int niov)
{
	struct tap_queue *q = &to_tap(n)->queue[queue];
	struct iovec all[NET_IOV_MAX + 1];
	int err;

	if (q->gone)
		return -ENODEV;
	/* Those before it go before it. */
	tap_batch_flush(q);
	all[0] = (struct iovec){ (void *)hdr, sizeof(*hdr) };
	memcpy(all + 1, iov, niov * sizeof(*iov));
	do {
		net_count(&n->stats[queue].system_calls, 1);
		err = writev(q->fd, all, niov + 1) < 0 ? -errno : 0;
	} while (err == -EINTR);
	if (err == -EAGAIN)
		worker_poll_arm(&q->out);
	return err;
}

/*
 * The kernel cuts a frame that is too long and says nothing: one more byte
 * than there is room shows it.
 */
static int tap_recv(struct net *n, unsigned int queue,
		    struct virtio_net_hdr *hdr, const struct iovec *iov,
		    unsigned int niov)
{
	struct tap_queue *q = &to_tap(n)->queue[queue];
	struct iovec all[NET_IOV_MAX + 2];
	ssize_t len;
	char more;

	if (q->gone)
		return -EAGAIN;
	all[0] = (struct iovec){ hdr, sizeof(*hdr) };
	memcpy(all + 1, iov, niov * sizeof(*iov));
	all[niov + 1] = (struct iovec){ &more, 1 };
	do {
		net_count(&n->stats[queue].system_calls, 1);
		len = readv(q->fd, all, niov + 2);
	} while (len < 0 && errno == EINTR);
	if (len >= (ssize_t)sizeof(*hdr)) {
		len -= sizeof(*hdr);
		return (size_t)len > net_iov_len(iov, niov) ? -EMSGSIZE : len;
	}
	if (len < 0 && errno == EAGAIN) {
		worker_poll_arm(&q->in);
		return -EAGAIN;
	}
	/* Not asked again: what would wait for it would spin. */
	log_warn(to_tap(n)->ifname, "queue %u: %s: the interface is gone",
		 queue, len < 0 ? strerror(errno) : "short frame");
	q->gone = true;
	net_set_link(n, false);
	return -EAGAIN;
}

static int set_offloads(struct net *n, unsigned int can)
{
	struct tap *t = to_tap(n);
	int err = tap_set_offloads(t, can);

	/* A removed interface needs nothing any more. */
	return err == -EBADFD ? 0 : err;
}

static void tap_close(struct net *n)
{
	struct tap *t = to_tap(n);

	tap_steer_end(t);
	tap_detach(t);
	pthread_mutex_destroy(&t->order_lock);
	free(n);
}

static const struct net_ops tap_ops = {
	.name = "tap",
	.start = tap_start,
	.stop = tap_stop,
	.send = tap_send,
	.send_more = tap_send_more,
	.flush = tap_flush,
	.recv = tap_recv,
	.set_offloads = set_offloads,
	.set_steering = tap_set_steering,
	.close = tap_close,
};

static int tap_open(const struct net_options *opt, struct net **out, char *why,
		    size_t why_len)
{
	struct tap *t = calloc(1, sizeof(*t));
	unsigned int i;
	int err;

	if (!t)
		return explain(-ENOMEM, why, why_len, "out of memory");
	err = tap_attach(t, opt, why, why_len);
	if (err) {
		free(t);
		return err;
	}
	for (i = 0; i < t->nqueues; i++)
		t->queue[i].tap = t;
	pthread_mutex_init(&t->order_lock, NULL);
	t->net.ops = &tap_ops;
	t->net.name = strdup(t->ifname);
	t->net.info.queues = t->nqueues;
	t->net.info.can = NET_CAN_CSUM | NET_CAN_TSO4 | NET_CAN_TSO6 |
			  (t->can_uso ? NET_CAN_USO : 0);
	tap_steer_begin(t);
	*out = &t->net;
	return 0;
}

const struct net_kind net_tap = { "tap", tap_open };
