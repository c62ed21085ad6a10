/* SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause) */
/*
 * The hypervisor's own interface: CPUID leaves, synthetic MSRs, hypercalls,
 * SynIC pages, reference TSC page.  Source: Hypervisor Top Level Functional
 * Specification (TLFS), chapters 2 to 4, 11 and 12.
 */
#ifndef HV_TLFS_REG_H
#define HV_TLFS_REG_H

#include "types_reg.h"

/* CPUID leaves (TLFS 2.4) */
#define TLFS_LEAF_VENDOR	0x40000000
#define TLFS_LEAF_INTERFACE	0x40000001
#define TLFS_LEAF_VERSION	0x40000002
#define TLFS_LEAF_FEATURES	0x40000003
#define TLFS_LEAF_HINTS		0x40000004
#define TLFS_LEAF_LIMITS	0x40000005
#define TLFS_LEAF_HARDWARE	0x40000006

#define TLFS_VENDOR_EBX		0x7263694D	/* "Micr" */
#define TLFS_VENDOR_ECX		0x666F736F	/* "osof" */
#define TLFS_VENDOR_EDX		0x76482074	/* "t Hv" */
#define TLFS_INTERFACE_EAX	0x31237648	/* "Hv#1" */

/* Leaf 3 EAX: which MSRs the partition may touch */
#define TLFS_PRIV_VP_RUNTIME	(1u << 0)
#define TLFS_PRIV_TIME_REF	(1u << 1)
#define TLFS_PRIV_SYNIC		(1u << 2)
#define TLFS_PRIV_STIMER	(1u << 3)
#define TLFS_PRIV_APIC		(1u << 4)
#define TLFS_PRIV_HYPERCALL	(1u << 5)
#define TLFS_PRIV_VP_INDEX	(1u << 6)
#define TLFS_PRIV_RESET		(1u << 7)
#define TLFS_PRIV_REF_TSC	(1u << 9)
#define TLFS_PRIV_GUEST_IDLE	(1u << 10)
#define TLFS_PRIV_FREQUENCY	(1u << 11)
#define TLFS_PRIV_INVARIANT_TSC	(1u << 15)

/* Leaf 3 EBX: which hypercalls */
#define TLFS_PRIV_POST_MESSAGE	(1u << 4)
#define TLFS_PRIV_SIGNAL_EVENT	(1u << 5)
#define TLFS_PRIV_CPU_MGMT	(1u << 12)

/* Leaf 3 EDX */
#define TLFS_FEAT_FREQUENCY	(1u << 8)
#define TLFS_FEAT_CRASH		(1u << 10)
#define TLFS_FEAT_STIMER_DIRECT	(1u << 19)

/* Leaf 4 EAX */
#define TLFS_HINT_TLB_FLUSH	(1u << 2)
#define TLFS_HINT_APIC_MSR	(1u << 3)
#define TLFS_HINT_RELAXED	(1u << 5)
#define TLFS_HINT_NO_AUTO_EOI	(1u << 9)
#define TLFS_HINT_CLUSTER_IPI	(1u << 10)
#define TLFS_HINT_EX_MASKS	(1u << 11)

/* Synthetic MSRs (TLFS appendix) */
#define TLFS_MSR_GUEST_OS_ID	0x40000000
#define TLFS_MSR_HYPERCALL	0x40000001
#define TLFS_MSR_VP_INDEX	0x40000002
#define TLFS_MSR_RESET		0x40000003
#define TLFS_MSR_TIME_REF	0x40000020
#define TLFS_MSR_REF_TSC	0x40000021
#define TLFS_MSR_TSC_FREQ	0x40000022
#define TLFS_MSR_APIC_FREQ	0x40000023
#define TLFS_MSR_VP_ASSIST	0x40000073
#define TLFS_MSR_SCONTROL	0x40000080
#define TLFS_MSR_SVERSION	0x40000081
#define TLFS_MSR_SIEFP		0x40000082
#define TLFS_MSR_SIMP		0x40000083
#define TLFS_MSR_EOM		0x40000084
#define TLFS_MSR_SINT0		0x40000090
#define TLFS_MSR_STIMER0_CONFIG	0x400000B0	/* COUNT next to it; 4 timers */
#define TLFS_MSR_CRASH_P0	0x40000100
#define TLFS_MSR_CRASH_CTL	0x40000105
#define TLFS_MSR_REENLIGHTENMENT	0x40000106
#define TLFS_MSR_TSC_EMULATION	0x40000107
#define TLFS_MSR_TSC_INVARIANT	0x40000118
#define TLFS_STIMERS		4

#define TLFS_MSR_ENABLE		1ull		/* bit 0 of most page MSRs */
#define TLFS_SINT_MASKED	(1ull << 16)
#define TLFS_SINT_AUTO_EOI	(1ull << 17)
#define TLFS_SINT_VECTOR	0xFFull
#define TLFS_CRASH_NOTIFY	(1ull << 63)
#define TLFS_CRASH_MESSAGE	(1ull << 62)
#define TLFS_CRASH_PARAMS	5

/* Hypercalls (TLFS 3) */
#define TLFS_CALL_CODE		0xFFFFull
#define TLFS_CALL_FAST		(1ull << 16)
#define TLFS_CALL_POST_MESSAGE	0x005C
#define TLFS_CALL_SIGNAL_EVENT	0x005D

#define TLFS_STATUS_SUCCESS		0x00
#define TLFS_STATUS_INVALID_CODE	0x02
#define TLFS_STATUS_INVALID_INPUT	0x03
#define TLFS_STATUS_INVALID_ALIGNMENT	0x04
#define TLFS_STATUS_INVALID_PARAMETER	0x05
#define TLFS_STATUS_NO_MEMORY		0x0B
#define TLFS_STATUS_INVALID_PORT	0x11
#define TLFS_STATUS_INVALID_CONNECTION	0x12
#define TLFS_STATUS_NO_BUFFERS		0x13
#define TLFS_STATUS_INVALID_SYNIC	0x18

/* SynIC (TLFS 11) */
#define TLFS_SINTS		16
#define TLFS_FLAGS_PER_SINT	2048
#define TLFS_PAYLOAD_MAX	240
#define TLFS_MSG_NONE		0u
#define TLFS_MSG_TIMER_EXPIRED	0x80000010u
#define TLFS_MSG_PENDING	1u	/* in flags */

/* Input of HvPostMessage, slow form */
struct tlfs_post_message {
	__u32 connection;	/* low 24 bits */
	__u32 zero;
	__u32 type;
	__u32 size;		/* of payload, 0 to 240 */
	__u8 payload[TLFS_PAYLOAD_MAX];
};
REG_SIZE(struct tlfs_post_message, 256);

/* One slot of the message page (SIMP): SINT n owns slot n. */
struct tlfs_message {
	__u32 type;		/* 0: free */
	__u8 size;
	__u8 flags;
	__u16 reserved;
	__u64 sender;
	__u8 payload[TLFS_PAYLOAD_MAX];
};
REG_SIZE(struct tlfs_message, 256);
REG_OFFSET(struct tlfs_message, payload, 16);

struct tlfs_message_page {
	struct tlfs_message slot[TLFS_SINTS];
};
REG_SIZE(struct tlfs_message_page, REG_PAGE_SIZE);

/* The event-flag page (SIEFP) */
struct tlfs_flags_page {
	__u64 sint[TLFS_SINTS][TLFS_FLAGS_PER_SINT / 64];
};
REG_SIZE(struct tlfs_flags_page, REG_PAGE_SIZE);

/* Reference TSC page (TLFS 12.7): time = high64(tsc * scale) + offset */
struct tlfs_ref_tsc {
	__u32 sequence;		/* 0: invalid, read the MSR */
	__u32 reserved;
	__u64 scale;
	__s64 offset;
};
REG_SIZE(struct tlfs_ref_tsc, 24);

#endif
