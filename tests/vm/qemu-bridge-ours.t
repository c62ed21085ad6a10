#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An impartial judge: our hv_vmbus on the VMBus host that QEMU has, on both
# kernels, and ten reload cycles there.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"

guest_script bus <<'EOF'
run 'hv_vmbus loads' modprobe hv_vmbus
run 'it is not the in-tree one' test -z "$(modinfo -F intree hv_vmbus)"
run 'the bus is connected' wait_for 10 sh -c 'dmesg | grep "Vmbus version:4.0"'
n=0
while [ $n -lt 10 ]; do
	rmmod hv_vmbus && modprobe hv_vmbus || break
	n=$((n + 1))
done
is $n 10 'reload cycles'
EOF
initramfs ours-6.1 6.1 --available hv_vmbus --ours hv_vmbus --script "$OUT/bus.sh"
initramfs ours-6.12 6.12 --available hv_vmbus --ours hv_vmbus --script "$OUT/bus.sh"
enter_root

for k in 6.1 6.12; do
	CHILD_LIMIT=200 run_child_qemu "ours-$k" "$k" "ours-$k" ''
	child_passed "ours-$k"
done
finish
