#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Sub-channels whose primary goes at once, on a kernel with KASAN, lockdep and
# kmemleak.
# tier: debug
# root-kernel: 6.1
# timeout: 800
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-orphans.sh"
orphans debug 'no_hash_pointers' --available 'hv_vmbus hv_storvsc'
