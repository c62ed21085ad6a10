#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk goes and another, of the same file name, comes to its place while the
# child is paused, and then while it runs: the file system that is mounted on
# the first does not write into the second, which the child finds.  With stock
# modules and with ours.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script swap <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc ext4 crc32c_generic; do modprobe $m; done
there() { # the device at LUN 3
	for b in /sys/bus/scsi/devices/*:0:0:3/block/*; do
		[ -e "$b" ] && echo "${b##*/}" && return
	done
	return 1
}
wwid() { cat /sys/bus/scsi/devices/*:0:0:3/wwid 2>/dev/null; }
another() { [ -n "$(wwid)" ] && [ "$(wwid)" != "$old" ] && there; }
wait_for 30 there; d=$(there); ok $? 'the first disk'
mkfs.ext4 -q -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 /dev/$d
ok $? 'mkfs.ext4'
for n in 0 1; do
	old=$(wwid)
	mkdir -p /mnt/$n
	mount -t ext4 /dev/$d /mnt/$n; ok $? "round $n: mounted"
	( i=0; while :; do
		i=$((i + 1)); echo $i >/mnt/$n/file$((i % 8)); sync
	done 2>/dev/null ) &
	writer=$!
	sleep 1
	echo "phase swap $n"
	wait_for 90 another >/dev/null; ok $? "round $n: the second disk is found"
	sleep 2
	wait_for 10 test -e /dev/$(there)
	echo "sum $n $(sha256sum </dev/$(there) | cut -d' ' -f1)"
	kill $writer
	wait $writer 2>/dev/null
	umount -l /mnt/$n
	d=$(there)
	run "round $n: it can be written" dd if=/dev/$d of=/dev/$d bs=4k count=1 conv=notrunc,fsync
	# The next file system is the copy of the first.
	wait_for 10 sh -c "! grep -q /mnt/$n /proc/mounts"
done
EOF
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available "$STORAGE_MODULES" --ours "$ours" \
		--with mkfs.ext4 --script "$OUT/swap.sh"
done
enter_root

state() { control --json disk list | jq -r '.[0].state'; }
serial() { control --json disk list | jq -r '.[0].serial'; }

one_swap() { # RUN ROUND
	local run=$1 n=$2 before want
	wait_line "$run" "^phase swap $n" 120 || return
	before=$(serial)
	[ "$n" != 0 ] || control pause
	control disk remove 3; ok $? "$run: round $n: the first disk goes"
	# What it was written to is a valid file system, and a newer one than this.
	cp "$T/disk.img" "$T/copy.img"
	mv "$T/copy.img" "$T/disk.img"
	want=$(sha256sum <"$T/disk.img" | cut -d' ' -f1)
	is "$(control disk add "file=$T/disk.img,lun=3")" 0:3 "$run: round $n: another comes"
	[ "$(serial)" != "$before" ]; ok $? "$run: round $n: it has another serial number"
	if [ "$n" = 0 ]; then
		truncate -s 1M "$T/other.img"
		control disk add "file=$T/other.img,serial=$(serial)" 2>/dev/null
		is $? 1 "$run: a serial number is not given twice"
		is "$(state)" hidden "$run: the child does not see it while it is paused"
		control resume
	fi
	wait_line "$run" "^sum $n" 120 || return
	is "$(tr -d '\r' <"$T/$run.verdict" | sed -n "s/^sum $n //p")" "$want" \
		"$run: round $n: nothing was written into it"
	# After the second the child powers off.
	[ "$n" != 0 ] || is "$(state)" ok "$run: the child has seen it"
}

for who in stock ours; do
	rm -f "$T/disk.img"
	truncate -s 16M "$T/disk.img"
	start_child $who 6.1 $who '' --processors 2 --memory 256M \
		--scsi "file=$T/disk.img,lun=3"
	one_swap $who 0
	one_swap $who 1
	wait_child 120
	child_passed $who
done
finish
