// SPDX-License-Identifier: GPL-2.0
/*
 * The table of commands, unit attentions and sense.
 */
#include <errno.h>
#include <stdlib.h>

#include "scsi_var.h"

#define CDB_CONTROL_NACA 0x04
#define START_KNOWN	 0x05 /* START, NO_FLUSH */

/* ---- answers ---- */

enum scsi_result scsi_fail(struct scsi_cmd *cmd, uint8_t key, uint16_t asc)
{
	cmd->status = SCSI_CHECK_CONDITION;
	cmd->key = key;
	cmd->asc = asc >> 8;
	cmd->ascq = asc & 0xff;
	cmd->transferred = 0;
	cmd->nsteps = 0;
	return SCSI_DONE;
}

unsigned int scsi_sense_build(uint8_t key, uint8_t asc, uint8_t ascq,
			      uint8_t *buf)
{
	memset(buf, 0, SCSI_SENSE_LEN);
	buf[0] = 0x70; /* current, fixed format */
	buf[2] = key;
	buf[7] = SCSI_SENSE_LEN - 8;
	buf[12] = asc;
	buf[13] = ascq;
	return SCSI_SENSE_LEN;
}

bool scsi_check_buffer(struct scsi_cmd *cmd, enum scsi_direction dir,
		       uint64_t len)
{
	if (!len || (cmd->direction == dir && cmd->len >= len))
		return true;
	cmd->bad_buffer = true;
	scsi_fail(cmd, SENSE_ILLEGAL_REQUEST, ASC_INVALID_CDB_FIELD);
	return false;
}

enum scsi_result scsi_reply(struct scsi_cmd *cmd, const void *data, size_t len,
			    uint32_t allocation)
{
	const char *from = data;
	unsigned int i;

	if (len > allocation)
		len = allocation;
	if (!scsi_check_buffer(cmd, SCSI_DATA_IN, len ? 1 : 0))
		return SCSI_DONE;
	if (len > cmd->len)
		len = cmd->len;
	cmd->transferred = len;
	for (i = 0; i < cmd->niov && len; i++) {
		size_t n = cmd->iov[i].iov_len < len ? cmd->iov[i].iov_len :
						       len;

		memcpy(cmd->iov[i].iov_base, from, n);
		from += n;
		len -= n;
	}
	return SCSI_DONE;
}

bool scsi_param(struct scsi_cmd *cmd, size_t offset, void *data, size_t len)
{
	char *to = data;
	unsigned int i;

	if (!scsi_check_buffer(cmd, SCSI_DATA_OUT, offset + len))
		return false;
	for (i = 0; i < cmd->niov && len; i++) {
		size_t have = cmd->iov[i].iov_len, n;

		if (offset >= have) {
			offset -= have;
			continue;
		}
		n = have - offset < len ? have - offset : len;
		memcpy(to, (const char *)cmd->iov[i].iov_base + offset, n);
		to += n;
		len -= n;
		offset = 0;
	}
	return true;
}

/* ---- unit attentions ---- */

void scsi_attention(struct scsi_lun *lun, uint32_t bits)
{
	__atomic_fetch_or(&lun->attention, bits, __ATOMIC_RELAXED);
}

void scsi_attention_clear(struct scsi_lun *lun)
{
	__atomic_store_n(&lun->attention, 0, __ATOMIC_RELAXED);
}

/* Takes one that is pending; 0: none. */
static uint16_t attention_take(struct scsi_lun *lun)
{
	static const struct {
		uint32_t bit;
		uint16_t asc;
	} order[] = {
		{ SCSI_UA_CAPACITY, ASC_CAPACITY_CHANGED },
		{ SCSI_UA_LUNS, ASC_LUNS_CHANGED },
	};
	unsigned int i;

	if (!__atomic_load_n(&lun->attention, __ATOMIC_RELAXED))
		return 0;
	/* Two channels may look at once: who clears the bit has it. */
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (__atomic_fetch_and(&lun->attention, ~order[i].bit,
				       __ATOMIC_RELAXED) &
		    order[i].bit)
			return order[i].asc;
	return 0;
}

/* ---- commands with little to say ---- */

static enum scsi_result test_unit_ready(struct scsi_lun *lun, uint64_t luns,
					struct scsi_cmd *cmd)
{
	(void)lun;
	(void)luns;
	(void)cmd;
	return SCSI_DONE;
}

static enum scsi_result request_sense(struct scsi_lun *lun, uint64_t luns,
				      struct scsi_cmd *cmd)
{
	uint8_t buf[SCSI_SENSE_LEN];
	uint16_t asc;

	(void)luns;
	if (cmd->cdb[1] & 1) /* descriptor format */
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	asc = attention_take(lun);
	scsi_sense_build(asc ? SENSE_UNIT_ATTENTION : SENSE_NONE, asc >> 8,
			 asc & 0xff, buf);
	return scsi_reply(cmd, buf, sizeof(buf), cmd->cdb[4]);
}

static enum scsi_result send_diagnostic(struct scsi_lun *lun, uint64_t luns,
					struct scsi_cmd *cmd)
{
	(void)lun;
	(void)luns;
	/* The default self-test has nothing to test; no other is known. */
	if (!(cmd->cdb[1] & 4) || get_be16(cmd->cdb + 3))
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	return SCSI_DONE;
}

static enum scsi_result start_stop(struct scsi_lun *lun, uint64_t luns,
				   struct scsi_cmd *cmd)
{
	(void)lun;
	(void)luns;
	/* No medium to load or eject, and no power condition but the one. */
	if (cmd->cdb[4] & ~START_KNOWN)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	/* Nothing spins, but stopping promises that the cache is written. */
	if (cmd->cdb[4] & 1 || cmd->cdb[4] & 4)
		return SCSI_DONE;
	cmd->nsteps = 1;
	cmd->own[0] = (struct scsi_step){ .op = DISK_FLUSH };
	return SCSI_DISK;
}

static enum scsi_result read_capacity10(struct scsi_lun *lun, uint64_t luns,
					struct scsi_cmd *cmd)
{
	uint64_t last = scsi_blocks(lun) - 1;
	uint8_t buf[8];

	(void)luns;
	put_be32(buf, last < UINT32_MAX ? last : UINT32_MAX);
	put_be32(buf + 4, lun->info->block_size);
	return scsi_reply(cmd, buf, sizeof(buf), sizeof(buf));
}

static enum scsi_result read_capacity16(struct scsi_lun *lun, uint64_t luns,
					struct scsi_cmd *cmd)
{
	uint32_t ratio = lun->info->physical_block_size / lun->info->block_size;
	uint8_t buf[32] = { 0 };

	(void)luns;
	put_be64(buf, scsi_blocks(lun) - 1);
	put_be32(buf + 8, lun->info->block_size);
	for (; ratio > 1 && buf[13] < 15; ratio >>= 1)
		buf[13]++;
	if (lun->info->can_discard)
		buf[14] = 0xC0; /* thin; what is unmapped reads as zeros */
	return scsi_reply(cmd, buf, sizeof(buf), get_be32(cmd->cdb + 10));
}

static enum scsi_result get_lba_status(struct scsi_lun *lun, uint64_t luns,
				       struct scsi_cmd *cmd)
{
	uint64_t lba = get_be64(cmd->cdb + 2), blocks = scsi_blocks(lun);
	uint8_t buf[24] = { 0 };

	(void)luns;
	if (lba >= blocks)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST, ASC_LBA_RANGE);
	blocks -= lba;
	put_be32(buf, sizeof(buf) - 4);
	put_be64(buf + 8, lba);
	put_be32(buf + 16, blocks < UINT32_MAX ? blocks : UINT32_MAX);
	/* buf[20] = 0: mapped, or not known. */
	return scsi_reply(cmd, buf, sizeof(buf), get_be32(cmd->cdb + 10));
}

static enum scsi_result report_luns(struct scsi_lun *lun, uint64_t luns,
				    struct scsi_cmd *cmd)
{
	uint8_t buf[8 + 64 * 8] = { 0 };
	uint32_t allocation = get_be32(cmd->cdb + 6);
	unsigned int i, n = 0;

	if (cmd->cdb[2] > 2 || allocation < 16)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	/* 1: well-known logical units, of which there are none. */
	for (i = 0; i < 64 && cmd->cdb[2] != 1; i++)
		if (luns >> i & 1)
			buf[8 + 8 * n++ + 1] = i;
	put_be32(buf, 8 * n);
	if (lun)
		__atomic_fetch_and(&lun->attention, ~SCSI_UA_LUNS,
				   __ATOMIC_RELAXED);
	return scsi_reply(cmd, buf, 8 + 8 * n, allocation);
}

/* ---- REPORT SUPPORTED OPERATION CODES ---- */

static bool entry_known(const struct scsi_lun *lun, const struct scsi_entry *e)
{
	return !(e->flags & CMD_DISCARDS) || !lun || lun->info->can_discard;
}

static const struct scsi_entry *entry_find(const struct scsi_lun *lun,
					   uint8_t op, uint8_t sa, bool *any)
{
	unsigned int i;

	*any = false;
	for (i = 0; i < scsi_table_len; i++) {
		const struct scsi_entry *e = &scsi_table[i];

		if (e->op != op || !entry_known(lun, e))
			continue;
		*any = true;
		if (e->sa == SCSI_SA_NONE || e->sa == sa)
			return e;
	}
	return NULL;
}

static enum scsi_result opcodes_all(const struct scsi_lun *lun,
				    struct scsi_cmd *cmd, uint32_t allocation)
{
	uint8_t buf[4 + 64 * 8] = { 0 };
	unsigned int i, n = 0;

	_Static_assert(sizeof(buf) < 1024, "stack");
	for (i = 0; i < scsi_table_len && n < 64; i++) {
		const struct scsi_entry *e = &scsi_table[i];
		uint8_t *p = buf + 4 + 8 * n;

		if (!entry_known(lun, e))
			continue;
		n++;
		p[0] = e->op;
		if (e->sa != SCSI_SA_NONE) {
			p[3] = e->sa;
			p[5] = 1;
		}
		p[7] = e->len;
	}
	put_be32(buf, 8 * n);
	return scsi_reply(cmd, buf, 4 + 8 * n, allocation);
}

static enum scsi_result report_opcodes(struct scsi_lun *lun, uint64_t luns,
				       struct scsi_cmd *cmd)
{
	uint32_t allocation = get_be32(cmd->cdb + 6);
	const uint8_t *cdb = cmd->cdb;
	const struct scsi_entry *e;
	uint8_t buf[4 + 16] = { 0 };
	bool any, has_sa;

	(void)luns;
	if (cdb[2] & 0x80) /* time-outs */
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	if (!(cdb[2] & 7))
		return opcodes_all(lun, cmd, allocation);
	e = entry_find(lun, cdb[3], cdb[5], &any);
	has_sa = any && !(e && e->sa == SCSI_SA_NONE);
	if ((cdb[2] & 7) > 3 || (any && (cdb[2] & 7) == (has_sa ? 1 : 2)))
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	buf[1] = e ? 3 : 1; /* as the standard says, or not supported */
	if (e) {
		put_be16(buf + 2, e->len);
		memcpy(buf + 4, e->usage, e->len);
	}
	return scsi_reply(cmd, buf, 4 + (e ? e->len : 0), allocation);
}

/* ---- the table ---- */

#define PLAIN(op, len, flags, fn, ...)            \
	{                                         \
		op, SCSI_SA_NONE, len, flags, fn, \
		{                                 \
			op, __VA_ARGS__           \
		}                                 \
	}
#define BY_SA(op, sa, len, flags, fn, ...)  \
	{                                   \
		op, sa, len, flags, fn,     \
		{                           \
			op, sa, __VA_ARGS__ \
		}                           \
	}
#define FF2 0xff, 0xff
#define FF4 FF2, FF2
#define FF8 FF4, FF4

const struct scsi_entry scsi_table[] = {
	PLAIN(0x00, 6, 0, test_unit_ready, 0),
	PLAIN(0x03, 6, CMD_NO_ATTENTION, request_sense, 1, 0, 0, 0xff),
	PLAIN(0x08, 6, 0, scsi_read, 0x1f, FF2, 0xff),
	PLAIN(0x0A, 6, CMD_WRITES, scsi_write, 0x1f, FF2, 0xff),
	PLAIN(SCSI_INQUIRY, 6, CMD_NO_ATTENTION | CMD_ANY_LUN, scsi_inquiry, 1,
	      0xff, FF2),
	PLAIN(0x15, 6, 0, scsi_mode_select, 0x11, 0, 0, 0xff),
	PLAIN(0x1A, 6, 0, scsi_mode_sense, 8, FF2, 0xff),
	PLAIN(0x1B, 6, 0, start_stop, 1, 0, 0, 0xf7),
	PLAIN(0x1D, 6, 0, send_diagnostic, 4, 0, FF2),
	PLAIN(0x25, 10, 0, read_capacity10, 0),
	PLAIN(0x28, 10, 0, scsi_read, 0xf8, FF4, 0, FF2),
	PLAIN(0x2A, 10, CMD_WRITES, scsi_write, 0xf8, FF4, 0, FF2),
	PLAIN(0x2E, 10, CMD_WRITES, scsi_write, 0xf2, FF4, 0, FF2),
	PLAIN(0x2F, 10, 0, scsi_verify, 0xf6, FF4, 0, FF2),
	PLAIN(0x35, 10, 0, scsi_sync_cache, 2, FF4, 0, FF2),
	PLAIN(0x41, 10, CMD_WRITES, scsi_write_same, 0xf8, FF4, 0, FF2),
	PLAIN(0x42, 10, CMD_WRITES | CMD_DISCARDS, scsi_unmap, 1, 0, 0, 0, 0, 0,
	      FF2),
	PLAIN(0x55, 10, 0, scsi_mode_select, 0x11, 0, 0, 0, 0, 0, FF2),
	PLAIN(0x5A, 10, 0, scsi_mode_sense, 8, FF2, 0, 0, 0, FF2),
	PLAIN(0x88, 16, 0, scsi_read, 0xf8, FF8, FF4),
	PLAIN(0x8A, 16, CMD_WRITES, scsi_write, 0xf8, FF8, FF4),
	PLAIN(0x8E, 16, CMD_WRITES, scsi_write, 0xf2, FF8, FF4),
	PLAIN(0x8F, 16, 0, scsi_verify, 0xf6, FF8, FF4),
	PLAIN(0x91, 16, 0, scsi_sync_cache, 2, FF8, FF4),
	PLAIN(0x93, 16, CMD_WRITES, scsi_write_same, 0xf9, FF8, FF4),
	BY_SA(0x9E, 0x10, 16, 0, read_capacity16, 0, 0, 0, 0, 0, 0, 0, 0, FF4),
	BY_SA(0x9E, 0x12, 16, 0, get_lba_status, FF8, FF4),
	PLAIN(SCSI_REPORT_LUNS, 12, CMD_NO_ATTENTION | CMD_ANY_LUN, report_luns,
	      0, 0xff, 0, 0, 0, FF4),
	BY_SA(0xA3, 0x0C, 12, 0, report_opcodes, 0x87, 0xff, FF2, FF4),
	PLAIN(0xA8, 12, 0, scsi_read, 0xf8, FF4, FF4),
	PLAIN(0xAA, 12, CMD_WRITES, scsi_write, 0xf8, FF4, FF4),
	PLAIN(0xAE, 12, CMD_WRITES, scsi_write, 0xf2, FF4, FF4),
	PLAIN(0xAF, 12, 0, scsi_verify, 0xf6, FF4, FF4),
};
const unsigned int scsi_table_len = sizeof(scsi_table) / sizeof(scsi_table[0]);

static enum scsi_result dispatch(struct scsi_lun *lun, uint64_t luns,
				 struct scsi_cmd *cmd)
{
	const struct scsi_entry *e;
	uint16_t asc;
	bool any;

	e = entry_find(lun, cmd->cdb[0], cmd->cdb[1] & 0x1f, &any);
	if (!lun && !(e && (e->flags & CMD_ANY_LUN)))
		return SCSI_NO_LUN;
	if (lun && !(e && (e->flags & CMD_NO_ATTENTION))) {
		asc = attention_take(lun);
		if (asc)
			return scsi_fail(cmd, SENSE_UNIT_ATTENTION, asc);
	}
	if (!e)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 any ? ASC_INVALID_CDB_FIELD :
				       ASC_INVALID_OPCODE);
	if (cmd->cdb_len < e->len || cmd->cdb[e->len - 1] & CDB_CONTROL_NACA)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	if (lun && (e->flags & CMD_WRITES) && lun->info->readonly)
		return scsi_fail(cmd, SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED);
	return e->run(lun, luns, cmd);
}

enum scsi_result scsi_execute(struct scsi_lun *lun, uint64_t luns,
			      struct scsi_cmd *cmd)
{
	cmd->status = SCSI_GOOD;
	cmd->key = cmd->asc = cmd->ascq = 0;
	cmd->bad_buffer = false;
	cmd->transferred = cmd->copied = 0;
	cmd->nsteps = 0;
	cmd->steps = cmd->own;
	return dispatch(lun, luns, cmd);
}

void scsi_miscompare(struct scsi_cmd *cmd)
{
	scsi_fail(cmd, SENSE_MISCOMPARE, ASC_MISCOMPARE);
}

void scsi_cmd_free(struct scsi_cmd *cmd)
{
	if (cmd->steps != cmd->own)
		free(cmd->steps);
	cmd->steps = cmd->own;
}

/* ---- what became of it ---- */

void scsi_disk_done(struct scsi_cmd *cmd, const struct scsi_step *step, int err)
{
	switch (err) {
	case 0:
		return;
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		scsi_fail(cmd, SENSE_DATA_PROTECT, ASC_SPACE_ALLOCATION);
		return;
	case -EROFS:
	case -EPERM:
	case -EBADF:
		scsi_fail(cmd, SENSE_DATA_PROTECT, ASC_WRITE_PROTECTED);
		return;
	case -EINVAL:
		/* The range was right a moment ago: the disk has shrunk. */
		scsi_fail(cmd, SENSE_ILLEGAL_REQUEST, ASC_LBA_RANGE);
		return;
	case -EOPNOTSUPP:
		scsi_fail(cmd, SENSE_ILLEGAL_REQUEST, ASC_INVALID_OPCODE);
		return;
	case -ENODEV:
	case -ENXIO:
		scsi_fail(cmd, SENSE_HARDWARE_ERROR, ASC_TARGET_FAILURE);
		return;
	case -ETIMEDOUT:
		scsi_fail(cmd, SENSE_ABORTED_COMMAND, ASC_UNIT_TIMEOUT);
		return;
	case -ECANCELED:
		scsi_fail(cmd, SENSE_ABORTED_COMMAND, ASC_NONE);
		return;
	case -ENOMEM:
	case -EAGAIN:
		scsi_fail(cmd, SENSE_NONE, ASC_NONE);
		cmd->status = SCSI_BUSY;
		return;
	}
	scsi_fail(cmd, SENSE_MEDIUM_ERROR,
		  step->op == DISK_READ ? ASC_READ_ERROR : ASC_WRITE_ERROR);
}
