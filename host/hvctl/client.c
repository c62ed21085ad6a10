// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvctl.h"

#define WORKER_PATH	 "/org/enlight/Worker1"
#define WORKER_INTERFACE "org.enlight.Worker1"
#define RUN_FOLDER	 "/run/enlight"
/* Removing a disk waits for its I/O. */
#define CALL_SECONDS	 120

/* The only socket in RUN_FOLDER, into buf. */
static int find_socket(char *buf, size_t len)
{
	DIR *dir = opendir(RUN_FOLDER);
	struct dirent *entry;
	unsigned int found = 0;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", RUN_FOLDER,
			 entry->d_name);
		if (stat(path, &st) || !S_ISSOCK(st.st_mode))
			continue;
		if (!found++)
			snprintf(buf, len, "%s", path);
	}
	if (dir)
		closedir(dir);
	if (found == 1)
		return 0;
	if (!found)
		return fail(HVCTL_UNREACHABLE,
			    "which worker? Give --socket PATH (of vmwp "
			    "--control PATH)");
	return fail(HVCTL_UNREACHABLE,
		    "%u workers in %s: choose one with --socket PATH", found,
		    RUN_FOLDER);
}

/* D-Bus addresses escape what is not plain. */
static void to_address(const char *path, char *buf, size_t len)
{
	size_t n = snprintf(buf, len, "unix:path=");

	for (; *path && n + 4 < len; path++) {
		if (strchr("-_/.", *path) || (*path >= '0' && *path <= '9') ||
		    (*path >= 'a' && *path <= 'z') ||
		    (*path >= 'A' && *path <= 'Z'))
			buf[n++] = *path;
		else
			n += snprintf(buf + n, len - n, "%%%02x",
				      (unsigned char)*path);
	}
	buf[n] = '\0';
}

int client_connect(struct hvctl *h)
{
	char found[512], address[2048];
	const char *path = h->socket ? h->socket : getenv("ENLIGHT_SOCKET");
	int err;

	if (!path || !*path) {
		err = find_socket(found, sizeof(found));
		if (err)
			return err;
		path = found;
	}
	to_address(path, address, sizeof(address));
	err = sd_bus_new(&h->bus);
	if (err >= 0)
		err = sd_bus_set_address(h->bus, address);
	if (err >= 0)
		err = sd_bus_start(h->bus);
	if (err >= 0)
		return 0;
	client_close(h);
	if (err == -ENOENT)
		return fail(HVCTL_UNREACHABLE,
			    "there is no %s: was vmwp started with "
			    "--control %s?",
			    path, path);
	if (err == -ECONNREFUSED)
		return fail(HVCTL_UNREACHABLE,
			    "no worker listens at %s: it has ended", path);
	return fail(HVCTL_UNREACHABLE, "cannot reach the worker at %s: %s",
		    path, strerror(-err));
}

void client_close(struct hvctl *h)
{
	h->bus = sd_bus_flush_close_unref(h->bus);
}

static int call_failed(int err, const sd_bus_error *error)
{
	if (err == -ECONNRESET || err == -ENOTCONN || err == -EPIPE)
		return fail(HVCTL_UNREACHABLE,
			    "the worker ended, or turned us away");
	if (err == -ETIMEDOUT)
		return fail(HVCTL_REFUSED, "the worker does not answer");
	return fail(HVCTL_REFUSED, "%s",
		    error->message ? error->message : strerror(-err));
}

int client_call(struct hvctl *h, const char *method, sd_bus_message **reply,
		const char *types, ...)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int status = HVCTL_OK, err;
	va_list ap;

	if (!h->bus) {
		status = client_connect(h);
		if (status)
			return status;
	}
	err = sd_bus_message_new_method_call(h->bus, &m, NULL, WORKER_PATH,
					     WORKER_INTERFACE, method);
	if (err >= 0 && types) {
		va_start(ap, types);
		err = sd_bus_message_appendv(m, types, ap);
		va_end(ap);
	}
	if (err >= 0)
		err = sd_bus_call(h->bus, m, CALL_SECONDS * 1000000ull, &error,
				  reply);
	if (err < 0)
		status = call_failed(err, &error);
	sd_bus_error_free(&error);
	sd_bus_message_unref(m);
	return status;
}

/* A value of type s, u, t or au. */
static int read_value(sd_bus_message *m, const char *type,
		      struct json_object **out)
{
	const char *s;
	uint64_t t;
	uint32_t u;
	int err;

	switch (*type) {
	case 's':
		err = sd_bus_message_read(m, "s", &s);
		if (err > 0)
			*out = json_object_new_string(s);
		return err;
	case 'u':
		err = sd_bus_message_read(m, "u", &u);
		if (err > 0)
			*out = json_object_new_uint64(u);
		return err;
	case 't':
		err = sd_bus_message_read(m, "t", &t);
		if (err > 0)
			*out = json_object_new_uint64(t);
		return err;
	default:
		err = sd_bus_message_enter_container(m, 'a', type + 1);
		if (err < 0)
			return err;
		*out = json_object_new_array();
		while ((err = sd_bus_message_read(m, "u", &u)) > 0)
			json_object_array_add(*out, json_object_new_uint64(u));
		return err;
	}
}

int client_property(struct hvctl *h, const char *name, const char *type,
		    struct json_object **out)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int status = HVCTL_OK, err;

	*out = NULL;
	if (!h->bus) {
		status = client_connect(h);
		if (status)
			return status;
	}
	err = sd_bus_get_property(h->bus, NULL, WORKER_PATH, WORKER_INTERFACE,
				  name, &error, &reply, type);
	if (err >= 0)
		err = read_value(reply, type, out);
	if (err < 0)
		status = call_failed(err, &error);
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	return status;
}

int client_stats(struct hvctl *h, struct json_object **out)
{
	sd_bus_message *reply = NULL;
	const char *text;
	int status = client_call(h, "GetStats", &reply, NULL);

	if (status)
		return status;
	*out = sd_bus_message_read(reply, "s", &text) > 0 ?
		       json_tokener_parse(text) :
		       NULL;
	sd_bus_message_unref(reply);
	return *out ? HVCTL_OK :
		      fail(HVCTL_REFUSED, "the worker's answer makes no sense");
}
