#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Programs that read a null disk in bursts are not slower with our storage driver
# than with the in-tree one, and what the driver holds back, to cost the host fewer
# signals, waits for nothing but the rest of its burst.  A child with either driver
# takes a turn at each size of burst, the other one paused.
# ENLIGHT_ROUNDS: how many turns each gets.  ENLIGHT_SIZES: which bursts.
# tier: long
# root-kernel: 6.1
# alone: yes
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"
. "$PROJECT/tests/vm/lib-turns.sh"

SHORT=${ENLIGHT_SHORT:-}
ROUNDS=${ENLIGHT_ROUNDS:-$(amount 2 3)}
SIZES=${ENLIGHT_SIZES:-$(amount '3 7 16' "$(seq -s ' ' 16)")}
HOGGED_MS=$(amount 3000 8000)
MS=100		# of each way to read, in a turn
HOG_US=100000	# see bursts.c

guest_script bursts <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc; do modprobe $m || ok 1 "$m loads"; done
disk=$(first_disk); ok $? 'the disk is there'
wait_for 10 test -e $disk
echo none >/sys/block/${disk#/dev/}/queue/scheduler
# Who never sleeps gets all of a processor's time, not 95 % of it.
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
channel=$(ls -d /sys/bus/vmbus/devices/*/channels/* | head -n 1)
hold=$(ls /sys/class/scsi_host/*/longest_hold_us 2>/dev/null)
ms=$(word ms)

# One line: its key, reads per second, doorbells in a thousand reads, microseconds
# of the longest call that submitted, and of the longest time one was held.
reads() { # KEY MILLISECONDS NUMBER HOW WAITS CLASS
	key=$1
	shift
	read -r before <$channel/intr_out_empty
	[ -z "$hold" ] || echo 0 >$hold
	bursts $disk $(cat $channel/cpu) "$@" >/tmp/bursts || ok 1 "bursts $*"
	read -r rate count call </tmp/bursts
	read -r after <$channel/intr_out_empty
	held=0
	[ -z "$hold" ] || read -r held <$hold
	echo "reads $key $rate $(((after - before) * 1000 / count)) $call $held"
}
turn() { # NUMBER
	for how in one each; do for waits in blocks polls; do for class in normal fifo; do
		reads $1,$how,$waits,$class $ms $1 $how $waits $class
	done; done; done
}
# Another processor of the same channel belongs to a program that never sleeps.
pair() {
	other=$((1 - $(cat $channel/cpu)))
	bursts $disk $other $((ms * 4)) 3 one polls fifo >/tmp/fifo & pid=$!
	reads pair,normal $((ms * 3)) 3 each polls normal
	wait $pid || ok 1 'the other one reads'
	echo "reads pair,fifo $(cat /tmp/fifo) 0"
}
echo 'phase ready'
sleep 1
i=0
while [ $i -lt $(word rounds) ]; do
	for n in $(word sizes | tr , ' ') pair; do
		if [ $n = pair ]; then pair; else turn $n; fi
		echo "turn $i,$n"
		sleep 0.5	# time for being paused
	done
	i=$((i + 1))
done
[ -z "$hold" ] || reads hogged $(word hogged) 16 one blocks hogged
EOF
guest_program bursts
for who in ours stock; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_storvsc'
	initramfs $who 6.1 --available "$STORAGE_MODULES" --ours "$ours" \
		--file build/guest/bursts:usr/bin/bursts --script "$OUT/bursts.sh"
done
enter_root
trap 'end_children; cleanup' EXIT

begin() { # WHO IMAGE CMDLINE
	start_child "$1" 6.1 "$2" "ms=$MS hogged=$HOGGED_MS sizes=${SIZES// /,} $3" \
		--processors 2 --memory 256M --scsi format=null,size=16G
	wait_line "$1" '^phase ready' 180 || { fail "$1: begins"; show_run "$1"; }
}
for who in stock ours; do
	begin $who $who "rounds=$ROUNDS"
	keep_child $who
	control pause
done
for ((round = 0; round < ROUNDS; round++)); do
	for n in $SIZES pair; do
		for who in stock ours; do
			child_lives $who
			control resume
			wait_line $who "^turn $round,$n\$" 60 || fail "$who: turn $round,$n ends"
			control pause
		done
	done
done
for who in stock ours; do
	use_child $who
	control resume
	wait_child 60
	child_passed $who
done
# Where kernel code is preempted, too.
begin preempt ours 'rounds=0 preempt=full'
wait_child 60
child_passed preempt

# Ours are compared with in-tree's of the same round, its neighbour in time.
#
# Which of two equals is slower in a turn is decided as by a coin: of N turns it is
# more than N / 2 + 1.5 sqrt(N) only once in 700 times.
#
# What was held has been sent when the call that brought it ends: so the one time
# can't be longer than the other, whatever the machine does meanwhile.  As a time it
# is only made longer by a virtual processor that doesn't run, so the least that a
# turn knows of is nearest to the truth.
evaluate() {
	for who in stock ours preempt; do
		tr -d '\r' <"$T/$who.verdict" | sed -n "s/^reads /$who /p"
	done | awk -v short="$SHORT" -v sizes="$SIZES" '
function sort(a, n,  i, j, x) {
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && a[j] < a[j - 1]; j--) {
			x = a[j]; a[j] = a[j - 1]; a[j - 1] = x
		}
}
function middle(what, who, key,  a, i) {
	for (i = 1; i <= turns[who, key]; i++)
		a[i] = value[what, who, key, i]
	sort(a, i - 1)
	return a[int(i / 2)]
}
# Of the keys that match: n ratios, slower of them below 1; the median is returned.
function ratios(match_this,  a, k, i) {
	n = slower = 0
	for (k = 1; k <= keys; k++)
		for (i = 1; key[k] ~ match_this && i <= turns["ours", key[k]]; i++) {
			a[++n] = value["rate", "ours", key[k], i] / value["rate", "stock", key[k], i]
			slower += a[n] < 1
		}
	sort(a, n)
	return n ? a[int((n + 1) / 2)] : 0
}
function not_slower(match_this, name) {
	ratios(match_this)
	check("at_most", slower, n / 2 + 1.5 * sqrt(n), name ": turns of " n " in which ours was slower")
}
function check(how, got, limit, name) { printf "%s %.7g %.7g %s\n", how, got, limit, name }
{
	if (!turns[$1, $2]++ && $1 == "stock")
		key[++keys] = $2
	i = turns[$1, $2]
	value["rate", $1, $2, i] = $3
	value["bells", $1, $2, i] = $4 / 1000
	value["call", $1, $2, i] = $5
	value["held", $1, $2, i] = $6
	late += $6 > $5 + 1
	if ($2 ~ /^[0-9]+,one/ && $1 == "ours" && (!least[int($2)] || $6 < least[int($2)]))
		least[int($2)] = $6
}
END {
	printf "# %-24s %8s %8s %6s %9s %7s\n", "burst", "in-tree", "ours", "ratio", "in-tree", "ours"
	for (k = 1; k <= keys; k++)
		printf "# %-24s %8.0f %8.0f %6.2f %9.3f %7.3f\n", key[k],
			middle("rate", "stock", key[k]), middle("rate", "ours", key[k]),
			ratios("^" key[k] "$"),
			middle("bells", "stock", key[k]), middle("bells", "ours", key[k])
	not_slower("^[0-9]", "all bursts")
	for (w = split("blocks polls", waits, " "); w; w--) {
		if (!short) {
			not_slower(waits[w] ",normal", "normal programs, " waits[w])
			not_slower(waits[w] ",fifo", "fifo programs, " waits[w])
		}
		# No size may hide among the others: so much less is no bad luck.
		most = split(sizes, size, " ")
		for (s = 1; s <= most; s++)
			check("at_least", ratios("^" size[s] ",.*" waits[w]), 0.3,
				size[s] ", " waits[w] ": ours to in-tree")
	}
	check("at_least", ratios("pair,normal"), 0.1, "two on one channel, the normal one: ours to in-tree")
	check("at_least", ratios("pair,fifo"), 0.1, "two on one channel, the fifo one: ours to in-tree")
	# Two reads in one call are no burst to the kernel yet.
	for (k = 1; k <= keys; k++)
		if (key[k] ~ /one/ && int(key[k]) > 2)
			check("at_most", middle("bells", "ours", key[k]), 1.01 / int(key[k]),
				key[k] ": doorbells per read")
	check("at_most", late, 0, "held when the call that submitted it had ended")
	check("at_most", least[size[most]], 200, "us that one was held in a turn")
	check("at_least", least[size[most]], 1, "and some were held")
	check("at_most", value["held", "ours", "hogged", 1], hog - 1, "held, preempted for " hog " us")
	check("at_most", value["held", "preempt", "hogged", 1], hog - 1, "the same, preemptible kernel")
	check("at_least", value["call", "preempt", "hogged", 1], hog / 2, "where a call was preempted, us")
}' hog="$HOG_US" -
}
evaluate >"$T/checks"; ok $? 'the turns can be compared'
note "medians of $ROUNDS turns: reads per second; doorbells per read"
while IFS= read -r line; do
	case $line in
	'#'*) echo "$line" ;;
	at_*)
		read -r how got limit name <<<"$line"
		$how "$got" "$limit" "$name"
		;;
	esac
done <"$T/checks"
finish
