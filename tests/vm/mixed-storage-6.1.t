#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One of our modules at a time beside the in-tree other: ours is a drop-in for
# each alone.  Child: 6.1.
# root-kernel: 6.1
# timeout: 900
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

storage_script storage
initramfs our-bus 6.1 --available "$STORAGE_MODULES" --ours hv_vmbus \
	--with mkfs.ext4 --script "$OUT/storage.sh"
initramfs our-storvsc 6.1 --available "$STORAGE_MODULES" --ours hv_storvsc \
	--with mkfs.ext4 --script "$OUT/storage.sh"
enter_root

storage_run our-bus 6.1 our-bus --processors 2
storage_run our-storvsc 6.1 our-storvsc --processors 2
finish
