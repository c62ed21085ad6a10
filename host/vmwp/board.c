// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "chipset/power.h"
#include "chipset/rtc.h"
#include "chipset/serial.h"
#include "vmwp.h"

#define KBD_PORT  0x64
#define KBD_RESET 0xfe
#define CF9_PORT  0xcf9
#define CF9_RESET 0x04

struct com {
	struct vmwp *w;
	struct serial *serial;
	unsigned int irq;
	sd_event_source *source;
};

struct board {
	struct com com[OPTIONS_SERIALS];
	struct rtc rtc;
};

static void com_irq(void *priv, bool level)
{
	struct com *com = priv;

	vm_irq_line(com->w->vm, com->irq, level);
}

static void quit_posted(void *arg)
{
	life_finish(arg, VMWP_EXIT_POWER_OFF);
}

static void com_quit(void *priv)
{
	struct com *com = priv;

	loop_post(com->w, quit_posted, com->w);
}

static void com_input(void *arg)
{
	serial_input_ready(((struct com *)arg)->serial);
}

static int com_create(struct vmwp *w, unsigned int number, char *why,
		      size_t why_len)
{
	struct com *com = &w->board->com[number];
	struct serial_config cfg = {
		.port = number ? BOARD_COM2_PORT : BOARD_COM1_PORT,
		.target = w->opt->serial[number],
		.irq = com_irq,
		.priv = com,
		.quit = com_quit,
	};
	int err;

	com->w = w;
	com->irq = number ? BOARD_COM2_IRQ : BOARD_COM1_IRQ;
	if (!cfg.target)
		return 0;
	err = serial_create(&cfg, &com->serial, why, why_len);
	if (err) {
		com->serial = NULL;
		return err;
	}
	err = loop_watch(w, serial_input_fd(com->serial), com_input, com,
			 &com->source);
	if (err)
		snprintf(why, why_len, "cannot watch a serial port: %s",
			 strerror(-err));
	return err;
}

int board_create(struct vmwp *w, char *why, size_t why_len)
{
	unsigned int i;
	int err = 0;

	w->board = calloc(1, sizeof(*w->board));
	if (!w->board) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	for (i = 0; i < OPTIONS_SERIALS && !err; i++)
		err = com_create(w, i, why, why_len);
	if (err)
		board_destroy(w);
	return err;
}

void board_destroy(struct vmwp *w)
{
	unsigned int i;

	if (!w->board)
		return;
	for (i = OPTIONS_SERIALS; i-- > 0;) {
		struct com *com = &w->board->com[i];

		sd_event_source_disable_unref(com->source);
		if (com->serial)
			serial_destroy(com->serial);
	}
	free(w->board);
	w->board = NULL;
}

void board_reset(struct vmwp *w)
{
	unsigned int i;

	for (i = 0; i < OPTIONS_SERIALS; i++)
		if (w->board->com[i].serial)
			serial_reset(w->board->com[i].serial);
}

/* VP's thread.  Where a kernel reaches when the ACPI way did not work. */
static bool old_reset_pio(struct vm *vm, uint16_t port, bool write,
			  const void *buf, unsigned int size)
{
	uint8_t value = *(const uint8_t *)buf;

	if (!write || size != 1)
		return false;
	if (port == KBD_PORT && value == KBD_RESET)
		vm_end(vm, VM_END_RESET, "reset by the guest (port 0x64)");
	else if (port == CF9_PORT && (value & CF9_RESET))
		vm_end(vm, VM_END_RESET, "reset by the guest (port 0xcf9)");
	else
		return false;
	return true;
}

/* VP's thread. */
void board_pio(struct vmwp *w, uint16_t port, bool write, void *buf,
	       unsigned int size)
{
	unsigned int i;

	for (i = 0; i < OPTIONS_SERIALS; i++)
		if (w->board->com[i].serial &&
		    serial_pio(w->board->com[i].serial, port, write, buf, size))
			return;
	if (power_pio(w->vm, port, write, buf, size) ||
	    rtc_pio(&w->board->rtc, port, write, buf, size) ||
	    old_reset_pio(w->vm, port, write, buf, size))
		return;
	if (!write)
		memset(buf, 0xff, size);
}
