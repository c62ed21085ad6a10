// SPDX-License-Identifier: GPL-2.0
/*
 * SRAT, the System Resource Affinity Table (ACPI 6.3, 5.2.16): which NUMA node
 * each processor and each piece of memory is of.  Nodes have processors one
 * behind the other and shares of the memory that differ by 1 MiB at most.
 * There is no SLIT: all other nodes are equally far away.
 */
#include <string.h>

#include "acpi_var.h"

#define MIB	     (1ull << 20)
#define FLAG_ENABLED 1u

struct srat {
	struct acpi_header h;
	uint32_t one;
	uint64_t reserved;
} __attribute__((packed));

struct srat_processor {
	uint8_t type, length;
	uint8_t node_low;
	uint8_t apic_id;
	uint32_t flags;
	uint8_t sapic_eid;
	uint8_t node_high[3];
	uint32_t clock_domain;
} __attribute__((packed));

struct srat_memory {
	uint8_t type, length;
	uint32_t node;
	uint16_t reserved;
	uint64_t base, size;
	uint32_t reserved2;
	uint32_t flags;
	uint64_t reserved3;
} __attribute__((packed));

_Static_assert(sizeof(struct srat) == 48, "SRAT");
_Static_assert(sizeof(struct srat_processor) == 16, "SRAT type 0");
_Static_assert(sizeof(struct srat_memory) == 40, "SRAT type 1");

/* How many bytes of RAM are of the nodes before this one. */
static uint64_t share_start(const struct acpi_config *cfg, unsigned int node)
{
	return cfg->memory / MIB * node / cfg->nodes * MIB;
}

/* RAM from byte `from` to `to`, counted without the hole. */
static struct srat_memory *memory_add(struct srat_memory *m, unsigned int node,
				      uint64_t from, uint64_t to)
{
	uint64_t hole = VM_HOLE_END - VM_HOLE_START;

	if (from < VM_HOLE_START && to > VM_HOLE_START) {
		m = memory_add(m, node, from, VM_HOLE_START);
		return memory_add(m, node, VM_HOLE_START, to);
	}
	*m = (struct srat_memory){
		.type = 1,
		.length = sizeof(*m),
		.node = node,
		.base = from < VM_HOLE_START ? from : from + hole,
		.size = to - from,
		.flags = FLAG_ENABLED,
	};
	return m + 1;
}

size_t acpi_srat_build(const struct acpi_config *cfg, unsigned int processors,
		       void *buf, size_t size)
{
	struct srat *t = buf;
	struct srat_processor *p = (void *)(t + 1);
	struct srat_memory *m = (void *)(p + processors);
	unsigned int i;

	/* One node may have memory on both sides of the hole. */
	if (size < sizeof(*t) + processors * sizeof(*p) +
			   (cfg->nodes + 1) * sizeof(*m))
		return 0;
	memset(t, 0, sizeof(*t));
	acpi_header_init(&t->h, "SRAT", 3);
	t->one = 1;
	for (i = 0; i < processors; i++)
		p[i] = (struct srat_processor){
			.length = sizeof(*p),
			.node_low = i / (processors / cfg->nodes),
			.apic_id = i,
			.flags = FLAG_ENABLED,
		};
	for (i = 0; i < cfg->nodes; i++)
		m = memory_add(m, i, share_start(cfg, i),
			       share_start(cfg, i + 1));
	acpi_header_seal(&t->h, (char *)m - (char *)buf);
	return t->h.length;
}
