#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A host that is silent for 15 minutes, with the driver's own time-outs: no error
# for a file system, a line about it a minute, and all goes on afterwards.
# ENLIGHT_SILENCE=SECONDS is another length.
# tier: long
# root-kernel: 6.1
# timeout: 1300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"
. "$PROJECT/tests/vm/lib-silence.sh"

silence_script silence <<'EOF'
echo 0 >/proc/sys/kernel/hung_task_timeout_secs
modprobe hv_storvsc
survives 0 1100
n=$(lines 'no answer from the host')
[ $n -ge 1 ] && [ $n -le 15 ]; ok $? "lines about it: $n"
[ $longest -ge "$(word silence)" ]; ok $? "the silence was seen: $longest s"
EOF
initramfs ours 6.1 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--with mkfs.ext4 --script "$OUT/silence.sh"
enter_root

seconds=${ENLIGHT_SILENCE:-900}
truncate -s 32M "$T/0.img"
CHILD_LIMIT=1200 run_child ours 6.1 ours "silence=$((seconds - 1))" --memory 256M \
	--processors 2 --scsi "file=$T/0.img" \
	--fault "scsi0:do=silence,after=500,count=1,ms=${seconds}000"
child_passed ours
finish
