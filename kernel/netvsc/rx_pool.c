// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for received frames. It comes from page pools of the channel's own and
 * comes back to them when the stack has done with a frame, so that a page is
 * neither allocated nor cleared (kernels with init_on_alloc do that) per frame.
 *
 * Two pools: single pages, for frames that fit into one and for the headers of
 * larger ones; and large pages, for the rest of those. There is none of them
 * where the kernel has no page pools, or no memory of that size at the moment:
 * then the stack's own allocations do, which are just slower.
 */
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include <net/page_pool/helpers.h>

#include "netvsc_var.h"

#define LARGE_ORDER	PAGE_ALLOC_COSTLY_ORDER
#define PIECE_MAX	SZ_16K

/* Pages that may lie there unused; of the large ones, in all channels. */
#define SMALL_PAGES	256
#define LARGE_PAGES	512
#define LARGE_PAGES_MIN	16

#define SKB_ROOM(len)	(SKB_DATA_ALIGN(NET_SKB_PAD + NET_IP_ALIGN + (len)) + \
			 SKB_DATA_ALIGN(sizeof(struct skb_shared_info)))

static int create(struct netvsc_chan *nc, u32 order, u32 pages,
		  struct page_pool **out)
{
	struct page_pool_params params = {
		.order = order,
		.pool_size = pages,
		.nid = NUMA_NO_NODE,
		.napi = &nc->napi,
		.netdev = nc->nd->net,
	};
	struct page_pool *pool = page_pool_create(&params);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	*out = pool;
	return 0;
}

int netvsc_pool_create(struct netvsc_chan *nc)
{
	u32 large = max(LARGE_PAGES / num_online_cpus(), LARGE_PAGES_MIN);
	int err;

	if (!IS_ENABLED(CONFIG_PAGE_POOL))
		return 0;
	err = create(nc, 0, SMALL_PAGES, &nc->pool.small);
	if (!err)
		err = create(nc, LARGE_ORDER, large, &nc->pool.large);
	if (err)
		netvsc_pool_destroy(nc);
	return err;
}

/* What the stack still has finds its way, however long it takes. */
void netvsc_pool_destroy(struct netvsc_chan *nc)
{
	page_pool_destroy(nc->pool.small);
	page_pool_destroy(nc->pool.large);
	nc->pool.small = NULL;
	nc->pool.large = NULL;
}

static void *alloc(struct page_pool *pool, u32 *size)
{
	if (!IS_ENABLED(CONFIG_PAGE_POOL) || !pool)
		return NULL;
	return page_pool_dev_alloc_va(pool, size);
}

static void release(struct page_pool *pool, void *memory)
{
	if (IS_ENABLED(CONFIG_PAGE_POOL))
		page_pool_free_va(pool, memory, false);
}

struct sk_buff *netvsc_pool_skb(struct netvsc_chan *nc, u32 len)
{
	u32 size = SKB_ROOM(len);
	void *head = alloc(nc->pool.small, &size);
	struct sk_buff *skb;

	if (unlikely(!head)) {
		skb = napi_alloc_skb(&nc->napi, len);
	} else {
		skb = napi_build_skb(head, size);
		if (unlikely(!skb)) {
			release(nc->pool.small, head);
			return NULL;
		}
		skb_reserve(skb, NET_SKB_PAD + NET_IP_ALIGN);
	}
	/* Of what it consists of, the pools know what is theirs. */
	if (likely(skb))
		skb_mark_for_recycle(skb);
	return skb;
}

u32 netvsc_pool_add(struct netvsc_chan *nc, struct sk_buff *skb, u32 len,
		    u8 **data)
{
	u32 used = min_t(u32, len, PIECE_MAX), size = used;
	void *piece = alloc(nc->pool.large, &size);
	struct page *page;

	if (unlikely(!piece)) {
		/* Memory is in small pieces. */
		used = min_t(u32, len, PAGE_SIZE);
		size = SKB_DATA_ALIGN(used);
		piece = napi_alloc_frag(size);
		if (!piece)
			return 0;
	}
	page = virt_to_head_page(piece);
	skb_add_rx_frag(skb, skb_shinfo(skb)->nr_frags, page,
			piece - page_address(page), used, size);
	*data = piece;
	return used;
}

void *netvsc_pool_page(struct netvsc_chan *nc)
{
	u32 size = PAGE_SIZE;

	if (nc->pool.small)
		return alloc(nc->pool.small, &size);
	return (void *)__get_free_page(GFP_ATOMIC | __GFP_NOWARN);
}

void netvsc_pool_put_page(struct netvsc_chan *nc, void *page)
{
	if (nc->pool.small)
		release(nc->pool.small, page);
	else
		free_page((unsigned long)page);
}
