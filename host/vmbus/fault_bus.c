// SPDX-License-Identifier: GPL-2.0
/*
 * The fault filter of the bus: after a message that is hit comes one which
 * nobody asked for, or an answer is lost, or comes late; and an offer may say
 * something else than what is offered.
 */
#include <stdlib.h>

#include "fault_var.h"

/* No channel, nor GPADL, of ours has these. */
#define RELID_UNUSED  (VMB_RELIDS - 1)
#define GPADL_UNUSED  0x7ffffff0u
#define OPEN_UNUSED   0x7ffffff1u
#define TYPE_UNKNOWN  99u
#define MESSAGE_SHORT 9u

/* The offer of a device that isn't. */
static size_t offer_as(const struct vmb_offer *last, struct vmb_offer *m,
		       uint32_t relid)
{
	if (!last->hdr.type)
		return 0;
	*m = *last;
	m->relid = relid;
	m->connection = VMBUS_EVENT_CONNECTION(relid);
	memset(m->instance.b, 0xee, sizeof(m->instance.b));
	return sizeof(*m);
}

static size_t offer_again(const struct vmb_offer *last, uint64_t n, void *msg)
{
	if (!last->hdr.type)
		return 0;
	memcpy(msg, last, sizeof(*last));
	return sizeof(*last);
}

static size_t offer_zero(const struct vmb_offer *last, uint64_t n, void *msg)
{
	return offer_as(last, msg, 0);
}

static size_t offer_beyond(const struct vmb_offer *last, uint64_t n, void *msg)
{
	return offer_as(last, msg, VMB_RELIDS);
}

static size_t offer_short(const struct vmb_offer *last, uint64_t n, void *msg)
{
	return offer_as(last, msg, RELID_UNUSED) ? sizeof(*last) - 4 : 0;
}

static size_t rescind_as(struct vmb_relid_msg *m, uint32_t relid)
{
	*m = (struct vmb_relid_msg){ { VMB_MSG_RESCIND, 0 }, relid };
	return sizeof(*m);
}

static size_t rescind(const struct vmb_offer *last, uint64_t n, void *msg)
{
	return rescind_as(msg, RELID_UNUSED);
}

static size_t rescind_beyond(const struct vmb_offer *last, uint64_t n,
			     void *msg)
{
	return rescind_as(msg, VMB_RELIDS);
}

static size_t open_result(const struct vmb_offer *last, uint64_t n, void *msg)
{
	struct vmb_open_result *m = msg;

	*m = (struct vmb_open_result){ { VMB_MSG_OPEN_RESULT, 0 },
				       RELID_UNUSED,
				       OPEN_UNUSED,
				       VMB_STATUS_OK };
	return sizeof(*m);
}

static size_t gpadl_created(const struct vmb_offer *last, uint64_t n, void *msg)
{
	struct vmb_gpadl_created *m = msg;

	*m = (struct vmb_gpadl_created){ { VMB_MSG_GPADL_CREATED, 0 },
					 RELID_UNUSED,
					 GPADL_UNUSED,
					 VMB_STATUS_OK };
	return sizeof(*m);
}

static size_t gpadl_torndown(const struct vmb_offer *last, uint64_t n,
			     void *msg)
{
	struct vmb_gpadl_torndown *m = msg;

	*m = (struct vmb_gpadl_torndown){ { VMB_MSG_GPADL_TORNDOWN, 0 },
					  GPADL_UNUSED };
	return sizeof(*m);
}

static size_t header_only(struct vmb_hdr *m, uint32_t type)
{
	*m = (struct vmb_hdr){ type, 0 };
	return sizeof(*m);
}

static size_t unload_response(const struct vmb_offer *last, uint64_t n,
			      void *msg)
{
	return header_only(msg, VMB_MSG_UNLOAD_RESPONSE);
}

static size_t type_unknown(const struct vmb_offer *last, uint64_t n, void *msg)
{
	return header_only(msg, TYPE_UNKNOWN);
}

/* Of a type that is known, and longer than its header. */
static size_t too_short(const struct vmb_offer *last, uint64_t n, void *msg)
{
	header_only(msg, VMB_MSG_RESCIND);
	return MESSAGE_SHORT;
}

/* Of devices that nobody opens, and that go again as soon as they are there. */
#define ORPHANS 256u

static size_t orphan(const struct vmb_offer *last, uint64_t n, void *msg)
{
	uint32_t number = n / 4 % ORPHANS;
	uint32_t relid = RELID_UNUSED - 1 - 2 * number;
	struct vmb_offer *m = msg;

	if (n % 4 >= 2)
		return rescind_as(msg, relid - (n % 4 == 3));
	if (!offer_as(last, m, relid - n % 4))
		return 0;
	memset(m->type.b, 0xee, sizeof(m->type.b));
	memcpy(m->instance.b, &number, sizeof(number));
	m->sub_index = n % 4;
	return sizeof(*m);
}

/* Not even a type. */
static size_t empty(const struct vmb_offer *last, uint64_t n, void *msg)
{
	return 1;
}

const struct fault_kind fault_message_kinds[] = {
	{ "offer-again", 1, NULL, NULL, offer_again },
	{ "offer-zero", 1, NULL, NULL, offer_zero },
	{ "offer-beyond", 1, NULL, NULL, offer_beyond },
	{ "offer-short", 1, NULL, NULL, offer_short },
	{ "rescind", 1, NULL, NULL, rescind },
	{ "rescind-beyond", 1, NULL, NULL, rescind_beyond },
	{ "open-result", 1, NULL, NULL, open_result },
	{ "gpadl-created", 1, NULL, NULL, gpadl_created },
	{ "gpadl-torndown", 1, NULL, NULL, gpadl_torndown },
	{ "unload-response", 1, NULL, NULL, unload_response },
	{ "type", 1, NULL, NULL, type_unknown },
	{ "short", 1, NULL, NULL, too_short },
	{ "empty", 1, NULL, NULL, empty },
	/* A sub-channel is offered, and its primary rescinded at once. */
	{ "orphan", 4, NULL, NULL, orphan },
	{ "created-lost", 0, NULL, NULL, NULL },
	{ "created-late", 0, NULL, NULL, NULL },
	{ "torndown-lost", 0, NULL, NULL, NULL },
	{ "torndown-late", 0, NULL, NULL, NULL },
};
const unsigned int fault_nmessage_kinds =
	sizeof(fault_message_kinds) / sizeof(fault_message_kinds[0]);

static const struct fault_withheld withheld[] = {
	{ "created-lost", VMB_MSG_GPADL_CREATED, 0 },
	{ "created-late", VMB_MSG_GPADL_CREATED, 5000 },
	{ "torndown-lost", VMB_MSG_GPADL_TORNDOWN, 0 },
	{ "torndown-late", VMB_MSG_GPADL_TORNDOWN, 5000 },
};

const struct fault_withheld *fault_withheld(const struct fault_kind *kind)
{
	size_t i;

	for (i = 0; i < sizeof(withheld) / sizeof(withheld[0]); i++)
		if (!strcmp(withheld[i].name, kind->name))
			return &withheld[i];
	return NULL;
}

static void hit(struct vmbus_server *srv, const char *who,
		const struct fault_rule *rule)
{
	atomic_fetch_add_explicit(&srv->fault_count, 1, memory_order_relaxed);
	log_guest(&srv->limit, who, "fault: %s", rule->kind->name);
}

static void post(struct vmbus_server *srv, uint32_t vp, uint8_t sint,
		 struct fault_rule *rule)
{
	union {
		uint8_t byte[VMB_MSG_MAX];
		uint64_t align;
	} msg = { { 0 } };
	size_t len = rule->kind->message(&srv->faults->offer, 0, &msg);
	uint64_t n;

	if (!len || !fault_due(rule))
		return;
	hit(srv, "vmbus", rule);
	for (n = 0; n < rule->times; n++) {
		len = rule->kind->message(&srv->faults->offer, n, &msg);
		srv->stats.messages_out++;
		srv->ops.post(srv->host, vp, sint, &msg, len);
	}
}

void fault_posted(struct vmbus_server *srv, uint32_t vp, uint8_t sint,
		  const void *msg)
{
	struct fault_rule *rule;

	if (((const struct vmb_hdr *)msg)->type == VMB_MSG_OFFER)
		memcpy(&srv->faults->offer, msg, sizeof(srv->faults->offer));
	for (rule = srv->faults->rules; rule; rule = rule->next)
		if (rule->kind->message && !strcmp(rule->target, "bus"))
			post(srv, vp, sint, rule);
}

/* ---- offers ---- */

/*
 * A connection that a service of the root makes to a socket of the child: the
 * type is the port, below, with Microsoft's suffix for ports of AF_VSOCK.  What
 * is behind it takes no such packets, but it opens and closes.
 */
static size_t offer_socket(const struct vmb_offer *offer, uint64_t n, void *msg)
{
	static const struct guid_reg port_5000 = {
		{ 0x88, 0x13, 0x00, 0x00, 0xcb, 0xfa, 0xe6, 0x11, 0xbd, 0x58,
		  0x64, 0x00, 0x6a, 0x79, 0x86, 0xd3 }
	};
	struct vmb_offer *m = msg;

	*m = *offer;
	m->type = port_5000;
	m->flags |= VMB_OFFER_TLNPI;
	m->user[4] = 1; /* it comes from the root */
	return sizeof(*m);
}

const struct fault_kind fault_offer_kinds[] = {
	{ "socket", 0, NULL, NULL, offer_socket },
};
const unsigned int fault_noffer_kinds =
	sizeof(fault_offer_kinds) / sizeof(fault_offer_kinds[0]);

void fault_offer(struct vmbus_chan *ch, struct vmb_offer *offer)
{
	struct vmbus_server *srv = ch->srv;
	struct fault_rule *rule;

	for (rule = ch->fault->rules; rule; rule = rule->next) {
		struct vmb_offer told;

		if (strcmp(rule->target, ch->name) || !rule->kind->message ||
		    !fault_due(rule))
			continue;
		hit(srv, ch->name, rule);
		rule->kind->message(offer, 0, &told);
		*offer = told;
	}
}

/* ---- what is kept back ---- */

static void held_free(struct fault_held *held)
{
	LIST_REMOVE(held, link);
	free(held);
}

static void held_post(void *arg)
{
	struct fault_held *held = arg;
	struct vmbus_server *srv = held->srv;

	if (!held->dropped) {
		srv->stats.messages_out++;
		srv->ops.post(srv->host, held->vp, held->sint, held->msg,
			      held->len);
	}
	held_free(held);
}

static void hold(struct vmbus_server *srv, uint32_t vp, uint8_t sint,
		 const void *msg, size_t len, uint32_t ms)
{
	struct fault_held *held = calloc(1, sizeof(*held));

	if (!held) {
		log_err("vmbus", "fault: no memory, a late message is lost");
		return;
	}
	held->srv = srv;
	held->vp = vp;
	held->sint = sint;
	held->len = len;
	memcpy(held->msg, msg, len);
	LIST_INSERT_HEAD(&srv->faults->held, held, link);
	srv->ops.defer_ms(srv->host, ms, held_post, held);
}

bool fault_withholds(struct vmbus_server *srv, uint32_t vp, uint8_t sint,
		     const void *msg, size_t len)
{
	uint32_t type = ((const struct vmb_hdr *)msg)->type;
	struct fault_rule *rule;

	for (rule = srv->faults->rules; rule; rule = rule->next) {
		if (!rule->withheld || rule->withheld->type != type ||
		    !fault_due(rule))
			continue;
		hit(srv, "vmbus", rule);
		if (rule->ms)
			hold(srv, vp, sint, msg, len, rule->ms);
		return true;
	}
	return false;
}

void fault_drop_held(struct vmbus_server *srv)
{
	struct fault_held *held;

	if (!srv->faults)
		return;
	LIST_FOREACH(held, &srv->faults->held, link)
		held->dropped = true;
}
