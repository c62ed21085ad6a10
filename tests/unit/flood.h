/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a flood of messages does to the root side: memory, lines logged, and how
 * long the thread that does the work was busy at once.  One flood at a time.
 */
#ifndef TESTS_FLOOD_H
#define TESTS_FLOOD_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"
#include "util/worker_var.h"

/* Of the sanitiser that these tests are built with; its header is another package. */
size_t __sanitizer_get_current_allocated_bytes(void);

struct flood {
	size_t memory;	  /* allocated before; now more by */
	uint64_t longest; /* ns of CPU, of one turn */
	unsigned int lines;
	int fd, stderr_fd;
	uint64_t start;
};

static inline uint64_t flood_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/* A turn of the calling thread. */
static inline void flood_turn_begin(struct flood *f)
{
	f->start = flood_now();
}

static inline void flood_turn_end(struct flood *f)
{
	uint64_t took = flood_now() - f->start;

	if (took > f->longest)
		f->longest = took;
}

static inline void flood_begin(struct flood *f)
{
	*f = (struct flood){ 0 };
	fflush(stderr);
	f->stderr_fd = dup(STDERR_FILENO);
	f->fd = memfd_create("log", MFD_CLOEXEC);
	dup2(f->fd, STDERR_FILENO);
	log_set_level(LOG_LEVEL_INFO);
	f->memory = __sanitizer_get_current_allocated_bytes();
}

/* Memory that is left allocated, lines that were written. */
static inline void flood_end(struct flood *f)
{
	size_t now = __sanitizer_get_current_allocated_bytes();
	char buf[4096];
	ssize_t n, i;

	f->memory = now > f->memory ? now - f->memory : 0;
	log_set_level(LOG_LEVEL_ERR);
	dup2(f->stderr_fd, STDERR_FILENO);
	close(f->stderr_fd);
	lseek(f->fd, 0, SEEK_SET);
	while ((n = read(f->fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < n; i++)
			f->lines += buf[i] == '\n';
	close(f->fd);
}

/* ---- a worker's turns ---- */

/* How much of `count` a worker does at most before it looks at anything else. */
struct flood_worker {
	struct worker *w;
	uint64_t (*count)(void);
	worker_fn idle;
	void *arg;
	uint64_t most;
};

static inline void flood_worker_turn(void *arg)
{
	struct flood_worker *f = arg;
	uint64_t before = f->count(), did;

	f->idle(f->arg);
	did = f->count() - before;
	if (did > f->most)
		f->most = did;
}

static inline void flood_worker_begin(void *arg)
{
	struct flood_worker *f = arg;

	f->idle = f->w->idle;
	f->arg = f->w->idle_arg;
	worker_set_idle(f->w, flood_worker_turn, f);
}

static inline void flood_worker_end(void *arg)
{
	struct flood_worker *f = arg;

	worker_set_idle(f->w, f->idle, f->arg);
}

#endif
