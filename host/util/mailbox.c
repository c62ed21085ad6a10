// SPDX-License-Identifier: GPL-2.0
/*
 * Calls from any thread to one.  The eventfd is written when the queue turns
 * non-empty; the owner takes the signal first and the queue second, so a call
 * posted in between is either taken along or has signalled anew.  The eventfd
 * is a blocking one, read with RWF_NOWAIT here, so that an owner may as well
 * wait for it with an asynchronous read, which then has taken the signal.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mailbox.h"

struct call {
	struct call *next;
	mailbox_fn fn;
	void *arg;
};

struct mailbox {
	int fd;
	pthread_mutex_t lock; /* first, last */
	struct call *first;
	struct call **last;
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
	/* Never blocks: the counter holds at most a few signals. */
	if (!mb->first)
		eventfd_write(mb->fd, 1);
	*mb->last = c;
	mb->last = &c->next;
	pthread_mutex_unlock(&mb->lock);
	return 0;
}

void mailbox_run(struct mailbox *mb)
{
	uint64_t count;
	struct iovec iov = { &count, sizeof(count) };
	struct call *c, *next;

	/* -EAGAIN is fine: the owner's own read took the signal. */
	(void)!preadv2(mb->fd, &iov, 1, -1, RWF_NOWAIT);
	pthread_mutex_lock(&mb->lock);
	c = mb->first;
	mb->first = NULL;
	mb->last = &mb->first;
	pthread_mutex_unlock(&mb->lock);
	for (; c; c = next) {
		mailbox_fn fn = c->fn;
		void *arg = c->arg;

		next = c->next;
		free(c);
		fn(arg);
	}
}
