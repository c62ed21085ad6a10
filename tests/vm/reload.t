#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Cycles of unloading and loading our modules with a disk behind them, every
# other one while the disk is still being looked for: nothing is leaked in the
# child, and in the worker there are as many open files and threads afterwards as
# before.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script reload <<'EOF'
cycle() {
	# A scan under way holds the module; it is taken off as soon as it can be.
	wait_for 30 rmmod hv_storvsc && rmmod hv_vmbus &&
		modprobe hv_vmbus && modprobe hv_storvsc || return
	[ $((n % 2)) = 0 ] || wait_for 30 test -e /sys/block/sda
}
warm=$(amount 3 10) all=$(amount 16 100)
free_kib() {
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	awk '/MemFree/ { print $2 }' /proc/meminfo
}
modprobe sd_mod; modprobe hv_vmbus; modprobe hv_storvsc
disk=$(first_disk); ok $? 'the disk is there'
n=0
while [ $n -lt $warm ] && cycle; do n=$((n + 1)); done
before=$(free_kib)
echo "phase warm"
told 5; ok $? 'the worker was looked at'
while [ $n -lt $all ] && cycle; do
	if [ $((n % 2)) = 1 ]; then
		dd if=/dev/sda of=/dev/null bs=64k count=4 2>/dev/null || break
	fi
	n=$((n + 1))
done
is $n $all 'cycles'
after=$(free_kib)
note "free memory: $before KiB after $warm cycles, $after KiB after $all"
[ $((before - after)) -lt 4096 ]; ok $? "less than 4 MiB gone in $((all - warm)) cycles"
echo "phase done"
told 6; ok $? 'and once more'
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--script "$OUT/reload.sh"
enter_root

truncate -s 16M "$T/disk.img"
start_child reload 6.1 ours '' --processors 2 --memory 256M --scsi "file=$T/disk.img"
wait_line reload '^phase warm' 200; ok $? 'the first cycles done'
before=$(left)
sign_lun 5
wait_line reload '^phase done' 500; ok $? 'all cycles done'
none_more "$before" 'open files and threads of the worker after all cycles'
sign_lun 6
wait_child 100
child_passed reload
finish
