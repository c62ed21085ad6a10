#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# NUMA nodes: the child sees as many as --numa says, of equal size, and the channels
# of several controllers and cards are spread over them, then over their processors.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"

guest_script numa <<'EOF'
nodes=$(word nodes) cpus=$(nproc)
sys=/sys/devices/system/node
is "$(ls -d $sys/node[0-9]* | wc -l)" "$nodes" 'nodes'
share=$((512 * 1024 / nodes)) uneven=0
for n in $sys/node[0-9]*; do
	[ "$(ls -d $n/cpu[0-9]* | wc -l)" = $((cpus / nodes)) ] || uneven=$((uneven + 1))
	kib=$(sed -n 's/.*MemTotal: *\([0-9]*\) kB/\1/p' $n/meminfo)
	[ "$kib" -gt $((share / 2)) ] && [ "$kib" -le $share ] || uneven=$((uneven + 1))
done
is $uneven 0 'each has its share of processors and memory'

for m in hv_vmbus hv_storvsc hv_netvsc; do modprobe $m || ok 1 "$m loads"; done
for c in /sys/class/net/*; do
	case $(readlink $c/device/driver) in *hv_netvsc) ip link set ${c##*/} up ;; esac
done
bus=/sys/bus/vmbus/devices
count() { [ "$(ls -d $bus/*/channels/* | wc -l)" = "$(word channels)" ]; }
wait_for 20 count; ok $? "channels: $(ls -d $bus/*/channels/* | wc -l)"

node_of() { basename "$(ls -d /sys/devices/system/cpu/cpu$1/node*)" | tr -d a-z; }
# LIMIT NAME [MORE]: of the numbers on standard input none comes more often than
# another of 0 to LIMIT - 1, but for MORE (1).
even() {
	sort | uniq -c | awk -v all="$1" -v more="${3:-1}" '{ n++; if (!min || $1 < min) min = $1
		if ($1 > max) max = $1 } END { exit max - (n < all ? 0 : min) > more }'
	ok $? "$2"
}
for d in $bus/*; do
	for c in $d/channels/*; do cat $c/cpu; done >/tmp/cpus
	while read -r cpu; do node_of $cpu; done </tmp/cpus >/tmp/nodes
	name="$(wc -l </tmp/cpus) channels on $(tr '\n' ' ' </tmp/cpus)"
	even $nodes "$name: spread over nodes" </tmp/nodes
	even $cpus "$name: and processors" </tmp/cpus
	first=$(ls $d/channels | sort -n | head -n 1)
	is "$(cat $d/numa_node)" "$(node_of "$(cat $d/channels/$first/cpu)")" 'numa_node is where it is'
	cat /tmp/nodes >>/tmp/all-nodes
	cat /tmp/cpus >>/tmp/all-cpus
done
# What is best for a device need not be so for all.
even $nodes 'all of them together: over nodes' "$(word more)" </tmp/all-nodes
even $cpus 'all of them together: over processors' "$(word more)" </tmp/all-cpus
EOF
for k in 6.1 6.12; do
	initramfs ours-$k $k --available 'hv_vmbus hv_storvsc hv_netvsc' \
		--ours 'hv_vmbus hv_storvsc hv_netvsc' --script "$OUT/numa.sh"
done
enter_root

run() { # RUN KERNEL NODES PROCESSORS CHANNELS MORE VMWP-OPTION...
	CHILD_LIMIT=180 run_child "$1" "$2" "ours-$2" "nodes=$3 channels=$5 more=$6" \
		--numa "$3" --processors "$4" --memory 512M "${@:7}"
	child_passed "$1"
}
disk() { echo "--scsi format=null,size=8M,controller=$1"; }
# A controller has a channel for every four processors, a card one for each.
# shellcheck disable=SC2046
{
	run two 6.1 2 4 2 1 $(disk 0) $(disk 1)
	run many 6.1 2 4 11 2 $(disk 0) $(disk 1) $(disk 2) --net null --net null
	run four 6.12 4 8 20 2 $(disk 0) $(disk 1) --net null --net null
}
finish
