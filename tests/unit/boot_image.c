// SPDX-License-Identifier: GPL-2.0
/*
 * Files that a kernel comes in: what of them goes where, and what is refused.
 *
 * links: vm hv mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "vm/boot_image.h"

#define SIZE 0x4000u

struct elf {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[BOOT_PARTS_MAX + 1];
};

static char why[256];

/* A vmlinux of two segments, entered in the first, and a note. */
static struct elf elf_good(void)
{
	struct elf e = {
		.eh = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				     ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_entry = 0x1000040,
			.e_phoff = offsetof(struct elf, ph),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 3,
		},
		.ph = {
			{ .p_type = PT_LOAD, .p_offset = 0x1000,
			  .p_vaddr = 0xffffffff81000000, .p_paddr = 0x1000000,
			  .p_filesz = 0x1800, .p_memsz = 0x1800 },
			{ .p_type = PT_NOTE, .p_offset = ~0ull,
			  .p_filesz = ~0ull },
			{ .p_type = PT_LOAD, .p_offset = 0x3000,
			  .p_vaddr = 0xffffffff82000000, .p_paddr = 0x2000000,
			  .p_filesz = 0x1000, .p_memsz = 0x5001 },
		},
	};

	return e;
}

static int read_file(struct boot_image *img, const void *head, size_t n)
{
	int err;

	*img = (struct boot_image){ .path = "x", .size = SIZE };
	img->fd = memfd_create("kernel", MFD_CLOEXEC);
	assert_true(img->fd >= 0);
	assert_int_equal(ftruncate(img->fd, SIZE), 0);
	assert_int_equal(pwrite(img->fd, head, n, 0), (ssize_t)n);
	why[0] = '\0';
	err = boot_image_read(img, why, sizeof(why));
	close(img->fd);
	assert_int_equal(!err, !why[0]);
	return err;
}

static void refused(const void *head, size_t n, int err, const char *part)
{
	struct boot_image img;
	int got = read_file(&img, head, n);

	if (got != err || !strstr(why, part))
		fail_msg("%d '%s', not %d '%s'", got, why, err, part);
}

static void test_vmlinux(void **state)
{
	struct elf e = elf_good();
	struct boot_image img;

	(void)state;
	assert_int_equal(read_file(&img, &e, sizeof(e)), 0);
	assert_int_equal(img.nparts, 2);
	assert_int_equal(img.part[0].offset, 0x1000);
	assert_int_equal(img.part[0].gpa, 0x1000000);
	assert_int_equal(img.part[0].size, 0x1800);
	assert_int_equal(img.part[0].zero, 0);
	assert_int_equal(img.part[1].size, 0x1000);
	assert_int_equal(img.part[1].zero, 0x4001);
	assert_int_equal(img.entry, 0x1000040);
	assert_int_equal(img.end, 0x2006000);
	assert_int_equal(img.h.cmdline_size, 2047);

	/* The segments may come in any order, and be all that a file may have. */
	e = elf_good();
	for (unsigned int i = 1; i < BOOT_PARTS_MAX; i++) {
		e.ph[i] = e.ph[0];
		e.ph[i].p_paddr = 0x1000000 - i * 0x100000;
	}
	e.eh.e_phnum = BOOT_PARTS_MAX;
	assert_int_equal(read_file(&img, &e, sizeof(e)), 0);
	assert_int_equal(img.nparts, BOOT_PARTS_MAX);
	assert_int_equal(img.end, 0x1002000);
}

static void vmlinux_refused(struct elf e, int err, const char *part)
{
	refused(&e, sizeof(e), err, part);
}

static void test_vmlinux_refused(void **state)
{
	struct elf e;

	(void)state;
#define WITH(field, value, err, part)          \
	do {                                   \
		e = elf_good();                \
		e.field = (value);             \
		vmlinux_refused(e, err, part); \
	} while (0)
	WITH(eh.e_ident[EI_CLASS], ELFCLASS32, -ENOTSUP, "no vmlinux");
	WITH(eh.e_ident[EI_DATA], ELFDATA2MSB, -ENOTSUP, "no vmlinux");
	WITH(eh.e_machine, EM_AARCH64, -ENOTSUP, "no vmlinux");
	WITH(eh.e_type, ET_DYN, -ENOTSUP, "no vmlinux");
	WITH(eh.e_phentsize, 8, -ENOTSUP, "no vmlinux");
	/* A program, and a kernel without a segment. */
	WITH(eh.e_entry, 0xffffffff81000040, -ENOTSUP, "is it a vmlinux");
	WITH(eh.e_entry, 0x1001800, -ENOTSUP, "is it a vmlinux");
	WITH(eh.e_entry, 0x2001000, -ENOTSUP, "is it a vmlinux");
	WITH(eh.e_phnum, 0, -ENOTSUP, "is it a vmlinux");
	WITH(eh.e_phoff, SIZE - 8, -ENOEXEC, "cut short");
	WITH(eh.e_phoff, ~0ull - 8, -ENOEXEC, "cut short");
	WITH(eh.e_phoff, SIZE, -ENOEXEC, "cut short");
	WITH(ph[0].p_offset, SIZE - 0x17ff, -ENOEXEC, "cut short");
	WITH(ph[0].p_offset, ~0ull - 0x1000, -ENOEXEC, "cut short");
	WITH(ph[2].p_filesz, 0x5002, -ENOEXEC, "cut short");
	WITH(ph[0].p_paddr, 0xff000, -ENOEXEC, "impossible address 0xff000");
	WITH(ph[0].p_paddr, ~0ull, -ENOEXEC, "impossible");
	WITH(ph[2].p_memsz, ~0ull, -ENOEXEC, "impossible");
#undef WITH
	e = elf_good();
	for (unsigned int i = 0; i <= BOOT_PARTS_MAX; i++)
		e.ph[i] = e.ph[0];
	e.eh.e_phnum = BOOT_PARTS_MAX + 1;
	vmlinux_refused(e, -ENOTSUP, "more than 8 segments");
}

/* The header of a bzImage with four sectors of setup code. */
static void bzimage_good(uint8_t head[0x400], struct setup_header *h)
{
	memset(head, 0, 0x400);
	head[0x200] = 0xeb;
	head[0x201] = sizeof(*h) - (0x202 - 0x1f1);
	*h = (struct setup_header){
		.boot_flag = 0xaa55,
		.header = 0x53726448,
		.version = 0x20f,
		.loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = 2047,
		.pref_address = 0x1000000,
		.init_size = 0x2345678,
		.syssize = (SIZE - 0xa00) / 16,
	};
}

/* Puts the header in, but for the jump in its middle. */
static void bzimage_seal(uint8_t head[0x400], const struct setup_header *h)
{
	uint8_t jump[2] = { head[0x200], head[0x201] };

	memcpy(head + 0x1f1, h, sizeof(*h));
	memcpy(head + 0x200, jump, 2);
}

static void test_bzimage(void **state)
{
	struct boot_image img;
	struct setup_header h;
	uint8_t head[0x400];

	(void)state;
	bzimage_good(head, &h);
	bzimage_seal(head, &h);
	assert_int_equal(read_file(&img, head, sizeof(head)), 0);
	assert_int_equal(img.nparts, 1);
	assert_int_equal(img.part[0].offset, 0xa00);
	assert_int_equal(img.part[0].size, SIZE - 0xa00);
	assert_int_equal(img.part[0].gpa, 0x1000000);
	assert_int_equal(img.part[0].zero, 0);
	assert_int_equal(img.entry, 0x1000200);
	assert_int_equal(img.end, 0x3346000);
	/* Smaller when unpacked than packed. */
	h.init_size = 1;
	bzimage_seal(head, &h);
	assert_int_equal(read_file(&img, head, sizeof(head)), 0);
	assert_int_equal(img.end, 0x1004000);
}

static void test_bzimage_refused(void **state)
{
	struct setup_header h;
	uint8_t head[0x400];

	(void)state;
	refused("#!/bin/sh\n", 10, -ENOEXEC, "neither a Linux bzImage");
#define WITH(field, value, err, part)                   \
	do {                                            \
		bzimage_good(head, &h);                 \
		h.field = (value);                      \
		bzimage_seal(head, &h);                 \
		refused(head, sizeof(head), err, part); \
	} while (0)
	WITH(boot_flag, 0, -ENOEXEC, "neither a Linux bzImage");
	WITH(version, 0x20b, -ENOTSUP, "boot protocol 2.11");
	WITH(loadflags, 0, -ENOTSUP, "boot protocol");
	WITH(xloadflags, 0, -ENOTSUP, "64-bit");
	WITH(syssize, (SIZE - 0xa00) / 16 + 1, -ENOEXEC, "cut short");
	WITH(setup_sects, SIZE / 512, -ENOEXEC, "cut short");
	WITH(pref_address, 0xff000, -ENOEXEC, "impossible");
	WITH(pref_address, 0x1000001, -ENOEXEC, "impossible");
	WITH(pref_address, ~0xfffull, -ENOEXEC, "impossible");
#undef WITH
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vmlinux),
		cmocka_unit_test(test_vmlinux_refused),
		cmocka_unit_test(test_bzimage),
		cmocka_unit_test(test_bzimage_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
