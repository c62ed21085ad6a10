// SPDX-License-Identifier: GPL-2.0
/*
 * Two descriptions of the same wire, the kernel's and include/hv, agree.
 * Nothing but assertions.
 */
#include "vmbus_var.h"

#include <asm/mshyperv.h>

#define SAME_SIZE(ours, kernels) \
	_Static_assert(sizeof(ours) == sizeof(kernels), \
		       #ours " has the size of " #kernels)
#define SAME_OFFSET(ours, a, kernels, b) \
	_Static_assert(offsetof(ours, a) == offsetof(kernels, b), \
		       #ours "." #a " is where " #kernels "." #b " is")

SAME_SIZE(struct tlfs_message, struct hv_message);
SAME_OFFSET(struct tlfs_message, size, struct hv_message, header.payload_size);
SAME_OFFSET(struct tlfs_message, flags, struct hv_message,
	    header.message_flags);
SAME_SIZE(struct tlfs_message_page, struct hv_message_page);
SAME_SIZE(struct vmb_monitor_page, struct hv_monitor_page);
SAME_OFFSET(struct vmb_monitor_page, group, struct hv_monitor_page,
	    trigger_group);
SAME_OFFSET(struct vmb_monitor_page, latency, struct hv_monitor_page, latency);
SAME_OFFSET(struct vmb_monitor_page, parameter, struct hv_monitor_page,
	    parameter);

SAME_SIZE(struct vmb_hdr, struct vmbus_channel_message_header);
SAME_SIZE(struct vmb_offer, struct vmbus_channel_offer_channel);
SAME_OFFSET(struct vmb_offer, type, struct vmbus_channel_offer_channel,
	    offer.if_type);
SAME_OFFSET(struct vmb_offer, instance, struct vmbus_channel_offer_channel,
	    offer.if_instance);
SAME_OFFSET(struct vmb_offer, flags, struct vmbus_channel_offer_channel,
	    offer.chn_flags);
SAME_OFFSET(struct vmb_offer, sub_index, struct vmbus_channel_offer_channel,
	    offer.sub_channel_index);
SAME_OFFSET(struct vmb_offer, relid, struct vmbus_channel_offer_channel,
	    child_relid);
SAME_OFFSET(struct vmb_offer, monitor_id, struct vmbus_channel_offer_channel,
	    monitorid);
SAME_OFFSET(struct vmb_offer, connection, struct vmbus_channel_offer_channel,
	    connection_id);
SAME_SIZE(struct vmb_relid_msg, struct vmbus_channel_rescind_offer);
SAME_SIZE(struct vmb_relid_msg, struct vmbus_channel_close_channel);
SAME_SIZE(struct vmb_relid_msg, struct vmbus_channel_relid_released);
SAME_SIZE(struct vmb_open, struct vmbus_channel_open_channel);
SAME_OFFSET(struct vmb_open, user, struct vmbus_channel_open_channel,
	    userdata);
SAME_SIZE(struct vmb_open_result, struct vmbus_channel_open_result);
SAME_SIZE(struct vmb_gpadl_header, struct vmbus_channel_gpadl_header);
SAME_SIZE(struct vmb_gpadl_body, struct vmbus_channel_gpadl_body);
SAME_SIZE(struct vmb_gpadl_created, struct vmbus_channel_gpadl_created);
SAME_SIZE(struct vmb_gpadl_teardown, struct vmbus_channel_gpadl_teardown);
SAME_SIZE(struct vmb_gpadl_torndown, struct vmbus_channel_gpadl_torndown);
SAME_SIZE(struct vmb_initiate_contact, struct vmbus_channel_initiate_contact);
SAME_OFFSET(struct vmb_initiate_contact, monitor_to_child,
	    struct vmbus_channel_initiate_contact, monitor_page1);
SAME_SIZE(struct vmb_version_response, struct vmbus_channel_version_response);
SAME_SIZE(struct vmb_modify_channel, struct vmbus_channel_modifychannel);
SAME_SIZE(struct vmb_modify_channel_resp,
	  struct vmbus_channel_modifychannel_response);

_Static_assert((int)VMB_MSG_COUNT == (int)CHANNELMSG_COUNT, "all types of messages");
_Static_assert(VMB_VERSION_5_3 == VERSION_WIN10_V5_3, "newest version");
_Static_assert(VMB_VERSION_2_4 == VERSION_WIN8, "oldest version");
_Static_assert(VMB_OPEN_USER_MAX == MAX_USER_DEFINED_BYTES, "open's data");
_Static_assert(VMB_OFFER_TLNPI == VMBUS_CHANNEL_TLNPI_PROVIDER_OFFER,
	       "the socket's flag");
