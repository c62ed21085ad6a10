// SPDX-License-Identifier: GPL-2.0
/*
 * The connection to the root: shared pages, choice of the protocol version,
 * UNLOAD.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "param.h"
#include "vmbus_var.h"

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/vmalloc.h>	/* for the exports' CRCs */
#include <asm/mshyperv.h>

struct vmbus_connection vmbus_connection = {
	.conn_state = DISCONNECTED,
	.channel_mutex = __MUTEX_INITIALIZER(vmbus_connection.channel_mutex),
};
EXPORT_SYMBOL_GPL(vmbus_connection);

/* The version in use; drivers read it.  0: not connected. */
__u32 vmbus_proto_version;
EXPORT_SYMBOL_GPL(vmbus_proto_version);

struct vmb_state vmb = {
	.req_lock = __SPIN_LOCK_UNLOCKED(vmb.req_lock),
	.requests = LIST_HEAD_INIT(vmb.requests),
	.channels = LIST_HEAD_INIT(vmb.channels),
	.unloaded = COMPLETION_INITIALIZER(vmb.unloaded),
	.next_gpadl = ATOMIC_INIT(0xE1E0F),	/* Linux's first is 0xE1E10 */
};

/* Newest first: the root takes the first one it knows. */
static const u32 versions[] = {
	VMB_VERSION_5_3,
	VMB_VERSION_5_2,
	VMB_VERSION_5_1,
	VMB_VERSION_5_0,
	VMB_VERSION_4_1,
	VMB_VERSION_4_0,
	VMB_VERSION_3_0,
	VMB_VERSION_2_4,
};

static uint max_version = VMB_VERSION_5_3;
vmb_param(max_version, max_version, uint, VMB_VERSION_2_4, VMB_VERSION_5_3, 0444);
MODULE_PARM_DESC(max_version,
		 "Maximal VMBus protocol version to negotiate, major << 16 | minor (default 0x50003)");

static uint unload_timeout = 100;
vmb_param(unload_timeout, unload_timeout, uint, 0, 3600, 0644);
MODULE_PARM_DESC(unload_timeout,
		 "Seconds to wait for the root's answer to UNLOAD, also in a panic (default 100)");

/*
 * Pages which the root has been told of.  They stay allocated as long as it
 * may touch them, at worst for ever: see pages_free().
 */
static struct {
	void *interrupt;	/* its two halves only matter before 2.4 */
	void *to_child;		/* monitor pages */
	void *to_root;
	bool lent;		/* it has taken them, or may do so yet */
} pages;

static void pages_publish(void)
{
	vmbus_connection.int_page = pages.interrupt;
	vmbus_connection.recv_int_page = pages.interrupt;
	vmbus_connection.send_int_page = pages.interrupt ?
		pages.interrupt + REG_PAGE_SIZE / 2 : NULL;
	vmbus_connection.monitor_pages[0] = pages.to_child;
	vmbus_connection.monitor_pages[1] = pages.to_root;
}

static void pages_free(void)
{
	if (pages.lent) {
		pr_warn("the root may still use 3 shared pages: not freed\n");
	} else {
		hv_free_hyperv_page(pages.interrupt);
		hv_free_hyperv_page(pages.to_child);
		hv_free_hyperv_page(pages.to_root);
	}
	memset(&pages, 0, sizeof(pages));
	pages_publish();
}

static int pages_alloc(void)
{
	pages.interrupt = hv_alloc_hyperv_zeroed_page();
	pages.to_child = hv_alloc_hyperv_zeroed_page();
	pages.to_root = hv_alloc_hyperv_zeroed_page();
	if (!pages.interrupt || !pages.to_child || !pages.to_root) {
		pages_free();
		return -ENOMEM;
	}
	pages_publish();
	return 0;
}

static void contact_fill(struct vmb_initiate_contact *msg, u32 version)
{
	memset(msg, 0, sizeof(*msg));
	msg->hdr.type = VMB_MSG_INITIATE_CONTACT;
	msg->version = version;
	if (version >= VMB_VERSION_3_0)
		msg->target_vp = hv_cpu_number_to_vp_number(VMB_CONNECT_CPU);
	if (version >= VMB_VERSION_5_0) {
		msg->sint = VMB_SINT;
	} else {
		u64 gpa = virt_to_phys(pages.interrupt);

		/* Older: one 64-bit address where the SINT is now. */
		memcpy((u8 *)msg + offsetof(typeof(*msg), sint), &gpa,
		       sizeof(gpa));
	}
	msg->monitor_to_child = virt_to_phys(pages.to_child);
	msg->monitor_to_root = virt_to_phys(pages.to_root);
}

/* 0: agreed.  -EPROTONOSUPPORT: ask for an older one.  Else give up. */
static int negotiate(u32 version)
{
	struct vmb_initiate_contact msg;
	struct vmb_request req;
	int ret;

	vmb.msg_connection = version >= VMB_VERSION_5_0 ?
		VMB_PORT_MULTI : VMB_PORT_MESSAGE;
	contact_fill(&msg, version);
	vmb_request_init(&req, NULL, VMB_MSG_VERSION_RESPONSE, 0, 0);
	ret = vmb_request_run(&req, &msg, sizeof(msg));
	if (ret == -ENXIO || ret == -EIO)
		return -EPROTONOSUPPORT;
	/* One that hasn't answered may do so yet. */
	if (ret == -ETIMEDOUT)
		pages.lent = true;
	if (ret)
		return ret;
	pages.lent = req.reply.version.supported;
	if (!req.reply.version.supported)
		return -EPROTONOSUPPORT;

	if (version >= VMB_VERSION_5_0) {
		u32 id = req.reply.version.connection;

		if (!id || id > 0xffffff) {
			pr_err("the root wants messages on connection 0x%x, which can't be\n",
			       id);
			return -EPROTO;
		}
		vmb.msg_connection = id;
	}
	return 0;
}

static void connected(u32 version)
{
	vmbus_proto_version = version;
	vmbus_connection.msg_conn_id = vmb.msg_connection;
	vmbus_connection.conn_state = CONNECTED;
	/* An answer that came late was to the end of the connection before. */
	reinit_completion(&vmb.unloaded);
	WRITE_ONCE(vmb.unload_owed, false);
	vmb.connected = true;
	pr_info("Vmbus version:%u.%u\n", version >> 16, version & 0xffff);
}

static int negotiate_any(void)
{
	int ret = -EPROTONOSUPPORT;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		if (versions[i] > max_version)
			continue;
		ret = negotiate(versions[i]);
		if (!ret) {
			connected(versions[i]);
			return 0;
		}
		if (ret != -EPROTONOSUPPORT)
			return ret;
	}

	pr_err("the root knows no VMBus version from 2.4 to 5.3 or max_version\n");
	return ret;
}

int vmb_connect(void)
{
	int ret;

	if (hv_is_isolation_supported()) {
		pr_err("this is a confidential VM: use the kernel's own hv_vmbus, which can share memory with the root on purpose only\n");
		return -EOPNOTSUPP;
	}

	ret = pages_alloc();
	if (ret)
		return ret;

	vmbus_connection.conn_state = CONNECTING;
	ret = negotiate_any();
	if (ret) {
		vmbus_connection.conn_state = DISCONNECTED;
		pages_free();
	}
	return ret;
}

int vmb_reconnect(u32 version)
{
	int ret;

	/* As after boot: nothing pending from before the sleep. */
	memset(pages.interrupt, 0, REG_PAGE_SIZE);
	memset(pages.to_child, 0, REG_PAGE_SIZE);
	memset(pages.to_root, 0, REG_PAGE_SIZE);

	vmbus_connection.conn_state = CONNECTING;
	ret = negotiate(version);
	if (ret) {
		vmbus_connection.conn_state = DISCONNECTED;
		pr_err("the root doesn't take version %u.%u again: %d\n",
		       version >> 16, version & 0xffff, ret);
		return ret;
	}
	connected(version);
	/* Before it answers, the root closes what was open before. */
	vmb_lent_disconnected();
	return 0;
}

/*
 * Panic: nothing but this CPU can be relied on, so the slots of all CPUs are
 * looked at by hand; the answer may sit in that of a CPU which has stopped.
 */
static bool unload_poll(void)
{
	u64 waited_ms = 0;

	while (waited_ms < unload_timeout * 1000ull) {
		u32 type;

		while ((type = vmb_synic_poll_type()))
			if (type == VMB_MSG_UNLOAD_RESPONSE)
				return true;
		/* No lock: its holder may have stopped. */
		if (READ_ONCE(vmb.unloaded.done))
			return true;
		mdelay(10);
		waited_ms += 10;
		if (waited_ms % 5000 == 0)
			pr_notice("waiting for the root to let go of this guest, %llu of %u s\n",
				  waited_ms / 1000, unload_timeout);
	}
	return false;
}

/* At most once per connection, and 2.4 doesn't know it.  Whether it was sent. */
static bool unload_send(bool crash)
{
	struct vmb_hdr msg = { .type = VMB_MSG_UNLOAD };

	if (!xchg(&vmb.connected, false))
		return false;
	vmbus_connection.conn_state = DISCONNECTED;
	if (vmbus_proto_version < VMB_VERSION_3_0)
		return false;

	WRITE_ONCE(vmb.unload_owed, true);
	if (!vmb_post(&msg, sizeof(msg), !crash))
		return true;
	WRITE_ONCE(vmb.unload_owed, false);
	pr_err("UNLOAD could not be sent\n");
	return false;
}

/*
 * Whoever has sent it may crash while he waits for the answer, or later, having waited
 * in vain; the next kernel needs it as much then.
 */
void vmb_unload(bool crash)
{
	bool answered;

	if (!unload_send(crash) && !(crash && READ_ONCE(vmb.unload_owed)))
		return;
	if (crash) {
		answered = unload_poll();
		vmb_synic_clear();
	} else {
		unsigned long limit = max(unload_timeout, 1u) * HZ;

		answered = wait_for_completion_timeout(&vmb.unloaded, limit);
	}
	/* A crash waits once, though it may say its last word often. */
	if (answered || crash)
		WRITE_ONCE(vmb.unload_owed, false);
	if (!answered)
		pr_err("no answer to UNLOAD within %u s, going on\n",
		       unload_timeout);
	if (answered && !crash) {
		pages.lent = false;
		vmb_lent_disconnected();
	}
}

void vmb_disconnect(void)
{
	vmb_unload(false);
	pages_free();
	vmbus_proto_version = 0;
}

int vmbus_request_offers(void)
{
	struct vmb_hdr msg = { .type = VMB_MSG_REQUEST_OFFERS };

	return vmb_post(&msg, sizeof(msg), true);
}

/*
 * Tells the root that there is something new in one of the rings.  The
 * hypercall in its fast form: no memory, any context.
 */
void vmbus_set_event(struct vmbus_channel *channel)
{
	u32 relid = READ_ONCE(channel->offermsg.child_relid);

	/* A socket that was open before a hibernation: nobody listens. */
	if (relid == VMB_RELID_NONE)
		return;
	if (!channel->is_dedicated_interrupt && pages.interrupt)
		set_bit(relid, pages.interrupt + REG_PAGE_SIZE / 2);

	++channel->sig_events;
	hv_do_fast_hypercall8(HVCALL_SIGNAL_EVENT, channel->sig_event);
}
EXPORT_SYMBOL_GPL(vmbus_set_event);

/*
 * Sets the channel's bit in the monitor page, which somebody on the other
 * side looks at within about 100 us: late, but free.  false: no such page.
 */
bool vmb_monitor_signal(struct vmbus_channel *channel)
{
	u32 relid = READ_ONCE(channel->offermsg.child_relid);
	struct vmb_monitor_page *page = pages.to_root;

	if (!page || relid == VMB_RELID_NONE)
		return false;
	set_bit(relid, pages.interrupt + REG_PAGE_SIZE / 2);
	set_bit(channel->monitor_bit,
		(unsigned long *)&page->group[channel->monitor_grp]);
	return true;
}
