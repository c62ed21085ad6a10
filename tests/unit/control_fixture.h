/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A control socket and its clients, for the unit tests of it.  The VM's life and
 * its disks are played by this file.
 */
#ifndef UNIT_CONTROL_FIXTURE_H
#define UNIT_CONTROL_FIXTURE_H

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "vmwp/vmwp.h"

#define PATH	  "/org/enlight/Worker1"
#define INTERFACE "org.enlight.Worker1"

static char folder[] = "/tmp/control-test.XXXXXX";
static char socket_path[64];
static struct options opt = { .name = "unit",
			      .processors = 2,
			      .memory = 64 << 20 };
static struct vmwp w = { .opt = &opt };
static void (*removal_done)(void *arg);
static void *removal_arg;
static bool client_done;

/* ---- what the control socket asks of the rest of vmwp ---- */

const char *life_state(const struct vmwp *vm)
{
	return vm->finished ? "stopping" : vm->paused ? "paused" : "running";
}

int life_pause(struct vmwp *vm)
{
	if (vm->paused)
		return -EALREADY;
	vm->paused = true;
	control_state_changed(vm);
	return 0;
}

int life_resume(struct vmwp *vm)
{
	if (!vm->paused)
		return -EALREADY;
	vm->paused = false;
	control_state_changed(vm);
	return 0;
}

void life_reset(struct vmwp *vm)
{
	vm->resets++;
}

void life_finish(struct vmwp *vm, enum vmwp_exit status)
{
	vm->finished = true;
	vm->status = status;
}

int scsi_add(struct vmwp *vm, const struct scsi_spec *spec,
	     unsigned int *controller, unsigned int *lun, char *why,
	     size_t why_len)
{
	if (strcmp(spec->path, "/good")) {
		snprintf(why, why_len, "%s: no such file", spec->path);
		return -ENOENT;
	}
	*controller = spec->controller;
	*lun = 5;
	return 0;
}

int scsi_remove(struct vmwp *vm, unsigned int controller, unsigned int lun,
		void (*done)(void *arg), void *arg)
{
	if (lun != 5)
		return -ENOENT;
	removal_done = done;
	removal_arg = arg;
	return 0;
}

int scsi_controller_add(struct vmwp *vm, unsigned int controller, char *why,
			size_t why_len)
{
	snprintf(why, why_len, "there is one already");
	return controller == 1 ? 0 : -EEXIST;
}

int scsi_controller_remove(struct vmwp *vm, unsigned int controller,
			   void (*done)(void *arg), void *arg)
{
	if (controller != 1)
		return -ENOENT;
	done(arg);
	return 0;
}

int scsi_resize(struct vmwp *vm, unsigned int controller, unsigned int lun,
		uint64_t *size)
{
	if (lun == 7)
		return -EINVAL;
	if (lun != 5)
		return -ENOENT;
	*size = 1ull << 40;
	return 0;
}

int scsi_each(struct vmwp *vm,
	      int (*fn)(unsigned int controller,
			const struct storvsp_lun_info *info, void *arg),
	      void *arg)
{
	struct storvsp_lun_info info = { .lun = 5,
					 .format = "raw",
					 .path = "/good" };

	int err = fn(1, &info, arg);

	/* As the real one: on to the next while it returns 0. */
	return err ? err : fn(2, &info, arg);
}

/* Card 3 is there; what is added becomes card 4. */
static char card_text[200];
static int flush_result;

int card_add(struct vmwp *vm, const char *text, unsigned int *number, char *why,
	     size_t why_len)
{
	snprintf(card_text, sizeof(card_text), "%s", text);
	if (!strncmp(text, "tap=none", 8)) {
		snprintf(why, why_len, "there is no interface none: %s", text);
		return -ENODEV;
	}
	*number = 4;
	return 0;
}

int card_remove(struct vmwp *vm, unsigned int number, void (*done)(void *arg),
		void *arg)
{
	if (number != 3)
		return -ENOENT;
	loop_post(vm, done, arg);
	return 0;
}

int card_set_link(struct vmwp *vm, unsigned int number, bool up)
{
	snprintf(card_text, sizeof(card_text), "%s", up ? "up" : "down");
	return number == 3 ? 0 : -ENOENT;
}

static const char *described = "tap=tap0";

char *card_description(struct vmwp *vm, unsigned int number,
		       const uint8_t mac[6])
{
	char *text;

	if (number != 3 ||
	    asprintf(&text, "%s,mac=%02x", described, mac[5]) < 0)
		return NULL;
	return text;
}

int card_each(struct vmwp *vm,
	      int (*fn)(unsigned int number, struct netvsp *vsp, void *arg),
	      void *arg)
{
	return fn(3, NULL, arg);
}

void netvsp_get_info(struct netvsp *n, struct netvsp_info *out)
{
	*out = (struct netvsp_info){ .backend = "tap0",
				     .mac = { 0, 0x15, 0x5d, 1, 2, 0xff },
				     .link = true,
				     .version = 0x60001,
				     .queues = 4 };
}

int cards_flush(struct vmwp *vm)
{
	return flush_result;
}

struct json_object *stats_collect(struct vmwp *vm)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "answer", json_object_new_int(42));
	return o;
}

/* ---- clients, each on a thread of its own ---- */

static sd_bus *connect_to(void)
{
	char address[128];
	sd_bus *bus;

	snprintf(address, sizeof(address), "unix:path=%s", socket_path);
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_address(bus, address) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	return bus;
}

/* @error, @reply: or NULL */
static int call_with(sd_bus *bus, const char *method, sd_bus_error *error,
		     sd_bus_message **reply, const char *types, va_list ap)
{
	sd_bus_message *m;
	int err;

	assert_true(sd_bus_message_new_method_call(bus, &m, NULL, PATH,
						   INTERFACE, method) >= 0);
	if (types)
		assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
	err = sd_bus_call(bus, m, 5000000, error, reply);
	sd_bus_message_unref(m);
	return err;
}

static int call(sd_bus *bus, const char *method, sd_bus_message **reply,
		const char *types, ...)
{
	va_list ap;
	int err;

	va_start(ap, types);
	err = call_with(bus, method, NULL, reply, types, ap);
	va_end(ap);
	return err;
}

static void client_end(void *arg)
{
	client_done = true;
}

/* Runs the loop until fn, on another thread, is done. */
static void *client_main(void *arg)
{
	void (*fn)(void) = arg;

	fn();
	loop_post(&w, client_end, NULL);
	return NULL;
}

static void with_client(void (*fn)(void))
{
	pthread_t thread;

	client_done = false;
	assert_int_equal(pthread_create(&thread, NULL, client_main, fn), 0);
	assert_int_equal(loop_wait(&w, &client_done, true, 20), 0);
	pthread_join(thread, NULL);
}

static int setup(void **state)
{
	char why[256] = "";

	w.state = VMWP_RUNNING;
	opt.control = socket_path;
	assert_int_equal(loop_create(&w, why, sizeof(why)), 0);
	if (control_create(&w, why, sizeof(why)))
		fail_msg("%s", why);
	return 0;
}

static int teardown(void **state)
{
	control_destroy(&w);
	loop_destroy(&w);
	w = (struct vmwp){ .opt = &opt };
	assert_int_not_equal(access(socket_path, F_OK), 0);
	return 0;
}

static int setup_group(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	log_set_level(LOG_LEVEL_ERR);
	return 0;
}

static int teardown_group(void **state)
{
	unlink(socket_path);
	return rmdir(folder);
}

#endif
