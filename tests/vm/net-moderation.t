#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Moderation of interrupts (ethtool -C): settings and their bounds; frames that
# come in numbers are gathered, none that comes alone is held up.
# root-kernel: 6.1
# timeout: 500
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script moderation <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
setting() { ethtool -c $c | sed -n "s/^$1:[ \t]*//p"; }
refused() {
	text=$1
	shift
	if "$@" >/tmp/refused 2>&1; then ok 1 "$text: refused"; else ok 0 "$text: refused"; fi
}
is "$(ethtool -c $c | sed -n 's/^Adaptive RX: *\([a-z]*\).*/\1/p')" on 'adaptive from the start'
is "$(setting rx-usecs) $(setting rx-frames)" '128 32' 'within bounds'
run 'other settings' ethtool -C $c adaptive-rx off rx-usecs 50 rx-frames 8 tx-usecs 20 tx-frames 4
is "$(setting rx-usecs) $(setting rx-frames) $(setting tx-usecs) $(setting tx-frames)" \
	'50 8 20 4' 'they are there'
queue() { # QUEUE SETTING
	ethtool -Q $c queue_mask $((1 << $1)) --show-coalesce | sed -n "s/^$2:[ \t]*//p"
}
run "the second channel's own" ethtool -Q $c queue_mask 2 --coalesce rx-usecs 70 tx-frames 9
is "$(queue 0 rx-usecs) $(queue 0 tx-frames) $(queue 1 rx-usecs) $(queue 1 tx-frames)" \
	'50 4 70 9' 'it alone has them'
is "$(setting rx-usecs)" 50 "the first one's are shown for all"
# By ethtool's words: its exit code says nothing about this.
is "$(ethtool -Q $c queue_mask 2 --coalesce rx-usecs 20000 2>&1 | grep -c 'Invalid argument')" 1 \
	'a wait of 20 ms of one: refused'
refused 'a channel that is not there' ethtool -Q $c queue_mask 4 --coalesce rx-usecs 20
refused 'one that is not there with one that is' ethtool -Q $c queue_mask 6 --coalesce rx-usecs 20
is "$(queue 1 rx-usecs)" 70 'nothing changed by those'
run 'one channel' ethtool -L $c combined 1
refused 'what the other one has' ethtool -Q $c queue_mask 2 --show-coalesce
run 'two again' ethtool -L $c combined 2
is "$(queue 0 rx-usecs) $(queue 1 rx-usecs)" '50 70' 'each as before'
run 'settings for all' ethtool -C $c tx-frames 5
is "$(queue 0 rx-usecs) $(queue 1 rx-usecs) $(queue 1 tx-frames)" '50 50 5' 'all have them'
run 'another connection' ethtool -L $c combined 1
is "$(setting rx-usecs) $(setting rx-frames)" '50 8' 'they stay with a new connection'
refused 'a wait of 20 ms' ethtool -C $c rx-usecs 20000
refused 'what only hardware does' ethtool -C $c rx-usecs-irq 5
is "$(setting rx-usecs)" 50 'nothing changed by that'

interrupts() { cat /sys/bus/vmbus/drivers/hv_netvsc/*-*/channels/*/interrupts | awk '{ n += $1 } END { print n }'; }
waits() { counter $c rx_queue_0_coal_waits; }
rtt() { # COUNT: the usual time of a ping, us
	ping -c $1 -i 0.06 -W 2 $PEER | sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | sort -n |
		awk '{ t[NR] = $1 } END { printf "%d", 1000 * t[int((NR + 1) / 2)] }'
}
flood() { # interrupts for 1000 datagrams received
	i=$(interrupts)
	p=$(counter $c rx_queue_0_packets)
	w=$(waits)
	udp -t 4 -b $1 -l 64 -R >/tmp/udp || cat /tmp/udp
	i=$(($(interrupts) - i))
	p=$(($(counter $c rx_queue_0_packets) - p))
	w=$(($(waits) - w))
	note "$p packets, $i interrupts, $w waits, $(cat /tmp/udp)" >&2
	echo $p >/tmp/came
	echo $((1000 * i / (p + 1)))
}

ethtool -C $c adaptive-rx off rx-usecs 0 tx-usecs 0
# A frame every 2.5 ms or so: each interrupts.
w=$(waits)
came() { [ "$(cat /tmp/came)" -ge 500 ]; ok $? "$1: a flood came: $(cat /tmp/came) packets"; }
free=$(flood 200K)
came 'without waits'
is $(waits) $w 'no wait with 0 us'
alone=$(rtt 20)
note "a ping without moderation: $alone us"
ethtool -C $c adaptive-rx off rx-usecs 10000 rx-frames 0 tx-usecs 0
w=$(waits)
held=$(flood 200K)
came 'waits of 10 ms'
is "$([ $(waits) -gt $w ]; echo $?)" 0 'waits of 10 ms'
is "$([ $held -lt $((free / 2 + 1)) ]; echo $?)" 0 \
	"less than half the interrupts: $held for 1000 packets, $free without"
lone=$(rtt 20)
is "$([ $lone -lt $((alone + 5000)) ]; echo $?)" 0 \
	"a frame that comes alone isn't held up by 10 ms: $lone us"
w=$(counter $c rx_queue_0_coal_idle)
sleep 1
pings 3 $PEER >/dev/null
is "$([ $(counter $c rx_queue_0_coal_idle) -gt $w ]; echo $?)" 0 'a wait in vain is counted'

ethtool -C $c adaptive-rx on rx-usecs 1000 rx-frames 32 tx-usecs 1000
w=$(waits)
lone=$(rtt 20)
is "$(($(waits) - w))" 0 'adaptive: single pings bring no wait'
is "$([ $lone -lt $((alone + 2000)) ]; echo $?)" 0 "and take no longer: $lone us"
adaptive=$(flood 40M)
came adaptive
note "adaptive: $adaptive interrupts for 1000 packets"
is "$(pings 5 $PEER)" 5 'pings answered'
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS

initramfs moderation 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' \
	--with ethtool,iperf3 --script "$OUT/moderation.sh"
enter_net
tap tap0 multi_queue
peer tap0
iperf_server
CHILD_LIMIT=300 run_child moderation 6.1 moderation '' --memory 256M --processors 2 \
	--net tap=tap0,queues=2
child_passed moderation
finish
