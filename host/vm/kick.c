// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kick.h"

int kick_signal(void)
{
	return SIGRTMIN;
}

void kick_begin(struct kick *k)
{
	atomic_store(&k->tid, (int)syscall(SYS_gettid));
}

void kick_end(struct kick *k)
{
	atomic_store(&k->tid, 0);
}

void kick_send(struct kick *k, bool self)
{
	int tid;

	if (atomic_exchange(&k->asked, true) || self)
		return;
	tid = atomic_load(&k->tid);
	if (tid)
		syscall(SYS_tgkill, getpid(), tid, kick_signal());
}

void kick_drain(void)
{
	const struct timespec none = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, kick_signal());
	sigtimedwait(&set, NULL, &none);
}

void kick_take(struct kick *k)
{
	if (!atomic_load(&k->asked))
		return;
	kick_drain();
	/* Whoever found it set before this has stored what we look at next. */
	atomic_exchange(&k->asked, false);
}
