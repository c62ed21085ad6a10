// SPDX-License-Identifier: GPL-2.0
/* Counters of network cards, for --stats and GetStats. */
#include <stdio.h>

#include "vmwp.h"

static void put(struct json_object *o, const char *key, uint64_t value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}

static void put_mac(struct json_object *o, const char *key,
		    const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5]);
	json_object_object_add(o, key, json_object_new_string(text));
}

static void put_counter(const char *name, uint64_t value, void *arg)
{
	put(arg, name, value);
}

static void add_info(struct json_object *o, const struct netvsp_info *info)
{
	json_object_object_add(o, "backend",
			       json_object_new_string(info->backend));
	put_mac(o, "mac", info->mac);
	put_mac(o, "permanent_mac", info->permanent_mac);
	json_object_object_add(o, "link", json_object_new_boolean(info->link));
	json_object_object_add(
		o, "version",
		json_object_new_string(net_version_name(info->version)));
	put(o, "mtu", info->mtu);
	put(o, "channels", info->channels);
	put(o, "filter", info->filter);
	json_object_object_add(o, "rsc", json_object_new_boolean(info->rsc));
	json_object_object_add(o, "steered",
			       json_object_new_boolean(info->steered));
}

static int add_card(unsigned int card, struct netvsp *n, void *arg)
{
	struct json_object *o = json_object_new_object();
	struct json_object *queues = json_object_new_array();
	struct worker_stats workers;
	struct netvsp_info info;
	unsigned int q;

	netvsp_get_info(n, &info);
	netvsp_worker_stats(n, &workers);
	put(o, "card", card);
	add_info(o, &info);
	put(o, "system_calls", workers.system_calls);
	put(o, "wakeups", workers.wakeups);
	netvsp_counters(n, put_counter, o);
	for (q = 0; q < info.queues; q++) {
		struct json_object *one = json_object_new_object();

		netvsp_queue_counters(n, q, put_counter, one);
		json_object_array_add(queues, one);
	}
	json_object_object_add(o, "queues", queues);
	json_object_array_add(arg, o);
	return 0;
}

struct json_object *stats_cards(struct vmwp *w)
{
	struct json_object *cards = json_object_new_array();

	card_each(w, add_card, cards);
	return cards;
}
