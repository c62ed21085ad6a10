/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private to host/vm: writes ACPI machine language (ACPI 6.3, chapter 20), as
 * much of it as acpi.c needs.  What doesn't fit sets `overflow`.
 */
#ifndef VM_AML_H
#define VM_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *buf;
	size_t size, used;
	bool overflow;
};

/* Open a block and close it: what they return goes to aml_end(). */
size_t aml_scope(struct aml *a, const char *path);
size_t aml_device(struct aml *a, const char *name);
void aml_end(struct aml *a, size_t block);

/* Name(name, value); names have four characters, filled up with '_'. */
void aml_name_int(struct aml *a, const char *name, uint32_t value);
void aml_name_string(struct aml *a, const char *name, const char *value);
void aml_name_eisa(struct aml *a, const char *name, const char *id);
void aml_name_package(struct aml *a, const char *name, const uint8_t *value,
		      unsigned int n);

/* Name(name, ResourceTemplate() { ... }). */
size_t aml_resources(struct aml *a, const char *name);
void aml_res_io(struct aml *a, uint16_t port, uint8_t length);
void aml_res_interrupt(struct aml *a, uint32_t gsi); /* level, active high */
void aml_res_window(struct aml *a, uint64_t base, uint64_t size);
void aml_resources_end(struct aml *a, size_t resources);

#endif
