// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupt lines: GSIs 0 to 23 are the I/O APIC's pins, from VM_IOAPIC_PINS on
 * there is one GSI per VP for its SINT.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "vm_var.h"

unsigned int vm_sint_gsi(const struct vm *vm, unsigned int vp)
{
	(void)vm;
	return VM_IOAPIC_PINS + vp;
}

int vm_route_sints(struct vm *vm, unsigned int sint)
{
	unsigned int n = VM_IOAPIC_PINS + vm->nvps;
	struct kvm_irq_routing *r;
	unsigned int i;
	int err;

	r = calloc(1, sizeof(*r) + n * sizeof(r->entries[0]));
	if (!r)
		return -ENOMEM;
	r->nr = n;
	for (i = 0; i < n; i++) {
		struct kvm_irq_routing_entry *e = &r->entries[i];

		e->gsi = i;
		if (i < VM_IOAPIC_PINS) {
			e->type = KVM_IRQ_ROUTING_IRQCHIP;
			e->u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
			e->u.irqchip.pin = i;
		} else {
			e->type = KVM_IRQ_ROUTING_HV_SINT;
			e->u.hv_sint.vcpu = i - VM_IOAPIC_PINS;
			e->u.hv_sint.sint = sint;
		}
	}
	err = ioctl(vm->fd, KVM_SET_GSI_ROUTING, r) ? -errno : 0;
	free(r);
	return err;
}

int vm_irqfd(struct vm *vm, unsigned int gsi, int fd, int resample_fd)
{
	struct kvm_irqfd irqfd = {
		.fd = fd,
		.gsi = gsi,
		.flags = resample_fd >= 0 ? KVM_IRQFD_FLAG_RESAMPLE : 0,
		.resamplefd = resample_fd >= 0 ? resample_fd : 0,
	};

	return ioctl(vm->fd, KVM_IRQFD, &irqfd) ? -errno : 0;
}

int vm_irqfd_remove(struct vm *vm, unsigned int gsi, int fd)
{
	struct kvm_irqfd irqfd = {
		.fd = fd,
		.gsi = gsi,
		.flags = KVM_IRQFD_FLAG_DEASSIGN,
	};

	return ioctl(vm->fd, KVM_IRQFD, &irqfd) ? -errno : 0;
}

int vm_irq_line(struct vm *vm, unsigned int gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };

	if (gsi >= VM_IOAPIC_PINS)
		return -EINVAL;
	return ioctl(vm->fd, KVM_IRQ_LINE, &line) ? -errno : 0;
}
