// SPDX-License-Identifier: GPL-2.0
/*
 * What becomes of the VM: runs, pauses, resets, crashes, ends.
 *
 * A crash report is not yet the end: see vm_crash().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmwp.h"

struct ended {
	struct vmwp *w;
	enum vm_end end;
	char why[160];
};

struct crashed {
	struct vmwp *w;
	struct crash crash;
};

static void set_state(struct vmwp *w, enum vmwp_state state)
{
	if (w->state == state)
		return;
	w->state = state;
	if (w->control)
		control_state_changed(w);
}

const char *life_state(const struct vmwp *w)
{
	static const char *const name[] = {
		[VMWP_RUNNING] = "running",
		[VMWP_PAUSED] = "paused",
		[VMWP_CRASHED] = "crashed",
		[VMWP_STOPPING] = "stopping",
	};

	return name[w->state];
}

/* The state that follows from the flags. */
static void settle(struct vmwp *w)
{
	if (w->finished)
		set_state(w, VMWP_STOPPING);
	else if (w->paused)
		set_state(w, VMWP_PAUSED);
	else if (w->crashed)
		set_state(w, VMWP_CRASHED);
	else
		set_state(w, VMWP_RUNNING);
}

int life_start(struct vmwp *w, char *why, size_t why_len)
{
	int err = vm_start(w->vm);

	if (err)
		snprintf(why, why_len,
			 "cannot start the virtual processors: %s",
			 strerror(-err));
	else
		w->started = true;
	return err;
}

void life_finish(struct vmwp *w, enum vmwp_exit status)
{
	if (w->finished)
		return;
	w->finished = true;
	w->status = status;
	settle(w);
}

int life_pause(struct vmwp *w)
{
	if (w->finished)
		return -EBUSY;
	if (w->paused)
		return -EALREADY;
	vm_pause(w->vm);
	w->paused = true;
	settle(w);
	return 0;
}

int life_resume(struct vmwp *w)
{
	if (w->finished)
		return -EBUSY;
	if (!w->paused)
		return -EALREADY;
	w->paused = false;
	settle(w);
	vm_resume(w->vm);
	return 0;
}

/* All VSPs have closed their channels: no one touches guest memory any more. */
static void reset_go(void *arg)
{
	struct vmwp *w = arg;
	char why[256];
	int err;

	if (w->finished)
		return;
	hv_drop_posts(w->hv);
	err = vm_reset(w->vm);
	if (err) {
		log_err("vmwp", "cannot reset the virtual processors: %s",
			strerror(-err));
		life_finish(w, VMWP_EXIT_INTERNAL);
		return;
	}
	hv_reset(w->hv);
	board_reset(w);
	bridge_drop(w);
	err = boot_create(w, why, sizeof(why));
	if (err) {
		log_err("vmwp", "cannot boot again: %s", why);
		life_finish(w, VMWP_EXIT_INTERNAL);
		return;
	}
	w->resets++;
	w->resetting = false;
	w->crashed = false;
	settle(w);
	vm_resume(w->vm);
}

void life_reset(struct vmwp *w)
{
	if (w->finished || w->resetting)
		return;
	w->resetting = true;
	vm_pause(w->vm);
	bridge_drop(w);
	vmbus_server_reset(w->srv, reset_go, w);
}

static void ended(void *arg)
{
	struct ended *e = arg;
	struct vmwp *w = e->w;

	if (e->end == VM_END_CRASH)
		log_limited(LOG_LEVEL_ERR, &w->ends, "vmwp",
			    "the child crashed: %s", e->why);
	else
		log_limited(LOG_LEVEL_INFO, &w->ends, "vmwp",
			    "the child ends: %s", e->why);
	switch (e->end) {
	case VM_END_POWER_OFF:
		life_finish(w, VMWP_EXIT_POWER_OFF);
		break;
	case VM_END_RESET:
		if (!w->opt->no_reboot)
			life_reset(w);
		else
			life_finish(w, VMWP_EXIT_RESET);
		break;
	case VM_END_CRASH:
		life_finish(w, VMWP_EXIT_CRASH);
		break;
	default:
		log_err("vmwp", "internal error: %s", e->why);
		life_finish(w, VMWP_EXIT_INTERNAL);
	}
	free(e);
}

void life_on_end(struct vmwp *w, enum vm_end end, const char *why)
{
	struct ended *e = malloc(sizeof(*e));

	if (!e) {
		log_err("vmwp", "out of memory");
		_Exit(VMWP_EXIT_INTERNAL);
	}
	*e = (struct ended){ .w = w, .end = end };
	snprintf(e->why, sizeof(e->why), "%s", why ? why : "no reason given");
	loop_post(w, ended, e);
}

static void crashed(void *arg)
{
	struct crashed *c = arg;
	struct vmwp *w = c->w;

	w->crash = c->crash;
	w->crashed = true;
	free(c);
	settle(w);
	control_crashed(w, &w->crash);
}

void life_on_crash(struct vmwp *w, const uint64_t param[5], uint64_t control)
{
	struct crashed *c = malloc(sizeof(*c));

	if (!c) {
		log_err("vmwp", "out of memory");
		_Exit(VMWP_EXIT_INTERNAL);
	}
	c->w = w;
	memcpy(c->crash.param, param, sizeof(c->crash.param));
	c->crash.control = control;
	loop_post(w, crashed, c);
}

void life_on_connected(struct vmwp *w, uint32_t version)
{
	w->vmbus_version = version;
	if (w->control)
		control_version_changed(w);
}
