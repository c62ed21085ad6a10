# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Children that do network work on demand, to be compared; a test sources lib.sh
# and lib-net.sh, then this.  Child I has the network 10.77.I.0/24 on tapI; it
# serves iperf3 and a shell, by which the root side has it do things.  On our host
# it has a second card: null, which sends it datagrams while its link is up.

. "$PROJECT/tests/vm/lib-turns.sh"

BENCH_SECONDS=${BENCH_SECONDS:-3}
declare -A NET_OF

# The child's side.  Kernel command line: load=MODULE,... net=10.77.I [null=10.78.I]
bench_script() {
	net_script "$1" <<'EOS'
load $(word load | tr , ' ')
c=$(card); ok $? 'the card is there'
null=$(word null) d=
[ -z "$null" ] || {
	# They come in any order: told apart by bench_start's addresses.
	d=$(card 1); ok $? 'so is the other one'
	grep -q 00:15:5d:78 /sys/class/net/$d/address || { d=$c; c=$(card 1); }
	ip link set $d up
	ip addr add $null.2/24 dev $d
}
card_up $c "$(word net).2"; ok $? 'its link is up'
# Nobody has that address, and the frames go to nobody: dropped as soon as out.
arp -s "$(word net).9" 02:00:00:00:00:99
cat >/tmp/shell.sh <<END
udp_out() { udpsend $(word net).9 "\$@"; }
received() { cat /sys/class/net/$c/statistics/rx_packets; }
received_null() { cat /sys/class/net/$d/statistics/rx_packets; }
pages() { awk '/^pgalloc/ { n += \$2 } END { print n }' /proc/vmstat; }
END
cat >/tmp/serve <<'END'
#!/bin/sh
. /tmp/shell.sh
eval "$(cat)"
END
chmod +x /tmp/serve
nc -ll -p 9100 -e /tmp/serve & shell=$!
iperf3 -s >/dev/null 2>&1 & server=$!
# What udp-flood.py sends to; without it the answers are a good part of the work.
udphold 9 & hold=$!
echo 'phase ready'
receive 9101		# until the root side has seen enough
kill $shell $server $hold
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
}

# Options of make-initramfs for such a child, in BENCH_OPTIONS.
bench_programs() {
	BENCH_OPTIONS=(--with 'iperf3,ethtool' --file build/guest/udpsend:usr/bin/udpsend
		--file build/guest/udphold:usr/bin/udphold)
	guest_program udpsend
	guest_program udphold
}

# remote WHO COMMAND: what a shell in the child says to it.
remote() {
	timeout 60 busybox nc "${NET_OF[$1]}.2" 9100 <<<"$2"
}

bench_tap() { # WHO I
	NET_OF[$1]=10.77.$2
	tap "tap$2" multi_queue
	# What is sent faster than the worker takes it waits, rather than cost the
	# sender's time and be dropped.
	ip link set "tap$2" txqueuelen 10000
	ip addr add "10.77.$2.1/24" dev "tap$2"
}

bench_ready() { # WHO
	local ready=0
	SERVERS+=("$CHILD_PID")
	wait_line "$1" '^phase ready' 90 || { show_run "$1"; ready=1; }
	keep_child "$1"
	return $ready
}

# bench_start WHO I [VMWP-OPTION...]
bench_start() {
	local who=$1 i=$2
	shift 2
	bench_tap "$who" "$i"
	start_child "$who" 6.1 "$who" \
		"load=hv_vmbus,hv_netvsc net=10.77.$i null=10.78.$i" \
		--processors 2 --memory 256M --net "tap=tap$i,queues=2,mac=00:15:5d:77:00:0$i" \
		--net "null,card=1,queues=1,mac=00:15:5d:78:00:0$i,link=off,rx=60,rx-to=10.78.$i.2" "$@"
	bench_ready "$who" || bail_out "$who is not ready"
}

# False when it does not come up.
bench_start_virtio() { # WHO I on|off
	bench_tap "$1" "$2"
	start_child_virtio "$1" 6.1 "$1" "load=virtio_pci,virtio_net net=10.77.$2" "tap$2" "$3"
	bench_ready "$1"
}

bench_stop() { # WHO
	use_child "$1"
	echo | timeout 10 busybox nc "${NET_OF[$1]}.2" 9101
	wait_child 60
	child_passed "$1"
}

# Packets that came out of a TAP, or went into it.
tap_packets() { # TAP rx|tx
	ip -s -j link show "$1" | jq ".[0].stats64.$2.packets"
}

per_second() { awk -v n="$1" -v t="$BENCH_SECONDS" 'BEGIN { printf "%.0f", n / t }'; }

iperf_mbits() {
	jq -r '(.end.sum_received.bits_per_second // empty) / 1e6 | round' "$T/iperf.json"
}

tcp_out() { # WHO: Mbit/s that arrived
	timeout 30 iperf3 -c "${NET_OF[$1]}.2" -R -J -t "$BENCH_SECONDS" >"$T/iperf.json"
	iperf_mbits
}

tcp_in() {
	timeout 30 iperf3 -c "${NET_OF[$1]}.2" -J -t "$BENCH_SECONDS" >"$T/iperf.json"
	iperf_mbits
}

# Which queue a flow goes through is drawn by lot, and one queue or two make a
# great difference on two processors: so one flow, or so many that all are used.
pps_out() { udp_out "$1" 1; } # WHO: packets/s that came out of the TAP
flows_out() { udp_out "$1" 16; }
udp_out() { # WHO FLOWS
	local tap=tap${NET_OF[$1]##*.} before
	before=$(tap_packets "$tap" rx)
	remote "$1" "udp_out $BENCH_SECONDS $2" >/dev/null
	per_second $(($(tap_packets "$tap" rx) - before))
}

# The sender runs where a processor is idle, and gives way to the child and its
# worker at once.
pps_in() { # WHO: packets/s that arrived in the child
	local before
	before=$(remote "$1" received)
	chrt --idle 0 python3 "$PROJECT/tests/vm/udp-flood.py" "${NET_OF[$1]}.2" "$BENCH_SECONDS"
	per_second $(($(remote "$1" received) - before))
}

# No sender shares the processors with the child and its worker.
null_in() { # WHO: datagrams/s that arrived in the child
	local before begin end
	before=$(remote "$1" received_null)
	begin=$EPOCHREALTIME
	control net link 1 up >/dev/null
	sleep "$BENCH_SECONDS"
	control net link 1 down >/dev/null
	end=$EPOCHREALTIME
	awk -v n="$(($(remote "$1" received_null) - before))" -v a="$begin" -v b="$end" \
		'BEGIN { printf "%.0f", n / (b - a) }'
}

# A turn's value goes to TURNS[WHO,WHAT], and the worker's counters from before
# and after it are compared: N[WHO,WHAT,...] become medians as well.
bench_turn() { # WHO WHAT
	local who=$1 what=$2 value pages=0
	child_lives "$who"
	if [ -S "$T/$who.control" ]; then
		control --json stats >"$T/before.json"
		pages=$(bench_pages "$who" "$what")
	fi
	value=$($what "$who")
	[ -n "$value" ] && [ "$value" != 0 ] || fail "$who: $what: no packet"
	turn_value "$who,$what" "${value:-0}"
	note "$who $what ${value:-nothing}"
	[ -S "$T/$who.control" ] || return
	control --json stats >"$T/after.json"
	bench_costs "$who,$what" "$(($(bench_pages "$who" "$what") - pages))"
}

# Those that the child has allocated so far, where frames come in.
bench_pages() { # WHO WHAT
	case $2 in
	*_in) remote "$1" pages ;;
	*) echo 0 ;;
	esac
}

bench_costs() { # KEY PAGES
	local packets bytes
	packets=$(bench_growth '[.nets[] | .tx_frames + .rx_frames] | add')
	bytes=$(bench_growth '[.nets[] | .tx_bytes + .rx_bytes] | add')
	turn_costs "$1" "$T/before.json" "$T/after.json" "$packets" \
		'syscalls [.nets[] | .system_calls + ([.queues[].backend_system_calls] | add)] | add'
	turn_value "$1,pages" "$(per "$2" "$packets")"
	turn_value "$1,copied" "$(per "$(bench_growth '[.nets[] | .bytes_copied + ([.queues[].backend_bytes_copied] | add)] | add')" "$bytes")"
}

bench_growth() { growth "$T/before.json" "$T/after.json" "$1"; } # FILTER
