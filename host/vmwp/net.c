// SPDX-License-Identifier: GPL-2.0
/*
 * Network cards: what is behind each, its faults, the capture of all of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/net/net.h"
#include "util/nofile.h"
#include "vmwp.h"

#define CARD_END_SECONDS 30
#define CARD_QUEUES_AUTO 8 /* more help nobody without being asked for */

/* How long a child may take to fall silent when its cable is pulled. */
#define LEAVE_TICK_USEC	 200000
#define LEAVE_TICKS	 15
#define LEAVE_QUIET	 3 /* ticks without a frame: it has */

/* The description is kept for a card that gets another address. */
struct card {
	struct netvsp *vsp;
	char *text;
	bool going;	       /* being taken away */
	struct going *leaving; /* is to be, soon */
};

struct cards {
	struct card card[OPTIONS_CARDS];
	struct net_capture *capture;
};

static void card_name(unsigned int number, char *buf, size_t len)
{
	snprintf(buf, len, "net%u", number);
}

/* ---- one card ---- */

static int open_net(struct vmwp *w, const struct net_spec *spec,
		    struct net **out, char *why, size_t why_len)
{
	struct net_options opt = {
		.kind = spec->kind,
		.ifname = spec->target,
		.path = spec->target,
		.local = spec->local,
		.type = spec->dgram ? NET_SOCKET_DGRAM : NET_SOCKET_STREAM,
		.server = spec->server,
		.queues = spec->queues,
		.queues_auto = w->opt->processors < CARD_QUEUES_AUTO ?
				       w->opt->processors :
				       CARD_QUEUES_AUTO,
		.mtu = spec->mtu,
		.hostfwd = (const char *const *)spec->hostfwd,
		.restricted = spec->restricted,
		/* The other half is for the worker itself. */
		.sockets = nofile_limit() / 2 / OPTIONS_CARDS,
		.rx = spec->rx,
		.rx_count = spec->rx_count,
		.rx_to = spec->rx_to,
	};

	return net_open(&opt, out, why, why_len);
}

/* Captured is what the child sees: the faults are beneath. */
static int wrap(struct vmwp *w, unsigned int number, const uint8_t mac[6],
		struct net **net, char *why, size_t why_len)
{
	const struct options *opt = w->opt;
	char name[16];
	unsigned int i;
	int err = 0;

	for (i = 0; i < opt->nfaults && !err; i++)
		if (fault_spec_matches_card(&opt->fault[i], number))
			err = net_fault_wrap(*net, opt->fault[i].fault, net,
					     why, why_len);
	if (err || !w->cards->capture)
		return err;
	card_name(number, name, sizeof(name));
	err = net_capture_wrap(w->cards->capture, *net, name, mac, net);
	if (err)
		snprintf(why, why_len, "out of memory");
	return err;
}

static int choose_card(struct vmwp *w, const struct net_spec *spec, char *why,
		       size_t why_len)
{
	const struct card *card = w->cards->card;
	int number = spec->card;

	if (number < 0)
		for (number = 0; number < OPTIONS_CARDS; number++)
			if (!card[number].vsp && !card[number].going)
				break;
	if (number == OPTIONS_CARDS) {
		snprintf(why, why_len, "there are %d cards already, no more",
			 OPTIONS_CARDS);
		return -ENOSPC;
	}
	if (!card[number].vsp && !card[number].going)
		return number;
	snprintf(
		why, why_len,
		card[number].vsp ?
			"there is a card net%d already: choose another number" :
			"card net%d is being removed: try again when that is "
			"done",
		number);
	return -EBUSY;
}

static int attach(struct vmwp *w, const struct net_spec *spec,
		  unsigned int number, struct net *net, char *why,
		  size_t why_len)
{
	struct netvsp_config cfg = {
		.number = number,
		.processors = w->opt->processors,
		.max_version = spec->version,
		.link_down = spec->link_down,
		.vm_id = w->vm_id,
	};
	int err;

	if (spec->has_mac)
		memcpy(cfg.mac, spec->mac, sizeof(cfg.mac));
	else
		netvsp_default_mac(&cfg, net, cfg.mac);
	err = wrap(w, number, cfg.mac, &net, why, why_len);
	if (!err) {
		err = netvsp_create(w->srv, &cfg, net,
				    &w->cards->card[number].vsp);
		if (err)
			snprintf(why, why_len, "cannot make card net%u: %s",
				 number, strerror(-err));
	}
	if (err) {
		w->cards->card[number].vsp = NULL;
		net_close(net);
	}
	return err;
}

int card_add(struct vmwp *w, const char *text, unsigned int *number, char *why,
	     size_t why_len)
{
	struct net_spec spec;
	struct net *net = NULL;
	char *copy = strdup(text);
	int err = net_spec_parse(text, &spec, why, why_len), chosen = 0;

	if (!err && !copy) {
		snprintf(why, why_len, "out of memory");
		err = -ENOMEM;
	}
	if (!err) {
		chosen = choose_card(w, &spec, why, why_len);
		err = chosen < 0 ? chosen : 0;
	}
	if (!err)
		err = open_net(w, &spec, &net, why, why_len);
	if (!err)
		err = attach(w, &spec, chosen, net, why, why_len);
	net_spec_free(&spec);
	if (err) {
		free(copy);
		return err;
	}
	w->cards->card[chosen].text = copy;
	*number = chosen;
	return 0;
}

/* A card on its way out: until the child is silent, then until it is gone. */
struct going {
	struct vmwp *w;
	unsigned int number;
	void (*done)(void *arg);
	void *arg;
	sd_event_source *timer;
	unsigned int ticks, quiet;
	uint64_t frames;
};

static void card_gone(void *arg)
{
	struct going *g = arg;

	g->w->cards->card[g->number].going = false;
	if (g->done)
		g->done(g->arg);
	free(g);
}

/* The VSP's last reference may be put on another thread. */
static void card_gone_post(void *arg)
{
	struct going *g = arg;

	loop_post(g->w, card_gone, g);
}

static struct card *find(struct vmwp *w, unsigned int number)
{
	if (number >= OPTIONS_CARDS || !w->cards->card[number].vsp)
		return NULL;
	return &w->cards->card[number];
}

static struct going *going_new(struct vmwp *w, unsigned int number,
			       void (*done)(void *arg), void *arg)
{
	struct going *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->w = w;
	g->number = number;
	g->done = done;
	g->arg = arg;
	return g;
}

static void take_away(struct card *card, struct going *g)
{
	struct netvsp *vsp = card->vsp;

	g->timer = sd_event_source_disable_unref(g->timer);
	card->leaving = NULL;
	card->vsp = NULL;
	card->going = true;
	free(card->text);
	card->text = NULL;
	netvsp_destroy(vsp, card_gone_post, g);
}

static void take_tx_frames(const char *name, uint64_t value, void *arg)
{
	if (!strcmp(name, "tx_frames"))
		*(uint64_t *)arg = value;
}

static int on_leave_tick(sd_event_source *s, uint64_t usec, void *arg)
{
	struct going *g = arg;
	struct card *card = &g->w->cards->card[g->number];
	uint64_t frames = g->frames;

	(void)usec;
	netvsp_counters(card->vsp, take_tx_frames, &frames);
	g->quiet = frames == g->frames ? g->quiet + 1 : 0;
	g->frames = frames;
	if (g->quiet >= LEAVE_QUIET || ++g->ticks >= LEAVE_TICKS) {
		take_away(card, g);
		return 0;
	}
	sd_event_source_set_time_relative(s, LEAVE_TICK_USEC);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/*
 * From RESCIND on the in-tree bus hands its driver nothing any more, and the
 * driver waits, without a limit, for the completion of what it had sent. So it
 * must have sent nothing by then: the cable is pulled first.
 */
int card_remove(struct vmwp *w, unsigned int number, void (*done)(void *arg),
		void *arg)
{
	struct card *card = find(w, number);
	struct netvsp_info info;
	struct going *g;
	int err;

	if (!card || card->leaving)
		return -ENOENT;
	g = going_new(w, number, done, arg);
	if (!g)
		return -ENOMEM;
	netvsp_get_info(card->vsp, &info);
	if (!info.version) {
		take_away(card, g);
		return 0;
	}
	err = sd_event_add_time_relative(w->event, &g->timer, CLOCK_MONOTONIC,
					 LEAVE_TICK_USEC, 0, on_leave_tick, g);
	if (err < 0) {
		free(g);
		return err;
	}
	card->leaving = g;
	netvsp_set_link(card->vsp, false);
	return 0;
}

int card_set_link(struct vmwp *w, unsigned int number, bool up)
{
	struct card *card = find(w, number);

	if (!card)
		return -ENOENT;
	netvsp_set_link(card->vsp, up);
	return 0;
}

/* The last mac= and card= of a description count. */
char *card_description(struct vmwp *w, unsigned int number,
		       const uint8_t mac[6])
{
	const struct card *card = find(w, number);
	char *text;

	if (!card ||
	    asprintf(&text, "%s,card=%u,mac=%02x:%02x:%02x:%02x:%02x:%02x",
		     card->text, number, mac[0], mac[1], mac[2], mac[3], mac[4],
		     mac[5]) < 0)
		return NULL;
	return text;
}

int card_each(struct vmwp *w,
	      int (*fn)(unsigned int number, struct netvsp *vsp, void *arg),
	      void *arg)
{
	unsigned int i;
	int err;

	for (i = 0; w->cards && i < OPTIONS_CARDS; i++) {
		if (!w->cards->card[i].vsp)
			continue;
		err = fn(i, w->cards->card[i].vsp, arg);
		if (err)
			return err;
	}
	return 0;
}

int cards_flush(struct vmwp *w)
{
	return w->cards->capture ? net_capture_flush(w->cards->capture) :
				   -ENOENT;
}

/* ---- all of them ---- */

/* Cards whose number was named come first: the others take what is left. */
static int add_all(struct vmwp *w, bool named, char *why, size_t why_len)
{
	unsigned int i, number;
	char detail[400];
	int err;

	for (i = 0; i < w->opt->nnets; i++) {
		if ((w->opt->net[i].card >= 0) != named)
			continue;
		err = card_add(w, w->opt->net[i].text, &number, detail,
			       sizeof(detail));
		if (err) {
			snprintf(why, why_len, "--net: %s", detail);
			return err;
		}
	}
	return 0;
}

static int open_capture(struct vmwp *w, char *why, size_t why_len)
{
	char detail[400];
	int err;

	if (!w->opt->capture)
		return 0;
	err = net_capture_open(w->opt->capture, &w->cards->capture, detail,
			       sizeof(detail));
	if (err)
		snprintf(why, why_len, "--capture: %s", detail);
	return err;
}

int cards_create(struct vmwp *w, char *why, size_t why_len)
{
	int err;

	w->cards = calloc(1, sizeof(*w->cards));
	if (!w->cards) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	err = open_capture(w, why, why_len);
	if (!err)
		err = add_all(w, true, why, why_len);
	if (!err)
		err = add_all(w, false, why, why_len);
	if (err)
		cards_destroy(w);
	return err;
}

void cards_destroy(struct vmwp *w)
{
	struct going *g;
	unsigned int i;
	int err;

	for (i = 0; i < OPTIONS_CARDS; i++) {
		struct card *card = find(w, i);

		if (!card)
			continue;
		g = card->leaving ? card->leaving : going_new(w, i, NULL, NULL);
		if (g)
			take_away(card, g);
		else
			log_err("vmwp", "out of memory");
	}
	for (i = 0; i < OPTIONS_CARDS; i++) {
		if (!loop_wait(w, &w->cards->card[i].going, false,
			       CARD_END_SECONDS))
			continue;
		log_err("vmwp", "net%u does not end", i);
		control_destroy(w);
		board_destroy(w);
		_Exit(VMWP_EXIT_INTERNAL);
	}
	/* A VM that never ran leaves nothing behind. */
	if (!w->started)
		net_capture_discard(w->cards->capture);
	err = w->started ? net_capture_close(w->cards->capture) : 0;
	if (err)
		log_err("vmwp", "%s is not complete: %s", w->opt->capture,
			strerror(-err));
	free(w->cards);
	w->cards = NULL;
}
