/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.2 it was IFF_SLAVE that kept IPv6 from configuring a device. */
#ifndef COMPAT_LINUX_NETDEVICE_H
#define COMPAT_LINUX_NETDEVICE_H

#include_next <linux/netdevice.h>

#ifndef COMPAT_HAVE_NO_ADDRCONF
#define IFF_NO_ADDRCONF	0
#endif

#endif
