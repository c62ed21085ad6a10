/* SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause) */
/*
 * What every wire header needs: fixed-width types and the assertion of sizes
 * and offsets.  All of include/hv is layouts and numbers, no behaviour; all
 * integers are little-endian unless a field says BE.  gnu89, kernel and user
 * space alike.
 */
#ifndef HV_TYPES_REG_H
#define HV_TYPES_REG_H

#include <linux/types.h>

#define REG_SIZE(type, size) \
	_Static_assert(sizeof(type) == (size), "wire size of " #type)
#define REG_OFFSET(type, field, offset) \
	_Static_assert(__builtin_offsetof(type, field) == (offset), \
		       "wire offset of " #type "." #field)

/* A GUID as it goes over the wire: first three groups little-endian. */
struct guid_reg {
	__u8 b[16];
};

#define REG_PAGE_SIZE	4096	/* always, whatever the guest's page size */
#define REG_PAGE_SHIFT	12

#endif
