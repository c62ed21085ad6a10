// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of a 16550A.  The line is infinitely fast: a byte written is
 * gone, so the transmitter is always empty, and the interrupt for that is due
 * again at once.  The interrupt line is told only when it changes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "serial_var.h"

enum { R_DATA, R_IER, R_IIR_FCR, R_LCR, R_MCR, R_LSR, R_MSR, R_SCR };

#define IER_RX	     0x01
#define IER_TX	     0x02
#define IER_MASK     0x0f
#define IIR_NONE     0x01
#define IIR_TX	     0x02
#define IIR_RX	     0x04
#define IIR_FIFO     0xc0
#define FCR_ENABLE   0x01
#define FCR_CLEAR_RX 0x02
#define LCR_DLAB     0x80
#define MCR_DTR	     0x01
#define MCR_RTS	     0x02
#define MCR_OUT1     0x04
#define MCR_OUT2     0x08
#define MCR_LOOP     0x10
#define MCR_MASK     0x1f
#define LSR_DATA     0x01
#define LSR_TX_EMPTY 0x60
#define MSR_CTS	     0x10
#define MSR_DSR	     0x20
#define MSR_RI	     0x40
#define MSR_DCD	     0x80

static bool rx_any(const struct serial *s)
{
	return s->rx_head != s->rx_tail;
}

static unsigned char iir(const struct serial *s)
{
	if ((s->ier & IER_RX) && rx_any(s))
		return IIR_RX;
	if ((s->ier & IER_TX) && s->thr_pending)
		return IIR_TX;
	return IIR_NONE;
}

/* OUT2 gates the interrupt, as the wiring of a PC has it. */
static void update(struct serial *s)
{
	bool level = iir(s) != IIR_NONE && (s->mcr & MCR_OUT2) &&
		     !(s->mcr & MCR_LOOP);

	if (level == s->irq_level)
		return;
	s->irq_level = level;
	s->cfg.irq(s->cfg.priv, level);
}

static size_t rx_put(struct serial *s, const unsigned char *buf, size_t len)
{
	size_t i;

	for (i = 0; i < len && s->rx_head - s->rx_tail < RX_ROOM; i++)
		s->rx[s->rx_head++ % RX_ROOM] = buf[i];
	return i;
}

static unsigned char rx_get(struct serial *s)
{
	unsigned char c = 0;

	if (rx_any(s))
		c = s->rx[s->rx_tail++ % RX_ROOM];
	if (s->rx_stalled && s->rx_head - s->rx_tail <= RX_ROOM / 2) {
		s->rx_stalled = false;
		line_unstall(s);
	}
	return c;
}

size_t serial_receive(struct serial *s, const unsigned char *buf, size_t len)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = rx_put(s, buf, len);
	update(s);
	pthread_mutex_unlock(&s->lock);
	return n;
}

size_t serial_room(struct serial *s)
{
	size_t room;

	pthread_mutex_lock(&s->lock);
	room = RX_ROOM - (s->rx_head - s->rx_tail);
	if (!room)
		s->rx_stalled = true;
	pthread_mutex_unlock(&s->lock);
	return room;
}

/* In loopback the modem's inputs are wired to its outputs. */
static unsigned char modem_status(const struct serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_DCD | MSR_DSR | MSR_CTS;
	return (s->mcr & MCR_RTS ? MSR_CTS : 0) |
	       (s->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (s->mcr & MCR_OUT1 ? MSR_RI : 0) |
	       (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static unsigned char reg_read(struct serial *s, unsigned int reg)
{
	unsigned char v;

	switch (reg) {
	case R_DATA:
		return s->lcr & LCR_DLAB ? s->dll : rx_get(s);
	case R_IER:
		return s->lcr & LCR_DLAB ? s->dlm : s->ier;
	case R_IIR_FCR:
		v = iir(s);
		if (v == IIR_TX)
			s->thr_pending = false;
		return v | (s->fifo ? IIR_FIFO : 0);
	case R_LCR:
		return s->lcr;
	case R_MCR:
		return s->mcr;
	case R_LSR:
		return LSR_TX_EMPTY | (rx_any(s) ? LSR_DATA : 0);
	case R_MSR:
		return modem_status(s);
	default:
		return s->scr;
	}
}

static void transmit(struct serial *s, unsigned char v)
{
	if (s->mcr & MCR_LOOP)
		rx_put(s, &v, 1);
	else
		line_put(s, v);
	s->thr_pending = true;
}

static void reg_write(struct serial *s, unsigned int reg, unsigned char v)
{
	switch (reg) {
	case R_DATA:
		if (s->lcr & LCR_DLAB)
			s->dll = v;
		else
			transmit(s, v);
		break;
	case R_IER:
		if (s->lcr & LCR_DLAB) {
			s->dlm = v;
			break;
		}
		/* Enabling it with an empty transmitter raises it. */
		if ((v & IER_TX) && !(s->ier & IER_TX))
			s->thr_pending = true;
		s->ier = v & IER_MASK;
		break;
	case R_IIR_FCR:
		if ((v & FCR_CLEAR_RX) || !(v & FCR_ENABLE) != !s->fifo)
			while (rx_any(s))
				rx_get(s);
		s->fifo = v & FCR_ENABLE;
		break;
	case R_LCR:
		s->lcr = v;
		break;
	case R_MCR:
		s->mcr = v & MCR_MASK;
		break;
	case R_SCR:
		s->scr = v;
		break;
	default:
		/* Status registers are for reading. */
		break;
	}
}

bool serial_pio(struct serial *s, uint16_t port, bool write, void *buf,
		unsigned int size)
{
	unsigned char *byte = buf;
	unsigned int reg = port - s->cfg.port;

	if (port < s->cfg.port || reg > R_SCR)
		return false;
	/* Byte registers: what a wider access has beyond reads as ones. */
	if (size != 1 && write)
		return true;
	pthread_mutex_lock(&s->lock);
	if (write)
		reg_write(s, reg, *byte);
	else
		*byte = reg_read(s, reg);
	update(s);
	pthread_mutex_unlock(&s->lock);
	return true;
}

static void registers_clear(struct serial *s)
{
	s->ier = 0;
	s->lcr = 0;
	s->mcr = 0;
	s->scr = 0;
	s->dll = 12; /* 9600 baud */
	s->dlm = 0;
	s->fifo = false;
	s->thr_pending = false;
}

void serial_reset(struct serial *s)
{
	pthread_mutex_lock(&s->lock);
	registers_clear(s);
	update(s);
	pthread_mutex_unlock(&s->lock);
}

int serial_create(const struct serial_config *cfg, struct serial **out,
		  char *why, size_t why_len)
{
	struct serial *s = calloc(1, sizeof(*s));
	int err;

	if (!s) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	s->cfg = *cfg;
	snprintf(s->name, sizeof(s->name), "com%c",
		 cfg->port == 0x3f8 ? '1' : '2');
	pthread_mutex_init(&s->lock, NULL);
	registers_clear(s);
	err = line_open(s, why, why_len);
	if (err) {
		serial_destroy(s);
		return err;
	}
	*out = s;
	return 0;
}

void serial_destroy(struct serial *s)
{
	if (!s)
		return;
	/* Given up, as it would be at the end of the process. */
	if (!line_close(s))
		return;
	pthread_mutex_destroy(&s->lock);
	free(s);
}
