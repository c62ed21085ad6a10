#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Disks that come and go while the child is suspended: it finds and misses them when it
# is awake again, though nobody tells it once more. And a root that confirms closes far
# too late: the child sleeps all the same, and its disk works afterwards.
# root-kernel: 6.1
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"
. "$PROJECT/tests/vm/lib-vanish.sh"

guest_script disk <<'EOF'
lun() { # LUN: its device
	for b in /sys/bus/scsi/devices/*:0:0:$1/block/*; do
		[ -e "$b" ] && echo "/dev/${b##*/}" && return
	done
	return 1
}
modprobe sd_mod 2>/dev/null
modprobe hv_vmbus reply_timeout=2; modprobe hv_storvsc
for l in 0 1; do wait_for 30 lun $l >/dev/null; ok $? "disk $l is there"; done
keep=$(lun 0)
sum() { dd if=$keep bs=64k count=16 iflag=direct 2>/dev/null | sha256sum | cut -d' ' -f1; }
before=$(sum)
echo platform >/sys/power/pm_test; ok $? 'suspend test mode'
echo $((1 << 40)) >/sys/power/image_size	# see lib-vanish.sh
echo 'phase suspend'
printed
run 'freeze and thaw' sh -c 'echo disk >/sys/power/state'
is "$(sum)" "$before" 'the disk that stays reads the same'
is "$(cat /sys/block/${keep#/dev/}/device/state)" running 'and is in use'
wait_for 30 lun 2 >/dev/null; ok $? 'one that came meanwhile is found'
gone() { ! lun 1 >/dev/null; }
wait_for 30 gone; ok $? 'one that went meanwhile goes'
is "$(dmesg | grep -c 'I/O error')" 0 'no I/O error'
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--script "$OUT/disk.sh"
enter_root

for run in prompt late; do
	late=()
	[ $run = prompt ] || late=(--fault 'bus:do=torndown-late,ms=20000')
	truncate -s 8M "$T/1.img" "$T/2.img"
	head -c 8M /dev/urandom >"$T/0.img"
	start_child $run 6.1 ours '' --processors 2 --memory 512M --scsi "file=$T/0.img" \
		--scsi "file=$T/1.img,lun=1" "${late[@]}"
	wait_line $run '^phase suspend' 60; ok $? "$run: the child goes to sleep"
	for ((i = 0; i < 600; i++)); do
		! unloaded || break
		moment 0.1
	done
	unloaded; ok $? "$run: the bus was left"
	control disk remove 0:1; ok $? "$run: a disk goes"
	is "$(control disk add "file=$T/2.img,lun=2")" 0:2 "$run: a disk comes"
	wait_child 120
	child_passed $run
done
finish
