/* SPDX-License-Identifier: GPL-2.0 */
/* The control socket's parts: control*.c only. */
#ifndef VMWP_CONTROL_VAR_H
#define VMWP_CONTROL_VAR_H

#include <systemd/sd-bus.h>

#include "util/socket_file.h"
#include "vmwp.h"

#define CONTROL_CLIENTS	  16
#define CONTROL_PATH	  "/org/enlight/Worker1"
#define CONTROL_INTERFACE "org.enlight.Worker1"
#define CONTROL_ERROR	  "org.enlight.Error.Failed"

struct client {
	struct control *control;
	struct client *next;
	sd_bus *bus;
	unsigned int number;
	bool mute; /* it reads nothing, and is on its way out */
};

struct control {
	struct vmwp *w;
	int fd;
	struct socket_file file;
	sd_event_source *source;
	sd_event_source *again; /* listens again, after want of descriptors */
	sd_id128_t id;
	struct client *clients;
	unsigned int count, last;
	struct log_limit limit;	  /* lines about clients */
	sd_event_source *version; /* NULL: told long ago */
	uint32_t version_told;
};

/* For a method: refuses it for the reason `why`, which may be cut off. */
int control_refuse(sd_bus_error *error, char *why);
/* The worker's object on a new connection. 0 or -errno. */
int control_add_worker(struct client *client);
/* More of the same interface: network cards. */
int control_add_cards(struct client *client);
/*
 * Answers a method with the array of dictionaries (a{sv}) that `fill` appends,
 * which returns 0 or -errno.
 */
int control_reply_list(sd_bus_message *m, struct vmwp *w,
		       int (*fill)(struct vmwp *w, sd_bus_message *reply));
/* What a D-Bus library asks a bus for, answered by the worker itself. */
int control_add_bus(struct client *client);

#endif
