// SPDX-License-Identifier: GPL-2.0
/*
 * Frames that go out together: one system call for up to TAP_BATCH of them, by
 * an io_uring of the queue's own.  A TAP's write never waits (the file is
 * non-blocking), so all of it is done, in order, when the call returns.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "tap_var.h"
#include "util/log.h"

#define TAP_BATCH	 32
#define TAP_BATCH_PIECES 8 /* with more of them a frame goes by itself */

struct batch_frame {
	struct virtio_net_hdr hdr;
	struct iovec iov[TAP_BATCH_PIECES + 1];
	unsigned int niov;
	size_t len;
	uint8_t copy[NET_COPY_MAX];
};

struct tap_batch {
	struct io_uring ring;
	unsigned int n;
	struct batch_frame frame[TAP_BATCH];
};

static struct tap_batch *batch_create(int fd)
{
	struct io_uring_params p = { .flags = IORING_SETUP_SINGLE_ISSUER |
					      IORING_SETUP_COOP_TASKRUN };
	struct tap_batch *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return NULL;
	err = io_uring_queue_init_params(TAP_BATCH, &b->ring, &p);
	/* Kernels refuse flags that they don't know. */
	if (err == -EINVAL) {
		p = (struct io_uring_params){ 0 };
		err = io_uring_queue_init_params(TAP_BATCH, &b->ring, &p);
	}
	if (!err && io_uring_register_files(&b->ring, &fd, 1)) {
		io_uring_queue_exit(&b->ring);
		err = -EINVAL;
	}
	if (!err)
		return b;
	free(b);
	return NULL;
}

static void lost(struct net *n, unsigned int queue, size_t len)
{
	struct net_queue_stats *s = &n->stats[queue];

	net_count(&s->frames_out, (uint64_t)-1);
	net_count(&s->bytes_out, -(uint64_t)len);
	net_count(&s->drops_out, 1);
}

/* What the kernel did not take is lost, as on a wire. */
static void reap(struct tap_queue *q, struct tap_batch *b)
{
	unsigned int queue = q - q->tap->queue, head, n = 0;
	struct io_uring_cqe *cqe;

	io_uring_for_each_cqe(&b->ring, head, cqe)
	{
		if (cqe->res < 0)
			lost(&q->tap->net, queue,
			     b->frame[cqe->user_data % TAP_BATCH].len);
		n++;
	}
	io_uring_cq_advance(&b->ring, n);
	b->n -= n;
}

/* A single one is cheaper without the ring. */
static void send_one(struct tap_queue *q, struct batch_frame *f)
{
	unsigned int queue = q - q->tap->queue;
	ssize_t ret;

	do {
		net_count(&q->tap->net.stats[queue].system_calls, 1);
		ret = writev(q->fd, f->iov, f->niov);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		lost(&q->tap->net, queue, f->len);
}

void tap_batch_flush(struct tap_queue *q)
{
	struct tap_batch *b = q->batch;
	unsigned int i;
	int ret;

	if (!b || !b->n)
		return;
	if (b->n == 1) {
		b->n = 0;
		send_one(q, b->frame);
		return;
	}
	for (i = 0; i < b->n; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&b->ring);

		io_uring_prep_writev(sqe, 0, b->frame[i].iov, b->frame[i].niov,
				     0);
		sqe->flags |= IOSQE_FIXED_FILE;
		io_uring_sqe_set_data64(sqe, i);
	}
	while (b->n) {
		net_count(&q->tap->net.stats[q - q->tap->queue].system_calls,
			  1);
		ret = io_uring_submit_and_wait(&b->ring, b->n);
		reap(q, b);
		if (ret >= 0 || ret == -EINTR || ret == -EAGAIN)
			continue;
		/* The ring is of no use: from now on each goes by itself. */
		log_warn(q->tap->ifname, "io_uring_enter: %s", strerror(-ret));
		for (i = 0; i < b->n; i++)
			lost(&q->tap->net, q - q->tap->queue, b->frame[i].len);
		tap_batch_end(q);
		q->no_batch = true;
		return;
	}
}

static bool batch_ready(struct tap_queue *q)
{
	if (!q->batch && !q->no_batch) {
		q->batch = batch_create(q->fd);
		q->no_batch = !q->batch;
	}
	return q->batch;
}

int tap_send_more(struct net *n, unsigned int queue,
		  const struct virtio_net_hdr *hdr, const struct iovec *iov,
		  unsigned int niov, unsigned int ncopied)
{
	struct tap_queue *q = &((struct tap *)n)->queue[queue];
	struct batch_frame *f;
	size_t copied;

	if (q->gone)
		return -ENODEV;
	copied = net_iov_len(iov, ncopied);
	if (niov > TAP_BATCH_PIECES || copied > NET_COPY_MAX || !batch_ready(q))
		return n->ops->send(n, queue, hdr, iov, niov);
	f = &q->batch->frame[q->batch->n++];
	f->hdr = *hdr;
	f->len = net_iov_len(iov, niov);
	f->iov[0] = (struct iovec){ &f->hdr, sizeof(f->hdr) };
	f->niov = 1;
	if (ncopied) {
		net_iov_get(iov, ncopied, f->copy, copied);
		net_count(&n->stats[queue].bytes_copied, copied);
		f->iov[f->niov++] = (struct iovec){ f->copy, copied };
	}
	memcpy(f->iov + f->niov, iov + ncopied,
	       (niov - ncopied) * sizeof(*iov));
	f->niov += niov - ncopied;
	if (q->batch->n == TAP_BATCH)
		tap_batch_flush(q);
	return 0;
}

void tap_flush(struct net *n, unsigned int queue)
{
	tap_batch_flush(&((struct tap *)n)->queue[queue]);
}

void tap_batch_end(struct tap_queue *q)
{
	if (!q->batch)
		return;
	io_uring_queue_exit(&q->batch->ring);
	free(q->batch);
	q->batch = NULL;
}
