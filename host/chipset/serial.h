/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A 16550A serial port.  Output never blocks a VP for longer than the peer's
 * pipe takes; input is read by a thread or loop of the owner through
 * serial_input_fd()/serial_input_ready().
 */
#ifndef CHIPSET_SERIAL_H
#define CHIPSET_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct serial;

struct serial_config {
	uint16_t port; /* 0x3f8, 0x2f8 */
	/* "stdio", "none", "file=PATH", "unix=PATH" */
	const char *target;
	void (*irq)(void *priv, bool level);
	void *priv;
	/* stdio: called when the user typed the escape (Ctrl-A x). */
	void (*quit)(void *priv);
};

int serial_create(const struct serial_config *cfg, struct serial **out,
		  char *why, size_t why_len);
void serial_destroy(struct serial *s); /* restores the terminal */
/* VP's thread; true when the port is one of the eight. */
bool serial_pio(struct serial *s, uint16_t port, bool write, void *buf,
		unsigned int size);
/* -1 when there is nothing to read; changes when a unix peer comes or goes:
 * ask again after each serial_input_ready(). */
int serial_input_fd(const struct serial *s);
void serial_input_ready(struct serial *s);
void serial_reset(struct serial *s);

#endif
