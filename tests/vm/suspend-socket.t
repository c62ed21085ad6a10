#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A suspend with a connection of the kernel's own hv_sock open, whose owner is frozen:
# the machine sleeps all the same, and the connection ends when it is awake again. In
# its place the root then offers something else under the same instance, which is seen.
# root-kernel: 6.1
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script socket <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc hv_sock; do modprobe $m || ok 1 "$m loads"; done
disk=$(first_disk); ok $? 'the disk is there'
vsock_hold 5000 >/tmp/held 2>&1 & holder=$!
wait_for 10 grep -q listening /tmp/held; ok $? 'a program listens'
echo 'phase listens'
wait_for 60 grep -q connected /tmp/held; ok $? 'and is connected'
socket() { grep -l '^{00001388-facb-11e6-bd58-64006a7986d3}' /sys/bus/vmbus/devices/*/class_id; }
is "$(cat "$(dirname "$(socket)")/state")" 3 'the channel is open'

echo platform >/sys/power/pm_test; ok $? 'suspend test mode'
run 'freeze and thaw' sh -c 'echo disk >/sys/power/state'
wait_for 20 grep -q ended /tmp/held; ok $? "the connection ends: $(tail -n 1 /tmp/held)"
wait $holder; ok $? 'its owner, too'
gone() { [ -z "$(socket)" ]; }
wait_for 20 gone; ok $? 'its device goes'
two() { [ "$(ls -d /sys/bus/vmbus/drivers/hv_storvsc/*-*-*-*-* | wc -l)" = 2 ]; }
wait_for 20 two; ok $? 'a controller comes in its place'
run 'the disk reads' dd if=$disk of=/dev/null bs=64k count=16 iflag=direct
run 'freeze and thaw once more' sh -c 'echo disk >/sys/power/state'
two && ok 0 'both controllers stay' || ok 1 'both controllers stay'
run 'the disk reads' dd if=$disk of=/dev/null bs=64k count=16 iflag=direct
# The scan after a sleep has the driver in use while it goes on.
rmmod hv_sock && wait_for 30 rmmod hv_storvsc && rmmod hv_vmbus; ok $? 'unloaded'
is "$(dmesg | grep -E 'hv_vmbus.*(offer|suspend|resume)')" '' 'no complaint of the bus'
EOF
guest_program vsock_hold
for k in 6.1 6.12; do
	initramfs ours-$k $k --available "$STORAGE_MODULES hv_sock" --ours 'hv_vmbus hv_storvsc' \
		--file build/guest/vsock_hold:bin/vsock_hold --script "$OUT/socket.sh"
done
enter_root

for k in 6.1 6.12; do
	truncate -s 16M "$T/disk.img"
	start_child ours-$k $k ours-$k '' --processors 2 --memory 256M \
		--scsi "file=$T/disk.img" --fault scsi3:do=socket,count=1
	wait_line ours-$k '^phase listens' 60; ok $? "ours-$k: the child listens"
	control controller add 3; ok $? "$k: a connection is offered"
	wait_child 120
	child_passed ours-$k
	is "$(stat_of ours-$k .vmbus.faults)" 1 "$k: once as a socket"
done
finish
