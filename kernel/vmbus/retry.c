// SPDX-License-Identifier: GPL-2.0
/*
 * A root that was silent while a driver took a device, for longer than the driver
 * waits, speaks again later: so the device is offered to drivers once more, every
 * minute, until one takes it or there is another reason not to.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/device.h>

#define RETRY_PERIOD	(60 * HZ)

static void retry(struct work_struct *work)
{
	struct vmb_chan *c = container_of(to_delayed_work(work),
					  struct vmb_chan, retry_work);
	struct hv_device *dev = vmb_chan_get_device(c);

	if (!dev)
		return;
	/* Nothing happens if it has a driver, or is off the bus, by now. */
	if (device_attach(&dev->device) < 0)
		dev_err(&dev->device, "not offered to its driver again\n");
	put_device(&dev->device);
}

void vmb_retry_init(struct vmb_chan *c)
{
	INIT_DELAYED_WORK(&c->retry_work, retry);
}

bool vmb_retry_probe(struct vmb_chan *c, int err)
{
	/* It hasn't answered, or taken our messages. */
	if ((err != -ETIMEDOUT && err != -EBUSY) || c->ch.rescind)
		return false;
	queue_delayed_work(vmb.add_wq, &c->retry_work, RETRY_PERIOD);
	return true;
}

void vmb_retry_forget(struct vmb_chan *c)
{
	cancel_delayed_work(&c->retry_work);
}

void vmb_retry_end(struct vmb_chan *c)
{
	cancel_delayed_work_sync(&c->retry_work);
}
