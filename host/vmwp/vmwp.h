/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The worker of one virtual machine: its rooms put together.  Private to
 * host/vmwp.  All of it runs on the main thread, which is the VMBus server's
 * thread too, save where a comment says otherwise.
 */
#ifndef VMWP_VMWP_H
#define VMWP_VMWP_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "hv/hv.h"
#include "hv/types_reg.h"
#include "options.h"
#include "util/log.h"
#include "util/mailbox.h"
#include "vm/vm.h"
#include "vmbus/server.h"
#include "vsp/netvsp.h"
#include "vsp/storvsp.h"

#define VMWP_VERSION "0.1"

enum vmwp_exit {
	VMWP_EXIT_POWER_OFF = 0,
	VMWP_EXIT_SETUP = 1,
	VMWP_EXIT_CRASH = 2,
	VMWP_EXIT_RESET = 3,
	VMWP_EXIT_INTERNAL = 4,
};

enum vmwp_state { VMWP_RUNNING, VMWP_PAUSED, VMWP_CRASHED, VMWP_STOPPING };

struct bridge;
struct board;
struct control;
struct cards;

/* What the child wrote into its crash registers. */
struct crash {
	uint64_t param[5], control;
};

struct loop_time {
	uint64_t longest_ns, longest_cpu_ns;
};

struct loop_stats {
	uint64_t turns;
	struct loop_time turn; /* any */
	struct loop_time call; /* deferred calls, and other threads' */
	uint64_t calls;
	unsigned int most_waiting;
};

struct vmwp {
	const struct options *opt;
	sd_event *event;
	struct mailbox *mailbox;
	struct loop_stats loop;
	struct vm *vm;
	struct hv *hv;
	sd_event_source *resample; /* hv_resample_fd() */
	struct bridge *bridge;
	struct vmbus_server *srv;
	struct board *board;
	struct storvsp *scsi[OPTIONS_CONTROLLERS];
	bool scsi_going[OPTIONS_CONTROLLERS]; /* being taken away */
	struct cards *cards;
	struct control *control;

	enum vmwp_state state;
	bool started; /* the VPs' threads run */
	bool paused;  /* by the user */
	bool resetting, finished;
	bool crashed; /* since the last reset */
	struct crash crash;
	unsigned int resets;
	uint32_t vmbus_version; /* of the connection; 0: none */
	enum vmwp_exit status;
	struct log_limit ends; /* lines about ends of the child */
	uint64_t start_ns;     /* CLOCK_MONOTONIC */
	struct guid_reg vm_id;
};

/* devices.c: everything, in order; undone in reverse. 0 or -errno and why. */
int devices_create(struct vmwp *w, char *why, size_t why_len);
void devices_destroy(struct vmwp *w);

/* loop.c */
int loop_create(struct vmwp *w, char *why, size_t why_len);
void loop_destroy(struct vmwp *w);
/*
 * What the first event is that is there, or comes in `timeout_us`: the main thread
 * is busy with it for one turn.  0 or more, or -errno.
 */
int loop_turn(struct vmwp *w, uint64_t timeout_us);
void loop_get_stats(const struct vmwp *w, struct loop_stats *out);
/*
 * Any thread: fn(arg) on the main thread.  Without memory the process ends, and so
 * it does when far more calls wait than there can be.
 */
void loop_post(struct vmwp *w, mailbox_fn fn, void *arg);
/* Main thread: fn(arg) after `ms`, if the loop still runs then.  0 or -errno. */
int loop_post_ms(struct vmwp *w, uint32_t ms, void (*fn)(void *arg), void *arg);
/* Calls fn whenever fd has input; fn runs on the main thread. */
int loop_watch(struct vmwp *w, int fd, void (*fn)(void *arg), void *arg,
	       sd_event_source **out);
/* Runs the loop until *flag is `value` or `seconds` are over: 0 or -ETIMEDOUT. */
int loop_wait(struct vmwp *w, const bool *flag, bool value,
	      unsigned int seconds);
/* Sets a bool: the usual done(arg) for loop_wait(). */
void loop_done(void *flag);

/* bridge.c: VMBus server and VSPs upon host/hv */
int bridge_create(struct vmwp *w, char *why, size_t why_len);
void bridge_destroy(struct vmwp *w);
void bridge_drop(struct vmwp *w); /* what the child posted and nobody read */
struct bridge_stats {
	uint64_t messages, refused_full, refused_bad;
};
void bridge_get_stats(const struct vmwp *w, struct bridge_stats *out);

/* board.c: serial ports, power and reset ports */
int board_create(struct vmwp *w, char *why, size_t why_len);
void board_destroy(struct vmwp *w);
void board_reset(struct vmwp *w);
void board_pio(struct vmwp *w, uint16_t port, bool write, void *buf,
	       unsigned int size);

/* boot.c: ACPI tables, kernel, initrd and command line into memory. */
int boot_create(struct vmwp *w, char *why, size_t why_len);

/* scsi.c: controllers and their disks */
int scsi_create(struct vmwp *w, char *why, size_t why_len);
void scsi_destroy(struct vmwp *w);
/* 0 or -errno and why; *controller and *lun: where it went. */
int scsi_add(struct vmwp *w, const struct scsi_spec *spec,
	     unsigned int *controller, unsigned int *lun, char *why,
	     size_t why_len);
/* A controller without disks; with all its disks.  scsi_add() makes one too. */
int scsi_controller_add(struct vmwp *w, unsigned int controller, char *why,
			size_t why_len);
int scsi_controller_remove(struct vmwp *w, unsigned int controller,
			   void (*done)(void *arg), void *arg);
int scsi_remove(struct vmwp *w, unsigned int controller, unsigned int lun,
		void (*done)(void *arg), void *arg);
int scsi_resize(struct vmwp *w, unsigned int controller, unsigned int lun,
		uint64_t *size);
/* Calls fn for every disk; until it returns nonzero, which is then returned. */
int scsi_each(struct vmwp *w,
	      int (*fn)(unsigned int controller,
			const struct storvsp_lun_info *info, void *arg),
	      void *arg);

/* net.c: network cards */
int cards_create(struct vmwp *w, char *why, size_t why_len);
void cards_destroy(struct vmwp *w);
/* Writes out what was captured; -ENOENT: nothing is. */
int cards_flush(struct vmwp *w);
/* `text` as of --net. 0 or -errno and why; *number: which card it is. */
int card_add(struct vmwp *w, const char *text, unsigned int *number, char *why,
	     size_t why_len);
/*
 * Pulls its cable, and takes it away when the child is silent, after three seconds
 * at the latest.  done(arg), on the main thread, when nothing of it is left.
 */
int card_remove(struct vmwp *w, unsigned int number, void (*done)(void *arg),
		void *arg);
int card_set_link(struct vmwp *w, unsigned int number, bool up);
/*
 * What makes the same card with another address; the caller frees it.  NULL:
 * there is none, or no memory.
 */
char *card_description(struct vmwp *w, unsigned int number,
		       const uint8_t mac[6]);
/* Calls fn for every card; until it returns nonzero, which is then returned. */
int card_each(struct vmwp *w,
	      int (*fn)(unsigned int number, struct netvsp *vsp, void *arg),
	      void *arg);

/* life.c: what becomes of the VM */
int life_start(struct vmwp *w, char *why, size_t why_len);
int life_pause(struct vmwp *w); /* 0, -EALREADY or -EBUSY */
int life_resume(struct vmwp *w);
void life_reset(struct vmwp *w);
void life_finish(struct vmwp *w, enum vmwp_exit status);
const char *life_state(const struct vmwp *w);
/* Any thread. */
void life_on_end(struct vmwp *w, enum vm_end end, const char *why);
void life_on_crash(struct vmwp *w, const uint64_t param[5], uint64_t control);
/* Main thread. */
void life_on_connected(struct vmwp *w, uint32_t version);

/* stats.c: the caller puts the object. NULL: no memory. */
struct json_object *stats_collect(struct vmwp *w);
struct json_object *stats_cards(struct vmwp *w); /* stats_net.c */
/* 0 or -errno. */
int stats_write(struct vmwp *w, const char *path);
int stats_check(const char *path, char *why, size_t why_len);

/* control.c */
int control_create(struct vmwp *w, char *why, size_t why_len);
void control_destroy(struct vmwp *w);
void control_state_changed(struct vmwp *w);
void control_version_changed(struct vmwp *w);
void control_crashed(struct vmwp *w, const struct crash *crash);
void control_disk(struct vmwp *w, bool added, unsigned int controller,
		  unsigned int lun);
void control_card(struct vmwp *w, bool added, unsigned int number);

#endif
