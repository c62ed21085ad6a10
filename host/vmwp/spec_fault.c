// SPDX-License-Identifier: GPL-2.0
/* Whom a --fault concerns; what it does is known where it is done. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/net/net.h"
#include "options.h"
#include "util/why.h"

/* "bus:", or a controller or card, perhaps a sub-channel of it, and ":". */
static bool names_channel(const char *value)
{
	unsigned int number, sub, most;
	int n = 0, m = 0;

	if (!strncmp(value, "bus:", 4))
		return true;
	most = strncmp(value, "net", 3) ? OPTIONS_CONTROLLERS : OPTIONS_CARDS;
	if ((sscanf(value, "scsi%1u%n.%3u%n", &number, &n, &sub, &m) < 1 &&
	     sscanf(value, "net%1u%n.%3u%n", &number, &n, &sub, &m) < 1) ||
	    number >= most)
		return false;
	value += m ? m : n;
	/* A digit there is a LUN: a disk is meant.  "op=" is done to frames. */
	return *value == ':' && !isdigit((unsigned char)value[1]) &&
	       (most == OPTIONS_CONTROLLERS || !strncmp(value, ":do=", 4));
}

/* "net:", or "net" with a card and ":"; *value is moved behind it. */
static bool names_card(const char **value, int *card)
{
	unsigned int number;
	int n = 0;

	*card = -1;
	if (!strncmp(*value, "net:", 4)) {
		*value += 4;
		return true;
	}
	if (sscanf(*value, "net%1u:%n", &number, &n) != 1 || !n ||
	    number >= OPTIONS_CARDS)
		return false;
	*card = number;
	*value += n;
	return true;
}

static bool names_disk(const char **value, struct fault_spec *f)
{
	unsigned int controller, lun;
	int n = 0;

	if (!strncmp(*value, "disk:", 5)) {
		*value += 5;
		return true;
	}
	if (sscanf(*value, "scsi%1u:%2u:%n", &controller, &lun, &n) != 2 ||
	    !n || controller >= OPTIONS_CONTROLLERS || lun >= OPTIONS_LUNS)
		return false;
	f->controller = controller;
	f->lun = lun;
	*value += n;
	return true;
}

/* Which card the specification means, if it says so itself. */
static int check_net_fault(struct fault_spec *f, const char *value, char *why,
			   size_t why_len)
{
	char detail[300];
	int card;

	if (net_fault_card(value, &card, detail, sizeof(detail)))
		return explain(-EINVAL, why, why_len, "--fault: %s", detail);
	if (card >= OPTIONS_CARDS)
		return explain(-EINVAL, why, why_len,
			       "--fault: card=%d: give a number from 0 to %d",
			       card, OPTIONS_CARDS - 1);
	if (card >= 0 && f->card >= 0 && card != f->card)
		return explain(-EINVAL, why, why_len,
			       "--fault net%d:...,card=%d: which of the two?",
			       f->card, card);
	if (card >= 0)
		f->card = card;
	return 0;
}

int fault_spec_parse(const char *text, struct fault_spec *f, char *why,
		     size_t why_len)
{
	const char *value = text, *room = "disk:";
	int err = 0;

	*f = (struct fault_spec){ .controller = -1, .lun = -1, .card = -1 };
	if (names_channel(value)) {
		f->vmbus = true;
		room = "";
	} else if (names_card(&value, &f->card)) {
		f->net = true;
		room = "net:";
		err = check_net_fault(f, value, why, why_len);
	} else if (!names_disk(&value, f)) {
		return explain(
			-EINVAL, why, why_len,
			"--fault %s: begin with the disk, as scsi0:0:op=read,"
			"err=EIO, or with disk: for all disks; with the card, "
			"as net0:op=loss, or with net:; or with the channel, "
			"as scsi0:do=repeat, or with bus:",
			text);
	}
	if (err)
		return err;
	if (asprintf(&f->fault, "%s%s", room, value) < 0) {
		f->fault = NULL;
		return explain(-EINVAL, why, why_len, "out of memory");
	}
	return 0;
}

bool fault_spec_matches(const struct fault_spec *f, unsigned int controller,
			unsigned int lun)
{
	return !f->vmbus && !f->net &&
	       (f->controller < 0 ||
		(unsigned int)f->controller == controller) &&
	       (f->lun < 0 || (unsigned int)f->lun == lun);
}

bool fault_spec_matches_card(const struct fault_spec *f, unsigned int card)
{
	return f->net && (f->card < 0 || (unsigned int)f->card == card);
}
