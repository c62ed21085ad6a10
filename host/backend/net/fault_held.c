// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "fault_var.h"
#include "util/now.h"

#define HELD_MAX 1024 /* in a list; more are lost */
#define RETRY_NS 1000000u

/* ---- the cable ---- */

bool fault_is_cut(struct fault *f)
{
	bool cut;

	if (f->rule.op != FAULT_CUT)
		return false;
	pthread_mutex_lock(&f->lock);
	cut = f->cut;
	pthread_mutex_unlock(&f->lock);
	return cut;
}

/*
 * Two threads may tell of two changes.  Whoever is the last to say what the link
 * is looks once more whether that is still so.
 */
void fault_set_cable(struct fault *f, const bool *cut, const bool *lower_up)
{
	bool up, same;

	pthread_mutex_lock(&f->lock);
	if (cut)
		f->cut = *cut;
	if (lower_up)
		f->lower_up = *lower_up;
	do {
		up = f->lower_up && !f->cut;
		pthread_mutex_unlock(&f->lock);
		net_set_link(&f->net, up);
		pthread_mutex_lock(&f->lock);
		same = up == (f->lower_up && !f->cut);
	} while (!same);
	pthread_mutex_unlock(&f->lock);
}

void fault_cut(struct fault *f, struct fault_queue *q)
{
	fault_set_cable(f, &(bool){ true }, NULL);
	q->cut_until = f->rule.ns ? now_ns() + f->rule.ns : UINT64_MAX;
	fault_set_timer(q);
}

void fault_mend(struct fault *f, struct fault_queue *q)
{
	q->cut_until = 0;
	fault_set_cable(f, &(bool){ false }, NULL);
}

/* ---- frames that wait ---- */

void fault_list_init(struct held_list *list)
{
	list->first = NULL;
	list->last = &list->first;
	list->count = 0;
}

void fault_list_drop(struct held_list *list)
{
	struct held *h = list->first;

	list->first = h->next;
	if (!list->first)
		list->last = &list->first;
	list->count--;
	free(h);
}

void fault_hold(struct fault_queue *q, struct held_list *list,
		const struct virtio_net_hdr *hdr, const struct iovec *iov,
		unsigned int niov, size_t len, uint64_t ns)
{
	struct held *h = NULL;

	if (list->count < HELD_MAX)
		h = malloc(sizeof(*h) + len);
	if (!h)
		return;
	h->next = NULL;
	h->due = now_ns() + ns;
	h->hdr = *hdr;
	h->len = net_iov_get(iov, niov, h->data, len);
	net_count(&q->fault->net.stats[q - q->fault->queue].bytes_copied, len);
	*list->last = h;
	list->last = &h->next;
	list->count++;
	fault_set_timer(q);
}

void fault_release(struct fault_queue *q, struct held_list *list)
{
	struct held *h;

	if (q->fault->rule.op != FAULT_REORDER || !list->first)
		return;
	for (h = list->first; h; h = h->next)
		h->due = 0;
	fault_set_timer(q);
}

void fault_set_timer(struct fault_queue *q)
{
	uint64_t due = q->cut_until;

	if (q->out.first && (!due || q->out.first->due < due))
		due = q->out.first->due ? q->out.first->due : 1;
	/* In order to be told, somebody must wait. */
	if (q->in.first && q->waiting && (!due || q->in.first->due < due))
		due = q->in.first->due ? q->in.first->due : 1;
	net_timer_set(&q->timer, due == UINT64_MAX ? 0 : due);
}

static void send_due(struct fault *f, struct fault_queue *q, uint64_t now)
{
	struct held *h;

	while ((h = q->out.first) && h->due <= now) {
		struct iovec iov = { h->data, h->len };

		if (net_send(f->lower, q - f->queue, &h->hdr, &iov, 1) ==
		    -EAGAIN) {
			h->due = now + RETRY_NS;
			break;
		}
		fault_list_drop(&q->out);
	}
}

void fault_on_timer(struct net_timer *t)
{
	struct fault_queue *q =
		(struct fault_queue *)((char *)t -
				       offsetof(struct fault_queue, timer));
	struct fault *f = q->fault;
	uint64_t now = now_ns();
	bool tell;

	if (q->cut_until && q->cut_until <= now)
		fault_mend(f, q);
	send_due(f, q, now);
	tell = q->waiting && q->in.first && q->in.first->due <= now;
	if (tell)
		q->waiting = false;
	fault_set_timer(q);
	/* Last: whoever hears it may stop the queue, and somebody close it all. */
	if (tell)
		net_emit_readable(&f->net, q - f->queue);
}
