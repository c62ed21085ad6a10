#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Our hv_netvsc unloaded and loaded again and again while TCP and UDP flow both
# ways: it goes at once, comes back at work, and nothing is left behind.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script reload <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
told_by 10.77.0.8; ok $? 'the worker was looked at'
again iperf3 -c $PEER -p 5301 -t 1000 --connect-timeout 500 & a=$!
again iperf3 -c $PEER -p 5302 -t 1000 --connect-timeout 500 -R & b=$!
again ping -q -i 0.01 -c 100000 $PEER & d=$!
left() { awk '/MemFree|Slab|Percpu/ { printf "%s ", $2 }' /proc/meminfo; }
n=0 all=$(amount 11 100)
while [ $n -lt $all ]; do
	rmmod hv_netvsc || { ok 1 "round $n: rmmod"; break; }
	[ -z "$(ls -d /sys/class/net/*/device 2>/dev/null)" ] || { ok 1 "round $n: the card is gone"; break; }
	modprobe hv_netvsc || { ok 1 "round $n: modprobe"; break; }
	c=$(card) && card_up $c || { ok 1 "round $n: the link is up"; break; }
	# Every tenth time long enough for the flows to be in full swing.
	[ $((n % 10)) != 0 ] || { wait_for 10 ping -c1 -W1 $PEER || { ok 1 "round $n: it works"; break; }; sleep 2; }
	n=$((n + 1))
	[ $n != 10 ] || note "free, slab, percpu after 10: $(left)"
done
is $n $all 'reloads under traffic'
note "free, slab, percpu after $n: $(left)"
is "$(pings 20 $PEER)" 20 'pings answered'
touch /tmp/stop
kill $a $b $d
is "$(net_errors)" '' 'no complaint in the kernel log'
echo 'phase end'
told_by 10.77.0.9; ok $? 'and once more'
EOS
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' --with iperf3,ethtool \
	--script "$OUT/reload.sh"
enter_net
tap tap0 multi_queue
peer tap0
# A client that goes without a word leaves the server waiting: not for long.
for port in 5301 5302; do
	serve "iperf$port" sh -c "while :; do timeout 20 iperf3 -s -1 -p $port; done"
done
start_child ours 6.1 ours '' --memory 256M --processors 2 --net tap=tap0,queues=2
# settled FILE: the worker's counters once both channels of the card are open, and
# the TAP knows which flow belongs to which, which takes it two files.
settled() {
	local i
	for ((i = 0; i < 100; i++)); do
		control --json stats >"$1" || return 1
		! jq -e '.nets[0].steered and
			([.channels[] | select(.name[:4] == "net0" and .state == "open")] | length == 2)' "$1" >/dev/null ||
			return 0
		sleep 0.1
	done
	return 1
}
# A queue of the TAP that has sent has an io_uring, and each of the two workers one:
# one that has not sent since the last reload has none yet.
held() { # rings|rest
	left_now | tr ',' '\n' | case $1 in
	rings) awk '/io_uring/ { n = $1 } END { print n + 0 }' ;;
	rest) grep -v io_uring | tr '\n' ',' ;;
	esac
}
wait_line ours '^ok - its link is up' 90; ok $? 'the child is up'
settled "$T/before.json"; ok $? 'both channels are open before'
before=$(held rest)
sign_address tap0 10.77.0.8
wait_line ours '^phase end' 780; ok $? 'all reloads are done'
settled "$T/after.json"; ok $? 'and after'
is "$(held rest)" "$before" 'files and threads of the worker'
at_most "$(held rings)" 4 'its rings'
is "$(jq .vmbus.gpadls "$T/after.json")" "$(jq .vmbus.gpadls "$T/before.json")" 'its GPADLs'
sign_address tap0 10.77.0.9
wait_child 60
child_passed ours
# Under traffic, which the child takes up again without saying whether it could.
at_least "$(card_of ours .tx_frames)" 2000 'frames out'
at_least "$(card_of ours .rx_frames)" 2000 'frames in'
finish
