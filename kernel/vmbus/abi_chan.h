/* SPDX-License-Identifier: GPL-2.0 */
/* What must be visible where functions of a channel are exported: abi_bus.h. */
#ifndef ABI_CHAN_H
#define ABI_CHAN_H

#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <asm/mshyperv.h>

#endif
