// SPDX-License-Identifier: GPL-2.0
/*
 * The places for disks on a controller.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storvsp_var.h"

/* ---- use by requests, any thread ---- */

static bool slot_count_up(struct stor_slot *slot, uint32_t needed)
{
	uint32_t state = atomic_load(&slot->state);

	/* `needed` bits: PRESENT, or any at all. */
	while (state & needed)
		if (atomic_compare_exchange_weak(&slot->state, &state,
						 state + 1))
			return true;
	return false;
}

bool stor_slot_get(struct stor_slot *slot)
{
	return slot_count_up(slot, STOR_SLOT_PRESENT);
}

bool stor_slot_hold(struct stor_slot *slot)
{
	return slot_count_up(slot, UINT32_MAX);
}

static void slot_finish(void *arg);

void stor_slot_put(struct stor_slot *slot)
{
	if (atomic_fetch_sub(&slot->state, 1) == 1)
		vmbus_server_defer(slot->s->srv, slot_finish, slot);
}

uint64_t stor_luns(const struct storvsp *s)
{
	uint64_t luns = 0;
	enum stor_look look;
	unsigned int i;

	for (i = 0; i < STORVSP_LUNS; i++) {
		look = atomic_load(&s->slot[i].look);
		if (atomic_load_explicit(&s->slot[i].state,
					 memory_order_relaxed) &
			    STOR_SLOT_PRESENT &&
		    (look == STOR_LOOK_OPEN || look == STOR_LOOK_LISTED))
			luns |= 1ull << i;
	}
	return luns;
}

void stor_luns_forget(struct storvsp *s)
{
	unsigned int i;

	for (i = 0; i < STORVSP_LUNS; i++)
		scsi_attention_clear(&s->slot[i].scsi);
	stor_look_forget(s);
}

/* ---- identity ---- */

static uint64_t hash(uint64_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	/* FNV-1a. */
	while (len--)
		h = (h ^ *p++) * 0x100000001b3ull;
	return h;
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 27) * 0x94d049bb133111ebull;
	return h ^ h >> 31;
}

/* The same at every start with the same file, and no other disk's. */
static void slot_identity(struct stor_slot *slot)
{
	const struct storvsp_config *cfg = &slot->s->cfg;
	uint8_t place[2] = { cfg->number, slot->number };
	unsigned int i, k, byte;

	for (i = 0; i < 16 && *slot->disk->serial; i++)
		if (sscanf(slot->disk->serial + 2 * i, "%2x", &byte) == 1)
			slot->scsi.id[i] = byte;
	if (*slot->disk->serial)
		return;
	for (i = 0; i < 2; i++) {
		uint64_t h = 0xcbf29ce484222325ull + i;

		h = hash(h, &cfg->vm_id, sizeof(cfg->vm_id));
		h = hash(h, place, sizeof(place));
		h = mix(hash(h, slot->disk->identity,
			     strlen(slot->disk->identity)));
		for (k = 0; k < 8; k++)
			slot->scsi.id[8 * i + k] = h >> 8 * k;
	}
}

/* ---- add, remove, resize: server thread ---- */

void stor_luns_init(struct storvsp *s)
{
	unsigned int i;

	for (i = 0; i < STORVSP_LUNS; i++) {
		s->slot[i].number = i;
		s->slot[i].s = s;
	}
}

/*
 * A child that hasn't sent a request yet will look at all LUNs as they are by
 * then. It isn't told, as the in-tree driver takes no notice of changes well
 * until then: it crashes (a work queue that it is still to make).
 */
static void tell_child(struct storvsp *s)
{
	if (s->primary && s->primary->worker && atomic_load(&s->looked))
		stor_chan_control(s->primary, STOR_CTL_ENUMERATE);
}

void stor_luns_tell(struct storvsp *s)
{
	tell_child(s);
}

static void attention_others(struct storvsp *s,
			     const struct stor_slot *not_this)
{
	unsigned int i;

	/* Who has not looked yet has nothing to be told. */
	if (!atomic_load(&s->looked))
		return;
	for (i = 0; i < STORVSP_LUNS; i++)
		if (&s->slot[i] != not_this &&
		    atomic_load(&s->slot[i].state) & STOR_SLOT_PRESENT)
			scsi_attention(&s->slot[i].scsi, SCSI_UA_LUNS);
}

static int slot_choose(const struct storvsp *s, int lun)
{
	unsigned int i;

	if (lun >= STORVSP_LUNS || lun < -1)
		return -EINVAL;
	if (lun >= 0)
		return s->slot[lun].disk ? -EBUSY : lun;
	for (i = 0; i < STORVSP_LUNS; i++)
		if (!s->slot[i].disk)
			return i;
	return -ENOSPC;
}

int storvsp_add(struct storvsp *s, int lun, struct disk *disk)
{
	struct stor_slot *slot;

	lun = slot_choose(s, lun);
	if (lun < 0)
		return lun;
	slot = &s->slot[lun];
	slot->disk = disk;
	slot->scsi = (struct scsi_lun){
		.info = &disk->info,
		.max_transfer = s->proto.max_transfer,
		.write_back = disk->info.write_cache,
	};
	slot_identity(slot);
	stor_look_added(slot);
	slot->reads = slot->writes = slot->flushes = slot->discards =
		slot->errors = 0;
	slot->bytes_read = slot->bytes_written = slot->bytes_copied = 0;
	attention_others(s, slot);
	/* From here on requests come. */
	atomic_store(&slot->state, STOR_SLOT_PRESENT);
	log_debug(s->name, "lun %d: %s", lun, disk->path);
	tell_child(s);
	return lun;
}

/* Nobody uses the disk any more. */
static void slot_finish(void *arg)
{
	struct stor_slot *slot = arg;
	struct storvsp *s = slot->s;
	void (*removed)(void *arg) = slot->removed;
	void *removed_arg = slot->removed_arg;

	disk_close(slot->disk);
	slot->disk = NULL;
	slot->removed = NULL;
	if (removed)
		removed(removed_arg);
	storvsp_put(s);
}

static struct stor_slot *slot_present(struct storvsp *s, unsigned int lun)
{
	if (lun >= STORVSP_LUNS ||
	    !(atomic_load(&s->slot[lun].state) & STOR_SLOT_PRESENT))
		return NULL;
	return &s->slot[lun];
}

int storvsp_remove(struct storvsp *s, unsigned int lun, void (*done)(void *arg),
		   void *arg)
{
	struct stor_slot *slot = slot_present(s, lun);
	struct stor_chan *c;

	if (!slot)
		return -ENOENT;
	slot->removed = done;
	slot->removed_arg = arg;
	storvsp_get(s);
	log_debug(s->name, "lun %u: %s: removed", lun, slot->disk->path);
	if (atomic_fetch_and(&slot->state, ~STOR_SLOT_PRESENT) ==
	    STOR_SLOT_PRESENT)
		vmbus_server_defer(s->srv, slot_finish, slot);
	stor_look_removed(slot);
	LIST_FOREACH(c, &s->chans, link)
		if (c->worker)
			stor_chan_control(c, STOR_CTL_CANCEL);
	attention_others(s, slot);
	tell_child(s);
	return 0;
}

int storvsp_resize(struct storvsp *s, unsigned int lun)
{
	struct stor_slot *slot = slot_present(s, lun);
	uint64_t before;
	int err;

	if (!slot)
		return -ENOENT;
	before = slot->disk->info.size;
	err = disk_refresh(slot->disk);
	if (err || slot->disk->info.size == before)
		return err;
	scsi_attention(&slot->scsi, SCSI_UA_CAPACITY);
	tell_child(s);
	return 0;
}

void stor_luns_close(struct storvsp *s)
{
	unsigned int i;

	for (i = 0; i < STORVSP_LUNS; i++)
		disk_close(s->slot[i].disk);
}

static const char *slot_state(const struct stor_slot *slot)
{
	if (disk_lost(slot->disk))
		return "write-back failed";
	return atomic_load(&slot->look) == STOR_LOOK_OPEN ? "ok" : "hidden";
}

int storvsp_lun_info(struct storvsp *s, unsigned int lun,
		     struct storvsp_lun_info *out)
{
	struct stor_slot *slot = slot_present(s, lun);

	if (!slot)
		return -ENOENT;
	*out = (struct storvsp_lun_info){
		.lun = lun,
		.disk = slot->disk->info,
		.path = slot->disk->path,
		.format = slot->disk->format,
		.reads = slot->reads,
		.writes = slot->writes,
		.flushes = slot->flushes,
		.discards = slot->discards,
		.errors = slot->errors,
		.bytes_read = slot->bytes_read,
		.bytes_written = slot->bytes_written,
		.bytes_copied = slot->bytes_copied,
		.in_flight = atomic_load(&slot->state) & ~STOR_SLOT_PRESENT,
		.state = slot_state(slot),
	};
	scsi_serial(&slot->scsi, out->serial);
	scsi_wwn(&slot->scsi, out->wwn);
	return 0;
}
