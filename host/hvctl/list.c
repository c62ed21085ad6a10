// SPDX-License-Identifier: GPL-2.0
/* Lists of things that a worker has, and descriptions of new ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvctl.h"

/* Where the value of a key begins in a description, or NULL. */
static const char *find_key(const char *spec, const char *key)
{
	while (*spec) {
		if (!strncmp(spec, key, strlen(key)))
			return spec + strlen(key);
		while (*spec && (spec[0] != ',' || spec[1] == ','))
			spec += spec[0] == ',' ? 2 : 1;
		if (*spec)
			spec++;
	}
	return NULL;
}

/* The worker's working directory is another one. */
char *spec_absolute(const char *spec, const char *key)
{
	const char *file = find_key(spec, key);
	char cwd[2048], quoted[2 * sizeof(cwd)], *out;
	size_t i, n = 0;

	if (!file || *file == '/' || !getcwd(cwd, sizeof(cwd)))
		return strdup(spec);
	for (i = 0; cwd[i]; i++) {
		if (cwd[i] == ',')
			quoted[n++] = ',';
		quoted[n++] = cwd[i];
	}
	quoted[n] = '\0';
	if (asprintf(&out, "%.*s%s/%s", (int)(file - spec), spec, quoted,
		     file) < 0)
		return NULL;
	return out;
}

/* Property names are CamelCase on the bus and lower_case in JSON. */
static void json_key(const char *name, char *buf, size_t len)
{
	size_t n = 0;

	for (; *name && n + 2 < len; name++) {
		if (n && *name >= 'A' && *name <= 'Z')
			buf[n++] = '_';
		buf[n++] = *name >= 'A' && *name <= 'Z' ? *name - 'A' + 'a' :
							  *name;
	}
	buf[n] = '\0';
}

static struct json_object *read_variant(sd_bus_message *m)
{
	struct json_object *out = NULL;
	const char *type;
	const char *s;
	uint32_t u;
	uint64_t t;
	int b;

	if (sd_bus_message_peek_type(m, NULL, &type) < 0 ||
	    sd_bus_message_enter_container(m, 'v', type) < 0)
		return NULL;
	if (!strcmp(type, "s") && sd_bus_message_read(m, "s", &s) >= 0)
		out = json_object_new_string(s);
	else if (!strcmp(type, "u") && sd_bus_message_read(m, "u", &u) >= 0)
		out = json_object_new_uint64(u);
	else if (!strcmp(type, "t") && sd_bus_message_read(m, "t", &t) >= 0)
		out = json_object_new_uint64(t);
	else if (!strcmp(type, "b") && sd_bus_message_read(m, "b", &b) >= 0)
		out = json_object_new_boolean(b);
	else
		sd_bus_message_skip(m, type);
	sd_bus_message_exit_container(m);
	return out;
}

/* One a{sv}, already entered. */
static struct json_object *read_dictionary(sd_bus_message *m)
{
	struct json_object *o = json_object_new_object();
	const char *name;
	char key[64];

	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		if (sd_bus_message_read(m, "s", &name) < 0)
			break;
		json_key(name, key, sizeof(key));
		json_object_object_add(o, key, read_variant(m));
		sd_bus_message_exit_container(m);
	}
	return o;
}

int client_list(struct hvctl *h, const char *method, struct json_object **out)
{
	sd_bus_message *reply = NULL;
	int status = client_call(h, method, &reply, NULL);

	if (status)
		return status;
	*out = json_object_new_array();
	if (sd_bus_message_enter_container(reply, 'a', "a{sv}") < 0)
		status = fail(HVCTL_REFUSED,
			      "the worker's answer makes no sense");
	while (!status &&
	       sd_bus_message_enter_container(reply, 'a', "{sv}") > 0) {
		json_object_array_add(*out, read_dictionary(reply));
		sd_bus_message_exit_container(reply);
	}
	sd_bus_message_unref(reply);
	if (status)
		json_object_put(*out);
	return status;
}

int client_print_list(struct hvctl *h, const char *method)
{
	struct json_object *list;
	int status = client_list(h, method, &list);

	if (status)
		return status;
	if (h->json)
		print_json(list);
	else
		print_table(list, 0);
	json_object_put(list);
	return HVCTL_OK;
}
