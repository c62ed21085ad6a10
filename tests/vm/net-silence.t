#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A host that leaves a card's request without an answer, or answers late: that
# request fails, frames flow all the time, and once the host answers again so does
# everything else, without the interface going down.
# root-kernel: 6.1
# timeout: 300
#
# net0: one answer is lost.
# net1: one comes when others have long come.
# net2: none comes any more, for three requests.
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script silence <<'EOS'
load hv_vmbus
modprobe hv_netvsc host_timeout=2
of() { basename "$(ls -d /sys/bus/vmbus/devices/*/net/* | while read -r n; do
	[ "$(cat "$n/address")" = "52:54:00:00:00:0$1" ] && echo "$n"; done)"; }
sums() { ethtool -k $1 | sed -n 's/^rx-checksumming: \([a-z]*\).*/\1/p'; }
# What was asked for, and refused, is "requested" from then on.
asked() { ethtool -k $1 | sed -n 's/^rx-checksumming: .*requested \([a-z]*\).*/\1/p' | grep . || sums $1; }
turn() { # CARD: the other way
	[ "$(asked $1)" = on ] && want=off || want=on
	ethtool -K $1 rx $want >/dev/null 2>&1
	[ "$(sums $1)" = $want ]
}
# One of the two asks the host: to take back what it refused is to ask nothing.
twice() { turn $1 && turn $1; }
# Until a request is left without an answer; how many were answered before.
provoke() {
	n=0
	while turn $1; do
		n=$((n + 1))
		[ $n -lt 60 ] || return 1
	done
	note "$1: request $n"
	[ "$(counter $1 ctl_timeout)" -ge 1 ]
}
wait_for 30 nth_card 2; ok $? 'the cards are there'
for i in 0 1 2; do
	c=$(of $i) peer=10.77.$i.1
	card_up $c 10.77.$i.2; ok $? "net$i: its link is up"
	wait_for 10 ping -c1 -W1 $peer; ok $? "net$i: the peer answers"
	provoke $c; ok $? "net$i: a request without an answer fails"
	is "$(pings 5 $peer)" 5 "net$i: frames flow"
	if [ $i = 2 ]; then
		turn $c; ok $? "net$i: what failed is taken back"
		start=$(cut -d. -f1 /proc/uptime)
		turn $c; is $? 1 "net$i: the next one fails, too"
		t=$(($(cut -d. -f1 /proc/uptime) - start))
		[ $t -le 1 ]; ok $? "net$i: and at once"
	fi
	wait_for 12 twice $c; ok $? "net$i: then they work again"
	sleep 0.5
	twice $c; ok $? "net$i: and go on doing so"
	ip link set $c promisc on; sleep 0.2; ip link set $c promisc off
	# It comes behind 200 packets of the first channel, where requests go; pings may not.
	[ $i = 1 ] && wait_for 10 sh -c "ip link set $c promisc on; ping -q -c 10 -i 0.01 $peer
		ip link set $c promisc off; ping -q -c 10 -i 0.01 $peer
		ethtool -S $c | grep -q 'ctl_stray: 1'"
	is "$(pings 5 $peer)" 5 "net$i: frames flow"
	note "net$i: $(ethtool -S $c | grep -E 'ctl_|reconnects' | tr -s ' \n' ' ')"
	is "$(counter $c reconnects)" 0 "net$i: on the same connection"
done
is "$(counter $(of 1) ctl_stray)" 1 'net1: the late answer came'
ip link set $(of 2) mtu 1400; ok $? 'net2: a new connection can be made'
is "$(pings 5 10.77.2.1)" 5 'net2: frames flow'
EOS
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' --with ethtool \
	--script "$OUT/silence.sh"
enter_net
options=()
for i in 0 1 2; do
	tap tap$i
	ip addr add 10.77.$i.1/24 dev tap$i
	options+=(--net "tap=tap$i,mac=52:54:00:00:00:0$i")
done
# After those of the set-up.
CHILD_LIMIT=200 run_child ours 6.1 ours '' --memory 256M --processors 2 "${options[@]}" \
	--fault net0:do=answer-lost,after=30,count=1 \
	--fault net1:do=answer-late,after=30,count=1,times=200 \
	--fault net2:do=answer-lost,after=30,count=3
child_passed ours
is "$(stat_of ours .vmbus.faults)" 5 'the faults happened'
finish
