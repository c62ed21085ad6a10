// SPDX-License-Identifier: GPL-2.0
/*
 * The way in: write an act's name to /sys/module/rogue/parameters/act. The
 * write fails if the root side did not take it as it must.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "rogue.h"

static DEFINE_MUTEX(lock);
static struct rogue rogue;

static int count;
module_param(count, int, 0444);
MODULE_PARM_DESC(count, "How many messages of the last act were bad");

static bool bound;
module_param(bound, bool, 0444);
MODULE_PARM_DESC(bound, "Whether there is a controller to misuse");

static uint busy_relid;
module_param(busy_relid, uint, 0644);
MODULE_PARM_DESC(busy_relid, "A relid that is open, of another driver");

static int run(const char *name)
{
	int err;

	if (!strcmp(name, "hypercalls"))
		return rogue_posts_hypercalls();
	if (!strcmp(name, "flood"))
		return rogue_posts_flood();
	if (!strcmp(name, "contact"))
		return rogue_posts_contact();
	if (!strcmp(name, "contact-flood"))
		return rogue_floods_contacts();
	if (!rogue.hv)
		return -ENODEV;
	if (!strcmp(name, "messages"))
		return rogue_posts_messages(&rogue, busy_relid);
	if (!strcmp(name, "one-ring"))
		return rogue_posts_one_ring(&rogue);

	if (!strcmp(name, "message-flood"))
		return rogue_floods_messages(&rogue);

	err = rogue_chan_open(&rogue);
	if (err)
		return err;
	err = strcmp(name, "packet-flood") ? rogue_packets_act(&rogue, name) :
					     rogue_floods_packets(&rogue);
	rogue_chan_close(&rogue);
	return err;
}

static int act_set(const char *val, const struct kernel_param *kp)
{
	char name[32];
	int ret;

	if (strscpy(name, val, sizeof(name)) < 0)
		return -EINVAL;
	mutex_lock(&lock);
	ret = run(strim(name));
	if (ret >= 0)
		count = ret;
	else
		pr_info("%s: %d\n", name, ret);
	mutex_unlock(&lock);
	return ret < 0 ? ret : 0;
}

static const struct kernel_param_ops act_ops = { .set = act_set };
module_param_cb(act, &act_ops, NULL, 0200);
MODULE_PARM_DESC(act, "What to do");

/* The root numbers its controllers in the last byte of the instance. */
static int rogue_probe(struct hv_device *hv,
		       const struct hv_vmbus_device_id *id)
{
	if (hv->dev_instance.b[15] != 1)
		return -ENODEV;
	mutex_lock(&lock);
	rogue.hv = hv;
	rogue.ch = hv->channel;
	bound = true;
	mutex_unlock(&lock);
	return 0;
}

static void forget(void)
{
	mutex_lock(&lock);
	rogue.hv = NULL;
	rogue.ch = NULL;
	bound = false;
	mutex_unlock(&lock);
}

/* Written for 6.1, where remove() returns a number that nobody looks at. */
static int rogue_remove(struct hv_device *hv)
{
	forget();
	return 0;
}

static const struct hv_vmbus_device_id id_table[] = {
	{ HV_SCSI_GUID, },
	{ },
};

static struct hv_driver rogue_driver = {
	.name = KBUILD_MODNAME,
	.id_table = id_table,
	.probe = rogue_probe,
	.remove = rogue_remove,
};

static int __init rogue_init(void)
{
	int err;

	init_completion(&rogue.answered);
	rogue.data = (u8 *)__get_free_pages(GFP_KERNEL,
					    get_order(ROGUE_PAGES * PAGE_SIZE));
	if (!rogue.data)
		return -ENOMEM;
	err = rogue_posts_init();
	if (err)
		goto free_data;
	err = vmbus_driver_register(&rogue_driver);
	if (!err)
		return 0;

	rogue_posts_exit();
free_data:
	free_pages((unsigned long)rogue.data,
		   get_order(ROGUE_PAGES * PAGE_SIZE));
	return err;
}

static void __exit rogue_exit(void)
{
	vmbus_driver_unregister(&rogue_driver);
	rogue_posts_exit();
	free_pages((unsigned long)rogue.data,
		   get_order(ROGUE_PAGES * PAGE_SIZE));
}

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Breaks the rules of VMBus, to test the root side");
module_init(rogue_init);
module_exit(rogue_exit);
