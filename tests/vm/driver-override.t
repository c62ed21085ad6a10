#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# driver_override, new_id and remove_id are written, devices bound and unbound, and
# the driver loaded and unloaded, all at once: no checker says a word, no memory is
# lost, and afterwards each device has its driver.
# tier: debug
# root-kernel: 6.1
# timeout: 1800
. "$(dirname "$0")/lib.sh"

guest_script override <<'EOF'
bus=/sys/bus/vmbus
driver=$bus/drivers/hv_storvsc
modprobe hv_vmbus && modprobe hv_storvsc; ok $? 'the modules load'
bound() { [ "$(ls -d $driver/*-*-*-*-* 2>/dev/null | wc -l)" = "$1" ]; }
wait_for 100 bound 4; ok $? 'the driver has four devices'

# Counts its rounds in /tmp/NAME until /tmp/stop is there.
repeat() { # NAME COMMAND...
	name=$1 n=0
	shift
	while [ ! -e /tmp/stop ]; do
		"$@" && n=$((n + 1))
		echo $n >/tmp/$name
	done 2>/dev/null
}
write() {
	for d in $bus/devices/*-*-*-*-*; do
		echo a_driver_of_another_name_that_nobody_has >$d/driver_override
		echo hv_storvsc >$d/driver_override
		cat $d/driver_override >/dev/null
		echo >$d/driver_override
	done
}
# Each id written is one match for each device, from the driver's side.
ids() {
	for i in 1 2; do
		id=1234567$i-1234-1234-1234-123456789abc
		echo $id >$driver/new_id
		echo $id >$driver/remove_id
	done
}
rebind() {
	d=$(ls -d $bus/devices/*-*-*-*-* | head -n 1)
	echo ${d##*/} >$driver/unbind
	echo ${d##*/} >$driver/bind
	true
}
load() { modprobe -r hv_storvsc && modprobe hv_storvsc; }

# Without the driver going away, so that every id is looked for; then with.
( repeat write0 write ) & ( repeat write1 write ) & ( repeat ids ids ) &
( repeat rebind rebind ) &
# Checkers make each round slow, and a busy machine slower: what counts is how many.
many() { # ROUNDS NAME...
	least=$1
	shift
	for what; do [ "$(cat /tmp/$what 2>/dev/null || echo 0)" -ge $least ] || return 1; done
}
wait_for 300 many 8 write0 write1 ids rebind; ok $? 'eight rounds of each, or more'
( repeat load load ) &
# Each waits for the writers in its files, and they for the devices' probes: a minute
# and more for one round.
wait_for 300 many 3 load; ok $? 'the driver has gone and come three times, or more'
touch /tmp/stop; wait
for what in write0 write1 ids rebind load; do note "$what: $(cat /tmp/$what) rounds"; done

for d in $bus/devices/*-*-*-*-*; do echo >$d/driver_override; done
modprobe hv_storvsc; ok $? 'the driver loads'
wait_for 100 bound 4; ok $? 'each device has its driver again'

# A choice that is never undone goes with its device.
for d in $bus/devices/*-*-*-*-*; do echo a_driver_that_nobody_has >$d/driver_override; done
modprobe -r hv_storvsc && modprobe -r hv_vmbus; ok $? 'unloaded'
leaks 'kmemleak finds nothing'
EOF
initramfs debug debug --available 'hv_vmbus hv_storvsc' --ours 'hv_vmbus hv_storvsc' \
	--script "$OUT/override.sh"
enter_root

disks=()
for c in 0 1 2 3; do disks+=(--scsi "format=null,size=8M,controller=$c"); done
start_child debug debug debug 'no_hash_pointers' --processors 4 --memory 768M "${disks[@]}"
wait_child 1500
child_passed debug
finish
