// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "chipset/serial.h"
#include "vmwp.h"

struct com {
	struct vmwp *w;
	struct serial *serial;
	unsigned int irq;
	int fd;				/* watched, or -1 */
	sd_event_source *source;
};

struct board {
	struct com com[OPTIONS_SERIALS];
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

static void com_watch(struct com *com);

static void com_input(void *arg)
{
	struct com *com = arg;

	serial_input_ready(com->serial);
	com_watch(com);
}

/*
 * Regular files cannot be polled (-EPERM): input from one is not supported,
 * the port simply has no input then.
 */
static void com_watch(struct com *com)
{
	int fd = serial_input_fd(com->serial);

	if (fd == com->fd)
		return;
	com->source = sd_event_source_disable_unref(com->source);
	com->fd = fd;
	if (fd >= 0 && loop_watch(com->w, fd, com_input, com, &com->source))
		com->source = NULL;
}

static int com_create(struct vmwp *w, unsigned int number, char *why, size_t why_len)
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
	com->fd = -1;
	com->irq = number ? BOARD_COM2_IRQ : BOARD_COM1_IRQ;
	if (!cfg.target)
		return 0;
	err = serial_create(&cfg, &com->serial, why, why_len);
	if (err) {
		com->serial = NULL;
		return err;
	}
	com_watch(com);
	return 0;
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

/* VP's thread. */
static bool power_pio(struct vmwp *w, uint16_t port, bool write, uint8_t *value)
{
	switch (port) {
	case BOARD_SLEEP_PORT:
		if (write && (*value & BOARD_SLEEP_ENABLE))
			vm_end(w->vm, VM_END_POWER_OFF, "powered off");
		break;
	case BOARD_SLEEP_PORT + 1:
		break;
	case BOARD_RESET_PORT:
		if (write && *value == BOARD_RESET_VALUE)
			vm_end(w->vm, VM_END_RESET, "reset register");
		break;
	case BOARD_KBD_PORT:
		if (write && *value == BOARD_KBD_RESET)
			vm_end(w->vm, VM_END_RESET, "keyboard controller");
		break;
	case BOARD_CF9_PORT:
		if (write && (*value & BOARD_CF9_RESET))
			vm_end(w->vm, VM_END_RESET, "port 0xcf9");
		break;
	default:
		return false;
	}
	if (!write)
		*value = port == BOARD_KBD_PORT ? 0xff : 0;
	return true;
}

/* VP's thread. */
void board_pio(struct vmwp *w, uint16_t port, bool write, void *buf, unsigned int size)
{
	unsigned int i;

	for (i = 0; i < OPTIONS_SERIALS; i++)
		if (w->board->com[i].serial &&
		    serial_pio(w->board->com[i].serial, port, write, buf, size))
			return;
	if (size == 1 && power_pio(w, port, write, buf))
		return;
	if (!write)
		memset(buf, 0xff, size);
}
