// SPDX-License-Identifier: GPL-2.0
/*
 * Channels taken back: RESCIND, and what may go on after it.
 *
 * A device that is removed in order lingers: its open channels are served until
 * the child closes them. What the child had sent before it saw RESCIND is thus
 * answered; there are drivers which wait for that, without a limit. A channel
 * that failed is cut off at once.
 */
#include "vmbus_var.h"

/* A revoked channel is cut off between 5 and 10 seconds later. */
#define LINGER_MS     5000u
#define LINGER_ALARMS 2

/* The child hears of it, once. */
static void rescind_post(struct vmbus_chan *ch)
{
	struct vmb_relid_msg m = { .hdr.type = VMB_MSG_RESCIND,
				   .relid = ch->relid };

	if (ch->revoked)
		return;
	ch->revoked = true;
	/* RESCIND wakes who waits for the answer to that OPEN. */
	ch->reopen = false;
	if (ch->srv->state == CONN_UP) {
		server_post(ch->srv, &m, sizeof(m));
		gpadl_chan_rescinded(ch->srv, ch->relid);
	}
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
	rescind_post(ch);
	chan_close(ch);
	/* While the connection is ending, its end frees all relids. */
	if (!chan_busy(ch) && ch->srv->state == CONN_UP)
		relid_retire(ch);
}

/* The sub-channels that aren't open go at once. */
static void linger(struct vmbus_chan *ch)
{
	struct vmbus_chan *sub;

	TAILQ_FOREACH(sub, &ch->srv->chans, link) {
		if (sub->parent != ch)
			continue;
		sub->dying = true;
		if (sub->state == CHAN_OPEN)
			rescind_post(sub);
		else
			chan_rescind(sub);
	}
	rescind_post(ch);
	ch->linger = LINGER_ALARMS;
	ch->srv->ops.alarm(ch->srv->host, LINGER_MS);
}

void vmbus_revoke(struct vmbus_chan *ch)
{
	if (ch->dying)
		return;
	ch->dying = true;
	if (ch->state == CHAN_OPEN && ch->srv->state == CONN_UP &&
	    ch->srv->ops.alarm)
		linger(ch);
	else
		chan_rescind(ch);
}

void vmbus_server_alarm(struct vmbus_server *srv)
{
	struct vmbus_chan *ch;
	bool again = false;

	TAILQ_FOREACH(ch, &srv->chans, link) {
		if (!ch->linger)
			continue;
		if (--ch->linger) {
			again = true;
			continue;
		}
		log_info(ch->name, "the child holds on to it: cut off");
		chan_rescind(ch);
	}
	if (again)
		srv->ops.alarm(srv->host, LINGER_MS);
}
