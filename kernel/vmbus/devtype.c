// SPDX-License-Identifier: GPL-2.0
/* Known kinds of devices, by interface GUID. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "vmbus_var.h"

#include <linux/module.h>

/*
 * Indexed by enum vmbus_device_type; uio_hv_generic reads pref_ring_size
 * (bytes per ring, control page included).  perf: the channels are spread
 * over the CPUs.  isolated: allowed in a confidential VM, which hv_vmbus
 * leaves to the kernel's own driver anyway.
 */
#define DEVICE(type_, guid_, perf, isolated, ring) \
	{ \
		.dev_type = type_, \
		guid_, \
		.perf_device = perf, \
		.allowed_in_isolated = isolated, \
		.pref_ring_size = ring, \
	}

const struct vmbus_device vmbus_devs[] = {
	[HV_IDE] = DEVICE(HV_IDE, HV_IDE_GUID, true, false, 0),
	[HV_SCSI] = DEVICE(HV_SCSI, HV_SCSI_GUID, true, true, 0),
	[HV_FC] = DEVICE(HV_FC, HV_SYNTHFC_GUID, true, false, 0),
	[HV_NIC] = DEVICE(HV_NIC, HV_NIC_GUID, true, true, 0),
	[HV_ND] = DEVICE(HV_ND, HV_ND_GUID, true, false, 0),
	[HV_PCIE] = DEVICE(HV_PCIE, HV_PCIE_GUID, false, true, 0),
	[HV_FB] = DEVICE(HV_FB, HV_SYNTHVID_GUID, false, false, 0),
	[HV_KBD] = DEVICE(HV_KBD, HV_KBD_GUID, false, false, 0),
	[HV_MOUSE] = DEVICE(HV_MOUSE, HV_MOUSE_GUID, false, false, 0),
	[HV_KVP] = DEVICE(HV_KVP, HV_KVP_GUID, false, false, 0),
	[HV_TS] = DEVICE(HV_TS, HV_TS_GUID, false, true, 0),
	[HV_HB] = DEVICE(HV_HB, HV_HEART_BEAT_GUID, false, true, 0),
	[HV_SHUTDOWN] = DEVICE(HV_SHUTDOWN, HV_SHUTDOWN_GUID, false, true, 0),
	[HV_FCOPY] = DEVICE(HV_FCOPY, HV_FCOPY_GUID, false, false, 0x4000),
	[HV_BACKUP] = DEVICE(HV_BACKUP, HV_VSS_GUID, false, false, 0),
	[HV_DM] = DEVICE(HV_DM, HV_DM_GUID, false, false, 0),
	[HV_UNKNOWN] = {
		.dev_type = HV_UNKNOWN,
		.pref_ring_size = 0x11000,
	},
};
EXPORT_SYMBOL_GPL(vmbus_devs);

/* An enum vmbus_device_type; HV_UNKNOWN for what has no entry, and sockets. */
u16 vmb_device_type(const struct vmbus_channel *channel)
{
	const guid_t *type = &channel->offermsg.offer.if_type;
	u16 i;

	if (is_hvsock_channel(channel))
		return HV_UNKNOWN;
	for (i = 0; i < HV_UNKNOWN; i++)
		if (guid_equal(type, &vmbus_devs[i].guid))
			return i;
	return HV_UNKNOWN;
}
