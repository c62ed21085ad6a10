/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The file that a kernel comes in: a bzImage (Documentation/arch/x86/boot.rst,
 * protocol 2.12 and up), or a vmlinux, the ELF file that a bzImage unpacks. Both
 * are entered in 64-bit mode, with the zero page in RSI.
 */
#ifndef VM_BOOT_IMAGE_H
#define VM_BOOT_IMAGE_H

#include <asm/bootparam.h>
#include <stddef.h>
#include <stdint.h>

#define BOOT_HIGH      0x100000ull /* no part of a kernel is below */
#define BOOT_PARTS_MAX 8

/* Goes from the file to guest memory as it is, with zeroes behind it. */
struct boot_part {
	uint64_t offset;
	uint64_t size;
	uint64_t gpa;
	uint64_t zero;
};

struct boot_image {
	const char *path;
	int fd;
	uint64_t size; /* of the file */

	/* For the zero page; of a vmlinux what a boot loader would say. */
	struct setup_header h;
	struct boot_part part[BOOT_PARTS_MAX];
	unsigned int nparts;
	uint64_t entry; /* GPA */
	uint64_t end; /* GPA behind all that it takes until it knows its memory */
};

/*
 * Reads the headers of @fd (@path and @size given, the rest zero) and checks that
 * parts lie in the file and at or above BOOT_HIGH, and no sum overflows; whether
 * there is memory up to @end is the caller's to see.  0, -ENOEXEC or -ENOTSUP with
 * one line in why.
 */
int boot_image_read(struct boot_image *img, char *why, size_t len);

#endif
