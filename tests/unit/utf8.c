// SPDX-License-Identifier: GPL-2.0
/*
 * What is no UTF-8 is told as such, and nothing else is changed.
 *
 * links: util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "util/utf8.h"

static const struct {
	const char *text, *mended; /* NULL: as it was */
} cases[] = {
	{ "", NULL },
	{ "/dev/sda\t~\x7f", NULL },
	{ "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbd",
	  NULL },
	{ "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbd", NULL },
	{ "caf\xe9", "caf?" },
	{ "caf\xe9.img", "caf?.img" },
	/* Cut off. */
	{ "\xc3\xa4\xc3", "\xc3\xa4?" },
	{ "\xe2\x82", "??" },
	{ "\xf0\x9f\x98", "???" },
	/* A byte that can't begin, or be, anything. */
	{ "\x80\xbf\xf8\xff", "????" },
	/* Longer than need be. */
	{ "\xc0\xaf \xc1\xbf \xe0\x9f\xbf \xf0\x8f\xbf\xbf", "?? ?? ??? ????" },
	/* Halves of pairs, too large, and what is no character. */
	{ "\xed\xa0\x80 \xed\xbf\xbf \xf4\x90\x80\x80", "??? ??? ????" },
	{ "\xef\xbf\xbe \xef\xbf\xbf \xef\xb7\x90 \xf0\x9f\xbf\xbf",
	  "??? ??? ??? ????" },
};

static void test_mend(void **state)
{
	char text[64];
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(text, cases[i].text);
		utf8_mend(text);
		assert_string_equal(text, cases[i].mended ? cases[i].mended :
							    cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mend),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
