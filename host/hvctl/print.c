// SPDX-License-Identifier: GPL-2.0
/* JSON for programs; lines and tables for people. */
#include <stdio.h>
#include <string.h>

#include "hvctl.h"

#define COLUMNS 32

void print_json(struct json_object *o)
{
	puts(json_object_to_json_string_ext(
		o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			   JSON_C_TO_STRING_NOSLASHESCAPE));
}

static const char *text(struct json_object *o)
{
	const char *s = o ? json_object_get_string(o) : "";

	return *s ? s : "-";
}

/* Names of counters are made of words: people read blanks. */
static void title(const char *key, char *buf, size_t len)
{
	size_t i;

	snprintf(buf, len, "%s", key);
	for (i = 0; buf[i]; i++)
		if (buf[i] == '_')
			buf[i] = ' ';
}

void print_table(struct json_object *array, unsigned int indent)
{
	size_t rows = json_object_array_length(array), r, n = 0, c;
	const char *keys[COLUMNS];
	int width[COLUMNS];
	char head[64];

	if (!rows) {
		printf("%*snone\n", indent, "");
		return;
	}
	json_object_object_foreach(json_object_array_get_idx(array, 0), key,
				   value)
	{
		(void)value;
		if (n < COLUMNS)
			keys[n++] = key;
	}
	for (c = 0; c < n; c++) {
		width[c] = strlen(keys[c]);
		for (r = 0; r < rows; r++) {
			struct json_object *row =
				json_object_array_get_idx(array, r);
			int w = strlen(
				text(json_object_object_get(row, keys[c])));

			if (w > width[c])
				width[c] = w;
		}
	}
	for (c = 0; c < n; c++) {
		title(keys[c], head, sizeof(head));
		printf("%*s%-*s", c ? 2 : indent, "", c + 1 < n ? width[c] : 0,
		       head);
	}
	putchar('\n');
	for (r = 0; r < rows; r++) {
		struct json_object *row = json_object_array_get_idx(array, r);

		for (c = 0; c < n; c++)
			printf("%*s%-*s", c ? 2 : indent, "",
			       c + 1 < n ? width[c] : 0,
			       text(json_object_object_get(row, keys[c])));
		putchar('\n');
	}
}

void print_value(struct json_object *o, unsigned int indent)
{
	char head[64];

	json_object_object_foreach(o, key, value)
	{
		title(key, head, sizeof(head));
		switch (json_object_get_type(value)) {
		case json_type_object:
			printf("%*s%s:\n", indent, "", head);
			print_value(value, indent + 2);
			break;
		case json_type_array:
			printf("%*s%s:\n", indent, "", head);
			print_table(value, indent + 2);
			break;
		default:
			printf("%*s%-*s  %s\n", indent, "", 34 - (int)indent,
			       head, text(value));
		}
	}
}
