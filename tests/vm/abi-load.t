#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every in-tree VMBus driver of unmodified kernels loads on our bus, which is
# connected to the VMBus host that QEMU has; the bus unloads and loads again.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"

drivers='hv_storvsc hv_netvsc hv_utils hv_balloon hv_sock hyperv_drm pci_hyperv
	uio_hv_generic hid_hyperv hyperv_keyboard'

{ echo "drivers='$drivers'"; cat <<'EOF'; } | guest_script load
run 'our hv_vmbus loads' modprobe hv_vmbus
run 'the bus is ours' test -d /sys/kernel/debug/hv_vmbus
run 'it is connected' sh -c 'dmesg | grep "Vmbus version:4.0"'
run 'the bus has its attribute' grep '^[01]$' /sys/bus/vmbus/hibernation

slab() { sed -n 's/^Slab: *\([0-9]*\).*/\1/p' /proc/meminfo; }
before=$(slab)
i=0
while [ $i -lt 10 ] && rmmod hv_vmbus && modprobe hv_vmbus; do
	i=$((i + 1))
done
is $i 10 'the bus unloads and loads again'
note "slab memory: $before KiB before, $(slab) KiB after 10 reloads"
is "$(dmesg | grep -c 'Vmbus version:4.0')" 11 'and connects each time'

for d in $drivers; do
	run "in-tree $d loads" modprobe "$d"
done
is "$(dmesg | grep -cE 'disagrees about|Unknown symbol')" 0 'no symbol differs'
for d in $drivers; do
	# In-tree, this one can't be unloaded.
	[ $d = hv_balloon ] || run "in-tree $d unloads" rmmod "$d"
done
EOF

for k in 6.1 6.12; do
	initramfs "$k" "$k" --available "hv_vmbus $drivers" --ours hv_vmbus \
		--script "$OUT/load.sh"
done
enter_root

for k in 6.1 6.12; do
	CHILD_LIMIT=400 run_child_qemu "$k" "$k" "$k" quiet
	child_passed "$k"
done
finish
