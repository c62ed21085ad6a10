/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device for tests that write to one by its name.  Were it taken for a file,
 * another would come to its place, which root may do in /dev: so root has one of
 * the test's own.
 */
#ifndef TESTS_OWN_DEVICE_H
#define TESTS_OWN_DEVICE_H

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Made as `mine`, with the number of the memory device `minor`, which is `system`;
 * NULL: it can't be had here. */
static inline const char *own_device(const char *mine, unsigned int minor,
				     const char *system)
{
	int fd;

	if (geteuid())
		return system;
	if (mknod(mine, S_IFCHR | 0600, makedev(1, minor)))
		return NULL;
	/* Not on a file system that is mounted without devices. */
	fd = open(mine, O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		unlink(mine);
		return NULL;
	}
	close(fd);
	return mine;
}

#define own_null(mine) own_device(mine, 3, "/dev/null")
#define own_full(mine) own_device(mine, 7, "/dev/full")

#endif
