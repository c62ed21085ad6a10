#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What tools find below /sys/bus/vmbus: names and formats on our bus are those
# of the in-tree one; reading never harms, not of a closed channel and not
# while the driver comes and goes; drivers can be chosen by hand.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"

guest_script sysfs <<'EOF'
scsi='ba6163d9-04a1-4d29-b605-72e2ffb1dc7f'
drivers=/sys/bus/vmbus/drivers
relid() { cat $dev/id; }
readall() { find -L $dev/ -maxdepth 3 -type f -perm -0400 ! -path '*/power/*' ! -name ring | while read -r f; do cat "$f"; done >/dev/null 2>&1; }
value() { # FILE PATTERN NAME
	v=$(cat "$dev/$1" 2>&1)
	echo "$v" | grep -qE "^$2\$" || { note "$1 is '$v'"; ok 1 "$3"; return; }
	ok 0 "$3"
}
modprobe sd_mod; modprobe hv_vmbus
wait_for 10 sh -c 'ls -d /sys/bus/vmbus/devices/*'
dev=$(ls -d /sys/bus/vmbus/devices/* | head -n 1)
id=${dev##*/}

echo 'closed'
value id '[1-9][0-9]*' 'relid'
value class_id "\{$scsi\}" 'class, in braces'
value device_id "\{$id\}" 'instance, in braces, is the device name'
value modalias 'vmbus:d96361baa104294db60572e2ffb1dc7f' 'modalias'
value vendor 0x1414 'vendor'
value device 0x1 'type'
value state '[0-9]' 'state'
value numa_node '[0-9]+|-1' 'NUMA node'
value channel_vp_mapping "$(relid):[0-9]+" 'channel and CPU'
is "$(grep MODALIAS $dev/uevent)" 'MODALIAS=vmbus:d96361baa104294db60572e2ffb1dc7f' 'uevent has it'
cat $dev/out_read_index >/dev/null 2>&1
is $? 1 'a closed ring cannot be read'
cat $dev/channels/$(relid)/write_avail >/dev/null 2>&1
is $? 1 'in the channel neither'
echo 0 2>/dev/null >$dev/channels/$(relid)/cpu
is $? 1 'a closed channel is not moved'
readall
ls $dev $dev/channels/$(relid) | grep -v : | sort >/tmp/names
note "files: $(tr '\n' ' ' </tmp/names)"
! grep -q in-tree /proc/cmdline || end_here

modprobe hv_storvsc
wait_for 10 test -e $dev/driver
wait_for 10 test -e /sys/block/sda
c=$dev/channels/$(relid)
for f in out_intr_mask in_intr_mask; do value $f '[01]' $f; done
for d in in out; do
	for f in read_index write_index read_bytes_avail write_bytes_avail; do
		value ${d}_$f '[0-9]+' ${d}_$f
	done
done
dd if=/dev/sda of=/dev/null bs=64k count=16 2>/dev/null
[ "$(cat $c/interrupts)" -gt 0 ]; ok $? 'interrupts counted'
[ "$(cat $c/events)" -gt 0 ]; ok $? 'signals counted'
is "$(cat $c/subchannel_id)" 0 'primary channel'
[ "$(cat $dev/out_write_bytes_avail)" -gt 0 ]; ok $? 'room in the ring'
was=$(cat $c/cpu)
run 'the channel moves to the other CPU' sh -c "echo $((1 - was)) >$c/cpu"
is "$(cat $c/cpu)" $((1 - was)) 'and says so'
echo 3 >/proc/sys/vm/drop_caches
run 'it works there' dd if=/dev/sda of=/dev/null bs=64k count=16
sh -c "echo 63 >$c/cpu" 2>/dev/null
is $? 1 'no such CPU'
run 'debugfs has the rings' grep -q 'out size' /sys/kernel/debug/hv_vmbus/$id

( while [ ! -e /tmp/stop ]; do readall; cat /sys/kernel/debug/hv_vmbus/* >/dev/null 2>&1; done ) &
n=0
while [ $n -lt 20 ]; do
	echo $id >$drivers/hv_storvsc/unbind || break
	echo $id >$drivers/hv_storvsc/bind || break
	wait_for 20 test -e /sys/block/sda || break
	n=$((n + 1))
done
touch /tmp/stop; wait
is $n 20 'unbound and bound while being read'

# Whether uio_hv_generic was asked since the last time.  Older ones want monitor
# bits, of which this root has none, and say so; newer ones take the device.
seen=0
asked() {
	count=$(dmesg | grep -c "uio_hv_generic $id: ")
	was=$seen seen=$count
	if [ "$(basename "$(readlink $dev/driver)")" = uio_hv_generic ]; then
		note 'uio_hv_generic has it'
		echo $id >$drivers/uio_hv_generic/unbind
		return
	fi
	[ $count -gt $was ]
}
modprobe uio_hv_generic
echo $id >$drivers/hv_storvsc/unbind
echo uio_hv_generic >$dev/driver_override
is "$(cat $dev/driver_override)" uio_hv_generic 'driver_override'
sh -c "echo $id >$drivers/hv_storvsc/bind" 2>/dev/null
is $? 1 'another driver does not get the device then'
sh -c "echo $id >$drivers/uio_hv_generic/bind" 2>/dev/null
asked; ok $? 'the one named is asked'
echo >$dev/driver_override
asked
is $? 1 'once'
run 'new_id' sh -c "echo $scsi >$drivers/uio_hv_generic/new_id"
asked; ok $? 'its driver is asked at once'
sh -c "echo $scsi >$drivers/uio_hv_generic/new_id" 2>/dev/null
is $? 1 'the same id not twice'
run 'remove_id' sh -c "echo $scsi >$drivers/uio_hv_generic/remove_id"
sh -c "echo $id >$drivers/uio_hv_generic/bind" 2>/dev/null
asked
is $? 1 'then it is asked no more'
run 'hv_storvsc takes it again' sh -c "echo $id >$drivers/hv_storvsc/bind"
wait_for 20 test -e /sys/block/sda; ok $? 'with its disk'
rmmod uio_hv_generic; rmmod hv_storvsc; rmmod hv_vmbus
ok $? 'all unloaded'
EOF
for k in 6.1 6.12; do
	initramfs "$k" "$k" --available 'hv_vmbus hv_storvsc sd_mod uio_hv_generic' \
		--ours 'hv_vmbus hv_storvsc' --script "$OUT/sysfs.sh"
	initramfs "in-tree-$k" "$k" --available 'hv_vmbus hv_storvsc sd_mod' \
		--script "$OUT/sysfs.sh"
done
enter_root

truncate -s 16M "$T/disk.img"
for k in 6.1 6.12; do
	CHILD_LIMIT=300 run_child "$k" "$k" "$k" quiet --processors 2 \
		--memory 256M --scsi "file=$T/disk.img"
	child_passed "$k"
	# Of the in-tree bus its list of files is wanted, which is the norm.
	CHILD_LIMIT=300 run_child "in-tree-$k" "$k" "in-tree-$k" 'quiet in-tree' \
		--processors 2 --memory 256M --scsi "file=$T/disk.img"
	grep -q '^# files: .*channels' "$T/in-tree-$k.verdict"
	ok $? "$k: the in-tree bus lists its files"
	is "$(grep '^# files:' "$T/$k.verdict")" \
		"$(grep '^# files:' "$T/in-tree-$k.verdict")" \
		"$k: the files are those of the in-tree bus"
done
finish
