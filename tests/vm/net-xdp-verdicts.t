#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# XDP on a card: each verdict does what it says and is counted, limits are told,
# the program stays with a new connection.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script verdicts <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
ip=/usr/bin/ip
attach() { $ip -force link set dev $c xdpdrv object /xdp.o program $1 2>/tmp/attach; }
detach() { $ip link set dev $c xdpdrv off; }
total() { ethtool -S $c | awk -v n="_$1:" 'index($1, n) { s += $2 } END { print s + 0 }'; }
reached() { [ $(total $1) -ge $2 ]; }
refused() { # NAME TEXT COMMAND...
	name=$1 text=$2
	shift 2
	if "$@" 2>/tmp/attach; then ok 1 "$name: refused"; else ok 0 "$name: refused"; fi
	grep -q "$text" /tmp/attach; ok $? "$name: and told" || sed 's/^/#   /' /tmp/attach
}
mount -t tracefs none /sys/kernel/tracing 2>/dev/null
mount -t bpf none /sys/fs/bpf 2>/dev/null

if ethtool -k $c | grep -q '^large-receive-offload: on'; then
	refused 'with LRO' LRO attach pass
fi
ethtool -K $c lro off
$ip link set dev $c mtu 3507; ok $? 'an MTU of 3507'
refused 'with an MTU of 3507' 'MTU too large' attach pass
$ip link set dev $c mtu 3506; ok $? 'an MTU of 3506'
attach pass; ok $? 'a program that passes' || cat /tmp/attach
wait_for 10 ping -c1 -W1 $PEER
is "$(pings 5 $PEER -s 3400)" 5 'pings of 3400 bytes answered'
$ip link set dev $c mtu 4000 2>/dev/null; is $? 2 'no larger MTU while it is there'
$ip link set dev $c mtu 1500; ok $? 'a smaller one'
wait_for 10 ping -c1 -W1 $PEER
attach meta; ok $? 'another one, with metadata, in its place'
is "$(pings 5 $PEER)" 5 'pings answered'
n=$(tcp -t 1) && m=$(tcp -t 1 -R); ok $? "TCP: $n, $m Mbit/s"

attach drop; ok $? 'a program that drops'
echo 'go drop'
wait_for 60 reached xdp_drop 200; ok $? 'all were dropped'
is "$(total xdp_drop)" 200 'no more, no less'
is "$(pings 5 $PEER)" 5 'pings answered meanwhile'
ethtool -G $c rx 5000; ok $? 'another connection with the host'
wait_for 10 ping -c1 -W1 $PEER
echo 'go again'
wait_for 60 reached xdp_drop 400; ok $? 'the program is still there'

echo 1 >/sys/kernel/tracing/events/xdp/xdp_exception/enable
attach aborted; ok $? 'a program that fails'
echo 'go aborted'
wait_for 60 reached xdp_aborted 200; ok $? 'all are counted'
attach nonsense; ok $? 'a program with a verdict that is none'
echo 'go nonsense'
wait_for 60 reached xdp_aborted 400; ok $? 'all are counted'
is "$(grep -c 'action=ABORTED' /sys/kernel/tracing/trace)" 200 'and traced'

# What goes back as it came must have come with its sum.
ethtool -K $c rx off; ok $? 'the host fills in sums'
attach tx; ok $? 'a program that echoes'
echo 'go tx'
wait_for 60 reached xdp_tx 400; ok $? 'all went back'
is "$(pings 5 $PEER)" 5 'pings answered meanwhile'
detach; ok $? 'no program'
is "$(pings 5 $PEER)" 5 'pings answered'
$ip link set dev $c mtu 9000; ok $? 'a large MTU again'
note "$(ethtool -S $c | grep -E 'xdp|rx_bad' | grep -v ': 0$' | tr -s ' \n' ' ')"
is "$(net_errors | grep -v 'XDP')" '' 'no complaint in the kernel log'
EOS

xdp_programs
for version in 6.1 6.12; do
	initramfs verdicts-$version $version --available "$NET_MODULES" \
		--ours 'hv_vmbus hv_netvsc' --with ethtool,iperf3,ip \
		--file "$OUT/xdp.o:/xdp.o" --script "$OUT/verdicts.sh"
done
enter_net
tap tap0 multi_queue
peer tap0
ip link set tap0 mtu 9000
iperf_server

# datagrams PORT COUNT [echo]: of all sizes, from 16 ports; how many came back.
datagrams() { python3 tests/vm/datagrams.py 10.77.0.2 "$@"; }

for version in $(amount 6.12 "6.1 6.12"); do
	start_child verdicts-$version $version verdicts-$version '' --memory 256M \
		--processors 2 --net tap=tap0,queues=2
	for what in drop again aborted nonsense; do
		wait_line $RUN "go $what" 150; ok $? "$RUN: $what"
		datagrams 9 200 >/dev/null
	done
	wait_line $RUN 'go tx' 120; ok $? "$RUN: tx"
	is "$(datagrams 7 400 echo)" 400 "$RUN: datagrams that came back whole"
	wait_child 120
	child_passed
done

finish
