// SPDX-License-Identifier: GPL-2.0
/*
 * A line is put together in a buffer and leaves by one write(2), so that lines
 * of several threads (and processes on one terminal) don't mix.  Text may come
 * from the guest: what isn't printable ASCII is replaced, so that a line stays a
 * line, and no terminal takes a byte for a command, whatever its character set.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "now.h"

#define LOG_WINDOW_NS	 5000000000ull
#define LOG_WINDOW_LINES 10

static enum log_level log_level = LOG_LEVEL_INFO;
static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;

void log_set_level(enum log_level level)
{
	__atomic_store_n(&log_level, level, __ATOMIC_RELAXED);
}

static void clean(signed char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = text[i] == '\t' ? ' ' : '?';
}

static void emit(const char *source, const char *note, const char *fmt,
		 va_list ap)
{
	char line[1024];
	int room = sizeof(line) - 1;
	int n, more;

	n = snprintf(line, room, "%s: %s", source, note);
	if (n < 0)
		return;
	if (n < room) {
		more = vsnprintf(line + n, room - n, fmt, ap);
		if (more < 0)
			return;
		n += more;
	}
	if (n > room - 1)
		n = room - 1;
	clean((signed char *)line, n);
	line[n++] = '\n';
	/* Nowhere to report a failure to: standard error is the last resort. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void log_line(enum log_level level, const char *source, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (level <= __atomic_load_n(&log_level, __ATOMIC_RELAXED)) {
		va_start(ap, fmt);
		emit(source, "", fmt, ap);
		va_end(ap);
	}
	errno = saved;
}

/* True when the line may pass; *left_out: lines not shown before it. */
static bool limit_pass(struct log_limit *limit, unsigned int *left_out)
{
	uint64_t now = now_ns();
	bool pass;

	pthread_mutex_lock(&limit_lock);
	if (!limit->in_window ||
	    now - limit->window_start_ns >= LOG_WINDOW_NS) {
		limit->window_start_ns = now;
		limit->in_window = 0;
	}
	pass = limit->in_window < LOG_WINDOW_LINES;
	if (pass) {
		limit->in_window++;
		*left_out = limit->suppressed;
		limit->suppressed = 0;
	} else if (limit->suppressed < UINT32_MAX) {
		limit->suppressed++;
	}
	pthread_mutex_unlock(&limit_lock);
	return pass;
}

bool log_limited(enum log_level level, struct log_limit *limit,
		 const char *source, const char *fmt, ...)
{
	int saved = errno;
	unsigned int left_out = 0;
	char note[48] = "";
	bool pass;
	va_list ap;

	pass = level <= __atomic_load_n(&log_level, __ATOMIC_RELAXED) &&
	       limit_pass(limit, &left_out);
	if (pass) {
		if (left_out)
			snprintf(note, sizeof(note), "(%u lines left out) ",
				 left_out);
		va_start(ap, fmt);
		emit(source, note, fmt, ap);
		va_end(ap);
	}
	errno = saved;
	return pass;
}
