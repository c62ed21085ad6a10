// SPDX-License-Identifier: GPL-2.0
/* 6.2, 8a321cf7becc: IPv6 leaves a device alone for a flag of its own */
#include <linux/netdevice.h>

unsigned int probe = IFF_NO_ADDRCONF;
