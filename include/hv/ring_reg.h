/* SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause) */
/*
 * VMBus ring buffers: the control page at the start of each ring, and the
 * framing of packets in its data pages.
 */
#ifndef HV_RING_REG_H
#define HV_RING_REG_H

#include "types_reg.h"

/* First page of a ring.  Indices are byte offsets into the data pages. */
struct ring_ctl {
	__u32 write_index;	/* by the writer */
	__u32 read_index;	/* by the reader */
	__u32 interrupt_mask;	/* by the reader: 1 = do not signal new data */
	__u32 pending_send;	/* by the writer: bytes it waits for, or 0 */
	__u32 reserved1[12];
	__u32 features;		/* by the writer */
	__u8 reserved2[REG_PAGE_SIZE - 68];
};
REG_SIZE(struct ring_ctl, REG_PAGE_SIZE);
REG_OFFSET(struct ring_ctl, features, 64);

#define RING_FEATURE_PENDING_SEND	1u

enum ring_pkt_type {
	RING_PKT_INBAND		= 0x6,
	RING_PKT_XFER_PAGES	= 0x7,
	RING_PKT_GPA_DIRECT	= 0x9,
	RING_PKT_COMPLETION	= 0xB,
};

#define RING_PKT_FLAG_COMPLETION	1u	/* the sender wants one */

struct ring_pkt {
	__u16 type;
	__u16 offset8;		/* of the payload, in 8-byte units */
	__u16 len8;		/* of the packet less trailer, likewise */
	__u16 flags;
	__u64 transaction;
};
REG_SIZE(struct ring_pkt, 16);

/* GPA direct: ranges (struct vmb_gpa_range, PFNs) follow. */
struct ring_gpa_direct {
	struct ring_pkt pkt;
	__u32 reserved;
	__u32 range_count;
};
REG_SIZE(struct ring_gpa_direct, 24);

struct ring_xfer_range {
	__u32 len;
	__u32 offset;
};

struct ring_xfer_pages {
	struct ring_pkt pkt;
	__u16 set;
	__u8 sender_owns;
	__u8 reserved;
	__u32 range_count;
	/* struct ring_xfer_range follow */
};
REG_SIZE(struct ring_xfer_pages, 24);

/* After every packet; readers ignore it. */
struct ring_trailer {
	__u32 zero;
	__u32 start;		/* write index at which the packet began */
};
REG_SIZE(struct ring_trailer, 8);

#endif
