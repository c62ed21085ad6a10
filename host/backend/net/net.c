// SPDX-License-Identifier: GPL-2.0
/*
 * Network back ends: the table of kinds, the counting and the checks that no
 * kind has to repeat.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_var.h"
#include "util/suggest.h"
#include "util/utf8.h"

static const struct net_kind *const kinds[] = { &net_user, &net_tap,
						&net_socket, &net_null };
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static int unknown_kind(const char *name, char *why, size_t why_len)
{
	const char *names[NKINDS], *near;
	unsigned int i;

	for (i = 0; i < NKINDS; i++)
		names[i] = kinds[i]->name;
	near = suggest(name, names, NKINDS);
	if (near)
		return explain(-EINVAL, why, why_len,
			       "unknown network '%s': did you mean '%s'?", name,
			       near);
	return explain(-EINVAL, why, why_len,
		       "unknown network '%s': use user, tap=IFNAME, "
		       "socket=PATH or null",
		       name);
}

static int check_options(const struct net_options *opt, char *why,
			 size_t why_len)
{
	if (opt->queues > NET_QUEUES_MAX || opt->queues_auto > NET_QUEUES_MAX)
		return explain(-EINVAL, why, why_len,
			       "queues=%u: there are at most %d", opt->queues,
			       NET_QUEUES_MAX);
	if (opt->mtu && (opt->mtu < NET_MTU_MIN || opt->mtu > NET_MTU_MAX))
		return explain(-EINVAL, why, why_len,
			       "mtu=%u: use a number from %u to %u", opt->mtu,
			       NET_MTU_MIN, NET_MTU_MAX);
	return 0;
}

int net_open(const struct net_options *opt, struct net **out, char *why,
	     size_t why_len)
{
	const struct net_kind *kind = NULL;
	struct net *n;
	unsigned int i;
	int err;

	for (i = 0; i < NKINDS; i++)
		if (!strcmp(kinds[i]->name, opt->kind))
			kind = kinds[i];
	if (!kind)
		return unknown_kind(opt->kind, why, why_len);
	err = check_options(opt, why, why_len);
	if (!err)
		err = kind->open(opt, &n, why, why_len);
	if (err)
		return err;
	if (!n->name)
		n->name = strdup(kind->name);
	if (!n->name) {
		net_close(n);
		return explain(-ENOMEM, why, why_len, "out of memory");
	}
	utf8_mend(n->name);
	*out = n;
	return 0;
}

void net_close(struct net *n)
{
	char *name;

	if (!n)
		return;
	name = n->name;
	n->ops->close(n);
	free(name);
}

void net_set_events(struct net *n, const struct net_events *ev, void *arg)
{
	n->events = ev;
	n->events_arg = arg;
}

void net_emit_readable(struct net *n, unsigned int queue)
{
	if (n->events && n->events->readable)
		n->events->readable(n->events_arg, queue);
}

void net_emit_writable(struct net *n, unsigned int queue)
{
	if (n->events && n->events->writable)
		n->events->writable(n->events_arg, queue);
}

void net_set_link(struct net *n, bool up)
{
	if (__atomic_exchange_n(&n->link_down, !up, __ATOMIC_ACQ_REL) == !up)
		return;
	if (n->events && n->events->link)
		n->events->link(n->events_arg, up);
}

bool net_link(const struct net *n)
{
	return !__atomic_load_n(&n->link_down, __ATOMIC_ACQUIRE);
}

int net_set_offloads(struct net *n, unsigned int can)
{
	return n->ops->set_offloads ? n->ops->set_offloads(n, can) : 0;
}

/* Filters have no queues of their own. */
static struct net *bottom(struct net *n)
{
	while (n->lower)
		n = n->lower;
	return n;
}

void net_set_steering(struct net *n, const struct net_steering *s)
{
	n = bottom(n);
	if (n->ops->set_steering)
		n->ops->set_steering(n, s);
}

bool net_steered(struct net *n)
{
	return __atomic_load_n(&bottom(n)->steered, __ATOMIC_RELAXED);
}

int net_queue_start(struct net *n, unsigned int queue, struct worker *w)
{
	if (queue >= n->info.queues)
		return -EINVAL;
	return n->ops->start(n, queue, w);
}

void net_queue_stop(struct net *n, unsigned int queue)
{
	if (queue < n->info.queues)
		n->ops->stop(n, queue);
}

static bool is_frame(size_t len, unsigned int niov)
{
	return niov <= NET_IOV_MAX && len >= NET_FRAME_MIN &&
	       len <= NET_FRAME_MAX;
}

static int count_sent(struct net *n, unsigned int queue, size_t len, int err)
{
	struct net_queue_stats *s = &n->stats[queue];

	if (!err) {
		net_count(&s->frames_out, 1);
		net_count(&s->bytes_out, len);
	} else if (err != -EAGAIN) {
		net_count(&s->drops_out, 1);
	}
	return err;
}

int net_send(struct net *n, unsigned int queue,
	     const struct virtio_net_hdr *hdr, const struct iovec *iov,
	     unsigned int niov)
{
	size_t len = net_iov_len(iov, niov);
	int err = -EMSGSIZE;

	if (is_frame(len, niov))
		err = n->ops->send(n, queue, hdr, iov, niov);
	return count_sent(n, queue, len, err);
}

int net_send_more(struct net *n, unsigned int queue,
		  const struct virtio_net_hdr *hdr, const struct iovec *iov,
		  unsigned int niov, unsigned int ncopied)
{
	size_t len = net_iov_len(iov, niov);
	int err = -EMSGSIZE;

	if (!n->ops->send_more)
		return net_send(n, queue, hdr, iov, niov);
	/* Counted first, as it may be lost before the call returns. */
	count_sent(n, queue, len, 0);
	if (is_frame(len, niov) && ncopied <= niov)
		err = n->ops->send_more(n, queue, hdr, iov, niov, ncopied);
	if (err) {
		net_count(&n->stats[queue].frames_out, (uint64_t)-1);
		net_count(&n->stats[queue].bytes_out, -(uint64_t)len);
		count_sent(n, queue, len, err);
	}
	return err;
}

void net_flush(struct net *n, unsigned int queue)
{
	if (n->ops->flush)
		n->ops->flush(n, queue);
}

int net_recv(struct net *n, unsigned int queue, struct virtio_net_hdr *hdr,
	     const struct iovec *iov, unsigned int niov)
{
	struct net_queue_stats *s = &n->stats[queue];
	int len;

	if (niov > NET_IOV_MAX)
		return -EMSGSIZE;
	len = n->ops->recv(n, queue, hdr, iov, niov);
	if (len >= 0) {
		net_count(&s->frames_in, 1);
		net_count(&s->bytes_in, len);
	} else if (len != -EAGAIN) {
		net_count(&s->drops_in, 1);
	}
	return len;
}

static uint64_t get(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/*
 * What passed is what the top saw.  What was lost is what the bottom lost: a
 * filter hands the same error on.
 */
void net_get_stats(const struct net *n, unsigned int queue,
		   struct net_queue_stats *out)
{
	const struct net_queue_stats *s = &n->stats[queue];

	*out = (struct net_queue_stats){
		.frames_out = get(&s->frames_out),
		.bytes_out = get(&s->bytes_out),
		.frames_in = get(&s->frames_in),
		.bytes_in = get(&s->bytes_in),
	};
	for (; n; n = n->lower) {
		s = &n->stats[queue];
		out->faults += get(&s->faults);
		out->system_calls += get(&s->system_calls);
		out->bytes_copied += get(&s->bytes_copied);
		out->drops_out = get(&s->drops_out);
		out->drops_in = get(&s->drops_in);
		out->sockets_refused = get(&s->sockets_refused);
		out->sockets_closed = get(&s->sockets_closed);
	}
}

size_t net_iov_len(const struct iovec *iov, unsigned int niov)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < niov; i++)
		len += iov[i].iov_len;
	return len;
}

size_t net_iov_put(const struct iovec *iov, unsigned int niov, const void *buf,
		   size_t len)
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < niov && done < len; i++) {
		size_t n = len - done;

		if (n > iov[i].iov_len)
			n = iov[i].iov_len;
		memcpy(iov[i].iov_base, (const char *)buf + done, n);
		done += n;
	}
	return done;
}

size_t net_iov_get(const struct iovec *iov, unsigned int niov, void *buf,
		   size_t len)
{
	size_t done = 0;
	unsigned int i;

	for (i = 0; i < niov && done < len; i++) {
		size_t n = len - done;

		if (n > iov[i].iov_len)
			n = iov[i].iov_len;
		memcpy((char *)buf + done, iov[i].iov_base, n);
		done += n;
	}
	return done;
}
