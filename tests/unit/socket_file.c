// SPDX-License-Identifier: GPL-2.0
/*
 * A socket's file: one left behind gives way, one in use does not, nor does what
 * comes to its place while it is looked at.
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
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/socket_file.h"

static char dir[] = "/tmp/socket-file.XXXXXX";
static char why[300];
static void (*while_asked)(void);

/* The one of the library, beside which somebody else is at work. */
int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	int ret = syscall(SYS_connect, fd, addr, len), err = errno;

	if (while_asked)
		while_asked();
	while_asked = NULL;
	errno = err;
	return ret;
}

static int bind_it(int *fd, struct socket_file *f)
{
	int err;

	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*fd >= 0);
	err = socket_file_bind(f, *fd, "socket", why, sizeof(why));
	if (err)
		close(*fd);
	else
		assert_int_equal(listen(*fd, 1), 0);
	return err;
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	return !mkdtemp(dir) || chdir(dir);
}

/* Nothing of ours is left. */
static int teardown(void **state)
{
	(void)state;
	unlink("socket");
	unlink("other");
	return chdir("/") || rmdir(dir);
}

static void leave_behind(void)
{
	struct socket_file f;
	int fd;

	assert_int_equal(bind_it(&fd, &f), 0);
	close(fd);
	free(f.path);
	assert_int_equal(access("socket", F_OK), 0);
}

static void test_stale(void **state)
{
	struct socket_file f;
	struct stat st;
	int fd;

	(void)state;
	leave_behind();
	assert_int_equal(bind_it(&fd, &f), 0);
	assert_int_equal(stat("socket", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	socket_file_remove(&f);
	assert_int_equal(access("socket", F_OK), -1);
	close(fd);
}

static void test_in_use(void **state)
{
	struct socket_file f, other;
	int fd, second;

	(void)state;
	assert_int_equal(bind_it(&fd, &f), 0);
	assert_int_equal(bind_it(&second, &other), -EADDRINUSE);
	assert_non_null(strstr(why, "running program"));
	socket_file_remove(&f);
	close(fd);
}

static int taken;
static struct socket_file taker;

static void take(void)
{
	while_asked = NULL;
	assert_int_equal(bind_it(&taken, &taker), 0);
}

/* Two find the same one left behind: the first has it. */
static void test_two(void **state)
{
	struct socket_file f;
	struct stat st;
	int fd;

	(void)state;
	leave_behind();
	while_asked = take;
	assert_int_equal(bind_it(&fd, &f), -EADDRINUSE);
	assert_non_null(strstr(why, "somebody else"));
	assert_int_equal(lstat("socket", &st), 0);
	assert_int_equal(st.st_ino, taker.ino);
	assert_int_equal(bind_it(&fd, &f), -EADDRINUSE);
	socket_file_remove(&taker);
	close(taken);
}

static void put_file(void)
{
	close(open("other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	rename("other", "socket");
}

/* A user's file that has come there is none of ours. */
static void test_swapped(void **state)
{
	struct socket_file f;
	struct stat st;
	int fd;

	(void)state;
	leave_behind();
	while_asked = put_file;
	assert_int_equal(bind_it(&fd, &f), -EADDRINUSE);
	assert_int_equal(lstat("socket", &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void go(void)
{
	unlink("socket");
}

static void test_gone(void **state)
{
	struct socket_file f;
	int fd;

	(void)state;
	leave_behind();
	while_asked = go;
	assert_int_equal(bind_it(&fd, &f), 0);
	socket_file_remove(&f);
	close(fd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stale),   TEST(test_in_use), TEST(test_two),
		TEST(test_swapped), TEST(test_gone),
	};

	return cmocka_run_group_tests_name("socket-file", tests, NULL, NULL);
}
