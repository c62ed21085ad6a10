// SPDX-License-Identifier: GPL-2.0
/*
 * Which queue of a TAP interface gets which flow.  By itself the kernel spreads
 * flows by a hash of its own, so that most frames reach a worker which has to
 * hand them over to another one.  A BPF program (TUNSETSTEERINGEBPF) computes
 * the VSP's hash instead; without the right to load one, it stays as it was.
 *
 * The program counts queues as the kernel does: those attached, in their order,
 * where the last one takes the place of one that is detached (tun(4)'s
 * driver, tun_detach; it cannot be asked).
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tap_var.h"
/* After the types of its variables. */
#include "tap_steer.skel.h"
#include "util/log.h"

/* ---- the program ---- */

int tap_set_program(struct tap *t, int fd)
{
	return ioctl(t->queue[0].fd, TUNSETSTEERINGEBPF, &fd) ? -errno : 0;
}

/*
 * When the card is made: it takes the kernel some time to verify a program, and a
 * child may switch scaling on and off as often as it likes.
 */
void tap_steer_begin(struct tap *t)
{
	if (t->nqueues < 2)
		return;
	/* Whoever may not load one needs not know why in fifty lines. */
	libbpf_set_print(NULL);
	t->steer = tap_steer__open_and_load();
	if (!t->steer)
		t->steer_error = errno ? -errno : -EINVAL;
}

static int attach(struct tap *t, bool on)
{
	if (!t->steer)
		return t->steer_error;
	return tap_set_program(
		t, on ? bpf_program__fd(t->steer->progs.tap_steer) : -1);
}

/* True when the program is at work. */
static bool switch_to(struct tap *t, bool on)
{
	int err;

	if (on == t->net.steered || (on && t->no_steer))
		return t->net.steered;
	err = attach(t, on);
	if (!err || !on)
		return on;
	log_info(t->ifname,
		 "frames come to queues as the kernel likes: no BPF program: "
		 "%s",
		 strerror(-err));
	t->no_steer = true;
	return false;
}

/* ---- what it is told ---- */

static uint8_t kernels_number(const struct tap *t, uint8_t queue)
{
	unsigned int i;

	for (i = 0; i < t->nattached; i++)
		if (t->attached[i] == queue)
			return i;
	return 0;
}

/*
 * The program may run meanwhile, and mix old and new: the frames of a moment go
 * the longer way.
 */
static void tell(struct tap *t)
{
	struct net_steering *s;
	unsigned int i;

	if (!t->steer)
		return;
	s = &t->steer->bss->steering;
	s->toeplitz = t->wish.toeplitz;
	s->types = t->wish.types;
	for (i = 0; i < t->wish.entries; i++)
		s->queue[i] = kernels_number(t, t->wish.queue[i]);
	s->entries = t->wish.entries;
}

void tap_set_steering(struct net *n, const struct net_steering *s)
{
	struct tap *t = (struct tap *)n;

	if (t->nqueues < 2)
		return;
	pthread_mutex_lock(&t->order_lock);
	t->wish = *s;
	if (t->wish.entries > NET_HASH_TABLE)
		t->wish.entries = 0;
	/* Before it is at work: it knows at once what is wanted. */
	tell(t);
	__atomic_store_n(&n->steered, switch_to(t, t->wish.entries),
			 __ATOMIC_RELAXED);
	pthread_mutex_unlock(&t->order_lock);
}

/* The interface outlives us, maybe. */
void tap_steer_end(struct tap *t)
{
	if (t->net.steered)
		tap_set_program(t, -1);
	tap_steer__destroy(t->steer);
	t->steer = NULL;
}

/* ---- queues ---- */

int tap_set_queue(struct tap_queue *q, short flag)
{
	struct ifreq ifr = { .ifr_flags = flag };

	return ioctl(q->fd, TUNSETQUEUE, &ifr) ? -errno : 0;
}

int tap_queue_attach(struct tap_queue *q)
{
	struct tap *t = q->tap;
	int err;

	pthread_mutex_lock(&t->order_lock);
	err = tap_set_queue(q, IFF_ATTACH_QUEUE);
	if (!err) {
		t->attached[t->nattached++] = q - t->queue;
		tell(t);
	}
	pthread_mutex_unlock(&t->order_lock);
	return err;
}

int tap_queue_detach(struct tap_queue *q)
{
	struct tap *t = q->tap;
	unsigned int i;
	int err;

	pthread_mutex_lock(&t->order_lock);
	err = tap_set_queue(q, IFF_DETACH_QUEUE);
	if (!err) {
		i = kernels_number(t, q - t->queue);
		t->attached[i] = t->attached[--t->nattached];
		tell(t);
	}
	pthread_mutex_unlock(&t->order_lock);
	return err;
}
