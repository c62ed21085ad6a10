#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What suspend-vanish.t does, twenty times on the kernel of debug.t.
# tier: debug
# root-kernel: 6.1
# timeout: 2400
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"
. "$PROJECT/tests/vm/lib-vanish.sh"

vanish_script vanish
initramfs debug debug --available 'hv_vmbus hv_storvsc hv_netvsc' \
	--ours 'hv_vmbus hv_storvsc hv_netvsc' --script "$OUT/vanish.sh"
vanish_net
vanish_run debug debug debug 20
finish
