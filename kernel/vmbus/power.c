// SPDX-License-Identifier: GPL-2.0
/*
 * Hibernation.  The drivers have closed their channels when vmb_suspend() is
 * called, and open them again after vmb_resume().  In between the connection
 * is ended and made anew, with the same version; the root then offers every
 * device again under its old instance, and the channel objects live on.
 *
 * What is rescinded before, or hasn't come back, or is a socket, doesn't: its
 * driver hears of the rescind at once, but the device is only taken away when
 * the machine runs again, for the work queue that does it is frozen.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/syscore_ops.h>

/* Devices that the root has left out, when it has offered "all" others. */
#define STRAGGLERS_S		10

static DECLARE_COMPLETION(all_reoffered);
static unsigned int awaited;		/* under vmb_lock() */
static bool all_offered;		/* so the root says; READ_ONCE */

/* Any of the primaries for which @is holds. */
static struct vmb_chan *any_primary(bool (*is)(const struct vmb_chan *c))
{
	struct vmbus_channel *ch;

	vmb_assert_locked();
	list_for_each_entry(ch, &vmb.channels, listentry)
		if (is(vmb_chan(ch)))
			return vmb_chan(ch);
	return NULL;
}

static bool has_subs(const struct vmb_chan *c)
{
	return !list_empty(&c->ch.sc_list);
}

static bool is_open(const struct vmb_chan *c)
{
	return c->ch.state != CHANNEL_OPEN_STATE;
}

static bool is_left_open(const struct vmb_chan *c)
{
	struct vmbus_channel *sub;

	if (is_open(c) && !is_hvsock_channel(&c->ch))
		return true;
	list_for_each_entry(sub, &c->ch.sc_list, sc_list)
		if (is_open(vmb_chan(sub)))
			return true;
	return false;
}

static int check_closed(void)
{
	struct vmb_chan *c;

	vmb_lock();
	c = any_primary(is_left_open);
	if (c)
		pr_err("suspend: the driver of device %pUl has left a channel open\n",
		       &c->ch.offermsg.offer.if_instance);
	vmb_unlock();
	return c ? -EBUSY : 0;
}

/*
 * Sub-channels are asked for again by their drivers.  The root has rescinded
 * them together with the close of the primary; if not, UNLOAD does.
 */
static void subs_end(void)
{
	for (;;) {
		struct vmb_chan *primary, *sub = NULL;
		struct vmbus_channel *ch;

		vmb_lock();
		primary = any_primary(has_subs);
		if (primary) {
			ch = list_first_entry(&primary->ch.sc_list,
					      struct vmbus_channel, sc_list);
			sub = vmb_chan_get(vmb_chan(ch));
		}
		vmb_unlock();

		if (!sub)
			return;
		vmb_chan_claim(sub);
		vmb_chan_drop_sub(sub);
		vmb_chan_put(sub);
	}
}

/*
 * No interrupt finds a channel, no message matches one.  Sockets don't survive:
 * to their owners, which are frozen and close them later, it looks like a
 * rescind.  Nothing fails after that, so UNLOAD takes their rings back, or, if
 * the root doesn't answer that, its answer to the next contact.
 */
static void primaries_forget(void)
{
	struct vmbus_channel *ch;

	vmb_lock();
	awaited = 0;
	reinit_completion(&all_reoffered);
	list_for_each_entry(ch, &vmb.channels, listentry) {
		vmb_chan_unmap(vmb_chan(ch));
		WRITE_ONCE(ch->offermsg.child_relid, VMB_RELID_NONE);
		/* Of no relid any more, so that nothing counts as given back. */
		if (is_hvsock_channel(ch))
			vmb_chan_rescind(vmb_chan(ch));
		kfree(vmb_chan(ch)->next);	/* of this connection */
		vmb_chan(ch)->next = NULL;
		if (ch->rescind)
			continue;
		vmb_chan(ch)->await_offer = true;
		awaited++;
	}
	vmb_unlock();
}

int vmb_suspend(void)
{
	int ret;

	vmb_offers_settle();
	/* As long as the root is heard: what it says later is lost. */
	ret = check_closed();
	if (ret)
		return ret;
	vmb_offers_stop();
	vmb_offers_settle();
	ret = check_closed();
	if (ret) {
		vmb_offers_start();
		return ret;
	}

	vmb.suspended = true;
	subs_end();
	primaries_forget();
	vmb_unload(false);
	return 0;
}

/* vmb_lock() held: an awaited device has been offered. */
void vmb_power_reoffered(void)
{
	vmb_assert_locked();
	if (awaited && !--awaited)
		complete(&all_reoffered);
}

static bool is_missing(const struct vmb_chan *c)
{
	return c->await_offer;
}

/* What hasn't come back is gone, as after a rescind. */
static void missing_rescind(void)
{
	struct vmb_chan *c;

	vmb_lock();
	while ((c = any_primary(is_missing))) {
		pr_err("resume: device %pUl has not been offered again\n",
		       &c->ch.offermsg.offer.if_instance);
		c->await_offer = false;
		vmb_chan_rescind(c);
	}
	awaited = 0;
	vmb_unlock();
}

/* Softirq */
void vmb_power_all_offered(void)
{
	WRITE_ONCE(all_offered, true);
}

/* A root that is slow isn't one whose devices have gone, until it says so. */
static void reoffers_wait(void)
{
	unsigned int left = VMB_REPLY_TIMEOUT_S, stragglers = STRAGGLERS_S;

	for (; left && stragglers; left--) {
		if (wait_for_completion_timeout(&all_reoffered, HZ))
			return;
		if (READ_ONCE(all_offered))
			stragglers--;
	}
}

int vmb_resume(void)
{
	bool wait;
	int ret;

	ret = vmb_reconnect(vmbus_proto_version);
	if (ret)
		goto out;
	vmb.suspended = false;

	vmb_lock();
	wait = awaited;
	vmb_unlock();

	vmb_offers_start();
	WRITE_ONCE(all_offered, false);
	ret = vmbus_request_offers();
	if (!ret && wait)
		reoffers_wait();
out:
	missing_rescind();
	return ret;
}

/*
 * CPU 0 alone runs, interrupts off.  Its timer, if it is one that speaks
 * through the SynIC, has been stopped by the clock's own suspend.
 */
static int synic_suspend(void *data)
{
	vmb_synic_disable(0);
	return 0;
}

static void synic_resume(void *data)
{
	vmb_synic_enable(0);
}

static const struct syscore_ops synic_ops = {
	.suspend = synic_suspend,
	.resume = synic_resume,
};

static struct syscore synic_syscore = {
	.ops = &synic_ops,
};

void vmb_power_init(void)
{
	register_syscore(&synic_syscore);
}

void vmb_power_exit(void)
{
	unregister_syscore(&synic_syscore);
}
