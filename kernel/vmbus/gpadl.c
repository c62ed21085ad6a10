// SPDX-License-Identifier: GPL-2.0
/*
 * GPADLs: handing pages of ours to the root, and getting them back.
 *
 * A GPADL whose teardown the root doesn't confirm stays in its hands for all
 * we know.  Whoever owns the memory learns that from the error, and must not
 * use it for anything else; memory from vmalloc() is kept from being reused
 * even if its owner, an older driver, frees it all the same.
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

/* 0: the root has let go. */
static int gpadl_teardown(struct vmbus_channel *ch, u32 handle)
{
	struct vmb_gpadl_teardown msg = {
		.hdr.type = VMB_MSG_GPADL_TEARDOWN,
		.relid = ch->offermsg.child_relid,
		.gpadl = handle,
	};
	struct vmb_request req;
	int ret;

	vmb_request_init(&req, ch, VMB_MSG_GPADL_TORNDOWN, handle, 0);
	ret = vmb_request_run(&req, &msg, sizeof(msg));
	/* With the rescind the root has given up all of the channel. */
	return ret == -ENODEV ? 0 : ret;
}

static void quarantine(void *buffer, u32 size)
{
	u32 at;

	pr_err("the root may still use %u bytes of shared memory\n", size);
	if (!is_vmalloc_addr(buffer))
		return;
	for (at = 0; at < size; at += PAGE_SIZE)
		get_page(vmalloc_to_page(buffer + at));
}

/**
 * vmbus_establish_gpadl() - let the root access memory
 * @channel: the channel it belongs to
 * @kbuffer: page-aligned; from the page allocator, kmalloc or vmalloc
 * @size: bytes, below 32 MiB
 * @gpadl: result; for vmbus_teardown_gpadl()
 *
 * Process context.  Return: 0; -EINVAL, too big; -ENODEV, rescinded;
 * -EDQUOT, the root refused it; -ETIMEDOUT or another error of the transport,
 * after which the memory may be in use: free it only if it is from vmalloc().
 */
int vmbus_establish_gpadl(struct vmbus_channel *channel, void *kbuffer,
			  u32 size, struct vmbus_gpadl *gpadl)
{
	struct pages p = {
		.buffer = kbuffer,
		.count = HVPFN_UP((u64)size + offset_in_hvpage(kbuffer)),
	};
	u32 handle = atomic_inc_return(&vmb.next_gpadl);
	struct vmb_request req;
	int ret;

	gpadl->gpadl_handle = 0;
	if (!size || p.count > PFNS_MAX)
		return -EINVAL;

	vmb_request_init(&req, channel, VMB_MSG_GPADL_CREATED,
			 channel->offermsg.child_relid, handle);
	ret = vmb_request_begin(&req);
	if (ret)
		return ret;
	ret = gpadl_post(channel, handle, &p, size);
	if (ret) {
		/* Incomplete, so never usable by the root. */
		vmb_request_cancel(&req);
		return ret;
	}
	ret = vmb_request_wait(&req);
	if (ret == -ETIMEDOUT && gpadl_teardown(channel, handle))
		quarantine(kbuffer, size);
	if (ret)
		return ret;
	if (req.reply.created.status) {
		pr_err("relid %u: the root refused %u bytes of shared memory, status 0x%x\n",
		       channel->offermsg.child_relid, size,
		       req.reply.created.status);
		return -EDQUOT;
	}

	gpadl->gpadl_handle = handle;
	gpadl->size = size;
	gpadl->buffer = kbuffer;
	gpadl->decrypted = false;
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_establish_gpadl);

/**
 * vmbus_teardown_gpadl() - take memory back from the root
 * @channel: the channel it belongs to, open or closed
 * @gpadl: from vmbus_establish_gpadl(); its handle becomes 0 on success
 *
 * Process context, no lock of the bus held.  Return: 0, also when the channel
 * was rescinded; -errno: the root may still use the memory.
 */
int vmbus_teardown_gpadl(struct vmbus_channel *channel,
			 struct vmbus_gpadl *gpadl)
{
	int ret;

	if (!gpadl->gpadl_handle)
		return 0;
	ret = gpadl_teardown(channel, gpadl->gpadl_handle);
	if (ret) {
		quarantine(gpadl->buffer, gpadl->size);
		return ret;
	}
	gpadl->gpadl_handle = 0;
	return 0;
}
EXPORT_SYMBOL_GPL(vmbus_teardown_gpadl);
