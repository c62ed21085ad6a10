/* SPDX-License-Identifier: GPL-2.0 */
/* Private to host/chipset: the port (serial.c) and its far end (serial_line.c). */
#ifndef CHIPSET_SERIAL_VAR_H
#define CHIPSET_SERIAL_VAR_H

#include <pthread.h>
#include <termios.h>

#include "serial.h"
#include "util/log.h"
#include "util/socket_file.h"

#define RX_ROOM 4096u	     /* what was typed ahead; a power of two */
#define TX_ROOM (256u << 10) /* a power of two */

/* The far end of the line. */
struct line {
	/* Output: VP threads put, the writer thread takes.  lock guards. */
	pthread_mutex_t lock;
	pthread_cond_t cond;
	pthread_t writer;
	bool writer_up, writer_sleeps, stop;
	bool failed; /* writing to peer number `peers` did */
	unsigned int peers;
	char *tx;		 /* ring; NULL: output goes nowhere */
	size_t tx_head, tx_tail; /* free-running */
	uint64_t tx_dropped;	 /* oldest bytes, given up for newer ones */
	int write_err;		 /* of the last write; 0: it was fine */

	/* Descriptors: the owner's thread changes them; `out` under both locks,
	 * lock first, so that either keeps it from being closed. */
	pthread_mutex_t io_lock;
	int out; /* -1: nobody there */
	bool out_is_socket, out_is_peer;
	int in; /* -1: nothing to read from */
	int listener;
	int again;  /* a timer: listens again, after want of descriptors */
	int epoll;  /* what serial_input_fd() hands out */
	int always; /* stands for an `in` that can't be polled */
	struct socket_file file;

	bool raw;    /* saved is to be put back */
	bool escape; /* Ctrl-A was typed */
	struct termios saved;
};

struct serial {
	struct serial_config cfg;
	char name[8];
	struct line line;
	struct log_limit limit; /* the writer thread's lines */

	/* The registers; guarded by lock. */
	pthread_mutex_t lock;
	unsigned char ier, lcr, mcr, scr, dll, dlm;
	bool fifo, thr_pending, irq_level;
	unsigned char rx[RX_ROOM];
	size_t rx_head, rx_tail; /* free-running */
	bool rx_stalled;	 /* input waits for room */
};

int line_open(struct serial *s, char *why, size_t why_len);
/* False: a thread of it is still at work, and needs all of `s`. */
bool line_close(struct serial *s);
void line_put(struct serial *s, unsigned char c);
/* There is room again. */
void line_unstall(struct serial *s);
/* Bytes for the guest: returns how many there was room for. */
size_t serial_receive(struct serial *s, const unsigned char *buf, size_t len);
size_t serial_room(struct serial *s);

#endif
