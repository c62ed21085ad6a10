// SPDX-License-Identifier: GPL-2.0
/*
 * A network without privileges: libslirp takes the child's frames apart and
 * speaks through sockets of this process.
 *
 * Whatever happens (a frame from the child, a socket that is ready, a timer)
 * asks for a turn, which runs once when all of it has been seen: libslirp looks
 * at its sockets, says what it waits for next, and the child hears that there are
 * frames.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "user_var.h"
#include "util/log.h"
#include "util/now.h"

#define NS_PER_MS 1000000u
/* Frames for the child that nobody has fetched yet; TCP sends lost ones again. */
#define HELD_MAX  (1u << 20)
/* libslirp's own clocks need a look now and then while connections live. */
#define LOOK_MS	  1000u

/*
 * libslirp has variables that all its networks share, and one network may run
 * on another thread than the next.  A leaf: what it calls only queues.
 */
static pthread_mutex_t slirp_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- what libslirp calls ---- */

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
	struct user *u = opaque;
	struct user_frame *f = NULL;

	user_holes_told(u, buf, len);
	if (u->worker && len <= NET_FRAME_MAX && u->held + len <= HELD_MAX)
		f = malloc(sizeof(*f) + len);
	if (!f) {
		net_count(&u->net.stats[0].drops_in, 1);
		return len;
	}
	f->next = NULL;
	f->len = len;
	memcpy(f->data, buf, len);
	net_count(&u->net.stats[0].bytes_copied, len);
	*u->last = f;
	u->last = &f->next;
	u->held += len;
	user_kick(u);
	return len;
}

static void guest_error(const char *msg, void *opaque)
{
	static struct log_limit limit;

	(void)opaque;
	log_guest(&limit, "user network", "%s", msg);
}

static int64_t clock_get_ns(void *opaque)
{
	return now_ns() + ((struct user *)opaque)->ahead;
}

static void *timer_new(SlirpTimerId id, void *arg, void *opaque)
{
	struct user *u = opaque;
	struct user_timer *t = calloc(1, sizeof(*t));

	/* It would call back through NULL. */
	if (!t)
		abort();
	t->id = id;
	t->arg = arg;
	t->next = u->timers;
	u->timers = t;
	return t;
}

static void timer_free(void *timer, void *opaque)
{
	struct user_timer **at = &((struct user *)opaque)->timers;

	while (*at && *at != timer)
		at = &(*at)->next;
	if (*at)
		*at = (*at)->next;
	free(timer);
}

static void timer_mod(void *timer, int64_t ms, void *opaque)
{
	((struct user_timer *)timer)->due = ms > 0 ? ms * (uint64_t)NS_PER_MS :
						     1;
	user_kick(opaque);
}

static void notify(void *opaque)
{
	user_kick(opaque);
}

const SlirpCb user_callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = user_opened_fd,
	.unregister_poll_fd = user_forget_fd,
	.notify = notify,
	.timer_new_opaque = timer_new,
};

/* ---- turns ---- */

void user_kick(struct user *u)
{
	if (!u->worker || u->turn->queued)
		return;
	u->turn->queued = true;
	worker_complete(u->worker, &u->turn->io, 0);
}

static void run_timers(struct user *u, uint64_t now)
{
	struct user_timer *t;

	for (t = u->timers; t; t = t->next)
		if (t->due && t->due <= now) {
			t->due = 0;
			/* It may set a timer, and frees none. */
			u->api->handle_timer(u->slirp, t->id, t->arg);
		}
}

static void set_timer(struct user *u, uint64_t now, uint32_t ms)
{
	uint64_t due = ms == LOOK_MS && LIST_EMPTY(&u->polls) ?
			       0 :
			       now + (uint64_t)ms * NS_PER_MS;
	struct user_timer *t;

	for (t = u->timers; t; t = t->next)
		if (t->due && (!due || t->due < due))
			due = t->due;
	/* One that runs out a little earlier is as good, and costs nothing. */
	if (u->timer.due > now && due && u->timer.due <= due)
		return;
	net_timer_set(&u->timer, due);
}

static void turn(struct worker_io *io, int res)
{
	struct user_turn *tn = (struct user_turn *)io;
	struct user *u = tn->user;
	uint64_t now = now_ns();
	uint32_t ms = LOOK_MS;

	(void)res;
	if (!u) {
		free(tn);
		return;
	}
	pthread_mutex_lock(&slirp_lock);
	u->ntried = u->naccepted = 0;
	u->api->poll(u->slirp, 0, user_get_revents, u);
	run_timers(u, now);
	/* What could not be accepted stays ready: it has to wait for a turn. */
	u->listening = user_accepts(u) && u->ntried == u->naccepted;
	user_polls_begin(u);
	u->api->fill(u->slirp, &ms, user_add_poll, u);
	user_polls_end(u);
	pthread_mutex_unlock(&slirp_lock);
	set_timer(u, now, ms);
	/* Whatever asked for a turn up to here has had it. */
	tn->queued = false;
	if (u->first && u->waiting) {
		u->waiting = false;
		net_emit_readable(&u->net, 0);
	}
}

static void on_timer(struct net_timer *t)
{
	user_kick((struct user *)((char *)t - offsetof(struct user, timer)));
}

/* ---- the queue ---- */

static int user_start(struct net *n, unsigned int queue, struct worker *w)
{
	struct user *u = (struct user *)n;
	int err;

	(void)queue;
	u->turn = calloc(1, sizeof(*u->turn));
	if (!u->turn)
		return -ENOMEM;
	u->turn->io.done = turn;
	u->turn->user = u;
	err = net_timer_create(&u->timer, on_timer);
	if (!err)
		err = net_timer_start(&u->timer, w);
	if (err) {
		net_timer_destroy(&u->timer);
		free(u->turn);
		u->turn = NULL;
		return err;
	}
	u->worker = w;
	user_kick(u);
	return 0;
}

static void drop_frames(struct user *u)
{
	struct user_frame *f;

	while ((f = u->first)) {
		u->first = f->next;
		free(f);
	}
	u->last = &u->first;
	u->held = 0;
}

static void user_stop(struct net *n, unsigned int queue)
{
	struct user *u = (struct user *)n;

	(void)queue;
	if (!u->worker)
		return;
	user_polls_stop(u);
	net_timer_stop(&u->timer);
	net_timer_destroy(&u->timer);
	u->turn->user = NULL;
	if (!u->turn->queued)
		free(u->turn);
	u->turn = NULL;
	u->worker = NULL;
	u->waiting = false;
	drop_frames(u);
}

static int user_send(struct net *n, unsigned int queue,
		     const struct virtio_net_hdr *hdr, const struct iovec *iov,
		     unsigned int niov)
{
	struct user *u = (struct user *)n;
	size_t len = net_iov_len(iov, niov);
	const uint8_t *frame;
	int err;

	(void)queue;
	/* Neither was offered. */
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE ||
	    (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return -EOPNOTSUPP;
	if (len > NET_FRAME_MIN + n->info.max_mtu + 4)
		return -EMSGSIZE;
	/* libslirp looks more than once at what the child could change. */
	net_iov_get(iov, niov, u->flat, len);
	net_count(&n->stats[0].bytes_copied, len);
	frame = user_whole(u, u->flat, &len);
	if (!frame)
		return 0;
	pthread_mutex_lock(&slirp_lock);
	err = user_holes_admit(u, frame, len);
	if (!err)
		err = user_admit(u, frame, len);
	if (!err)
		u->api->input(u->slirp, frame, len);
	u->flow = (struct user_flow){ .kind = USER_NOTHING };
	pthread_mutex_unlock(&slirp_lock);
	user_kick(u);
	return err;
}

static int user_recv(struct net *n, unsigned int queue,
		     struct virtio_net_hdr *hdr, const struct iovec *iov,
		     unsigned int niov)
{
	struct user *u = (struct user *)n;
	struct user_frame *f = u->first;
	int ret;

	(void)queue;
	if (!f) {
		u->waiting = true;
		return -EAGAIN;
	}
	memset(hdr, 0, sizeof(*hdr));
	ret = net_iov_len(iov, niov) < f->len ? -EMSGSIZE : (int)f->len;
	if (ret > 0) {
		net_iov_put(iov, niov, f->data, f->len);
		net_count(&n->stats[0].bytes_copied, f->len);
	}
	u->first = f->next;
	if (!u->first)
		u->last = &u->first;
	u->held -= f->len;
	free(f);
	return ret;
}

void user_free(struct user *u)
{
	pthread_mutex_lock(&slirp_lock);
	if (u->slirp)
		u->api->cleanup(u->slirp);
	pthread_mutex_unlock(&slirp_lock);
	drop_frames(u);
	free(u->index);
	free(u->by_fd);
	user_share_destroy(u);
	user_pieces_destroy(u);
	user_holes_destroy(u);
	free(u->flat);
	free(u);
}

static void user_close(struct net *n)
{
	user_free((struct user *)n);
}

const struct net_ops user_ops = {
	.name = "user",
	.start = user_start,
	.stop = user_stop,
	.send = user_send,
	.recv = user_recv,
	.close = user_close,
};
