/* SPDX-License-Identifier: GPL-2.0 */
/* Where the board's ports, lines and MMIO windows are. */
#ifndef VMWP_BOARD_H
#define VMWP_BOARD_H

#define BOARD_COM1_PORT	    0x3f8
#define BOARD_COM2_PORT	    0x2f8
#define BOARD_COM1_IRQ	    4
#define BOARD_COM2_IRQ	    3

/* For VMBus devices with video or virtual-function memory. */
#define BOARD_MMIO_LOW	    0xf0000000ull
#define BOARD_MMIO_LOW_SIZE 0x08000000ull
#define BOARD_MMIO_HIGH \
	0x1000000000ull /* or the end of RAM, if that is above */
#define BOARD_MMIO_HIGH_SIZE 0x1000000000ull

#endif
