#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A controller and a card are taken away while the child is suspended, under I/O: after
# the resume they go, and all else works.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"
. "$PROJECT/tests/vm/lib-vanish.sh"

vanish_script vanish
KERNELS=$(amount 6.1 '6.1 6.12')
for k in $KERNELS; do
	initramfs ours-$k $k --available "hv_storvsc sd_mod $NET_MODULES" \
		--ours 'hv_vmbus hv_storvsc hv_netvsc' --script "$OUT/vanish.sh"
done
vanish_net
for k in $KERNELS; do
	rounds=1
	[ $k != 6.1 ] || rounds=$(amount 1 3)
	vanish_run ours-$k $k ours-$k $rounds
done
finish
