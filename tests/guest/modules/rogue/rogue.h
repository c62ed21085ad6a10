/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A child that breaks the rules, to test the root side. It takes the second
 * SCSI controller for itself, and does on demand what no driver would.
 *
 * One act at a time: everything here is used under the mutex of main.c, but
 * for answer[], which the channel's callback fills.
 */
#ifndef ROGUE_H
#define ROGUE_H

#include <linux/completion.h>
#include <linux/hyperv.h>
#include <linux/types.h>

#include "hv/ring_reg.h"
#include "hv/stor_reg.h"
#include "hv/vmbus_reg.h"

#define ROGUE_PAGES	2	/* of data, physically contiguous */
#define ROGUE_FILL	0xa5
/* Far from the GPADL handles that the bus driver counts up. */
#define ROGUE_HANDLE	0x7f000001u

struct rogue {
	struct hv_device *hv;		/* NULL: no controller is bound */
	struct vmbus_channel *ch;	/* the same one's */
	u8 *data;			/* ROGUE_PAGES pages */
	bool deaf;			/* what the root sends is left there */
	u64 id;				/* of the request under way */
	struct stor_pkt answer;
	struct completion answered;
};

/* chan.c: a channel, and what goes into its ring byte by byte. */
int rogue_chan_open(struct rogue *r);
void rogue_chan_close(struct rogue *r);
int rogue_chan_gone(struct rogue *r);
void rogue_chan_put(struct rogue *r, const void *bytes, u32 len);
bool rogue_chan_taken(struct rogue *r);
int rogue_chan_init(struct rogue *r);
int rogue_chan_ask(struct rogue *r, u16 type, const void *head, u32 head_len,
		   const struct stor_pkt *pkt);

/* packets.c: acts upon an open channel. */
int rogue_packets_act(struct rogue *r, const char *name);

/* posts.c: messages past the bus driver, and hypercalls. */
int rogue_posts_init(void);
void rogue_posts_exit(void);
int rogue_posts_messages(struct rogue *r, u32 busy_relid);
int rogue_posts_one_ring(struct rogue *r);
int rogue_posts_flood(void);
int rogue_posts_hypercalls(void);
int rogue_posts_contact(void);
int rogue_posts_say(const void *msg, u32 size);

/* floods.c: the same thing again and again, each thing in turn. */
int rogue_floods_messages(struct rogue *r);
int rogue_floods_packets(struct rogue *r);
int rogue_floods_contacts(void);

#endif
