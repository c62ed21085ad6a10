// SPDX-License-Identifier: GPL-2.0
/*
 * A guest that has reported a crash is not stopped at once: it goes on to
 * close VMBus, to hand over its log, perhaps to start a dump kernel.  But most
 * panicked guests then spin for ever, so the VM ends as crashed when a grace
 * time is over, or before that when the guest resets or powers off (vm_end()).
 */
#include <stdio.h>
#include <time.h>

#include "util/thread.h"
#include "vm_var.h"

static bool is_over(const struct timespec *until)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > until->tv_sec ||
	       (now.tv_sec == until->tv_sec && now.tv_nsec >= until->tv_nsec);
}

/* Lives until vm_stop(), since the guest may crash again after a reset. */
static void *crash_watch(void *arg)
{
	struct vm *vm = arg;

	pthread_mutex_lock(&vm->lock);
	while (!vm->stopping) {
		struct timespec until = vm->crash_deadline;

		/* No deadline: a dump kernel is at work and decides itself. */
		if (!vm->crashed || vm->ended || !until.tv_sec) {
			pthread_cond_wait(&vm->cond, &vm->lock);
			continue;
		}
		pthread_cond_timedwait(&vm->cond, &vm->lock, &until);
		/* It may have moved meanwhile. */
		until = vm->crash_deadline;
		if (!vm->crashed || !until.tv_sec || !is_over(&until))
			continue;
		pthread_mutex_unlock(&vm->lock);
		vm_end(vm, VM_END_CRASH, NULL);
		pthread_mutex_lock(&vm->lock);
	}
	pthread_mutex_unlock(&vm->lock);
	return NULL;
}

static void set_deadline(struct vm *vm, unsigned int grace_ms)
{
	struct timespec *d = &vm->crash_deadline;

	if (!grace_ms) {
		*d = (struct timespec){ 0 };
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, d);
	d->tv_sec += grace_ms / 1000;
	d->tv_nsec += grace_ms % 1000 * 1000000l;
	if (d->tv_nsec >= 1000000000l) {
		d->tv_nsec -= 1000000000l;
		d->tv_sec++;
	}
}

void vm_crash(struct vm *vm, const char *why, unsigned int grace_ms)
{
	bool lone = false;

	pthread_mutex_lock(&vm->lock);
	if (why && !vm->crashed)
		snprintf(vm->crash_why, sizeof(vm->crash_why), "%s", why);
	if (why)
		vm->crashed = true;
	if (vm->crashed) {
		set_deadline(vm, grace_ms);
		pthread_cond_broadcast(&vm->cond);
		if (!vm->crash_thread_up && !vm->stopping) {
			vm->crash_thread_up = !thread_create(&vm->crash_thread,
							     crash_watch, vm);
			lone = !vm->crash_thread_up;
		}
	}
	pthread_mutex_unlock(&vm->lock);
	if (lone)
		vm_end(vm, VM_END_CRASH, NULL);
}

bool vm_crashed(struct vm *vm)
{
	bool crashed;

	pthread_mutex_lock(&vm->lock);
	crashed = vm->crashed;
	pthread_mutex_unlock(&vm->lock);
	return crashed;
}

void vm_crash_stop(struct vm *vm)
{
	if (!vm->crash_thread_up)
		return;
	pthread_join(vm->crash_thread, NULL);
	vm->crash_thread_up = false;
}
