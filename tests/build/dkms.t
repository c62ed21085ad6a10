#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The DKMS package: for each kernel it builds with the kernel's headers alone and
# installs modules that take the place of the in-tree ones; nothing is left when
# it is removed.  All in folders of its own: the machine's modules stay.
cd "$(dirname "$0")/../.." || exit 125
. tests/vm/lib-tap.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

scripts/stage-dkms "$T/stage" >/dev/null
ok $? 'the package is put together'
package=$(basename "$T"/stage/enlight-*.tar.gz .tar.gz)
version=${package#enlight-}
names=$(sed -n 's/^obj-m += \(.*\)\.o$/\1/p' Kbuild | sort)
[ "$(wc -w <<<"$names")" -ge 2 ]
ok $? 'there are modules to build'

dkms_here() { # VERB OPTION...
	if dkms "$@" --dkmstree "$T/tree" --sourcetree "$T/src" \
	    --installtree "$T/lib/modules" --no-depmod >"$T/log" 2>&1; then
		# "Cleaning build area" goes on after a failure.
		unlike "$T/log" 'bad exit status' "dkms $1: each step went well"
		return
	fi
	cat "$T/log" "$T"/tree/enlight/*/build/make.log 2>/dev/null | sed 's/^/# /'
	return 1
}

mkdir -p "$T/tree" "$T/src"
dkms_here add "$T/stage/$package"
ok $? 'dkms add'
kernels=$(sed -n 's/^\([^# \t][^ \t]*\).*/\1/p' tests/kernels/versions.list)
[ -n "$kernels" ]; ok $? 'there are kernels to build for'
for k in $kernels; do
	release=$(cat "build/kernels/$k/release")
	folder=$T/lib/modules/$release
	mkdir -p "$folder/kernel"
	for f in "build/kernels/$k/lib/modules/$release"/modules.{order,builtin*}; do
		cp "$f" "$folder/"
	done
	headers=$PWD/build/kernels/$k/usr/src/linux-headers-$release
	dkms_here install "enlight/$version" -k "$release" --kernelsourcedir "$headers"
	ok $? "$k: dkms install"
	is "$(find "$folder" -name '*.ko*' | sed "s|^$folder/||; s/\.ko.*//" | sort)" \
		"$(sed 's|^|updates/dkms/|' <<<"$names")" "$k: all modules, and where"
	for m in $names; do
		f=$(find "$folder" -name "$m.ko*")
		is "$(modinfo -F vermagic "$f" | cut -d' ' -f1)" "$release" "$k: $m is for this kernel"
		is "$(modinfo -F intree "$f")" '' "$k: $m is ours"
	done
	depmod -b "$T" "$release" 2>"$T/log"
	like "$folder/modules.dep" '^updates/dkms/hv_storvsc.*: updates/dkms/hv_vmbus' \
		"$k: depmod knows them"
done
dkms_here remove "enlight/$version" --all
ok $? 'dkms remove'
is "$(find "$T/lib" -name '*.ko*')" '' 'nothing is left'
done_testing
