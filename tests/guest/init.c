// SPDX-License-Identifier: GPL-2.0
/*
 * The child partition's first process.  It loads the modules of /modules.list,
 * runs /test.sh with the verdict port (COM2) as its output, reports the exit
 * status there as the line "verdict N", and powers off.  The console (COM1)
 * carries the kernel's and the script's errors, so that noise on it can't pass
 * for a verdict; a guest that hangs or panics gives none.
 *
 * Without /test.sh it offers a shell on the console.  poweroff and reboot in a
 * shell do what they say: all else is hung up, and what /test.sh then says is
 * its verdict.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define VERDICT_PORT  "/dev/ttyS1"
#define GRACE_SECONDS 5

/* How busybox's poweroff and reboot tell the first process; 0: nobody did. */
static int ending;
static sigset_t signals;

static void say(const char *what, const char *name)
{
	fprintf(stderr, "init: %s %s: %s\n", what, name, strerror(errno));
}

static void mount_at(const char *type, const char *where, const char *options)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, options) < 0 && errno != EBUSY)
		say("cannot mount", where);
}

static void mount_all(void)
{
	mount_at("devtmpfs", "/dev", NULL);
	mount_at("proc", "/proc", NULL);
	mount_at("sysfs", "/sys", NULL);
	mount_at("debugfs", "/sys/kernel/debug", NULL);
	mount_at("devpts", "/dev/pts", NULL);
	mount_at("tmpfs", "/dev/shm", NULL);
	mount_at("tmpfs", "/tmp", "mode=1777");
	mount_at("tmpfs", "/run", NULL);
	if (symlink("/proc/self/fd", "/dev/fd") < 0 && errno != EEXIST)
		say("cannot link", "/dev/fd");
}

/* Each line: a file, then its parameters. */
static int load_modules(const char *list)
{
	char line[1024];
	int failed = 0;
	FILE *f = fopen(list, "r");

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		char *params;
		int fd;

		line[strcspn(line, "\n")] = 0;
		params = strchr(line, ' ');
		if (params)
			*params++ = 0;
		else
			params = line + strlen(line);
		fd = open(line, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, params, 0) < 0) {
			say("cannot load", line);
			failed = 1;
		}
		if (fd >= 0)
			close(fd);
	}
	fclose(f);
	return failed;
}

static int open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return -1;
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
	return 0;
}

/* Lines go out as they are: no CR before LF, no echo. */
static int open_verdict_port(void)
{
	struct termios t;
	int fd = open(VERDICT_PORT, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (!tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		t.c_cflag |= CLOCAL;
		cfsetspeed(&t, B115200);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

/* Waits for a child, and reaps what else ends meanwhile. */
static int await(pid_t pid, int *status)
{
	const struct timespec grace = { GRACE_SECONDS, 0 }, often = { 1, 0 };
	int hung_up = 0;

	for (;;) {
		int left, got;
		pid_t ended;

		while ((ended = waitpid(-1, &left, WNOHANG)) > 0) {
			if (ended == pid) {
				*status = left;
				return 0;
			}
		}
		if (ended < 0)
			return -1;
		if (ending && !hung_up) {
			hung_up = 1;
			kill(-1, SIGHUP);
		}
		got = sigtimedwait(&signals, NULL, ending ? &grace : &often);
		if (got < 0 && ending)
			kill(-1, SIGKILL);
		else if (got > 0 && got != SIGCHLD)
			ending = got;
	}
}

static int run(char *const argv[], int out, int terminal)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return 125;
	if (!pid) {
		sigprocmask(SIG_UNBLOCK, &signals, NULL);
		setsid();
		if (terminal)
			ioctl(0, TIOCSCTTY, 1);
		if (out >= 0)
			dup2(out, 1);
		execv(argv[0], argv);
		say("cannot run", argv[0]);
		_exit(127);
	}
	if (await(pid, &status) < 0)
		return 125;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

static void run_test(int modules_failed)
{
	char *const argv[] = { "/bin/sh", "/test.sh", NULL };
	char *const log[] = { "/bin/busybox", "dmesg", NULL };
	int port = open_verdict_port();
	int status;

	if (port < 0) {
		say("no verdict port", VERDICT_PORT);
		return;
	}
	if (modules_failed)
		dprintf(port, "# a module could not be loaded\n");
	status = run(argv, port, 0);
	if (modules_failed && !status)
		status = 1;
	if (status)
		run(log, 2, 0);
	dprintf(port, "verdict %d\n", status);
	tcdrain(port);
	close(port);
}

int main(void)
{
	char *const shell[] = { "/bin/sh", "-l", NULL };
	int failed;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	mount_all();
	open_console();
	setenv("PATH",
	       "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	       1);
	setenv("HOME", "/", 1);
	failed = load_modules("/modules.list");
	if (!access("/test.sh", R_OK))
		run_test(failed);
	else
		run(shell, -1, 1);
	sync();
	reboot(ending == SIGTERM ? RB_AUTOBOOT : RB_POWER_OFF);
	for (;;)
		pause();
}
