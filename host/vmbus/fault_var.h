/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the fault filter share: fault.c reads specifications and
 * says when a fault is due, fault_chan.c does it to packets, fault_net.c
 * to those of network cards, fault_bus.c to messages and offers; fault_silence.c
 * keeps a channel from saying anything.
 */
#ifndef VMBUS_FAULT_VAR_H
#define VMBUS_FAULT_VAR_H

#include "fault.h"
#include "vmbus_var.h"

struct fault_rule;
struct fault_silence;

struct fault_kind {
	const char *name;
	uint64_t times; /* unless told otherwise; 0: has no such number */
	/* Of packets; NULL: of messages.  Whether this one can be hit... */
	bool (*fits)(struct vmbus_chan *ch, const struct ring_out *out);
	/* ... and what is done to it; may change *out, and what it is about. */
	void (*packet)(struct vmbus_chan *ch, const struct fault_rule *rule,
		       struct ring_out *out);
	/*
	 * Of messages: makes the n-th of those that come after the one hit, of
	 * VMB_MSG_MAX bytes at most, from the last offer if it needs one; its
	 * length, or 0 when that can't be yet.  Of a channel's offers: the same
	 * from the offer that it is instead of.
	 */
	size_t (*message)(const struct vmb_offer *offer, uint64_t n, void *msg);
};

/* What a kind of message that is none keeps back. */
struct fault_withheld {
	const char *name; /* of the kind */
	uint32_t type;	  /* of the messages that it can happen to */
	uint32_t ms;	  /* until they are sent, unless told; 0: never */
};

extern const struct fault_kind fault_packet_kinds[];
extern const struct fault_kind fault_net_kinds[]; /* of network channels */
extern const struct fault_kind fault_message_kinds[];
extern const struct fault_kind fault_offer_kinds[];
extern const unsigned int fault_npacket_kinds, fault_nnet_kinds,
	fault_nmessage_kinds, fault_noffer_kinds;

struct fault_rule {
	struct fault_rule *next;
	const struct fault_kind *kind;
	/* NULL: nothing */
	const struct fault_withheld *withheld;
	char *target; /* a channel's name, or "bus" */
	uint64_t after, count, every, times;
	uint64_t ms; /* that something is kept back; 0: for ever, or nothing */
	/* Who sends: a channel's serving thread, or the server thread. */
	uint64_t seen, done;
};

/* A message that comes late. */
struct fault_held {
	LIST_ENTRY(fault_held) link;
	struct vmbus_server *srv;
	bool dropped; /* its connection has ended */
	uint32_t vp;
	uint8_t sint;
	size_t len;
	uint8_t msg[VMB_MSG_MAX];
};

/* Everything about faults of one server; NULL when there are none. */
struct vmbus_faults {
	struct fault_rule *rules;
	LIST_HEAD(, fault_held) held;
	struct vmb_offer offer; /* the last one; type 0: none yet */
};

/* What a channel with faults has of its own; the serving thread's. */
struct chan_fault {
	struct fault_rule *rules; /* of the server; those with our name */
	bool busy;		  /* sending packets of our own */
	uint64_t owed;		  /* copies of `flood` still to be sent */
	struct ring_out flood;
	uint8_t flood_data[FAULT_DATA_MAX];
	bool withheld;	    /* the packet at hand isn't sent */
	uint64_t late_left; /* packets that `late` waits for; 0: none */
	struct ring_out late;
	uint8_t late_data[FAULT_DATA_MAX];
	uint8_t late_header[FAULT_HEADER_MAX];
	uint8_t data[FAULT_DATA_MAX]; /* of a packet that is changed */
	/* Its header behind the descriptor. */
	uint8_t header[FAULT_HEADER_MAX] __attribute__((aligned(8)));
	const struct vmbus_buffer *buffer; /* vmbus_fault_buffer(), or NULL */
	struct fault_silence *silence;	   /* NULL: there was none yet */
	struct log_limit limit;
};

/* NULL: the kind keeps nothing back. */
const struct fault_withheld *fault_withheld(const struct fault_kind *kind);
/* One that fits came along: is it hit? */
bool fault_due(struct fault_rule *rule);
/* One more packet before the one that is hit; there is room for it. */
void fault_send_extra(struct vmbus_chan *ch, struct ring_out *extra);

/* ---- fault_silence.c ---- */

/* The kind "silence". */
void fault_silence_begin(struct vmbus_chan *ch, const struct fault_rule *rule,
			 struct ring_out *out);
/* Ends it if there is any; NULL is none. */
void fault_silence_free(struct fault_silence *s);

#endif
