// SPDX-License-Identifier: GPL-2.0
/*
 * Which CPU a channel interrupts.  Channels of disks and networks are spread
 * over the nodes and their CPUs (place.c); all others stay on the connect CPU.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/cpu.h>
#include <linux/sched/isolation.h>
#include <asm/mshyperv.h>

/*
 * One mover at a time.  Outside vmb_lock(): it waits for the root, which may
 * take as long as any reply.
 */
static DEFINE_MUTEX(move_mutex);

static bool is_spread(const struct vmbus_channel *ch)
{
	return vmbus_devs[ch->device_id].perf_device;
}

static u32 preferred(const struct vmbus_channel *ch, int except)
{
	if (!is_spread(ch))
		return VMB_CONNECT_CPU;
	return vmb_place(ch, housekeeping_cpumask(HK_TYPE_MANAGED_IRQ), except);
}

/* @n: 1 or -1 */
static void count(const struct vmbus_channel *ch, u32 cpu, int n)
{
	struct vmb_cpu *c = per_cpu_ptr(vmb.cpu, cpu);

	c->channels += n;
	if (is_spread(ch))
		c->spread += n;
}

/* CPU hot-plug held off by the caller. */
void vmb_target_choose(struct vmbus_channel *ch)
{
	vmb_assert_locked();
	ch->target_cpu = preferred(ch, -1);
	count(ch, ch->target_cpu, 1);
}

void vmb_target_drop(struct vmbus_channel *ch)
{
	vmb_assert_locked();
	count(ch, ch->target_cpu, -1);
}

/* The root was told its CPU anew; what it may have been told before is past. */
void vmb_target_opened(struct vmb_chan *c)
{
	vmb_lock();
	c->strayed = false;
	WRITE_ONCE(c->move_owed, false);
	vmb_unlock();
}

/* move_mutex held, CPU hot-plug held off, @cpu online */
static int move(struct vmb_chan *c, u32 cpu)
{
	void (*changed)(struct vmbus_channel *channel, u32 old, u32 new);
	struct vmbus_channel *ch = &c->ch;
	bool open;
	u32 old;
	int ret = 0;

	vmb_lock();
	old = ch->target_cpu;
	open = ch->state == CHANNEL_OPENED_STATE;
	if (ch->rescind)
		ret = -ENODEV;
	else if (ch->state == CHANNEL_OPENING_STATE)
		ret = -EBUSY;
	else if (open && vmbus_proto_version < VMB_VERSION_4_1)
		ret = -EOPNOTSUPP;
	vmb_unlock();
	if (ret || (old == cpu && !c->strayed))
		return ret;

	if (open) {
		u32 vp = hv_cpu_number_to_vp_number(cpu);

		ret = vmbus_send_modifychannel(ch, vp);
		if (ret == -ETIMEDOUT) {
			vmb_lock();
			c->strayed = true;
			c->stray_cpu = cpu;
			vmb_unlock();
		}
		if (ret)
			return ret;
	}

	vmb_lock();
	/* Only a listed channel is counted. */
	if (c->listed) {
		count(ch, old, -1);
		count(ch, cpu, 1);
	}
	ch->target_cpu = cpu;
	c->strayed = false;
	open &= ch->state == CHANNEL_OPENED_STATE;
	vmb_unlock();

	/* Who closes the channel meanwhile waits: see vmb_target_settle(). */
	changed = READ_ONCE(ch->change_target_cpu_callback);
	if (open && changed)
		changed(ch, old, cpu);
	return 0;
}

void vmb_target_settle(void)
{
	mutex_lock(&move_mutex);
	mutex_unlock(&move_mutex);
}

int vmb_target_set(struct vmbus_channel *ch, u32 cpu)
{
	int ret;

	cpus_read_lock();
	mutex_lock(&move_mutex);
	if (cpu >= nr_cpu_ids || !cpu_online(cpu) ||
	    !cpumask_test_cpu(cpu, housekeeping_cpumask(HK_TYPE_MANAGED_IRQ)))
		ret = -EINVAL;
	else if (READ_ONCE(ch->state) != CHANNEL_OPENED_STATE)
		ret = -EIO;
	else
		ret = move(vmb_chan(ch), cpu);
	mutex_unlock(&move_mutex);
	cpus_read_unlock();

	return ret;
}

/* Or the root may interrupt it for the channel, after a move that timed out. */
static bool is_on(struct vmbus_channel *ch, unsigned int cpu)
{
	const struct vmb_chan *c = vmb_chan(ch);

	return !ch->rescind && (ch->target_cpu == cpu ||
				(c->strayed && c->stray_cpu == cpu));
}

/* A channel that targets @cpu, with a reference; NULL if there's none. */
static struct vmb_chan *any_on(unsigned int cpu)
{
	struct vmbus_channel *ch, *sub;
	struct vmb_chan *found = NULL;

	vmb_lock();
	list_for_each_entry(ch, &vmb.channels, listentry) {
		if (is_on(ch, cpu))
			found = vmb_chan(ch);
		list_for_each_entry(sub, &ch->sc_list, sc_list)
			if (is_on(sub, cpu))
				found = vmb_chan(sub);
		if (found)
			break;
	}
	if (found)
		vmb_chan_get(found);
	vmb_unlock();
	return found;
}

int vmb_target_evict(unsigned int cpu)
{
	struct vmb_chan *c;
	int ret = 0;

	mutex_lock(&move_mutex);
	while (!ret && (c = any_on(cpu))) {
		u32 to;

		vmb_lock();
		to = preferred(&c->ch, cpu);
		vmb_unlock();
		ret = move(c, to);
		if (ret == -ENODEV)	/* rescinded: interrupts no more */
			ret = 0;
		if (ret)
			pr_info("CPU %u stays: channel %u can't leave it (%d)\n",
				cpu, c->ch.offermsg.child_relid, ret);
		vmb_chan_put(c);
	}
	mutex_unlock(&move_mutex);

	return ret ? -EBUSY : 0;
}
