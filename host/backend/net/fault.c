// SPDX-License-Identifier: GPL-2.0
/*
 * A filter which loses, garbles, doubles, reorders or delays chosen frames, or
 * pulls the cable, so that drivers and protocols can be tested.
 *
 * A frame that is kept waits in its queue's list for its direction.  What is due
 * goes on with the next call, or when the queue's timer says so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault_var.h"
#include "util/now.h"

#define IN_A_ROW     64 /* frames lost within one call of net_recv() */
#define GARBLE_PRIME 2654435761u

/* ---- which frames ---- */

static bool hits(struct fault *f, unsigned int dir, uint64_t *number)
{
	const struct fault_rule *r = &f->rule;
	bool hit = false;

	if (!(r->dirs & dir))
		return false;
	pthread_mutex_lock(&f->lock);
	if (f->seen++ >= r->after && !((f->seen - 1 - r->after) % r->every) &&
	    f->done < r->count) {
		*number = f->done++;
		hit = true;
	}
	pthread_mutex_unlock(&f->lock);
	return hit;
}

/* There was no room for it: it comes once more. */
static void not_yet(struct fault *f, unsigned int dir, bool hit)
{
	if (!(f->rule.dirs & dir))
		return;
	pthread_mutex_lock(&f->lock);
	f->seen--;
	f->done -= hit;
	pthread_mutex_unlock(&f->lock);
}

static void count_fault(struct fault *f, unsigned int queue)
{
	net_count(&f->net.stats[queue].faults, 1);
}

/* ---- frames out ---- */

static uint8_t *garble_at(const struct iovec *iov, unsigned int niov,
			  size_t len, uint64_t number)
{
	/* Behind the addresses; for the same specification the same bytes. */
	size_t at = len > NET_FRAME_MIN ?
			    NET_FRAME_MIN + number * GARBLE_PRIME %
						    (len - NET_FRAME_MIN) :
			    len - 1;

	for (; niov; iov++, niov--) {
		if (at < iov->iov_len)
			return (uint8_t *)iov->iov_base + at;
		at -= iov->iov_len;
	}
	return NULL;
}

/* The child's memory is not ours to change, and its to change at any time. */
static struct iovec take_copy(struct fault *f, unsigned int queue,
			      const struct iovec *iov, unsigned int niov)
{
	struct iovec copy = { f->copy[queue], net_iov_len(iov, niov) };

	net_iov_get(iov, niov, copy.iov_base, copy.iov_len);
	net_count(&f->net.stats[queue].bytes_copied, copy.iov_len);
	return copy;
}

static int send_hit(struct fault *f, unsigned int queue,
		    const struct virtio_net_hdr *hdr, const struct iovec *iov,
		    unsigned int niov, uint64_t number)
{
	struct fault_queue *q = &f->queue[queue];
	struct iovec copy;
	int err = 0;

	switch (f->rule.op) {
	case FAULT_GARBLE:
		copy = take_copy(f, queue, iov, niov);
		*garble_at(&copy, 1, copy.iov_len, number) ^= 0xff;
		return net_send(f->lower, queue, hdr, &copy, 1);
	case FAULT_DUPLICATE:
		copy = take_copy(f, queue, iov, niov);
		err = net_send(f->lower, queue, hdr, &copy, 1);
		if (!err)
			net_send(f->lower, queue, hdr, &copy, 1);
		return err;
	case FAULT_REORDER:
	case FAULT_DELAY:
		fault_hold(q, &q->out, hdr, iov, niov, net_iov_len(iov, niov),
			   f->rule.ns);
		return 0;
	case FAULT_CUT:
		fault_cut(f, q);
		return 0;
	default:
		return 0;
	}
}

static int fault_send(struct net *n, unsigned int queue,
		      const struct virtio_net_hdr *hdr, const struct iovec *iov,
		      unsigned int niov)
{
	struct fault *f = (struct fault *)n;
	struct fault_queue *q = &f->queue[queue];
	uint64_t number = 0;
	bool hit;
	int err;

	if (fault_is_cut(f)) {
		count_fault(f, queue);
		return 0;
	}
	hit = hits(f, FAULT_OUT, &number);
	if (hit)
		err = send_hit(f, queue, hdr, iov, niov, number);
	else
		err = net_send(f->lower, queue, hdr, iov, niov);
	if (err == -EAGAIN)
		not_yet(f, FAULT_OUT, hit);
	else if (hit)
		count_fault(f, queue);
	else
		fault_release(q, &q->out);
	return err;
}

/* ---- frames in ---- */

static int take_due(struct fault_queue *q, struct virtio_net_hdr *hdr,
		    const struct iovec *iov, unsigned int niov)
{
	struct held *h = q->in.first;
	int ret;

	if (!h || h->due > now_ns())
		return -EAGAIN;
	*hdr = h->hdr;
	ret = net_iov_len(iov, niov) < h->len ? -EMSGSIZE : (int)h->len;
	if (ret > 0)
		net_iov_put(iov, niov, h->data, h->len);
	fault_list_drop(&q->in);
	return ret;
}

/* What becomes of it: its length, or -EAGAIN if there is nothing for now. */
static int recv_hit(struct fault *f, unsigned int queue,
		    struct virtio_net_hdr *hdr, const struct iovec *iov,
		    unsigned int niov, int len, uint64_t number)
{
	struct fault_queue *q = &f->queue[queue];

	count_fault(f, queue);
	switch (f->rule.op) {
	case FAULT_GARBLE:
		*garble_at(iov, niov, len, number) ^= 0xff;
		hdr->flags &= ~VIRTIO_NET_HDR_F_DATA_VALID;
		return len;
	case FAULT_DUPLICATE:
		fault_hold(q, &q->in, hdr, iov, niov, len, 0);
		return len;
	case FAULT_REORDER:
	case FAULT_DELAY:
		fault_hold(q, &q->in, hdr, iov, niov, len, f->rule.ns);
		return -EAGAIN;
	case FAULT_CUT:
		fault_cut(f, q);
		return -EAGAIN;
	default:
		return -EAGAIN;
	}
}

static int fault_recv(struct net *n, unsigned int queue,
		      struct virtio_net_hdr *hdr, const struct iovec *iov,
		      unsigned int niov)
{
	struct fault *f = (struct fault *)n;
	struct fault_queue *q = &f->queue[queue];
	unsigned int i;

	for (i = 0; i < IN_A_ROW; i++) {
		uint64_t number = 0;
		int len = take_due(q, hdr, iov, niov);

		if (len != -EAGAIN)
			return len;
		len = net_recv(f->lower, queue, hdr, iov, niov);
		if (len == -EAGAIN) {
			q->waiting = true;
			fault_set_timer(q);
			return len;
		}
		if (len < 0)
			return len;
		if (fault_is_cut(f)) {
			count_fault(f, queue);
			continue;
		}
		if (!hits(f, FAULT_IN, &number)) {
			fault_release(q, &q->in);
			return len;
		}
		len = recv_hit(f, queue, hdr, iov, niov, len, number);
		if (len != -EAGAIN)
			return len;
	}
	/* One more was lost, and there may be more. */
	return -EMSGSIZE;
}

/* ---- events from below ---- */

static void on_readable(void *arg, unsigned int queue)
{
	struct fault *f = arg;
	struct fault_queue *q = &f->queue[queue];

	/* Told already, because of a frame that waited here. */
	if (!q->waiting)
		return;
	q->waiting = false;
	net_emit_readable(&f->net, queue);
}

static void on_writable(void *arg, unsigned int queue)
{
	net_emit_writable(&((struct fault *)arg)->net, queue);
}

static void on_link(void *arg, bool up)
{
	fault_set_cable(arg, NULL, &up);
}

static const struct net_events events = {
	.readable = on_readable,
	.writable = on_writable,
	.link = on_link,
};

/* ---- life ---- */

static void queue_end(struct fault *f, struct fault_queue *q)
{
	net_timer_stop(&q->timer);
	net_timer_destroy(&q->timer);
	while (q->out.first)
		fault_list_drop(&q->out);
	while (q->in.first)
		fault_list_drop(&q->in);
	q->waiting = q->started = false;
	if (q->cut_until)
		fault_mend(f, q);
}

static int fault_start(struct net *n, unsigned int queue, struct worker *w)
{
	struct fault *f = (struct fault *)n;
	struct fault_queue *q = &f->queue[queue];
	int err = net_timer_create(&q->timer, fault_on_timer);

	if (!err)
		err = net_timer_start(&q->timer, w);
	if (!err)
		err = net_queue_start(f->lower, queue, w);
	if (err)
		queue_end(f, q);
	else
		q->started = true;
	return err;
}

static void fault_stop(struct net *n, unsigned int queue)
{
	struct fault *f = (struct fault *)n;

	if (!f->queue[queue].started)
		return;
	net_queue_stop(f->lower, queue);
	queue_end(f, &f->queue[queue]);
}

/* Who garbles must leave the sum to the child, or it would sum the garbage. */
static int fault_set_offloads(struct net *n, unsigned int can)
{
	struct fault *f = (struct fault *)n;

	return net_set_offloads(f->lower, f->rule.op == FAULT_GARBLE ? 0 : can);
}

static void fault_close(struct net *n)
{
	struct fault *f = (struct fault *)n;
	unsigned int i;

	net_close(f->lower);
	for (i = 0; i < NET_QUEUES_MAX; i++)
		free(f->copy[i]);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static const struct net_ops fault_ops = {
	.name = "fault",
	.start = fault_start,
	.stop = fault_stop,
	.send = fault_send,
	.recv = fault_recv,
	.set_offloads = fault_set_offloads,
	.close = fault_close,
};

static int prepare_copies(struct fault *f)
{
	unsigned int i;

	for (i = 0; i < f->net.info.queues; i++) {
		f->copy[i] = malloc(NET_FRAME_MAX);
		if (!f->copy[i])
			return -ENOMEM;
	}
	return 0;
}

static int set_up(struct fault *f, struct net *lower)
{
	unsigned int i;

	f->lower = f->net.lower = lower;
	f->net.ops = &fault_ops;
	f->net.info = lower->info;
	f->net.name = strdup(lower->name);
	f->lower_up = net_link(lower);
	f->net.link_down = !f->lower_up;
	for (i = 0; i < NET_QUEUES_MAX; i++) {
		f->queue[i].fault = f;
		f->queue[i].timer.fd = -1;
		fault_list_init(&f->queue[i].out);
		fault_list_init(&f->queue[i].in);
	}
	if (f->rule.op == FAULT_GARBLE)
		f->net.info.can = 0;
	if (!f->net.name)
		return -ENOMEM;
	return f->rule.op == FAULT_GARBLE || f->rule.op == FAULT_DUPLICATE ?
		       prepare_copies(f) :
		       0;
}

int net_fault_wrap(struct net *lower, const char *spec, struct net **out,
		   char *why, size_t why_len)
{
	struct fault *f = calloc(1, sizeof(*f));
	unsigned int i;
	int err;

	if (!f)
		return explain(-ENOMEM, why, why_len, "out of memory");
	err = fault_parse(spec, &f->rule, why, why_len);
	if (!err) {
		err = set_up(f, lower);
		if (err)
			explain(err, why, why_len, "out of memory");
	}
	if (err) {
		for (i = 0; i < NET_QUEUES_MAX; i++)
			free(f->copy[i]);
		free(f->net.name);
		free(f);
		return err;
	}
	pthread_mutex_init(&f->lock, NULL);
	net_set_events(lower, &events, f);
	*out = &f->net;
	return 0;
}

int net_fault_card(const char *spec, int *card, char *why, size_t why_len)
{
	struct fault_rule rule;
	int err = fault_parse(spec, &rule, why, why_len);

	if (!err)
		*card = rule.card;
	return err;
}
