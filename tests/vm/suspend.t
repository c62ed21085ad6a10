#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The hibernation hooks: every device and the bus itself are frozen, the
# connection is unloaded and made again with the same version, and the disk
# goes on under a mounted file system.
# root-kernel: 6.1
# timeout: 1300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script suspend <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc ext4 crc32c_generic; do modprobe $m; done
disk=$(first_disk); ok $? 'the disk is there'
mkfs.ext4 -q $disk && mount -t ext4 $disk /mnt; ok $? 'mounted'
dd if=/dev/urandom of=/mnt/a bs=1M count=4 2>/dev/null
sync
sum=$(sha256sum </mnt/a)
echo core >/sys/power/pm_test; ok $? 'suspend test mode'
n=0 all=$(amount 1 3)
while [ $n -lt $all ]; do
	run "round $n: freeze and thaw" sh -c 'echo disk >/sys/power/state'
	echo 3 >/proc/sys/vm/drop_caches
	is "$(sha256sum </mnt/a)" "$sum" "round $n: the file reads the same"
	run "round $n: writing works" dd if=/dev/urandom of=/mnt/b bs=1M count=2 conv=fsync
	n=$((n + 1))
done
umount /mnt; ok $? 'umount'
# The in-tree bus says it once.
grep -q O /sys/module/hv_vmbus/taint || end_here
is "$(dmesg | grep -c 'Vmbus version')" $((all + 1)) 'connected once at boot and once a round'
EOF
for k in 6.1 6.12; do
	initramfs ours-$k $k --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
		--with mkfs.ext4 --script "$OUT/suspend.sh"
done
initramfs stock-6.1 6.1 --available "$STORAGE_MODULES" --with mkfs.ext4 \
	--script "$OUT/suspend.sh"
enter_root

# shellcheck disable=SC2046 # a list of runs
for run in $(amount ours-6.1 "ours-6.1 ours-6.12 stock-6.1"); do
	truncate -s 64M "$T/disk.img"
	CHILD_LIMIT=400 run_child "$run" "${run#*-}" "$run" '' --processors 8 --memory 512M \
		--scsi "file=$T/disk.img"
	child_passed "$run"
	e2fsck -fn "$T/disk.img" >/dev/null 2>&1; ok $? "$run: e2fsck finds it clean"
	rm "$T/disk.img"
done
finish
