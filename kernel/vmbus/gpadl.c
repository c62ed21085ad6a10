// SPDX-License-Identifier: GPL-2.0
/*
 * GPADLs: handing pages of ours to the root, and getting them back.
 *
 * A GPADL whose teardown the root doesn't confirm stays in its hands until it
 * does (lent.c).  Whoever owns the memory learns that from the error, and must not
 * use it for anything else; memory from vmalloc() is kept from being reused
 * when its owner frees it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uio.h>		/* for the exports' CRCs */
#include <asm/mshyperv.h>

/* The PFNs of one range must fit a 16-bit byte count. */
#define PFNS_MAX	((U16_MAX - sizeof(struct vmb_gpa_range)) / 8)

struct pages {
	void *buffer;
	u32 count;
	u32 next;
};

/* Writes up to @room PFNs to @to, which has any alignment. */
static u32 pfns_put(struct pages *p, void *to, u32 room)
{
	u32 n = min(room, p->count - p->next);
	u32 i;

	for (i = 0; i < n; i++, p->next++) {
		u64 pfn = virt_to_hvpfn(p->buffer +
					(size_t)p->next * REG_PAGE_SIZE);

		memcpy(to + i * sizeof(pfn), &pfn, sizeof(pfn));
	}
	return n;
}

static int header_post(struct vmbus_channel *ch, u32 handle,
		       struct pages *p, u32 size)
{
	struct {
		struct vmb_gpadl_header head;
		struct vmb_gpa_range range;
		u8 pfns[8 * VMB_GPADL_HEADER_PFNS];
	} __packed msg = {
		.head.hdr.type = VMB_MSG_GPADL_HEADER,
		.head.relid = ch->offermsg.child_relid,
		.head.gpadl = handle,
		.head.ranges_len = sizeof(msg.range) + 8 * p->count,
		.head.range_count = 1,
		.range.len = size,
		.range.offset = offset_in_hvpage(p->buffer),
	};
	u32 n = pfns_put(p, msg.pfns, VMB_GPADL_HEADER_PFNS);

	BUILD_BUG_ON(sizeof(msg) > VMB_MSG_MAX);
	return vmb_post(&msg, sizeof(msg.head) + sizeof(msg.range) + 8 * n,
			true);
}

static int body_post(u32 handle, u32 number, struct pages *p)
{
	struct {
		struct vmb_gpadl_body head;
		u8 pfns[8 * VMB_GPADL_BODY_PFNS];
	} __packed msg = {
		.head.hdr.type = VMB_MSG_GPADL_BODY,
		.head.number = number,
		.head.gpadl = handle,
	};
	u32 n = pfns_put(p, msg.pfns, VMB_GPADL_BODY_PFNS);

	BUILD_BUG_ON(sizeof(msg) > VMB_MSG_MAX);
	return vmb_post(&msg, sizeof(msg.head) + 8 * n, true);
}

static int gpadl_post(struct vmbus_channel *ch, u32 handle, struct pages *p,
		      u32 size)
{
	u32 number = 0;
	int ret;

	ret = header_post(ch, handle, p, size);
	while (!ret && p->next < p->count)
		ret = body_post(handle, number++, p);
	return ret;
}

static int teardown_ask(struct vmbus_channel *ch, u32 handle)
{
	struct vmb_gpadl_teardown msg = {
		.hdr.type = VMB_MSG_GPADL_TEARDOWN,
		.relid = ch->offermsg.child_relid,
		.gpadl = handle,
	};
	struct vmb_request req;

	vmb_request_init(&req, ch, VMB_MSG_GPADL_TORNDOWN, handle, 0);
	/*
	 * A root that has left one of the device's unanswered isn't waited for
	 * at length again: what it answers later is noticed then.
	 */
	if (vmb_lent_any(ch))
		req.patience_s = 1;
	return vmb_request_run(&req, &msg, sizeof(msg));
}

int vmb_gpadl_teardown(struct vmbus_channel *ch, u32 handle, bool ask,
		       struct vmb_debt **late)
{
	struct vmb_debt *debt;
	int ret;

	*late = NULL;
	ret = vmb_debt_recall(handle, ask, &debt);
	if (!debt)
		return ret;
	ret = ask ? teardown_ask(ch, handle) : -EBUSY;
	/*
	 * The answer may have come after all, or the rescind, with which the root
	 * has given up all of the channel. A socket's rescind that a suspend has
	 * made up is none of the root's.
	 */
	if (ret && vmb_debt_late(debt)) {
		pr_err_ratelimited("relid %u: the root may still use GPADL %#x (%d)\n",
				   ch->offermsg.child_relid, handle, ret);
		*late = debt;
		return ret;
	}
	vmb_debt_end(debt);
	return 0;
}

/* The answer to a GPADL that has been told whole; 0: it's the root's to use. */
static int created_wait(struct vmbus_channel *ch, u32 handle, u32 size,
			struct vmb_request *req, struct vmb_debt **late)
{
	int ret = vmb_request_wait(req);

	if (ret == -ETIMEDOUT) {
		vmb_gpadl_teardown(ch, handle, true, late);
		return ret;
	}
	if (!ret && req->reply.created.status) {
		pr_err_ratelimited("relid %u: the root refused %u bytes of shared memory, status 0x%x\n",
				   ch->offermsg.child_relid, size,
				   req->reply.created.status);
		ret = -EDQUOT;
	}
	return ret;
}

int vmb_gpadl_establish(struct vmbus_channel *channel, void *buffer, u32 size,
			struct vmbus_gpadl *gpadl, struct vmb_debt **late)
{
	struct pages p = {
		.buffer = buffer,
		.count = HVPFN_UP((u64)size + offset_in_hvpage(buffer)),
	};
	u32 handle = atomic_inc_return(&vmb.next_gpadl);
	struct vmb_request req;
	struct vmb_debt *debt;
	int ret;

	*late = NULL;
	gpadl->gpadl_handle = 0;
	if (!size || p.count > PFNS_MAX)
		return -EINVAL;

	debt = vmb_debt_begin(channel, handle, size);
	if (!debt)
		return -ENOMEM;
	vmb_request_init(&req, channel, VMB_MSG_GPADL_CREATED,
			 channel->offermsg.child_relid, handle);
	ret = vmb_request_begin(&req);
	if (ret)
		goto end;
	ret = gpadl_post(channel, handle, &p, size);
	if (ret) {
		/* Incomplete, so never usable by the root. */
		vmb_request_cancel(&req);
		goto end;
	}
	ret = created_wait(channel, handle, size, &req, late);
	if (ret == -ETIMEDOUT)
		return ret;	/* the debt has been looked after */
	if (ret)
		goto end;

	gpadl->gpadl_handle = handle;
	gpadl->size = size;
	gpadl->buffer = buffer;
	gpadl->decrypted = false;
	return 0;
end:
	vmb_debt_end(debt);
	return ret;
}

/**
 * vmbus_establish_gpadl() - let the root access memory
 * @channel: the channel it belongs to
 * @kbuffer: page-aligned; from the page allocator, kmalloc or vmalloc
 * @size: bytes, below 32 MiB
 * @gpadl: result; for vmbus_teardown_gpadl()
 *
 * Process context.  Return: 0; -EINVAL, too big; -ENOMEM; -ENODEV, rescinded;
 * -EDQUOT, the root refused it; -ETIMEDOUT or another error of the transport,
 * after which the memory may be in use: free it only if it is from vmalloc().
 */
int vmbus_establish_gpadl(struct vmbus_channel *channel, void *kbuffer,
			  u32 size, struct vmbus_gpadl *gpadl)
{
	struct vmb_debt *late;
	int ret;

	ret = vmb_gpadl_establish(channel, kbuffer, size, gpadl, &late);
	if (late)
		vmb_debt_leave_vmalloc(late, kbuffer, size);
	return ret;
}
EXPORT_SYMBOL_GPL(vmbus_establish_gpadl);

/**
 * vmbus_teardown_gpadl() - take memory back from the root
 * @channel: the channel it belongs to, open or closed
 * @gpadl: from vmbus_establish_gpadl(); its handle becomes 0 on success
 *
 * Process context, no lock of the bus held.  Return: 0, also when the channel
 * was rescinded; -errno: the root may still use the memory, until it gives it
 * back.  Free it all the same if it is from vmalloc(): its pages stay till then.
 */
int vmbus_teardown_gpadl(struct vmbus_channel *channel,
			 struct vmbus_gpadl *gpadl)
{
	struct vmb_debt *late;
	int ret;

	if (!gpadl->gpadl_handle)
		return 0;
	ret = vmb_gpadl_teardown(channel, gpadl->gpadl_handle, true, &late);
	if (late)
		vmb_debt_leave_vmalloc(late, gpadl->buffer, gpadl->size);
	if (!ret)
		gpadl->gpadl_handle = 0;
	return ret;
}
EXPORT_SYMBOL_GPL(vmbus_teardown_gpadl);
