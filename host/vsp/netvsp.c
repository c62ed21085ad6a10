// SPDX-License-Identifier: GPL-2.0
/*
 * A synthetic network card: its channels, its plug, and how it comes and goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netvsp_var.h"

/* The last byte is the card's number. */
static const struct guid_reg instance_base = {
	{ 0x7a, 0x15, 0xd3, 0x4b, 0x02, 0x9e, 0xc6, 0x41, 0xa7, 0x5f, 0x65,
	  0x6e, 0x65, 0x74, 0x2d, 0x00 }
};

/* ---- life ---- */

void netvsp_get(struct netvsp *n)
{
	atomic_fetch_add(&n->refs, 1);
}

void netvsp_put(struct netvsp *n)
{
	void (*gone)(void *arg) = n->gone;
	void *gone_arg = n->gone_arg;
	unsigned int q;

	if (atomic_fetch_sub(&n->refs, 1) != 1)
		return;
	for (q = 0; q < n->nqueues; q++)
		net_queue_end(&n->queue[q]);
	net_rndis_reset(n);
	net_close(n->net);
	pthread_mutex_destroy(&n->set_lock);
	free(n);
	if (gone)
		gone(gone_arg);
}

/* ---- jobs ---- */

static void offer_subs(struct netvsp *n);
static void pause_finish(struct netvsp *n);

/* Server thread, deferred. */
static void work(void *arg)
{
	static void (*const run[NET_JOBS])(struct netvsp * n) = {
		[NET_JOB_REVOKE_RECV] = net_nvs_revoke_recv,
		[NET_JOB_REVOKE_SEND] = net_nvs_revoke_send,
		[NET_JOB_RECV_BUF] = net_nvs_get_recv,
		[NET_JOB_SEND_BUF] = net_nvs_get_send,
		[NET_JOB_SUBS] = offer_subs,
		[NET_JOB_OFFLOADS] = net_offload_tell,
		[NET_JOB_STEER] = net_steer_tell,
		[NET_JOB_PAUSED] = pause_finish,
	};
	struct netvsp *n = arg;
	unsigned int jobs = atomic_exchange(&n->jobs, 0), i;

	for (i = 0; i < NET_JOBS; i++)
		if (jobs >> i & 1)
			run[i](n);
	netvsp_put(n);
}

void netvsp_ask(struct netvsp *n, enum net_job job)
{
	/* Who finds a bit there knows that the call is on its way. */
	if (atomic_fetch_or(&n->jobs, 1u << job))
		return;
	netvsp_get(n);
	vmbus_server_defer(n->srv, work, n);
}

void netvsp_kick(struct netvsp *n)
{
	unsigned int q;

	for (q = 0; q < n->nqueues; q++)
		net_queue_kick(&n->queue[q]);
}

/* ---- what is set ---- */

struct net_settings *netvsp_settings(struct netvsp *n)
{
	pthread_mutex_lock(&n->set_lock);
	return &n->set;
}

void netvsp_settings_end(struct netvsp *n)
{
	atomic_fetch_add(&n->set_version, 1);
	pthread_mutex_unlock(&n->set_lock);
	netvsp_kick(n);
}

void netvsp_settings_reset(struct netvsp *n)
{
	struct net_settings *s = netvsp_settings(n);
	bool user_link = s->user_link, steered = s->rss;

	memset(s, 0, sizeof(*s));
	s->user_link = user_link;
	s->frame = NET_ETH_DEFAULT;
	memcpy(s->mac, n->mac, sizeof(s->mac));
	netvsp_settings_end(n);
	if (steered)
		netvsp_ask(n, NET_JOB_STEER);
}

/* ---- channels ---- */

static int on_open(struct vmbus_chan *ch, void *priv)
{
	struct net_chan *c = priv;
	struct netvsp *n = c->n;

	(void)ch;
	if (!c->index)
		n->generation++;
	c->generation = n->generation;
	return net_chan_open(c);
}

static void on_close(struct vmbus_chan *ch, void *priv)
{
	struct net_chan *c = priv;
	struct netvsp *n = c->n;

	(void)ch;
	if (!c->index) {
		/* A request for a buffer that is under way finds none. */
		n->generation++;
		net_pool_put(n->pool);
		net_send_buf_put(n->send);
		n->pool = NULL;
		n->send = NULL;
	}
	net_chan_stop(c);
}

static void on_released(struct vmbus_chan *ch, void *priv)
{
	struct net_chan *c = priv;
	struct netvsp *n = c->n;

	(void)ch;
	LIST_REMOVE(c, link);
	if (n->primary == c)
		n->primary = NULL;
	free(c);
	netvsp_put(n);
}

static const struct vmbus_chan_ops chan_ops = {
	.open = on_open,
	.close = on_close,
	.released = on_released,
};

static int chan_offer(struct netvsp *n, unsigned int index,
		      struct net_chan **out)
{
	struct vmbus_offer offer = {
		.type = VMB_GUID_NET,
		.instance = instance_base,
		.flags = VMB_OFFER_ENUMERATE,
		.sub_index = index,
	};
	struct net_chan *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->n = n;
	c->index = index;
	c->q = &n->queue[index % n->nqueues];
	STAILQ_INIT(&c->waiting);
	if (index)
		snprintf(c->name, sizeof(c->name), "%.10s.%u", n->name,
			 index & 0xff);
	else
		snprintf(c->name, sizeof(c->name), "%s", n->name);
	offer.instance.b[15] = n->cfg.number;
	offer.name = c->name;
	err = vmbus_offer(n->srv, &offer, &chan_ops, c, &c->ch);
	if (err) {
		free(c);
		return err;
	}
	netvsp_get(n);
	LIST_INSERT_HEAD(&n->chans, c, link);
	if (out)
		*out = c;
	return 0;
}

static void offer_subs(struct netvsp *n)
{
	uint64_t wanted = atomic_load(&n->subs_wanted);
	unsigned int i;
	int err = 0;

	/* The primary may have been closed, even opened anew, meanwhile. */
	if (n->primary && !n->destroying && wanted >> 16 == n->generation)
		for (i = 1; i <= (wanted & 0xffff) && !err; i++)
			err = chan_offer(n, i, NULL);
	if (err && err != -ENOTCONN)
		log_guest(&n->limit, n->name,
			  "not all sub-channels could be offered: %s",
			  strerror(-err));
}

void netvsp_want_subs(struct netvsp *n, unsigned int generation,
		      unsigned int count)
{
	atomic_store(&n->subs_wanted, (uint64_t)generation << 16 | count);
	netvsp_ask(n, NET_JOB_SUBS);
}

/* ---- the plug ---- */

bool netvsp_link(struct netvsp *n)
{
	return atomic_load(&n->user_link) && net_link(n->net);
}

/* The primary's worker looks what it is now, whatever happened meanwhile. */
static void link_event(struct netvsp *n)
{
	atomic_store(&n->link_changed, true);
	net_queue_kick(&n->queue[0]);
}

void netvsp_set_link(struct netvsp *n, bool up)
{
	struct net_settings *s;

	if (atomic_exchange(&n->user_link, up) == up)
		return;
	s = netvsp_settings(n);
	s->user_link = up;
	netvsp_settings_end(n);
	link_event(n);
}

static void on_readable(void *arg, unsigned int queue)
{
	((struct netvsp *)arg)->queue[queue].readable = true;
	/* A turn follows. */
}

static void on_writable(void *arg, unsigned int queue)
{
	((struct netvsp *)arg)->queue[queue].writable = true;
}

static void on_link(void *arg, bool up)
{
	struct netvsp *n = arg;

	log_debug(n->name, "back end's link is %s", up ? "up" : "down");
	link_event(n);
}

static const struct net_events events = {
	.readable = on_readable,
	.writable = on_writable,
	.link = on_link,
};

/* ---- creation and the end ---- */

void netvsp_default_mac(const struct netvsp_config *cfg, const struct net *net,
			uint8_t mac[6])
{
	uint32_t hash = 2166136261u;
	unsigned int i;

	if (net->info.has_mac) {
		memcpy(mac, net->info.mac, 6);
		return;
	}
	/* Of the VM's id (FNV-1a), below Hyper-V's prefix. */
	for (i = 0; i < sizeof(cfg->vm_id.b); i++)
		hash = (hash ^ cfg->vm_id.b[i]) * 16777619u;
	memcpy(mac,
	       (uint8_t[]){ 0x00, 0x15, 0x5d, hash >> 8, hash, cfg->number },
	       6);
}

static void make_mac(struct netvsp *n)
{
	static const uint8_t none[6];

	if (memcmp(n->cfg.mac, none, sizeof(none)))
		memcpy(n->mac, n->cfg.mac, sizeof(n->mac));
	else
		netvsp_default_mac(&n->cfg, n->net, n->mac);
}

static void shape(struct netvsp *n)
{
	n->max_channels = n->cfg.max_channels ? n->cfg.max_channels :
						n->cfg.processors;
	if (n->max_channels > n->cfg.processors)
		n->max_channels = n->cfg.processors;
	if (n->max_channels > NETVSP_CHANNELS)
		n->max_channels = NETVSP_CHANNELS;
	if (!n->max_channels)
		n->max_channels = 1;
	n->nqueues = n->net->info.queues;
	if (n->nqueues > n->max_channels)
		n->nqueues = n->max_channels;
	if (!n->cfg.max_version)
		n->cfg.max_version = NVS_VERSION_6_1;
	make_mac(n);
}

int netvsp_create(struct vmbus_server *srv, const struct netvsp_config *cfg,
		  struct net *net, struct netvsp **out)
{
	struct netvsp *n;
	unsigned int q;
	int err;

	if (cfg->number > UINT8_MAX)
		return -EINVAL;
	n = calloc(1, sizeof(*n));
	if (!n)
		return -ENOMEM;
	n->cfg = *cfg;
	n->srv = srv;
	n->net = net;
	n->refs = 1;
	LIST_INIT(&n->chans);
	STAILQ_INIT(&n->answers);
	snprintf(n->name, sizeof(n->name), "net%u", cfg->number);
	pthread_mutex_init(&n->set_lock, NULL);
	shape(n);
	for (q = 0; q < n->nqueues; q++)
		net_queue_init(&n->queue[q], n, q);
	atomic_init(&n->user_link, !cfg->link_down);
	n->set.user_link = !cfg->link_down;
	net_set_events(net, &events, n);
	err = chan_offer(n, 0, &n->primary);
	if (err) {
		/* Ours no more: the caller keeps the back end. */
		net_set_events(net, NULL, NULL);
		pthread_mutex_destroy(&n->set_lock);
		free(n);
		return err;
	}
	*out = n;
	return 0;
}

void netvsp_destroy(struct netvsp *n, void (*gone)(void *arg), void *arg)
{
	n->destroying = true;
	n->gone = gone;
	n->gone_arg = arg;
	if (n->primary)
		vmbus_revoke(n->primary->ch);
	netvsp_put(n);
}

/* ---- what is told ---- */

void netvsp_get_info(struct netvsp *n, struct netvsp_info *out)
{
	uint64_t up = atomic_load(&n->channels_up);
	struct net_settings *s;

	*out = (struct netvsp_info){
		.backend = n->net->name,
		.link = netvsp_link(n),
		.user_link = atomic_load(&n->user_link),
		.version = atomic_load(&n->version),
		.queues = n->nqueues,
		.steered = net_steered(n->net),
	};
	memcpy(out->permanent_mac, n->mac, sizeof(n->mac));
	memcpy(out->mac, n->mac, sizeof(n->mac));
	for (; up; up &= up - 1)
		out->channels++;
	pthread_mutex_lock(&n->set_lock);
	s = &n->set;
	if (out->version) {
		memcpy(out->mac, s->mac, sizeof(s->mac));
		out->mtu = s->frame - NET_ETH_HEADER;
		out->filter = s->filter;
		out->rsc = s->rsc4 || s->rsc6;
	}
	pthread_mutex_unlock(&n->set_lock);
}

void netvsp_worker_stats(struct netvsp *n, struct worker_stats *out)
{
	struct worker_stats s;
	unsigned int q;

	memset(out, 0, sizeof(*out));
	for (q = 0; q < n->nqueues; q++) {
		if (!n->queue[q].worker)
			continue;
		worker_get_stats(n->queue[q].worker, &s);
		out->system_calls += s.system_calls;
		out->wakeups += s.wakeups;
		out->ios += s.ios;
	}
}

/* ---- pause ---- */

static void pause_finish(struct netvsp *n)
{
	void (*done)(void *arg) = n->pause_done;

	n->pause_done = NULL;
	if (done)
		done(n->pause_arg);
}

void netvsp_quiet(struct netvsp *n)
{
	if (atomic_fetch_sub(&n->pause_left, 1) == 1)
		netvsp_ask(n, NET_JOB_PAUSED);
}

void netvsp_pause(struct netvsp *n, void (*done)(void *arg), void *arg)
{
	unsigned int q;

	n->pause_done = done;
	n->pause_arg = arg;
	atomic_store(&n->paused, true);
	/* One for ourselves, lest it be over before all are told. */
	atomic_fetch_add(&n->pause_left, 1);
	for (q = 0; q < n->nqueues; q++) {
		if (!n->queue[q].worker)
			continue;
		if (!atomic_exchange(&n->queue[q].pause_owed, true))
			atomic_fetch_add(&n->pause_left, 1);
		net_queue_kick(&n->queue[q]);
	}
	netvsp_quiet(n);
}

void netvsp_resume(struct netvsp *n)
{
	atomic_store(&n->paused, false);
	netvsp_kick(n);
}
