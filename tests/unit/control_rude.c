// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket and clients that mean no good, or are too many: who may come,
 * what is kept for one who reads nothing, and that the others go on.
 *
 * links: vmwp util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "control_fixture.h"
#include "starve.h"
#include "util/now.h"

static int raw_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, socket_path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	return fd;
}

/* Too many clients, garbage, and half a handshake: the others go on. */
static void rude(void)
{
	static const char garbage[] = "\0GET / HTTP/1.1\r\n\r\n";
	sd_bus *good = connect_to();
	int fd[20], i;

	assert_true(call(good, "Ping", NULL, NULL) >= 0);
	for (i = 0; i < 20; i++) {
		fd[i] = raw_connect();
		(void)!send(fd[i], i % 2 ? garbage : "\0AUTH ",
			    i % 2 ? sizeof(garbage) : 6, MSG_NOSIGNAL);
	}
	assert_true(call(good, "Ping", NULL, NULL) >= 0);
	for (i = 0; i < 20; i++)
		close(fd[i]);
	assert_true(call(good, "Ping", NULL, NULL) >= 0);
	sd_bus_flush_close_unref(good);
}

static void test_rude(void **state)
{
	with_client(rude);
}

/* ---- more to be told than anybody reads ---- */

size_t __sanitizer_get_current_allocated_bytes(void);

static size_t flood_bytes;

/* Main thread: what a child can cause. */
static void versions_change(void *arg)
{
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		w.vmbus_version = i & 1 ? 0x50003 : 0;
		control_version_changed(&w);
	}
	*(bool *)arg = true;
}

static void states_change(void *arg)
{
	size_t before = __sanitizer_get_current_allocated_bytes();
	unsigned int i;

	for (i = 0; i < 20000; i++)
		control_state_changed(&w);
	flood_bytes = __sanitizer_get_current_allocated_bytes() - before;
	*(bool *)arg = true;
}

static void on_main(void (*fn)(void *arg))
{
	bool done = false;

	loop_post(&w, fn, &done);
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
		usleep(1000);
}

static unsigned int versions_told;
static char last_version[16];

static int on_properties(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	const char *name, *text;

	if (sd_bus_message_skip(m, "s") < 0 ||
	    sd_bus_message_enter_container(m, 'a', "{sv}") <= 0 ||
	    sd_bus_message_enter_container(m, 'e', "sv") <= 0 ||
	    sd_bus_message_read(m, "s", &name) <= 0 ||
	    strcmp(name, "VmbusVersion") ||
	    sd_bus_message_read(m, "v", "s", &text) <= 0)
		return 0;
	versions_told++;
	snprintf(last_version, sizeof(last_version), "%s", text);
	return 0;
}

static void flooded(void)
{
	sd_bus *bus = connect_to();
	unsigned int i;

	assert_true(call(bus, "Ping", NULL, NULL) >= 0);
	assert_true(sd_bus_add_match(bus, NULL,
				     "type='signal',"
				     "member='PropertiesChanged'",
				     on_properties, NULL) >= 0);
	on_main(versions_change);
	for (i = 0; i < 100 && strcmp(last_version, "5.3"); i++) {
		while (sd_bus_process(bus, NULL) > 0)
			;
		sd_bus_wait(bus, 100000);
	}
	/* The first and the last, and hardly more. */
	assert_string_equal(last_version, "5.3");
	assert_in_range(versions_told, 2, 40);
	/* Without a reader there is an end, too. */
	on_main(states_change);
	assert_true(flood_bytes < 4 << 20);
	assert_true(call(bus, "Ping", NULL, NULL) >= 0);
	sd_bus_flush_close_unref(bus);
}

static void test_flood(void **state)
{
	with_client(flooded);
	w.vmbus_version = 0;
}

/* ---- more asked than is read ---- */

static size_t main_bytes;

static void take_bytes(void *arg)
{
	main_bytes = __sanitizer_get_current_allocated_bytes();
	*(bool *)arg = true;
}

static size_t put_field(uint8_t *at, size_t n, uint8_t code, char type,
			const char *text)
{
	uint32_t len = strlen(text);

	n = (n + 7) & ~7ul;
	memcpy(at + n, (uint8_t[]){ code, 1, type, 0 }, 4);
	memcpy(at + n + 4, &len, 4);
	memcpy(at + n + 8, text, len + 1);
	return n + 8 + len + 1;
}

/* A call by hand, whose answer is long. */
static size_t make_call(uint8_t *at, uint32_t serial)
{
	uint32_t fields;
	size_t n = 16;

	memset(at, 0, 512);
	memcpy(at, (uint8_t[]){ 'l', 1, 0, 1 }, 4);
	memcpy(at + 8, &serial, 4);
	n = put_field(at, n, 1, 'o', PATH);
	n = put_field(at, n, 2, 's', "org.freedesktop.DBus.Introspectable");
	n = put_field(at, n, 3, 's', "Introspect");
	fields = n - 16;
	memcpy(at + 12, &fields, 4);
	return (n + 7) & ~7ul;
}

#define CALLS 20000

/* A client that asks and never reads: what it is owed has an end, and so has it. */
static void never_reads(void)
{
	sd_bus *good = connect_to();
	char hello[80], id[16];
	int fd = raw_connect(), i;
	uint8_t buf[512];
	size_t n, before;
	ssize_t sent = 1;

	assert_true(call(good, "Ping", NULL, NULL) >= 0);
	on_main(take_bytes);
	before = main_bytes;
	snprintf(id, sizeof(id), "%u", geteuid());
	n = 1 + sprintf(hello + 1, "AUTH EXTERNAL ");
	hello[0] = 0;
	for (i = 0; id[i]; i++)
		n += sprintf(hello + n, "%02x", id[i]);
	n += sprintf(hello + n, "\r\nBEGIN\r\n");
	assert_int_equal(send(fd, hello, n, 0), n);
	for (i = 0; i < CALLS && sent > 0; i++) {
		n = make_call(buf, i + 1);
		sent = send(fd, buf, n, MSG_NOSIGNAL);
	}
	assert_true(sent < 0);
	assert_in_range(i, 1024, CALLS - 1);
	assert_true(call(good, "Ping", NULL, NULL) >= 0);
	on_main(take_bytes);
	assert_true(main_bytes < before + (1 << 20));
	close(fd);
	sd_bus_flush_close_unref(good);
}

static void test_never_reads(void **state)
{
	with_client(never_reads);
}

static void ping(void)
{
	sd_bus *bus = connect_to();

	assert_true(call(bus, "Ping", NULL, NULL) >= 0);
	sd_bus_flush_close_unref(bus);
}

/* No descriptor for a client: it waits, and the loop has nothing to do. */
static void test_starved(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;
	unsigned int turns = 0;
	rlim_t limit;
	uint64_t end;

	strcpy(addr.sun_path, socket_path);
	limit = starve();
	err = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	for (end = now_ns() + 500000000; now_ns() < end; turns++)
		if (sd_event_run(w.event, 100000) < 0)
			break;
	feed(limit);
	assert_int_equal(err, 0);
	assert_true(now_ns() >= end);
	assert_in_range(turns, 1, 20);
	with_client(ping);
	close(fd);
	while (sd_event_run(w.event, 0) > 0)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rude, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_reads, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_starved, setup, teardown),
	};

	return cmocka_run_group_tests_name("control_rude", tests, setup_group,
					   teardown_group);
}
