#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Changes of a working card for which there is no memory (tests/guest/modules/
# no_memory.c): one allocation of a change fails, which one varies until none is left
# that could. A change that fails leaves all as it was; whatever comes of it, the card
# works afterwards.
# root-kernel: 6.1
# timeout: 1300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script memory <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
answers() { wait_for 20 ping -c1 -W1 $PEER; }
answers; ok $? 'the peer answers'
insmod /no_memory.ko rtnl=1; ok $? 'no_memory loads'
no=/sys/module/no_memory/parameters

state() { # all that was set
	cat /sys/class/net/$c/mtu
	ls -d /sys/class/net/$c/queues/*
	for o in -l -g -x -c; do ethtool $o $c; done
	# What is wished for the kernel keeps, whether the driver can or not.
	ethtool -k $c | grep -E '^(rx-checksumming|large-receive-offload|generic-receive)' |
		sed 's/ \[requested.*//'
	/usr/bin/ip link show dev $c | grep -c 'xdp.* id '
}
program() { # KIND WAY: what makes the change, there (1) and back (0)
	case $1-$2 in
	mtu-1) echo /usr/bin/ip link set dev $c mtu 1400 ;;
	mtu-0) echo /usr/bin/ip link set dev $c mtu 1500 ;;
	channels-1) echo ethtool -L $c combined 1 ;;
	channels-0) echo ethtool -L $c combined 2 ;;
	rings-1) echo ethtool -G $c rx 6000 ;;
	rings-0) echo ethtool -G $c rx 9000 ;;
	features-1) echo ethtool -K $c rx off lro off ;;
	features-0) echo ethtool -K $c rx on lro on ;;
	xdp-1) echo /usr/bin/ip -force link set dev $c xdpdrv object /xdp.o program pass ;;
	xdp-0) echo /usr/bin/ip link set dev $c xdpdrv off ;;
	esac
}
# The change was made, and there was no memory to say so: once more changes nothing.
whole() { # KIND
	! cmp -s /tmp/before /tmp/after || return 1
	$(program $1 $way) >/dev/null 2>&1
	state >/tmp/again
	cmp -s /tmp/after /tmp/again
}
round() { # KIND SKIP: fails if nothing was left to fail
	state >/tmp/before
	before=$(cat $no/failed)
	sh -c 'echo "$0 1" >/sys/module/no_memory/parameters/fail; exec "$@"' \
		$2 $(program $1 $way) >/dev/null 2>&1
	status=$?
	state >/tmp/after
	if [ $status = 0 ] || whole $1; then
		taken=$((taken + 1)) way=$((1 - way))
	else
		refused=$((refused + 1))
		cmp -s /tmp/before /tmp/after || {
			broken=$((broken + 1))
			note "$1, without memory after $2: refused, and changed"
			diff /tmp/before /tmp/after | sed 's/^/# /'
		}
		$(program $1 $((1 - way))) >/dev/null 2>&1	# a wish like the last one is none
	fi
	answers || { broken=$((broken + 1)); note "$1, without memory after $2: no answer"; }
	[ $(($(cat $no/failed) - before)) -gt 0 ]
}
for kind in $(amount 'mtu features xdp' 'mtu channels rings features xdp'); do
	refused=0 taken=0 broken=0 way=1 last=
	[ $kind != xdp ] || ethtool -K $c lro off	# the two exclude each other
	for skip in 0 1 2 3 4 5 6 8 10 13 16 20 25 30 37 45 55 67 80 100 120 150 180 220 270 \
			330 400 500 600 800; do
		round $kind $skip || { last=$skip; break; }
	done
	is $broken 0 "$kind: broken by an allocation that failed (taken $taken, refused $refused)"
	[ -n "$last" ] && [ $last -gt 0 ] && [ $taken -gt 0 ]
	ok $? "$kind: until no allocation was left to fail: $last"
	$(program $kind 0) >/dev/null 2>&1
done
note "lost: $(dmesg | grep -c 'connection with the host is lost'), $(ethtool -S $c | grep -E 'reconnects|rx_no_memory' | tr -s ' \n' ' ')"
is "$(dmesg | grep -c 'it is lost')" 0 'buffers lost'
is "$(pings 20 $PEER)" 20 'pings answered'

rmmod no_memory; rmmod hv_netvsc; ok $? 'unloaded'
EOS
in_root || scripts/build-test-modules 6.1 || bail_out 'no no_memory.ko'
xdp_programs
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' --with ethtool,ip \
	--file "build/guest/modules/$(cat build/kernels/6.1/release)/no_memory.ko:no_memory.ko" \
	--file "$OUT/xdp.o:/xdp.o" --script "$OUT/memory.sh"
enter_net
tap tap0 multi_queue
peer tap0
CHILD_LIMIT=1000 run_child ours 6.1 ours '' --memory 512M --processors 2 --net tap=tap0,queues=2
child_passed ours
finish
