/* SPDX-License-Identifier: GPL-2.0 */
/* Memory in large pieces is a matter of speed only. */
#ifndef COMPAT_LINUX_VMALLOC_H
#define COMPAT_LINUX_VMALLOC_H

#include_next <linux/vmalloc.h>

#ifndef COMPAT_HAVE_VMALLOC_HUGE
static inline void *vmalloc_huge(unsigned long size, gfp_t gfp_mask)
{
	return __vmalloc(size, gfp_mask);
}
#endif

#endif
