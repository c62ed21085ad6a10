#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each of our modules beside the other in-tree one, on Linux 6.1: either must be
# a drop-in for its counterpart.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"
. "$PROJECT/tests/vm/lib-net-common.sh"

common_net_script common
for m in hv_vmbus hv_netvsc; do
	initramfs our-$m 6.1 --available "$NET_MODULES" --ours $m --with iperf3,ethtool \
		--script "$OUT/common.sh"
done
enter_net

tap tap0 multi_queue
peer tap0
common_net_servers tap0
for m in hv_vmbus hv_netvsc; do
	common_net_run our-$m 6.1 our-$m --processors 2 --net tap=tap0,queues=2
done
finish
