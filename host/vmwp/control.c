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
#include <sys/un.h>
#include <unistd.h>

#include "control_var.h"

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

static void on_connection(void *arg)
{
	struct control *c = arg;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), err;

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ||
	    (cred.uid != geteuid() && cred.uid)) {
		log_warn("control", "a stranger was turned away");
		close(fd);
		return;
	}
	if (c->count == CONTROL_CLIENTS) {
		log_warn("control", "more than %d clients: one was turned away",
			 CONTROL_CLIENTS);
		close(fd);
		return;
	}
	err = client_create(c, fd);
	if (err < 0)
		log_warn("control", "a client was turned away: %s",
			 strerror(-err));
}

/* A socket that nobody listens on was left by a worker which was killed. */
static bool is_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) &&
		errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int bind_path(struct control *c, const char *path, char *why,
		     size_t why_len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int err = 0;

	memcpy(addr.sun_path, path, strnlen(path, sizeof(addr.sun_path) - 1));
	/* The file's mode is made from the socket's. */
	if (fchmod(c->fd, 0600))
		return -errno;
	if (!lstat(path, &st)) {
		if (!S_ISSOCK(st.st_mode)) {
			snprintf(
				why, why_len,
				"--control: %s exists and is no socket: choose "
				"another path",
				path);
			return -EEXIST;
		}
		if (!is_stale(&addr)) {
			snprintf(
				why, why_len,
				"--control: %s belongs to another running worker: "
				"choose another path",
				path);
			return -EADDRINUSE;
		}
		unlink(path);
	}
	if (bind(c->fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = -errno;
		snprintf(why, why_len, "--control: cannot make %s: %s", path,
			 err == -ENOENT ?
				 "its folder does not exist (mkdir it)" :
				 strerror(-err));
		return err;
	}
	if (!lstat(path, &st)) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
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
	err = c->fd < 0 ? -errno : bind_path(c, w->opt->control, why, why_len);
	if (!err)
		err = loop_watch(w, c->fd, on_connection, c, &c->source);
	if (err)
		control_destroy(w);
	return err;
}

static void remove_file(const struct control *c)
{
	const char *path = c->w->opt->control;
	struct stat st;

	if (c->ino && !lstat(path, &st) && st.st_dev == c->dev &&
	    st.st_ino == c->ino)
		unlink(path);
}

void control_destroy(struct vmwp *w)
{
	struct control *c = w->control;

	if (!c)
		return;
	w->control = NULL;
	sd_event_source_disable_unref(c->source);
	remove_file(c);
	if (c->fd >= 0)
		close(c->fd);
	while (c->clients) {
		struct client *client = c->clients;

		c->clients = client->next;
		client_free(client);
	}
	free(c);
}

void control_state_changed(struct vmwp *w)
{
	struct client *c;

	for (c = w->control ? w->control->clients : NULL; c; c = c->next) {
		sd_bus_emit_signal(c->bus, CONTROL_PATH, CONTROL_INTERFACE,
				   "StateChanged", "s", life_state(w));
		sd_bus_emit_properties_changed(
			c->bus, CONTROL_PATH, CONTROL_INTERFACE, "State", NULL);
	}
}

void control_version_changed(struct vmwp *w)
{
	struct client *c;

	for (c = w->control ? w->control->clients : NULL; c; c = c->next)
		sd_bus_emit_properties_changed(c->bus, CONTROL_PATH,
					       CONTROL_INTERFACE,
					       "VmbusVersion", NULL);
}

void control_crashed(struct vmwp *w, const struct crash *crash)
{
	const uint64_t *p = crash->param;
	struct client *c;

	for (c = w->control ? w->control->clients : NULL; c; c = c->next)
		sd_bus_emit_signal(c->bus, CONTROL_PATH, CONTROL_INTERFACE,
				   "Crashed", "at", 5, p[0], p[1], p[2], p[3],
				   p[4]);
}

void control_disk(struct vmwp *w, bool added, unsigned int controller,
		  unsigned int lun)
{
	struct client *c;

	for (c = w->control ? w->control->clients : NULL; c; c = c->next)
		sd_bus_emit_signal(c->bus, CONTROL_PATH, CONTROL_INTERFACE,
				   added ? "DiskAdded" : "DiskRemoved", "uu",
				   controller, lun);
}

void control_card(struct vmwp *w, bool added, unsigned int number)
{
	struct client *c;

	for (c = w->control ? w->control->clients : NULL; c; c = c->next)
		sd_bus_emit_signal(c->bus, CONTROL_PATH, CONTROL_INTERFACE,
				   added ? "CardAdded" : "CardRemoved", "u",
				   (uint32_t)number);
}
