// SPDX-License-Identifier: GPL-2.0
/*
 * The Linux boot protocol (Documentation/arch/x86/boot.rst), 64-bit entry.
 * What goes where below 640 KiB: descriptor table, zero page, page tables,
 * command line; the ACPI tables are in the reserved part up to 1 MiB.  The
 * kernel goes where its file says, the initrd to the end of low memory.
 */
#include <asm/bootparam.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "boot_image.h"
#include "vm_var.h"

#define BOOT_GDT	  0x1000ull
#define BOOT_ZERO_PAGE	  0x2000ull
#define BOOT_PML4	  0x3000ull
#define BOOT_PDPT	  0x4000ull
#define BOOT_PD		  0x5000ull /* four pages: 4 GiB in 2 MiB pages */
#define BOOT_CMDLINE	  0x10000ull
#define BOOT_CMDLINE_ROOM 0x8000u
#define BOOT_STACK	  0x9000ull
#define LOW_END		  0x9fc00ull

#define PTE_PRESENT_RW	  0x3ull
#define PTE_LARGE	  0x80ull

#define CR0_PE		  (1ull << 0)
#define CR0_ET		  (1ull << 4)
#define CR0_PG		  (1ull << 31)
#define CR4_PAE		  (1ull << 5)
#define EFER_LME	  (1ull << 8)
#define EFER_LMA	  (1ull << 10)

static int file_open(const char *what, const char *path, int *fd,
		     uint64_t *size, char *why, size_t len)
{
	struct stat st;
	int err;

	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return explain(-errno, why, len, "cannot open the %s %s: %s",
			       what, path, strerror(errno));
	if (!fstat(*fd, &st) && S_ISREG(st.st_mode)) {
		*size = st.st_size;
		return 0;
	}
	err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	close(*fd);
	*fd = -1;
	return explain(err, why, len, "the %s %s is %s: give a file", what,
		       path, err == -EISDIR ? "a folder" : "no regular file");
}

/* Straight into guest memory: [gpa, gpa+size) was found to be RAM. */
static int file_load(int fd, uint64_t offset, uint64_t size, char *to)
{
	while (size) {
		ssize_t n = pread(fd, to, size, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		to += n;
		offset += n;
		size -= n;
	}
	return 0;
}

static int parts_load(struct mem *m, const struct boot_image *img)
{
	const struct boot_part *p;
	int err = 0;

	for (p = img->part; !err && p < img->part + img->nparts; p++) {
		char *to = mem_ptr(m, p->gpa, p->size + p->zero);

		err = file_load(img->fd, p->offset, p->size, to);
		memset(to + p->size, 0, p->zero);
	}
	return err;
}

/* That the kernel, as it is when it runs, and the initrd fit. */
static int image_place(const struct boot_image *img,
		       const struct mem_region *low, uint64_t initrd, char *why,
		       size_t len)
{
	if (img->end > low->size || initrd > low->size - img->end)
		return explain(
			-ENOMEM, why, len,
			"kernel and initrd don't fit: give at least %llu MiB of memory",
			(unsigned long long)((img->end + initrd) >> 20) + 16);
	return 0;
}

static void e820_add(struct boot_params *bp, uint64_t from, uint64_t to,
		     uint32_t type)
{
	bp->e820_table[bp->e820_entries++] =
		(struct boot_e820_entry){ from, to - from, type };
}

static void zero_page_fill(struct vm *vm, const struct boot_image *img,
			   const struct boot_config *cfg, uint64_t initrd,
			   uint64_t initrd_size)
{
	struct boot_params *bp =
		mem_ptr(vm_mem(vm), BOOT_ZERO_PAGE, sizeof(*bp));
	const struct mem *m = vm_mem(vm);
	unsigned int i;

	memset(bp, 0, sizeof(*bp));
	bp->hdr = img->h;
	bp->hdr.type_of_loader = 0xff; /* none that has a number */
	bp->hdr.cmd_line_ptr = BOOT_CMDLINE;
	bp->hdr.ramdisk_image = initrd;
	bp->hdr.ramdisk_size = initrd_size;
	bp->hdr.code32_start = img->part[0].gpa;
	bp->acpi_rsdp_addr = cfg->rsdp;
	e820_add(bp, 0, LOW_END, 1);
	e820_add(bp, LOW_END, BOOT_HIGH, 2);
	for (i = 0; i < m->nregions; i++) {
		const struct mem_region *r = &m->region[i];

		e820_add(bp, r->gpa ? r->gpa : BOOT_HIGH, r->gpa + r->size, 1);
	}
}

static void page_tables_fill(const struct mem *m)
{
	uint64_t *pml4 = mem_ptr(m, BOOT_PML4, MEM_PAGE_SIZE);
	uint64_t *pdpt = mem_ptr(m, BOOT_PDPT, MEM_PAGE_SIZE);
	uint64_t *pd = mem_ptr(m, BOOT_PD, 4 * MEM_PAGE_SIZE);
	unsigned int i;

	memset(pml4, 0, MEM_PAGE_SIZE);
	memset(pdpt, 0, MEM_PAGE_SIZE);
	pml4[0] = BOOT_PDPT | PTE_PRESENT_RW;
	for (i = 0; i < 4; i++)
		pdpt[i] = (BOOT_PD + i * MEM_PAGE_SIZE) | PTE_PRESENT_RW;
	for (i = 0; i < 4 * 512; i++)
		pd[i] = (uint64_t)i << 21 | PTE_LARGE | PTE_PRESENT_RW;
}

static struct kvm_segment flat_segment(uint16_t selector, bool code)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = code ? 0xb : 0x3,
		.present = 1,
		.s = 1,
		.g = 1,
		.l = code,
		.db = !code,
	};
}

static int registers_set(struct vm *vm, const struct boot_image *img)
{
	struct vp *vp = vm_vp(vm, 0);
	uint64_t *gdt = mem_ptr(vm_mem(vm), BOOT_GDT, 4 * 8);
	struct kvm_regs regs = {
		.rflags = 2,
		.rip = img->entry,
		.rsi = BOOT_ZERO_PAGE,
		.rsp = BOOT_STACK,
	};
	struct kvm_sregs s;

	/* __BOOT_CS and __BOOT_DS, as the protocol wants them. */
	gdt[0] = 0;
	gdt[1] = 0;
	gdt[2] = 0x00af9b000000ffffull;
	gdt[3] = 0x00cf93000000ffffull;
	if (ioctl(vp_fd(vp), KVM_GET_SREGS, &s))
		return -errno;
	s.cs = flat_segment(0x10, true);
	s.ds = flat_segment(0x18, false);
	s.es = s.ds;
	s.ss = s.ds;
	s.fs = s.ds;
	s.gs = s.ds;
	s.gdt.base = BOOT_GDT;
	s.gdt.limit = 4 * 8 - 1;
	s.idt.base = 0;
	s.idt.limit = 0;
	s.cr0 = CR0_PE | CR0_ET | CR0_PG;
	s.cr3 = BOOT_PML4;
	s.cr4 = CR4_PAE;
	s.efer = EFER_LME | EFER_LMA;
	if (ioctl(vp_fd(vp), KVM_SET_SREGS, &s) ||
	    ioctl(vp_fd(vp), KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

static int cmdline_load(struct vm *vm, const struct boot_image *img,
			const char *cmdline, char *why, size_t len)
{
	size_t n = strlen(cmdline);
	size_t max = img->h.cmdline_size;

	if (max > BOOT_CMDLINE_ROOM - 1)
		max = BOOT_CMDLINE_ROOM - 1;
	if (n > max)
		return explain(
			-E2BIG, why, len,
			"the command line has %zu characters, this kernel takes %zu",
			n, max);
	return mem_write(vm_mem(vm), BOOT_CMDLINE, cmdline, n + 1);
}

static int images_load(struct vm *vm, const struct boot_config *cfg,
		       struct boot_image *img, int initrd_fd,
		       uint64_t initrd_size, char *why, size_t len)
{
	struct mem *m = vm_mem(vm);
	const struct mem_region *low = &m->region[0];
	uint64_t initrd = 0, top = low->size;
	int err;

	err = boot_image_read(img, why, len);
	if (!err)
		err = image_place(img, low, initrd_size, why, len);
	if (!err)
		err = cmdline_load(vm, img, cfg->cmdline ? cfg->cmdline : "",
				   why, len);
	if (err)
		return err;
	err = parts_load(m, img);
	if (err)
		return explain(err, why, len, "cannot read %s: %s", cfg->kernel,
			       strerror(-err));
	if (initrd_size) {
		/* Not above what the kernel says it can reach. */
		if (img->h.initrd_addr_max &&
		    top > (uint64_t)img->h.initrd_addr_max + 1)
			top = (uint64_t)img->h.initrd_addr_max + 1;
		if (initrd_size > top - BOOT_HIGH)
			return explain(-E2BIG, why, len, "%s is too large",
				       cfg->initrd);
		initrd = (top - initrd_size) & ~(uint64_t)(MEM_PAGE_SIZE - 1);
		err = file_load(initrd_fd, 0, initrd_size,
				mem_ptr(m, initrd, initrd_size));
		if (err)
			return explain(err, why, len, "cannot read %s: %s",
				       cfg->initrd, strerror(-err));
	}
	zero_page_fill(vm, img, cfg, initrd, initrd_size);
	page_tables_fill(m);
	err = registers_set(vm, img);
	if (err)
		return explain(err, why, len,
			       "KVM refuses the entry registers: %s",
			       strerror(-err));
	return 0;
}

int boot_load(struct vm *vm, const struct boot_config *cfg, char *why,
	      size_t why_len)
{
	struct boot_image img = { .path = cfg->kernel, .fd = -1 };
	uint64_t initrd_size = 0;
	int initrd = -1;
	int err;

	err = file_open("kernel", cfg->kernel, &img.fd, &img.size, why,
			why_len);
	if (!err && cfg->initrd)
		err = file_open("initrd", cfg->initrd, &initrd, &initrd_size,
				why, why_len);
	if (!err)
		err = images_load(vm, cfg, &img, initrd, initrd_size, why,
				  why_len);
	if (img.fd >= 0)
		close(img.fd);
	if (initrd >= 0)
		close(initrd);
	return err;
}
