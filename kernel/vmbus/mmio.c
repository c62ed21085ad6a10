// SPDX-License-Identifier: GPL-2.0
/*
 * Address space for devices whose registers or frame buffer the guest places
 * itself.  The firmware grants windows to the VMBus node or an ancestor; each
 * allocation takes a piece of a window and the same piece of iomem_resource.
 *
 * The frame buffer that the firmware set up is set aside first, so that
 * nothing else lands on it; only callers that say so may use its space.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/acpi.h>
#include <linux/efi.h>
#include <linux/ioport.h>
#include <linux/pci.h>
#include <linux/screen_info.h>
#include <linux/slab.h>

#include "abi_bus.h"
#include "vmbus_var.h"

#define MMIO_LOWEST	SZ_1M		/* below: legacy devices */
#define MMIO_VTPM	0xfed40000ull	/* a window stops short of it */
#define MMIO_FB_MIN	SZ_1M
#define MMIO_FB_MAX	SZ_128M
#define MMIO_FB_DEFAULT	SZ_8M

#define PCI_DEVICE_MS_VGA	0x5353

struct mmio_window {
	struct list_head node;
	struct resource res;		/* root of a tree of its own */
};

struct mmio_piece {
	struct list_head node;
	struct resource shadow;		/* in a window; no parent: in fb */
	resource_size_t start, size;
};

static DEFINE_MUTEX(mmio_lock);		/* guards all below */
static LIST_HEAD(mmio_windows);		/* by address, disjoint */
static LIST_HEAD(mmio_pieces);
static struct resource mmio_fb = { .name = "fb_range" };

/* Sorted; one that touches another becomes part of it. */
static int window_add(resource_size_t start, resource_size_t end)
{
	struct mmio_window *w, *next, *add;

	if (end < MMIO_LOWEST || start > end)
		return 0;
	if (start < MMIO_VTPM && end >= MMIO_VTPM)
		end = MMIO_VTPM - 1;

	add = kzalloc(sizeof(*add), GFP_KERNEL);
	if (!add)
		return -ENOMEM;

	list_for_each_entry_safe(w, next, &mmio_windows, node) {
		if (w->res.start > end && w->res.start - end > 1)
			break;
		if (start > w->res.end && start - w->res.end > 1)
			continue;
		start = min(start, w->res.start);
		end = max(end, w->res.end);
		list_del(&w->node);
		kfree(w);
	}
	add->res.name = "hyperv mmio";
	add->res.flags = IORESOURCE_MEM;
	add->res.start = start;
	add->res.end = end;
	/* Before the first one above it, which the loop ended at. */
	list_add_tail(&add->node, &w->node);
	return 0;
}

/* Only address-space descriptors are windows; the rest are registers. */
static int window_filter(struct acpi_resource *res, void *unused)
{
	return res->type != ACPI_RESOURCE_TYPE_ADDRESS32 &&
	       res->type != ACPI_RESOURCE_TYPE_ADDRESS64;
}

static void windows_of(struct acpi_device *node)
{
	struct resource_entry *entry;
	LIST_HEAD(list);

	if (acpi_dev_get_resources(node, &list, window_filter, NULL) < 0)
		return;
	resource_list_for_each_entry(entry, &list) {
		if (resource_type(entry->res) == IORESOURCE_MEM &&
		    !(entry->res->flags & IORESOURCE_DISABLED) &&
		    window_add(entry->res->start, entry->res->end))
			pr_warn("no memory for window %pR\n", entry->res);
	}
	acpi_dev_free_resource_list(&list);
}

/* Generation 2: where EFI put it.  After a kdump that may not be known. */
static resource_size_t fb_from_efi(resource_size_t *size)
{
	struct mmio_window *low = list_first_entry(&mmio_windows,
						   struct mmio_window, node);
	resource_size_t start = screen_info.lfb_base;

	if (screen_info.capabilities & VIDEO_CAPABILITY_64BIT_BASE)
		start |= (u64)screen_info.ext_lfb_base << 32;

	*size = max_t(resource_size_t, screen_info.lfb_size, MMIO_FB_DEFAULT);
	if (!low->res.start || low->res.start >= SZ_4G ||
	    (start && (start < low->res.start || start >= SZ_4G))) {
		pr_warn("frame buffer at %pa, outside the low window %pR\n",
			&start, &low->res);
		return start;
	}
	if (!start)
		start = low->res.start;
	/* Room for resolutions above the firmware's. */
	*size = min_t(u64, (SZ_4G - start) / 2, MMIO_FB_MAX);
	return start;
}

/* Generation 1: BAR 0 of the emulated graphics card. */
static resource_size_t fb_from_pci(resource_size_t *size)
{
	resource_size_t start = 0;
	struct pci_dev *pdev;

	pdev = pci_get_device(PCI_VENDOR_ID_MICROSOFT, PCI_DEVICE_MS_VGA, NULL);
	if (!pdev)
		return 0;
	if (pci_resource_flags(pdev, 0) & IORESOURCE_MEM) {
		start = pci_resource_start(pdev, 0);
		*size = pci_resource_len(pdev, 0);
	}
	pci_dev_put(pdev);
	return start;
}

static void fb_reserve(void)
{
	resource_size_t start, size = 0;
	struct mmio_window *w;

	start = efi_enabled(EFI_BOOT) ? fb_from_efi(&size) :
					fb_from_pci(&size);
	if (!start)
		return;

	list_for_each_entry(w, &mmio_windows, node) {
		if (start < w->res.start || start > w->res.end)
			continue;
		for (; size >= MMIO_FB_MIN; size /= 2) {
			mmio_fb.flags = IORESOURCE_MEM | IORESOURCE_BUSY;
			mmio_fb.start = start;
			mmio_fb.end = start + size - 1;
			if (!request_resource(&w->res, &mmio_fb)) {
				pr_info("%pR set aside for the frame buffer\n",
					&mmio_fb);
				return;
			}
		}
	}
}

void vmb_mmio_init(struct acpi_device *node)
{
	mutex_lock(&mmio_lock);
	windows_of(node);
	while (list_empty(&mmio_windows)) {
		node = acpi_dev_parent(node);
		if (!node || node->handle == ACPI_ROOT_OBJECT)
			break;
		windows_of(node);
	}
	if (!list_empty(&mmio_windows))
		fb_reserve();
	mutex_unlock(&mmio_lock);
}

void vmb_mmio_exit(void)
{
	struct mmio_window *w, *next_w;
	struct mmio_piece *p, *next_p;

	mutex_lock(&mmio_lock);
	/* Drivers are gone; what they forgot to free mustn't stay in iomem. */
	list_for_each_entry_safe(p, next_p, &mmio_pieces, node) {
		release_mem_region(p->start, p->size);
		list_del(&p->node);
		kfree(p);
	}
	list_for_each_entry_safe(w, next_w, &mmio_windows, node) {
		list_del(&w->node);
		kfree(w);
	}
	mmio_fb.parent = NULL;
	mmio_fb.sibling = NULL;
	mmio_fb.child = NULL;
	mutex_unlock(&mmio_lock);
}

/* In the frame buffer's space, which no other piece can be in. */
static struct resource *fb_take(struct mmio_piece *p, const char *name,
				resource_size_t min, resource_size_t max,
				resource_size_t align)
{
	resource_size_t start = ALIGN(max(mmio_fb.start, min), align);
	resource_size_t last = min(mmio_fb.end, max);
	struct resource *res;

	for (; start <= last && last - start >= p->size - 1; start += align) {
		res = request_mem_region_exclusive(start, p->size, name);
		if (res) {
			p->start = start;
			return res;
		}
	}
	return NULL;
}

static struct resource *window_take(struct mmio_window *w,
				    struct mmio_piece *p, const char *name,
				    resource_size_t min, resource_size_t max,
				    resource_size_t align)
{
	struct resource *res;

	min = max(min, w->res.start);
	max = min(max, w->res.end);

	/* What is free in the window may yet be taken in iomem: go on there. */
	while (min <= max) {
		memset(&p->shadow, 0, sizeof(p->shadow));
		p->shadow.name = name;
		p->shadow.flags = IORESOURCE_MEM | IORESOURCE_BUSY;
		if (allocate_resource(&w->res, &p->shadow, p->size, min, max,
				      align, NULL, NULL))
			return NULL;
		p->start = p->shadow.start;
		res = request_mem_region_exclusive(p->start, p->size, name);
		if (res) {
			/* The device may go before the piece does. */
			p->shadow.name = res->name;
			return res;
		}
		release_resource(&p->shadow);
		if (check_add_overflow(p->start, align, &min))
			return NULL;
	}
	return NULL;
}

/*
 * Finds @size bytes, aligned to @align (a power of two), within @min..@max.
 * *new is their entry in iomem_resource, whose name is that of @device_obj.
 * @fb_overlap_ok: the caller drives the frame buffer, and may have its space.
 * Returns 0, -ENXIO when there is none, -ENOMEM, -EINVAL.  Process context;
 * give back with vmbus_free_mmio().
 */
int vmbus_allocate_mmio(struct resource **new, struct hv_device *device_obj,
			resource_size_t min, resource_size_t max,
			resource_size_t size, resource_size_t align,
			bool fb_overlap_ok)
{
	const char *name = dev_name(&device_obj->device);
	struct resource *res = NULL;
	struct mmio_window *w;
	struct mmio_piece *p;

	if (!size || (align && !is_power_of_2(align)))
		return -EINVAL;
	align = align ?: 1;

	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->size = size;

	mutex_lock(&mmio_lock);
	if (fb_overlap_ok && mmio_fb.parent)
		res = fb_take(p, name, min, max, align);
	if (!res) {
		list_for_each_entry(w, &mmio_windows, node) {
			res = window_take(w, p, name, min, max, align);
			if (res)
				break;
		}
	}
	if (res)
		list_add(&p->node, &mmio_pieces);
	else
		kfree(p);
	mutex_unlock(&mmio_lock);

	if (!res)
		return -ENXIO;
	*new = res;
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_allocate_mmio);

/* Gives back exactly what vmbus_allocate_mmio() gave.  Process context. */
void vmbus_free_mmio(resource_size_t start, resource_size_t size)
{
	struct mmio_piece *p, *found = NULL;

	mutex_lock(&mmio_lock);
	list_for_each_entry(p, &mmio_pieces, node) {
		if (p->start == start && p->size == size) {
			found = p;
			break;
		}
	}
	if (found) {
		list_del(&found->node);
		if (found->shadow.parent)
			release_resource(&found->shadow);
		release_mem_region(start, size);
	}
	mutex_unlock(&mmio_lock);

	WARN_ONCE(!found, "%pa bytes at %pa were not allocated here\n", &size,
		  &start);
	kfree(found);
}
EXPORT_SYMBOL_GPL(vmbus_free_mmio);
