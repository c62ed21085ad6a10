#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# 1 GiB in each direction over TCP, with checksums.  ENLIGHT_SIZE: another size,
# in MiB.
# tier: long
# root-kernel: 6.1
# timeout: 1200
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-net.sh"

# Data are made as they are sent: a child has no room for them.
net_script transfer <<'EOS'
load hv_vmbus hv_netvsc
c=$(card); ok $? 'the card is there'
card_up $c; ok $? 'its link is up'
mkfifo /tmp/sum
sha256sum </tmp/sum >/tmp/in & pid=$!
mkfifo /tmp/never
# No end of input: nc would tell the other end, who then stops.
nc $PEER 9000 <>/tmp/never | tee /tmp/sum | wc -c >/tmp/bytes
wait $pid
is "$(cat /tmp/bytes)" $(($(word mib) << 20)) 'all bytes came in'
echo "in $(cut -d' ' -f1 /tmp/in)"
sha256sum </tmp/sum >/tmp/out & pid=$!
head -c $(($(word mib) << 20)) /dev/urandom | tee /tmp/sum | send $PEER 9001; ok $? 'all bytes sent'
wait $pid
echo "out $(cut -d' ' -f1 /tmp/out)"
is "$(net_errors)" '' 'no complaint in the kernel log'
EOS
initramfs ours 6.1 --available "$NET_MODULES" --ours 'hv_vmbus hv_netvsc' \
	--script "$OUT/transfer.sh"
enter_net
size=${ENLIGHT_SIZE:-1024}
tap tap0 multi_queue
peer tap0
serve source bash -c "head -c ${size}M /dev/urandom | tee >(sha256sum >$T/in) | busybox nc -l -p 9000"
mkfifo "$T/never"
serve sink bash -c "busybox nc -l -p 9001 <>$T/never | sha256sum >$T/out"
CHILD_LIMIT=1100 run_child ours 6.1 ours "mib=$size" --memory 256M --processors 2 \
	--net tap=tap0,queues=2
child_passed ours
is "$(said ours in)" "$(cut -d' ' -f1 "$T/in")" "what came in is whole: $size MiB"
is "$(cut -d' ' -f1 "$T/out")" "$(said ours out)" "what went out is whole: $size MiB"
at_least "$(card_of ours .rx_bytes)" "$((size << 20))" 'the card counted them in'
at_least "$(card_of ours .tx_bytes)" "$((size << 20))" 'and out'
finish
