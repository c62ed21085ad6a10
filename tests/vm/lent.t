#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A root that gives memory back 20 seconds after the child has asked for it, which
# waits for 2: rings, buffers and frames that are with the root stay allocated, and go
# when it says so, when it rescinds, or with the connection. Reads that are with it
# are not sent again before. A disk on another controller does not notice.
# root-kernel: 6.1
# timeout: 400
#
# scsi1 and the card lose an answer, and with it their ring (length-zero): what was
# under way is still with the root when they are closed.
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script lent <<'EOF'
owed() { # late, bytes, pages, frames, repaid, lost
	head -n1 /sys/kernel/debug/hv_vmbus/lent | tr ' ' '\n' | sed -n "/^$1\$/{n;p}"
}
owes() { [ "$(owed late)" -ge "$1" ]; }
paid() { [ "$(owed late) $(owed bytes) $(owed pages) $(owed frames) $(owed lost)" = '0 0 0 0 0' ]; }
device() { ls /sys/bus/vmbus/devices | grep "736373692d0$1\$"; }	# "scsi-"
name_of() { basename "$(ls -d "/sys/bus/vmbus/devices/$(device "$1")"/host*/target*/*/block/* 2>/dev/null)"; }
disk() {
	wait_for 30 sh -c "ls -d /sys/bus/vmbus/devices/$(device "$1")/host*/target*/*/block/*" || return 1
	wait_for 10 test -e "/dev/$(name_of "$1")" && echo "/dev/$(name_of "$1")"
}
sum() { dd if="$1" bs=64k count=32 iflag=direct 2>/dev/null | sha256sum | cut -d' ' -f1; }
driver() { echo "$3" >/sys/bus/vmbus/drivers/$1/$2; }
free_kib() { echo 3 >/proc/sys/vm/drop_caches; sleep 1; awk '/MemFree/ { print $2 }' /proc/meminfo; }
has() { dmesg | grep -q "$1"; ok $? "$2"; }

modprobe hv_vmbus reply_timeout=2; modprobe sd_mod
modprobe hv_storvsc storvsc_timeout=3 storvsc_reset_timeout=2
keep=$(disk 0); ok $? 'the disk that stays'
d=$(disk 1); ok $? 'the disk that loses an answer'
scsi=$(device 1)
( while [ ! -e /tmp/stop ]; do [ "$(sum $keep)" = "$(word sum0)" ] || echo >/tmp/wrong; done ) &
reader=$!
paid; ok $? 'nothing is lent beyond its time'

(
	for n in $(seq 50); do [ "$(sum $d)" = "$(word sum1)" ] || echo >/tmp/wrong1; done
	touch /tmp/all1
) &
loser=$!
wait_for 60 owes 1; ok $? 'a close that is not confirmed'
# In this order: what is in the log came before the debt was paid.
dmesg >/tmp/log
owes 1 && [ ! -e /tmp/all1 ] && ! grep 'channel reopened' /tmp/log
ok $? 'what the root may still do is not sent again'
is "$(owed bytes)" 262144 'bytes lent: both rings'
has "reopening the channel" 'the channel was to be reopened'
wait_for 5 sh -c "dmesg | grep 'waiting for the host to let go of requests'"
ok $? 'that is waited for'
has "hv_vmbus: relid [0-9]*: the root may still use GPADL" 'it was told'
wait_for 30 paid; ok $? 'all comes back when the root says so'
wait $loser
has "channel reopened" 'then the channel is opened anew'
test ! -e /tmp/wrong1; ok $? 'whoever had lost an answer has read all, and no error'
is "$(owed repaid)" 1 'debts repaid'
is "$(sum "$(disk 1)")" "$(word sum1)" 'the disk is back, with its data'
driver hv_storvsc unbind $scsi
wait_for 5 owes 1; ok $? 'what was opened anew is closed, and lent'
driver hv_storvsc bind $scsi
is "$(sum "$(disk 1)")" "$(word sum1)" 'and is opened once more meanwhile'

modprobe hv_netvsc host_timeout=2
c=$(card); ok $? 'the card is there'
net=$(basename "$(readlink -f /sys/class/net/$c/device)")
ip link set $c mtu 9000
ip link set $c up
carrier $c
ip addr add $ME/24 dev $c
# Longer than a section of the send buffer: by page list.  A slow machine sends many
# of them in one packet.  All to one peer may go by the second channel, whose answers
# the root doesn't count.
spoilt() { dmesg | grep -q "$net, .*packet of 0 bytes"; }
n=0
while ! spoilt && [ $n -lt 50 ]; do
	n=$((n + 1))
	arp -i $c -s ${PEER%.*}.$((100 + n)) 52:54:00:00:00:99
	ping -q -s 8000 -i 0.01 -c 100 -W 1 ${PEER%.*}.$((100 + n)) >/dev/null 2>&1
done
spoilt; ok $? 'the card loses an answer'
wait_for 60 paid	# of the change of the MTU
before=$(free_kib)
driver hv_netvsc unbind $net
[ "$(owed late)" -ge 3 ]; ok $? "rings and buffers of the card are lent: $(owed late), $(owed bytes) bytes"
[ "$(owed bytes)" -ge 16777216 ]; ok $? 'all of them'
[ "$(owed frames)" -ge 1 ]; ok $? "frames that stay: $(owed frames)"
[ "$(owed pages)" -ge 16 ]; ok $? "pages of their headers: $(owed pages)"
rmmod hv_netvsc; ok $? 'the driver is unloaded'
lent=$(free_kib)
owes 3; ok $? 'they are still lent'
wait_for 40 paid; ok $? 'all comes back'
after=$(free_kib)
note "free memory: $before KiB, while lent $lent KiB, afterwards $after KiB"
[ $((lent - before)) -lt 8192 ]; ok $? 'nothing is freed while lent'
[ $((after - lent)) -gt 14336 ]; ok $? 'and then it is'

driver hv_storvsc unbind $scsi
wait_for 5 owes 1; ok $? 'the rings of a disk are lent'
is "$(owed pages)" 0 'but no page: nothing was under way'
echo "phase rescind"
wait_for 8 paid; ok $? 'a rescind gives them back at once'

touch /tmp/stop; wait $reader
test ! -e /tmp/wrong; ok $? 'the other disk did not notice'
rmmod hv_storvsc; ok $? 'hv_storvsc unloaded'
owes 1; ok $? 'its rings are lent'
rmmod hv_vmbus; ok $? 'hv_vmbus unloaded'
has 'with the connection the root has let go of 262144 bytes' 'and given back by then'
dmesg | grep 'not freed' && ok 1 'nothing is lost'
modprobe hv_vmbus; modprobe hv_storvsc
is "$(sum "$(disk 0)")" "$(word sum0)" 'all works when loaded again'
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES $NET_MODULES" \
	--ours 'hv_vmbus hv_storvsc hv_netvsc' --script "$OUT/lent.sh"
enter_root

words=
for c in 0 1; do
	head -c 2M /dev/urandom >"$T/$c.img"
	words+=" sum$c=$(sha256sum <"$T/$c.img" | cut -d' ' -f1)"
done
start_child ours 6.1 ours "$words" --processors 2 --memory 512M \
	--scsi "file=$T/0.img,controller=0" --scsi "file=$T/1.img,controller=1" --net null \
	--fault bus:do=torndown-late,ms=20000 --fault scsi1:do=length-zero,after=150,count=1 \
	--fault net0:do=length-zero,after=200,count=1
wait_line ours '^phase rescind' 300 && control controller remove 1; ok $? 'a controller is taken away'
wait_child 100
child_passed ours
finish
