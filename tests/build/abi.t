#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Our modules export what the kernels' own do, CRCs included; and the check
# that says so does see a difference.
cd "$(dirname "$0")/../.." || exit 125
. tests/vm/lib-tap.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

folders=()
for k in $(sed -n 's/^\([^# \t][^ \t]*\).*/\1/p' tests/kernels/versions.list); do
	release=$(cat "build/kernels/$k/release")
	folders+=("build/modules/$release")
	scripts/abi-check "build/modules/$release" >"$T/said" 2>&1
	ok $? "$(head -n 1 "$T/said")" || sed 's/^/# /' "$T/said"
	[ "$(sed -n 's/.*: \([0-9]*\)\/.*/\1/p' "$T/said")" -ge 38 ]
	ok $? "$k: there was something to compare"
done

# One CRC changed, one export too few, one too many.
release=${folders[0]##*/}
mkdir "$T/$release"
awk -F '\t' -v OFS='\t' '$2 == "vmbus_open" { $1 = "0x00000001" }
	$2 != "vmbus_close"
	$2 == "vmbus_setevent" { $2 = "vmbus_of_nobody"; print }' \
	"${folders[0]}/Module.symvers" >"$T/$release/Module.symvers"
scripts/abi-check "$T/$release" >"$T/said" 2>&1
is $? 1 'differences are an error'
like "$T/said" ' vmbus_open: ours 0x00000001' 'another CRC is seen'
like "$T/said" ' vmbus_close: missing' 'a missing export is seen'
like "$T/said" ' vmbus_of_nobody: not exported there' 'an export too many is seen'
done_testing
