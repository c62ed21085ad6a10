/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a thread that sleeps in the kernel with a signal unblocked, as a VP's does in
 * KVM_RUN, is made to look at what others have for it.
 *
 * Whoever has something stores it, then kick_send(). The thread calls kick_take(), then
 * looks, then sleeps: it finds all that was there before, and a later kick wakes it.
 * `asked` spares the signal while an earlier one is on its way, so it must never stay
 * set without one: kick_take() takes the signal first and clears `asked` then. The other
 * way round it may take the signal of a kick that came in between, and no kick wakes the
 * thread any more.
 */
#ifndef VM_KICK_H
#define VM_KICK_H

#include <stdatomic.h>
#include <stdbool.h>

struct kick {
	atomic_int tid; /* 0: the thread does not run, and looks when it does */
	atomic_bool asked;
};

/* The signal; blocked in every thread, but while it sleeps. */
int kick_signal(void);
/* The thread, at its beginning and at its end. */
void kick_begin(struct kick *k);
void kick_end(struct kick *k);
/* Any thread; the thread itself needs no signal. */
void kick_send(struct kick *k, bool self);
/* The thread: a signal that is here is no news any more. */
void kick_drain(void);
/* The thread, before it looks. */
void kick_take(struct kick *k);

#endif
