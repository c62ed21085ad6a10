// SPDX-License-Identifier: GPL-2.0
/*
 * One channel, from vmbus_offer() to released(): open, close, retarget, fail.
 *
 *   UNOFFERED -> OFFERED -> OPENING -> OPEN -> CLOSING -> OFFERED
 *
 * CLOSING lasts until the VSP has said vmbus_chan_closed() and every
 * sub-channel is closed too: requests of a sub-channel may use GPADLs of the
 * primary, and "closed" means that the root touches none of the memory any more.
 *
 * Calls from other threads only set a bit and queue chan_work(); it runs as
 * long as any bit is set and is queued at most once, so that the object can't
 * go away beneath a queued call.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmbus_var.h"

static void counter_add(_Atomic uint64_t *c)
{
	atomic_store_explicit(c,
			      atomic_load_explicit(c, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

/*
 * A child has sub-channels made as often as it likes, each a new object: their
 * lines are limited together.
 */
static struct log_limit *chan_limit(struct vmbus_chan *ch)
{
	return ch->offer.sub_index ? &ch->srv->limit : &ch->limit;
}

static void chan_bad(struct vmbus_chan *ch, const char *what)
{
	atomic_fetch_add_explicit(&ch->count.errors, 1, memory_order_relaxed);
	ch->srv->stats.messages_bad++;
	log_guest(chan_limit(ch), ch->name, "%s", what);
}

bool chan_busy(const struct vmbus_chan *ch)
{
	return ch->state == CHAN_OPENING || ch->state == CHAN_OPEN ||
	       ch->state == CHAN_CLOSING;
}

/* ---- release ---- */

static void chan_free(struct vmbus_chan *ch)
{
	pthread_mutex_destroy(&ch->signal_lock);
	fault_chan_free(ch);
	close(ch->signal_fd);
	free(ch);
}

static void chan_release(struct vmbus_chan *ch)
{
	struct vmbus_server *srv = ch->srv;
	struct vmbus_chan *sub;

	TAILQ_REMOVE(&srv->chans, ch, link);
	srv->nchans--;
	TAILQ_FOREACH(sub, &srv->chans, link)
		if (sub->parent == ch)
			sub->parent = NULL;
	ch->ops->released(ch, ch->priv);
	chan_free(ch);
	server_check_shutdown(srv);
}

static void chan_finish_close(struct vmbus_chan *ch);

static void chan_work_fail(struct vmbus_chan *ch)
{
	const char *why = atomic_load(&ch->fail_why);

	atomic_fetch_add_explicit(&ch->count.errors, 1, memory_order_relaxed);
	log_guest(chan_limit(ch), ch->name, "channel failed: %s", why);
	/* What an earlier kernel of the child did is nothing to the next one. */
	if (ch->srv->state == CONN_UP && ch->relid)
		chan_rescind(ch);
}

/* Server thread, through ops->defer(). */
static void chan_work(void *arg)
{
	struct vmbus_chan *ch = arg;
	unsigned int bits = atomic_exchange(&ch->work, 0);

	/* Before CLOSED: it was said while the channel was still open. */
	if (bits & CHAN_WORK_FAIL)
		chan_work_fail(ch);
	if (bits & CHAN_WORK_CLOSED) {
		if (ch->state == CHAN_CLOSING) {
			ch->vsp_closed = true;
			chan_finish_close(ch);
		} else {
			log_err(ch->name, "closed while %s",
				vmbus_chan_state(ch));
		}
	}
	/* A bit set meanwhile has queued the next call, which does this. */
	if (bits & CHAN_WORK_RELEASE &&
	    atomic_fetch_or(&ch->work, CHAN_WORK_RELEASE))
		return;
	if (bits & CHAN_WORK_RELEASE)
		chan_release(ch);
}

static void chan_queue(struct vmbus_chan *ch, unsigned int bit)
{
	if (!atomic_fetch_or(&ch->work, bit))
		ch->srv->ops.defer(ch->srv->host, chan_work, ch);
}

void chan_queue_release(struct vmbus_chan *ch)
{
	chan_queue(ch, CHAN_WORK_RELEASE);
}

void vmbus_chan_closed(struct vmbus_chan *ch)
{
	chan_queue(ch, CHAN_WORK_CLOSED);
}

void vmbus_chan_fail(struct vmbus_chan *ch, const char *why)
{
	atomic_store(&ch->fail_why, why);
	chan_queue(ch, CHAN_WORK_FAIL);
}

/* ---- offer, revoke ---- */

/* The primary that a sub-channel belongs to, or -errno in *err. */
static struct vmbus_chan *offer_find(struct vmbus_server *srv,
				     const struct vmbus_offer *offer, int *err)
{
	struct vmbus_chan *ch, *primary = NULL;

	*err = 0;
	TAILQ_FOREACH(ch, &srv->chans, link) {
		if (ch->dying ||
		    !guid_equal(&ch->offer.instance, &offer->instance))
			continue;
		if (ch->offer.sub_index == offer->sub_index)
			*err = -EEXIST;
		if (!ch->offer.sub_index)
			primary = ch;
	}
	if (*err || !offer->sub_index)
		return NULL;
	if (!primary || primary->revoked ||
	    (primary->state != CHAN_OPEN && primary->state != CHAN_OPENING))
		*err = -ENOTCONN;
	else if (!guid_equal(&primary->offer.type, &offer->type))
		*err = -EINVAL;
	return primary;
}

int vmbus_offer(struct vmbus_server *srv, const struct vmbus_offer *offer,
		const struct vmbus_chan_ops *ops, void *priv,
		struct vmbus_chan **out)
{
	struct vmbus_chan *ch, *primary;
	int err;

	if (srv->shutting_down)
		return -ESHUTDOWN;
	if (srv->nchans >= VMB_RELIDS - 1)
		return -ENOSPC;
	primary = offer_find(srv, offer, &err);
	if (err)
		return err;
	ch = calloc(1, sizeof(*ch));
	if (!ch)
		return -ENOMEM;
	ch->srv = srv;
	snprintf(ch->name, sizeof(ch->name), "%s",
		 offer->name ? offer->name : "channel");
	err = fault_chan_create(ch);
	if (!err) {
		ch->signal_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (ch->signal_fd < 0)
			err = -errno;
	}
	if (err) {
		free(ch->fault);
		free(ch);
		return err;
	}
	pthread_mutex_init(&ch->signal_lock, NULL);
	ch->parent = primary;
	ch->ops = ops;
	ch->priv = priv;
	ch->offer = *offer;
	ch->target_vp = VMB_VP_NONE;
	ch->offer.name = ch->name;
	TAILQ_INSERT_TAIL(&srv->chans, ch, link);
	srv->nchans++;
	*out = ch;
	relid_offer_waiting(srv);
	return 0;
}

void vmbus_revoke(struct vmbus_chan *ch)
{
	if (ch->dying)
		return;
	ch->dying = true;
	chan_rescind(ch);
}

/*
 * With RESCIND the child has all of its memory back, so the device is still by
 * then.
 */
static void chan_retire(struct vmbus_chan *ch)
{
	struct vmb_relid_msg m = { .hdr.type = VMB_MSG_RESCIND,
				   .relid = ch->relid };

	if (ch->revoked && !ch->child_released)
		server_post(ch->srv, &m, sizeof(m));
	relid_retire(ch);
}

void chan_rescind(struct vmbus_chan *ch)
{
	struct vmbus_chan *sub;

	TAILQ_FOREACH(sub, &ch->srv->chans, link) {
		if (sub->parent != ch)
			continue;
		sub->dying = true;
		chan_rescind(sub);
	}
	if (!ch->relid) {
		ch->withdrawn = true;
		if (ch->dying)
			chan_queue_release(ch);
		return;
	}
	if (!ch->revoked) {
		ch->revoked = true;
		/* RESCIND will wake who waits for the answer to that OPEN. */
		ch->reopen = false;
		if (ch->srv->state == CONN_UP)
			gpadl_chan_rescinded(ch->srv, ch->relid);
	}
	chan_close(ch);
	/* While the connection is ending, its end frees all relids. */
	if (!chan_busy(ch) && ch->srv->state == CONN_UP)
		chan_retire(ch);
}

/* ---- open ---- */

static void chan_drain_signals(struct vmbus_chan *ch)
{
	uint64_t count;

	/* Non-blocking; an empty one is what we want. */
	if (read(ch->signal_fd, &count, sizeof(count)) < 0)
		return;
}

static void chan_unmap(struct vmbus_chan *ch)
{
	struct gpadl *g = gpadl_find(ch->srv, ch->ring_gpadl);

	if (g && g->relid == ch->relid)
		g->ring = false;
	free(ch->pages);
	ch->pages = NULL;
	memset(&ch->from_child, 0, sizeof(ch->from_child));
	memset(&ch->to_child, 0, sizeof(ch->to_child));
}

static void chan_set_target(struct vmbus_chan *ch, uint32_t vp)
{
	pthread_mutex_lock(&ch->signal_lock);
	ch->target_vp = vp;
	pthread_mutex_unlock(&ch->signal_lock);
}

static bool vp_acceptable(const struct vmbus_chan *ch, uint32_t vp)
{
	return vp == VMB_VP_NONE || ch->srv->ops.vp_valid(ch->srv->host, vp);
}

/* 0, or -errno with *what naming the field that is wrong. */
static int chan_map(struct vmbus_chan *ch, const struct vmb_open *m,
		    const char **what)
{
	struct gpadl *g = gpadl_find(ch->srv, m->gpadl);
	uint32_t npages;
	int err;

	*what = "OPENCHANNEL: GPADL unknown or another channel's";
	if (!g || g->relid != ch->relid || g->state != GPADL_LIVE)
		return -ENOENT;
	*what = "OPENCHANNEL: target VP";
	if (!vp_acceptable(ch, m->target_vp))
		return -EINVAL;
	*what = "OPENCHANNEL: GPADL is not one range of whole pages";
	err = gpadl_pages(ch->srv, g, &ch->pages, &npages);
	if (err)
		return err;
	*what = "OPENCHANNEL: page of the ring to the child";
	err = -EINVAL;
	/* Each ring is a control page and at least one page of data. */
	if (m->to_child_page < 2 || m->to_child_page > npages - 2 || npages < 4)
		goto out;
	*what = "OPENCHANNEL: ring indices";
	err = ring_attach(&ch->from_child, ch->pages, m->to_child_page, false);
	if (!err)
		err = ring_attach(&ch->to_child, ch->pages + m->to_child_page,
				  npages - m->to_child_page, true);
	if (err)
		goto out;
	g->ring = true;
	ch->ring_gpadl = m->gpadl;
	ch->pending_send = false;
	fault_chan_open(ch);
	return 0;
out:
	free(ch->pages);
	ch->pages = NULL;
	return err;
}

static void open_answer(struct vmbus_chan *ch, const struct vmb_open *m,
			uint32_t status)
{
	struct vmb_open_result resp = {
		.hdr.type = VMB_MSG_OPEN_RESULT,
		.relid = m->relid,
		.open_id = m->open_id,
		.status = status,
	};

	server_post(ch->srv, &resp, sizeof(resp));
}

/*
 * Signals come to the eventfd before the device sees the rings: the child may
 * put packets there as soon as it has said OPEN.
 */
static int chan_start(struct vmbus_chan *ch, const struct vmb_open *m,
		      const char **what)
{
	struct vmbus_server *srv = ch->srv;
	uint32_t connection = VMBUS_EVENT_CONNECTION(ch->relid);
	int err;

	err = chan_map(ch, m, what);
	if (err)
		return err;
	chan_drain_signals(ch);
	*what = "OPENCHANNEL: cannot connect the signal";
	err = srv->ops.connect_event(srv->host, connection, ch->signal_fd);
	if (err)
		goto unmap;
	ch->state = CHAN_OPENING;
	ch->vsp_closed = false;
	chan_set_target(ch, m->target_vp);
	*what = "OPENCHANNEL: the device refuses";
	err = ch->ops->open(ch, ch->priv);
	if (!err)
		return 0;
	ch->state = CHAN_OFFERED;
	chan_set_target(ch, VMB_VP_NONE);
	srv->ops.disconnect_event(srv->host, connection, ch->signal_fd);
unmap:
	chan_unmap(ch);
	return err;
}

static void chan_open(struct vmbus_chan *ch, const struct vmb_open *m)
{
	const char *what;

	if (chan_start(ch, m, &what)) {
		chan_bad(ch, what);
		if (!ch->revoked)
			open_answer(ch, m, VMB_STATUS_FAILED);
		else
			chan_retire(ch);
		return;
	}
	ch->state = CHAN_OPEN;
	counter_add(&ch->count.opens);
	log_debug(ch->name, "open, VP %d", (int)m->target_vp);
	/* The device may have taken the offer back from within open(). */
	if (ch->revoked)
		chan_close(ch);
	else
		open_answer(ch, m, VMB_STATUS_OK);
}

/* A rescinded or retired channel's messages crossed ours on the way. */
static bool relid_going(struct vmbus_server *srv, const struct vmbus_chan *ch,
			uint32_t relid)
{
	return ch ? ch->revoked : relid_quarantined(srv, relid);
}

void chan_on_open(struct vmbus_server *srv, const void *msg, size_t len)
{
	const struct vmb_open *m = msg;
	struct vmbus_chan *ch = relid_chan(srv, m->relid);

	if (relid_going(srv, ch, m->relid))
		return;
	if (!ch) {
		struct vmb_open_result resp = { { VMB_MSG_OPEN_RESULT, 0 },
						m->relid,
						m->open_id,
						VMB_STATUS_FAILED };

		server_bad(srv, "OPENCHANNEL: relid %u unknown", m->relid);
		server_post(srv, &resp, sizeof(resp));
	} else if (ch->state == CHAN_OFFERED) {
		chan_open(ch, m);
	} else if (ch->state == CHAN_CLOSING && !ch->reopen &&
		   !ch->child_released) {
		ch->reopen = true;
		ch->open_msg = *m;
	} else {
		chan_bad(ch, "OPENCHANNEL: open already");
		/*
		 * No answer: the child could take it for the answer to its
		 * first OPEN, which has the same ids.
		 */
	}
}

/* ---- close ---- */

void chan_close(struct vmbus_chan *ch)
{
	struct vmbus_server *srv = ch->srv;
	struct vmbus_chan *sub;

	if (ch->state != CHAN_OPEN)
		return;
	/* First, so that it counts as busy while its sub-channels close. */
	ch->state = CHAN_CLOSING;
	ch->vsp_closed = false;
	TAILQ_FOREACH(sub, &srv->chans, link) {
		if (sub->parent != ch)
			continue;
		sub->dying = true;
		chan_rescind(sub);
	}
	srv->ops.disconnect_event(srv->host, VMBUS_EVENT_CONNECTION(ch->relid),
				  ch->signal_fd);
	chan_set_target(ch, VMB_VP_NONE);
	counter_add(&ch->count.closes);
	ch->ops->close(ch, ch->priv);
}

static void chan_finish_close(struct vmbus_chan *ch)
{
	struct vmbus_server *srv = ch->srv;
	struct vmbus_chan *sub, *parent = ch->parent;

	if (ch->state != CHAN_CLOSING || !ch->vsp_closed)
		return;
	TAILQ_FOREACH(sub, &srv->chans, link)
		if (sub->parent == ch && chan_busy(sub))
			return;
	chan_unmap(ch);
	ch->state = CHAN_OFFERED;
	log_debug(ch->name, "closed");
	if (srv->state == CONN_UP) {
		gpadl_chan_closed(srv, ch->relid);
		if (ch->revoked || ch->child_released) {
			chan_retire(ch);
		} else if (ch->reopen) {
			ch->reopen = false;
			chan_open(ch, &ch->open_msg);
		}
	}
	if (parent)
		chan_finish_close(parent);
	server_check_ended(srv);
}

void chan_on_close(struct vmbus_server *srv, const void *msg, size_t len)
{
	const struct vmb_relid_msg *m = msg;
	struct vmbus_chan *ch = relid_chan(srv, m->relid);

	if (relid_going(srv, ch, m->relid))
		return;
	if (!ch) {
		server_bad(srv, "CLOSECHANNEL: relid %u unknown", m->relid);
	} else if (ch->state == CHAN_OPEN) {
		chan_close(ch);
	} else if (ch->reopen) {
		/* Open again, and closed again before that could be done. */
		ch->reopen = false;
		open_answer(ch, &ch->open_msg, VMB_STATUS_FAILED);
	} else {
		chan_bad(ch, "CLOSECHANNEL: not open");
	}
}

/* ---- retarget ---- */

void chan_on_modify(struct vmbus_server *srv, const void *msg, size_t len)
{
	const struct vmb_modify_channel *m = msg;
	struct vmbus_chan *ch = relid_chan(srv, m->relid);
	struct vmb_modify_channel_resp resp = {
		.hdr.type = VMB_MSG_MODIFY_CHANNEL_RESP,
		.relid = m->relid,
		.status = VMB_STATUS_FAILED,
	};

	if (!ch) {
		if (!relid_going(srv, ch, m->relid))
			server_bad(srv, "MODIFYCHANNEL: relid %u unknown",
				   m->relid);
	} else if (ch->state != CHAN_OPEN) {
		if (!ch->revoked)
			chan_bad(ch, "MODIFYCHANNEL: not open");
	} else if (!vp_acceptable(ch, m->target_vp)) {
		chan_bad(ch, "MODIFYCHANNEL: target VP");
	} else {
		chan_set_target(ch, m->target_vp);
		resp.status = VMB_STATUS_OK;
	}
	/* After the switch: the answer says that the old VP is left alone. */
	if (vmbus_server_version(srv) >= VMB_VERSION_5_3)
		server_post(srv, &resp, sizeof(resp));
}

/* ---- what others may ask ---- */

const char *vmbus_chan_name(const struct vmbus_chan *ch)
{
	return ch->name;
}

uint32_t vmbus_chan_relid(const struct vmbus_chan *ch)
{
	return ch->relid;
}

uint16_t vmbus_chan_sub_index(const struct vmbus_chan *ch)
{
	return ch->offer.sub_index;
}

const struct mem *vmbus_chan_mem(const struct vmbus_chan *ch)
{
	return ch->srv->mem;
}

struct vmbus_server *vmbus_chan_server(const struct vmbus_chan *ch)
{
	return ch->srv;
}

int vmbus_chan_signal_fd(const struct vmbus_chan *ch)
{
	return ch->signal_fd;
}

const char *vmbus_chan_state(const struct vmbus_chan *ch)
{
	static const char *const names[] = {
		[CHAN_UNOFFERED] = "unoffered", [CHAN_OFFERED] = "offered",
		[CHAN_OPENING] = "opening",	[CHAN_OPEN] = "open",
		[CHAN_CLOSING] = "closing",
	};

	return ch->revoked ? "revoked" : names[ch->state];
}

void vmbus_chan_get_stats(const struct vmbus_chan *ch,
			  struct vmbus_chan_stats *out)
{
	const struct chan_counters *c = &ch->count;

	out->packets_in =
		atomic_load_explicit(&c->packets_in, memory_order_relaxed);
	out->packets_out =
		atomic_load_explicit(&c->packets_out, memory_order_relaxed);
	out->bytes_in =
		atomic_load_explicit(&c->bytes_in, memory_order_relaxed);
	out->bytes_out =
		atomic_load_explicit(&c->bytes_out, memory_order_relaxed);
	out->signals_in =
		atomic_load_explicit(&c->signals_in, memory_order_relaxed);
	out->interrupts =
		atomic_load_explicit(&c->interrupts, memory_order_relaxed);
	out->ring_full =
		atomic_load_explicit(&c->ring_full, memory_order_relaxed);
	out->opens = atomic_load_explicit(&c->opens, memory_order_relaxed);
	out->closes = atomic_load_explicit(&c->closes, memory_order_relaxed);
	out->errors = atomic_load_explicit(&c->errors, memory_order_relaxed);
}
