/* SPDX-License-Identifier: GPL-2.0 */
/* Texts that are told to programs, which take nothing but UTF-8. */
#ifndef UTIL_UTF8_H
#define UTIL_UTF8_H

/*
 * Puts a '?' in place of each byte that is none of UTF-8, in place: a file's name
 * may be made of any bytes, and a line be cut off within a character.
 */
void utf8_mend(char *text);

#endif
