// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvctl.h"
#include "util/size.h"
#include "util/suggest.h"

#define CONTROLLERS 4
#define LUNS	    64

/* "LUN" or "CONTROLLER:LUN" */
static int parse_address(const char *text, uint32_t *controller, uint32_t *lun)
{
	const char *colon = strchr(text, ':');
	char first[8] = "0";
	uint64_t c, l;

	if (colon && colon - text < (int)sizeof(first))
		snprintf(first, sizeof(first), "%.*s", (int)(colon - text),
			 text);
	if (number_parse(first, 0, CONTROLLERS - 1, &c) ||
	    number_parse(colon ? colon + 1 : text, 0, LUNS - 1, &l))
		return fail(
			HVCTL_USAGE,
			"'%s' is no disk: give LUN or CONTROLLER:LUN, as in "
			"hvctl disk list",
			text);
	*controller = c;
	*lun = l;
	return HVCTL_OK;
}

static int disk_add(struct hvctl *h, const char *spec)
{
	char *full = spec_absolute(spec, "file=");
	sd_bus_message *reply = NULL;
	uint32_t controller, lun;
	int status;

	if (!full)
		return fail(HVCTL_REFUSED, "out of memory");
	status = client_call(h, "AddDisk", &reply, "s", full);
	free(full);
	if (status)
		return status;
	if (sd_bus_message_read(reply, "uu", &controller, &lun) < 0)
		status = fail(HVCTL_REFUSED,
			      "the worker's answer makes no sense");
	else if (h->json)
		printf("{ \"controller\": %u, \"lun\": %u }\n", controller,
		       lun);
	else
		printf("%u:%u\n", controller, lun);
	sd_bus_message_unref(reply);
	return status;
}

static int disk_remove(struct hvctl *h, const char *address)
{
	uint32_t controller, lun;
	int status = parse_address(address, &controller, &lun);

	if (!status)
		status = client_call(h, "RemoveDisk", NULL, "uu", controller,
				     lun);
	if (!status && h->json)
		puts("{}");
	return status;
}

static int disk_resize(struct hvctl *h, const char *address)
{
	sd_bus_message *reply = NULL;
	uint32_t controller, lun;
	uint64_t size;
	char text[32];
	int status = parse_address(address, &controller, &lun);

	if (!status)
		status = client_call(h, "ResizeDisk", &reply, "uu", controller,
				     lun);
	if (status)
		return status;
	if (sd_bus_message_read(reply, "t", &size) < 0)
		status = fail(HVCTL_REFUSED,
			      "the worker's answer makes no sense");
	else if (h->json)
		printf("{ \"size\": %llu }\n", (unsigned long long)size);
	else
		puts(size_format(size, text, sizeof(text)));
	sd_bus_message_unref(reply);
	return status;
}

int verb_disk(struct hvctl *h, int argc, char **argv)
{
	static const char *const words[] = { "list", "add", "remove",
					     "resize" };
	const char *near;

	if (!strcmp(argv[1], "list") && argc == 2)
		return client_print_list(h, "ListDisks");
	if (!strcmp(argv[1], "add") && argc == 3)
		return disk_add(h, argv[2]);
	if (!strcmp(argv[1], "remove") && argc == 3)
		return disk_remove(h, argv[2]);
	if (!strcmp(argv[1], "resize") && argc == 3)
		return disk_resize(h, argv[2]);
	near = suggest(argv[1], words, 4);
	if (near && strcmp(near, argv[1]))
		return fail(HVCTL_USAGE,
			    "unknown verb 'disk %s': did you mean 'disk %s'?",
			    argv[1], near);
	return fail(
		HVCTL_USAGE,
		"usage: hvctl disk list | add SPEC | remove [C:]LUN | resize [C:]LUN");
}

static int controller_list(struct hvctl *h)
{
	struct json_object *list;
	int status = client_property(h, "Controllers", "au", &list);
	size_t i;

	if (status)
		return status;
	if (h->json)
		print_json(list);
	else
		for (i = 0; i < json_object_array_length(list); i++)
			puts(json_object_get_string(
				json_object_array_get_idx(list, i)));
	json_object_put(list);
	return status;
}

int verb_controller(struct hvctl *h, int argc, char **argv)
{
	const char *method = NULL;
	uint64_t controller;
	int status;

	if (argc == 2 && !strcmp(argv[1], "list"))
		return controller_list(h);
	if (argc == 3 && !strcmp(argv[1], "add"))
		method = "AddController";
	else if (argc == 3 && !strcmp(argv[1], "remove"))
		method = "RemoveController";
	else
		return fail(
			HVCTL_USAGE,
			"usage: hvctl controller list | add NUMBER | remove NUMBER");
	if (number_parse(argv[2], 0, CONTROLLERS - 1, &controller))
		return fail(HVCTL_USAGE,
			    "'%s' is no controller: give a number from 0 to %d",
			    argv[2], CONTROLLERS - 1);
	status = client_call(h, method, NULL, "u", (uint32_t)controller);
	if (!status && h->json)
		puts("{}");
	return status;
}
