#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The test bed itself: in-tree modules of an unmodified kernel connect to the
# VMBus host that QEMU has.
# root-kernel: 6.1
# timeout: 300
. "$(dirname "$0")/lib.sh"

guest_script bus <<'EOF'
run 'hv_vmbus loads' modprobe hv_vmbus
run 'the bus is connected' wait_for 10 sh -c 'dmesg | grep "Vmbus version:4.0"'
is "$(ls /sys/bus/vmbus/drivers | wc -l)" 0 'no driver is there yet'
EOF
initramfs stock 6.1 --available hv_vmbus --script "$OUT/bus.sh"
enter_root

CHILD_LIMIT=200 run_child_qemu stock 6.1 stock ''
child_passed stock
finish
