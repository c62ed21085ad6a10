// SPDX-License-Identifier: GPL-2.0
/*
 * ACPI tables: checksums, what they say, and that iasl can read them all.
 *
 * links: vm mem util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm/acpi.h"

static const struct acpi_config config = {
	.com_irq = { 4, 3 },
	.com_port = { 0x3f8, 0x2f8 },
	.rtc = true,
	.sleep_port = 0x600,
	.reset_port = 0x602,
	.reset_value = 6,
	.mmio_low = 0xf8000000,
	.mmio_low_size = 0x4000000,
	.mmio_high = 0x1000000000ull,
	.mmio_high_size = 0x1000000000ull,
};

/* Only with nodes there is a SRAT. */
static struct acpi_config with_nodes(unsigned int nodes, uint64_t memory)
{
	struct acpi_config cfg = config;

	cfg.nodes = nodes;
	cfg.memory = memory;
	return cfg;
}

static const char *const names[] = { "FACP", "APIC", "DSDT", "XSDT", "SRAT" };

static uint8_t table[16384];
static char dir[] = "/tmp/acpi-test.XXXXXX";

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s += *p++;
	return s;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static int build(const struct acpi_config *cfg, unsigned int processors,
		 const char *name)
{
	memset(table, 0, sizeof(table));
	return acpi_table(cfg, processors, name, table, sizeof(table));
}

static void test_checksums(void **state)
{
	unsigned int i, n;

	(void)state;
	for (n = 1; n <= 64; n++) {
		struct acpi_config cfg = with_nodes(n, 64ull << 30);

		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			int len = build(&cfg, n, names[i]);

			if (n == 1 && !strcmp(names[i], "SRAT")) {
				assert_true(len < 0);
				continue;
			}

			assert_true(len > 36);
			assert_memory_equal(table, names[i], 4);
			assert_int_equal(get32(table + 4), len);
			assert_int_equal(sum(table, len), 0);
		}
	}
	assert_int_equal(build(&config, 2, "RSDP"), 36);
	assert_memory_equal(table, "RSD PTR ", 8);
	assert_int_equal(sum(table, 20), 0);
	assert_int_equal(sum(table, 36), 0);
}

static void test_errors(void **state)
{
	(void)state;
	assert_true(acpi_table(&config, 1, "NONE", table, sizeof(table)) < 0);
	assert_true(acpi_table(&config, 1, "FACP", table, 100) < 0);
	/* One that would leave its room below 1 MiB. */
	assert_true(acpi_table(&config, 100000, "APIC", table, sizeof(table)) <
		    0);
}

static void test_madt(void **state)
{
	unsigned int lapics = 0, ioapics = 0;
	int len = build(&config, 64, "APIC");
	int at;

	(void)state;
	for (at = 44; at < len; at += table[at + 1]) {
		assert_true(table[at + 1] >= 2);
		if (table[at] == 0) {
			assert_int_equal(table[at + 3], lapics);
			assert_int_equal(get32(table + at + 4), 1);
			lapics++;
		} else if (table[at] == 1) {
			assert_int_equal(get32(table + at + 4), 0xfec00000);
			assert_int_equal(get32(table + at + 8), 0);
			ioapics++;
		}
	}
	assert_int_equal(at, len);
	assert_int_equal(lapics, 64);
	assert_int_equal(ioapics, 1);
}

/*
 * What the SRAT says: as many processors in each node, one behind the other;
 * of RAM each byte in one node, in order, the hole in none, even shares.
 */
static void check_srat(unsigned int processors, unsigned int nodes,
		       uint64_t memory)
{
	struct acpi_config cfg = with_nodes(nodes, memory);
	uint64_t end = 0, ram = 0, of[64] = { 0 };
	unsigned int cpu = 0, last = 0, i;
	int len = build(&cfg, processors, "SRAT");
	int at;

	assert_true(len > 48);
	for (at = 48; at < len; at += table[at + 1]) {
		const uint8_t *e = table + at;

		if (e[0] == 0) {
			assert_int_equal(e[1], 16);
			assert_int_equal(e[2], cpu * nodes / processors);
			assert_int_equal(e[3], cpu);
			assert_int_equal(get32(e + 4), 1);
			cpu++;
			continue;
		}
		assert_int_equal(e[0], 1);
		assert_int_equal(e[1], 40);
		assert_in_range(get32(e + 2), last, nodes - 1);
		last = get32(e + 2);
		assert_true(
			get64(e + 8) == end ||
			(end == VM_HOLE_START && get64(e + 8) == VM_HOLE_END));
		assert_true(get64(e + 16) > 0);
		assert_int_equal(get64(e + 16) % (1 << 20), 0);
		assert_int_equal(get32(e + 28), 1);
		end = get64(e + 8) + get64(e + 16);
		assert_false(end > VM_HOLE_START && get64(e + 8) < VM_HOLE_END);
		ram += get64(e + 16);
		of[last] += get64(e + 16);
	}
	assert_int_equal(at, len);
	assert_int_equal(cpu, processors);
	assert_true(ram == memory);
	for (i = 0; i < nodes; i++)
		assert_in_range(of[i], memory / nodes - (1 << 20),
				memory / nodes + (1 << 20));
}

static void test_srat(void **state)
{
	struct acpi_config cfg = with_nodes(2, 1ull << 30);
	static uint8_t xsdt[64];

	(void)state;
	check_srat(2, 2, 128ull << 20);
	check_srat(6, 3, 1000ull << 20);
	check_srat(8, 4, 4ull << 30);		 /* 1 G each */
	check_srat(4, 2, 4ull << 30);		 /* one on both sides */
	check_srat(8, 4, VM_HOLE_START / 3 * 4); /* ends at the hole */
	check_srat(64, 64, 64ull << 30);
	check_srat(60, 5, (64ull << 30) + (1 << 20)); /* no multiple of 5 */
	check_srat(64, 2, 1ull << 40);

	/* The root table knows of it. */
	assert_int_equal(acpi_table(&config, 2, "XSDT", xsdt, sizeof(xsdt)),
			 36 + 2 * 8);
	assert_int_equal(acpi_table(&cfg, 2, "XSDT", xsdt, sizeof(xsdt)),
			 36 + 3 * 8);
	assert_true(get64(xsdt + 52) > get64(xsdt + 44));
	cfg.nodes = 1;
	assert_true(build(&cfg, 2, "SRAT") < 0);
	assert_int_equal(acpi_table(&cfg, 2, "XSDT", xsdt, sizeof(xsdt)),
			 36 + 2 * 8);
}

static void test_fadt(void **state)
{
	struct acpi_config bare = config;

	(void)state;
	assert_int_equal(build(&config, 1, "FACP"), 276);
	assert_true(get32(table + 112) & 1u << 20); /* hardware-reduced */
	assert_true(get32(table + 112) & 1u << 10); /* reset register */
	assert_int_equal(table[109] & 0x02, 0);	    /* no i8042 */
	assert_int_equal(table[109] & 0x24, 0x04);  /* no VGA, but a clock */
	assert_int_equal(get32(table + 76), 0);	    /* no PM timer */
	assert_int_equal(get32(table + 120), 0x602);
	assert_int_equal(table[128], 6);
	assert_int_equal(get32(table + 248), 0x600);
	assert_int_equal(get32(table + 260), 0x601);
	bare.rtc = false;
	build(&bare, 1, "FACP");
	assert_int_equal(table[109] & 0x20, 0x20);
}

/* Text that iasl makes of a table; its messages are in `said`. */
static char text[65536], said[16384];

static void slurp(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n = 0;

	if (f) {
		n = fread(buf, 1, size - 1, f);
		fclose(f);
	}
	buf[n] = '\0';
}

static int run(const char *fmt, const char *name)
{
	char command[256], path[128];
	int status;

	snprintf(command, sizeof(command), fmt, dir, name);
	status = system(command);
	snprintf(path, sizeof(path), "%s/said", dir);
	slurp(path, said, sizeof(said));
	return status;
}

static void disassemble(const struct acpi_config *cfg, unsigned int processors,
			const char *name)
{
	char path[128];
	FILE *f;
	int len;

	len = build(cfg, processors, name);
	assert_true(len > 0);
	snprintf(path, sizeof(path), "%s/%s.aml", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(table, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(run("cd %s && iasl -d %s.aml >said 2>&1", name), 0);
	assert_null(strstr(said, "Error"));
	assert_null(strstr(said, "Warning"));
	assert_null(strstr(said, "Invalid"));
	snprintf(path, sizeof(path), "%s/%s.dsl", dir, name);
	slurp(path, text, sizeof(text));
	assert_null(strstr(text, "Incorrect checksum"));
	assert_null(strstr(text, "Invalid"));
	assert_null(strstr(text, "Error"));
}

static void test_iasl(void **state)
{
	struct acpi_config cfg = with_nodes(4, 8ull << 30);
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		disassemble(&cfg, 8, names[i]);
	/* The last one: processor 7 of node 3, and the RAM behind the hole. */
	assert_non_null(strstr(text, "Apic ID : 07"));
	assert_non_null(strstr(text, "Base Address : 0000000100000000"));
}

/* What was taken apart can be put together again, without a complaint. */
static void test_dsdt(void **state)
{
	struct acpi_config bare = config;

	(void)state;
	disassemble(&config, 1, "DSDT");
	assert_non_null(strstr(text, "Device (VMOD)"));
	assert_non_null(strstr(text, "\"ACPI0004\""));
	assert_non_null(strstr(text, "Device (VMBS)"));
	assert_non_null(strstr(text, "\"VMBus\""));
	assert_non_null(strstr(text, "0x00000000FBFFFFFF"));
	assert_non_null(strstr(text, "0x0000001FFFFFFFFF"));
	assert_non_null(strstr(text, "Device (COM1)"));
	assert_non_null(strstr(text, "Device (COM2)"));
	assert_non_null(strstr(text, "EisaId (\"PNP0501\")"));
	assert_non_null(strstr(
		text,
		"Interrupt (ResourceConsumer, Level, ActiveHigh, Exclusive"));
	assert_non_null(strstr(text, "EisaId (\"PNP0B00\")"));
	assert_non_null(strstr(text, "Name (_S5, Package"));
	/* 6033: Hyper-V's "VMBus" is shorter than the rules of _HID have it. */
	assert_int_equal(
		run("cd %s && iasl -vw 6033 -p again %s.dsl >said 2>&1",
		    "DSDT"),
		0);
	assert_non_null(strstr(said, " 0 Errors, 0 Warnings"));

	bare.com_irq[1] = 0;
	bare.rtc = false;
	bare.mmio_high_size = 0;
	disassemble(&bare, 1, "DSDT");
	assert_null(strstr(text, "Device (COM2)"));
	assert_null(strstr(text, "PNP0B00"));
	assert_null(strstr(text, "0x0000001FFFFFFFFF"));
}

static int setup(void **state)
{
	(void)state;
	return !mkdtemp(dir);
}

static int teardown(void **state)
{
	(void)state;
	run("rm -rf %s%s", "");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checksums), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_madt),	  cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_srat),	  cmocka_unit_test(test_iasl),
		cmocka_unit_test(test_dsdt),
	};

	return cmocka_run_group_tests_name("acpi", tests, setup, teardown);
}
