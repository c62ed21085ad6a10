#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every version of the VMBus protocol, by cap: the child takes just that one,
# and its disk works.  With stock modules and with ours, which are taken out and
# brought back; not the stock bus, as Linux 6.1 has no timer left without it.
# root-kernel: 6.1
# timeout: 1200
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script versions <<'EOF'
want=$(word want)
for m in hv_vmbus sd_mod hv_storvsc; do modprobe $m || ok 1 "$m loads"; done
is "$(dmesg | sed -n 's/.*Vmbus version:\([0-9.]*\).*/\1/p')" "$want" 'version'
disk=$(first_disk); ok $? 'the disk is there'
head -c 1048576 /dev/urandom >/tmp/data
run 'write' dd if=/tmp/data of=$disk bs=64k oflag=direct
run 'read' dd if=$disk of=/tmp/back bs=64k count=16 iflag=direct
run 'the same data' cmp /tmp/data /tmp/back
rmmod hv_storvsc; ok $? 'the disk ends'
if grep -q O /sys/module/hv_vmbus/taint; then
	rmmod hv_vmbus; ok $? 'the bus ends'
	modprobe hv_vmbus; ok $? 'and comes again'
fi
modprobe hv_storvsc; ok $? 'the disk is asked for'
disk=$(first_disk); ok $? 'and comes again'
run 'read again' dd if=$disk of=/tmp/back bs=64k count=16 iflag=direct
run 'still the same' cmp /tmp/data /tmp/back
EOF
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available "$STORAGE_MODULES" --ours "$ours" \
		--script "$OUT/versions.sh"
done
enter_root

trap 'end_children; cleanup' EXIT

begin() { # WHO VERSION
	truncate -s 16M "$T/$1-$2.img"
	start_child "$1-$2" 6.1 "$1" "want=$2" --processors 2 --memory 256M \
		--vmbus-version "$2" --scsi "file=$T/$1-$2.img"
	keep_child "$1-$2"
}
ends() { # WHO VERSION
	use_child "$1-$2"
	wait_child 120
	child_passed "$1-$2"
	is "$(stat_of "$1-$2" .vmbus.messages_bad)" 0 "$1-$2: no bad message"
	rm "$T/$1-$2.img"
}
# Each version once in short, by one or the other.  Two children at a time: what
# boots leaves the other processor to its neighbour.
read -ra stock <<<"$(amount '2.4 4.0 5.0 5.2' '2.4 3.0 4.0 4.1 5.0 5.1 5.2 5.3')"
read -ra ours <<<"$(amount '3.0 4.1 5.1 5.3' '2.4 3.0 4.0 4.1 5.0 5.1 5.2 5.3')"
for i in "${!stock[@]}"; do
	begin stock "${stock[i]}"
	begin ours "${ours[i]}"
	ends stock "${stock[i]}"
	ends ours "${ours[i]}"
done
finish
