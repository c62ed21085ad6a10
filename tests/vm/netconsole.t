#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The end of a panic: each line that the console shows reaches a netconsole, too,
# with one processor and with two; with what was lost before, and with a list of
# all tasks, which is longer than the card takes at once. The in-tree modules are
# shown for comparison.
# root-kernel: 6.1
# timeout: 400
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script netconsole <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
wait_for 10 ping -c1 -W1 $PEER; ok $? 'the peer answers'
modprobe netconsole "netconsole=@$ME/$c,6666@$PEER/$(word mac)"; ok $? 'netconsole loads'
echo "phase crash"
printed
echo c >/proc/sysrq-trigger
EOS
for who in stock ours; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_netvsc'
	initramfs $who 6.1 --available "$NET_MODULES netconsole" --ours "$ours" \
		--script "$OUT/netconsole.sh"
done
enter_net
tap tap0 multi_queue
peer tap0
cat >"$T/receive.py" <<'END'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
s.bind((sys.argv[1], 6666))
with open(sys.argv[2], "ab", buffering=0) as f:
    while True:
        f.write(s.recv(65536))
END

mac=$(ip -o link show tap0 | sed -n "s/.*link.ether \([0-9a-f:]*\).*/\1/p")
since_crash() { tr -d '\r' <"$1" | sed -n '/sysrq: Trigger a crash/,$p'; }

serve receiver python3 "$T/receive.py" $PEER "$T/lines"

# panic RUN IMAGE PROCESSORS CMDLINE: sets LINES, of the console, and LOST.
panic() {
	: >"$T/lines"
	CHILD_LIMIT=100 run_child "$1" 6.1 "$2" "panic=0 mac=$mac $4" \
		--memory 256M --processors "$3" --net "tap=tap0,queues=$3"
	is "$CHILD_STATUS" 2 "$1: exit status 2" || show_run "$1"
	like "$T/$1.verdict" '^phase crash' "$1: it got so far" || show_run "$1"
	like "$T/$1.console" 'end Kernel panic' "$1: the panic came to its end"
	since_crash "$T/$1.console" >"$T/$1.shown"
	since_crash "$T/lines" >"$T/$1.got"
	cp "$T/$1.shown" "$T/$1.got" "$OUT/"
	LINES=$(wc -l <"$T/$1.shown")
	LOST=$(grep -vxFf "$T/$1.got" "$T/$1.shown")
}
for n in 1 2; do
	panic ours-$n ours $n ''
	at_least "$LINES" 20 "ours-$n: lines of the panic"
	is "$LOST" '' "ours-$n: all of them reach the netconsole"
done
panic ours-long ours 2 'panic_print=1'
at_least "$LINES" 400 "ours-long: lines of the panic"
is "$LOST" '' 'ours-long: all of them reach the netconsole'

if [ -n "$(amount '' 1)" ]; then
	panic stock stock 2 ''
	note "in-tree modules: of $LINES lines $(grep -c . <<<"$LOST") do not reach the netconsole"
fi
finish
