// SPDX-License-Identifier: GPL-2.0
/*
 * What a virtual machine is made of, in the order in which it is made; it is
 * undone in reverse.  A new kind of device is a line here, an option in
 * options.c and a file with create() and destroy().
 */
#include <errno.h>
#include <stdio.h>

#include "vmwp.h"

struct device_kind {
	/* 0 or -errno with one line in why; then nothing of it is left. */
	int (*create)(struct vmwp *w, char *why, size_t why_len);
	void (*destroy)(struct vmwp *w); /* may be NULL */
};

static void on_pio(void *priv, struct vp *vp, uint16_t port, bool write,
		   void *buf, unsigned int size)
{
	(void)vp;
	board_pio(priv, port, write, buf, size);
}

static void on_hyperv(void *priv, struct vp *vp, struct kvm_hyperv_exit *exit)
{
	hv_exit(((struct vmwp *)priv)->hv, vp, exit);
}

static int on_msr(void *priv, struct vp *vp, bool write, uint32_t index,
		  uint64_t *value)
{
	return hv_msr(((struct vmwp *)priv)->hv, vp, write, index, value);
}

static void on_crash(void *priv, struct vp *vp)
{
	hv_crash(((struct vmwp *)priv)->hv, vp);
}

static void on_enter(void *priv, struct vp *vp)
{
	hv_enter(((struct vmwp *)priv)->hv, vp);
}

static void on_end(void *priv, enum vm_end end, const char *why)
{
	life_on_end(priv, end, why);
}

static int partition_create(struct vmwp *w, char *why, size_t why_len)
{
	static const struct vm_ops ops = {
		.pio = on_pio,
		.hyperv = on_hyperv,
		.msr = on_msr,
		.crash = on_crash,
		.enter = on_enter,
		.end = on_end,
	};
	struct vm_config cfg = {
		.memory = w->opt->memory,
		.processors = w->opt->processors,
		.nodes = w->opt->nodes,
	};

	return vm_create(&cfg, &ops, w, &w->vm, why, why_len);
}

static void partition_destroy(struct vmwp *w)
{
	vm_destroy(w->vm);
	w->vm = NULL;
}

static const struct device_kind kinds[] = {
	{ loop_create, loop_destroy },
	{ partition_create, partition_destroy },
	{ bridge_create, bridge_destroy },
	{ scsi_create, scsi_destroy },
	{ cards_create, cards_destroy },
	{ boot_create, NULL },
	{ control_create, control_destroy },
	{ board_create, board_destroy },
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static void destroy_from(struct vmwp *w, size_t n)
{
	while (n-- > 0)
		if (kinds[n].destroy)
			kinds[n].destroy(w);
}

int devices_create(struct vmwp *w, char *why, size_t why_len)
{
	size_t i;
	int err;

	for (i = 0; i < NKINDS; i++) {
		err = kinds[i].create(w, why, why_len);
		if (err) {
			destroy_from(w, i);
			return err;
		}
	}
	return 0;
}

void devices_destroy(struct vmwp *w)
{
	destroy_from(w, NKINDS);
}
