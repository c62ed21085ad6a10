// SPDX-License-Identifier: GPL-2.0
/*
 * Panic, kdump and kexec: leaving the connection to the next kernel.
 *
 * The report through the crash registers, the kernel log page and the sysctl
 * hyperv_record_panic_msg are in the kernel's built-in part since 6.0, so
 * that they work without this module; only UNLOAD is the bus's business.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/delay.h>
#include <linux/panic.h>
#include <linux/panic_notifier.h>
#include <linux/smp.h>
#include <clocksource/hyperv_timer.h>
#include <asm/mshyperv.h>

/* For the root to do what it was last told: it closes channels at once. */
#define LAST_WORD_MS	1000

static long (*other_blink)(int state);

/* What the kernel calls over and over when it has said its last word. */
static long last_word_said(int state)
{
	unsigned long flags;

	/* The message's interrupt is not to take the answer away. */
	local_irq_save(flags);
	if (vmb.connected)
		mdelay(LAST_WORD_MS);
	vmb_unload(true);
	local_irq_restore(flags);
	return other_blink ? other_blink(state) : 0;
}

/*
 * A kernel that hangs after a panic has interrupts on and would go on
 * answering the network, so the root must let go of it. But not before the last
 * line is written, which may go through a device of ours (netconsole). A kernel
 * that restarts doesn't get there, nor need it: the root begins anew then.
 */
static int panic_cb(struct notifier_block *nb, unsigned long val, void *args)
{
	other_blink = panic_blink;
	panic_blink = last_word_said;
	return NOTIFY_DONE;
}

/* Nearly last: whoever else wants to blink is there by then. */
static struct notifier_block panic_block = {
	.notifier_call = panic_cb,
	.priority = INT_MIN + 1,
};

/*
 * kexec: all CPUs still run.  The timers go last: where they have an interrupt
 * of their own nothing takes their place, and then no wait has an end, be it
 * for the root or for RCU.
 */
static void kexec_cb(void)
{
	vmb_unload(false);
	vmb_synic_stop();
	hv_stimer_global_cleanup();
}

/*
 * kdump: only this CPU counts; the pages of the others' SynICs are memory of
 * the dead kernel, which the crash kernel doesn't use.
 */
static void crash_cb(struct pt_regs *regs)
{
	unsigned int cpu = smp_processor_id();

	vmb_unload(true);
	hv_stimer_cleanup(cpu);
	vmb_synic_disable(cpu);
}

int vmb_crash_init(void)
{
	int ret;

	ret = atomic_notifier_chain_register(&panic_notifier_list,
					     &panic_block);
	if (ret)
		return ret;
	hv_setup_kexec_handler(kexec_cb);
	hv_setup_crash_handler(crash_cb);
	return 0;
}

void vmb_crash_exit(void)
{
	hv_remove_kexec_handler();
	hv_remove_crash_handler();
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
}
