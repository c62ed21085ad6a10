// SPDX-License-Identifier: GPL-2.0
/*
 * Sending what is held when a processor has nothing better to do.
 *
 * Requests are held back because more are expected of a program that is still
 * running. When the processor would become idle instead, nobody is left to
 * bring them, and it is time to send. A thread of the policy SCHED_IDLE on each
 * processor is what runs at just that moment; on a processor that stays busy
 * with something else it gets its tiny share within a few ticks, which is thus
 * the longest that a wrong guess can cost. (With the nicest SCHED_OTHER it got
 * five times as much, and on slow machines cut short most of the batches.)
 */
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/smpboot.h>
#include <linux/spinlock.h>
#include <uapi/linux/sched/types.h>

#include "storvsc_var.h"

struct storvsc_idle {
	struct task_struct *task;
	spinlock_t lock;		/* chans; inside a channel's held_lock */
	struct list_head chans;		/* by idle_node */
};

static DEFINE_PER_CPU(struct storvsc_idle, idle_cpus);

/* Have @chan looked at when this processor is idle. held_lock held, BHs off. */
void storvsc_idle_add(struct storvsc_chan *chan)
{
	struct storvsc_idle *idle = this_cpu_ptr(&idle_cpus);

	lockdep_assert_held(&chan->held_lock);
	if (chan->idle_on)
		return;
	chan->idle_on = idle;
	spin_lock(&idle->lock);
	list_add_tail(&chan->idle_node, &idle->chans);
	spin_unlock(&idle->lock);
	wake_up_process(idle->task);
}

/* Afterwards, and after a grace period, no thread looks at @chan. */
void storvsc_idle_forget(struct storvsc_chan *chan)
{
	spin_lock_bh(&chan->held_lock);
	if (chan->idle_on) {
		spin_lock(&chan->idle_on->lock);
		list_del_init(&chan->idle_node);
		spin_unlock(&chan->idle_on->lock);
		chan->idle_on = NULL;
	}
	spin_unlock_bh(&chan->held_lock);
}

/* False when there is none left. */
static bool look_at_one(struct storvsc_idle *idle)
{
	struct storvsc_chan *chan;

	/* A channel in the list exists until a grace period later. */
	rcu_read_lock();
	spin_lock_bh(&idle->lock);
	chan = list_first_entry_or_null(&idle->chans, struct storvsc_chan,
					idle_node);
	if (chan)
		list_del_init(&chan->idle_node);
	spin_unlock_bh(&idle->lock);
	if (chan)
		storvsc_hold_idle(chan);
	rcu_read_unlock();
	return chan;
}

static int should_run(unsigned int cpu)
{
	return !list_empty_careful(&per_cpu(idle_cpus, cpu).chans);
}

static void run(unsigned int cpu)
{
	look_at_one(&per_cpu(idle_cpus, cpu));
}

static void setup(unsigned int cpu)
{
	struct sched_attr attr = { .sched_policy = SCHED_IDLE };

	/* It can fail for a wrong @attr only. */
	WARN_ON_ONCE(sched_setattr_nocheck(current, &attr));
}

/* The processor goes, and nobody submits on it any more. */
static void park(unsigned int cpu)
{
	while (look_at_one(&per_cpu(idle_cpus, cpu)))
		;
}

static struct smp_hotplug_thread idle_threads = {
	.store = &idle_cpus.task,
	.thread_should_run = should_run,
	.thread_fn = run,
	.setup = setup,
	.park = park,
	.thread_comm = "storvsc/%u",
};

int storvsc_idle_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		spin_lock_init(&per_cpu(idle_cpus, cpu).lock);
		INIT_LIST_HEAD(&per_cpu(idle_cpus, cpu).chans);
	}
	return smpboot_register_percpu_thread(&idle_threads);
}

/* No channel exists any more. */
void storvsc_idle_exit(void)
{
	smpboot_unregister_percpu_thread(&idle_threads);
}
