/* SPDX-License-Identifier: GPL-2.0 */
/* Private to host/vm: what the makers of ACPI tables share. */
#ifndef VM_ACPI_VAR_H
#define VM_ACPI_VAR_H

#include "acpi.h"

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem[6];
	char oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI header");

void acpi_header_init(struct acpi_header *h, const char *signature,
		      uint8_t revision);
/* Length and checksum, when the rest of the table is written. */
void acpi_header_seal(struct acpi_header *h, size_t length);

/* With two nodes or more; acpi_srat.c.  The length, or 0: no room. */
size_t acpi_srat_build(const struct acpi_config *cfg, unsigned int processors,
		       void *buf, size_t size);

#endif
