/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UTIL_NOW_H
#define UTIL_NOW_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_MONOTONIC.  No system call: it may be asked in each turn. */
static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

#endif
