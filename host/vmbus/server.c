// SPDX-License-Identifier: GPL-2.0
/*
 * The connection between child and root.
 *
 *   NONE --INITIATE_CONTACT--> UP --UNLOAD, INITIATE_CONTACT, reset--> ENDING
 *   ENDING --last channel closed by its VSP--> NONE, and then what was asked
 *
 * A child that was reset, crashed into its crash kernel or went from firmware to
 * its operating system says INITIATE_CONTACT without having closed anything.
 * Whatever it asks while VSPs are still closing replaces what it asked before:
 * an older question came from a kernel that is gone.  Nothing is said to the
 * child, and no queued message survives, until the last VSP has let go of the
 * old kernel's memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "vmbus_var.h"

static const uint32_t versions[] = {
	VMB_VERSION_2_4, VMB_VERSION_3_0, VMB_VERSION_4_0, VMB_VERSION_4_1,
	VMB_VERSION_5_0, VMB_VERSION_5_1, VMB_VERSION_5_2, VMB_VERSION_5_3,
};

#define NVERSIONS (sizeof(versions) / sizeof(versions[0]))

static bool version_known(uint32_t version)
{
	unsigned int i;

	for (i = 0; i < NVERSIONS; i++)
		if (versions[i] == version)
			return true;
	return false;
}

int vmbus_server_create(const struct vmbus_server_config *cfg,
			const struct vmbus_host_ops *ops, void *host,
			struct vmbus_server **out)
{
	struct vmbus_server *srv;

	if (cfg->max_version && !version_known(cfg->max_version))
		return -EINVAL;
	srv = calloc(1, sizeof(*srv));
	if (!srv)
		return -ENOMEM;
	srv->mem = cfg->mem;
	srv->ops = *ops;
	srv->host = host;
	srv->max_version = cfg->max_version ? cfg->max_version :
					      versions[NVERSIONS - 1];
	srv->gpadl_limit = cfg->gpadl_limit ? cfg->gpadl_limit :
					      GPADL_LIMIT_DEFAULT;
	/* Not random so early after a boot: no worse than none. */
	if (getrandom(&srv->gpadl_key, sizeof(srv->gpadl_key), GRND_NONBLOCK) <
	    0)
		srv->gpadl_key = 0x9E3779B1u;
	srv->gpadl_key |= 1;
	TAILQ_INIT(&srv->chans);
	*out = srv;
	return 0;
}

void vmbus_server_destroy(struct vmbus_server *srv)
{
	if (!srv)
		return;
	gpadl_drop(srv, 0);
	faults_free(srv);
	free(srv);
}

bool vmbus_server_port_valid(const struct vmbus_server *srv,
			     uint32_t connection)
{
	if (connection == VMB_PORT_MESSAGE)
		return true;
	/* Without this port a child steps down to older versions at once. */
	return connection == VMB_PORT_MULTI &&
	       srv->max_version >= VMB_VERSION_5_0;
}

uint32_t vmbus_server_version(const struct vmbus_server *srv)
{
	return atomic_load_explicit(&srv->version, memory_order_relaxed);
}

static void server_set_version(struct vmbus_server *srv, uint32_t version)
{
	atomic_store_explicit(&srv->version, version, memory_order_relaxed);
	if (srv->ops.connected)
		srv->ops.connected(srv->host, version);
}

static void post_to(struct vmbus_server *srv, uint32_t vp, uint8_t sint,
		    const void *msg, size_t len)
{
	if (srv->faults && fault_withholds(srv, vp, sint, msg, len))
		return;
	srv->stats.messages_out++;
	srv->ops.post(srv->host, vp, sint, msg, len);
	if (srv->faults)
		fault_posted(srv, vp, sint, msg);
}

void server_post(struct vmbus_server *srv, const void *msg, size_t len)
{
	post_to(srv, srv->message_vp, VMB_SINT, msg, len);
}

/* Why this INITIATE_CONTACT can't be agreed to, or NULL. */
static const char *contact_refusal(const struct vmbus_server *srv,
				   const struct contact *c)
{
	unsigned int i;

	if (srv->shutting_down)
		return "the server is shutting down";
	if (!version_known(c->version) || c->version > srv->max_version)
		return "version";
	if (c->sint != VMB_SINT)
		return "SINT";
	if (c->vtl)
		return "VTL";
	if (!srv->ops.vp_valid(srv->host, c->vp))
		return "target VP";
	if (!c->monitor[0] != !c->monitor[1])
		return "monitor pages: one of two";
	for (i = 0; i < 2; i++) {
		if (!c->monitor[i])
			continue;
		if (c->monitor[i] % MEM_PAGE_SIZE ||
		    !mem_ptr(srv->mem, c->monitor[i], MEM_PAGE_SIZE))
			return "monitor page address";
	}
	return NULL;
}

static void contact_answer(struct vmbus_server *srv, const struct contact *c)
{
	struct vmb_version_response resp = { .hdr.type =
						     VMB_MSG_VERSION_RESPONSE };
	const char *refusal = contact_refusal(srv, c);
	uint32_t vp = srv->ops.vp_valid(srv->host, c->vp) ? c->vp : 0;

	if (refusal) {
		/* Stepping down through versions is no fault of the child. */
		if (!strcmp(refusal, "version"))
			log_debug("vmbus", "version %u.%u refused",
				  c->version >> 16, c->version & 0xffff);
		else
			server_bad(srv, "INITIATE_CONTACT refused: %s",
				   refusal);
		post_to(srv, vp, c->sint < 16 ? c->sint : VMB_SINT, &resp,
			sizeof(resp));
		return;
	}
	srv->state = CONN_UP;
	srv->offers_sent = false;
	srv->message_vp = vp;
	srv->stats.connects++;
	server_set_version(srv, c->version);
	log_limited(LOG_LEVEL_INFO, &srv->contact_limit, "vmbus",
		    "connected, version %u.%u, messages to VP %u",
		    c->version >> 16, c->version & 0xffff, vp);
	resp.supported = 1;
	/* Before 5.0 the field echoes the version and nobody looks at it. */
	resp.connection = c->version >= VMB_VERSION_5_0 ? VMB_PORT_MESSAGE :
							  c->version;
	server_post(srv, &resp, sizeof(resp));
}

static void unload_answer(struct vmbus_server *srv)
{
	struct vmb_hdr resp = { .type = VMB_MSG_UNLOAD_RESPONSE };

	srv->stats.unloads++;
	server_post(srv, &resp, sizeof(resp));
}

static void server_ended(struct vmbus_server *srv)
{
	struct vmbus_chan *ch;
	enum conn_next next = srv->next;

	gpadl_drop(srv, 0);
	relid_reset(srv);
	TAILQ_FOREACH(ch, &srv->chans, link) {
		ch->withdrawn = false;
		if (ch->parent || srv->shutting_down)
			ch->dying = true;
		if (ch->dying)
			chan_queue_release(ch);
	}
	srv->ops.drop_posts(srv->host);
	fault_drop_held(srv);
	srv->offers_sent = false;
	srv->state = CONN_NONE;
	srv->next = NEXT_NOTHING;
	if (vmbus_server_version(srv)) {
		log_limited(LOG_LEVEL_INFO, &srv->contact_limit, "vmbus",
			    "connection ended");
		server_set_version(srv, 0);
	}
	if (srv->reset_done) {
		srv->ops.defer(srv->host, srv->reset_done, srv->reset_arg);
		srv->reset_done = NULL;
	}
	server_check_shutdown(srv);
	if (next == NEXT_CONTACT)
		contact_answer(srv, &srv->contact);
	else if (next == NEXT_UNLOADED)
		unload_answer(srv);
}

void server_check_ended(struct vmbus_server *srv)
{
	const struct vmbus_chan *ch;

	if (srv->state != CONN_ENDING)
		return;
	TAILQ_FOREACH(ch, &srv->chans, link)
		if (chan_busy(ch))
			return;
	server_ended(srv);
}

/* End the connection, whatever its state; `next` comes when VSPs have closed. */
static void server_end(struct vmbus_server *srv, enum conn_next next)
{
	struct vmbus_chan *ch;

	srv->next = next;
	if (srv->state != CONN_ENDING) {
		srv->state = CONN_ENDING;
		TAILQ_FOREACH(ch, &srv->chans, link) {
			ch->reopen = false;
			chan_close(ch);
		}
	}
	server_check_ended(srv);
}

/*
 * The fields' meaning depends on the version they ask for: the SINT took over
 * the place of an address in 5.0, and only the port that came with 5.0 was told
 * to read it.
 */
void server_on_contact(struct vmbus_server *srv, uint32_t connection,
		       const void *msg)
{
	const struct vmb_initiate_contact *m = msg;
	struct contact c = {
		.version = m->version,
		.sint = VMB_SINT,
		.monitor = { m->monitor_to_child, m->monitor_to_root },
	};

	if (c.version >= VMB_VERSION_3_0)
		c.vp = m->target_vp;
	if (connection == VMB_PORT_MULTI && c.version >= VMB_VERSION_5_0) {
		c.sint = m->sint;
		if (c.version >= VMB_VERSION_5_1)
			c.vtl = m->vtl;
	}
	srv->contact = c;
	server_end(srv, NEXT_CONTACT);
}

void server_on_unload(struct vmbus_server *srv, const void *msg, size_t len)
{
	/* An INITIATE_CONTACT not answered yet has told a newer VP. */
	if (srv->state == CONN_ENDING && srv->next == NEXT_CONTACT)
		srv->message_vp =
			srv->ops.vp_valid(srv->host, srv->contact.vp) ?
				srv->contact.vp :
				0;
	server_end(srv, NEXT_UNLOADED);
}

void vmbus_server_reset(struct vmbus_server *srv, void (*done)(void *arg),
			void *arg)
{
	srv->reset_done = done;
	srv->reset_arg = arg;
	server_end(srv, NEXT_NOTHING);
	/* The next kernel starts on VP 0, should it say UNLOAD first. */
	srv->message_vp = 0;
}

void vmbus_server_defer(struct vmbus_server *srv, void (*fn)(void *arg),
			void *arg)
{
	srv->ops.defer(srv->host, fn, arg);
}

void server_check_shutdown(struct vmbus_server *srv)
{
	if (!srv->shutting_down || !srv->shutdown_done ||
	    !TAILQ_EMPTY(&srv->chans))
		return;
	srv->ops.defer(srv->host, srv->shutdown_done, srv->shutdown_arg);
	srv->shutdown_done = NULL;
}

/* No RESCINDs: who should read them does not run any more. */
void vmbus_server_shutdown(struct vmbus_server *srv, void (*done)(void *arg),
			   void *arg)
{
	srv->shutting_down = true;
	srv->shutdown_done = done;
	srv->shutdown_arg = arg;
	server_end(srv, NEXT_NOTHING);
}

void vmbus_server_get_stats(const struct vmbus_server *srv,
			    struct vmbus_server_stats *out)
{
	*out = srv->stats;
	out->faults =
		atomic_load_explicit(&srv->fault_count, memory_order_relaxed);
}

void vmbus_server_each(struct vmbus_server *srv,
		       void (*fn)(struct vmbus_chan *ch, void *arg), void *arg)
{
	struct vmbus_chan *ch;
	uint32_t relid;

	TAILQ_FOREACH(ch, &srv->chans, link)
		if (!ch->relid)
			fn(ch, arg);
	for (relid = 1; relid < VMB_RELIDS; relid++)
		if (srv->slot[relid].state == RELID_USED)
			fn(srv->slot[relid].ch, arg);
}
