#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Processors go offline and come back while a disk is read; a channel can be
# moved to another processor through sysfs.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script cpu <<'EOF'
modprobe hv_vmbus; modprobe sd_mod; modprobe hv_storvsc
disk=$(first_disk); ok $? 'the disk is there'
reads $disk
scans_end
n=0
while [ $n -lt "$(amount 1 5)" ]; do
	for c in 1 2 3; do echo 0 >/sys/devices/system/cpu/cpu$c/online || ok 1 "processor $c goes offline"; done
	is "$(nproc)" 1 "round $n: one processor left"
	for c in 1 2 3; do echo 1 >/sys/devices/system/cpu/cpu$c/online || ok 1 "processor $c comes back"; done
	n=$((n + 1))
done
ch=$(ls -d /sys/bus/vmbus/devices/*/channels/* | head -n1)
for c in 3 0 2; do
	echo $c >$ch/cpu; ok $? "the channel moves to processor $c"
	is "$(cat $ch/cpu)" $c 'and says so'
	before=$(cat $ch/interrupts)
	wait_for 20 sh -c "[ \$(cat $ch/interrupts) -gt $before ]"; ok $? 'interrupts go on'
done
reads_end 'no read failed'
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--script "$OUT/cpu.sh"
enter_root

truncate -s 16M "$T/disk.img"
CHILD_LIMIT=300 run_child cpu 6.1 ours '' --processors 4 --memory 256M --scsi "file=$T/disk.img"
child_passed cpu
finish
