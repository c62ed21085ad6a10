// SPDX-License-Identifier: GPL-2.0
/*
 * The back end is told which flow belongs to which queue: to the one whose
 * worker serves the channel that receive-side scaling chooses for it.
 */
#include "netvsp_var.h"

_Static_assert(NDIS_RSS_TABLE_MAX <= NET_HASH_TABLE, "table");
_Static_assert(NDIS_RSS_KEY_LEN == TOEPLITZ_KEY, "key");

static unsigned int types_of(uint32_t info)
{
	static const struct {
		uint32_t ndis;
		unsigned int type;
	} map[] = {
		{ NDIS_HASH_IPV4, NET_HASH_IPV4 },
		{ NDIS_HASH_TCP_IPV4, NET_HASH_TCP4 },
		{ NDIS_HASH_UDP_IPV4, NET_HASH_UDP4 },
		{ NDIS_HASH_IPV6 | NDIS_HASH_IPV6_EXT, NET_HASH_IPV6 },
		{ NDIS_HASH_TCP_IPV6 | NDIS_HASH_TCP_IPV6_EXT, NET_HASH_TCP6 },
		{ NDIS_HASH_UDP_IPV6 | NDIS_HASH_UDP_IPV6_EXT, NET_HASH_UDP6 },
	};
	unsigned int i, types = 0;

	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (info & map[i].ndis)
			types |= map[i].type;
	return types;
}

void net_steer_tell(struct netvsp *n)
{
	struct net_steering steering = { 0 };
	unsigned int i;

	pthread_mutex_lock(&n->set_lock);
	if (n->set.rss) {
		steering.toeplitz = n->set.toeplitz;
		steering.types = types_of(n->set.hash_info);
		steering.entries = n->set.table_len;
		for (i = 0; i < n->set.table_len; i++)
			steering.queue[i] = n->set.table[i] % n->nqueues;
	}
	pthread_mutex_unlock(&n->set_lock);
	net_set_steering(n->net, &steering);
}
