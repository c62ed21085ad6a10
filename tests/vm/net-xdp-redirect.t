#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# XDP_REDIRECT from card to card and ndo_xdp_xmit: a child whose two cards are the
# ends of a cable, between the root side and a namespace beyond.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script redirect <<'EOS'
load hv_vmbus hv_netvsc
a=$(card 0) && b=$(card 1); ok $? 'two cards'
is "$(cat /sys/class/net/$a/ifindex /sys/class/net/$b/ifindex | sort | tr '\n' ' ')" '2 3 ' \
	'their numbers are those that the program knows'
ip=/usr/bin/ip
total() { ethtool -S $1 | awk -v n="_$2:" 'index($1, n) { s += $2 } END { print s + 0 }'; }
for c in $a $b; do
	$ip link set dev $c up promisc on; ok $? "$c: takes frames for others"
	# What leaves as it came must come whole and with its sum.
	ethtool -K $c lro off rx off; ok $? "$c: neither coalesced nor unsummed"
	carrier $c; ok $? "$c: link"
	$ip -force link set dev $c xdpdrv object /xdp.o program redirect; ok $? "$c: the program"
done
# What came before both ends were there had nowhere to go.
lost() { echo $(($(total $1 xdp_aborted) + $(total $1 xdp_drop))); }
lost_a=$(lost $a) lost_b=$(lost $b)
echo 'phase cable'
pulled() { ! grep -q 1 /sys/class/net/$a/carrier; }
wait_for 240 pulled; ok $? 'until the root side pulls it'
for c in $a $b; do
	in=$(total $c xdp_redirect) out=$(total $c xdp_xmit)
	note "$c: $in frames redirected, $out sent for the other"
	is "$([ $in -gt 1000 ] && [ $out -gt 1000 ]; echo $?)" 0 "$c: thousands each way"
	[ $c = $a ] && before=$lost_a || before=$lost_b
	is "$(lost $c)" $before "$c: none was lost on the way"
	$ip link set dev $c xdpdrv off; ok $? "$c: no program"
done
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS

xdp_programs
for version in 6.1 6.12; do
	initramfs redirect-$version $version --available "$NET_MODULES" \
		--ours 'hv_vmbus hv_netvsc' --with ethtool,ip \
		--file "$OUT/xdp.o:/xdp.o" --script "$OUT/redirect.sh"
done
enter_net

far() { ip netns exec far "$@"; }
tap tap0 multi_queue
peer tap0
tap tap1 multi_queue
ip netns add far
ip link add near0 type veth peer name far0 netns far
ip link set near0 up
bridge br1 tap1 near0
far ip addr add 10.77.0.3/24 dev far0
far ip link set far0 up
far ip link set lo up
serve far ip netns exec far iperf3 -s

pings() { # COUNT [OPTION...]
	busybox ping -c "$1" -W 2 "${@:2}" 10.77.0.3 | sed -n 's/.*, \([0-9]*\) packets received.*/\1/p'
}
mbits() { jq '(.end.sum_received.bits_per_second // 0) / 1e6 | round' "$T/iperf.json"; }
for version in $(amount 6.1 "6.1 6.12"); do
	start_child cable-$version $version redirect-$version '' --memory 256M --processors 2 \
		--net tap=tap0,queues=2 --net tap=tap1,queues=2
	wait_line $RUN '^phase cable' 120; ok $? "$RUN: the cable is there" || show_run $RUN
	pings 1 >/dev/null	# the first may wait for an address
	is "$(pings 20)" 20 "$RUN: pings through the child answered"
	is "$(pings 5 -s 1400)" 5 "$RUN: large ones, too"
	for way in '' -R; do
		timeout 40 iperf3 -c 10.77.0.3 -t "$(amount 2 4)" -J $way >"$T/iperf.json"
		at_least "$(mbits)" 1 "$RUN: TCP ${way:-out}, Mbit/s"
	done
	control net link 0 down >/dev/null; ok $? "$RUN: the cable is pulled"
	wait_child 60
	child_passed
done
finish
