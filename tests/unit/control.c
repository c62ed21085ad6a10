// SPDX-License-Identifier: GPL-2.0
/*
 * The control socket: who may come, what is answered, several clients at once,
 * a reply that takes its time, and what is left behind.  The VM's life and its
 * disks are played by this file.
 *
 * links: vmwp util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "starve.h"
#include "util/now.h"
#include "vmwp/vmwp.h"

#define PATH	  "/org/enlight/Worker1"
#define INTERFACE "org.enlight.Worker1"

static char folder[] = "/tmp/control-test.XXXXXX";
static char socket_path[64];
static struct options opt = { .name = "unit",
			      .processors = 2,
			      .memory = 64 << 20 };
static struct vmwp w = { .opt = &opt };
static void (*removal_done)(void *arg);
static void *removal_arg;
static bool client_done;

/* ---- what the control socket asks of the rest of vmwp ---- */

const char *life_state(const struct vmwp *vm)
{
	return vm->finished ? "stopping" : vm->paused ? "paused" : "running";
}

int life_pause(struct vmwp *vm)
{
	if (vm->paused)
		return -EALREADY;
	vm->paused = true;
	control_state_changed(vm);
	return 0;
}

int life_resume(struct vmwp *vm)
{
	if (!vm->paused)
		return -EALREADY;
	vm->paused = false;
	control_state_changed(vm);
	return 0;
}

void life_reset(struct vmwp *vm)
{
	vm->resets++;
}

void life_finish(struct vmwp *vm, enum vmwp_exit status)
{
	vm->finished = true;
	vm->status = status;
}

int scsi_add(struct vmwp *vm, const struct scsi_spec *spec,
	     unsigned int *controller, unsigned int *lun, char *why,
	     size_t why_len)
{
	if (strcmp(spec->path, "/good")) {
		snprintf(why, why_len, "%s: no such file", spec->path);
		return -ENOENT;
	}
	*controller = spec->controller;
	*lun = 5;
	return 0;
}

int scsi_remove(struct vmwp *vm, unsigned int controller, unsigned int lun,
		void (*done)(void *arg), void *arg)
{
	if (lun != 5)
		return -ENOENT;
	removal_done = done;
	removal_arg = arg;
	return 0;
}

int scsi_controller_add(struct vmwp *vm, unsigned int controller, char *why,
			size_t why_len)
{
	snprintf(why, why_len, "there is one already");
	return controller == 1 ? 0 : -EEXIST;
}

int scsi_controller_remove(struct vmwp *vm, unsigned int controller,
			   void (*done)(void *arg), void *arg)
{
	if (controller != 1)
		return -ENOENT;
	done(arg);
	return 0;
}

int scsi_resize(struct vmwp *vm, unsigned int controller, unsigned int lun,
		uint64_t *size)
{
	if (lun == 7)
		return -EINVAL;
	if (lun != 5)
		return -ENOENT;
	*size = 1ull << 40;
	return 0;
}

int scsi_each(struct vmwp *vm,
	      int (*fn)(unsigned int controller,
			const struct storvsp_lun_info *info, void *arg),
	      void *arg)
{
	struct storvsp_lun_info info = { .lun = 5,
					 .format = "raw",
					 .path = "/good" };

	int err = fn(1, &info, arg);

	/* As the real one: on to the next while it returns 0. */
	return err ? err : fn(2, &info, arg);
}

/* Card 3 is there; what is added becomes card 4. */
static char card_text[200];
static int flush_result;

int card_add(struct vmwp *vm, const char *text, unsigned int *number, char *why,
	     size_t why_len)
{
	snprintf(card_text, sizeof(card_text), "%s", text);
	if (!strncmp(text, "tap=none", 8)) {
		snprintf(why, why_len, "there is no interface none: %s", text);
		return -ENODEV;
	}
	*number = 4;
	return 0;
}

int card_remove(struct vmwp *vm, unsigned int number, void (*done)(void *arg),
		void *arg)
{
	if (number != 3)
		return -ENOENT;
	loop_post(vm, done, arg);
	return 0;
}

int card_set_link(struct vmwp *vm, unsigned int number, bool up)
{
	snprintf(card_text, sizeof(card_text), "%s", up ? "up" : "down");
	return number == 3 ? 0 : -ENOENT;
}

static const char *described = "tap=tap0";

char *card_description(struct vmwp *vm, unsigned int number,
		       const uint8_t mac[6])
{
	char *text;

	if (number != 3 ||
	    asprintf(&text, "%s,mac=%02x", described, mac[5]) < 0)
		return NULL;
	return text;
}

int card_each(struct vmwp *vm,
	      int (*fn)(unsigned int number, struct netvsp *vsp, void *arg),
	      void *arg)
{
	return fn(3, NULL, arg);
}

void netvsp_get_info(struct netvsp *n, struct netvsp_info *out)
{
	*out = (struct netvsp_info){ .backend = "tap0",
				     .mac = { 0, 0x15, 0x5d, 1, 2, 0xff },
				     .link = true,
				     .version = 0x60001,
				     .queues = 4 };
}

int cards_flush(struct vmwp *vm)
{
	return flush_result;
}

struct json_object *stats_collect(struct vmwp *vm)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "answer", json_object_new_int(42));
	return o;
}

/* ---- clients, each on a thread of its own ---- */

static sd_bus *connect_to(void)
{
	char address[128];
	sd_bus *bus;

	snprintf(address, sizeof(address), "unix:path=%s", socket_path);
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_address(bus, address) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	return bus;
}

static int call(sd_bus *bus, const char *method, sd_bus_message **reply,
		const char *types, ...)
{
	sd_bus_message *m;
	va_list ap;
	int err;

	assert_true(sd_bus_message_new_method_call(bus, &m, NULL, PATH,
						   INTERFACE, method) >= 0);
	va_start(ap, types);
	if (types)
		assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
	va_end(ap);
	err = sd_bus_call(bus, m, 5000000, NULL, reply);
	sd_bus_message_unref(m);
	return err;
}

static void client_end(void *arg)
{
	client_done = true;
}

/* Runs the loop until fn, on another thread, is done. */
static void *client_main(void *arg)
{
	void (*fn)(void) = arg;

	fn();
	loop_post(&w, client_end, NULL);
	return NULL;
}

static void with_client(void (*fn)(void))
{
	pthread_t thread;

	client_done = false;
	assert_int_equal(pthread_create(&thread, NULL, client_main, fn), 0);
	assert_int_equal(loop_wait(&w, &client_done, true, 20), 0);
	pthread_join(thread, NULL);
}

static int setup(void **state)
{
	char why[256] = "";

	w.state = VMWP_RUNNING;
	opt.control = socket_path;
	assert_int_equal(loop_create(&w, why, sizeof(why)), 0);
	if (control_create(&w, why, sizeof(why)))
		fail_msg("%s", why);
	return 0;
}

static int teardown(void **state)
{
	control_destroy(&w);
	loop_destroy(&w);
	w = (struct vmwp){ .opt = &opt };
	assert_int_not_equal(access(socket_path, F_OK), 0);
	return 0;
}

static void refused(sd_bus *bus, const char *text, const char *method,
		    const char *types, ...);
static void long_reasons(sd_bus *bus);

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

/* The refusal of a method, and the words it comes with. */
static void refused(sd_bus *bus, const char *text, const char *method,
		    const char *types, ...)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m;
	va_list ap;

	assert_true(sd_bus_message_new_method_call(bus, &m, NULL, PATH,
						   INTERFACE, method) >= 0);
	va_start(ap, types);
	if (types)
		assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
	va_end(ap);
	assert_true(sd_bus_call(bus, m, 5000000, &error, NULL) < 0);
	if (!error.message || !strstr(error.message, text))
		fail_msg("'%s' does not say '%s'", error.message, text);
	sd_bus_error_free(&error);
	sd_bus_message_unref(m);
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
		cmocka_unit_test_setup_teardown(test_methods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reply, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_like_a_bus, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_rude, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_reads, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_starved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_taken, setup,
						teardown),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	snprintf(socket_path, sizeof(socket_path), "%s/socket", folder);
	log_set_level(LOG_LEVEL_ERR);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(socket_path);
	rmdir(folder);
	return failed;
}
