// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault_var.h"
#include "util/size.h"
#include "util/suggest.h"

#define NS_PER_MS  1000000u
#define MS_MAX	   3600000u
#define CARD_MAX   63u
#define DELAY_MS   10u
#define REORDER_MS 50u
#define CUT_MS	   1000u

static const struct {
	const char *name;
	enum fault_op op;
	unsigned int ms;
} ops[] = {
	{ "loss", FAULT_LOSS, 0 },
	{ "garble", FAULT_GARBLE, 0 },
	{ "duplicate", FAULT_DUPLICATE, 0 },
	{ "reorder", FAULT_REORDER, REORDER_MS },
	{ "delay", FAULT_DELAY, DELAY_MS },
	{ "cut", FAULT_CUT, CUT_MS },
};
#define NOPS (sizeof(ops) / sizeof(ops[0]))

static const char *const keys[] = { "op",    "dir", "after", "count",
				    "every", "ms",  "card" };
#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static bool parse_op(const char *value, struct fault_rule *r)
{
	unsigned int i;

	for (i = 0; i < NOPS; i++)
		if (!strcmp(value, ops[i].name)) {
			r->op = ops[i].op;
			return true;
		}
	return false;
}

static bool parse_dir(const char *value, struct fault_rule *r)
{
	if (!strcmp(value, "out"))
		r->dirs = FAULT_OUT;
	else if (!strcmp(value, "in"))
		r->dirs = FAULT_IN;
	else if (!strcmp(value, "both"))
		r->dirs = FAULT_OUT | FAULT_IN;
	else
		return false;
	return true;
}

static bool parse_pair(const char *key, const char *value, struct fault_rule *r)
{
	uint64_t n;

	if (!strcmp(key, "op"))
		return parse_op(value, r);
	if (!strcmp(key, "dir"))
		return parse_dir(value, r);
	if (!strcmp(key, "after"))
		return !number_parse(value, 0, UINT64_MAX, &r->after);
	if (!strcmp(key, "count"))
		return !number_parse(value, 1, UINT64_MAX, &r->count);
	if (!strcmp(key, "every"))
		return !number_parse(value, 1, UINT64_MAX, &r->every);
	if (!strcmp(key, "ms")) {
		if (number_parse(value, 0, MS_MAX, &n))
			return false;
		r->ns = n * NS_PER_MS;
		return true;
	}
	if (!strcmp(key, "card")) {
		if (number_parse(value, 0, CARD_MAX, &n))
			return false;
		r->card = n;
		return true;
	}
	return false;
}

/* What was meant, perhaps: a word of `key` or of op=. */
static const char *guess(const char *key, const char *value)
{
	const char *names[NOPS], *near;
	unsigned int i;

	near = suggest(key, keys, NKEYS);
	if (near && strcmp(near, key))
		return near;
	if (!value || strcmp(key, "op"))
		return NULL;
	for (i = 0; i < NOPS; i++)
		names[i] = ops[i].name;
	return suggest(value, names, NOPS);
}

static int unknown(const char *spec, const char *key, const char *value,
		   char *why, size_t why_len)
{
	const char *near = guess(key, value);

	if (near)
		return explain(
			-EINVAL, why, why_len,
			"fault '%s': '%s%s%s' is not known: did you mean "
			"'%s'?",
			spec, key, value ? "=" : "", value ? value : "", near);
	return explain(-EINVAL, why, why_len,
		       "fault '%s': '%s%s%s' is not known: use op=loss|garble|"
		       "duplicate|reorder|delay|cut, dir=in|out|both, after=N, "
		       "count=N, every=N, ms=N, card=N",
		       spec, key, value ? "=" : "", value ? value : "");
}

static int parse_all(char *text, const char *spec, struct fault_rule *r,
		     char *why, size_t why_len)
{
	char *pair, *value;

	while ((pair = strsep(&text, ","))) {
		value = strchr(pair, '=');
		if (value)
			*value++ = '\0';
		if (!value || !parse_pair(pair, value, r))
			return unknown(spec, pair, value, why, why_len);
	}
	return 0;
}

static unsigned int default_ms(enum fault_op op)
{
	unsigned int i = 0;

	while (ops[i].op != op)
		i++;
	return ops[i].ms;
}

int fault_parse(const char *spec, struct fault_rule *rule, char *why,
		size_t why_len)
{
	char *copy = strdup(spec);
	int err;

	if (!copy)
		return explain(-ENOMEM, why, why_len, "out of memory");
	*rule = (struct fault_rule){
		.dirs = FAULT_OUT | FAULT_IN,
		.count = UINT64_MAX,
		.every = 1,
		.ns = UINT64_MAX,
		.card = -1,
	};
	err = parse_all(copy + (strncmp(copy, "net:", 4) ? 0 : 4), spec, rule,
			why, why_len);
	free(copy);
	if (err)
		return err;
	if (!rule->op)
		return explain(-EINVAL, why, why_len,
			       "fault '%s' says not what should happen: add "
			       "op=loss, or another",
			       spec);
	if (rule->ns == UINT64_MAX)
		rule->ns = (uint64_t)default_ms(rule->op) * NS_PER_MS;
	else if (!default_ms(rule->op))
		return explain(
			-EINVAL, why, why_len,
			"fault '%s': ms= is for op=delay, reorder or cut",
			spec);
	return 0;
}
