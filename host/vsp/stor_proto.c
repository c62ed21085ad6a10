// SPDX-License-Identifier: GPL-2.0
/*
 * How a child sets up the controller, on its primary channel:
 *
 *	BEGIN_INIT, QUERY_VERSION until one is accepted, QUERY_PROPERTIES,
 *	END_INIT
 *
 * CREATE_SUB_CHANNELS comes before END_INIT from Windows, after it from Linux
 * and FreeBSD.  What comes out of order is refused and changes nothing.
 */
#include <string.h>

#include "storvsp_var.h"

void stor_proto_reset(struct stor_proto *p)
{
	p->state = STOR_NEW;
	p->version = 0;
	p->sub_channels = 0;
}

static bool version_known(uint16_t v)
{
	return v == STOR_VERSION_5_1 || v == STOR_VERSION_6_0 ||
	       v == STOR_VERSION_6_2;
}

static uint32_t query_version(struct stor_proto *p, const struct stor_pkt *in)
{
	uint16_t v = in->u.version.major_minor;

	if (p->state != STOR_BEGUN)
		return STOR_NT_INVALID_DEVICE_STATE;
	if (!version_known(v) || v > p->max_version)
		return STOR_NT_UNKNOWN_REVISION;
	p->version = v;
	p->state = STOR_VERSIONED;
	return STOR_NT_SUCCESS;
}

static uint32_t query_properties(struct stor_proto *p, struct stor_pkt *out)
{
	if (p->state != STOR_VERSIONED && p->state != STOR_DESCRIBED)
		return STOR_NT_INVALID_DEVICE_STATE;
	memset(&out->u, 0, sizeof(out->u));
	out->u.properties.max_sub_channels = p->max_sub_channels;
	out->u.properties.flags =
		p->max_sub_channels ? STOR_PROP_MULTI_CHANNEL : 0;
	out->u.properties.max_transfer = p->max_transfer;
	p->state = STOR_DESCRIBED;
	return STOR_NT_SUCCESS;
}

static uint32_t create_subs(struct stor_proto *p, const struct stor_pkt *in)
{
	uint16_t n = in->u.sub_channels;

	if ((p->state != STOR_DESCRIBED && p->state != STOR_READY) ||
	    p->sub_channels)
		return STOR_NT_INVALID_DEVICE_STATE;
	if (!n || n > p->max_sub_channels)
		return STOR_NT_INVALID_PARAMETER;
	p->sub_channels = n;
	return STOR_NT_SUCCESS;
}

static uint32_t expect(struct stor_proto *p, enum stor_state now,
		       enum stor_state next)
{
	if (p->state != now)
		return STOR_NT_INVALID_DEVICE_STATE;
	p->state = next;
	return STOR_NT_SUCCESS;
}

enum stor_action stor_proto_handle(struct stor_proto *p,
				   const struct stor_pkt *in,
				   struct stor_pkt *out)
{
	*out = *in;
	out->op = STOR_OP_COMPLETE_IO;
	out->flags = 0;
	switch (in->op) {
	case STOR_OP_BEGIN_INIT:
		out->status = expect(p, STOR_NEW, STOR_BEGUN);
		break;
	case STOR_OP_QUERY_VERSION:
		out->status = query_version(p, in);
		break;
	case STOR_OP_QUERY_PROPERTIES:
		out->status = query_properties(p, out);
		break;
	case STOR_OP_END_INIT:
		out->status = expect(p, STOR_DESCRIBED, STOR_READY);
		return out->status ? STOR_NOTHING : STOR_BECAME_READY;
	case STOR_OP_CREATE_SUBCHANNELS:
		out->status = create_subs(p, in);
		return out->status ? STOR_NOTHING : STOR_CREATE_SUBS;
	case STOR_OP_RESET_LUN:
	case STOR_OP_RESET_ADAPTER:
	case STOR_OP_RESET_BUS:
		/* Every request ends by itself: there is nothing to reset. */
		out->status = expect(p, STOR_READY, STOR_READY);
		break;
	case STOR_OP_FCHBA_DATA:
		/* Not a Fibre Channel adapter. */
		out->status = STOR_NT_INVALID_DEVICE_REQUEST;
		break;
	default:
		out->status = STOR_NT_INVALID_PARAMETER;
		break;
	}
	return STOR_NOTHING;
}
