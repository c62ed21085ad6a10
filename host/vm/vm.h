/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A partition on KVM: memory, virtual processors (VPs), interrupt routing.
 * One thread runs each VP.  A VP's index is its KVM id, its APIC id and its
 * Hyper-V VP index.
 */
#ifndef VM_VM_H
#define VM_VM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "mem/mem.h"

#define VM_VPS_MAX	  64
#define VM_CRASH_GRACE_MS 10000u /* see vm_crash() */
#define VM_MEMORY_MIN	  (64ull << 20)
#define VM_HOLE_START	  0xC0000000ull /* RAM hole below 4 GiB: MMIO, APICs */
#define VM_HOLE_END	  0x100000000ull

struct vm;
struct vp;

/* Why the whole VM stopped (or is to stop). */
enum vm_end {
	VM_END_NONE,
	VM_END_POWER_OFF,
	VM_END_RESET,
	VM_END_CRASH,
	VM_END_ERROR
};

/* Exits to user space by reason, per VP; plain counters of the VP's thread. */
struct vp_stats {
	uint64_t exits; /* all returns of KVM_RUN */
	uint64_t pio, mmio, msr, hypercall, synic, interrupted, other;
};

struct vm_config {
	uint64_t memory; /* bytes */
	unsigned int processors;
	unsigned int nodes; /* of NUMA, as many VPs in each; 0: one */
};

/* What vm hands upwards.  Called on the VP's thread unless noted. */
struct vm_ops {
	/* Port I/O; buf is `size` bytes (1, 2, 4).  Unclaimed reads give ones. */
	void (*pio)(void *priv, struct vp *vp, uint16_t port, bool write,
		    void *buf, unsigned int size);
	/* KVM_EXIT_HYPERV, KVM_EXIT_X86_RDMSR/WRMSR: host/hv fills the answer. */
	void (*hyperv)(void *priv, struct vp *vp, struct kvm_hyperv_exit *exit);
	int (*msr)(void *priv, struct vp *vp, bool write, uint32_t index,
		   uint64_t *value);
	/* KVM_SYSTEM_EVENT_CRASH, the way of a KVM without MSR filters; may be
	 * NULL.  hv_crash() is meant for it. */
	void (*crash)(void *priv, struct vp *vp);
	/* The VP is out of the guest and about to enter: deliver messages here. */
	void (*enter)(void *priv, struct vp *vp);
	/* Power off, reset, crash, internal error (why: text).  Any thread; once
	 * (and once more after vm_reset()). */
	void (*end)(void *priv, enum vm_end end, const char *why);
};

/* 0 or -errno; why says what is wrong and how to mend it (one line). */
int vm_create(const struct vm_config *cfg, const struct vm_ops *ops, void *priv,
	      struct vm **out, char *why, size_t why_len);
/* After vm_stop(). */
void vm_destroy(struct vm *vm);

struct mem *vm_mem(struct vm *vm);
int vm_fd(struct vm *vm);
int vm_kvm_fd(struct vm *vm);
unsigned int vm_processors(const struct vm *vm);
struct vp *vm_vp(struct vm *vm,
		 unsigned int index); /* NULL when out of range */
unsigned int vp_index(const struct vp *vp);
int vp_fd(const struct vp *vp);
struct vm *vp_vm(const struct vp *vp);
struct kvm_run *vp_run(struct vp *vp);

/*
 * Leaves 0x40000000 and up of all VPs, before they first run; the rest of
 * CPUID is what KVM supports.  0 or -errno.
 */
int vm_set_leaves(struct vm *vm, const struct kvm_cpuid_entry2 *leaf,
		  unsigned int n);

int vm_start(struct vm *vm); /* starts the VPs' threads */
void vm_stop(struct vm *vm); /* ends them; blocks; not from a VP thread */
/* All VPs out of the guest (blocks, so not from a VP thread), and on again; the
 * guest's clocks stand still meanwhile.  Nestable calls are counted. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
bool vm_paused(const struct vm *vm);
/* Any thread: make the VP leave the guest and pass vm_ops.enter once more. */
void vp_kick(struct vp *vp);
/*
 * Any thread: the VM is to end.  VPs don't enter the guest any more (until
 * vm_reset()), and vm_ops.end is called with it once, on the calling thread; it
 * must not call vm_stop() or vm_pause() from there.  Later calls are ignored.
 */
void vm_end(struct vm *vm, enum vm_end end, const char *why);
/*
 * Any thread: the guest has reported a crash.  It goes on running for grace_ms
 * (0: without limit, for a dump kernel) and then ends as VM_END_CRASH with this
 * `why`; a reset or power-off by the guest ends it so at once.  Later calls
 * move the deadline; with why == NULL only if it has crashed.
 */
void vm_crash(struct vm *vm, const char *why, unsigned int grace_ms);
bool vm_crashed(struct vm *vm);
/*
 * Back to the power-on state: VP registers, APICs, Hyper-V MSRs; memory stays
 * as it is.  The VM is paused, or stopped.  0 or -errno.
 */
int vm_reset(struct vm *vm);

/* Model-specific registers, as the host sees them.  The VP is out of the guest
 * (VP's own thread, or VM paused).  0 or -EIO. */
int vp_get_msr(struct vp *vp, uint32_t index, uint64_t *value);
int vp_set_msr(struct vp *vp, uint32_t index, uint64_t value);
/* This processor's time stamp counter never changes its rate. */
bool vm_has_invariant_tsc(struct vm *vm);

/* Interrupts: a line (GSI) driven by an eventfd. */
int vm_irqfd(struct vm *vm, unsigned int gsi, int fd, int resample_fd);
int vm_irqfd_remove(struct vm *vm, unsigned int gsi, int fd);
/* Level of an IOAPIC line. */
int vm_irq_line(struct vm *vm, unsigned int gsi, bool level);
/* Commit the routing table: 24 IOAPIC pins plus one HV_SINT route per VP at
 * GSI vm_sint_gsi(vp).  Called by host/hv once SynICs are active. */
int vm_route_sints(struct vm *vm, unsigned int sint);
unsigned int vm_sint_gsi(const struct vm *vm, unsigned int vp);

void vp_get_stats(const struct vp *vp, struct vp_stats *out);
/* KVM's own binary statistics (KVM_GET_STATS_FD) summed over VPs: calls fn for
 * every counter name of VM and VPs. */
void vm_each_kvm_stat(struct vm *vm,
		      void (*fn)(const char *name, uint64_t value, void *arg),
		      void *arg);

/* vm/boot.h: loads kernel, initrd, command line; vm/acpi.h: tables. */

#endif
