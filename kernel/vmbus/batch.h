/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What our bus offers drivers beyond <linux/hyperv.h>: several packets for one
 * signal. The in-tree bus has no such thing and our drivers run on that one,
 * too; so they look for the table by symbol_get(), and do without where there
 * is none.
 */
#ifndef VMBUS_BATCH_H
#define VMBUS_BATCH_H

struct vmbus_channel;

struct vmb_batch_ops {
	/*
	 * Packets for @channel are coming: a signal that one of them calls for
	 * waits for end(), whoever writes it. The packets themselves are the
	 * root's at once, as ever. Batches of several processors may overlap.
	 * Any context, but not to be preempted until end(), nor to sleep: what
	 * others write waits as well.
	 */
	void (*begin)(struct vmbus_channel *channel);

	/*
	 * All have been written. Signals if one had to be and the root hasn't
	 * read them all by itself. Also for a channel that has been closed
	 * since. Any context.
	 */
	void (*end)(struct vmbus_channel *channel);
};

extern const struct vmb_batch_ops vmb_batch;

#endif
