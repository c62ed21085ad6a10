#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Disks come, grow and go by hvctl while the child writes to them and to
# others.  With stock modules and with ours.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script hotplug <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc; do modprobe $m || ok 1 "$m loads"; done
disk() { # LUN: its device
	for b in /sys/bus/scsi/devices/*:0:0:$1/block/*; do
		[ -e "$b" ] && echo "/dev/${b##*/}" && return
	done
	return 1
}
sectors() { cat "/sys/block/${1#/dev/}/size"; }
wait_for 30 disk 0; ok $? 'the disk that stays'
keep=$(disk 0)
reads $keep
n=0 all=$(amount 1 4)
while [ $n -lt $all ]; do
	echo "phase add $n"
	wait_for 30 disk 5 || { ok 1 "round $n: the new disk comes"; break; }
	d=$(disk 5)
	wait_for 10 test -e $d
	[ "$(sectors $d)" = 16384 ] || { ok 1 "round $n: its size"; break; }
	head -c 4194304 /dev/urandom >/tmp/data
	dd if=/tmp/data of=$d bs=64k oflag=direct 2>/dev/null || { ok 1 "round $n: writing"; break; }
	dd if=$d bs=64k count=64 iflag=direct 2>/dev/null | cmp - /tmp/data || { ok 1 "round $n: reading"; break; }
	echo "sum $n $(sha256sum </tmp/data | cut -d' ' -f1)"
	# By the open file: the name goes with the disk.
	( exec 3<>$d
	while dd if=/tmp/data of=/proc/self/fd/3 seek=64 bs=64k oflag=direct 2>/dev/null; do :; done ) &
	writer=$!
	echo "phase grow $n"
	wait_for 30 sh -c "[ \$(cat /sys/block/${d#/dev/}/size) = 32768 ]" || { ok 1 "round $n: it grows"; break; }
	dd if=/tmp/data of=$d seek=192 bs=64k oflag=direct 2>/dev/null || { ok 1 "round $n: the new end"; break; }
	echo "phase remove $n"
	wait_for 60 sh -c "! test -e /sys/block/${d#/dev/}" || { ok 1 "round $n: it goes"; break; }
	wait $writer
	n=$((n + 1))
done
is $n $all 'rounds of add, grow, remove'
reads_end 'the other disk did not notice'
sleep 5		# for the root side to look
EOF
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available "$STORAGE_MODULES" --ours "$ours" \
		--script "$OUT/hotplug.sh"
done
enter_root

one_round() { # RUN ROUND
	local run=$1 n=$2
	rm -f "$T/hot.img"
	truncate -s 8M "$T/hot.img"
	wait_line "$run" "^phase add $n" 90 || return
	is "$(control disk add "file=$T/hot.img,lun=5")" 0:5 "$run: round $n: added"
	wait_line "$run" "^phase grow $n" 90 || return
	is "$(head -c 4M "$T/hot.img" | sha256sum | cut -d' ' -f1)" \
		"$(tr -d '\r' <"$T/$run.verdict" | sed -n "s/^sum $n //p")" \
		"$run: round $n: the data are in the file"
	truncate -s 16M "$T/hot.img"
	is "$(control disk resize 5)" '16 MiB' "$run: round $n: resized"
	wait_line "$run" "^phase remove $n" 90 || return
	control disk remove 0:5
	ok $? "$run: round $n: removed"
	is "$(find "/proc/$CHILD_PID/fd" -lname '*/hot.img' | wc -l)" 0 \
		"$run: round $n: the file is closed"
}

for who in stock ours; do
	truncate -s 4M "$T/keep.img"
	start_child $who 6.1 $who '' --processors 2 --memory 256M \
		--scsi "file=$T/keep.img,lun=0"
	for ((n = 0; n < $(amount 1 4); n++)); do
		one_round $who $n
	done
	is "$(control --json disk list | jq length)" 1 "$who: one disk is left"
	wait_child 180
	child_passed $who
done
finish
