// SPDX-License-Identifier: GPL-2.0
/*
 * hv_storvsc: the child partition's driver for synthetic SCSI controllers,
 * IDE-accelerated disks and synthetic Fibre Channel adapters.
 *
 * Each controller is a VMBus device with a primary channel and, where the
 * host has some to give, sub-channels. It appears as a SCSI host whose
 * hardware queues share one tag set; a request goes out on the channel whose
 * interrupts come to the submitting processor, or one near it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blk-mq.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "storvsc_var.h"
#include "vmbus/param.h"

#define CONNECT_TIMEOUT		(60 * HZ)	/* each step */
#define RESUME_TIMEOUT		(10 * HZ)	/* with all else asleep */
#define WATCH_PERIOD		(HZ / 2)

#define MAX_QUEUE		8192
#define MAX_LUNS		256
#define SCSI_CHANNELS		8
#define SCSI_TARGETS		2
#define FC_CHANNELS		8
#define FC_TARGETS		128

/* Ring bytes of the largest request that many small ones are counted as. */
#define QUEUE_ENTRY		(sizeof(struct vmbus_packet_mpb_array) +  \
				 MAX_MULTIPAGE_BUFFER_COUNT * sizeof(u64) + \
				 sizeof(struct stor_pkt) + sizeof(u64))

int storvsc_logging_level = STORVSC_LOG_ERROR;
vmb_param(logging_level, storvsc_logging_level, int, STORVSC_LOG_NONE,
	  STORVSC_LOG_WARN, 0644);
MODULE_PARM_DESC(logging_level,
		 "Which failed requests are logged: 0 none, 1 errors (default), 2 warnings, too");

static int storvsc_ringbuffer_size = 128 * 1024;
vmb_param(storvsc_ringbuffer_size, storvsc_ringbuffer_size, int, SZ_32K, SZ_1M,
	  0444);
MODULE_PARM_DESC(storvsc_ringbuffer_size,
		 "Bytes of each ring of each channel (default 131072)");

static unsigned int storvsc_max_hw_queues;
vmb_param(storvsc_max_hw_queues, storvsc_max_hw_queues, uint, 0, INT_MAX, 0644);
MODULE_PARM_DESC(storvsc_max_hw_queues,
		 "Most hardware queues of an adapter, 0 for one per processor (default)");

int storvsc_cpus_per_sub = 4;
vmb_param(storvsc_vcpus_per_sub_channel, storvsc_cpus_per_sub, int, 1, INT_MAX,
	  0444);
MODULE_PARM_DESC(storvsc_vcpus_per_sub_channel,
		 "Processors that share one channel, if the host grants so many (default 4)");

/* NULL where the bus has no such thing. */
const struct vmb_batch_ops *storvsc_batch;
const struct vmb_lent_ops *storvsc_lent;

int storvsc_ring_lowater = 10;
vmb_param(ring_avail_percent_lowater, storvsc_ring_lowater, int, 0, 90, 0444);
MODULE_PARM_DESC(ring_avail_percent_lowater,
		 "Use another channel when a ring has no more than this free, in percent (default 10)");

unsigned int storvsc_timeout = 180;
vmb_param(storvsc_timeout, storvsc_timeout, uint, 1, 86400, 0644);
MODULE_PARM_DESC(storvsc_timeout,
		 "Seconds until an unanswered request is taken for lost, for devices found from now on (default 180)");

unsigned int storvsc_timeout_retries = 1;
vmb_param(storvsc_timeout_retries, storvsc_timeout_retries, uint, 0, 100, 0644);
MODULE_PARM_DESC(storvsc_timeout_retries,
		 "How often a lost request is sent again before it fails (default 1)");

unsigned int storvsc_reset_timeout = 10;
vmb_param(storvsc_reset_timeout, storvsc_reset_timeout, uint, 1, 3600, 0644);
MODULE_PARM_DESC(storvsc_reset_timeout,
		 "Seconds the host has for answering a reset, and for the requests it concerns (default 10)");

unsigned int storvsc_silence_limit;
vmb_param(storvsc_silence_limit, storvsc_silence_limit, uint, 0, 86400, 0644);
MODULE_PARM_DESC(storvsc_silence_limit,
		 "Seconds that a host which answers nothing at all is waited for, 0 for as long as it takes (default)");

/* Guards the way from a bus device to the adapter bound to it. */
static DEFINE_SPINLOCK(binding_lock);

u32 storvsc_chan_ring_bytes(void)
{
	return VMBUS_RING_SIZE(storvsc_ringbuffer_size);
}

bool storvsc_host_rescinded(struct storvsc_host *sh)
{
	return READ_ONCE(sh->hv->channel->rescind);
}

/*
 * For the one who is about to open a sub-channel: the adapter, which stays
 * until storvsc_host_put_opener(), or NULL when it wants no channels.
 */
struct storvsc_host *storvsc_host_get_opener(struct hv_device *hv)
{
	struct storvsc_host *sh;
	bool ready = false;

	spin_lock_bh(&binding_lock);
	sh = hv_get_drvdata(hv);
	if (sh) {
		spin_lock(&sh->chan_lock);
		ready = sh->state == STORVSC_READY;
		sh->openers += ready;
		spin_unlock(&sh->chan_lock);
	}
	spin_unlock_bh(&binding_lock);
	return ready ? sh : NULL;
}

void storvsc_host_put_opener(struct storvsc_host *sh)
{
	spin_lock_bh(&sh->chan_lock);
	sh->openers--;
	wake_up(&sh->opener_wait);
	spin_unlock_bh(&sh->chan_lock);
}

static void bind(struct hv_device *hv, struct storvsc_host *sh)
{
	spin_lock_bh(&binding_lock);
	hv_set_drvdata(hv, sh);
	spin_unlock_bh(&binding_lock);
}

/* Disks have no geometry; this is the one large disks have always claimed. */
static int bios_param(struct scsi_device *sdev, struct block_device *bdev,
		      sector_t capacity, int *geometry)
{
	const u32 heads = 255, sectors = 63;

	geometry[0] = heads;
	geometry[1] = sectors;
	geometry[2] = min_t(u64, div_u64(capacity, heads * sectors), 0xffff);
	return 0;
}

static struct scsi_host_template host_template = {
	.module = THIS_MODULE,
	.name = "storvsc_host_t",
	.proc_name = "storvsc_host",
	.queuecommand = storvsc_io_queue,
	.commit_rqs = storvsc_hold_commit,
	.eh_timed_out = storvsc_err_timed_out,
	.eh_abort_handler = storvsc_err_abort,
	.eh_device_reset_handler = storvsc_err_reset_lun,
	.eh_host_reset_handler = storvsc_err_reset_host,
	.slave_alloc = storvsc_scan_lun_alloc,
	.slave_configure = storvsc_scan_lun_configure,
	.change_queue_depth = scsi_change_queue_depth,
	.bios_param = bios_param,
	.shost_groups = storvsc_attr_groups,
	.cmd_per_lun = 2048,
	.this_id = -1,
	.virt_boundary_mask = HV_HYP_PAGE_SIZE - 1,
	.track_queue_depth = 1,
	.skip_settle_delay = 1,
	.host_tagset = 1,
};

static void lost_work(struct work_struct *work)
{
	storvsc_chan_fail_lost(container_of(work, struct storvsc_host,
					    lost_work));
}

/*
 * The host was silent when the machine woke up. Requests wait for it in the block
 * layer, as they do for one that falls silent when it's awake.
 */
static void reopen_work(struct work_struct *work)
{
	struct storvsc_host *sh = container_of(work, struct storvsc_host,
					       reopen_work);

	mutex_lock(&sh->lock);
	if (READ_ONCE(sh->state) == STORVSC_CLOSED)
		storvsc_err_reopen(sh);
	mutex_unlock(&sh->lock);
}

/*
 * While probe, remove or suspend hold the device, the bus can't tell that it
 * was rescinded; requests they wait for must end all the same.
 */
static void watch_work(struct work_struct *work)
{
	struct storvsc_host *sh = container_of(to_delayed_work(work),
					       struct storvsc_host, watch_work);

	if (storvsc_host_rescinded(sh))
		storvsc_err_gone(sh);
	schedule_delayed_work(&sh->watch_work, WATCH_PERIOD);
}

static u32 sub_channels_wanted(enum storvsc_kind kind)
{
	if (kind == STORVSC_IDE)
		return 0;
	return (num_online_cpus() - 1) / storvsc_cpus_per_sub;
}

static void set_addressing(struct storvsc_host *sh)
{
	unsigned int most = READ_ONCE(storvsc_max_hw_queues);
	struct Scsi_Host *shost = sh->shost;

	switch (sh->kind) {
	case STORVSC_FC:
		shost->max_channel = FC_CHANNELS - 1;
		shost->max_id = FC_TARGETS;
		shost->max_lun = MAX_LUNS;
		break;
	case STORVSC_SCSI:
		shost->max_channel = SCSI_CHANNELS - 1;
		shost->max_id = SCSI_TARGETS;
		shost->max_lun = MAX_LUNS;
		break;
	case STORVSC_IDE:
		shost->max_channel = 0;
		shost->max_id = storvsc_scan_ide_target(sh->hv) + 1;
		shost->max_lun = 1;
		break;
	}
	shost->max_cmd_len = STOR_CDB_MAX;
	shost->nr_hw_queues = 1;
	if (sh->kind != STORVSC_IDE) {
		shost->nr_hw_queues = num_present_cpus();
		if (most)
			shost->nr_hw_queues = min(shost->nr_hw_queues, most);
	}
}

/* How many requests the rings take, and how large they may be. */
static void set_limits(struct storvsc_host *sh)
{
	u32 per_ring = (storvsc_chan_ring_bytes() - HV_HYP_PAGE_SIZE) /
		       QUEUE_ENTRY;
	u32 max_transfer = storvsc_proto_max_transfer(sh);
	struct Scsi_Host *shost = sh->shost;

	shost->can_queue = clamp_t(u32, per_ring * sh->nr_chans *
				   (100 - storvsc_ring_lowater) / 100,
				   1, MAX_QUEUE);
	shost->max_sectors = max_transfer >> SECTOR_SHIFT;
	shost->sg_tablesize = (max_transfer >> HV_HYP_PAGE_SHIFT) + 1;
}

static int init_host(struct storvsc_host *sh)
{
	u32 i;

	xa_init(&sh->luns);
	storvsc_silence_init(sh);
	spin_lock_init(&sh->chan_lock);
	spin_lock_init(&sh->ctrl_wait_lock);
	mutex_init(&sh->lock);
	mutex_init(&sh->ctrl_lock);
	init_completion(&sh->ctrl_done);
	init_waitqueue_head(&sh->opener_wait);
	INIT_WORK(&sh->lost_work, lost_work);
	INIT_WORK(&sh->reopen_work, reopen_work);
	INIT_DELAYED_WORK(&sh->watch_work, watch_work);

	sh->nr_chans = sub_channels_wanted(sh->kind) + 1;
	sh->chans = kcalloc(sh->nr_chans, sizeof(*sh->chans), GFP_KERNEL);
	sh->cpu_chan = kcalloc(nr_cpu_ids, sizeof(*sh->cpu_chan), GFP_KERNEL);
	if (!sh->chans || !sh->cpu_chan)
		return -ENOMEM;
	for (i = 0; i < sh->nr_chans; i++) {
		sh->chans[i].sh = sh;
		sh->chans[i].heard = jiffies;
	}
	return storvsc_scan_init(sh);
}

static void free_host(struct storvsc_host *sh)
{
	/* A sub-channel's opener that never returned still uses all of it. */
	if (sh->openers) {
		dev_err(&sh->hv->device,
			"a sub-channel never opened: its memory is lost\n");
		__module_get(THIS_MODULE);
		return;
	}
	storvsc_silence_free(sh);
	storvsc_scan_free(sh);
	storvsc_io_free(sh);
	kfree(sh->cpu_chan);
	kfree(sh->chans);
	scsi_host_put(sh->shost);
}

static int connect(struct storvsc_host *sh)
{
	int err;

	mutex_lock(&sh->lock);
	err = storvsc_proto_connect(sh, CONNECT_TIMEOUT);
	if (!err) {
		set_limits(sh);
		err = storvsc_io_alloc(sh);
	}
	if (!err)
		storvsc_proto_subchannels(sh, CONNECT_TIMEOUT);
	mutex_unlock(&sh->lock);
	return err;
}

/* For good: nothing is sent afterwards, and no callback runs. */
static void disconnect(struct storvsc_host *sh)
{
	/* Who has the lock, and waits for a silent host, gives up. */
	storvsc_chan_set_state(sh, STORVSC_GONE);
	mutex_lock(&sh->lock);
	storvsc_chan_close_all(sh);
	storvsc_io_fail(sh, NULL, DID_NO_CONNECT);
	mutex_unlock(&sh->lock);
	cancel_work_sync(&sh->lost_work);
	cancel_work_sync(&sh->reopen_work);
}

static int attach(struct storvsc_host *sh)
{
	int err;

	storvsc_fc_host_init(sh);
	err = scsi_add_host(sh->shost, &sh->hv->device);
	if (err)
		return err;
	err = storvsc_fc_host_add(sh);
	if (err)
		goto remove_host;
	storvsc_scan_start(sh);
	if (sh->kind == STORVSC_IDE)
		err = scsi_add_device(sh->shost, 0,
				      storvsc_scan_ide_target(sh->hv), 0);
	else
		scsi_scan_host(sh->shost);
	if (!err)
		return 0;

	storvsc_scan_stop(sh);
remove_host:
	storvsc_fc_host_remove(sh);
	scsi_remove_host(sh->shost);
	return err;
}

static int storvsc_probe(struct hv_device *hv,
			 const struct hv_vmbus_device_id *id)
{
	struct storvsc_host *sh;
	struct Scsi_Host *shost;
	int err;

	shost = scsi_host_alloc(&host_template, sizeof(*sh));
	if (!shost)
		return -ENOMEM;
	sh = shost_priv(shost);
	sh->shost = shost;
	sh->hv = hv;
	sh->kind = id->driver_data;
	err = init_host(sh);
	if (err)
		goto free;
	set_addressing(sh);
	dma_set_min_align_mask(&hv->device, HV_HYP_PAGE_SIZE - 1);

	bind(hv, sh);
	schedule_delayed_work(&sh->watch_work, WATCH_PERIOD);
	err = connect(sh);
	if (!err)
		err = attach(sh);
	cancel_delayed_work_sync(&sh->watch_work);
	if (!err)
		return 0;

	bind(hv, NULL);
	disconnect(sh);
free:
	free_host(sh);
	return err;
}

/*
 * For as long as it takes: what the disks still have to write, and the caches that
 * they flush last, would be lost with a host that is only silent. Who doesn't care
 * sets storvsc_silence_limit, also while this waits; a rescind ends it at once.
 */
static HV_REMOVE_RETURN storvsc_remove(struct hv_device *hv)
{
	struct storvsc_host *sh = hv_get_drvdata(hv);

	if (storvsc_host_rescinded(sh)) {
		storvsc_err_gone(sh);
		/* Whoever was submitting has by then; end that, too. */
		synchronize_rcu();
		storvsc_err_gone(sh);
	}
	schedule_delayed_work(&sh->watch_work, WATCH_PERIOD);
	storvsc_scan_stop(sh);
	storvsc_fc_host_remove(sh);
	scsi_remove_host(sh->shost);
	cancel_delayed_work_sync(&sh->watch_work);

	bind(hv, NULL);
	disconnect(sh);
	free_host(sh);
	return HV_REMOVE_DONE;
}

/* Error handling keeps the lock while it waits for a silent host. */
static bool lock_in_time(struct storvsc_host *sh)
{
	unsigned long deadline = jiffies + storvsc_reset_timeout * HZ;

	while (!mutex_trylock(&sh->lock)) {
		if (time_after(jiffies, deadline))
			return false;
		msleep(20);
	}
	return true;
}

/* What the host has told meanwhile was heard by nobody. */
static void scan_again(struct storvsc_host *sh)
{
	storvsc_scan_start(sh);
	storvsc_scan_event(sh);
}

/* Hibernation: nothing submits any more; the channel is opened anew later. */
static int storvsc_suspend(struct hv_device *hv)
{
	struct storvsc_host *sh = hv_get_drvdata(hv);
	int err = 0;

	storvsc_scan_stop(sh);
	if (!lock_in_time(sh)) {
		scan_again(sh);
		return -EBUSY;
	}
	storvsc_chan_set_state(sh, STORVSC_CLOSED);
	synchronize_rcu();
	if (storvsc_err_drain(sh, NULL, storvsc_reset_timeout * HZ)) {
		/*
		 * The host has no request. Of what else it was lent it lets go
		 * with the connection, which ends next, if not now.
		 */
		storvsc_chan_close_all(sh);
	} else {
		storvsc_chan_set_state(sh, STORVSC_READY);
		err = -EBUSY;
	}
	mutex_unlock(&sh->lock);
	if (err)
		scan_again(sh);
	return err;
}

static int storvsc_resume(struct hv_device *hv)
{
	struct storvsc_host *sh = hv_get_drvdata(hv);
	int err;

	mutex_lock(&sh->lock);
	err = storvsc_proto_connect(sh, RESUME_TIMEOUT);
	if (!err) {
		storvsc_proto_subchannels(sh, RESUME_TIMEOUT);
	} else if (storvsc_err_may_pass(err) && !storvsc_host_rescinded(sh)) {
		queue_work(system_unbound_wq, &sh->reopen_work);
		err = 0;
	} else {
		storvsc_chan_set_state(sh, STORVSC_DEAD);
	}
	mutex_unlock(&sh->lock);
	scan_again(sh);
	return err;
}

static const struct hv_vmbus_device_id id_table[] = {
	{ HV_SCSI_GUID, .driver_data = STORVSC_SCSI },
	{ HV_IDE_GUID, .driver_data = STORVSC_IDE },
	{ HV_SYNTHFC_GUID, .driver_data = STORVSC_FC },
	{ },
};
MODULE_DEVICE_TABLE(vmbus, id_table);

static struct hv_driver storvsc_driver = {
	.name = KBUILD_MODNAME,
	.id_table = id_table,
	.probe = storvsc_probe,
	.remove = storvsc_remove,
	.suspend = storvsc_suspend,
	.resume = storvsc_resume,
	.driver = {
		.probe_type = PROBE_PREFER_ASYNCHRONOUS,
	},
};

static void put_symbols(void)
{
	if (storvsc_batch)
		symbol_put(vmb_batch);
	if (storvsc_lent)
		symbol_put(vmb_lent);
}

static int __init storvsc_init(void)
{
	int err;

	storvsc_batch = symbol_get(vmb_batch);
	storvsc_lent = symbol_get(vmb_lent);
	err = storvsc_fc_init();
	if (err)
		goto put_symbols;
	err = vmbus_driver_register(&storvsc_driver);
	if (!err)
		return 0;

	storvsc_fc_exit();
put_symbols:
	put_symbols();
	return err;
}

static void __exit storvsc_exit(void)
{
	vmbus_driver_unregister(&storvsc_driver);
	storvsc_fc_exit();
	put_symbols();
}

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Hyper-V virtual storage driver");
module_init(storvsc_init);
module_exit(storvsc_exit);
