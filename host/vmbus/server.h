/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VMBus server: a state machine without I/O.  Channel messages come in by
 * vmbus_server_message(); what it wants done goes out through vmbus_host_ops.
 * Server thread only, unless an op says otherwise.
 */
#ifndef VMBUS_SERVER_H
#define VMBUS_SERVER_H

#include "vmbus.h"

struct vmbus_host_ops {
	/*
	 * Send a channel message to a VP's SINT (SynIC message type 1).  Never
	 * blocks: the host queues as much as is asked.  Order is kept per VP.
	 */
	void (*post)(void *host, uint32_t vp, uint8_t sint, const void *msg,
		     size_t len);
	/* Forget messages posted and not yet delivered (reset, reconnect). */
	void (*drop_posts)(void *host);
	/* Any thread: set event flag `flag` of (vp, sint), interrupt on 0 -> 1.
	 * Returns true if it was newly set. */
	bool (*signal)(void *host, uint32_t vp, uint8_t sint, uint16_t flag);
	/* Connect HvSignalEvent(connection) with an eventfd, or disconnect. */
	int (*connect_event)(void *host, uint32_t connection, int fd);
	void (*disconnect_event)(void *host, uint32_t connection, int fd);
	/* Run fn(arg) on the server thread, soon.  Any thread. */
	void (*defer)(void *host, void (*fn)(void *arg), void *arg);
	/*
	 * The same, `ms` later; not before the server is destroyed, if that is
	 * sooner.  Needed by faults only.
	 */
	void (*defer_ms)(void *host, uint32_t ms, void (*fn)(void *arg),
			 void *arg);
	/* The child connected (version), or connection ended (0).  May be NULL. */
	void (*connected)(void *host, uint32_t version);
	/* Is this VP index one of ours? */
	bool (*vp_valid)(void *host, uint32_t vp);
};

struct vmbus_server_config {
	uint32_t max_version; /* VMB_VERSION_*; 0: the newest */
	uint64_t gpadl_limit; /* bytes shared by GPADLs at once; 0: 1280 MiB */
	const struct mem *mem;
};

int vmbus_server_create(const struct vmbus_server_config *cfg,
			const struct vmbus_host_ops *ops, void *host,
			struct vmbus_server **out);
/* All channels must have been released (vmbus_server_shutdown() starts that). */
void vmbus_server_destroy(struct vmbus_server *srv);

/*
 * A message that the child posted to `connection` (HvPostMessage, type 1).
 * Returns a TLFS status for the hypercall where it can be told at once:
 * TLFS_STATUS_SUCCESS, or INVALID_CONNECTION when there is no such port (ask
 * vmbus_server_port_valid(), any thread, before queueing the message).
 */
bool vmbus_server_port_valid(const struct vmbus_server *srv,
			     uint32_t connection);
void vmbus_server_message(struct vmbus_server *srv, uint32_t connection,
			  const void *msg, size_t len);
/*
 * Any thread: the message ends a connection, and with it all answers that the child
 * hasn't read yet.
 */
bool vmbus_message_ends(const void *msg, size_t len);
/*
 * The VM is being reset: as UNLOAD, without an answer; done(arg) when all VSPs
 * have closed their channels, through ops->defer() and hence never from within
 * this call.  Called again before that, the later done replaces the earlier.
 */
void vmbus_server_reset(struct vmbus_server *srv, void (*done)(void *arg),
			void *arg);
/*
 * Revoke everything, for the end of the process: no word to the child; done(arg)
 * through ops->defer() when all channels have been released.
 */
void vmbus_server_shutdown(struct vmbus_server *srv, void (*done)(void *arg),
			   void *arg);

struct vmbus_server_stats {
	uint64_t messages_in, messages_out, messages_bad;
	uint64_t gpadls, gpadl_bytes; /* live now */
	uint64_t connects, unloads;
	uint64_t faults; /* done on purpose, see fault.h */
};
void vmbus_server_get_stats(const struct vmbus_server *srv,
			    struct vmbus_server_stats *out);
/* Calls fn for every channel that exists, in order of relid. */
void vmbus_server_each(struct vmbus_server *srv,
		       void (*fn)(struct vmbus_chan *ch, void *arg), void *arg);
/* "offered", "opening", "open", "closing", "revoked", "unoffered" */
const char *vmbus_chan_state(const struct vmbus_chan *ch);

#endif
