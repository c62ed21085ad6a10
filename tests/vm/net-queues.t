#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Eight queues: with eight processors and many streams each channel of the card
# carries frames both ways; their number is changed while they do.  With the
# in-tree modules and with ours.
# root-kernel: 6.1
# timeout: 800
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script queues <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
channels() { ethtool -l $c | sed -n '/Current/,$s/^Combined:[ \t]*//p'; }
wait_for 20 sh -c "[ \$(ls -d /sys/bus/vmbus/drivers/hv_netvsc/*-*/channels/* | wc -l) = 8 ]"
is "$(ls -d /sys/bus/vmbus/drivers/hv_netvsc/*-*/channels/* | wc -l)" 8 'channels'
is "$(channels)" 8 'ethtool -l says so'
# More than the beginning of a single stream. How many streams a queue gets, and how fast
# they are, is chance: of 96 each way none has a queue once in 50000 times.
quiet() { # DIRECTION: queues that carried less than 3 packets
	ethtool -S $c | sed -n "s/^ *\($1_queue_[0-9]*_packets\): *//p" |
		awk '$1 < 3 { n++ } END { print n + 0, NR }'
}
before=$(cat /sys/class/net/$c/statistics/tx_packets)
n=$(tcp -t "$(amount 3 6)" -P 32); ok $? "TCP out, 32 streams: $n Mbit/s"
n=$(tcp -t "$(amount 3 6)" -P 32 -R); ok $? "TCP in, 32 streams: $n Mbit/s"
n=$(udp -t "$(amount 3 6)" -P 32 -b 200K -l 1000); ok $? "UDP out, 32 streams: $n"
n=$(udp -t "$(amount 3 6)" -P 32 -b 200K -l 1000 -R); ok $? "UDP in, 32 streams: $n"
is "$(quiet tx)" '0 8' 'queues that sent little, of how many'
is "$(quiet rx)" '0 8' 'queues that received little, of how many'
note "$(ethtool -S $c | grep -E '_queue_[0-9]+_packets' | tr -s ' \n' ' ')"
is "$(pings 10 $PEER)" 10 'pings answered'
for n in $(amount "3 8" "3 8 1 8"); do
	ethtool -L $c combined $n; ok $? "ethtool -L: $n channels"
	is "$(channels)" $n "it has $n channels"
	wait_for 10 ping -c1 -W1 $PEER
	is "$(pings 5 $PEER)" 5 "$n channels: pings answered"
	m=$(tcp -t "$(amount 1 2)" -P 8); ok $? "$n channels: TCP out, eight streams: $m Mbit/s"
done
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
for who in stock ours; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_netvsc'
	initramfs $who 6.1 --available "$NET_MODULES" --ours "$ours" --with iperf3,ethtool \
		--script "$OUT/queues.sh"
done
enter_net
tap tap0 multi_queue
peer tap0
iperf_server
for who in stock ours; do
	CHILD_LIMIT=380 run_child $who 6.1 $who '' --memory 512M --processors 8 \
		--net tap=tap0,queues=8
	child_passed $who
done
finish
