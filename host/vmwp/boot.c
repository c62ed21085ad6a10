// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "chipset/power.h"
#include "vm/acpi.h"
#include "vm/boot.h"
#include "vmwp.h"

#define RESET_VECTOR 0xffff0u /* F000:FFF0 */

/* Above RAM, at a boundary that any BAR size suits. */
static uint64_t mmio_high(uint64_t memory)
{
	uint64_t end = VM_HOLE_END + memory;

	if (end <= BOARD_MMIO_HIGH)
		return BOARD_MMIO_HIGH;
	return (end + BOARD_MMIO_HIGH_SIZE - 1) & ~(BOARD_MMIO_HIGH_SIZE - 1);
}

/*
 * A PC's processors begin here, and a kernel that resets by way of the BIOS jumps
 * here, in real mode: Linux does, where ACPI is hardware-reduced and there is no
 * EFI, before it tries the reset register.  There is no BIOS; these are the only
 * bytes of one, and they write that register.
 */
static int reset_vector_write(struct mem *m)
{
	static const uint8_t code[] = {
		0xb0,
		POWER_RESET_VALUE, /* mov al, value */
		0xba,
		POWER_RESET_PORT & 0xff,
		POWER_RESET_PORT >> 8,
		0xee, /* mov dx, port; out dx, al */
		0xf4, /* hlt */
		0xeb,
		0xfd, /* jmp to it */
	};

	return mem_write(m, RESET_VECTOR, code, sizeof(code));
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
		.nodes = opt->nodes,
		.memory = opt->memory,
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
	err = reset_vector_write(vm_mem(w->vm));
	if (err) {
		snprintf(why, why_len, "no memory at the reset vector: %s",
			 strerror(-err));
		return err;
	}
	return boot_load(w->vm, &boot, why, why_len);
}
