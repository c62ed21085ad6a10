#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What ethtool shows and sets on a card: statistics with all the names of the
# in-tree driver, channels, buffers, RSS, offloads, link.
# root-kernel: 6.1
# timeout: 800
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script names <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c
for option in -S -g -l -x -i; do
	ethtool $option $c | sed -n "s/^[ \t]*\([A-Za-z][^:]*\):.*/name $option \1/p"
done
ethtool -i $c | sed -n 's/^driver: /driver /p'
ethtool -x $c | sed -n 's/.*with \([0-9]*\) RX ring.*/rings \1/p'
EOS

net_script settings <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
now() { # OPTION NAME: the current value of a setting that has a maximum, too
	ethtool $1 $c | sed -n '/Current/,$s/^'"$2"':[ \t]*//p'
}
setting() { # OPTION NAME
	ethtool $1 $c | sed -n "s/^[ \t]*$2:[ \t]*//p" | head -n 1
}
refused() { # TEXT COMMAND...
	text=$1
	shift
	if "$@" >/tmp/refused 2>&1; then
		ok 1 "$text: refused"
	else
		ok 0 "$text: refused"
	fi
}
alive() { wait_for 10 ping -c1 -W1 $PEER; is "$(pings 5 $PEER)" 5 "$1: pings answered"; }

is "$(setting -i firmware-version)" 'NVSP 6.1' 'the protocol version'
is "$(setting -T 'PTP Hardware Clock')" none 'time stamps are asked for'

is "$(now -l Combined)" 2 'channels'
run 'one channel' ethtool -L $c combined 1
is "$(now -l Combined)" 1 'it has one'
alive 'one channel'
run 'two channels' ethtool -L $c combined 2
is "$(now -l Combined)" 2 'it has two'
alive 'two channels'
refused 'no channel' ethtool -L $c combined 0
refused 'more channels than there are' ethtool -L $c combined 3
refused 'channels that only receive' ethtool -L $c rx 1

run 'small buffers' ethtool -G $c rx 500 tx 40
is "$(now -g RX) $(now -g TX)" '500 40' 'they are small'
alive 'small buffers'
refused 'too large a buffer' ethtool -G $c rx 1000000
run 'large buffers' ethtool -G $c rx 9709 tx 2048
is "$(now -g RX) $(now -g TX)" '9709 2048' 'they are large'
alive 'large buffers'

table() { ethtool -x $c | sed -n 's/^ *[0-9]*:  *//p' | tr -s ' ' '\n' | sort -u | xargs; }
key() { ethtool -x $c | grep -E '^([0-9a-f]{2}:){39}[0-9a-f]{2}$'; }
is "$(table)" '0 1' 'the table spreads over both channels'
run 'all to the second channel' ethtool -X $c weight 0 1
is "$(table)" 1 'the table says so'
alive 'all to the second channel'
before=$(counter $c rx_queue_1_packets)
iperf3 -c $PEER -t 1 -R >/dev/null
is "$([ $(counter $c rx_queue_1_packets) -gt $((before + 20)) ]; echo $?)" 0 \
	'and TCP comes there'
run 'back to the usual table' ethtool -X $c default
is "$(table)" '0 1' 'it spreads again'
refused 'a channel that is not there' ethtool -X $c equal 3
k=$(printf '%02x' $(seq 1 40) | sed 's/../&:/g; s/:$//')
run 'a key' ethtool -X $c hkey $k
is "$(key)" $k 'it is there'
refused 'another hash function' ethtool -X $c hfunc xor
run 'a smaller table of channels' ethtool -L $c combined 1
run 'and back' ethtool -L $c combined 2
is "$(key)" $k 'the key is still there'

ports() { ethtool -n $c rx-flow-hash $1 | grep -c 'L4 bytes'; }
is "$(ports tcp4) $(ports tcp6)" '2 2' 'TCP ports are hashed'
for flow in tcp4 tcp6 udp4 udp6; do
	run "$flow: addresses alone" ethtool -N $c rx-flow-hash $flow sd
	is "$(ports $flow)" 0 "$flow: so it is"
	run "$flow: ports, too" ethtool -N $c rx-flow-hash $flow sdfn
	is "$(ports $flow)" 2 "$flow: so it is"
done
# ethtool complains, but returns 0.
ethtool -N $c rx-flow-hash tcp4 r >/tmp/hash 2>&1
grep -q Cannot /tmp/hash; ok $? 'a hash over nothing: refused'
is "$(ports tcp4)" 2 'nothing changed by that'

run 'a message level' ethtool -s $c msglvl 0x5
ethtool $c | grep -q 'level: 0x00000005'; ok $? 'it is there'
run 'speed and duplex' ethtool -s $c speed 1000 duplex half autoneg off
ethtool $c | tr -d '\n' | grep -q 'Speed: 1000Mb/s.*Duplex: Half'; ok $? 'as told'
ethtool -d $c raw on >/tmp/regs; ok $? 'the send table can be read'
is "$(wc -c </tmp/regs)" 64 'it has 16 entries'

for feature in rx tx sg tso gso gro rxhash; do
	run "$feature off" ethtool -K $c $feature off
	is "$(pings 3 $PEER -s 3000)" 3 "$feature off: pings answered"
done
n=$(tcp -t 1) && m=$(tcp -t 1 -R); ok $? "TCP without offloads: $n, $m Mbit/s"
for feature in rx tx sg tso gso gro rxhash; do
	ethtool -K $c $feature on >/dev/null 2>&1
done
n=$(tcp -t 1) && m=$(tcp -t 1 -R); ok $? "TCP with them: $n, $m Mbit/s"
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS

initramfs stock 6.1 --available "$NET_MODULES" --with ethtool --script "$OUT/names.sh"
initramfs names 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' \
	--with ethtool --script "$OUT/names.sh"
for version in 6.1 6.12; do
	initramfs settings-$version $version --available "$NET_MODULES" \
		--ours 'hv_vmbus hv_netvsc' --with ethtool,iperf3 --script "$OUT/settings.sh"
done
enter_net
tap tap0 multi_queue
peer tap0
iperf_server

two() { run_child "$1" "$2" "$3" '' --memory 256M --processors 2 --net tap=tap0,queues=2; }

two stock 6.1 stock
child_passed stock
two names 6.1 names
child_passed names
said stock name | sort -u >"$T/stock.names"
said names name | sort -u >"$T/ours.names"
is "$(comm -23 "$T/stock.names" "$T/ours.names")" '' 'every name of the in-tree driver is there'
is "$(grep -c '^-S' "$T/stock.names" | awk '{ print ($1 > 40) }')" 1 'which are many'
is "$(said names driver) $(said names rings)" "$(said stock driver) $(said stock rings)" \
	'driver and rings are the same'

CHILD_LIMIT=300
for version in $(amount 6.12 "6.1 6.12"); do
	two settings-$version $version settings-$version
	child_passed settings-$version
done

finish
