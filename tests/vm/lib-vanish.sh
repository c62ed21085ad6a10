# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Suspends in which a controller and a card vanish: a test sources lib.sh and
# lib-net.sh, then this.  pm_test=platform freezes and thaws all devices and the bus,
# as a hibernation does, without the image, and waits 5 s in between.

# The child's side.  Kernel command line: rounds=N.
vanish_script() {
	net_script "$1" <<'EOS'
disk() { # SECTORS: the disk of that size
	for b in /sys/block/sd*; do
		[ "$(cat $b/size 2>/dev/null)" = "$1" ] && echo "/dev/${b##*/}" && return
	done
	return 1
}
by_mac() { # MAC: the card of that address
	for c in /sys/class/net/*/device; do
		grep -q $1 "${c%/device}/address" 2>/dev/null && basename "${c%/device}" && return
	done
	return 1
}
stay=65536 go=32768 mac=52:54:00:00:00:77
modprobe sd_mod 2>/dev/null	# not all kernels have it as a module
load hv_vmbus hv_storvsc hv_netvsc
wait_for 60 disk $stay; ok $? 'the disk that stays'
keep=$(disk $stay)
dd if=/dev/urandom of=$keep bs=64k count=16 oflag=direct 2>/dev/null
sum=$(dd if=$keep bs=64k count=16 iflag=direct 2>/dev/null | sha256sum)
same() { [ "$(dd if=$keep bs=64k count=16 iflag=direct 2>/dev/null | sha256sum)" = "$sum" ]; }
echo platform >/sys/power/pm_test; ok $? 'suspend test mode'
# The kernel reserves memory for the image, though none is written. With room for what is
# in use it does that at once, else it squeezes all memory first.
echo $((1 << 40)) >/sys/power/image_size

n=0
while [ $n -lt "$(word rounds)" ]; do
	echo "phase there $n"
	wait_for 100 disk $go || { ok 1 "round $n: the disk is there"; break; }
	wait_for 100 by_mac $mac || { ok 1 "round $n: the card is there"; break; }
	d=$(disk $go) c=$(by_mac $mac)
	for other in /sys/class/net/*/device; do
		other=$(basename "${other%/device}")
		[ $other = $c ] || k=$other
	done
	ip link set $k up; ip addr show $k | grep -q "$ME/" || ip addr add $ME/24 dev $k
	ip link set $c up; ip addr add 10.78.0.2/24 dev $c
	carrier $c 60
	# What goes is busy.
	dd if=$d of=/dev/null bs=16k count=100000 iflag=direct 2>/dev/null & reader=$!
	ping -q -i 0.1 -c 1000 10.78.0.1 >/dev/null 2>&1 & pinger=$!
	echo "phase suspend $n"
	printed
	echo disk >/sys/power/state || { ok 1 "round $n: suspend and resume"; break; }
	wait_for 60 sh -c "! test -e /sys/block/${d##*/}" || { ok 1 "round $n: the disk goes"; break; }
	wait_for 60 sh -c "! test -e /sys/class/net/$c" || { ok 1 "round $n: the card goes"; break; }
	wait $reader && { ok 1 "round $n: its reader fails"; break; }
	kill $pinger 2>/dev/null; wait $pinger
	same || { ok 1 "round $n: the other disk reads"; break; }
	wait_for 60 ping -c1 -W2 $PEER || { ok 1 "round $n: the other card's peer answers"; break; }
	echo "phase gone $n"
	n=$((n + 1))
done
is $n "$(word rounds)" 'rounds in which a disk and a card vanished in a suspend'
echo "phase there $n"
wait_for 100 disk $go && wait_for 100 by_mac $mac; ok $? 'in the end they are there again'
run 'a suspend in which nothing vanishes' sh -c 'echo disk >/sys/power/state'
same && wait_for 60 ping -c1 -W2 $PEER; ok $? 'and all works'
disk $go >/dev/null && by_mac $mac >/dev/null; ok $? 'with all devices'
# Their relids are others by now.
for d in /sys/bus/vmbus/devices/*; do
	[ -d "$d/channels/$(cat "$d/id")" ] || echo "${d##*/} is relid $(cat "$d/id"), in sysfs" "$d"/channels/*
done >/tmp/numbers
is "$(cat /tmp/numbers)" '' 'channels bear their numbers in sysfs'
is "$(dmesg | grep -c 'has not been offered again')" $((2 * n)) 'missing devices'
EOS
}

# Instead of enter_net: with a peer for the card that stays and one for that which goes.
vanish_net() {
	enter_net
	tap tap0
	peer tap0
	tap tap1
	ip addr add 10.78.0.1/24 dev tap1
}

unloaded() { [ "$(control --json state | jq -r .vmbus_version)" = '' ]; }

# vanish_run RUN KERNEL IMAGE ROUNDS: the root's side.
vanish_run() {
	local run=$1 rounds=$4 n end
	truncate -s 32M "$T/stay.img"
	truncate -s 16M "$T/go.img"
	start_child "$run" "$2" "$3" "rounds=$rounds" --processors 2 --memory 768M \
		--scsi "file=$T/stay.img,controller=0" --scsi "file=$T/go.img,controller=1" \
		--net tap=tap0 --net tap=tap1,mac=52:54:00:00:00:77
	for ((n = 0; n < rounds; n++)); do
		wait_line "$run" "^phase suspend $n\$" 200 || break
		end=$((SECONDS + 180))
		until unloaded || [ $SECONDS -ge $end ]; do moment 0.1; done
		unloaded || fail "round $n: the bus was left"
		control controller remove 1 && control net remove 1 ||
			fail "round $n: they are taken away"
		wait_line "$run" "^phase gone $n\$" 200 || break
		control controller add 1 && control disk add "file=$T/go.img,controller=1" &&
			control net add tap=tap1,mac=52:54:00:00:00:77 ||
			fail "round $n: they are given back"
	done
	is "$n" "$rounds" "$run: rounds"
	wait_child 200
	child_passed "$run"
}
