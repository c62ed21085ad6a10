// SPDX-License-Identifier: GPL-2.0
/*
 * A channel that falls silent for some time, as one does whose host waits for its
 * storage or moves it elsewhere.  Requests are taken up and done, but nothing that
 * this side writes is published: neither answers, nor room in the child's ring.
 * Afterwards the channel's server is woken as if the child had signalled, and
 * all of it comes out.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "fault_var.h"
#include "util/thread.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

struct fault_silence {
	_Atomic bool on;
	int signal_fd; /* of the channel */
	pthread_t thread;
	bool started; /* and is to be joined */
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	bool stop; /* under the lock */
	struct timespec until;
};

static void *sleep_on(void *arg)
{
	struct fault_silence *s = arg;
	const uint64_t one = 1;
	int err = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && !err)
		err = pthread_cond_timedwait(&s->stopped, &s->lock, &s->until);
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->on, false);
	/* It fails only if it is ready already. */
	if (err && write(s->signal_fd, &one, sizeof(one)) < 0)
		log_debug("fault", "silence: the server is awake");
	return NULL;
}

static struct fault_silence *silence_new(struct vmbus_chan *ch)
{
	struct fault_silence *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (!s)
		return NULL;
	s->signal_fd = ch->signal_fd;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->stopped, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

static void finish(struct fault_silence *s)
{
	if (s->started)
		pthread_join(s->thread, NULL);
	s->started = false;
}

void fault_silence_begin(struct vmbus_chan *ch, const struct fault_rule *rule,
			 struct ring_out *out)
{
	struct fault_silence *s = ch->fault->silence;
	struct timespec now;
	uint64_t ns;

	(void)out;
	if (!s)
		s = ch->fault->silence = silence_new(ch);
	if (!s || atomic_load(&s->on))
		return;
	finish(s); /* an earlier one, which is over */
	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = now.tv_nsec + rule->ms % 1000 * NS_PER_MS;
	s->until.tv_sec = now.tv_sec + rule->ms / 1000 + ns / NS_PER_S;
	s->until.tv_nsec = ns % NS_PER_S;
	atomic_store(&s->on, true);
	s->started = !thread_create(&s->thread, sleep_on, s);
	if (!s->started)
		atomic_store(&s->on, false);
}

bool fault_silent(const struct vmbus_chan *ch)
{
	return ch->fault && ch->fault->silence &&
	       atomic_load(&ch->fault->silence->on);
}

void fault_silence_free(struct fault_silence *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->stopped);
	pthread_mutex_unlock(&s->lock);
	finish(s);
	pthread_cond_destroy(&s->stopped);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
