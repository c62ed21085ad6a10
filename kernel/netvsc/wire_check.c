// SPDX-License-Identifier: GPL-2.0
/*
 * Two descriptions of the same wire, the kernel's and include/hv, agree. Nothing
 * but assertions.
 */
#include "netvsc_var.h"

#include "hv/ring_reg.h"

#define SAME_SIZE(ours, kernels) \
	_Static_assert(sizeof(ours) == sizeof(kernels), \
		       #ours " has the size of " #kernels)
#define SAME_OFFSET(ours, a, kernels, b) \
	_Static_assert(offsetof(ours, a) == offsetof(kernels, b), \
		       #ours "." #a " is where " #kernels "." #b " is")

SAME_SIZE(struct ring_pkt, struct vmpacket_descriptor);
SAME_OFFSET(struct ring_pkt, transaction, struct vmpacket_descriptor, trans_id);
SAME_OFFSET(struct ring_xfer_pages, set, struct vmtransfer_page_packet_header,
	    xfer_pageset_id);
SAME_OFFSET(struct ring_xfer_pages, range_count,
	    struct vmtransfer_page_packet_header, range_cnt);
_Static_assert(sizeof(struct ring_xfer_pages) ==
	       offsetof(struct vmtransfer_page_packet_header, ranges),
	       "ranges follow at once");
SAME_SIZE(struct ring_xfer_range, struct vmtransfer_page_range);
SAME_OFFSET(struct ring_xfer_range, len, struct vmtransfer_page_range,
	    byte_count);
SAME_OFFSET(struct ring_xfer_range, offset, struct vmtransfer_page_range,
	    byte_offset);
SAME_OFFSET(struct ring_gpa_direct, range_count, struct vmbus_packet_mpb_array,
	    rangecount);
_Static_assert(sizeof(struct ring_gpa_direct) ==
	       offsetof(struct vmbus_packet_mpb_array, range),
	       "page lists follow at once");
_Static_assert(offsetof(struct hv_mpb_array, pfn_array) == 8,
	       "length and offset, as txq.c counts them");

_Static_assert((int)RING_PKT_INBAND == (int)VM_PKT_DATA_INBAND, "in-band");
_Static_assert((int)RING_PKT_XFER_PAGES == (int)VM_PKT_DATA_USING_XFER_PAGES,
	       "transfer pages");
_Static_assert((int)RING_PKT_GPA_DIRECT == (int)VM_PKT_DATA_USING_GPA_DIRECT,
	       "page lists");
_Static_assert((int)RING_PKT_COMPLETION == (int)VM_PKT_COMP, "completion");
_Static_assert(RING_PKT_FLAG_COMPLETION ==
	       VMBUS_DATA_PACKET_FLAG_COMPLETION_REQUESTED, "completion wanted");
