/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct syscore: a registration of system core operations, apart from the
 * operations, whose callbacks take its data pointer.  On a kernel without it,
 * one registration per source file.
 */
#ifndef COMPAT_LINUX_SYSCORE_OPS_H
#define COMPAT_LINUX_SYSCORE_OPS_H

#include_next <linux/syscore_ops.h>

#ifndef COMPAT_HAVE_SYSCORE

struct compat_syscore_ops {
	int (*suspend)(void *data);
	void (*resume)(void *data);
	void (*shutdown)(void *data);
};

struct syscore {
	struct list_head node;
	const struct compat_syscore_ops *ops;
	void *data;
};

static struct syscore *compat_syscore __maybe_unused;

static inline int compat_syscore_suspend(void)
{
	return compat_syscore->ops->suspend ?
	       compat_syscore->ops->suspend(compat_syscore->data) : 0;
}

static inline void compat_syscore_resume(void)
{
	if (compat_syscore->ops->resume)
		compat_syscore->ops->resume(compat_syscore->data);
}

static inline void compat_syscore_shutdown(void)
{
	if (compat_syscore->ops->shutdown)
		compat_syscore->ops->shutdown(compat_syscore->data);
}

static struct syscore_ops compat_syscore_hooks __maybe_unused = {
	.suspend = compat_syscore_suspend,
	.resume = compat_syscore_resume,
	.shutdown = compat_syscore_shutdown,
};

static inline void register_syscore(struct syscore *syscore)
{
	compat_syscore = syscore;
	register_syscore_ops(&compat_syscore_hooks);
}

static inline void unregister_syscore(struct syscore *syscore)
{
	unregister_syscore_ops(&compat_syscore_hooks);
}

#define syscore_ops compat_syscore_ops

#endif
#endif
