#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# usage: CC=COMPILER probe.sh PROBES OUTPUT FLAGS...
# Writes to OUTPUT one "#define COMPAT_HAVE_X 1" for each PROBES/x.c that
# compiles.  Keeps an OUTPUT made from the same probes and flags.
set -eu

probes=$1
output=$2
shift 2

sum=$(cat "$probes"/*.c "$0" | { cat; printf '%s\n' "$CC" "$*"; } | cksum)
key="/* $sum */"
if [ -f "$output" ] && [ "$(head -n 1 "$output")" = "$key" ]; then
	exit 0
fi

mkdir -p "$(dirname "$output")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compiles() {
	# CC may carry a wrapper or options: split it.
	# shellcheck disable=SC2086
	$CC "$@" -Werror=incompatible-pointer-types \
		-Werror=implicit-function-declaration -Werror=int-conversion \
		-DMODULE '-DKBUILD_BASENAME="probe"' '-DKBUILD_MODNAME="probe"' \
		-c -o "$work/probe.o" "$source" >"$work/log" 2>&1
}

# If not even this compiles, the answers of the others would all be wrong.
source=$work/nothing.c
echo '#include <linux/module.h>' >"$source"
if ! compiles "$@"; then
	echo "can't compile against this kernel's headers: $(head -n 1 "$work/log")"
	exit 1
fi

echo "$key" >"$work/config"
for source in "$probes"/*.c; do
	name=$(basename "$source" .c | tr '[:lower:]' '[:upper:]')
	if compiles "$@"; then
		echo "#define COMPAT_HAVE_$name 1"
	else
		echo "/* COMPAT_HAVE_$name is not set */"
	fi
done >>"$work/config"
mv "$work/config" "$output"
