// SPDX-License-Identifier: GPL-2.0
/*
 * Which disk it is: not the name that it was found by, under which another may
 * lie tomorrow, but what its file system or its device calls it.  The same at
 * each start, on the same host.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "disk_var.h"

/* A line of sysfs about a block device; false: there is none, or nothing in it. */
static bool device_line(dev_t dev, const char *name, char *out, size_t len)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(dev),
		 minor(dev), name);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(out, len, f))
		*out = '\0';
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
	return *out;
}

/* Numbers of devices are given out anew at each boot, and so are their names. */
static bool device_identity(dev_t dev, char *out, size_t len)
{
	static const char *const names[] = { "dm/uuid", "md/uuid", "wwid",
					     "device/wwid", "serial" };
	char part[16], value[80], above[32];
	bool is_part = device_line(dev, "partition", part, sizeof(part));
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(above, sizeof(above), "%s%s", is_part ? "../" : "",
			 names[i]);
		if (!device_line(dev, above, value, sizeof(value)))
			continue;
		snprintf(out, len, "device %s %s %s", names[i], value,
			 is_part ? part : "");
		return true;
	}
	return false;
}

/* An inode's number is used again; when it was made, or its version, is not. */
static bool file_identity(int fd, char *out, size_t len)
{
	struct statx stx;
	long version = 0;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx))
		return false;
	if (stx.stx_mask & STATX_BTIME)
		snprintf(out, len, "file %" PRIu64 " made %" PRId64 ".%09u",
			 (uint64_t)stx.stx_ino, (int64_t)stx.stx_btime.tv_sec,
			 stx.stx_btime.tv_nsec);
	else if (!ioctl(fd, FS_IOC_GETVERSION, &version))
		snprintf(out, len, "file %" PRIu64 " version %ld",
			 (uint64_t)stx.stx_ino, version);
	else
		return false;
	return true;
}

void disk_identify(struct disk *d, int fd, const struct stat *st,
		   const char *path)
{
	char *out = d->identity;
	size_t len = sizeof(d->identity);

	if (S_ISBLK(st->st_mode) ? device_identity(st->st_rdev, out, len) :
				   file_identity(fd, out, len))
		return;
	/* The end of a path tells more than its beginning. */
	snprintf(out, len, "path %" PRIu64 " %s",
		 S_ISBLK(st->st_mode) ? 0 : (uint64_t)st->st_ino,
		 strlen(path) < len / 2 ? path : path + strlen(path) - len / 2);
}
