/* SPDX-License-Identifier: GPL-2.0 */
/* One line for people about what went wrong, beside the error for the program. */
#ifndef UTIL_WHY_H
#define UTIL_WHY_H

#include <stddef.h>

/* Writes the line into why[why_len], cut off if need be; returns err. */
int explain(int err, char *why, size_t why_len, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
