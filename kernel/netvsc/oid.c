// SPDX-License-Identifier: GPL-2.0
/*
 * What is asked of and set in the host's card, by object identifier. The host's
 * answers are taken for claims: bounded where they are used as numbers.
 */
#include <linux/nls.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "netvsc_var.h"

#define NAME_MAX_BYTES	512

/* Has all of @bits, which are the lower ones of two-bit fields. */
static bool has(u32 flags, u32 bits)
{
	return (flags & bits) == bits;
}

static u32 offload_size(const struct netvsc_conn *conn, u8 *revision)
{
	if (conn->version >= NVS_VERSION_5) {
		*revision = 3;
		return NDIS_OFFLOAD_LEN_3;
	}
	*revision = conn->version >= NVS_VERSION_4 ? 2 : 1;
	return *revision == 2 ? NDIS_OFFLOAD_LEN_2 : NDIS_OFFLOAD_LEN_1;
}

static void use_ipv4(struct netvsc_caps *caps, const struct ndis_offload *hw)
{
	if (!has(hw->ipv4.tx, NDIS_CSUM4_TCP | NDIS_CSUM4_TCP_OPTIONS))
		return;
	caps->features |= NETIF_F_IP_CSUM | NETIF_F_RXCSUM;
	caps->tcp4 = true;
	caps->params.tcp4_csum = NDIS_PARAM_TX_RX;
	if (hw->lso2_ipv4.encap & NDIS_ENCAP_8023) {
		caps->features |= NETIF_F_TSO;
		caps->tso_max_size = min(caps->tso_max_size,
					 hw->lso2_ipv4.max_size);
		caps->params.lso2_ipv4 = NDIS_PARAM_ON;
	}
	if (has(hw->ipv4.tx, NDIS_CSUM4_UDP)) {
		caps->udp4 = true;
		caps->params.udp4_csum = NDIS_PARAM_TX_RX;
	}
}

static void use_ipv6(struct netvsc_caps *caps, const struct ndis_offload *hw)
{
	if (!has(hw->ipv6.tx, NDIS_CSUM6_TCP | NDIS_CSUM6_TCP_OPTIONS |
		 NDIS_CSUM6_EXTENSIONS))
		return;
	caps->features |= NETIF_F_IPV6_CSUM | NETIF_F_RXCSUM;
	caps->tcp6 = true;
	caps->params.tcp6_csum = NDIS_PARAM_TX_RX;
	if ((hw->lso2_ipv6.encap & NDIS_ENCAP_8023) &&
	    has(hw->lso2_ipv6.options,
		NDIS_LSO_EXTENSIONS | NDIS_LSO_TCP_OPTIONS)) {
		caps->features |= NETIF_F_TSO6;
		caps->tso_max_size = min(caps->tso_max_size,
					 hw->lso2_ipv6.max_size);
		caps->params.lso2_ipv6 = NDIS_PARAM_ON;
	}
	if (has(hw->ipv6.tx, NDIS_CSUM6_UDP)) {
		caps->udp6 = true;
		caps->params.udp6_csum = NDIS_PARAM_TX_RX;
	}
}

static int read_offload(struct netvsc_conn *conn)
{
	struct netvsc_caps *caps = &conn->caps;
	struct ndis_offload in, hw;
	u32 size, len = sizeof(hw);
	u8 revision;
	int err;

	memset(&in, 0, sizeof(in));
	memset(&hw, 0, sizeof(hw));
	size = offload_size(conn, &revision);
	in.header.type = NDIS_OBJECT_OFFLOAD;
	in.header.revision = revision;
	in.header.size = size;
	err = netvsc_rndis_query(conn, RNDIS_OID_OFFLOAD_CAPS, &in, size, &hw,
				 &len);
	if (!err && (hw.header.type != NDIS_OBJECT_OFFLOAD ||
		     !hw.header.revision ||
		     hw.header.size < NDIS_OFFLOAD_LEN_1 ||
		     hw.header.size > len))
		err = -EPROTO;
	if (err)
		return err;

	caps->tso_max_size = 65536;
	caps->params.ipv4_csum = NDIS_PARAM_OFF;
	use_ipv4(caps, &hw);
	use_ipv6(caps, &hw);
	/* One size serves both, and must be worth it. */
	if (caps->tso_max_size < 4096)
		caps->features &= ~(NETIF_F_TSO | NETIF_F_TSO6);
	if (conn->version >= NVS_VERSION_6_1 && hw.rsc_ipv4 && hw.rsc_ipv6) {
		caps->features |= NETIF_F_LRO;
		caps->rsc = true;
	}
	return 0;
}

/* A host without RSS is one that says so; without memory we can't know. */
static int read_rss(struct netvsc_conn *conn)
{
	struct netvsc_caps *caps = &conn->caps;
	struct ndis_rss_caps in, rss;
	u32 len = sizeof(rss);
	int err;

	caps->rss_queues = 1;
	caps->rss_entries = NETVSC_RSS_ENTRIES;
	if (conn->version < NVS_VERSION_5)
		return 0;
	memset(&in, 0, sizeof(in));
	memset(&rss, 0, sizeof(rss));
	in.header.type = NDIS_OBJECT_RSS_CAPS;
	in.header.revision = 2;
	in.header.size = sizeof(in);
	err = netvsc_rndis_query(conn, RNDIS_OID_RSS_CAPS, &in, sizeof(in),
				 &rss, &len);
	if (err || len < sizeof(rss))
		return err == -ENOMEM ? err : 0;
	caps->rss_flags = rss.flags;
	caps->rss_queues = clamp_t(u32, rss.queues, 1, NETVSC_MAX_CHANS);
	if (rss.table_entries && rss.table_entries <= NETVSC_RSS_ENTRIES)
		caps->rss_entries = rss.table_entries;
	return 0;
}

/* Fills in conn->caps. A host without offloads is one that says so. */
int netvsc_oid_read_caps(struct netvsc_conn *conn)
{
	u32 mtu, len = sizeof(mtu);
	int err;

	memset(&conn->caps, 0, sizeof(conn->caps));
	err = read_offload(conn);
	if (err) {
		netdev_err(conn->nd->net, "cannot read offloads: %d\n", err);
		return err;
	}
	err = read_rss(conn);
	if (err)
		return err;
	err = netvsc_rndis_query(conn, RNDIS_OID_MAX_FRAME_SIZE, NULL, 0, &mtu,
				 &len);
	if (err == -ENOMEM)
		return err;
	if (!err && len == sizeof(mtu))
		conn->caps.mtu = mtu;
	return READ_ONCE(conn->mute) ? -ETIMEDOUT : 0;
}

/* Asks a mute host something; the answer ends its silence. */
void netvsc_oid_probe(struct netvsc_conn *conn)
{
	netvsc_rndis_probe(conn, RNDIS_OID_MEDIA_CONNECT);
}

/* The host is to fill in the sums of frames that it sends, if it hasn't. */
static void no_rx_csum(u8 *param)
{
	if (*param == NDIS_PARAM_TX_RX)
		*param = NDIS_PARAM_TX;
}

/*
 * Has the host do all it can for frames that we send; for those that it sends,
 * what @features say.
 */
int netvsc_oid_set_offloads(struct netvsc_conn *conn,
			    netdev_features_t features)
{
	struct ndis_offload_params params = conn->caps.params;
	u32 len = NDIS_OFFLOAD_PARAMS_LEN;

	if (conn->version <= NVS_VERSION_4) {
		len = NDIS_OFFLOAD_PARAMS_LEN_V4;
		params.udp4_csum = 0;
		params.udp6_csum = 0;
	} else if (conn->caps.rsc) {
		params.rsc_ipv4 = features & NETIF_F_LRO ? NDIS_PARAM_ON :
				  NDIS_PARAM_OFF;
		params.rsc_ipv6 = params.rsc_ipv4;
	}
	if (!(features & NETIF_F_RXCSUM)) {
		no_rx_csum(&params.tcp4_csum);
		no_rx_csum(&params.udp4_csum);
		no_rx_csum(&params.tcp6_csum);
		no_rx_csum(&params.udp6_csum);
	}
	params.header.type = NDIS_OBJECT_DEFAULT;
	params.header.revision = 3;
	params.header.size = len;
	return netvsc_rndis_set(conn, RNDIS_OID_OFFLOAD_PARAMS, &params, len);
}

struct rss_message {
	struct ndis_rss_params head;
	u32 table[NETVSC_RSS_ENTRIES];
	u8 key[NDIS_RSS_KEY_LEN];
};

/**
 * netvsc_oid_set_rss() - bring the card's table and key to the host
 * @conn: the connection
 *
 * Entries that name a channel which isn't there any more (there may be fewer
 * than when the user chose) count modulo the channels.
 *
 * Return: 0; -EOPNOTSUPP with one channel; an error of netvsc_rndis_set().
 */
int netvsc_oid_set_rss(struct netvsc_conn *conn)
{
	const struct netvsc_rss *rss = &conn->nd->rss;
	u32 i, entries = conn->caps.rss_entries;
	struct rss_message *msg;
	int err;

	if (conn->nr_open < 2)
		return -EOPNOTSUPP;
	msg = kzalloc(sizeof(*msg), GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	msg->head.header.type = NDIS_OBJECT_RSS_PARAMS;
	msg->head.header.revision = 2;
	msg->head.header.size = sizeof(msg->head);
	msg->head.hash_info = rss->hash_info;
	msg->head.table_size = entries * sizeof(u32);
	msg->head.table_offset = offsetof(struct rss_message, table);
	msg->head.key_size = NDIS_RSS_KEY_LEN;
	msg->head.key_offset = offsetof(struct rss_message, key);
	for (i = 0; i < entries; i++)
		msg->table[i] = rss->table[i] % conn->nr_open;
	memcpy(msg->key, rss->key, NDIS_RSS_KEY_LEN);

	/* Hosts take a new key or table only while it is off. */
	msg->head.flags = NDIS_RSS_DISABLE;
	err = netvsc_rndis_set(conn, RNDIS_OID_RSS_PARAMS, msg, sizeof(*msg));
	if (!err) {
		msg->head.flags = 0;
		err = netvsc_rndis_set(conn, RNDIS_OID_RSS_PARAMS, msg,
				       sizeof(*msg));
	}
	kfree(msg);
	return err;
}

/* @filter: RNDIS_FILTER_*; 0 stops the host from sending frames. */
int netvsc_oid_set_filter(struct netvsc_conn *conn, u32 filter)
{
	return netvsc_rndis_set(conn, RNDIS_OID_PACKET_FILTER, &filter,
				sizeof(filter));
}

int netvsc_oid_read_mac(struct netvsc_conn *conn, u8 *mac)
{
	u32 len = ETH_ALEN;
	int err;

	err = netvsc_rndis_query(conn, RNDIS_OID_MAC_PERMANENT, NULL, 0, mac,
				 &len);
	if (!err && len != ETH_ALEN)
		err = -EPROTO;
	return err;
}

static void to_utf16(__u16 *to, const char *from, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		to[i] = from[i];
}

int netvsc_oid_set_mac(struct netvsc_conn *conn, const u8 *mac)
{
	static const char name[] = "NetworkAddress";
	struct {
		struct ndis_config_param head;
		__u16 name[sizeof(name) - 1];
		__u16 value[2 * ETH_ALEN];
	} __packed msg;
	char hex[2 * ETH_ALEN + 1];

	memset(&msg, 0, sizeof(msg));
	snprintf(hex, sizeof(hex), "%pm", mac);
	msg.head.name_offset = sizeof(msg.head);
	msg.head.name_len = sizeof(msg.name);
	msg.head.value_type = NDIS_CONFIG_STRING;
	msg.head.value_offset = sizeof(msg.head) + sizeof(msg.name);
	msg.head.value_len = sizeof(msg.value);
	to_utf16(msg.name, name, sizeof(name) - 1);
	to_utf16(msg.value, hex, sizeof(hex) - 1);
	return netvsc_rndis_set(conn, RNDIS_OID_CONFIG_PARAMETER, &msg,
				sizeof(msg));
}

/* A host that won't tell: the cable is in, the speed not known. */
void netvsc_oid_read_link(struct netvsc_conn *conn)
{
	u32 state = RNDIS_MEDIA_CONNECTED, speed = 0, len = sizeof(state);
	struct netvsc_dev *nd = conn->nd;

	if (netvsc_rndis_query(conn, RNDIS_OID_MEDIA_CONNECT, NULL, 0, &state,
			       &len) || len != sizeof(state))
		state = RNDIS_MEDIA_CONNECTED;
	len = sizeof(speed);
	if (conn->version < NVS_VERSION_5 ||
	    netvsc_rndis_query(conn, RNDIS_OID_LINK_SPEED, NULL, 0, &speed,
			       &len) || len != sizeof(speed))
		speed = 0;
	spin_lock_bh(&nd->link_lock);
	nd->link_up = state == RNDIS_MEDIA_CONNECTED;
	nd->link_speed = speed;
	spin_unlock_bh(&nd->link_lock);
}

/* The name an administrator gave the card becomes the interface's alias. */
void netvsc_oid_read_name(struct netvsc_conn *conn)
{
	static const char usual[] = "Network Adapter";
	u32 len = NAME_MAX_BYTES;
	char *alias;
	u8 *name;
	int n;

	name = kzalloc(NAME_MAX_BYTES, GFP_KERNEL);
	alias = kzalloc(IFALIASZ, GFP_KERNEL);
	if (!name || !alias)
		goto out;
	if (netvsc_rndis_query(conn, RNDIS_OID_FRIENDLY_NAME, NULL, 0, name,
			       &len))
		goto out;
	n = utf16s_to_utf8s((const wchar_t *)name, len / 2,
			    UTF16_LITTLE_ENDIAN, alias, IFALIASZ - 1);
	/* Old hosts say this of every card; it tells nothing. */
	if (n > 0 && alias[0] && strcmp(alias, usual))
		dev_set_alias(conn->nd->net, alias, strlen(alias));
out:
	kfree(alias);
	kfree(name);
}
