/* SPDX-License-Identifier: GPL-2.0 */
/* The partition's ACPI tables: RSDP, XSDT, FADT (hardware-reduced), MADT, with
 * NUMA nodes SRAT, DSDT with COM1, COM2, the VMBus device below a module device
 * with MMIO windows. */
#ifndef VM_ACPI_H
#define VM_ACPI_H

#include "vm.h"

#define ACPI_S5_TYPE	  5u	/* power off: written to bits 4:2 ... */
#define ACPI_SLEEP_ENABLE 0x20u /* ... with this bit of sleep_port */

struct acpi_config {
	unsigned int com_irq[2]; /* GSI of COM1, COM2; 0: port absent */
	uint16_t com_port[2];
	bool rtc;	     /* a clock at ports 0x70, 0x71 */
	uint16_t sleep_port; /* sleep control register, 8 bit; the
					 * status register is the next port */
	uint16_t reset_port;
	uint8_t reset_value;
	uint64_t mmio_low, mmio_low_size, mmio_high, mmio_high_size;
	unsigned int nodes; /* of NUMA; processors are a multiple of it */
	uint64_t memory;    /* bytes, for the nodes' shares */
};

/* Writes the tables; *rsdp is where.  0 or -errno. */
int acpi_build(struct vm *vm, const struct acpi_config *cfg, uint64_t *rsdp);
/* For tests: the same tables one after the other into a buffer, each by name. */
int acpi_table(const struct acpi_config *cfg, unsigned int processors,
	       const char *name, void *buf, size_t size);

#endif
