// SPDX-License-Identifier: GPL-2.0
/* 6.10, 0e3f7d120086: Hyper-V's MSRs are no longer called registers */
#include <asm/mshyperv.h>

u64 probe(void);
u64 probe(void)
{
	return hv_get_msr(HV_MSR_SIMP);
}
