/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Power-off and reset by two registers (ACPI 6.3, 4.8.3.6 and 4.8.3.7:
 * give these numbers to acpi_build()).
 */
#ifndef CHIPSET_POWER_H
#define CHIPSET_POWER_H

#include "vm/vm.h"

#define POWER_SLEEP_PORT  0x600 /* control; 0x601 is status */
#define POWER_RESET_PORT  0x602
#define POWER_RESET_VALUE 0x06

/* VP's thread; true when the port is one of these.  Calls vm_end(). */
bool power_pio(struct vm *vm, uint16_t port, bool write, void *buf,
	       unsigned int size);

#endif
