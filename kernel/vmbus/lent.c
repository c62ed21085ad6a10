// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the root may still use although its channel is closed.
 *
 * Each GPADL is a debt of the root's, from its making on, when memory for that
 * may still be asked for.  It is paid by the answer to its teardown, which may come
 * long after we have stopped waiting for it: a root doesn't give it before its
 * device is still, and that may hang on a disk for minutes.  The debt is late
 * then, and what was lent stays allocated, here, until the answer does come, or the
 * root lets go in another way: by a rescind of the channel or of the device's
 * primary, or with the whole connection (an answer to UNLOAD, or to
 * INITIATE_CONTACT, before which it has closed everything).
 *
 * What packets refer to is lent as well, and comes back with the ring that they
 * went through.  Drivers leave it here (lent.h): it is kept as long as any debt
 * of the device is late.
 *
 * Devices are known by the relid of their primary, which isn't another's before
 * its rescind.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "lent.h"
#include "vmbus_var.h"

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/netdevice.h>
#include <linux/slab.h>

struct vmb_debt {
	struct list_head node;	/* of lent.debts or lent.back */
	u32 gpadl;
	u32 relid;
	u32 primary;		/* relid of the device's */
	u32 bytes;
	bool held;		/* by who lent: not to be freed */
	bool asked;		/* for it to be paid */
	bool late;		/* nobody waits for it to be paid */
	bool paid;

	/* Goes back when it is paid. */
	struct page *block;	/* of 2^order pages */
	unsigned int order;
	struct page **pages;	/* of nr_pages references */
	u32 nr_pages;
};

/* A page full of what drivers have left of one device. */
struct kept {
	struct list_head node;	/* of lent.kept or lent.kept_back */
	u32 primary;
	u32 n;
	u32 nr_skbs;		/* of these */
	unsigned long objects[];	/* pages, or buffers with KEPT_SKB set */
};

#define KEPT_SKB	1ul
#define KEPT_MAX \
	((PAGE_SIZE - sizeof(struct kept)) / sizeof(unsigned long))

static struct {
	spinlock_t lock;	/* softirq-safe; all below and in the debts */
	struct list_head debts;
	struct list_head kept;
	struct list_head back;	/* for the work to free */
	struct list_head kept_back;
	u32 nr_late;
	u64 late_bytes;
	u64 nr_kept;		/* objects in kept */
	u64 nr_skbs;		/* of these */
	u64 nr_repaid;		/* late debts that have been paid */
	u64 nr_lost;		/* never to be freed: no memory to note it down */
} lent = {
	.lock = __SPIN_LOCK_UNLOCKED(lent.lock),
	.debts = LIST_HEAD_INIT(lent.debts),
	.kept = LIST_HEAD_INIT(lent.kept),
	.back = LIST_HEAD_INIT(lent.back),
	.kept_back = LIST_HEAD_INIT(lent.kept_back),
};

static u32 primary_relid(const struct vmbus_channel *ch)
{
	return (ch->primary_channel ?: ch)->offermsg.child_relid;
}

/* ---- giving back ---- */

static void debt_free(struct vmb_debt *d)
{
	u32 i;

	if (d->block)
		__free_pages(d->block, d->order);
	for (i = 0; i < d->nr_pages; i++)
		put_page(d->pages[i]);
	kvfree(d->pages);
	kfree(d);
}

static void object_free(unsigned long object)
{
	if (object & KEPT_SKB)
		dev_kfree_skb_any((struct sk_buff *)(object & ~KEPT_SKB));
	else
		put_page((struct page *)object);
}

/* Megabytes, page by page: not in the tasklet that brings the news. */
static void free_back(struct work_struct *work)
{
	struct vmb_debt *d, *next_debt;
	struct kept *k, *next_kept;
	LIST_HEAD(debts);
	LIST_HEAD(kept);
	u32 i;

	spin_lock_bh(&lent.lock);
	list_splice_init(&lent.back, &debts);
	list_splice_init(&lent.kept_back, &kept);
	spin_unlock_bh(&lent.lock);

	list_for_each_entry_safe(d, next_debt, &debts, node)
		debt_free(d);
	list_for_each_entry_safe(k, next_kept, &kept, node) {
		for (i = 0; i < k->n; i++)
			object_free(k->objects[i]);
		free_page((unsigned long)k);
	}
}

static DECLARE_WORK(free_work, free_back);

static bool device_owes(u32 primary)
{
	const struct vmb_debt *d;

	lockdep_assert_held(&lent.lock);
	list_for_each_entry(d, &lent.debts, node)
		if (d->late && !d->paid && d->primary == primary)
			return true;
	return false;
}

static void kept_return(u32 primary)
{
	struct kept *k, *next;

	list_for_each_entry_safe(k, next, &lent.kept, node) {
		if (k->primary != primary)
			continue;
		lent.nr_kept -= k->n;
		lent.nr_skbs -= k->nr_skbs;
		list_move_tail(&k->node, &lent.kept_back);
	}
}

static void debt_pay(struct vmb_debt *d)
{
	lockdep_assert_held(&lent.lock);
	d->paid = true;
	if (!d->late)
		return;
	lent.nr_late--;
	lent.late_bytes -= d->bytes;
	lent.nr_repaid++;
	if (!device_owes(d->primary))
		kept_return(d->primary);
	if (!d->held)
		list_move_tail(&d->node, &lent.back);
	schedule_work(&free_work);
}

/* Whether any was. */
static bool pay_all(bool (*is)(const struct vmb_debt *d, u32 number),
		    u32 number)
{
	struct vmb_debt *d, *next;
	bool any = false;

	spin_lock_bh(&lent.lock);
	list_for_each_entry_safe(d, next, &lent.debts, node) {
		if (d->paid || !is(d, number))
			continue;
		any = true;
		debt_pay(d);
	}
	spin_unlock_bh(&lent.lock);
	return any;
}

static bool is_gpadl(const struct vmb_debt *d, u32 gpadl)
{
	return d->asked && d->gpadl == gpadl;
}

static bool is_channels(const struct vmb_debt *d, u32 relid)
{
	return d->relid == relid || d->primary == relid;
}

static bool is_any(const struct vmb_debt *d, u32 unused)
{
	return true;
}

/* Softirq.  false: there's no such debt */
bool vmb_lent_torndown(u32 gpadl)
{
	return pay_all(is_gpadl, gpadl);
}

void vmb_lent_rescinded(u32 relid)
{
	pay_all(is_channels, relid);
}

void vmb_lent_disconnected(void)
{
	u64 bytes = READ_ONCE(lent.late_bytes);

	if (bytes)
		pr_info("with the connection the root has let go of %llu bytes of closed channels\n",
			bytes);
	pay_all(is_any, 0);
}

void vmb_lent_exit(void)
{
	struct vmb_debt *d, *next;

	flush_work(&free_work);
	if (lent.nr_late)
		pr_warn("the root may still use %llu bytes of closed channels and %llu of their requests' buffers: not freed\n",
			lent.late_bytes, lent.nr_kept);
	/* Of drivers that never asked for it back. */
	list_for_each_entry_safe(d, next, &lent.debts, node)
		if (!d->late)
			debt_free(d);
}

/* ---- debts ---- */

struct vmb_debt *vmb_debt_begin(struct vmbus_channel *ch, u32 gpadl, u32 bytes)
{
	struct vmb_debt *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return NULL;
	d->gpadl = gpadl;
	d->relid = ch->offermsg.child_relid;
	d->primary = primary_relid(ch);
	d->bytes = bytes;
	d->held = true;
	spin_lock_bh(&lent.lock);
	list_add_tail(&d->node, &lent.debts);
	spin_unlock_bh(&lent.lock);
	return d;
}

int vmb_debt_recall(u32 gpadl, bool ask, struct vmb_debt **found)
{
	struct vmb_debt *d;
	int ret = 0;

	*found = NULL;
	spin_lock_bh(&lent.lock);
	list_for_each_entry(d, &lent.debts, node) {
		if (d->gpadl != gpadl)
			continue;
		d->asked |= ask;
		if (d->held)
			*found = d;
		else
			ret = -EBUSY;
		break;
	}
	spin_unlock_bh(&lent.lock);
	return ret;
}

void vmb_debt_end(struct vmb_debt *d)
{
	spin_lock_bh(&lent.lock);
	list_del(&d->node);
	spin_unlock_bh(&lent.lock);
	debt_free(d);
}

bool vmb_debt_late(struct vmb_debt *d)
{
	bool late;

	spin_lock_bh(&lent.lock);
	late = !d->paid;
	if (late && !d->late) {
		d->late = true;
		lent.nr_late++;
		lent.late_bytes += d->bytes;
	}
	spin_unlock_bh(&lent.lock);
	return late;
}

static void debt_leave(struct vmb_debt *d)
{
	bool paid;

	spin_lock_bh(&lent.lock);
	d->held = false;
	paid = d->paid;
	spin_unlock_bh(&lent.lock);
	if (paid)
		vmb_debt_end(d);
}

void vmb_debt_leave_block(struct vmb_debt *d, struct page *page,
			  unsigned int order)
{
	d->block = page;
	d->order = order;
	debt_leave(d);
}

void vmb_debt_leave_vmalloc(struct vmb_debt *d, void *buffer, u32 size)
{
	u32 i, n = is_vmalloc_addr(buffer) ? PFN_UP(size) : 0;
	struct page *page;

	d->pages = kvmalloc_array(n, sizeof(*d->pages), GFP_KERNEL);
	for (i = 0; i < n; i++) {
		page = vmalloc_to_page(buffer + i * PAGE_SIZE);
		get_page(page);
		if (d->pages)
			d->pages[d->nr_pages++] = page;
	}
	if (n && !d->pages) {
		spin_lock_bh(&lent.lock);
		lent.nr_lost += n;
		spin_unlock_bh(&lent.lock);
	}
	debt_leave(d);
}

/* ---- for the drivers ---- */

bool vmb_lent_any(const struct vmbus_channel *channel)
{
	bool any;

	spin_lock_bh(&lent.lock);
	any = device_owes(primary_relid(channel));
	spin_unlock_bh(&lent.lock);
	return any;
}

/* With room for one more; NULL: no memory. */
static struct kept *kept_get(u32 primary)
{
	struct kept *k;

	lockdep_assert_held(&lent.lock);
	list_for_each_entry(k, &lent.kept, node)
		if (k->primary == primary && k->n < KEPT_MAX)
			return k;
	k = (struct kept *)__get_free_page(GFP_ATOMIC | __GFP_NOWARN);
	if (!k)
		return NULL;
	k->primary = primary;
	k->n = 0;
	k->nr_skbs = 0;
	list_add(&k->node, &lent.kept);
	return k;
}

static void keep(struct vmbus_channel *primary, unsigned long object)
{
	u32 relid = primary_relid(primary);
	struct kept *k = NULL;
	bool owes;

	spin_lock_bh(&lent.lock);
	owes = device_owes(relid);
	if (owes)
		k = kept_get(relid);
	if (k) {
		k->objects[k->n++] = object;
		lent.nr_kept++;
		k->nr_skbs += !!(object & KEPT_SKB);
		lent.nr_skbs += !!(object & KEPT_SKB);
	} else if (owes) {
		lent.nr_lost++;
	}
	spin_unlock_bh(&lent.lock);
	if (!owes)
		object_free(object);
}

static void keep_page(struct vmbus_channel *primary, struct page *page)
{
	keep(primary, (unsigned long)page);
}

static void keep_skb(struct vmbus_channel *primary, struct sk_buff *skb)
{
	keep(primary, (unsigned long)skb | KEPT_SKB);
}

const struct vmb_lent_ops vmb_lent = {
	.any = vmb_lent_any,
	.keep_page = keep_page,
	.keep_skb = keep_skb,
};
EXPORT_SYMBOL_GPL(vmb_lent);

/* ---- debugfs ---- */

void vmb_lent_show(struct seq_file *m)
{
	const struct vmb_debt *d;

	spin_lock_bh(&lent.lock);
	seq_printf(m, "late %u bytes %llu pages %llu frames %llu repaid %llu lost %llu\n",
		   lent.nr_late, lent.late_bytes, lent.nr_kept - lent.nr_skbs,
		   lent.nr_skbs, lent.nr_repaid, lent.nr_lost);
	list_for_each_entry(d, &lent.debts, node)
		if (d->late && !d->paid)
			seq_printf(m, "channel %u of %u gpadl %#x bytes %u\n",
				   d->relid, d->primary, d->gpadl, d->bytes);
	spin_unlock_bh(&lent.lock);
}
