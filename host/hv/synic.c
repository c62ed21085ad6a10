// SPDX-License-Identifier: GPL-2.0
/*
 * The SynIC's pages (TLFS 11.7 to 11.10).
 *
 * Messages.  hv_post() queues on any thread and kicks the VP, whose thread
 * writes the slot on its way into the guest (hv_enter()).  A slot whose type is
 * not 0 still belongs to the guest.  Then the host sets the `pending` flag,
 * fences, and looks at the type again; the guest writes type 0, fences, and
 * looks at the flag: so either we see the free slot or the guest writes EOM.
 * EOM reaches us through a resample eventfd.  Since that one fires at every
 * end of interrupt as well, it is armed only while a message waits for a slot,
 * and before the second look.
 *
 * Event flags.  Any thread sets them, with an atomic OR in guest memory; who
 * turns 0 into 1 raises the interrupt.  The page may move while we do: the old
 * one is still memory, and no flag of the new one is touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hv_var.h"

struct hv_post {
	struct hv_post *next;
	uint32_t type;
	uint8_t size;
	bool waited; /* found its slot busy */
	uint8_t payload[];
};

static void interrupt(struct hv_vp *v)
{
	eventfd_write(v->irq_fd, 1);
}

/* Lock held. */
static void resample_arm(struct hv *hv, unsigned int index, struct hv_vp *v)
{
	if (!v->armed)
		v->armed = !vm_irqfd(hv->vm, vm_sint_gsi(hv->vm, index),
				     v->arm_fd, hv->resample_fd);
}

static void resample_disarm(struct hv *hv, unsigned int index, struct hv_vp *v)
{
	if (v->armed)
		vm_irqfd_remove(hv->vm, vm_sint_gsi(hv->vm, index), v->arm_fd);
	v->armed = false;
}

static void queue_clear(struct hv_vp *v)
{
	struct hv_post *p;

	while ((p = v->first)) {
		v->first = p->next;
		free(p);
	}
	v->last = &v->first;
	atomic_store(&v->queued, 0);
	atomic_store(&v->pending, false);
}

static int queue_add(struct hv_vp *v, struct hv_post *p)
{
	int err = -ENOMEM;

	pthread_mutex_lock(&v->lock);
	if (v->queued < HV_QUEUE_MAX) {
		*v->last = p;
		v->last = &p->next;
		atomic_fetch_add(&v->queued, 1);
		atomic_store(&v->pending, true);
		err = 0;
	}
	pthread_mutex_unlock(&v->lock);
	return err;
}

/* Lock held. */
static struct hv_post *queue_take(struct hv_vp *v)
{
	struct hv_post *p = v->first;

	v->first = p->next;
	if (!v->first)
		v->last = &v->first;
	atomic_fetch_sub(&v->queued, 1);
	return p;
}

/* True when the slot is free. */
static bool slot_claim(struct hv *hv, unsigned int index, struct hv_vp *v,
		       struct tlfs_message *slot)
{
	if (!__atomic_load_n(&slot->type, __ATOMIC_ACQUIRE))
		return true;
	if (!v->first->waited) {
		v->first->waited = true;
		atomic_fetch_add_explicit(&hv->retried, 1,
					  memory_order_relaxed);
	}
	resample_arm(hv, index, v);
	__atomic_fetch_or(&slot->flags, TLFS_MSG_PENDING, __ATOMIC_SEQ_CST);
	/* Pairs with the guest's barrier between freeing the slot and looking
	 * at `pending`. */
	atomic_thread_fence(memory_order_seq_cst);
	return !__atomic_load_n(&slot->type, __ATOMIC_ACQUIRE);
}

static void slot_fill(struct tlfs_message *slot, const struct hv_post *p)
{
	memcpy(slot->payload, p->payload, p->size);
	slot->size = p->size;
	slot->flags = 0; /* slot_claim() for the next one sets it */
	slot->reserved = 0;
	slot->sender = 0;
	/* The guest reads the type first: what it announces must be there. */
	__atomic_store_n(&slot->type, p->type, __ATOMIC_RELEASE);
}

/* VP's thread, out of the guest. */
static void deliver(struct hv *hv, unsigned int index, struct hv_vp *v)
{
	struct tlfs_message *slot;
	struct hv_post *p;
	bool any = false;

	if (!v->enabled || !v->messages)
		return;
	slot = &v->messages->slot[HV_SINT_VMBUS];
	pthread_mutex_lock(&v->lock);
	while (v->first && slot_claim(hv, index, v, slot)) {
		p = queue_take(v);
		slot_fill(slot, p);
		free(p);
		any = true;
		atomic_fetch_add_explicit(&hv->posted, 1, memory_order_relaxed);
	}
	if (!v->first) {
		resample_disarm(hv, index, v);
		atomic_store(&v->pending, false);
	}
	pthread_mutex_unlock(&v->lock);
	if (any)
		interrupt(v);
}

void hv_enter(struct hv *hv, struct vp *vp)
{
	struct hv_vp *v = &hv->vp[vp_index(vp)];

	if (atomic_load_explicit(&v->pending, memory_order_acquire))
		deliver(hv, vp_index(vp), v);
}

int hv_post(struct hv *hv, uint32_t vp, uint8_t sint, uint32_t type,
	    const void *payload, size_t size)
{
	struct hv_post *p;
	struct hv_vp *v;
	int err;

	if (vp >= hv->nvps || sint != HV_SINT_VMBUS || !type ||
	    size > TLFS_PAYLOAD_MAX)
		return -EINVAL;
	p = malloc(sizeof(*p) + size);
	if (!p)
		return -ENOMEM;
	*p = (struct hv_post){ .type = type, .size = size };
	memcpy(p->payload, payload, size);
	v = &hv->vp[vp];
	err = queue_add(v, p);
	if (err) {
		free(p);
		atomic_fetch_add_explicit(&hv->dropped, 1,
					  memory_order_relaxed);
		return err;
	}
	vp_kick(vm_vp(hv->vm, vp));
	return 0;
}

bool hv_posts_crowded(const struct hv *hv)
{
	unsigned int i;

	for (i = 0; i < hv->nvps; i++)
		if (atomic_load_explicit(&hv->vp[i].queued,
					 memory_order_relaxed) >=
		    HV_QUEUE_MAX - HV_QUEUE_KEEP)
			return true;
	return false;
}

void hv_drop_posts(struct hv *hv)
{
	unsigned int i;

	for (i = 0; i < hv->nvps; i++) {
		struct hv_vp *v = &hv->vp[i];

		pthread_mutex_lock(&v->lock);
		atomic_fetch_add_explicit(&hv->dropped, v->queued,
					  memory_order_relaxed);
		queue_clear(v);
		resample_disarm(hv, i, v);
		pthread_mutex_unlock(&v->lock);
	}
}

bool hv_signal(struct hv *hv, uint32_t vp, uint8_t sint, uint16_t flag)
{
	struct tlfs_flags_page *page;
	uint64_t bit = 1ull << (flag % 64);
	struct hv_vp *v;

	if (vp >= hv->nvps || sint != HV_SINT_VMBUS ||
	    flag >= TLFS_FLAGS_PER_SINT)
		return false;
	v = &hv->vp[vp];
	page = atomic_load_explicit(&v->flags, memory_order_acquire);
	if (!page)
		return false;
	/* Ordered after the caller's writes to the ring, by the same token. */
	if (__atomic_fetch_or(&page->sint[sint][flag / 64], bit,
			      __ATOMIC_SEQ_CST) &
	    bit)
		return false;
	interrupt(v);
	atomic_fetch_add_explicit(&hv->signalled, 1, memory_order_relaxed);
	return true;
}

int hv_resample_fd(const struct hv *hv)
{
	return hv->resample_fd;
}

void hv_resample(struct hv *hv)
{
	eventfd_t count;
	unsigned int i;

	/* Empty when somebody else took the notification: then look anyway. */
	if (eventfd_read(hv->resample_fd, &count) && errno != EAGAIN)
		return;
	for (i = 0; i < hv->nvps; i++)
		if (atomic_load(&hv->vp[i].pending))
			vp_kick(vm_vp(hv->vm, i));
}

/* Clears a page that was just switched on, or moved; NULL when off or no RAM. */
static void *page_of(struct hv *hv, uint64_t old, uint64_t now)
{
	uint64_t gpa = now & ~(uint64_t)(MEM_PAGE_SIZE - 1);
	void *page;

	if (!(now & TLFS_MSR_ENABLE))
		return NULL;
	page = mem_ptr(vm_mem(hv->vm), gpa, MEM_PAGE_SIZE);
	if (page && (!(old & TLFS_MSR_ENABLE) || (old ^ now) >= MEM_PAGE_SIZE))
		memset(page, 0, MEM_PAGE_SIZE);
	return page;
}

/* Something for the guest lies there whose interrupt it may have missed. */
static bool anything_left(const struct hv_vp *v)
{
	const struct tlfs_flags_page *flags = v->flags;
	unsigned int i;

	if (v->messages &&
	    __atomic_load_n(&v->messages->slot[HV_SINT_VMBUS].type,
			    __ATOMIC_RELAXED))
		return true;
	for (i = 0; flags && i < TLFS_FLAGS_PER_SINT / 64; i++)
		if (__atomic_load_n(&flags->sint[HV_SINT_VMBUS][i],
				    __ATOMIC_RELAXED))
			return true;
	return false;
}

void synic_exit(struct hv *hv, struct vp *vp,
		const struct kvm_hyperv_exit *exit)
{
	struct hv_vp *v = &hv->vp[vp_index(vp)];
	void *flags;

	v->enabled = exit->u.synic.control & TLFS_MSR_ENABLE;
	v->messages = page_of(hv, v->simp, exit->u.synic.msg_page);
	flags = page_of(hv, v->siefp, exit->u.synic.evt_page);
	v->simp = exit->u.synic.msg_page;
	v->siefp = exit->u.synic.evt_page;
	atomic_store_explicit(&v->flags, v->enabled ? flags : NULL,
			      memory_order_release);
	/* Linux unmasks the SINT before it switches the SynIC on; an interrupt
	 * raised while it was masked is lost, and KVM doesn't tell. */
	if (v->enabled && anything_left(v))
		interrupt(v);
	/* Queued messages: hv_enter() comes next. */
}

static int vp_init(struct hv *hv, unsigned int index, struct hv_vp *v)
{
	v->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->arm_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->irq_fd < 0 || v->arm_fd < 0)
		return -errno;
	return vm_irqfd(hv->vm, vm_sint_gsi(hv->vm, index), v->irq_fd, -1);
}

int synic_create(struct hv *hv)
{
	unsigned int i;
	int err = 0;

	hv->vp = calloc(hv->nvps, sizeof(*hv->vp));
	if (!hv->vp)
		return -ENOMEM;
	for (i = 0; i < hv->nvps; i++) {
		struct hv_vp *v = &hv->vp[i];

		v->irq_fd = -1;
		v->arm_fd = -1;
		v->last = &v->first;
		pthread_mutex_init(&v->lock, NULL);
	}
	hv->resample_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (hv->resample_fd < 0)
		return -errno;
	for (i = 0; i < hv->nvps && !err; i++)
		err = vp_init(hv, i, &hv->vp[i]);
	return err;
}

void synic_destroy(struct hv *hv)
{
	unsigned int i;

	for (i = 0; hv->vp && i < hv->nvps; i++) {
		struct hv_vp *v = &hv->vp[i];

		queue_clear(v);
		resample_disarm(hv, i, v);
		if (v->irq_fd >= 0)
			close(v->irq_fd);
		if (v->arm_fd >= 0)
			close(v->arm_fd);
		pthread_mutex_destroy(&v->lock);
	}
	free(hv->vp);
	hv->vp = NULL;
	if (hv->resample_fd >= 0)
		close(hv->resample_fd);
}

void synic_reset(struct hv *hv)
{
	unsigned int i;

	for (i = 0; i < hv->nvps; i++) {
		struct hv_vp *v = &hv->vp[i];

		atomic_store(&v->flags, NULL);
		v->messages = NULL;
		v->simp = 0;
		v->siefp = 0;
		v->enabled = false;
	}
}
