/* SPDX-License-Identifier: GPL-2.0 */
/* vmwp's command line.  Nothing is opened here; see docs/man/vmwp.1. */
#ifndef VMWP_OPTIONS_H
#define VMWP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/log.h"

#define OPTIONS_CONTROLLERS 4
#define OPTIONS_LUNS	    64
#define OPTIONS_DISKS	    (OPTIONS_CONTROLLERS * OPTIONS_LUNS)
#define OPTIONS_CARDS	    8
#define OPTIONS_FORWARDS    32
#define OPTIONS_SERIALS	    2
#define OPTIONS_FAULTS	    64
#define OPTIONS_MEMORY_MIN  (64ull << 20)
#define OPTIONS_MEMORY_MAX  (1ull << 40)

/* file=PATH[,format=raw|null][,readonly=on|off][,direct=on|off][,size=SIZE]
 * [,controller=N][,lun=N]; ",," stands for a comma within a path. */
struct scsi_spec {
	char *path;
	char *format; /* NULL: raw */
	bool readonly, direct;
	uint64_t size;	 /* bytes, of format=null */
	char serial[33]; /* 32 lower-case hexadecimal digits, or empty */
	unsigned int controller;
	int lun; /* -1: the lowest free */
};

/*
 * KIND[,KEY=VALUE]..., KIND: user, tap=IFNAME, socket=PATH or null; the keys are
 * in vmwp(1).  ",," stands for a comma within a path.
 */
struct net_spec {
	char *kind;
	char *target; /* interface, path; NULL: there is none */
	char *local;
	bool dgram, server, restricted;
	bool link_down; /* at first */
	bool has_mac;
	uint8_t mac[6];
	unsigned int queues; /* 0: as many as there are processors, or one */
	uint32_t mtu, rx;
	uint64_t rx_count;
	uint32_t rx_to;	  /* IPv4 address, in wire order; 0: none */
	uint32_t version; /* NVS_VERSION_*; 0: the newest */
	int card;	  /* -1: the lowest free */
	/* NULL-terminated */
	char *hostfwd[OPTIONS_FORWARDS + 1];
};

/*
 * scsiC:L:FAULT or disk:FAULT (every disk), FAULT as in backend/disk/disk.h;
 * netC:op=... or net:op=... (every card), as in backend/net/net.h; scsiC:do=...,
 * netC:do=... or bus:do=..., as in vmbus/fault.h.
 */
struct fault_spec {
	bool vmbus;
	bool net;
	int card;	     /* of a network; -1: every one */
	int controller, lun; /* of a disk; -1: every one */
	char *fault;	     /* for who knows what it means */
};

/* Checked, but kept as text: it is taken apart where the card is made. */
struct net_option {
	const char *text; /* of argv */
	int card;	  /* that it names, or -1 */
};

struct options {
	const char *kernel, *initrd, *cmdline; /* of argv */
	uint64_t memory;		       /* bytes, a multiple of 1 MiB */
	unsigned int processors;
	unsigned int nodes; /* of NUMA; processors are a multiple of it */
	struct scsi_spec scsi[OPTIONS_DISKS];
	unsigned int nscsi;
	struct net_option net[OPTIONS_CARDS];
	unsigned int nnets;
	const char *capture;
	const char *serial[OPTIONS_SERIALS]; /* NULL: absent */
	unsigned int nserial;
	const char *control, *stats, *name;
	uint32_t vmbus_version; /* VMB_VERSION_*; 0: the newest */
	struct fault_spec fault[OPTIONS_FAULTS];
	unsigned int nfaults;
	bool no_reboot;
	enum log_level log_level;
	bool help, version; /* nothing else was looked at */
};

/* 0 or -EINVAL with one line in why.  options_free() in either case. */
int options_parse(int argc, char **argv, struct options *opt, char *why,
		  size_t why_len);
void options_free(struct options *opt);
/* What --help prints. */
const char *options_usage(void);
/* 0 or -EINVAL with one line in why; f->fault is the caller's to free. */
int fault_spec_parse(const char *text, struct fault_spec *f, char *why,
		     size_t why_len);
/* Is it a fault of disks, and concerns that one? */
bool fault_spec_matches(const struct fault_spec *f, unsigned int controller,
			unsigned int lun);
/* The same of cards. */
bool fault_spec_matches_card(const struct fault_spec *f, unsigned int card);

/* 0 or -EINVAL/-ENOMEM with one line in why; free in either case. */
int scsi_spec_parse(const char *text, struct scsi_spec *spec, char *why,
		    size_t why_len);
void scsi_spec_free(struct scsi_spec *spec);

/* The same for cards. */
int net_spec_parse(const char *text, struct net_spec *spec, char *why,
		   size_t why_len);
void net_spec_free(struct net_spec *spec);
/* What "net0" or "0" means, or -EINVAL. */
int net_card_parse(const char *text, unsigned int *card);
/* A unicast address as 00:15:5d:00:00:01; 0 or -EINVAL. */
int net_mac_parse(const char *text, uint8_t mac[6]);
/* "6.1", or "" for 0. */
const char *net_version_name(uint32_t version);

#endif
