// SPDX-License-Identifier: GPL-2.0
/*
 * The fault filter's rules: what is to happen, to whom and when.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault_var.h"
#include "util/why.h"

/* Messages wait in our memory until the child takes them. */
#define TIMES_MAX 65536u
#define MS_MAX	  (7 * 24 * 3600 * 1000u)

bool fault_due(struct fault_rule *rule)
{
	uint64_t n = rule->seen++;

	if (n < rule->after || (n - rule->after) % rule->every ||
	    rule->done >= rule->count)
		return false;
	rule->done++;
	return true;
}

/* ---- the specification ---- */

/* Those of what the rule is about, by number; NULL after the last. */
static const struct fault_kind *kind_at(const struct fault_rule *rule,
					unsigned int i)
{
	if (!strcmp(rule->target, "bus"))
		return i < fault_nmessage_kinds ? &fault_message_kinds[i] :
						  NULL;
	if (i < fault_npacket_kinds)
		return &fault_packet_kinds[i];
	i -= fault_npacket_kinds;
	if (i < fault_noffer_kinds)
		return &fault_offer_kinds[i];
	i -= fault_noffer_kinds;
	if (strncmp(rule->target, "net", 3) || i >= fault_nnet_kinds)
		return NULL;
	return &fault_net_kinds[i];
}

/* "a, b or c" */
static const char *list_kinds(const struct fault_rule *rule, char *buf,
			      size_t len)
{
	const struct fault_kind *kind;
	size_t at = 0;
	unsigned int i;

	buf[0] = '\0';
	for (i = 0; (kind = kind_at(rule, i)) && at < len; i++)
		at += snprintf(buf + at, len - at, "%s%s",
			       !i		     ? "" :
			       !kind_at(rule, i + 1) ? " or " :
						       ", ",
			       kind->name);
	return buf;
}

static bool parse_number(const char *text, uint64_t least, uint64_t most,
			 uint64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !*end && !errno && *out >= least && *out <= most;
}

static int parse_do(struct fault_rule *rule, const char *spec,
		    const char *value, char *why, size_t why_len)
{
	char names[1024];
	unsigned int i;

	for (i = 0; (rule->kind = kind_at(rule, i)); i++)
		if (!strcmp(rule->kind->name, value))
			return 0;
	return explain(-EINVAL, why, why_len,
		       "fault '%s': do=%s is not known: use %s", spec, value,
		       list_kinds(rule, names, sizeof(names)));
}

static int parse_pair(struct fault_rule *rule, const char *spec,
		      const char *key, const char *value, char *why,
		      size_t why_len)
{
	const struct {
		const char *key;
		uint64_t *number, least, most;
	} numbers[] = {
		{ "after", &rule->after, 0, UINT64_MAX },
		{ "count", &rule->count, 1, UINT64_MAX },
		{ "every", &rule->every, 1, UINT64_MAX },
		{ "times", &rule->times, 1, TIMES_MAX },
		{ "ms", &rule->ms, 1, MS_MAX },
	};
	unsigned int i;

	if (value && !strcmp(key, "do"))
		return parse_do(rule, spec, value, why, why_len);
	for (i = 0; value && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (strcmp(key, numbers[i].key))
			continue;
		if (parse_number(value, numbers[i].least, numbers[i].most,
				 numbers[i].number))
			return 0;
		return explain(-EINVAL, why, why_len,
			       "fault '%s': %s=%s: give a number from %" PRIu64
			       " to %" PRIu64,
			       spec, key, value, numbers[i].least,
			       numbers[i].most);
	}
	return explain(
		-EINVAL, why, why_len,
		"fault '%s': '%s%s%s' is not known: use do=WHAT, after=N, "
		"count=N, every=N, times=N, ms=N",
		spec, key, value ? "=" : "", value ? value : "");
}

static int parse_pairs(struct fault_rule *rule, const char *spec, char *rest,
		       char *why, size_t why_len)
{
	char *pair;
	int err = 0;

	while (!err && (pair = strsep(&rest, ","))) {
		char *value = strchr(pair, '=');

		if (value)
			*value++ = '\0';
		err = parse_pair(rule, spec, pair, value, why, why_len);
	}
	if (err)
		return err;
	if (!rule->kind)
		return explain(-EINVAL, why, why_len,
			       "fault '%s' says not what should happen: add "
			       "do=WHAT",
			       spec);
	if (rule->times && !rule->kind->times)
		return explain(
			-EINVAL, why, why_len,
			"fault '%s': do=%s sends nothing more, so it takes "
			"no times=N",
			spec, rule->kind->name);
	rule->withheld = fault_withheld(rule->kind);
	if (rule->ms && (!rule->withheld || !rule->withheld->ms) &&
	    rule->kind->packet != fault_silence_begin)
		return explain(-EINVAL, why, why_len,
			       "fault '%s': do=%s keeps nothing for a while, "
			       "so it takes no ms=N",
			       spec, rule->kind->name);
	if (!rule->times)
		rule->times = rule->kind->times;
	if (!rule->ms && rule->withheld)
		rule->ms = rule->withheld->ms;
	if (!rule->ms && rule->kind->packet == fault_silence_begin)
		return explain(-EINVAL, why, why_len,
			       "fault '%s': how long? do=%s takes ms=N", spec,
			       rule->kind->name);
	return 0;
}

static int parse(struct fault_rule *rule, const char *spec, char *why,
		 size_t why_len)
{
	char *colon;

	rule->count = UINT64_MAX;
	rule->every = 1;
	rule->target = strdup(spec);
	if (!rule->target) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	colon = strchr(rule->target, ':');
	if (!colon || colon == rule->target)
		return explain(
			-EINVAL, why, why_len,
			"fault '%s': begin with a channel, as scsi0:, or "
			"with bus:",
			spec);
	*colon = '\0';
	return parse_pairs(rule, spec, colon + 1, why, why_len);
}

static void rule_free(struct fault_rule *rule)
{
	if (rule)
		free(rule->target);
	free(rule);
}

int vmbus_fault_add(struct vmbus_server *srv, const char *spec, char *why,
		    size_t why_len)
{
	struct fault_rule *rule = calloc(1, sizeof(*rule)), **end;
	int err;

	if (!srv->faults)
		srv->faults = calloc(1, sizeof(*srv->faults));
	if (!rule || !srv->faults) {
		rule_free(rule);
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	err = parse(rule, spec, why, why_len);
	if (err) {
		rule_free(rule);
		return err;
	}
	/* In the order in which they were given. */
	for (end = &srv->faults->rules; *end; end = &(*end)->next)
		;
	*end = rule;
	return 0;
}

void faults_free(struct vmbus_server *srv)
{
	struct fault_rule *rule, *next;
	struct fault_held *held;

	if (!srv->faults)
		return;
	while ((held = LIST_FIRST(&srv->faults->held))) {
		LIST_REMOVE(held, link);
		free(held);
	}
	for (rule = srv->faults->rules; rule; rule = next) {
		next = rule->next;
		rule_free(rule);
	}
	free(srv->faults);
	srv->faults = NULL;
}
