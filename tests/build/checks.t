#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What tests are made of fails when it should: comparisons of what is no number,
# files that are not there, a child's script that breaks off, a log that has run
# over; and `make style` sees checks that cannot fail.
cd "$(dirname "$0")/../.." || exit 125
. tests/vm/lib-tap.sh
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT

# fails NAME COMMAND...: of lib-tap.sh, which reports a failure, and says so.
fails() {
	local name=$1
	shift
	(TAP_COUNT=0 TAP_FAILED=0; "$@"; [ $TAP_FAILED = 1 ]) >"$T/said" 2>"$T/why"
	ok $? "$name" || sed 's/^/# /' "$T/said"
	like "$T/said" '^not ok 1 - ' "$name: and says so"
	like "$T/why" '^#   failed: ' "$name: where prove shows it, too"
}
fails 'null is not at most 10' at_most null 10 x
fails 'nothing is not at most 10' at_most '' 10 x
fails 'two numbers are none' at_most $'1\n2' 10 x
fails '3 is not at most null' at_most 3 null x
fails 'null is not at least 0' at_least null 0 x
fails '11 is not at most 10' at_most 11 10 x
fails '9.9 is not at least 10' at_least 9.9 10 x
fails 'a file that is not there has not what is not wanted' unlike "$T/absent" . x
fails 'nor what is wanted' like "$T/absent" . x
fails 'a is not b' is a b x
like "$T/why" '^#   wanted: b' 'and what was wanted is shown'
at_most 9.5 10 '9.5 is at most 10'
at_least 1e3 10 '1000 is at least 10'
unlike "$T/said" 'no such line' 'a file without what is not wanted'

# script NAME STATUS TEXT: what /bin/sh of a child does with a test's script.
script() {
	(
		in_root() { false; }
		TEST=checks OUT=$T/out
		eval "$(sed -n '/^guest_script()/,/^}/p' tests/vm/lib.sh)"
		guest_script one
	) <<<"$3"
	sed -i "s|/tmp/|$T/|g" "$T/out/one.sh"
	busybox sh "$T/out/one.sh" >"$T/said" 2>&1
	is $? "$2" "$1"
}
script 'a script that passes' 0 'ok 0 fine; false'
script 'a script with a failure' 1 'is a b different'
script 'a script that ends early, as it should' 0 'ok 0 fine; end_here; is a b never'
for broken in 'if fi' 'ok 0 $((08 + 1))' 'exit' 'set -- $((1 / 0))'; do
	script "a script that breaks off at '$broken'" 1 "ok 0 fine
$broken
is a b never"
	like "$T/said" '^not ok - the script came to its end' "'$broken': and says so"
done
script 'disks read beside all else' 0 "dd() { sleep 0.1; }; reads /dev/null; reads_end fine"
rm -f "$T"/reads.*
script 'a read that fails' 1 "dd() { sleep 0.1; false; }; reads /dev/null; reads_end fine"
is "$(pgrep -cf "busybox sh $T/out/one.sh")" 0 'no reader is left'
rm -f "$T"/reads.*

lost() { printf 'unreferenced object %s\n  [<1>] %s+0x1/0x2\n' "$@"; }
script 'what the kernel loses is no leak of ours' 0 "$(declare -f lost)
is \"\$(lost a device_set_deferred_probe_reason b vmb_x c device_set_deferred_probe_reason |
	not_theirs)\" \"\$(lost b vmb_x)\" 'what is left'"

# log MARK: what root_log says of a kernel log whose mark is as given.
log() {
	(
		dmesg() { printf '%s\n' before "$LAST" after; }
		MARK='the mark' LAST=$1
		eval "$(sed -n '/^root_log()/,/^}/p' tests/vm/lib.sh)"
		root_log | tr '\n' ' '
	)
}
is "$(log '<6>the mark')" 'after ' "the root's log since a test began"
is "$(log 'another')" 'before another after ' 'all of it, where nobody can tell'

# style NAME TEXT: a line of a test that scripts/style must not let pass.
mkdir -p "$T/tests"
style() {
	printf '#!/bin/bash\n%s\n' "$2" >"$T/tests/x.t"
	scripts/check-tests.sh "$T/tests" >"$T/said"
	is $? 1 "style: $1" || sed 's/^/# /' "$T/said"
}
style 'a result that is a constant' "ok 0 'every processor has read'"
style 'the same, indented' "	pass 'all went well'"
style 'a result that is only had after a success' $'control state >f \x26& like f running x'
style 'a status that is made a success' "run 'x' true || true"
style 'numbers in the wrong order' "at_most 30 \"\$(count)\" 'faults'"
style 'the status of a filter' "fio | tail -n 1; ok \$? 'fio'"
style 'the status of a declaration' "local n=\$(count); ok \$? 'counted'"
style 'the status of a loop or an echo' "echo done
ok \$? 'it is done'"
style 'a wait without a verdict' "wait_line run '^phase' 60
sleep 1"
style 'a value that is compared with itself' "is \"\$n\" \"\$n\" 'n'"
cat >"$T/tests/x.t" <<'END'
if "$@"; then
	ok 0 "$name"
else
	ok 1 "$name"
fi
wait_line run '^phase' 60; ok $? 'it began'
wait_line run '^phase' 60 || return
wait_line run '^phase' 60
ok $? 'it began'
at_most "$(count)" 30 'faults'
END
scripts/check-tests.sh "$T/tests" >"$T/said"
is $? 0 'style: what is as it should be' || sed 's/^/# /' "$T/said"
done_testing
