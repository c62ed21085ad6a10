/* SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause) */
/*
 * VMBus channel messages: what travels in the payload of SynIC messages of
 * type 1 (root to child) and of HvPostMessage (child to root).  docs/protocol
 * tells the order in which they come.  Directions: REQ child to root, RESP
 * root to child in answer, NOTE either way without an answer.
 */
#ifndef HV_VMBUS_REG_H
#define HV_VMBUS_REG_H

#include "types_reg.h"

#define VMB_MSG_MAX		240	/* bytes of one channel message */
#define VMB_SYNIC_TYPE		1	/* SynIC message type of all of these */
#define VMB_SINT		2	/* messages and event flags */
#define VMB_PORT_MESSAGE	1	/* connection id of posts, before 5.0 */
#define VMB_PORT_MULTI		4	/* of INITIATE_CONTACT from 5.0 on */
#define VMB_RELIDS		2048	/* relid 0 is never used */

#define VMB_VERSION(major, minor)	((__u32)(major) << 16 | (minor))
#define VMB_VERSION_2_4		VMB_VERSION(2, 4)
#define VMB_VERSION_3_0		VMB_VERSION(3, 0)
#define VMB_VERSION_4_0		VMB_VERSION(4, 0)
#define VMB_VERSION_4_1		VMB_VERSION(4, 1)
#define VMB_VERSION_5_0		VMB_VERSION(5, 0)
#define VMB_VERSION_5_1		VMB_VERSION(5, 1)
#define VMB_VERSION_5_2		VMB_VERSION(5, 2)
#define VMB_VERSION_5_3		VMB_VERSION(5, 3)

enum vmb_msg_type {
	VMB_MSG_INVALID			= 0,
	VMB_MSG_OFFER			= 1,	/* NOTE, root to child */
	VMB_MSG_RESCIND			= 2,	/* NOTE, root to child */
	VMB_MSG_REQUEST_OFFERS		= 3,	/* REQ */
	VMB_MSG_ALL_OFFERS		= 4,	/* RESP */
	VMB_MSG_OPEN			= 5,	/* REQ */
	VMB_MSG_OPEN_RESULT		= 6,	/* RESP */
	VMB_MSG_CLOSE			= 7,	/* NOTE, child to root */
	VMB_MSG_GPADL_HEADER		= 8,	/* REQ */
	VMB_MSG_GPADL_BODY		= 9,	/* REQ, continued */
	VMB_MSG_GPADL_CREATED		= 10,	/* RESP */
	VMB_MSG_GPADL_TEARDOWN		= 11,	/* REQ */
	VMB_MSG_GPADL_TORNDOWN		= 12,	/* RESP */
	VMB_MSG_RELID_RELEASED		= 13,	/* NOTE, child to root */
	VMB_MSG_INITIATE_CONTACT	= 14,	/* REQ */
	VMB_MSG_VERSION_RESPONSE	= 15,	/* RESP */
	VMB_MSG_UNLOAD			= 16,	/* REQ */
	VMB_MSG_UNLOAD_RESPONSE		= 17,	/* RESP */
	VMB_MSG_OPEN_RESERVED		= 18,
	VMB_MSG_CLOSE_RESERVED		= 19,
	VMB_MSG_CLOSE_RESERVED_RESP	= 20,
	VMB_MSG_TL_CONNECT		= 21,	/* REQ, sockets, from 4.0 */
	VMB_MSG_MODIFY_CHANNEL		= 22,	/* REQ, from 4.1 */
	VMB_MSG_TL_CONNECT_RESULT	= 23,
	VMB_MSG_MODIFY_CHANNEL_RESP	= 24,	/* RESP, from 5.3 */
	VMB_MSG_COUNT
};

#define VMB_STATUS_OK		0u
#define VMB_STATUS_FAILED	0x8000FFFFu

struct vmb_hdr {
	__u32 type;
	__u32 padding;
};
REG_SIZE(struct vmb_hdr, 8);

struct vmb_initiate_contact {
	struct vmb_hdr hdr;
	__u32 version;
	__u32 target_vp;	/* of root-to-child messages; from 3.0 on */
	__u8 sint;		/* from 5.0 on; before: interrupt page GPA */
	__u8 vtl;		/* from 5.1 on */
	__u16 zero;
	__u32 feature_flags;	/* from 6.0 on */
	__u64 monitor_to_child;	/* GPAs, page-aligned; both or neither */
	__u64 monitor_to_root;
};
REG_SIZE(struct vmb_initiate_contact, 40);
REG_OFFSET(struct vmb_initiate_contact, sint, 16);
REG_OFFSET(struct vmb_initiate_contact, monitor_to_child, 24);

/* Always 16 bytes for versions 5.3 and below: shorter ones are dropped. */
struct vmb_version_response {
	struct vmb_hdr hdr;
	__u8 supported;
	__u8 state;
	__u16 zero;
	__u32 connection;	/* for later posts, from 5.0 on */
};
REG_SIZE(struct vmb_version_response, 16);

#define VMB_OFFER_ENUMERATE	0x0001
#define VMB_OFFER_PIPE		0x0010
#define VMB_OFFER_TLNPI		0x2000	/* sockets */

struct vmb_offer {
	struct vmb_hdr hdr;
	struct guid_reg type;
	struct guid_reg instance;
	__u64 reserved1[2];
	__u16 flags;
	__u16 mmio_megabytes;
	__u8 user[120];
	__u16 sub_index;	/* 0: primary channel */
	__u16 reserved2;
	__u32 relid;
	__u8 monitor_id;
	__u8 monitor_allocated;	/* bit 0 */
	__u16 dedicated;	/* bit 0; always set from 2.4 on */
	__u32 connection;	/* for HvSignalEvent */
} __attribute__((packed));
REG_SIZE(struct vmb_offer, 196);
REG_OFFSET(struct vmb_offer, flags, 56);
REG_OFFSET(struct vmb_offer, sub_index, 180);
REG_OFFSET(struct vmb_offer, connection, 192);

/* RESCIND, CLOSE, RELID_RELEASED */
struct vmb_relid_msg {
	struct vmb_hdr hdr;
	__u32 relid;
};
REG_SIZE(struct vmb_relid_msg, 12);

#define VMB_OPEN_USER_MAX	120
#define VMB_VP_NONE		0xFFFFFFFFu	/* OPEN: no interrupts wanted */

struct vmb_open {
	struct vmb_hdr hdr;
	__u32 relid;
	__u32 open_id;		/* echoed in the result */
	__u32 gpadl;
	__u32 target_vp;
	__u32 to_child_page;	/* page of the GPADL where that ring starts */
	__u8 user[VMB_OPEN_USER_MAX];
};
REG_SIZE(struct vmb_open, 148);

struct vmb_open_result {
	struct vmb_hdr hdr;
	__u32 relid;
	__u32 open_id;
	__u32 status;
};
REG_SIZE(struct vmb_open_result, 20);

/* Ranges follow at offset 20, so their PFNs are not 8-byte aligned. */
struct vmb_gpadl_header {
	struct vmb_hdr hdr;
	__u32 relid;
	__u32 gpadl;
	__u16 ranges_len;	/* bytes of all ranges, over all messages */
	__u16 range_count;
};
REG_SIZE(struct vmb_gpadl_header, 20);
#define VMB_GPADL_HEADER_PFNS	26	/* fit one HEADER with one range */

struct vmb_gpadl_body {
	struct vmb_hdr hdr;
	__u32 number;
	__u32 gpadl;
	/* PFNs follow */
};
REG_SIZE(struct vmb_gpadl_body, 16);
#define VMB_GPADL_BODY_PFNS	28

/* A range of a GPADL and of a GPA-direct packet; PFNs follow. */
struct vmb_gpa_range {
	__u32 len;
	__u32 offset;
};
REG_SIZE(struct vmb_gpa_range, 8);

struct vmb_gpadl_created {
	struct vmb_hdr hdr;
	__u32 relid;
	__u32 gpadl;
	__u32 status;
};
REG_SIZE(struct vmb_gpadl_created, 20);

struct vmb_gpadl_teardown {
	struct vmb_hdr hdr;
	__u32 relid;
	__u32 gpadl;
};
REG_SIZE(struct vmb_gpadl_teardown, 16);

struct vmb_gpadl_torndown {
	struct vmb_hdr hdr;
	__u32 gpadl;
};
REG_SIZE(struct vmb_gpadl_torndown, 12);

struct vmb_modify_channel {
	struct vmb_hdr hdr;
	__u32 relid;
	__u32 target_vp;
};
REG_SIZE(struct vmb_modify_channel, 16);

struct vmb_modify_channel_resp {
	struct vmb_hdr hdr;
	__u32 relid;
	__u32 status;
};
REG_SIZE(struct vmb_modify_channel_resp, 16);

struct vmb_tl_connect {
	struct vmb_hdr hdr;
	struct guid_reg endpoint;
	struct guid_reg service;
	struct guid_reg silo;	/* from 5.2 on; before, the message ends here */
};
REG_SIZE(struct vmb_tl_connect, 56);
#define VMB_TL_CONNECT_OLD_SIZE	40

struct vmb_tl_connect_result {
	struct vmb_hdr hdr;
	struct guid_reg endpoint;
	struct guid_reg service;
	__u32 status;
};
REG_SIZE(struct vmb_tl_connect_result, 44);

/* Interface type GUIDs */
#define VMB_GUID_NET  { { 0x63, 0x51, 0x61, 0xf8, 0x3e, 0xdf, 0xc5, 0x46, \
			  0x91, 0x3f, 0xf2, 0xd2, 0xf9, 0x65, 0xed, 0x0e } }
#define VMB_GUID_SCSI { { 0xd9, 0x63, 0x61, 0xba, 0xa1, 0x04, 0x29, 0x4d, \
			  0xb6, 0x05, 0x72, 0xe2, 0xff, 0xb1, 0xdc, 0x7f } }
#define VMB_GUID_IDE  { { 0x32, 0x26, 0x41, 0x32, 0xcb, 0x86, 0xa2, 0x44, \
			  0x9b, 0x5c, 0x50, 0xd1, 0x41, 0x73, 0x54, 0xf5 } }
#define VMB_GUID_FC   { { 0x4a, 0xcc, 0x9b, 0x2f, 0x69, 0x00, 0xf3, 0x4a, \
			  0xb7, 0x6b, 0x6f, 0xd0, 0xbe, 0x52, 0x8c, 0xda } }

/* Monitor page: the child may signal by a bit in it where the offer allows. */
struct vmb_monitor_page {
	__u32 trigger_state;
	__u32 reserved1;
	struct {
		__u32 pending;
		__u32 armed;
	} group[4];
	__u8 reserved2[24];
	__s32 next_check[4][32];
	__u16 latency[4][32];
	__u8 reserved3[256];
	struct {
		__u32 connection;
		__u16 flag;
		__u16 reserved;
	} parameter[4][32];
	__u8 reserved4[1984];
};
REG_SIZE(struct vmb_monitor_page, REG_PAGE_SIZE);
REG_OFFSET(struct vmb_monitor_page, latency, 0x240);
REG_OFFSET(struct vmb_monitor_page, parameter, 0x440);

#endif
