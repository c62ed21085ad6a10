# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# For tests of hosts that fall silent; a test sources lib.sh, then this.

# silence_script NAME: as guest_script, with this before it.
silence_script() {
	{
		cat <<'EOF'
device() { ls /sys/bus/vmbus/devices | grep "0$1\$"; }
disk() { # CONTROLLER: its only disk, once it is there
	wait_for 30 sh -c "ls -d /sys/bus/vmbus/devices/$(device "$1")/host*/target*/*/block/*" || return 1
	name=$(basename "$(ls -d /sys/bus/vmbus/devices/"$(device "$1")"/host*/target*/*/block/*)")
	wait_for 10 test -e "/dev/$name"
	echo "/dev/$name"
}
count() { cat /sys/bus/vmbus/devices/"$(device "$1")"/host*/scsi_host/host*/"$2"; }
lines() { dmesg | grep -Ec "$1"; }
seen() { dmesg | grep -q "$1"; ok $? "$2"; }
now() { cut -d' ' -f1 /proc/uptime; }
seconds() { # COMMAND...: how long it takes; its status
	begin=$(now)
	"$@" >/dev/null 2>&1
	status=$?
	echo "$begin $(now)" | awk '{ printf "%.1f", $2 - $1 }'
	return $status
}
# survives CONTROLLER SECONDS: its disk, which falls silent once within that time of
# writing to it, gives a file system no error.
survives() {
	d=$(disk "$1")
	run "scsi$1: mkfs" mkfs.ext4 -q "$d"
	run "scsi$1: mount" mount -t ext4 "$d" /mnt
	start=$(now) n=0 longest=0
	until grep -q "again, after" /tmp/heard 2>/dev/null; do
		took=$(seconds dd if=/dev/urandom of=/mnt/$((n % 100)) bs=16k count=1 conv=fsync) ||
			{ ok 1 "scsi$1: all can be written"; break; }
		[ "${took%.*}" -gt $longest ] && longest=${took%.*}
		n=$((n + 1))
		[ $((${start%.*} + $2)) -gt "$(cut -d. -f1 /proc/uptime)" ] || break
		dmesg | grep "$(device "$1")" >/tmp/heard
	done
	note "scsi$1: $n files written, one in $longest s"
	grep -q "again, after" /tmp/heard; ok $? "scsi$1: the host was silent and answers again"
	sha256sum /mnt/[0-9]* >/tmp/sums; ok $? "scsi$1: all can be read"
	umount /mnt; echo 3 >/proc/sys/vm/drop_caches
	run "scsi$1: mount again" mount -t ext4 "$d" /mnt
	run "scsi$1: what was written is whole" sha256sum -c /tmp/sums
	umount /mnt
	is "$(count "$1" timeouts) $(count "$1" resets) $(count "$1" reconnects) $(count "$1" silences)" \
		'0 0 0 1' "scsi$1: timeouts, resets, reconnects, silences"
	is "$(lines "I/O error, dev ${d#/dev/}|EXT4-fs (error|warning)|offline")" 0 "scsi$1: no error"
	dmesg | grep "$(device "$1").*no answer" | sed 's/^/# /'
}
modprobe sd_mod; modprobe ext4; modprobe crc32c_generic; modprobe hv_vmbus
EOF
		cat
	} | guest_script "$1"
}
