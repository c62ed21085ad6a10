// SPDX-License-Identifier: GPL-2.0
/*
 * INQUIRY and the vital product data pages.
 *
 * Vendor, product and the company in the WWN are Hyper-V's, as guests key
 * quirks and udev rules on them.
 */
#include <stdio.h>

#include "scsi_var.h"

#define PERIPHERAL_DISK 0x00
#define PERIPHERAL_NONE 0x7f /* could be there, but is not */
#define INQUIRY_LEN	96

static const uint8_t naa_company[4] = { 0x60, 0x02, 0x24, 0x80 };

static void hex(const uint8_t *p, unsigned int n, char *out)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		sprintf(out + 2 * i, "%02x", p[i]);
}

/* NAA 6: company, then 12 bytes of the disk's own. */
static void naa(const struct scsi_lun *lun, uint8_t *out)
{
	memcpy(out, naa_company, 4);
	memcpy(out + 4, lun->id, 6);
	memcpy(out + 10, lun->id + 10, 6);
}

void scsi_serial(const struct scsi_lun *lun, char *out)
{
	hex(lun->id, sizeof(lun->id), out);
}

void scsi_wwn(const struct scsi_lun *lun, char *out)
{
	uint8_t id[16];

	naa(lun, id);
	hex(id, sizeof(id), out);
}

static enum scsi_result standard(struct scsi_lun *lun, struct scsi_cmd *cmd)
{
	static const uint16_t versions[] = { 0x0060, 0x0300,
					     0x04C0 }; /* SAM-3 SPC-3 SBC-3 */
	uint8_t buf[INQUIRY_LEN] = { 0 };
	unsigned int i;

	buf[0] = lun ? PERIPHERAL_DISK : PERIPHERAL_NONE;
	/* Also without a LUN: Linux asks for REPORT LUNS from SPC on only. */
	buf[2] = 5; /* SPC-3 */
	buf[3] = 2; /* response data format */
	buf[4] = sizeof(buf) - 5;
	buf[7] = 0x02; /* command queueing */
	memcpy(buf + 8, "Msft    Virtual Disk    1.0 ", 28);
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		put_be16(buf + 58 + 2 * i, versions[i]);
	return scsi_reply(cmd, buf, sizeof(buf), get_be16(cmd->cdb + 3));
}

/* Each fills the page from byte 4 on (it is zeroed) and returns that length. */

static unsigned int page_serial(const struct scsi_lun *lun, uint8_t *p)
{
	char text[33];

	scsi_serial(lun, text);
	memcpy(p, text, 32);
	return 32;
}

static unsigned int page_identification(const struct scsi_lun *lun, uint8_t *p)
{
	p[0] = 1; /* binary */
	p[1] = 1; /* of the logical unit, T10 vendor */
	p[3] = 24;
	memcpy(p + 4, "Msft    ", 8);
	memcpy(p + 12, lun->id, 16);
	p += 28;
	p[0] = 1;
	p[1] = 3; /* NAA */
	p[3] = 16;
	naa(lun, p + 4);
	return 28 + 20;
}

static uint32_t in_blocks(const struct scsi_lun *lun, uint32_t bytes)
{
	uint32_t n = bytes / lun->info->block_size;

	return n ? n : 1;
}

static unsigned int page_limits(const struct scsi_lun *lun, uint8_t *p)
{
	const struct disk_info *info = lun->info;

	p[0] = 1; /* WSNZ: WRITE SAME of 0 blocks is refused */
	put_be16(p + 2, in_blocks(lun, info->physical_block_size));
	put_be32(p + 4, in_blocks(lun, lun->max_transfer));
	if (info->can_discard) {
		put_be32(p + 16, SCSI_UNMAP_BLOCKS);
		put_be32(p + 20, SCSI_UNMAP_DESCRIPTORS);
		put_be32(p + 24, in_blocks(lun, info->discard_granularity));
		put_be32(p + 28, 0x80000000); /* aligned at LBA 0 */
	}
	put_be64(p + 32, in_blocks(lun, SCSI_WRITE_SAME_BYTES));
	return 0x3c;
}

static unsigned int page_characteristics(const struct scsi_lun *lun, uint8_t *p)
{
	/* 1: does not rotate, 0: not told at which rate it does. */
	put_be16(p, lun->info->rotational ? 0 : 1);
	return 0x3c;
}

static unsigned int page_provisioning(const struct scsi_lun *lun, uint8_t *p)
{
	(void)lun;
	p[1] = 0xe4; /* UNMAP, WRITE SAME (16), (10); then reads zeros */
	p[2] = 2;    /* thin */
	return 4;
}

static const struct {
	uint8_t code;
	unsigned int (*fill)(const struct scsi_lun *lun, uint8_t *p);
} pages[] = {
	{ 0x80, page_serial },	     { 0x83, page_identification },
	{ 0xB0, page_limits },	     { 0xB1, page_characteristics },
	{ 0xB2, page_provisioning },
};
#define NPAGES (sizeof(pages) / sizeof(pages[0]))

static bool page_exists(const struct scsi_lun *lun, unsigned int i)
{
	return pages[i].code != 0xB2 || lun->info->can_discard;
}

static unsigned int page_list(const struct scsi_lun *lun, uint8_t *p)
{
	unsigned int i, n = 1; /* page 00 itself */

	for (i = 0; i < NPAGES; i++)
		if (page_exists(lun, i))
			p[n++] = pages[i].code;
	return n;
}

static enum scsi_result vital(struct scsi_lun *lun, struct scsi_cmd *cmd)
{
	uint8_t buf[4 + 0x3c] = { PERIPHERAL_DISK, cmd->cdb[2] };
	unsigned int i, n = 0;

	if (!cmd->cdb[2])
		n = page_list(lun, buf + 4);
	for (i = 0; i < NPAGES; i++)
		if (pages[i].code == cmd->cdb[2] && page_exists(lun, i))
			n = pages[i].fill(lun, buf + 4);
	if (!n)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	put_be16(buf + 2, n);
	return scsi_reply(cmd, buf, 4 + n, get_be16(cmd->cdb + 3));
}

enum scsi_result scsi_inquiry(struct scsi_lun *lun, uint64_t luns,
			      struct scsi_cmd *cmd)
{
	bool evpd = cmd->cdb[1] & 1;

	(void)luns;
	if ((!evpd && cmd->cdb[2]) || (evpd && !lun))
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	return evpd ? vital(lun, cmd) : standard(lun, cmd);
}
