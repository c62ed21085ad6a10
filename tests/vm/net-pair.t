#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two children with each other, through a bridge of the root side, which has no
# part in their talk: ours with ours, and ours with the in-tree modules.
# root-kernel: 6.1
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

# One serves, the other asks.  Kernel command line: role=, other=, me=, sum=.
net_script pair <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c "$(word me)"; ok $? 'its link is up'
PEER=$(word other)
head -c 8388608 /dev/urandom >/tmp/mine; ok $? "8 MiB made"
if [ "$(word role)" = serve ]; then
	mkdir /tmp/www && mv /tmp/mine /tmp/www/page
	httpd -p 80 -h /tmp/www
	receive 9000 >/tmp/got & pid=$!
	iperf3 -s >/dev/null 2>&1 &
	echo "page $(sha /tmp/www/page)"
	echo 'phase ready'
	wait $pid
	receive 9001 >/tmp/end
	echo "got $(sha /tmp/got)"
else
	is "$(pings 20 $PEER)" 20 'pings answered'
	wget -q -O /tmp/page "http://$PEER/page"; ok $? 'a page fetched'
	echo "page $(sha /tmp/page)"
	send $PEER 9000 </tmp/mine; ok $? 'data sent'
	echo "got $(sha /tmp/mine)"
	for r in '' -R; do
		n=$(tcp -t 3 $r); ok $? "TCP ${r:+from the other}: $n Mbit/s"
		n=$(udp -t 2 -b 2M -l 1200 $r); ok $? "UDP ${r:+from the other}: datagrams, lost: $n"
		arrived "$n"; ok $? 'nearly all arrived'
	done
	echo >/tmp/end
	send $PEER 9001 </tmp/end; ok $? 'the other told to stop'
fi
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
for who in stock ours; do
	ours=
	[ $who = stock ] || ours='hv_vmbus hv_netvsc'
	initramfs $who 6.1 --available "$NET_MODULES" --ours "$ours" --with iperf3,ethtool \
		--script "$OUT/pair.sh"
done
enter_net
tap tap0
tap tap1
bridge br0 tap0 tap1

pair_run() { # NAME SERVER CLIENT
	local name=$1 pid
	start_child "$name-serve" 6.1 "$2" 'role=serve me=10.77.0.2 other=10.77.0.3' \
		--memory 256M --net tap=tap0,mac=52:54:00:00:00:02
	pid=$CHILD_PID
	SERVERS+=("$pid")
	wait_line "$name-serve" '^phase ready' 90 || show_run "$name-serve"
	run_child "$name-ask" 6.1 "$3" 'role=ask me=10.77.0.3 other=10.77.0.2' \
		--memory 256M --net tap=tap1,mac=52:54:00:00:00:03
	child_passed "$name-ask"
	# shellcheck disable=SC2034 # wait_child reads it
	RUN=$name-serve CHILD_PID=$pid
	wait_child 60
	child_passed "$name-serve"
	is "$(said "$name-ask" page)" "$(said "$name-serve" page)" "$name: the page is whole"
	is "$(said "$name-serve" got)" "$(said "$name-ask" got)" "$name: what was sent is whole"
}
pair_run both ours ours
pair_run mixed stock ours
finish
