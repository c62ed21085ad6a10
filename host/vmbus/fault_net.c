// SPDX-License-Identifier: GPL-2.0
/*
 * Faults of network channels: what a transfer packet says of the receive
 * buffer, what an RNDIS message there says of itself, and what NVSP answers
 * claim.  Of a packet with several ranges the first is spoilt, so that the frames
 * of the others tell whether they still arrive.
 */
#include <string.h>

#include "fault_var.h"
#include "hv/nvs_reg.h"
#include "hv/ring_reg.h"
#include "hv/rndis_reg.h"

#define VF_SERIAL 1u

/* ---- transfer packets ---- */

struct xfer {
	uint16_t set;
	uint8_t sender_owns, reserved;
	uint32_t range_count;
	struct ring_xfer_range range[];
};

static bool is_transfer(const struct ring_out *out)
{
	return out->desc.type == RING_PKT_XFER_PAGES &&
	       out->header_len >=
		       sizeof(struct xfer) + sizeof(struct ring_xfer_range) &&
	       out->header_len <= FAULT_HEADER_MAX &&
	       out->data_len <= FAULT_DATA_MAX;
}

static bool fits_transfer(struct vmbus_chan *ch, const struct ring_out *out)
{
	return is_transfer(out);
}

static struct xfer *own_header(struct vmbus_chan *ch, struct ring_out *out)
{
	struct xfer *x = (struct xfer *)ch->fault->header;

	/* Another fault may have made it our own before. */
	if (out->header != x)
		memcpy(x, out->header, out->header_len);
	out->header = x;
	return x;
}

static void pageset(struct vmbus_chan *ch, const struct fault_rule *rule,
		    struct ring_out *out)
{
	own_header(ch, out)->set ^= 0x5a5a;
}

static void range_count(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	own_header(ch, out)->range_count = UINT32_MAX;
}

static void range_offset(struct vmbus_chan *ch, const struct fault_rule *rule,
			 struct ring_out *out)
{
	own_header(ch, out)->range[0].offset = 0x7ffffff0;
}

/* The sum of both wraps. */
static void range_length(struct vmbus_chan *ch, const struct fault_rule *rule,
			 struct ring_out *out)
{
	struct xfer *x = own_header(ch, out);

	x->range[0].len = -x->range[0].offset;
}

static void range_short(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	own_header(ch, out)->range[0].len = 7;
}

/* ---- RNDIS messages in the receive buffer ---- */

/*
 * The first range's `least` bytes, if they are in one piece and that large, and
 * all of its length in *len.
 */
static void *content(struct vmbus_chan *ch, const struct ring_out *out,
		     uint32_t least, uint32_t *len)
{
	const struct xfer *x = out->header;
	struct iovec iov[1];

	if (!is_transfer(out) || !ch->fault->buffer || x->range[0].len < least)
		return NULL;
	*len = x->range[0].len;
	if (vmbus_buffer_iov(ch->fault->buffer, x->range[0].offset, least, iov,
			     1) != 1)
		return NULL;
	return iov[0].iov_base;
}

/* A frame, with its first piece of per-packet information. */
struct frame {
	struct rndis_packet p;
	struct rndis_ppi ppi;
	uint32_t value;
};

static struct frame *frame(struct vmbus_chan *ch, const struct ring_out *out)
{
	uint32_t len;
	struct frame *f = content(ch, out, sizeof(*f), &len);

	if (!f || f->p.type != RNDIS_PACKET ||
	    f->p.ppi_offset != RNDIS_PACKET_PPI_OFFSET ||
	    f->p.ppi_len < sizeof(f->ppi) + sizeof(f->value))
		return NULL;
	return f;
}

static bool fits_frame(struct vmbus_chan *ch, const struct ring_out *out)
{
	return frame(ch, out);
}

#define FRAME_LIE(name, field, lie)                                            \
	static void name(struct vmbus_chan *ch, const struct fault_rule *rule, \
			 struct ring_out *out)                                 \
	{                                                                      \
		struct frame *f = frame(ch, out);                              \
                                                                               \
		if (f)                                                         \
			f->field = lie;                                        \
	}

FRAME_LIE(rndis_type, p.type, 0x77777777)
FRAME_LIE(rndis_length, p.len, UINT32_MAX)
FRAME_LIE(rndis_short, p.len, RNDIS_OFFSET_BASE)
FRAME_LIE(data_offset, p.data_offset, UINT32_MAX - RNDIS_OFFSET_BASE + 1)
FRAME_LIE(data_length, p.data_len, UINT32_MAX)
FRAME_LIE(data_short, p.data_len, 13)
FRAME_LIE(ppi_offset, p.ppi_offset, UINT32_MAX)
FRAME_LIE(ppi_length, p.ppi_len, UINT32_MAX)
/* A chain that goes on at the same place for ever. */
FRAME_LIE(ppi_loop, ppi.size, 0)
FRAME_LIE(ppi_size, ppi.size, 0x7ffffff0)
FRAME_LIE(ppi_value, ppi.offset, UINT32_MAX)

/* Of a coalesced frame whose start never came. */
static void rsc_middle(struct vmbus_chan *ch, const struct fault_rule *rule,
		       struct ring_out *out)
{
	struct frame *f = frame(ch, out);
	struct rndis_packet_id id = { .version = RNDIS_PACKET_ID_VERSION,
				      .flags = RNDIS_PACKET_ID_FRAGMENT |
					       RNDIS_PACKET_ID_LAST };

	if (!f)
		return;
	f->ppi.type = RNDIS_PPI_PACKET_ID;
	memcpy(&f->value, &id, sizeof(f->value));
}

/* Of one that has no end. */
static void rsc_open(struct vmbus_chan *ch, const struct fault_rule *rule,
		     struct ring_out *out)
{
	struct frame *f = frame(ch, out);
	struct rndis_packet_id id = { .version = RNDIS_PACKET_ID_VERSION,
				      .flags = RNDIS_PACKET_ID_FRAGMENT |
					       RNDIS_PACKET_ID_FIRST };

	if (!f)
		return;
	f->ppi.type = RNDIS_PPI_PACKET_ID;
	memcpy(&f->value, &id, sizeof(f->value));
}

/* An answer to a query, which has a value. */
static struct rndis_query_c *query_c(struct vmbus_chan *ch,
				     const struct ring_out *out)
{
	uint32_t len;
	struct rndis_query_c *a = content(ch, out, sizeof(*a) + 4, &len);

	return a && a->type == RNDIS_QUERY_C && a->info_len ? a : NULL;
}

static bool fits_query(struct vmbus_chan *ch, const struct ring_out *out)
{
	return query_c(ch, out);
}

static void answer_id(struct vmbus_chan *ch, const struct fault_rule *rule,
		      struct ring_out *out)
{
	query_c(ch, out)->request ^= 0x5a000000;
}

static void answer_length(struct vmbus_chan *ch, const struct fault_rule *rule,
			  struct ring_out *out)
{
	query_c(ch, out)->info_len = UINT32_MAX;
}

static void answer_offset(struct vmbus_chan *ch, const struct fault_rule *rule,
			  struct ring_out *out)
{
	query_c(ch, out)->info_offset = UINT32_MAX - 3;
}

/* An answer to a query, or to the setting of something. */
static bool fits_control(struct vmbus_chan *ch, const struct ring_out *out)
{
	uint32_t len;
	const struct rndis_set_c *a = content(ch, out, sizeof(*a), &len);

	return a && !ch->fault->late_left &&
	       (a->type == RNDIS_QUERY_C || a->type == RNDIS_SET_C);
}

/* An answer that something has been set. */
static bool fits_set(struct vmbus_chan *ch, const struct ring_out *out)
{
	uint32_t len;
	const struct rndis_set_c *a = content(ch, out, sizeof(*a), &len);

	return a && a->type == RNDIS_SET_C && a->status == RNDIS_STATUS_SUCCESS;
}

static void set_refused(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	uint32_t len;
	struct rndis_set_c *a = content(ch, out, sizeof(*a), &len);

	if (a)
		a->status = RNDIS_STATUS_FAILURE;
}

static void answer_lost(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	ch->fault->withheld = true;
}

/* The section that it lies in is lent meanwhile, so that it stays what it is. */
static void answer_late(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	struct chan_fault *f = ch->fault;

	memcpy(f->late_header, out->header, out->header_len);
	memcpy(f->late_data, out->data, out->data_len);
	f->late = *out;
	f->late.header = f->late_header;
	f->late.data = f->late_data;
	f->late_left = rule->times;
	f->withheld = true;
}

/* ---- NVSP answers ---- */

static bool is_answer(const struct ring_out *out, uint32_t type)
{
	uint32_t is;

	if (out->desc.type != RING_PKT_COMPLETION ||
	    out->data_len < NVS_LEN_SEND_BUF_DONE ||
	    out->data_len > FAULT_DATA_MAX)
		return false;
	memcpy(&is, out->data, sizeof(is));
	return is == type;
}

static struct nvs_msg *own_answer(struct vmbus_chan *ch, struct ring_out *out)
{
	memcpy(ch->fault->data, out->data, out->data_len);
	out->data = ch->fault->data;
	return (struct nvs_msg *)ch->fault->data;
}

static bool fits_recv_buf(struct vmbus_chan *ch, const struct ring_out *out)
{
	return is_answer(out, NVS_RECV_BUF_DONE) &&
	       out->data_len >= NVS_LEN_RECV_BUF_DONE;
}

static bool fits_send_buf(struct vmbus_chan *ch, const struct ring_out *out)
{
	return is_answer(out, NVS_SEND_BUF_DONE);
}

static bool fits_subchannel(struct vmbus_chan *ch, const struct ring_out *out)
{
	return is_answer(out, NVS_SUBCHANNEL);
}

static void recv_sections(struct vmbus_chan *ch, const struct fault_rule *rule,
			  struct ring_out *out)
{
	struct nvs_section *s = &own_answer(ch, out)->u.recv_buf_done.section;

	s->count = UINT32_MAX;
}

static void recv_section_size(struct vmbus_chan *ch,
			      const struct fault_rule *rule,
			      struct ring_out *out)
{
	own_answer(ch, out)->u.recv_buf_done.section.size = 0;
}

static void send_section_zero(struct vmbus_chan *ch,
			      const struct fault_rule *rule,
			      struct ring_out *out)
{
	own_answer(ch, out)->u.send_buf_done.section_size = 0;
}

static void send_section_huge(struct vmbus_chan *ch,
			      const struct fault_rule *rule,
			      struct ring_out *out)
{
	own_answer(ch, out)->u.send_buf_done.section_size = 0x7ffffff0;
}

static void subchannels(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	own_answer(ch, out)->u.subchannel_done.count = UINT32_MAX;
}

/* ---- one more message, unasked ---- */

static void send_table(struct vmbus_chan *ch, uint32_t count, uint32_t offset,
		       uint32_t entry)
{
	struct nvs_send_table_msg msg = { .type = NVS_SEND_TABLE,
					  .count = count,
					  .offset = offset };
	struct ring_out extra = { .desc.type = RING_PKT_INBAND,
				  .data = &msg,
				  .data_len = sizeof(msg) };
	unsigned int i;

	for (i = 0; i < NVS_SEND_TABLE_COUNT; i++)
		msg.table[i] = entry;
	fault_send_extra(ch, &extra);
}

static void table_count(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	send_table(ch, UINT32_MAX, NVS_SEND_TABLE_OFFSET, 0);
}

static void table_offset(struct vmbus_chan *ch, const struct fault_rule *rule,
			 struct ring_out *out)
{
	send_table(ch, NVS_SEND_TABLE_COUNT, UINT32_MAX - 3, 0);
}

static void table_entry(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	send_table(ch, NVS_SEND_TABLE_COUNT, NVS_SEND_TABLE_OFFSET, UINT32_MAX);
}

/* A VF comes, or goes, that no card of ours has. */
static void association(struct vmbus_chan *ch, uint32_t allocated)
{
	struct nvs_msg msg = { .type = NVS_VF_ASSOCIATION };
	struct ring_out extra = { .desc.type = RING_PKT_INBAND,
				  .data = &msg,
				  .data_len = sizeof(msg) };

	msg.u.vf_association.allocated = allocated;
	msg.u.vf_association.serial = VF_SERIAL;
	fault_send_extra(ch, &extra);
}

static void vf_added(struct vmbus_chan *ch, const struct fault_rule *rule,
		     struct ring_out *out)
{
	association(ch, 1);
}

static void vf_removed(struct vmbus_chan *ch, const struct fault_rule *rule,
		       struct ring_out *out)
{
	association(ch, 0);
}

const struct fault_kind fault_net_kinds[] = {
	{ "pageset", 0, fits_transfer, pageset, NULL },
	{ "range-count", 0, fits_transfer, range_count, NULL },
	{ "range-offset", 0, fits_transfer, range_offset, NULL },
	{ "range-length", 0, fits_transfer, range_length, NULL },
	{ "range-short", 0, fits_transfer, range_short, NULL },
	{ "rndis-type", 0, fits_frame, rndis_type, NULL },
	{ "rndis-length", 0, fits_frame, rndis_length, NULL },
	{ "rndis-short", 0, fits_frame, rndis_short, NULL },
	{ "data-offset", 0, fits_frame, data_offset, NULL },
	{ "data-length", 0, fits_frame, data_length, NULL },
	{ "data-short", 0, fits_frame, data_short, NULL },
	{ "ppi-offset", 0, fits_frame, ppi_offset, NULL },
	{ "ppi-length", 0, fits_frame, ppi_length, NULL },
	{ "ppi-loop", 0, fits_frame, ppi_loop, NULL },
	{ "ppi-size", 0, fits_frame, ppi_size, NULL },
	{ "ppi-value", 0, fits_frame, ppi_value, NULL },
	{ "rsc-middle", 0, fits_frame, rsc_middle, NULL },
	{ "rsc-open", 0, fits_frame, rsc_open, NULL },
	{ "answer-id", 0, fits_query, answer_id, NULL },
	{ "answer-length", 0, fits_query, answer_length, NULL },
	{ "answer-offset", 0, fits_query, answer_offset, NULL },
	{ "set-refused", 0, fits_set, set_refused, NULL },
	{ "answer-lost", 0, fits_control, answer_lost, NULL },
	{ "answer-late", 1, fits_control, answer_late, NULL },
	{ "recv-sections", 0, fits_recv_buf, recv_sections, NULL },
	{ "recv-section-size", 0, fits_recv_buf, recv_section_size, NULL },
	{ "send-section-zero", 0, fits_send_buf, send_section_zero, NULL },
	{ "send-section-huge", 0, fits_send_buf, send_section_huge, NULL },
	{ "subchannels", 0, fits_subchannel, subchannels, NULL },
	{ "vf-added", 0, fits_transfer, vf_added, NULL },
	{ "vf-removed", 0, fits_transfer, vf_removed, NULL },
	{ "table-count", 0, fits_transfer, table_count, NULL },
	{ "table-offset", 0, fits_transfer, table_offset, NULL },
	{ "table-entry", 0, fits_transfer, table_entry, NULL },
};
const unsigned int fault_nnet_kinds =
	sizeof(fault_net_kinds) / sizeof(fault_net_kinds[0]);

void vmbus_fault_buffer(struct vmbus_chan *ch, const struct vmbus_buffer *b)
{
	if (ch->fault)
		ch->fault->buffer = b;
}
