/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The time of day in a CMOS clock (ports 0x70, 0x71), in UTC, so that a guest
 * has the right time before any service runs.  It can't be set, has no alarm
 * and no interrupt.
 */
#ifndef CHIPSET_RTC_H
#define CHIPSET_RTC_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct rtc {
	uint8_t index; /* the register chosen by the last write to 0x70 */
};

/* VP's thread; true when the port is one of the two. */
bool rtc_pio(struct rtc *rtc, uint16_t port, bool write, void *buf,
	     unsigned int size);
/* For tests: register `index` at `now`. */
uint8_t rtc_register(uint8_t index, time_t now);

#endif
