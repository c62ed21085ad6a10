#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A child that breaks the rules (tests/guest/modules/rogue): the channel concerned gets
# an error or goes, the root says so at a limited rate, and everything else goes
# on, the child's other disk first of all.
# root-kernel: 6.1
# timeout: 700
#
# In this order:
# - messages that are malformed, out of order, about what there isn't; GPADLs
#   that lie or overlap; a flood of them; hypercalls with wild input. The root
#   counts each bad message, and refuses each bad hypercall.
# - packets that get an error for an answer: scsi1 stays.
# - packets and ring indices after which nothing can be known: scsi1 goes, and
#   comes back by hvctl.
# - INITIATE_CONTACT with wild fields, which ends the connection; then the child
#   is reset, and all is as it was.
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

ANSWERED='operations order sub-channels transfer srb'
GONE='write-index write-unaligned read-index length-zero length-huge offset short type-wild type-wrong ranges-many ranges-long one-ring'
declare -A WHY=(
	[write-index]='indices or lengths of the ring'
	[write-unaligned]='indices or lengths of the ring'
	[read-index]='indices of the ring to the child'
	[length-zero]='indices or lengths of the ring'
	[length-huge]='indices or lengths of the ring'
	[offset]='indices or lengths of the ring'
	[short]='packet too short'
	[type-wild]='indices or lengths of the ring'
	[type-wrong]='packet type'
	[ranges-many]='ranges of a packet'
	[ranges-long]='ranges of a packet'
	[one-ring]='indices or lengths of the ring'
)

{ echo "ANSWERED='$ANSWERED' GONE='$GONE'"; cat <<'EOF'; } | guest_script rogue
p=/sys/module/rogue/parameters
sum() { dd if=$disk bs=64k count=32 skip=1 iflag=direct 2>/dev/null | sha256sum | cut -d' ' -f1; }
bound() { [ "$(cat $p/bound)" = "$1" ]; }
act() { echo "$1" >$p/act; }
want=$(word sum)
modprobe hv_vmbus; modprobe sd_mod; insmod /rogue.ko; modprobe hv_storvsc
disk=$(first_disk); ok $? 'the disk is there'
if [ "$(dd if=$disk bs=4k count=1 2>/dev/null | head -c 6)" = marked ]; then
	is "$(sum)" "$want" 'after a reset the disk is whole'
	wait_for 30 bound Y; ok $? 'after a reset the other controller is there'
	act operations; ok $? 'after a reset its channel can be opened'
	end_here
fi
( while :; do [ "$(sum)" = "$want" ] || echo wrong >/tmp/wrong; done ) &
reader=$!
wait_for 30 bound Y; ok $? 'a controller to misuse'
told 2; ok $? 'the root side has counted what is open'
cat "$(ls -d /sys/bus/vmbus/devices/*00)/id" >$p/busy_relid

act messages; ok $? 'messages sent'; n=$(cat $p/count)
act flood; ok $? 'many messages sent'; n=$((n + $(cat $p/count)))
act hypercalls; ok $? 'each bad hypercall was refused'
echo "phase bad $n"
for a in $ANSWERED; do
	act $a; ok $? "$a: answered with an error, no byte beyond a buffer"
done
bound Y; ok $? 'the channel is still there'
for a in $GONE; do
	wait_for 60 bound Y || { ok 1 "$a: a controller to misuse"; break; }
	act $a; ok $? "$a: the channel was taken away"
	wait_for 60 bound N || { ok 1 "$a: and so was the device"; break; }
	echo "phase gone $a"
done
wait_for 60 bound Y; ok $? 'it can be used again'
kill $reader; wait $reader 2>/dev/null
test ! -e /tmp/wrong; ok $? 'the other disk was whole all the time'
is "$(sum)" "$want" 'and is'
echo marked | dd of=$disk bs=4k conv=sync oflag=direct 2>/dev/null; ok $? 'it can be written'
echo "phase misused"
told 1; ok $? 'the root has seen what it wanted to see'
echo "phase contact"
act contact; ok $? 'contacts made'
printed
echo b >/proc/sysrq-trigger
EOF
in_root || scripts/build-test-modules 6.1 || bail_out 'rogue.ko does not build'
rogue=build/guest/modules/$(cat build/kernels/6.1/release)/rogue.ko
initramfs stock 6.1 --available "$STORAGE_MODULES" --script "$OUT/rogue.sh" \
	--file "$rogue:rogue.ko"
enter_root

bad() { control --json stats | jq .vmbus.messages_bad; }

head -c 4M /dev/urandom >"$T/disk.img"
truncate -s 1M "$T/misused.img"
start_child stock 6.1 stock "sum=$(tail -c +65537 "$T/disk.img" | head -c 2M | sha256sum | cut -d' ' -f1)" \
	--processors 2 --memory 256M --scsi "file=$T/disk.img" \
	--scsi "file=$T/misused.img,controller=1"
wait_line stock '^ok - the disk is there' 120; ok $? 'the child is up'
bad >/dev/null	# the first command: its event loop has a timer from then on
wait_line stock '^ok - a controller to misuse' 60; ok $? 'and what it is to misuse'
before=$(left_now)	# scsi1 was not open yet, nor will it be in the end
sign_lun 2
wait_line stock '^phase bad' 120; ok $? 'the messages are there'
n=$(tr -d '\r' <"$T/stock.verdict" | sed -n 's/^phase bad //p')
for ((i = 0; i < 50; i++)); do	# the last of them may still be queued
	[ "$(bad)" != "$n" ] || break
	moment 0.2
done
is "$(bad)" "$n" 'each of them was counted'
for act in $GONE; do
	wait_line stock "^phase gone $act\$" 90 || break
	tail -n 1 "$T/stock.log" >"$T/last"
	like "$T/last" "^scsi1: .*channel failed: ${WHY[$act]}\$" "$act: the root said why"
	control controller remove 1 && control controller add 1 &&
		control disk add "file=$T/misused.img,controller=1" >/dev/null
	ok $? "$act: hvctl gives the controller back"
done
wait_line stock '^phase misused' 90; ok $? 'the child got so far'
is "$(bad)" "$n" 'no other message was counted'
none_more "$before" 'open files and threads of the worker'
sign_lun 1
wait_line stock '^phase contact' 90 && control disk remove 0:1 && control disk remove 0:2	# before the next boot
ok $? 'the child goes on'
wait_child 240
child_passed stock
at_most "$(grep -c 'message type 99' "$T/stock.log")" 60 'lines about 5000 messages'
at_most "$(wc -l <"$T/stock.log")" 300 'lines about everything'
is "$(stat_of stock .vmbus.gpadls)" 1 'GPADLs left: the ring of the disk'
is "$(head -c 6 "$T/disk.img")" marked 'the last write is on the disk'
finish
