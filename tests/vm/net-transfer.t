#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A GiB (in short, 64 MiB) in each direction over TCP, every byte checked, and both ends' checksums
# compared.  ENLIGHT_SIZE: another size, in MiB.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

net_script transfer <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
stream receive 9000 1 >/tmp/in & pid=$!
echo 'phase receive'
wait $pid; ok $? 'all bytes came in as they should be'
echo "in $(cat /tmp/in)"
stream send $PEER 9001 "$(word mib)" 2 >/tmp/out; ok $? 'all bytes sent'
echo "out $(cat /tmp/out)"
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
guest_program stream
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' \
	--file build/guest/stream:usr/bin/stream --script "$OUT/transfer.sh"
enter_net
size=${ENLIGHT_SIZE:-$(amount 64 1024)}
bytes=$((size << 20))
tap tap0 multi_queue
peer tap0
build/guest/stream receive 9001 2 >"$T/out" &
SERVERS+=($!)
start_child ours 6.1 ours "mib=$size" --memory 256M --processors 2 --net tap=tap0,queues=2
wait_line ours '^phase receive' 90; ok $? 'the child is up'
sleep 1
timeout 400 build/guest/stream send "${PEER%.*}.2" 9000 "$size" 1 >"$T/in"
ok $? 'all bytes sent to the child'
wait_child 450
child_passed ours
is "$(cut -d' ' -f1 "$T/in")" $bytes "into the child: $size MiB"
is "$(said ours in)" "$(cat "$T/in")" 'the same bytes and checksum in the child'
is "$(said ours out | cut -d' ' -f1)" $bytes "out of the child: $size MiB"
is "$(cat "$T/out")" "$(said ours out)" 'the same bytes and checksum in the root partition'
at_least "$(card_of ours .rx_bytes)" $bytes 'the card counted them in'
at_least "$(card_of ours .tx_bytes)" $bytes 'and out'
finish
