#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A network that loses, garbles, repeats, reorders, delays and cuts frames
# (vmwp --fault net:op=...): a card for each, and what TCP carries over it
# arrives whole, both ways.  With our modules.
#
# Checksums are real ones, summed by the sender's processor: with the sum left
# to a card, nobody could tell a garbled frame.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

FAULTS=(loss garble duplicate reorder delay cut)
net_script faults <<'EOS'
load hv_vmbus hv_netvsc
i=0
while [ $i -lt 6 ]; do
	c=$(card $i); ok $? "card $i is there"
	k=$(sed 's/.*://; s/^0//' "/sys/class/net/$c/address")
	f=$(echo loss garble duplicate reorder delay cut | cut -d' ' -f"$k")
	n=10.77.$k PEER=10.77.$k.1
	ethtool -K $c tx off tso off >/dev/null
	card_up $c $n.2; ok $? "$f: its link is up"
	wait_for 30 ping -c1 -W1 $PEER; ok $? "$f: the peer answers"
	timeout 90 wget -q -O /tmp/page "http://$PEER/page"
	is "$(sha /tmp/page)" "$(word sum)" "$f: a page fetched is whole: $(wc -c </tmp/page) bytes"
	timeout 90 nc $PEER 900$k </tmp/page; ok $? "$f: the page sent back"
	note "$f: $(grep -E '^Tcp:|^TcpExt:' /proc/net/snmp | tail -n 1 | awk '{ print "TCP segments sent again so far: " $13 ", bad ones: " $14 }')"
	i=$((i + 1))
done
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' --with ethtool \
	--script "$OUT/faults.sh"
enter_net

mkdir "$T/www"
head -c 2M /dev/urandom >"$T/www/page"
sum=$(sha "$T/www/page")
options=()
for i in "${!FAULTS[@]}"; do
	tap tap$i
	ip addr add 10.77.$((i + 1)).1/24 dev tap$i
	ethtool -K tap$i tx off >/dev/null
	options+=(--net "tap=tap$i,mac=52:54:00:00:00:0$((i + 1))")
	often=every=23
	case ${FAULTS[i]} in
	delay) often+=,ms=20 ;;
	# The cable is out for that long, and TCP waits longer still.
	cut) often=every=300,ms=100 ;;
	esac
	options+=(--fault "net$i:op=${FAULTS[i]},dir=both,after=20,$often")
	sink got$i 900$((i + 1))
done
PEER=0.0.0.0 page_server "$T/www"
CHILD_LIMIT=800 run_child ours 6.1 ours "sum=$sum" --memory 512M --processors 2 "${options[@]}"
child_passed ours
for i in "${!FAULTS[@]}"; do
	is "$(sha "$T/got$i")" "$sum" "${FAULTS[i]}: what was sent is whole"
	at_least "$(stat_of ours "[.nets[$i].queues[].backend_faults] | add")" 20 "${FAULTS[i]}: it happened"
done
finish
