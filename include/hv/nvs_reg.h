/* SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause) */
/*
 * Synthetic network, lower layer: the NVSP messages that netvsc and netvsp
 * exchange in VMBus packets, versions 1 to 6.1.  RNDIS, which they carry, is in
 * rndis_reg.h.
 */
#ifndef HV_NVS_REG_H
#define HV_NVS_REG_H

#include "types_reg.h"

/* There is no version 3. */
#define NVS_VERSION_1		0x00000002u
#define NVS_VERSION_2		0x00030002u
#define NVS_VERSION_4		0x00040000u
#define NVS_VERSION_5		0x00050000u
#define NVS_VERSION_6		0x00060000u
#define NVS_VERSION_6_1		0x00060001u

/* c: from the child, r: from the root, C: completion */
enum nvs_type {
	NVS_NONE			= 0,
	NVS_INIT			= 1,	/* c */
	NVS_INIT_DONE			= 2,	/* C */
	NVS_NDIS_VERSION		= 100,	/* c */
	NVS_RECV_BUF			= 101,	/* c */
	NVS_RECV_BUF_DONE		= 102,	/* C */
	NVS_REVOKE_RECV_BUF		= 103,	/* c */
	NVS_SEND_BUF			= 104,	/* c */
	NVS_SEND_BUF_DONE		= 105,	/* C */
	NVS_REVOKE_SEND_BUF		= 106,	/* c */
	NVS_RNDIS			= 107,	/* c, r */
	NVS_RNDIS_DONE			= 108,	/* C of both */
	NVS_NDIS_CONFIG			= 125,	/* c, from version 2 on */
	NVS_VF_ASSOCIATION		= 128,	/* r, from version 4 on */
	NVS_SWITCH_DATA_PATH		= 129,	/* c, r; its completion is empty */
	NVS_OID_QUERY_EX		= 131,	/* c, from version 5 on */
	NVS_OID_QUERY_EX_DONE		= 132,	/* C */
	NVS_SUBCHANNEL			= 133,	/* c, and its C */
	NVS_SEND_TABLE			= 134,	/* r */
	NVS_PD_API			= 135,	/* version 6, not used */
	NVS_PD_POST_BATCH		= 136,
};

enum nvs_status {
	NVS_STATUS_NONE			= 0,
	NVS_STATUS_OK			= 1,	/* not 0 */
	NVS_STATUS_FAIL			= 2,
	NVS_STATUS_TOO_NEW		= 3,
	NVS_STATUS_TOO_OLD		= 4,
	NVS_STATUS_BAD_RNDIS		= 5,
	NVS_STATUS_BUSY			= 6,
	NVS_STATUS_UNSUPPORTED		= 7,
};

struct nvs_init {
	__u32 min_version;
	__u32 max_version;
};

struct nvs_init_done {
	__u32 version;		/* deprecated; 2 for version 1, else ~0 */
	__u32 max_mdl_chain;
	__u32 status;
};

struct nvs_ndis_version {
	__u32 major;		/* 6 */
	__u32 minor;		/* 1, or 30 from NVSP 5 on */
};

/* The receive buffer's id; also the pageset of transfer-page packets. */
#define NVS_RECV_BUF_ID		0xCAFE
#define NVS_SEND_BUF_ID		0
/* Largest receive buffer: up to version 2, and above. */
#define NVS_RECV_BUF_MAX_V2	(15u << 20)
#define NVS_RECV_BUF_MAX	(31u << 20)

struct nvs_buf {		/* NVS_RECV_BUF, NVS_SEND_BUF */
	__u32 gpadl;
	__u16 id;
	__u16 reserved;		/* not counted in the message's length */
};

struct nvs_revoke {
	__u16 id;
	__u16 reserved;
};

struct nvs_section {
	__u32 offset;
	__u32 size;		/* of one sub-allocation */
	__u32 count;
	__u32 end;		/* offset + size * count */
};
REG_SIZE(struct nvs_section, 16);

struct nvs_recv_buf_done {
	__u32 status;
	__u32 sections;		/* Linux takes exactly 1, at offset 0 */
	struct nvs_section section;
};

struct nvs_send_buf_done {
	__u32 status;
	__u32 section_size;
};

#define NVS_CHANNEL_DATA	0u
#define NVS_CHANNEL_CONTROL	1u
#define NVS_NO_SECTION		0xFFFFFFFFu

struct nvs_rndis {
	__u32 channel;
	__u32 section;		/* of the send buffer */
	__u32 section_len;	/* bytes used there */
};

#define NVS_CAP_VMQ		0x01u
#define NVS_CAP_CHIMNEY		0x02u
#define NVS_CAP_SRIOV		0x04u	/* from version 5 on */
#define NVS_CAP_8021Q		0x08u
#define NVS_CAP_CORRELATION_ID	0x10u
#define NVS_CAP_TEAMING		0x20u	/* wants to hear of a new link speed */
#define NVS_CAP_SUBNET_ID	0x40u
#define NVS_CAP_RSC		0x80u	/* version 6.1 */

struct nvs_ndis_config {
	__u32 mtu;		/* a frame without FCS: 14 more than the MTU */
	__u32 reserved;
	__u64 caps;
} __attribute__((packed));
REG_SIZE(struct nvs_ndis_config, 16);

struct nvs_vf_association {
	__u32 allocated;
	__u32 serial;
};

#define NVS_PATH_SYNTHETIC	0u
#define NVS_PATH_VF		1u

struct nvs_oid_query_ex {
	__u8 header[4];		/* struct ndis_header */
	__u32 oid;
};

struct nvs_oid_query_ex_done {
	__u32 status;		/* of RNDIS */
	__u32 bytes;
};

#define NVS_SUBCHANNEL_ALLOCATE	1u

struct nvs_subchannel {
	__u32 op;
	__u32 count;
};

struct nvs_subchannel_done {
	__u32 status;
	__u32 count;		/* granted */
};

#define NVS_SEND_TABLE_COUNT	16

struct nvs_send_table {
	__u32 count;
	__u32 offset;		/* of the table, from the message's start */
};

/*
 * 40 bytes since version 6.1, 28 before; whoever receives takes any length that
 * holds the fields he uses.
 */
struct nvs_msg {
	__u32 type;
	union {
		struct nvs_init init;
		struct nvs_init_done init_done;
		struct nvs_ndis_version ndis_version;
		struct nvs_buf buf;
		struct nvs_revoke revoke;
		struct nvs_recv_buf_done recv_buf_done;
		struct nvs_send_buf_done send_buf_done;
		struct nvs_rndis rndis;
		__u32 status;		/* NVS_RNDIS_DONE */
		struct nvs_ndis_config ndis_config;
		struct nvs_vf_association vf_association;
		__u32 path;		/* NVS_SWITCH_DATA_PATH */
		struct nvs_oid_query_ex oid_query_ex;
		struct nvs_oid_query_ex_done oid_query_ex_done;
		struct nvs_subchannel subchannel;
		struct nvs_subchannel_done subchannel_done;
		struct nvs_send_table send_table;
		__u8 raw[36];
	} u;
};
REG_SIZE(struct nvs_msg, 40);
REG_OFFSET(struct nvs_msg, u, 4);
REG_OFFSET(struct nvs_msg, u.init.max_version, 8);
REG_OFFSET(struct nvs_msg, u.init_done.max_mdl_chain, 8);
REG_OFFSET(struct nvs_msg, u.init_done.status, 12);
REG_OFFSET(struct nvs_msg, u.ndis_version.minor, 8);
REG_OFFSET(struct nvs_msg, u.buf.id, 8);
REG_OFFSET(struct nvs_msg, u.recv_buf_done.sections, 8);
REG_OFFSET(struct nvs_msg, u.recv_buf_done.section, 12);
REG_OFFSET(struct nvs_msg, u.recv_buf_done.section.end, 24);
REG_OFFSET(struct nvs_msg, u.send_buf_done.section_size, 8);
REG_OFFSET(struct nvs_msg, u.rndis.section, 8);
REG_OFFSET(struct nvs_msg, u.rndis.section_len, 12);
REG_OFFSET(struct nvs_msg, u.ndis_config.caps, 12);
REG_OFFSET(struct nvs_msg, u.vf_association.serial, 8);
REG_OFFSET(struct nvs_msg, u.oid_query_ex.oid, 8);
REG_OFFSET(struct nvs_msg, u.oid_query_ex_done.bytes, 8);
REG_OFFSET(struct nvs_msg, u.subchannel.count, 8);
REG_OFFSET(struct nvs_msg, u.subchannel_done.count, 8);
REG_OFFSET(struct nvs_msg, u.send_table.offset, 8);

#define NVS_MSG_LEN_V6		28	/* of versions up to 6 */
#define NVS_MSG_LEN		40

/* What each message needs at least, its type included. */
#define NVS_LEN_INIT		12
#define NVS_LEN_INIT_DONE	16
#define NVS_LEN_NDIS_VERSION	12
#define NVS_LEN_BUF		10
#define NVS_LEN_RECV_BUF_DONE	28
#define NVS_LEN_REVOKE		6
#define NVS_LEN_SEND_BUF_DONE	12
#define NVS_LEN_RNDIS		16
#define NVS_LEN_RNDIS_DONE	8
#define NVS_LEN_NDIS_CONFIG	20
#define NVS_LEN_VF_ASSOCIATION	12
#define NVS_LEN_SWITCH_DATA_PATH 8
#define NVS_LEN_OID_QUERY_EX	12
#define NVS_LEN_SUBCHANNEL	12

/*
 * The send table's message comes in two encodings that all children read alike:
 * the table at 12, and 76 bytes in all, or at 40, and 104.  (A child that talks
 * version 6 or older may take the table from 40 whenever there are 104 bytes.)
 */
struct nvs_send_table_msg {
	__u32 type;
	__u32 count;
	__u32 offset;		/* NVS_SEND_TABLE_OFFSET */
	__u8 reserved[28];
	__u32 table[NVS_SEND_TABLE_COUNT];
};
REG_SIZE(struct nvs_send_table_msg, 104);
REG_OFFSET(struct nvs_send_table_msg, table, 40);
#define NVS_SEND_TABLE_OFFSET	40

#endif
