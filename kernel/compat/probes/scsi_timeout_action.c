// SPDX-License-Identifier: GPL-2.0
/* 6.2, dee7121e8c0a: eh_timed_out has a return type of its own */
#include <scsi/scsi_host.h>

enum scsi_timeout_action probe_timed_out(struct scsi_cmnd *cmd);

struct scsi_host_template probe_template = { .eh_timed_out = probe_timed_out };
