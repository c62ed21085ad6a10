// SPDX-License-Identifier: GPL-2.0
/* The object /org/enlight/Worker1: what hvctl and others may ask of a worker. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control_var.h"
#include "util/utf8.h"

struct removal {
	sd_bus_message *request;
	struct vmwp *w;
	uint32_t controller, lun;
	bool disk; /* not a whole controller */
};

static struct vmwp *worker(void *arg)
{
	return ((struct client *)arg)->control->w;
}

int control_refuse(sd_bus_error *error, char *why)
{
	/* An answer with anything else would not be sent at all. */
	utf8_mend(why);
	return sd_bus_error_set(error, CONTROL_ERROR, why);
}

static int no_disk(sd_bus_error *error, uint32_t controller, uint32_t lun,
		   int err)
{
	if (err == -ENOENT)
		return sd_bus_error_setf(
			error, CONTROL_ERROR,
			"controller %u has no disk with lun %u", controller,
			lun);
	return sd_bus_error_setf(error, CONTROL_ERROR,
				 "controller %u, lun %u: %s", controller, lun,
				 strerror(-err));
}

static int on_pause(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	int err = life_pause(worker(arg));

	if (err)
		return sd_bus_error_set(error, CONTROL_ERROR,
					err == -EALREADY ?
						"it is paused already" :
						"it is stopping");
	return sd_bus_reply_method_return(m, NULL);
}

static int on_resume(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	int err = life_resume(worker(arg));

	if (err)
		return sd_bus_error_set(error, CONTROL_ERROR,
					err == -EALREADY ? "it is not paused" :
							   "it is stopping");
	return sd_bus_reply_method_return(m, NULL);
}

static int on_power_off(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	int err = sd_bus_reply_method_return(m, NULL);

	(void)error;
	life_finish(worker(arg), VMWP_EXIT_POWER_OFF);
	return err;
}

static int on_reset(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct vmwp *w = worker(arg);

	if (w->finished)
		return sd_bus_error_set(error, CONTROL_ERROR, "it is stopping");
	life_reset(w);
	return sd_bus_reply_method_return(m, NULL);
}

static int on_add_disk(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct vmwp *w = worker(arg);
	unsigned int controller, lun;
	struct scsi_spec spec;
	const char *text;
	char why[256];
	int err = sd_bus_message_read(m, "s", &text);

	if (err < 0)
		return err;
	err = scsi_spec_parse(text, &spec, why, sizeof(why));
	if (!err)
		err = scsi_add(w, &spec, &controller, &lun, why, sizeof(why));
	scsi_spec_free(&spec);
	if (err)
		return control_refuse(error, why);
	control_disk(w, true, controller, lun);
	return sd_bus_reply_method_return(m, "uu", controller, lun);
}

/* The connection may have ended meanwhile: then the reply goes nowhere. */
static void removed(void *arg)
{
	struct removal *r = arg;

	if (r->disk)
		control_disk(r->w, false, r->controller, r->lun);
	sd_bus_reply_method_return(r->request, NULL);
	sd_bus_message_unref(r->request);
	free(r);
}

/* The last command may end while storvsp waits on another thread: main again. */
static void removed_post(void *arg)
{
	struct removal *r = arg;

	loop_post(r->w, removed, r);
}

static int on_remove_disk(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct removal *r = calloc(1, sizeof(*r));
	uint32_t controller, lun;
	int err;

	if (!r)
		return -ENOMEM;
	err = sd_bus_message_read(m, "uu", &controller, &lun);
	if (err < 0) {
		free(r);
		return err;
	}
	*r = (struct removal){ sd_bus_message_ref(m), worker(arg), controller,
			       lun, true };
	err = scsi_remove(r->w, controller, lun, removed_post, r);
	if (!err)
		return 1;
	sd_bus_message_unref(m);
	free(r);
	return no_disk(error, controller, lun, err);
}

static int on_add_controller(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	uint32_t controller;
	char why[256];
	int err = sd_bus_message_read(m, "u", &controller);

	if (err < 0)
		return err;
	if (scsi_controller_add(worker(arg), controller, why, sizeof(why)))
		return control_refuse(error, why);
	return sd_bus_reply_method_return(m, NULL);
}

static int on_remove_controller(sd_bus_message *m, void *arg,
				sd_bus_error *error)
{
	struct removal *r = calloc(1, sizeof(*r));
	uint32_t controller;
	int err;

	if (!r)
		return -ENOMEM;
	err = sd_bus_message_read(m, "u", &controller);
	if (err < 0) {
		free(r);
		return err;
	}
	*r = (struct removal){ .request = sd_bus_message_ref(m),
			       .w = worker(arg) };
	err = scsi_controller_remove(r->w, controller, removed_post, r);
	if (!err)
		return 1;
	sd_bus_message_unref(m);
	free(r);
	return sd_bus_error_setf(
		error, CONTROL_ERROR, "controller %u: %s", controller,
		err == -ENOENT ? "there is none" : strerror(-err));
}

static int on_resize_disk(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	uint32_t controller, lun;
	uint64_t size;
	int err = sd_bus_message_read(m, "uu", &controller, &lun);

	if (err < 0)
		return err;
	err = scsi_resize(worker(arg), controller, lun, &size);
	if (err == -EINVAL)
		return sd_bus_error_setf(
			error, CONTROL_ERROR,
			"controller %u, lun %u: its file's size is 0, or no "
			"multiple of its blocks: give it one of 4096 bytes "
			"with 'truncate -s SIZE'",
			controller, lun);
	if (err)
		return no_disk(error, controller, lun, err);
	return sd_bus_reply_method_return(m, "t", size);
}

static int append_disk(unsigned int controller,
		       const struct storvsp_lun_info *i, void *arg)
{
	int err = sd_bus_message_append(
		arg, "a{sv}", 10, "Controller", "u", (uint32_t)controller,
		"Lun", "u", (uint32_t)i->lun, "File", "s",
		i->path ? i->path : "", "Format", "s", i->format, "Size", "t",
		i->disk.size, "BlockSize", "u", i->disk.block_size, "ReadOnly",
		"b", (int)i->disk.readonly, "Serial", "s", i->serial, "Wwn",
		"s", i->wwn, "State", "s", i->state);

	/* What is more than 0 would end scsi_each(). */
	return err < 0 ? err : 0;
}

int control_reply_list(sd_bus_message *m, struct vmwp *w,
		       int (*fill)(struct vmwp *w, sd_bus_message *reply))
{
	sd_bus_message *reply;
	int err = sd_bus_message_new_method_return(m, &reply);

	if (err < 0)
		return err;
	err = sd_bus_message_open_container(reply, 'a', "a{sv}");
	if (err >= 0)
		err = fill(w, reply);
	if (err >= 0)
		err = sd_bus_message_close_container(reply);
	if (err >= 0)
		err = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return err;
}

static int fill_disks(struct vmwp *w, sd_bus_message *reply)
{
	return scsi_each(w, append_disk, reply);
}

static int on_list_disks(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)error;
	return control_reply_list(m, worker(arg), fill_disks);
}

static int on_get_stats(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct json_object *o = stats_collect(worker(arg));
	const char *text =
		o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) :
		    NULL;
	int err = text ? sd_bus_reply_method_return(m, "s", text) : -ENOMEM;

	(void)error;
	json_object_put(o);
	return err;
}

static int on_ping(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)arg, (void)error;
	return sd_bus_reply_method_return(m, NULL);
}

#define GETTER(get_name, ...)                                            \
	static int get_name(sd_bus *bus, const char *path,               \
			    const char *interface, const char *property, \
			    sd_bus_message *reply, void *arg,            \
			    sd_bus_error *error)                         \
	{                                                                \
		const struct vmwp *w = worker(arg);                      \
                                                                         \
		(void)bus, (void)path, (void)interface, (void)property;  \
		(void)error, (void)w;                                    \
		return sd_bus_message_append(reply, __VA_ARGS__);        \
	}

GETTER(get_state, "s", life_state(w))
GETTER(get_name, "s", w->opt->name)
GETTER(get_processors, "u", (uint32_t)w->opt->processors)
GETTER(get_memory, "t", w->opt->memory)
GETTER(get_pid, "u", (uint32_t)getpid())
GETTER(get_resets, "u", (uint32_t)w->resets)
GETTER(get_version, "s", VMWP_VERSION)
GETTER(get_crash, "at", 5, w->crash.param[0], w->crash.param[1],
       w->crash.param[2], w->crash.param[3], w->crash.param[4])

static int get_controllers(sd_bus *bus, const char *path, const char *interface,
			   const char *property, sd_bus_message *reply,
			   void *arg, sd_bus_error *error)
{
	const struct vmwp *w = worker(arg);
	uint32_t c;
	int err;

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	err = sd_bus_message_open_container(reply, 'a', "u");
	for (c = 0; c < OPTIONS_CONTROLLERS && err >= 0; c++)
		if (w->scsi[c])
			err = sd_bus_message_append(reply, "u", c);
	return err < 0 ? err : sd_bus_message_close_container(reply);
}

/* Empty while the child is not connected. */
static int get_vmbus(sd_bus *bus, const char *path, const char *interface,
		     const char *property, sd_bus_message *reply, void *arg,
		     sd_bus_error *error)
{
	uint32_t version = worker(arg)->vmbus_version;
	char text[16] = "";

	(void)bus, (void)path, (void)interface, (void)property, (void)error;
	if (version)
		snprintf(text, sizeof(text), "%u.%u", version >> 16,
			 version & 0xffff);
	return sd_bus_message_append(reply, "s", text);
}

#define PLAIN	SD_BUS_VTABLE_UNPRIVILEGED
#define CONST	SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Pause", NULL, NULL, on_pause, PLAIN),
	SD_BUS_METHOD("Resume", NULL, NULL, on_resume, PLAIN),
	SD_BUS_METHOD("PowerOff", NULL, NULL, on_power_off, PLAIN),
	SD_BUS_METHOD("Reset", NULL, NULL, on_reset, PLAIN),
	SD_BUS_METHOD_WITH_NAMES(
		"AddDisk", "s", SD_BUS_PARAM(description), "uu",
		SD_BUS_PARAM(controller) SD_BUS_PARAM(lun), on_add_disk, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("RemoveDisk", "uu",
				 SD_BUS_PARAM(controller) SD_BUS_PARAM(lun),
				 NULL, , on_remove_disk, PLAIN),
	SD_BUS_METHOD_WITH_NAMES(
		"ResizeDisk", "uu", SD_BUS_PARAM(controller) SD_BUS_PARAM(lun),
		"t", SD_BUS_PARAM(size), on_resize_disk, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("AddController", "u", SD_BUS_PARAM(controller),
				 NULL, , on_add_controller, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("RemoveController", "u",
				 SD_BUS_PARAM(controller), NULL, ,
				 on_remove_controller, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("ListDisks", NULL, , "aa{sv}",
				 SD_BUS_PARAM(disks), on_list_disks, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("GetStats", NULL, , "s", SD_BUS_PARAM(json),
				 on_get_stats, PLAIN),
	SD_BUS_METHOD("Ping", NULL, NULL, on_ping, PLAIN),
	SD_BUS_PROPERTY("State", "s", get_state, 0, CHANGES),
	SD_BUS_PROPERTY("Name", "s", get_name, 0, CONST),
	SD_BUS_PROPERTY("VmbusVersion", "s", get_vmbus, 0, CHANGES),
	SD_BUS_PROPERTY("Processors", "u", get_processors, 0, CONST),
	SD_BUS_PROPERTY("Memory", "t", get_memory, 0, CONST),
	SD_BUS_PROPERTY("Pid", "u", get_pid, 0, CONST),
	SD_BUS_PROPERTY("Resets", "u", get_resets, 0, 0),
	SD_BUS_PROPERTY("Controllers", "au", get_controllers, 0, 0),
	SD_BUS_PROPERTY("CrashParameters", "at", get_crash, 0, 0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, CONST),
	SD_BUS_SIGNAL_WITH_NAMES("StateChanged", "s", SD_BUS_PARAM(state), 0),
	SD_BUS_SIGNAL_WITH_NAMES("Crashed", "at", SD_BUS_PARAM(parameters), 0),
	SD_BUS_SIGNAL_WITH_NAMES("DiskAdded", "uu",
				 SD_BUS_PARAM(controller) SD_BUS_PARAM(lun), 0),
	SD_BUS_SIGNAL_WITH_NAMES("DiskRemoved", "uu",
				 SD_BUS_PARAM(controller) SD_BUS_PARAM(lun), 0),
	SD_BUS_VTABLE_END
};

int control_add_worker(struct client *client)
{
	return sd_bus_add_object_vtable(client->bus, NULL, CONTROL_PATH,
					CONTROL_INTERFACE, vtable, client);
}
