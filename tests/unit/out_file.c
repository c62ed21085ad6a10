// SPDX-License-Identifier: GPL-2.0
/*
 * Files written under a name that somebody gave: what others may have put there
 * before is neither written nor read by them, and what is no file works as ever.
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
#include <sys/stat.h>
#include <unistd.h>

#include "own_device.h"
#include "util/out_file.h"

#define NOBODY 65534

static char dir[] = "/tmp/out-file.XXXXXX";

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void has(const char *name, const char *text)
{
	char buf[64] = "";
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, buf, sizeof(buf) - 1) >= 0);
	close(fd);
	assert_string_equal(buf, text);
}

/* Nothing but these is in the folder. */
static void only(const char *names)
{
	char text[200] = "";
	FILE *p = popen("ls -A | tr '\\n' ' '", "r");

	assert_non_null(p);
	if (!fgets(text, sizeof(text), p))
		text[0] = '\0';
	pclose(p);
	assert_string_equal(text, names);
}

static int write_out(const char *name, const char *text)
{
	struct out_file f;
	int err = out_file_open(&f, name, 0640);

	if (err)
		return err;
	assert_int_equal(write(f.fd, text, strlen(text)), strlen(text));
	assert_int_equal(out_file_place(&f), 0);
	assert_int_equal(out_file_close(&f), 0);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	umask(022);
	return !mkdtemp(dir) || chdir(dir);
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

/* Whole or not at all, and with the mode that was asked for. */
static void test_place(void **state)
{
	struct out_file f;
	struct stat st;

	(void)state;
	assert_int_equal(out_file_open(&f, "a", 0640), 0);
	assert_int_equal(access("a", F_OK), -1);
	assert_int_equal(out_file_close(&f), 0);
	only("");
	put("a", "old");
	assert_int_equal(out_file_open(&f, "a", 0640), 0);
	assert_int_equal(write(f.fd, "new", 3), 3);
	has("a", "old");
	assert_int_equal(out_file_place(&f), 0);
	has("a", "new");
	assert_int_equal(fstat(f.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(out_file_close(&f), 0);
	only("a ");
	assert_int_equal(write_out("/nowhere/a", "x"), -ENOENT);
	assert_int_equal(write_out(dir, "x"), -EISDIR);
	assert_int_equal(out_file_check(dir), -EISDIR);
	assert_int_equal(out_file_check("/nowhere/a"), -ENOENT);
	assert_int_equal(out_file_check("a"), 0);
	assert_int_equal(out_file_check("b"), 0);
	only("a ");
}

static void test_remove(void **state)
{
	struct out_file f;

	(void)state;
	assert_int_equal(out_file_open(&f, "a", 0600), 0);
	assert_int_equal(out_file_place(&f), 0);
	out_file_remove(&f);
	only("");
	/* What was there, and what has come since, stays. */
	put("a", "old");
	assert_int_equal(out_file_open(&f, "a", 0600), 0);
	assert_int_equal(out_file_place(&f), 0);
	out_file_remove(&f);
	only("a ");
	assert_int_equal(out_file_open(&f, "b", 0600), 0);
	assert_int_equal(out_file_place(&f), 0);
	assert_int_equal(unlink("b"), 0);
	put("b", "theirs");
	out_file_remove(&f);
	has("b", "theirs");
}

/* Another name of a file of worth, or one that somebody holds open. */
static void test_laid_there(void **state)
{
	char buf[8];
	int spy;

	(void)state;
	put("worth", "keep");
	assert_int_equal(link("worth", "a"), 0);
	assert_int_equal(write_out("a", "new"), 0);
	has("worth", "keep");
	has("a", "new");
	put("b", "");
	spy = open("b", O_RDWR | O_CLOEXEC);
	assert_int_equal(write_out("b", "secret"), 0);
	assert_int_equal(read(spy, buf, sizeof(buf)), 0);
	close(spy);
}

/* A name that could be foreseen would be "a.PID". */
static void test_unforeseen(void **state)
{
	char name[32], first[64];
	struct out_file f;

	(void)state;
	put("worth", "keep");
	snprintf(name, sizeof(name), "a.%d", getpid());
	assert_int_equal(symlink("worth", name), 0);
	assert_int_equal(out_file_open(&f, "a", 0600), 0);
	assert_string_not_equal(f.making, name);
	snprintf(first, sizeof(first), "%s", f.making);
	assert_int_equal(out_file_close(&f), 0);
	assert_int_equal(out_file_open(&f, "a", 0600), 0);
	assert_string_not_equal(f.making, first);
	assert_int_equal(out_file_close(&f), 0);
	has("worth", "keep");
}

static void test_links(void **state)
{
	(void)state;
	assert_int_equal(mkdir("folder", 0755), 0);
	put("folder/file", "old");
	assert_int_equal(symlink("folder/file", "one"), 0);
	assert_int_equal(symlink("../one", "folder/two"), 0);
	assert_int_equal(write_out("folder/two", "new"), 0);
	has("folder/file", "new");
	assert_int_equal(readlink("one", (char[16]){ 0 }, 16), 11);
	assert_int_equal(symlink("folder/none", "three"), 0);
	assert_int_equal(write_out("three", "new"), 0);
	has("folder/none", "new");
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(write_out("loop", "new"), -ELOOP);
}

static void test_foreign_links(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	put("file", "old");
	assert_int_equal(symlink("file", "theirs"), 0);
	assert_int_equal(lchown("theirs", NOBODY, NOBODY), 0);
	assert_int_equal(out_file_check("theirs"), -ELOOP);
	assert_int_equal(write_out("theirs", "evil"), -ELOOP);
	/* Nor by way of one's own. */
	assert_int_equal(symlink("theirs", "own"), 0);
	assert_int_equal(write_out("own", "evil"), -ELOOP);
	has("file", "old");
}

static void test_device(void **state)
{
	const char *null = own_null("device");
	struct stat st;

	(void)state;
	if (!null)
		skip();
	assert_int_equal(out_file_check(null), 0);
	assert_int_equal(write_out(null, "x"), 0);
	assert_int_equal(symlink(null, "null"), 0);
	assert_int_equal(write_out("null", "x"), 0);
	assert_int_equal(stat(null, &st), 0);
	assert_true(S_ISCHR(st.st_mode));
}

static void test_no_files(void **state)
{
	int fd[2], fifo, out, link;
	char name[64], buf[8];

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	fifo = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(write_out("fifo", "x"), 0);
	assert_int_equal(read(fifo, buf, sizeof(buf)), 1);
	close(fifo);
	/* Nobody reads: told, where to wait for somebody might be for ever. */
	alarm(30);
	assert_int_equal(write_out("fifo", "x"), -ENXIO);
	alarm(0);
	assert_non_null(strstr(out_file_error(-ENXIO), "nobody reads"));
	/* A shell's >(command) */
	assert_int_equal(pipe(fd), 0);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd[1]);
	assert_int_equal(out_file_check(name), 0);
	assert_int_equal(write_out(name, "abc"), 0);
	assert_int_equal(read(fd[0], buf, sizeof(buf)), 3);
	close(fd[0]);
	close(fd[1]);
	assert_true(write_out(name, "abc") < 0);
	/* Standard output that is a file: behind what was written to it. */
	out = dup(STDOUT_FILENO);
	put("out", "");
	fd[0] = open("out", O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd[0], "first,", 6), 6);
	fflush(stdout);
	dup2(fd[0], STDOUT_FILENO);
	/* As /dev/stdout is one. */
	link = symlink("/proc/self/fd/1", "stdout");
	fd[1] = write_out("stdout", "second");
	dup2(out, STDOUT_FILENO);
	assert_int_equal(link, 0);
	assert_int_equal(fd[1], 0);
	has("out", "first,second");
	close(fd[0]);
	close(out);
}

/* Where nothing can be made, what is there is used, if it is the user's own. */
static void test_closed_folder(void **state)
{
	int made, check, own, theirs, linked;

	(void)state;
	if (geteuid()) {
		print_message(
			"a folder of somebody else's: only root has one\n");
		return;
	}
	assert_int_equal(mkdir("closed", 0755), 0);
	put("closed/own", "old text");
	put("closed/theirs", "old");
	put("closed/linked", "old");
	assert_int_equal(chmod("closed/theirs", 0666), 0);
	assert_int_equal(chown("closed/own", NOBODY, NOBODY), 0);
	assert_int_equal(chown("closed/linked", NOBODY, NOBODY), 0);
	assert_int_equal(link("closed/linked", "closed/again"), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(seteuid(NOBODY), 0);
	made = write_out("closed/new", "x");
	check = out_file_check("closed/own");
	own = write_out("closed/own", "new");
	theirs = write_out("closed/theirs", "new");
	linked = write_out("closed/linked", "new");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(made, -EACCES);
	assert_int_equal(check, 0);
	assert_int_equal(own, 0);
	has("closed/own", "new");
	assert_int_equal(theirs, -EACCES);
	assert_int_equal(linked, -EACCES);
	has("closed/theirs", "old");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_place),	  TEST(test_remove),
		TEST(test_laid_there),	  TEST(test_unforeseen),
		TEST(test_links),	  TEST(test_foreign_links),
		TEST(test_device),	  TEST(test_no_files),
		TEST(test_closed_folder),
	};

	return cmocka_run_group_tests_name("out-file", tests, NULL, NULL);
}
