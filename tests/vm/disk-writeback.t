#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Data that the root side took and can't keep: no flush of that disk succeeds
# any more, until it is removed and added again.
# root-kernel: 6.1
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script writeback <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc; do modprobe $m; done
first_disk >/dev/null; ok $? 'the disk is there'
d=$(first_disk)
# The disk may go at any moment: opened to be read it is no new file in /dev.
flush() { [ -b $1 ] && dd if=/dev/zero of=/proc/self/fd/3 bs=4k count=1 conv=fsync 2>/dev/null 3<$1; }
run 'it can be flushed' flush $d
run 'more than it has room for is taken' dd if=/dev/urandom of=$d bs=64k count=48 oflag=direct
n=0
for i in 1 2 3 4; do
	flush $d || n=$((n + 1))
done
is $n 4 'each flush fails'
echo 'phase again'
again() {
	for b in /sys/block/sd?; do flush /dev/${b##*/} && return; done
	return 1
}
wait_for 60 again; ok $? 'there again, it can be flushed'
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--script "$OUT/writeback.sh"
enter_root

mkdir "$T/small"
mount -t tmpfs -o size=1m none "$T/small"
truncate -s 4M "$T/small/image"
loop=$(losetup --find --show "$T/small/image")
ok $? 'a loop device on a file system that is too small' || note "$loop"
start_child ours 6.1 ours '' --memory 256M --scsi "file=$loop"
wait_line ours '^phase again' 120; ok $? 'the flushes have failed'
is "$(control --json disk list | jq -r '.[0].state')" 'write-back failed' 'hvctl shows it'
is "$(control stats | grep -c 'write-back failed')" 1 'and so do the statistics'
is "$(grep -c "$loop: write-back failed" "$T/ours.log")" 1 'the log says so, once'
control disk remove 0
mount -o remount,size=16m "$T/small"
is "$(control disk add "file=$loop,lun=0")" 0:0 'it comes back, with more room'
is "$(control --json disk list | jq -r '.[0].state != "write-back failed"')" true \
	'what is lost is not counted twice'
wait_child 90
child_passed ours
losetup -d "$loop"
umount "$T/small"
finish
