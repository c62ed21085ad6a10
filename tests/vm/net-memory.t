#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Changes of a working card for which there is no memory (tests/guest/modules/
# no_memory.c): one allocation of a change fails, which one varies. Whatever comes
# of it, the card works afterwards, as it did.
# tier: long
# root-kernel: 6.1
# timeout: 500
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script memory <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
answers() { wait_for 20 ping -c1 -W1 $PEER; }
answers; ok $? 'the peer answers'
insmod /no_memory.ko; ok $? 'no_memory loads'
no=/sys/module/no_memory/parameters
mtu() { cat /sys/class/net/$c/mtu; }
queues() { ls -d /sys/class/net/$c/queues/tx-* | wc -l; }
was=$(queues)
# Each change is that of a process that does nothing else.
round() { # SKIP COUNT
	[ "$(mtu)" = 1500 ] && to=1400 || to=1500
	before=$(cat $no/failed)
	sh -c "echo '$*' >$no/fail; echo $to >/sys/class/net/$c/mtu" 2>/dev/null
	n=$(($(cat $no/failed) - before))
	if [ "$(mtu)" = $to ]; then taken=$((taken + 1)); else refused=$((refused + 1)); fi
	answers && [ "$(queues)" = $was ] && return
	broken=$((broken + 1))
	note "no memory $*: $n failed, MTU $(mtu), $(queues) queues"
}
refused=0 taken=0 broken=0
for skip in 1 2 3 4 5 6 8 10 13 16 20 25 30 37 45 55 67 80 100 120 150 180 220 270 330 400; do
	round $skip 1
done
is $broken 0 "one allocation fails: taken $taken, refused $refused; after which it does not work"
[ $refused -ge 8 ]; ok $? 'enough were refused'
note "lost: $(dmesg | grep -c 'connection with the host is lost'), $(ethtool -S $c | grep -E 'reconnects|rx_no_memory' | tr -s ' \n' ' ')"
is "$(dmesg | grep -c 'it is lost')" 0 'buffers lost'

rmmod no_memory; rmmod hv_netvsc; ok $? 'unloaded'
EOS
in_root || scripts/build-test-modules 6.1 || bail_out 'no no_memory.ko'
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' --with ethtool \
	--file "build/guest/modules/$(cat build/kernels/6.1/release)/no_memory.ko:no_memory.ko" \
	--script "$OUT/memory.sh"
enter_net
tap tap0 multi_queue
peer tap0
CHILD_LIMIT=400 run_child ours 6.1 ours '' --memory 512M --processors 2 --net tap=tap0,queues=2
child_passed ours
finish
