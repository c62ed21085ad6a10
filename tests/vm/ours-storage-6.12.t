#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Our hv_vmbus and hv_storvsc on our root partition: file system, checksums in
# both directions, fio with 16 jobs.  Child: 6.12.
# tier: long
# root-kernel: 6.12
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

storage_script storage
initramfs ours 6.12 --available "$STORAGE_MODULES" --ours 'hv_vmbus hv_storvsc' \
	--with mkfs.ext4,fio --script "$OUT/storage.sh"
enter_root

storage_run ours 6.12 ours --processors 2
finish
