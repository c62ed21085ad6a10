// SPDX-License-Identifier: GPL-2.0
#include "thread.h"

#include <signal.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#define STACK (1024 * 1024) /* room for a sanitizer's redzones */
#else
#define STACK (128 * 1024)
#endif

int thread_create(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return err;
}
