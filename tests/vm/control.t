#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A running worker under hvctl and busctl: state, pause, reset, the ways to
# end, and what is left afterwards.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

guest_script ticks <<'EOF'
for m in hv_vmbus sd_mod hv_storvsc; do modprobe $m || ok 1 "$m loads"; done
disk=$(first_disk); ok $? 'the disk is there'
echo "up $(cut -d. -f1 /proc/uptime)"
echo "source $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
if grep -q do=reboot /proc/cmdline; then
	printed
	echo b >/proc/sysrq-trigger
fi
n=0
while :; do
	echo "tick $n"
	echo "clock $(cut -d. -f1 /proc/uptime)"
	n=$((n + 1))
	dd if=$disk of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null || echo 'not ok - read'
	sleep 0.1
done
EOF
initramfs stock 6.1 --available "$STORAGE_MODULES" --script "$OUT/ticks.sh"
enter_root

last_tick() { tr -d '\r' <"$T/$RUN.verdict" | sed -n 's/^tick //p' | tail -n 1; }
last_clock() { tr -d '\r' <"$T/$RUN.verdict" | sed -n 's/^clock //p' | tail -n 1; }
bus() { busctl "--address=unix:path=$T/$RUN.control" "$@"; }
moves() { # is the child alive?
	local before after
	before=$(last_tick)
	for _ in $(seq 100); do
		after=$(last_tick)
		[ "$after" = "$before" ] || return 0
		sleep 0.1
	done
	return 1
}
# While it is paused; it goes on during the commands, which a busy machine makes long.
# 25 seconds are what the child's watchdogs allow.
clock_stands_still() {
	local before after long begun
	long=$(amount 12 25)
	begun=$SECONDS
	before=$(last_clock)
	control pause
	sleep $long
	control resume
	moves; ok $? "$RUN: the child goes on after a pause"
	after=$(last_clock)
	at_least "$before" 1 "$RUN: seconds on the child's clock before"
	at_most $((after - before)) $((SECONDS - begun - long + long / 2)) \
		"$RUN: seconds on the child's clock while paused for $long"
	at_least $((after - before)) 0 "$RUN: nor does it go back"
}
begin() { # RUN CMDLINE OPTION...
	local run=$1 cmdline=$2
	shift 2
	truncate -s 4M "$T/disk.img"
	start_child "$run" 6.1 stock "$cmdline" --processors 2 --memory 256M --name test \
		--scsi "file=$T/disk.img" "$@"
}
# Sockets of a run, and files that were to take another's place: their names are hidden.
nothing_left() {
	is "$(find "$T" -mindepth 1 \( -name "$RUN.control" -o -name '.*' \))" '' "$RUN: nothing is left"
	jq -e .user_exits "$T/$RUN.stats" >"$T/jq" 2>&1
	ok $? "$RUN: statistics were written"
}

begin life ''
wait_line life '^tick 3' 90
ok $? 'the child is up'
is "$(stat -c %a "$T/life.control")" 600 'mode of the socket'
is "$(control --json state | jq -r .state)" running 'state: running'
is "$(control --json state | jq -r .name)" test 'state: name'
is "$(control --json state | jq -r .vmbus_version)" 5.3 'state: version'
is "$(control --json state | jq -r .processors)" 2 'state: processors'
control state >"$T/state"; like "$T/state" '^state +running' 'state, for people'
control stats >"$T/stats"; like "$T/stats" 'packets in' 'stats, for people'
is "$(control --json stats | jq '.channels | length')" 1 'stats: channels'
# Of an interval in which it reads; a slow child does not in each.
seen=0
for ((i = 0; i < 20 && seen == 0; i++)); do
	seen=$(control --json stats --interval 1 | jq '.disks[0].reads')
done
all=$(control --json stats | jq '.disks[0].reads')
[ "$seen" -gt 0 ] && [ "$seen" -lt "$all" ]; ok $? "stats: the difference counts reads: $seen of $all"
is "$(control --json channels | jq -r '.[0].state')" open 'channels: open'
is "$(control --json disk list | jq -r '.[0].file')" "$T/disk.img" 'disk list: file'

truncate -s 1M "$T/more.img"
hvctl=$PWD/build/host/hvctl
is "$(cd "$T" && ENLIGHT_SOCKET=$T/life.control "$hvctl" disk add file=more.img)" 0:1 \
	'disk add: by a relative path, the socket from the environment'
is "$(control --json disk list | jq -r '.[1].file')" "$T/more.img" 'disk list: the new one'
control disk remove 1; ok $? 'disk remove'
is "$(control controller list)" 0 'controller list'
control controller add 2; ok $? 'controller add'
is "$(control --json controller list | jq -c .)" '[0,2]' 'controller list: both'
control controller remove 2; ok $? 'controller remove'

bus introspect org.enlight.Worker1 /org/enlight/Worker1 >"$T/introspect" 2>&1
ok $? 'busctl introspect' || sed 's/^/# /' "$T/introspect"
for name in Pause Resume Reset PowerOff AddDisk RemoveDisk ResizeDisk ListDisks GetStats \
	State VmbusVersion Crashed StateChanged; do
	like "$T/introspect" "^\\.$name " "busctl introspect: $name"
done
is "$(bus get-property org.enlight.Worker1 /org/enlight/Worker1 org.enlight.Worker1 Name)" \
	's "test"' 'busctl get-property'
bus call org.enlight.Worker1 /org/enlight/Worker1 org.enlight.Worker1 Ping
ok $? 'busctl call'
bus tree org.enlight.Worker1 >"$T/tree"; like "$T/tree" /org/enlight/Worker1 'busctl tree'

control pause; ok $? 'pause'
is "$(control --json state | jq -r .state)" paused 'state: paused'
control pause 2>"$T/err"; is $? 1 'pause twice: refused'
is "$(cat "$T/err")" 'hvctl: it is paused already' 'and why'
sleep 0.5
before=$(last_tick); sleep 2
is "$(last_tick)" "$before" 'the child stands still'
control resume; ok $? 'resume'
moves; ok $? 'the child goes on'
clock_stands_still

before=$(grep -c '^up ' "$T/life.verdict")
control reset; ok $? 'reset'
for _ in $(seq 900); do
	[ "$(grep -c '^up ' "$T/life.verdict")" -gt "$before" ] && break
	sleep 0.1
done
is "$(grep -c '^up ' "$T/life.verdict")" $((before + 1)) 'the child has booted again'
moves; ok $? 'and reads its disk'
is "$(control --json state | jq -r .resets)" 1 'state: one reset'

control nonsense 2>"$T/err"; is $? 2 'unknown verb: status'
control puase 2>"$T/err"; like "$T/err" "did you mean 'pause'" 'a typo'
control disk remove 0:9 2>"$T/err"; is $? 1 'no such disk: status'
is "$(wc -l <"$T/err")" 1 'no such disk: one line'
control disk add file=/absent 2>"$T/err"; is $? 1 'no such file: status'
like "$T/err" 'hvctl: .*/absent' 'no such file: says which'
control power-off; ok $? 'power-off'
wait_child 30
is "$CHILD_STATUS" 0 'power-off: status'
nothing_left
control state 2>"$T/err"; is $? 3 'no worker: status'
like "$T/err" '--control' 'no worker: says how to have one'

begin term ''
wait_line term '^tick 1' 90; ok $? 'term: the child is up'
build/host/vmwp --kernel "$(kernel_image 6.1)" --serial none --control "$T/term.control" \
	2>"$T/err"
is $? 1 'a second worker on the same socket: refused'
kill -TERM "$CHILD_PID"
wait_child 30
is "$CHILD_STATUS" 0 'SIGTERM: status'
nothing_left

begin paused clocksource=hyperv_clocksource_tsc_page
wait_line paused '^tick 1' 90; ok $? 'paused: the child is up'
wait_line paused "^source hyperv_clocksource_tsc_page" 1
ok $? 'paused: time is taken from the reference TSC page'
clock_stands_still
no_splats paused
control pause
kill -INT "$CHILD_PID"
wait_child 30
is "$CHILD_STATUS" 0 'SIGINT while paused: status'
nothing_left

begin reboot do=reboot --no-reboot
wait_child 120
is "$CHILD_STATUS" 3 'a reset under --no-reboot: status'
nothing_left
finish
