// SPDX-License-Identifier: GPL-2.0
/*
 * One command in its own mount, process and cgroup namespaces.  When its first
 * process ends, the kernel kills every other and drops every mount, so nothing of
 * a command is left for the next.
 */

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

/* Collects strings up to an empty one; NULL if the text ends before it. */
static char **take_strings(char **pos, char *end)
{
	size_t count = 0, room = 16;
	char **list = malloc(room * sizeof(*list));

	while (list && *pos < end) {
		char *s = *pos;

		*pos += strlen(s) + 1;
		if (!*s) {
			list[count] = NULL;
			return list;
		}
		list[count++] = s;
		if (count == room) {
			char **longer;

			room *= 2;
			longer = realloc(list, room * sizeof(*list));
			if (!longer)
				break;
			list = longer;
		}
	}
	free(list);
	return NULL;
}

static char *take_string(char **pos, char *end)
{
	char *s = *pos;

	if (s >= end)
		return NULL;
	*pos += strlen(s) + 1;
	return s;
}

/*
 * The payload: "tty" or "pipe", the working directory, the project's folder,
 * the kernel's name, then the environment, an empty string, the arguments
 * (each with a leading dot, so that they may be empty), an empty string.
 */
int job_parse(struct job *job, const char *data, size_t length)
{
	char *pos, *end, *mode;
	char **arg;

	if (!length || data[length - 1])
		return -EINVAL;
	job->text = malloc(length);
	if (!job->text)
		return -ENOMEM;
	memcpy(job->text, data, length);
	pos = job->text;
	end = pos + length;
	mode = take_string(&pos, end);
	job->cwd = take_string(&pos, end);
	job->project = take_string(&pos, end);
	job->kernel = take_string(&pos, end);
	job->env = take_strings(&pos, end);
	job->argv = take_strings(&pos, end);
	if (!job->env || !job->argv || !job->argv[0]) {
		job_release(job);
		return -EINVAL;
	}
	for (arg = job->argv; *arg; arg++)
		(*arg)++;
	job->tty = !strcmp(mode, "tty");
	return 0;
}

void job_release(struct job *job)
{
	int *fds[] = { &job->in, &job->out, &job->err };
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	free(job->env);
	free(job->argv);
	free(job->text);
	job->env = NULL;
	job->argv = NULL;
	job->text = NULL;
}

static void __attribute__((noreturn)) fail(const char *what, const char *name)
{
	fprintf(stderr, "root partition: %s %s: %s\n", what, name,
		strerror(errno));
	_exit(125);
}

static void make_path(const char *path)
{
	char buf[4096];
	char *p;

	snprintf(buf, sizeof(buf), "%s", path);
	for (p = buf + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(buf, 0755);
		*p = '/';
	}
	mkdir(buf, 0755);
}

static void mount_share(const char *tag, const char *where, unsigned long flags)
{
	static const char options[] =
		"trans=virtio,version=9p2000.L,msize=512000,cache=mmap";
	int tries;

	/* The previous command's mount goes away a moment after it ended. */
	for (tries = 0; tries < 500; tries++) {
		if (!mount(tag, where, "9p", flags, options))
			return;
		if (errno != EBUSY && errno != ENOENT)
			break;
		usleep(10000);
	}
	fail("cannot mount", where);
}

/* Before any mount of the job's own: the path is the machine's. */
static void enter_group(void)
{
	int fd = open(JOB_GROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) < 0 || unshare(CLONE_NEWCGROUP) < 0)
		fail("cannot enter", JOB_GROUP);
	close(fd);
}

/* Fresh mounts, so that a command sees files as they are now. */
static void mount_for_job(const struct job *job)
{
	char path[4096], modules[4096];

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("cannot make mounts private", "");
	if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=1777,size=2g") < 0 ||
	    mount("tmpfs", "/var/tmp", "tmpfs", 0, "mode=1777,size=1g") < 0)
		fail("cannot mount", "/tmp");
	if (mount("proc", "/proc", "proc", 0, NULL) < 0)
		fail("cannot mount", "/proc");
	/* The machine's own view of groups would be a way out of the job's. */
	if (umount("/sys/fs/cgroup") < 0 ||
	    mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
		fail("cannot mount", "/sys/fs/cgroup");
	make_path(job->project);
	mount_share("project", job->project, MS_RDONLY);
	snprintf(path, sizeof(path), "%s/build", job->project);
	mount_share("build", path, 0);
	snprintf(modules, sizeof(modules), "%s/build/kernels/%s/lib/modules",
		 job->project, job->kernel);
	make_path("/lib/modules");
	if (mount(modules, "/lib/modules", NULL, MS_BIND, NULL) < 0)
		fail("cannot bind", modules);
	if (chdir(job->cwd) < 0)
		fail("cannot enter", job->cwd);
}

static volatile pid_t command;

static void forward_signal(int sig)
{
	if (command > 0)
		kill(-command, sig);
}

/* Becomes the namespace's first process; the command is its child. */
static void __attribute__((noreturn)) run_namespace(const struct job *job)
{
	static const int forwarded[] = { SIGINT,  SIGTERM, SIGHUP,
					 SIGQUIT, SIGUSR1, SIGUSR2 };
	struct sigaction sa = { .sa_handler = forward_signal };
	sigset_t none;
	unsigned int i;
	int status;
	pid_t pid;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	enter_group();
	mount_for_job(job);
	command = fork();
	if (command < 0)
		fail("cannot fork", "");
	if (!command) {
		setsid();
		if (job->tty)
			ioctl(0, TIOCSCTTY, 0);
		environ = job->env;
		execvp(job->argv[0], job->argv);
		fprintf(stderr, "root partition: cannot run %s: %s\n",
			job->argv[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
	for (i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaction(forwarded[i], &sa, NULL);
	for (;;) {
		pid = wait(&status);
		if (pid == command)
			break;
		if (pid < 0 && errno != EINTR)
			_exit(125);
	}
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				    WEXITSTATUS(status));
}

static int open_stdio(struct job *job, int child[3])
{
	int in[2], out[2], err[2];

	if (job->tty) {
		if (openpty(&job->in, &child[0], NULL, NULL, NULL) < 0)
			return -errno;
		fcntl(job->in, F_SETFD, FD_CLOEXEC);
		job->out = dup(job->in);
		child[1] = dup(child[0]);
		child[2] = dup(child[0]);
		return 0;
	}
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
		return -errno;
	job->in = in[1];
	child[0] = in[0];
	job->out = out[0];
	child[1] = out[1];
	job->err = err[0];
	child[2] = err[1];
	return 0;
}

int job_start(struct job *job)
{
	int child[3];
	int i, ret;
	long pid;

	ret = open_stdio(job, child);
	if (ret)
		return ret;
	pid = syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, 0, 0, 0,
		      0);
	if (!pid) {
		for (i = 0; i < 3; i++)
			dup2(child[i], i);
		for (i = 0; i < 3; i++)
			close(child[i]);
		close(job->in);
		run_namespace(job);
	}
	ret = pid < 0 ? -errno : 0;
	for (i = 0; i < 3; i++)
		close(child[i]);
	if (ret)
		return ret;
	job->pid = pid;
	fcntl(job->in, F_SETFL, fcntl(job->in, F_GETFL) | O_NONBLOCK);
	return 0;
}
