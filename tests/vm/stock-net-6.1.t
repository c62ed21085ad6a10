#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The in-tree modules of Linux 6.1, a card on our host: DHCP, pings, pages, TCP and
# UDP in both directions, over a TAP with two queues.
# tier: long
# root-kernel: 6.1
# timeout: 400
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"
. "$PROJECT/tests/vm/lib-net-common.sh"

common_net_script common
initramfs stock 6.1 --available "$NET_MODULES" --with iperf3,ethtool \
	--script "$OUT/common.sh"
enter_net

tap tap0 multi_queue
peer tap0
common_net_servers tap0
common_net_run stock-p2 6.1 stock --processors 2 --net tap=tap0,queues=2
finish
