// SPDX-License-Identifier: GPL-2.0
/*
 * SCSI controllers and what hangs on them.  Controller 0 is always there, so
 * that a disk can be added to a child which began without any; the others come
 * with their first disk and stay.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/disk/disk.h"
#include "vmwp.h"

#define SCSI_END_SECONDS 30

static int controller_get(struct vmwp *w, unsigned int number, char *why,
			  size_t why_len)
{
	struct storvsp_config cfg = {
		.number = number,
		.processors = w->opt->processors,
		.vm_id = w->vm_id,
	};
	int err;

	if (w->scsi[number])
		return 0;
	if (w->scsi_going[number]) {
		snprintf(why, why_len,
			 "controller %u is being removed: try again when that "
			 "is done",
			 number);
		return -EBUSY;
	}
	err = storvsp_create(w->srv, &cfg, &w->scsi[number]);
	if (err) {
		w->scsi[number] = NULL;
		snprintf(why, why_len, "cannot make SCSI controller %u: %s",
			 number, strerror(-err));
	}
	return err;
}

int scsi_controller_add(struct vmwp *w, unsigned int controller, char *why,
			size_t why_len)
{
	if (controller >= OPTIONS_CONTROLLERS) {
		snprintf(why, why_len, "there are controllers 0 to %d only",
			 OPTIONS_CONTROLLERS - 1);
		return -EINVAL;
	}
	if (w->scsi[controller]) {
		snprintf(why, why_len, "there is a controller %u already",
			 controller);
		return -EEXIST;
	}
	return controller_get(w, controller, why, why_len);
}

struct going {
	struct vmwp *w;
	unsigned int controller;
	void (*done)(void *arg);
	void *arg;
};

static void controller_gone(void *arg)
{
	struct going *g = arg;

	g->w->scsi_going[g->controller] = false;
	if (g->done)
		g->done(g->arg);
	free(g);
}

int scsi_controller_remove(struct vmwp *w, unsigned int controller,
			   void (*done)(void *arg), void *arg)
{
	struct storvsp *s;
	struct going *g;

	if (controller >= OPTIONS_CONTROLLERS || !w->scsi[controller])
		return -ENOENT;
	g = malloc(sizeof(*g));
	if (!g)
		return -ENOMEM;
	*g = (struct going){ w, controller, done, arg };
	s = w->scsi[controller];
	w->scsi[controller] = NULL;
	w->scsi_going[controller] = true;
	storvsp_destroy(s, controller_gone, g);
	return 0;
}

/* Faults by LUN need to know it before the disk is given away. */
static int choose_lun(struct vmwp *w, const struct scsi_spec *spec)
{
	struct storvsp_lun_info info;
	unsigned int lun;

	if (spec->lun >= 0)
		return spec->lun;
	for (lun = 0; lun < STORVSP_LUNS; lun++)
		if (storvsp_lun_info(w->scsi[spec->controller], lun, &info) ==
		    -ENOENT)
			return lun;
	return -ENOSPC;
}

static int wrap_faults(struct vmwp *w, unsigned int controller,
		       unsigned int lun, struct disk **disk, char *why,
		       size_t why_len)
{
	const struct options *opt = w->opt;
	unsigned int i;

	for (i = 0; i < opt->nfaults; i++) {
		int err;

		if (!fault_spec_matches(&opt->fault[i], controller, lun))
			continue;
		err = disk_fault_wrap(*disk, opt->fault[i].fault, disk, why,
				      why_len);
		if (err)
			return err;
	}
	return 0;
}

static int attach(struct vmwp *w, const struct scsi_spec *spec,
		  struct disk *disk, char *why, size_t why_len)
{
	int lun = choose_lun(w, spec), err;

	if (lun >= 0) {
		err = wrap_faults(w, spec->controller, lun, &disk, why,
				  why_len);
		if (err) {
			disk_close(disk);
			return err;
		}
		lun = storvsp_add(w->scsi[spec->controller], lun, disk);
	}
	if (lun < 0)
		disk_close(disk);
	if (lun == -EBUSY)
		snprintf(why, why_len,
			 "controller %u has a disk with lun %d already: choose "
			 "another lun",
			 spec->controller, spec->lun);
	else if (lun == -ENOSPC)
		snprintf(why, why_len,
			 "controller %u is full: choose another controller",
			 spec->controller);
	else if (lun < 0)
		snprintf(why, why_len, "cannot add the disk: %s",
			 strerror(-lun));
	return lun;
}

static int serial_taken(unsigned int controller,
			const struct storvsp_lun_info *info, void *arg)
{
	(void)controller;
	return strcmp(info->serial, arg) ? 0 : -EEXIST;
}

int scsi_add(struct vmwp *w, const struct scsi_spec *spec,
	     unsigned int *controller, unsigned int *lun, char *why,
	     size_t why_len)
{
	struct disk_options opt = {
		.path = spec->path,
		.format = spec->format,
		.readonly = spec->readonly,
		.direct = spec->direct,
		.size = spec->size,
		.serial = *spec->serial ? spec->serial : NULL,
	};
	struct disk *disk;
	int err = controller_get(w, spec->controller, why, why_len);

	if (!err && *spec->serial) {
		err = scsi_each(w, serial_taken, (void *)spec->serial);
		if (err)
			snprintf(why, why_len,
				 "there is a disk with serial=%s already",
				 spec->serial);
	}
	if (!err)
		err = disk_open(&opt, &disk, why, why_len);
	if (err)
		return err;
	err = attach(w, spec, disk, why, why_len);
	if (err < 0)
		return err;
	*controller = spec->controller;
	*lun = err;
	return 0;
}

int scsi_remove(struct vmwp *w, unsigned int controller, unsigned int lun,
		void (*done)(void *arg), void *arg)
{
	if (controller >= OPTIONS_CONTROLLERS || !w->scsi[controller])
		return -ENOENT;
	return storvsp_remove(w->scsi[controller], lun, done, arg);
}

int scsi_resize(struct vmwp *w, unsigned int controller, unsigned int lun,
		uint64_t *size)
{
	struct storvsp_lun_info info;
	int err;

	if (controller >= OPTIONS_CONTROLLERS || !w->scsi[controller])
		return -ENOENT;
	err = storvsp_resize(w->scsi[controller], lun);
	if (!err)
		err = storvsp_lun_info(w->scsi[controller], lun, &info);
	if (!err)
		*size = info.disk.size;
	return err;
}

int scsi_each(struct vmwp *w,
	      int (*fn)(unsigned int controller,
			const struct storvsp_lun_info *info, void *arg),
	      void *arg)
{
	struct storvsp_lun_info info;
	unsigned int c, lun;
	int err;

	for (c = 0; c < OPTIONS_CONTROLLERS; c++)
		for (lun = 0; w->scsi[c] && lun < STORVSP_LUNS; lun++) {
			if (storvsp_lun_info(w->scsi[c], lun, &info))
				continue;
			err = fn(c, &info, arg);
			if (err)
				return err;
		}
	return 0;
}

/* Disks whose LUN was named come first: the others take what is left. */
static int add_all(struct vmwp *w, bool named, char *why, size_t why_len)
{
	unsigned int i, controller, lun;
	char detail[256];
	int err;

	for (i = 0; i < w->opt->nscsi; i++) {
		const struct scsi_spec *spec = &w->opt->scsi[i];

		if ((spec->lun >= 0) != named)
			continue;
		err = scsi_add(w, spec, &controller, &lun, detail,
			       sizeof(detail));
		if (err) {
			snprintf(why, why_len, "--scsi: %s", detail);
			return err;
		}
	}
	return 0;
}

int scsi_create(struct vmwp *w, char *why, size_t why_len)
{
	int err = controller_get(w, 0, why, why_len);

	if (!err)
		err = add_all(w, true, why, why_len);
	if (!err)
		err = add_all(w, false, why, why_len);
	if (err)
		scsi_destroy(w);
	return err;
}

void scsi_destroy(struct vmwp *w)
{
	unsigned int c;

	for (c = 0; c < OPTIONS_CONTROLLERS; c++)
		if (scsi_controller_remove(w, c, NULL, NULL) == -ENOMEM)
			log_err("vmwp", "out of memory");
	for (c = 0; c < OPTIONS_CONTROLLERS; c++) {
		/* A file on a dead server may take for ever; the user does not wait. */
		if (!loop_wait(w, &w->scsi_going[c], false, SCSI_END_SECONDS))
			continue;
		log_err("vmwp", "scsi%u: requests do not end", c);
		control_destroy(w);
		board_destroy(w);
		_Exit(VMWP_EXIT_INTERNAL);
	}
}
