// SPDX-License-Identifier: GPL-2.0
/*
 * A synthetic SCSI controller: its channels, and how it comes and goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storvsp_var.h"

/* From this many processors on, a channel for each four of them. */
#define SUB_PROCESSORS 8u

/* The last byte is the controller's number. */
static const struct guid_reg instance_base = {
	{ 0x1c, 0x4e, 0x6b, 0x9a, 0x53, 0x27, 0xd8, 0x4f, 0x8e, 0x91, 0x73,
	  0x63, 0x73, 0x69, 0x2d, 0x00 }
};

/* ---- life ---- */

void storvsp_get(struct storvsp *s)
{
	atomic_fetch_add(&s->refs, 1);
}

void storvsp_put(struct storvsp *s)
{
	void (*gone)(void *arg) = s->gone;
	void *gone_arg = s->gone_arg;

	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	stor_luns_close(s);
	stor_look_destroy(s);
	free(s);
	if (gone)
		gone(gone_arg);
}

static void stats_add(struct worker_stats *sum, const struct worker_stats *more)
{
	sum->system_calls += more->system_calls;
	sum->wakeups += more->wakeups;
	sum->ios += more->ios;
}

/* ---- channels ---- */

static int on_open(struct vmbus_chan *ch, void *priv)
{
	struct stor_chan *c = priv;
	struct storvsp *s = c->s;

	(void)ch;
	if (!c->index)
		s->generation++;
	c->generation = s->generation;
	return stor_chan_open(c);
}

static void on_close(struct vmbus_chan *ch, void *priv)
{
	(void)ch;
	stor_chan_stop(priv);
}

static void on_released(struct vmbus_chan *ch, void *priv)
{
	struct stor_chan *c = priv;
	struct storvsp *s = c->s;
	struct worker_stats stats;

	(void)ch;
	if (c->worker) {
		/* Closed long since: its thread sleeps, and ends at once. */
		worker_get_stats(c->worker, &stats);
		stats_add(&s->past, &stats);
		worker_destroy(c->worker);
	}
	LIST_REMOVE(c, link);
	if (s->primary == c)
		s->primary = NULL;
	free(c);
	storvsp_put(s);
}

static const struct vmbus_chan_ops chan_ops = {
	.open = on_open,
	.close = on_close,
	.released = on_released,
};

static int chan_offer(struct storvsp *s, unsigned int index,
		      struct stor_chan **out)
{
	struct vmbus_offer offer = {
		.type = VMB_GUID_SCSI,
		.instance = instance_base,
		.flags = VMB_OFFER_ENUMERATE,
		.sub_index = index,
	};
	struct stor_chan *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->s = s;
	c->index = index;
	SLIST_INIT(&c->spare);
	if (index)
		snprintf(c->name, sizeof(c->name), "%.10s.%u", s->name,
			 index & 0xff);
	else
		snprintf(c->name, sizeof(c->name), "%s", s->name);
	offer.instance.b[15] = s->cfg.number;
	offer.name = c->name;
	err = vmbus_offer(s->srv, &offer, &chan_ops, c, &c->ch);
	if (err) {
		free(c);
		return err;
	}
	storvsp_get(s);
	LIST_INSERT_HEAD(&s->chans, c, link);
	if (out)
		*out = c;
	return 0;
}

/* Server thread, deferred by storvsp_want_subs(). */
static void offer_subs(void *arg)
{
	struct storvsp *s = arg;
	uint64_t wanted = atomic_load(&s->subs_wanted);
	unsigned int i;
	int err = 0;

	/* The primary may have been closed, even opened anew, meanwhile. */
	if (s->primary && !s->destroying && wanted >> 16 == s->generation)
		for (i = 1; i <= (wanted & 0xffff) && !err; i++)
			err = chan_offer(s, i, NULL);
	if (err && err != -ENOTCONN)
		log_guest(&s->limit, s->name,
			  "not all sub-channels could be offered: %s",
			  strerror(-err));
	storvsp_put(s);
}

void storvsp_want_subs(struct storvsp *s, unsigned int generation, uint16_t n)
{
	storvsp_get(s);
	atomic_store(&s->subs_wanted, (uint64_t)generation << 16 | n);
	vmbus_server_defer(s->srv, offer_subs, s);
}

/* Server thread: rings that may hold requests are read before what waits for that. */
static void await_reading(struct storvsp *s)
{
	struct stor_chan *c;

	/* One at a time; who comes meanwhile is next. */
	if (s->reading || !stor_look_awaits(s))
		return;
	s->reading = true;
	/* One for ourselves, lest it be over before all are told. */
	atomic_store(&s->read_left, 1);
	LIST_FOREACH(c, &s->chans, link) {
		if (!c->worker)
			continue;
		atomic_fetch_add(&s->read_left, 1);
		atomic_store(&c->read_owed, true);
		stor_chan_control(c, STOR_CTL_LOOK);
	}
	storvsp_has_read(s);
}

/* Server thread, deferred. */
static void all_have_read(void *arg)
{
	struct storvsp *s = arg;

	s->reading = false;
	stor_look_settled(s);
	await_reading(s);
	stor_luns_tell(s);
	storvsp_put(s);
}

void storvsp_has_read(struct storvsp *s)
{
	if (atomic_fetch_sub(&s->read_left, 1) != 1)
		return;
	storvsp_get(s);
	vmbus_server_defer(s->srv, all_have_read, s);
}

/* Server thread, deferred. */
static void want_scan(void *arg)
{
	struct storvsp *s = arg;

	atomic_store(&s->scan_wanted, false);
	await_reading(s);
	stor_luns_tell(s);
	storvsp_put(s);
}

void storvsp_want_scan(struct storvsp *s)
{
	/* However often it is asked for: one is queued. */
	if (atomic_exchange(&s->scan_wanted, true))
		return;
	storvsp_get(s);
	vmbus_server_defer(s->srv, want_scan, s);
}

/* ---- creation and the end ---- */

static unsigned int sub_channels(unsigned int processors)
{
	unsigned int n = (processors + 3) / 4 - 1;

	if (processors < SUB_PROCESSORS)
		return 0;
	return n < STOR_SUB_CHANNELS_MAX ? n : STOR_SUB_CHANNELS_MAX;
}

int storvsp_create(struct vmbus_server *srv, const struct storvsp_config *cfg,
		   struct storvsp **out)
{
	uint32_t max = cfg->max_transfer ? cfg->max_transfer :
					   STOR_MAX_TRANSFER;
	struct storvsp *s;
	int err;

	if (cfg->number > UINT8_MAX || max % MEM_PAGE_SIZE ||
	    max > STOR_MAX_TRANSFER_LIMIT)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->cfg = *cfg;
	s->srv = srv;
	s->refs = 1;
	LIST_INIT(&s->chans);
	snprintf(s->name, sizeof(s->name), "scsi%u", cfg->number);
	s->proto.max_version = cfg->max_version ? cfg->max_version :
						  STOR_VERSION_6_2;
	s->proto.max_sub_channels = sub_channels(cfg->processors);
	s->proto.max_transfer = max;
	stor_luns_init(s);
	stor_look_init(s);
	err = chan_offer(s, 0, &s->primary);
	if (err) {
		stor_look_destroy(s);
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

void storvsp_destroy(struct storvsp *s, void (*gone)(void *arg), void *arg)
{
	s->destroying = true;
	s->gone = gone;
	s->gone_arg = arg;
	if (s->primary)
		vmbus_revoke(s->primary->ch);
	storvsp_put(s);
}

/* ---- statistics, pause ---- */

void storvsp_worker_stats(struct storvsp *s, struct worker_stats *out)
{
	struct worker_stats stats;
	struct stor_chan *c;

	*out = s->past;
	LIST_FOREACH(c, &s->chans, link) {
		if (!c->worker)
			continue;
		worker_get_stats(c->worker, &stats);
		stats_add(out, &stats);
	}
}

/* Server thread, deferred. */
static void pause_finish(void *arg)
{
	struct storvsp *s = arg;
	void (*done)(void *arg) = s->pause_done;

	s->pause_done = NULL;
	if (done)
		done(s->pause_arg);
	storvsp_put(s);
}

void storvsp_quiet(struct storvsp *s)
{
	if (atomic_fetch_sub(&s->pause_left, 1) != 1)
		return;
	storvsp_get(s);
	vmbus_server_defer(s->srv, pause_finish, s);
}

void storvsp_pause(struct storvsp *s, void (*done)(void *arg), void *arg)
{
	struct stor_chan *c;

	s->pause_done = done;
	s->pause_arg = arg;
	atomic_store(&s->paused, true);
	/* One for ourselves, lest it be over before all are told. */
	atomic_fetch_add(&s->pause_left, 1);
	LIST_FOREACH(c, &s->chans, link) {
		if (!c->worker)
			continue;
		if (!atomic_exchange(&c->pause_owed, true))
			atomic_fetch_add(&s->pause_left, 1);
		stor_chan_control(c, STOR_CTL_LOOK);
	}
	storvsp_quiet(s);
}

void storvsp_resume(struct storvsp *s)
{
	struct stor_chan *c;

	atomic_store(&s->paused, false);
	LIST_FOREACH(c, &s->chans, link)
		if (c->worker)
			stor_chan_control(c, STOR_CTL_LOOK);
}
