// SPDX-License-Identifier: GPL-2.0
/*
 * The hypervisor on KVM.  KVM's rules that bite:
 *
 * - KVM_CAP_HYPERV_SYNIC2 is per VP, and HV_SINT routes must be committed after
 *   it (vm_route_sints()): KVM notes a SINT's GSI while it takes the table, for
 *   VPs with an active SynIC only, and without that note an end of message is
 *   never told.
 * - With it, KVM does not clear SIMP and SIEFP pages: synic.c does.
 * - KVM itself writes message slots in the VP's context without any lock, so
 *   we write them on the VP's thread only.
 * - A hypercall's result is taken at the VP's next entry.
 * - KVM offers a guest the register form of crash reports only; the form with
 *   the kernel's log needs crash control taken from KVM (MSR filter).
 * - The MSRs answer only to VPs whose CPUID says "Hv#1", and with
 *   KVM_CAP_HYPERV_ENFORCE_CPUID only where the privilege bit is set.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "hv_var.h"

struct cap {
	int nr;
	const char *name;
};

static const struct cap needed[] = {
	{ KVM_CAP_HYPERV_SYNIC2, "KVM_CAP_HYPERV_SYNIC2" },
	{ KVM_CAP_HYPERV_EVENTFD, "KVM_CAP_HYPERV_EVENTFD" },
	{ KVM_CAP_HYPERV_VP_INDEX, "KVM_CAP_HYPERV_VP_INDEX" },
	{ KVM_CAP_HYPERV_CPUID, "KVM_CAP_HYPERV_CPUID" },
	{ KVM_CAP_IRQFD_RESAMPLE, "KVM_CAP_IRQFD_RESAMPLE" },
	{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
};

static int say(char *why, size_t len, int err, const char *what)
{
	snprintf(why, len, "%s: %s", what, strerror(-err));
	return err;
}

static int caps_check(struct vm *vm, char *why, size_t len)
{
	unsigned int i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ioctl(vm_fd(vm), KVM_CHECK_EXTENSION, needed[i].nr) > 0)
			continue;
		snprintf(
			why, len,
			"this machine's KVM lacks Hyper-V support (%s): run under "
			"scripts/with-root-partition, or on a machine with kvm_intel or "
			"kvm_amd",
			needed[i].name);
		return -ENOTSUP;
	}
	return 0;
}

static int vp_enable(struct vm *vm, struct vp *vp)
{
	struct kvm_enable_cap synic = { .cap = KVM_CAP_HYPERV_SYNIC2 };
	struct kvm_enable_cap enforce = {
		.cap = KVM_CAP_HYPERV_ENFORCE_CPUID,
		.args = { 1 },
	};
	int err;

	if (ioctl(vp_fd(vp), KVM_ENABLE_CAP, &synic))
		return -errno;
	if (ioctl(vm_fd(vm), KVM_CHECK_EXTENSION,
		  KVM_CAP_HYPERV_ENFORCE_CPUID) > 0 &&
	    ioctl(vp_fd(vp), KVM_ENABLE_CAP, &enforce))
		return -errno;
	err = vp_set_msr(vp, TLFS_MSR_VP_INDEX, vp_index(vp));
	/* KVM activates the SynIC with SCONTROL on; a VP starts with it off. */
	return err ? err : vp_set_msr(vp, TLFS_MSR_SCONTROL, 0);
}

static int engine_start(struct hv *hv, char *why, size_t len)
{
	unsigned int i;
	int err;

	err = hv_leaves_set(hv);
	if (err)
		return say(why, len, err,
			   "KVM refuses the Hyper-V CPUID leaves");
	for (i = 0; i < hv->nvps; i++) {
		err = vp_enable(hv->vm, vm_vp(hv->vm, i));
		if (err)
			return say(why, len, err,
				   "KVM refuses the SynIC of a processor");
	}
	err = vm_route_sints(hv->vm, HV_SINT_VMBUS);
	if (err)
		return say(why, len, err,
			   "KVM refuses the SynIC's interrupt routes");
	err = synic_create(hv);
	if (err)
		return say(why, len, err,
			   "the SynIC's interrupts can't be set up");
	err = crash_filter(hv);
	if (err)
		return say(why, len, err, "KVM refuses its register filter");
	return 0;
}

int hv_create(struct vm *vm, const struct hv_ops *ops, void *priv,
	      struct hv **out, char *why, size_t why_len)
{
	struct hv *hv;
	int err;

	err = caps_check(vm, why, why_len);
	if (err)
		return err;
	hv = calloc(1, sizeof(*hv));
	if (!hv)
		return say(why, why_len, -ENOMEM, "the hypervisor's state");
	hv->vm = vm;
	hv->ops = *ops;
	hv->priv = priv;
	hv->nvps = vm_processors(vm);
	hv->resample_fd = -1;
	err = engine_start(hv, why, why_len);
	if (err) {
		hv_destroy(hv);
		return err;
	}
	*out = hv;
	return 0;
}

void hv_destroy(struct hv *hv)
{
	if (!hv)
		return;
	synic_destroy(hv);
	free(hv);
}

static uint16_t post_message(struct hv *hv, const struct kvm_hyperv_exit *exit)
{
	uint64_t gpa = exit->u.hcall.params[0];
	struct tlfs_post_message m;

	if (exit->u.hcall.input & TLFS_CALL_FAST)
		return TLFS_STATUS_INVALID_INPUT;
	if (gpa % 8 || gpa % MEM_PAGE_SIZE > MEM_PAGE_SIZE - sizeof(m))
		return TLFS_STATUS_INVALID_ALIGNMENT;
	if (mem_read(vm_mem(hv->vm), gpa, &m, sizeof(m)))
		return TLFS_STATUS_INVALID_INPUT;
	if (m.size > TLFS_PAYLOAD_MAX || !m.type || m.type >> 31)
		return TLFS_STATUS_INVALID_PARAMETER;
	if (m.connection >> 24)
		return TLFS_STATUS_INVALID_CONNECTION;
	return hv->ops.message(hv->priv, m.connection, m.type, m.payload,
			       m.size);
}

static uint16_t hypercall(struct hv *hv, const struct kvm_hyperv_exit *exit)
{
	switch (exit->u.hcall.input & TLFS_CALL_CODE) {
	case TLFS_CALL_POST_MESSAGE:
		return post_message(hv, exit);
	case TLFS_CALL_SIGNAL_EVENT:
		/* KVM knows every connection there is: hv_connect_event(). */
		return TLFS_STATUS_INVALID_CONNECTION;
	default:
		return TLFS_STATUS_INVALID_CODE;
	}
}

void hv_exit(struct hv *hv, struct vp *vp, struct kvm_hyperv_exit *exit)
{
	switch (exit->type) {
	case KVM_EXIT_HYPERV_SYNIC:
		synic_exit(hv, vp, exit);
		break;
	case KVM_EXIT_HYPERV_HCALL:
		atomic_fetch_add_explicit(&hv->hypercalls, 1,
					  memory_order_relaxed);
		exit->u.hcall.result = hypercall(hv, exit);
		break;
	default:
		/* The synthetic debugger, which is not offered. */
		break;
	}
}

/* TLFS 2.6: open source systems have bit 63, 62:56 say which. */
static void tell_guest_os(struct hv *hv, uint64_t id)
{
	if (!id || id == hv->os_id)
		return;
	hv->os_id = id;
	if (id >> 56 == 0x81)
		log_guest(&hv->limit, "hv", "guest is Linux %u.%u.%u",
			  (unsigned int)(id >> 32 & 0xffff),
			  (unsigned int)(id >> 24 & 0xff),
			  (unsigned int)(id >> 16 & 0xff));
	else
		log_guest(&hv->limit, "hv", "guest has OS id 0x%llx",
			  (unsigned long long)id);
}

int hv_msr(struct hv *hv, struct vp *vp, bool write, uint32_t index,
	   uint64_t *value)
{
	if (index == TLFS_MSR_CRASH_CTL && !write) {
		*value = TLFS_CRASH_NOTIFY | TLFS_CRASH_MESSAGE;
		return 0;
	}
	if (index == TLFS_MSR_CRASH_CTL) {
		if (*value & TLFS_CRASH_NOTIFY)
			crash_notify(hv, vp, *value);
		return 0;
	}
	if (index == TLFS_MSR_GUEST_OS_ID && write) {
		/* A crashed kernel takes its leave in favour of a dump kernel:
		 * from now on there is no hurry. */
		if (!*value)
			vm_crash(hv->vm, NULL, 0);
		tell_guest_os(hv, *value);
		return vp_set_msr(vp, index, *value);
	}
	return -EINVAL;
}

void hv_crash(struct hv *hv, struct vp *vp)
{
	crash_notify(hv, vp, TLFS_CRASH_NOTIFY);
}

static int event_fd(struct hv *hv, uint32_t connection, int fd, uint32_t flags)
{
	struct kvm_hyperv_eventfd e = { .conn_id = connection,
					.fd = fd,
					.flags = flags };

	return ioctl(vm_fd(hv->vm), KVM_HYPERV_EVENTFD, &e) ? -errno : 0;
}

int hv_connect_event(struct hv *hv, uint32_t connection, int fd)
{
	return event_fd(hv, connection, fd, 0);
}

void hv_disconnect_event(struct hv *hv, uint32_t connection, int fd)
{
	event_fd(hv, connection, fd, KVM_HYPERV_EVENTFD_DEASSIGN);
}

void hv_get_stats(const struct hv *hv, struct hv_stats *out)
{
	*out = (struct hv_stats){
		.messages_posted = atomic_load(&hv->posted),
		.messages_retried = atomic_load(&hv->retried),
		.messages_dropped = atomic_load(&hv->dropped),
		.events_signalled = atomic_load(&hv->signalled),
		.hypercalls = atomic_load(&hv->hypercalls),
	};
}

void hv_reset(struct hv *hv)
{
	hv_drop_posts(hv);
	synic_reset(hv);
	atomic_store(&hv->crashes, 0);
	hv->os_id = 0;
}
