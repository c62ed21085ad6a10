#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The link goes and comes, the MAC changes, and cards come and go by hvctl, while
# the child has traffic on them and on another.  With the in-tree modules and
# with ours.
# root-kernel: 6.1
# timeout: 800
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script hotplug <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
wget -q -O /tmp/first "http://$PEER/page"; ok $? 'a page fetched'
( while [ ! -e /tmp/stop ]; do
	timeout 20 wget -q -O /tmp/page "http://$PEER/page" && cmp /tmp/page /tmp/first && echo >>/tmp/whole
done ) 2>/dev/null &
reader=$!
n=0
while [ $n -lt "$(amount 1 3)" ]; do
	echo "phase down $n"
	wait_for 20 grep -q 0 /sys/class/net/$c/carrier || { ok 1 "flap $n: the link goes"; break; }
	echo "phase up $n"
	carrier $c 20 || { ok 1 "flap $n: the link comes"; break; }
	wait_for 10 ping -c1 -W1 $PEER || { ok 1 "flap $n: the peer answers"; break; }
	n=$((n + 1))
done
is $n "$(amount 1 3)" 'flaps of the link under traffic'

ip link set $c down
ip link set $c address 52:54:00:12:34:56; ok $? 'the MAC changed by the child'
ip link set $c up
carrier $c 20
ip addr show $c | grep -q "$ME/" || ip addr add $ME/24 dev $c
wait_for 10 ping -c1 -W1 $PEER; ok $? 'the peer answers'
echo "phase mac"

n=0
while [ $n -lt "$(amount 1 4)" ]; do
	echo "phase add $n"
	wait_for 30 nth_card 1 || { ok 1 "round $n: a card comes"; break; }
	d=$(card 1)
	is "$(cat /sys/class/net/$d/address)" 52:54:00:00:00:77 "round $n: its MAC"
	card_up $d 10.78.0.2 || { ok 1 "round $n: its link is up"; break; }
	wait_for 10 ping -c1 -W1 10.78.0.1 || { ok 1 "round $n: its peer answers"; break; }
	iperf3 -c 10.78.0.1 -p 5301 -t 100 >/dev/null 2>&1 & out=$!
	iperf3 -c 10.78.0.1 -p 5302 -t 100 -R >/dev/null 2>&1 & in=$!
	sleep 2
	echo "phase remove $n"
	wait_for 60 sh -c "! test -e /sys/class/net/$d" || { ok 1 "round $n: it goes"; break; }
	kill $out $in; wait $out $in
	n=$((n + 1))
done
is $n "$(amount 1 4)" 'rounds of a card that comes and goes under traffic'
old=$(wc -l </tmp/whole)
wait_for 60 sh -c "[ \$(wc -l </tmp/whole) -gt $((old + 1)) ]"; ok $? "the other card's traffic went on: $(wc -l </tmp/whole) pages"
touch /tmp/stop; wait $reader
is "$(pings 10 $PEER)" 10 'pings answered'
EOS
for who in stock ours; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_netvsc'
	initramfs $who 6.1 --available "$NET_MODULES" --ours "$ours" --with iperf3,ethtool \
		--script "$OUT/hotplug.sh"
done
enter_net
tap tap0
peer tap0
tap tap1
ip addr add 10.78.0.1/24 dev tap1
iperf_server 5301
iperf_server 5302
mkdir "$T/www"
head -c 1M /dev/urandom >"$T/www/page"
page_server "$T/www"

open_files() { find "/proc/$CHILD_PID/fd" -type l | wc -l; }

flap() { # RUN N
	wait_line "$1" "^phase down $2" 60 || return
	control net link net0 down; ok $? "$1: flap $2: down"
	wait_line "$1" "^phase up $2" 60 || return
	control net link net0 up; ok $? "$1: flap $2: up"
}

one_round() { # RUN N
	local run=$1 n=$2
	wait_line "$run" "^phase add $n" 90 || return
	is "$(control net add tap=tap1,mac=52:54:00:00:00:77)" net1 "$run: round $n: added"
	wait_line "$run" "^phase remove $n" 90 || return
	control net remove net1; ok $? "$run: round $n: removed"
	is "$(control --json net list | jq length)" 1 "$run: round $n: one card is left"
}

for who in stock ours; do
	start_child $who 6.1 $who '' --processors 2 --memory 256M --net tap=tap0
	for ((n = 0; n < $(amount 1 3); n++)); do flap $who $n; done
	wait_line $who '^phase mac' 60; ok $? "$who: the MAC is changed"
	is "$(control --json net list | jq -r '.[0].mac')" 52:54:00:12:34:56 \
		"$who: the new MAC is known to the root side"
	files=$(open_files)
	for ((n = 0; n < $(amount 1 4); n++)); do one_round $who $n; done
	# The last hvctl's connection may not be closed yet.
	for n in 1 2 3 4 5; do
		[ "$(open_files)" -gt "$files" ] || break
		sleep 0.5
	done
	at_most "$(open_files)" "$files" "$who: open files"
	wait_child 180
	child_passed $who
done
finish
