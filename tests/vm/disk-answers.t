#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Answers that a host may lawfully give and that are no errors (vmwp --fault):
#
# scsi0: unit attentions "capacity changed" and "parameters changed": the
# command is sent again and the disk looked at anew, without a line about it;
# selection timeouts: tried again. And commands that the host doesn't know, as
# smartd and udisks send them: refused, with nothing in the log.
# scsi1, scsi2: "no such LUN" to the first INQUIRY, and to REPORT LUNS as well:
# the disk behind the absent LUN 0 is found.
# root-kernel: 6.1
# timeout: 200
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script answers <<'EOF'
device() { ls /sys/bus/vmbus/devices | grep "0$1\$"; }
disk() { # CONTROLLER: its only disk
	wait_for 30 sh -c "ls -d /sys/bus/vmbus/devices/$(device "$1")/host*/target*/*:0:0:$2/block/*" || return 1
	name=$(basename "$(ls -d /sys/bus/vmbus/devices/"$(device "$1")"/host*/target*/*/block/*)")
	wait_for 10 test -e "/dev/$name"
	echo "/dev/$name"
}
none() { is "$(dmesg | grep -Ec "$1")" 0 "$2" || dmesg | grep -E "$1" | sed 's/^/# /'; }
for m in sd_mod hv_vmbus hv_storvsc; do modprobe $m || ok 1 "$m loads"; done
d=$(disk 0 0); ok $? 'scsi0: the disk is there'
disk 1 3 >/dev/null; ok $? 'scsi1: the disk behind an absent LUN 0 is found'
disk 2 3 >/dev/null; ok $? 'scsi2: without REPORT LUNS, too'

refused() { # NAME CDB...
	name=$1; shift
	sg_raw -r 512 $d "$@" >/tmp/raw 2>&1
	grep -q 'Illegal Request' /tmp/raw; ok $? "$name: refused" || sed 's/^/# /' /tmp/raw
}
refused 'LOG SENSE' 4d 00 40 00 00 00 00 02 00 00
refused 'MAINTENANCE IN' a3 0a 00 00 00 00 00 00 02 00 00 00
refused 'ATA PASS-THROUGH (16)' 85 08 0e 00 00 00 01 00 00 00 00 00 00 00 ec 00
refused 'ATA PASS-THROUGH (12)' a1 08 0e 00 01 00 00 00 00 ec 00 00
none 'srb status' 'no line about commands that the host does not know'

mount -t tracefs tracefs /sys/kernel/tracing
cd /sys/kernel/tracing
echo 'cmd_len == 16' >events/scsi/scsi_dispatch_cmd_start/filter
echo 1 >events/scsi/scsi_dispatch_cmd_start/enable
dd if=$d of=/tmp/read bs=4k iflag=direct 2>/tmp/dd; ok $? 'all can be read'
is "$(sha256sum </tmp/read | cut -d' ' -f1)" "$(word sum)" 'and is whole'
wait_for 10 sh -c "[ \$(grep -c READ_CAPACITY_16 trace) -ge 2 ]"
ok $? "the disk was looked at anew: $(grep -c READ_CAPACITY_16 trace)"
none 'srb status 0x84|[Cc]apacity data|[Pp]arameters changed|operating definition' 'no line about the changes'
none 'I/O error' 'no I/O error'
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--with sg_raw --script "$OUT/answers.sh"
enter_root

head -c 4M /dev/urandom >"$T/0.img"
truncate -s 4M "$T/1.img" "$T/2.img"
# Past the probe and the commands above, in the data.
run_child ours 6.1 ours "sum=$(sha256sum <"$T/0.img" | cut -d' ' -f1)" --memory 256M \
	--scsi "file=$T/0.img" --scsi "file=$T/1.img,controller=1,lun=3" \
	--scsi "file=$T/2.img,controller=2,lun=3" \
	--fault scsi0:do=capacity,after=300,count=1 \
	--fault scsi0:do=parameters,after=400,count=1 \
	--fault scsi0:do=selection,after=500,count=3 \
	--fault scsi1:do=no-lun,count=1 --fault scsi2:do=no-lun,count=2
child_passed ours
is "$(stat_of ours .vmbus.faults)" 8 'the faults happened'
finish
