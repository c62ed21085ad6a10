# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Children that are compared live at the same time and take turns of a few
# seconds, so that a slow moment of the machine meets all of them; what counts
# is the median of a child's turns.  A test sources lib.sh, then this.

ROUNDS=${ENLIGHT_ROUNDS:-3}
declare -A N TURNS
# shellcheck disable=SC2034 # lib.sh's
HALT_POLL_NS=200000

# child_lives WHO: ends the test if it does not, for there is nothing to compare.
child_lives() {
	use_child "$1"
	kill -0 "$CHILD_PID" 2>/dev/null && return
	wait_child 1
	child_passed "$1"
	bail_out "$1: ended before its time"
}

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }

turns_of() { tr ' ' '\n' <<<"${TURNS[$1]:-}" | grep .; } # KEY

# turn_value KEY VALUE: N[KEY] is the median of all values so far.
turn_value() {
	TURNS[$1]="${TURNS[$1]:-} $2"
	N[$1]=$(turns_of "$1" | median)
}

# turn_ratio KEY1 KEY2: the median quotient of two turns of one round.  Those are
# neighbours, so what slows the machine down for a while leaves it as it is, but
# not the quotient of two medians.
turn_ratio() {
	paste <(turns_of "$1") <(turns_of "$2") |
		awk 'NF == 2 && $2 > 0 { printf "%.2f\n", $1 / $2 }' | median
}

# growth BEFORE AFTER FILTER: between two looks at a child's statistics, files
growth() { jq -s "(.[1] | $3) - (.[0] | $3)" "$1" "$2"; }

# per A N: a quotient; nothing where there is none, which no limit is met by
per() { awk -v a="$1" -v n="$2" 'BEGIN { if (a != "" && n > 0) printf "%.4f", a / n }'; }

# turn_costs KEY BEFORE AFTER COUNT LINES: what each of COUNT things done between
# two looks has cost, as KEY,NAME.  LINES: more of "NAME FILTER".
turn_costs() {
	local k filter
	while read -r k filter; do
		turn_value "$1,$k" "$(per "$(growth "$2" "$3" "$filter")" "$4")"
	done <<END
exits .user_exits.all
doorbells [.channels[].signals_in] | add
interrupts [.channels[].interrupts_out] | add
kvm .kvm.exits
$5
END
}
