// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "suggest.h"

#define WORD_MAX 32

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits (insert, delete, replace, swap neighbours) that turn a into b. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[3][WORD_MAX + 1] = { 0 };
	size_t na = strlen(a), nb = strlen(b), i, j;

	if (na > WORD_MAX || nb > WORD_MAX)
		return WORD_MAX;
	for (j = 0; j <= nb; j++)
		row[0][j] = j;
	for (i = 1; i <= na; i++) {
		unsigned int *now = row[i % 3], *before = row[(i + 2) % 3];
		const unsigned int *two = row[(i + 1) % 3];

		now[0] = i;
		for (j = 1; j <= nb; j++) {
			now[j] = min3(before[j] + 1, now[j - 1] + 1,
				      before[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && two[j - 2] + 1 < now[j])
				now[j] = two[j - 2] + 1;
		}
	}
	return row[na % 3][nb];
}

const char *suggest(const char *word, const char *const *words, size_t count)
{
	unsigned int best = strlen(word) > 4 ? 3 : 2;
	const char *found = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		unsigned int d = distance(word, words[i]);

		if (d < best) {
			best = d;
			found = words[i];
		}
	}
	for (i = 0; !found && strlen(word) >= 3 && i < count; i++)
		if (!strncmp(word, words[i], strlen(word)))
			found = words[i];
	return found;
}
