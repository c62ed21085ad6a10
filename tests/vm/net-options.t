#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Cards that can't be had (one clear line, exit 1), and a capture file that
# tcpdump reads.
# root-kernel: 6.1
# timeout: 400
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script capture <<'EOS'
load hv_vmbus hv_netvsc
c=$(card 0); ok $? 'the first card is there'
card_up $c; ok $? 'its link is up'
is "$(pings 7 $PEER)" 7 'pings answered'
d=$(card 1); ok $? 'the second card is there'
is "$(dhcp $d)" 10.0.2.15 "an address of the user-mode network"
is "$(pings 3 10.0.2.2)" 3 'its pings answered'
EOS
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' \
	--script "$OUT/capture.sh"
enter_net
tap tap0
peer tap0

refused() { # NAME REGEX OPTION...
	local name=$1 regex=$2
	shift 2
	timeout 20 "${AS[@]}" build/host/vmwp --kernel "$(kernel_image 6.1)" --serial none \
		--memory 128M "$@" </dev/null >"$T/out" 2>&1
	is $? 1 "$name: exit status"
	is "$(wc -l <"$T/out")" 1 "$name: one line" || sed 's/^/# /' "$T/out"
	like "$T/out" "$regex" "$name: which is clear"
	note "$(cat "$T/out")"
}
AS=()
refused 'no name' 'tap' --net tap=
refused 'a name too long' 'abcdefghijklmnopqrst' --net tap=abcdefghijklmnopqrst
refused 'a MAC that is none' 'mac' --net tap=tap0,mac=52:54:00
refused 'a MAC of a group' 'mac' --net tap=tap0,mac=01:54:00:00:00:01
refused 'too many queues' 'queues' --net tap=tap0,queues=65
refused 'a TAP with one queue' 'tap0' --net tap=tap0,queues=4
refused 'a version that is none' 'version' --net tap=tap0,version=3
refused 'an option that is none' 'colour' --net tap=tap0,colour=red
refused 'no such device' 'lo' --net tap=lo
build/host/vmwp --kernel "$(kernel_image 6.1)" --memory 128M --serial none \
	--net tap=tap0 </dev/null >"$T/busy" 2>&1 &
busy=$!
sleep 3
refused 'a TAP in use' 'tap0' --net tap=tap0
kill $busy; wait $busy
AS=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
refused 'a TAP that is not there' 'tap7' --net tap=tap7
ip tuntap add tap8 mode tap vnet_hdr user 65533
refused 'a TAP of somebody else' 'tap8' --net tap=tap8
AS=()
refused 'a capture file that cannot be' 'nowhere' --net tap=tap0 --capture /nowhere/at/all

ip link set tap0 up
run_child ours 6.1 ours '' --memory 256M --net tap=tap0,mac=52:54:00:00:00:05 --net user \
	--capture "$T/cards.pcapng"
child_passed ours
tcpdump -n -e -r "$T/cards.pcapng" >"$T/dump" 2>"$T/dump.err"
ok $? 'tcpdump reads the capture' || sed 's/^/# /' "$T/dump.err"
is "$(grep -c "52:54:00:00:00:05 >.*$PEER: ICMP echo request" "$T/dump")" 7 'requests in it'
is "$(grep -c "> 52:54:00:00:00:05.*$PEER > .*: ICMP echo reply" "$T/dump")" 7 'replies in it'
is "$(grep -c '10.0.2.2: ICMP echo request' "$T/dump")" 3 'requests of the other card'
is "$(tcpdump -n -r "$T/cards.pcapng" udp port 67 2>/dev/null | wc -l | awk '{ print ($1 >= 4) }')" 1 \
	'the four packets of its DHCP'
finish
