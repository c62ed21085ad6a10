#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Every version of NVSP, by cap: one child with a card for each, each with a
# network of its own.  With the in-tree modules and with ours.
# root-kernel: 6.1
# timeout: 800
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script versions <<'EOS'
load hv_vmbus hv_netvsc
i=0
while [ $i -lt 6 ]; do
	c=$(card $i); ok $? "card $i is there"
	k=$(sed 's/.*://; s/^0//' "/sys/class/net/$c/address")
	v=$(word versions | cut -d, -f"$k")
	PEER=10.77.$k.1
	card_up $c 10.77.$k.2; ok $? "$v: its link is up"
	is "$(pings 10 $PEER)" 10 "$v: pings answered"
	is "$(pings 3 $PEER -s 9000)" 3 "$v: large pings answered"
	wget -q -O /tmp/page "http://$PEER/page"
	is "$(sha /tmp/page)" "$(word sum)" "$v: a page fetched is whole"
	send $PEER 900$k </tmp/page; ok $? "$v: the page sent back"
	n=$(tcp -p 530$k -t "$(amount 1 2)"); ok $? "$v: TCP out: $n Mbit/s"
	n=$(tcp -p 530$k -t "$(amount 1 2)" -R); ok $? "$v: TCP in: $n Mbit/s"
	i=$((i + 1))
done
echo 'phase look'
told_by 10.77.1.9; ok $? 'the root side has looked'
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
for who in stock ours; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_netvsc'
	initramfs $who 6.1 --available "$NET_MODULES" --ours "$ours" --with iperf3,ethtool \
		--script "$OUT/versions.sh"
done
enter_net

VERSIONS=(1 2 4 5 6 6.1)
mkdir "$T/www"
head -c 1M /dev/urandom >"$T/www/page"
sum=$(sha "$T/www/page")
nets=()
for i in 0 1 2 3 4 5; do
	tap tap$i multi_queue
	ip addr add 10.77.$((i + 1)).1/24 dev tap$i
	iperf_server 530$((i + 1))
	nets+=(--net "tap=tap$i,queues=2,mac=52:54:00:00:00:0$((i + 1)),version=${VERSIONS[i]}")
done
PEER=0.0.0.0 page_server "$T/www"

versions_run() { # WHO
	local who=$1 i got
	for i in 0 1 2 3 4 5; do sink $who-$i 900$((i + 1)); done
	start_child $who 6.1 $who "sum=$sum versions=$(IFS=,; echo "${VERSIONS[*]}")" \
		--processors 2 --memory 512M "${nets[@]}"
	wait_line $who '^phase look' 350 || show_run $who
	control --json stats >"$T/now.json"
	for i in 0 1 2 3 4 5; do
		got=$(jq -r ".nets[$i].version" "$T/now.json")
		is "$got" "${VERSIONS[i]}" "$who: ${VERSIONS[i]}: is what was agreed on"
		is "$(sha "$T/$who-$i")" "$sum" "$who: ${VERSIONS[i]}: what was sent is whole"
	done
	sign_address tap0 10.77.1.9
	wait_child 90
	ip addr del 10.77.1.9/24 dev tap0
	child_passed $who
}
versions_run stock
versions_run ours
finish
