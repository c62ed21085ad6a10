/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.10 the MSRs of Hyper-V went by the name of registers. */
#ifndef COMPAT_ASM_MSHYPERV_H
#define COMPAT_ASM_MSHYPERV_H

#include_next <asm/mshyperv.h>

#ifndef COMPAT_HAVE_HV_MSR
#define HV_MSR_SIMP	HV_REGISTER_SIMP
#define HV_MSR_SIEFP	HV_REGISTER_SIEFP
#define HV_MSR_SINT0	HV_REGISTER_SINT0
#define HV_MSR_SCONTROL	HV_REGISTER_SCONTROL

#define hv_get_msr(msr)		hv_get_register(msr)
#define hv_set_msr(msr, value)	hv_set_register(msr, value)
#endif

#endif
