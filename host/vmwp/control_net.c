// SPDX-License-Identifier: GPL-2.0
/* What hvctl and others may ask about network cards. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control_var.h"
#include "util/utf8.h"

/* A call whose card is on its way out. */
struct leaving {
	sd_bus_message *request;
	struct vmwp *w;
	uint32_t number;
	char *next; /* what comes in its place, or NULL */
};

static struct vmwp *worker(void *arg)
{
	return ((struct client *)arg)->control->w;
}

static int no_card(sd_bus_error *error, uint32_t number, int err)
{
	if (err == -ENOENT)
		return sd_bus_error_setf(error, CONTROL_ERROR,
					 "there is no card net%u", number);
	return sd_bus_error_setf(error, CONTROL_ERROR, "net%u: %s", number,
				 strerror(-err));
}

static int on_add(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct vmwp *w = worker(arg);
	unsigned int number;
	const char *text;
	char why[400];
	int err = sd_bus_message_read(m, "s", &text);

	if (err < 0)
		return err;
	if (card_add(w, text, &number, why, sizeof(why)))
		return control_refuse(error, why);
	control_card(w, true, number);
	return sd_bus_reply_method_return(m, "u", (uint32_t)number);
}

/* ---- what takes its time ---- */

static void leaving_free(struct leaving *l)
{
	sd_bus_message_unref(l->request);
	free(l->next);
	free(l);
}

/* The connection may have ended meanwhile: then the reply goes nowhere. */
static void gone(void *arg)
{
	struct leaving *l = arg;
	unsigned int number;
	char why[400];
	int err = 0;

	control_card(l->w, false, l->number);
	/* While everything is taken away nothing comes back. */
	if (l->next && l->w->finished) {
		snprintf(why, sizeof(why), "the machine is stopping");
		err = -EBUSY;
	} else if (l->next) {
		err = card_add(l->w, l->next, &number, why, sizeof(why));
		if (!err)
			control_card(l->w, true, number);
	}
	if (err) {
		utf8_mend(why);
		sd_bus_reply_method_errorf(l->request, CONTROL_ERROR,
					   "the card is gone: %s", why);
	} else {
		sd_bus_reply_method_return(l->request, NULL);
	}
	leaving_free(l);
}

/* Takes `next` over. */
static int let_go(sd_bus_message *m, struct vmwp *w, uint32_t number,
		  char *next, sd_bus_error *error)
{
	struct leaving *l = calloc(1, sizeof(*l));
	int err;

	if (!l) {
		free(next);
		return -ENOMEM;
	}
	*l = (struct leaving){ sd_bus_message_ref(m), w, number, next };
	err = card_remove(w, number, gone, l);
	if (!err)
		return 1;
	leaving_free(l);
	return no_card(error, number, err);
}

static int on_remove(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	uint32_t number;
	int err = sd_bus_message_read(m, "u", &number);

	if (err < 0)
		return err;
	return let_go(m, worker(arg), number, NULL, error);
}

static int on_set_mac(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct vmwp *w = worker(arg);
	uint32_t number;
	const char *text;
	uint8_t mac[6];
	char *next;
	int err = sd_bus_message_read(m, "us", &number, &text);

	if (err < 0)
		return err;
	if (net_mac_parse(text, mac))
		return sd_bus_error_setf(error, CONTROL_ERROR,
					 "'%s' is no address of one card: give "
					 "it as 00:15:5d:00:00:01",
					 text);
	next = card_description(w, number, mac);
	if (!next)
		return no_card(error, number, -ENOENT);
	return let_go(m, w, number, next, error);
}

/* ---- what is done at once ---- */

static int on_set_link(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	uint32_t number;
	int up, err = sd_bus_message_read(m, "ub", &number, &up);

	if (err < 0)
		return err;
	err = card_set_link(worker(arg), number, up);
	if (err)
		return no_card(error, number, err);
	return sd_bus_reply_method_return(m, NULL);
}

static int on_flush(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	int err = cards_flush(worker(arg));

	if (err == -ENOENT)
		return sd_bus_error_set(error, CONTROL_ERROR,
					"nothing is captured: start vmwp with "
					"--capture FILE");
	if (err)
		return sd_bus_error_setf(error, CONTROL_ERROR,
					 "the capture is not complete: %s",
					 strerror(-err));
	return sd_bus_reply_method_return(m, NULL);
}

static int append_card(unsigned int number, struct netvsp *vsp, void *arg)
{
	struct netvsp_info i;
	char mac[18];

	netvsp_get_info(vsp, &i);
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", i.mac[0],
		 i.mac[1], i.mac[2], i.mac[3], i.mac[4], i.mac[5]);
	return sd_bus_message_append(
		arg, "a{sv}", 8, "Card", "u", (uint32_t)number, "Backend", "s",
		i.backend, "Mac", "s", mac, "Link", "s", i.link ? "up" : "down",
		"Version", "s", net_version_name(i.version), "Mtu", "u",
		(uint32_t)i.mtu, "Channels", "u", (uint32_t)i.channels,
		"QueuesMax", "u", (uint32_t)i.queues);
}

static int fill_cards(struct vmwp *w, sd_bus_message *reply)
{
	return card_each(w, append_card, reply);
}

static int on_list(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	(void)error;
	return control_reply_list(m, worker(arg), fill_cards);
}

#define PLAIN SD_BUS_VTABLE_UNPRIVILEGED

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_NAMES("AddCard", "s", SD_BUS_PARAM(description), "u",
				 SD_BUS_PARAM(card), on_add, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("RemoveCard", "u", SD_BUS_PARAM(card), NULL, ,
				 on_remove, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("SetLink", "ub",
				 SD_BUS_PARAM(card) SD_BUS_PARAM(up), NULL, ,
				 on_set_link, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("SetMac", "us",
				 SD_BUS_PARAM(card) SD_BUS_PARAM(mac), NULL, ,
				 on_set_mac, PLAIN),
	SD_BUS_METHOD_WITH_NAMES("ListCards", NULL, , "aa{sv}",
				 SD_BUS_PARAM(cards), on_list, PLAIN),
	SD_BUS_METHOD("FlushCapture", NULL, NULL, on_flush, PLAIN),
	SD_BUS_SIGNAL_WITH_NAMES("CardAdded", "u", SD_BUS_PARAM(card), 0),
	SD_BUS_SIGNAL_WITH_NAMES("CardRemoved", "u", SD_BUS_PARAM(card), 0),
	SD_BUS_VTABLE_END
};

int control_add_cards(struct client *client)
{
	return sd_bus_add_object_vtable(client->bus, NULL, CONTROL_PATH,
					CONTROL_INTERFACE, vtable, client);
}
