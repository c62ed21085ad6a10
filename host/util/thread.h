/* SPDX-License-Identifier: GPL-2.0 */
/* Threads of the worker process. */
#ifndef UTIL_THREAD_H
#define UTIL_THREAD_H

#include <pthread.h>

/*
 * A joinable thread with all signals blocked: they are for the main thread.  Its
 * stack is 128 KiB; a default one of 8 MiB holds whole huge pages, and the kernel
 * then makes 2 MiB of the few KiB that are touched.  0 or -errno.
 */
int thread_create(pthread_t *thread, void *(*fn)(void *), void *arg);

#endif
