// SPDX-License-Identifier: GPL-2.0
/* hvctl: controls a running vmwp (docs/man/hvctl.1). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hvctl.h"
#include "util/suggest.h"

struct verb {
	const char *name;
	int (*run)(struct hvctl *h, int argc, char **argv);
	int min_args, max_args; /* without the verb */
	const char *usage;
};

static const struct verb verbs[] = {
	{ "state", verb_state, 0, 0, "state" },
	{ "stats", verb_stats, 0, 2, "stats [--interval SECONDS]" },
	{ "channels", verb_channels, 0, 0, "channels" },
	{ "pause", verb_plain, 0, 0, "pause" },
	{ "resume", verb_plain, 0, 0, "resume" },
	{ "reset", verb_plain, 0, 0, "reset" },
	{ "power-off", verb_plain, 0, 0, "power-off" },
	{ "disk", verb_disk, 1, 2,
	  "disk list | add SPEC | remove [C:]LUN | resize [C:]LUN" },
	{ "controller", verb_controller, 1, 2,
	  "controller list | add NUMBER | remove NUMBER" },
	{ "net", verb_net, 1, 3,
	  "net list | add SPEC | remove CARD | link CARD up|down | "
	  "mac CARD ADDRESS | stats [CARD] | flush" },
};

#define NVERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char usage[] =
	"usage: hvctl [--socket PATH] [--json] VERB [ARGUMENT]...\n"
	"Controls a running virtual machine (vmwp --control PATH).\n"
	"\n"
	"  state                    what it does, and what it is\n"
	"  stats [--interval SECONDS]\n"
	"                           all counters, or how they change meanwhile\n"
	"  channels                 its VMBus channels\n"
	"  pause, resume            stops and goes on\n"
	"  reset                    as the reset button\n"
	"  power-off                as pulling the plug\n"
	"  disk list                its disks\n"
	"  disk add file=PATH[,format=raw|null][,readonly=on|off][,direct=on|off]\n"
	"           [,size=SIZE][,controller=N][,lun=N][,serial=DIGITS]\n"
	"  disk remove [C:]LUN      takes a disk away, when its I/O has ended\n"
	"  disk resize [C:]LUN      looks at the file's size again\n"
	"  controller list | add NUMBER | remove NUMBER\n"
	"                           a SCSI controller, with all its disks\n"
	"  net list                 its network cards\n"
	"  net add user|tap=IFNAME|socket=PATH|null[,mac=MAC][,queues=N][,mtu=N]\n"
	"           [,link=on|off][,version=X]...; see vmwp(1)\n"
	"  net remove CARD          takes a card away; CARD: net0 or 0\n"
	"  net link CARD up|down    plugs the cable in, pulls it out\n"
	"  net mac CARD ADDRESS     the same card anew with another address\n"
	"  net stats [CARD]         counters of its cards\n"
	"  net flush                writes out what was captured\n"
	"  help\n"
	"\n"
	"Without --socket: $ENLIGHT_SOCKET, or the only socket in /run/enlight.\n"
	"Exit status: 0 done, 1 refused, 2 wrong arguments, 3 no such worker.\n";

int fail(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("hvctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

static int unknown_verb(const char *word)
{
	const char *names[NVERBS + 1];
	const char *near;
	size_t i;

	for (i = 0; i < NVERBS; i++)
		names[i] = verbs[i].name;
	names[NVERBS] = "help";
	near = suggest(word, names, NVERBS + 1);
	if (near)
		return fail(HVCTL_USAGE,
			    "unknown verb '%s': did you mean '%s'?", word,
			    near);
	return fail(HVCTL_USAGE, "unknown verb '%s': hvctl help lists them",
		    word);
}

static int run_verb(struct hvctl *h, int argc, char **argv)
{
	size_t i;
	int status;

	for (i = 0; i < NVERBS; i++)
		if (!strcmp(argv[0], verbs[i].name))
			break;
	if (i == NVERBS)
		return unknown_verb(argv[0]);
	if (argc - 1 < verbs[i].min_args || argc - 1 > verbs[i].max_args)
		return fail(HVCTL_USAGE, "usage: hvctl %s", verbs[i].usage);
	status = verbs[i].run(h, argc, argv);
	client_close(h);
	if (fflush(stdout) && !status)
		return fail(HVCTL_REFUSED, "cannot write the answer");
	return status;
}

int main(int argc, char **argv)
{
	static const char *const options[] = { "--socket", "--json", "--help",
					       "--version" };
	struct hvctl h = { 0 };
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--socket") && i + 1 < argc) {
			h.socket = argv[++i];
		} else if (!strncmp(argv[i], "--socket=", 9)) {
			h.socket = argv[i] + 9;
		} else if (!strcmp(argv[i], "--socket")) {
			return fail(HVCTL_USAGE, "--socket needs a path");
		} else if (!strcmp(argv[i], "--json")) {
			h.json = true;
		} else if (!strcmp(argv[i], "--help") ||
			   !strcmp(argv[i], "-h")) {
			fputs(usage, stdout);
			return HVCTL_OK;
		} else if (!strcmp(argv[i], "--version")) {
			puts("hvctl " HVCTL_VERSION);
			return HVCTL_OK;
		} else {
			const char *near = suggest(argv[i], options, 4);

			return fail(HVCTL_USAGE, "unknown option %s: %s%s",
				    argv[i],
				    near ? "did you mean " :
					   "hvctl help lists them",
				    near ? near : "");
		}
	}
	if (i == argc)
		return fail(HVCTL_USAGE, "no verb: hvctl help lists them");
	if (!strcmp(argv[i], "help")) {
		fputs(usage, stdout);
		return HVCTL_OK;
	}
	return run_verb(&h, argc - i, argv + i);
}
