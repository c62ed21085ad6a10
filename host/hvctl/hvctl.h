/* SPDX-License-Identifier: GPL-2.0 */
/* The command line for running workers.  Private to host/hvctl. */
#ifndef HVCTL_HVCTL_H
#define HVCTL_HVCTL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define HVCTL_VERSION "0.1"

enum hvctl_exit {
	HVCTL_OK = 0,
	HVCTL_REFUSED = 1, /* the worker said no, or an answer failed */
	HVCTL_USAGE = 2,
	HVCTL_UNREACHABLE = 3,
};

struct hvctl {
	sd_bus *bus;
	bool json;
	const char *socket; /* --socket, or NULL */
};

/* Each prints its own error line and returns an exit status. */
int client_connect(struct hvctl *h);
void client_close(struct hvctl *h);
/* Calls a method; *reply (may be NULL) is the caller's to unref. */
int client_call(struct hvctl *h, const char *method, sd_bus_message **reply,
		const char *types, ...);
/* A property as JSON; type: s, u, t or au. */
int client_property(struct hvctl *h, const char *name, const char *type,
		    struct json_object **out);
int client_stats(struct hvctl *h, struct json_object **out);
/* list.c: the array of objects that a method without arguments answers. */
int client_list(struct hvctl *h, const char *method, struct json_object **out);
/* Prints it. */
int client_print_list(struct hvctl *h, const char *method);
/* A description whose path, the value of `key`, is absolute; NULL: no memory. */
char *spec_absolute(const char *spec, const char *key);

/* Prints `hvctl: ...` and returns status. */
int fail(int status, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* print.c: o is still the caller's. */
void print_json(struct json_object *o);
void print_value(struct json_object *o, unsigned int indent); /* for people */
void print_table(struct json_object *array, unsigned int indent);

/* verbs.c, disk.c, net.c; argv[0] is the verb */
int verb_state(struct hvctl *h, int argc, char **argv);
int verb_stats(struct hvctl *h, int argc, char **argv);
int verb_channels(struct hvctl *h, int argc, char **argv);
int verb_plain(struct hvctl *h, int argc, char **argv); /* pause, resume, ... */
int verb_disk(struct hvctl *h, int argc, char **argv);
int verb_controller(struct hvctl *h, int argc, char **argv);
int verb_net(struct hvctl *h, int argc, char **argv);

#endif
