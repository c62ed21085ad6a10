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

static void poll_free(struct user *u, struct user_poll **at)
{
	struct user_poll *p = *at;
	unsigned int i;

	*at = p->next;
	for (i = 0; i < u->nindex; i++)
		if (u->index[i] == p)
			u->index[i] = NULL;
	worker_unpoll(&p->poll);
	free(p);
}

static struct user_poll **find(struct user *u, int fd)
{
	struct user_poll **at = &u->polls;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	return at;
}

static struct user_poll *watch(struct user *u, int fd, unsigned int events)
{
	struct user_poll **at = find(u, fd), *p = *at;

	if (p && p->events == events)
		return p;
	if (p)
		poll_free(u, at);
	p = calloc(1, sizeof(*p));
	if (!p || worker_poll(u->worker, &p->poll, fd, events, on_ready)) {
		free(p);
		return NULL;
	}
	p->user = u;
	p->fd = fd;
	p->events = events;
	p->next = u->polls;
	u->polls = p;
	return p;
}

static int give_index(struct user *u, struct user_poll *p)
{
	if (u->nindex == u->index_size) {
		unsigned int size = u->index_size ? 2 * u->index_size : 16;
		struct user_poll **more =
			realloc(u->index, size * sizeof(struct user_poll *));

		if (!more)
			return -1;
		u->index = more;
		u->index_size = size;
	}
	u->index[u->nindex] = p;
	return u->nindex++;
}

/* -1 (no memory): the socket is looked at in a later turn. */
int user_add_poll(int fd, int events, void *opaque)
{
	struct user *u = opaque;
	struct user_poll *p = watch(u, fd, to_poll(events));

	if (!p)
		return -1;
	p->wanted = true;
	return give_index(u, p);
}

int user_get_revents(int index, void *opaque)
{
	struct user *u = opaque;

	if (index < 0 || (unsigned int)index >= u->nindex || !u->index[index])
		return 0;
	return from_poll(u->index[index]->ready);
}

/* It is about to be closed; another socket may get its number. */
void user_forget_fd(int fd, void *opaque)
{
	struct user *u = opaque;
	struct user_poll **at = find(u, fd);

	if (*at)
		poll_free(u, at);
}

void user_polls_begin(struct user *u)
{
	struct user_poll *p;

	u->nindex = 0;
	for (p = u->polls; p; p = p->next) {
		p->wanted = false;
		p->ready = 0;
	}
}

void user_polls_end(struct user *u)
{
	struct user_poll **at = &u->polls;

	while (*at) {
		struct user_poll *p = *at;

		if (!p->wanted) {
			poll_free(u, at);
			continue;
		}
		if (!p->armed) {
			p->armed = true;
			worker_poll_arm(&p->poll);
		}
		at = &p->next;
	}
}

void user_polls_stop(struct user *u)
{
	while (u->polls)
		poll_free(u, &u->polls);
	u->nindex = 0;
}
