/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A root that breaks the rules on purpose, so that a child's drivers can be
 * tested: a filter on what leaves for the child, packets of a channel and
 * messages of the bus.  Whatever it does to the child, this side goes on as if
 * the child had been told the truth.
 */
#ifndef VMBUS_FAULT_H
#define VMBUS_FAULT_H

#include <stddef.h>

struct vmbus_buffer;
struct vmbus_chan;
struct vmbus_server;

/*
 * Adds a fault: "NAME:do=WHAT[,after=N][,count=N][,every=N][,KEY=N]".  NAME
 * is that of a channel (its sub-channels are not meant) or "bus"; WHAT is told
 * in docs/man/vmwp.1.  Of the packets, or messages, which it could happen to,
 * `after` pass untouched; from then on each `every`-th (1) is hit, `count` of
 * them at most (no limit).  `times`: how often an additional one is sent; `ms`:
 * how long one is kept back, or a silence lasts.
 *
 * Server thread, before the channel is offered.  0, -EINVAL or -ENOMEM with one
 * line in why.  The server frees it.
 */
int vmbus_fault_add(struct vmbus_server *srv, const char *spec, char *why,
		    size_t why_len);

/*
 * The channel's serving thread: transfer packets of this channel refer to `b`
 * (NULL: to nothing any more), so that faults can spoil what is in it.  Forgotten
 * when the channel is opened anew; no-op for a channel without faults.
 */
void vmbus_fault_buffer(struct vmbus_chan *ch, const struct vmbus_buffer *b);

#endif
