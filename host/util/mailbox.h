/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A queue of calls from any thread to one thread.  The owner polls
 * mailbox_fd() for input and then calls mailbox_run().  Calls run in the order
 * in which they were posted.
 */
#ifndef UTIL_MAILBOX_H
#define UTIL_MAILBOX_H

#include <stddef.h>
#include <stdint.h>

struct mailbox;

typedef void (*mailbox_fn)(void *arg);

int mailbox_create(struct mailbox **out); /* 0 or -errno */
void mailbox_destroy(struct mailbox *mb); /* calls not yet run are dropped */
int mailbox_fd(const struct mailbox *mb); /* an eventfd */
/* Any thread.  0, -ENOMEM, or -ENOBUFS: there are far too many already. */
int mailbox_post(struct mailbox *mb, mailbox_fn fn, void *arg);
/*
 * Owner only.  Runs what is queued, once each; calls posted meanwhile wait, and so
 * does what is left after some milliseconds: mailbox_fd() has input again then.
 */
void mailbox_run(struct mailbox *mb);

struct mailbox_stats {
	uint64_t calls;			    /* that were run */
	unsigned int waiting, most_waiting; /* now; at any time */
};
void mailbox_get_stats(struct mailbox *mb, struct mailbox_stats *out);

#endif
