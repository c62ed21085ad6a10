// SPDX-License-Identifier: GPL-2.0
/*
 * What an adapter tells in /sys/class/scsi_host/hostN: the protocol agreed
 * on, the channels open, and how often something went wrong.
 */
#include <linux/device.h>
#include <linux/sysfs.h>

#include "storvsc_var.h"

static ssize_t protocol_version_show(struct device *dev,
				     struct device_attribute *attr, char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%u.%u\n", sh->version >> 8,
			  sh->version & 0xff);
}
static DEVICE_ATTR_RO(protocol_version);

static ssize_t channels_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%u\n", READ_ONCE(sh->nr_open));
}
static DEVICE_ATTR_RO(channels);

/* Packets from the host that were no answer to anything, or claimed nonsense */
static ssize_t bad_completions_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%d\n", atomic_read(&sh->bad_completions));
}
static DEVICE_ATTR_RO(bad_completions);

/* Requests that the host didn't answer in time */
static ssize_t timeouts_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%d\n", atomic_read(&sh->timeouts));
}
static DEVICE_ATTR_RO(timeouts);

/* LUN and bus resets asked for */
static ssize_t resets_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%d\n", atomic_read(&sh->resets));
}
static DEVICE_ATTR_RO(resets);

/* How often the channel was closed and opened anew to get requests back */
static ssize_t reconnects_show(struct device *dev,
			       struct device_attribute *attr, char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%d\n", atomic_read(&sh->reconnects));
}
static DEVICE_ATTR_RO(reconnects);

static struct attribute *storvsc_attr_attrs[] = {
	&dev_attr_protocol_version.attr,
	&dev_attr_channels.attr,
	&dev_attr_bad_completions.attr,
	&dev_attr_timeouts.attr,
	&dev_attr_resets.attr,
	&dev_attr_reconnects.attr,
	NULL
};

static const struct attribute_group storvsc_attr_group = {
	.attrs = storvsc_attr_attrs,
};

const struct attribute_group *storvsc_attr_groups[] = {
	&storvsc_attr_group,
	NULL
};
