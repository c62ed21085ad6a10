# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Library of the tests with virtual machines; docs/testing.md has a tour.
#
# A test runs twice through its first lines: on this machine, where it builds
# the child's initramfs, and after enter_root in the root partition, where KVM
# is.  Its header may say "# root-kernel: 6.12", "# timeout: SECONDS" and, if it
# measures, "# alone: yes".

set -u
# Each character on a child's console is a VM exit: warnings and worse suffice.
# When a script fails, init adds the whole log.
CHILD_CMDLINE='console=ttyS0 loglevel=5 panic=-1 mitigations=off'
[ -z "${ENLIGHT_SHORT:-}" ] || CHILD_CMDLINE+=' enlight.short'
TEST=$(basename "$0" .t)
PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$PROJECT" || exit 125
OUT=build/vm/$TEST		# kept after the test: consoles, verdicts
. "$PROJECT/tests/vm/lib-tap.sh"

SPLATS='BUG:|WARNING: (CPU|possible|suspicious|bad|kernel)|Oops|Call Trace:|general protection fault|KASAN:|UBSAN:|KCSAN:|INFO: task .* blocked|rcu: INFO:|rcu.*detected stall|soft lockup|hard LOCKUP|inconsistent lock state|kernel panic|Kernel panic|refcount_t:|list_(add|del) corruption|scheduling while atomic|sleeping function called|unreferenced object'

# amount FEW ALL: how often to do a thing, in make check and in make check-long;
# tests/guest/tap.sh has the same for a child.
amount() {
	if [ -n "${ENLIGHT_SHORT:-}" ]; then echo "$1"; else echo "$2"; fi
}

header() {
	sed -n "2,30s/^# $1: *//p" "$PROJECT/tests/vm/$TEST.t"
}

in_root() { [ -n "${ENLIGHT_IN_ROOT_PARTITION:-}" ]; }

# kernel_image NAME: the file that distributions boot.
kernel_image() {
	echo "build/kernels/$1/boot/vmlinuz-$(cat "build/kernels/$1/release")"
}

# kernel_quick NAME: the same kernel, unpacked if there is such a file: to unpack
# itself takes an emulated processor longer than all else of a boot.
kernel_quick() {
	if [ -e "build/kernels/$1/vmlinux" ]; then
		echo "build/kernels/$1/vmlinux"
	else
		kernel_image "$1"
	fi
}

# guest_script NAME <<'EOF': a script for the child, for initramfs --script.
# It may use tests/guest/tap.sh, which is put before it.
guest_script() {
	if in_root; then
		cat >/dev/null
		return
	fi
	mkdir -p "$OUT"
	{ cat tests/guest/tap.sh; cat; echo 'complete=yes'; } >"$OUT/$1.sh"
}

# guest_program NAME: tests/guest/NAME.c becomes build/guest/NAME, for --file.  Another
# test may be at it.
guest_program() {
	local new=build/guest/$1.$$
	in_root && return
	mkdir -p build/guest
	cc -static -O2 -pthread -D_GNU_SOURCE -o "$new" "tests/guest/$1.c" &&
		mv "$new" "build/guest/$1" || bail_out "$1 does not build"
}

# initramfs NAME KERNEL OPTION...: see scripts/make-initramfs.
initramfs() {
	local name=$1 kernel=$2
	shift 2
	in_root && return
	mkdir -p "$OUT"
	scripts/make-initramfs --kernel "$kernel" "$@" -o "$OUT/$name.cpio" ||
		bail_out "no initramfs $name"
}

# For how long KVM polls before it halts a VP: not at all, as that takes the machine
# that emulates it from other processors.  Tests that measure have KVM's default.
HALT_POLL_NS=0
emulated() { grep -q 'QEMU TCG' /proc/cpuinfo; }

# From here on the test runs where KVM is.
enter_root() {
	local kernel limit alone
	if in_root; then
		T=$(mktemp -d)
		trap cleanup EXIT
		RUNS=()
		mark_root_log
		! emulated || echo "$HALT_POLL_NS" >/sys/module/kvm/parameters/halt_poll_ns
		return
	fi
	kernel=${ROOT_KERNEL:-$(header root-kernel)}
	limit=$(header timeout)
	alone=$(header alone)
	exec scripts/with-root-partition --kernel "${kernel:-6.1}" ${alone:+--alone} \
		--timeout "${limit:-300}" "$PROJECT/tests/vm/$TEST.t"
}

CHILD_PID=
cleanup() {
	[ -z "$CHILD_PID" ] || kill -9 "$CHILD_PID" 2>/dev/null
	rm -rf "$T"
}

mark_root_log() {
	MARK="enlight test $TEST $RANDOM$RANDOM"
	echo "<6>$MARK" >/dev/kmsg
}

# What the log has had since; all of it if the mark was pushed out of its buffer.
root_log() {
	dmesg >"$T/root.log"
	if grep -qF "$MARK" "$T/root.log"; then
		sed "0,/$MARK/d" "$T/root.log"
	else
		cat "$T/root.log"
	fi
}

# start_child RUN KERNEL IMAGE CMDLINE VMWP-OPTION...: starts vmwp with the file of
# the kernel that the function $KERNEL_FILE names; its own are $T/RUN.console (COM1),
# $T/RUN.verdict (COM2), $T/RUN.stats, $T/RUN.log (vmwp's own output) and the control
# socket $T/RUN.control.
start_child() {
	local run=$1 kernel=$2 image=$3 cmdline=$4
	shift 4
	begin_run "$run"
	build/host/vmwp --kernel "$("${KERNEL_FILE:-kernel_quick}" "$kernel")" \
		--initrd "$OUT/$image.cpio" \
		--cmdline "$CHILD_CMDLINE $cmdline" \
		--serial "file=$T/$run.console" --serial "file=$T/$run.verdict" \
		--control "$T/$run.control" --stats "$T/$run.stats" \
		"$@" </dev/null >"$T/$run.log" 2>&1 &
	CHILD_PID=$!
}

# The same with QEMU's own VMBus host; further options are QEMU's.
start_child_qemu() {
	local run=$1 kernel=$2 image=$3 cmdline=$4
	shift 4
	begin_run "$run"
	qemu-system-x86_64 -nodefaults -no-user-config -accel kvm \
		-cpu host,kvm=off,hv-vpindex,hv-synic,hv-relaxed,hv-time,hv-stimer,hv-vapic,hv-frequencies \
		-device vmbus-bridge -m 256M -nic none -display none -no-reboot \
		-kernel "$(kernel_image "$kernel")" -initrd "$OUT/$image.cpio" \
		-append "$CHILD_CMDLINE $cmdline" \
		-serial "file:$T/$run.console" -serial "file:$T/$run.verdict" \
		"$@" </dev/null >"$T/$run.log" 2>&1 &
	CHILD_PID=$!
}

begin_run() {
	RUN=$1
	RUNS+=("$1")
	rm -f "$OUT/$1".{console,verdict,log,stats}
	: >"$T/$1.console"
	: >"$T/$1.verdict"
}

# Copies the run's files to $OUT: at its end, and now and then, so that they are
# there even if the root partition breaks down or time runs out.
KEPT=0
keep_files() { # [SECONDS]: only if the last time was so long ago
	local f
	[ $((SECONDS - KEPT)) -ge "${1:-0}" ] || return 0
	KEPT=$SECONDS
	mkdir -p "$OUT"
	for f in "$T/$RUN".{console,verdict,log,stats}; do
		[ ! -f "$f" ] || cp "$f" "$OUT/"
	done
}

# moment SECONDS: sleep, without a process: to start one costs an emulated processor
# more than ten milliseconds, which the child then lacks.
exec {NEVER}<> <(:)
moment() { read -rt "$1" -u "$NEVER" || :; }

# wait_child SECONDS: sets CHILD_STATUS to the worker's exit status, 124 if it
# had to be ended.
wait_child() {
	local end=$((SECONDS + $1))
	while kill -0 "$CHILD_PID" 2>/dev/null; do
		keep_files 15
		if [ $SECONDS -ge "$end" ]; then
			kill -9 "$CHILD_PID"
			wait "$CHILD_PID" 2>/dev/null
			CHILD_STATUS=124
			CHILD_PID=
			break
		fi
		moment 0.1
	done
	if [ -n "$CHILD_PID" ]; then
		wait "$CHILD_PID"
		CHILD_STATUS=$?
		CHILD_PID=
	fi
	keep_files
}

run_child() {
	start_child "$@"
	wait_child "${CHILD_LIMIT:-120}"
}

run_child_qemu() {
	start_child_qemu "$@"
	wait_child "${CHILD_LIMIT:-120}"
}

# Several children at a time; the test's own trap is 'end_children; cleanup'.
declare -A CHILD_OF
# keep_child WHO: the child just started is WHO from now on.
keep_child() {
	CHILD_OF[$1]=$CHILD_PID
	CHILD_PID=
}

# use_child WHO: the one that later calls of lib.sh are about.
use_child() {
	RUN=$1 CHILD_PID=${CHILD_OF[$1]}
}

end_children() {
	[ ${#CHILD_OF[@]} = 0 ] || kill -9 "${CHILD_OF[@]}" 2>/dev/null
}

# wait_line RUN REGEX SECONDS: waits for a line from the child's script.
wait_line() {
	local end=$((SECONDS + $3)) seen=0 last= lines line
	while :; do
		mapfile -t -s $seen lines <"$T/$1.verdict"
		for line in "${lines[@]}"; do
			[[ ! ${line%$'\r'} =~ $2 ]] || return 0
		done
		# Of the last one there may be more to come.
		[ ${#lines[@]} = 0 ] || seen=$((seen + ${#lines[@]} - 1))
		[ -z "$last" ] || return 1
		# What has ended has said all, but perhaps since.
		[ $SECONDS -lt "$end" ] && kill -0 "$CHILD_PID" 2>/dev/null || last=yes
		keep_files 15
		[ -n "$last" ] || moment 0.1
	done
}

# left: what the worker holds, by kind, once that has been the same for a second: the
# connection of a command that has just ended has a moment to go.
left() {
	local now='' last=none
	until [ "$now" = "$last" ]; do
		last=$now
		moment 1
		now=$(left_now)
	done
	echo "$now"
}

# io_uring's own threads come and go.
left_now() {
	find "/proc/$CHILD_PID/fd" -type l -printf '%l\n' |
		sed 's/:\[[0-9]*\]$//' | sort | uniq -c |
		awk '{ n = $1; $1 = ""; printf "%d%s, ", n, $0 }'
	echo "$(cat "/proc/$CHILD_PID"/task/*/comm 2>/dev/null | grep -vc '^iou-wrk') threads"
}

# none_more BEFORE WHAT: the worker holds what left() said then. What has just
# been closed, as the connection of a command, has seconds to go.
none_more() {
	local end=$((SECONDS + 10))
	until [ "$(left_now)" = "$1" ] || [ $SECONDS -ge $end ]; do
		moment 0.5
	done
	is "$(left_now)" "$1" "$2"
}

# control VERB...: hvctl on the running child.
control() { build/host/hvctl --socket "$T/$RUN.control" "$@"; }

# sign_lun LUN: the child, which waits for it (told), may go on.
sign_lun() {
	is "$(control disk add "format=null,size=1M,lun=$1" 2>&1)" "0:$1" 'a LUN as the sign to go on'
}

# stat_of RUN JQ-FILTER: a value from the run's statistics.
stat_of() { jq -r "$2" "$T/$1.stats"; }

# The usual end of a run: worker's status 0, the child's own results one by one,
# its verdict, and no splat.
child_passed() {
	local run=${1:-$RUN}
	count_breakdown "$run"
	is "$CHILD_STATUS" 0 "$run: the child powered off" || show_run "$run"
	relay_results "$run"
	if ! is "$(tr -d '\r' <"$T/$run.verdict" | sed -n 's/^verdict //p')" 0 \
	    "$run: the child's verdict"; then
		show_run "$run"
	fi
	no_splats "$run"
}

# A child that ends or stands still in one of these ways may be the emulator's fault
# rather than ours: it fails all the same, and scripts/check counts it.
count_breakdown() { # RUN
	local what
	emulated || return 0
	if [ "$CHILD_STATUS" = 2 ] && grep -q 'triple fault' "$T/$1.log"; then
		what='a triple fault'
	elif [ "$CHILD_STATUS" = 124 ] &&
	    grep -aq 'rcu: INFO: rcu.* detected stalls' "$T/$1.console"; then
		what='a VP that stands still'
	else
		return 0
	fi
	echo "$(date +%T) $TEST.t: $1: $what" >>build/rootpart/breakdowns
}

# Repeats the child's own result lines as ours. What it says of a failure comes
# before it.
relay_results() {
	local line text last=
	while IFS= read -r line; do
		line=${line%$'\r'}
		[[ $line =~ ^(not )?ok[\ 0-9]*-?\ *(.*)$ ]] && text=${BASH_REMATCH[2]}
		case $line in
		'ok '*) pass "$1: $text" ;;
		'not ok '*)
			fail "$1: $text"
			[[ $last != '# '* ]] || explain "${last#\# }" ;;
		'# '*) note "${line#\# }" ;;
		esac
		last=$line
	done < <(grep -aE '^(ok|not ok|#) ' "$T/$1.verdict")
}

no_splats() {
	local found
	found=$(grep -aE "$SPLATS" "$T/$1.console")
	is "$found" "" "$1: no splat on the child's console" || show_run "$1"
}

show_run() {
	note "the last lines of $1's console, all of it in $OUT:"
	tail -n 25 "$T/$1.console" | tr -d '\r' | sed 's/^/#   /'
	note "the worker said:"
	tail -n 10 "$T/$1.log" | sed 's/^/#   /'
}

# Ends the test: nothing of it is left, the root partition's log is clean.
finish() {
	local left found
	left=$(ps -eo comm= | grep -E '^(vmwp|qemu-system)')
	is "$left" "" "no worker is left running"
	found=$(root_log | grep -aE "$SPLATS")
	if ! is "$found" "" "no splat in the root partition's log"; then
		root_log | tail -n 40 | sed 's/^/#   /'
	fi
	done_testing
}
