// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "size.h"

/* strtoull() takes signs and blanks, which are no part of a size. */
static int digits(const char *text, char **end, uint64_t *value)
{
	unsigned long long v;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	v = strtoull(text, end, 10);
	if (errno)
		return -ERANGE;
	*value = v;
	return 0;
}

int size_parse(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMGT";
	uint64_t value;
	const char *suffix;
	unsigned int shift = 0;
	char *end;
	int err = digits(text, &end, &value);

	if (err)
		return err;
	if (*end) {
		suffix = strchr(suffixes, toupper((unsigned char)*end));
		if (!suffix || end[1])
			return -EINVAL;
		shift = 10 * (suffix - suffixes + 1);
	}
	if (value > UINT64_MAX >> shift)
		return -ERANGE;
	*bytes = value << shift;
	return 0;
}

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	uint64_t v;
	char *end;
	int err = digits(text, &end, &v);

	if (err)
		return err;
	if (*end)
		return -EINVAL;
	if (v < min || v > max)
		return -ERANGE;
	*value = v;
	return 0;
}

char *size_format(uint64_t bytes, char *buf, size_t len)
{
	static const char *const unit[] = { "KiB", "MiB", "GiB",
					    "TiB", "PiB", "EiB" };
	double value = bytes / 1024.0;
	unsigned int i = 0;

	if (bytes < 1024) {
		snprintf(buf, len, "%" PRIu64 " bytes", bytes);
		return buf;
	}
	while (value >= 1024 && i < 5) {
		value /= 1024;
		i++;
	}
	snprintf(buf, len, "%.*f %s", value == (uint64_t)value ? 0 : 1, value,
		 unit[i]);
	return buf;
}
