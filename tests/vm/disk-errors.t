#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Errors of the back end reach the child as what they are: EIO on reading and
# writing, a full file system, a read-only disk, and a request that is never
# answered, which ends in an error within the driver's bound and leaves a disk
# that works.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script errors <<'EOF'
for m in hv_vmbus sd_mod; do modprobe $m || ok 1 "$m loads"; done
modprobe hv_storvsc $(word params | tr , ' ')
lun() {
	wait_for 30 sh -c "ls -d /sys/bus/scsi/devices/*:0:0:$1/block/*" || return 1
	echo "/dev/$(basename "$(ls -d /sys/bus/scsi/devices/*:0:0:"$1"/block/*)")"
}
fails() { # NAME COMMAND...: it must fail, and soon
	name=$1; shift
	start=$(cut -d. -f1 /proc/uptime)
	if "$@" >/tmp/out 2>&1; then ok 1 "$name"; else ok 0 "$name"; fi
	took=$(($(cut -d. -f1 /proc/uptime) - start))
	note "$name: $took s"
}
io() { dd bs=4k count=1 "$@" 2>&1; }
seen() { dmesg | grep -Eq "$1"; ok $? "$2"; }

d=$(lun 0)
fails 'a read of a bad sector fails' io if=$d of=/dev/null skip=256 iflag=direct
seen 'Sense Key : Medium Error' 'it is a medium error'
run 'a read beside it works' io if=$d of=/dev/null skip=512 iflag=direct
d=$(lun 1)
fails 'a write to a bad disk fails' io if=/dev/zero of=$d oflag=direct
seen 'Write error|write error|Add. Sense: Write' 'it is a write error'
d=$(lun 2)
fails 'a write to a full disk fails' io if=/dev/zero of=$d oflag=direct
seen 'Space allocation failed write protect|critical space allocation error|Data Protect' 'it says that space ran out'
d=$(lun 3)
is "$(cat /sys/block/${d#/dev/}/ro)" 1 'a read-only disk is seen as such'
fails 'a write to a read-only disk fails' io if=/dev/zero of=$d oflag=direct
if grep -q hang=1 /proc/cmdline; then
	d=$(lun 4)
	io if=$d of=/dev/null skip=1 iflag=direct >/dev/null; ok $? 'a read before the silent one'
	# Twice: two time-outs of 5 s at most until it is back; and some leeway.
	fails 'a request without an answer ends' timeout 300 dd if=$d of=/dev/null bs=4k count=1 skip=256 iflag=direct
	[ $took -le 30 ]; ok $? 'within its bound'
	seen "I/O error, dev ${d#/dev/}, sector 2048 " 'and is told'
	run 'the disk recovers' wait_for 60 dd if=$d of=/dev/null bs=4k count=1 skip=2 iflag=direct
	run 'and so do the others' dd if=$(lun 0) of=/dev/null bs=4k count=1 skip=512 iflag=direct
fi
EOF
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available "$STORAGE_MODULES" --ours "$ours" --script "$OUT/errors.sh"
done
enter_root

errors() { # RUN IMAGE CMDLINE VMWP-OPTION...
	local run=$1 image=$2 cmdline=$3 i
	shift 3
	for i in 0 1 2 3 4; do truncate -s 8M "$T/$i.img"; done
	CHILD_LIMIT=420 run_child "$run" 6.1 "$image" "$cmdline" --memory 256M --processors 2 \
		--scsi "file=$T/0.img" --scsi "file=$T/1.img" --scsi "file=$T/2.img" \
		--scsi "file=$T/3.img,readonly=on" --scsi "file=$T/4.img" \
		--fault 'scsi0:0:op=read,err=EIO,from=2048,to=2055' \
		--fault 'scsi0:1:op=write,err=EIO' --fault 'scsi0:2:op=write,err=ENOSPC' "$@"
	child_passed "$run"
}
errors stock stock ''
errors ours ours ''
errors silent ours 'hang=1 params=storvsc_timeout=5' \
	--fault 'scsi0:4:op=read,err=hang,from=2048,to=2055'
finish
