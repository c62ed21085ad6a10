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

#include <linux/panic_notifier.h>
#include <linux/smp.h>
#include <clocksource/hyperv_timer.h>
#include <asm/mshyperv.h>

static int panic_cb(struct notifier_block *nb, unsigned long val, void *args)
{
	vmb_unload(true);
	return NOTIFY_DONE;
}

/*
 * Nearly last: other notifiers still use devices, among them the frame buffer
 * with its last picture.
 */
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
