/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RSS settings: older kernels pass them one by one, and what is hashed through
 * get_rxnfc and set_rxnfc. A driver writes
 *
 *	DEFINE_ETHTOOL_RXFH(get, set)
 *	DEFINE_ETHTOOL_RXFH_FIELDS(get_fields, set_fields, get_rings)
 *
 * with functions as the newest kernel calls them (get_rings: the number of
 * receive queues), and among its operations ETHTOOL_RXFH_OPS(get, set) and
 * ETHTOOL_RXFH_FIELDS_OPS(get_fields, set_fields).
 */
#ifndef COMPAT_LINUX_ETHTOOL_H
#define COMPAT_LINUX_ETHTOOL_H

#include_next <linux/ethtool.h>

#ifndef COMPAT_HAVE_ETHTOOL_PUTS
static inline void ethtool_puts(u8 **data, const char *str)
{
	ethtool_sprintf(data, "%s", str);
}
#endif

#ifdef COMPAT_HAVE_ETHTOOL_RXFH_PARAM
#define DEFINE_ETHTOOL_RXFH(get, set)
#define ETHTOOL_RXFH_OPS(get, set) .get_rxfh = get, .set_rxfh = set,
#else

struct ethtool_rxfh_param {
	u8 hfunc;
	u32 indir_size;
	u32 *indir;
	u32 key_size;
	u8 *key;
};

#define DEFINE_ETHTOOL_RXFH(get, set)					\
static int compat_get_rxfh(struct net_device *net, u32 *indir, u8 *key,	\
			   u8 *hfunc)					\
{									\
	struct ethtool_rxfh_param rxfh = { .indir = indir, .key = key };	\
	int err = get(net, &rxfh);					\
									\
	if (!err && hfunc)						\
		*hfunc = rxfh.hfunc;					\
	return err;							\
}									\
									\
static int compat_set_rxfh(struct net_device *net, const u32 *indir,	\
			   const u8 *key, const u8 hfunc)		\
{									\
	struct ethtool_rxfh_param rxfh = {				\
		.hfunc = hfunc,						\
		.indir = (u32 *)indir,					\
		.key = (u8 *)key,					\
	};								\
									\
	return set(net, &rxfh, NULL);					\
}

#define ETHTOOL_RXFH_OPS(get, set)					\
	.get_rxfh = compat_get_rxfh, .set_rxfh = compat_set_rxfh,
#endif

#ifdef COMPAT_HAVE_ETHTOOL_RXFH_FIELDS
#define DEFINE_ETHTOOL_RXFH_FIELDS(get, set, rings)			\
static int compat_get_rxnfc(struct net_device *net,			\
			    struct ethtool_rxnfc *info, u32 *rules)	\
{									\
	if (info->cmd != ETHTOOL_GRXRINGS)				\
		return -EOPNOTSUPP;					\
	info->data = rings(net);					\
	return 0;							\
}

#define ETHTOOL_RXFH_FIELDS_OPS(get, set)				\
	.get_rxnfc = compat_get_rxnfc,					\
	.get_rxfh_fields = get, .set_rxfh_fields = set,
#else

struct ethtool_rxfh_fields {
	u32 data;
	u32 flow_type;
};

#define DEFINE_ETHTOOL_RXFH_FIELDS(get, set, rings)			\
static int compat_get_rxnfc(struct net_device *net,			\
			    struct ethtool_rxnfc *info, u32 *rules)	\
{									\
	struct ethtool_rxfh_fields fields = {				\
		.flow_type = info->flow_type				\
	};								\
	int err;							\
									\
	switch (info->cmd) {						\
	case ETHTOOL_GRXRINGS:						\
		info->data = rings(net);				\
		return 0;						\
	case ETHTOOL_GRXFH:						\
		err = get(net, &fields);				\
		info->data = fields.data;				\
		return err;						\
	}								\
	return -EOPNOTSUPP;						\
}									\
									\
static int compat_set_rxnfc(struct net_device *net,			\
			    struct ethtool_rxnfc *info)			\
{									\
	struct ethtool_rxfh_fields fields = {				\
		.flow_type = info->flow_type,				\
		.data = info->data,					\
	};								\
									\
	if (info->cmd != ETHTOOL_SRXFH)					\
		return -EOPNOTSUPP;					\
	return set(net, &fields, NULL);					\
}

#define ETHTOOL_RXFH_FIELDS_OPS(get, set)				\
	.get_rxnfc = compat_get_rxnfc, .set_rxnfc = compat_set_rxnfc,
#endif

#endif
