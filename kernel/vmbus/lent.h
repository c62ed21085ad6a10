/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What our bus offers drivers beyond <linux/hyperv.h>: to learn that the root
 * hasn't confirmed a close, and to leave what packets refer to with the bus until
 * it does. Looked for by symbol_get(), as batch.h. Where there is none, the
 * in-tree bus has waited for the confirmation, unless the channel's ring is
 * still there after vmbus_close(): then the root keeps all that it was lent.
 *
 * vmbus_teardown_gpadl() that fails needs nothing of this: memory from vmalloc()
 * may be freed all the same, its pages stay.
 */
#ifndef VMBUS_LENT_H
#define VMBUS_LENT_H

#include <linux/types.h>

struct page;
struct sk_buff;
struct vmbus_channel;

struct vmb_lent_ops {
	/*
	 * Whether the root may still use what the device of @primary had lent,
	 * its channels being closed. Any context but hardirq.
	 */
	bool (*any)(const struct vmbus_channel *primary);

	/*
	 * Takes over a reference to the page, or the buffer. It is given up when
	 * the root has let go of all that, at once if it has. Any context but
	 * hardirq; the driver may be unloaded afterwards.
	 */
	void (*keep_page)(struct vmbus_channel *primary, struct page *page);
	void (*keep_skb)(struct vmbus_channel *primary, struct sk_buff *skb);
};

extern const struct vmb_lent_ops vmb_lent;

#endif
