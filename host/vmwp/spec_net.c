// SPDX-License-Identifier: GPL-2.0
/* Descriptions of network cards, of --net and of `hvctl net add`. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/net/net.h"
#include "hv/nvs_reg.h"
#include "spec_var.h"
#include "util/size.h"
#include "util/suggest.h"
#include "util/why.h"

#define MTU_MIN	  576u
#define MTU_MAX	  65521u

/* Bits for the kinds which a key is for. */
#define OF_USER	  1u
#define OF_TAP	  2u
#define OF_SOCKET 4u
#define OF_NULL	  8u
#define OF_ALL	  15u

static const struct kind {
	const char *name;
	unsigned int bit;
	const char *target; /* what comes behind "=", or NULL */
} kinds[] = {
	{ "user", OF_USER, NULL },
	{ "tap", OF_TAP, "an interface, as in tap=tap0" },
	{ "socket", OF_SOCKET, "a path, as in socket=/run/net0" },
	{ "null", OF_NULL, NULL },
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct {
	const char *name;
	uint32_t version;
} versions[] = {
	{ "1", NVS_VERSION_1 }, { "2", NVS_VERSION_2 },
	{ "4", NVS_VERSION_4 }, { "5", NVS_VERSION_5 },
	{ "6", NVS_VERSION_6 }, { "6.1", NVS_VERSION_6_1 },
};
#define NVERSIONS (sizeof(versions) / sizeof(versions[0]))

static int set_number(uint64_t *field, const char *name, const char *value,
		      uint64_t min, uint64_t max, char *why, size_t why_len)
{
	if (!number_parse(value, min, max, field))
		return 0;
	return explain(-EINVAL, why, why_len,
		       "%s=%s: give a number from %llu to %llu", name, value,
		       (unsigned long long)min, (unsigned long long)max);
}

int net_mac_parse(const char *text, uint8_t mac[6])
{
	unsigned int b[6], i;
	int n = 0;

	if (strlen(text) != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2],
		   &b[3], &b[4], &b[5], &n) != 6 ||
	    n != 17)
		return -EINVAL;
	for (i = 0; i < 6; i++)
		mac[i] = b[i];
	/* Not that of a group, nor nobody's. */
	if ((b[0] & 1) || !(b[0] | b[1] | b[2] | b[3] | b[4] | b[5]))
		return -EINVAL;
	return 0;
}

int net_card_parse(const char *text, unsigned int *card)
{
	uint64_t n;

	if (!strncmp(text, "net", 3))
		text += 3;
	if (number_parse(text, 0, OPTIONS_CARDS - 1, &n))
		return -EINVAL;
	*card = n;
	return 0;
}

const char *net_version_name(uint32_t version)
{
	unsigned int i;

	for (i = 0; i < NVERSIONS; i++)
		if (versions[i].version == version)
			return versions[i].name;
	return "";
}

/* ---- keys ---- */

static int set_mac(struct net_spec *s, const char *value, char *why,
		   size_t why_len)
{
	if (net_mac_parse(value, s->mac))
		return explain(-EINVAL, why, why_len,
			       "mac=%s: give the address of one card, as "
			       "mac=00:15:5d:00:00:01",
			       value);
	s->has_mac = true;
	return 0;
}

static int set_queues(struct net_spec *s, const char *value, char *why,
		      size_t why_len)
{
	uint64_t n;
	int err = set_number(&n, "queues", value, 1, NET_QUEUES_MAX, why,
			     why_len);

	if (!err)
		s->queues = n;
	return err;
}

static int set_mtu(struct net_spec *s, const char *value, char *why,
		   size_t why_len)
{
	uint64_t n;
	int err = set_number(&n, "mtu", value, MTU_MIN, MTU_MAX, why, why_len);

	if (!err)
		s->mtu = n;
	return err;
}

static int set_rx(struct net_spec *s, const char *value, char *why,
		  size_t why_len)
{
	uint64_t n;
	int err = set_number(&n, "rx", value, NET_FRAME_MIN, NET_FRAME_MAX, why,
			     why_len);

	if (!err)
		s->rx = n;
	return err;
}

static int set_rx_count(struct net_spec *s, const char *value, char *why,
			size_t why_len)
{
	return set_number(&s->rx_count, "rx-count", value, 1, UINT64_MAX - 1,
			  why, why_len);
}

static int set_rx_to(struct net_spec *s, const char *value, char *why,
		     size_t why_len)
{
	if (inet_pton(AF_INET, value, &s->rx_to) != 1 || !s->rx_to)
		return explain(-EINVAL, why, why_len,
			       "rx-to=%s: give an IPv4 address, as "
			       "rx-to=10.0.0.2",
			       value);
	return 0;
}

static int set_card(struct net_spec *s, const char *value, char *why,
		    size_t why_len)
{
	uint64_t n;
	int err = set_number(&n, "card", value, 0, OPTIONS_CARDS - 1, why,
			     why_len);

	if (!err)
		s->card = n;
	return err;
}

static int set_version(struct net_spec *s, const char *value, char *why,
		       size_t why_len)
{
	unsigned int i;

	for (i = 0; i < NVERSIONS; i++)
		if (!strcmp(value, versions[i].name)) {
			s->version = versions[i].version;
			return 0;
		}
	return explain(-EINVAL, why, why_len,
		       "version=%s: use 1, 2, 4, 5, 6 or 6.1 (of the NVSP "
		       "protocol)",
		       value);
}

static int set_link(struct net_spec *s, const char *value, char *why,
		    size_t why_len)
{
	bool up = true;
	int err = spec_set_switch(&up, "link", value, why, why_len);

	s->link_down = !up;
	return err;
}

static int set_type(struct net_spec *s, const char *value, char *why,
		    size_t why_len)
{
	if (strcmp(value, "stream") && strcmp(value, "dgram"))
		return explain(-EINVAL, why, why_len,
			       "type=%s: use type=stream or type=dgram", value);
	s->dgram = !strcmp(value, "dgram");
	return 0;
}

static int set_server(struct net_spec *s, const char *value, char *why,
		      size_t why_len)
{
	return spec_set_switch(&s->server, "server", value, why, why_len);
}

static int set_restrict(struct net_spec *s, const char *value, char *why,
			size_t why_len)
{
	return spec_set_switch(&s->restricted, "restrict", value, why, why_len);
}

static int set_local(struct net_spec *s, const char *value, char *why,
		     size_t why_len)
{
	if (!*value)
		return explain(-EINVAL, why, why_len, "local= needs a path");
	return spec_set_text(&s->local, value);
}

/* Its words are the backend's to judge. */
static int set_hostfwd(struct net_spec *s, const char *value, char *why,
		       size_t why_len)
{
	unsigned int i = 0;

	while (s->hostfwd[i])
		i++;
	if (i == OPTIONS_FORWARDS)
		return explain(-EINVAL, why, why_len,
			       "more than %d hostfwd=", OPTIONS_FORWARDS);
	return spec_set_text(&s->hostfwd[i], value);
}

static const struct key {
	const char *name;
	unsigned int kinds;
	int (*set)(struct net_spec *spec, const char *value, char *why,
		   size_t why_len);
} keys[] = {
	{ "mac", OF_ALL, set_mac },
	{ "queues", OF_TAP | OF_NULL, set_queues },
	{ "mtu", OF_ALL, set_mtu },
	{ "link", OF_ALL, set_link },
	{ "version", OF_ALL, set_version },
	{ "card", OF_ALL, set_card },
	{ "hostfwd", OF_USER, set_hostfwd },
	{ "restrict", OF_USER, set_restrict },
	{ "type", OF_SOCKET, set_type },
	{ "server", OF_SOCKET, set_server },
	{ "local", OF_SOCKET, set_local },
	{ "rx", OF_NULL, set_rx },
	{ "rx-count", OF_NULL, set_rx_count },
	{ "rx-to", OF_NULL, set_rx_to },
};
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

/* ---- the whole ---- */

static int bad_key(const char *name, const struct kind *kind, char *why,
		   size_t why_len)
{
	const char *names[NKEYS], *near;
	char list[200] = "";
	size_t i, n = 0;

	for (i = 0; i < NKEYS; i++) {
		if (!(keys[i].kinds & kind->bit))
			continue;
		names[n++] = keys[i].name;
		snprintf(list + strlen(list), sizeof(list) - strlen(list),
			 "%s%s=", n > 1 ? ", " : "", keys[i].name);
	}
	near = suggest(name, names, n);
	if (near && strcmp(near, name))
		return explain(-EINVAL, why, why_len,
			       "unknown setting '%s' of a card: did you mean "
			       "'%s='?",
			       name, near);
	return explain(-EINVAL, why, why_len,
		       "'%s' is no setting of %s: use %s", name, kind->name,
		       list);
}

static int set_item(struct net_spec *spec, const struct kind *kind, char *item,
		    char *why, size_t why_len)
{
	char *value = strchr(item, '=');
	size_t i;

	if (!value)
		return explain(-EINVAL, why, why_len,
			       "'%s' in the description of a card is not "
			       "KEY=VALUE",
			       item);
	*value++ = '\0';
	for (i = 0; i < NKEYS; i++)
		if (!strcmp(item, keys[i].name) && (keys[i].kinds & kind->bit))
			return keys[i].set(spec, value, why, why_len);
	return bad_key(item, kind, why, why_len);
}

static int unknown_kind(const char *name, char *why, size_t why_len)
{
	const char *names[NKINDS], *near;
	size_t i;

	for (i = 0; i < NKINDS; i++)
		names[i] = kinds[i].name;
	near = suggest(name, names, NKINDS);
	if (near)
		return explain(-EINVAL, why, why_len,
			       "unknown network '%s': did you mean '%s'?", name,
			       near);
	return explain(-EINVAL, why, why_len,
		       "unknown network '%s': begin with user, tap=IFNAME, "
		       "socket=PATH or null",
		       name);
}

static int set_kind(struct net_spec *spec, char *item, const struct kind **out,
		    char *why, size_t why_len)
{
	char *target = strchr(item, '=');
	size_t i;

	if (target)
		*target++ = '\0';
	for (i = 0; i < NKINDS && strcmp(item, kinds[i].name); i++)
		;
	if (i == NKINDS)
		return unknown_kind(item, why, why_len);
	*out = &kinds[i];
	if (kinds[i].target && (!target || !*target))
		return explain(-EINVAL, why, why_len, "%s= needs %s", item,
			       kinds[i].target);
	if (!kinds[i].target && target)
		return explain(-EINVAL, why, why_len,
			       "'%s' stands alone, without '=%s'", item,
			       target);
	if (target && spec_set_text(&spec->target, target))
		return -ENOMEM;
	return spec_set_text(&spec->kind, item);
}

static int check(const struct net_spec *s, char *why, size_t why_len)
{
	if (s->dgram && !s->local)
		return explain(-EINVAL, why, why_len,
			       "type=dgram needs local=PATH, where frames for "
			       "this card are sent to");
	if (s->dgram && s->server)
		return explain(-EINVAL, why, why_len,
			       "server=on is for type=stream: datagrams need "
			       "none");
	if (s->local && !s->dgram)
		return explain(-EINVAL, why, why_len,
			       "local= is for type=dgram");
	if (s->rx_count && !s->rx)
		return explain(-EINVAL, why, why_len,
			       "rx-count= needs rx=SIZE, the length of the "
			       "frames");
	if (s->rx_to && !s->rx)
		return explain(
			-EINVAL, why, why_len,
			"rx-to= needs rx=SIZE, the length of the frames");
	return 0;
}

int net_spec_parse(const char *text, struct net_spec *spec, char *why,
		   size_t why_len)
{
	const struct kind *kind = NULL;
	char *copy = strdup(text), *rest = copy, *item;
	int err = copy ? 0 : -ENOMEM;

	*spec = (struct net_spec){ .card = -1 };
	while (!err && (item = spec_next_item(&rest)))
		err = kind ? set_item(spec, kind, item, why, why_len) :
			     set_kind(spec, item, &kind, why, why_len);
	free(copy);
	if (err == -ENOMEM)
		snprintf(why, why_len, "out of memory");
	return err ? err : check(spec, why, why_len);
}

void net_spec_free(struct net_spec *spec)
{
	unsigned int i;

	free(spec->kind);
	free(spec->target);
	free(spec->local);
	for (i = 0; spec->hostfwd[i]; i++) {
		free(spec->hostfwd[i]);
		spec->hostfwd[i] = NULL;
	}
	spec->kind = spec->target = spec->local = NULL;
}
