#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Each shared header, and each public header of a host room, compiles alone;
# the shared ones in user space's dialect, in that of older kernels (gnu89),
# and as part of a module of each kernel.  The assertions of sizes and offsets
# in them are checked on the way.
cd "$(dirname "$0")/../.." || exit 125
. tests/vm/lib-tap.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

# compiles NAME HEADER COMPILER-OPTION...
compiles() {
	local name=$1 header=$2
	shift 2
	# Twice, so that the guard against that is seen to work.
	printf '#include "%s"\n#include "%s"\n' "$header" "$header" >"$T/alone.c"
	if gcc -fsyntax-only -Wall -Wextra -Werror "$@" "$T/alone.c" 2>"$T/err"
	then
		pass "$name"
	else
		fail "$name"
		head -n 12 "$T/err" | sed 's/^/#   /'
	fi
}

# The options with which a module of kernel NAME is compiled, as far as types go.
kernel_options() {
	local release src
	release=$(cat "build/kernels/$1/release")
	src=$PWD/build/kernels/$1/usr/src
	set -- "$src/linux-headers-$release" "$src"/linux-headers-*-common
	# One that was built here has all in one folder.
	[ -d "$2" ] || set -- "$1" "$1"
	echo "-nostdinc -I$2/arch/x86/include -I$1/arch/x86/include/generated" \
		"-I$2/include -I$1/include -I$2/arch/x86/include/uapi" \
		"-I$1/arch/x86/include/generated/uapi -I$2/include/uapi" \
		"-I$1/include/generated/uapi -include $2/include/linux/kconfig.h" \
		"-include $2/include/linux/compiler_types.h -D__KERNEL__ -DMODULE" \
		"-Wno-unused-parameter -Wno-sign-compare -Wno-type-limits" \
		"-Wno-missing-field-initializers -Wno-shift-negative-value" \
		"-Wno-pointer-sign -Wno-override-init -fno-builtin" \
		"-fno-strict-aliasing -fshort-wchar -fno-PIE -mcmodel=kernel"
}

for header in include/hv/*.h; do
	name=${header#include/}
	compiles "$name as gnu89" "$name" -std=gnu89 -Iinclude
	compiles "$name as gnu11" "$name" -std=gnu11 -Iinclude
	for kernel in build/kernels/*/; do
		kernel=$(basename "$kernel")
		# shellcheck disable=SC2046 # options
		compiles "$name in a module for $kernel" "$name" -std=gnu11 \
			$(kernel_options "$kernel") -Iinclude
	done
done
for header in $(find host -name '*.h' ! -name '*_var.h' | sort); do
	compiles "$header alone" "${header#host/}" -std=gnu11 -D_GNU_SOURCE \
		-Wno-unused-parameter -Ihost -Iinclude
done
at_least $TAP_COUNT 50 'headers that were compiled'
done_testing
