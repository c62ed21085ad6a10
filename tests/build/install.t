#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `make install`: programs, manual pages and completion are where they belong;
# the pages format without a complaint, and tell all that the usage does.
cd "$(dirname "$0")/../.." || exit 125
. tests/vm/lib-tap.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

make -s install "DESTDIR=$T" PREFIX=/usr >"$T/log" 2>&1
ok $? 'make install' || sed 's/^/# /' "$T/log"
is "$(cd "$T" && find usr ! -type d | sort | tr '\n' ' ')" \
	"usr/bin/hvctl usr/bin/vmwp usr/share/bash-completion/completions/hvctl usr/share/bash-completion/completions/vmwp usr/share/man/man1/hvctl.1 usr/share/man/man1/vmwp.1 " \
	'what is installed'
make -s uninstall "DESTDIR=$T" PREFIX=/usr >"$T/log" 2>&1
ok $? 'make uninstall'
is "$(find "$T/usr" ! -type d)" '' 'nothing is left of it'

make -s install "DESTDIR=$T" PREFIX=/usr >/dev/null 2>&1
PATH=$T/usr/bin:$PATH
for name in vmwp hvctl; do
	is "$(MANWIDTH=80 man -l --warnings "$T/usr/share/man/man1/$name.1" 2>&1 >"$T/$name.txt")" \
		'' "$name(1) formats without warnings"
	is "$(awk 'length > 80' "$T/$name.txt")" '' "$name(1) fits 80 columns"
done

# Words of the usage that its page and its completion lack.
vmwp --help >"$T/usage"
ok $? 'vmwp --help'
options=$(grep -oE -- '^  --[a-z-]+|, --[a-z-]+' "$T/usage" | grep -oE -- '--[a-z-]+' | sort -u)
[ "$(wc -w <<<"$options")" -gt 10 ]
ok $? 'it tells options'
for o in $options; do
	grep -q -- "$o" "$T/vmwp.txt" || echo "$o"
done >"$T/missing"
is "$(cat "$T/missing")" '' 'vmwp(1) tells each option'
hvctl help >"$T/usage"
ok $? 'hvctl help'

# complete LINE: what bash would offer for it.
complete_line() {
	# shellcheck disable=SC2016 # for the inner shell
	bash --norc -c '. "$1/usr/share/bash-completion/completions/hvctl"
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS <<<"$2"
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		"_${COMP_WORDS[0]}"
		printf "%s\n" "${COMPREPLY[@]}"' sh "$T" "$1" | sort
}
is "$(complete_line 'vmwp --')" "$options" 'completion offers each option of vmwp'
verbs=$(sed -n 's/^  \([a-z].*\)/\1/p' "$T/usage" | sed 's/  .*//; s/, /\n/g' |
	sed 's/ .*//' | sort -u)
[ "$(wc -w <<<"$verbs")" -gt 5 ]
ok $? 'hvctl has verbs'
is "$(complete_line 'hvctl ' | grep -v '^--')" "$verbs" 'completion offers each verb of hvctl'
is "$(complete_line 'hvctl pow')" power-off 'a verb begun'
is "$(complete_line 'hvctl disk re')" "$(printf 'remove\nresize')" 'what disks can do'
is "$(complete_line "vmwp --kernel $T/usr/bi")" "$T/usr/bin" 'a file name'
touch "$T/my.img"
is "$(complete_line "hvctl disk add file=$T/my")" "$T/my.img" 'a disk: its file'
is "$(complete_line "vmwp --scsi file=$T/my.img,read")" "$T/my.img,readonly=on" 'a disk: its options'
is "$(complete_line 'vmwp --vmbus-version 5.')" "$(printf '5.0\n5.1\n5.2\n5.3')" 'versions'
done_testing
