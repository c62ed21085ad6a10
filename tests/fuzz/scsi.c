// SPDX-License-Identifier: GPL-2.0
/*
 * The SCSI command set, given any CDB and any buffer.  Whatever comes: steps
 * stay on the disk, data in the buffer, and a failure has sense.
 *
 * links: vsp vmbus backend mem util
 */
#include <stdlib.h>
#include <string.h>

#include "vsp/scsi_var.h"

#define CHECK(cond)              \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static void check_steps(const struct scsi_lun *lun, const struct scsi_cmd *cmd)
{
	unsigned int i;

	CHECK(cmd->steps != cmd->own || cmd->nsteps <= 2);
	CHECK(cmd->nsteps && cmd->nsteps <= SCSI_UNMAP_DESCRIPTORS);
	for (i = 0; i < cmd->nsteps; i++) {
		const struct scsi_step *s = &cmd->steps[i];

		if (s->op == DISK_FLUSH)
			continue;
		CHECK(s->len && s->len % lun->info->block_size == 0);
		CHECK(s->offset % lun->info->block_size == 0);
		CHECK(s->offset <= lun->info->size &&
		      s->len <= lun->info->size - s->offset);
		if (s->op != DISK_READ)
			CHECK(!lun->info->readonly);
		if (s->verify)
			CHECK(s->op == DISK_READ &&
			      s->len <= SCSI_VERIFY_BYTES);
		if (s->compare)
			CHECK(s->verify && s->len <= cmd->len);
		if ((s->op == DISK_READ || s->op == DISK_WRITE) && !s->repeat &&
		    !s->verify)
			CHECK(s->len <= lun->max_transfer &&
			      s->len <= cmd->len);
		if (s->op == DISK_DISCARD)
			CHECK(lun->info->can_discard);
	}
}

static void run(struct scsi_lun *lun, uint64_t luns, const uint8_t *in,
		uint32_t len)
{
	uint32_t first = len / 3;
	/* Of exactly that size, so that the sanitiser sees a step too far. */
	uint8_t *a = malloc(first ? first : 1),
		*b = malloc(len - first ? len - first : 1);
	struct iovec iov[2] = { { a, first }, { b, len - first } };
	struct scsi_cmd cmd = {
		.cdb = in,
		.cdb_len = in[16] % 17,
		.direction = in[17] % 3,
		.iov = iov,
		.niov = 2,
		.len = len,
	};

	memcpy(a, in + 24, first);
	memcpy(b, in + 24 + first, len - first);
	switch (scsi_execute(lun, luns, &cmd)) {
	case SCSI_DISK:
		CHECK(lun && cmd.status == SCSI_GOOD);
		check_steps(lun, &cmd);
		scsi_disk_done(&cmd, &cmd.steps[0], -(int)in[18]);
		break;
	case SCSI_DONE:
		CHECK(!cmd.nsteps);
		break;
	case SCSI_NO_LUN:
		CHECK(!lun);
		break;
	}
	CHECK(cmd.transferred <= len);
	if (cmd.status == SCSI_CHECK_CONDITION)
		CHECK(cmd.key && !cmd.transferred);
	scsi_cmd_free(&cmd);
	free(a);
	free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t len)
{
	struct disk_info info = { 0 };
	struct scsi_lun lun = { .info = &info, .max_transfer = 1 << 20 };

	if (len < 24 || len > 16384)
		return 0;
	info.block_size = in[19] & 1 ? 512 : 4096;
	info.physical_block_size = 4096;
	info.readonly = in[19] & 2;
	info.can_discard = in[19] & 4 && !info.readonly;
	info.size = (1ull + in[20]) << (12 + in[21] % 40);
	info.discard_granularity = in[19] & 16 ? 4096 : 0;
	lun.write_back = in[19] & 8;
	lun.attention = in[22] & 3;
	run(in[19] & 32 ? NULL : &lun, 0x0101010101010101ull * in[23], in,
	    len - 24);
	return 0;
}
