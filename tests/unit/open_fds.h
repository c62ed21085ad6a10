/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_OPEN_FDS_H
#define UNIT_OPEN_FDS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>

/* Descriptors that this program has open, to be compared with later. */
static inline unsigned int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
