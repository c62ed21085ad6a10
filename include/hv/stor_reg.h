/* SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause) */
/*
 * Synthetic storage: the vstor packets of storvsc and storvsp, protocol
 * versions 5.1, 6.0 and 6.2 (one layout for all three).
 */
#ifndef HV_STOR_REG_H
#define HV_STOR_REG_H

#include "types_reg.h"

enum stor_op {
	STOR_OP_COMPLETE_IO	= 1,
	STOR_OP_REMOVE_DEVICE	= 2,
	STOR_OP_EXECUTE_SRB	= 3,
	STOR_OP_RESET_LUN	= 4,
	STOR_OP_RESET_ADAPTER	= 5,
	STOR_OP_RESET_BUS	= 6,
	STOR_OP_BEGIN_INIT	= 7,
	STOR_OP_END_INIT	= 8,
	STOR_OP_QUERY_VERSION	= 9,
	STOR_OP_QUERY_PROPERTIES = 10,
	STOR_OP_ENUMERATE_BUS	= 11,
	STOR_OP_FCHBA_DATA	= 12,
	STOR_OP_CREATE_SUBCHANNELS = 13,
};

#define STOR_FLAG_COMPLETION	1u	/* the sender wants one */

#define STOR_VERSION_5_1	0x0501
#define STOR_VERSION_6_0	0x0600
#define STOR_VERSION_6_2	0x0602

#define STOR_NT_SUCCESS			0u
#define STOR_NT_UNKNOWN_REVISION	0xC0000059u
#define STOR_NT_INVALID_PARAMETER	0xC000000Du
#define STOR_NT_INVALID_DEVICE_STATE	0xC0000184u
#define STOR_NT_DEVICE_BUSY		0x80000011u
#define STOR_NT_NO_SUCH_DEVICE		0xC00000C0u
#define STOR_NT_INVALID_DEVICE_REQUEST	0xC0000010u
#define STOR_NT_IO_DEVICE_ERROR		0xC0000185u

/* srb_status: 6 bits of status, 2 of flags */
#define STOR_SRB_SUCCESS	0x01
#define STOR_SRB_ABORTED	0x02
#define STOR_SRB_ERROR		0x04
#define STOR_SRB_BUSY		0x05
#define STOR_SRB_INVALID_REQUEST 0x06
#define STOR_SRB_TIMEOUT	0x09
#define STOR_SRB_SELECTION_TIMEOUT 0x0A
#define STOR_SRB_BUS_RESET	0x0E
#define STOR_SRB_DATA_OVERRUN	0x12
#define STOR_SRB_INVALID_LUN	0x20
#define STOR_SRB_INTERNAL_ERROR	0x30
#define STOR_SRB_STATUS_MASK	0x3F
#define STOR_SRB_QUEUE_FROZEN	0x40
#define STOR_SRB_AUTOSENSE	0x80

#define STOR_DATA_OUT		0	/* child to device: a write */
#define STOR_DATA_IN		1
#define STOR_DATA_NONE		2

#define STOR_SRB_FLAG_QUEUE_ACTION	0x2u
#define STOR_SRB_FLAG_NO_SYNC_TRANSFER	0x8u
#define STOR_SRB_FLAG_DATA_IN		0x40u
#define STOR_SRB_FLAG_DATA_OUT		0x80u
#define STOR_SRB_FLAG_NO_QUEUE_FREEZE	0x100u

#define STOR_CDB_MAX		16
#define STOR_SENSE_MAX		20

struct stor_srb {
	__u16 length;
	__u8 srb_status;
	__u8 scsi_status;
	__u8 port;
	__u8 path;
	__u8 target;
	__u8 lun;
	__u8 cdb_length;
	__u8 sense_length;	/* room in a request, valid bytes in an answer */
	__u8 data_in;
	__u8 reserved;
	__u32 transfer_length;
	union {
		__u8 cdb[STOR_CDB_MAX];
		__u8 sense[STOR_SENSE_MAX];
	} u;
	__u16 reserve;
	__u8 queue_tag;
	__u8 queue_action;
	__u32 flags;
	__u32 timeout;		/* seconds */
	__u32 queue_sort_key;
};
REG_SIZE(struct stor_srb, 52);

#define STOR_PROP_MULTI_CHANNEL	1u

struct stor_properties {
	__u32 reserved1;
	__u16 max_sub_channels;	/* the primary is not counted */
	__u16 reserved2;
	__u32 flags;
	__u32 max_transfer;	/* bytes of one request's data */
	__u64 reserved3;
} __attribute__((packed));
REG_SIZE(struct stor_properties, 24);

struct stor_version {
	__u16 major_minor;
	__u16 revision;
};

struct stor_wwn {
	__u8 primary_active;
	__u8 reserved[3];
	__u8 primary_port[8];	/* BE */
	__u8 primary_node[8];
	__u8 secondary_port[8];
	__u8 secondary_node[8];
};
REG_SIZE(struct stor_wwn, 36);

struct stor_pkt {
	__u32 op;
	__u32 flags;
	__u32 status;		/* an NTSTATUS in answers */
	union {
		struct stor_srb srb;
		struct stor_properties properties;
		struct stor_version version;
		struct stor_wwn wwn;
		__u16 sub_channels;
		__u8 raw[52];
	} u;
};
REG_SIZE(struct stor_pkt, 64);
REG_OFFSET(struct stor_pkt, u, 12);
REG_OFFSET(struct stor_pkt, u.srb.u.cdb, 28);
REG_OFFSET(struct stor_pkt, u.srb.flags, 52);

#endif
