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
[ ${#sources[@]} -gt 0 ] || skip_all 'there is no fuzz target'
for source in "${sources[@]}"; do
	name=$(basename "$source" .c)
	mkdir "$T/corpus"
	if build/fuzz/"$name" -seed=1 -runs=200000 -max_total_time=15 \
		-timeout=10 -rss_limit_mb=1024 -artifact_prefix="$T/" \
		"$T/corpus" tests/fuzz/corpus/"$name"* >"$T/log" 2>&1
	then
		pass "$name"
		note "$(grep -aE '^Done' "$T/log")"
	else
		fail "$name"
		grep -aE 'ERROR|runtime error|^ +#[0-9]|Test unit' "$T/log" |
			head -n 25 | sed 's/^/#   /'
	fi
	rm -rf "$T/corpus"
done
done_testing
