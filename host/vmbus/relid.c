// SPDX-License-Identifier: GPL-2.0
/*
 * Offers and relids.  A relid belongs to a channel from OFFERCHANNEL until the
 * child has answered RESCIND with RELID_RELEASED, or the connection has ended.
 * The channel object may be gone long before that (a child may take its time,
 * or never answer): the relid stays in quarantine alone, so that a late message
 * about it can't reach a channel that came after.
 */
#include "vmbus_var.h"

struct vmbus_chan *relid_chan(struct vmbus_server *srv, uint32_t relid)
{
	if (!relid || relid >= VMB_RELIDS ||
	    srv->slot[relid].state != RELID_USED)
		return NULL;
	return srv->slot[relid].ch;
}

bool relid_quarantined(const struct vmbus_server *srv, uint32_t relid)
{
	return relid < VMB_RELIDS && srv->slot[relid].state == RELID_QUARANTINE;
}

/*
 * The child tells channels apart by instance: the same one again, before it has
 * let go of the old, would take over the old one's state.
 */
static bool instance_quarantined(const struct vmbus_server *srv,
				 const struct guid_reg *instance)
{
	uint32_t relid;

	for (relid = 1; relid < VMB_RELIDS; relid++)
		if (srv->slot[relid].state == RELID_QUARANTINE &&
		    guid_equal(&srv->slot[relid].instance, instance))
			return true;
	return false;
}

static void offer_post(struct vmbus_chan *ch)
{
	struct vmb_offer m = {
		.hdr.type = VMB_MSG_OFFER,
		.type = ch->offer.type,
		.instance = ch->offer.instance,
		.flags = ch->offer.flags,
		.mmio_megabytes = ch->offer.mmio_megabytes,
		.sub_index = ch->offer.sub_index,
		.relid = ch->relid,
		/* Nobody here polls monitor pages: every signal is a hypercall. */
		.monitor_id = 0xff,
		.dedicated = 1,
		.connection = VMBUS_EVENT_CONNECTION(ch->relid),
	};

	memcpy(m.user, ch->offer.user, sizeof(m.user));
	if (ch->fault)
		fault_offer(ch, &m);
	server_post(ch->srv, &m, sizeof(m));
}

/* The lowest free one, so that the same offers get the same relids each time. */
static uint32_t relid_alloc(struct vmbus_chan *ch)
{
	struct relid_slot *slot = ch->srv->slot;
	uint32_t relid;

	for (relid = 1; relid < VMB_RELIDS; relid++) {
		if (slot[relid].state != RELID_FREE)
			continue;
		slot[relid].state = RELID_USED;
		slot[relid].ch = ch;
		return relid;
	}
	return 0;
}

static void offer_one(struct vmbus_chan *ch)
{
	if (ch->state != CHAN_UNOFFERED || ch->withdrawn || ch->dying)
		return;
	if (!ch->parent && instance_quarantined(ch->srv, &ch->offer.instance))
		return;
	ch->relid = relid_alloc(ch);
	if (!ch->relid)
		return;
	ch->state = CHAN_OFFERED;
	offer_post(ch);
	log_debug(ch->name, "offered as relid %u", ch->relid);
}

void relid_offer_waiting(struct vmbus_server *srv)
{
	struct vmbus_chan *ch;

	if (srv->state != CONN_UP || !srv->offers_sent)
		return;
	TAILQ_FOREACH(ch, &srv->chans, link)
		offer_one(ch);
}

void relid_on_request_offers(struct vmbus_server *srv, const void *msg,
			     size_t len)
{
	struct vmb_hdr done = { .type = VMB_MSG_ALL_OFFERS };

	if (srv->offers_sent) {
		server_bad(srv, "REQUESTOFFERS: second time on one connection");
		return;
	}
	srv->offers_sent = true;
	relid_offer_waiting(srv);
	server_post(srv, &done, sizeof(done));
}

void relid_retire(struct vmbus_chan *ch)
{
	struct vmbus_server *srv = ch->srv;
	struct relid_slot *slot = &srv->slot[ch->relid];

	gpadl_drop(srv, ch->relid);
	slot->ch = NULL;
	slot->state = RELID_FREE;
	if (!ch->child_released) {
		slot->state = RELID_QUARANTINE;
		/* Sub-channels share it, and may come again at once. */
		if (ch->parent)
			memset(&slot->instance, 0, sizeof(slot->instance));
		else
			slot->instance = ch->offer.instance;
	}
	ch->relid = 0;
	ch->revoked = false;
	ch->child_released = false;
	ch->withdrawn = true;
	ch->state = CHAN_UNOFFERED;
	if (ch->parent)
		ch->dying = true;
	if (ch->dying)
		chan_queue_release(ch);
	if (slot->state == RELID_FREE)
		relid_offer_waiting(srv);
}

void relid_reset(struct vmbus_server *srv)
{
	struct vmbus_chan *ch;

	memset(srv->slot, 0, sizeof(srv->slot));
	TAILQ_FOREACH(ch, &srv->chans, link) {
		ch->relid = 0;
		ch->revoked = false;
		ch->child_released = false;
		ch->state = CHAN_UNOFFERED;
	}
}

void relid_on_released(struct vmbus_server *srv, const void *msg, size_t len)
{
	const struct vmb_relid_msg *m = msg;
	struct vmbus_chan *ch = relid_chan(srv, m->relid);

	if (relid_quarantined(srv, m->relid)) {
		srv->slot[m->relid].state = RELID_FREE;
		relid_offer_waiting(srv);
	} else if (!ch) {
		server_bad(srv, "RELID_RELEASED: relid %u unknown", m->relid);
	} else if (ch->state == CHAN_OPEN) {
		server_bad(srv, "RELID_RELEASED: relid %u is open", m->relid);
	} else {
		ch->child_released = true;
		if (!chan_busy(ch))
			relid_retire(ch);
	}
}
