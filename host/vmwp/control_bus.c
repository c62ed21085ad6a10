// SPDX-License-Identifier: GPL-2.0
/*
 * There is no bus daemon, but tools written for one (busctl, gdbus) begin with
 * Hello and may ask for names.  So every connection looks like a bus with two
 * members: the worker, org.enlight.Worker1, and the client itself.
 */
#include <stdio.h>
#include <string.h>

#include "control_var.h"

static void client_name(const struct client *client, char *buf, size_t len)
{
	snprintf(buf, len, ":1.%u", client->number);
}

static int on_hello(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	char name[24];

	(void)error;
	client_name(arg, name, sizeof(name));
	return sd_bus_reply_method_return(m, "s", name);
}

static int on_list(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	char name[24];

	(void)error;
	client_name(arg, name, sizeof(name));
	return sd_bus_reply_method_return(m, "as", 3, "org.freedesktop.DBus",
					  CONTROL_INTERFACE, name);
}

static int on_list_activatable(sd_bus_message *m, void *arg,
			       sd_bus_error *error)
{
	(void)arg, (void)error;
	return sd_bus_reply_method_return(m, "as", 0);
}

/* The unique name behind a name, or NULL. */
static const char *owner(const struct client *client, const char *name,
			 char *own, size_t len)
{
	client_name(client, own, len);
	if (!strcmp(name, own))
		return own;
	if (!strcmp(name, CONTROL_INTERFACE) || !strcmp(name, ":1.0"))
		return ":1.0";
	return strcmp(name, "org.freedesktop.DBus") ? NULL :
						      "org.freedesktop.DBus";
}

static int on_get_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *name, *found;
	char own[24];
	int err = sd_bus_message_read(m, "s", &name);

	if (err < 0)
		return err;
	found = owner(arg, name, own, sizeof(own));
	if (!found)
		return sd_bus_error_setf(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
					 "there is no %s here", name);
	return sd_bus_reply_method_return(m, "s", found);
}

static int on_has_owner(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *name;
	char own[24];
	int err = sd_bus_message_read(m, "s", &name);

	(void)error;
	if (err < 0)
		return err;
	return sd_bus_reply_method_return(
		m, "b", owner(arg, name, own, sizeof(own)) != NULL);
}

/* All signals go to every client: a match is only a wish to hear less. */
static int on_match(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)arg, (void)error;
	return sd_bus_reply_method_return(m, NULL);
}

static int on_get_id(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const struct client *client = arg;
	char id[SD_ID128_STRING_MAX];

	(void)error;
	return sd_bus_reply_method_return(
		m, "s", sd_id128_to_string(client->control->id, id));
}

static const sd_bus_vtable bus_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Hello", NULL, "s", on_hello, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListNames", NULL, "as", on_list,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListActivatableNames", NULL, "as", on_list_activatable,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetNameOwner", "s", "s", on_get_owner,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("NameHasOwner", "s", "b", on_has_owner,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("AddMatch", "s", NULL, on_match,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("RemoveMatch", "s", NULL, on_match,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("GetId", NULL, "s", on_get_id,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

static const sd_bus_vtable monitor_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("BecomeMonitor", "asu", NULL, on_match,
		      SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END
};

int control_add_bus(struct client *client)
{
	int err = sd_bus_add_object_vtable(client->bus, NULL,
					   "/org/freedesktop/DBus",
					   "org.freedesktop.DBus", bus_vtable,
					   client);

	if (err < 0)
		return err;
	return sd_bus_add_object_vtable(client->bus, NULL,
					"/org/freedesktop/DBus",
					"org.freedesktop.DBus.Monitoring",
					monitor_vtable, client);
}
