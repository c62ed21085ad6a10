#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The root partition itself, for hours: two children at a time that boot, do I/O
# and power off, with the in-tree modules and with ours, on each kernel.  Every
# one must live, and what it wrote must be on the root side.
# ENLIGHT_SOAK_MINUTES: for how long (default 240; make soak MINUTES=N).
# tier: soak
# root-kernel: 6.1
# timeout: 90000
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

MINUTES=${ENLIGHT_SOAK_MINUTES:-240}
KINDS=(ours-6.1 stock-6.1 ours-6.12 stock-6.12)

guest_script soak <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc ext4 crc32c_generic; do
	modprobe $m || ok 1 "$m loads"
done
disk=$(first_disk); ok $? 'the disk is there'
wait_for 10 test -b $disk
run 'mkfs.ext4' mkfs.ext4 -q $disk
run 'mount' mount -t ext4 $disk /mnt
dd if=/dev/urandom of=/mnt/data bs=64k count=128 2>/dev/null; ok $? 'a file is written'
sum=$(sha256sum </mnt/data)
run 'umount' umount /mnt
echo 3 >/proc/sys/vm/drop_caches
run 'mount again' mount -t ext4 $disk /mnt
is "$(sha256sum </mnt/data)" "$sum" 'the file reads back the same'
i=0
while [ $i -lt 8 ]; do
	dd if=$disk of=/dev/null bs=4k count=256 skip=$((i * 256)) iflag=direct 2>/dev/null &
	i=$((i + 1))
done
wait
run 'umount at the end' umount /mnt
echo "data ${sum%% *}"
EOF
for kind in "${KINDS[@]}"; do
	ours=
	[ "${kind%-*}" = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs "$kind" "${kind#*-}" --available "$STORAGE_MODULES" --ours "$ours" \
		--with mkfs.ext4 --script "$OUT/soak.sh"
done
enter_root

end=$((SECONDS + MINUTES * 60))

# one KIND: in a subshell; what is wrong with this child, or nothing
one() {
	local kind=$1 got
	rm -f "$T/disk"
	truncate -s 64M "$T/disk"
	# One that hangs is seen all the same; one on a busy machine is slow, not lost.
	CHILD_LIMIT=300 run_child "$kind" "${kind#*-}" "$kind" '' --processors 2 --memory 320M \
		--scsi "file=$T/disk"
	count_breakdown "$kind"
	got=$(debugfs -R 'cat /data' "$T/disk" 2>/dev/null | sha256sum | cut -d' ' -f1)
	if [ "$CHILD_STATUS" != 0 ]; then
		echo "ended with $CHILD_STATUS"
	elif ! tr -d '\r' <"$T/$kind.verdict" | grep -q '^verdict 0'; then
		echo "its own results: $(grep -a '^not ok' "$T/$kind.verdict" | head -n 3)"
	elif grep -aqE "$SPLATS" "$T/$kind.console"; then
		echo 'a splat'
	elif ! tr -d '\r' <"$T/$kind.verdict" | grep -q "^data $got"; then
		echo 'other data on the root side'
	fi
}

# line N: one child after another until time is up
line() {
	local n=$1 i=$1 wrong kind base=$T
	T=$base/line$n OUT=$OUT/line$n
	mkdir -p "$T" "$OUT"
	for kind in "${KINDS[@]}"; do
		ln -sf "../$kind.cpio" "$OUT/$kind.cpio"
	done
	while [ $SECONDS -lt $end ]; do
		kind=${KINDS[i % ${#KINDS[@]}]}
		wrong=$(one "$kind")
		echo "$kind" >>"$base/ended"
		if [ -n "$wrong" ]; then
			echo "$(date +%T) $kind: $wrong" >>"$base/lost"
			mkdir -p "$OUT/lost-$i"
			cp "$T/$kind".{console,log,stats,verdict} "$OUT/lost-$i/"
		fi
		i=$((i + 1))
	done
}

touch "$T/ended" "$T/lost"
line 0 &
lines=$!
line 1 &
lines="$lines $!"
began=$SECONDS told=0
while [ -n "$(jobs -rp)" ]; do
	sleep 2
	[ $((SECONDS - told)) -ge 60 ] || continue
	told=$SECONDS
	# prove shows only what comes here.
	note "$(((SECONDS - began) / 60)) of $MINUTES minutes:" \
		"$(wc -l <"$T/ended") children, $(wc -l <"$T/lost") lost" >&2
done
# shellcheck disable=SC2086 # a list of process ids
wait $lines

for kind in "${KINDS[@]}"; do
	at_least "$(grep -cx "$kind" "$T/ended")" 1 "$kind: children that ran"
done
is "$(cat "$T/lost")" '' "none of $(wc -l <"$T/ended") children was lost"
finish
