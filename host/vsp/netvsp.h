/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netvsp: a synthetic network card, NVSP 1 to 6.1, with a channel for each
 * processor of the child.  Server thread for all calls here; frames run on the
 * card's own workers, one for each queue of the back end.
 */
#ifndef VSP_NETVSP_H
#define VSP_NETVSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/net/net.h"
#include "vmbus/vmbus.h"

#define NETVSP_CHANNELS 64

struct netvsp;

struct netvsp_config {
	unsigned int number;	   /* card; goes into the instance GUID */
	unsigned int processors;   /* of the VM: bounds the channels */
	unsigned int max_channels; /* 0: one for each processor */
	uint32_t max_version;	   /* NVS_VERSION_*; 0: newest */
	uint8_t mac[6];		   /* permanent; zeroes: netvsp_default_mac() */
	bool link_down;		   /* at first, by the user */
	struct guid_reg vm_id;
};

/* What the back end wishes, or else one that derives from vm_id and number. */
void netvsp_default_mac(const struct netvsp_config *cfg, const struct net *net,
			uint8_t mac[6]);
/* Takes `net` over on success.  0 or -errno. */
int netvsp_create(struct vmbus_server *srv, const struct netvsp_config *cfg,
		  struct net *net, struct netvsp **out);
/* Revokes the offer; gone(arg) when nothing of it is left (net closed too). */
void netvsp_destroy(struct netvsp *n, void (*gone)(void *arg), void *arg);

/* The user's plug.  The link is up while this and the back end's are. */
void netvsp_set_link(struct netvsp *n, bool up);
/* No frames either way until resumed; done(arg) when quiet. */
void netvsp_pause(struct netvsp *n, void (*done)(void *arg), void *arg);
void netvsp_resume(struct netvsp *n);

struct netvsp_info {
	const char *backend; /* its name, for people */
	uint8_t mac[6];	     /* the one in use */
	uint8_t permanent_mac[6];
	bool link;	       /* both plugs */
	bool user_link;	       /* the user's */
	uint32_t version;      /* NVS_VERSION_*; 0: no child uses the card */
	uint32_t mtu;	       /* 0: no child */
	unsigned int queues;   /* of the back end */
	unsigned int channels; /* open */
	uint32_t filter;       /* RNDIS_FILTER_*; 0: the child's card is down */
	bool rsc;	       /* coalesced frames go to the child whole */
	bool steered; /* the back end knows which flow belongs to which queue */
};
void netvsp_get_info(struct netvsp *n, struct netvsp_info *out);

/*
 * Counters, by name.  netvsp_counters() those of the whole card: frames and
 * bytes of each direction and kind, what was dropped and why, each kind of
 * malformed input (bad_*); frames_out and the like are the back end's.  netvsp_queue_counters() those of one back end queue.
 */
typedef void (*netvsp_counter_fn)(const char *name, uint64_t value, void *arg);
void netvsp_counters(struct netvsp *n, netvsp_counter_fn fn, void *arg);
void netvsp_queue_counters(struct netvsp *n, unsigned int queue,
			   netvsp_counter_fn fn, void *arg);
/* Sum over its workers. */
void netvsp_worker_stats(struct netvsp *n, struct worker_stats *out);

#endif
