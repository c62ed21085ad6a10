#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the network costs: the in-tree modules on our host, ours on our host, and
# virtio-net with vhost under QEMU.  All three children run at once, each with a
# TAP of its own in one namespace, and take turns of a few seconds, so that a
# slow moment of the machine meets all of them.  Medians of the turns; ratios are
# medians of those of neighbours.
#
# Datagrams in are measured twice: from the null back end, where nothing but the
# worker and the child works, and over the TAP, where a sender takes its part of
# the same two processors, so that the drivers differ less.
#
# Throughput is of meaning as a ratio only; counts (doorbells, interrupts, exits,
# copies) hold on any machine.  ENLIGHT_ROUNDS: how many turns each gets.
# tier: long
# root-kernel: 6.1
# alone: yes
# timeout: 1400
: "${ENLIGHT_ROUNDS:=3}" "${BENCH_SECONDS:=2}"
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"
. "$PROJECT/tests/vm/lib-net-bench.sh"

bench_script numbers
bench_programs
initramfs stock 6.1 --available "$NET_MODULES" "${BENCH_OPTIONS[@]}" \
	--script "$OUT/numbers.sh"
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' \
	"${BENCH_OPTIONS[@]}" --script "$OUT/numbers.sh"
initramfs vhost 6.1 --available "$VIRTIO_MODULES" "${BENCH_OPTIONS[@]}" \
	--script "$OUT/numbers.sh"
enter_net

bench_start stock 1
bench_start ours 2
whose=(stock ours)
# A ratio to report, not one that must be met.
if bench_start_virtio vhost 3 on; then
	whose+=(vhost)
else
	note 'no child under QEMU to compare with'
fi
for ((round = 0; round < ROUNDS; round++)); do
	for what in tcp_out tcp_in pps_out flows_out pps_in; do
		for who in "${whose[@]}"; do bench_turn $who $what; done
	done
	for who in stock ours; do bench_turn $who null_in; done
done
for who in "${whose[@]}"; do bench_stop $who; done

row() { printf '# %-46s %9s %9s %9s %7s %7s %9s\n' "$@"; }
rates() { # WHAT METRIC MUST
	local to_vhost
	to_vhost=$(turn_ratio "ours,$2" "vhost,$2")
	row "$1" "${N[stock,$2]}" "${N[ours,$2]}" "${N[vhost,$2]:--}" \
		"$(turn_ratio "ours,$2" "stock,$2")" "${to_vhost:--}" "$3"
}
counts() { # WHAT METRIC MUST
	row "$1" "${N[stock,$2]}" "${N[ours,$2]}" - - - "$3"
}
row "medians of $ROUNDS turns" in-tree ours vhost /in-tree /vhost 'must be'
rates 'TCP child->root, Mbit/s' tcp_out '>= 1.0'
rates 'TCP root->child, Mbit/s' tcp_in '>= 1.0'
rates '64-byte UDP out, one flow, packets/s' pps_out '>= 1.2'
rates '64-byte UDP out, 16 flows, packets/s' flows_out '>= 1.2'
rates '64-byte UDP in, null back end, packets/s' null_in '>= 1.2'
rates '64-byte UDP in, TAP and sender, packets/s' pps_in '>= 1.2'
counts 'doorbells per packet out, UDP, one flow' pps_out,doorbells '<= 0.05'
counts 'doorbells per packet out, UDP, 16 flows' flows_out,doorbells '<= 0.05'
counts 'doorbells per packet out, TCP (of up to 64 KiB)' tcp_out,doorbells ''
counts 'interrupts per packet in, UDP' pps_in,interrupts '<= 0.05'
counts 'interrupts per packet in, UDP, null' null_in,interrupts '<= 0.05'
counts 'interrupts per packet in, TCP (of up to 64 KiB)' tcp_in,interrupts ''
counts 'pages allocated in the child per packet in, UDP' pps_in,pages '<= 0.05'
counts 'the same, null' null_in,pages '<= 0.05'
counts 'the same, TCP (of up to 64 KiB)' tcp_in,pages ''
counts 'system calls of the worker per packet out, one flow' pps_out,syscalls ''
counts 'system calls of the worker per packet out, 16 flows' flows_out,syscalls ''
counts 'system calls of the worker per packet in, UDP' pps_in,syscalls ''
counts 'bytes copied by the worker per byte, TCP out' tcp_out,copied '0'
counts 'user-space exits per packet, UDP out' pps_out,exits '< 0.001'
counts 'user-space exits per packet, UDP in' pps_in,exits '< 0.001'
counts 'user-space exits per packet, UDP in, null' null_in,exits '< 0.001'
counts 'all VM exits per packet, UDP out, one flow' pps_out,kvm ''
counts 'all VM exits per packet, UDP out, 16 flows' flows_out,kvm ''
counts 'all VM exits per packet, UDP in' pps_in,kvm ''
counts 'all VM exits per packet, UDP in, null' null_in,kvm ''

for m in tcp_out tcp_in; do
	at_least "$(turn_ratio "ours,$m" "stock,$m")" 1.0 "$m: ours against in-tree"
done
for m in pps_out flows_out pps_in null_in; do
	at_least "$(turn_ratio "ours,$m" "stock,$m")" 1.2 "$m: ours against in-tree"
done
for m in pps_out flows_out; do
	at_most "${N[ours,$m,doorbells]}" 0.05 "ours: $m: doorbells per packet sent in bulk"
done
for m in pps_in null_in; do
	at_most "${N[ours,$m,interrupts]}" 0.05 "ours: $m: interrupts per packet received in bulk"
	at_most "${N[ours,$m,pages]}" 0.05 "ours: $m: pages allocated per packet received in bulk"
done
for who in stock ours; do
	at_most "${N[$who,tcp_out,copied]}" 0 "$who: bytes copied by the worker, child->root"
	for m in pps_out pps_in null_in; do
		at_most "${N[$who,$m,exits]}" 0.00099 "$who: $m: user-space exits per packet"
	done
done
finish
