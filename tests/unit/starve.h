/* SPDX-License-Identifier: GPL-2.0 */
/* A process without descriptors, for the unit tests of what happens then. */
#ifndef UNIT_STARVE_H
#define UNIT_STARVE_H

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* From here on no descriptor is to be had, until feed(the limit that was). */
static inline rlim_t starve(void)
{
	struct rlimit limit;
	rlim_t before;
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (next < 0 || getrlimit(RLIMIT_NOFILE, &limit))
		abort();
	close(next);
	before = limit.rlim_cur;
	/* The lowest number that is free is the first that is too high. */
	limit.rlim_cur = next;
	if (setrlimit(RLIMIT_NOFILE, &limit) ||
	    open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
		abort();
	return before;
}

static inline void feed(rlim_t before)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		abort();
	limit.rlim_cur = before;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		abort();
}

#endif
