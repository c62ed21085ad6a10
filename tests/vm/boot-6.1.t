#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Stock Debian kernels on a bare machine, under a 6.1 root partition: processors,
# memory, serial console, and every way to end.
# root-kernel: 6.1
# timeout: 1400
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-boot.sh"

boot_script
for k in 6.1 6.12; do
	initramfs "boot-$k" "$k" --script "$OUT/boot.sh"
	initramfs "shell-$k" "$k"
done
enter_root

boot_processors 6.1
boot_memory 6.1
boot_ends 6.1
boot_console 6.1
# stock-net-6.12.t has it in short.
[ -n "$(amount '' 1)" ] && boot_passes 6.12-p2 6.12 2 '' --memory 256M
finish
