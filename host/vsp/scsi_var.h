/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the command set share among themselves. */
#ifndef VSP_SCSI_VAR_H
#define VSP_SCSI_VAR_H

#include <string.h>

#include "scsi.h"
#include "util/be.h"

#define SENSE_NONE	      0x0
#define SENSE_NOT_READY	      0x2
#define SENSE_MEDIUM_ERROR    0x3
#define SENSE_HARDWARE_ERROR  0x4
#define SENSE_ILLEGAL_REQUEST 0x5
#define SENSE_UNIT_ATTENTION  0x6
#define SENSE_DATA_PROTECT    0x7
#define SENSE_ABORTED_COMMAND 0xB
#define SENSE_MISCOMPARE      0xE

/* Additional sense code and qualifier in one number. */
#define ASC_NONE	      0x0000
#define ASC_WRITE_ERROR	      0x0C00
#define ASC_READ_ERROR	      0x1100
#define ASC_PARAMETER_LENGTH  0x1A00
#define ASC_MISCOMPARE	      0x1D00
#define ASC_INVALID_OPCODE    0x2000
#define ASC_LBA_RANGE	      0x2100
#define ASC_INVALID_CDB_FIELD 0x2400
#define ASC_INVALID_PARAMETER 0x2600
#define ASC_WRITE_PROTECTED   0x2700
#define ASC_SPACE_ALLOCATION  0x2707
#define ASC_CAPACITY_CHANGED  0x2A09
#define ASC_SAVING_PARAMETERS 0x3900
#define ASC_UNIT_TIMEOUT      0x3E02
#define ASC_LUNS_CHANGED      0x3F0E
#define ASC_TARGET_FAILURE    0x4400

/* How a command is found and what it is allowed. */
#define CMD_NO_ATTENTION      1u /* does not report unit attentions */
#define CMD_ANY_LUN	      2u /* answered for LUNs that do not exist */
#define CMD_WRITES	      4u /* refused by a read-only disk */
#define CMD_DISCARDS	      8u /* unknown to a disk that can't */

#define SCSI_SA_NONE	      0xff

struct scsi_entry {
	uint8_t op;
	uint8_t sa;  /* service action (CDB byte 1, 5 bits) or SCSI_SA_NONE */
	uint8_t len; /* of the CDB */
	uint8_t flags;
	enum scsi_result (*run)(struct scsi_lun *lun, uint64_t luns,
				struct scsi_cmd *cmd);
	uint8_t usage[16]; /* bits of the CDB that are looked at (SPC-3, 6.23) */
};

extern const struct scsi_entry scsi_table[];
extern const unsigned int scsi_table_len;

enum scsi_result scsi_fail(struct scsi_cmd *cmd, uint8_t key, uint16_t asc);
/* Parameter data for the guest, cut to the allocation length and the buffer. */
enum scsi_result scsi_reply(struct scsi_cmd *cmd, const void *data, size_t len,
			    uint32_t allocation);
/*
 * Parameter data from the guest: bytes [offset, offset+len) of the buffer.
 * False when the buffer holds less, and the command has failed then.
 */
bool scsi_param(struct scsi_cmd *cmd, size_t offset, void *data, size_t len);
/* The buffer can hold `len` bytes in that direction; else the command fails. */
bool scsi_check_buffer(struct scsi_cmd *cmd, enum scsi_direction dir,
		       uint64_t len);

enum scsi_result scsi_inquiry(struct scsi_lun *, uint64_t, struct scsi_cmd *);
enum scsi_result scsi_mode_sense(struct scsi_lun *, uint64_t,
				 struct scsi_cmd *);
enum scsi_result scsi_mode_select(struct scsi_lun *, uint64_t,
				  struct scsi_cmd *);
enum scsi_result scsi_read(struct scsi_lun *, uint64_t, struct scsi_cmd *);
enum scsi_result scsi_write(struct scsi_lun *, uint64_t, struct scsi_cmd *);
enum scsi_result scsi_verify(struct scsi_lun *, uint64_t, struct scsi_cmd *);
enum scsi_result scsi_sync_cache(struct scsi_lun *, uint64_t,
				 struct scsi_cmd *);
enum scsi_result scsi_write_same(struct scsi_lun *, uint64_t,
				 struct scsi_cmd *);
enum scsi_result scsi_unmap(struct scsi_lun *, uint64_t, struct scsi_cmd *);

/* Bounds that VPD page B0 tells and scsi_rw.c enforces. */
#define SCSI_UNMAP_DESCRIPTORS 256u
#define SCSI_UNMAP_BLOCKS      0x800000u
#define SCSI_WRITE_SAME_BYTES  (32u << 20)
/* What VERIFY (10) can ask for. */
#define SCSI_VERIFY_BYTES      (65536ull * 4096)

static inline uint64_t scsi_blocks(const struct scsi_lun *lun)
{
	/* Changes under us when the disk is resized. */
	return __atomic_load_n(&lun->info->size, __ATOMIC_RELAXED) /
	       lun->info->block_size;
}

#endif
