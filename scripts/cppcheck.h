/* SPDX-License-Identifier: GPL-2.0 */
/* What cppcheck must know of system headers, which it does not read. */
#include "/usr/include/x86_64-linux-gnu/sys/queue.h"
#define SD_BUS_PARAM(name) #name "\0"

/* <bpf/bpf_helpers.h> */
#define SEC(name)
#define __always_inline inline
