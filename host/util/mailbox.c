// SPDX-License-Identifier: GPL-2.0
/*
 * Calls from any thread to one.  The eventfd is written when the queue turns
 * non-empty; the owner takes the signal first and the queue second, so a call
 * posted in between is either taken along or has signalled anew.  The eventfd
 * is a blocking one, read with RWF_NOWAIT here, so that an owner may as well
 * wait for it with an asynchronous read, which then has taken the signal.
 *
 * Who posts sees to it that a call is queued once for each thing to be done, not
 * each time that a peer asks for it.  MAILBOX_MAX is far beyond what there can be
 * then: it is there to stop one who forgot.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mailbox.h"
#include "now.h"

#define MAILBOX_MAX	65536u
#define MAILBOX_TURN_NS 5000000u

struct call {
	struct call *next;
	mailbox_fn fn;
	void *arg;
};

struct mailbox {
	int fd;
	pthread_mutex_t lock; /* all that follows */
	struct call *first;
	struct call **last;
	struct mailbox_stats stats;
};

int mailbox_create(struct mailbox **out)
{
	struct mailbox *mb = calloc(1, sizeof(*mb));
	int err;

	if (!mb)
		return -ENOMEM;
	mb->fd = eventfd(0, EFD_CLOEXEC);
	if (mb->fd < 0) {
		err = -errno;
		free(mb);
		return err;
	}
	pthread_mutex_init(&mb->lock, NULL);
	mb->last = &mb->first;
	*out = mb;
	return 0;
}

void mailbox_destroy(struct mailbox *mb)
{
	struct call *c;

	if (!mb)
		return;
	while ((c = mb->first)) {
		mb->first = c->next;
		free(c);
	}
	pthread_mutex_destroy(&mb->lock);
	close(mb->fd);
	free(mb);
}

int mailbox_fd(const struct mailbox *mb)
{
	return mb->fd;
}

int mailbox_post(struct mailbox *mb, mailbox_fn fn, void *arg)
{
	struct call *c = malloc(sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct call){ NULL, fn, arg };
	pthread_mutex_lock(&mb->lock);
	if (mb->stats.waiting == MAILBOX_MAX) {
		pthread_mutex_unlock(&mb->lock);
		free(c);
		return -ENOBUFS;
	}
	if (++mb->stats.waiting > mb->stats.most_waiting)
		mb->stats.most_waiting = mb->stats.waiting;
	/* Never blocks: the counter holds at most a few signals. */
	if (!mb->first)
		eventfd_write(mb->fd, 1);
	*mb->last = c;
	mb->last = &c->next;
	pthread_mutex_unlock(&mb->lock);
	return 0;
}

/* What there was no time for goes before what was posted meanwhile. */
static void finish(struct mailbox *mb, struct call *left, struct call **last,
		   unsigned int ran)
{
	pthread_mutex_lock(&mb->lock);
	mb->stats.waiting -= ran;
	mb->stats.calls += ran;
	if (left) {
		*last = mb->first;
		if (!mb->first)
			mb->last = last;
		mb->first = left;
		eventfd_write(mb->fd, 1);
	}
	pthread_mutex_unlock(&mb->lock);
}

void mailbox_run(struct mailbox *mb)
{
	uint64_t count, end;
	struct iovec iov = { &count, sizeof(count) };
	struct call *c, *next, **last;
	unsigned int ran = 0;

	/* -EAGAIN is fine: the owner's own read took the signal. */
	(void)!preadv2(mb->fd, &iov, 1, -1, RWF_NOWAIT);
	pthread_mutex_lock(&mb->lock);
	c = mb->first;
	last = mb->last;
	mb->first = NULL;
	mb->last = &mb->first;
	pthread_mutex_unlock(&mb->lock);
	if (!c)
		return;
	end = now_ns() + MAILBOX_TURN_NS;
	do {
		mailbox_fn fn = c->fn;
		void *arg = c->arg;

		next = c->next;
		free(c);
		fn(arg);
		ran++;
		c = next;
	} while (c && now_ns() < end);
	finish(mb, c, last, ran);
}

void mailbox_get_stats(struct mailbox *mb, struct mailbox_stats *out)
{
	pthread_mutex_lock(&mb->lock);
	*out = mb->stats;
	pthread_mutex_unlock(&mb->lock);
}
