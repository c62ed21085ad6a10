// SPDX-License-Identifier: GPL-2.0
/* Disk descriptions of --scsi and of `hvctl disk add`. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec_var.h"
#include "util/size.h"
#include "util/suggest.h"

struct key {
	const char *name;
	int (*set)(struct scsi_spec *spec, char *value, char *why,
		   size_t why_len);
};

char *spec_next_item(char **rest)
{
	char *start = *rest, *from = start, *to = start;

	if (!start)
		return NULL;
	while (*from && (from[0] != ',' || from[1] == ',')) {
		if (*from == ',')
			from++;
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return start;
}

int spec_set_text(char **field, const char *value)
{
	free(*field);
	*field = strdup(value);
	return *field ? 0 : -ENOMEM;
}

static int set_file(struct scsi_spec *spec, char *value, char *why,
		    size_t why_len)
{
	if (!*value) {
		snprintf(why, why_len, "file= needs a path");
		return -EINVAL;
	}
	return spec_set_text(&spec->path, value);
}

static int set_format(struct scsi_spec *spec, char *value, char *why,
		      size_t why_len)
{
	if (strcmp(value, "raw") && strcmp(value, "null")) {
		snprintf(
			why, why_len,
			"unknown disk format '%s': use format=raw or format=null",
			value);
		return -EINVAL;
	}
	return spec_set_text(&spec->format, value);
}

int spec_set_switch(bool *field, const char *name, const char *value, char *why,
		    size_t why_len)
{
	if (strcmp(value, "on") && strcmp(value, "off")) {
		snprintf(why, why_len, "%s=%s: use %s=on or %s=off", name,
			 value, name, name);
		return -EINVAL;
	}
	*field = !strcmp(value, "on");
	return 0;
}

static int set_readonly(struct scsi_spec *spec, char *value, char *why,
			size_t why_len)
{
	return spec_set_switch(&spec->readonly, "readonly", value, why,
			       why_len);
}

static int set_direct(struct scsi_spec *spec, char *value, char *why,
		      size_t why_len)
{
	return spec_set_switch(&spec->direct, "direct", value, why, why_len);
}

static int set_size(struct scsi_spec *spec, char *value, char *why,
		    size_t why_len)
{
	if (size_parse(value, &spec->size) || !spec->size ||
	    spec->size % 4096) {
		snprintf(
			why, why_len,
			"size=%s: give a multiple of 4096 bytes, such as size=64G",
			value);
		return -EINVAL;
	}
	return 0;
}

static int set_controller(struct scsi_spec *spec, char *value, char *why,
			  size_t why_len)
{
	uint64_t n;

	if (number_parse(value, 0, OPTIONS_CONTROLLERS - 1, &n)) {
		snprintf(why, why_len,
			 "controller=%s: give a number from 0 to %d", value,
			 OPTIONS_CONTROLLERS - 1);
		return -EINVAL;
	}
	spec->controller = n;
	return 0;
}

static int set_lun(struct scsi_spec *spec, char *value, char *why,
		   size_t why_len)
{
	uint64_t n;

	if (number_parse(value, 0, OPTIONS_LUNS - 1, &n)) {
		snprintf(why, why_len, "lun=%s: give a number from 0 to %d",
			 value, OPTIONS_LUNS - 1);
		return -EINVAL;
	}
	spec->lun = n;
	return 0;
}

static int set_serial(struct scsi_spec *spec, char *value, char *why,
		      size_t why_len)
{
	unsigned int i;

	if (strlen(value) != 32 ||
	    strspn(value, "0123456789abcdefABCDEF") != 32) {
		snprintf(why, why_len,
			 "serial=%s: give 32 hexadecimal digits, such as "
			 "'hvctl disk list' prints",
			 value);
		return -EINVAL;
	}
	for (i = 0; i <= 32; i++)
		spec->serial[i] = tolower((unsigned char)value[i]);
	return 0;
}

static const struct key keys[] = {
	{ "file", set_file },	      { "format", set_format },
	{ "readonly", set_readonly }, { "direct", set_direct },
	{ "size", set_size },	      { "controller", set_controller },
	{ "lun", set_lun },	      { "serial", set_serial },
};

#define NKEYS (sizeof(keys) / sizeof(keys[0]))

static int bad_key(const char *name, char *why, size_t why_len)
{
	const char *names[NKEYS];
	const char *near;
	size_t i;

	for (i = 0; i < NKEYS; i++)
		names[i] = keys[i].name;
	near = suggest(name, names, NKEYS);
	if (near)
		snprintf(why, why_len,
			 "unknown disk setting '%s': did you mean '%s='?", name,
			 near);
	else
		snprintf(
			why, why_len,
			"unknown disk setting '%s': use file=PATH[,format=raw|null]"
			"[,readonly=on|off][,direct=on|off][,size=SIZE][,controller=N][,lun=N][,serial=DIGITS]",
			name);
	return -EINVAL;
}

/* *seen: a bit for each key that was given. */
static int set_item(struct scsi_spec *spec, unsigned int *seen, char *item,
		    char *why, size_t why_len)
{
	char *value = strchr(item, '=');
	size_t i;

	if (!value) {
		snprintf(why, why_len,
			 "'%s' in a disk description is not KEY=VALUE: "
			 "begin with file=PATH",
			 item);
		return -EINVAL;
	}
	*value++ = '\0';
	for (i = 0; i < NKEYS; i++)
		if (!strcmp(item, keys[i].name))
			break;
	if (i == NKEYS)
		return bad_key(item, why, why_len);
	if (*seen & 1u << i) {
		snprintf(why, why_len, "%s= is given twice", item);
		return -EINVAL;
	}
	*seen |= 1u << i;
	return keys[i].set(spec, value, why, why_len);
}

int scsi_spec_parse(const char *text, struct scsi_spec *spec, char *why,
		    size_t why_len)
{
	char *copy = strdup(text), *rest = copy, *item;
	unsigned int seen = 0;
	bool null;
	int err = copy ? 0 : -ENOMEM;

	*spec = (struct scsi_spec){ .lun = -1 };
	while (!err && (item = spec_next_item(&rest)))
		err = set_item(spec, &seen, item, why, why_len);
	free(copy);
	if (err == -ENOMEM)
		snprintf(why, why_len, "out of memory");
	if (err)
		return err;
	null = spec->format && !strcmp(spec->format, "null");
	if (!spec->path && !null) {
		snprintf(why, why_len, "a disk description needs file=PATH");
		return -EINVAL;
	}
	if (spec->path && null) {
		snprintf(why, why_len,
			 "format=null has no file: leave file= away");
		return -EINVAL;
	}
	if (null && !spec->size) {
		snprintf(why, why_len, "format=null needs size=SIZE");
		return -EINVAL;
	}
	if (!null && spec->size) {
		snprintf(
			why, why_len,
			"size= is for format=null only: a file has its own size "
			"(make it with truncate -s SIZE FILE)");
		return -EINVAL;
	}
	return 0;
}

void scsi_spec_free(struct scsi_spec *spec)
{
	free(spec->path);
	free(spec->format);
	spec->path = NULL;
	spec->format = NULL;
}
