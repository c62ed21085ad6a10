#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Hibernation to disk and back: the child writes its memory to a disk and powers off;
# a second worker with the same disks and card boots the kernel, which restores the
# image. Programs, a mounted file system and the network go on, with the smaller MTU of
# the second's card; with 6.1 twice.
# root-kernel: 6.1
# timeout: 1200
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script hibernate <<'EOS'
disk() { # SECTORS: the disk of that size
	for b in /sys/block/sd*; do
		[ "$(cat $b/size 2>/dev/null)" = "$1" ] && echo "/dev/${b##*/}" && return
	done
	return 1
}
swap=1048576 data=131072
for m in hv_vmbus sd_mod hv_storvsc hv_netvsc ext4 crc32c_generic; do modprobe $m; done
wait_for 60 disk $swap && wait_for 60 disk $data || ok 1 'the disks are there'
s=$(disk $swap)
# Comes back only when there's no image.
cat /sys/block/${s##*/}/dev >/sys/power/resume 2>/dev/null
[ "$(word boot)" = first ]; ok $? 'no image is lost'
echo 'phase fresh'

mkswap $s >/dev/null && swapon $s; ok $? 'swap'
d=$(disk $data)
mkfs.ext4 -q $d && mount -t ext4 $d /mnt; ok $? 'mounted'
dd if=/dev/urandom of=/mnt/a bs=1M count=4 2>/dev/null
sum=$(sha256sum </mnt/a)
c=$(card); card_up $c; ok $? 'the link is up'
wait_for 10 ping -c1 -W1 $PEER; ok $? 'the peer answers'
boot=$(cat /proc/sys/kernel/random/boot_id)
( n=0; while [ ! -e /tmp/stop ]; do n=$((n + 1)); echo $n >/tmp/ticks; sleep 0.2; done ) & ticker=$!

echo 0 >/sys/power/image_size	# as small as can be
n=0
while [ $n -lt "$(word rounds)" ]; do
	echo "phase sleep $n"
	printed
	run "round $n: hibernated and woke" sh -c 'echo disk >/sys/power/state'
	echo "phase awake $n"
	is "$(cat /proc/sys/kernel/random/boot_id)" $boot "round $n: it's the same boot"
	t=$(cat /tmp/ticks)
	wait_for 20 sh -c "[ \$(cat /tmp/ticks) -gt $t ]"; ok $? "round $n: a program goes on"
	echo 3 >/proc/sys/vm/drop_caches
	is "$(sha256sum </mnt/a)" "$sum" "round $n: the file reads the same"
	run "round $n: writing works" dd if=/dev/urandom of=/mnt/b bs=1M count=2 conv=fsync
	carrier $c 20; ok $? "round $n: the link is up"
	wait_for 20 ping -c1 -W1 $PEER; ok $? "round $n: the peer answers"
	is "$(cat /sys/class/net/$c/mtu)" 1400 "round $n: the card's MTU"
	n=$((n + 1))
done
touch /tmp/stop; wait $ticker
umount /mnt; ok $? 'umount'
swapoff $s; ok $? 'swapoff'
is "$(dmesg | grep -c 'MTU reduced from 1500 to 1400')" 1 'a line about the MTU'
is "$(dmesg | grep -c 'has not been offered again')" 0 'missing devices'
is "$(dmesg | grep -E 'hv_(vmbus:|storvsc|netvsc).*(error|fail|timed out)' | grep -v 'module verification')" '' 'no complaint'
EOS
KERNELS=$(amount 6.1 '6.1 6.12')
for k in $KERNELS; do
	initramfs ours-$k $k --available "hv_vmbus hv_storvsc hv_netvsc sd_mod ext4 crc32c_generic" \
		--ours 'hv_vmbus hv_storvsc hv_netvsc' --with mkfs.ext4 --script "$OUT/hibernate.sh"
done
enter_net
tap tap0 multi_queue
peer tap0

# boot RUN KERNEL CMDLINE [MTU]: the same machine, in a worker of its own.
boot() {
	start_child "$1" "$2" "ours-$2" "$3" --processors 2 --memory 256M \
		--scsi "file=$T/swap.img" --scsi "file=$T/data.img" --net "tap=tap0,queues=2${4:+,mtu=$4}"
	wait_child 280
}
for k in $KERNELS; do
	rounds=1
	[ $k != 6.1 ] || rounds=$(amount 1 2)
	truncate -s 512M "$T/swap.img"
	truncate -s 64M "$T/data.img"
	boot "$k-0" $k "boot=first rounds=$rounds"
	for ((n = 0; n < rounds; n++)); do
		is "$CHILD_STATUS" 0 "$k-$n: the child powered off" || show_run "$k-$n"
		is "$(tail -n 1 "$T/$k-$n.verdict" | tr -d '\r')" "phase sleep $n" "$k-$n: asleep"
		relay_results "$k-$n"
		no_splats "$k-$n"
		boot "$k-$((n + 1))" $k boot=again 1400
	done
	child_passed "$k-$rounds"
	e2fsck -fn "$T/data.img" >/dev/null 2>&1; ok $? "$k: e2fsck finds it clean"
	rm "$T"/*.img
done
finish
