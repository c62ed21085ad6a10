#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Finds checks that cannot fail, as far as a look at single lines can.
#
#   scripts/check-tests.sh [FILE|FOLDER...]
cd "$(dirname "$0")/.." || exit 1
[ $# -gt 0 ] || set -- tests

# shellcheck disable=SC2046 # no such names
exec awk '
function complain(why) {
	sub(/^[ \t]+/, "", text)
	printf "%s:%d: %s: %s\n", FILENAME, number, text, why
	bad = 1
}

# Says so of the line kept, which the next one does not make good.
function pending_ends() {
	if (pending)
		complain("nobody looks whether it came: add ; ok $? NAME")
	pending = 0
}

FNR == 1 { pending_ends(); before = "" }
{ is_shell = FILENAME !~ /\.[ch]$/ }

is_shell && pending && /^[ \t]*ok \$\?/ { pending = 0 }
is_shell { pending_ends() }
{ text = $0; number = FNR }

is_shell && /^[ \t]*(ok 0|pass) +[^# ]/ &&
	before !~ /(then|else|\{|\)|return;? *\})[ \t]*(#.*)?$/ {
	complain("a constant")
}
is_shell && /[^&]&& *(is|like|unlike|at_most|at_least|run|child_passed) / &&
	!/\|\|/ {
	complain("no result at all without a success")
}
is_shell && /^[ \t]*(ok|is|like|unlike|run|at_most|at_least) .*\|\| *(true|:)$/ {
	complain("a success in any case")
}
is_shell && /^[ \t]*at_(most|least) [0-9.]+ "?\$/ {
	complain("the limit comes second")
}
is_shell && /\| *(tee|cat|sed|head|tail|sort|tr|wc)( [^;|)"]*)?; *ok \$\?/ {
	complain("the status of a filter")
}
is_shell && /(local|export|declare|readonly) [A-Za-z_]+=.*; *ok \$\?/ {
	complain("the status of a declaration")
}
is_shell && /^[ \t]*ok \$\?/ &&
	before ~ /^[ \t]*(echo|note|sleep|done|local|rm|kill|true|wait_child|:)( |$)/ {
	complain("the status of what stands before it, which is no check")
}
is_shell && /^[ \t]*is "/ {
	split($0, quoted, "\"")
	if (quoted[3] == " " && quoted[2] == quoted[4])
		complain("compared with itself")
}
is_shell && /^[ \t]*wait_line [^;|&]*$/ && FILENAME !~ /\/lib\.sh$/ { pending = 1 }

!is_shell && /assert_(true\((1|true)|false\((0|false))\)/ { complain("a constant") }
!is_shell && /assert_[a-z]+_equal\([^(),]+, [^(),]+\)/ {
	pair = $0
	sub(/.*assert_[a-z]+_equal\(/, "", pair)
	sub(/\).*/, "", pair)
	split(pair, side, ", ")
	if (side[1] == side[2])
		complain("compared with itself")
}
is_shell && NF { before = $0 }
END { pending_ends(); exit bad }
' $(find "$@" -type f \( -name '*.t' -o -name '*.sh' -o -path '*/unit/*.[ch]' \) | sort)
