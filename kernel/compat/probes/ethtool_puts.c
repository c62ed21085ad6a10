// SPDX-License-Identifier: GPL-2.0
/* 6.8, 2a48c635fd9a: ethtool_puts() */
#include <linux/ethtool.h>

void probe(u8 **data);
void probe(u8 **data)
{
	ethtool_puts(data, "name");
}
