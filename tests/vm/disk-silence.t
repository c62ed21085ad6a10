#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A silent host is waited for; a lost request, while others are answered, is
# recovered within two of its time-outs (which are 8 s here). vmwp --fault:
#
# scsi0: silent for more than three time-outs, with a file system on it: no error, no reset,
# one line about it, and all goes on.
# scsi1: a read is never answered, while others are.
# scsi2: the same, with nobody else at work.
# scsi3: silent for longer than storvsc_silence_limit allows: an error, in time.
# root-kernel: 6.1
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"
. "$PROJECT/tests/vm/lib-silence.sh"

silence_script silence <<'EOF'
modprobe hv_storvsc storvsc_timeout=8
for c in 0 1 2 3; do disk $c >/dev/null; ok $? "scsi$c: the disk is there"; done

lost() { # CONTROLLER
	took=$(seconds dd if="$(disk $1)" of=/dev/null bs=4k count=1 skip=256 iflag=direct) 2>/dev/null
	ok $? "scsi$1: a lost request is recovered"
	[ "${took%.*}" -ge 8 ] && [ "${took%.*}" -lt 16 ]; ok $? "scsi$1: within two time-outs: $took s"
	is "$(count $1 timeouts) $(count $1 silences) $(count $1 reconnects)" '1 0 1' "scsi$1: timeouts, silences, reconnects"
}
( while [ ! -e /tmp/stop ]; do
	dd if="$(disk 1)" of=/dev/null bs=4k count=64 iflag=direct 2>/dev/null || echo >>/tmp/failed
	sleep 0.1
done ) & others=$!
lost 1 >/tmp/lost1 & one=$!
lost 2 >/tmp/lost2 & two=$!
survives 0 100
wait $one; wait $two
for c in 1 2; do
	cat /tmp/lost$c
	grep -q '^not ok' /tmp/lost$c && failures=$((failures + 1))
done
touch /tmp/stop; wait $others
[ ! -e /tmp/failed ]; ok $? 'scsi1: no error for the others'

echo 3 >/sys/module/hv_storvsc/parameters/storvsc_silence_limit
took=$(seconds dd if="$(disk 3)" of=/dev/null bs=4k iflag=direct) 2>/dev/null
[ $? != 0 ]; ok $? 'scsi3: an error'
[ "${took%.*}" -lt 45 ]; ok $? "scsi3: in time: $took s"
seen "$(device 3).*no answer within storvsc_silence_limit" 'scsi3: told'
run 'scsi0: goes on' dd if="$(disk 0)" of=/dev/null bs=64k count=16 iflag=direct
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--with mkfs.ext4 --script "$OUT/silence.sh"
enter_root

options=()
for c in 0 1 2 3; do
	truncate -s 32M "$T/$c.img"
	options+=(--scsi "file=$T/$c.img,controller=$c")
done
CHILD_LIMIT=200 run_child ours 6.1 ours '' --memory 256M --processors 2 "${options[@]}" \
	--fault scsi0:do=silence,after=500,count=1,ms=30000 \
	--fault scsi1:0:op=read,err=hang,from=2048,to=2055,count=1 \
	--fault scsi2:0:op=read,err=hang,from=2048,to=2055,count=1 \
	--fault scsi3:do=silence,after=500,count=1,ms=3600000
child_passed ours
finish
