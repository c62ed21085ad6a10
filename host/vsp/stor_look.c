// SPDX-License-Identifier: GPL-2.0
/*
 * What the child knows of the places for disks.
 *
 * A child that is paused, or busy, does not see that a disk has gone and
 * another has come to its place: to it that is one disk, and the file system
 * of the first would write into the second.  So a disk that comes to a place
 * where the child knows another is hidden, as if there were none, until the
 * child has let go of the former:
 *
 *   - Commands to the place are refused (no such LUN), by which the child
 *     learns that its disk is gone.
 *   - Linux drops it some time after that, and does not look for LUNs that it
 *     still knows.  That it has dropped it shows when it lists the LUNs twice
 *     (it is asked to) without a command to this one in between: as part of
 *     looking for changes it tries each disk that it knows.  A child of another
 *     kind sees that the list lacks the LUN.
 *   - A command that it sent before may still lie in the ring of a sub-channel:
 *     all channels must have read their rings.
 *   - The new disk is in the list then.  INQUIRY, with which a child begins,
 *     opens it; any other command is from somebody who knows the former disk,
 *     and all begins anew.
 *
 * A child that sets the controller up anew may be another, which begins with
 * INQUIRY, or the same, which has slept meanwhile and does not.  A disk that has
 * come since is in the list for it at once.
 */
#include "storvsp_var.h"

static void look_set(struct stor_slot *slot, enum stor_look look)
{
	atomic_store(&slot->look, look);
	slot->awaited = false;
}

static bool is_hidden(const struct stor_slot *slot)
{
	enum stor_look look = atomic_load(&slot->look);

	return look == STOR_LOOK_HIDDEN || look == STOR_LOOK_SETTLING;
}

void stor_look_init(struct storvsp *s)
{
	pthread_mutex_init(&s->look_lock, NULL);
}

void stor_look_destroy(struct storvsp *s)
{
	pthread_mutex_destroy(&s->look_lock);
}

void stor_look_forget(struct storvsp *s)
{
	unsigned int i;

	pthread_mutex_lock(&s->look_lock);
	for (i = 0; i < STORVSP_LUNS; i++) {
		struct stor_slot *slot = &s->slot[i];

		if (slot->known)
			slot->known = STOR_KNOWN_BEFORE;
		if (is_hidden(slot))
			look_set(slot, STOR_LOOK_LISTED);
	}
	pthread_mutex_unlock(&s->look_lock);
}

void stor_look_added(struct stor_slot *slot)
{
	struct storvsp *s = slot->s;

	pthread_mutex_lock(&s->look_lock);
	if (!slot->known)
		look_set(slot, STOR_LOOK_OPEN);
	else if (slot->known == STOR_KNOWN_NOW && atomic_load(&s->ready))
		look_set(slot, STOR_LOOK_HIDDEN);
	else
		look_set(slot, STOR_LOOK_LISTED);
	pthread_mutex_unlock(&s->look_lock);
}

void stor_look_removed(struct stor_slot *slot)
{
	pthread_mutex_lock(&slot->s->look_lock);
	slot->lists = 0;
	pthread_mutex_unlock(&slot->s->look_lock);
}

/* A command to a place with no disk, or with one that the child must not see. */
static void refused(struct stor_slot *slot)
{
	struct storvsp *s = slot->s;
	bool again;

	pthread_mutex_lock(&s->look_lock);
	slot->lists = 0;
	again = atomic_load(&slot->look) == STOR_LOOK_LISTED ||
		atomic_load(&slot->look) == STOR_LOOK_SETTLING;
	if (again)
		look_set(slot, STOR_LOOK_HIDDEN);
	pthread_mutex_unlock(&s->look_lock);
	if (again)
		storvsp_want_scan(s);
}

/* May an INQUIRY be answered by the disk that is there? */
static bool inquiry(struct stor_slot *slot, const uint8_t *cdb)
{
	bool standard = !(cdb[1] & 1), hidden;

	pthread_mutex_lock(&slot->s->look_lock);
	hidden = is_hidden(slot);
	if (standard && !hidden) {
		if (atomic_load(&slot->look) == STOR_LOOK_LISTED)
			scsi_attention_clear(&slot->scsi);
		look_set(slot, STOR_LOOK_OPEN);
		slot->known = STOR_KNOWN_NOW;
	}
	pthread_mutex_unlock(&slot->s->look_lock);
	return !hidden;
}

/* A child may use a disk without having asked for it: then it knows it, too. */
static bool may_use(struct stor_slot *slot, const uint8_t *cdb)
{
	bool open = atomic_load(&slot->look) == STOR_LOOK_OPEN;

	if (!open || cdb[0] == SCSI_REPORT_LUNS ||
	    atomic_load(&slot->known) == STOR_KNOWN_NOW)
		return open;
	pthread_mutex_lock(&slot->s->look_lock);
	slot->known = STOR_KNOWN_NOW;
	pthread_mutex_unlock(&slot->s->look_lock);
	return true;
}

bool stor_look_use(struct stor_slot *slot, const uint8_t *cdb)
{
	/* First, so that it is this disk about which is decided. */
	bool there = stor_slot_get(slot), use = there;

	if (there && cdb[0] == SCSI_INQUIRY)
		use = inquiry(slot, cdb);
	else if (there)
		use = may_use(slot, cdb);
	if (!use && cdb[0] != SCSI_INQUIRY && cdb[0] != SCSI_REPORT_LUNS)
		refused(slot);
	if (there && !use)
		stor_slot_put(slot);
	return use;
}

void stor_look_list(struct storvsp *s)
{
	bool again = false;
	unsigned int i;

	pthread_mutex_lock(&s->look_lock);
	for (i = 0; i < STORVSP_LUNS; i++) {
		struct stor_slot *slot = &s->slot[i];
		bool hidden = atomic_load(&slot->look) == STOR_LOOK_HIDDEN;

		if (!slot->known ||
		    (!hidden && atomic_load(&slot->state) & STOR_SLOT_PRESENT))
			continue;
		if (slot->lists++ && hidden)
			look_set(slot, atomic_load(&s->serving) > 1 ?
					       STOR_LOOK_SETTLING :
					       STOR_LOOK_LISTED);
		/* Also then: Linux looks at LUN 0 before it lists, not after. */
		again |= hidden;
	}
	pthread_mutex_unlock(&s->look_lock);
	if (again)
		storvsp_want_scan(s);
}

bool stor_look_awaits(struct storvsp *s)
{
	bool any = false;
	unsigned int i;

	pthread_mutex_lock(&s->look_lock);
	for (i = 0; i < STORVSP_LUNS; i++)
		if (atomic_load(&s->slot[i].look) == STOR_LOOK_SETTLING)
			any = s->slot[i].awaited = true;
	pthread_mutex_unlock(&s->look_lock);
	return any;
}

void stor_look_settled(struct storvsp *s)
{
	unsigned int i;

	pthread_mutex_lock(&s->look_lock);
	for (i = 0; i < STORVSP_LUNS; i++)
		/* No command to it was among what was read. */
		if (s->slot[i].awaited)
			look_set(&s->slot[i], STOR_LOOK_LISTED);
	pthread_mutex_unlock(&s->look_lock);
}
