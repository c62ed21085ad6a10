#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A panic is reported through the crash registers, whoever's modules are
# loaded: exit status 2, the registers in the worker's log, and no hang on the
# way out.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script crash <<'EOF'
modprobe hv_vmbus; modprobe sd_mod; modprobe hv_storvsc
disk=$(first_disk); ok $? 'the disk is there'
echo "phase crash"
printed
echo c >/proc/sysrq-trigger
EOF
for k in 6.1 6.12; do
	initramfs ours-$k $k --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
		--script "$OUT/crash.sh"
	initramfs stock-$k $k --available "$STORAGE_MODULES" --script "$OUT/crash.sh"
done
enter_root

crash() { # RUN KERNEL IMAGE CMDLINE
	truncate -s 8M "$T/disk.img"
	CHILD_LIMIT=100 run_child "$1" "$2" "$3" "$4" --memory 256M --processors 2 \
		--scsi "file=$T/disk.img"
	is "$CHILD_STATUS" 2 "$1: exit status 2" || show_run "$1"
	like "$T/$1.verdict" '^phase crash' "$1: it got so far"
	like "$T/$1.log" '[Cc]rash' "$1: the worker reports the crash"
	like "$T/$1.console" 'sysrq: Trigger a crash|Kernel panic' "$1: it was that crash"
}
for run in $(amount stock-6.12 'ours-6.1 stock-6.1 ours-6.12 stock-6.12'); do
	crash "$run" "${run#*-}" "$run" ''
done
crash "ours-hangs" 6.1 ours-6.1 'panic=0'
finish
