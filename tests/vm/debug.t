#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Our modules on a kernel with KASAN, UBSAN, lockdep, kmemleak and the like
# (tests/kernels/debug.config): everything that makes them allocate, lock, wait
# and free, and not a word from any checker.
# tier: debug
# root-kernel: 6.1
# timeout: 1400
. "$(dirname "$0")/lib.sh"

guest_script debug <<'EOF'
disk() { # SECTORS: the disk of that size
	for b in /sys/block/sd*; do
		[ "$(cat $b/size 2>/dev/null)" = "$1" ] && echo "/dev/${b##*/}" && return
	done
	return 1
}
stay=65536 go=32768 hot=16384
modprobe hv_vmbus && modprobe hv_storvsc; ok $? 'the modules load'
wait_for 60 disk $stay; ok $? 'the disk that stays'
wait_for 60 disk $go; ok $? 'the disk that goes'
keep=$(disk $stay)

echo "phase io"
run 'mkfs.ext4' mkfs.ext4 -q $keep
run 'mount' mount -t ext4 $keep /mnt
dd if=/dev/urandom of=/mnt/data bs=1M count=2 2>/dev/null
sum=$(sha256sum </mnt/data)
umount /mnt; echo 3 >/proc/sys/vm/drop_caches; mount -t ext4 $keep /mnt
is "$(sha256sum </mnt/data)" "$sum" 'the file reads back the same'
rm /mnt/data
run 'fstrim' fstrim /mnt
run 'umount' umount /mnt
run 'fio' fio --name=v --filename=$keep --rw=randrw --bsrange=512-128k --size=1m --numjobs=4 \
	--thread --ioengine=libaio --iodepth=16 --direct=1 --verify=crc32c --verify_fatal=1 \
	--offset_increment=4m --group_reporting --time_based=0
find /sys/bus/vmbus/devices/*/ -type f ! -name ring -exec cat {} + >/dev/null 2>&1
cat /sys/kernel/debug/hv_vmbus/* >/dev/null 2>&1

( while [ ! -e /tmp/stop ]; do
	dd if=$keep of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null || echo >/tmp/failed
done ) &
scans_end
cpus=/sys/devices/system/cpu
for c in 1 2 3; do echo 0 >$cpus/cpu$c/online || ok 1 "processor $c goes"; done
is "$(nproc)" "$(($(cat $cpus/present | cut -d- -f2) - 2))" 'processors are offline'
for c in 1 2 3; do echo 1 >$cpus/cpu$c/online || ok 1 "processor $c comes"; done
for c in /sys/bus/vmbus/devices/*/channels/*/cpu; do
	echo 2 >$c; ok $? 'a channel moves'
done

n=0
while [ $n -lt 3 ]; do
	d=$(disk $go) || break
	dd if=/dev/zero of=$d bs=16k count=100000 oflag=direct 2>/dev/null &
	writer=$!
	echo "phase take $n"
	wait_for 60 sh -c "! test -e /sys/block/${d##*/}" || break
	wait $writer && break
	echo "phase gone $n"
	wait_for 60 disk $go || break
	n=$((n + 1))
done
is $n 3 'rounds in which a controller was taken away and came back'

n=0
while [ $n -lt 3 ]; do
	echo "phase add $n"
	wait_for 60 disk $hot || break
	d=$(disk $hot)
	dd if=/dev/zero of=$d bs=16k count=100000 oflag=direct 2>/dev/null &
	echo "phase remove $n"
	wait_for 60 sh -c "! test -e /sys/block/${d##*/}" || break
	wait $!
	n=$((n + 1))
done
is $n 3 'rounds in which a disk came and went'

touch /tmp/stop; wait
test ! -e /tmp/failed; ok $? 'the other disk did not notice'

echo core >/sys/power/pm_test
run 'suspend and resume' sh -c 'echo disk >/sys/power/state'
run 'the disk reads' dd if=$keep of=/dev/null bs=64k count=16 iflag=direct

leaks 'kmemleak finds nothing'
n=0
while [ $n -lt 5 ]; do
	wait_for 60 rmmod hv_storvsc && rmmod hv_vmbus && modprobe hv_vmbus && modprobe hv_storvsc || break
	[ $((n % 2)) = 0 ] || wait_for 60 disk $stay || break	# or in the middle of it
	n=$((n + 1))
done
is $n 5 'reload cycles'
wait_for 60 disk $stay; ok $? 'the disk is back'
rmmod hv_storvsc; rmmod hv_vmbus; ok $? 'unloaded'
leaks 'nothing either when they are unloaded'
EOF
initramfs debug debug --available 'hv_vmbus hv_storvsc' --ours 'hv_vmbus hv_storvsc' \
	--with mkfs.ext4,fio --script "$OUT/debug.sh"
enter_root

truncate -s 32M "$T/stay.img"
truncate -s 16M "$T/go.img"
truncate -s 8M "$T/hot.img"
start_child debug debug debug 'no_hash_pointers' --processors 8 --memory 1G \
	--scsi "file=$T/stay.img,controller=0" --scsi "file=$T/go.img,controller=1"
wait_line debug '^phase io' 400; ok $? 'it boots'
for n in 0 1 2; do
	wait_line debug "^phase take $n\$" 200 || break
	sleep 0.5
	control controller remove 1; ok $? "round $n: a controller is taken away"
	wait_line debug "^phase gone $n\$" 100 || break
	control controller add 1 && control disk add "file=$T/go.img,controller=1"
	ok $? "round $n: and given back"
done
for n in 0 1 2; do
	wait_line debug "^phase add $n\$" 100 || break
	control disk add "file=$T/hot.img,lun=5"; ok $? "round $n: a disk is added"
	wait_line debug "^phase remove $n\$" 100 || break
	sleep 0.5
	control disk remove 0:5; ok $? "round $n: and removed"
done
wait_child 900
child_passed debug
finish
