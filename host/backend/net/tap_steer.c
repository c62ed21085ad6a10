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

static void load(struct tap *t)
{
	int err;

	if (t->steer || t->no_steer)
		return;
	/* Whoever may not load one needs not know why in fifty lines. */
	libbpf_set_print(NULL);
	t->steer = tap_steer__open_and_load();
	err = t->steer ?
		      tap_set_program(
			      t, bpf_program__fd(t->steer->progs.tap_steer)) :
		      -errno;
	if (!err)
		return;
	log_info(t->ifname,
		 "frames come to queues as the kernel likes: no BPF program: "
		 "%s",
		 strerror(-err));
	tap_steer__destroy(t->steer);
	t->steer = NULL;
	t->no_steer = true;
}

static void unload(struct tap *t)
{
	if (!t->steer)
		return;
	tap_set_program(t, -1);
	tap_steer__destroy(t->steer);
	t->steer = NULL;
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
	if (t->wish.entries)
		load(t);
	else
		unload(t);
	tell(t);
	__atomic_store_n(&n->steered, t->steer != NULL, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&t->order_lock);
}

/* The interface outlives us, maybe. */
void tap_steer_end(struct tap *t)
{
	pthread_mutex_lock(&t->order_lock);
	unload(t);
	pthread_mutex_unlock(&t->order_lock);
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
