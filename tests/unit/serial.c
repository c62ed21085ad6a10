// SPDX-License-Identifier: GPL-2.0
/*
 * Serial port: registers, interrupts, the far end; and the clock next to it.
 *
 * links: chipset util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "chipset/rtc.h"
#include "chipset/serial.h"
#include "flood.h"
#include "own_device.h"
#include "starve.h"

#define COM 0x3f8

static struct serial *com;
/* One whose thread still needs it: no leak. */
static struct serial *volatile stuck;
static bool irq;
static unsigned int edges;
static char dir[] = "/tmp/serial-test.XXXXXX";
static char path[64], target[80], why[256];

static void on_irq(void *priv, bool level)
{
	(void)priv;
	assert_int_not_equal(level, irq); /* told when it changes only */
	irq = level;
	edges++;
}

static void out(unsigned int reg, uint8_t v)
{
	assert_true(serial_pio(com, COM + reg, true, &v, 1));
}

static uint8_t in(unsigned int reg)
{
	uint8_t v = 0xff;

	assert_true(serial_pio(com, COM + reg, false, &v, 1));
	return v;
}

static uint64_t ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

static int open_port(const char *how)
{
	const struct serial_config cfg = { .port = COM,
					   .target = how,
					   .irq = on_irq };

	irq = false;
	edges = 0;
	return serial_create(&cfg, &com, why, sizeof(why));
}

static void test_registers(void **state)
{
	uint16_t wide = 0x1234;

	(void)state;
	assert_int_equal(open_port("none"), 0);
	assert_false(serial_pio(com, COM - 1, false, &wide, 1));
	assert_false(serial_pio(com, COM + 8, false, &wide, 1));
	assert_true(serial_pio(com, COM + 7, true, &wide, 2));
	assert_int_equal(in(7), 0);
	out(7, 0x5a);
	assert_int_equal(in(7), 0x5a);
	/* The divisor hides behind the data and interrupt registers. */
	out(3, 0x83);
	out(0, 0x01);
	out(1, 0x02);
	assert_int_equal(in(0), 0x01);
	assert_int_equal(in(1), 0x02);
	out(3, 0x03);
	assert_int_equal(in(1), 0);
	out(1, 0xff);
	assert_int_equal(in(1), 0x0f);
	out(1, 0);
	assert_int_equal(in(5), 0x60);
	assert_int_equal(in(6), 0xb0);
	/* A 16550A shows its FIFO in two bits. */
	assert_int_equal(in(2), 0x01);
	out(2, 0x01);
	assert_int_equal(in(2), 0xc1);
	serial_destroy(com);
}

static void test_loopback(void **state)
{
	(void)state;
	assert_int_equal(open_port("none"), 0);
	out(4, 0x1a); /* loop, RTS, OUT2: what drivers look for */
	assert_int_equal(in(6), 0x90);
	out(4, 0x15);
	assert_int_equal(in(6), 0x60);
	out(0, 'x');
	assert_int_equal(in(5), 0x61);
	assert_int_equal(in(0), 'x');
	assert_int_equal(in(5), 0x60);
	serial_destroy(com);
}

static void test_interrupts(void **state)
{
	(void)state;
	assert_int_equal(open_port("none"), 0);
	out(1, 0x02);
	assert_false(irq); /* not without OUT2 */
	out(4, 0x0b);
	assert_true(irq);
	assert_int_equal(in(2), 0x02); /* reading it takes it back */
	assert_false(irq);
	assert_int_equal(in(2), 0x01);
	out(0, 'a');
	assert_true(irq);
	/* The driver sends on, and the line stays as it is. */
	edges = 0;
	out(0, 'b');
	out(0, 'c');
	assert_int_equal(edges, 0);
	out(1, 0);
	assert_false(irq);
	out(1, 0x02);
	assert_true(irq);
	serial_reset(com);
	assert_false(irq);
	assert_int_equal(in(4), 0);
	serial_destroy(com);
}

static void test_file(void **state)
{
	char buf[16] = "", worth[80];
	const char *p;
	struct stat st;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/out", dir);
	snprintf(target, sizeof(target), "file=%s", path);
	/* Somebody laid another name of a file of worth there. */
	snprintf(worth, sizeof(worth), "%s/worth", dir);
	fd = open(worth, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "keep", 4), 4);
	close(fd);
	assert_int_equal(link(worth, path), 0);
	assert_int_equal(open_port(target), 0);
	for (p = "hello\n"; *p; p++)
		out(0, *p);
	serial_destroy(com); /* nothing is lost at the end */
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, buf, sizeof(buf)), 6);
	assert_string_equal(buf, "hello\n");
	close(fd);
	assert_int_equal(stat(worth, &st), 0);
	assert_int_equal(st.st_size, 4);
}

/* What can't be kept is told of, and not with each byte. */
static void test_file_full(void **state)
{
	const char *full;
	struct flood f;
	unsigned int i;

	(void)state;
	snprintf(path, sizeof(path), "%s/full", dir);
	full = own_full(path);
	if (!full)
		skip();
	snprintf(target, sizeof(target), "file=%s", full);
	flood_begin(&f);
	assert_int_equal(open_port(target), 0);
	for (i = 0; i < 50; i++) {
		out(0, 'x');
		usleep(5000);
	}
	serial_destroy(com);
	flood_end(&f);
	assert_in_range(f.lines, 1, 10);
}

static int dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path);
	assert_int_equal(connect(fd, (void *)&a, sizeof(a)), 0);
	return fd;
}

static bool ready(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* Reads until `n` bytes are there, or five seconds are over. */
static size_t gather(int fd, char *buf, size_t n)
{
	size_t at = 0;

	while (at < n && ready(fd, 5000)) {
		ssize_t got = read(fd, buf + at, n - at);

		if (got <= 0)
			break;
		at += got;
	}
	return at;
}

static void open_socket(void)
{
	struct stat st;

	snprintf(path, sizeof(path), "%s/sock", dir);
	snprintf(target, sizeof(target), "unix=%s", path);
	assert_int_equal(open_port(target), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void test_socket(void **state)
{
	char buf[64];
	int fd, other;

	(void)state;
	open_socket();
	/* What was written before anyone came is kept. */
	out(0, 'e');
	assert_false(ready(serial_input_fd(com), 0));
	fd = dial();
	assert_true(ready(serial_input_fd(com), 1000));
	serial_input_ready(com);
	assert_int_equal(gather(fd, buf, 1), 1);
	assert_int_equal(buf[0], 'e');

	assert_int_equal(write(fd, "in", 2), 2);
	assert_true(ready(serial_input_fd(com), 1000));
	out(1, 0x01);
	out(4, 0x08);
	serial_input_ready(com);
	assert_true(irq);
	assert_int_equal(in(2), 0x04);
	assert_int_equal(in(0), 'i');
	assert_int_equal(in(0), 'n');
	assert_false(irq);

	/* One at a time; the next one is served when the first has gone. */
	other = dial();
	assert_false(ready(serial_input_fd(com), 50));
	close(fd);
	assert_true(ready(serial_input_fd(com), 1000));
	serial_input_ready(com);
	assert_true(ready(serial_input_fd(com), 1000));
	serial_input_ready(com);
	out(0, 'f');
	assert_int_equal(gather(other, buf, 1), 1);
	assert_int_equal(buf[0], 'f');
	close(other);
	serial_destroy(com);
	assert_int_equal(access(path, F_OK), -1);
}

/* No descriptor for a peer: it waits, and the owner has nothing to do. */
static void test_starved(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;
	unsigned int calls = 0;
	struct timespec begin, now;
	rlim_t limit;
	char c;

	(void)state;
	open_socket();
	strcpy(a.sun_path, path);
	limit = starve();
	err = connect(fd, (void *)&a, sizeof(a));
	/* For two seconds, however long a turn takes. */
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do {
		if (ready(serial_input_fd(com), 1)) {
			serial_input_ready(com);
			calls++;
		}
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (calls < 1000 && now.tv_sec < begin.tv_sec + 2);
	feed(limit);
	assert_int_equal(err, 0);
	assert_in_range(calls, 1, 30);
	out(0, 's');
	while (!ready(fd, 0)) {
		assert_true(ready(serial_input_fd(com), 5000));
		serial_input_ready(com);
		ready(fd, 50);
	}
	assert_int_equal(read(fd, &c, 1), 1);
	assert_int_equal(c, 's');
	close(fd);
	serial_destroy(com);
}

/* A guest that doesn't read stops the input, and goes on with it. */
static void test_flow(void **state)
{
	static char data[20000];
	size_t sent = 0, got = 0, i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7 + i / 256;
	open_socket();
	fd = dial();
	assert_true(ready(serial_input_fd(com), 1000));
	serial_input_ready(com);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (sent < sizeof(data)) {
		ssize_t n = write(fd, data + sent, sizeof(data) - sent);

		if (n < 0)
			break;
		sent += n;
	}
	assert_int_equal(sent, sizeof(data));
	for (i = 0; i < 10 && ready(serial_input_fd(com), 0); i++)
		serial_input_ready(com);
	/* Full: the owner isn't woken for nothing. */
	assert_false(ready(serial_input_fd(com), 0));
	while (got < sent) {
		if (!(in(5) & 1)) {
			assert_true(ready(serial_input_fd(com), 1000));
			serial_input_ready(com);
			continue;
		}
		assert_int_equal(in(0), (uint8_t)data[got]);
		got++;
	}
	close(fd);
	serial_destroy(com);
}

/*
 * One that goes while the guest doesn't read is no work either, until it does; then
 * all of what was sent arrives, and the next peer is let in.
 */
static void test_flow_hangup(void **state)
{
	static char data[6000];
	size_t got = 0;
	int fd, i;

	(void)state;
	memset(data, 'x', sizeof(data));
	open_socket();
	fd = dial();
	assert_true(ready(serial_input_fd(com), 1000));
	serial_input_ready(com);
	assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
	close(fd);
	for (i = 0; i < 10 && ready(serial_input_fd(com), 0); i++)
		serial_input_ready(com);
	assert_false(ready(serial_input_fd(com), 0));
	while (got < sizeof(data)) {
		if (!(in(5) & 1)) {
			assert_true(ready(serial_input_fd(com), 1000));
			serial_input_ready(com);
			continue;
		}
		assert_int_equal(in(0), 'x');
		got++;
	}
	for (i = 0; i < 10 && ready(serial_input_fd(com), 0); i++)
		serial_input_ready(com);
	fd = dial();
	assert_true(ready(serial_input_fd(com), 1000));
	serial_input_ready(com);
	out(0, 'n');
	assert_true(ready(fd, 5000));
	close(fd);
	serial_destroy(com);
}

/* A peer that doesn't read costs the oldest output, never the VP's time. */
static void test_slow_peer(void **state)
{
	static char buf[1 << 20];
	const size_t total = 3 << 20;
	size_t i, got;
	int fd;

	(void)state;
	open_socket();
	fd = dial();
	assert_true(ready(serial_input_fd(com), 1000));
	serial_input_ready(com);
	for (i = 0; i < total; i++)
		out(0, i & 0xff);
	got = gather(fd, buf, sizeof(buf));
	assert_true(got > (200u << 10));
	assert_int_equal((uint8_t)buf[0], 0);
	close(fd);
	serial_destroy(com);
}

/*
 * Output that can't be opened again, as another user's pipe: writing to it blocks.
 * Its reader takes nothing, and the input ends.
 */
static void test_blocking_output(void **state)
{
	int fd[2], saved[2] = { dup(0), dup(1) }, null, err;
	uint64_t begin, took;
	char buf[4096];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	fcntl(fd[1], F_SETFL, O_NONBLOCK);
	memset(buf, 'p', sizeof(buf));
	while (write(fd[1], buf, sizeof(buf)) > 0)
		;
	fcntl(fd[1], F_SETFL, 0);
	assert_int_equal(fchmod(fd[1], 0), 0);
	null = open("/dev/null", O_RDONLY);
	fflush(stdout);
	dup2(null, 0);
	dup2(fd[1], 1);
	/* Root may open anything. */
	if (!geteuid())
		assert_int_equal(seteuid(65534), 0);
	err = open_port("stdio");
	if (!getuid())
		assert_int_equal(seteuid(0), 0);
	dup2(saved[1], 1);
	assert_int_equal(err, 0);

	/* Rather dead than waiting for ever. */
	alarm(60);
	out(0, 'x');
	usleep(100000);
	assert_true(ready(serial_input_fd(com), 5000));
	serial_input_ready(com);
	out(0, 'y');
	stuck = com;
	begin = ms();
	serial_destroy(com);
	took = ms() - begin;
	alarm(0);
	assert_in_range(took, 0, 10000);
	/* What was meant for it reaches it, at last. */
	while (read(fd[0], buf, 1) == 1 && buf[0] == 'p')
		;
	assert_int_equal(buf[0], 'x');
	dup2(saved[0], 0);
	close(saved[0]);
	close(saved[1]);
	close(null);
	close(fd[0]);
	close(fd[1]);
}

static void test_bad_targets(void **state)
{
	(void)state;
	assert_true(open_port("file=/nonexistent/x") < 0);
	assert_non_null(strstr(why, "/nonexistent/x"));
	assert_true(open_port("file=") < 0);
	assert_true(open_port("tcp=1") < 0);
	assert_non_null(strstr(why, "unix=PATH"));
	/* A socket that is in use isn't taken away. */
	open_socket();
	{
		struct serial *first = com;

		assert_true(open_port(target) < 0);
		assert_int_equal(access(path, F_OK), 0);
		serial_destroy(first);
	}
}

/* One left behind by a worker that was killed is. */
static void test_stale_socket(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(path, sizeof(path), "%s/sock", dir);
	strcpy(a.sun_path, path);
	assert_int_equal(bind(fd, (void *)&a, sizeof(a)), 0);
	close(fd);
	open_socket();
	serial_destroy(com);
}

static void test_rtc(void **state)
{
	const time_t t = 1709251199; /* 2024-02-29 23:59:59 UTC, a Thursday */
	struct rtc rtc = { 0 };
	uint8_t v = 0x80 | 0x32;

	(void)state;
	assert_int_equal(rtc_register(0, t), 0x59);
	assert_int_equal(rtc_register(2, t), 0x59);
	assert_int_equal(rtc_register(4, t), 0x23);
	assert_int_equal(rtc_register(6, t), 5);
	assert_int_equal(rtc_register(7, t), 0x29);
	assert_int_equal(rtc_register(8, t), 0x02);
	assert_int_equal(rtc_register(9, t), 0x24);
	assert_int_equal(rtc_register(0x32, t), 0x20);
	assert_int_equal(rtc_register(0x0a, t) & 0x80, 0);
	assert_int_equal(rtc_register(0x0d, t), 0x80);
	/* The top bit of the index masks NMIs and is no part of it. */
	assert_true(rtc_pio(&rtc, 0x70, true, &v, 1));
	assert_true(rtc_pio(&rtc, 0x71, false, &v, 1));
	assert_int_equal(v, 0x20);
	assert_false(rtc_pio(&rtc, 0x72, false, &v, 1));
}

static int setup(void **state)
{
	(void)state;
	return !mkdtemp(dir);
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_registers),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_full),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_starved),
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_flow_hangup),
		cmocka_unit_test(test_slow_peer),
		cmocka_unit_test(test_blocking_output),
		cmocka_unit_test(test_bad_targets),
		cmocka_unit_test(test_stale_socket),
		cmocka_unit_test(test_rtc),
	};

	return cmocka_run_group_tests_name("serial", tests, setup, teardown);
}
