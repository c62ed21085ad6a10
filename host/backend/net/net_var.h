/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of host/backend/net share among themselves. */
#ifndef BACKEND_NET_VAR_H
#define BACKEND_NET_VAR_H

#include "net.h"
#include "util/why.h"

#define NET_MTU_DEFAULT 1500u
#define NET_MTU_MIN	576u
#define NET_MTU_MAX	65521u

struct net_kind {
	const char *name;
	/* Allocates *out with calloc(); net_open() sees to its name. */
	int (*open)(const struct net_options *opt, struct net **out, char *why,
		    size_t why_len);
};

extern const struct net_kind net_null, net_tap, net_socket, net_user;

/* For a kind that can have any number of them. */
static inline unsigned int net_queues(const struct net_options *opt)
{
	if (opt->queues)
		return opt->queues;
	return opt->queues_auto ? opt->queues_auto : 1;
}

/* Tells whoever is above; no-ops while nobody listens. */
void net_emit_readable(struct net *n, unsigned int queue);
void net_emit_writable(struct net *n, unsigned int queue);
/* Any thread; told only if it is a change. */
void net_set_link(struct net *n, bool up);

size_t net_iov_len(const struct iovec *iov, unsigned int niov);
/* The other way round than net_iov_put(), with the same result. */
size_t net_iov_get(const struct iovec *iov, unsigned int niov, void *buf,
		   size_t len);

/* The queue's worker is the only writer: no locked operation is needed. */
static inline void net_count(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

#endif
