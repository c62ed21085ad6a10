// SPDX-License-Identifier: GPL-2.0
/*
 * GPADLs: lists of the child's pages that it lends to the root, announced in a
 * header message and as many body messages as the list needs.
 *
 *   header -> [UNFINISHED -> bodies ->] LIVE -> teardown -> [TEARING ->] gone
 *
 * A handle is unique over the connection, since bodies and TORNDOWN carry no
 * relid.  TORNDOWN gives the pages back to the child, so it is not said while
 * the channel's VSP may still touch them: the teardown of the open channel's
 * rings, or of anything while the channel is closing, waits until it is closed;
 * that of a buffer which the VSP holds (buffer.c) until it holds it no more.
 * It is said for whatever the root does not (or no longer) know as well, because
 * a child waits for it with locks held.
 */
#include <errno.h>
#include <stdlib.h>

#include "vmbus_var.h"

/*
 * Children count handles upwards; one that chose them all for one bucket would
 * have each message walk a list of thousands, if it knew the key.
 */
static struct gpadl_list *gpadl_bucket(struct vmbus_server *srv,
				       uint32_t handle)
{
	uint32_t hash = handle * srv->gpadl_key;

	return &srv->gpadls[(hash ^ hash >> 16) /
			    (UINT32_MAX / GPADL_BUCKETS + 1)];
}

struct gpadl *gpadl_find(struct vmbus_server *srv, uint32_t handle)
{
	struct gpadl *g;

	LIST_FOREACH(g, gpadl_bucket(srv, handle), link)
		if (g->handle == handle)
			return g;
	return NULL;
}

static void gpadl_free(struct vmbus_server *srv, struct gpadl *g)
{
	struct gpadl_hold *hold;

	while ((hold = LIST_FIRST(&g->holds))) {
		LIST_REMOVE(hold, link);
		hold->g = NULL;
	}
	LIST_REMOVE(g, link);
	LIST_REMOVE(g, of_slot);
	srv->ngpadls--;
	if (g->state == GPADL_UNFINISHED) {
		srv->gpadl_unfinished -= g->ranges_len;
	} else {
		srv->stats.gpadls--;
		srv->stats.gpadl_bytes -= g->bytes;
	}
	free(g->ranges);
	free(g);
}

static void created_answer(struct vmbus_server *srv, uint32_t relid,
			   uint32_t handle, uint32_t status)
{
	struct vmb_gpadl_created resp = {
		.hdr.type = VMB_MSG_GPADL_CREATED,
		.relid = relid,
		.gpadl = handle,
		.status = status,
	};

	server_post(srv, &resp, sizeof(resp));
}

static void torndown_answer(struct vmbus_server *srv, uint32_t handle)
{
	struct vmb_gpadl_torndown resp = {
		.hdr.type = VMB_MSG_GPADL_TORNDOWN,
		.gpadl = handle,
	};

	server_post(srv, &resp, sizeof(resp));
}

/* ---- a whole list ---- */

static bool pfn_valid(const struct mem *m, uint64_t pfn)
{
	return pfn <= UINT64_MAX / MEM_PAGE_SIZE &&
	       mem_ptr(m, pfn * MEM_PAGE_SIZE, MEM_PAGE_SIZE);
}

/* Walks all ranges.  NULL and the number of pages, or what is wrong. */
static const char *ranges_check(const struct mem *m, const struct gpadl *g,
				uint64_t *npages)
{
	const uint8_t *pos = g->ranges, *end = g->ranges + g->ranges_len;
	struct vmb_gpa_range range;
	uint64_t pages, pfn;
	unsigned int i;

	*npages = 0;
	for (i = 0; i < g->range_count; i++) {
		if ((size_t)(end - pos) < sizeof(range))
			return "more ranges than bytes";
		memcpy(&range, pos, sizeof(range));
		pos += sizeof(range);
		pages = ((uint64_t)range.offset + range.len + MEM_PAGE_SIZE -
			 1) /
			MEM_PAGE_SIZE;
		if (!range.len)
			return "empty range";
		if (pages > (size_t)(end - pos) / sizeof(pfn))
			return "range is longer than its pages";
		*npages += pages;
		for (; pages; pages--, pos += sizeof(pfn)) {
			memcpy(&pfn, pos, sizeof(pfn));
			if (!pfn_valid(m, pfn))
				return "page outside memory";
		}
	}
	return pos == end ? NULL : "more bytes than ranges";
}

static void gpadl_complete(struct vmbus_server *srv, struct gpadl *g)
{
	uint64_t npages;
	const char *wrong = ranges_check(srv->mem, g, &npages);
	uint32_t relid = g->relid, handle = g->handle;

	if (!wrong &&
	    npages * MEM_PAGE_SIZE > srv->gpadl_limit - srv->stats.gpadl_bytes)
		wrong = "too much memory shared";
	if (wrong) {
		server_bad(srv, "GPADL %#x of relid %u: %s", handle, relid,
			   wrong);
		gpadl_free(srv, g);
		created_answer(srv, relid, handle, VMB_STATUS_FAILED);
		return;
	}
	srv->gpadl_unfinished -= g->ranges_len;
	g->state = GPADL_LIVE;
	g->bytes = npages * MEM_PAGE_SIZE;
	srv->stats.gpadls++;
	srv->stats.gpadl_bytes += g->bytes;
	created_answer(srv, relid, handle, VMB_STATUS_OK);
}

/*
 * Take over what one message has of the list: whole 8-byte units only, and no
 * more than was announced, for some children post every message at full size.
 */
static void gpadl_append(struct vmbus_server *srv, struct gpadl *g,
			 const uint8_t *data, size_t len)
{
	uint32_t left = g->ranges_len - g->ranges_got;

	len &= ~(size_t)7;
	if (len > left)
		len = left;
	memcpy(g->ranges + g->ranges_got, data, len);
	g->ranges_got += len;
	if (g->ranges_got == g->ranges_len)
		gpadl_complete(srv, g);
}

/* ---- messages ---- */

static const char *header_check(struct vmbus_server *srv,
				const struct vmb_gpadl_header *m)
{
	/* A range with one page, the least there is. */
	const uint32_t least = sizeof(struct vmb_gpa_range) + sizeof(uint64_t);

	if (!relid_chan(srv, m->relid))
		return "relid unknown";
	if (gpadl_find(srv, m->gpadl))
		return "handle in use";
	if (!m->range_count)
		return "no ranges";
	if (m->ranges_len % 8 || m->ranges_len < m->range_count * least)
		return "length of ranges";
	if (srv->ngpadls >= GPADL_MAX)
		return "too many";
	if (m->ranges_len > GPADL_UNFINISHED_MAX - srv->gpadl_unfinished)
		return "too many unfinished";
	return NULL;
}

static struct gpadl *gpadl_create(struct vmbus_server *srv,
				  const struct vmb_gpadl_header *m)
{
	struct gpadl *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->ranges = malloc(m->ranges_len);
	if (!g->ranges) {
		free(g);
		return NULL;
	}
	g->handle = m->gpadl;
	g->relid = m->relid;
	g->range_count = m->range_count;
	g->ranges_len = m->ranges_len;
	g->state = GPADL_UNFINISHED;
	LIST_INIT(&g->holds);
	srv->gpadl_unfinished += g->ranges_len;
	srv->ngpadls++;
	LIST_INSERT_HEAD(gpadl_bucket(srv, g->handle), g, link);
	/* header_check() knows the relid. */
	LIST_INSERT_HEAD(&srv->slot[g->relid].gpadls, g, of_slot);
	return g;
}

void gpadl_on_header(struct vmbus_server *srv, const void *msg, size_t len)
{
	const struct vmb_gpadl_header *m = msg;
	const struct vmbus_chan *ch = relid_chan(srv, m->relid);
	const char *wrong;
	struct gpadl *g = NULL;

	/* Rescinded: the child finds out by itself; nothing is kept. */
	if (ch ? ch->revoked : relid_quarantined(srv, m->relid)) {
		created_answer(srv, m->relid, m->gpadl, VMB_STATUS_OK);
		return;
	}
	wrong = header_check(srv, m);
	if (!wrong) {
		g = gpadl_create(srv, m);
		if (!g)
			wrong = "no memory";
	}
	if (wrong) {
		server_bad(srv, "GPADL_HEADER %#x of relid %u: %s", m->gpadl,
			   m->relid, wrong);
		created_answer(srv, m->relid, m->gpadl, VMB_STATUS_FAILED);
		return;
	}
	gpadl_append(srv, g, (const uint8_t *)(m + 1), len - sizeof(*m));
}

void gpadl_on_body(struct vmbus_server *srv, const void *msg, size_t len)
{
	const struct vmb_gpadl_body *m = msg;
	struct gpadl *g = gpadl_find(srv, m->gpadl);

	if (!g || g->state != GPADL_UNFINISHED)
		server_bad(srv, "GPADL_BODY: handle %#x is not waiting for one",
			   m->gpadl);
	else
		gpadl_append(srv, g, (const uint8_t *)(m + 1),
			     len - sizeof(*m));
}

/* May the VSP still be at work on it? */
static bool gpadl_in_use(struct vmbus_server *srv, const struct gpadl *g)
{
	const struct vmbus_chan *ch = relid_chan(srv, g->relid);

	return !LIST_EMPTY(&g->holds) || (ch && (ch->state == CHAN_CLOSING ||
						 (chan_busy(ch) && g->ring)));
}

void gpadl_on_teardown(struct vmbus_server *srv, const void *msg, size_t len)
{
	const struct vmb_gpadl_teardown *m = msg;
	struct gpadl *g = gpadl_find(srv, m->gpadl);
	const struct vmbus_chan *ch;

	if (!g) {
		if (!relid_quarantined(srv, m->relid))
			server_bad(srv, "GPADL_TEARDOWN: handle %#x unknown",
				   m->gpadl);
		torndown_answer(srv, m->gpadl);
		return;
	}
	if (g->relid != m->relid) {
		/* No answer: it would give the other channel's pages back. */
		server_bad(srv, "GPADL_TEARDOWN %#x: of relid %u, not %u",
			   m->gpadl, g->relid, m->relid);
		return;
	}
	ch = relid_chan(srv, g->relid);
	if (gpadl_in_use(srv, g)) {
		if (g->ring && ch && ch->state == CHAN_OPEN)
			server_bad(srv,
				   "GPADL_TEARDOWN %#x: relid %u is open on it",
				   m->gpadl, m->relid);
		if (g->state == GPADL_LIVE)
			g->state = GPADL_TEARING;
		/* An unfinished one is nobody's yet. */
		if (g->state == GPADL_TEARING)
			return;
	}
	gpadl_free(srv, g);
	torndown_answer(srv, m->gpadl);
}

/* ---- ends ---- */

void gpadl_released(struct vmbus_server *srv, struct gpadl *g)
{
	uint32_t handle = g->handle;

	if (g->state != GPADL_TEARING || gpadl_in_use(srv, g))
		return;
	gpadl_free(srv, g);
	torndown_answer(srv, handle);
}

void gpadl_chan_closed(struct vmbus_server *srv, uint32_t relid)
{
	struct gpadl *g, *next;

	for (g = LIST_FIRST(&srv->slot[relid].gpadls); g; g = next) {
		next = LIST_NEXT(g, of_slot);
		gpadl_released(srv, g);
	}
}

void gpadl_chan_rescinded(struct vmbus_server *srv, uint32_t relid)
{
	struct gpadl *g, *next;
	uint32_t handle;

	for (g = LIST_FIRST(&srv->slot[relid].gpadls); g; g = next) {
		next = LIST_NEXT(g, of_slot);
		if (g->state != GPADL_UNFINISHED)
			continue;
		handle = g->handle;
		gpadl_free(srv, g);
		created_answer(srv, relid, handle, VMB_STATUS_FAILED);
	}
}

static void gpadl_drop_of(struct vmbus_server *srv, uint32_t relid)
{
	struct gpadl *g;

	while ((g = LIST_FIRST(&srv->slot[relid].gpadls)))
		gpadl_free(srv, g);
}

void gpadl_drop(struct vmbus_server *srv, uint32_t relid)
{
	if (relid) {
		gpadl_drop_of(srv, relid);
		return;
	}
	for (relid = 1; relid < VMB_RELIDS; relid++)
		gpadl_drop_of(srv, relid);
}

int gpadl_pages(struct vmbus_server *srv, const struct gpadl *g,
		uint8_t ***page, uint32_t *npages)
{
	struct vmb_gpa_range range;
	uint8_t **list;
	uint64_t pfn;
	uint32_t i, n;

	memcpy(&range, g->ranges, sizeof(range));
	if (g->range_count != 1 || range.offset || range.len % MEM_PAGE_SIZE)
		return -EINVAL;
	n = range.len / MEM_PAGE_SIZE;
	list = calloc(n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		memcpy(&pfn, g->ranges + sizeof(range) + i * sizeof(pfn),
		       sizeof(pfn));
		/* Checked when the GPADL was made, and regions do not go away. */
		list[i] = mem_ptr(srv->mem, pfn * MEM_PAGE_SIZE, MEM_PAGE_SIZE);
	}
	*page = list;
	*npages = n;
	return 0;
}
