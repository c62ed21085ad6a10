// SPDX-License-Identifier: GPL-2.0
/*
 * KVM's binary statistics (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD).
 *
 * Their descriptors are taken when the VM is made: KVM_GET_STATS_FD of a VP
 * waits for the VP's mutex, which its thread holds as long as it is in the
 * guest.  Reading from them takes no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vm_var.h"

#define STATS_DESCS_MAX 1024u
#define STATS_NAME_MAX	256u
#define STATS_DATA_MAX	(1u << 16)

struct stats_layout {
	struct kvm_stats_header head;
	size_t desc_size;
	char *desc;
	uint64_t *data;
	size_t data_size;
};

static const struct kvm_stats_desc *layout_desc(const struct stats_layout *l,
						unsigned int i)
{
	return (const void *)(l->desc + i * l->desc_size);
}

static void layout_free(struct stats_layout *l)
{
	free(l->desc);
	free(l->data);
}

/* Where the counters end. */
static size_t layout_data_size(const struct stats_layout *l)
{
	size_t end, size = 0;
	unsigned int i;

	for (i = 0; i < l->head.num_desc; i++) {
		const struct kvm_stats_desc *d = layout_desc(l, i);

		end = d->offset + d->size * sizeof(uint64_t);
		if (end > size)
			size = end;
	}
	return size;
}

static int layout_read(int fd, struct stats_layout *l)
{
	size_t size;

	if (pread(fd, &l->head, sizeof(l->head), 0) != sizeof(l->head))
		return -EIO;
	if (!l->head.name_size || l->head.name_size > STATS_NAME_MAX ||
	    l->head.num_desc > STATS_DESCS_MAX)
		return -EPROTO;
	l->desc_size = sizeof(struct kvm_stats_desc) + l->head.name_size;
	size = l->desc_size * l->head.num_desc;
	l->desc = malloc(size);
	if (!l->desc)
		return -ENOMEM;
	if (pread(fd, l->desc, size, l->head.desc_offset) != (ssize_t)size)
		return -EIO;
	l->data_size = layout_data_size(l);
	if (l->data_size > STATS_DATA_MAX)
		return -EPROTO;
	l->data = malloc(l->data_size);
	return l->data ? 0 : -ENOMEM;
}

/* Adds an object's counters to sum[], which goes by descriptor. */
static void layout_add(const struct stats_layout *l, int fd, uint64_t *sum)
{
	const struct kvm_stats_desc *d;
	unsigned int i;

	if (pread(fd, l->data, l->data_size, l->head.data_offset) !=
	    (ssize_t)l->data_size)
		return;
	for (i = 0; i < l->head.num_desc; i++) {
		d = layout_desc(l, i);
		if (d->size && d->offset % sizeof(uint64_t) == 0)
			sum[i] += l->data[d->offset / sizeof(uint64_t)];
	}
}

/* Sums every counter over the objects behind fd[n], which are of one kind. */
static void sum_up(const int *fd, unsigned int n,
		   void (*fn)(const char *name, uint64_t value, void *arg),
		   void *arg)
{
	struct stats_layout l = { .desc = NULL };
	uint64_t *sum = NULL;
	unsigned int i;

	if (!n || layout_read(fd[0], &l))
		goto out;
	sum = calloc(l.head.num_desc, sizeof(*sum));
	if (!sum)
		goto out;
	for (i = 0; i < n; i++)
		layout_add(&l, fd[i], sum);
	for (i = 0; i < l.head.num_desc; i++) {
		struct kvm_stats_desc *d = (void *)(l.desc + i * l.desc_size);

		/* Histograms are no counters. */
		if ((d->flags & KVM_STATS_TYPE_MASK) > KVM_STATS_TYPE_PEAK ||
		    d->size != 1)
			continue;
		d->name[l.head.name_size - 1] = '\0';
		fn(d->name, sum[i], arg);
	}
out:
	free(sum);
	layout_free(&l);
}

int stats_open(const struct vm *vm, int fd)
{
	if (ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) <= 0)
		return -1;
	return ioctl(fd, KVM_GET_STATS_FD, NULL);
}

void vm_each_kvm_stat(struct vm *vm,
		      void (*fn)(const char *name, uint64_t value, void *arg),
		      void *arg)
{
	int fd[VM_VPS_MAX];
	unsigned int i, n = 0;

	if (vm->stats_fd >= 0)
		sum_up(&vm->stats_fd, 1, fn, arg);
	for (i = 0; i < vm->nvps; i++) {
		if (vm->vp[i].stats_fd >= 0)
			fd[n++] = vm->vp[i].stats_fd;
	}
	sum_up(fd, n, fn, arg);
}
