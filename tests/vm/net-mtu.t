#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Frame sizes: MTU 1500 and 9000, in whole frames of that size; VLANs; the MTU
# changed again and again while TCP flows both ways.  With the in-tree modules
# and with ours.
# root-kernel: 6.1
# timeout: 800
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script mtu <<'EOS'
load hv_vmbus hv_netvsc 8021q sch_netem
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
whole() { # MTU: pings of this size go, unfragmented; larger ones can't
	ip link set $c mtu $1; ok $? "MTU $1"
	carrier $c
	ip6_up $c
	wait_for 10 ping -c1 -W1 $PEER
	is "$(pings 5 $PEER -s $(($1 - 28)))" 5 "MTU $1: pings of $1 bytes answered"
	is "$(pings 2 $PEER6 -s $(($1 - 48)))" 2 "MTU $1: and over IPv6"
	n=$(tcp -t "$(amount 1 2)"); ok $? "MTU $1: TCP out: $n Mbit/s"
	n=$(tcp -t "$(amount 1 2)" -R); ok $? "MTU $1: TCP in: $n Mbit/s"
	n=$(udp -t "$(amount 1 2)" -b 16M -l $(($1 - 28))); ok $? "MTU $1: UDP out: $n"
	arrived "$n"; ok $? "MTU $1: UDP out: arrived"
	n=$(udp -t "$(amount 1 2)" -b 16M -l $(($1 - 28)) -R); ok $? "MTU $1: UDP in: $n"
	arrived "$n"; ok $? "MTU $1: UDP in: arrived"
}
whole 1500
whole 9000
is "$(awk '/^Ip: [0-9]/ { print $15, $20 }' /proc/net/snmp)" '0 0' 'nothing of that was in fragments'

# A tag of the full MTU beside it, in both directions.
ip link add link $c name v5 type vlan id 5
ip addr add 10.78.5.2/24 dev v5
ip link set v5 up
for id in 100 4094; do
	ip link add link $c name v$id type vlan id $id
	ip link set v$id up
done
ip addr add 10.78.100.2/24 dev v100
is "$(pings 5 10.78.5.1)" 5 'VLAN 5: pings answered'
is "$(pings 5 10.78.5.1 -s 8972)" 5 'VLAN 5: pings of 9000 bytes answered'
is "$(pings 5 10.78.100.1)" 5 'VLAN 100: pings answered'
n=$(PEER=10.78.5.1 tcp -t "$(amount 1 2)"); ok $? "VLAN 5: TCP out: $n Mbit/s"
n=$(PEER=10.78.5.1 tcp -t "$(amount 1 2)" -R); ok $? "VLAN 5: TCP in: $n Mbit/s"
is "$(cat /sys/class/net/v4094/statistics/rx_packets)" 0 'VLAN 4094: nothing for it'
for id in 5 100 4094; do ip link del v$id; done
[ -n "$(word change)" ] || end_here

touch /tmp/whole
wget -q -O /tmp/first "http://$PEER/page"
( while [ ! -e /tmp/stop ]; do
	timeout 20 wget -q -O /tmp/page "http://$PEER/page" && cmp /tmp/page /tmp/first &&
		echo >>/tmp/whole
done ) 2>>/tmp/wget.out &
reader=$!
( while [ ! -e /tmp/stop ]; do send $PEER 9000 </tmp/first; done ) 2>>/tmp/nc.out &
writer=$!
n=0 all=$(amount 3 12)
while [ $n -lt $all ]; do
	for mtu in 1500 9000 4000; do
		ip link set $c mtu $mtu || { ok 1 "change $n: MTU $mtu"; break 2; }
		[ "$(cat /sys/class/net/$c/mtu)" = $mtu ] || { ok 1 "change $n: is $mtu"; break 2; }
		sleep 0.3
		n=$((n + 1))
	done
done
is $n $all 'changes of the MTU under traffic'
wait_for 10 ping -c1 -W1 $PEER; ok $? 'the peer answers after them'
old=$(wc -l </tmp/whole)
wait_for 60 sh -c "[ \$(wc -l </tmp/whole) -gt $old ]"; ok $? "traffic went on: pages fetched whole: $(wc -l </tmp/whole)"
touch /tmp/stop; wait $reader
kill $writer
# The nc that it has started goes on to its end; what that sends would be counted below.
wait_for 60 sh -c "! grep -E ':2328 0[1489B] ' /proc/net/tcp"; ok $? 'the last page is out'

# What waits in the stack is as long as the MTU was when it was made.
ip link set $c mtu 9000
carrier $c
wait_for 10 ping -c1 -W1 $PEER
tc=/usr/bin/tc # busybox has another
run 'a queue that holds frames for 3 s' $tc qdisc replace dev $c root netem delay 3s
old=$(counter $c tx_over_mtu)	# above it may have happened, too
ping -c 1 -s 8972 -W 1 $PEER >/dev/null &
sleep 1
ip link set $c mtu 1500; ok $? 'a smaller MTU meanwhile'
wait
sleep 3
run 'no more of that' $tc qdisc del dev $c root
is $(($(counter $c tx_over_mtu) - old)) 1 'a frame that is too long by then is dropped and counted'
is "$(counter $c tx_host_error)" 0 'and the host had nothing to refuse'
is "$(pings 20 $PEER)" 20 'pings answered'
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
for who in stock ours; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_netvsc'
	initramfs $who 6.1 --available "$NET_MODULES 8021q sch_netem" --ours "$ours" \
		--with iperf3,ethtool,tc \
		--script "$OUT/mtu.sh"
done
enter_net
tap tap0 multi_queue
ip link set tap0 mtu 9000
peer tap0
for id in 5 100; do
	ip link add link tap0 name v$id type vlan id $id
	ip addr add 10.78.$id.1/24 dev v$id
	ip link set v$id up
done
iperf_server
mkdir "$T/www"
head -c 2M /dev/urandom >"$T/www/page"
page_server "$T/www"
mkfifo "$T/never"
serve nul sh -c "while :; do busybox nc -l -p 9000 <>'$T/never' >/dev/null; done"
for who in stock ours; do
	change=
	[ $who = stock ] || change=change=1
	CHILD_LIMIT=380 run_child $who 6.1 $who "$change" --memory 256M --processors 2 \
		--net tap=tap0,queues=2,mtu=9000
	child_passed $who
done
finish
