// SPDX-License-Identifier: GPL-2.0
/* KVM's binary statistics (Documentation/virt/kvm/api.rst, KVM_GET_STATS_FD). */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vm_var.h"

#define STATS_DESCS_MAX 1024u
#define STATS_NAME_MAX	256u

struct stats_layout {
	struct kvm_stats_header head;
	size_t desc_size;
	char *desc;
};

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
	if (pread(fd, l->desc, size, l->head.desc_offset) != (ssize_t)size) {
		free(l->desc);
		return -EIO;
	}
	return 0;
}

/* Sums every counter over the objects behind fd[n], which are of one kind. */
static void sum_up(const int *fd, unsigned int n,
		   void (*fn)(const char *name, uint64_t value, void *arg),
		   void *arg)
{
	struct stats_layout l;
	unsigned int i, k;

	if (!n || layout_read(fd[0], &l))
		return;
	for (i = 0; i < l.head.num_desc; i++) {
		struct kvm_stats_desc *d = (void *)(l.desc + i * l.desc_size);
		unsigned int type = d->flags & KVM_STATS_TYPE_MASK;
		uint64_t sum = 0;

		/* Histograms are no counters. */
		if (type > KVM_STATS_TYPE_PEAK || d->size != 1)
			continue;
		for (k = 0; k < n; k++) {
			uint64_t value;

			if (pread(fd[k], &value, sizeof(value),
				  l.head.data_offset + d->offset) ==
			    sizeof(value))
				sum += value;
		}
		d->name[l.head.name_size - 1] = '\0';
		fn(d->name, sum, arg);
	}
	free(l.desc);
}

void vm_each_kvm_stat(struct vm *vm,
		      void (*fn)(const char *name, uint64_t value, void *arg),
		      void *arg)
{
	int fd[VM_VPS_MAX];
	unsigned int i, n = 0;

	if (ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_BINARY_STATS_FD) <= 0)
		return;
	fd[0] = ioctl(vm->fd, KVM_GET_STATS_FD, NULL);
	if (fd[0] >= 0) {
		sum_up(fd, 1, fn, arg);
		close(fd[0]);
	}
	for (i = 0; i < vm->nvps; i++) {
		fd[n] = ioctl(vm->vp[i].fd, KVM_GET_STATS_FD, NULL);
		if (fd[n] >= 0)
			n++;
	}
	sum_up(fd, n, fn, arg);
	for (i = 0; i < n; i++)
		close(fd[i]);
}
