#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The hibernation hooks of the network card: frozen and thawed with TCP under way,
# its settings are the same afterwards and the streams go on.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script suspend <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
ip link set $c mtu 4000
carrier $c
wait_for 10 ping -c1 -W1 $PEER; ok $? 'the peer answers'
state() { cat /sys/class/net/$c/address /sys/class/net/$c/mtu; ethtool -l $c; ethtool -g $c; ethtool -x $c; }
state >/tmp/before
wget -q -O - "http://$PEER/page" 2>/tmp/wget.out | sha256sum | cut -d' ' -f1 >/tmp/sum & reader=$!
echo core >/sys/power/pm_test; ok $? 'suspend test mode'
echo 1 >/sys/power/pm_debug_messages
# Sub-channels go while all else is frozen: drivers wait up to five seconds to see that.
frozen_in() { dmesg | sed -n 's/.*noirq freeze of devices complete after \([0-9]*\)\..*/\1/p' | tail -n 1; }
n=0
while [ $n -lt "$(amount 1 3)" ]; do
	run "round $n: freeze and thaw" sh -c 'echo disk >/sys/power/state'
	ms=$(frozen_in)
	[ "${ms:-5000}" -lt 5000 ]; ok $? "round $n: the devices are frozen in $ms ms"
	carrier $c; ok $? "round $n: the link is up"
	wait_for 10 ping -c1 -W1 $PEER; ok $? "round $n: the peer answers"
	m=$(tcp -t 2 -P 4); ok $? "round $n: TCP out: $m Mbit/s"
	n=$((n + 1))
done
wait $reader
is "$(cat /tmp/sum)" "$(word sum)" 'a page that was under way is whole'
state >/tmp/after
cmp /tmp/before /tmp/after; ok $? 'settings are as they were' || diff /tmp/before /tmp/after | sed 's/^/# /'
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
for k in 6.1 6.12; do
	initramfs ours-$k $k --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' \
		--with iperf3,ethtool --script "$OUT/suspend.sh"
done
enter_net
tap tap0 multi_queue
ip link set tap0 mtu 9000
peer tap0
iperf_server
mkdir "$T/www"
head -c 64M /dev/urandom >"$T/www/page"
page_server "$T/www"
for k in $(amount 6.12 "6.1 6.12"); do
	CHILD_LIMIT=280 run_child ours-$k $k ours-$k "sum=$(sha "$T/www/page")" --processors 4 \
		--memory 512M --net tap=tap0,queues=4
	child_passed ours-$k
done
finish
