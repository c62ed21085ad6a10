// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID: what KVM supports on this processor, with the topology of this VM (one
 * package of single-threaded cores, or one or more for each NUMA node) and
 * without nested virtualisation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vm_var.h"

#define L1_ECX_VMX	    (1u << 5)
#define L1_ECX_TSC_DEADLINE (1u << 24)
#define L1_ECX_HYPERVISOR   (1u << 31)
#define L1_EDX_HTT	    (1u << 28)
#define LX1_ECX_CMP_LEGACY  (1u << 1)
#define LX1_ECX_SVM	    (1u << 2)

int cpuid_get_supported(struct vm *vm)
{
	vm->cpuid = calloc(1, sizeof(*vm->cpuid) +
				      VM_LEAVES_MAX *
					      sizeof(struct kvm_cpuid_entry2));
	if (!vm->cpuid)
		return -ENOMEM;
	vm->cpuid->nent = VM_LEAVES_MAX;
	return ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, vm->cpuid) ? -errno : 0;
}

bool vm_has_invariant_tsc(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->cpuid->nent; i++)
		if (vm->cpuid->entries[i].function == 0x80000007)
			return vm->cpuid->entries[i].edx & (1u << 8);
	return false;
}

/* Bits of an APIC id that number the cores of the package. */
static unsigned int core_bits(unsigned int n)
{
	unsigned int bits = 0;

	while ((1u << bits) < n)
		bits++;
	return bits;
}

/*
 * VPs of a package, which have their last-level cache together: all, or as
 * many as an APIC id without its low bits can tell apart from the next node's.
 * Linux warns of a cache that is in two nodes.
 */
static unsigned int package_size(const struct vm *vm)
{
	unsigned int per_node = vm->nvps / vm->nodes;

	return vm->nodes > 1 ? per_node & -per_node : vm->nvps;
}

/* Cache descriptions share a layout between the makers: who shares it. */
static void patch_cache(struct kvm_cpuid_entry2 *e, unsigned int cores,
			bool cores_too)
{
	unsigned int level = e->eax >> 5 & 7;

	if (!(e->eax & 0x1f))
		return;
	e->eax &= ~(0xfffu << 14);
	if (level >= 3)
		e->eax |= (cores - 1) << 14;
	if (cores_too)
		e->eax = (e->eax & ~(0x3fu << 26)) | (cores - 1) << 26;
}

/*
 * AMD's families 0xf and 0x10 had a northbridge that Linux looks for in 8192
 * PCI functions, by port, with an exit for each: seconds of its boot.  There is
 * none here; family 0x11 says so and is the same to Linux in all else.
 */
static uint32_t without_northbridge(const struct vm *vm, uint32_t signature)
{
	uint32_t family = (signature >> 8 & 0xf) + (signature >> 20 & 0xff);
	bool amd = vm->cpuid->entries[0].ebx == 0x68747541; /* "Auth" */

	if (!amd || (signature >> 8 & 0xf) != 0xf ||
	    (family != 0xf && family != 0x10))
		return signature;
	return (signature & ~(0xffu << 20)) | 0x2 << 20;
}

/* False: not for this guest. */
static bool patch(const struct vp *vp, struct kvm_cpuid_entry2 *e)
{
	struct vm *vm = vp->vm;
	unsigned int n = package_size(vm);

	switch (e->function) {
	case 0:
		if (e->eax < 0xb)
			e->eax = 0xb;
		break;
	case 1:
		e->eax = without_northbridge(vm, e->eax);
		e->ebx = (e->ebx & 0x0000ffff) | vp->index << 24 | n << 16;
		e->ecx = (e->ecx & ~L1_ECX_VMX) | L1_ECX_HYPERVISOR;
		if (ioctl(vm->kvm, KVM_CHECK_EXTENSION,
			  KVM_CAP_TSC_DEADLINE_TIMER) > 0)
			e->ecx |= L1_ECX_TSC_DEADLINE;
		e->edx &= ~L1_EDX_HTT;
		if (n > 1)
			e->edx |= L1_EDX_HTT;
		break;
	case 4:
		patch_cache(e, n, true);
		break;
	case 0xb: /* ours are added */
	case 0x1f:
	case 0x80000026:
	case 0x8000000a: /* SVM */
		return false;
	case 0x80000001:
		e->eax = without_northbridge(vm, e->eax);
		e->ecx &= ~(LX1_ECX_SVM | LX1_ECX_CMP_LEGACY);
		if (n > 1)
			e->ecx |= LX1_ECX_CMP_LEGACY;
		break;
	case 0x80000008:
		e->ecx = (e->ecx & ~0xf0ffu) | (n - 1) | core_bits(n) << 12;
		break;
	case 0x8000001d:
		patch_cache(e, n, false);
		break;
	case 0x8000001e:
		e->eax = vp->index;
		e->ebx = vp->index;
		e->ecx = vp->index / n;
		break;
	}
	/* KVM's own face, or another hypervisor's. */
	return e->function < 0x40000000 || e->function >= 0x50000000;
}

/* Leaf 0xB: threads, cores, end. */
static void add_topology(const struct vp *vp, struct kvm_cpuid_entry2 *e)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		e[i] = (struct kvm_cpuid_entry2){
			.function = 0xb,
			.index = i,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.ecx = i,
			.edx = vp->index,
		};
	}
	e[0].ebx = 1;
	e[0].ecx |= 1 << 8;
	e[1].eax = core_bits(package_size(vp->vm));
	e[1].ebx = package_size(vp->vm);
	e[1].ecx |= 2 << 8;
}

int cpuid_set(struct vp *vp)
{
	struct vm *vm = vp->vm;
	struct kvm_cpuid2 *c;
	unsigned int i;
	int err;

	c = calloc(1, sizeof(*c) + (vm->cpuid->nent + 3 + vm->hv_leaves) *
					   sizeof(c->entries[0]));
	if (!c)
		return -ENOMEM;
	for (i = 0; i < vm->cpuid->nent; i++) {
		c->entries[c->nent] = vm->cpuid->entries[i];
		if (patch(vp, &c->entries[c->nent]))
			c->nent++;
	}
	add_topology(vp, &c->entries[c->nent]);
	c->nent += 3;
	memcpy(&c->entries[c->nent], vm->hv_leaf,
	       vm->hv_leaves * sizeof(vm->hv_leaf[0]));
	c->nent += vm->hv_leaves;
	err = ioctl(vp->fd, KVM_SET_CPUID2, c) ? -errno : 0;
	free(c);
	return err;
}
