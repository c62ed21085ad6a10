// SPDX-License-Identifier: GPL-2.0
/*
 * MODE SENSE and MODE SELECT.  One thing can be changed, the write cache; when
 * it is off every write is a forced one.
 */
#include "scsi_var.h"

#define PC_CURRENT    0
#define PC_CHANGEABLE 1
#define PC_DEFAULT    2
#define PC_SAVED      3

#define CACHING_WCE   0x04
#define DEVICE_WP     0x80
#define DEVICE_DPOFUA 0x10

/* The pages, by ascending code, as they are by default. */
static const uint8_t page_recovery[] = { 0x01, 0x0a, [11] = 0 };
static const uint8_t page_caching[] = { 0x08, 0x12, CACHING_WCE, [19] = 0 };
/* Unrestricted reordering; REPORT LUNS DATA HAS CHANGED once; fixed sense. */
static const uint8_t page_control[] = { 0x0a, 0x0a, 0x00, 0x10, [11] = 0 };
static const uint8_t page_exceptions[] = { 0x1c, 0x0a, 0x08, [11] = 0 };

static const uint8_t *const pages[] = { page_recovery, page_caching,
					page_control, page_exceptions };
#define NPAGES (sizeof(pages) / sizeof(pages[0]))
#define PAGES_LEN                                                              \
	(sizeof(page_recovery) + sizeof(page_caching) + sizeof(page_control) + \
	 sizeof(page_exceptions))

/* What MODE SENSE and MODE SELECT differ in between their 6 and 10 byte forms. */
struct form {
	unsigned int header;
	bool ten;
};

static struct form cdb_form(const uint8_t *cdb)
{
	return cdb[0] >= 0x20 ? (struct form){ 8, true } :
				(struct form){ 4, false };
}

static void page_fill(const struct scsi_lun *lun, const uint8_t *page,
		      unsigned int control, uint8_t *out)
{
	unsigned int len = page[1] + 2;

	memset(out, 0, len);
	memcpy(out, page, control == PC_CHANGEABLE ? 2 : len);
	if (page != page_caching)
		return;
	if (control == PC_CHANGEABLE)
		out[2] = CACHING_WCE;
	else if (control == PC_CURRENT &&
		 !__atomic_load_n(&lun->write_back, __ATOMIC_RELAXED))
		out[2] = 0;
}

static void descriptor_fill(const struct scsi_lun *lun, uint8_t *out)
{
	uint64_t blocks = scsi_blocks(lun);

	put_be32(out, blocks < UINT32_MAX ? blocks : UINT32_MAX);
	put_be32(out + 4, lun->info->block_size);
}

static void header_fill(const struct scsi_lun *lun, struct form form,
			unsigned int descriptor, unsigned int total,
			uint8_t *out)
{
	uint8_t device = DEVICE_DPOFUA | (lun->info->readonly ? DEVICE_WP : 0);

	if (form.ten) {
		put_be16(out, total - 2);
		out[3] = device;
		put_be16(out + 6, descriptor);
	} else {
		out[0] = total - 1;
		out[2] = device;
		out[3] = descriptor;
	}
}

enum scsi_result scsi_mode_sense(struct scsi_lun *lun, uint64_t luns,
				 struct scsi_cmd *cmd)
{
	struct form form = cdb_form(cmd->cdb);
	unsigned int control = cmd->cdb[2] >> 6, code = cmd->cdb[2] & 0x3f;
	unsigned int descriptor = cmd->cdb[1] & 8 ? 0 : 8;
	uint8_t buf[8 + 8 + PAGES_LEN] = { 0 };
	unsigned int i, n = form.header + descriptor, start = n;
	uint8_t sub = cmd->cdb[3];

	(void)luns;
	if (control == PC_SAVED)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_SAVING_PARAMETERS);
	for (i = 0; i < NPAGES && (!sub || sub == 0xff); i++) {
		if (code != 0x3f && code != pages[i][0])
			continue;
		page_fill(lun, pages[i], control, buf + n);
		n += pages[i][1] + 2;
	}
	if (n == start)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	header_fill(lun, form, descriptor, n, buf);
	if (descriptor)
		descriptor_fill(lun, buf + form.header);
	return scsi_reply(cmd, buf, n,
			  form.ten ? get_be16(cmd->cdb + 7) : cmd->cdb[4]);
}

/* ---- MODE SELECT ---- */

static bool descriptor_accepted(const struct scsi_lun *lun, const uint8_t *d)
{
	uint32_t len = get_be32(d + 4) & 0xffffff;

	return !len || len == lun->info->block_size;
}

/* One page of the list; its length, or 0 when it asks for the impossible. */
static unsigned int page_accept(const struct scsi_lun *lun, const uint8_t *p,
				unsigned int len, bool *write_back)
{
	uint8_t now[2 + 0x12];
	unsigned int i, k;

	for (i = 0; i < NPAGES; i++)
		if (len >= 2 && (p[0] & 0x7f) == pages[i][0])
			break;
	if (i == NPAGES || p[1] != pages[i][1] || len < p[1] + 2u)
		return 0;
	page_fill(lun, pages[i], PC_CURRENT, now);
	for (k = 2; k < p[1] + 2u; k++) {
		uint8_t free =
			pages[i] == page_caching && k == 2 ? CACHING_WCE : 0;

		if ((p[k] ^ now[k]) & ~free)
			return 0;
	}
	if (pages[i] == page_caching)
		*write_back = p[2] & CACHING_WCE;
	return p[1] + 2;
}

enum scsi_result scsi_mode_select(struct scsi_lun *lun, uint64_t luns,
				  struct scsi_cmd *cmd)
{
	struct form form = cdb_form(cmd->cdb);
	unsigned int len = form.ten ? get_be16(cmd->cdb + 7) : cmd->cdb[4];
	bool write_back = __atomic_load_n(&lun->write_back, __ATOMIC_RELAXED),
	     was = write_back;
	uint8_t buf[8 + 8 + PAGES_LEN];
	unsigned int pos, n, descriptor;

	(void)luns;
	/* Page format is a must; there is nowhere to save pages. */
	if (!(cmd->cdb[1] & 0x10) || cmd->cdb[1] & 1)
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_CDB_FIELD);
	if (!len)
		return SCSI_DONE;
	if (len < form.header || len > sizeof(buf))
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_PARAMETER_LENGTH);
	if (!scsi_param(cmd, 0, buf, len))
		return SCSI_DONE;
	descriptor = form.ten ? get_be16(buf + 6) : buf[3];
	pos = form.header + descriptor;
	if ((descriptor && descriptor != 8) || pos > len ||
	    (descriptor && !descriptor_accepted(lun, buf + form.header)))
		return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
				 ASC_INVALID_PARAMETER);
	for (; pos < len; pos += n) {
		n = page_accept(lun, buf + pos, len - pos, &write_back);
		if (!n)
			return scsi_fail(cmd, SENSE_ILLEGAL_REQUEST,
					 ASC_INVALID_PARAMETER);
	}
	cmd->transferred = len;
	__atomic_store_n(&lun->write_back, write_back, __ATOMIC_RELAXED);
	if (!was || write_back)
		return SCSI_DONE;
	/* What was cached until now must not stay so. */
	cmd->nsteps = 1;
	cmd->own[0] = (struct scsi_step){ .op = DISK_FLUSH };
	return SCSI_DISK;
}
