// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual processor and its thread.
 *
 * Kicks (kick.h): a realtime signal that has no handler and is blocked everywhere
 * but inside KVM_RUN (KVM_SET_SIGNAL_MASK).  So one that comes too early stays
 * pending and makes the next KVM_RUN return at once: there is no window.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm_var.h"

/* As firmware leaves them: everything write-back.  Linux drops the page
 * attribute table where the memory type registers are off. */
#define MSR_MTRR_DEF_TYPE      0x2ff
#define MTRR_ENABLE_WRITE_BACK 0x806

static __thread struct vp *vp_self;

static int set_signal_mask(struct vp *vp)
{
	union {
		struct kvm_signal_mask mask;
		char room[sizeof(struct kvm_signal_mask) + 8];
	} u;
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, kick_signal());
	u.mask.len = 8;
	memcpy(u.mask.sigset, &set, 8);
	return ioctl(vp->fd, KVM_SET_SIGNAL_MASK, &u) ? -errno : 0;
}

static int set_memory_types(struct vp *vp)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msr = {
		.head.nmsrs = 1,
		.entry = { .index = MSR_MTRR_DEF_TYPE,
			   .data = MTRR_ENABLE_WRITE_BACK },
	};

	return ioctl(vp->fd, KVM_SET_MSRS, &msr) == 1 ? 0 : -EIO;
}

int vp_create(struct vm *vm, unsigned int index, struct vp *vp, char *why,
	      size_t len)
{
	int size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	int err;

	vp->vm = vm;
	vp->index = index;
	vp->fd = ioctl(vm->fd, KVM_CREATE_VCPU, index);
	if (vp->fd < 0)
		return explain(-errno, why, len,
			       "KVM makes no virtual processor %u: %s", index,
			       strerror(errno));
	if (size < (int)sizeof(*vp->run))
		return explain(-ENOTSUP, why, len,
			       "KVM shares no state of its processors");
	vp->run =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vp->fd, 0);
	if (vp->run == MAP_FAILED) {
		vp->run = NULL;
		return explain(-errno, why, len,
			       "processor %u is not to be mapped: %s", index,
			       strerror(errno));
	}
	vp->run_size = size;
	vp->stats_fd = stats_open(vm, vp->fd);
	err = set_signal_mask(vp);
	if (!err)
		err = cpuid_set(vp);
	if (!err)
		err = set_memory_types(vp);
	if (err)
		return explain(err, why, len,
			       "processor %u can't be set up: %s", index,
			       strerror(-err));
	return 0;
}

void vp_destroy(struct vp *vp)
{
	if (vp->run)
		munmap(vp->run, vp->run_size);
	if (vp->stats_fd >= 0)
		close(vp->stats_fd);
	if (vp->fd >= 0)
		close(vp->fd);
}

unsigned int vp_index(const struct vp *vp)
{
	return vp->index;
}

int vp_fd(const struct vp *vp)
{
	return vp->fd;
}

struct vm *vp_vm(const struct vp *vp)
{
	return vp->vm;
}

struct kvm_run *vp_run(struct vp *vp)
{
	return vp->run;
}

void vp_get_stats(const struct vp *vp, struct vp_stats *out)
{
	*out = vp->stats;
}

void vp_kick(struct vp *vp)
{
	/* On its own thread it is out of the guest and looks before it enters. */
	kick_send(&vp->kick, vp == vp_self);
}

/* KVM finishes an instruction that left for user space at the next entry only:
 * do that before the VP's state is read or replaced. */
static void complete_exit(struct vp *vp)
{
	vp->run->immediate_exit = 1;
	/* It says EINTR, whatever there was to do. */
	ioctl(vp->fd, KVM_RUN, 0);
	vp->run->immediate_exit = 0;
}

static void exit_pio(struct vp *vp)
{
	struct kvm_run *run = vp->run;
	char *data = (char *)run + run->io.data_offset;
	bool write = run->io.direction == KVM_EXIT_IO_OUT;
	uint32_t i;

	vp->stats.pio++;
	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (!write)
			memset(data, 0xff, run->io.size);
		vp->vm->ops.pio(vp->vm->priv, vp, run->io.port, write, data,
				run->io.size);
	}
}

/* No device has memory-mapped registers: like a bus where nobody answers. */
static void exit_mmio(struct vp *vp)
{
	vp->stats.mmio++;
	if (!vp->run->mmio.is_write)
		memset(vp->run->mmio.data, 0xff, sizeof(vp->run->mmio.data));
}

static void exit_msr(struct vp *vp, bool write)
{
	struct kvm_run *run = vp->run;
	uint64_t value = write ? run->msr.data : 0;

	vp->stats.msr++;
	run->msr.error = vp->vm->ops.msr(vp->vm->priv, vp, write,
					 run->msr.index, &value) ?
				 1 :
				 0;
	if (!write)
		run->msr.data = value;
}

static void exit_system_event(struct vp *vp)
{
	char why[64];

	vp->stats.other++;
	switch (vp->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		vm_end(vp->vm, VM_END_POWER_OFF, "power-off by the guest");
		break;
	case KVM_SYSTEM_EVENT_RESET:
		vm_end(vp->vm, VM_END_RESET, "reset by the guest");
		break;
	case KVM_SYSTEM_EVENT_CRASH:
		if (vp->vm->ops.crash)
			vp->vm->ops.crash(vp->vm->priv, vp);
		else
			vm_crash(vp->vm, "the guest reported a crash",
				 VM_CRASH_GRACE_MS);
		break;
	default:
		snprintf(why, sizeof(why), "unknown system event %u",
			 vp->run->system_event.type);
		vm_end(vp->vm, VM_END_ERROR, why);
	}
}

static void fail(struct vp *vp, enum vm_end end, const char *what,
		 uint64_t code)
{
	struct kvm_regs regs;
	char why[128];

	if (ioctl(vp->fd, KVM_GET_REGS, &regs))
		regs.rip = 0;
	snprintf(why, sizeof(why), "vp%u: %s 0x%llx at rip 0x%llx", vp->index,
		 what, (unsigned long long)code, (unsigned long long)regs.rip);
	vm_end(vp->vm, end, why);
}

/* KVM has reset the VP by then: its registers tell nothing any more. */
static void triple_fault(struct vp *vp)
{
	char why[48];

	snprintf(why, sizeof(why), "vp%u: triple fault", vp->index);
	vm_end(vp->vm, VM_END_CRASH, why);
}

static void handle_exit(struct vp *vp)
{
	struct kvm_run *run = vp->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		exit_pio(vp);
		break;
	case KVM_EXIT_MMIO:
		exit_mmio(vp);
		break;
	case KVM_EXIT_HYPERV:
		if (run->hyperv.type == KVM_EXIT_HYPERV_HCALL)
			vp->stats.hypercall++;
		else
			vp->stats.synic++;
		vp->vm->ops.hyperv(vp->vm->priv, vp, &run->hyperv);
		break;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		exit_msr(vp, run->exit_reason == KVM_EXIT_X86_WRMSR);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		exit_system_event(vp);
		break;
	case KVM_EXIT_SHUTDOWN:
		/* Linux has a proper way to reset, so this is no wish. */
		vp->stats.other++;
		triple_fault(vp);
		break;
	case KVM_EXIT_INTR:
		vp->stats.interrupted++;
		break;
	case KVM_EXIT_FAIL_ENTRY:
		vp->stats.other++;
		fail(vp, VM_END_ERROR,
		     "the processor refused to enter the guest, reason",
		     run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		vp->stats.other++;
		fail(vp, VM_END_ERROR, "KVM internal error",
		     run->internal.suberror);
		break;
	default:
		vp->stats.other++;
		fail(vp, VM_END_ERROR, "unexpected exit", run->exit_reason);
	}
}

/* KVM_RUN came back with an error. */
static void run_failed(struct vp *vp, int err)
{
	switch (err) {
	case EINTR:
		vp->stats.interrupted++;
		kick_drain();
		break;
	case EAGAIN:
		/* A VP that waited for its start-up interrupt has got it. */
		break;
	default:
		fail(vp, VM_END_ERROR, "KVM_RUN failed, error", err);
	}
}

void *vp_thread(void *arg)
{
	struct vp *vp = arg;
	struct vm *vm = vp->vm;
	char name[16];

	vp_self = vp;
	snprintf(name, sizeof(name), "vp%u", vp->index);
	pthread_setname_np(pthread_self(), name);
	kick_begin(&vp->kick);
	for (;;) {
		/* Before all else: a kick from here on must take us out. */
		kick_take(&vp->kick);
		if (atomic_load(&vm->hold)) {
			complete_exit(vp);
			if (!vm_park(vm))
				break;
			continue;
		}
		vm->ops.enter(vm->priv, vp);
		if (ioctl(vp->fd, KVM_RUN, 0)) {
			vp->stats.exits++;
			run_failed(vp, errno);
		} else {
			vp->stats.exits++;
			handle_exit(vp);
		}
	}
	kick_end(&vp->kick);
	return NULL;
}
