// SPDX-License-Identifier: GPL-2.0
/* 6.19 and stable kernels: system core operations carry a data pointer */
#include <linux/syscore_ops.h>

int probe_suspend(void *data);

static const struct syscore_ops probe_ops = { .suspend = probe_suspend };
struct syscore probe_syscore = { .ops = &probe_ops };
