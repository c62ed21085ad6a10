// SPDX-License-Identifier: GPL-2.0
/* Object identifiers: what a child may ask of the card, and set. */
#include <string.h>

#include "netvsp_var.h"

#define VENDOR_ID      0x00005d15u /* of the addresses' prefix */
#define DRIVER_VERSION 0x0600u
#define HARDWARE_READY 0u
#define PHYSICAL_NONE  0u
#define STATISTICS_ALL 0x1fffffu
#define CONFIG_NAME    "NetworkAddress"

static const char vendor[] = "Enlight synthetic network card";

/* ---- answers ---- */

static uint32_t answer(uint8_t *out, uint32_t *len, const void *data,
		       uint32_t n)
{
	memcpy(out, data, n);
	*len = n;
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t number(uint8_t *out, uint32_t *len, uint32_t v)
{
	return answer(out, len, &v, sizeof(v));
}

static uint64_t speed(const struct netvsp *n)
{
	return n->net->info.speed ? n->net->info.speed : NET_SPEED_DEFAULT;
}

static uint32_t speed_units(const struct netvsp *n)
{
	uint64_t units = speed(n) / 100;

	return units > UINT32_MAX ? UINT32_MAX : units;
}

/* Windows' wording; Linux knows it as one that names nothing. */
static uint32_t friendly_name(uint8_t *out, uint32_t *len)
{
	static const char name[] = "Network Adapter";
	uint32_t i;

	for (i = 0; i < sizeof(name); i++) {
		out[2 * i] = name[i];
		out[2 * i + 1] = 0;
	}
	*len = 2 * sizeof(name);
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t max_speeds(struct netvsp *n, uint8_t *out, uint32_t *len)
{
	uint64_t both[2] = { speed(n), speed(n) };

	return answer(out, len, both, sizeof(both));
}

static uint32_t current_mac(struct netvsp *n, uint8_t *out, uint32_t *len)
{
	uint8_t mac[6];

	pthread_mutex_lock(&n->set_lock);
	memcpy(mac, n->set.mac, sizeof(mac));
	pthread_mutex_unlock(&n->set_lock);
	return answer(out, len, mac, sizeof(mac));
}

static uint32_t multicast_list(struct netvsp *n, uint8_t *out, uint32_t *len)
{
	pthread_mutex_lock(&n->set_lock);
	*len = n->set.nmulticast * 6;
	memcpy(out, n->set.multicast, *len);
	pthread_mutex_unlock(&n->set_lock);
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t filter_now(struct netvsp *n, uint8_t *out, uint32_t *len)
{
	uint32_t v;

	pthread_mutex_lock(&n->set_lock);
	v = n->set.filter;
	pthread_mutex_unlock(&n->set_lock);
	return number(out, len, v);
}

/* ---- statistics: "transmit" is the child's, as is "in" ---- */

#define SUM(name) net_counter_sum(n, NET_C_##name)

static uint64_t tx_errors(const struct netvsp *n)
{
	return SUM(tx_drop_backend) + SUM(tx_drop_offload) +
	       SUM(bad_frame_length) + SUM(bad_ppi) + SUM(bad_lso) +
	       SUM(bad_csum);
}

static uint64_t rx_discards(const struct netvsp *n)
{
	return SUM(rx_drop_length) + SUM(rx_drop_offload) +
	       SUM(rx_drop_channel);
}

static uint32_t statistics(struct netvsp *n, uint8_t *out, uint32_t *len)
{
	struct ndis_statistics s = {
		.header = { NDIS_OBJECT_DEFAULT, 1, sizeof(s) },
		.supported = STATISTICS_ALL,
		.in_discards = rx_discards(n),
		.in_octets = SUM(rx_bytes),
		.in_unicast_frames = SUM(rx_unicast_frames),
		.in_multicast_frames = SUM(rx_multicast_frames),
		.in_broadcast_frames = SUM(rx_broadcast_frames),
		.out_octets = SUM(tx_bytes),
		.out_unicast_frames = SUM(tx_unicast_frames),
		.out_multicast_frames = SUM(tx_multicast_frames),
		.out_broadcast_frames = SUM(tx_broadcast_frames),
		.out_errors = tx_errors(n),
		.out_discards = SUM(tx_drop_down),
		.in_unicast_octets = SUM(rx_unicast_bytes),
		.in_multicast_octets = SUM(rx_multicast_bytes),
		.in_broadcast_octets = SUM(rx_broadcast_bytes),
		.out_unicast_octets = SUM(tx_unicast_bytes),
		.out_multicast_octets = SUM(tx_multicast_bytes),
		.out_broadcast_octets = SUM(tx_broadcast_bytes),
	};

	return answer(out, len, &s, sizeof(s));
}

/* 64 bits if the child has room for that, else 32. */
static uint32_t counter(uint8_t *out, uint32_t *len, uint32_t room, uint64_t v)
{
	if (room >= sizeof(v))
		return answer(out, len, &v, sizeof(v));
	return number(out, len, v);
}

static const struct {
	uint32_t oid;
	enum net_counter counter;
} counters[] = {
	{ RNDIS_OID_XMIT_OK, NET_C_tx_frames },
	{ RNDIS_OID_RCV_OK, NET_C_rx_frames },
	{ RNDIS_OID_RCV_NO_BUFFER, NET_C_rx_no_section },
	{ RNDIS_OID_XMIT_DIRECTED_BYTES, NET_C_tx_unicast_bytes },
	{ RNDIS_OID_XMIT_DIRECTED_FRAMES, NET_C_tx_unicast_frames },
	{ RNDIS_OID_XMIT_MULTICAST_BYTES, NET_C_tx_multicast_bytes },
	{ RNDIS_OID_XMIT_MULTICAST_FRAMES, NET_C_tx_multicast_frames },
	{ RNDIS_OID_XMIT_BROADCAST_BYTES, NET_C_tx_broadcast_bytes },
	{ RNDIS_OID_XMIT_BROADCAST_FRAMES, NET_C_tx_broadcast_frames },
	{ RNDIS_OID_RCV_DIRECTED_BYTES, NET_C_rx_unicast_bytes },
	{ RNDIS_OID_RCV_DIRECTED_FRAMES, NET_C_rx_unicast_frames },
	{ RNDIS_OID_RCV_MULTICAST_BYTES, NET_C_rx_multicast_bytes },
	{ RNDIS_OID_RCV_MULTICAST_FRAMES, NET_C_rx_multicast_frames },
	{ RNDIS_OID_RCV_BROADCAST_BYTES, NET_C_rx_broadcast_bytes },
	{ RNDIS_OID_RCV_BROADCAST_FRAMES, NET_C_rx_broadcast_frames },
};

#define NCOUNTERS (sizeof(counters) / sizeof(counters[0]))

static uint32_t query_counter(struct netvsp *n, uint32_t oid, uint32_t room,
			      uint8_t *out, uint32_t *len)
{
	unsigned int i;

	switch (oid) {
	case RNDIS_OID_STATISTICS:
		return statistics(n, out, len);
	case RNDIS_OID_XMIT_ERROR:
		return counter(out, len, room, tx_errors(n));
	case RNDIS_OID_RCV_ERROR:
	case RNDIS_OID_ALIGNMENT_ERROR:
	case RNDIS_OID_ONE_COLLISION:
	case RNDIS_OID_MORE_COLLISIONS:
		return counter(out, len, room, 0);
	}
	for (i = 0; i < NCOUNTERS; i++)
		if (counters[i].oid == oid)
			return counter(out, len, room,
				       net_counter_sum(n, counters[i].counter));
	return RNDIS_STATUS_NOT_SUPPORTED;
}

/* ---- queries ---- */

static const uint32_t supported[] = {
	RNDIS_OID_SUPPORTED_LIST,
	RNDIS_OID_HARDWARE_STATUS,
	RNDIS_OID_MEDIA_SUPPORTED,
	RNDIS_OID_MEDIA_IN_USE,
	RNDIS_OID_MAX_LOOKAHEAD,
	RNDIS_OID_MAX_FRAME_SIZE,
	RNDIS_OID_LINK_SPEED,
	RNDIS_OID_TX_BUFFER_SPACE,
	RNDIS_OID_RX_BUFFER_SPACE,
	RNDIS_OID_TX_BLOCK_SIZE,
	RNDIS_OID_RX_BLOCK_SIZE,
	RNDIS_OID_VENDOR_ID,
	RNDIS_OID_VENDOR_DESCRIPTION,
	RNDIS_OID_PACKET_FILTER,
	RNDIS_OID_LOOKAHEAD,
	RNDIS_OID_DRIVER_VERSION,
	RNDIS_OID_MAX_TOTAL_SIZE,
	RNDIS_OID_MAC_OPTIONS,
	RNDIS_OID_MEDIA_CONNECT,
	RNDIS_OID_MAX_SEND_PACKETS,
	RNDIS_OID_VENDOR_DRIVER_VERSION,
	RNDIS_OID_PHYSICAL_MEDIUM,
	RNDIS_OID_RSS_CAPS,
	RNDIS_OID_RSS_PARAMS,
	RNDIS_OID_MAX_LINK_SPEED,
	RNDIS_OID_FRIENDLY_NAME,
	RNDIS_OID_CONFIG_PARAMETER,
	RNDIS_OID_XMIT_ERROR,
	RNDIS_OID_RCV_ERROR,
	RNDIS_OID_STATISTICS,
	RNDIS_OID_MAC_PERMANENT,
	RNDIS_OID_MAC_CURRENT,
	RNDIS_OID_MULTICAST_LIST,
	RNDIS_OID_MULTICAST_MAX,
	RNDIS_OID_ALIGNMENT_ERROR,
	RNDIS_OID_ONE_COLLISION,
	RNDIS_OID_MORE_COLLISIONS,
	RNDIS_OID_OFFLOAD_CONFIG,
	RNDIS_OID_OFFLOAD_PARAMS,
	RNDIS_OID_OFFLOAD_CAPS,
};

static uint32_t supported_list(uint8_t *out, uint32_t *len)
{
	unsigned int i;

	memcpy(out, supported, sizeof(supported));
	for (i = 0; i < NCOUNTERS; i++)
		memcpy(out + sizeof(supported) + i * sizeof(uint32_t),
		       &counters[i].oid, sizeof(uint32_t));
	*len = sizeof(supported) + NCOUNTERS * sizeof(uint32_t);
	return RNDIS_STATUS_SUCCESS;
}

/* What is a constant of the card, or nearly. */
static bool query_number(struct netvsp *n, uint32_t oid, uint32_t *v)
{
	switch (oid) {
	case RNDIS_OID_HARDWARE_STATUS:
		*v = HARDWARE_READY;
		return true;
	case RNDIS_OID_MEDIA_SUPPORTED:
	case RNDIS_OID_MEDIA_IN_USE:
		*v = RNDIS_MEDIUM_8023;
		return true;
	case RNDIS_OID_MAX_LOOKAHEAD:
	case RNDIS_OID_LOOKAHEAD:
	case RNDIS_OID_MAX_FRAME_SIZE:
		*v = n->frame - NET_ETH_HEADER;
		return true;
	case RNDIS_OID_MAX_TOTAL_SIZE:
	case RNDIS_OID_TX_BLOCK_SIZE:
	case RNDIS_OID_RX_BLOCK_SIZE:
		*v = n->frame;
		return true;
	case RNDIS_OID_TX_BUFFER_SPACE:
	case RNDIS_OID_RX_BUFFER_SPACE:
		*v = NVS_RECV_BUF_MAX;
		return true;
	case RNDIS_OID_LINK_SPEED:
		*v = speed_units(n);
		return true;
	case RNDIS_OID_VENDOR_ID:
		*v = VENDOR_ID;
		return true;
	case RNDIS_OID_DRIVER_VERSION:
	case RNDIS_OID_VENDOR_DRIVER_VERSION:
		*v = DRIVER_VERSION;
		return true;
	case RNDIS_OID_MAC_OPTIONS:
		*v = RNDIS_MAC_COPY_LOOKAHEAD | RNDIS_MAC_TRANSFERS_NOT_PEND |
		     RNDIS_MAC_NO_LOOPBACK | RNDIS_MAC_8021P_PRIORITY |
		     RNDIS_MAC_8021Q_VLAN;
		return true;
	case RNDIS_OID_MEDIA_CONNECT:
		*v = netvsp_link(n) ? RNDIS_MEDIA_CONNECTED :
				      RNDIS_MEDIA_DISCONNECTED;
		return true;
	case RNDIS_OID_MAX_SEND_PACKETS:
		*v = NET_MAX_PACKETS;
		return true;
	case RNDIS_OID_PHYSICAL_MEDIUM:
		*v = PHYSICAL_NONE;
		return true;
	case RNDIS_OID_MULTICAST_MAX:
		*v = NET_MULTICAST_MAX;
		return true;
	}
	return false;
}

uint32_t net_oid_query(struct netvsp *n, uint32_t oid, const uint8_t *in,
		       uint32_t in_len, uint8_t *out, uint32_t *len)
{
	uint32_t v;

	if (query_number(n, oid, &v)) {
		/* It changes: what was told last is what the child knows. */
		if (oid == RNDIS_OID_MEDIA_CONNECT)
			n->told_link = v == RNDIS_MEDIA_CONNECTED;
		return number(out, len, v);
	}
	switch (oid) {
	case RNDIS_OID_SUPPORTED_LIST:
		return supported_list(out, len);
	case RNDIS_OID_VENDOR_DESCRIPTION:
		return answer(out, len, vendor, sizeof(vendor));
	case RNDIS_OID_PACKET_FILTER:
		return filter_now(n, out, len);
	case RNDIS_OID_MAX_LINK_SPEED:
		return max_speeds(n, out, len);
	case RNDIS_OID_RSS_CAPS:
		return net_rss_caps(n, out, len);
	case RNDIS_OID_FRIENDLY_NAME:
		return friendly_name(out, len);
	case RNDIS_OID_MAC_PERMANENT:
		return answer(out, len, n->mac, sizeof(n->mac));
	case RNDIS_OID_MAC_CURRENT:
		return current_mac(n, out, len);
	case RNDIS_OID_MULTICAST_LIST:
		return multicast_list(n, out, len);
	case RNDIS_OID_OFFLOAD_CAPS:
		return net_offload_caps(n, in, in_len, false, out, len);
	case RNDIS_OID_OFFLOAD_CONFIG:
		return net_offload_caps(n, in, in_len, true, out, len);
	}
	return query_counter(n, oid, in_len, out, len);
}

/* ---- sets ---- */

static uint32_t set_filter(struct net_chan *c, const uint8_t *in, uint32_t len)
{
	struct net_settings *s;
	uint32_t v;

	if (len < sizeof(v))
		return RNDIS_STATUS_INVALID_LENGTH;
	memcpy(&v, in, sizeof(v));
	s = netvsp_settings(c->n);
	s->filter = v;
	netvsp_settings_end(c->n);
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t set_multicast(struct net_chan *c, const uint8_t *in,
			      uint32_t len)
{
	struct net_settings *s;

	if (len % 6 || len / 6 > NET_MULTICAST_MAX)
		return RNDIS_STATUS_INVALID_LENGTH;
	s = netvsp_settings(c->n);
	memcpy(s->multicast, in, len);
	s->nmulticast = len / 6;
	netvsp_settings_end(c->n);
	return RNDIS_STATUS_SUCCESS;
}

/* UTF-16 that says the same as `text`. */
static bool same_text(const uint8_t *p, uint32_t len, const char *text)
{
	uint32_t i;

	if (len != 2 * strlen(text))
		return false;
	for (i = 0; i < len / 2; i++)
		if (p[2 * i] != (uint8_t)text[i] || p[2 * i + 1])
			return false;
	return true;
}

static int hex_digit(const uint8_t *p)
{
	if (p[1])
		return -1;
	if (p[0] >= '0' && p[0] <= '9')
		return p[0] - '0';
	if ((p[0] | 0x20) >= 'a' && (p[0] | 0x20) <= 'f')
		return (p[0] | 0x20) - 'a' + 10;
	return -1;
}

static uint32_t set_mac(struct net_chan *c, const uint8_t *p, uint32_t len)
{
	struct net_settings *s;
	uint8_t mac[6];
	unsigned int i;

	if (len != 24)
		return RNDIS_STATUS_INVALID_DATA;
	for (i = 0; i < 6; i++) {
		int high = hex_digit(p + 4 * i), low = hex_digit(p + 4 * i + 2);

		if (high < 0 || low < 0)
			return RNDIS_STATUS_INVALID_DATA;
		mac[i] = high << 4 | low;
	}
	if (mac[0] & 1)
		return RNDIS_STATUS_INVALID_DATA;
	s = netvsp_settings(c->n);
	memcpy(s->mac, mac, sizeof(mac));
	netvsp_settings_end(c->n);
	return RNDIS_STATUS_SUCCESS;
}

static uint32_t set_config(struct net_chan *c, const uint8_t *in, uint32_t len)
{
	struct ndis_config_param p;

	if (len < sizeof(p))
		return RNDIS_STATUS_INVALID_LENGTH;
	memcpy(&p, in, sizeof(p));
	if ((uint64_t)p.name_offset + p.name_len > len ||
	    (uint64_t)p.value_offset + p.value_len > len)
		return RNDIS_STATUS_INVALID_DATA;
	/* What the driver of a real card would read from its settings. */
	if (!same_text(in + p.name_offset, p.name_len, CONFIG_NAME))
		return RNDIS_STATUS_SUCCESS;
	if (p.value_type != NDIS_CONFIG_STRING)
		return RNDIS_STATUS_INVALID_DATA;
	return set_mac(c, in + p.value_offset, p.value_len);
}

uint32_t net_oid_set(struct net_chan *c, uint32_t oid, const uint8_t *in,
		     uint32_t len)
{
	uint32_t status;

	switch (oid) {
	case RNDIS_OID_PACKET_FILTER:
		status = set_filter(c, in, len);
		break;
	case RNDIS_OID_MULTICAST_LIST:
		status = set_multicast(c, in, len);
		break;
	case RNDIS_OID_CONFIG_PARAMETER:
		status = set_config(c, in, len);
		break;
	case RNDIS_OID_OFFLOAD_PARAMS:
		return net_offload_set(c, in, len);
	case RNDIS_OID_RSS_PARAMS:
		return net_rss_set(c, in, len);
	case RNDIS_OID_LOOKAHEAD:
	case RNDIS_OID_PROTOCOL_OPTIONS:
	case RNDIS_OID_LINK_PARAMETERS:
	case RNDIS_OID_NETWORK_LAYER_ADDRESSES:
		/* Makes no difference here. */
		return RNDIS_STATUS_SUCCESS;
	default:
		return RNDIS_STATUS_NOT_SUPPORTED;
	}
	if (status)
		net_bad(c, bad_oid, "set %#x: %u bytes: status %#x", oid, len,
			status);
	return status;
}
