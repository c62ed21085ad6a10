// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that touch the medium: from LBAs to steps on the disk.
 */
#include <errno.h>
#include <stdlib.h>

#include "scsi_var.h"

#define CDB_FUA	    0x08
#define CDB_PROTECT 0xe0 /* RDPROTECT, WRPROTECT, VRPROTECT */
#define CDB_BYTCHK  0x06
#define BYTCHK_DATA 0x02 /* compare all with the child's data */
#define CDB_ANCHOR  0x10
#define CDB_UNMAP   0x08
#define CDB_NDOB    0x01
#define CDB_STAMPED 0x06 /* obsolete: write the LBA into each block */

struct extent {
	uint64_t lba;
	uint64_t blocks;
};

/* The group code, bits 7 to 5 of the operation code, tells the CDB's format. */
static struct extent cdb_extent(const uint8_t *cdb)
{
	switch (cdb[0] >> 5) {
	case 0:
		return (struct extent){ (cdb[1] & 0x1fu) << 16 |
						get_be16(cdb + 2),
					cdb[4] ? cdb[4] : 256 };
	case 4:
		return (struct extent){ get_be64(cdb + 2), get_be32(cdb + 10) };
	case 5:
		return (struct extent){ get_be32(cdb + 2), get_be32(cdb + 6) };
	default:
		return (struct extent){ get_be32(cdb + 2), get_be16(cdb + 7) };
	}
}

static bool in_range(const struct scsi_lun *lun, struct extent e)
{
	uint64_t blocks = scsi_blocks(lun);

	return e.lba <= blocks && e.blocks <= blocks - e.lba;
}

static enum scsi_result out_of_range(struct scsi_cmd *cmd)
{
	return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST, ASC_LBA_RANGE);
}

static enum scsi_result invalid_field(struct scsi_cmd *cmd)
{
	return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST, ASC_INVALID_CDB_FIELD);
}

static enum scsi_result one_step(struct scsi_cmd *cmd, struct scsi_step step)
{
	cmd->own[0] = step;
	cmd->nsteps = 1;
	return SCSI_DISK;
}

static enum scsi_result and_then(struct scsi_cmd *cmd, struct scsi_step step)
{
	cmd->own[cmd->nsteps++] = step;
	return SCSI_DISK;
}

static bool write_through(const struct scsi_lun *lun)
{
	return !__atomic_load_n(&lun->write_back, __ATOMIC_RELAXED);
}

static enum scsi_result transfer(struct scsi_lun *lun, struct scsi_cmd *cmd,
				 bool write)
{
	struct extent e = cdb_extent(cmd->cdb);
	uint32_t bs = lun->info->block_size;
	bool six = cmd->cdb[0] < 0x20, fua;

	if (!six && cmd->cdb[1] & CDB_PROTECT)
		return invalid_field(cmd);
	if (!in_range(lun, e))
		return out_of_range(cmd);
	/* Not a product that could overflow: compare in blocks. */
	if (e.blocks > lun->max_transfer / bs)
		return invalid_field(cmd);
	if (!scsi_check_buffer(cmd, write ? SCSI_DATA_OUT : SCSI_DATA_IN,
			       e.blocks * bs))
		return SCSI_DONE;
	if (!e.blocks)
		return SCSI_DONE;
	fua = write && ((!six && cmd->cdb[1] & CDB_FUA) || write_through(lun));
	cmd->transferred = e.blocks * bs;
	return one_step(cmd, (struct scsi_step){ .op = write ? DISK_WRITE :
							       DISK_READ,
						 .fua = fua,
						 .offset = e.lba * bs,
						 .len = e.blocks * bs });
}

/* What is then read from these blocks is on the medium. */
static void clean_first(const struct scsi_lun *lun, struct scsi_cmd *cmd)
{
	if (!write_through(lun))
		and_then(cmd, (struct scsi_step){ .op = DISK_FLUSH });
}

enum scsi_result scsi_read(struct scsi_lun *lun, uint64_t luns,
			   struct scsi_cmd *cmd)
{
	bool fua = cmd->cdb[0] >= 0x20 && cmd->cdb[1] & CDB_FUA;
	enum scsi_result result = transfer(lun, cmd, false);
	struct scsi_step step;

	(void)luns;
	if (result != SCSI_DISK || !fua)
		return result;
	step = cmd->own[0];
	cmd->nsteps = 0;
	clean_first(lun, cmd);
	return and_then(cmd, step);
}

static struct scsi_step verify_step(const struct scsi_step *of, bool compare)
{
	return (struct scsi_step){ .op = DISK_READ,
				   .verify = true,
				   .compare = compare,
				   .offset = of->offset,
				   .len = of->len };
}

static bool is_write_verify(uint8_t op)
{
	return op == 0x2E || op == 0x8E || op == 0xAE;
}

enum scsi_result scsi_write(struct scsi_lun *lun, uint64_t luns,
			    struct scsi_cmd *cmd)
{
	enum scsi_result result;

	(void)luns;
	if (is_write_verify(cmd->cdb[0]) && cmd->cdb[1] & CDB_BYTCHK)
		return invalid_field(cmd);
	result = transfer(lun, cmd, true);
	if (result != SCSI_DISK || !is_write_verify(cmd->cdb[0]))
		return result;
	/* To be verified it must be on the medium. */
	cmd->own[0].fua = true;
	return and_then(cmd, verify_step(&cmd->own[0], false));
}

enum scsi_result scsi_verify(struct scsi_lun *lun, uint64_t luns,
			     struct scsi_cmd *cmd)
{
	struct extent e = cdb_extent(cmd->cdb);
	uint32_t bs = lun->info->block_size;
	bool compare = cmd->cdb[1] & CDB_BYTCHK;
	struct scsi_step all = { .offset = e.lba * bs, .len = e.blocks * bs };

	(void)luns;
	/* Comparing with one block of the child's again and again is not offered. */
	if (cmd->cdb[1] & CDB_PROTECT ||
	    (compare && (cmd->cdb[1] & CDB_BYTCHK) != BYTCHK_DATA))
		return invalid_field(cmd);
	if (!in_range(lun, e))
		return out_of_range(cmd);
	if (e.blocks > (compare ? lun->max_transfer : SCSI_VERIFY_BYTES) / bs)
		return invalid_field(cmd);
	if (compare && !scsi_check_buffer(cmd, SCSI_DATA_OUT, all.len))
		return SCSI_DONE;
	if (!e.blocks)
		return SCSI_DONE;
	if (compare)
		cmd->transferred = all.len;
	clean_first(lun, cmd);
	return and_then(cmd, verify_step(&all, compare));
}

enum scsi_result scsi_sync_cache(struct scsi_lun *lun, uint64_t luns,
				 struct scsi_cmd *cmd)
{
	(void)luns;
	if (!in_range(lun, cdb_extent(cmd->cdb)))
		return out_of_range(cmd);
	/* All of it: a range costs the same. */
	return one_step(cmd, (struct scsi_step){ .op = DISK_FLUSH });
}

static bool all_zero(const uint8_t *p, size_t len)
{
	return !p[0] && !memcmp(p, p + 1, len - 1);
}

enum scsi_result scsi_write_same(struct scsi_lun *lun, uint64_t luns,
				 struct scsi_cmd *cmd)
{
	struct extent e = cdb_extent(cmd->cdb);
	uint32_t bs = lun->info->block_size;
	bool ndob = cmd->cdb[0] == 0x93 && cmd->cdb[1] & CDB_NDOB;
	struct scsi_step step = { .fua = write_through(lun) };
	uint8_t block[4096];

	(void)luns;
	if (cmd->cdb[1] & (CDB_PROTECT | CDB_ANCHOR | CDB_STAMPED))
		return invalid_field(cmd);
	if (cmd->cdb[1] & CDB_UNMAP && !lun->info->can_discard)
		return invalid_field(cmd);
	if (!in_range(lun, e))
		return out_of_range(cmd);
	if (!e.blocks || e.blocks > SCSI_WRITE_SAME_BYTES / bs ||
	    bs > sizeof(block))
		return invalid_field(cmd);
	step.offset = e.lba * bs;
	step.len = e.blocks * bs;
	if (!ndob) {
		if (!scsi_param(cmd, 0, block, bs))
			return SCSI_DONE;
		cmd->copied = bs;
		cmd->transferred = bs;
	}
	if (!ndob && !all_zero(block, bs)) {
		step.op = DISK_WRITE;
		step.repeat = true;
	} else if (cmd->cdb[1] & CDB_UNMAP) {
		step.op = DISK_DISCARD;
	} else {
		step.op = DISK_WRITE_ZEROES;
	}
	return one_step(cmd, step);
}

/* ---- UNMAP ---- */

static enum scsi_result unmap_descriptors(struct scsi_lun *lun,
					  struct scsi_cmd *cmd, unsigned int n)
{
	uint32_t bs = lun->info->block_size;
	uint64_t total = 0;
	unsigned int i;

	if (n > 1) {
		cmd->steps = calloc(n, sizeof(*cmd->steps));
		if (!cmd->steps) {
			cmd->steps = cmd->own;
			scsi_disk_done(cmd, cmd->own, -ENOMEM);
			return SCSI_DONE;
		}
	}
	for (i = 0; i < n; i++) {
		uint8_t d[16];
		struct extent e;

		if (!scsi_param(cmd, 8 + 16 * i, d, sizeof(d)))
			return SCSI_DONE;
		e = (struct extent){ get_be64(d), get_be32(d + 8) };
		if (!in_range(lun, e))
			return out_of_range(cmd);
		total += e.blocks;
		if (total > SCSI_UNMAP_BLOCKS)
			return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
					 ASC_INVALID_PARAMETER);
		if (e.blocks)
			cmd->steps[cmd->nsteps++] = (struct scsi_step){
				.op = DISK_DISCARD,
				.fua = write_through(lun),
				.offset = e.lba * bs,
				.len = e.blocks * bs,
			};
	}
	return cmd->nsteps ? SCSI_DISK : SCSI_DONE;
}

enum scsi_result scsi_unmap(struct scsi_lun *lun, uint64_t luns,
			    struct scsi_cmd *cmd)
{
	uint32_t len = get_be16(cmd->cdb + 7), list;
	uint8_t head[8];

	(void)luns;
	if (cmd->cdb[1] & 1) /* ANCHOR */
		return invalid_field(cmd);
	if (!len)
		return SCSI_DONE;
	if (len < sizeof(head))
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_PARAMETER_LENGTH);
	if (!scsi_check_buffer(cmd, SCSI_DATA_OUT, len) ||
	    !scsi_param(cmd, 0, head, sizeof(head)))
		return SCSI_DONE;
	list = get_be16(head + 2);
	if (list > len - sizeof(head))
		list = len - sizeof(head);
	if (list / 16 > SCSI_UNMAP_DESCRIPTORS)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_PARAMETER);
	cmd->transferred = len;
	return unmap_descriptors(lun, cmd, list / 16);
}
