// SPDX-License-Identifier: GPL-2.0
#include "nofile.h"

#include <limits.h>
#include <sys/resource.h>

static unsigned int limit_of(const struct rlimit *limit)
{
	return limit->rlim_cur < UINT_MAX ? limit->rlim_cur : UINT_MAX;
}

unsigned int nofile_limit(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) ? 0 : limit_of(&limit);
}

unsigned int nofile_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return nofile_limit();
}
