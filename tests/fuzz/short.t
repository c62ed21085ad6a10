#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A short run of each fuzz target from a fixed seed, and of all inputs kept in
# tests/fuzz/corpus; `make fuzz` runs them for long.
cd "$(dirname "$0")/../.." || exit 125
. tests/vm/lib-tap.sh
shopt -s nullglob
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

sources=(tests/fuzz/*.c)
[ ${#sources[@]} -gt 0 ] || bail_out 'there is no fuzz target'

run() { # NAME: its status comes to be in $T/NAME.status
	mkdir "$T/$1"
	build/fuzz/"$1" -seed=1 -runs=200000 -max_total_time=15 \
		-timeout=10 -rss_limit_mb=1024 -artifact_prefix="$T/" \
		"$T/$1" tests/fuzz/corpus/"$1"* >"$T/$1.log" 2>&1
	echo $? >"$T/$1.status"
}

# As many at a time as there are processors.
for source in "${sources[@]}"; do
	[ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
	run "$(basename "$source" .c)" &
done
wait
for source in "${sources[@]}"; do
	name=$(basename "$source" .c)
	if [ "$(cat "$T/$name.status")" = 0 ]; then
		pass "$name"
		note "$(grep -aE '^Done' "$T/$name.log")"
	else
		fail "$name"
		grep -aE 'ERROR|runtime error|^ +#[0-9]|Test unit' "$T/$name.log" |
			head -n 25 | sed 's/^/#   /'
	fi
done
done_testing
