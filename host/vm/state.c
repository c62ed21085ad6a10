// SPDX-License-Identifier: GPL-2.0
/*
 * The power-on state of VPs and interrupt controllers: taken before the guest
 * first runs, put back by vm_reset().  Time goes on over a reset: neither the
 * time stamp counter nor the partition's reference time starts anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "hv/tlfs_reg.h"
#include "vm_var.h"

#define STATE_MSRS_MAX 512u

struct vp_state {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xsave xsave;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_mp_state mp;
	struct kvm_vcpu_events events;
	unsigned int nmsrs;
	struct kvm_msr_entry msr[STATE_MSRS_MAX];
};

struct vm_state {
	struct kvm_irqchip chip[3]; /* two PICs, I/O APIC */
	unsigned int nmsrs;
	uint32_t msr[STATE_MSRS_MAX]; /* what KVM has to save */
};

/* The synthetic ones have values of their own, and time is not ours to turn. */
static bool msr_is_kept(uint32_t index)
{
	return index == 0x10 || (index >= 0x40000000 && index < 0x40000200) ||
	       index == 0x11 || index == 0x12 ||
	       (index >= 0x4b564d00 && index < 0x4b564e00);
}

static int msr_access(int fd, bool write, uint32_t index, uint64_t *value)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} m = {
		.head.nmsrs = 1,
		.entry = { .index = index, .data = *value },
	};

	if (ioctl(fd, write ? KVM_SET_MSRS : KVM_GET_MSRS, &m) != 1)
		return -EIO;
	*value = m.entry.data;
	return 0;
}

int vp_get_msr(struct vp *vp, uint32_t index, uint64_t *value)
{
	*value = 0;
	return msr_access(vp->fd, false, index, value);
}

int vp_set_msr(struct vp *vp, uint32_t index, uint64_t value)
{
	return msr_access(vp->fd, true, index, &value);
}

static int msr_list(struct vm *vm, struct vm_state *s)
{
	struct kvm_msr_list *list;
	unsigned int i;
	int err = 0;

	list = calloc(1, sizeof(*list) +
				 STATE_MSRS_MAX * sizeof(list->indices[0]));
	if (!list)
		return -ENOMEM;
	list->nmsrs = STATE_MSRS_MAX;
	if (ioctl(vm->kvm, KVM_GET_MSR_INDEX_LIST, list))
		err = -errno;
	for (i = 0; !err && i < list->nmsrs; i++)
		if (!msr_is_kept(list->indices[i]))
			s->msr[s->nmsrs++] = list->indices[i];
	free(list);
	return err;
}

static int vp_state_save(struct vp *vp, const struct vm_state *list,
			 struct vp_state *s)
{
	unsigned int i;

	if (ioctl(vp->fd, KVM_GET_REGS, &s->regs) ||
	    ioctl(vp->fd, KVM_GET_SREGS, &s->sregs) ||
	    ioctl(vp->fd, KVM_GET_XSAVE, &s->xsave) ||
	    ioctl(vp->fd, KVM_GET_XCRS, &s->xcrs) ||
	    ioctl(vp->fd, KVM_GET_DEBUGREGS, &s->debugregs) ||
	    ioctl(vp->fd, KVM_GET_LAPIC, &s->lapic) ||
	    ioctl(vp->fd, KVM_GET_MP_STATE, &s->mp) ||
	    ioctl(vp->fd, KVM_GET_VCPU_EVENTS, &s->events))
		return -errno;
	for (i = 0; i < list->nmsrs; i++) {
		struct kvm_msr_entry *e = &s->msr[s->nmsrs];

		e->index = list->msr[i];
		/* KVM lists some that this processor lacks. */
		if (!msr_access(vp->fd, false, e->index, (uint64_t *)&e->data))
			s->nmsrs++;
	}
	return 0;
}

int state_save(struct vm *vm)
{
	struct vm_state *s = calloc(1, sizeof(*s));
	unsigned int i;
	int err;

	if (!s)
		return -ENOMEM;
	vm->initial = s;
	err = msr_list(vm, s);
	if (err)
		return err;
	for (i = 0; i < 3; i++) {
		s->chip[i].chip_id = i;
		if (ioctl(vm->fd, KVM_GET_IRQCHIP, &s->chip[i]))
			return -errno;
	}
	for (i = 0; i < vm->nvps && !err; i++) {
		struct vp *vp = &vm->vp[i];

		vp->initial = calloc(1, sizeof(*vp->initial));
		err = vp->initial ? vp_state_save(vp, s, vp->initial) : -ENOMEM;
	}
	return err;
}

/* Per VP; a register that this KVM lacks is none that needs a reset. */
static void synic_reset(struct vp *vp)
{
	unsigned int i;

	vp_set_msr(vp, TLFS_MSR_SCONTROL, 0);
	for (i = 0; i < TLFS_STIMERS; i++) {
		vp_set_msr(vp, TLFS_MSR_STIMER0_CONFIG + 2 * i, 0);
		vp_set_msr(vp, TLFS_MSR_STIMER0_CONFIG + 2 * i + 1, 0);
	}
	for (i = 0; i < TLFS_SINTS; i++)
		vp_set_msr(vp, TLFS_MSR_SINT0 + i, TLFS_SINT_MASKED);
	vp_set_msr(vp, TLFS_MSR_SIMP, 0);
	vp_set_msr(vp, TLFS_MSR_SIEFP, 0);
	vp_set_msr(vp, TLFS_MSR_VP_ASSIST, 0);
}

/* One value for the whole partition. */
static void partition_reset(struct vp *vp)
{
	unsigned int i;

	vp_set_msr(vp, TLFS_MSR_REF_TSC, 0);
	vp_set_msr(vp, TLFS_MSR_REENLIGHTENMENT, 0);
	vp_set_msr(vp, TLFS_MSR_TSC_EMULATION, 0);
	vp_set_msr(vp, TLFS_MSR_TSC_INVARIANT, 0);
	for (i = 0; i < TLFS_CRASH_PARAMS; i++)
		vp_set_msr(vp, TLFS_MSR_CRASH_P0 + i, 0);
	vp_set_msr(vp, TLFS_MSR_HYPERCALL, 0);
	vp_set_msr(vp, TLFS_MSR_GUEST_OS_ID, 0);
}

static int vp_state_restore(struct vp *vp, const struct vp_state *s)
{
	unsigned int i;

	synic_reset(vp);
	/* The APIC's mode first: it decides how its registers are read. */
	if (ioctl(vp->fd, KVM_SET_SREGS, &s->sregs) ||
	    ioctl(vp->fd, KVM_SET_LAPIC, &s->lapic))
		return -errno;
	for (i = 0; i < s->nmsrs; i++)
		vp_set_msr(vp, s->msr[i].index, s->msr[i].data);
	/* A processor without XSAVE has none, and KVM takes none back. */
	if ((s->xcrs.nr_xcrs && ioctl(vp->fd, KVM_SET_XCRS, &s->xcrs)) ||
	    ioctl(vp->fd, KVM_SET_XSAVE, &s->xsave) ||
	    ioctl(vp->fd, KVM_SET_DEBUGREGS, &s->debugregs) ||
	    ioctl(vp->fd, KVM_SET_VCPU_EVENTS, &s->events) ||
	    ioctl(vp->fd, KVM_SET_MP_STATE, &s->mp) ||
	    ioctl(vp->fd, KVM_SET_REGS, &s->regs))
		return -errno;
	return 0;
}

int state_restore(struct vm *vm)
{
	unsigned int i;
	int err = 0;

	if (!vm->initial)
		return 0;
	for (i = 0; i < 3; i++)
		if (ioctl(vm->fd, KVM_SET_IRQCHIP, &vm->initial->chip[i]))
			return -errno;
	for (i = 0; i < vm->nvps && !err; i++)
		err = vp_state_restore(&vm->vp[i], vm->vp[i].initial);
	partition_reset(&vm->vp[0]);
	return err;
}

void state_free(struct vm *vm)
{
	unsigned int i;

	for (i = 0; vm->vp && i < vm->nvps; i++)
		free(vm->vp[i].initial);
	free(vm->initial);
}
