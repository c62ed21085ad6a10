/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections to a listening socket, for loops that are told as long as one
 * waits: one which cannot be taken, for want of a descriptor, must not keep such
 * a loop busy.
 */
#ifndef UTIL_ACCEPT_H
#define UTIL_ACCEPT_H

#include <stdbool.h>

/* How long a loop is not to look at a listener that is starved. */
#define ACCEPT_PAUSE_MS 200

/*
 * The next connection: a non-blocking, close-on-exec descriptor, or -errno.  That
 * a connection waits which nothing is left to hold is logged, as `source`'s, at a
 * limited rate; any thread.
 */
int accept_next(int listener, const char *source);
/* Of its errors: the listener stays ready, and the same will happen again. */
bool accept_starved(int err);

#endif
