// SPDX-License-Identifier: GPL-2.0
/*
 * Channel messages from the child: one table says which are understood, how
 * long they must be at least, from which protocol version on and in which state
 * of the connection.  A message is copied once, to an aligned buffer, padded
 * with zeroes; handlers see only that copy.
 */
#include "vmbus_var.h"

#define IN_NONE			     (1u << CONN_NONE)
#define IN_UP			     (1u << CONN_UP)
#define IN_ENDING		     (1u << CONN_ENDING)
#define IN_ANY			     (IN_NONE | IN_UP | IN_ENDING)

#define NT_STATUS_CONNECTION_REFUSED 0xC0000236u

struct message_rule {
	const char *name;
	uint16_t size;	/* bytes, header included; longer ones are fine */
	uint8_t states; /* IN_* */
	uint32_t version;
	void (*fn)(struct vmbus_server *srv, const void *msg, size_t len);
};

/* There are no sockets here yet: the child shall not wait for one. */
static void on_tl_connect(struct vmbus_server *srv, const void *msg, size_t len)
{
	const struct vmb_tl_connect *m = msg;
	struct vmb_tl_connect_result resp = {
		.hdr.type = VMB_MSG_TL_CONNECT_RESULT,
		.endpoint = m->endpoint,
		.service = m->service,
		.status = NT_STATUS_CONNECTION_REFUSED,
	};

	/* 4.0 has the question, but not the answer. */
	if (vmbus_server_version(srv) >= VMB_VERSION_4_1)
		server_post(srv, &resp, sizeof(resp));
}

/* Nothing can have been opened that way: say so, somebody may wait. */
static void on_close_reserved(struct vmbus_server *srv, const void *msg,
			      size_t len)
{
	const struct vmb_relid_msg *m = msg;
	struct vmb_relid_msg resp = {
		.hdr.type = VMB_MSG_CLOSE_RESERVED_RESP,
		.relid = m->relid,
	};

	server_bad(srv, "CLOSE_RESERVED_CHANNEL: relid %u is not reserved",
		   m->relid);
	server_post(srv, &resp, sizeof(resp));
}

/* No device here offers a channel of that kind, and it has no answer. */
static void on_open_reserved(struct vmbus_server *srv, const void *msg,
			     size_t len)
{
	const struct vmb_relid_msg *m = msg;

	server_bad(srv, "OPEN_RESERVED_CHANNEL: relid %u is not reserved",
		   m->relid);
}

static const struct message_rule rules[VMB_MSG_COUNT] = {
	[VMB_MSG_REQUEST_OFFERS] = { "REQUESTOFFERS", sizeof(struct vmb_hdr),
				     IN_UP, 0, relid_on_request_offers },
	[VMB_MSG_OPEN] = { "OPENCHANNEL", sizeof(struct vmb_open), IN_UP, 0,
			   chan_on_open },
	[VMB_MSG_CLOSE] = { "CLOSECHANNEL", sizeof(struct vmb_relid_msg), IN_UP,
			    0, chan_on_close },
	[VMB_MSG_GPADL_HEADER] = { "GPADL_HEADER",
				   sizeof(struct vmb_gpadl_header), IN_UP, 0,
				   gpadl_on_header },
	[VMB_MSG_GPADL_BODY] = { "GPADL_BODY", sizeof(struct vmb_gpadl_body),
				 IN_UP, 0, gpadl_on_body },
	[VMB_MSG_GPADL_TEARDOWN] = { "GPADL_TEARDOWN",
				     sizeof(struct vmb_gpadl_teardown), IN_UP,
				     0, gpadl_on_teardown },
	[VMB_MSG_RELID_RELEASED] = { "RELID_RELEASED",
				     sizeof(struct vmb_relid_msg), IN_UP, 0,
				     relid_on_released },
	[VMB_MSG_UNLOAD] = { "UNLOAD", sizeof(struct vmb_hdr), IN_ANY, 0,
			     server_on_unload },
	[VMB_MSG_OPEN_RESERVED] = { "OPEN_RESERVED_CHANNEL", 28, IN_UP,
				    VMB_VERSION_4_0, on_open_reserved },
	[VMB_MSG_CLOSE_RESERVED] = { "CLOSE_RESERVED_CHANNEL", 20, IN_UP,
				     VMB_VERSION_4_0, on_close_reserved },
	[VMB_MSG_TL_CONNECT] = { "TL_CONNECT_REQUEST", VMB_TL_CONNECT_OLD_SIZE,
				 IN_UP, VMB_VERSION_4_0, on_tl_connect },
	[VMB_MSG_MODIFY_CHANNEL] = { "MODIFYCHANNEL",
				     sizeof(struct vmb_modify_channel), IN_UP,
				     VMB_VERSION_4_1, chan_on_modify },
};

static const char *const state_names[] = { "no", "a", "an ending" };

/* The guest's INITIATE_CONTACT depends on the port, hence is not in the table. */
static void message_dispatch(struct vmbus_server *srv, uint32_t connection,
			     const void *msg, size_t len)
{
	uint32_t type = ((const struct vmb_hdr *)msg)->type;
	const struct message_rule *rule;

	if (type == VMB_MSG_INITIATE_CONTACT) {
		if (len < sizeof(struct vmb_initiate_contact))
			server_bad(srv, "INITIATE_CONTACT of %zu bytes", len);
		else
			server_on_contact(srv, connection, msg);
		return;
	}
	rule = type < VMB_MSG_COUNT ? &rules[type] : NULL;
	if (!rule || !rule->fn)
		server_bad(srv, "message type %u is not for the root", type);
	else if (len < rule->size)
		server_bad(srv, "%s of %zu bytes, at least %u expected",
			   rule->name, len, rule->size);
	else if (!(rule->states & 1u << srv->state))
		server_bad(srv, "%s on %s connection", rule->name,
			   state_names[srv->state]);
	else if (vmbus_server_version(srv) < rule->version)
		server_bad(srv, "%s is newer than the connection's version",
			   rule->name);
	else
		rule->fn(srv, msg, len);
}

void vmbus_server_message(struct vmbus_server *srv, uint32_t connection,
			  const void *msg, size_t len)
{
	union {
		uint8_t byte[VMB_MSG_MAX];
		uint64_t align;
	} copy = { { 0 } };

	srv->stats.messages_in++;
	if (srv->shutting_down)
		return;
	if (!vmbus_server_port_valid(srv, connection) ||
	    len < sizeof(struct vmb_hdr) || len > VMB_MSG_MAX) {
		server_bad(srv, "message of %zu bytes on connection %u", len,
			   connection);
		return;
	}
	memcpy(copy.byte, msg, len);
	message_dispatch(srv, connection, copy.byte, len);
}

bool vmbus_message_ends(const void *msg, size_t len)
{
	uint32_t type;

	if (len < sizeof(type))
		return false;
	memcpy(&type, msg, sizeof(type));
	return type == VMB_MSG_INITIATE_CONTACT || type == VMB_MSG_UNLOAD;
}
