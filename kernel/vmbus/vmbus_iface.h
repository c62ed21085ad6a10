/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The type of the exported variable vmbus_connection.
 *
 * The distribution's uio_hv_generic imports that variable, so names, types
 * and order of the members below are interface: they decide the symbol's CRC.
 * Only the members marked "served" carry a meaning here; the bus keeps its own
 * state in struct vmb_state (vmbus_var.h).
 */
#ifndef VMBUS_IFACE_H
#define VMBUS_IFACE_H

#include <linux/static_call.h>
#include <linux/tracepoint.h>
#include <linux/hyperv.h>
#include <linux/interrupt.h>
#include <linux/workqueue.h>

union hv_monitor_trigger_group {
	u64 as_uint64;
	struct {
		u32 pending;
		u32 armed;
	};
};

struct hv_monitor_parameter {
	union hv_connection_id connectionid;
	u16 flagnumber;
	u16 rsvdz;
};

union hv_monitor_trigger_state {
	u32 asu32;
	struct {
		u32 group_enable:4;
		u32 rsvdz:28;
	};
};

struct hv_monitor_page {
	union hv_monitor_trigger_state trigger_state;
	u32 rsvdz1;
	union hv_monitor_trigger_group trigger_group[4];
	u64 rsvdz2[3];
	s32 next_checktime[4][32];
	u16 latency[4][32];
	u64 rsvdz3[32];
	struct hv_monitor_parameter parameter[4][32];
	u8 rsvdz4[1984];
};

enum vmbus_connect_state {
	DISCONNECTED,
	CONNECTING,
	CONNECTED,
	DISCONNECTING
};

struct vmbus_connection {
	u32 msg_conn_id;
	atomic_t offer_in_progress;
	enum vmbus_connect_state conn_state;		/* served */
	atomic_t next_gpadl_handle;
	struct completion unload_event;
	void *int_page;					/* served */
	void *send_int_page;				/* served */
	void *recv_int_page;				/* served */
	struct hv_monitor_page *monitor_pages[2];	/* served */
	struct list_head chn_msg_list;
	spinlock_t channelmsg_lock;			/* guards nothing here */
	struct list_head chn_list;
	struct mutex channel_mutex;			/* served: see vmb_lock() */
	struct vmbus_channel **channels;
	struct workqueue_struct *work_queue;
	struct workqueue_struct *handle_primary_chan_wq;
	struct workqueue_struct *handle_sub_chan_wq;
	struct workqueue_struct *rescind_work_queue;
	bool ignore_any_offer_msg;
	atomic_t nr_chan_close_on_suspend;
	struct completion ready_for_suspend_event;
	atomic_t nr_chan_fixup_on_resume;
	struct completion ready_for_resume_event;
};

extern struct vmbus_connection vmbus_connection;

#endif
