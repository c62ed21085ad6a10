// SPDX-License-Identifier: GPL-2.0
/*
 * Which LUNs there are: hot add, hot remove, changes of a LUN, and what each
 * device is told about this transport when it's found.
 *
 * Events are bits that a work item collects, never allocations: none gets
 * lost, and a host that sends many causes no more than one scan at a time.
 */
#include <linux/bitops.h>
#include <linux/blkdev.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi_devinfo.h>

#include "storvsc_var.h"

#define TUR_TIMEOUT	(10 * HZ)
#define TUR_RETRIES	3

/* IDE-accelerated disks carry their place in the instance's second field. */
u32 storvsc_scan_ide_target(const struct hv_device *hv)
{
	return hv->dev_instance.b[5] << 8 | hv->dev_instance.b[4];
}

static void queue_scan_work(struct storvsc_host *sh, struct work_struct *work)
{
	unsigned long flags;

	spin_lock_irqsave(&sh->scan_lock, flags);
	if (sh->scanning)
		queue_work(sh->wq, work);
	spin_unlock_irqrestore(&sh->scan_lock, flags);
}

/* ENUMERATE_BUS or REMOVE_DEVICE: look what is there. Any context. */
void storvsc_scan_event(struct storvsc_host *sh)
{
	queue_scan_work(sh, &sh->scan_work);
}

/* Something about one LUN changed. Any context. */
void storvsc_scan_lun_event(struct storvsc_host *sh, struct scsi_device *sdev,
			    enum storvsc_lun_flag flag)
{
	struct storvsc_lun *lun = sdev->hostdata;

	/* While a LUN is being probed, the prober draws the conclusions. */
	if (sdev->sdev_state == SDEV_CREATED)
		return;
	set_bit(flag, &lun->flags);
	queue_scan_work(sh, &sh->lun_work);
}

static void lun_work(struct work_struct *work)
{
	struct storvsc_host *sh = container_of(work, struct storvsc_host,
					       lun_work);
	struct scsi_device *sdev;
	struct storvsc_lun *lun;

	shost_for_each_device(sdev, sh->shost) {
		lun = sdev->hostdata;
		if (test_and_clear_bit(STORVSC_LUN_ABSENT, &lun->flags))
			scsi_remove_device(sdev);
		else if (test_and_clear_bit(STORVSC_LUN_RESCAN, &lun->flags))
			scsi_rescan_device(sdev);
	}
}

/*
 * Ask each known LUN whether it's still there (the answer to an absent one
 * marks it), then look for new ones.
 */
static void scan_work(struct work_struct *work)
{
	struct storvsc_host *sh = container_of(work, struct storvsc_host,
					       scan_work);
	struct Scsi_Host *shost = sh->shost;
	struct scsi_device *sdev;
	u32 channel, id;

	shost_for_each_device(sdev, shost)
		scsi_test_unit_ready(sdev, TUR_TIMEOUT, TUR_RETRIES, NULL);
	lun_work(&sh->lun_work);

	if (sh->kind == STORVSC_IDE) {
		scsi_add_device(shost, 0, storvsc_scan_ide_target(sh->hv), 0);
		return;
	}
	for (channel = 0; channel <= shost->max_channel; channel++) {
		for (id = 0; id < shost->max_id; id++) {
			if (READ_ONCE(sh->state) == STORVSC_GONE ||
			    !READ_ONCE(sh->scanning))
				return;
			scsi_scan_target(&shost->shost_gendev, channel, id,
					 SCAN_WILD_CARD, SCSI_SCAN_RESCAN);
		}
	}
}

int storvsc_scan_init(struct storvsc_host *sh)
{
	spin_lock_init(&sh->scan_lock);
	INIT_WORK(&sh->scan_work, scan_work);
	INIT_WORK(&sh->lun_work, lun_work);
	/*
	 * Frozen with the programs when the machine hibernates: a scan then would
	 * wait for a disk that takes no commands, and the disk's suspend for it.
	 */
	sh->wq = alloc_ordered_workqueue("storvsc_error_wq_%d", WQ_FREEZABLE,
					 sh->shost->host_no);
	return sh->wq ? 0 : -ENOMEM;
}

/* Once there are no devices. */
void storvsc_scan_free(struct storvsc_host *sh)
{
	struct storvsc_lun *lun;
	unsigned long key;

	if (sh->wq)
		destroy_workqueue(sh->wq);
	xa_for_each(&sh->luns, key, lun)
		kfree(lun);
	xa_destroy(&sh->luns);
}

/* The adapter is registered: from here on events lead to scans. */
void storvsc_scan_start(struct storvsc_host *sh)
{
	spin_lock_irq(&sh->scan_lock);
	sh->scanning = true;
	spin_unlock_irq(&sh->scan_lock);
}

/*
 * No scan runs afterwards; one that was due is forgotten. Waits for the command of
 * one that runs, so that a silent host keeps this waiting, too. May sleep.
 */
void storvsc_scan_stop(struct storvsc_host *sh)
{
	spin_lock_irq(&sh->scan_lock);
	sh->scanning = false;
	spin_unlock_irq(&sh->scan_lock);
	cancel_work_sync(&sh->scan_work);
	cancel_work_sync(&sh->lun_work);
}

static struct storvsc_lun *find_lun(struct storvsc_host *sh,
				    const struct scsi_device *sdev)
{
	unsigned long key = sdev->channel << 24 | sdev->id << 8 | sdev->lun;
	struct storvsc_lun *lun = xa_load(&sh->luns, key);

	if (lun)
		return lun;
	lun = kzalloc(struct_size(lun, load, sh->nr_chans), GFP_KERNEL);
	if (lun && xa_err(xa_store(&sh->luns, key, lun, GFP_KERNEL))) {
		kfree(lun);
		lun = NULL;
	}
	return lun;
}

int storvsc_scan_lun_alloc(struct scsi_device *sdev)
{
	struct storvsc_lun *lun = find_lun(shost_priv(sdev->host), sdev);

	if (!lun)
		return -ENOMEM;
	lun->flags = 0;
	sdev->hostdata = lun;
	/*
	 * Hosts claim SPC-2 and have the pages of SPC-3 all the same. Their
	 * DVD drives inquire as "unknown" but report LUNs.
	 */
	sdev->sdev_bflags = BLIST_REPORTLUN2 | BLIST_TRY_VPD_PAGES;
	return 0;
}

int storvsc_scan_lun_configure(struct scsi_device *sdev)
{
	struct storvsc_host *sh = shost_priv(sdev->host);
	bool virtual_disk = !strncmp(sdev->vendor, "Msft", 4);

	blk_queue_rq_timeout(sdev->request_queue, storvsc_timeout * HZ);

	/* Hosts don't know MAINTENANCE IN. */
	sdev->no_report_opcodes = 1;
	/*
	 * WRITE SAME is tried where the host is of a kind that may have it;
	 * the disk driver stops at the first refusal.
	 */
	sdev->no_write_same = !virtual_disk || sh->version < STOR_VERSION_6_2;
	/* With SPC-2, which these hosts claim, TRIM would not be looked for. */
	if (virtual_disk && sh->version < STOR_VERSION_6_2 &&
	    sdev->scsi_level < SCSI_SPC_3)
		sdev->scsi_level = SCSI_SPC_3;
	return 0;
}
