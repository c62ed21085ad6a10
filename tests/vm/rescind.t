#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The root takes a SCSI controller away while its disks are written to, and
# gives it back, again and again: I/O ends in errors, the device goes, comes back
# with what was on it; a disk on another controller does not notice. With stock
# modules, which wait for ever for an answer from a controller that is gone, the
# disk is taken away first.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script rescind <<'EOF'
modprobe hv_vmbus; modprobe sd_mod; modprobe hv_storvsc
disk() { # CONTROLLER-NUMBER-BY-SIZE: the disk of so many sectors
	for b in /sys/block/sd*; do
		[ "$(cat $b/size 2>/dev/null)" = "$1" ] && echo "/dev/${b##*/}" && return
	done
	return 1
}
stay=16384 go=32768
rounds=$(word rounds)
wait_for 30 disk $stay; ok $? 'the disk that stays'
wait_for 30 disk $go; ok $? 'the disk that goes'
keep=$(disk $stay)
reads $keep
dd if=/dev/urandom of=/tmp/data bs=64k count=16 2>/dev/null
dd if=/tmp/data of=$(disk $go) bs=64k oflag=direct 2>/dev/null; ok $? 'data on it'
n=0
while [ $n -lt $rounds ]; do
	d=$(disk $go) || break
	# By the open file: the name may be gone, or another's, at any moment.
	( exec 3<>$d
	while dd if=/dev/zero of=/proc/self/fd/3 bs=16k seek=64 count=900 oflag=direct 2>/dev/null; do :; done ) &
	writer=$!
	echo "phase take $n"
	if grep -q gently /proc/cmdline; then
		wait_for 30 sh -c "! test -e /sys/block/${d##*/}" || { ok 1 "round $n: the disk went"; break; }
		echo "phase empty $n"
	fi
	# From the bus first, then its driver lets go of it.
	wait_for 30 sh -c "[ \$(ls /sys/bus/vmbus/devices | wc -l) = 1 ] && ! test -e /sys/block/${d##*/}" ||
		{ ok 1 "round $n: it went"; break; }
	wait $writer	# ends with an error only
	echo "phase gone $n"
	wait_for 30 disk $go || { ok 1 "round $n: it came back"; break; }
	dd if=$(disk $go) bs=64k count=16 iflag=direct 2>/dev/null | cmp -s - /tmp/data || { ok 1 "round $n: with the same data"; break; }
	n=$((n + 1))
done
is $n $rounds 'rounds'
reads_end 'the other disk did not notice'
is "$(ls /sys/bus/vmbus/devices | wc -l)" 2 'devices on the bus'
EOF
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available "$STORAGE_MODULES" --ours "$ours" --script "$OUT/rescind.sh"
done
enter_root

rescind() { # IMAGE ROUNDS [gently]
	local n
	truncate -s 8M "$T/stay.img"
	truncate -s 16M "$T/go.img"
	start_child "$1" 6.1 "$1" "rounds=$2 ${3-}" --processors 2 --memory 256M \
		--scsi "file=$T/stay.img,controller=0" --scsi "file=$T/go.img,controller=1"
	for n in $(seq 0 $(($2 - 1))); do
		wait_line "$1" "^phase take $n\$" 60 || break
		sleep 0.2
		if [ -n "${3-}" ]; then
			control disk remove 1:0 || note "round $n: hvctl disk remove failed"
			wait_line "$1" "^phase empty $n\$" 60 || break
		fi
		control controller remove 1 || note "round $n: hvctl controller remove failed"
		wait_line "$1" "^phase gone $n\$" 60 || break
		control controller add 1 >/dev/null && control disk add "file=$T/go.img,controller=1" >/dev/null ||
			note "round $n: hvctl could not add it"
	done
	wait_child 120
	child_passed "$1"
}
rescind ours "$(amount 4 12)"
rescind stock "$(amount 1 3)" gently
finish
