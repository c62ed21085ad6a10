/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Page pools before 6.8: they don't know which device they are for, and before
 * 6.6 they have another header and hand out pages and offsets only.
 */
#ifndef COMPAT_NET_PAGE_POOL_HELPERS_H
#define COMPAT_NET_PAGE_POOL_HELPERS_H

#ifdef COMPAT_HAVE_PAGE_POOL_NETDEV
#include_next <net/page_pool/helpers.h>
#else

#ifdef COMPAT_HAVE_PAGE_POOL_HELPERS
#include_next <net/page_pool/helpers.h>
#else
#include <net/page_pool.h>
#endif

#ifndef PP_FLAG_PAGE_FRAG
#define PP_FLAG_PAGE_FRAG	0
#endif

/* What is set here and has no counterpart makes pools faster, or visible. */
struct compat_page_pool_params {
	unsigned int order;
	unsigned int pool_size;
	int nid;
	struct napi_struct *napi;
	struct net_device *netdev;
};

static inline struct page_pool *
compat_page_pool_create(const struct compat_page_pool_params *p)
{
	struct page_pool_params params = {
		.flags = PP_FLAG_PAGE_FRAG,
		.order = p->order,
		.pool_size = p->pool_size,
		.nid = p->nid,
	};

	return page_pool_create(&params);
}

/* All of it in fragments: a pool of these may not give whole pages as well. */
static inline void *compat_page_pool_alloc_va(struct page_pool *pool,
					      unsigned int *size)
{
	unsigned int max_size = PAGE_SIZE << pool->p.order, offset;
	struct page *page;

	if (*size > max_size / 2)
		*size = max_size;
	page = page_pool_dev_alloc_frag(pool, &offset, *size);
	return page ? page_address(page) + offset : NULL;
}

static inline void compat_page_pool_free_va(struct page_pool *pool, void *va,
					    bool allow_direct)
{
	page_pool_put_page(pool, virt_to_head_page(va), -1, allow_direct);
}

#define page_pool_params	compat_page_pool_params
#define page_pool_create	compat_page_pool_create
#define page_pool_dev_alloc_va	compat_page_pool_alloc_va
#define page_pool_free_va	compat_page_pool_free_va

#endif
#endif
