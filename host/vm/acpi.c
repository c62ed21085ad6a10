// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI tables (specification 6.3), hardware-reduced: no power-management
 * timer, no fixed events, no legacy interrupt controller for the guest to
 * probe.  All tables lie one behind the other in the reserved area below 1 MiB.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acpi_var.h"
#include "aml.h"

#define ACPI_BASE   0xe0000ull
#define ACPI_ROOM   0x8000u
#define ACPI_ALIGN  64u

#define LAPIC_ADDR  0xfee00000u
#define IOAPIC_ADDR 0xfec00000u

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t checksum_all;
	uint8_t reserved[3];
} __attribute__((packed));

struct gas {
	uint8_t space; /* 1: I/O ports */
	uint8_t width;
	uint8_t offset;
	uint8_t access;
	uint64_t address;
} __attribute__((packed));

struct fadt {
	struct acpi_header h;
	uint32_t facs;
	uint32_t dsdt;
	uint8_t reserved;
	uint8_t profile;
	uint8_t legacy_hardware[62];
	uint8_t century;
	uint16_t boot_flags;
	uint8_t reserved2;
	uint32_t flags;
	struct gas reset_reg;
	uint8_t reset_value;
	uint16_t arm_flags;
	uint8_t minor;
	uint64_t x_facs;
	uint64_t x_dsdt;
	struct gas legacy_blocks[8];
	struct gas sleep_control;
	struct gas sleep_status;
	char hypervisor[8];
} __attribute__((packed));

struct madt {
	struct acpi_header h;
	uint32_t lapic;
	uint32_t flags;
} __attribute__((packed));

struct madt_lapic {
	uint8_t type, length;
	uint8_t uid, apic_id;
	uint32_t flags;
} __attribute__((packed));

struct madt_ioapic {
	uint8_t type, length;
	uint8_t id, reserved;
	uint32_t address;
	uint32_t gsi_base;
} __attribute__((packed));

struct madt_nmi {
	uint8_t type, length;
	uint8_t uid;
	uint16_t flags;
	uint8_t lint;
} __attribute__((packed));

_Static_assert(sizeof(struct rsdp) == 36, "RSDP");
_Static_assert(sizeof(struct fadt) == 276, "FADT revision 6");
_Static_assert(offsetof(struct fadt, boot_flags) == 109, "FADT IAPC_BOOT_ARCH");
_Static_assert(offsetof(struct fadt, flags) == 112, "FADT flags");
_Static_assert(offsetof(struct fadt, x_dsdt) == 140, "FADT X_DSDT");
_Static_assert(offsetof(struct fadt, sleep_control) == 244,
	       "FADT SLEEP_CONTROL_REG");

/* IAPC_BOOT_ARCH */
#define BOOT_VGA_NOT_PRESENT (1u << 2)
#define BOOT_NO_ASPM	     (1u << 4)
/* Fixed feature flags */
#define FLAG_WBINVD	     (1u << 0)
#define FLAG_PWR_BUTTON	     (1u << 4) /* none that is fixed hardware */
#define FLAG_SLP_BUTTON	     (1u << 5)
#define FLAG_RESET_REG	     (1u << 10)
#define FLAG_HEADLESS	     (1u << 12)
#define FLAG_HW_REDUCED	     (1u << 20)

static uint8_t checksum(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint8_t sum = 0;

	while (n--)
		sum += *b++;
	return -sum;
}

void acpi_header_init(struct acpi_header *h, const char *signature,
		      uint8_t revision)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->signature, signature, 4);
	h->revision = revision;
	memcpy(h->oem, "ENLGHT", 6);
	memcpy(h->oem_table, "CHILDVM ", 8);
	h->oem_revision = 1;
	memcpy(h->creator, "ENLT", 4);
	h->creator_revision = 1;
}

void acpi_header_seal(struct acpi_header *h, size_t length)
{
	h->length = length;
	h->checksum = 0;
	h->checksum = checksum(h, length);
}

static struct gas io_byte(uint16_t port)
{
	return (struct gas){ .space = 1,
			     .width = 8,
			     .access = 1,
			     .address = port };
}

static size_t fadt_build(const struct acpi_config *cfg, uint64_t dsdt,
			 void *buf, size_t size)
{
	struct fadt *t = buf;

	if (size < sizeof(*t))
		return 0;
	memset(t, 0, sizeof(*t));
	acpi_header_init(&t->h, "FACP", 6);
	t->minor = 3;
	t->dsdt = dsdt;
	t->x_dsdt = dsdt;
	t->profile = 4; /* enterprise server */
	t->century = cfg->rtc ? 0x32 : 0;
	t->boot_flags = BOOT_VGA_NOT_PRESENT | BOOT_NO_ASPM |
			(cfg->rtc ? 0 : 1u << 5);
	t->flags = FLAG_WBINVD | FLAG_PWR_BUTTON | FLAG_SLP_BUTTON |
		   FLAG_RESET_REG | FLAG_HEADLESS | FLAG_HW_REDUCED;
	t->reset_reg = io_byte(cfg->reset_port);
	t->reset_value = cfg->reset_value;
	t->sleep_control = io_byte(cfg->sleep_port);
	t->sleep_status = io_byte(cfg->sleep_port + 1);
	memcpy(t->hypervisor, "MsHyperV", 8);
	acpi_header_seal(&t->h, sizeof(*t));
	return sizeof(*t);
}

static size_t madt_build(unsigned int processors, void *buf, size_t size)
{
	size_t length = sizeof(struct madt) +
			processors * sizeof(struct madt_lapic) +
			sizeof(struct madt_ioapic) + sizeof(struct madt_nmi);
	struct madt *t = buf;
	struct madt_lapic *lapic = (void *)(t + 1);
	struct madt_ioapic *ioapic;
	struct madt_nmi *nmi;
	unsigned int i;

	if (size < length)
		return 0;
	acpi_header_init(&t->h, "APIC", 5);
	t->lapic = LAPIC_ADDR;
	t->flags = 0; /* no dual 8259 */
	for (i = 0; i < processors; i++, lapic++)
		*lapic = (struct madt_lapic){ 0, sizeof(*lapic), i, i, 1 };
	ioapic = (void *)lapic;
	*ioapic = (struct madt_ioapic){
		1, sizeof(*ioapic), 0, 0, IOAPIC_ADDR, 0
	};
	nmi = (void *)(ioapic + 1);
	*nmi = (struct madt_nmi){ 4, sizeof(*nmi), 0xff, 0, 1 };
	acpi_header_seal(&t->h, length);
	return length;
}

static void dsdt_serial(struct aml *a, unsigned int n,
			const struct acpi_config *cfg)
{
	const char name[] = { 'C', 'O', 'M', (char)('1' + n), 0 };
	size_t device, res;

	device = aml_device(a, name);
	aml_name_eisa(a, "_HID", "PNP0501");
	aml_name_int(a, "_UID", n + 1);
	aml_name_string(a, "_DDN", name);
	aml_name_int(a, "_STA", 0xf);
	res = aml_resources(a, "_CRS");
	aml_res_io(a, cfg->com_port[n], 8);
	aml_res_interrupt(a, cfg->com_irq[n]);
	aml_resources_end(a, res);
	aml_end(a, device);
}

static void dsdt_rtc(struct aml *a)
{
	size_t device = aml_device(a, "RTC0");
	size_t res;

	aml_name_eisa(a, "_HID", "PNP0B00");
	aml_name_int(a, "_STA", 0xf);
	res = aml_resources(a, "_CRS");
	aml_res_io(a, 0x70, 2);
	aml_resources_end(a, res);
	aml_end(a, device);
}

/* The shape of a generation 2 machine: windows belong to the module device. */
static void dsdt_vmbus(struct aml *a, const struct acpi_config *cfg)
{
	size_t module, bus, res;

	module = aml_device(a, "VMOD");
	aml_name_string(a, "_HID", "ACPI0004");
	aml_name_int(a, "_UID", 0);
	res = aml_resources(a, "_CRS");
	if (cfg->mmio_low_size)
		aml_res_window(a, cfg->mmio_low, cfg->mmio_low_size);
	if (cfg->mmio_high_size)
		aml_res_window(a, cfg->mmio_high, cfg->mmio_high_size);
	aml_resources_end(a, res);

	bus = aml_device(a, "VMBS");
	aml_name_string(a, "_HID", "VMBus");
	aml_name_int(a, "_UID", 0);
	aml_name_string(a, "_DDN", "VMBUS");
	aml_name_int(a, "_STA", 0xf);
	res = aml_resources(a, "_CRS");
	aml_resources_end(a, res);
	aml_end(a, bus);
	aml_end(a, module);
}

static size_t dsdt_build(const struct acpi_config *cfg, void *buf, size_t size)
{
	struct aml a = { .buf = buf,
			 .size = size,
			 .used = sizeof(struct acpi_header) };
	size_t scope;
	unsigned int i;

	if (size < sizeof(struct acpi_header))
		return 0;
	acpi_header_init(buf, "DSDT", 2);
	aml_name_package(&a, "_S5_", (const uint8_t[]){ ACPI_S5_TYPE, 0, 0, 0 },
			 4);
	scope = aml_scope(&a, "\\_SB_");
	dsdt_vmbus(&a, cfg);
	for (i = 0; i < 2; i++)
		if (cfg->com_irq[i])
			dsdt_serial(&a, i, cfg);
	if (cfg->rtc)
		dsdt_rtc(&a);
	aml_end(&a, scope);
	if (a.overflow)
		return 0;
	acpi_header_seal(buf, a.used);
	return a.used;
}

/* srat: 0 if there's none */
static size_t xsdt_build(uint64_t fadt, uint64_t madt, uint64_t srat, void *buf,
			 size_t size)
{
	const uint64_t entry[] = { fadt, madt, srat };
	size_t entries = (srat ? 3 : 2) * sizeof(entry[0]);
	struct acpi_header *h = buf;

	if (size < sizeof(*h) + entries)
		return 0;
	acpi_header_init(h, "XSDT", 1);
	memcpy(h + 1, entry, entries);
	acpi_header_seal(h, sizeof(*h) + entries);
	return h->length;
}

static size_t rsdp_build(uint64_t xsdt, void *buf, size_t size)
{
	struct rsdp *r = buf;

	if (size < sizeof(*r))
		return 0;
	memset(r, 0, sizeof(*r));
	memcpy(r->signature, "RSD PTR ", 8);
	memcpy(r->oem, "ENLGHT", 6);
	r->revision = 2;
	r->length = sizeof(*r);
	r->xsdt = xsdt;
	r->checksum = checksum(r, 20);
	r->checksum_all = checksum(r, sizeof(*r));
	return sizeof(*r);
}

/* Where each table is and how long; in the order in which they lie. */
enum { T_RSDP, T_DSDT, T_FADT, T_MADT, T_SRAT, T_XSDT, T_COUNT };

static const char *const table_name[T_COUNT] = { "RSDP", "DSDT", "FACP",
						 "APIC", "SRAT", "XSDT" };

struct layout {
	size_t offset[T_COUNT];
	size_t length[T_COUNT];
};

/* All tables into buf, which will be found at ACPI_BASE. */
static int tables_build(const struct acpi_config *cfg, unsigned int processors,
			char *buf, size_t size, struct layout *l)
{
	size_t used = ACPI_ALIGN; /* the RSDP comes first, but is made last */
	unsigned int t;

	memset(l, 0, sizeof(*l));
	for (t = T_DSDT; t < T_COUNT; t++) {
		size_t n = 0;

		if (t == T_SRAT && cfg->nodes < 2)
			continue;
		l->offset[t] = used;
		switch (t) {
		case T_DSDT:
			n = dsdt_build(cfg, buf + used, size - used);
			break;
		case T_FADT:
			n = fadt_build(cfg, ACPI_BASE + l->offset[T_DSDT],
				       buf + used, size - used);
			break;
		case T_MADT:
			n = madt_build(processors, buf + used, size - used);
			break;
		case T_SRAT:
			n = acpi_srat_build(cfg, processors, buf + used,
					    size - used);
			break;
		case T_XSDT:
			n = xsdt_build(ACPI_BASE + l->offset[T_FADT],
				       ACPI_BASE + l->offset[T_MADT],
				       l->length[T_SRAT] ?
					       ACPI_BASE + l->offset[T_SRAT] :
					       0,
				       buf + used, size - used);
			break;
		}
		if (!n)
			return -ENOSPC;
		l->length[t] = n;
		used = (used + n + ACPI_ALIGN - 1) & ~(size_t)(ACPI_ALIGN - 1);
		if (used > size)
			return -ENOSPC;
	}
	l->length[T_RSDP] =
		rsdp_build(ACPI_BASE + l->offset[T_XSDT], buf, size);
	return 0;
}

int acpi_build(struct vm *vm, const struct acpi_config *cfg, uint64_t *rsdp)
{
	struct layout l;
	char *buf = mem_ptr(vm_mem(vm), ACPI_BASE, ACPI_ROOM);

	if (!buf)
		return -EFAULT;
	memset(buf, 0, ACPI_ROOM);
	*rsdp = ACPI_BASE;
	return tables_build(cfg, vm_processors(vm), buf, ACPI_ROOM, &l);
}

int acpi_table(const struct acpi_config *cfg, unsigned int processors,
	       const char *name, void *buf, size_t size)
{
	char *all = calloc(1, ACPI_ROOM);
	struct layout l;
	unsigned int t;
	int ret;

	if (!all)
		return -ENOMEM;
	ret = tables_build(cfg, processors, all, ACPI_ROOM, &l);
	for (t = 0; !ret && t < T_COUNT; t++) {
		if (strcmp(name, table_name[t]) || !l.length[t])
			continue;
		ret = l.length[t] <= size ? (int)l.length[t] : -ENOSPC;
		if (ret > 0)
			memcpy(buf, all + l.offset[t], l.length[t]);
	}
	free(all);
	return ret ? ret : -ENOENT;
}
