#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A child that floods the root side (tests/guest/modules: nvs_liar flood=1, rogue's
# acts *-flood): each message, packet and request there is, thousands of times. The
# worker's main thread goes on answering hvctl, its memory stays, its log is short,
# and afterwards a disk and a card work.
# root-kernel: 6.1
# alone: yes
# timeout: 600
#
# What main is measured by is the longest turn of its loop, in processor time of
# its own: by the clock, it waits for the VPs' threads, which have the processors.
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

net_script floods <<'EOS'
act() { echo "$1" >/sys/module/rogue/parameters/act; }
load hv_vmbus
echo "phase start"
insmod /nvs_liar.ko flood=1 rounds=300; ok $? 'the card was flooded'
rmmod nvs_liar
echo "phase card"
insmod /rogue.ko
wait_for 30 sh -c '[ "$(cat /sys/module/rogue/parameters/bound)" = Y ]'; ok $? 'a controller to flood'
act message-flood; ok $? 'the bus was flooded'
echo "phase bus"
act packet-flood; ok $? 'the controller was flooded'
echo "phase controller"
modprobe sd_mod; load hv_storvsc
disk=$(first_disk); ok $? 'the disk is there'
is "$(dd if=$disk bs=64k count=16 iflag=direct 2>/dev/null | sha256sum | cut -d' ' -f1)" "$(word disk)" 'and whole'
load hv_netvsc
c=$(card 0); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
is "$(pings 5 $PEER)" 5 'pings answered'
ip link set $c down; rmmod hv_netvsc
echo "phase use"
told 1; ok $? 'the root side has taken stock'
rmmod hv_storvsc
act contact-flood; ok $? 'contacts came and went'
EOS
in_root || scripts/build-test-modules 6.1 || bail_out 'no modules to flood with'
modules=build/guest/modules/$(cat build/kernels/6.1/release)
initramfs ours 6.1 --available "$NET_MODULES $STORAGE_MODULES" \
	--ours 'hv_vmbus hv_netvsc hv_storvsc' --script "$OUT/floods.sh" \
	--file "$modules/nvs_liar.ko:nvs_liar.ko" --file "$modules/rogue.ko:rogue.ko"
enter_net

own_memory() { awk '/^RssAnon/ { print $2 }' "/proc/$CHILD_PID/status"; }
lines() { wc -l <"$T/ours.log"; }

# ask PHASE SECONDS: hvctl all the time until the child has got so far.
asked=0 unanswered=0
ask() {
	local end=$((SECONDS + $2))
	until tr -d '\r' <"$T/ours.verdict" | grep -q "^phase $1\$" ||
		! kill -0 "$CHILD_PID" 2>/dev/null || [ $SECONDS -ge $end ]; do
		control state >/dev/null || unanswered=$((unanswered + 1))
		asked=$((asked + 1))
	done
	keep_files
	is "$(tr -d '\r' <"$T/ours.verdict" | grep -c "^phase $1\$")" 1 "the child got as far as: $1"
	note "$1: memory $(own_memory) KiB, lines $(lines)"
}

tap tap0 multi_queue
peer tap0
head -c 1M /dev/urandom >"$T/disk.img"
truncate -s 1M "$T/misused.img"
start_child ours 6.1 ours "disk=$(sha "$T/disk.img")" --processors 2 --memory 256M \
	--net tap=tap0,queues=2 --scsi "file=$T/disk.img" \
	--scsi "file=$T/misused.img,controller=1"
wait_line ours '^phase start' 120; ok $? 'the child is up'
before=$(own_memory)
ask card 200
ask bus 100
ask controller 100
ask use 60
at_most $(($(own_memory) - before)) 8192 'KiB more of memory, after floods'
control --json stats >"$T/now.json"
sign_lun 1
wait_child 120
child_passed ours
at_least $asked 20 'times that hvctl was asked meanwhile'
is $unanswered 0 'times that it got no answer'
main() { jq ".main.$1" "$T/now.json"; }
at_most "$(main turn_longest_cpu_us)" 100000 'microseconds of the longest turn of main'
at_most "$(main calls_longest_cpu_us)" 100000 'microseconds, of its calls'
at_most "$(main calls_waiting_most)" 32 'calls that waited for it'
at_least "$(main calls)" 1000 'calls that it made'
at_most "$(stat_of ours .main.calls_longest_cpu_us)" 100000 'microseconds of its calls, to the end'
note "$(jq -c .main "$T/now.json") $(stat_of ours '.main | tostring')"
# Ten in five seconds from each of the bus, the card, the controller and its channel.
at_most "$(lines)" $(((SECONDS / 5 + 1) * 40)) 'lines in the log'
is "$(LC_ALL=C grep -c '[^ -~]' "$T/ours.log")" 0 'lines that are not plain text'
finish
