/* SPDX-License-Identifier: GPL-2.0 */
/* What a mistyped word was probably meant to be. */
#ifndef UTIL_SUGGEST_H
#define UTIL_SUGGEST_H

#include <stddef.h>

/* The nearest of `count` words, or NULL when none is near. */
const char *suggest(const char *word, const char *const *words, size_t count);

#endif
