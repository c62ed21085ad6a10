// SPDX-License-Identifier: GPL-2.0
/*
 * A paused partition's time stands still, as Hyper-V's does (TLFS, partition
 * property HvPartitionPropertyTimeFreeze): a child that finds itself minutes
 * later takes its own processors for stuck, and every time-out for expired.
 *
 * Two clocks have to agree: the VPs' time stamp counters, and the reference
 * time, from which KVM makes the reference TSC page and the synthetic timers.
 * Timers that expire meanwhile are looked at again by KVM when the VP goes on.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "util/log.h"
#include "vm_var.h"

#define MSR_TSC 0x10u

static int tsc_offset(struct vp *vp, unsigned long request, uint64_t *offset)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)offset,
	};

	return ioctl(vp->fd, request, &attr) ? -errno : 0;
}

static int look(struct vm *vm, uint64_t *tsc, uint64_t *ns)
{
	struct kvm_clock_data data = { 0 };

	if (ioctl(vm->fd, KVM_GET_CLOCK, &data))
		return -errno;
	*ns = data.clock;
	return vp_get_msr(&vm->vp[0], MSR_TSC, tsc);
}

void vm_clock_stop(struct vm *vm)
{
	struct vm_clock *c = &vm->clock;
	int err = look(vm, &c->tsc, &c->ns);

	c->stopped = !err;
	if (err)
		log_warn("vm", "cannot stop the child's clock: %s",
			 strerror(-err));
}

static int turn_back(struct vm *vm)
{
	const struct vm_clock *c = &vm->clock;
	struct kvm_clock_data data = { .clock = c->ns };
	uint64_t tsc, ns, offset;
	unsigned int i;
	int err = look(vm, &tsc, &ns);

	/*
	 * All counters by the same amount, so that differences between VPs stay
	 * what they were: KVM then goes on taking them for synchronous.
	 */
	for (i = 0; !err && i < vm->nvps; i++) {
		err = tsc_offset(&vm->vp[i], KVM_GET_DEVICE_ATTR, &offset);
		if (err)
			break;
		offset -= tsc - c->tsc;
		err = tsc_offset(&vm->vp[i], KVM_SET_DEVICE_ATTR, &offset);
	}
	if (!err && ioctl(vm->fd, KVM_SET_CLOCK, &data))
		err = -errno;
	return err;
}

void vm_clock_start(struct vm *vm)
{
	int err;

	if (!vm->clock.stopped)
		return;
	vm->clock.stopped = false;
	err = turn_back(vm);
	if (err)
		log_warn("vm",
			 "the child's clock ran on while it was paused: %s",
			 strerror(-err));
}
