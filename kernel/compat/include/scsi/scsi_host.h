/* SPDX-License-Identifier: GPL-2.0 */
/* What a time-out leads to: where the block layer's answers served for it. */
#ifndef COMPAT_SCSI_SCSI_HOST_H
#define COMPAT_SCSI_SCSI_HOST_H

#include <linux/blk-mq.h>
#include_next <scsi/scsi_host.h>

#ifndef COMPAT_HAVE_SCSI_TIMEOUT_ACTION
#define scsi_timeout_action blk_eh_timer_return
#define SCSI_EH_RESET_TIMER BLK_EH_RESET_TIMER
#define SCSI_EH_NOT_HANDLED BLK_EH_DONE
#endif

#endif
