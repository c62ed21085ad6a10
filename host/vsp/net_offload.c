// SPDX-License-Identifier: GPL-2.0
/*
 * What the card does for the child: offloads and receive-side scaling, as NDIS
 * objects.  What it offers on sending is what the back end takes; on receiving,
 * what the child has switched on is asked of the back end.
 */
#include <errno.h>
#include <string.h>

#include "netvsp_var.h"

/* Microsoft's key, with which its documents verify hashes. */
static const uint8_t default_key[NDIS_RSS_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa
};

/* ---- what is offered, and what is in use ---- */

static bool can_rsc(const struct netvsp *n)
{
	return atomic_load(&n->version) >= NVS_VERSION_6_1 &&
	       n->caps & NVS_CAP_RSC && n->queue[0].pool &&
	       n->queue[0].pool->rsc;
}

/* One that is switched off is left out of what is in use. */
static bool in_use(bool current, uint8_t param, bool rx)
{
	return !current || param == NDIS_PARAM_TX_RX ||
	       param == (rx ? NDIS_PARAM_RX : NDIS_PARAM_TX);
}

static void fill_csum(const struct netvsp *n, bool current,
		      struct ndis_offload *o)
{
	const struct ndis_offload_params *p = &n->offload;

	if (!(n->net->info.can & NET_CAN_CSUM))
		return;
	o->ipv4.tx_encap = o->ipv4.rx_encap = NDIS_ENCAP_8023;
	o->ipv6.tx_encap = o->ipv6.rx_encap = NDIS_ENCAP_8023;
	if (in_use(current, p->ipv4_csum, false))
		o->ipv4.tx |= NDIS_CSUM4_IP | NDIS_CSUM4_IP_OPTIONS;
	if (in_use(current, p->tcp4_csum, false))
		o->ipv4.tx |= NDIS_CSUM4_TCP | NDIS_CSUM4_TCP_OPTIONS |
			      NDIS_CSUM4_IP_OPTIONS;
	if (in_use(current, p->tcp4_csum, true))
		o->ipv4.rx |= NDIS_CSUM4_TCP | NDIS_CSUM4_TCP_OPTIONS |
			      NDIS_CSUM4_IP_OPTIONS;
	if (in_use(current, p->udp4_csum, false))
		o->ipv4.tx |= NDIS_CSUM4_UDP;
	if (in_use(current, p->udp4_csum, true))
		o->ipv4.rx |= NDIS_CSUM4_UDP;
	if (in_use(current, p->tcp6_csum, false))
		o->ipv6.tx |= NDIS_CSUM6_TCP | NDIS_CSUM6_TCP_OPTIONS |
			      NDIS_CSUM6_EXTENSIONS;
	if (in_use(current, p->tcp6_csum, true))
		o->ipv6.rx |= NDIS_CSUM6_TCP | NDIS_CSUM6_TCP_OPTIONS |
			      NDIS_CSUM6_EXTENSIONS;
	if (in_use(current, p->udp6_csum, false))
		o->ipv6.tx |= NDIS_CSUM6_UDP;
	if (in_use(current, p->udp6_csum, true))
		o->ipv6.rx |= NDIS_CSUM6_UDP;
}

static void fill_lso(const struct netvsp *n, bool current,
		     struct ndis_offload *o)
{
	const struct ndis_offload_params *p = &n->offload;
	unsigned int can = n->net->info.can;

	if (can & NET_CAN_TSO4 && (!current || p->lso2_ipv4 == NDIS_PARAM_ON)) {
		o->lso2_ipv4.encap = NDIS_ENCAP_8023;
		o->lso2_ipv4.max_size = NET_LSO_MAX_SIZE;
		o->lso2_ipv4.min_segments = 2;
	}
	if (can & NET_CAN_TSO4 && (!current || p->lso1 == NDIS_PARAM_ON)) {
		o->lso1.encap = NDIS_ENCAP_8023;
		o->lso1.max_size = NET_LSO_MAX_SIZE;
		o->lso1.min_segments = 2;
		o->lso1.options = NDIS_LSO_EXTENSIONS | NDIS_LSO_TCP_OPTIONS;
	}
	if (can & NET_CAN_TSO6 && (!current || p->lso2_ipv6 == NDIS_PARAM_ON)) {
		o->lso2_ipv6.encap = NDIS_ENCAP_8023;
		o->lso2_ipv6.max_size = NET_LSO_MAX_SIZE;
		o->lso2_ipv6.min_segments = 2;
		o->lso2_ipv6.options = NDIS_LSO_EXTENSIONS |
				       NDIS_LSO_TCP_OPTIONS;
	}
}

/* By what the child says it knows, or else by its version. */
static void revise(const struct netvsp *n, const uint8_t *in, uint32_t in_len,
		   struct ndis_header *h)
{
	struct ndis_header asked = { 0 };
	uint32_t version = atomic_load(&n->version), most;

	if (in_len >= sizeof(asked))
		memcpy(&asked, in, sizeof(asked));
	most = version >= NVS_VERSION_5 ? NDIS_OFFLOAD_LEN_3 :
	       version >= NVS_VERSION_4 ? NDIS_OFFLOAD_LEN_2 :
					  NDIS_OFFLOAD_LEN_1;
	if (asked.type == NDIS_OBJECT_OFFLOAD &&
	    asked.size >= NDIS_OFFLOAD_LEN_1 && asked.size < most)
		most = asked.size >= NDIS_OFFLOAD_LEN_2 ? NDIS_OFFLOAD_LEN_2 :
							  NDIS_OFFLOAD_LEN_1;
	h->type = NDIS_OBJECT_OFFLOAD;
	h->size = most;
	h->revision = most == NDIS_OFFLOAD_LEN_3 ? 3 :
		      most == NDIS_OFFLOAD_LEN_2 ? 2 :
						   1;
}

uint32_t net_offload_caps(struct netvsp *n, const uint8_t *in, uint32_t in_len,
			  bool current, uint8_t *out, uint32_t *len)
{
	struct ndis_offload o = { 0 };
	bool rsc = can_rsc(n);

	revise(n, in, in_len, &o.header);
	fill_csum(n, current, &o);
	fill_lso(n, current, &o);
	o.rsc_ipv4 = rsc && (!current || n->offload.rsc_ipv4 == NDIS_PARAM_ON);
	o.rsc_ipv6 = rsc && (!current || n->offload.rsc_ipv6 == NDIS_PARAM_ON);
	memcpy(out, &o, o.header.size);
	*len = o.header.size;
	return RNDIS_STATUS_SUCCESS;
}

/* ---- what the child switches ---- */

void net_offload_tell(struct netvsp *n)
{
	unsigned int can = atomic_load(&n->can_wanted);
	int err = net_set_offloads(n->net, can);

	if (err)
		log_guest(&n->limit, n->name,
			  "%s does not take offloads %#x: %s", n->net->name,
			  can, strerror(-err));
}

static bool rx_on(uint8_t param)
{
	return param == NDIS_PARAM_RX || param == NDIS_PARAM_TX_RX;
}

static void apply(struct netvsp *n)
{
	const struct ndis_offload_params *p = &n->offload;
	struct net_settings *s;
	unsigned int can = 0;
	bool rsc4, rsc6;

	/* One switch for all sums there. */
	if (rx_on(p->tcp4_csum) && rx_on(p->udp4_csum) && rx_on(p->tcp6_csum) &&
	    rx_on(p->udp6_csum))
		can |= NET_CAN_CSUM;
	rsc4 = can && can_rsc(n) && p->rsc_ipv4 == NDIS_PARAM_ON;
	rsc6 = can && can_rsc(n) && p->rsc_ipv6 == NDIS_PARAM_ON;
	if (rsc4)
		can |= NET_CAN_TSO4;
	if (rsc6)
		can |= NET_CAN_TSO6;
	s = netvsp_settings(n);
	s->rsc4 = rsc4;
	s->rsc6 = rsc6;
	netvsp_settings_end(n);
	if (atomic_exchange(&n->can_wanted, can) != can)
		netvsp_ask(n, NET_JOB_OFFLOADS);
}

void net_offload_reset(struct netvsp *n)
{
	memset(&n->offload, NDIS_PARAM_OFF, sizeof(n->offload));
	if (atomic_exchange(&n->can_wanted, 0))
		netvsp_ask(n, NET_JOB_OFFLOADS);
}

static void take(uint8_t *now, uint8_t param, uint8_t most)
{
	if (param != NDIS_PARAM_NO_CHANGE && param <= most)
		*now = param;
}

uint32_t net_offload_set(struct net_chan *c, const uint8_t *in, uint32_t len)
{
	struct ndis_offload_params *now = &c->n->offload, p = { 0 };

	if (len < NDIS_OFFLOAD_PARAMS_LEN_V4) {
		net_bad(c, bad_oid, "offload parameters: %u bytes", len);
		return RNDIS_STATUS_INVALID_LENGTH;
	}
	memcpy(&p, in, len < sizeof(p) ? len : sizeof(p));
	if (p.header.type != NDIS_OBJECT_DEFAULT) {
		net_bad(c, bad_oid, "offload parameters: type %#x",
			p.header.type);
		return RNDIS_STATUS_INVALID_DATA;
	}
	take(&now->ipv4_csum, p.ipv4_csum, NDIS_PARAM_TX_RX);
	take(&now->tcp4_csum, p.tcp4_csum, NDIS_PARAM_TX_RX);
	take(&now->udp4_csum, p.udp4_csum, NDIS_PARAM_TX_RX);
	take(&now->tcp6_csum, p.tcp6_csum, NDIS_PARAM_TX_RX);
	take(&now->udp6_csum, p.udp6_csum, NDIS_PARAM_TX_RX);
	take(&now->lso1, p.lso1, NDIS_PARAM_ON);
	take(&now->lso2_ipv4, p.lso2_ipv4, NDIS_PARAM_ON);
	take(&now->lso2_ipv6, p.lso2_ipv6, NDIS_PARAM_ON);
	take(&now->rsc_ipv4, p.rsc_ipv4, NDIS_PARAM_ON);
	take(&now->rsc_ipv6, p.rsc_ipv6, NDIS_PARAM_ON);
	apply(c->n);
	return RNDIS_STATUS_SUCCESS;
}

/* ---- receive-side scaling ---- */

uint32_t net_rss_caps(struct netvsp *n, uint8_t *out, uint32_t *len)
{
	struct ndis_rss_caps caps = {
		.header = { NDIS_OBJECT_RSS_CAPS, 2, sizeof(caps) },
		.flags = NDIS_RSS_CAP_TOEPLITZ | NDIS_RSS_CAP_TCP4 |
			 NDIS_RSS_CAP_TCP6 | NDIS_RSS_CAP_TCP6_EXT |
			 NDIS_RSS_CAP_UDP4 | NDIS_RSS_CAP_UDP6 |
			 NDIS_RSS_CAP_UDP6_EXT,
		.interrupts = n->max_channels,
		.queues = n->max_channels,
		/* Also with one queue: some children dislike 0. */
		.table_entries = NDIS_RSS_TABLE_MAX,
	};

	memcpy(out, &caps, sizeof(caps));
	*len = sizeof(caps);
	return RNDIS_STATUS_SUCCESS;
}

static bool place_good(uint32_t offset, uint32_t size, uint32_t len)
{
	return (uint64_t)offset + size <= len;
}

static uint32_t rss_refuse(struct net_chan *c, const char *what)
{
	net_bad(c, bad_rss, "receive-side scaling: %s", what);
	return RNDIS_STATUS_INVALID_DATA;
}

static const char *take_table(struct netvsp *n, const uint8_t *in, uint32_t len,
			      const struct ndis_rss_params *p,
			      struct net_settings *s)
{
	uint32_t entries = p->table_size / 4, i, v;

	if (!entries || entries > NDIS_RSS_TABLE_MAX || p->table_size % 4 ||
	    !place_good(p->table_offset, p->table_size, len))
		return "the table's size or place";
	for (i = 0; i < entries; i++) {
		memcpy(&v, in + p->table_offset + 4 * i, sizeof(v));
		if (v >= n->max_channels)
			return "a queue in the table";
		s->table[i] = v;
	}
	s->table_len = entries;
	return NULL;
}

static const char *take_params(struct netvsp *n, const uint8_t *in,
			       uint32_t len, const struct ndis_rss_params *p,
			       struct net_settings *s)
{
	const char *wrong = NULL;

	if (!(p->flags & NDIS_RSS_HASH_INFO_UNCHANGED)) {
		if (p->hash_info && (p->hash_info & NDIS_HASH_FUNCTION_MASK) !=
					    NDIS_HASH_TOEPLITZ)
			return "the hash function";
		s->hash_info = p->hash_info;
	}
	if (!(p->flags & NDIS_RSS_TABLE_UNCHANGED))
		wrong = take_table(n, in, len, p, s);
	if (wrong || p->flags & NDIS_RSS_KEY_UNCHANGED)
		return wrong;
	if (p->key_size != NDIS_RSS_KEY_LEN ||
	    !place_good(p->key_offset, p->key_size, len))
		return "the key's size or place";
	memcpy(n->rss_key, in + p->key_offset, sizeof(n->rss_key));
	toeplitz_init(&s->toeplitz, n->rss_key);
	return NULL;
}

uint32_t net_rss_set(struct net_chan *c, const uint8_t *in, uint32_t len)
{
	struct netvsp *n = c->n;
	struct ndis_rss_params p;
	struct net_settings *s, next;
	const char *wrong;

	if (len < sizeof(p))
		return rss_refuse(c, "its length");
	memcpy(&p, in, sizeof(p));
	pthread_mutex_lock(&n->set_lock);
	next = n->set;
	pthread_mutex_unlock(&n->set_lock);
	if (!next.table_len)
		toeplitz_init(&next.toeplitz, default_key);
	if (p.flags & NDIS_RSS_DISABLE) {
		next.rss = false;
	} else {
		wrong = take_params(n, in, len, &p, &next);
		if (wrong)
			return rss_refuse(c, wrong);
		next.rss = next.hash_info && next.table_len;
	}
	/* Only what is ours: others may have changed the rest meanwhile. */
	s = netvsp_settings(n);
	s->rss = next.rss;
	s->hash_info = next.hash_info;
	s->table_len = next.table_len;
	memcpy(s->table, next.table, sizeof(s->table));
	s->toeplitz = next.toeplitz;
	netvsp_settings_end(n);
	netvsp_ask(n, NET_JOB_STEER);
	return RNDIS_STATUS_SUCCESS;
}
