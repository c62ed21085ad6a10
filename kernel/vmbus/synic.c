// SPDX-License-Identifier: GPL-2.0
/*
 * The SynIC of each CPU: a page of message slots and one of event flags, of
 * which SINT 2 is ours.  TLFS chapter 11.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/bitmap.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <clocksource/hyperv_timer.h>
#include <asm/irq_vectors.h>
#include <asm/mshyperv.h>

/* Frees the slot and, if more is queued, asks the hypervisor for it. */
static void slot_free(struct tlfs_message *slot, u32 type)
{
	BUILD_BUG_ON(sizeof(struct hv_message) != sizeof(*slot));
	vmbus_signal_eom((struct hv_message *)slot, type);
}

static void msg_tasklet(unsigned long data)
{
	struct vmb_cpu *cpu = (struct vmb_cpu *)data;
	struct tlfs_message *slot = &cpu->messages->slot[VMB_SINT];
	u8 copy[VMB_MSG_MAX] __aligned(8);
	u32 type = READ_ONCE(slot->type);
	size_t len;

	if (type == TLFS_MSG_NONE)
		return;
	virt_rmb();	/* type was written last */
	len = min_t(size_t, READ_ONCE(slot->size), sizeof(copy));
	memcpy(copy, slot->payload, len);
	memset(copy + len, 0, sizeof(copy) - len);

	if (type != VMB_SYNIC_TYPE)
		pr_warn_ratelimited("SynIC message of type 0x%x dropped\n",
				    type);
	else if (!vmb_msg_dispatch(copy, len))
		return;		/* no room; vmb_synic_kick() comes */
	slot_free(slot, type);
}

static void synic_isr(void)
{
	struct vmb_cpu *cpu = this_cpu_ptr(vmb.cpu);
	struct tlfs_message *slot;
	u32 type;

	if (unlikely(!cpu->messages))
		return;

	/* Flags first: they are many, messages are rare. */
	vmb_event_scan(cpu->flags);

	slot = &cpu->messages->slot[VMB_SINT];
	type = READ_ONCE(slot->type);
	if (type == TLFS_MSG_TIMER_EXPIRED) {
		hv_stimer0_isr();
		slot_free(slot, type);
	} else if (type != TLFS_MSG_NONE) {
		tasklet_schedule(&cpu->msg_tasklet);
	}

	add_interrupt_randomness(HYPERVISOR_CALLBACK_VECTOR);
}

static void kick_this_cpu(void *unused)
{
	tasklet_schedule(&this_cpu_ptr(vmb.cpu)->msg_tasklet);
}

void vmb_synic_kick(void)
{
	on_each_cpu(kick_this_cpu, NULL, 0);
}

void vmb_synic_enable(unsigned int cpu)
{
	struct vmb_cpu *c = per_cpu_ptr(vmb.cpu, cpu);
	union hv_synic_simp simp;
	union hv_synic_siefp siefp;
	union hv_synic_sint sint;
	union hv_synic_scontrol scontrol;

	simp.as_uint64 = hv_get_msr(HV_MSR_SIMP);
	simp.simp_enabled = 1;
	simp.base_simp_gpa = virt_to_phys(c->messages) >> REG_PAGE_SHIFT;
	hv_set_msr(HV_MSR_SIMP, simp.as_uint64);

	siefp.as_uint64 = hv_get_msr(HV_MSR_SIEFP);
	siefp.siefp_enabled = 1;
	siefp.base_siefp_gpa = virt_to_phys(c->flags) >> REG_PAGE_SHIFT;
	hv_set_msr(HV_MSR_SIEFP, siefp.as_uint64);

	sint.as_uint64 = hv_get_msr(HV_MSR_SINT0 + VMB_SINT);
	sint.vector = HYPERVISOR_CALLBACK_VECTOR;
	sint.masked = false;
	/* The kernel's entry code sends the EOI by the same criterion. */
	sint.auto_eoi = !(ms_hyperv.hints & HV_DEPRECATING_AEOI_RECOMMENDED);
	hv_set_msr(HV_MSR_SINT0 + VMB_SINT, sint.as_uint64);

	scontrol.as_uint64 = hv_get_msr(HV_MSR_SCONTROL);
	scontrol.enable = 1;
	hv_set_msr(HV_MSR_SCONTROL, scontrol.as_uint64);
}

void vmb_synic_disable(unsigned int cpu)
{
	union hv_synic_simp simp;
	union hv_synic_siefp siefp;
	union hv_synic_sint sint;
	union hv_synic_scontrol scontrol;

	sint.as_uint64 = hv_get_msr(HV_MSR_SINT0 + VMB_SINT);
	sint.masked = 1;
	hv_set_msr(HV_MSR_SINT0 + VMB_SINT, sint.as_uint64);

	simp.as_uint64 = hv_get_msr(HV_MSR_SIMP);
	simp.simp_enabled = 0;
	simp.base_simp_gpa = 0;
	hv_set_msr(HV_MSR_SIMP, simp.as_uint64);

	siefp.as_uint64 = hv_get_msr(HV_MSR_SIEFP);
	siefp.siefp_enabled = 0;
	siefp.base_siefp_gpa = 0;
	hv_set_msr(HV_MSR_SIEFP, siefp.as_uint64);

	scontrol.as_uint64 = hv_get_msr(HV_MSR_SCONTROL);
	scontrol.enable = 0;
	hv_set_msr(HV_MSR_SCONTROL, scontrol.as_uint64);
}

static int cpu_up_cb(unsigned int cpu)
{
	vmb_synic_enable(cpu);
	hv_stimer_legacy_init(cpu, VMB_SINT);
	return 0;
}

/* Flags of channels that have just been moved to another CPU. */
static bool flags_pending(unsigned int cpu)
{
	struct tlfs_flags_page *page = per_cpu_ptr(vmb.cpu, cpu)->flags;

	return !bitmap_empty((unsigned long *)page->sint[VMB_SINT],
			     TLFS_FLAGS_PER_SINT);
}

static int cpu_down_cb(unsigned int cpu)
{
	int ret, i;

	/* A connection that has ended needs no CPU: unload, kexec. */
	if (vmb.connected) {
		if (cpu == VMB_CONNECT_CPU)
			return -EBUSY;
		ret = vmb_target_evict(cpu);
		if (ret)
			return ret;
		for (i = 0; i < 3 && flags_pending(cpu); i++)
			usleep_range(10000, 20000);
		if (flags_pending(cpu))
			return -EBUSY;
	}

	hv_stimer_legacy_cleanup(cpu);
	vmb_synic_disable(cpu);
	tasklet_kill(&per_cpu_ptr(vmb.cpu, cpu)->msg_tasklet);
	return 0;
}

int vmb_synic_alloc(void)
{
	int cpu;

	vmb.cpu = alloc_percpu(struct vmb_cpu);
	if (!vmb.cpu)
		return -ENOMEM;

	for_each_possible_cpu(cpu) {
		struct vmb_cpu *c = per_cpu_ptr(vmb.cpu, cpu);

		tasklet_init(&c->msg_tasklet, msg_tasklet, (unsigned long)c);
		c->messages = hv_alloc_hyperv_zeroed_page();
		c->flags = hv_alloc_hyperv_zeroed_page();
		if (!c->messages || !c->flags) {
			vmb_synic_free();
			return -ENOMEM;
		}
	}
	return 0;
}

void vmb_synic_free(void)
{
	int cpu;

	if (!vmb.cpu)
		return;
	for_each_possible_cpu(cpu) {
		struct vmb_cpu *c = per_cpu_ptr(vmb.cpu, cpu);

		hv_free_hyperv_page(c->messages);
		hv_free_hyperv_page(c->flags);
	}
	free_percpu(vmb.cpu);
	vmb.cpu = NULL;
}

int vmb_synic_start(void)
{
	int ret;

	hv_setup_vmbus_handler(synic_isr);
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "hyperv/vmbus:online",
				cpu_up_cb, cpu_down_cb);
	if (ret < 0) {
		hv_remove_vmbus_handler();
		return ret;
	}
	vmb.cpuhp_state = ret;
	return 0;
}

/* kexec too; the connection must have ended. */
void vmb_synic_stop(void)
{
	if (vmb.cpuhp_state <= 0)
		return;
	cpuhp_remove_state(vmb.cpuhp_state);
	vmb.cpuhp_state = 0;
	hv_remove_vmbus_handler();
	/* An interrupt that was on its way has left the handler. */
	synchronize_rcu();
}

u32 vmb_synic_poll_type(void)
{
	int cpu;

	for_each_present_cpu(cpu) {
		struct vmb_cpu *c = per_cpu_ptr(vmb.cpu, cpu);
		struct tlfs_message *slot;
		u32 synic_type, type;

		if (!c->messages)
			continue;
		slot = &c->messages->slot[VMB_SINT];
		synic_type = READ_ONCE(slot->type);
		if (synic_type == TLFS_MSG_NONE)
			continue;
		virt_rmb();	/* type was written last */
		type = synic_type == VMB_SYNIC_TYPE ?
			READ_ONCE(((struct vmb_hdr *)slot->payload)->type) : 0;
		slot_free(slot, synic_type);
		/* Never 0 for "something was there". */
		return type ?: VMB_MSG_COUNT;
	}
	return 0;
}

void vmb_synic_clear(void)
{
	int cpu;

	for_each_present_cpu(cpu) {
		struct vmb_cpu *c = per_cpu_ptr(vmb.cpu, cpu);

		if (c->messages)
			WRITE_ONCE(c->messages->slot[VMB_SINT].type,
				   TLFS_MSG_NONE);
	}
}
