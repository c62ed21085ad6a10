#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a read costs, in counts: they hold on any machine, times do not.  A child
# reads 4 KiB blocks of a null disk; two looks at the worker's counters while it
# does give exits, doorbells and interrupts per read in the steady state.
# tier: long
# root-kernel: 6.1
# timeout: 1500
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script numbers <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc; do modprobe $m || ok 1 "$m loads"; done
lun() { b=$(ls -d /sys/bus/scsi/devices/*:0:0:$1/block/*) && basename "$b"; }
wait_for 30 lun 1; ok $? 'the disks are there'
disk=/dev/$(lun 0)
echo none >/sys/block/${disk#/dev/}/queue/scheduler
wait_for 10 test -e $disk
there() { ls -d /sys/bus/scsi/devices/*:0:0:$1 >/dev/null 2>&1; }
# A LUN that the root partition adds says: it has seen what it wanted to see.
told() { # LUN
	i=0
	until there $1; do
		[ $i -lt 900 ] || return 1
		i=$((i + 1))
		sleep 1
	done
}
reads() { # PHASE DEPTH LUN
	fio --name=r --filename=$disk --rw=randread --bs=4k --direct=1 --norandommap \
		--ioengine=libaio --iodepth=$2 --time_based --runtime=1000 >/tmp/fio 2>&1 &
	echo "phase $1"
	told $3; ok $? "depth $2 was looked at"
	kill -INT $!; wait $!
	grep -E 'IOPS|lat .*avg|cpu' /tmp/fio | while read -r l; do note "$l"; done
}
reads depth1 1 2
reads depth32 32 3
echo 'phase idle'
told 4; ok $? 'the idle worker was looked at'
run 'write a file' dd if=/dev/zero of=/dev/$(lun 1) bs=64k count=128 oflag=direct
run 'read a file' dd if=/dev/$(lun 1) of=/dev/null bs=64k count=128 iflag=direct
dev=$(basename "$(readlink -f /sys/block/${disk#/dev/}/device/../../../..)")
drv=/sys/bus/vmbus/drivers/hv_storvsc
[ -e $drv/$dev ] || dev=$(basename "$(ls -d $drv/*-*-*)")
# Without a disk driver, whose look for partitions takes most of the time.
run 'the disk driver is taken off' rmmod sd_mod
cycle() {
	echo $dev >$drv/unbind && echo $dev >$drv/bind && wait_for 60 there 1
}
cycle; cycle
ok $? 'the device is closed and opened'
echo 'phase before'
told 5; ok $? 'and the one before the cycles'
# The scan that found it has an end; in-tree, a driver taken off meanwhile hangs.
sleep 5
n=0
while [ $n -lt 100 ] && cycle; do n=$((n + 1)); done
is $n 100 'cycles of close and open'
echo 'phase after'
told 6; ok $? 'and after them'
EOF
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available "$STORAGE_MODULES" --ours "$ours" --with fio \
		--script "$OUT/numbers.sh"
done
enter_root

declare -A N

# value FILE FILTER
value() { jq -r "$2" "$1"; }
# rate A B FILTER: its growth per read from A to B
rate() {
	local reads
	reads=$(($(value "$2" '.disks[0].reads') - $(value "$1" '.disks[0].reads')))
	[ "$reads" -gt 100 ] || { note "only $reads reads" >&2; return; }
	awk -v a="$(value "$1" "$3")" -v b="$(value "$2" "$3")" -v n="$reads" \
		'BEGIN { printf "%.4f", (b - a) / n }'
}

# Waits until fio has begun and read for a second: it takes its time to start.
steady() {
	local before now i
	for ((i = 0; i < 60; i++)); do
		before=$(control --json stats | jq '.disks[0].reads') || return 1
		sleep 1
		now=$(control --json stats | jq '.disks[0].reads') || return 1
		[ $((now - before)) -lt 100 ] || return 0
	done
	return 1
}

# The child may go on.
go_on() { # LUN
	is "$(control disk add "format=null,size=1M,lun=$1" 2>&1)" "0:$1" "a LUN as a sign"
}

# Two looks at a phase that has become steady.
measure() { # WHO PHASE
	local who=$1 phase=$2 a=$T/a.json b=$T/b.json k
	for k in exits doorbells interrupts kvm syscalls reads; do
		N[$who,$phase,$k]=
	done
	wait_line "$who" "^phase $phase" 180 || { fail "$who: $phase begins"; return; }
	steady || { fail "$who: $phase: fio reads"; return; }
	control --json stats >"$a"
	sleep 6
	control --json stats >"$b"
	N[$who,$phase,exits]=$(rate "$a" "$b" .user_exits.all)
	N[$who,$phase,doorbells]=$(rate "$a" "$b" '[.channels[].signals_in] | add')
	N[$who,$phase,interrupts]=$(rate "$a" "$b" '[.channels[].interrupts_out] | add')
	N[$who,$phase,kvm]=$(rate "$a" "$b" .kvm.exits)
	N[$who,$phase,syscalls]=$(rate "$a" "$b" '[.workers[].system_calls] | add')
	N[$who,$phase,reads]=$(($(value "$b" '.disks[0].reads') - $(value "$a" '.disks[0].reads')))
}

run_numbers() { # WHO
	local who=$1
	truncate -s 16M "$T/disk.img"
	start_child "$who" 6.1 "$who" '' --processors 2 --memory 256M \
		--scsi format=null,size=16G,lun=0 --scsi "file=$T/disk.img,lun=1"
	measure "$who" depth1
	go_on 2
	measure "$who" depth32
	go_on 3
	wait_line "$who" '^phase idle' 180
	control --json stats >"$T/idle.json"
	go_on 4
	N[$who,resident]=$(value "$T/idle.json" .process.resident_own)
	wait_line "$who" '^phase before' 180
	sleep 1
	control --json stats >"$T/before.json"
	go_on 5
	wait_line "$who" '^phase after' 600
	sleep 1
	control --json stats >"$T/after.json"
	go_on 6
	N[$who,left]=$(jq -s '[.[1], .[0] | .process.open_files + .process.threads + .vmbus.gpadls]
		| .[0] - .[1]' "$T/before.json" "$T/after.json")
	N[$who,opens]=$(jq -s '.[1].channels[0].opens - .[0].channels[0].opens' \
		"$T/before.json" "$T/after.json")
	wait_child 60
	child_passed "$who"
	N[$who,copied]=$(stat_of "$who" '[.disks[].bytes_copied] | add')
	N[$who,moved]=$(stat_of "$who" '.disks[1].bytes_read + .disks[1].bytes_written')
}
run_numbers stock
run_numbers ours

row() { printf '# %-58s %10s %10s %8s\n' "$@"; }
row 'per 4 KiB read, unless it says otherwise' in-tree ours 'must be'
row 'user-space exits, depth 1' "${N[stock,depth1,exits]}" "${N[ours,depth1,exits]}" '< 0.01'
row 'user-space exits, depth 32' "${N[stock,depth32,exits]}" "${N[ours,depth32,exits]}" '< 0.01'
row 'doorbells, depth 1' "${N[stock,depth1,doorbells]}" "${N[ours,depth1,doorbells]}" ''
row 'doorbells, depth 32' "${N[stock,depth32,doorbells]}" "${N[ours,depth32,doorbells]}" '<= 0.25'
row 'interrupts, depth 1' "${N[stock,depth1,interrupts]}" "${N[ours,depth1,interrupts]}" ''
row 'interrupts, depth 32' "${N[stock,depth32,interrupts]}" "${N[ours,depth32,interrupts]}" '<= 0.25'
row 'all VM exits, depth 1' "${N[stock,depth1,kvm]}" "${N[ours,depth1,kvm]}" ''
row 'all VM exits, depth 32' "${N[stock,depth32,kvm]}" "${N[ours,depth32,kvm]}" ''
row 'system calls of the worker, depth 32' "${N[stock,depth32,syscalls]}" \
	"${N[ours,depth32,syscalls]}" ''
row 'reads in 6 s, depth 32 (of no meaning elsewhere)' "${N[stock,depth32,reads]}" \
	"${N[ours,depth32,reads]}" ''
row 'bytes copied by the root, in all' "${N[stock,copied]}" "${N[ours,copied]}" 0
row "the worker's own memory, KiB in all" $((N[stock,resident] / 1024)) \
	$((N[ours,resident] / 1024)) '<= 5120'
row 'files, threads, GPADLs left after 100 cycles, in all' "${N[stock,left]}" \
	"${N[ours,left]}" '0'

for who in stock ours; do
	at_most "${N[$who,depth1,exits]}" 0.0099 "$who: user-space exits, depth 1"
	at_most "${N[$who,depth32,exits]}" 0.0099 "$who: user-space exits, depth 32"
	at_most "${N[$who,resident]}" $((5 << 20)) "$who: the worker's own memory"
	at_most "${N[$who,copied]}" 0 "$who: bytes copied by the root"
	at_most 16777216 "${N[$who,moved]}" "$who: bytes moved to and from a file"
	at_most "${N[$who,left]}" 0 "$who: left after 100 cycles"
	is "${N[$who,opens]}" 100 "$who: the channel was opened 100 times"
done
at_most "${N[ours,depth32,doorbells]}" 0.25 'ours: doorbells, depth 32'
at_most "${N[ours,depth32,doorbells]}" "${N[stock,depth32,doorbells]}" \
	'ours: no more doorbells than in-tree'
at_most "${N[ours,depth32,interrupts]}" 0.25 'ours: interrupts, depth 32'
finish
