// SPDX-License-Identifier: GPL-2.0
/* The agent's main loop: frames in, a command's output and status out. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

/* A root partition that nobody talks to ends by itself. */
#define IDLE_SECONDS 1800
#define CHUNK	     32768

static struct {
	int port;
	int connected; /* a client, as far as the port says */
	struct job job;
	int exited; /* the job's first process has ended */
	int status;
	char in[sizeof(struct frame_header) + FRAME_MAX];
	size_t in_length;
	char out[sizeof(struct frame_header) * 2 + CHUNK];
	size_t out_length;
	char *pending; /* standard input not yet taken by the job */
	size_t pending_length;
	int pending_eof;
} agent = { .job = { .in = -1, .out = -1, .err = -1 } };

static void queue_frame(char type, const void *data, size_t length)
{
	struct frame_header h = { { 'E', 'N', 'L' },
				  type,
				  agent.job.id,
				  length };

	if (agent.out_length + sizeof(h) + length > sizeof(agent.out))
		return;
	memcpy(agent.out + agent.out_length, &h, sizeof(h));
	memcpy(agent.out + agent.out_length + sizeof(h), data, length);
	agent.out_length += sizeof(h) + length;
}

static void drop_job(void)
{
	if (agent.job.pid && !agent.exited) {
		kill(agent.job.pid, SIGKILL);
		while (waitpid(agent.job.pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	agent.job.pid = 0;
	agent.exited = 0;
	job_release(&agent.job);
	free(agent.pending);
	agent.pending = NULL;
	agent.pending_length = 0;
	agent.pending_eof = 0;
}

static void start_job(uint32_t id, const char *data, size_t length)
{
	char text[128];
	char status = 125;
	int ret;

	drop_job();
	agent.job.id = id;
	agent.out_length = 0;
	ret = job_parse(&agent.job, data, length);
	if (!ret)
		ret = job_start(&agent.job);
	if (!ret) {
		queue_frame(FRAME_STARTED, "", 0);
		return;
	}
	snprintf(text, sizeof(text), "cannot start the command: %s\n",
		 strerror(-ret));
	queue_frame(FRAME_MESSAGE, text, strlen(text));
	queue_frame(FRAME_EXIT, &status, 1);
	job_release(&agent.job);
}

static void feed_stdin(void)
{
	ssize_t n;

	if (agent.job.in < 0)
		return;
	if (agent.pending_length) {
		n = write(agent.job.in, agent.pending, agent.pending_length);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			n = agent.pending_length; /* nobody reads it */
		agent.pending_length -= n;
		memmove(agent.pending, agent.pending + n, agent.pending_length);
	}
	if (!agent.pending_length && agent.pending_eof && !agent.job.tty) {
		close(agent.job.in);
		agent.job.in = -1;
	}
}

static void take_stdin(const char *data, size_t length)
{
	char *p;

	if (!length) {
		agent.pending_eof = 1;
	} else if (agent.job.in >= 0) {
		p = realloc(agent.pending, agent.pending_length + length);
		if (!p)
			die("out of memory");
		memcpy(p + agent.pending_length, data, length);
		agent.pending = p;
		agent.pending_length += length;
	}
	feed_stdin();
}

static void take_frame(const struct frame_header *h, const char *data)
{
	struct winsize ws = { 0 };

	if (h->type == FRAME_EXEC) {
		start_job(h->job, data, h->length);
		return;
	}
	if (h->type == FRAME_POWEROFF) {
		drop_job();
		sync();
		reboot(RB_POWER_OFF);
	}
	if (h->job != agent.job.id || !agent.job.pid)
		return;
	if (h->type == FRAME_STDIN) {
		take_stdin(data, h->length);
	} else if (h->type == FRAME_SIGNAL && h->length == 1) {
		kill(agent.job.pid, data[0]);
	} else if (h->type == FRAME_WINSIZE && h->length == 4) {
		memcpy(&ws, data, 4);
		ioctl(agent.job.in, TIOCSWINSZ, &ws);
	}
}

/* Takes whole frames; skips bytes until something looks like a frame. */
static void parse_input(void)
{
	struct frame_header h;
	size_t pos = 0;

	while (agent.in_length - pos >= sizeof(h)) {
		memcpy(&h, agent.in + pos, sizeof(h));
		if (memcmp(h.magic, "ENL", 3) || h.length > FRAME_MAX) {
			pos++;
			continue;
		}
		if (agent.in_length - pos < sizeof(h) + h.length)
			break;
		take_frame(&h, agent.in + pos + sizeof(h));
		pos += sizeof(h) + h.length;
	}
	agent.in_length -= pos;
	memmove(agent.in, agent.in + pos, agent.in_length);
}

static void read_port(void)
{
	ssize_t n = read(agent.port, agent.in + agent.in_length,
			 sizeof(agent.in) - agent.in_length);

	if (n <= 0)
		return;
	agent.in_length += n;
	parse_input();
}

static void write_port(void)
{
	ssize_t n = write(agent.port, agent.out, agent.out_length);

	if (n <= 0)
		return;
	agent.out_length -= n;
	memmove(agent.out, agent.out + n, agent.out_length);
}

/* Moves output of the job to the port; closes @fd at its end. */
static void read_job(int *fd, char type)
{
	static char buf[CHUNK];
	ssize_t n = read(*fd, buf, sizeof(buf));

	if (n > 0) {
		queue_frame(type, buf, n);
	} else if (n == 0 || errno != EINTR) {
		close(*fd);
		*fd = -1;
	}
}

static void finish_job(void)
{
	unsigned char status = agent.status;

	sync();
	queue_frame(FRAME_EXIT, &status, 1);
	drop_job();
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != agent.job.pid)
			continue;
		agent.exited = 1;
		agent.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
						     WEXITSTATUS(status);
	}
}

static void noop(int sig)
{
	(void)sig;
}

/* One turn; returns whether a client is there. */
static int turn(const sigset_t *unblocked)
{
	struct timespec wait = { 1, 0 };
	int room = agent.out_length == 0, hung_up;
	struct pollfd p[4] = {
		{ .fd = agent.port, .events = POLLIN },
		{ .fd = room ? agent.job.out : -1, .events = POLLIN },
		{ .fd = room ? agent.job.err : -1, .events = POLLIN },
		{ .fd = agent.pending_length ? agent.job.in : -1,
		  .events = POLLOUT },
	};

	/* A job that takes no input must not make us hoard it. */
	if (agent.pending_length > FRAME_MAX)
		p[0].events = 0;
	if (agent.out_length)
		p[0].events |= POLLOUT;
	if (ppoll(p, 4, &wait, unblocked) < 0 && errno != EINTR)
		die("poll: %s", strerror(errno));
	reap();
	hung_up = p[0].revents & POLLHUP;
	if (hung_up && agent.connected) {
		drop_job();
		agent.out_length = 0;
	}
	agent.connected = !hung_up;
	/* The next client's bytes may be here before the news of it. */
	if (p[0].revents & POLLIN)
		read_port();
	if (hung_up) {
		usleep(30000);
		return 0;
	}
	if (p[0].revents & POLLOUT)
		write_port();
	if (p[1].revents)
		read_job(&agent.job.out, FRAME_STDOUT);
	else if (p[2].revents)
		read_job(&agent.job.err, FRAME_STDERR);
	if (p[3].revents)
		feed_stdin();
	if (agent.exited && agent.job.out < 0 && agent.job.err < 0 &&
	    !agent.out_length)
		finish_job();
	return 1;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = noop };
	sigset_t blocked, unblocked;
	time_t last;

	boot_system();
	agent.port = boot_open_port();
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &unblocked);
	sigdelset(&unblocked, SIGCHLD);
	sigaction(SIGCHLD, &sa, NULL);
	last = time(NULL);
	for (;;) {
		if (turn(&unblocked))
			last = time(NULL);
		else if (time(NULL) - last > IDLE_SECONDS)
			die("nobody came for %d seconds", IDLE_SECONDS);
	}
}
