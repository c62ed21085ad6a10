# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A root that offers a device and a sub-channel of it and rescinds both at once, a
# thousand times: the child gives every relid back, nothing that was freed is
# used, and the device that stays works.

# orphans KERNEL CMDLINE WORD...: the words are the image's.
orphans() {
	local kernel=$1 cmdline=$2
	shift 2
	guest_script orphans <<'EOF'
# The answer to the first open stands behind all that in the root's queue, for which a
# kernel with checkers needs minutes.
modprobe sd_mod 2>/dev/null; modprobe hv_vmbus reply_timeout=300; modprobe hv_storvsc
disk=$(first_disk 300); ok $? 'the disk is there'
run 'the disk reads' dd if=$disk of=/dev/null bs=64k count=16 iflag=direct
wait_for 300 sh -c '[ $(ls /sys/bus/vmbus/devices | wc -l) = 1 ]'; ok $? 'no other device stays'
run 'the disk reads on' dd if=$disk of=/dev/null bs=64k count=16 iflag=direct
rmmod hv_storvsc && rmmod hv_vmbus; ok $? 'the modules unload'
dmesg | grep 'channels are still in use' && ok 1 'no channel is left'
[ ! -e /sys/kernel/debug/kmemleak ] || leaks 'kmemleak finds nothing'
EOF
	initramfs ours "$kernel" --ours 'hv_vmbus hv_storvsc' --script "$OUT/orphans.sh" "$@"
	enter_root

	truncate -s 4M "$T/disk.img"
	CHILD_LIMIT=600 run_child ours "$kernel" ours "$cmdline" --processors 4 --memory 768M \
		--scsi "file=$T/disk.img" --fault bus:do=orphan,after=1,count=1,times=4000
	child_passed ours
	at_least "$(stat_of ours .vmbus.messages_out)" 4000 'messages to the child'
	at_least "$(stat_of ours .vmbus.messages_in)" 2000 \
		'messages from it: each relid was given back'
	finish
}
