#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A virtual function behind our card (tests/guest/modules/vf_standin.c): frames
# take it when the host has said so, on the queues that it chooses itself, by
# hash and by XPS, also where it has more than the card; and it doesn't take the
# card's name when it comes while the card is being probed.
# root-kernel: 6.1
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script vf <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
mac=$(cat /sys/class/net/$c/address)
is "$(cat /sys/class/net/$c/queues/tx-*/tx_timeout | wc -l)" 2 'queues of the card'
insmod /vf_standin.ko mac=$mac; ok $? 'the VF is there'
v=eth1
wait_for 5 test -e /sys/class/net/$v/master; ok $? 'it is the slave of the card'
wait_for 5 sh -c "ip link show $v | grep -q '[<,]UP'"; ok $? 'it is up'
sent() { cat /sys/module/vf_standin/parameters/sent; }
path() { dmesg | grep -q "Data path switched $1 VF"; }
# The host counts packets of the first channel. Frames may take the other one; answers to
# requests never do.  What goes the VF's way is lost, so the peer's address is known before.
wait_for 10 sh -c "ping -c 1 -W 1 $PEER; ip link set $c promisc on; ip link set $c promisc off; dmesg | grep -q 'Data path switched to VF'"
ok $? 'the host switches the path to it'
# Used: how many queues were, in a second of many flows.
used() {
	before=$(sent)
	udpsend $PEER 1 ${1:-32} >/dev/null
	after=$(sent)
	note "frames by queue before: $before, after: $after"
	echo "$before,$after" | awk -F, '{ for (i = 1; i <= 4; i++) n = n (($(i + 4) > $i) ? i - 1 : ""); print n }' >/tmp/used
}
used; is "$(cat /tmp/used)" 0123 'flows use all queues of the VF'
for q in 0 1 2 3; do echo 0 >/sys/class/net/$v/queues/tx-$q/xps_cpus; done
echo 3 >/sys/class/net/$v/queues/tx-3/xps_cpus; ok $? 'XPS: the last one for all processors'
used; is "$(cat /tmp/used)" 3 'then flows use that one'
echo 0 >/sys/class/net/$v/queues/tx-3/xps_cpus
echo 1 >/sys/class/net/$v/queues/tx-2/xps_cpus
echo 2 >/sys/class/net/$v/queues/tx-1/xps_cpus
used; is "$(cat /tmp/used)" 12 'one each: both are used'
ip link set $v down
wait_for 5 path from; ok $? 'the VF goes down: the path is the card again'
is "$(pings 5 $PEER)" 5 'and the peer answers'
note "$(ethtool -S $c | grep vf_ | tr -s ' \n' ' ')"
rmmod vf_standin; ok $? 'the VF goes'
is "$(pings 5 $PEER)" 5 'the peer answers'

rmmod hv_netvsc
insmod /vf_standin.ko mac=$mac race=1; ok $? 'a VF that comes within a probe'
modprobe hv_netvsc
wait_for 10 test -e /sys/class/net/eth1; ok $? 'both are there'
is "$(readlink /sys/class/net/eth0/device/driver | sed 's,.*/,,')" hv_netvsc 'eth0 is the card'
wait_for 5 test -e /sys/class/net/eth1/master; ok $? 'and eth1 its slave'
rmmod vf_standin; ok $? 'the VF goes'
rmmod hv_netvsc; ok $? 'hv_netvsc unloaded'
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
in_root || scripts/build-test-modules 6.1 || bail_out 'no vf_standin.ko'
guest_program udpsend
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' --with ethtool \
	--file "build/guest/modules/$(cat build/kernels/6.1/release)/vf_standin.ko:vf_standin.ko" \
	--file build/guest/udpsend:usr/bin/udpsend --script "$OUT/vf.sh"
enter_net
tap tap0 multi_queue
peer tap0
CHILD_LIMIT=200 run_child ours 6.1 ours '' --memory 256M --processors 2 \
	--net tap=tap0,queues=2 --fault net0:do=vf-added,after=25,count=1
child_passed ours
finish
