#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Our network driver on the kernel of debug.t: traffic both ways while everything
# that makes it allocate, lock, wait and free happens, and not a word from any
# checker.
# tier: debug
# root-kernel: 6.1
# timeout: 1400
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script debug <<'EOS'
modprobe hv_vmbus && modprobe hv_netvsc; ok $? 'the modules load'
up() { # CARD [ADDRESS]; this kernel has no IPv6
	ip link set "$1" up
	ip addr show "$1" | grep -q 'inet ' || ip addr add "${2:-$ME}/24" dev "$1"
	carrier "$1" 60
}
answers() { wait_for 60 ping -c1 -W2 "${1:-$PEER}"; }
c=$(card); ok $? 'the card is there'
up $c; ok $? 'its link is up'
answers; ok $? 'the peer answers'
echo 'phase traffic'
again timeout 20 wget -q -O /dev/null "http://$PEER/page" &
again timeout 20 sh -c "head -c 4M /dev/zero | nc -w 5 $PEER 5303" &
again timeout 20 ping -q -f -c 20000 -s 1400 $PEER &
again timeout 20 udpsend $PEER 2 &

for word in 'rx-usecs 0' 'rx-usecs 50' 'adaptive-rx off' 'adaptive-rx on' 'tx-frames 1' 'tx-frames 64'; do
	ethtool -C $c $word; ok $? "ethtool -C $word"
done
for n in 1 4 2 4; do
	ethtool -L $c combined $n; ok $? "$n channels"
	answers; ok $? 'the peer answers'
done
for mtu in 9000 576 1500; do
	ip link set $c mtu $mtu; ok $? "an MTU of $mtu"
	answers; ok $? 'the peer answers'
done
ethtool -G $c rx 4096; ok $? 'a receive buffer of another size'
for f in lro gro rxhash rx tx sg; do
	ethtool -K $c $f off; ethtool -K $c $f on
done
ethtool -X $c equal 1; ok $? 'a receive table'
ethtool -S $c >/dev/null; ethtool -x $c >/dev/null; ethtool -g $c >/dev/null
answers; ok $? 'the peer answers'
n=0
while [ $n -lt 3 ]; do
	ip link set $c down; ip link set $c up; answers || break
	n=$((n + 1))
done
is $n 3 'rounds down and up'

n=0
while [ $n -lt 3 ]; do
	echo "phase add $n"
	wait_for 60 nth_card 1 || break
	d=$(card 1)
	up $d 10.78.0.2 && answers 10.78.0.1 || break
	timeout 30 ping -q -f -c 100000 10.78.0.1 >/dev/null 2>&1 & flood=$!
	sleep 1
	echo "phase remove $n"
	wait_for 60 sh -c "! test -e /sys/class/net/$d" || break
	kill $flood 2>/dev/null; wait $flood
	n=$((n + 1))
done
is $n 3 'rounds of a card that comes and goes under traffic'

cpus=/sys/devices/system/cpu
for i in 1 2; do echo 0 >$cpus/cpu$i/online || ok 1 "processor $i goes"; done
answers; ok $? 'the peer answers without them'
for i in 1 2; do echo 1 >$cpus/cpu$i/online || ok 1 "processor $i comes"; done
echo core >/sys/power/pm_test
run 'suspend and resume' sh -c 'echo disk >/sys/power/state'
wait_for 60 carrier $c; answers; ok $? 'the peer answers afterwards'

n=0
while [ $n -lt 5 ]; do
	rmmod hv_netvsc && modprobe hv_netvsc || break
	[ $((n % 2)) = 0 ] || { c=$(card) && up $c && answers; } || break	# or in the middle of it
	n=$((n + 1))
done
is $n 5 'reload cycles under traffic'
touch /tmp/stop; wait
leaks 'kmemleak finds nothing'
rmmod hv_netvsc; rmmod hv_vmbus; ok $? 'unloaded'
leaks 'nothing either when they are unloaded'
EOS
guest_program udpsend
initramfs debug debug --available 'hv_vmbus hv_netvsc' --ours 'hv_vmbus hv_netvsc' --with ethtool \
	--file build/guest/udpsend:usr/bin/udpsend --script "$OUT/debug.sh"
enter_net
tap tap0 multi_queue
peer tap0
ip link set tap0 mtu 9000
tap tap1
ip addr add 10.78.0.1/24 dev tap1
mkdir "$T/www"
head -c 1M /dev/urandom >"$T/www/page"
page_server "$T/www"
serve sink sh -c 'while :; do busybox nc -l -p 5303 -w 20 >/dev/null; done'
start_child debug debug debug 'no_hash_pointers' --processors 4 --memory 1G \
	--net tap=tap0,queues=4,mtu=9000
wait_line debug '^phase traffic' 400; ok $? 'it boots, and has a network'
for n in 0 1 2; do
	wait_line debug "^phase add $n\$" 400 || break
	control net add tap=tap1,card=1; ok $? "round $n: a card is added"
	wait_line debug "^phase remove $n\$" 200 || break
	control net remove net1; ok $? "round $n: and removed"
done
wait_child 900
child_passed debug
# Under traffic, which the child takes up again without saying whether it could.
at_least "$(card_of debug .tx_frames)" 2000 'frames out'
at_least "$(card_of debug .rx_frames)" 2000 'frames in'
finish
