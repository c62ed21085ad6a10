// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket: what is answered, several clients at once, a reply that
 * takes its time, and what is left behind.
 *
 * links: vmwp util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "control_fixture.h"

/* The refusal of a method, and the words it comes with. */
static void refused(sd_bus *bus, const char *text, const char *method,
		    const char *types, ...)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	va_list ap;

	va_start(ap, types);
	assert_true(call_with(bus, method, &error, NULL, types, ap) < 0);
	va_end(ap);
	if (!error.message || !strstr(error.message, text))
		fail_msg("'%s' does not say '%s'", error.message, text);
	sd_bus_error_free(&error);
}

/* A reason that is longer than there is room for is cut, perhaps in a character. */
static void long_reasons(sd_bus *bus)
{
	char umlauts[501] = "", text[600];
	unsigned int i;

	for (i = 0; i < 250; i++)
		strcat(umlauts, "\xc3\xa4");
	for (i = 0; i < 2; i++) {
		snprintf(text, sizeof(text), "file=/%s%s", i ? "x" : "",
			 umlauts);
		refused(bus, umlauts + 400, "AddDisk", "s", text);
		snprintf(text, sizeof(text), "tap=none%s%s", i ? "x" : "",
			 umlauts);
		refused(bus, umlauts + 400, "AddCard", "s", text);
	}
}

static void methods(void)
{
	sd_bus *bus = connect_to(), *second = connect_to();
	sd_bus_message *reply = NULL;
	uint32_t controller, lun;
	const char *text;
	char *state;
	uint64_t size;

	assert_true(call(bus, "Ping", NULL, NULL) >= 0);
	assert_true(call(second, "Ping", NULL, NULL) >= 0);
	assert_true(call(bus, "Pause", NULL, NULL) >= 0);
	assert_true(call(second, "Pause", NULL, NULL) < 0);
	assert_true(sd_bus_get_property_string(second, NULL, PATH, INTERFACE,
					       "State", NULL, &state) >= 0);
	assert_string_equal(state, "paused");
	free(state);
	assert_true(call(second, "Resume", NULL, NULL) >= 0);
	assert_true(call(bus, "Resume", NULL, NULL) < 0);
	assert_true(call(bus, "Reset", NULL, NULL) >= 0);

	assert_true(call(bus, "AddDisk", &reply, "s",
			 "file=/good,controller=2") >= 0);
	assert_true(sd_bus_message_read(reply, "uu", &controller, &lun) > 0);
	assert_int_equal(controller, 2);
	assert_int_equal(lun, 5);
	reply = sd_bus_message_unref(reply);
	assert_true(call(bus, "AddDisk", NULL, "s", "file=/bad") < 0);
	assert_true(call(bus, "AddDisk", NULL, "s", "nonsense") < 0);
	assert_true(call(bus, "AddDisk", NULL, "u", 7) < 0);
	assert_true(call(bus, "ResizeDisk", &reply, "uu", 0, 5) >= 0);
	assert_true(sd_bus_message_read(reply, "t", &size) > 0);
	assert_int_equal(size, 1ull << 40);
	reply = sd_bus_message_unref(reply);
	refused(bus, "no disk with lun 6", "ResizeDisk", "uu", 0, 6);
	refused(bus, "no multiple of its blocks", "ResizeDisk", "uu", 0, 7);
	long_reasons(bus);
	assert_true(call(bus, "RemoveDisk", NULL, "uu", 0, 6) < 0);
	assert_true(call(bus, "AddController", NULL, "u", 1) >= 0);
	assert_true(call(bus, "AddController", NULL, "u", 2) < 0);
	assert_true(call(bus, "RemoveController", NULL, "u", 1) >= 0);
	assert_true(call(bus, "RemoveController", NULL, "u", 2) < 0);
	assert_true(call(bus, "ListDisks", &reply, NULL) >= 0);
	assert_true(sd_bus_message_has_signature(reply, "aa{sv}"));
	assert_true(sd_bus_message_enter_container(reply, 'a', "a{sv}") > 0);
	for (lun = 0; sd_bus_message_skip(reply, "a{sv}") > 0; lun++)
		;
	assert_int_equal(lun, 2);
	reply = sd_bus_message_unref(reply);
	assert_true(call(bus, "GetStats", &reply, NULL) >= 0);
	assert_true(sd_bus_message_read(reply, "s", &text) > 0);
	assert_non_null(strstr(text, "42"));
	sd_bus_message_unref(reply);
	assert_true(call(bus, "Nonsense", NULL, NULL) < 0);
	sd_bus_flush_close_unref(bus);
	assert_true(call(second, "PowerOff", NULL, NULL) >= 0);
	sd_bus_flush_close_unref(second);
}

static void test_methods(void **state)
{
	struct stat st;

	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	with_client(methods);
	assert_int_equal(w.resets, 1);
	assert_true(w.finished);
	assert_int_equal(w.status, VMWP_EXIT_POWER_OFF);
}

static void list_cards(sd_bus *bus)
{
	const char *name, *value, *mac = NULL;
	sd_bus_message *reply;

	assert_true(call(bus, "ListCards", &reply, NULL) >= 0);
	assert_true(sd_bus_message_enter_container(reply, 'a', "a{sv}") > 0);
	assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
	while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(reply, "s", &name) > 0);
		if (strcmp(name, "Mac")) {
			sd_bus_message_skip(reply, "v");
		} else {
			assert_true(sd_bus_message_read(reply, "v", "s",
							&value) > 0);
			mac = value;
		}
		sd_bus_message_exit_container(reply);
	}
	assert_non_null(mac);
	assert_string_equal(mac, "00:15:5d:01:02:ff");
	sd_bus_message_unref(reply);
}

static void cards(void)
{
	sd_bus *bus = connect_to();
	sd_bus_message *reply;
	uint32_t number;

	assert_true(call(bus, "AddCard", &reply, "s", "user,mtu=9000") >= 0);
	assert_true(sd_bus_message_read(reply, "u", &number) > 0);
	assert_int_equal(number, 4);
	sd_bus_message_unref(reply);
	assert_string_equal(card_text, "user,mtu=9000");
	refused(bus, "no interface none", "AddCard", "s", "tap=none");
	list_cards(bus);
	assert_true(call(bus, "SetLink", NULL, "ub", 3, 0) >= 0);
	assert_string_equal(card_text, "down");
	assert_true(call(bus, "SetLink", NULL, "ub", 3, 1) >= 0);
	assert_string_equal(card_text, "up");
	refused(bus, "no card net2", "SetLink", "ub", 2, 1);
	assert_true(call(bus, "RemoveCard", NULL, "u", 3) >= 0);
	refused(bus, "no card net5", "RemoveCard", "u", 5);
	assert_true(call(bus, "SetMac", NULL, "us", 3, "00:15:5d:00:00:0a") >=
		    0);
	assert_string_equal(card_text, "tap=tap0,mac=0a");
	refused(bus, "no card net2", "SetMac", "us", 2, "00:15:5d:00:00:0a");
	refused(bus, "no address of one card", "SetMac", "us", 3,
		"01:15:5d:00:00:0a");
	described = "tap=none";
	refused(bus, "the card is gone: there is no interface none", "SetMac",
		"us", 3, "00:15:5d:00:00:0a");
	described = "tap=tap0";
	w.finished = true;
	refused(bus, "the machine is stopping", "SetMac", "us", 3,
		"00:15:5d:00:00:0a");
	w.finished = false;
	assert_true(call(bus, "FlushCapture", NULL, NULL) >= 0);
	flush_result = -ENOENT;
	refused(bus, "start vmwp with --capture FILE", "FlushCapture", NULL);
	flush_result = -ENOSPC;
	refused(bus, "not complete: No space", "FlushCapture", NULL);
	flush_result = 0;
	sd_bus_flush_close_unref(bus);
}

static void test_cards(void **state)
{
	with_client(cards);
}

static void call_removal(void *arg)
{
	assert_non_null(removal_done);
	removal_done(removal_arg);
}

static void slow_reply(void)
{
	sd_bus *bus = connect_to(), *second = connect_to();
	sd_bus_message *m;

	/* Asked for, not yet answered, while another client is served. */
	assert_true(sd_bus_message_new_method_call(
			    bus, &m, NULL, PATH, INTERFACE, "RemoveDisk") >= 0);
	assert_true(sd_bus_message_append(m, "uu", 0, 5) >= 0);
	assert_true(sd_bus_send(bus, m, NULL) >= 0);
	sd_bus_message_unref(m);
	assert_true(sd_bus_flush(bus) >= 0);
	assert_true(call(bus, "Ping", NULL, NULL) >= 0);
	assert_true(call(second, "Ping", NULL, NULL) >= 0);
	/* The asker goes; the answer has no one to go to. */
	sd_bus_flush_close_unref(bus);
	assert_true(call(second, "Ping", NULL, NULL) >= 0);
	loop_post(&w, call_removal, NULL);
	assert_true(call(second, "Ping", NULL, NULL) >= 0);
	assert_true(call(second, "Ping", NULL, NULL) >= 0);
	sd_bus_flush_close_unref(second);
}

static void test_slow_reply(void **state)
{
	with_client(slow_reply);
}

/* As busctl and gdbus do. */
static void like_a_bus(void)
{
	char address[128];
	const char *name;
	sd_bus *bus;

	snprintf(address, sizeof(address), "unix:path=%s", socket_path);
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_address(bus, address) >= 0);
	assert_true(sd_bus_set_bus_client(bus, 1) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	assert_true(sd_bus_get_unique_name(bus, &name) >= 0);
	assert_true(sd_bus_call_method(bus, INTERFACE, PATH, INTERFACE, "Ping",
				       NULL, NULL, NULL) >= 0);
	assert_true(sd_bus_get_name_creds(bus, INTERFACE, 0, NULL) >= 0);
	assert_true(sd_bus_get_name_creds(bus, "org.example.None", 0, NULL) <
		    0);
	sd_bus_flush_close_unref(bus);
}

static void test_like_a_bus(void **state)
{
	with_client(like_a_bus);
}

static void test_path_taken(void **state)
{
	struct vmwp other = { .opt = &opt, .event = w.event };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char why[256] = "";
	int fd;

	assert_int_not_equal(control_create(&other, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "a running program"));
	assert_int_equal(access(socket_path, F_OK), 0);

	/* What a killed worker leaves is taken over. */
	control_destroy(&w);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(addr.sun_path, socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(control_create(&w, why, sizeof(why)), 0);
	control_destroy(&w);

	/* A user's file is not. */
	fd = open(socket_path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_not_equal(control_create(&w, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "is no socket"));
	assert_int_equal(access(socket_path, F_OK), 0);
	unlink(socket_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_methods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reply, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_like_a_bus, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_path_taken, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("control", tests, setup_group,
					   teardown_group);
}
