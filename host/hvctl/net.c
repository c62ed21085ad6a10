// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvctl.h"
#include "util/size.h"
#include "util/suggest.h"

#define CARDS 8

/* "net0" or "0" */
static int parse_card(const char *text, uint32_t *card)
{
	const char *number = strncmp(text, "net", 3) ? text : text + 3;
	uint64_t n;

	if (number_parse(number, 0, CARDS - 1, &n))
		return fail(HVCTL_USAGE,
			    "'%s' is no card: give net0 to net%d, as in hvctl "
			    "net list",
			    text, CARDS - 1);
	*card = n;
	return HVCTL_OK;
}

static int done(const struct hvctl *h, int status)
{
	if (!status && h->json)
		puts("{}");
	return status;
}

static int net_add(struct hvctl *h, const char *spec)
{
	char *full = spec_absolute(spec, "socket="), *both = NULL;
	sd_bus_message *reply = NULL;
	uint32_t card;
	int status;

	if (full)
		both = spec_absolute(full, "local=");
	free(full);
	if (!both)
		return fail(HVCTL_REFUSED, "out of memory");
	status = client_call(h, "AddCard", &reply, "s", both);
	free(both);
	if (status)
		return status;
	if (sd_bus_message_read(reply, "u", &card) < 0)
		status = fail(HVCTL_REFUSED,
			      "the worker's answer makes no sense");
	else if (h->json)
		printf("{ \"card\": %u }\n", card);
	else
		printf("net%u\n", card);
	sd_bus_message_unref(reply);
	return status;
}

static int net_remove(struct hvctl *h, const char *which)
{
	uint32_t card;
	int status = parse_card(which, &card);

	if (!status)
		status = client_call(h, "RemoveCard", NULL, "u", card);
	return done(h, status);
}

static int net_link(struct hvctl *h, const char *which, const char *state)
{
	uint32_t card;
	int status = parse_card(which, &card);

	if (!status && strcmp(state, "up") && strcmp(state, "down"))
		status = fail(HVCTL_USAGE,
			      "'%s': a link goes up or down: hvctl net link %s "
			      "up",
			      state, which);
	if (!status)
		status = client_call(h, "SetLink", NULL, "ub", card,
				     !strcmp(state, "up"));
	return done(h, status);
}

static int net_mac(struct hvctl *h, const char *which, const char *mac)
{
	uint32_t card;
	int status = parse_card(which, &card);

	if (!status)
		status = client_call(h, "SetMac", NULL, "us", card, mac);
	return done(h, status);
}

/* Of all of them, or of one. */
static int net_stats(struct hvctl *h, const char *which)
{
	struct json_object *all, *nets, *number, *found = NULL;
	uint32_t card = 0;
	int status = which ? parse_card(which, &card) : HVCTL_OK;
	size_t i;

	if (!status)
		status = client_stats(h, &all);
	if (status)
		return status;
	if (!json_object_object_get_ex(all, "nets", &nets)) {
		json_object_put(all);
		return fail(HVCTL_REFUSED,
			    "the worker's answer makes no sense");
	}
	for (i = 0; which && i < json_object_array_length(nets); i++) {
		struct json_object *o = json_object_array_get_idx(nets, i);

		if (json_object_object_get_ex(o, "card", &number) &&
		    json_object_get_uint64(number) == card)
			found = o;
	}
	if (which && !found)
		status = fail(HVCTL_REFUSED, "there is no card net%u", card);
	else if (h->json)
		print_json(which ? found : nets);
	else if (which)
		print_value(found, 0);
	for (i = 0; !which && !h->json && i < json_object_array_length(nets);
	     i++) {
		if (i)
			putchar('\n');
		print_value(json_object_array_get_idx(nets, i), 0);
	}
	json_object_put(all);
	return status;
}

static int unknown(const char *word)
{
	static const char *const words[] = { "list", "add",   "remove", "link",
					     "mac",  "stats", "flush" };
	const char *near = suggest(word, words, 7);

	if (near && strcmp(near, word))
		return fail(HVCTL_USAGE,
			    "unknown verb 'net %s': did you mean 'net %s'?",
			    word, near);
	return fail(
		HVCTL_USAGE,
		"usage: hvctl net list | add SPEC | remove CARD | link CARD "
		"up|down | mac CARD ADDRESS | stats [CARD] | flush");
}

int verb_net(struct hvctl *h, int argc, char **argv)
{
	const char *verb = argv[1];

	if (!strcmp(verb, "list") && argc == 2)
		return client_print_list(h, "ListCards");
	if (!strcmp(verb, "add") && argc == 3)
		return net_add(h, argv[2]);
	if (!strcmp(verb, "remove") && argc == 3)
		return net_remove(h, argv[2]);
	if (!strcmp(verb, "link") && argc == 4)
		return net_link(h, argv[2], argv[3]);
	if (!strcmp(verb, "mac") && argc == 4)
		return net_mac(h, argv[2], argv[3]);
	if (!strcmp(verb, "stats") && argc <= 3)
		return net_stats(h, argv[2]);
	if (!strcmp(verb, "flush") && argc == 2)
		return done(h, client_call(h, "FlushCapture", NULL, NULL));
	return unknown(verb);
}
