// SPDX-License-Identifier: GPL-2.0
#include "power.h"
#include "vm/acpi.h"

bool power_pio(struct vm *vm, uint16_t port, bool write, void *buf,
	       unsigned int size)
{
	uint8_t *value = buf;

	switch (port) {
	case POWER_SLEEP_PORT:
		if (!write)
			*value = 0;
		else if (size == 1 && (*value & ACPI_SLEEP_ENABLE) &&
			 (*value >> 2 & 7) == ACPI_S5_TYPE)
			vm_end(vm, VM_END_POWER_OFF, "power-off by the guest");
		return true;
	case POWER_SLEEP_PORT + 1:
		/* Wake status: the guest never sleeps, so it never wakes. */
		if (!write)
			*value = 0;
		return true;
	case POWER_RESET_PORT:
		if (!write)
			*value = 0;
		else if (size == 1 && *value == POWER_RESET_VALUE)
			vm_end(vm, VM_END_RESET, "reset by the guest");
		return true;
	default:
		return false;
	}
}
