// SPDX-License-Identifier: GPL-2.0
/*
 * XDP. A program never sees the receive buffer: the host may write there while
 * the program runs, and the sections before and behind are others' frames. Each
 * frame is copied into a page of its own first, where the program has headroom.
 * A page whose frame was dropped, or sent back (which copies it into the send
 * buffer), takes the next frame; only passing and redirecting use pages up. So
 * a frame has to fit one page, which bounds the MTU, and a coalesced one doesn't,
 * so that LRO has to be off.
 *
 * One program serves all channels. It goes to the VF, too, since frames may come
 * either way.
 */
#include <linux/bpf.h>
#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/skbuff.h>
#include <net/xdp.h>

#include "netvsc_var.h"

/* A page holds the program's headroom, a frame and what an skb needs behind. */
#define FRAME_MAX	(SKB_WITH_OVERHEAD(PAGE_SIZE) - XDP_PACKET_HEADROOM)
#define MTU_MAX		((u32)FRAME_MAX - ETH_HLEN)

void netvsc_xdp_init(struct netvsc_dev *nd)
{
	xdp_set_features_flag(nd->net, NETDEV_XDP_ACT_BASIC |
				       NETDEV_XDP_ACT_REDIRECT |
				       NETDEV_XDP_ACT_NDO_XMIT);
}

/* Nobody else uses the card any more. */
void netvsc_xdp_free(struct netvsc_dev *nd)
{
	struct bpf_prog *prog = rcu_dereference_protected(nd->xdp_prog, true);

	RCU_INIT_POINTER(nd->xdp_prog, NULL);
	if (prog)
		bpf_prog_put(prog);
}

int netvsc_xdp_chan_init(struct netvsc_chan *nc)
{
	int err;

	err = xdp_rxq_info_reg(&nc->xdp_rxq, nc->nd->net, nc->index,
			       nc->napi.napi_id);
	if (err)
		return err;
	err = xdp_rxq_info_reg_mem_model(&nc->xdp_rxq, nc->pool.small ?
					 MEM_TYPE_PAGE_POOL :
					 MEM_TYPE_PAGE_SHARED, nc->pool.small);
	if (err)
		xdp_rxq_info_unreg(&nc->xdp_rxq);
	return err;
}

void netvsc_xdp_chan_exit(struct netvsc_chan *nc)
{
	if (nc->xdp_page)
		netvsc_pool_put_page(nc, nc->xdp_page);
	nc->xdp_page = NULL;
	if (xdp_rxq_info_is_reg(&nc->xdp_rxq))
		xdp_rxq_info_unreg(&nc->xdp_rxq);
}

/* ---- receiving ---- */

static struct sk_buff *pass(struct netvsc_chan *nc, struct xdp_buff *xdp)
{
	struct sk_buff *skb = napi_build_skb(xdp->data_hard_start, PAGE_SIZE);
	u32 meta = xdp->data - xdp->data_meta;

	if (!skb) {
		netvsc_count(nc->nd, NETVSC_EV_RX_NO_MEMORY);
		return NULL;
	}
	nc->xdp_page = NULL;
	skb_mark_for_recycle(skb);
	skb_reserve(skb, xdp->data - xdp->data_hard_start);
	__skb_put(skb, xdp->data_end - xdp->data);
	if (meta)
		skb_metadata_set(skb, meta);
	return skb;
}

/* Out again through the same channel; whether it's on its way. */
static bool send_back(struct netvsc_chan *nc, const struct xdp_buff *xdp)
{
	u32 len = xdp->data_end - xdp->data;
	struct netdev_queue *txq = nc->tx.txq;
	int err = -ENETDOWN;

	__netif_tx_lock(txq, smp_processor_id());
	txq_trans_cond_update(txq);
	if (nc->ready && READ_ONCE(nc->conn->tx_on))
		err = netvsc_tx_raw(nc, xdp->data, len);
	if (!err) {
		u64_stats_update_begin(&nc->tx.stats->syncp);
		nc->tx.stats->packets++;
		nc->tx.stats->bytes += len;
		u64_stats_update_end(&nc->tx.stats->syncp);
	}
	__netif_tx_unlock(txq);
	nc->xdp_sent |= !err;
	return !err;
}

/* Counts a frame that the program, or its failure, has consumed. */
static void count_frame(struct netvsc_chan *nc, u64 *verdict, u32 len)
{
	u64_stats_update_begin(&nc->rx_stats->syncp);
	nc->rx_stats->packets++;
	nc->rx_stats->bytes += len;
	(*verdict)++;
	u64_stats_update_end(&nc->rx_stats->syncp);
}

/* What the program wants, but for XDP_PASS. */
static void obey(struct netvsc_chan *nc, struct bpf_prog *prog,
		 struct xdp_buff *xdp, u32 act, u32 len)
{
	struct net_device *net = nc->nd->net;
	struct netvsc_rx_stats *stats = nc->rx_stats;

	switch (act) {
	case XDP_TX:
		if (send_back(nc, xdp)) {
			count_frame(nc, &stats->xdp_tx, len);
			return;
		}
		trace_xdp_exception(net, prog, act);
		break;
	case XDP_REDIRECT:
		if (!xdp_do_redirect(net, xdp, prog)) {
			nc->xdp_page = NULL;
			nc->xdp_flush = true;
			count_frame(nc, &stats->xdp_redirect, len);
			return;
		}
		trace_xdp_exception(net, prog, act);
		break;
	case XDP_DROP:
		break;
	default:
		bpf_warn_invalid_xdp_action(net, prog, act);
		fallthrough;
	case XDP_ABORTED:
		trace_xdp_exception(net, prog, act);
		count_frame(nc, &stats->xdp_aborted, len);
		return;
	}
	count_frame(nc, &stats->xdp_drop, len);
}

struct sk_buff *netvsc_xdp_receive(struct netvsc_chan *nc,
				   struct bpf_prog *prog,
				   const struct netvsc_frame *frame)
{
	struct xdp_buff xdp;
	u32 act;

	if (frame->len > FRAME_MAX) {
		netvsc_count(nc->nd, NETVSC_EV_RX_XDP_TOO_BIG);
		return NULL;
	}
	if (!nc->xdp_page)
		nc->xdp_page = netvsc_pool_page(nc);
	if (!nc->xdp_page) {
		netvsc_count(nc->nd, NETVSC_EV_RX_NO_MEMORY);
		return NULL;
	}

	xdp_init_buff(&xdp, PAGE_SIZE, &nc->xdp_rxq);
	xdp_prepare_buff(&xdp, nc->xdp_page, XDP_PACKET_HEADROOM,
			 frame->len, true);
	memcpy(xdp.data, frame->data, frame->len);

	act = bpf_prog_run_xdp(prog, &xdp);
	if (act == XDP_PASS)
		return pass(nc, &xdp);
	obey(nc, prog, &xdp, act, frame->len);
	return NULL;
}

void netvsc_xdp_poll_done(struct netvsc_chan *nc)
{
	struct netdev_queue *txq = nc->tx.txq;

	if (nc->xdp_flush)
		xdp_do_flush();
	nc->xdp_flush = false;
	if (!nc->xdp_sent)
		return;
	nc->xdp_sent = false;
	__netif_tx_lock(txq, smp_processor_id());
	if (nc->ready && READ_ONCE(nc->conn->tx_on))
		netvsc_tx_commit(nc, false);
	__netif_tx_unlock(txq);
}

/* ---- sending what others redirect here ---- */

static int send_frames(struct netvsc_chan *nc, struct xdp_frame **frames, int n,
		       bool flush)
{
	struct netvsc_tx_stats *stats = nc->tx.stats;
	u64 bytes = 0;
	int i;

	for (i = 0; i < n; i++) {
		if (xdp_frame_has_frags(frames[i]) ||
		    netvsc_tx_raw(nc, frames[i]->data, frames[i]->len))
			break;
		bytes += frames[i]->len;
	}
	u64_stats_update_begin(&stats->syncp);
	stats->packets += i;
	stats->bytes += bytes;
	stats->xdp_xmit += i;
	u64_stats_update_end(&stats->syncp);
	netvsc_tx_commit(nc, !flush);
	return i;
}

/* net_device_ops.ndo_xdp_xmit; returns how many were taken, the first ones. */
int netvsc_xdp_xmit(struct net_device *net, int n, struct xdp_frame **frames,
		    u32 flags)
{
	struct netvsc_dev *nd = netdev_priv(net);
	struct netvsc_conn *conn = rcu_dereference_bh(nd->conn);
	struct net_device *vf = netvsc_vf_path(nd);
	struct netvsc_chan *nc = NULL;
	struct netdev_queue *txq;
	int i, sent = 0;
	u32 queue;

	if (flags & ~XDP_XMIT_FLAGS_MASK)
		return -EINVAL;
	if (vf && vf->netdev_ops->ndo_xdp_xmit)
		return vf->netdev_ops->ndo_xdp_xmit(vf, n, frames, flags);
	if (!conn || !netif_running(net) || !netif_carrier_ok(net))
		return -ENETDOWN;

	queue = smp_processor_id() % READ_ONCE(net->real_num_tx_queues);
	nc = READ_ONCE(conn->chan[queue]);
	if (!nc)
		return -ENETDOWN;
	txq = netdev_get_tx_queue(net, queue);
	__netif_tx_lock(txq, smp_processor_id());
	txq_trans_cond_update(txq);
	if (nc->ready && READ_ONCE(conn->tx_on))
		sent = send_frames(nc, frames, n, flags & XDP_XMIT_FLUSH);
	__netif_tx_unlock(txq);

	/* They were copied; the others are the caller's. */
	for (i = 0; i < sent; i++)
		xdp_return_frame_rx_napi(frames[i]);
	return sent;
}

/* ---- control; RTNL held ---- */

static int check(u32 mtu, netdev_features_t features,
		 struct netlink_ext_ack *extack)
{
	if (mtu > MTU_MAX) {
		NL_SET_ERR_MSG_MOD(extack,
				   "MTU too large for XDP: a frame has to fit one page");
		return -EOPNOTSUPP;
	}
	if (features & NETIF_F_LRO) {
		NL_SET_ERR_MSG_MOD(extack,
				   "XDP and LRO exclude each other: switch LRO off");
		return -EOPNOTSUPP;
	}
	return 0;
}

int netvsc_xdp_allowed(struct netvsc_dev *nd, u32 mtu,
		       netdev_features_t features)
{
	int err;

	if (!rtnl_dereference(nd->xdp_prog))
		return 0;
	err = check(mtu, features, NULL);
	if (err)
		netdev_info(nd->net,
			    "not while an XDP program is attached: MTU above %u, LRO\n",
			    MTU_MAX);
	return err;
}

/* The VF takes a reference of its own, unless it fails. */
int netvsc_xdp_set_vf(struct net_device *vf, struct bpf_prog *prog,
		      struct netlink_ext_ack *extack)
{
	struct netdev_bpf bpf = {
		.command = XDP_SETUP_PROG,
		.prog = prog,
		.extack = extack,
	};
	int err;

	if (!vf || !vf->netdev_ops->ndo_bpf)
		return 0;
	if (prog)
		bpf_prog_inc(prog);
	err = vf->netdev_ops->ndo_bpf(vf, &bpf);
	if (err && prog)
		bpf_prog_put(prog);
	return err;
}

static int setup_prog(struct netvsc_dev *nd, struct bpf_prog *prog,
		      struct netlink_ext_ack *extack)
{
	struct bpf_prog *old = rtnl_dereference(nd->xdp_prog);
	int err = 0;

	if (prog)
		err = check(nd->net->mtu, nd->net->features, extack);
	if (!err)
		err = netvsc_xdp_set_vf(rtnl_dereference(nd->vf.dev), prog,
					extack);
	if (err)
		return err;
	/* The reference that comes with @prog is ours now. */
	rcu_assign_pointer(nd->xdp_prog, prog);
	if (old)
		bpf_prog_put(old);
	return 0;
}

/* net_device_ops.ndo_bpf */
int netvsc_xdp_setup(struct net_device *net, struct netdev_bpf *bpf)
{
	switch (bpf->command) {
	case XDP_SETUP_PROG:
		return setup_prog(netdev_priv(net), bpf->prog, bpf->extack);
	default:
		return -EINVAL;
	}
}
