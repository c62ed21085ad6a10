// SPDX-License-Identifier: GPL-2.0
/*
 * A partition: its descriptors, its memory, and when its VPs run.
 *
 * VPs are held, that is parked on vm->cond outside of the guest, while the VM
 * is paused (counted), has ended (until it is reset) or is being stopped.
 * vm->hold says so without the lock; a VP looks at it on its way into the
 * guest, and whoever sets it kicks all VPs afterwards: vp_kick() has KVM_RUN
 * return even if it comes between the look and the call (vp.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "util/thread.h"
#include "vm_var.h"

/* Intel processors without "unrestricted guest" want three pages for a task
 * state segment and one for an identity map: in the hole, below the I/O APIC. */
#define VM_TSS_ADDR	 0xfeffd000ul
#define VM_IDENTITY_ADDR 0xfeffc000ul

/* No RAM at the VGA window, or a guest takes it for a screen. */
#define VM_VGA_START	 0xA0000ull
#define VM_VGA_END	 0xC0000ull

static int kvm_open(struct vm *vm, char *why, size_t len)
{
	int version;

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0 &&
	    (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return explain(
			-errno, why, len,
			"no /dev/kvm: load kvm_intel or kvm_amd and enable "
			"virtualisation in the firmware, or run under "
			"scripts/with-root-partition");
	if (vm->kvm < 0 && (errno == EACCES || errno == EPERM))
		return explain(
			-errno, why, len,
			"no permission for /dev/kvm: be root or join the group 'kvm'");
	if (vm->kvm < 0)
		return explain(-errno, why, len, "cannot open /dev/kvm: %s",
			       strerror(errno));
	version = ioctl(vm->kvm, KVM_GET_API_VERSION, 0);
	if (version < 0)
		return explain(
			-ENOTTY, why, len,
			"/dev/kvm is no KVM device: it should have major "
			"10, minor 232; load kvm_intel or kvm_amd");
	if (version != KVM_API_VERSION)
		return explain(-ENOTSUP, why, len,
			       "/dev/kvm speaks API %d, not %d", version,
			       KVM_API_VERSION);
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return explain(-errno, why, len,
			       "KVM makes no virtual machine: %s",
			       strerror(errno));
	vm->stats_fd = stats_open(vm, vm->fd);
	return 0;
}

static int kvm_slot(struct vm *vm, unsigned int slot, uint64_t gpa,
		    uint64_t size, void *host)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) ? -errno : 0;
}

static int kvm_memory(struct vm *vm)
{
	unsigned int i, slot = 0;
	int err;

	for (i = 0; i < vm->mem.nregions; i++) {
		const struct mem_region *r = &vm->mem.region[i];
		uint64_t skip = 0;

		if (!r->gpa) {
			err = kvm_slot(vm, slot++, 0, VM_VGA_START, r->host);
			if (err)
				return err;
			skip = VM_VGA_END;
		}
		err = kvm_slot(vm, slot++, r->gpa + skip, r->size - skip,
			       (char *)r->host + skip);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Memory is taken when the guest touches it, so more than there is now may be
 * promised; more than there is at all would end a VM at some time.
 */
static int memory_check(uint64_t want, char *why, size_t len)
{
	struct sysinfo s;
	uint64_t all;

	if (sysinfo(&s))
		return 0;
	all = ((uint64_t)s.totalram + s.totalswap) * s.mem_unit;
	if (want <= all)
		return 0;
	return explain(
		-ENOMEM, why, len,
		"the guest can't have %llu MiB of memory: this machine has %llu MiB",
		(unsigned long long)(want >> 20),
		(unsigned long long)(all >> 20));
}

static int kvm_setup(struct vm *vm, const struct vm_config *cfg, char *why,
		     size_t len)
{
	uint64_t identity = VM_IDENTITY_ADDR;
	int err;

	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) ||
	    ioctl(vm->fd, KVM_SET_TSS_ADDR, VM_TSS_ADDR))
		return explain(-errno, why, len,
			       "KVM refuses its helper pages: %s",
			       strerror(errno));
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0))
		return explain(-errno, why, len,
			       "KVM makes no interrupt controllers: %s",
			       strerror(errno));
	err = memory_check(cfg->memory, why, len);
	if (err)
		return err;
	err = mem_create(&vm->mem, cfg->memory, VM_HOLE_START, VM_HOLE_END);
	if (err)
		return explain(err, why, len,
			       "no %llu MiB of memory for the guest: %s",
			       (unsigned long long)(cfg->memory >> 20),
			       strerror(-err));
	err = kvm_memory(vm);
	if (err)
		return explain(err, why, len,
			       "KVM refuses the guest's memory: %s",
			       strerror(-err));
	err = cpuid_get_supported(vm);
	if (err)
		return explain(err, why, len, "KVM tells no CPUID: %s",
			       strerror(-err));
	return 0;
}

static int vm_create_vps(struct vm *vm, char *why, size_t len)
{
	unsigned int i;
	int err;

	vm->vp = calloc(vm->nvps, sizeof(*vm->vp));
	if (!vm->vp)
		return explain(-ENOMEM, why, len, "out of memory");
	for (i = 0; i < vm->nvps; i++)
		vm->vp[i].fd = vm->vp[i].stats_fd = -1;
	/* In the order of their indices: KVM numbers VPs as they come. */
	for (i = 0; i < vm->nvps; i++) {
		err = vp_create(vm, i, &vm->vp[i], why, len);
		if (err)
			return err;
	}
	return 0;
}

int vm_create(const struct vm_config *cfg, const struct vm_ops *ops, void *priv,
	      struct vm **out, char *why, size_t why_len)
{
	pthread_condattr_t attr;
	struct vm *vm;
	sigset_t set;
	int err;

	if (!cfg->processors || cfg->processors > VM_VPS_MAX)
		return explain(-EINVAL, why, why_len,
			       "a VM has 1 to %d processors, not %u",
			       VM_VPS_MAX, cfg->processors);
	if (cfg->memory < VM_MEMORY_MIN || cfg->memory % (1 << 20))
		return explain(
			-EINVAL, why, why_len,
			"a VM has at least %llu MiB of memory, in whole MiB",
			VM_MEMORY_MIN >> 20);
	if (cfg->nodes && cfg->processors % cfg->nodes)
		return explain(
			-EINVAL, why, why_len,
			"%u processors can't be split evenly among %u nodes",
			cfg->processors, cfg->nodes);
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return explain(-ENOMEM, why, why_len, "out of memory");
	vm->ops = *ops;
	vm->priv = priv;
	vm->nvps = cfg->processors;
	vm->nodes = cfg->nodes ? cfg->nodes : 1;
	vm->kvm = -1;
	vm->fd = -1;
	vm->stats_fd = -1;
	mem_init(&vm->mem);
	pthread_mutex_init(&vm->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&vm->cond, &attr);
	pthread_condattr_destroy(&attr);

	/* Threads started from here on inherit the mask; VPs want it blocked. */
	sigemptyset(&set);
	sigaddset(&set, kick_signal());
	pthread_sigmask(SIG_BLOCK, &set, NULL);

	err = kvm_open(vm, why, why_len);
	if (!err)
		err = kvm_setup(vm, cfg, why, why_len);
	if (!err)
		err = vm_create_vps(vm, why, why_len);
	if (err) {
		vm_destroy(vm);
		return err;
	}
	*out = vm;
	return 0;
}

void vm_destroy(struct vm *vm)
{
	unsigned int i;

	if (!vm)
		return;
	state_free(vm);
	for (i = 0; vm->vp && i < vm->nvps; i++)
		vp_destroy(&vm->vp[i]);
	free(vm->vp);
	if (vm->stats_fd >= 0)
		close(vm->stats_fd);
	if (vm->fd >= 0)
		close(vm->fd);
	if (vm->kvm >= 0)
		close(vm->kvm);
	mem_destroy(&vm->mem);
	free(vm->cpuid);
	pthread_cond_destroy(&vm->cond);
	pthread_mutex_destroy(&vm->lock);
	free(vm);
}

struct mem *vm_mem(struct vm *vm)
{
	return &vm->mem;
}

int vm_fd(struct vm *vm)
{
	return vm->fd;
}

int vm_kvm_fd(struct vm *vm)
{
	return vm->kvm;
}

unsigned int vm_processors(const struct vm *vm)
{
	return vm->nvps;
}

struct vp *vm_vp(struct vm *vm, unsigned int index)
{
	return index < vm->nvps ? &vm->vp[index] : NULL;
}

int vm_set_leaves(struct vm *vm, const struct kvm_cpuid_entry2 *leaf,
		  unsigned int n)
{
	unsigned int i;
	int err = 0;

	if (n > sizeof(vm->hv_leaf) / sizeof(vm->hv_leaf[0]))
		return -E2BIG;
	memcpy(vm->hv_leaf, leaf, n * sizeof(*leaf));
	vm->hv_leaves = n;
	for (i = 0; i < vm->nvps && !err; i++)
		err = cpuid_set(&vm->vp[i]);
	return err;
}

int vm_start(struct vm *vm)
{
	unsigned int i;
	int err = 0;

	if (!vm->initial) {
		err = state_save(vm);
		if (err)
			return err;
	}
	pthread_mutex_lock(&vm->lock);
	vm->running = true;
	vm->stopping = false;
	vm_update_hold(vm);
	for (i = 0; i < vm->nvps && !err; i++) {
		err = thread_create(&vm->vp[i].thread, vp_thread, &vm->vp[i]);
		vm->vp[i].started = !err;
	}
	pthread_mutex_unlock(&vm->lock);
	if (err)
		vm_stop(vm);
	return err;
}

void vm_stop(struct vm *vm)
{
	unsigned int i;

	pthread_mutex_lock(&vm->lock);
	vm->stopping = true;
	vm_update_hold(vm);
	pthread_cond_broadcast(&vm->cond);
	pthread_mutex_unlock(&vm->lock);
	vm_crash_stop(vm);
	vm_kick_all(vm);
	for (i = 0; i < vm->nvps; i++) {
		struct vp *vp = &vm->vp[i];

		if (!vp->started)
			continue;
		pthread_join(vp->thread, NULL);
		vp->started = false;
	}
	pthread_mutex_lock(&vm->lock);
	vm->running = false;
	vm->parked = 0;
	pthread_mutex_unlock(&vm->lock);
}

void vm_update_hold(struct vm *vm)
{
	atomic_store(&vm->hold, vm->paused || vm->ended || vm->stopping);
}

void vm_kick_all(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nvps; i++)
		vp_kick(&vm->vp[i]);
}

bool vm_park(struct vm *vm)
{
	bool go_on;

	pthread_mutex_lock(&vm->lock);
	vm->parked++;
	pthread_cond_broadcast(&vm->cond);
	/* No bound: until somebody resumes, resets or stops the VM. */
	while ((vm->paused || vm->ended) && !vm->stopping)
		pthread_cond_wait(&vm->cond, &vm->lock);
	vm->parked--;
	go_on = !vm->stopping;
	pthread_mutex_unlock(&vm->lock);
	return go_on;
}

void vm_pause(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	vm->paused++;
	vm_update_hold(vm);
	pthread_mutex_unlock(&vm->lock);
	vm_kick_all(vm);
	pthread_mutex_lock(&vm->lock);
	/* A kicked VP leaves the guest at once: bounded by its exit handler. */
	while (vm->running && !vm->stopping && vm->parked < vm->nvps)
		pthread_cond_wait(&vm->cond, &vm->lock);
	if (vm->paused && !vm->clock.stopped)
		vm_clock_stop(vm);
	pthread_mutex_unlock(&vm->lock);
}

void vm_resume(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	if (vm->paused && --vm->paused == 0)
		vm_clock_start(vm);
	vm_update_hold(vm);
	pthread_cond_broadcast(&vm->cond);
	pthread_mutex_unlock(&vm->lock);
}

bool vm_paused(const struct vm *vm)
{
	struct vm *v = (struct vm *)vm;
	bool paused;

	pthread_mutex_lock(&v->lock);
	paused = v->paused;
	pthread_mutex_unlock(&v->lock);
	return paused;
}

void vm_end(struct vm *vm, enum vm_end end, const char *why)
{
	char crash[sizeof(vm->crash_why)];
	bool first;

	if (end == VM_END_NONE)
		return;
	pthread_mutex_lock(&vm->lock);
	first = !vm->ended;
	if (first) {
		/* However a crashed guest ends, it ends as crashed. */
		if (vm->crashed && end != VM_END_ERROR) {
			end = VM_END_CRASH;
			memcpy(crash, vm->crash_why, sizeof(crash));
			why = crash;
		}
		vm->ended = end;
		vm_update_hold(vm);
		pthread_cond_broadcast(&vm->cond);
	}
	pthread_mutex_unlock(&vm->lock);
	if (!first)
		return;
	vm_kick_all(vm);
	vm->ops.end(vm->priv, end, why ? why : "");
}

int vm_reset(struct vm *vm)
{
	int err = state_restore(vm);

	pthread_mutex_lock(&vm->lock);
	vm->crashed = false;
	vm->crash_deadline = (struct timespec){ 0 };
	vm->ended = err ? VM_END_ERROR : VM_END_NONE;
	vm_update_hold(vm);
	pthread_cond_broadcast(&vm->cond);
	pthread_mutex_unlock(&vm->lock);
	return err;
}
