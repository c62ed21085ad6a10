/* SPDX-License-Identifier: GPL-2.0 */
/* Private to host/hv. */
#ifndef HV_HV_VAR_H
#define HV_HV_VAR_H

#include <pthread.h>
#include <stdatomic.h>

#include "hv.h"
#include "hv/tlfs_reg.h"
#include "util/log.h"

#define HV_SINT_VMBUS 2u    /* the one SINT with a route */
#define HV_QUEUE_MAX  4096u /* messages that wait for one VP */
#define HV_QUEUE_KEEP 256u  /* room for answers to messages taken already */

struct hv_post;

/* The SynIC of a VP, as far as it isn't KVM's. */
struct hv_vp {
	/* VP's thread, or VM paused: raw register values, message page. */
	uint64_t simp, siefp;
	struct tlfs_message_page *messages;
	/* Read by any thread: NULL while SIEFP or the SynIC is disabled. */
	_Atomic(struct tlfs_flags_page *) flags;
	bool enabled; /* SCONTROL; VP's thread */

	int irq_fd; /* injects the SINT's interrupt */
	int arm_fd; /* carries the resample notification */

	pthread_mutex_t lock; /* guards what follows */
	bool armed;	      /* arm_fd is an irqfd */
	struct hv_post *first, **last;
	atomic_uint queued;  /* changes under the lock */
	atomic_bool pending; /* queued != 0; read without lock */
};

struct hv {
	struct vm *vm;
	struct hv_ops ops;
	void *priv;
	unsigned int nvps;
	struct hv_vp *vp;
	int resample_fd;

	atomic_uint_fast64_t posted, retried, dropped, signalled, hypercalls;
	atomic_uint crashes;		   /* reports since power-on */
	uint64_t os_id;			   /* last told one; VP's thread */
	atomic_uint_fast64_t crash_log_ns; /* when one was shown last, or 0 */
	struct log_limit limit, crash_limit;
};

/* leaves.c: CPUID from 0x40000000 on, as far as KVM has it. */
int hv_leaves_set(struct hv *hv);

/* synic.c */
int synic_create(struct hv *hv);
void synic_destroy(struct hv *hv);
void synic_exit(struct hv *hv, struct vp *vp,
		const struct kvm_hyperv_exit *exit);
void synic_reset(struct hv *hv);

/* crash.c: the guest wrote the crash control register (VP's thread). */
int crash_filter(struct hv *hv);
void crash_notify(struct hv *hv, struct vp *vp, uint64_t control);

#endif
