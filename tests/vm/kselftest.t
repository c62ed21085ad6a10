#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kselftest target (tests/kselftest) in a child: once with our modules, once
# with the in-tree ones, so that it tests the interface and not us.
# root-kernel: 6.1
# timeout: 700
. "$(dirname "$0")/lib.sh"

PROGRAMS=$(sed -n 's/^TEST_GEN_PROGS := //p' tests/kselftest/Makefile)

# Each program's results become the child's own; its plan must be kept.
guest_script kselftest <<'EOF'
modprobe sd_mod; modprobe hv_vmbus; modprobe hv_storvsc
disk=$(first_disk); ok $? 'the disk is there'
wait_for 10 test -b $disk
export SCSI_DISK=$disk
for program in $(word programs | tr , ' '); do
	/kselftest/$program >/tmp/tap 2>&1
	status=$?
	while IFS= read -r line; do
		text=$(echo "$line" | sed -E 's/^(not )?ok [0-9]+ //')
		case $line in
		'ok '*'# SKIP'*) echo "ok - $program: $text" ;;
		'ok '*) ok 0 "$program: $text" ;;
		'not ok '*) ok 1 "$program: $text" ;;
		'# '*.c:*) note "$program: ${line#\# }" ;;	# why one failed
		esac
	done </tmp/tap
	is "$(grep -cE '^(not )?ok ' /tmp/tap)" "$(sed -n 's/^1\.\.//p' /tmp/tap)" \
		"$program: as many results as planned"
	is $status 0 "$program: exit status"
done
EOF
files=()
for p in $PROGRAMS; do
	in_root || [ -x "build/kselftest/$p" ] || bail_out "no build/kselftest/$p: run make kselftest"
	files+=(--file "build/kselftest/$p:kselftest/$p")
done
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available 'hv_vmbus hv_storvsc sd_mod' --ours "$ours" \
		--script "$OUT/kselftest.sh" "${files[@]}"
done
enter_root

for who in ours stock; do
	truncate -s 16M "$T/disk.img"
	CHILD_LIMIT=300 run_child $who 6.1 $who "programs=$(tr ' ' , <<<"$PROGRAMS")" \
		--processors 2 --memory 256M --scsi "file=$T/disk.img"
	child_passed $who
	# Of ours nothing is let off.
	[ $who = stock ] || unlike "$T/$who.verdict" SKIP "$who: no test was skipped"
	for p in $PROGRAMS; do
		like "$T/$who.verdict" "^ok - $p: exit status" "$who: $p has run"
	done
done
finish
