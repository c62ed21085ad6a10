// SPDX-License-Identifier: GPL-2.0
/*
 * Where hv_vmbus has channels interrupt: spread over NUMA nodes, then over
 * their processors. The kernel's source is compiled as it is, with stand-ins
 * for what it uses.
 *
 * links: util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

typedef uint32_t u32;

#define CPUS		64
#define NODES		8
#define VMB_CONNECT_CPU 0

/* What place.c uses of vmbus_var.h and of the kernel, under the same names. */
#define VMBUS_VAR_H

struct cpumask {
	uint64_t bits;
};

struct list_head {
	struct list_head *next, *prev;
};

struct vmbus_channel {
	struct vmbus_channel *primary_channel;
	struct list_head sc_list;
	u32 target_cpu;
};

struct vmb_cpu {
	unsigned int channels, spread, siblings;
};

static struct {
	struct vmb_cpu *cpu;
} vmb;

static struct cpumask node_mask[NODES], online;
static unsigned int locked;

static const struct cpumask *cpumask_of_node(int node)
{
	return &node_mask[node];
}

static bool cpu_online(int cpu)
{
	return online.bits >> cpu & 1;
}

static void vmb_assert_locked(void)
{
	locked++;
}

#define per_cpu_ptr(p, i)	 (&(p)[i])
#define for_each_possible_cpu(c) for ((c) = 0; (c) < CPUS; (c)++)
#define for_each_online_node(n)           \
	for ((n) = 0; (n) < NODES; (n)++) \
		if (node_mask[n].bits)
#define for_each_cpu_and(c, a, b)        \
	for ((c) = 0; (c) < CPUS; (c)++) \
		if ((a)->bits >> (c) & (b)->bits >> (c)&1)
#define list_for_each_entry(pos, head, member)                       \
	for (pos = (void *)((char *)(head)->next -                   \
			    offsetof(struct vmbus_channel, member)); \
	     &pos->member != (head);                                 \
	     pos = (void *)((char *)pos->member.next -               \
			    offsetof(struct vmbus_channel, member)))

#include "../../kernel/vmbus/place.c"

/* ---- the machine and its devices ---- */

static struct vmb_cpu cpus[CPUS];
static struct cpumask all;

/* Nodes of as many CPUs each; a list of sizes ends with 0. */
static void machine_of(const unsigned int *sizes)
{
	unsigned int cpu = 0, node, i;

	memset(cpus, 0, sizeof(cpus));
	memset(node_mask, 0, sizeof(node_mask));
	vmb.cpu = cpus;
	for (node = 0; sizes[node]; node++)
		for (i = 0; i < sizes[node]; i++)
			node_mask[node].bits |= 1ull << cpu++;
	all.bits = cpu < 64 ? (1ull << cpu) - 1 : ~0ull;
	online = all;
}

static void machine(unsigned int nodes, unsigned int each)
{
	unsigned int sizes[NODES + 1] = { 0 };

	while (nodes--)
		sizes[nodes] = each;
	machine_of(sizes);
}

struct device {
	struct vmbus_channel ch[CPUS];
	unsigned int n;
};

/* One more channel of the device; its CPU. */
static u32 add(struct device *d)
{
	struct vmbus_channel *ch = &d->ch[d->n], *primary = d->ch;
	struct list_head *head = &primary->sc_list;

	memset(ch, 0, sizeof(*ch));
	if (!d->n) {
		head->next = head->prev = head;
	} else {
		ch->primary_channel = primary;
		ch->sc_list = (struct list_head){ head, head->prev };
		head->prev->next = &ch->sc_list;
		head->prev = &ch->sc_list;
	}
	d->n++;
	ch->target_cpu = vmb_place(ch, &all, -1);
	cpus[ch->target_cpu].channels++;
	cpus[ch->target_cpu].spread++;
	return ch->target_cpu;
}

static unsigned int node_of(u32 cpu)
{
	unsigned int node = 0;

	while (!(node_mask[node].bits >> cpu & 1))
		node++;
	return node;
}

/* How many of the device's channels a node's CPUs have; cpu < 0: all. */
static unsigned int on(const struct device *d, unsigned int node, int cpu)
{
	unsigned int i, n = 0;

	for (i = 0; i < d->n; i++)
		n += node_of(d->ch[i].target_cpu) == node &&
		     (cpu < 0 || d->ch[i].target_cpu == (u32)cpu);
	return n;
}

/* After every channel no node has two more than another, nor a CPU. */
static void test_one_device(void **state)
{
	static const unsigned int shape[][2] = {
		{ 1, 8 }, { 2, 4 }, { 4, 2 }, { 2, 16 }, { 8, 8 }, { 4, 1 },
	};
	static struct device d;
	unsigned int i, n, c;

	(void)state;
	for (i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
		unsigned int nodes = shape[i][0], each = shape[i][1];

		machine(nodes, each);
		d.n = 0;
		while (d.n < nodes * each) {
			add(&d);
			for (n = 0; n < nodes; n++)
				assert_in_range(on(&d, n, -1), d.n / nodes,
						(d.n + nodes - 1) / nodes);
		}
		for (c = 0; c < nodes * each; c++)
			assert_int_equal(on(&d, node_of(c), c), 1);
	}
	assert_true(locked > 0);
}

/* Primaries alone: nodes in turn, and no CPU twice before all had one. */
static void test_primaries(void **state)
{
	static struct device d[16];
	unsigned int i, n, per_node[4] = { 0 };

	(void)state;
	machine(4, 2);
	memset(d, 0, sizeof(d));
	for (i = 0; i < 16; i++) {
		per_node[node_of(add(&d[i]))]++;
		for (n = 0; n < 4; n++)
			assert_in_range(per_node[n], (i + 1) / 4, (i + 4) / 4);
	}
	for (i = 0; i < 8; i++)
		assert_int_equal(cpus[i].channels, 2);
}

/* Each device for itself is spread, and all of them together are. */
static void test_devices(void **state)
{
	static struct device d[3];
	unsigned int i, n, c;

	(void)state;
	machine(4, 2);
	memset(d, 0, sizeof(d));
	for (c = 0; c < 4; c++)
		for (i = 0; i < 3; i++)
			add(&d[i]);
	for (i = 0; i < 3; i++)
		for (n = 0; n < 4; n++)
			assert_int_equal(on(&d[i], n, -1), 1);
	for (c = 0; c < 8; c++)
		assert_in_range(cpus[c].channels, 1, 2);
}

/* Slow channels on the connect CPU keep nothing away from its node. */
static void test_slow(void **state)
{
	static struct device d[4];
	unsigned int i, near = 0;

	(void)state;
	machine(2, 4);
	memset(d, 0, sizeof(d));
	cpus[VMB_CONNECT_CPU].channels = 6;
	for (i = 0; i < 4; i++)
		near += node_of(add(&d[i])) == 0;
	assert_int_equal(near, 2);
	assert_int_equal(cpus[VMB_CONNECT_CPU].spread, 0);
}

/* A small node gets its part, no more: no CPU has two while one has none. */
static void test_uneven(void **state)
{
	static const unsigned int sizes[] = { 1, 7, 0 },
				  three[] = { 2, 4, 6, 0 };
	static struct device d;
	unsigned int c;

	(void)state;
	machine_of(sizes);
	d.n = 0;
	while (d.n < 8)
		add(&d);
	for (c = 0; c < 8; c++)
		assert_int_equal(cpus[c].channels, 1);
	machine_of(three);
	d.n = 0;
	while (d.n < 6)
		add(&d);
	assert_int_equal(on(&d, 0, -1), 1);
	assert_int_equal(on(&d, 1, -1), 2);
	assert_int_equal(on(&d, 2, -1), 3);
}

/* CPUs that are offline, not allowed, or to be left. */
static void test_barred(void **state)
{
	static struct device d;
	struct cpumask few = { 1 << 2 | 1 << 5 };
	unsigned int i;

	(void)state;
	machine(2, 4);
	d.n = 0;
	add(&d);
	for (i = 0; i < 8; i++)
		assert_int_not_equal(vmb_place(d.ch, &all, i), i);
	assert_int_equal(vmb_place(d.ch, &few, 2), 5);
	assert_int_equal(vmb_place(d.ch, &few, 5), 2);
	online.bits &= ~(1ull << 5);
	assert_int_equal(vmb_place(d.ch, &few, -1), 2);
	assert_int_equal(vmb_place(d.ch, &few, 2), VMB_CONNECT_CPU);
	/* A whole node offline: the other one. */
	online.bits = 0x0f;
	for (i = 0; i < 4; i++)
		assert_int_equal(node_of(add(&d)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_device),
		cmocka_unit_test(test_primaries),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_uneven),
		cmocka_unit_test(test_barred),
	};

	return cmocka_run_group_tests_name("vmbus_place", tests, NULL, NULL);
}
