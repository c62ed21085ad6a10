// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hvctl.h"
#include "util/size.h"

#define INTERVAL_MAX 86400

int verb_state(struct hvctl *h, int argc, char **argv)
{
	static const struct {
		const char *name, *type, *key;
	} property[] = {
		{ "State", "s", "state" },
		{ "Name", "s", "name" },
		{ "VmbusVersion", "s", "vmbus_version" },
		{ "Processors", "u", "processors" },
		{ "Memory", "t", "memory" },
		{ "Pid", "u", "pid" },
		{ "Resets", "u", "resets" },
	};
	struct json_object *o = json_object_new_object(), *value;
	int status = HVCTL_OK;
	size_t i;

	(void)argc, (void)argv;
	for (i = 0; i < sizeof(property) / sizeof(property[0]) && !status;
	     i++) {
		status = client_property(h, property[i].name, property[i].type,
					 &value);
		if (!status)
			json_object_object_add(o, property[i].key, value);
	}
	if (!status && h->json)
		print_json(o);
	else if (!status)
		print_value(o, 0);
	json_object_put(o);
	return status;
}

static struct json_object *difference(struct json_object *now,
				      struct json_object *before);

static struct json_object *array_difference(struct json_object *now,
					    struct json_object *before)
{
	struct json_object *out = json_object_new_array();
	size_t i, n = json_object_array_length(now);

	for (i = 0; i < n; i++) {
		struct json_object *was =
			before && i < json_object_array_length(before) ?
				json_object_array_get_idx(before, i) :
				NULL;

		json_object_array_add(
			out,
			difference(json_object_array_get_idx(now, i), was));
	}
	return out;
}

/* These name things; they do not count. */
static bool is_name(const char *key)
{
	static const char *const names[] = {
		"relid",      "sub_index", "controller", "lun",
		"pid",	      "size",	   "card",	 "queue",
		"queues_max", "mtu",	   "memory",	 "processors"
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(key, names[i]))
			return true;
	return false;
}

/* The same, with numbers replaced by how much they grew. */
static struct json_object *difference(struct json_object *now,
				      struct json_object *before)
{
	struct json_object *out, *was;

	if (json_object_is_type(now, json_type_array))
		return array_difference(now, before);
	if (json_object_is_type(now, json_type_int))
		return json_object_new_int64(json_object_get_int64(now) -
					     json_object_get_int64(before));
	if (!json_object_is_type(now, json_type_object))
		return json_object_get(now);
	out = json_object_new_object();
	json_object_object_foreach(now, key, value)
	{
		if (!json_object_object_get_ex(before, key, &was))
			was = NULL;
		json_object_object_add(out, key,
				       is_name(key) ? json_object_get(value) :
						      difference(value, was));
	}
	return out;
}

static int stats_change(struct hvctl *h, const char *text,
			struct json_object **out)
{
	struct json_object *before, *now;
	struct timespec pause = { 0 };
	uint64_t seconds;
	int status;

	if (number_parse(text, 1, INTERVAL_MAX, &seconds))
		return fail(HVCTL_USAGE, "--interval %s: give seconds, 1 to %d",
			    text, INTERVAL_MAX);
	status = client_stats(h, &before);
	if (status)
		return status;
	pause.tv_sec = seconds;
	nanosleep(&pause, NULL);
	status = client_stats(h, &now);
	if (!status) {
		*out = difference(now, before);
		json_object_put(now);
	}
	json_object_put(before);
	return status;
}

int verb_stats(struct hvctl *h, int argc, char **argv)
{
	struct json_object *o;
	int status;

	if (argc == 3 && !strcmp(argv[1], "--interval"))
		status = stats_change(h, argv[2], &o);
	else if (argc == 1)
		status = client_stats(h, &o);
	else
		return fail(HVCTL_USAGE,
			    "usage: hvctl stats [--interval SECONDS]");
	if (status)
		return status;
	if (h->json)
		print_json(o);
	else
		print_value(o, 0);
	json_object_put(o);
	return HVCTL_OK;
}

int verb_channels(struct hvctl *h, int argc, char **argv)
{
	struct json_object *o, *channels;
	int status = client_stats(h, &o);

	(void)argc, (void)argv;
	if (status)
		return status;
	if (!json_object_object_get_ex(o, "channels", &channels))
		status = fail(HVCTL_REFUSED,
			      "the worker's answer makes no sense");
	else if (h->json)
		print_json(channels);
	else
		print_table(channels, 0);
	json_object_put(o);
	return status;
}

int verb_plain(struct hvctl *h, int argc, char **argv)
{
	static const struct {
		const char *verb, *method;
	} known[] = {
		{ "pause", "Pause" },
		{ "resume", "Resume" },
		{ "reset", "Reset" },
		{ "power-off", "PowerOff" },
	};
	size_t i = 0;
	int status;

	(void)argc;
	while (strcmp(argv[0], known[i].verb))
		i++;
	status = client_call(h, known[i].method, NULL, NULL);
	if (!status && h->json)
		puts("{}");
	return status;
}
