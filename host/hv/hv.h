/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hypervisor's face to the child, on KVM's own Hyper-V support: CPUID
 * leaves, SynIC messages and event flags, hypercalls that KVM passes on, crash
 * registers.  The rules of KVM that bite are told in hv.c.  A second engine (a
 * user-space SynIC) would stand behind the same functions.
 */
#ifndef HV_HV_H
#define HV_HV_H

#include "vm/vm.h"

struct hv;

struct hv_ops {
	/*
	 * HvPostMessage by the child, on the VP's thread: payload is a private
	 * copy.  Returns a TLFS status (NO_BUFFERS: the child tries again).
	 */
	uint16_t (*message)(void *priv, uint32_t connection, uint32_t type,
			    const void *payload, uint32_t size);
	/*
	 * Crash registers P0..P4 and control were written (VP's thread); the
	 * report is logged already, and vm_crash() was called.  May be NULL.
	 */
	void (*crash)(void *priv, const uint64_t param[5], uint64_t control);
};

struct hv_stats {
	uint64_t messages_posted, messages_retried, messages_dropped;
	uint64_t events_signalled, hypercalls;
};

/* KVM capabilities are checked here: why names what is missing. Before vm_start(). */
int hv_create(struct vm *vm, const struct hv_ops *ops, void *priv,
	      struct hv **out, char *why, size_t why_len);
void hv_destroy(struct hv *hv);

/* Glue for vm_ops. */
void hv_exit(struct hv *hv, struct vp *vp, struct kvm_hyperv_exit *exit);
int hv_msr(struct hv *hv, struct vp *vp, bool write, uint32_t index,
	   uint64_t *value);
void hv_enter(struct hv *hv, struct vp *vp);

void hv_crash(struct hv *hv, struct vp *vp); /* vm_ops.crash */

/*
 * Any thread: queue a SynIC message for (vp, sint).  Delivered in the VP's
 * context; while the slot is taken it waits for the resample eventfd.  0 or
 * -ENOMEM/-EINVAL.  Messages to a disabled SynIC wait for its activation.
 */
int hv_post(struct hv *hv, uint32_t vp, uint8_t sint, uint32_t type,
	    const void *payload, size_t size);
/*
 * Any thread: nearly as many messages wait for a VP as may.  Who answers messages
 * should take no more of them until the child has read what it has caused.
 */
bool hv_posts_crowded(const struct hv *hv);
/* Any thread: drop what is queued (for all VPs). */
void hv_drop_posts(struct hv *hv);
/* Any thread: set an event flag; true if it was newly set (and the VP interrupted). */
bool hv_signal(struct hv *hv, uint32_t vp, uint8_t sint, uint16_t flag);
/* HvSignalEvent(connection) -> eventfd, in the kernel. */
int hv_connect_event(struct hv *hv, uint32_t connection, int fd);
void hv_disconnect_event(struct hv *hv, uint32_t connection, int fd);
/* The fd to poll for input: resample notifications; then hv_resample(). */
int hv_resample_fd(const struct hv *hv);
void hv_resample(struct hv *hv);
void hv_get_stats(const struct hv *hv, struct hv_stats *out);
/* After vm_reset(): pages and queues forgotten. */
void hv_reset(struct hv *hv);

#endif
