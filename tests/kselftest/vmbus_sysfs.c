// SPDX-License-Identifier: GPL-2.0
/*
 * What user space (lsvmbus, udev, DPDK) reads of the bus: every device under
 * /sys/bus/vmbus/devices has well-formed attributes and at least one channel.
 * Source: Documentation/ABI/stable/sysfs-bus-vmbus.
 */

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#define DEVICES "/sys/bus/vmbus/devices"

FIXTURE(bus) {
	DIR *dir;
};

FIXTURE_SETUP(bus)
{
	self->dir = opendir(DEVICES);
	ASSERT_NE(NULL, self->dir) {
		TH_LOG("there is no " DEVICES);
	}
}

FIXTURE_TEARDOWN(bus)
{
	if (self->dir)
		closedir(self->dir);
}

static struct dirent *next_entry(DIR *dir)
{
	struct dirent *e;

	do {
		e = readdir(dir);
	} while (e && e->d_name[0] == '.');
	return e;
}

/* Reads an attribute without its newline; length or -1. */
static ssize_t read_attribute(const char *device, const char *name, char *buf,
			      size_t size)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", device, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	buf[n] = 0;
	if (n && buf[n - 1] == '\n')
		buf[--n] = 0;
	return n;
}

/* "{xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}" */
static int is_guid(const char *s)
{
	int i;

	if (strlen(s) != 38 || s[0] != '{' || s[37] != '}')
		return 0;
	for (i = 1; i < 37; i++) {
		if (i == 9 || i == 14 || i == 19 || i == 24) {
			if (s[i] != '-')
				return 0;
		} else if (!isxdigit((unsigned char)s[i])) {
			return 0;
		}
	}
	return 1;
}

TEST_F(bus, has_a_device)
{
	ASSERT_NE(NULL, next_entry(self->dir));
}

TEST_F(bus, guids)
{
	struct dirent *e;
	char buf[256];

	while ((e = next_entry(self->dir))) {
		ASSERT_LT(0, read_attribute(e->d_name, "class_id", buf,
					    sizeof(buf)));
		EXPECT_TRUE(is_guid(buf));
		ASSERT_LT(0, read_attribute(e->d_name, "device_id", buf,
					    sizeof(buf)));
		EXPECT_TRUE(is_guid(buf));
	}
}

/*
 * udev loads a driver by it: "vmbus:" and the class as it is in memory, where
 * a GUID's first three fields are little-endian.
 */
TEST_F(bus, modalias_follows_class)
{
	static const unsigned char order[] = { 7, 5, 3, 1, 12, 10, 17, 15,
					       20, 22, 25, 27, 29, 31, 33, 35 };
	char class[256], modalias[256], want[256];
	struct dirent *e;
	unsigned int i;
	char *to;

	while ((e = next_entry(self->dir))) {
		ASSERT_LT(0, read_attribute(e->d_name, "class_id", class,
					    sizeof(class)));
		ASSERT_LT(0, read_attribute(e->d_name, "modalias", modalias,
					    sizeof(modalias)));
		ASSERT_TRUE(is_guid(class));
		to = want + sprintf(want, "vmbus:");
		for (i = 0; i < sizeof(order); i++, to += 2)
			memcpy(to, class + order[i], 2);
		*to = 0;
		EXPECT_STREQ(want, modalias);
	}
}

TEST_F(bus, numbers)
{
	static const char *const names[] = { "id", "state", "vendor", "device" };
	struct dirent *e;
	unsigned int i;
	char buf[256];
	char *end;

	while ((e = next_entry(self->dir))) {
		for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
			ASSERT_LT(0, read_attribute(e->d_name, names[i], buf,
						    sizeof(buf)));
			strtoul(buf, &end, 0);
			EXPECT_EQ(0, *end) {
				TH_LOG("%s/%s is '%s'", e->d_name, names[i],
				       buf);
			}
		}
	}
}

/* Lines of "relid:processor", one for each channel. */
TEST_F(bus, channel_vp_mapping)
{
	long online = sysconf(_SC_NPROCESSORS_CONF);
	unsigned int relid, vp;
	struct dirent *e;
	char buf[4096];
	char *line, *state;

	while ((e = next_entry(self->dir))) {
		ASSERT_LE(0, read_attribute(e->d_name, "channel_vp_mapping",
					    buf, sizeof(buf)));
		for (line = strtok_r(buf, "\n", &state); line;
		     line = strtok_r(NULL, "\n", &state)) {
			ASSERT_EQ(2, sscanf(line, "%u:%u", &relid, &vp));
			EXPECT_LT(0, relid);
			EXPECT_LT(vp, online);
		}
	}
}

/* A bound device's channels/RELID folder is there, with its processor. */
TEST_F(bus, channels)
{
	char path[PATH_MAX], name[PATH_MAX], buf[256];
	struct dirent *e, *c;
	unsigned int bound = 0;
	struct stat st;
	DIR *dir;

	while ((e = next_entry(self->dir))) {
		snprintf(path, sizeof(path), DEVICES "/%s/driver", e->d_name);
		if (stat(path, &st) < 0)
			continue;
		bound++;
		snprintf(path, sizeof(path), DEVICES "/%s/channels", e->d_name);
		dir = opendir(path);
		ASSERT_NE(NULL, dir);
		c = next_entry(dir);
		ASSERT_NE(NULL, c);
		snprintf(name, sizeof(name), "channels/%s/cpu", c->d_name);
		EXPECT_LT(0, read_attribute(e->d_name, name, buf, sizeof(buf)));
		snprintf(name, sizeof(name), "channels/%s/out_mask", c->d_name);
		EXPECT_LT(0, read_attribute(e->d_name, name, buf, sizeof(buf)));
		snprintf(name, sizeof(name), "channels/%s/interrupts",
			 c->d_name);
		EXPECT_LT(0, read_attribute(e->d_name, name, buf, sizeof(buf)));
		closedir(dir);
	}
	EXPECT_LT(0, bound);
}

TEST_HARNESS_MAIN
