# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Results in the form that prove reads.  Each returns whether the test passed.

TAP_COUNT=0
TAP_FAILED=0

pass() {
	TAP_COUNT=$((TAP_COUNT + 1))
	echo "ok $TAP_COUNT - $*"
}

fail() {
	TAP_COUNT=$((TAP_COUNT + 1))
	TAP_FAILED=$((TAP_FAILED + 1))
	echo "not ok $TAP_COUNT - $*"
	explain "failed: $*"
	return 1
}

# explain TEXT: why one failed. prove shows what comes on the second output.
explain() { printf '%s\n' "$*" | head -n 24 | sed 's/^/#   /' >&2; }

note() { printf '# %s\n' "$*"; }

# ok STATUS NAME: passes if STATUS is 0.  For example: cmp a b; ok $? "same"
ok() {
	if [ "$1" = 0 ]; then pass "$2"; else fail "$2"; fi
}

# is GOT WANTED NAME
is() {
	if [ "$1" = "$2" ]; then
		pass "$3"
	else
		fail "$3"
		explain "got: $1
wanted: $2"
		return 1
	fi
}

# like FILE REGEX NAME
like() {
	if grep -aEq -- "$2" "$1"; then
		pass "$3"
	else
		fail "$3"
		explain "no line of $1 is like $2"
		return 1
	fi
}

# unlike FILE REGEX NAME
unlike() {
	if [ ! -r "$1" ]; then
		fail "$3"
		explain "there is no $1"
		return 1
	fi
	local found
	found=$(grep -aE -m1 -- "$2" "$1")
	if [ -z "$found" ]; then
		pass "$3"
	else
		fail "$3"
		explain "$found"
		return 1
	fi
}

# compare NUMBER OPERATOR NUMBER: of decimal numbers; what is none ("null", "")
# compares with nothing.
compare() {
	awk -v a="$1" -v b="$3" -v op="$2" 'BEGIN {
		number = "^[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$"
		if (a !~ number || b !~ number)
			exit 1
		exit !(op == "<=" ? a + 0 <= b + 0 : a + 0 >= b + 0)
	}'
}

# at_most GOT LIMIT NAME: compares decimal numbers, and shows them.
at_most() {
	if compare "$1" '<=' "$2"; then
		pass "$3: $1 (at most $2)"
	else
		fail "$3: $1 (at most $2)"
	fi
}

# at_least GOT LIMIT NAME
at_least() {
	if compare "$1" '>=' "$2"; then
		pass "$3: $1 (at least $2)"
	else
		fail "$3: $1 (at least $2)"
	fi
}

# skip NAME WHY: one that cannot be had here.  `make check` shows it.
skip() {
	pass "$1 # SKIP $2"
}

bail_out() {
	fail "$*"
	done_testing
}

done_testing() {
	echo "1..$TAP_COUNT"
	[ "$TAP_FAILED" = 0 ]
	exit
}
