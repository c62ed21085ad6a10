// SPDX-License-Identifier: GPL-2.0
/*
 * libslirp says anew in each turn what it waits for.  What stays as it was stays
 * with the kernel; so a turn costs no system call but those of the sockets that
 * are ready.
 */
#include <poll.h>
#include <stdlib.h>

#include "user_var.h"

/*
 * Without SLIRP_POLL_PRI: a socket's wakeup for data says "or urgent data", and
 * that is what the worker is told.  Urgent data come in line with the rest.
 */
static const struct {
	int slirp;
	unsigned int poll;
} event_map[] = {
	{ SLIRP_POLL_IN, POLLIN },
	{ SLIRP_POLL_OUT, POLLOUT },
	{ SLIRP_POLL_ERR, POLLERR },
	{ SLIRP_POLL_HUP, POLLHUP },
};
#define NEVENTS (sizeof(event_map) / sizeof(event_map[0]))

static unsigned int to_poll(int events)
{
	unsigned int out = 0, i;

	for (i = 0; i < NEVENTS; i++)
		if (events & event_map[i].slirp)
			out |= event_map[i].poll;
	return out;
}

static int from_poll(unsigned int events)
{
	int out = 0;
	unsigned int i;

	for (i = 0; i < NEVENTS; i++)
		if (events & event_map[i].poll)
			out |= event_map[i].slirp;
	return out;
}

static void on_ready(struct worker_poll *poll, unsigned int events)
{
	struct user_poll *p = (struct user_poll *)poll;

	p->armed = false;
	p->ready |= events;
	user_kick(p->user);
}

static void poll_free(struct user *u, struct user_poll *p)
{
	LIST_REMOVE(p, link);
	u->by_fd[p->fd] = NULL;
	if (p->index < u->nindex && u->index[p->index] == p)
		u->index[p->index] = NULL;
	worker_unpoll(&p->poll);
	free(p);
}

static struct user_poll *find(const struct user *u, int fd)
{
	return fd >= 0 && (unsigned int)fd < u->nfds ? u->by_fd[fd] : NULL;
}

/* Makes room for at least one more element; false: no memory. */
static bool grow(struct user_poll ***array, unsigned int *size,
		 unsigned int least)
{
	unsigned int more = *size ? *size : 16, i;
	struct user_poll **p;

	if (least < *size)
		return true;
	while (more <= least)
		more *= 2;
	p = realloc(*array, more * sizeof(*p));
	if (!p)
		return false;
	for (i = *size; i < more; i++)
		p[i] = NULL;
	*array = p;
	*size = more;
	return true;
}

static struct user_poll *watch(struct user *u, int fd, unsigned int events)
{
	struct user_poll *p = find(u, fd);

	if (p && p->events == events)
		return p;
	if (p)
		poll_free(u, p);
	if (fd < 0 || !grow(&u->by_fd, &u->nfds, fd))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p || worker_poll(u->worker, &p->poll, fd, events, on_ready)) {
		free(p);
		return NULL;
	}
	p->user = u;
	p->fd = fd;
	p->events = events;
	p->listens = user_listens(u, fd);
	u->by_fd[fd] = p;
	LIST_INSERT_HEAD(&u->polls, p, link);
	return p;
}

/* -1 (no memory): the socket is looked at in a later turn. */
int user_add_poll(int fd, int events, void *opaque)
{
	struct user *u = opaque;
	struct user_poll *p = watch(u, fd, to_poll(events));

	if (!p || !grow(&u->index, &u->index_size, u->nindex))
		return -1;
	p->wanted = true;
	p->waits = p->listens && !u->listening;
	if (p->waits)
		return -1;
	p->index = u->nindex++;
	u->index[p->index] = p;
	return p->index;
}

int user_get_revents(int index, void *opaque)
{
	struct user *u = opaque;

	if (index < 0 || (unsigned int)index >= u->nindex || !u->index[index])
		return 0;
	if (u->index[index]->listens && u->index[index]->ready)
		u->ntried++;
	return from_poll(u->index[index]->ready);
}

/* It is about to be closed; another socket may get its number. */
void user_forget_fd(int fd, void *opaque)
{
	struct user *u = opaque;
	struct user_poll *p = find(u, fd);

	if (p)
		poll_free(u, p);
	user_closed_fd(u, fd);
}

void user_polls_begin(struct user *u)
{
	struct user_poll *p;

	u->nindex = 0;
	LIST_FOREACH(p, &u->polls, link) {
		p->wanted = false;
		p->ready = 0;
	}
}

void user_polls_end(struct user *u)
{
	struct user_poll *p, *next;

	for (p = LIST_FIRST(&u->polls); p; p = next) {
		next = LIST_NEXT(p, link);
		if (!p->wanted) {
			poll_free(u, p);
		} else if (!p->armed && !p->waits) {
			p->armed = true;
			worker_poll_arm(&p->poll);
		}
	}
}

void user_polls_stop(struct user *u)
{
	while (!LIST_EMPTY(&u->polls))
		poll_free(u, LIST_FIRST(&u->polls));
	u->nindex = 0;
}
