// SPDX-License-Identifier: GPL-2.0
/*
 * Version negotiation of the integration services (shutdown, heartbeat, time,
 * KVP, VSS, file copy): common to all their drivers, hence in the bus.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/module.h>

/*
 * First of @ours (newest first, major << 16 | minor) that is among the
 * @count versions of the root; 0 if none.
 */
static u32 common_version(const int *ours, int our_count,
			  const struct ic_version *theirs, u32 count)
{
	int i;
	u32 j;

	for (i = 0; i < our_count; i++)
		for (j = 0; j < count; j++)
			if (((u32)theirs[j].major << 16 | theirs[j].minor) ==
			    (u32)ours[i])
				return ours[i];
	return 0;
}

/**
 * vmbus_prep_negotiate_resp() - turn a NEGOTIATE request into its answer
 * @icmsghdrp: the message header, inside @buf
 * @buf: the packet, in private memory; rewritten in place
 * @buflen: its bytes
 * @fw_version: our framework versions, newest first
 * @fw_vercnt: their number
 * @srv_version: our versions of the service, newest first
 * @srv_vercnt: their number
 * @nego_fw_version: result, or NULL
 * @nego_srv_version: result, or NULL
 *
 * Return: true if there is a common version of both.  Otherwise the answer
 * says so with zero counts, and the results hold the root's counts.
 */
bool vmbus_prep_negotiate_resp(struct icmsg_hdr *icmsghdrp, u8 *buf,
			       u32 buflen, const int *fw_version,
			       int fw_vercnt, const int *srv_version,
			       int srv_vercnt, int *nego_fw_version,
			       int *nego_srv_version)
{
	struct icmsg_negotiate *nego;
	u32 fw_count, srv_count;
	u32 fw = 0, srv = 0;
	bool agreed;

	if (buflen < ICMSG_HDR + sizeof(*nego) + 2 * sizeof(struct ic_version)) {
		pr_err_ratelimited("negotiation of %u bytes is too short\n",
				   buflen);
		return false;
	}
	nego = (struct icmsg_negotiate *)(buf + ICMSG_HDR);
	fw_count = nego->icframe_vercnt;
	srv_count = nego->icmsg_vercnt;

	if (fw_count > IC_VERSION_NEGOTIATION_MAX_VER_COUNT ||
	    srv_count > IC_VERSION_NEGOTIATION_MAX_VER_COUNT ||
	    ICMSG_NEGOTIATE_PKT_SIZE(fw_count, srv_count) > buflen) {
		pr_err_ratelimited("negotiation lists %u + %u versions in %u bytes\n",
				   fw_count, srv_count, buflen);
	} else {
		fw = common_version(fw_version, fw_vercnt,
				    nego->icversion_data, fw_count);
		srv = common_version(srv_version, srv_vercnt,
				     nego->icversion_data + fw_count,
				     srv_count);
	}

	agreed = fw && srv;
	if (!agreed) {
		fw = fw ?: fw_count << 16;
		srv = srv_count << 16;
	}
	/* Bytes after the header: both counts, reserved, two versions. */
	icmsghdrp->icmsgsize = sizeof(*nego) + 2 * sizeof(struct ic_version);
	nego->icframe_vercnt = agreed;
	nego->icmsg_vercnt = agreed;
	nego->icversion_data[0].major = fw >> 16;
	nego->icversion_data[0].minor = fw;
	nego->icversion_data[1].major = srv >> 16;
	nego->icversion_data[1].minor = srv;

	if (nego_fw_version)
		*nego_fw_version = fw;
	if (nego_srv_version)
		*nego_srv_version = srv;
	return agreed;
}
EXPORT_SYMBOL_GPL(vmbus_prep_negotiate_resp);
