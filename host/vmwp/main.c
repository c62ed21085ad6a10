// SPDX-License-Identifier: GPL-2.0
/* vmwp: the worker process of one child partition (docs/man/vmwp.1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/nofile.h"
#include "util/out_file.h"
#include "vmwp.h"

/*
 * The VM's identity follows its name, so that disks keep their serial numbers
 * and WWNs over restarts.  FNV-1a, twice; version 8 of RFC 9562: vendor's own.
 */
static void name_to_id(const char *name, struct guid_reg *id)
{
	uint64_t hash[2] = { 0xcbf29ce484222325ull, 0x84222325cbf29ce4ull };
	const char *c;
	unsigned int i;

	for (i = 0; i < 2; i++)
		for (c = name; *c; c++)
			hash[i] = (hash[i] ^ (uint8_t)*c) * 0x100000001b3ull;
	memcpy(id->b, hash, sizeof(id->b));
	id->b[7] = (id->b[7] & 0x0f) | 0x80;
	id->b[8] = (id->b[8] & 0x3f) | 0x80;
}

static int complain(const char *why, enum vmwp_exit status)
{
	fprintf(stderr, "vmwp: %s\n", why);
	return status;
}

/* Until the VM ends. */
static void run(struct vmwp *w)
{
	int err;

	while (!w->finished) {
		err = loop_turn(w, UINT64_MAX);
		if (err < 0 && err != -EINTR) {
			log_err("vmwp", "main loop: %s", strerror(-err));
			life_finish(w, VMWP_EXIT_INTERNAL);
		}
	}
}

static int run_vm(const struct options *opt)
{
	struct vmwp w = { .opt = opt, .status = VMWP_EXIT_INTERNAL };
	char why[1024] = "set-up failed";
	int err;

	log_set_level(opt->log_level);
	/* Nothing here uses select(), for which alone the soft limit is low. */
	nofile_raise();
	name_to_id(opt->name, &w.vm_id);
	if (opt->stats && stats_check(opt->stats, why, sizeof(why)))
		return complain(why, VMWP_EXIT_SETUP);
	if (devices_create(&w, why, sizeof(why)))
		return complain(why, VMWP_EXIT_SETUP);
	if (life_start(&w, why, sizeof(why))) {
		devices_destroy(&w);
		return complain(why, VMWP_EXIT_SETUP);
	}
	run(&w);
	vm_stop(w.vm);
	if (opt->stats) {
		err = stats_write(&w, opt->stats);
		if (err) {
			log_err("vmwp", "cannot write %s: %s", opt->stats,
				out_file_error(err));
			w.status = VMWP_EXIT_INTERNAL;
		}
	}
	devices_destroy(&w);
	return w.status;
}

int main(int argc, char **argv)
{
	struct options opt;
	char why[1024];
	int status = VMWP_EXIT_POWER_OFF;

	if (options_parse(argc, argv, &opt, why, sizeof(why)))
		status = complain(why, VMWP_EXIT_SETUP);
	else if (opt.help)
		fputs(options_usage(), stdout);
	else if (opt.version)
		puts("vmwp " VMWP_VERSION);
	else
		status = run_vm(&opt);
	options_free(&opt);
	return status;
}
