// SPDX-License-Identifier: GPL-2.0
/*
 * The best CPU for a channel: on the NUMA node that carries least, and there
 * the CPU that carries least.  What counts first is how many channels of the
 * same device there are, since one device's channels are busy together; then
 * how many of all devices whose channels are spread; then the slow ones, which
 * all stay on the connect CPU.
 */
#include "vmbus_var.h"

/* What a CPU carries, or all of a node's together. */
struct load {
	unsigned int cpus;
	unsigned int siblings;	/* channels of the same device */
	unsigned int spread;	/* of devices whose channels are spread */
	unsigned int channels;	/* of all devices */
};

/*
 * Nodes may differ in size, so what a node carries is divided by its CPUs.
 * The new channel is counted in, or a small node would be filled first.
 */
static bool less(unsigned int a, const struct load *la, unsigned int b,
		 const struct load *lb)
{
	return (a + 1ull) * lb->cpus < (b + 1ull) * la->cpus;
}

static bool lighter(const struct load *a, const struct load *b)
{
	if (less(a->siblings, a, b->siblings, b))
		return true;
	if (less(b->siblings, b, a->siblings, a))
		return false;
	if (less(a->spread, a, b->spread, b))
		return true;
	if (less(b->spread, b, a->spread, a))
		return false;
	return less(a->channels, a, b->channels, b);
}

static struct load cpu_load(int cpu)
{
	const struct vmb_cpu *c = per_cpu_ptr(vmb.cpu, cpu);
	struct load load = {
		.cpus = 1,
		.siblings = c->siblings,
		.spread = c->spread,
		.channels = c->channels,
	};

	return load;
}

/* Has every CPU know how many channels of @ch's device target it, without @ch. */
static void siblings_count(const struct vmbus_channel *ch)
{
	const struct vmbus_channel *primary = ch->primary_channel ?: ch;
	const struct vmbus_channel *sub;
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu_ptr(vmb.cpu, cpu)->siblings = 0;
	if (primary != ch)
		per_cpu_ptr(vmb.cpu, primary->target_cpu)->siblings++;
	list_for_each_entry(sub, &primary->sc_list, sc_list)
		if (sub != ch)
			per_cpu_ptr(vmb.cpu, sub->target_cpu)->siblings++;
}

/* The lightest CPU of @node, or -1; @total: what the node's carry together. */
static int lightest_cpu(int node, const struct cpumask *allowed, int except,
			struct load *total)
{
	struct load best_load;
	int cpu, best = -1;

	memset(total, 0, sizeof(*total));
	for_each_cpu_and(cpu, cpumask_of_node(node), allowed) {
		struct load load = cpu_load(cpu);

		if (cpu == except || !cpu_online(cpu))
			continue;
		total->cpus++;
		total->siblings += load.siblings;
		total->spread += load.spread;
		total->channels += load.channels;
		if (best < 0 || lighter(&load, &best_load)) {
			best_load = load;
			best = cpu;
		}
	}
	return best;
}

u32 vmb_place(const struct vmbus_channel *ch, const struct cpumask *allowed,
	      int except)
{
	struct load best_load;
	int node, best = -1;

	vmb_assert_locked();
	siblings_count(ch);
	for_each_online_node(node) {
		struct load load;
		int cpu = lightest_cpu(node, allowed, except, &load);

		if (cpu >= 0 && (best < 0 || lighter(&load, &best_load))) {
			best_load = load;
			best = cpu;
		}
	}
	return best < 0 ? VMB_CONNECT_CPU : best;
}
