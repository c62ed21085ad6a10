// SPDX-License-Identifier: GPL-2.0
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "boot_image.h"
#include "mem/mem.h"
#include "util/why.h"

#define SECTOR	     512u
#define HEADER_AT    0x1f1u
#define ENTRY_64     0x200u
#define PROTOCOL_MIN 0x020c
#define MAGIC_HDRS   0x53726448u /* "HdrS" */
#define BOOT_FLAG    0xaa55

/* No kernel is larger; so sums of two such numbers can't overflow. */
#define GPA_MAX	     (1ull << 46)

/* What an x86-64 kernel has when no header says it. */
#define CMDLINE_MAX  2047u
#define INITRD_MAX   0x7fffffffu

static uint64_t page_up(uint64_t gpa)
{
	return (gpa + MEM_PAGE_SIZE - 1) & ~(uint64_t)(MEM_PAGE_SIZE - 1);
}

static int cut_short(const struct boot_image *img, char *why, size_t len)
{
	return explain(-ENOEXEC, why, len,
		       "the kernel %s is cut short: get it anew", img->path);
}

static int impossible(const struct boot_image *img, uint64_t gpa, char *why,
		      size_t len)
{
	return explain(-ENOEXEC, why, len,
		       "%s wants an impossible address 0x%llx", img->path,
		       (unsigned long long)gpa);
}

/* ---- bzImage: one part, which unpacks itself ---- */

static int bzimage_header(struct boot_image *img, char *why, size_t len)
{
	struct setup_header *h = &img->h;
	unsigned char jump[2];

	/* The header ends where the short jump at 0x200 leads to. */
	if (pread(img->fd, jump, 2, 0x200) != 2 ||
	    pread(img->fd, h, sizeof(*h), HEADER_AT) != sizeof(*h) ||
	    h->boot_flag != BOOT_FLAG || h->header != MAGIC_HDRS)
		return explain(
			-ENOEXEC, why, len,
			"%s is neither a Linux bzImage nor a vmlinux: give a file like /boot/vmlinuz-*",
			img->path);
	/* Fields behind the end of an older, shorter header are none. */
	if (0x202u + jump[1] < HEADER_AT + sizeof(*h))
		memset((char *)h + (0x202u + jump[1] - HEADER_AT), 0,
		       sizeof(*h) - (0x202u + jump[1] - HEADER_AT));
	if (h->version < PROTOCOL_MIN || !(h->loadflags & LOADED_HIGH))
		return explain(
			-ENOTSUP, why, len,
			"%s speaks boot protocol %u.%02u: 2.12 or later is needed "
			"(Linux 3.8)",
			img->path, h->version >> 8, h->version & 0xff);
	if (!(h->xloadflags & XLF_KERNEL_64))
		return explain(
			-ENOTSUP, why, len,
			"%s has no 64-bit entry: give a kernel for x86-64",
			img->path);
	return 0;
}

static int bzimage_read(struct boot_image *img, char *why, size_t len)
{
	struct boot_part *p = &img->part[0];
	uint64_t room;
	int err = bzimage_header(img, why, len);

	if (err)
		return err;
	p->offset =
		((img->h.setup_sects ? img->h.setup_sects : 4) + 1) * SECTOR;
	if (p->offset >= img->size ||
	    img->h.syssize > (img->size - p->offset + 15) / 16)
		return cut_short(img, why, len);
	p->size = img->size - p->offset;
	p->gpa = img->h.pref_address;
	room = p->size > img->h.init_size ? p->size : img->h.init_size;
	if (p->gpa < BOOT_HIGH || p->gpa % MEM_PAGE_SIZE || p->gpa >= GPA_MAX ||
	    room >= GPA_MAX)
		return impossible(img, p->gpa, why, len);
	img->nparts = 1;
	img->entry = p->gpa + ENTRY_64;
	img->end = page_up(p->gpa + room);
	return 0;
}

/* ---- vmlinux: its segments, at their physical addresses ---- */

static int segment_add(struct boot_image *img, const Elf64_Phdr *ph, char *why,
		       size_t len)
{
	uint64_t end;

	if (ph->p_type != PT_LOAD || !ph->p_memsz)
		return 0;
	if (ph->p_filesz > ph->p_memsz || ph->p_offset > img->size ||
	    ph->p_filesz > img->size - ph->p_offset)
		return cut_short(img, why, len);
	if (ph->p_paddr < BOOT_HIGH || ph->p_paddr >= GPA_MAX ||
	    ph->p_memsz >= GPA_MAX)
		return impossible(img, ph->p_paddr, why, len);
	if (img->nparts == BOOT_PARTS_MAX)
		return explain(
			-ENOTSUP, why, len,
			"%s has more than %d segments: no Linux kernel has",
			img->path, BOOT_PARTS_MAX);
	img->part[img->nparts++] = (struct boot_part){
		.offset = ph->p_offset,
		.size = ph->p_filesz,
		.gpa = ph->p_paddr,
		.zero = ph->p_memsz - ph->p_filesz,
	};
	end = page_up(ph->p_paddr + ph->p_memsz);
	if (end > img->end)
		img->end = end;
	return 0;
}

static bool in_parts(const struct boot_image *img, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < img->nparts; i++)
		if (gpa >= img->part[i].gpa &&
		    gpa - img->part[i].gpa < img->part[i].size)
			return true;
	return false;
}

static int vmlinux_read(struct boot_image *img, const Elf64_Ehdr *eh, char *why,
			size_t len)
{
	Elf64_Phdr ph;
	unsigned int i;
	int err = 0;

	if (eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_ident[EI_DATA] != ELFDATA2LSB || eh->e_machine != EM_X86_64 ||
	    eh->e_type != ET_EXEC || eh->e_phentsize != sizeof(ph))
		return explain(-ENOTSUP, why, len,
			       "%s is an ELF file, but no vmlinux for x86-64",
			       img->path);
	for (i = 0; !err && i < eh->e_phnum; i++) {
		if (eh->e_phoff > img->size ||
		    pread(img->fd, &ph, sizeof(ph),
			  eh->e_phoff + i * sizeof(ph)) != sizeof(ph))
			return cut_short(img, why, len);
		err = segment_add(img, &ph, why, len);
	}
	if (err)
		return err;
	/* Programs are linked to run at virtual addresses, and enter there. */
	if (!in_parts(img, eh->e_entry))
		return explain(
			-ENOTSUP, why, len,
			"%s is entered at 0x%llx, where it has nothing: is it a vmlinux?",
			img->path, (unsigned long long)eh->e_entry);
	img->entry = eh->e_entry;
	img->h = (struct setup_header){
		.boot_flag = BOOT_FLAG,
		.header = MAGIC_HDRS,
		.version = PROTOCOL_MIN,
		.loadflags = LOADED_HIGH,
		.xloadflags = XLF_KERNEL_64,
		.cmdline_size = CMDLINE_MAX,
		.initrd_addr_max = INITRD_MAX,
	};
	return 0;
}

int boot_image_read(struct boot_image *img, char *why, size_t len)
{
	Elf64_Ehdr eh;

	if (pread(img->fd, &eh, sizeof(eh), 0) == sizeof(eh) &&
	    !memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return vmlinux_read(img, &eh, why, len);
	return bzimage_read(img, why, len);
}
