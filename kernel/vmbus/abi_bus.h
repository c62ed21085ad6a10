/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must be visible to a file that exports a function of the bus proper.
 *
 * The CRC of an exported symbol is computed from all types that its prototype
 * leads to and that are complete in the exporting file; a type that is only
 * declared counts as unknown.  To get the distribution's CRCs, a file must see
 * what theirs sees, no less and no more; scripts/abi-check tells.  Which
 * symbols go together: this header, abi_chan.h, abi_ring.h.
 */
#ifndef ABI_BUS_H
#define ABI_BUS_H

#include <linux/acpi.h>
#include <linux/clockchips.h>
#include <linux/dma-map-ops.h>
#include <linux/efi.h>
#include <linux/kernel_stat.h>
#include <linux/module.h>
#include <linux/of_address.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/ptrace.h>
#include <linux/sched/isolation.h>
#include <linux/sched/task_stack.h>
#include <linux/screen_info.h>
#include <linux/slab.h>
#include <linux/smpboot.h>
#include <linux/sysctl.h>
#include <clocksource/hyperv_timer.h>
#include <asm/mshyperv.h>

#endif
