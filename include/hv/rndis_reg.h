/* SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause) */
/*
 * Synthetic network, upper layer: RNDIS 1.0 ([MS-RNDIS]) as it is spoken over
 * NVSP, with the NDIS 6 objects and per-packet information inside.
 *
 * Every offset within a message counts from its byte RNDIS_OFFSET_BASE.
 */
#ifndef HV_RNDIS_REG_H
#define HV_RNDIS_REG_H

#include "types_reg.h"

#define RNDIS_OFFSET_BASE	8

#define RNDIS_COMPLETION	0x80000000u

enum rndis_type {
	RNDIS_PACKET		= 1,
	RNDIS_INITIALIZE	= 2,
	RNDIS_HALT		= 3,
	RNDIS_QUERY		= 4,
	RNDIS_SET		= 5,
	RNDIS_RESET		= 6,
	RNDIS_INDICATE		= 7,
	RNDIS_KEEPALIVE		= 8,
	RNDIS_SET_EX		= 9,
};

#define RNDIS_INITIALIZE_C	(RNDIS_COMPLETION | RNDIS_INITIALIZE)
#define RNDIS_QUERY_C		(RNDIS_COMPLETION | RNDIS_QUERY)
#define RNDIS_SET_C		(RNDIS_COMPLETION | RNDIS_SET)
#define RNDIS_RESET_C		(RNDIS_COMPLETION | RNDIS_RESET)
#define RNDIS_KEEPALIVE_C	(RNDIS_COMPLETION | RNDIS_KEEPALIVE)
#define RNDIS_SET_EX_C		(RNDIS_COMPLETION | RNDIS_SET_EX)

#define RNDIS_STATUS_SUCCESS		0u
#define RNDIS_STATUS_FAILURE		0xC0000001u
#define RNDIS_STATUS_NOT_SUPPORTED	0xC00000BBu
#define RNDIS_STATUS_BAD_VERSION	0xC0010004u
#define RNDIS_STATUS_INVALID_LENGTH	0xC0010014u
#define RNDIS_STATUS_INVALID_DATA	0xC0010015u
#define RNDIS_STATUS_BUFFER_OVERFLOW	0x80000005u

/* RNDIS_INDICATE */
#define RNDIS_STATUS_MEDIA_CONNECT	0x4001000Bu
#define RNDIS_STATUS_MEDIA_DISCONNECT	0x4001000Cu
#define RNDIS_STATUS_LINK_SPEED		0x40010013u /* u32, 100 bit/s */
#define RNDIS_STATUS_NETWORK_CHANGE	0x40010018u
#define RNDIS_STATUS_OFFLOAD_CONFIG	0x40020006u /* struct ndis_offload */

struct rndis_header {
	__u32 type;
	__u32 len;		/* of the message, this header included */
};
REG_SIZE(struct rndis_header, 8);

#define RNDIS_MAJOR	1
#define RNDIS_MINOR	0

struct rndis_initialize {
	__u32 type;
	__u32 len;
	__u32 request;
	__u32 major;
	__u32 minor;
	__u32 max_transfer;	/* bytes the child takes in one message */
};
REG_SIZE(struct rndis_initialize, 24);

#define RNDIS_DEVICE_CONNECTIONLESS	1u
#define RNDIS_MEDIUM_8023		0u

struct rndis_initialize_c {
	__u32 type;
	__u32 len;
	__u32 request;
	__u32 status;
	__u32 major;
	__u32 minor;
	__u32 device_flags;
	__u32 medium;
	__u32 max_packets;	/* in one message to the root; 0: no batches */
	__u32 max_transfer;
	__u32 alignment_shift;	/* of all but the last packet of a batch */
	__u32 af_offset;
	__u32 af_len;
};
REG_SIZE(struct rndis_initialize_c, 52);
REG_OFFSET(struct rndis_initialize_c, max_packets, 32);

struct rndis_halt {
	__u32 type;
	__u32 len;
	__u32 request;
};
REG_SIZE(struct rndis_halt, 12);

struct rndis_query {		/* RNDIS_SET has the same layout */
	__u32 type;
	__u32 len;
	__u32 request;
	__u32 oid;
	__u32 info_len;
	__u32 info_offset;	/* 20 directly behind; what it is at 0 length
				 * differs between implementations
				 */
	__u32 vc_handle;
};
REG_SIZE(struct rndis_query, 28);
#define RNDIS_QUERY_INFO_OFFSET	20

struct rndis_query_c {
	__u32 type;
	__u32 len;
	__u32 request;
	__u32 status;
	__u32 info_len;
	__u32 info_offset;	/* 16 directly behind, 0 if there is none */
};
REG_SIZE(struct rndis_query_c, 24);
#define RNDIS_QUERY_C_INFO_OFFSET 16

struct rndis_set_c {		/* RNDIS_KEEPALIVE_C has the same layout */
	__u32 type;
	__u32 len;
	__u32 request;
	__u32 status;
};
REG_SIZE(struct rndis_set_c, 16);

struct rndis_reset {
	__u32 type;
	__u32 len;
	__u32 reserved;
};
REG_SIZE(struct rndis_reset, 12);

struct rndis_reset_c {
	__u32 type;
	__u32 len;
	__u32 status;
	__u32 addressing_reset;
};
REG_SIZE(struct rndis_reset_c, 16);

struct rndis_keepalive {
	__u32 type;
	__u32 len;
	__u32 request;
};
REG_SIZE(struct rndis_keepalive, 12);

struct rndis_indicate {
	__u32 type;
	__u32 len;
	__u32 status;
	__u32 buffer_len;
	__u32 buffer_offset;	/* 12 directly behind, 0 if there is none */
};
REG_SIZE(struct rndis_indicate, 20);
#define RNDIS_INDICATE_BUFFER_OFFSET 12

struct rndis_packet {
	__u32 type;
	__u32 len;
	__u32 data_offset;
	__u32 data_len;
	__u32 oob_offset;
	__u32 oob_len;
	__u32 oob_count;
	__u32 ppi_offset;	/* 0 if there is none, else >= 36 */
	__u32 ppi_len;
	__u32 vc_handle;
	__u32 reserved;
};
REG_SIZE(struct rndis_packet, 44);
REG_OFFSET(struct rndis_packet, ppi_offset, 28);
#define RNDIS_PACKET_PPI_OFFSET	36	/* the first byte behind, as an offset */

/* ---- per-packet information: a chain of these ---- */

#define RNDIS_PPI_INTERNAL	0x80000000u /* another numbering */

struct rndis_ppi {
	__u32 size;		/* header and value, multiple of 4 */
	__u32 type;		/* RNDIS_PPI_* */
	__u32 offset;		/* of the value, from this structure's start */
};
REG_SIZE(struct rndis_ppi, 12);

#define RNDIS_PPI_CHECKSUM	0u
#define RNDIS_PPI_IPSEC		1u
#define RNDIS_PPI_LSO		2u
#define RNDIS_PPI_CLASSIFICATION 3u
#define RNDIS_PPI_SG_LIST	5u
#define RNDIS_PPI_8021Q		6u
#define RNDIS_PPI_ORIGINAL_PACKET 7u
#define RNDIS_PPI_HASH_VALUE	8u
#define RNDIS_PPI_HASH_INFO	9u
#define RNDIS_PPI_PACKET_ID	(RNDIS_PPI_INTERNAL | 1u) /* rndis_packet_id */

/* RNDIS_PPI_CHECKSUM, child to root: what is to be summed */
#define RNDIS_CSUM_TX_IPV4	0x01u
#define RNDIS_CSUM_TX_IPV6	0x02u
#define RNDIS_CSUM_TX_TCP	0x04u
#define RNDIS_CSUM_TX_UDP	0x08u
#define RNDIS_CSUM_TX_IP_HEADER	0x10u
#define RNDIS_CSUM_TX_OFFSET(v)	(((v) >> 16) & 0x3FF) /* of TCP, UDP */
#define RNDIS_CSUM_TX_OFFSET_SHIFT 16
/* root to child: what was found */
#define RNDIS_CSUM_RX_TCP_BAD	0x01u
#define RNDIS_CSUM_RX_UDP_BAD	0x02u
#define RNDIS_CSUM_RX_IP_BAD	0x04u
#define RNDIS_CSUM_RX_TCP_OK	0x08u
#define RNDIS_CSUM_RX_UDP_OK	0x10u
#define RNDIS_CSUM_RX_IP_OK	0x20u
#define RNDIS_CSUM_RX_LOOPBACK	0x40u
#define RNDIS_CSUM_RX_TCP_INVALID 0x80u /* the field does not hold the sum */
#define RNDIS_CSUM_RX_IP_INVALID 0x100u

/* RNDIS_PPI_LSO, child to root */
#define RNDIS_LSO_MSS(v)	((v) & 0xFFFFF)
#define RNDIS_LSO_TCP_OFFSET(v)	(((v) >> 20) & 0x3FF)
#define RNDIS_LSO_MSS_MASK	0xFFFFFu
#define RNDIS_LSO_TCP_OFFSET_SHIFT 20
#define RNDIS_LSO_V2		0x40000000u /* else version 1: IPv4 alone */
#define RNDIS_LSO_V2_IPV6	0x80000000u

/* RNDIS_PPI_8021Q */
#define RNDIS_8021Q_PRIORITY(v)	((v) & 7)
#define RNDIS_8021Q_CFI(v)	(((v) >> 3) & 1)
#define RNDIS_8021Q_VLAN(v)	(((v) >> 4) & 0xFFF)
#define RNDIS_8021Q(prio, cfi, vlan) \
	((__u32)(prio) | (__u32)(cfi) << 3 | (__u32)(vlan) << 4)

#define RNDIS_PACKET_ID_VERSION	1
#define RNDIS_PACKET_ID_FRAGMENT 1	/* of a coalesced frame (RSC) */
#define RNDIS_PACKET_ID_FIRST	2
#define RNDIS_PACKET_ID_LAST	4

struct rndis_packet_id {
	__u8 version;
	__u8 flags;
	__u16 id;
};
REG_SIZE(struct rndis_packet_id, 4);

/* Pieces of one coalesced frame, at most. */
#define RNDIS_RSC_FRAGMENTS_MAX	562

/* ---- object identifiers ---- */

#define RNDIS_OID_SUPPORTED_LIST	0x00010101u
#define RNDIS_OID_HARDWARE_STATUS	0x00010102u
#define RNDIS_OID_MEDIA_SUPPORTED	0x00010103u
#define RNDIS_OID_MEDIA_IN_USE		0x00010104u
#define RNDIS_OID_MAX_LOOKAHEAD		0x00010105u
#define RNDIS_OID_MAX_FRAME_SIZE	0x00010106u /* the MTU */
#define RNDIS_OID_LINK_SPEED		0x00010107u /* 100 bit/s */
#define RNDIS_OID_TX_BUFFER_SPACE	0x00010108u
#define RNDIS_OID_RX_BUFFER_SPACE	0x00010109u
#define RNDIS_OID_TX_BLOCK_SIZE		0x0001010Au
#define RNDIS_OID_RX_BLOCK_SIZE		0x0001010Bu
#define RNDIS_OID_VENDOR_ID		0x0001010Cu
#define RNDIS_OID_VENDOR_DESCRIPTION	0x0001010Du
#define RNDIS_OID_PACKET_FILTER		0x0001010Eu
#define RNDIS_OID_LOOKAHEAD		0x0001010Fu
#define RNDIS_OID_DRIVER_VERSION	0x00010110u
#define RNDIS_OID_MAX_TOTAL_SIZE	0x00010111u
#define RNDIS_OID_PROTOCOL_OPTIONS	0x00010112u
#define RNDIS_OID_MAC_OPTIONS		0x00010113u
#define RNDIS_OID_MEDIA_CONNECT		0x00010114u /* 0: connected */
#define RNDIS_OID_MAX_SEND_PACKETS	0x00010115u
#define RNDIS_OID_VENDOR_DRIVER_VERSION	0x00010116u
#define RNDIS_OID_NETWORK_LAYER_ADDRESSES 0x00010118u
#define RNDIS_OID_PHYSICAL_MEDIUM	0x00010202u
#define RNDIS_OID_RSS_CAPS		0x00010203u
#define RNDIS_OID_RSS_PARAMS		0x00010204u
#define RNDIS_OID_MAX_LINK_SPEED	0x00010206u /* two u64, bit/s */
#define RNDIS_OID_LINK_STATE		0x00010207u
#define RNDIS_OID_LINK_PARAMETERS	0x00010208u
#define RNDIS_OID_FRIENDLY_NAME		0x00020216u
#define RNDIS_OID_CONFIG_PARAMETER	0x0001021Bu
#define RNDIS_OID_XMIT_OK		0x00020101u
#define RNDIS_OID_RCV_OK		0x00020102u
#define RNDIS_OID_XMIT_ERROR		0x00020103u
#define RNDIS_OID_RCV_ERROR		0x00020104u
#define RNDIS_OID_RCV_NO_BUFFER		0x00020105u
#define RNDIS_OID_STATISTICS		0x00020106u
#define RNDIS_OID_XMIT_DIRECTED_BYTES	0x00020201u
#define RNDIS_OID_XMIT_DIRECTED_FRAMES	0x00020202u
#define RNDIS_OID_XMIT_MULTICAST_BYTES	0x00020203u
#define RNDIS_OID_XMIT_MULTICAST_FRAMES	0x00020204u
#define RNDIS_OID_XMIT_BROADCAST_BYTES	0x00020205u
#define RNDIS_OID_XMIT_BROADCAST_FRAMES	0x00020206u
#define RNDIS_OID_RCV_DIRECTED_BYTES	0x00020207u
#define RNDIS_OID_RCV_DIRECTED_FRAMES	0x00020208u
#define RNDIS_OID_RCV_MULTICAST_BYTES	0x00020209u
#define RNDIS_OID_RCV_MULTICAST_FRAMES	0x0002020Au
#define RNDIS_OID_RCV_BROADCAST_BYTES	0x0002020Bu
#define RNDIS_OID_RCV_BROADCAST_FRAMES	0x0002020Cu
#define RNDIS_OID_MAC_PERMANENT		0x01010101u
#define RNDIS_OID_MAC_CURRENT		0x01010102u
#define RNDIS_OID_MULTICAST_LIST	0x01010103u
#define RNDIS_OID_MULTICAST_MAX		0x01010104u
#define RNDIS_OID_ALIGNMENT_ERROR	0x01020101u
#define RNDIS_OID_ONE_COLLISION		0x01020102u
#define RNDIS_OID_MORE_COLLISIONS	0x01020103u
#define RNDIS_OID_OFFLOAD_CONFIG	0xFC01020Bu /* in use */
#define RNDIS_OID_OFFLOAD_PARAMS	0xFC01020Cu
#define RNDIS_OID_OFFLOAD_CAPS		0xFC01020Du /* of the hardware */

#define RNDIS_FILTER_DIRECTED		0x01u
#define RNDIS_FILTER_MULTICAST		0x02u
#define RNDIS_FILTER_ALL_MULTICAST	0x04u
#define RNDIS_FILTER_BROADCAST		0x08u
#define RNDIS_FILTER_PROMISCUOUS	0x20u

#define RNDIS_MEDIA_CONNECTED		0u
#define RNDIS_MEDIA_DISCONNECTED	1u

/* RNDIS_OID_MAC_OPTIONS */
#define RNDIS_MAC_COPY_LOOKAHEAD	0x01u
#define RNDIS_MAC_TRANSFERS_NOT_PEND	0x04u
#define RNDIS_MAC_NO_LOOPBACK		0x08u
#define RNDIS_MAC_8021P_PRIORITY	0x40u
#define RNDIS_MAC_8021Q_VLAN		0x200u

/* ---- NDIS objects ---- */

struct ndis_header {
	__u8 type;
	__u8 revision;
	__u16 size;
};
REG_SIZE(struct ndis_header, 4);

#define NDIS_OBJECT_DEFAULT	0x80
#define NDIS_OBJECT_RSS_CAPS	0x88
#define NDIS_OBJECT_RSS_PARAMS	0x89
#define NDIS_OBJECT_OFFLOAD	0xA7

/* struct ndis_rss_caps.flags */
#define NDIS_RSS_CAP_TOEPLITZ	0x0001u
#define NDIS_RSS_CAP_TCP4	0x0100u
#define NDIS_RSS_CAP_TCP6	0x0200u
#define NDIS_RSS_CAP_TCP6_EXT	0x0400u
#define NDIS_RSS_CAP_UDP4	0x0800u
#define NDIS_RSS_CAP_UDP6	0x1000u
#define NDIS_RSS_CAP_UDP6_EXT	0x2000u

struct ndis_rss_caps {
	struct ndis_header header;	/* revision 2 */
	__u32 flags;
	__u32 interrupts;
	__u32 queues;
	__u16 table_entries;
} __attribute__((packed));
REG_SIZE(struct ndis_rss_caps, 18);

#define NDIS_RSS_KEY_LEN	40
#define NDIS_RSS_TABLE_MAX	128	/* entries */

#define NDIS_RSS_BASE_CPU_UNCHANGED	0x01
#define NDIS_RSS_HASH_INFO_UNCHANGED	0x02
#define NDIS_RSS_TABLE_UNCHANGED	0x04
#define NDIS_RSS_KEY_UNCHANGED		0x08
#define NDIS_RSS_DISABLE		0x10

#define NDIS_HASH_FUNCTION_MASK	0xFFu
#define NDIS_HASH_TOEPLITZ	0x00000001u
#define NDIS_HASH_IPV4		0x00000100u
#define NDIS_HASH_TCP_IPV4	0x00000200u
#define NDIS_HASH_IPV6		0x00000400u
#define NDIS_HASH_IPV6_EXT	0x00000800u
#define NDIS_HASH_TCP_IPV6	0x00001000u
#define NDIS_HASH_TCP_IPV6_EXT	0x00002000u
#define NDIS_HASH_UDP_IPV4	0x00004000u
#define NDIS_HASH_UDP_IPV6	0x00008000u
#define NDIS_HASH_UDP_IPV6_EXT	0x00010000u

struct ndis_rss_params {
	struct ndis_header header;	/* revision 2 */
	__u16 flags;
	__u16 base_cpu;
	__u32 hash_info;
	__u16 table_size;	/* bytes: 4 for each entry */
	__u16 reserved1;
	__u32 table_offset;	/* from this structure's start, as the others */
	__u16 key_size;
	__u16 reserved2;
	__u32 key_offset;
	__u32 mask_offset;
	__u32 mask_count;
	__u32 mask_size;
};
REG_SIZE(struct ndis_rss_params, 40);
REG_OFFSET(struct ndis_rss_params, hash_info, 8);
REG_OFFSET(struct ndis_rss_params, table_offset, 16);
REG_OFFSET(struct ndis_rss_params, key_offset, 24);

#define NDIS_ENCAP_8023		0x2u

/* Checksum flags: fields of two bits, 0 no and 1 yes */
#define NDIS_CSUM4_IP_OPTIONS	0x001u
#define NDIS_CSUM4_TCP_OPTIONS	0x004u
#define NDIS_CSUM4_TCP		0x010u
#define NDIS_CSUM4_UDP		0x040u
#define NDIS_CSUM4_IP		0x100u
#define NDIS_CSUM6_EXTENSIONS	0x001u
#define NDIS_CSUM6_TCP_OPTIONS	0x004u
#define NDIS_CSUM6_TCP		0x010u
#define NDIS_CSUM6_UDP		0x040u

#define NDIS_LSO_EXTENSIONS	0x1u	/* LSOv2 over IPv6; 2 bits each */
#define NDIS_LSO_TCP_OPTIONS	0x4u

struct ndis_csum_cap {
	__u32 tx_encap;
	__u32 tx;
	__u32 rx_encap;
	__u32 rx;
};

struct ndis_offload {
	struct ndis_header header;	/* revision 1, 2 or 3 */
	struct ndis_csum_cap ipv4;
	struct ndis_csum_cap ipv6;
	struct {
		__u32 encap;
		__u32 max_size;
		__u32 min_segments;
		__u32 options;
	} lso1;
	__u32 ipsec1[7];
	struct {
		__u32 encap;
		__u32 max_size;
		__u32 min_segments;
	} lso2_ipv4;
	struct {
		__u32 encap;
		__u32 max_size;
		__u32 min_segments;
		__u32 options;
	} lso2_ipv6;
	__u32 flags;		/* end of revision 1 */
	__u8 ipsec2[32];	/* end of revision 2 */
	__u8 rsc_ipv4;
	__u8 rsc_ipv6;
	__u8 reserved[2];
	__u32 nvgre_flags;
	__u32 nvgre_max_header;
};
REG_SIZE(struct ndis_offload, 156);
REG_OFFSET(struct ndis_offload, ipv6, 20);
REG_OFFSET(struct ndis_offload, lso1, 36);
REG_OFFSET(struct ndis_offload, ipsec1, 52);
REG_OFFSET(struct ndis_offload, lso2_ipv4, 80);
REG_OFFSET(struct ndis_offload, lso2_ipv6, 92);
REG_OFFSET(struct ndis_offload, flags, 108);
REG_OFFSET(struct ndis_offload, ipsec2, 112);
REG_OFFSET(struct ndis_offload, rsc_ipv4, 144);
REG_OFFSET(struct ndis_offload, nvgre_flags, 148);

#define NDIS_OFFLOAD_LEN_1	112	/* NVSP 1 and 2 */
#define NDIS_OFFLOAD_LEN_2	144	/* NVSP 4 */
#define NDIS_OFFLOAD_LEN_3	156	/* NVSP 5 and later */

/* struct ndis_offload_params: checksums */
#define NDIS_PARAM_NO_CHANGE	0
#define NDIS_PARAM_OFF		1
#define NDIS_PARAM_TX		2
#define NDIS_PARAM_RX		3
#define NDIS_PARAM_TX_RX	4
/* LSO and RSC */
#define NDIS_PARAM_ON		2

struct ndis_offload_params {
	struct ndis_header header;	/* NDIS_OBJECT_DEFAULT */
	__u8 ipv4_csum;		/* header */
	__u8 tcp4_csum;
	__u8 udp4_csum;
	__u8 tcp6_csum;
	__u8 udp6_csum;
	__u8 lso1;
	__u8 ipsec1;
	__u8 lso2_ipv4;
	__u8 lso2_ipv6;
	__u8 tcp4_connection;
	__u8 tcp6_connection;
	__u8 reserved1;
	__u32 flags;
	__u8 ipsec2;
	__u8 ipsec2_ipv4;	/* end up to NVSP 4 */
	__u8 rsc_ipv4;
	__u8 rsc_ipv6;
	__u8 encapsulated;
	__u8 encapsulation_types;
	__u8 reserved2[2];
};
REG_SIZE(struct ndis_offload_params, 28);
REG_OFFSET(struct ndis_offload_params, lso2_ipv4, 11);
REG_OFFSET(struct ndis_offload_params, flags, 16);
REG_OFFSET(struct ndis_offload_params, rsc_ipv4, 22);

#define NDIS_OFFLOAD_PARAMS_LEN_V4 22	/* up to NVSP 4 */
#define NDIS_OFFLOAD_PARAMS_LEN	28

#define NDIS_CONFIG_INTEGER	0u
#define NDIS_CONFIG_STRING	2u

/* RNDIS_OID_CONFIG_PARAMETER; strings are UTF-16 without an end mark. */
struct ndis_config_param {
	__u32 name_offset;	/* from this structure's start */
	__u32 name_len;		/* bytes */
	__u32 value_type;
	__u32 value_offset;
	__u32 value_len;
};
REG_SIZE(struct ndis_config_param, 20);

/* RNDIS_OID_STATISTICS */
struct ndis_statistics {
	struct ndis_header header;
	__u32 supported;
	__u64 in_discards;
	__u64 in_errors;
	__u64 in_octets;
	__u64 in_unicast_frames;
	__u64 in_multicast_frames;
	__u64 in_broadcast_frames;
	__u64 out_octets;
	__u64 out_unicast_frames;
	__u64 out_multicast_frames;
	__u64 out_broadcast_frames;
	__u64 out_errors;
	__u64 out_discards;
	__u64 in_unicast_octets;
	__u64 in_multicast_octets;
	__u64 in_broadcast_octets;
	__u64 out_unicast_octets;
	__u64 out_multicast_octets;
	__u64 out_broadcast_octets;
};
REG_SIZE(struct ndis_statistics, 152);

#endif
