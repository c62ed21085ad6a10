/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Module parameters with a range. A number out of it is put into it, and one
 * warning says so: a typing mistake in modprobe.d must not cost the disk that
 * the system boots from. What is no number is still refused. The same holds for
 * writes to /sys/module/NAME/parameters.
 *
 * Every module has its own copy, since drivers run on the in-tree bus, too.
 */
#ifndef VMBUS_PARAM_H
#define VMBUS_PARAM_H

#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <asm/page.h>

struct vmb_param {
	union {			/* by type; no value is beyond either */
		int *as_int;
		unsigned int *as_uint;
	};
	int min, max;
};

/* The kernel holds the parameters' lock: one writer at a time. */
static inline int vmb_param_set(const char *text,
				const struct kernel_param *kp)
{
	const struct vmb_param *p = kp->arg;
	long long given;
	int err, value;

	err = kstrtoll(text, 0, &given);
	if (err == -ERANGE)
		given = *text == '-' ? LLONG_MIN : LLONG_MAX;
	else if (err)
		return err;
	value = clamp_t(long long, given, p->min, p->max);
	if (value != given)
		pr_warn("parameter %s=%.*s is out of range %d to %d: %d is taken\n",
			kp->name, (int)strcspn(text, "\n"), text, p->min,
			p->max, value);
	WRITE_ONCE(*p->as_int, value);
	return 0;
}

static inline int vmb_param_get(char *buffer, const struct kernel_param *kp)
{
	const struct vmb_param *p = kp->arg;

	return scnprintf(buffer, PAGE_SIZE, "%d\n", *p->as_int);
}

static const struct kernel_param_ops vmb_param_ops = {
	.set = vmb_param_set,
	.get = vmb_param_get,
};

/*
 * vmb_param() - declare the parameter @name, kept in @var
 *
 * @type is that of @var, and what modinfo tells: int or uint. Both limits are
 * within it and within int.
 */
#define vmb_param(name, var, type, least, most, perm)			\
	static struct vmb_param vmb_param_##name = {			\
		.as_##type = &(var),					\
		.min = (least),						\
		.max = (most),						\
	};								\
	module_param_cb(name, &vmb_param_ops, &vmb_param_##name, perm); \
	__MODULE_INFO(parmtype, vmb_type_##name, #name ":" #type)

#endif
