// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket: D-Bus peer to peer, several clients at once.  Who may
 * connect is root or the user whom the worker runs as; the socket's mode says
 * so, and the peer's credentials are checked again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_var.h"
#include "util/accept.h"

/* What waits for a client that does not read. */
#define QUEUED_MAX   1024u
/* Between two words about the VMBus connection. */
#define VERSION_USEC 100000u

static void client_free(struct client *client)
{
	sd_bus_detach_event(client->bus);
	sd_bus_close_unref(client->bus);
	free(client);
}

static int on_disconnect(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct client *client = arg, **p = &client->control->clients;

	(void)m, (void)error;
	while (*p != client)
		p = &(*p)->next;
	*p = client->next;
	client->control->count--;
	client_free(client);
	return 0;
}

/*
 * Every message of a client, before all else.  One who asks on and on and reads no
 * answer is let go: nothing stops what it says from being taken in.
 */
static int on_message(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct client *client = arg;
	uint64_t n;

	(void)m, (void)error;
	if (sd_bus_get_n_queued_write(client->bus, &n) < 0 || n < QUEUED_MAX)
		return 0;
	if (!client->mute)
		log_guest(&client->control->limit, "control",
			  "a client that reads no answers was let go");
	client->mute = true;
	/* on_disconnect() follows. */
	shutdown(sd_bus_get_fd(client->bus), SHUT_RDWR);
	return 1;
}

static int client_start(struct client *client, int fd)
{
	sd_bus *bus = client->bus;
	int err = sd_bus_set_fd(bus, fd, fd);

	if (err < 0) {
		close(fd);
		return err;
	}
	err = sd_bus_set_server(bus, 1, client->control->id);
	if (err >= 0)
		err = sd_bus_start(bus);
	if (err >= 0)
		err = sd_bus_add_filter(bus, NULL, on_message, client);
	if (err >= 0)
		err = control_add_bus(client);
	if (err >= 0)
		err = control_add_worker(client);
	if (err >= 0)
		err = control_add_cards(client);
	if (err >= 0)
		err = sd_bus_match_signal(bus, NULL, NULL,
					  "/org/freedesktop/DBus/Local",
					  "org.freedesktop.DBus.Local",
					  "Disconnected", on_disconnect,
					  client);
	if (err >= 0)
		err = sd_bus_attach_event(bus, client->control->w->event, 0);
	return err;
}

/* Takes fd over. */
static int client_create(struct control *c, int fd)
{
	struct client *client = calloc(1, sizeof(*client));
	int err = client ? sd_bus_new(&client->bus) : -ENOMEM;

	if (err < 0) {
		close(fd);
		free(client);
		return err;
	}
	client->control = c;
	client->number = ++c->last;
	err = client_start(client, fd);
	if (err < 0) {
		client_free(client);
		return err;
	}
	client->next = c->clients;
	c->clients = client;
	c->count++;
	return 0;
}

static int listen_again(sd_event_source *s, uint64_t usec, void *arg)
{
	struct control *c = arg;

	(void)s, (void)usec;
	return sd_event_source_set_enabled(c->source, SD_EVENT_ON);
}

static void listen_later(struct control *c)
{
	if (sd_event_source_set_time_relative(c->again,
					      ACCEPT_PAUSE_MS * 1000) >= 0 &&
	    sd_event_source_set_enabled(c->again, SD_EVENT_ONESHOT) >= 0)
		sd_event_source_set_enabled(c->source, SD_EVENT_OFF);
}

static void on_connection(void *arg)
{
	struct control *c = arg;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd = accept_next(c->fd, "control"), err;

	if (accept_starved(fd))
		listen_later(c);
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ||
	    (cred.uid != geteuid() && cred.uid)) {
		log_guest(&c->limit, "control", "a stranger was turned away");
		close(fd);
		return;
	}
	if (c->count == CONTROL_CLIENTS) {
		log_guest(&c->limit, "control",
			  "more than %d clients: one was turned away",
			  CONTROL_CLIENTS);
		close(fd);
		return;
	}
	err = client_create(c, fd);
	if (err < 0)
		log_guest(&c->limit, "control", "a client was turned away: %s",
			  strerror(-err));
}

static int listen_at(struct control *c, const char *path, char *why,
		     size_t why_len)
{
	char what[192];
	int err = socket_file_bind(&c->file, c->fd, path, what, sizeof(what));

	if (err) {
		snprintf(why, why_len, "--control: %s", what);
		return err;
	}
	return listen(c->fd, CONTROL_CLIENTS) ? -errno : 0;
}

int control_create(struct vmwp *w, char *why, size_t why_len)
{
	struct control *c;
	int err;

	if (!w->opt->control)
		return 0;
	snprintf(why, why_len, "cannot open the control socket");
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->w = w;
	w->control = c;
	sd_id128_randomize(&c->id);
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err = c->fd < 0 ? -errno : listen_at(c, w->opt->control, why, why_len);
	if (!err)
		err = loop_watch(w, c->fd, on_connection, c, &c->source);
	/* Now, as it takes a descriptor, and is wanted when there is none. */
	if (!err)
		err = sd_event_add_time(w->event, &c->again, CLOCK_MONOTONIC, 0,
					0, listen_again, c);
	if (err >= 0)
		err = sd_event_source_set_enabled(c->again, SD_EVENT_OFF);
	if (err < 0)
		control_destroy(w);
	return err < 0 ? err : 0;
}

void control_destroy(struct vmwp *w)
{
	struct control *c = w->control;

	if (!c)
		return;
	w->control = NULL;
	sd_event_source_disable_unref(c->source);
	sd_event_source_disable_unref(c->version);
	sd_event_source_disable_unref(c->again);
	socket_file_remove(&c->file);
	if (c->fd >= 0)
		close(c->fd);
	while (c->clients) {
		struct client *client = c->clients;

		c->clients = client->next;
		client_free(client);
	}
	free(c);
}

/* ---- signals ---- */

/* One who does not read for so long misses what is told meanwhile. */
static struct client *reader(struct client *c)
{
	uint64_t n;

	while (c && sd_bus_get_n_queued_write(c->bus, &n) >= 0 &&
	       n >= QUEUED_MAX)
		c = c->next;
	return c;
}

static struct client *first(const struct vmwp *w)
{
	return w->control ? reader(w->control->clients) : NULL;
}

static struct client *next(const struct client *c)
{
	return reader(c->next);
}

void control_state_changed(struct vmwp *w)
{
	struct client *c;

	for (c = first(w); c; c = next(c)) {
		sd_bus_emit_signal(c->bus, CONTROL_PATH, CONTROL_INTERFACE,
				   "StateChanged", "s", life_state(w));
		sd_bus_emit_properties_changed(
			c->bus, CONTROL_PATH, CONTROL_INTERFACE, "State", NULL);
	}
}

static void tell_version(struct control *c);

static int on_version_time(sd_event_source *s, uint64_t usec, void *arg)
{
	struct control *c = arg;

	(void)s, (void)usec;
	c->version = sd_event_source_disable_unref(c->version);
	if (c->version_told != c->w->vmbus_version)
		tell_version(c);
	return 0;
}

/* At once, and then no more for a while. */
static void tell_version(struct control *c)
{
	struct client *client;

	c->version_told = c->w->vmbus_version;
	for (client = first(c->w); client; client = next(client))
		sd_bus_emit_properties_changed(client->bus, CONTROL_PATH,
					       CONTROL_INTERFACE,
					       "VmbusVersion", NULL);
	/* Without it each change is told: no less than is promised. */
	if (sd_event_add_time_relative(c->w->event, &c->version,
				       CLOCK_MONOTONIC, VERSION_USEC, 0,
				       on_version_time, c) < 0)
		c->version = NULL;
}

/* A child may connect as often as it likes. */
void control_version_changed(struct vmwp *w)
{
	if (w->control && !w->control->version)
		tell_version(w->control);
}

void control_crashed(struct vmwp *w, const struct crash *crash)
{
	const uint64_t *p = crash->param;
	struct client *c;

	for (c = first(w); c; c = next(c))
		sd_bus_emit_signal(c->bus, CONTROL_PATH, CONTROL_INTERFACE,
				   "Crashed", "at", 5, p[0], p[1], p[2], p[3],
				   p[4]);
}

void control_disk(struct vmwp *w, bool added, unsigned int controller,
		  unsigned int lun)
{
	struct client *c;

	for (c = first(w); c; c = next(c))
		sd_bus_emit_signal(c->bus, CONTROL_PATH, CONTROL_INTERFACE,
				   added ? "DiskAdded" : "DiskRemoved", "uu",
				   controller, lun);
}

void control_card(struct vmwp *w, bool added, unsigned int number)
{
	struct client *c;

	for (c = first(w); c; c = next(c))
		sd_bus_emit_signal(c->bus, CONTROL_PATH, CONTROL_INTERFACE,
				   added ? "CardAdded" : "CardRemoved", "u",
				   (uint32_t)number);
}
