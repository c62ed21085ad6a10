// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "chipset/power.h"
#include "vm/acpi.h"
#include "vm/boot.h"
#include "vmwp.h"

/* Above RAM, at a boundary that any BAR size suits. */
static uint64_t mmio_high(uint64_t memory)
{
	uint64_t end = VM_HOLE_END + memory;

	if (end <= BOARD_MMIO_HIGH)
		return BOARD_MMIO_HIGH;
	return (end + BOARD_MMIO_HIGH_SIZE - 1) & ~(BOARD_MMIO_HIGH_SIZE - 1);
}

int boot_create(struct vmwp *w, char *why, size_t why_len)
{
	const struct options *opt = w->opt;
	struct acpi_config acpi = {
		.com_irq = { opt->serial[0] ? BOARD_COM1_IRQ : 0,
			     opt->serial[1] ? BOARD_COM2_IRQ : 0 },
		.com_port = { BOARD_COM1_PORT, BOARD_COM2_PORT },
		.rtc = true,
		.sleep_port = POWER_SLEEP_PORT,
		.reset_port = POWER_RESET_PORT,
		.reset_value = POWER_RESET_VALUE,
		.mmio_low = BOARD_MMIO_LOW,
		.mmio_low_size = BOARD_MMIO_LOW_SIZE,
		.mmio_high = mmio_high(opt->memory),
		.mmio_high_size = BOARD_MMIO_HIGH_SIZE,
	};
	struct boot_config boot = {
		.kernel = opt->kernel,
		.initrd = opt->initrd,
		.cmdline = opt->cmdline,
	};
	int err = acpi_build(w->vm, &acpi, &boot.rsdp);

	if (err) {
		snprintf(why, why_len, "cannot build the ACPI tables: %s",
			 strerror(-err));
		return err;
	}
	return boot_load(w->vm, &boot, why, why_len);
}
