#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An impartial judge: the in-tree modules of an unmodified Debian 6.12 on our
# root partition: file system, checksums in both directions, fio with 16 jobs.
# tier: long
# root-kernel: 6.12
# timeout: 600
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"

storage_script storage
initramfs stock 6.12 --available "$STORAGE_MODULES" \
	--with mkfs.ext4,fio --script "$OUT/storage.sh"
enter_root

storage_run stock 6.12 stock --processors 2
finish
