// SPDX-License-Identifier: GPL-2.0
/*
 * The fault filter of a channel.  A packet that is to be hit leaves changed, or
 * has something else sent before it; the private indices always tell the truth,
 * so that what comes after it is sound again.
 *
 * Faults happen only to packets for which the ring has room for two: so that one
 * which has to be sent again later is neither counted nor hit twice.
 */
#include <errno.h>
#include <stdlib.h>

#include "fault_var.h"
#include "hv/stor_reg.h"

#define LIE_BEYOND	0x80000000u /* above any ring's size */
#define LIE_UNALIGNED	4u
#define TYPE_UNKNOWN	0x1234
#define ID_UNKNOWN	0x5a5a5a5a00000000ull

#define UNIT_ATTENTION	0x06
#define ABORTED_COMMAND 0x0b
#define CHECK_CONDITION 0x02
#define FIXED_SENSE	18

static bool fits_any(struct vmbus_chan *ch, const struct ring_out *out)
{
	return out->data_len <= FAULT_DATA_MAX;
}

/* The answer to a SCSI request that went well. */
static bool fits_answer(struct vmbus_chan *ch, const struct ring_out *out)
{
	struct stor_pkt pkt;

	if (out->desc.type != RING_PKT_COMPLETION ||
	    out->data_len != sizeof(pkt))
		return false;
	memcpy(&pkt, out->data, sizeof(pkt));
	return pkt.op == STOR_OP_COMPLETE_IO &&
	       pkt.u.srb.length == sizeof(pkt.u.srb) &&
	       pkt.u.srb.srb_status == STOR_SRB_SUCCESS;
}

/* ---- indices: of what is published next, until the packet after it ---- */

static void write_index(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	ch->to_child.lie = LIE_BEYOND;
}

static void write_unaligned(struct vmbus_chan *ch,
			    const struct fault_rule *rule, struct ring_out *out)
{
	ch->to_child.lie = LIE_UNALIGNED;
}

static void read_index(struct vmbus_chan *ch, const struct fault_rule *rule,
		       struct ring_out *out)
{
	ch->from_child.lie = LIE_BEYOND;
}

static void read_unaligned(struct vmbus_chan *ch, const struct fault_rule *rule,
			   struct ring_out *out)
{
	ch->from_child.lie = LIE_UNALIGNED;
}

/* ---- the packet's descriptor ---- */

static void length_zero(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	out->desc.len8 = 0;
}

static void length_huge(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	out->desc.len8 = UINT16_MAX;
}

static void offset_huge(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	out->desc.offset8 = out->desc.len8 + 1;
}

/* ---- one more packet before it ---- */

void fault_send_extra(struct vmbus_chan *ch, struct ring_out *extra)
{
	if (ring_frame(extra) || ring_send(ch, extra))
		log_limited(LOG_LEVEL_ERR, &ch->limit, ch->name,
			    "fault: the additional packet is lost");
}

static void extra_type(struct vmbus_chan *ch, const struct fault_rule *rule,
		       struct ring_out *out)
{
	struct ring_out extra = *out;

	extra.desc.type = TYPE_UNKNOWN;
	fault_send_extra(ch, &extra);
}

static void extra_id(struct vmbus_chan *ch, const struct fault_rule *rule,
		     struct ring_out *out)
{
	struct ring_out extra = *out;

	extra.desc.transaction ^= ID_UNKNOWN;
	fault_send_extra(ch, &extra);
}

static void repeat(struct vmbus_chan *ch, const struct fault_rule *rule,
		   struct ring_out *out)
{
	struct ring_out extra = *out;

	fault_send_extra(ch, &extra);
}

/* Of the same id, and cut within its first field. */
static void extra_short(struct vmbus_chan *ch, const struct fault_rule *rule,
			struct ring_out *out)
{
	struct ring_out extra = *out;

	extra.header_len = 0;
	extra.data_len = out->data_len < 8 ? 0 : 8;
	fault_send_extra(ch, &extra);
}

/* Of the same id; what devices of several kinds have there is an operation. */
static void extra_op(struct vmbus_chan *ch, const struct fault_rule *rule,
		     struct ring_out *out)
{
	uint8_t data[FAULT_DATA_MAX];
	struct ring_out extra = *out;

	memcpy(data, out->data, out->data_len);
	memset(data, 0x77, out->data_len < 4 ? out->data_len : 4);
	extra.data = data;
	fault_send_extra(ch, &extra);
}

/* ---- many more after it ---- */

static void owe(struct vmbus_chan *ch, const struct fault_rule *rule,
		const struct ring_out *out)
{
	struct chan_fault *f = ch->fault;

	f->flood = *out;
	memcpy(f->flood_data, out->data, out->data_len);
	f->flood.data = f->flood_data;
	f->flood.header_len = 0;
	f->owed = ring_frame(&f->flood) ? 0 : rule->times;
}

static void flood(struct vmbus_chan *ch, const struct fault_rule *rule,
		  struct ring_out *out)
{
	owe(ch, rule, out);
}

/* "Look what disks there are", unasked. */
static void enumerate(struct vmbus_chan *ch, const struct fault_rule *rule,
		      struct ring_out *out)
{
	struct stor_pkt pkt = { .op = STOR_OP_ENUMERATE_BUS };
	struct ring_out note = {
		.desc.type = RING_PKT_INBAND,
		.data = &pkt,
		.data_len = sizeof(pkt),
	};

	owe(ch, rule, &note);
}

/* ---- what an answer claims ---- */

static struct stor_srb *own_answer(struct vmbus_chan *ch, struct ring_out *out)
{
	struct stor_pkt *pkt = (struct stor_pkt *)ch->fault->data;

	memcpy(pkt, out->data, sizeof(*pkt));
	out->data = pkt;
	return &pkt->u.srb;
}

static void transfer(struct vmbus_chan *ch, const struct fault_rule *rule,
		     struct ring_out *out)
{
	own_answer(ch, out)->transfer_length = 0x7ffffff0;
}

/* Fixed format; the command is worth another try, if that can be believed. */
static void sense(struct vmbus_chan *ch, const struct fault_rule *rule,
		  struct ring_out *out)
{
	struct stor_srb *srb = own_answer(ch, out);

	srb->srb_status = STOR_SRB_ERROR | STOR_SRB_AUTOSENSE;
	srb->scsi_status = CHECK_CONDITION;
	srb->transfer_length = 0;
	srb->sense_length = 0xff;
	memset(srb->u.sense, 0, sizeof(srb->u.sense));
	srb->u.sense[0] = 0x70;
	srb->u.sense[2] = ABORTED_COMMAND;
	srb->u.sense[7] = 0xff;
}

/* A sound refusal, with this sense in fixed format. */
static void refuse(struct vmbus_chan *ch, struct ring_out *out, uint8_t key,
		   uint8_t asc, uint8_t ascq)
{
	struct stor_srb *srb = own_answer(ch, out);

	srb->srb_status = STOR_SRB_ERROR | STOR_SRB_AUTOSENSE;
	srb->scsi_status = CHECK_CONDITION;
	srb->transfer_length = 0;
	srb->sense_length = FIXED_SENSE;
	memset(srb->u.sense, 0, sizeof(srb->u.sense));
	srb->u.sense[0] = 0x70;
	srb->u.sense[2] = key;
	srb->u.sense[7] = FIXED_SENSE - 8;
	srb->u.sense[12] = asc;
	srb->u.sense[13] = ascq;
}

static void capacity(struct vmbus_chan *ch, const struct fault_rule *rule,
		     struct ring_out *out)
{
	refuse(ch, out, UNIT_ATTENTION, 0x2a, 0x09);
}

static void parameters(struct vmbus_chan *ch, const struct fault_rule *rule,
		       struct ring_out *out)
{
	refuse(ch, out, UNIT_ATTENTION, 0x3f, 0x02);
}

/* One without sense. */
static void bare(struct vmbus_chan *ch, struct ring_out *out,
		 uint8_t srb_status, uint8_t scsi_status)
{
	struct stor_srb *srb = own_answer(ch, out);

	srb->srb_status = srb_status;
	srb->scsi_status = scsi_status;
	srb->transfer_length = 0;
	srb->sense_length = 0;
}

static void selection(struct vmbus_chan *ch, const struct fault_rule *rule,
		      struct ring_out *out)
{
	bare(ch, out, STOR_SRB_SELECTION_TIMEOUT, 0);
}

static void no_lun(struct vmbus_chan *ch, const struct fault_rule *rule,
		   struct ring_out *out)
{
	bare(ch, out, STOR_SRB_INVALID_LUN, CHECK_CONDITION);
}

const struct fault_kind fault_packet_kinds[] = {
	{ "write-index", 0, fits_any, write_index, NULL },
	{ "write-unaligned", 0, fits_any, write_unaligned, NULL },
	{ "read-index", 0, fits_any, read_index, NULL },
	{ "read-unaligned", 0, fits_any, read_unaligned, NULL },
	{ "length-zero", 0, fits_any, length_zero, NULL },
	{ "length-huge", 0, fits_any, length_huge, NULL },
	{ "offset", 0, fits_any, offset_huge, NULL },
	{ "type", 0, fits_any, extra_type, NULL },
	{ "id", 0, fits_any, extra_id, NULL },
	{ "repeat", 0, fits_any, repeat, NULL },
	{ "short", 0, fits_any, extra_short, NULL },
	{ "op", 0, fits_any, extra_op, NULL },
	{ "flood", 1000, fits_any, flood, NULL },
	{ "enumerate", 1, fits_answer, enumerate, NULL },
	{ "transfer", 0, fits_answer, transfer, NULL },
	{ "sense", 0, fits_answer, sense, NULL },
	{ "capacity", 0, fits_answer, capacity, NULL },
	{ "parameters", 0, fits_answer, parameters, NULL },
	{ "selection", 0, fits_answer, selection, NULL },
	{ "no-lun", 0, fits_answer, no_lun, NULL },
	{ "silence", 0, fits_any, fault_silence_begin, NULL },
};
const unsigned int fault_npacket_kinds =
	sizeof(fault_packet_kinds) / sizeof(fault_packet_kinds[0]);

/* ---- the filter ---- */

int fault_chan_create(struct vmbus_chan *ch)
{
	struct vmbus_faults *faults = ch->srv->faults;
	struct fault_rule *rule = faults ? faults->rules : NULL;

	while (rule && strcmp(rule->target, ch->name))
		rule = rule->next;
	if (!rule)
		return 0;
	ch->fault = calloc(1, sizeof(*ch->fault));
	if (!ch->fault)
		return -ENOMEM;
	ch->fault->rules = rule;
	return 0;
}

void fault_chan_free(struct vmbus_chan *ch)
{
	if (ch->fault)
		fault_silence_free(ch->fault->silence);
	free(ch->fault);
	ch->fault = NULL;
}

void fault_chan_open(struct vmbus_chan *ch)
{
	if (!ch->fault)
		return;
	ch->fault->owed = 0;
	ch->fault->late_left = 0;
	ch->fault->buffer = NULL;
}

/* A packet has been sent: the one that is late may be due. */
static void send_late(struct vmbus_chan *ch)
{
	struct chan_fault *f = ch->fault;

	if (!f->late_left || --f->late_left)
		return;
	if (ring_room(ch, f->late.len))
		f->late_left = 1;
	else
		ring_send(ch, &f->late);
}

void fault_pump(struct vmbus_chan *ch)
{
	struct chan_fault *f = ch->fault;
	int err = 0;

	/* A full ring has us flushed from within. */
	if (!f->owed || f->busy)
		return;
	f->busy = true;
	while (f->owed && !err) {
		err = ring_send(ch, &f->flood);
		if (!err)
			f->owed--;
	}
	/* Room will come, and a flush with it. */
	if (err != -EAGAIN)
		f->owed = 0;
	f->busy = false;
}

int fault_send(struct vmbus_chan *ch, struct ring_out *out)
{
	struct chan_fault *f = ch->fault;
	struct fault_rule *rule;
	int err;

	if (ring_room(ch, 2 * out->len))
		return ring_send(ch, out);
	ch->to_child.lie = 0;
	ch->from_child.lie = 0;
	f->busy = true;
	for (rule = f->rules; rule; rule = rule->next) {
		if (strcmp(rule->target, ch->name) || !rule->kind->packet ||
		    !rule->kind->fits(ch, out) || !fault_due(rule))
			continue;
		atomic_fetch_add_explicit(&ch->srv->fault_count, 1,
					  memory_order_relaxed);
		log_guest(&f->limit, ch->name, "fault: %s", rule->kind->name);
		rule->kind->packet(ch, rule, out);
	}
	if (f->withheld) {
		f->withheld = false;
		err = 0;
	} else {
		err = ring_send(ch, out);
		if (!err)
			send_late(ch);
	}
	f->busy = false;
	return err;
}
