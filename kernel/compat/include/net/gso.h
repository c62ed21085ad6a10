/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.5, skbuff.h has it. */
#ifndef COMPAT_NET_GSO_H
#define COMPAT_NET_GSO_H

#ifdef COMPAT_HAVE_NET_GSO
#include_next <net/gso.h>
#else
#include <linux/skbuff.h>
#endif

#endif
