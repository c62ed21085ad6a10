/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of hv_vmbus.ko share: the bus's state and who calls whom.
 * Nothing outside kernel/vmbus includes this.
 *
 * Threads: "process" may sleep; "softirq" is a tasklet; "hardirq" is the
 * SynIC interrupt.  Lock order, outermost first:
 *	cpus_read_lock() -> vmb_lock() -> vmb.req_lock
 */
#ifndef VMBUS_VAR_H
#define VMBUS_VAR_H

#include <linux/static_call.h>
#include <linux/tracepoint.h>
#include <linux/hyperv.h>
#include <linux/completion.h>
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "hv/tlfs_reg.h"
#include "hv/vmbus_reg.h"
#include "vmbus_iface.h"

/*
 * What the root owes us is waited for this many seconds, replies to requests as
 * long as reply_timeout (msg.c) says.  A root which answers at all does so in
 * milliseconds; a minute leaves room for one that is being migrated or is short
 * of CPU.
 */
#define VMB_REPLY_TIMEOUT_S	60

/* CPU which gets all messages of the root and all low-rate channels. */
#define VMB_CONNECT_CPU		0

#define VMB_RELID_NONE		U32_MAX

/* An offer whose instance is still there, but about to go. */
struct vmb_late_offer {
	struct list_head node;		/* of the intake; its lock */
	struct vmb_offer offer;
};

/* A channel as this module keeps it; drivers see only .ch. */
struct vmb_chan {
	struct vmbus_channel ch;	/* first: interface with the drivers */

	/*
	 * Held by: the bus's list; the device (primary) or the kobject (both)
	 * from creation to release; queued work; vmb_chan_get() callers.
	 */
	struct kref ref;

	struct work_struct remove_work;	/* on vmb.remove_wq or vmb.sub_remove_wq */
	struct delayed_work retry_work;	/* on vmb.add_wq; of primaries */
	struct vmb_chan *before;	/* offered just before, with a reference */
	struct completion added;	/* the driver's probe has returned */
	struct completion rescinded;

	/* Under the outbound ring's lock; see batch.h. */
	u32 batches;			/* begun and not ended */
	bool signal_owed;

	/* All below: under vmb_lock(). */
	bool listed;			/* in chn_list or sc_list, and table */
	bool removing;			/* somebody has claimed the removal */
	bool kobj_live;			/* vmb_sysfs_channel_add() succeeded */
	bool await_offer;		/* resume: not yet offered again */
	bool strayed;			/* a move timed out, to: */
	u32 stray_cpu;
	struct vmb_late_offer *next;	/* to be looked at when this has gone */

	bool move_owed;			/* the answer to one; READ_ONCE */

	/*
	 * The rings' memory that the root hasn't given back, until it is freed.
	 * Of who opens, closes or frees the rings; see lent.c.
	 */
	struct vmb_debt *ring_debt;
};

static inline struct vmb_chan *vmb_chan(struct vmbus_channel *channel)
{
	return container_of(channel, struct vmb_chan, ch);
}

/* A request that waits for its reply; lives on the waiter's stack. */
struct vmb_request {
	struct list_head node;		/* vmb.requests, under vmb.req_lock */
	struct completion done;
	struct vmbus_channel *channel;	/* woken by its rescind; or NULL */
	u32 reply_type;			/* VMB_MSG_* */
	u32 key[2];			/* what the reply must echo */
	u32 patience_s;			/* then it fails: -ETIMEDOUT */
	int error;			/* -ENODEV when rescinded */
	union {
		struct vmb_version_response version;
		struct vmb_open_result open;
		struct vmb_gpadl_created created;
		struct vmb_modify_channel_resp modify;
	} reply;			/* private copy, valid if !error */
};

/* Per CPU: the SynIC's pages. */
struct vmb_cpu {
	struct tlfs_message_page *messages;
	struct tlfs_flags_page *flags;
	struct tasklet_struct msg_tasklet;
	/* Channels that target this CPU; vmb_lock() */
	unsigned int channels;
	unsigned int spread;	/* those of them that are spread */
	unsigned int siblings;	/* place.c: of the device looked at */
};

struct vmb_state {
	u32 msg_connection;		/* for HvPostMessage */
	bool connected;			/* vmb_connect() .. UNLOAD */
	bool suspended;
	atomic_t next_gpadl;
	struct completion unloaded;	/* UNLOAD_RESPONSE seen */
	bool unload_owed;		/* it has not been; READ_ONCE */

	spinlock_t req_lock;		/* softirq-safe; guards requests */
	struct list_head requests;

	struct list_head channels;	/* primaries, by listentry; vmb_lock() */
	/* relid to channel; writers: vmb_lock(), readers: RCU */
	struct vmbus_channel __rcu *relid[VMB_RELIDS];

	struct vmb_cpu __percpu *cpu;
	int cpuhp_state;		/* > 0 once set up */

	struct workqueue_struct *add_wq;	/* primaries */
	struct workqueue_struct *sub_wq;	/* sub-channels */
	struct workqueue_struct *remove_wq;	/* rescinds, in parallel */
	struct workqueue_struct *sub_remove_wq;	/* those of sub-channels */

	struct device *root_dev;	/* parent of all devices; bus.c sets it */
};

extern struct vmb_state vmb;

/*
 * Guards the channel lists, sc_list of every primary, the relid table and the
 * flags of struct vmb_chan.  It is the mutex of the exported variable because
 * uio_hv_generic takes that one to walk a primary's sc_list.  Never held
 * while waiting for the root.
 */
static inline void vmb_lock(void)
{
	mutex_lock(&vmbus_connection.channel_mutex);
}

static inline void vmb_unlock(void)
{
	mutex_unlock(&vmbus_connection.channel_mutex);
}

static inline void vmb_assert_locked(void)
{
	lockdep_assert_held(&vmbus_connection.channel_mutex);
}

/*
 * ---- connection.c ----
 */
/* Allocates pages, negotiates.  Process.  SynIC must be up.  -errno. */
int vmb_connect(void);
/* Resume: same pages, exactly @version again. */
int vmb_reconnect(u32 version);
/* UNLOAD with a bounded wait; then frees the pages.  Process. */
void vmb_disconnect(void);
/* @crash: called in a panic: polls, takes no lock, allocates nothing. */
void vmb_unload(bool crash);
/* Any context; false: not connected */
bool vmb_monitor_signal(struct vmbus_channel *channel);

/*
 * ---- msg.c ----
 */
/* HvPostMessage with retries; process context; -errno. */
int vmb_post(const void *msg, size_t len, bool can_sleep);
void vmb_request_init(struct vmb_request *req, struct vmbus_channel *channel,
		      u32 reply_type, u32 key0, u32 key1);
/* Queue before posting, so that the reply can't be missed. */
int vmb_request_begin(struct vmb_request *req);
/* 0, -ENODEV (rescinded), -ETIMEDOUT.  Unlinks the request. */
int vmb_request_wait(struct vmb_request *req);
/* Posting failed: unlink. */
void vmb_request_cancel(struct vmb_request *req);
/* begin + post + wait */
int vmb_request_run(struct vmb_request *req, const void *msg, size_t len);
/* Rescind of @channel: wakes all requests that wait on it. */
void vmb_requests_abort(struct vmbus_channel *channel);
/*
 * One channel message, already copied out of shared memory; softirq.
 * false: no room to queue it, leave it in the slot and call again when
 * vmb_synic_kick() is called.
 */
bool vmb_msg_dispatch(const void *payload, size_t len);

/*
 * ---- intake.c, offer.c, rescind.c, relid.c ----
 */
int vmb_offers_init(void);		/* work queues; -errno */
void vmb_offers_exit(void);
/* From here on offers and rescinds are dropped (unload, suspend). */
void vmb_offers_stop(void);
void vmb_offers_start(void);
/* Waits until every offer and rescind seen has been worked off. */
void vmb_offers_flush(void);
/* Suspend: the same, but for devices, which neither come nor go meanwhile. */
void vmb_offers_settle(void);
/* softirq; false: queue full */
bool vmb_offer_queue(const struct vmb_offer *offer);
void vmb_rescind_queue(u32 relid);
/* Takes over @late; NULL: no-op.  Process. */
void vmb_offer_queue_late(struct vmb_late_offer *late);
void vmb_offer_process(const struct vmb_offer *offer);	/* intake only */
void vmb_rescind_process(u32 relid);			/* intake only */
void vmb_offer_forget_last(void);
/* Module exit: unregisters every device, drops every channel. */
void vmb_channels_remove_all(void);
struct vmb_chan *vmb_chan_get(struct vmb_chan *c);
void vmb_chans_wait(void);
void vmb_chan_put(struct vmb_chan *c);
/*
 * True for exactly one caller, who then must take the device away and end
 * with vmb_chan_gone(), which unlists the channel, gives the relid back to
 * the root if it was rescinded, and drops the list's reference.
 * vmbus_device_unregister() [device.c] does all of that.
 */
bool vmb_chan_claim(struct vmb_chan *c);
void vmb_chan_gone(struct vmb_chan *c);
/* A closed, rescinded sub-channel goes away here (any caller, any order). */
void vmb_sub_try_remove(struct vmb_chan *c);
/* @c: a closed sub-channel, claimed */
void vmb_chan_drop_sub(struct vmb_chan *c);
/* Claims, and takes device and channel away.  No-op if claimed already. */
void vmb_primary_remove(struct vmb_chan *c);
void vmb_chan_rescind(struct vmb_chan *c);	/* vmb_lock() held */
/* Its probe, or its driver's callback, has not returned yet. */
bool vmb_chan_is_new(const struct vmb_chan *c);
/*
 * One of the primary's sub-channels for which @is holds, with a reference, or
 * NULL.  @is is called with vmb_lock() held.
 */
struct vmb_chan *vmb_sub_find(struct vmbus_channel *primary,
			      bool (*is)(const struct vmb_chan *c));
/* A primary's; the latter takes a reference, NULL once it is claimed. */
void vmb_chan_set_device(struct vmb_chan *c, struct hv_device *dev);
struct hv_device *vmb_chan_get_device(struct vmb_chan *c);
struct vmb_chan *vmb_chan_create(const struct vmb_offer *offer);
void vmb_chan_set_offer(struct vmb_chan *c, const struct vmb_offer *offer);
/* All under vmb_lock(); the results carry no reference. */
struct vmb_chan *vmb_chan_find_relid(u32 relid);
struct vmb_chan *vmb_chan_find_instance(const guid_t *instance);
void vmb_chan_list(struct vmb_chan *c, struct vmb_chan *primary);
void vmb_chan_map(struct vmb_chan *c);
void vmb_chan_unmap(struct vmb_chan *c);
void vmb_relid_release(u32 relid);

/*
 * ---- gpadl.c, lent.c: memory in the root's hands ----
 *
 * A debt is held by who lent, until he ends it, the root having given back, or
 * leaves it with the memory, which goes when the root does so.
 */
struct vmb_debt;
/*
 * As vmbus_establish_gpadl() and vmbus_teardown_gpadl(), for memory whose owner
 * looks after the debt: on an error *late is it, or NULL when the root has, or
 * has got, nothing.
 */
int vmb_gpadl_establish(struct vmbus_channel *channel, void *buffer, u32 size,
			struct vmbus_gpadl *gpadl, struct vmb_debt **late);
/* @ask: false: the root can't be asked, and has let go only by a rescind */
int vmb_gpadl_teardown(struct vmbus_channel *channel, u32 handle, bool ask,
		       struct vmb_debt **late);
/* Process; NULL: no memory */
struct vmb_debt *vmb_debt_begin(struct vmbus_channel *channel, u32 gpadl,
				u32 bytes);
/*
 * The held one, to be paid; @ask: by an answer, too, not by a rescind alone.  NULL
 * and 0: there's none; NULL and -EBUSY: it has been left, and is still late.
 */
int vmb_debt_recall(u32 gpadl, bool ask, struct vmb_debt **found);
void vmb_debt_end(struct vmb_debt *d);
/* Not paid, and not waited for any more.  false: paid meanwhile */
bool vmb_debt_late(struct vmb_debt *d);
/* Leaves an alloc_pages() block, or (more of) the pages of a vmalloc() area. */
void vmb_debt_leave_block(struct vmb_debt *d, struct page *page,
			  unsigned int order);
void vmb_debt_leave_vmalloc(struct vmb_debt *d, void *buffer, u32 size);
/* Late debts of the channel's device.  Not in hardirq. */
bool vmb_lent_any(const struct vmbus_channel *channel);
/* The root says so, in one way or another; any context but hardirq. */
bool vmb_lent_torndown(u32 gpadl);	/* false: of no debt */
void vmb_lent_rescinded(u32 relid);
void vmb_lent_disconnected(void);
void vmb_lent_exit(void);		/* module exit, after the connection's */
struct seq_file;
void vmb_lent_show(struct seq_file *m);

/*
 * ---- place.c, target.c: which CPU a channel interrupts ----
 */
/*
 * The best of the CPUs that are online and @allowed, but @except (-1: none);
 * the connect CPU if there's no other.  vmb_lock() held, no CPU hot-plug.
 */
u32 vmb_place(const struct vmbus_channel *channel,
	      const struct cpumask *allowed, int except);
void vmb_target_choose(struct vmbus_channel *channel);	/* vmb_lock() held */
void vmb_target_drop(struct vmbus_channel *channel);	/* vmb_lock() held */
/*
 * sysfs "cpu" store: moves the channel.  Process; takes cpus_read_lock().
 * -EINVAL (CPU not online), -EIO (channel not open), -EOPNOTSUPP (before
 * 4.1), -errno.
 */
int vmb_target_set(struct vmbus_channel *channel, u32 cpu);
/*
 * A channel has left CHANNEL_OPENED_STATE: no move of it calls its driver any
 * more.  Waits for a move under way, which waits for the root.
 */
void vmb_target_settle(void);
/* CPU goes offline: moves what targets it, or -EBUSY. */
int vmb_target_evict(unsigned int cpu);
/* Has been opened, on its target CPU. */
void vmb_target_opened(struct vmb_chan *c);

/*
 * ---- modify.c ----
 */
void vmb_modify_answered(u32 relid);	/* softirq */

/*
 * ---- synic.c ----
 */
int vmb_synic_alloc(void);		/* pages of every possible CPU */
void vmb_synic_free(void);
int vmb_synic_start(void);		/* handler, hot-plug state; -errno */
void vmb_synic_stop(void);
void vmb_synic_enable(unsigned int cpu);	/* on that CPU */
void vmb_synic_disable(unsigned int cpu);	/* on that CPU */
/* Run the message tasklet of the connect CPU again. */
void vmb_synic_kick(void);
/* Crash: takes the next message out of any CPU's slot; 0 if none. */
u32 vmb_synic_poll_type(void);
/* After a crash's UNLOAD: empties every slot. */
void vmb_synic_clear(void);

/*
 * ---- event.c: from interrupt to the driver's callback ----
 */
void vmb_event_scan(struct tlfs_flags_page *flags);	/* hardirq */
void vmb_event_tasklet(unsigned long channel);		/* softirq */
void vmb_event_start(struct vmbus_channel *ch, void (*callback)(void *context),
		     void *context);
void vmb_event_stop(struct vmbus_channel *ch);

/*
 * ---- crash.c, power.c ----
 */
int vmb_crash_init(void);
void vmb_crash_exit(void);
void vmb_power_init(void);		/* syscore hooks of CPU 0's SynIC */
void vmb_power_exit(void);
/* noirq callbacks of the bus device: all drivers have suspended already. */
int vmb_suspend(void);
int vmb_resume(void);
void vmb_power_reoffered(void);			/* vmb_lock() held */
void vmb_power_all_offered(void);		/* the root says so; softirq */

/*
 * ---- devtype.c, ic.c (exports of its own) ----
 */
extern const struct vmbus_device vmbus_devs[];
u16 vmb_device_type(const struct vmbus_channel *channel);

/*
 * ---- ring.c, request.c (drivers' side of the rings) ----
 */
/* Once per channel, before anybody can see it: locks. */
void vmb_ring_prepare(struct vmbus_channel *channel);
/*
 * Maps and initialises one direction's ring; page_count includes the control
 * page; max_pkt_size 0 for the outbound ring.  -errno.
 */
int vmb_ring_init(struct hv_ring_buffer_info *ring, struct page *pages,
		  u32 page_count, u32 max_pkt_size);
/* Unmaps; idempotent. */
void vmb_ring_free(struct hv_ring_buffer_info *ring);
/* Has the root interrupt again; whether there is something to read. */
bool vmb_ring_unmask(struct vmbus_channel *channel);
/* For the log: whose channel this is.  Any context, the channel open. */
const char *vmb_chan_device_name(const struct vmbus_channel *channel);
/* size 0: no requestor */
int vmb_requestor_alloc(struct vmbus_requestor *rqstor, u32 size);
void vmb_requestor_free(struct vmbus_requestor *rqstor);

/*
 * ---- bus.c, device.c, sysfs.c, sysfs_channel.c ----
 */
extern struct bus_type vmb_bus;
extern const struct attribute_group *vmb_device_groups[];
int vmb_devices_init(void);		/* the bus; -errno */
void vmb_devices_exit(void);
/* Takes a reference to the channel, dropped by the device's release. */
struct hv_device *vmb_device_create(const guid_t *type, const guid_t *instance,
				    struct vmbus_channel *channel);
/* Adds it to the bus; probe may run inside.  -errno: put_device() is due. */
int vmb_device_register(struct hv_device *dev);
/* channels/N of a sub-channel; -ENODEV: the device is on its way out. */
int vmb_device_add_channel(struct hv_device *dev, struct vmbus_channel *channel);
/*
 * channels/N of the primary channel gets the number of its relid, which the root
 * has given anew.  A failure is told: the number is only shown, but a sub-channel
 * that gets it next can't be.
 */
void vmb_device_renumber(struct hv_device *dev);
/*
 * channels/N; takes a reference to the channel, dropped by kobject release.
 * device.c does it.
 */
int vmb_sysfs_channel_add(struct hv_device *dev, struct vmbus_channel *channel);
/* Its relid may be another than the folder's name. */
int vmb_sysfs_channel_rename(struct vmbus_channel *channel);
void vmb_sysfs_channel_remove(struct vmbus_channel *channel);
/* What monitor page @page (0: of the root, 1: ours) says of the channel. */
u32 vmb_monitor_pending(const struct vmbus_channel *channel, unsigned int page);
u32 vmb_monitor_latency(const struct vmbus_channel *channel, unsigned int page);
u32 vmb_monitor_conn_id(const struct vmbus_channel *channel, unsigned int page);

/*
 * ---- retry.c: devices whose root was silent when they were probed ----
 */
void vmb_retry_init(struct vmb_chan *c);
/* A probe has failed.  Whether there will be another one. */
bool vmb_retry_probe(struct vmb_chan *c, int err);
void vmb_retry_forget(struct vmb_chan *c);	/* it had a driver meanwhile */
void vmb_retry_end(struct vmb_chan *c);		/* off the bus; process */

/*
 * ---- debugfs.c ----
 */
void vmb_debugfs_init(void);
void vmb_debugfs_exit(void);
void vmb_debugfs_add(struct hv_device *dev);
void vmb_debugfs_remove(struct hv_device *dev);

/*
 * ---- mmio.c ----
 */
struct acpi_device;
/* Windows of @node or of its nearest ancestor that has any. */
void vmb_mmio_init(struct acpi_device *node);
void vmb_mmio_exit(void);

/*
 * Exported functions that <linux/hyperv.h> doesn't declare the same way on
 * every kernel.
 */
void vmbus_device_unregister(struct hv_device *device_obj);
#ifdef COMPAT_HAVE_RING_SYSFS
int hv_create_ring_sysfs(struct vmbus_channel *channel,
			 int (*hv_mmap_ring_buffer)(struct vmbus_channel *channel,
						    struct vm_area_struct *vma));
int hv_remove_ring_sysfs(struct vmbus_channel *channel);
#endif

#endif
