#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Changes of a working card for which there is no memory, on the kernel with all
# checkers: one allocation of a change fails, which one varies; or each from a
# certain amount on. Whatever comes of it, the card works afterwards.
# tier: debug
# root-kernel: 6.1
# timeout: 1400
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script memory <<'EOS'
modprobe hv_vmbus && modprobe hv_netvsc; ok $? 'the modules load'
c=$(card); ok $? 'the card is there'
ip link set $c up
ip addr add $ME/24 dev $c
carrier $c 60; ok $? 'its link is up'
answers() { wait_for 60 ping -c1 -W1 $PEER; }
answers; ok $? 'the peer answers'
for f in failslab fail_page_alloc; do
	cd /sys/kernel/debug/$f || { ok 1 "$f is there"; exit; }
	echo N >ignore-gfp-wait; echo Y >task-filter
	echo 0 >probability; echo 0 >interval; echo -1 >times; echo 0 >verbose; echo 0 >space
done
echo N >ignore-gfp-highmem; echo 0 >min-order
cd /

# Each change in a process of its own, which alone gets no memory; a shell's
# own writing is all that it does.
mtu() { cat /sys/class/net/$c/mtu; }
queues() { ls -d /sys/class/net/$c/queues/tx-* | wc -l; }
was=$(queues)
other() { [ "$(mtu)" = 1500 ] && echo 1400 || echo 1500; }
refused=0 taken=0 broken=0
outcome() { # WHAT WANTED
	if [ "$(mtu)" = "$2" ]; then taken=$((taken + 1)); else refused=$((refused + 1)); fi
	answers && [ "$(queues)" = $was ] || { broken=$((broken + 1)); note "after $1: MTU $(mtu), $(queues) queues"; }
}
for n in 1 2 3 4 5 6 8 10 12 15 18 22 27 33 40 50 60 75 90 110 135 165 200 240 300; do
	to=$(other)
	sh -c "echo $n >/proc/self/fail-nth; echo $to >/sys/class/net/$c/mtu" 2>/dev/null
	outcome "allocation $n" $to
done
is $broken 0 "one allocation fails: changes made: $taken, refused: $refused; after which the card does not work"
[ $refused -ge 5 ]; ok $? 'enough were refused'

refused=0 taken=0 broken=0
for space in 3000 6000 12000 25000 50000 100000 200000 400000; do
	for f in failslab fail_page_alloc; do
		to=$(other)
		echo $space >/sys/kernel/debug/$f/space
		echo 100 >/sys/kernel/debug/$f/probability
		sh -c "echo 1 >/proc/self/make-it-fail; echo $to >/sys/class/net/$c/mtu" 2>/dev/null
		echo 0 >/sys/kernel/debug/$f/probability
		outcome "$space bytes ($f)" $to
	done
done
is $broken 0 "no more memory: changes made: $taken, refused: $refused; after which the card does not work"
[ $refused -ge 5 ]; ok $? 'enough were refused'

# The same for the buffers, and the receive table.
refused=0 broken=0
for n in 1 3 6 10 16 25 40 65 100; do
	( echo $n >/proc/self/fail-nth; exec ethtool -G $c rx $((4000 + n)) ) >/dev/null 2>&1 || refused=$((refused + 1))
	answers || broken=$((broken + 1))
	( echo $n >/proc/self/fail-nth; exec ethtool -X $c weight 1 $((n + 1)) ) >/dev/null 2>&1 || refused=$((refused + 1))
	answers || broken=$((broken + 1))
done
is $broken 0 "other changes, $refused of them refused: after which the card does not work"
note "$(ethtool -S $c | grep -E 'reconnects|no_memory' | tr -s ' \n' ' '), lost: $(dmesg | grep -c 'connection with the host is lost')"
is "$(dmesg | grep -c 'it is lost')" 0 'buffers lost'
leaks 'kmemleak finds nothing'
rmmod hv_netvsc; rmmod hv_vmbus; ok $? 'unloaded'
leaks 'nothing either when they are unloaded'
EOS
initramfs debug debug --available 'hv_vmbus hv_netvsc' --ours 'hv_vmbus hv_netvsc' --with ethtool \
	--script "$OUT/memory.sh"
enter_net
tap tap0 multi_queue
peer tap0
CHILD_LIMIT=1200 run_child debug debug debug 'no_hash_pointers' --processors 2 --memory 1G \
	--net tap=tap0,queues=2
child_passed debug
finish
