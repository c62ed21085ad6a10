// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID leaves 0x40000000 to 0x40000005: what Linux makes use of, as far as
 * this KVM has it.  Left out on purpose, whatever KVM says:
 * - leaf 3 EAX.10 (guest idle): Linux would then read a register KVM lacks;
 * - EBX.1 (own partition id): KVM has no such hypercall and Linux insists;
 * - EBX.12 and .22, leaf 4 EAX.12: root partition, isolation, nesting;
 * - debugging, and the leaves from 0x40000080 on which belong to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "hv_var.h"

#define KVM_LEAVES   32u
#define HOST_BUILD   20348u /* with version 10.0, what a current host says */
#define HOST_VERSION (10u << 16)
#define NEVER_NOTIFY 0xffffffffu /* spin retries before a hypercall */

#define FEATURES_EAX                                                   \
	(TLFS_PRIV_VP_RUNTIME | TLFS_PRIV_TIME_REF | TLFS_PRIV_SYNIC | \
	 TLFS_PRIV_STIMER | TLFS_PRIV_APIC | TLFS_PRIV_HYPERCALL |     \
	 TLFS_PRIV_VP_INDEX | TLFS_PRIV_RESET | TLFS_PRIV_REF_TSC |    \
	 TLFS_PRIV_FREQUENCY)
#define FEATURES_EBX (TLFS_PRIV_POST_MESSAGE | TLFS_PRIV_SIGNAL_EVENT)
#define FEATURES_EDX \
	(TLFS_FEAT_FREQUENCY | TLFS_FEAT_CRASH | TLFS_FEAT_STIMER_DIRECT)
/* No VMBus guest without these. */
#define FEATURES_NEEDED \
	(TLFS_PRIV_SYNIC | TLFS_PRIV_HYPERCALL | TLFS_PRIV_VP_INDEX)
#define HINTS                                                           \
	(TLFS_HINT_TLB_FLUSH | TLFS_HINT_APIC_MSR | TLFS_HINT_RELAXED | \
	 TLFS_HINT_NO_AUTO_EOI | TLFS_HINT_CLUSTER_IPI | TLFS_HINT_EX_MASKS)
/* Advice, not features: KVM needn't know of it. */
#define HINTS_OURS (TLFS_HINT_RELAXED | TLFS_HINT_NO_AUTO_EOI)

static int kvm_leaves(struct vm *vm, struct kvm_cpuid2 *c)
{
	bool system = ioctl(vm_kvm_fd(vm), KVM_CHECK_EXTENSION,
			    KVM_CAP_SYS_HYPERV_CPUID) > 0;
	int fd = system ? vm_kvm_fd(vm) : vp_fd(vm_vp(vm, 0));

	c->nent = KVM_LEAVES;
	return ioctl(fd, KVM_GET_SUPPORTED_HV_CPUID, c) ? -errno : 0;
}

static struct kvm_cpuid_entry2 kvm_leaf(const struct kvm_cpuid2 *c,
					uint32_t function)
{
	unsigned int i;

	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == function)
			return c->entries[i];
	return (struct kvm_cpuid_entry2){ 0 };
}

int hv_leaves_set(struct hv *hv)
{
	struct kvm_cpuid2 *c =
		calloc(1, sizeof(*c) + KVM_LEAVES * sizeof(c->entries[0]));
	struct kvm_cpuid_entry2 have, leaf[6];
	uint32_t eax = FEATURES_EAX;
	unsigned int i;
	int err;

	if (!c)
		return -ENOMEM;
	err = kvm_leaves(hv->vm, c);
	if (err)
		goto out;
	for (i = 0; i < 6; i++)
		leaf[i] = (struct kvm_cpuid_entry2){
			.function = TLFS_LEAF_VENDOR + i
		};
	leaf[0].eax = TLFS_LEAF_LIMITS;
	leaf[0].ebx = TLFS_VENDOR_EBX;
	leaf[0].ecx = TLFS_VENDOR_ECX;
	leaf[0].edx = TLFS_VENDOR_EDX;
	leaf[1].eax = TLFS_INTERFACE_EAX;
	leaf[2].eax = HOST_BUILD;
	leaf[2].ebx = HOST_VERSION;

	/* Control over an invariant TSC only where there is such a TSC. */
	if (vm_has_invariant_tsc(hv->vm))
		eax |= TLFS_PRIV_INVARIANT_TSC;
	have = kvm_leaf(c, TLFS_LEAF_FEATURES);
	leaf[3].eax = eax & have.eax;
	leaf[3].ebx = FEATURES_EBX & have.ebx;
	leaf[3].edx = FEATURES_EDX & have.edx;
	if ((leaf[3].eax & FEATURES_NEEDED) != FEATURES_NEEDED ||
	    leaf[3].ebx != FEATURES_EBX) {
		err = -ENOTSUP;
		goto out;
	}
	/* Linux takes both or neither. */
	if (!(leaf[3].eax & TLFS_PRIV_FREQUENCY) ||
	    !(leaf[3].edx & TLFS_FEAT_FREQUENCY)) {
		leaf[3].eax &= ~TLFS_PRIV_FREQUENCY;
		leaf[3].edx &= ~TLFS_FEAT_FREQUENCY;
	}
	have = kvm_leaf(c, TLFS_LEAF_HINTS);
	leaf[4].eax = HINTS & (have.eax | HINTS_OURS);
	leaf[4].ebx = NEVER_NOTIFY;
	leaf[5].eax = VM_VPS_MAX;
	leaf[5].ebx = VM_VPS_MAX;
	err = vm_set_leaves(hv->vm, leaf, 6);
out:
	free(c);
	return err;
}
