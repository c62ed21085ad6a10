/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The agent of the nested root partition: its first process, which runs one
 * command at a time for scripts/with-root-partition.
 *
 * Both ends speak frames over one virtio-serial port: "ENL" and a type byte,
 * then the job's number and the payload's length as little-endian 32-bit
 * words, then the payload.  The client numbers jobs; frames of another job are
 * dropped by either side, so what a killed client left behind does no harm.
 */
#ifndef ENLIGHT_AGENT_H
#define ENLIGHT_AGENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FRAME_MAX      (256 * 1024)

/* To the agent. */
#define FRAME_EXEC     'X' /* NUL-ended strings, see job_parse() */
#define FRAME_STDIN    'i' /* an empty one is end of file */
#define FRAME_SIGNAL   's' /* one byte: the signal's number */
#define FRAME_WINSIZE  'w' /* rows, columns: two 16-bit words */
#define FRAME_POWEROFF 'p'

/* To the client. */
#define FRAME_STARTED  'S'
#define FRAME_STDOUT   'o'
#define FRAME_STDERR   'e'
#define FRAME_MESSAGE  'm' /* text for the user, from the agent itself */
#define FRAME_EXIT     'x' /* one byte: the exit status */

/*
 * The control group whose cpuset is every processor but the first, and where in
 * it a job runs: the root of its own cgroup namespace.
 */
#define JOBS_GROUP     "/sys/fs/cgroup/jobs"
#define JOB_GROUP      JOBS_GROUP "/job"

struct frame_header {
	char magic[3];
	char type;
	uint32_t job;
	uint32_t length;
};

/* A command to run, or running.  Strings point into @text. */
struct job {
	uint32_t id;
	char *text;
	const char *cwd;
	const char *project; /* the checkout, shared separately */
	const char *kernel;  /* folder under build/kernels */
	int tty;
	char **env;
	char **argv;
	pid_t pid;	  /* first process of its namespace, 0: none */
	int in, out, err; /* our ends; -1: closed */
};

/*
 * boot.c: mounts the machine's root as /, loads modules, makes JOBS_GROUP;
 * powers off on failure.
 */
void boot_system(void);
/* boot.c: opens the virtio-serial port, non-blocking. */
int boot_open_port(void);
/* boot.c: reports on the console and powers off. */
void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* job.c: fills @job from an EXEC frame's payload; negative errno. */
int job_parse(struct job *job, const char *data, size_t length);
/*
 * job.c: starts @job in its own mount, process and cgroup namespaces, held to
 * JOBS_GROUP's processors; negative errno.
 */
int job_start(struct job *job);
/* job.c: frees what job_parse() and job_start() took. */
void job_release(struct job *job);

#endif /* ENLIGHT_AGENT_H */
