// SPDX-License-Identifier: GPL-2.0
/*
 * Synthetic Fibre Channel: the adapter's world wide names in sysfs, and a
 * remote port that stands for the host. Data paths are those of SCSI.
 */
#include <scsi/scsi_transport_fc.h>

#include "storvsc_var.h"

#if IS_ENABLED(CONFIG_SCSI_FC_ATTRS)

static struct scsi_transport_template *fc_template;

static struct fc_function_template fc_functions = {
	.show_host_node_name = 1,
	.show_host_port_name = 1,
};

int storvsc_fc_init(void)
{
	fc_template = fc_attach_transport(&fc_functions);
	return fc_template ? 0 : -ENODEV;
}

void storvsc_fc_exit(void)
{
	fc_release_transport(fc_template);
}

/* Before scsi_add_host(). */
void storvsc_fc_host_init(struct storvsc_host *sh)
{
	if (sh->kind == STORVSC_FC)
		sh->shost->transportt = fc_template;
}

/* After scsi_add_host(). */
int storvsc_fc_host_add(struct storvsc_host *sh)
{
	struct fc_rport_identifiers ids = {
		.roles = FC_PORT_ROLE_FCP_DUMMY_INITIATOR,
	};
	const struct stor_wwn *wwn = &sh->wwn;
	bool primary = wwn->primary_active;

	if (sh->kind != STORVSC_FC)
		return 0;
	fc_host_node_name(sh->shost) =
		wwn_to_u64(primary ? wwn->primary_node :
					     wwn->secondary_node);
	fc_host_port_name(sh->shost) =
		wwn_to_u64(primary ? wwn->primary_port :
					     wwn->secondary_port);
	sh->rport = fc_remote_port_add(sh->shost, 0, &ids);
	return sh->rport ? 0 : -ENOMEM;
}

/* Before scsi_remove_host(). */
void storvsc_fc_host_remove(struct storvsc_host *sh)
{
	if (sh->kind != STORVSC_FC)
		return;
	if (sh->rport)
		fc_remote_port_delete(sh->rport);
	fc_remove_host(sh->shost);
}

#endif
