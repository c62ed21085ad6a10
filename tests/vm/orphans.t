#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Sub-channels whose primary goes at once, on a kernel that poisons freed objects.
# root-kernel: 6.1
# timeout: 700
. "$(dirname "$0")/lib.sh"
. "$PROJECT/tests/vm/lib-storage.sh"
. "$PROJECT/tests/vm/lib-orphans.sh"
orphans 6.1 'slub_debug=FZPU' --available "$STORAGE_MODULES"
