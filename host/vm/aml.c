// SPDX-License-Identifier: GPL-2.0
/*
 * A block's length comes before its content: two or three bytes are left free
 * for it when it is opened and filled in when it is closed.
 */
#include <string.h>

#include "aml.h"

#define OP_NAME	      0x08
#define OP_BYTE	      0x0a
#define OP_WORD	      0x0b
#define OP_DWORD      0x0c
#define OP_STRING     0x0d
#define OP_SCOPE      0x10
#define OP_BUFFER     0x11
#define OP_PACKAGE    0x12
#define OP_EXT	      0x5b
#define OP_EXT_DEVICE 0x82

#define LENGTH_ROOM   3u /* PkgLength of a block: up to 1 MiB */

static void put(struct aml *a, const void *p, size_t n)
{
	if (a->overflow || n > a->size - a->used) {
		a->overflow = true;
		return;
	}
	memcpy(a->buf + a->used, p, n);
	a->used += n;
}

static void put8(struct aml *a, uint8_t v)
{
	put(a, &v, 1);
}

static void put16(struct aml *a, uint16_t v)
{
	put(a, &v, 2);
}

static void put32(struct aml *a, uint32_t v)
{
	put(a, &v, 4);
}

static void put64(struct aml *a, uint64_t v)
{
	put(a, &v, 8);
}

static void put_int(struct aml *a, uint32_t v)
{
	if (v < 2) {
		put8(a, v); /* ZeroOp, OneOp */
	} else if (v <= 0xff) {
		put8(a, OP_BYTE);
		put8(a, v);
	} else if (v <= 0xffff) {
		put8(a, OP_WORD);
		put16(a, v);
	} else {
		put8(a, OP_DWORD);
		put32(a, v);
	}
}

static void put_name(struct aml *a, const char *name)
{
	char seg[4] = { '_', '_', '_', '_' };

	if (*name == '\\') {
		put8(a, '\\');
		name++;
	}
	memcpy(seg, name, strnlen(name, 4));
	put(a, seg, 4);
}

static size_t open_block(struct aml *a)
{
	size_t at = a->used;

	put(a, "\0\0\0", LENGTH_ROOM);
	return at;
}

size_t aml_scope(struct aml *a, const char *path)
{
	size_t at;

	put8(a, OP_SCOPE);
	at = open_block(a);
	put_name(a, path);
	return at;
}

size_t aml_device(struct aml *a, const char *name)
{
	size_t at;

	put8(a, OP_EXT);
	put8(a, OP_EXT_DEVICE);
	at = open_block(a);
	put_name(a, name);
	return at;
}

void aml_end(struct aml *a, size_t block)
{
	size_t n = a->used - block;

	if (a->overflow)
		return;
	/* Bits 7:6: how many bytes follow; then the low 4 bits, then the rest. */
	a->buf[block] = (LENGTH_ROOM - 1) << 6 | (n & 0xf);
	a->buf[block + 1] = n >> 4;
	a->buf[block + 2] = n >> 12;
}

static void name_op(struct aml *a, const char *name)
{
	put8(a, OP_NAME);
	put_name(a, name);
}

void aml_name_int(struct aml *a, const char *name, uint32_t value)
{
	name_op(a, name);
	put_int(a, value);
}

void aml_name_string(struct aml *a, const char *name, const char *value)
{
	name_op(a, name);
	put8(a, OP_STRING);
	put(a, value, strlen(value) + 1);
}

static unsigned int hex(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* "PNP0501": three letters of 5 bits and four hex digits, big-endian. */
void aml_name_eisa(struct aml *a, const char *name, const char *id)
{
	uint32_t v = (id[0] - '@') << 26 | (id[1] - '@') << 21 |
		     (id[2] - '@') << 16 | hex(id[3]) << 12 | hex(id[4]) << 8 |
		     hex(id[5]) << 4 | hex(id[6]);

	name_op(a, name);
	put8(a, OP_DWORD);
	put32(a, __builtin_bswap32(v));
}

void aml_name_package(struct aml *a, const char *name, const uint8_t *value,
		      unsigned int n)
{
	size_t at;
	unsigned int i;

	name_op(a, name);
	put8(a, OP_PACKAGE);
	at = open_block(a);
	put8(a, n);
	for (i = 0; i < n; i++)
		put_int(a, value[i]);
	aml_end(a, at);
}

/* BufferOp PkgLength BufferSize bytes: the size is a word, filled in later. */
size_t aml_resources(struct aml *a, const char *name)
{
	size_t at;

	name_op(a, name);
	put8(a, OP_BUFFER);
	at = open_block(a);
	put8(a, OP_WORD);
	put16(a, 0);
	return at;
}

void aml_resources_end(struct aml *a, size_t at)
{
	uint16_t n;

	put8(a, 0x79); /* end tag; checksum 0: not used */
	put8(a, 0);
	if (a->overflow)
		return;
	n = a->used - (at + LENGTH_ROOM + 3);
	memcpy(a->buf + at + LENGTH_ROOM + 1, &n, 2);
	aml_end(a, at);
}

void aml_res_io(struct aml *a, uint16_t port, uint8_t length)
{
	put8(a, 0x47);
	put8(a, 1); /* all 16 bits decoded */
	put16(a, port);
	put16(a, port);
	put8(a, 1);
	put8(a, length);
}

void aml_res_interrupt(struct aml *a, uint32_t gsi)
{
	put8(a, 0x89); /* extended interrupt */
	put16(a, 6);
	put8(a, 0x01); /* consumer, level, active high, exclusive */
	put8(a, 1);
	put32(a, gsi);
}

void aml_res_window(struct aml *a, uint64_t base, uint64_t size)
{
	put8(a, 0x8a); /* quad-word address space */
	put16(a, 43);
	put8(a, 0);    /* memory */
	put8(a, 0x0c); /* producer, both ends fixed */
	put8(a, 0x01); /* read-write, not cacheable */
	put64(a, 0);
	put64(a, base);
	put64(a, base + size - 1);
	put64(a, 0);
	put64(a, size);
}
