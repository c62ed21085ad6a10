#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Module parameters out of range cost neither disk nor network: each is put into
# its range, and one line of the log says so. What is no number is refused.
# root-kernel: 6.1
# timeout: 200
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"
. "$PROJECT/tests/vm/lib-net.sh"

guest_script parameters <<'EOF'
has() { # MODULE PARAMETER VALUE
	is "$(cat "/sys/module/$1/parameters/$2")" "$3" "$1: $2 is $3"
}
said() { # MODULE PARAMETER: one warning
	is "$(dmesg | grep -c "^.\{0,20\} $1: parameter $2=.* is out of range ")" "${3-1}" "$1: $2: lines about it"
}
load() { # MODULE PARAMETER GIVEN TAKEN [...]
	m=$1; shift
	args= checks=
	while [ $# -gt 0 ]; do
		args="$args $1=$2" checks="$checks $1:$3"
		shift 3
	done
	run "$m loads with values out of range" modprobe "$m" $args
	for c in $checks; do
		has "$m" "${c%:*}" "${c#*:}"
		said "$m" "${c%:*}"
	done
}
modprobe sd_mod
modprobe hv_vmbus unload_timeout=soon 2>/dev/null
[ $? != 0 ] && [ ! -e /sys/module/hv_vmbus ]; ok $? 'hv_vmbus: what is no number is refused'
load hv_vmbus max_version 0x7fffffff 327683 unload_timeout -1 0 \
	reply_timeout 99999999999 3600
load hv_storvsc storvsc_ringbuffer_size 999999999 1048576 storvsc_vcpus_per_sub_channel 0 1 \
	ring_avail_percent_lowater 1000 90 storvsc_max_hw_queues -1 0 logging_level 7 2 \
	storvsc_timeout 0 1 storvsc_timeout_retries 99999999999 100 \
	storvsc_reset_timeout -99999999999999999999 1
load hv_netvsc ring_size 99999999999999999999 512 debug 99 16 host_timeout 0 1
echo 0 >/sys/module/hv_vmbus/parameters/reply_timeout
has hv_vmbus reply_timeout 1
said hv_vmbus reply_timeout 2
echo 60 >/sys/module/hv_vmbus/parameters/reply_timeout
echo 60 >/sys/module/hv_storvsc/parameters/storvsc_timeout
has hv_storvsc storvsc_timeout 60
run 'a value out of range can be written' sh -c 'echo 5000000000 >/sys/module/hv_storvsc/parameters/storvsc_timeout'
has hv_storvsc storvsc_timeout 86400
said hv_storvsc storvsc_timeout 2
sh -c 'echo long >/sys/module/hv_storvsc/parameters/storvsc_timeout' 2>/dev/null
[ $? != 0 ]; ok $? 'what is no number is refused there, too'
has hv_storvsc storvsc_timeout 86400
disk=$(first_disk); ok $? 'the disk is there'
run 'and can be read' dd if=$disk of=/dev/null bs=64k count=16 iflag=direct
wait_for 20 sh -c 'ls /sys/class/net/*/device'; ok $? 'the card is there'
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES $NET_MODULES" \
	--ours 'hv_vmbus hv_storvsc hv_netvsc' --script "$OUT/parameters.sh"
enter_root

truncate -s 16M "$T/disk.img"
run_child ours 6.1 ours '' --memory 256M --scsi "file=$T/disk.img" --net null
child_passed ours
finish
