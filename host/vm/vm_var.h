/* SPDX-License-Identifier: GPL-2.0 */
/* Private to host/vm: what a partition and a VP are made of. */
#ifndef VM_VM_VAR_H
#define VM_VM_VAR_H

#include <stdatomic.h>

#include "kick.h"
#include "util/why.h"
#include "vm.h"

#define VM_IOAPIC_PINS 24u
#define VM_LEAVES_MAX  128u /* CPUID entries, KVM's and the hypervisor's */

/* Where a paused VM's clocks stood; see clock.c. */
struct vm_clock {
	bool stopped;
	uint64_t tsc; /* of VP 0 */
	uint64_t ns;  /* reference time, as KVM counts it */
};

/* A VP's power-on state; see state.c. */
struct vp_state;
struct vm_state;

struct vp {
	struct vm *vm;
	unsigned int index;
	int fd, stats_fd; /* stats_fd: -1 where KVM has none */
	struct kvm_run *run;
	size_t run_size;

	pthread_t thread;
	bool started; /* thread is to be joined */
	struct kick kick;

	struct vp_stats stats; /* written by the VP's thread only */
	struct vp_state *initial;
};

struct vm {
	struct vm_ops ops;
	void *priv;
	struct mem mem;
	int kvm, fd, stats_fd;
	unsigned int nvps;
	unsigned int nodes;
	struct vp *vp;

	struct kvm_cpuid2 *cpuid; /* what KVM and this processor support */
	struct kvm_cpuid_entry2 hv_leaf[16];
	unsigned int hv_leaves;
	struct vm_state *initial;

	/*
	 * lock guards the rest.  cond: VPs wait here while held; also signalled
	 * when a VP parks, for those who wait until all have.
	 */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool running; /* threads exist */
	bool stopping;
	unsigned int paused; /* vm_pause() calls not yet undone */
	unsigned int parked; /* VPs that wait */
	atomic_bool hold;    /* paused, ended or stopping: VPs park */
	struct vm_clock clock;
	enum vm_end ended;

	/* A guest that reported a crash and may still write a dump; crash.c. */
	bool crashed;
	bool crash_thread_up;
	pthread_t crash_thread;
	struct timespec crash_deadline; /* tv_sec 0: none */
	char crash_why[160];
};

/* Sleeps while the VM is held; false when the thread is to end. */
bool vm_park(struct vm *vm);
void vm_update_hold(struct vm *vm); /* lock held */
void vm_kick_all(struct vm *vm);
/* The crash watcher ends with the VM; after this it is gone. */
void vm_crash_stop(struct vm *vm);

int vp_create(struct vm *vm, unsigned int index, struct vp *vp, char *why,
	      size_t why_len);
void vp_destroy(struct vp *vp);
void *vp_thread(void *vp);

/* CPUID as this KVM supports it; VP's own values are filled in per VP. */
int cpuid_get_supported(struct vm *vm);
int cpuid_set(struct vp *vp);

/* With lock held; all VPs are out of the guest and stay there meanwhile. */
void vm_clock_stop(struct vm *vm);
void vm_clock_start(struct vm *vm);

/* Takes and puts back the power-on state. */
int state_save(struct vm *vm);
int state_restore(struct vm *vm);
void state_free(struct vm *vm);

/* Before the VP runs (stats.c).  -1: this KVM has none. */
int stats_open(const struct vm *vm, int fd);

#endif
