// SPDX-License-Identifier: GPL-2.0
/*
 * Has a task's allocations fail, of slab objects and pages alike, by way of the
 * two functions that the kernel has for that. Whoever writes "SKIP COUNT" to the
 * parameter `fail` is that task: so many of its allocations go well, so many fail
 * after that; without COUNT, all. The parameter `failed` counts them. With `rtnl`
 * those alone are meant that it makes while it, or anybody, holds the RTNL: a
 * program that is still to be started gets that far.
 */
#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

static struct task_struct *whose;
static unsigned int skip, count;

static unsigned int failed;
module_param(failed, uint, 0444);
MODULE_PARM_DESC(failed, "allocations that did not go well");

static bool rtnl;
module_param(rtnl, bool, 0644);
MODULE_PARM_DESC(rtnl, "only allocations made while the RTNL is held");

static void forget(void)
{
	struct task_struct *task = whose;

	WRITE_ONCE(whose, NULL);
	if (task)
		put_task_struct(task);
}

static int set_fail(const char *text, const struct kernel_param *kp)
{
	unsigned int after, times = UINT_MAX;

	if (sscanf(text, "%u %u", &after, &times) < 1)
		return -EINVAL;
	forget();
	skip = after;
	count = times;
	/* Held, that no other task gets to be where this one was. */
	WRITE_ONCE(whose, get_task_struct(current));
	return 0;
}

static const struct kernel_param_ops fail_ops = {
	.set = set_fail,
};

module_param_cb(fail, &fail_ops, NULL, 0200);
MODULE_PARM_DESC(fail, "SKIP [COUNT]: of the allocations of who writes this");

static bool due(void)
{
	if (!in_task() || READ_ONCE(whose) != current)
		return false;
	if (rtnl && !rtnl_is_locked())
		return false;
	if (skip) {
		skip--;
		return false;
	}
	if (!count)
		return false;
	if (count != UINT_MAX)
		count--;
	failed++;
	return true;
}

/* What is called instead of the two functions. */
static noinline notrace int no_slab(void)
{
	return -ENOMEM;
}

static noinline notrace bool no_pages(void)
{
	return true;
}

static int slab(struct kprobe *p, struct pt_regs *regs)
{
	if (!due())
		return 0;
	instruction_pointer_set(regs, (unsigned long)no_slab);
	return 1;
}

static int pages(struct kprobe *p, struct pt_regs *regs)
{
	if (!due())
		return 0;
	instruction_pointer_set(regs, (unsigned long)no_pages);
	return 1;
}

/* Without one the kernel doesn't expect the place to change. */
static void after(struct kprobe *p, struct pt_regs *regs, unsigned long flags)
{
}

static struct kprobe of_slab = {
	.symbol_name = "should_failslab",
	.pre_handler = slab,
	.post_handler = after,
};

static struct kprobe of_pages = {
	.symbol_name = "should_fail_alloc_page",
	.pre_handler = pages,
	.post_handler = after,
};

static struct kprobe *probes[] = { &of_slab, &of_pages };

static int __init no_memory_init(void)
{
	return register_kprobes(probes, ARRAY_SIZE(probes));
}

static void __exit no_memory_exit(void)
{
	unregister_kprobes(probes, ARRAY_SIZE(probes));
	forget();
}

module_init(no_memory_init);
module_exit(no_memory_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Takes memory away from a task");
