# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The storage test that every combination of drivers and hosts must pass; a
# test sources lib.sh, then this.  LUN 0 gets a file system, LUN 1 brings data
# from the root side and takes data back, LUN 2 is for fio.

STORAGE_MODULES='hv_vmbus hv_storvsc sd_mod ext4 crc32c_generic'

# The child's side.  Kernel command line: sum=SHA256 of LUN 1's first 8 MiB.
storage_script() {
	guest_script "$1" <<'EOF'
lun() { # LUN: its device name, once it is there
	wait_for 30 sh -c "ls -d /sys/bus/scsi/devices/*:0:0:$1/block/*" || return 1
	basename "$(ls -d /sys/bus/scsi/devices/*:0:0:"$1"/block/*)"
}
sum=$(word sum)

for m in hv_vmbus sd_mod hv_storvsc ext4 crc32c_generic; do
	modprobe $m || ok 1 "$m loads"
done
note "$(dmesg | sed -n 's/.*\(Vmbus version:.*\)/\1/p')"
d0=$(lun 0); ok $? 'LUN 0 is there'
d1=$(lun 1); ok $? 'LUN 1 is there'
d2=$(lun 2); ok $? 'LUN 2 is there'
wait_for 10 test -e /dev/$d2

q=/sys/block/$d0/queue
is "$(cat $q/write_cache)" 'write back' 'the write cache is seen'
is "$(cat $q/fua)" 1 'FUA is seen'
is "$(cat $q/rotational)" 0 'the disk does not rotate'
[ "$(cat $q/discard_max_bytes)" -gt 0 ]; ok $? 'TRIM is offered'
grep -q '^naa\.' /sys/block/$d0/device/wwid; ok $? 'the disk has a WWN'
[ "$(wc -c </sys/block/$d0/device/vpd_pg80)" -gt 4 ]; ok $? 'the disk has a serial number'
[ "$(cat /sys/block/$d0/device/wwid)" != "$(cat /sys/block/$d1/device/wwid)" ]
ok $? 'each disk has a WWN of its own'

got=$(head -c 8388608 /dev/$d1 | sha256sum | cut -d' ' -f1)
is "$got" "$sum" 'data from the root side arrive whole'

run 'mkfs.ext4' mkfs.ext4 -q /dev/$d0
run 'mount' mount -t ext4 /dev/$d0 /mnt
dd if=/dev/urandom of=/mnt/data bs=1M count=16 2>/dev/null
mkdir /mnt/tree && cp -r /bin /mnt/tree/
sync
wrote=$(sha256sum </mnt/data | cut -d' ' -f1)
umount /mnt; echo 3 >/proc/sys/vm/drop_caches
run 'mount again' mount -t ext4 /dev/$d0 /mnt
is "$(sha256sum </mnt/data | cut -d' ' -f1)" "$wrote" 'the file reads back the same'
rm -rf /mnt/tree
run 'fstrim' fstrim /mnt
run 'umount' umount /mnt
echo "data $wrote"

head -c 8388608 /dev/urandom >/tmp/back
dd if=/tmp/back of=/dev/$d1 bs=1M seek=8 conv=fsync 2>/dev/null
ok $? 'data for the root side written'
echo "back $(sha256sum </tmp/back | cut -d' ' -f1)"

if command -v fio >/dev/null; then
	run 'fio --verify, 16 jobs' fio --name=v --filename=/dev/$d2 \
		--rw=randwrite --bs=4k --size=512k --offset_increment=512k --numjobs=16 \
		--thread --ioengine=libaio --iodepth=8 --direct=1 \
		--verify=crc32c --do_verify=1 --verify_fatal=1 --group_reporting
fi
dmesg | grep -E 'I/O error|Buffer I/O|Sense Key|FAILED Result' >/tmp/errors
is "$(cat /tmp/errors)" '' 'no I/O error in the kernel log'
EOF
}

# Disks in $T; sets STORAGE_ARGS and STORAGE_CMDLINE.
storage_disks() {
	truncate -s 96M "$T/lun0.img"
	head -c 8M /dev/urandom >"$T/lun1.img"
	STORAGE_CMDLINE="sum=$(sha256sum <"$T/lun1.img" | cut -d' ' -f1)"
	truncate -s 16M "$T/lun1.img"
	truncate -s 32M "$T/lun2.img"
	STORAGE_ARGS=(--scsi "file=$T/lun0.img" --scsi "file=$T/lun1.img"
		      --scsi "file=$T/lun2.img")
}

# After the run: what the child wrote is in the files.
storage_verify() {
	local run=$1 data back
	data=$(tr -d '\r' <"$T/$run.verdict" | sed -n 's/^data //p')
	back=$(tr -d '\r' <"$T/$run.verdict" | sed -n 's/^back //p')
	e2fsck -fn "$T/lun0.img" >"$T/e2fsck" 2>&1
	ok $? "$run: e2fsck finds the file system clean" || sed 's/^/# /' "$T/e2fsck"
	is "$(debugfs -R 'cat /data' "$T/lun0.img" 2>/dev/null | sha256sum | cut -d' ' -f1)" \
		"$data" "$run: the child's file has the same checksum on the root side"
	is "$(tail -c 8M "$T/lun1.img" | sha256sum | cut -d' ' -f1)" "$back" \
		"$run: raw data of the child have the same checksum on the root side"
	# Only a WRITE SAME has its root side look at data: one block, its pattern.
	at_most "$(stat_of "$run" '.disks | (map(.bytes_copied) | add) /
		(map(.bytes_read + .bytes_written) | add)')" 0.001 \
		"$run: bytes copied by the root per byte of disk data"
}

# storage_run RUN KERNEL IMAGE VMWP-OPTION...: all of it
storage_run() {
	local run=$1 kernel=$2 image=$3
	shift 3
	storage_disks
	CHILD_LIMIT=${CHILD_LIMIT:-240} run_child "$run" "$kernel" "$image" \
		"$STORAGE_CMDLINE" --memory 768M "${STORAGE_ARGS[@]}" "$@"
	child_passed "$run"
	storage_verify "$run"
	rm -f "$T"/lun?.img
}
