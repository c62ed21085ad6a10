// SPDX-License-Identifier: GPL-2.0
/* 6.16 and stable kernels: VMBus shows the ring to user space on request */
#include <linux/hyperv.h>

bool probe(struct vmbus_channel *channel);
bool probe(struct vmbus_channel *channel)
{
	return channel->ring_sysfs_visible && channel->mmap_ring_buffer;
}
