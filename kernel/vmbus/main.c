// SPDX-License-Identifier: GPL-2.0
/*
 * Beginning and end of the module, and the ACPI device that stands for VMBus.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/acpi.h>
#include <linux/module.h>
#include <linux/platform_device.h>
#include <asm/mshyperv.h>

#include "vmbus_var.h"

static void root_gone(void *unused)
{
	vmb.root_dev = NULL;
	vmb_mmio_exit();
}

/*
 * Only takes note of the firmware's device.  Devices on the bus hang below the
 * ACPI node, not below the platform device, as tools expect.
 */
static int root_probe(struct platform_device *pdev)
{
	struct acpi_device *node = ACPI_COMPANION(&pdev->dev);
	int ret;

	if (!node)
		return -ENODEV;
	if (vmb.root_dev)
		return -EBUSY;

	ret = devm_add_action(&pdev->dev, root_gone, NULL);
	if (ret)
		return ret;
	vmb_mmio_init(node);
	vmb.root_dev = &node->dev;
	return 0;
}

static int __maybe_unused root_suspend(struct device *dev)
{
	return vmb_suspend();
}

static int __maybe_unused root_resume(struct device *dev)
{
	return vmb_resume();
}

/* The same phases as for the devices on the bus: see there. */
static const struct dev_pm_ops root_pm = {
#ifdef CONFIG_PM_SLEEP
	.freeze_noirq = root_suspend,
	.thaw_noirq = root_resume,
	.poweroff_noirq = root_suspend,
	.restore_noirq = root_resume,
#endif
};

static const struct acpi_device_id root_ids[] = {
	{ "VMBUS", 0 },
	{ "VMBus", 0 },
	{ }
};
MODULE_DEVICE_TABLE(acpi, root_ids);

static struct platform_driver root_driver = {
	.probe = root_probe,
	.driver = {
		.name = "vmbus",
		.acpi_match_table = root_ids,
		.pm = &root_pm,
		.probe_type = PROBE_FORCE_SYNCHRONOUS,
		/* Goes with the module, and not before. */
		.suppress_bind_attrs = true,
	},
};

static int __init vmbus_init(void)
{
	int ret;

	if (!hv_is_hyperv_initialized())
		return -ENODEV;

	ret = platform_driver_register(&root_driver);
	if (ret)
		return ret;
	ret = -ENODEV;
	if (!vmb.root_dev)
		goto fail_root;		/* no VMBus in the firmware's tables */

	ret = vmb_devices_init();
	if (ret)
		goto fail_root;
	ret = vmb_offers_init();
	if (ret)
		goto fail_offers;
	ret = vmb_synic_alloc();
	if (ret)
		goto fail_synic_alloc;
	ret = vmb_synic_start();
	if (ret)
		goto fail_synic_start;
	ret = vmb_connect();
	if (ret)
		goto fail_connect;
	ret = vmb_crash_init();
	if (ret)
		goto fail_crash;
	vmb_power_init();
	ret = vmbus_request_offers();
	if (ret)
		goto fail_request;
	return 0;

fail_request:
	vmb_power_exit();
	vmb_crash_exit();
fail_crash:
	vmb_channels_remove_all();
	vmb_disconnect();
fail_connect:
	vmb_synic_stop();
	vmb_lent_exit();
fail_synic_start:
	vmb_synic_free();
fail_synic_alloc:
	vmb_offers_exit();
fail_offers:
	vmb_devices_exit();
fail_root:
	platform_driver_unregister(&root_driver);
	return ret;
}

static void __exit vmbus_exit(void)
{
	vmb_power_exit();
	vmb_crash_exit();
	vmb_channels_remove_all();
	vmb_disconnect();
	vmb_synic_stop();
	vmb_lent_exit();
	vmb_synic_free();
	vmb_offers_exit();
	vmb_devices_exit();
	platform_driver_unregister(&root_driver);
}

module_init(vmbus_init);
module_exit(vmbus_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Hyper-V VMBus");
