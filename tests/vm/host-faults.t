#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A root side that lies (vmwp --fault) to our modules: the child logs it, the
# device concerned recovers or fails, and everything else goes on.
# root-kernel: 6.1
# timeout: 600
#
# What must happen, and why:
#
# scsi0 is told the truth.  Its disk is read all the time, each pass compared.
#
# scsi1 gets packets too many, and claims that can't be.  No answer is lost by
# that, so no request may time out, no reset may be asked for:
# - type, short: no answer as there can be: dropped by type or length;
# - id, repeat, op, flood: the id or the operation fit no request, or no longer
#   do: looked up, dropped, counted;
# - enumerate: a scan for disks, but not one for each of them;
# - transfer: the residual is computed from what was asked for;
# - sense: as much is copied as there is, and the command is tried again.
# Lines about it come at a limited rate and name the device.
#
# scsi2 loses answers, or its rings, for good:
# - length-zero, length-huge: nobody knows where the next packet starts, so what
#   is in the ring is thrown away; offset: that packet is;
# - read-index, read-unaligned: nothing can be written.
# The requests concerned time out (the last two kinds at once), resets get no
# answer or don't help, and the channel is closed and opened anew: the data
# arrive whole, late.
# - write-index, write-unaligned: nothing is read; the root believes that the
#   child is going to look. It does so when a request is overdue and it has asked
#   for something else, and finds all answers.
#
# scsi3 never gives an answer that can be read: its probe ends in an error after
# the 60 seconds it has for one step, and nobody else waits for it.
#
# bus: messages out of place are dropped, with a line each, at a limited rate.
#
# Then all is unloaded, as soon as the probe of scsi3 allows.
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script faults <<'EOF'
device() { ls /sys/bus/vmbus/devices | grep "0$1\$"; }
host() { ls -d "/sys/bus/vmbus/devices/$(device "$1")"/host*/scsi_host/host*; }
count() { cat "$(host "$1")/$2"; }
lines() { dmesg | grep -c "$1"; }
seen() { dmesg | grep -q "$1"; ok $? "$2"; }
name_of() { basename "$(ls -d "/sys/bus/vmbus/devices/$(device "$1")"/host*/target*/*/block/* 2>/dev/null)"; }
disk() {
	wait_for 30 sh -c "ls -d /sys/bus/vmbus/devices/$(device "$1")/host*/target*/*/block/*" || return 1
	wait_for 10 test -e "/dev/$(name_of "$1")"
	echo "/dev/$(name_of "$1")"
}
sum() { dd if="$1" bs=4k count=512 iflag=direct 2>/dev/null | sha256sum | cut -d' ' -f1; }
now() { cut -d. -f1 /proc/uptime; }
exercise() { # CONTROLLER: reads the first half, writes the second
	is "$(sum "$(disk "$1")")" "$(word "sum$1")" "scsi$1: what is read is whole"
	dd if=/tmp/new of="$(disk "$1")" bs=4k seek=512 count=512 oflag=direct 2>/dev/null
	ok $? "scsi$1: all can be written"
}

dd if=/dev/urandom of=/tmp/new bs=64k count=32 2>/dev/null
echo "new $(sha256sum </tmp/new | cut -d' ' -f1)"
modprobe sd_mod; modprobe hv_vmbus
modprobe hv_storvsc async_probe=1 storvsc_timeout=3 storvsc_reset_timeout=2
start=$(now)
good=$(disk 0); ok $? 'scsi0: its disk is there'
disk 1 >/dev/null; ok $? 'scsi1: its disk is there'
disk 2 >/dev/null; ok $? 'scsi2: its disk is there'

( n=0
while [ ! -e /tmp/stop ]; do
	[ "$(sum "$good")" = "$(word sum0)" ] || echo wrong >/tmp/wrong
	n=$((n + 1)); echo $n >/tmp/passes
done ) &
reader=$!
exercise 2 >/tmp/second &
other=$!
exercise 1
is "$(count 1 timeouts) $(count 1 resets) $(count 1 reconnects)" '0 0 0' 'scsi1: no request was lost, nothing was reset'
[ "$(count 1 bad_completions)" -ge 2005 ]; ok $? "scsi1: bad completions counted: $(count 1 bad_completions)"
is "$(ls -d "/sys/bus/vmbus/devices/$(device 1)"/host*/target*/*/block/* | wc -l)" 1 'scsi1: still has its one disk'
d1="hv_storvsc $(device 1): "
seen "$d1.*packet dropped: type 4660" 'type: told'
seen "$d1.*packet dropped: .* 8 bytes" 'short: told'
seen "$d1.*answer to no request: op 2004318071" 'op: told'
seen "$d1.*answer to no request: op 1," 'id, repeat: told'
seen "$d1.*host claims 2147483632 bytes into a buffer of 4096" 'transfer: told'
seen "$d1.*scsi status 0x2, srb status 0x84" 'sense: told'
n=$(lines "$d1")
[ "$n" -le 60 ]; ok $? "scsi1: lines about it: $n"

for a in /sys/bus/vmbus/devices/*/channels/*/*; do cat "$a"; done >/dev/null 2>&1
is "$(ls /sys/bus/vmbus/devices | wc -l)" 4 'four devices in sysfs, which can be read'

wait $other
cat /tmp/second; grep -q '^not ok' /tmp/second && failures=$((failures + 1))
is "$(grep -c '^ok' /tmp/second)" 2 'scsi2: all of that was done'
note "scsi2: $(count 2 timeouts) timeouts, $(count 2 silences) silences, $(count 2 resets) resets, $(count 2 reconnects) reconnects, $(($(now) - start)) s"
is "$(count 2 reconnects)" 5 'scsi2: reopened for each fault that lost an answer'
d2="hv_vmbus: $(device 2), channel [0-9]*: "
seen "${d2}packet of 0 bytes" 'length-zero: told'
seen "${d2}packet of 524280 bytes" 'length-huge: told'
seen "${d2}packet of 80 bytes .* payload at 88" 'offset: told'
seen "${d2}bad write index 2147" 'write-index: told'
seen "${d2}bad write index [0-9]\{1,6\}$" 'write-unaligned: told'
seen "${d2}bad ring index (2147" 'read-index: told'
seen "${d2}bad ring index ([0-9]\{1,6\}, " 'read-unaligned: told'
n=$(lines "$d2")
[ "$n" -le 60 ]; ok $? "scsi2: lines of the bus about it: $n"

bus() { seen "hv_vmbus: $1" "bus: $2: told"; }
bus 'offer of relid [1-4] dropped: relid in use' offer-again
bus 'offer of relid 0 dropped' offer-zero
bus 'offer of relid 2048 dropped' offer-beyond
bus 'message 1 of 192 bytes dropped' offer-short
bus 'rescind of relid 2047, which has no channel' rescind
bus "rescind of relid 2048, which can't be" rescind-beyond
bus 'reply 6 (2047, ' open-result
bus 'reply 10 (2047, ' gpadl-created
bus 'reply 12 (' gpadl-torndown
bus 'reply 17 to no request' unload-response
bus 'message of unknown type 99 dropped' type
bus 'message 2 of 9 bytes dropped' short
bus 'message of 1 bytes dropped' empty
n=$(lines 'message of unknown type 99')
[ "$n" -le 20 ]; ok $? "bus: lines about 2000 messages: $n"

touch /tmp/stop; wait $reader
[ "$(cat /tmp/passes)" -ge 2 ] && [ ! -e /tmp/wrong ]; ok $? "scsi0: $(cat /tmp/passes) passes, all of them whole"
is "$(sum "$good")" "$(word sum0)" 'scsi0: and another'
is "$(count 0 timeouts) $(count 0 resets) $(count 0 bad_completions)" '0 0 0' 'scsi0: nothing to complain of'
is "$(lines "hv_storvsc $(device 0)")" 0 'scsi0: nor a line about it'
# The root knows them: what was written must be there when all is unloaded.
begin=$(now)
[ $begin -gt $((start + 60)) ] || begin=$((start + 60))	# scsi3's probe
rmmod hv_storvsc; ok $? 'hv_storvsc unloaded'
seen "hv_storvsc $(device 3): .*initialisation failed: -110" 'scsi3: its failure was told'
rmmod hv_vmbus; ok $? 'hv_vmbus unloaded'
[ $(($(now) - begin)) -le 20 ]; ok $? "unloaded $(($(now) - begin)) s after that could be done"
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--script "$OUT/faults.sh"
enter_root

half() { head -c 2M "$1" | sha256sum | cut -d' ' -f1; }
options=() words=
for c in 0 1 2 3; do
	head -c 4M /dev/urandom >"$T/$c.img"
	options+=(--scsi "file=$T/$c.img,controller=$c")
	words+=" sum$c=$(half "$T/$c.img")"
done
# Past the probe and the look for partitions, in the data.
n=120
# The scan's own commands must not get what is meant for a read: it comes last.
for what in type id repeat short op transfer sense enumerate; do
	options+=(--fault "scsi1:do=$what,after=$n,count=1")
	n=$((n + 40))
done
options+=(--fault "scsi1:do=flood,after=$n,count=1,times=2000")
n=120
for what in length-zero length-huge offset write-index write-unaligned \
	read-index read-unaligned; do
	options+=(--fault "scsi2:do=$what,after=$n,count=1")
	n=$((n + 60))
done
options+=(--fault scsi3:do=length-zero)
n=4
for what in offer-again offer-zero offer-beyond offer-short rescind rescind-beyond \
	open-result gpadl-created gpadl-torndown unload-response short empty; do
	options+=(--fault "bus:do=$what,after=$n,count=1")
done
options+=(--fault "bus:do=type,after=$n,count=1,times=2000")

CHILD_LIMIT=400 run_child ours 6.1 ours "$words" --memory 256M --processors 2 \
	"${options[@]}"
child_passed ours
new=$(tr -d '\r' <"$T/ours.verdict" | sed -n 's/^new //p')
for c in 1 2; do
	is "$(tail -c 2M "$T/$c.img" | sha256sum | cut -d' ' -f1)" "$new" \
		"scsi$c: the root has what was written"
done
at_least "$(stat_of ours .vmbus.faults)" 30 'the faults happened'
finish
