/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What vf.c does for the others; netvsc_var.h includes this.
 *
 * register: module load and unload (netdevice notifier). init, exit: probe and
 * remove; exit unjoins, RTNL held; free: after the last poll and the last reader
 * of statistics. path: the VF if frames go its way, for as long as RCU or RCU-bh
 * is held. select_queue: the VF's choice. xmit: RCU-bh held; true when the frame
 * went to the VF (counted, consumed). associate: in a poll. path_lost: the
 * connection is another one. look_again: the host has answered again. up: after
 * the interface was opened, down: before it is closed; the others: with the
 * synthetic interface's setting. RTNL for all of these.
 */
#ifndef NETVSC_VF_VAR_H
#define NETVSC_VF_VAR_H

int netvsc_vf_register(void);
void netvsc_vf_unregister(void);
int netvsc_vf_init(struct netvsc_dev *nd);
void netvsc_vf_exit(struct netvsc_dev *nd);
void netvsc_vf_free(struct netvsc_dev *nd);
void netvsc_vf_associate(struct netvsc_dev *nd, bool allocated, u32 serial);
bool netvsc_vf_xmit(struct netvsc_dev *nd, struct sk_buff *skb);
struct net_device *netvsc_vf_path(const struct netvsc_dev *nd);
u16 netvsc_vf_select_queue(struct net_device *vf, struct sk_buff *skb);
void netvsc_vf_path_lost(struct netvsc_dev *nd);
void netvsc_vf_look_again(struct netvsc_dev *nd);
void netvsc_vf_up(struct netvsc_dev *nd);
void netvsc_vf_down(struct netvsc_dev *nd);
int netvsc_vf_change_mtu(struct netvsc_dev *nd, u32 mtu);
int netvsc_vf_set_mac(struct netvsc_dev *nd, struct sockaddr *addr);
void netvsc_vf_set_features(struct netvsc_dev *nd, netdev_features_t features);
void netvsc_vf_change_rx_flags(struct net_device *net, int change);
void netvsc_vf_set_rx_mode(struct netvsc_dev *nd);

#endif
