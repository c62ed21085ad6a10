#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A host that refuses a change of a working card: the change fails, and what worked
# goes on working, as it was.
# root-kernel: 6.1
# timeout: 300
#
# net0: the receive buffer of a new MTU is refused.
# net1: so are the old one's after that, three times.
# net2: a receive table is refused, when the host has switched off the old one.
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script change <<'EOS'
load hv_vmbus hv_netvsc
of() { basename "$(ls -d /sys/bus/vmbus/devices/*/net/* | while read -r n; do
	[ "$(cat "$n/address")" = "52:54:00:00:00:0$1" ] && echo "$n"; done)"; }
state() { # CARD: all that was set
	ip addr show dev $1 | grep -v valid_lft | sed 's/ tentative//'
	for o in -l -g -x -c; do ethtool $o $1; done
	ethtool -k $1 | grep -E '^(rx-checksumming|large-receive-offload|generic-receive)'
}
wait_for 30 nth_card 2; ok $? 'the cards are there'
for i in 0 1 2; do
	c=$(of $i)
	ethtool -G $c rx 5000; ok $? "net$i: another buffer"
	ethtool -X $c weight 1 3; ok $? "net$i: a receive table"
	card_up $c 10.77.$i.2; ok $? "net$i: its link is up"
	wait_for 10 ping -c1 -W1 10.77.$i.1; ok $? "net$i: the peer answers"
done

c=$(of 0)
state $c >/tmp/before
! ip link set $c mtu 1400 2>/dev/null; ok $? 'net0: an MTU is refused'
wait_for 5 ping -c1 -W1 10.77.0.1; ok $? 'net0: the peer answers'
state $c >/tmp/after
cmp /tmp/before /tmp/after; ok $? 'net0: nothing has changed' || diff /tmp/before /tmp/after | sed 's/^/# /'
ip link set $c mtu 1400; ok $? 'net0: another time it is not'
is "$(pings 5 10.77.0.1)" 5 'net0: pings answered'
ethtool -L $c combined 2 2>/dev/null
is "$(ls -d /sys/class/net/$c/queues/tx-* | wc -l)" 2 'net0: channels'

c=$(of 1)
state $c >/tmp/before
! ip link set $c mtu 1400 2>/dev/null; ok $? 'net1: an MTU is refused'
! ping -c1 -W1 10.77.1.1 >/dev/null; ok $? 'net1: there is no connection for a while'
ip link show dev $c | grep -q '[<,]UP'; ok $? 'net1: the interface is up'
wait_for 30 ping -c1 -W1 10.77.1.1; ok $? 'net1: the peer answers'
state $c >/tmp/after
cmp /tmp/before /tmp/after; ok $? 'net1: nothing has changed' || diff /tmp/before /tmp/after | sed 's/^/# /'
is "$(pings 5 10.77.1.1)" 5 'net1: pings answered'

c=$(of 2) PEER=10.77.2.1
spread() { # flows come on both channels
	old=$(counter $c rx_queue_0_packets),$(counter $c rx_queue_1_packets)
	tcp -t 1 -P 40 -R >/dev/null
	new=$(counter $c rx_queue_0_packets),$(counter $c rx_queue_1_packets)
	note "frames by channel before: $old, after: $new"
	[ ${new%,*} -gt $((${old%,*} + 50)) ] && [ ${new#*,} -gt $((${old#*,} + 50)) ]
}
spread; ok $? 'net2: received frames are spread'
for round in 1 2; do
	n=0
	state $c >/tmp/before
	while ethtool -X $c weight 1 $((3 + n % 2)) 2>/dev/null; do
		state $c >/tmp/before
		n=$((n + 1))
		[ $n -lt 60 ] || break
	done
	[ $n -lt 60 ]; ok $? "net2: a receive table is refused, after $n"
	state $c >/tmp/after
	cmp /tmp/before /tmp/after; ok $? 'net2: nothing has changed' ||
		diff /tmp/before /tmp/after | sed 's/^/# /'
	sleep 0.5
	spread; ok $? 'net2: received frames are spread as before'
done
rmmod hv_netvsc; ok $? 'hv_netvsc unloaded'
EOS
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' --with ethtool,iperf3 \
	--script "$OUT/change.sh"
enter_net
iperf_server
options=()
for i in 0 1 2; do
	tap tap$i multi_queue
	ip addr add 10.77.$i.1/24 dev tap$i
	options+=(--net "tap=tap$i,mac=52:54:00:00:00:0$i,queues=2")
done
# The first buffer is that of the probe, the second that of ethtool -G.
CHILD_LIMIT=250 run_child ours 6.1 ours '' --memory 512M --processors 2 "${options[@]}" \
	--fault net0:do=recv-section-size,after=2,count=1 \
	--fault net1:do=recv-section-size,after=2,count=4 \
	--fault net2:do=set-refused,after=30,every=7,count=2
child_passed ours
is "$(stat_of ours .vmbus.faults)" 7 'the faults happened'
finish
