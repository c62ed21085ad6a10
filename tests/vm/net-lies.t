#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A root side that lies about frames (vmwp --fault netN:do=...) to our hv_netvsc:
# what it drops is counted under the right name, what is beside it arrives, the
# sections of the receive buffer come back, and a card whose set-up can't be
# believed fails alone and in time.
# root-kernel: 6.1
# timeout: 600
#
# net0: the truth, with traffic all the time.
# net1: packets and frames.  What the lie hits is lost, TCP sends it again.
# net2 to net6: one lie each while the card is set up:
# - recv-section-size, recv-sections, send-section-huge: the probe fails;
# - subchannels: it goes on with as many as it asked for;
# - answer-id: nobody answers; the probe ends after the time it has.
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script lies <<'EOS'
load hv_vmbus
start=$(cut -d. -f1 /proc/uptime)
modprobe hv_netvsc host_timeout=3
of() { basename "$(ls -d /sys/bus/vmbus/devices/*/net/* | while read -r n; do
	[ "$(cat "$n/address")" = "52:54:00:00:00:0$1" ] && echo "$n"; done)"; }
wait_for 30 sh -c "[ \$(ls -d /sys/class/net/*/device | wc -l) -ge 3 ]"
sleep 8
good=$(of 0); [ -n "$good" ]; ok $? 'net0: the card is there'
bad=$(of 1); [ -n "$bad" ]; ok $? 'net1: the card is there'
for n in 2 3 4 6; do is "$(of $n)" '' "net$n: no card"; done
sub=$(of 5); [ -n "$sub" ]; ok $? 'net5: the card is there'
card_up $good 10.77.0.2; ok $? 'net0: its link is up'
card_up $bad 10.77.1.2; ok $? 'net1: its link is up'
card_up $sub 10.77.5.2; ok $? 'net5: its link is up'
is "$(pings 5 10.77.5.1)" 5 'net5: pings answered'
wget -q -O /tmp/first http://10.77.0.1/page
is "$(sha /tmp/first)" "$(word sum)" 'net0: a page fetched is whole'
( n=0; while [ ! -e /tmp/stop ]; do
	timeout 20 wget -q -O /tmp/page0 http://10.77.0.1/page && cmp /tmp/page0 /tmp/first && echo >>/tmp/whole
done ) 2>/dev/null & reader=$!
n=0
while [ $n -lt 20 ]; do
	timeout 30 wget -q -O /tmp/page1 http://10.77.1.1/page
	cmp /tmp/page1 /tmp/first || { ok 1 "net1: page $n is whole"; break; }
	n=$((n + 1))
done
is $n 20 'net1: pages fetched whole'
is "$(pings 20 10.77.1.1)" 20 'net1: pings answered'
touch /tmp/stop; wait $reader
[ "$(wc -l </tmp/whole)" -ge 2 ]; ok $? "net0: pages fetched whole: $(wc -l </tmp/whole)"
note "$(ethtool -S $bad | grep -E 'bad|stray|timeout' | tr -s ' \n' ' ')"
counted() { n=$(counter $bad $1); [ "${n:-0}" -ge $2 ]; ok $? "net1: $1: $n, at least $2"; }
counted rx_bad_pageset 2
counted rx_bad_range 6
counted rx_bad_rndis 12
counted rx_bad_ppi 10
counted rx_bad_rsc 2
counted rx_bad_packet 3
is "$(ethtool -S $good | grep -E '(bad|stray|timeout)[a-z_]*: [1-9]')" '' 'net0: nothing to complain of'
n=$(dmesg | grep -c "$bad")
[ "$n" -le 60 ] && [ "$n" -ge 5 ]; ok $? "net1: lines about it: $n"
rmmod hv_netvsc; ok $? 'hv_netvsc unloaded'
rmmod hv_vmbus; ok $? 'hv_vmbus unloaded'
note "$(($(cut -d. -f1 /proc/uptime) - start)) s in all"
EOS
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' --with ethtool \
	--script "$OUT/lies.sh"
enter_net
mkdir "$T/www"
head -c 1M /dev/urandom >"$T/www/page"
PEER=0.0.0.0 page_server "$T/www"
options=()
for i in 0 1 2 3 4 5 6; do
	tap tap$i
	ip addr add 10.77.$i.1/24 dev tap$i
	options+=(--net "tap=tap$i,mac=52:54:00:00:00:0$i")
done
# In the middle of what is fetched.
n=60
for what in pageset range-count range-offset range-length range-short \
	rndis-type rndis-length rndis-short data-offset data-length data-short \
	ppi-offset ppi-length ppi-loop ppi-size ppi-value rsc-middle rsc-open \
	table-count table-offset table-entry type id repeat short op; do
	options+=(--fault "net1:do=$what,after=$n,every=29,count=3")
	n=$((n + 5))
done
n=2
for what in recv-section-size recv-sections send-section-huge subchannels answer-id; do
	options+=(--fault "net$n:do=$what")
	n=$((n + 1))
done
start_child ours 6.1 ours "sum=$(sha "$T/www/page")" --memory 512M --processors 2 "${options[@]}"
wait_line ours '^(not )?ok - net1: pings answered' 350; ok $? 'the child got so far'
control --json stats >"$T/now.json"
wait_child 60
child_passed ours
at_least "$(stat_of ours .vmbus.faults)" 70 'the faults happened'
at_most "$(jq '[.nets[0,1].queues[].sections_lent] | add' "$T/now.json")" 3 \
	'sections of the receive buffer that are still with the child'
finish
