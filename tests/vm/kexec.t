#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kexec: the old kernel lets go of the root (UNLOAD), the new one connects anew
# and finds its disk, without the worker noticing more than a new connection.
# Then kdump: the crash kernel does the same after a panic.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script kexec <<'EOF'
modprobe hv_vmbus; modprobe sd_mod; modprobe hv_storvsc
disk=$(first_disk); ok $? 'the disk is there'
read -r cmdline </proc/cmdline
case $cmdline in
*second*)
	is "$(head -c 5 $disk)" hello 'the second kernel reads what the first wrote'
	;;
*)
	printf hello | dd of=$disk bs=512 conv=sync,fsync 2>/dev/null; ok $? 'written'
	sync
	case $cmdline in
	*crashkernel*)
		kexec -p /boot/vmlinuz --initrd=/boot/initrd --append="console=ttyS0 loglevel=5 mitigations=off second panic=-1 nr_cpus=1"
		ok $? 'crash kernel loaded'
		printed
		echo c >/proc/sysrq-trigger
		;;
	*)
		kexec -l /boot/vmlinuz --initrd=/boot/initrd --append="console=ttyS0 loglevel=5 mitigations=off second panic=-1"
		ok $? 'second kernel loaded'
		printed
		kexec -e
		;;
	esac
	sleep 60
	ok 1 'the second kernel runs'
	;;
esac
EOF
for k in 6.1; do
	initramfs second-$k $k --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
		--script "$OUT/kexec.sh"
	initramfs first-$k $k --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
		--with kexec --script "$OUT/kexec.sh" --file "$(kernel_image $k):boot/vmlinuz" \
		--file "$OUT/second-$k.cpio:boot/initrd"
done
enter_root

second() { # RUN CMDLINE STATUS
	truncate -s 8M "$T/disk.img"
	CHILD_LIMIT=400 run_child "$1" 6.1 first-6.1 "$2" --memory 768M --processors 2 \
		--scsi "file=$T/disk.img"
	count_breakdown "$1"
	relay_results "$1"
	is "$CHILD_STATUS" "$3" "$1: exit status $3" || show_run "$1"
	like "$T/$1.verdict" '^ok - the second kernel reads' "$1: the second kernel had the disk"
	is "$(stat_of "$1" .vmbus.connects)" 2 "$1: two connections"
}
second kexec '' 0
no_splats kexec
second kdump 'crashkernel=256M' 2
finish
