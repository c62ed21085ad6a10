#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a read costs, in counts: they hold on any machine, times do not.  A child
# reads 4 KiB blocks of a null disk; two looks at the worker's counters while it
# does give exits, doorbells and interrupts per read in the steady state.  The
# child with in-tree modules and the one with ours take turns, the other paused.
# ENLIGHT_ROUNDS: how many turns each gets.
# tier: long
# root-kernel: 6.1
# alone: yes
# timeout: 1500
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"
. "$PROJECT/tests/vm/lib-turns.sh"

guest_script numbers <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc; do modprobe $m || ok 1 "$m loads"; done
lun() { b=$(ls -d /sys/bus/scsi/devices/*:0:0:$1/block/*) && basename "$b"; }
wait_for 30 lun 1; ok $? 'the disks are there'
disk=/dev/$(lun 0)
echo none >/sys/block/${disk#/dev/}/queue/scheduler
wait_for 10 test -e $disk
reads() { # PHASE DEPTH LUN FIO-OPTION...
	phase=$1 depth=$2 lun=$3
	shift 3
	fio --name=r --filename=$disk --rw=randread --bs=4k --direct=1 --norandommap \
		--ioengine=libaio --iodepth=$depth "$@" --time_based --runtime=1000 >/tmp/fio 2>&1 &
	echo "phase $phase"
	told $lun 900; ok $? "$phase was looked at"
	kill -INT $!; wait $!
	grep -E 'IOPS|lat .*avg|cpu' /tmp/fio | while read -r l; do note "$l"; done
}
reads depth1 1 2
reads depth32 32 3
reads batch 32 4 --iodepth_batch_submit=16 --iodepth_batch_complete_min=16
echo 'phase idle'
told 5 900; ok $? 'the idle worker was looked at'
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
told 6 900; ok $? 'and the one before the cycles'
# The scan that found it has an end; in-tree, a driver taken off meanwhile hangs.
sleep 5
n=0
while [ $n -lt 100 ] && cycle; do n=$((n + 1)); done
is $n 100 'cycles of close and open'
echo 'phase after'
told 7 900; ok $? 'and after them'
EOF
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available "$STORAGE_MODULES" --ours "$ours" --with fio \
		--script "$OUT/numbers.sh"
done
enter_root
trap 'end_children; cleanup' EXIT

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
	local who=$1 phase=$2 reads
	steady || { fail "$who: $phase: fio reads"; return; }
	control --json stats >"$T/a.json"
	sleep 6
	control --json stats >"$T/b.json"
	reads=$(growth "$T/a.json" "$T/b.json" '.disks[0].reads')
	[ "$reads" -gt 100 ] || { fail "$who: $phase: only $reads reads"; return; }
	turn_value "$who,$phase,reads" "$reads"
	turn_costs "$who,$phase" "$T/a.json" "$T/b.json" "$reads" \
		'syscalls [.workers[].system_calls] | add'
}

begin() { # WHO: up to the phase depth1
	start_child "$1" 6.1 "$1" '' --processors 2 --memory 256M \
		--scsi format=null,size=16G,lun=0 --scsi "file=$T/$1.img,lun=1"
	wait_line "$1" '^phase depth1' 180 || { fail "$1: depth1 begins"; show_run "$1"; }
	keep_child "$1"
}

turns() { # PHASE: begun in all children, who are paused
	local round who
	for ((round = 0; round < ROUNDS; round++)); do
		for who in stock ours; do
			child_lives $who
			control resume
			measure $who "$1"
			child_lives $who
			control pause
			note "$who $1: doorbells ${TURNS[$who,$1,doorbells]:-}"
		done
	done
}

go_to() { # WHO PHASE LUN: on to the phase
	child_lives "$1"
	control resume
	go_on $3
	wait_line "$1" "^phase $2" 180 || fail "$1: $2 begins"
	steady || fail "$1: $2: fio reads"
	control pause
}

# At the end of its reads: what the worker holds, and whether it holds more after
# 100 cycles of close and open.
cycles() { # WHO
	child_lives "$1"
	control resume
	go_on 4
	wait_line "$1" '^phase idle' 180; ok $? "$1: its reads are over"
	control --json stats >"$T/idle.json"
	go_on 5
	N[$1,resident]=$(jq .process.resident_own "$T/idle.json")
	wait_line "$1" '^phase before' 180; ok $? "$1: its cycles begin"
	sleep 1
	control --json stats >"$T/before.json"
	go_on 6
	wait_line "$1" '^phase after' 600; ok $? "$1: its cycles are over"
	sleep 1
	control --json stats >"$T/after.json"
	go_on 7
	N[$1,left]=$(jq -s '[.[1], .[0] | .process.open_files + .process.threads + .vmbus.gpadls]
		| .[0] - .[1]' "$T/before.json" "$T/after.json")
	N[$1,opens]=$(jq -s '.[1].channels[0].opens - .[0].channels[0].opens' \
		"$T/before.json" "$T/after.json")
	wait_child 60
	child_passed "$1"
	N[$1,copied]=$(stat_of "$1" '[.disks[].bytes_copied] | add')
	N[$1,moved]=$(stat_of "$1" '.disks[1].bytes_read + .disks[1].bytes_written')
}

for who in stock ours; do
	truncate -s 16M "$T/$who.img"
	begin $who
	control pause
done
turns depth1
for who in stock ours; do go_to $who depth32 2; done
turns depth32
for who in stock ours; do go_to $who batch 3; done
turns batch
for who in stock ours; do cycles $who; done

row() { printf '# %-58s %10s %10s %8s\n' "$@"; }
row "per 4 KiB read, medians of $ROUNDS turns, if it says no other" in-tree ours 'must be'
row 'user-space exits, depth 1' "${N[stock,depth1,exits]}" "${N[ours,depth1,exits]}" '< 0.01'
row 'user-space exits, depth 32' "${N[stock,depth32,exits]}" "${N[ours,depth32,exits]}" '< 0.01'
row 'doorbells, depth 1' "${N[stock,depth1,doorbells]}" "${N[ours,depth1,doorbells]}" ''
row 'doorbells, depth 32' "${N[stock,depth32,doorbells]}" "${N[ours,depth32,doorbells]}" 'as many'
row 'doorbells, depth 32, 16 in a call' "${N[stock,batch,doorbells]}" \
	"${N[ours,batch,doorbells]}" '<= 0.07'
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
	at_least "${N[$who,moved]}" 16777216 "$who: bytes moved to and from a file"
	at_most "${N[$who,left]}" 0 "$who: left after 100 cycles"
	is "${N[$who,opens]}" 100 "$who: the channel was opened 100 times"
done
# Reads that come one in a call ring when the root has emptied the ring before the next one
# comes, which the two processors' speed decides and no driver: kernel/storvsc/hold.c tells
# why none of them is made to wait. What a turn has differs from the next by a tenth.
at_most "$(turn_ratio ours,depth32,doorbells stock,depth32,doorbells)" 1.2 \
	'ours to in-tree: doorbells, depth 32'
# Of a burst that the block layer announces ours rings once.
at_most "${N[ours,batch,doorbells]}" 0.07 'ours: doorbells, depth 32, 16 in a call'
at_most "$(turn_ratio ours,batch,doorbells stock,batch,doorbells)" 0.8 \
	'ours to in-tree: doorbells, depth 32, 16 in a call'
at_most "${N[ours,depth32,interrupts]}" 0.25 'ours: interrupts, depth 32'
finish
