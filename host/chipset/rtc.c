// SPDX-License-Identifier: GPL-2.0
#include "rtc.h"

#define RTC_PORT 0x70

/* Registers of the MC146818A; the century is where the ACPI table says. */
enum {
	RTC_SECONDS = 0,
	RTC_MINUTES = 2,
	RTC_HOURS = 4,
	RTC_WEEKDAY = 6,
	RTC_DAY = 7,
	RTC_MONTH = 8,
	RTC_YEAR = 9,
	RTC_A = 10,
	RTC_B = 11,
	RTC_C = 12,
	RTC_D = 13,
	RTC_CENTURY = 0x32,
};

#define RTC_A_DIVIDER 0x26 /* 32 kHz, and no update under way: never */
#define RTC_B_24H     0x02 /* and numbers in BCD */
#define RTC_D_VALID   0x80 /* battery is fine */

static uint8_t bcd(int n)
{
	return n / 10 << 4 | n % 10;
}

uint8_t rtc_register(uint8_t index, time_t now)
{
	struct tm tm;

	gmtime_r(&now, &tm);
	switch (index) {
	case RTC_SECONDS:
		/* A leap second would be none to most readers. */
		return bcd(tm.tm_sec > 59 ? 59 : tm.tm_sec);
	case RTC_MINUTES:
		return bcd(tm.tm_min);
	case RTC_HOURS:
		return bcd(tm.tm_hour);
	case RTC_WEEKDAY:
		return bcd(tm.tm_wday + 1);
	case RTC_DAY:
		return bcd(tm.tm_mday);
	case RTC_MONTH:
		return bcd(tm.tm_mon + 1);
	case RTC_YEAR:
		return bcd(tm.tm_year % 100);
	case RTC_CENTURY:
		return bcd((tm.tm_year + 1900) / 100);
	case RTC_A:
		return RTC_A_DIVIDER;
	case RTC_B:
		return RTC_B_24H;
	case RTC_D:
		return RTC_D_VALID;
	default:
		return 0;
	}
}

bool rtc_pio(struct rtc *rtc, uint16_t port, bool write, void *buf,
	     unsigned int size)
{
	uint8_t *value = buf;

	if (port != RTC_PORT && port != RTC_PORT + 1)
		return false;
	if (size != 1)
		return true;
	if (port == RTC_PORT && write)
		__atomic_store_n(&rtc->index, *value & 0x7f, __ATOMIC_RELAXED);
	else if (port == RTC_PORT + 1 && !write)
		*value = rtc_register(__atomic_load_n(&rtc->index,
						      __ATOMIC_RELAXED),
				      time(NULL));
	return true;
}
