// SPDX-License-Identifier: GPL-2.0
/* 5.18, 559089e0a93d: huge mappings for whoever asks for them */
#include <linux/vmalloc.h>

void *probe(void);
void *probe(void)
{
	return vmalloc_huge(1, GFP_KERNEL);
}
