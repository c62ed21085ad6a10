// SPDX-License-Identifier: GPL-2.0
/*
 * Log lines: shape, levels, errno, the limit for guest-caused lines.
 *
 * links: util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

static int saved_err = -1;
static int log_pipe[2];

static int setup(void **state)
{
	(void)state;
	if (pipe2(log_pipe, O_NONBLOCK))
		return -1;
	saved_err = dup(STDERR_FILENO);
	return dup2(log_pipe[1], STDERR_FILENO) < 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(saved_err, STDERR_FILENO);
	close(saved_err);
	close(log_pipe[0]);
	close(log_pipe[1]);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
	static char buf[8192];
	ssize_t n = read(log_pipe[0], buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static void test_line(void **state)
{
	char longer[3000];
	const char *out;

	(void)state;
	errno = EXDEV;
	log_err("scsi0", "lun %d: %s", 3, "gone");
	assert_int_equal(errno, EXDEV);
	assert_string_equal(logged(), "scsi0: lun 3: gone\n");
	/* No second line and no escape sequence can be smuggled in. */
	log_info("vp0", "%s", "a\nb\x1b[2J\tc\x7f");
	assert_string_equal(logged(), "vp0: a?b?[2J c?\n");
	/* Bytes that are a command in one character set, letters in another. */
	log_info("vp0", "%s",
		 "\x9b"
		 "2J\xc2\x9b"
		 "2J\xe2\x80\xae\xff~");
	assert_string_equal(logged(), "vp0: ?2J??2J????~\n");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_warn("vp0", "%s", longer);
	out = logged();
	assert_true(strlen(out) < 1024);
	assert_int_equal(out[strlen(out) - 1], '\n');
}

static void test_level(void **state)
{
	(void)state;
	log_debug("vm", "hidden");
	assert_string_equal(logged(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("vm", "shown");
	assert_string_equal(logged(), "vm: shown\n");
	log_set_level(LOG_LEVEL_ERR);
	log_warn("vm", "hidden");
	assert_string_equal(logged(), "");
	log_err("vm", "shown");
	assert_string_equal(logged(), "vm: shown\n");
}

static void test_limit(void **state)
{
	struct log_limit limit = { 0 };
	const char *p;
	int i, lines = 0;

	(void)state;
	for (i = 0; i < 25; i++) {
		errno = EXDEV;
		log_guest(&limit, "vmbus", "bad message %d", i);
		assert_int_equal(errno, EXDEV);
	}
	for (p = logged(); (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, 10);
	log_guest(&limit, "vmbus", "still");
	assert_string_equal(logged(), "");

	/* Five seconds later. */
	limit.window_start_ns -= 5000000000ull;
	log_guest(&limit, "vmbus", "again");
	assert_string_equal(logged(), "vmbus: (16 lines left out) again\n");
	log_limited(LOG_LEVEL_DEBUG, &limit, "vmbus", "hidden");
	assert_string_equal(logged(), "");
	log_limited(LOG_LEVEL_INFO, &limit, "vmbus", "more");
	assert_string_equal(logged(), "vmbus: more\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_level, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
