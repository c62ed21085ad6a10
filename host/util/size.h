/* SPDX-License-Identifier: GPL-2.0 */
/* Sizes in bytes as people write them: "512M", "2G", "65536". */
#ifndef UTIL_SIZE_H
#define UTIL_SIZE_H

#include <stddef.h>
#include <stdint.h>

/* Suffixes K, M, G, T (powers of 1024, either case).  0, -EINVAL or -ERANGE. */
int size_parse(const char *text, uint64_t *bytes);
/* A whole decimal number from min to max.  0, -EINVAL or -ERANGE. */
int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* "1.5 GiB", "512 bytes"; returns buf. */
char *size_format(uint64_t bytes, char *buf, size_t len);

#endif
