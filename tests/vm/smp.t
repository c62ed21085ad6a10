#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 1, 2 and 8 processors, with our modules; with 8 there are sub-channels, and
# all of them carry I/O. What 16 jobs of fio write at once is verified.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script smp <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc; do modprobe $m || ok 1 "$m loads"; done
disk=$(first_disk); ok $? 'the disk is there'
want=$(word want)
is "$(nproc)" "$want" 'processors'
wait_for 10 sh -c "[ \$(ls -d /sys/bus/vmbus/devices/*/channels/* | wc -l) -ge $(word channels) ]"
ok $? 'channels'
all_read() { # sets $read: processors that could
	i=0 read=0
	while [ $i -lt "$want" ]; do
		taskset "$(printf %x $((1 << i)))" dd if=$disk of=/dev/null bs=4k count=64 \
			skip=$((i * 64)) iflag=direct 2>/dev/null && read=$((read + 1))
		i=$((i + 1))
	done
}
idle() { # channels without an event
	for c in /sys/bus/vmbus/devices/*/channels/*; do
		[ "$(cat $c/events)" -gt 0 ] || echo "$c"
	done
}
# The driver opens a sub-channel some time after it is there.
busy() { all_read; [ -z "$(idle)" ]; }
wait_for 20 busy; is "$(idle)" '' 'channels without an event'
events() { cat /sys/bus/vmbus/devices/*/channels/*/events | tr '\n' ' '; }
before=$(events)
all_read; is $read "$want" 'processors that have read'
echo "$before $(events)" | awk '{ for (i = 1; i <= NF / 2; i++) print $(i + NF / 2) - $i }' >/tmp/events
note "events: $(tr '\n' ' ' </tmp/events)"
# One signal a read, and each channel has its share of the processors.
is "$(awk -v n=$((want * 64 / $(word channels) / 2)) '$1 < n' /tmp/events)" '' 'channels with less than half of their share'
run 'fio --verify, 16 jobs' fio --name=v --filename=$disk --rw=randwrite --bs=4k \
	--size=256k --offset_increment=256k --numjobs=16 --thread --ioengine=libaio \
	--iodepth=8 --direct=1 --verify=crc32c --do_verify=1 --verify_fatal=1
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--with fio --script "$OUT/smp.sh"
enter_root

for n in $(amount 8 "1 2 8"); do
	truncate -s 16M "$T/disk.img"
	CHILD_LIMIT=240 run_child "smp$n" 6.1 ours "want=$n channels=$(((n + 3) / 4))" \
		--processors $n --memory 512M --scsi "file=$T/disk.img"
	child_passed "smp$n"
done
finish
