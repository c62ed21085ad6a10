/* SPDX-License-Identifier: GPL-2.0 */
/* What must be visible where functions of a ring are exported: abi_bus.h. */
#ifndef ABI_RING_H
#define ABI_RING_H

#include <linux/io.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>
#include <asm/mshyperv.h>

#endif
