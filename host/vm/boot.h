/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Puts a Linux kernel (boot_image.h) into guest memory and the boot VP at its 64-bit
 * entry (Documentation/arch/x86/boot.rst).
 */
#ifndef VM_BOOT_H
#define VM_BOOT_H

#include "vm.h"

struct boot_config {
	const char *kernel; /* path of a bzImage or vmlinux */
	const char *initrd; /* or NULL */
	const char *cmdline;
	uint64_t rsdp; /* GPA of the ACPI RSDP */
};

/* Before vm_start() and after vm_reset().  0 or -errno with one line in why. */
int boot_load(struct vm *vm, const struct boot_config *cfg, char *why,
	      size_t why_len);

#endif
