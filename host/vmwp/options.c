// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "hv/vmbus_reg.h"
#include "options.h"
#include "util/size.h"
#include "util/suggest.h"
#include "util/why.h"

struct option_kind {
	const char *name;
	bool has_value;
	int (*set)(struct options *opt, const char *value, char *why,
		   size_t why_len);
};

static int set_path(const char **field, const char *name, const char *value,
		    char *why, size_t why_len)
{
	if (!*value)
		return explain(-EINVAL, why, why_len, "--%s needs a file name",
			       name);
	*field = value;
	return 0;
}

static int set_kernel(struct options *opt, const char *value, char *why,
		      size_t why_len)
{
	return set_path(&opt->kernel, "kernel", value, why, why_len);
}

static int set_initrd(struct options *opt, const char *value, char *why,
		      size_t why_len)
{
	return set_path(&opt->initrd, "initrd", value, why, why_len);
}

static int set_cmdline(struct options *opt, const char *value, char *why,
		       size_t why_len)
{
	if (strlen(value) > 2047)
		return explain(
			-EINVAL, why, why_len,
			"--cmdline is %zu bytes long: a Linux kernel takes "
			"2047",
			strlen(value));
	opt->cmdline = value;
	return 0;
}

static int set_memory(struct options *opt, const char *value, char *why,
		      size_t why_len)
{
	uint64_t bytes;

	if (size_parse(value, &bytes))
		return explain(
			-EINVAL, why, why_len,
			"--memory %s is no size: give for example 512M or 2G",
			value);
	if (bytes < OPTIONS_MEMORY_MIN)
		return explain(-EINVAL, why, why_len,
			       "--memory %s is too little: give 64M or more",
			       value);
	if (bytes > OPTIONS_MEMORY_MAX)
		return explain(-EINVAL, why, why_len,
			       "--memory %s is too much: give 1T or less",
			       value);
	if (bytes % (1 << 20))
		return explain(-EINVAL, why, why_len,
			       "--memory %s is no multiple of 1M", value);
	opt->memory = bytes;
	return 0;
}

static int set_processors(struct options *opt, const char *value, char *why,
			  size_t why_len)
{
	uint64_t n;

	if (number_parse(value, 1, 64, &n))
		return explain(-EINVAL, why, why_len,
			       "--processors %s: give a number from 1 to 64",
			       value);
	opt->processors = n;
	return 0;
}

static int set_numa(struct options *opt, const char *value, char *why,
		    size_t why_len)
{
	uint64_t n;

	if (number_parse(value, 1, 64, &n))
		return explain(-EINVAL, why, why_len,
			       "--numa %s: give a number from 1 to 64", value);
	opt->nodes = n;
	return 0;
}

/* Of the whole line: --numa may come before what it divides. */
static int check_nodes(const struct options *opt, char *why, size_t why_len)
{
	if (opt->processors % opt->nodes)
		return explain(
			-EINVAL, why, why_len,
			"--numa %u: give --processors a multiple of %u, for as "
			"many in each node",
			opt->nodes, opt->nodes);
	if (opt->memory / opt->nodes < OPTIONS_MEMORY_MIN)
		return explain(
			-EINVAL, why, why_len,
			"--numa %u: give --memory %lluM or more, 64M for each "
			"node",
			opt->nodes, (OPTIONS_MEMORY_MIN >> 20) * opt->nodes);
	return 0;
}

/* A LUN that was named twice is found here, before anything is opened. */
static int set_scsi(struct options *opt, const char *value, char *why,
		    size_t why_len)
{
	struct scsi_spec *spec = &opt->scsi[opt->nscsi];
	char detail[256];
	unsigned int i;

	if (opt->nscsi == OPTIONS_DISKS)
		return explain(-EINVAL, why, why_len, "more than %d disks",
			       OPTIONS_DISKS);
	opt->nscsi++;
	if (scsi_spec_parse(value, spec, detail, sizeof(detail)))
		return explain(-EINVAL, why, why_len, "--scsi: %s", detail);
	for (i = 0; i + 1 < opt->nscsi && spec->lun >= 0; i++)
		if (opt->scsi[i].controller == spec->controller &&
		    opt->scsi[i].lun == spec->lun)
			return explain(
				-EINVAL, why, why_len,
				"--scsi: controller %u has two disks with "
				"lun=%d: give one of them another number",
				spec->controller, spec->lun);
	return 0;
}

static int set_net(struct options *opt, const char *value, char *why,
		   size_t why_len)
{
	struct net_spec spec;
	char detail[300];
	unsigned int i;
	int err = net_spec_parse(value, &spec, detail, sizeof(detail));

	net_spec_free(&spec);
	if (err)
		return explain(-EINVAL, why, why_len, "--net: %s", detail);
	if (opt->nnets == OPTIONS_CARDS)
		return explain(-EINVAL, why, why_len, "more than %d cards",
			       OPTIONS_CARDS);
	for (i = 0; i < opt->nnets && spec.card >= 0; i++)
		if (opt->net[i].card == spec.card)
			return explain(
				-EINVAL, why, why_len,
				"--net: two cards with card=%d: give one "
				"of them another number",
				spec.card);
	opt->net[opt->nnets++] = (struct net_option){ value, spec.card };
	return 0;
}

static int set_capture(struct options *opt, const char *value, char *why,
		       size_t why_len)
{
	return set_path(&opt->capture, "capture", value, why, why_len);
}

static int set_serial(struct options *opt, const char *value, char *why,
		      size_t why_len)
{
	const char *path = strchr(value, '=');

	if (opt->nserial == OPTIONS_SERIALS)
		return explain(
			-EINVAL, why, why_len,
			"more than two --serial: there are COM1 and COM2");
	if (strcmp(value, "stdio") && strcmp(value, "none") &&
	    !(path && path[1] &&
	      (!strncmp(value, "file=", 5) || !strncmp(value, "unix=", 5))))
		return explain(
			-EINVAL, why, why_len,
			"--serial %s: use stdio, none, file=PATH or unix=PATH",
			value);
	if (opt->nserial && !strcmp(value, "stdio") &&
	    !strcmp(opt->serial[0], "stdio"))
		return explain(
			-EINVAL, why, why_len,
			"both serial ports on stdio: begin with --serial none "
			"to have COM2 there");
	opt->serial[opt->nserial++] = value;
	return 0;
}

static int set_control(struct options *opt, const char *value, char *why,
		       size_t why_len)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (strlen(value) > most)
		return explain(
			-EINVAL, why, why_len,
			"--control: a socket's path has at most %zu bytes",
			most);
	return set_path(&opt->control, "control", value, why, why_len);
}

static int set_stats(struct options *opt, const char *value, char *why,
		     size_t why_len)
{
	return set_path(&opt->stats, "stats", value, why, why_len);
}

static int set_version(struct options *opt, const char *value, char *why,
		       size_t why_len)
{
	static const struct {
		const char *text;
		uint32_t version;
	} known[] = {
		{ "2.4", VMB_VERSION_2_4 }, { "3.0", VMB_VERSION_3_0 },
		{ "4.0", VMB_VERSION_4_0 }, { "4.1", VMB_VERSION_4_1 },
		{ "5.0", VMB_VERSION_5_0 }, { "5.1", VMB_VERSION_5_1 },
		{ "5.2", VMB_VERSION_5_2 }, { "5.3", VMB_VERSION_5_3 },
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(value, known[i].text)) {
			opt->vmbus_version = known[i].version;
			return 0;
		}
	return explain(
		-EINVAL, why, why_len,
		"--vmbus-version %s: use 2.4, 3.0, 4.0, 4.1, 5.0, 5.1, 5.2 "
		"or 5.3",
		value);
}

static int set_fault(struct options *opt, const char *value, char *why,
		     size_t why_len)
{
	int err;

	if (opt->nfaults == OPTIONS_FAULTS)
		return explain(-EINVAL, why, why_len, "more than %d --fault",
			       OPTIONS_FAULTS);
	err = fault_spec_parse(value, &opt->fault[opt->nfaults], why, why_len);
	if (!err)
		opt->nfaults++;
	return err;
}

static int set_no_reboot(struct options *opt, const char *value, char *why,
			 size_t why_len)
{
	(void)value, (void)why, (void)why_len;
	opt->no_reboot = true;
	return 0;
}

static int set_name(struct options *opt, const char *value, char *why,
		    size_t why_len)
{
	size_t i, n = strlen(value);

	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)value[i]) &&
		    !strchr("._-", value[i]))
			break;
	if (!n || n > 64 || i < n)
		return explain(
			-EINVAL, why, why_len,
			"--name '%s': use 1 to 64 letters, digits, '.', '_' "
			"and '-'",
			value);
	opt->name = value;
	return 0;
}

static int set_log_level(struct options *opt, const char *value, char *why,
			 size_t why_len)
{
	static const char *const level[] = { "error", "warning", "info",
					     "debug" };
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (!strcmp(value, level[i])) {
			opt->log_level = LOG_LEVEL_ERR + i;
			return 0;
		}
	return explain(-EINVAL, why, why_len,
		       "--log-level %s: use error, warning, info or debug",
		       value);
}

static int set_help(struct options *opt, const char *value, char *why,
		    size_t why_len)
{
	(void)value, (void)why, (void)why_len;
	opt->help = true;
	return 0;
}

static int set_show_version(struct options *opt, const char *value, char *why,
			    size_t why_len)
{
	(void)value, (void)why, (void)why_len;
	opt->version = true;
	return 0;
}

static const struct option_kind kinds[] = {
	{ "kernel", true, set_kernel },
	{ "initrd", true, set_initrd },
	{ "cmdline", true, set_cmdline },
	{ "memory", true, set_memory },
	{ "processors", true, set_processors },
	{ "numa", true, set_numa },
	{ "scsi", true, set_scsi },
	{ "net", true, set_net },
	{ "capture", true, set_capture },
	{ "serial", true, set_serial },
	{ "control", true, set_control },
	{ "stats", true, set_stats },
	{ "vmbus-version", true, set_version },
	{ "fault", true, set_fault },
	{ "no-reboot", false, set_no_reboot },
	{ "name", true, set_name },
	{ "log-level", true, set_log_level },
	{ "help", false, set_help },
	{ "version", false, set_show_version },
};

#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static const struct option_kind *find_kind(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < NKINDS; i++)
		if (strlen(kinds[i].name) == len &&
		    !strncmp(kinds[i].name, name, len))
			return &kinds[i];
	return NULL;
}

static int unknown(const char *arg, size_t len, char *why, size_t why_len)
{
	const char *names[NKINDS];
	char word[64];
	const char *near;
	size_t i;

	for (i = 0; i < NKINDS; i++)
		names[i] = kinds[i].name;
	snprintf(word, sizeof(word), "%.*s", (int)len, arg);
	near = suggest(word, names, NKINDS);
	if (near)
		return explain(-EINVAL, why, why_len,
			       "unknown option --%s: did you mean --%s?", word,
			       near);
	return explain(-EINVAL, why, why_len,
		       "unknown option --%s: vmwp --help lists them", word);
}

/* One option and its value, if it has one; *i is moved past both. */
static int parse_one(struct options *opt, int argc, char **argv, int *i,
		     char *why, size_t why_len)
{
	const char *arg = argv[(*i)++], *value = NULL;
	const struct option_kind *kind;
	size_t len;

	if (!strcmp(arg, "-h"))
		arg = "--help";
	if (strncmp(arg, "--", 2) || !arg[2])
		return explain(-EINVAL, why, why_len,
			       "'%s' is no option: vmwp --help lists them",
			       arg);
	arg += 2;
	len = strcspn(arg, "=");
	kind = find_kind(arg, len);
	if (!kind)
		return unknown(arg, len, why, why_len);
	if (arg[len])
		value = arg + len + 1;
	if (value && !kind->has_value)
		return explain(-EINVAL, why, why_len, "--%s takes no value",
			       kind->name);
	if (kind->has_value && !value) {
		if (*i == argc)
			return explain(-EINVAL, why, why_len,
				       "--%s needs a value", kind->name);
		value = argv[(*i)++];
	}
	return kind->set(opt, value, why, why_len);
}

int options_parse(int argc, char **argv, struct options *opt, char *why,
		  size_t why_len)
{
	int i = 1, err;

	memset(opt, 0, sizeof(*opt));
	opt->cmdline = "";
	opt->memory = 512ull << 20;
	opt->processors = 1;
	opt->nodes = 1;
	opt->name = "child";
	opt->log_level = LOG_LEVEL_WARN;
	while (i < argc) {
		err = parse_one(opt, argc, argv, &i, why, why_len);
		if (err || opt->help || opt->version)
			return err;
	}
	if (!opt->kernel)
		return explain(
			-EINVAL, why, why_len,
			"no kernel: give --kernel FILE, a Linux bzImage");
	err = check_nodes(opt, why, why_len);
	if (err)
		return err;
	if (!opt->nserial)
		opt->serial[opt->nserial++] = "stdio";
	return 0;
}

void options_free(struct options *opt)
{
	unsigned int i;

	for (i = 0; i < opt->nscsi; i++)
		scsi_spec_free(&opt->scsi[i]);
	for (i = 0; i < opt->nfaults; i++)
		free(opt->fault[i].fault);
	opt->nscsi = 0;
	opt->nfaults = 0;
}
