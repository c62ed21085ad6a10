#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A child that posts malformed NVSP and RNDIS (tests/guest/modules/nvs_liar.c) to
# one of its cards: the worker counts it, logs it at a limited rate and goes on,
# and then the same card works.  On our bus, as Linux 6.1 can't do without its own
# once it was loaded.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script garbage <<'EOS'
dmesg -n 7
offered() { ls /sys/bus/vmbus/devices/ | grep -q .; }
# A new connection each time: the root side may have taken the card away.
n=0
while :; do
	load hv_vmbus
	wait_for 10 offered || { ok 1 "lies $n: the card is offered"; break; }
	sleep 0.2
	insmod /nvs_liar.ko lie=$n 2>/tmp/insmod.out || break
	rmmod nvs_liar
	rmmod hv_vmbus
	n=$((n + 1))
done
is $n "$(word lies)" 'kinds of lies told'
grep -q 'out of range' /tmp/insmod.out; ok $? 'there are no more' || sed 's/^/# /' /tmp/insmod.out
load hv_netvsc
c=$(card 0); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
is "$(pings 20 $PEER)" 20 'pings answered'
wget -q -O /tmp/page "http://$PEER/page"
is "$(sha /tmp/page)" "$(word sum)" 'a page fetched is whole'
EOS
in_root || scripts/build-test-modules 6.1 || bail_out 'no nvs_liar.ko'
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' \
	--file "build/guest/modules/$(cat build/kernels/6.1/release)/nvs_liar.ko:nvs_liar.ko" \
	--script "$OUT/garbage.sh"
enter_net
tap tap0 multi_queue
peer tap0
mkdir "$T/www"
head -c 1M /dev/urandom >"$T/www/page"
page_server "$T/www"
lies=10
CHILD_LIMIT=280 run_child ours 6.1 ours "sum=$(sha "$T/www/page") lies=$lies" --memory 256M \
	--processors 2 --net tap=tap0,queues=2
child_passed ours
is "$(grep -c 'told: ' "$T/ours.console")" "$lies" "ours: and logged"
bad=$(stat_of ours '[.nets[0] | to_entries[] | select(.key | test("bad|malformed|invalid")) | .value | numbers] | add')
at_least "$bad" 200 "ours: lies counted by the worker"
note "$(stat_of ours '.nets[0] | with_entries(select(.value | numbers > 0)) | tostring')"
at_most "$(wc -l <"$T/ours.log")" 400 "ours: lines in the worker's log"
finish
