/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The SCSI command set of a disk (SPC-3, SBC-3), with no I/O of its own: a CDB
 * and its buffer go in; out comes either the whole answer or what is to be
 * done on the disk.  Any thread; one command's struct belongs to one thread.
 */
#ifndef VSP_SCSI_H
#define VSP_SCSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "backend/disk/disk.h"

#define SCSI_GOOD	     0x00
#define SCSI_CHECK_CONDITION 0x02
#define SCSI_BUSY	     0x08

#define SCSI_SENSE_LEN	     18

/* Commands by which a child finds disks. */
#define SCSI_INQUIRY	     0x12
#define SCSI_REPORT_LUNS     0xA0

/* Unit attentions, told once each; bits of scsi_lun.attention. */
#define SCSI_UA_CAPACITY     1u /* 2A/09 */
#define SCSI_UA_LUNS	     2u /* 3F/0E */

struct scsi_lun {
	const struct disk_info *info;
	uint8_t id[16];	       /* of the disk, the same at each start */
	uint32_t max_transfer; /* bytes, a multiple of the block size */
	uint32_t attention;    /* atomic */
	bool write_back;       /* atomic: the guest may switch it off */
};

enum scsi_direction { SCSI_DATA_OUT, SCSI_DATA_IN, SCSI_DATA_NONE };

/* One step on the disk.  Steps are done in order, up to the first failure. */
struct scsi_step {
	enum disk_op op;
	bool fua;
	bool repeat;	      /* DISK_WRITE of one block, again and again */
	bool verify;	      /* DISK_READ to nowhere, of any length */
	bool compare;	      /* what is verified must be the buffer's data */
	uint64_t offset, len; /* bytes */
};

struct scsi_cmd {
	/* In. */
	const uint8_t *cdb; /* 16 bytes, private copy */
	unsigned int cdb_len;
	enum scsi_direction direction;
	const struct iovec
		*iov; /* guest memory, `len` bytes; read once, or written */
	unsigned int niov;
	uint32_t len;
	/* Out. */
	uint8_t status;
	uint8_t key, asc, ascq; /* with SCSI_CHECK_CONDITION */
	bool bad_buffer; /* it does not fit the CDB; sense is set as well */
	uint32_t transferred; /* bytes; of disk steps, when they succeed */
	uint32_t copied;      /* bytes of disk data that were looked at */
	unsigned int nsteps;
	struct scsi_step own[2];
	struct scsi_step *steps; /* own, or malloc'd: see scsi_cmd_free() */
};

enum scsi_result {
	SCSI_DONE,
	SCSI_DISK,   /* do the steps, then scsi_disk_done() */
	SCSI_NO_LUN, /* there is no such LUN, and it says so */
};

/* `lun` may be NULL: none there.  `luns`: bit map of those on the target. */
enum scsi_result scsi_execute(struct scsi_lun *lun, uint64_t luns,
			      struct scsi_cmd *cmd);
/* The outcome of `step`: 0 or -errno.  Fills status and sense. */
void scsi_disk_done(struct scsi_cmd *cmd, const struct scsi_step *step,
		    int err);
/* A step with `compare` found other data. */
void scsi_miscompare(struct scsi_cmd *cmd);
void scsi_cmd_free(struct scsi_cmd *cmd);
/* Fixed format; returns its length, SCSI_SENSE_LEN. */
unsigned int scsi_sense_build(uint8_t key, uint8_t asc, uint8_t ascq,
			      uint8_t *buf);
void scsi_attention(struct scsi_lun *lun, uint32_t bits);
void scsi_attention_clear(struct scsi_lun *lun);

/* Both need 33 bytes: hexadecimal digits of VPD pages 80 and 83. */
void scsi_serial(const struct scsi_lun *lun, char *out);
void scsi_wwn(const struct scsi_lun *lun, char *out);

#endif
