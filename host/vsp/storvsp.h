/* SPDX-License-Identifier: GPL-2.0 */
/*
 * storvsp: a synthetic SCSI controller with up to 64 LUNs.  Server thread for
 * all calls here; I/O runs on the controller's own workers, one per channel.
 */
#ifndef VSP_STORVSP_H
#define VSP_STORVSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/disk/disk.h"
#include "vmbus/vmbus.h"

#define STORVSP_LUNS 64

struct storvsp;

struct storvsp_config {
	unsigned int number; /* controller 0..3; goes into the instance GUID */
	unsigned int processors; /* of the VM: decides how many sub-channels */
	uint16_t max_version;	 /* STOR_VERSION_*; 0: newest */
	uint32_t max_transfer;	 /* bytes; 0: default */
	struct guid_reg vm_id;	 /* serial numbers and WWNs derive from it */
};

int storvsp_create(struct vmbus_server *srv, const struct storvsp_config *cfg,
		   struct storvsp **out);
/* Revokes the offer; gone(arg) when nothing of it is left (disks closed too). */
void storvsp_destroy(struct storvsp *s, void (*gone)(void *arg), void *arg);

/* Takes `disk` over on success.  lun -1: the lowest free.  Returns the LUN or
 * -EBUSY (taken), -ENOSPC (all in use), -EINVAL.  Tells a connected child. */
int storvsp_add(struct storvsp *s, int lun, struct disk *disk);
/* Hot remove: new commands are refused at once; done(arg) when the last one
 * under way has ended and the disk is closed. -ENOENT. */
int storvsp_remove(struct storvsp *s, unsigned int lun, void (*done)(void *arg),
		   void *arg);
/* The file has a new size: look and tell the child. */
int storvsp_resize(struct storvsp *s, unsigned int lun);

struct storvsp_lun_info {
	unsigned int lun;
	struct disk_info disk;
	const char *path, *format;
	char serial[40], wwn[40];
	uint64_t reads, writes, flushes, discards, errors;
	uint64_t bytes_read, bytes_written;
	uint64_t bytes_copied; /* of disk data, by the root */
	unsigned int in_flight;
	const char *state; /* "ok", or in some words what is wrong */
};
/* Fills *out; -ENOENT. */
int storvsp_lun_info(struct storvsp *s, unsigned int lun,
		     struct storvsp_lun_info *out);
/* Sum over its workers. */
void storvsp_worker_stats(struct storvsp *s, struct worker_stats *out);
/* No new requests are started until resumed; done(arg) when quiet. */
void storvsp_pause(struct storvsp *s, void (*done)(void *arg), void *arg);
void storvsp_resume(struct storvsp *s);

#endif
