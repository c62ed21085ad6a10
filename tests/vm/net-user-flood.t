#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A child on the user-mode network sends from more ports than the worker has
# descriptors: the worker is commanded as before, what is added and made anew is,
# and the child's network works.
# root-kernel: 6.1
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

guest_program udpports
net_script flood <<'EOS'
load hv_vmbus hv_netvsc hv_storvsc sd_mod
c=$(card 0); is "$(dhcp $c)" 10.0.2.15 'an address of the user-mode network'
wget -q -O /tmp/page http://10.0.2.2/page; ok $? 'a page before the flood'
is "$(udpports 10.0.2.2 9 2000)" 2000 'datagrams from 2000 ports'
wget -q -O /tmp/page http://10.0.2.2/page; ok $? 'a page after the flood'
# Ports that the flood has left open.  What has been silent for a second makes room for
# others, every 4 s.
n=$(udpports 10.0.2.2 7 14 answered)
sleep 5
is $((n + $(udpports 10.0.2.2 7 6 answered 20014))) 20 'datagrams answered after the flood, four of them from new ports'
echo "phase flooded"
wait_for 60 test -e /sys/block/sda; ok $? 'a disk comes'
echo "phase disk"
wait_for 60 test -e /tmp/never
EOS
initramfs ours 6.1 --ours 'hv_vmbus hv_netvsc hv_storvsc' --modules 'hv_vmbus sd_mod' \
	--available "$NET_MODULES hv_storvsc sd_mod" --file build/guest/udpports:bin/udpports \
	--script "$OUT/flood.sh"
enter_net
mkdir "$T/www"
echo page >"$T/www/page"
serve http busybox httpd -f -p 127.0.0.1:80 -h "$T/www"
serve echo python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 7))
while True:
    s.sendto(*s.recvfrom(2048))'

# As little as a user may have, who gets the hard limit.
ulimit -Sn 200; ulimit -Hn 400
start_child flood 6.1 ours '' --memory 256M --net user
wait_line flood '^phase flooded' 120; ok $? 'the child has sent its datagrams'
at_most "$(control --json stats | jq .process.open_files)" 200 'open files of 400'
is "$(control --json stats | jq .process.open_files_limit)" 400 'the limit is the hard one'
at_least "$(control --json stats | jq '.nets[0].sockets_refused')" 1000 'datagrams without a socket'
truncate -s 4M "$T/disk"
is "$(control disk add "file=$T/disk")" 0:0 'a disk is added'
is "$(control net add user)" net1 'a card is added'
wait_line flood '^phase disk' 60; ok $? 'the child has found it'
control reset; ok $? 'reset'
for _ in $(seq 1200); do
	[ "$(grep -c '^phase flooded' "$T/flood.verdict")" -lt 2 ] || break
	sleep 0.1
done
is "$(grep -c '^phase flooded' "$T/flood.verdict")" 2 'the child has booted again, and done the same'
control power-off; ok $? 'power-off'
wait_child 30
is "$CHILD_STATUS" 0 'the child is powered off'
relay_results flood
no_splats flood
finish
