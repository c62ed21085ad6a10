/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Log lines of the root side, to standard error.  A line names its source
 * first ("scsi0", "vp3", "vmbus"), so that `grep` finds a device's story.
 * errno is preserved by every call.  Thread-safe.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level {
	LOG_LEVEL_ERR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

void log_set_level(enum log_level level);
void log_line(enum log_level level, const char *source, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_err(source, ...)   log_line(LOG_LEVEL_ERR, source, __VA_ARGS__)
#define log_warn(source, ...)  log_line(LOG_LEVEL_WARN, source, __VA_ARGS__)
#define log_info(source, ...)  log_line(LOG_LEVEL_INFO, source, __VA_ARGS__)
#define log_debug(source, ...) log_line(LOG_LEVEL_DEBUG, source, __VA_ARGS__)

/*
 * For lines that the guest, or another peer, can cause: at most 10 lines in 5 seconds per limit;
 * the count of what was left out is told with the next line that passes.  Zero
 * initialised, embedded in the object concerned.
 */
struct log_limit {
	uint64_t window_start_ns;
	unsigned int in_window;
	unsigned int suppressed;
};
/* True when it was written. */
bool log_limited(enum log_level level, struct log_limit *limit,
		 const char *source, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#define log_guest(limit, source, ...) \
	log_limited(LOG_LEVEL_WARN, limit, source, __VA_ARGS__)

#endif
