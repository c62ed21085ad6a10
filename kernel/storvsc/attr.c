// SPDX-License-Identifier: GPL-2.0
/*
 * What an adapter tells in /sys/class/scsi_host/hostN: the protocol agreed
 * on, the channels open, how often something went wrong, and how long requests
 * were held back.
 */
#include <linux/device.h>
#include <linux/math64.h>
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

/* Requests that the host, which answered others, had not answered in time */
static ssize_t timeouts_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%d\n", atomic_read(&sh->timeouts));
}
static DEVICE_ATTR_RO(timeouts);

/* How often the host was waited for, as it answered nothing at all */
static ssize_t silences_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%d\n", atomic_read(&sh->silences));
}
static DEVICE_ATTR_RO(silences);

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

/* How long a request waited at most, to be sent with others; 0 resets */
static ssize_t longest_hold_us_show(struct device *dev,
				    struct device_attribute *attr, char *buf)
{
	struct storvsc_host *sh = shost_priv(class_to_shost(dev));

	return sysfs_emit(buf, "%llu\n",
			  div_u64(storvsc_hold_longest(sh, false),
				  NSEC_PER_USEC));
}

static ssize_t longest_hold_us_store(struct device *dev,
				     struct device_attribute *attr,
				     const char *buf, size_t count)
{
	if (!sysfs_streq(buf, "0"))
		return -EINVAL;
	storvsc_hold_longest(shost_priv(class_to_shost(dev)), true);
	return count;
}
static DEVICE_ATTR_RW(longest_hold_us);

static struct attribute *storvsc_attr_attrs[] = {
	&dev_attr_protocol_version.attr,
	&dev_attr_channels.attr,
	&dev_attr_bad_completions.attr,
	&dev_attr_timeouts.attr,
	&dev_attr_silences.attr,
	&dev_attr_resets.attr,
	&dev_attr_reconnects.attr,
	&dev_attr_longest_hold_us.attr,
	NULL
};

static const struct attribute_group storvsc_attr_group = {
	.attrs = storvsc_attr_attrs,
};

const struct attribute_group *storvsc_attr_groups[] = {
	&storvsc_attr_group,
	NULL
};
