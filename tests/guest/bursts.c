// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a disk in bursts: submits so many reads, waits for all of them, and
 * again:
 *
 *	bursts DISK CPU MILLISECONDS NUMBER one|each blocks|polls CLASS
 *
 * "one" call submits a burst, or "each" read has a call of its own. CLASS is
 * "normal"; "fifo": a program that lets in nobody else; or "hogged": a normal one
 * that such a program keeps from running for HOG_MS, as soon as it has run for a
 * millisecond. It prints the reads done per second, their number, and how long
 * the longest call took that submitted some, in microseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BLOCK  4096
#define MOST   64
#define HOG_MS 100

static aio_context_t context;
static double longest;

static void die(const char *what)
{
	fprintf(stderr, "bursts: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void submit(struct iocb **list, long n)
{
	double start = now(), took;

	if (syscall(SYS_io_submit, context, n, list) != n)
		die("io_submit");
	took = now() - start;
	if (took > longest)
		longest = took;
}

static void reap(int n, bool polls)
{
	struct timespec none = { 0, 0 };
	struct io_event events[MOST];
	int i, got = 0, more;

	while (got < n) {
		more = syscall(SYS_io_getevents, context, polls ? 0 : n - got,
			       n - got, events, polls ? &none : NULL);
		if (more < 0)
			die("io_getevents");
		for (i = 0; i < more; i++) {
			errno = -events[i].res;
			if (events[i].res != BLOCK)
				die("read");
		}
		got += more;
	}
}

static void burst(struct iocb *iocbs, int n, bool each, bool polls)
{
	struct iocb *list[MOST];
	int i;

	for (i = 0; i < n; i++)
		list[i] = &iocbs[i];
	if (!each)
		submit(list, n);
	else
		for (i = 0; i < n; i++)
			submit(&list[i], 1);
	reap(n, polls);
}

static void be_fifo(void)
{
	struct sched_param param = { .sched_priority = 50 };

	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("sched_setscheduler");
}

/* Ends with its parent. */
static void hog(void)
{
	struct timespec pause = { 0, 1000000 };
	double until;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() == 1)
		exit(1);
	be_fifo();
	for (;;) {
		until = now() + HOG_MS / 1e3;
		while (now() < until)
			;
		nanosleep(&pause, NULL);
	}
}

static bool is(const char *word, const char *yes, const char *no)
{
	if (strcmp(word, yes) && strcmp(word, no)) {
		fprintf(stderr, "bursts: neither %s nor %s: %s\n", yes, no,
			word);
		exit(2);
	}
	return !strcmp(word, yes);
}

static void prepare(struct iocb *iocbs, const char *path, int n)
{
	int i, disk = open(path, O_RDONLY | O_DIRECT);
	char *buffer;

	if (disk < 0)
		die(path);
	if (posix_memalign((void **)&buffer, BLOCK, MOST * BLOCK) ||
	    syscall(SYS_io_setup, MOST, &context))
		die("io_setup");
	for (i = 0; i < n; i++) {
		iocbs[i].aio_fildes = disk;
		iocbs[i].aio_lio_opcode = IOCB_CMD_PREAD;
		iocbs[i].aio_buf = (unsigned long)(buffer + i * BLOCK);
		iocbs[i].aio_nbytes = BLOCK;
		/* Far from each other: the block layer is not to join them. */
		iocbs[i].aio_offset = (long)i * 16 * BLOCK;
	}
}

int main(int argc, char **argv)
{
	static struct iocb iocbs[MOST];
	bool each, polls;
	double start, end, seconds;
	cpu_set_t cpus;
	long done = 0;
	int n;

	if (argc != 8 || (n = atoi(argv[4])) < 1 || n > MOST) {
		fprintf(stderr,
			"bursts DISK CPU MILLISECONDS NUMBER one|each blocks|polls normal|fifo|hogged\n");
		return 2;
	}
	seconds = atoi(argv[3]) / 1e3;
	each = is(argv[5], "each", "one");
	polls = is(argv[6], "polls", "blocks");
	prepare(iocbs, argv[1], n);

	CPU_ZERO(&cpus);
	CPU_SET(atoi(argv[2]), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	if (!strcmp(argv[7], "hogged")) {
		if (!fork())
			hog();
	} else if (is(argv[7], "fifo", "normal")) {
		be_fifo();
	}

	start = now();
	do {
		burst(iocbs, n, each, polls);
		done += n;
		end = now();
	} while (end < start + seconds);
	printf("%.1f %ld %.0f\n", done / (end - start), done, longest * 1e6);
	return 0;
}
