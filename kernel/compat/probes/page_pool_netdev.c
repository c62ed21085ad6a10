// SPDX-License-Identifier: GPL-2.0
/* 6.8, 083772c9f972: page pools know the device and the queue they are for */
#include <net/page_pool/helpers.h>

struct page_pool *probe(struct net_device *net, unsigned int *size, void **va);
struct page_pool *probe(struct net_device *net, unsigned int *size, void **va)
{
	struct page_pool_params params = { .netdev = net };
	struct page_pool *pool = page_pool_create(&params);

	*va = page_pool_dev_alloc_va(pool, size);
	page_pool_free_va(pool, *va, false);
	return pool;
}
