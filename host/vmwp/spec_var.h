/* SPDX-License-Identifier: GPL-2.0 */
/* What the descriptions of disks (spec.c) and of cards (spec_net.c) share. */
#ifndef VMWP_SPEC_VAR_H
#define VMWP_SPEC_VAR_H

#include "options.h"

/* Cuts the next KEY=VALUE off *rest; ",," becomes "," in place. */
char *spec_next_item(char **rest);
int spec_set_text(char **field, const char *value); /* 0 or -ENOMEM */
int spec_set_switch(bool *field, const char *name, const char *value, char *why,
		    size_t why_len);

#endif
