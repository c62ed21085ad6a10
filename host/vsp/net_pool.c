// SPDX-License-Identifier: GPL-2.0
/*
 * The child's receive buffer, cut into sections that all queues draw from, and
 * its send buffer.
 *
 * Sections are large, so that a coalesced frame of 64 KiB needs few pieces; small
 * frames share one, each with a range of its own.  A section is free again when
 * the child has given back every transfer packet with a frame in it and no
 * worker fills it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netvsp_var.h"

#define SECTION_LARGE	16384u
#define SECTIONS_ENOUGH 64u
#define CONTROL_MAX	4u
/* What is before a frame in its section, at most; see net_rx.c. */
#define HEAD_ROOM	128u

/* ---- shape ---- */

static uint32_t round_up(uint32_t v, uint32_t to)
{
	return (v + to - 1) / to * to;
}

static int pool_shape(struct net_pool *p, uint32_t frame)
{
	uint64_t bytes = (uint64_t)p->vb->npages * MEM_PAGE_SIZE;
	uint32_t need = round_up(frame + NET_VLAN_HEADER + HEAD_ROOM, 64);
	uint32_t limit = atomic_load(&p->n->version) <= NVS_VERSION_2 ?
				 NVS_RECV_BUF_MAX_V2 :
				 NVS_RECV_BUF_MAX;

	if (bytes > limit)
		bytes = limit;
	p->section_size = need;
	if (bytes / SECTION_LARGE >= SECTIONS_ENOUGH) {
		p->section_size = SECTION_LARGE;
		p->rsc = true;
	}
	p->sections = bytes / p->section_size;
	if (p->sections > UINT16_MAX)
		p->sections = UINT16_MAX;
	p->control = p->sections / 4 < CONTROL_MAX ? p->sections / 4 :
						     CONTROL_MAX;
	return p->control ? 0 : -EINVAL;
}

int net_pool_create(struct netvsp *n, struct vmbus_buffer *vb, uint32_t frame,
		    struct net_pool **out)
{
	struct net_pool *p = calloc(1, sizeof(*p));
	uint32_t i;
	int err;

	if (!p)
		return -ENOMEM;
	p->n = n;
	p->vb = vb;
	err = pool_shape(p, frame);
	if (!err) {
		p->refs = calloc(p->sections, sizeof(*p->refs));
		p->free = calloc(p->sections, sizeof(*p->free));
		if (!p->refs || !p->free)
			err = -ENOMEM;
	}
	if (err) {
		free((void *)p->refs);
		free(p->free);
		free(p);
		return err;
	}
	pthread_mutex_init(&p->lock, NULL);
	/* The lowest on top. */
	for (i = p->sections; i-- > p->control;)
		p->free[p->nfree++] = i;
	atomic_init(&p->users, 1);
	netvsp_get(n);
	*out = p;
	return 0;
}

/* ---- users ---- */

static void pool_end(void *arg)
{
	struct net_pool *p = arg;
	struct netvsp *n = p->n;

	vmbus_buffer_put(p->vb);
	pthread_mutex_destroy(&p->lock);
	free((void *)p->refs);
	free(p->free);
	free(p);
	netvsp_put(n);
}

void net_pool_get(struct net_pool *p)
{
	atomic_fetch_add(&p->users, 1);
}

void net_pool_put(struct net_pool *p)
{
	if (p && atomic_fetch_sub(&p->users, 1) == 1)
		vmbus_server_defer(p->n->srv, pool_end, p);
}

/* ---- sections ---- */

uint32_t net_pool_take(struct net_pool *p, unsigned int queue)
{
	uint32_t s = NET_NO_SECTION;

	pthread_mutex_lock(&p->lock);
	if (p->nfree)
		s = p->free[--p->nfree];
	else
		p->starving |= 1ull << queue;
	pthread_mutex_unlock(&p->lock);
	if (s != NET_NO_SECTION)
		atomic_store_explicit(&p->refs[s], 1, memory_order_relaxed);
	return s;
}

void net_pool_ref(struct net_pool *p, uint32_t section)
{
	atomic_fetch_add_explicit(&p->refs[section], 1, memory_order_relaxed);
}

void net_pool_unref(struct net_pool *p, uint32_t section)
{
	uint64_t starving;
	unsigned int i;

	if (atomic_fetch_sub(&p->refs[section], 1) != 1)
		return;
	pthread_mutex_lock(&p->lock);
	p->free[p->nfree++] = section;
	starving = p->starving;
	p->starving = 0;
	pthread_mutex_unlock(&p->lock);
	for (i = 0; starving; i++, starving >>= 1)
		if (starving & 1)
			net_queue_kick(&p->n->queue[i]);
}

void net_pool_write(const struct net_pool *p, uint32_t offset, const void *data,
		    uint32_t len)
{
	const uint8_t *src = data;

	while (len) {
		uint32_t in = offset % MEM_PAGE_SIZE;
		uint32_t chunk = MEM_PAGE_SIZE - in < len ? MEM_PAGE_SIZE - in :
							    len;

		memcpy(p->vb->page[offset / MEM_PAGE_SIZE] + in, src, chunk);
		offset += chunk;
		src += chunk;
		len -= chunk;
	}
}

/* ---- the send buffer ---- */

int net_send_buf_create(struct netvsp *n, struct vmbus_buffer *vb,
			struct net_send_buf **out)
{
	struct net_send_buf *b;

	if ((uint64_t)vb->npages * MEM_PAGE_SIZE < NET_SEND_SECTION)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->n = n;
	b->vb = vb;
	b->sections = (uint64_t)vb->npages * MEM_PAGE_SIZE / NET_SEND_SECTION;
	atomic_init(&b->users, 1);
	netvsp_get(n);
	*out = b;
	return 0;
}

static void send_buf_end(void *arg)
{
	struct net_send_buf *b = arg;
	struct netvsp *n = b->n;

	vmbus_buffer_put(b->vb);
	free(b);
	netvsp_put(n);
}

void net_send_buf_get(struct net_send_buf *b)
{
	atomic_fetch_add(&b->users, 1);
}

void net_send_buf_put(struct net_send_buf *b)
{
	if (b && atomic_fetch_sub(&b->users, 1) == 1)
		vmbus_server_defer(b->n->srv, send_buf_end, b);
}
